//! HTTP: the signed gateway, management API, console, background jobs.
//!
//! In: requests, and the time. Out: answers from the store; the jobs keep the store up to date. [`serve`](serve()) starts
//! it all. Odd: what the management API and the command line do is one set of functions, [`operation`], so that both do
//! the same whether a server runs or not.

pub mod action;
pub mod admission;
mod clock;
mod console;
mod context;
pub mod gateway;
mod harbor;
pub mod hook;
mod job;
mod loopback_registry;
mod manage;
mod metrics;
pub mod notify;
pub mod operation;
mod serve;
mod sha256;
mod shared_layers;
mod shared_place;
mod shared_snapshots;
mod stop;
mod throttle;
pub mod trace;
mod vex;

pub use clock::Clock;
pub use context::{Confinement, Context, CurrentFeed, CurrentVex, Refused};
pub use job::FeedUpdates;
pub use loopback_registry::{Blobs, LoopbackHandle, LoopbackRegistry};
pub use serve::{ServeConfig, ServeError, Server, TlsError, TlsFiles, Worker, router, serve, work};
pub use shared_place::SharedPlace;
pub use vex::{VEX_FOLDER, VexDocuments, VexFileError};
