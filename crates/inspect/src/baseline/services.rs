//! Table: services that anybody may use, or that are set up worse than they need be, by group.
//!
//! In: rows. Out: checks ([`Service`](super::service::Service)). Each row names the documentation that it rests on, and holds
//! examples that a test runs.

pub(crate) mod broker;
pub(crate) mod cluster;
pub(crate) mod database;
pub(crate) mod store;
pub(crate) mod web;

use plimsoll_model::Level;

use crate::check::About;

/// What most of them advise.
pub(super) const REMEDY: &str = "listen on the loopback or the pod's network only, switch authentication on, and supply credentials when the container starts";

/// A row of the class of services that anybody may use.
pub(super) const fn open_to_all(id: &'static str, level: Level) -> About {
    About { remedy: REMEDY, ..super::about(id, "hc_image_exploit", "hc_image_exploit", level) }
}
