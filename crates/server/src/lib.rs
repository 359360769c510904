//! HTTP: the signed gateway, management API, console, background jobs.

pub mod action;
mod clock;
pub mod gateway;

pub use clock::Clock;
