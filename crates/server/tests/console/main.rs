//! The console over a real store: who gets in, what pages show, what they never show.
//!
//! (`cfg(test)` tells clippy that helpers may unwrap.)

#[cfg(test)]
mod browser;
#[cfg(test)]
mod changes;
#[cfg(test)]
mod fleet;
#[cfg(test)]
mod listing;
#[cfg(test)]
mod login;
#[cfg(test)]
mod one_image;
#[cfg(test)]
mod subscriptions;
#[cfg(test)]
mod tasks;
#[cfg(test)]
mod verdicts;
