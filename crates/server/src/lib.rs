//! HTTP: the signed gateway, management API, console, background jobs.

mod clock;

pub use clock::Clock;
