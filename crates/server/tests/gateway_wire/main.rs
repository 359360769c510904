//! The gateway over a socket, with a real store in a folder: answers to the byte, errors, replays, throttling.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test ends where something is not as it should be; clippy.toml allows it in `#[test]` functions only"
)]

mod actions;
mod assets;
mod baseline;
mod build_risk;
mod builds;
mod containers;
mod errors;
mod files;
mod fits;
mod fleet;
mod identities;
mod registries;
mod scans;
mod server;
mod signer;
mod trust;
mod vulnerabilities;
mod whitelist;
