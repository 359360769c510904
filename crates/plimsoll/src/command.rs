//! The commands, one file each.
//!
//! In: what was said. Out: text. Odd: each `run` is short; what it does stands in the libraries.

pub(crate) mod admission;
pub(crate) mod affected;
pub(crate) mod changes;
pub(crate) mod cluster;
pub(crate) mod completions;
pub(crate) mod context;
pub(crate) mod explain;
pub(crate) mod feed;
pub(crate) mod ignore;
pub(crate) mod images;
pub(crate) mod key;
pub(crate) mod list;
pub(crate) mod policy_file;
pub(crate) mod rank;
pub(crate) mod registry;
pub(crate) mod rules;
pub(crate) mod sandbox;
pub(crate) mod scan;
pub(crate) mod schedule;
pub(crate) mod serve;
pub(crate) mod settings;
pub(crate) mod shared_place;
pub(crate) mod store;
pub(crate) mod subscription;
pub(crate) mod target;
pub(crate) mod task;
pub(crate) mod tree;
pub(crate) mod version_order;
pub(crate) mod worker;
