//! The client against servers: hostile ones written here, and Debian's `docker-registry`. Loopback only.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "set-up of tests; clippy allows these in test functions only"
)]

mod blobs;
mod content;
mod debian;
mod feeds;
mod forgery;
mod hostile;
mod kinds;
mod leaks;
mod management;
mod origin;
mod parts;
mod process;
mod referrers;
mod secrecy;
