//! The store against real databases, SQLite in temporary folders and PostgreSQL, with real concurrent tasks and processes;
//! times are handed in.
//!
//! (`cfg(test)` tells clippy that helpers may unwrap.)

#[cfg(test)]
mod access;
#[cfg(test)]
mod builders;
#[cfg(test)]
mod builds;
#[cfg(test)]
mod contexts;
#[cfg(test)]
mod files;
#[cfg(test)]
mod hints;
#[cfg(test)]
mod history;
#[cfg(test)]
mod ignoring;
#[cfg(test)]
mod inventories;
#[cfg(test)]
mod items;
#[cfg(test)]
mod judge;
#[cfg(test)]
mod listing;
#[cfg(test)]
mod model;
#[cfg(test)]
mod moving;
#[cfg(test)]
mod named;
#[cfg(test)]
mod on_postgres;
#[cfg(test)]
mod opening;
#[cfg(test)]
mod orders;
#[cfg(test)]
mod outbox;
#[cfg(test)]
mod outside;
#[cfg(test)]
mod processes;
#[cfg(test)]
mod queue;
#[cfg(test)]
mod registries;
#[cfg(test)]
mod registry_tokens;
#[cfg(test)]
mod requested;
#[cfg(test)]
mod scanning;
#[cfg(test)]
mod schedules;
#[cfg(test)]
mod server;
#[cfg(test)]
mod shares;
#[cfg(test)]
mod syncing;
#[cfg(test)]
mod task_list;
#[cfg(test)]
mod texts;
#[cfg(test)]
mod together;
#[cfg(test)]
mod verdicts;
#[cfg(test)]
mod vulnerabilities;
#[cfg(test)]
mod workloads;
