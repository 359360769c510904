//! The program as people run it, against real registries, package tools, clients and a browser.
//!
//! In: the built program and what `cargo xtask test` installed. Out: what people see. Odd: a test whose tool or data is
//! missing says that it skips; after a set-up (`PLIMSOLL_REQUIRE_TOOLS`) a missing tool is a failure.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test stops at the first surprise and says what it skips"
)]

mod admission;
mod attack;
mod command_line;
mod console;
mod demo;
#[cfg(test)]
mod deploy;
mod explain;
mod faults;
mod feeds;
mod fleet;
mod ignore;
mod integrations;
mod kinds;
mod notify;
mod packages;
mod partial_pull;
mod policy;
mod postgres;
#[path = "../../../store/tests/store/server.rs"]
mod postgres_server;
mod replicas;
mod root_file_system;
mod routes;
mod rules;
mod sandbox;
mod sbom;
mod sdk;
mod secrecy;
mod stores;
mod support;
mod tasks;
mod traces;
mod troubled_registry;
mod verdicts;
mod vex;
