//! What can be done with Plimsoll's state, once, for the management API and the command line alike.
//!
//! In: typed requests. Out: typed responses, which are also the JSON of `/api/v1`. One file per noun. Odd: the time is an
//! argument, and nothing here knows whether it runs in the server or in a command that opened the data directory itself.

pub mod affected;
pub mod builds;
pub mod changes;
pub mod check;
pub(crate) mod client;
pub mod clusters;
pub mod contexts;
pub mod feed;
pub mod files;
pub mod ignore;
pub mod images;
pub mod judge;
pub mod keys;
pub mod rank;
pub mod registries;
pub mod registry_tokens;
pub mod rules;
pub(crate) mod scan_window;
pub mod schedules;
pub mod sensitive_rules;
pub mod status;
pub mod subscriptions;
pub mod sync;
pub mod tasks;
pub mod update;
pub mod verdicts;
pub mod webhooks;
pub mod workloads;

use plimsoll_store::StoreError;
use serde::{Deserialize, Serialize};

/// Why an operation was not done.
#[derive(Debug, thiserror::Error)]
pub enum OperationError {
    /// A parameter cannot be what it is.
    #[error("`{parameter}`: {why}")]
    Invalid {
        /// Name of the parameter.
        parameter: &'static str,
        /// What is wrong with its value.
        why: String,
    },
    /// The thing does not exist.
    #[error("there is no {what} `{name}`")]
    NotFound {
        /// `registry`, `image`, …
        what: &'static str,
        /// As it was asked for.
        name: String,
    },
    /// The thing exists already.
    #[error("{what} `{name}` exists already")]
    Exists {
        /// `registry`, …
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// A registry did not answer as it should.
    #[error("registry `{name}`: {why}")]
    Registry {
        /// Its name.
        name: String,
        /// What it said, or that it said nothing.
        why: String,
    },
    /// A cluster did not answer as it should.
    #[error("cluster `{name}`: {why}")]
    Cluster {
        /// Its name.
        name: String,
        /// What it said, or that it said nothing.
        why: String,
    },
    /// The advisories are being exchanged.
    #[error("the advisories are being exchanged")]
    Busy,
    /// The database.
    #[error("the state could not be read or written")]
    Store(#[from] StoreError),
}

impl OperationError {
    /// A word for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "invalid_parameter",
            Self::NotFound { .. } => "not_found",
            Self::Exists { .. } => "exists",
            Self::Registry { .. } => "registry_failed",
            Self::Cluster { .. } => "cluster_failed",
            Self::Busy => "busy",
            Self::Store(_) => "internal",
        }
    }

    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound { what: "registry", .. } => {
                Some("`plimsoll registry list` shows the registries".into())
            }
            Self::NotFound { what: "access key", .. } => {
                Some("`plimsoll key list` shows the keys".into())
            }
            Self::NotFound { what: "subscription", .. } => {
                Some("`plimsoll subscription list` shows the subscriptions".into())
            }
            Self::NotFound { what: "image", .. } => {
                Some("`plimsoll images` lists the images".into())
            }
            Self::NotFound { what: "task", .. } => {
                Some("`plimsoll task list` shows the tasks".into())
            }
            Self::NotFound { what: "schedule", .. } => {
                Some("`plimsoll schedule list` shows the schedules".into())
            }
            Self::NotFound { what: "ignore rule", .. } => {
                Some("`plimsoll ignore list` shows the rules".into())
            }
            Self::NotFound { what: "cluster", .. } => {
                Some("`plimsoll cluster list` shows the clusters".into())
            }
            Self::Exists { what: "cluster", name } => Some(format!(
                "`plimsoll cluster add {name} --replace …` exchanges its credential, `plimsoll cluster remove {name}` removes it"
            )),
            Self::Exists { what: "registry", name } => {
                Some(format!("`plimsoll registry remove {name}` removes it"))
            }
            Self::Exists { what: "schedule", name } => {
                Some(format!("`plimsoll schedule remove {name}` removes it"))
            }
            Self::Exists { what: "subscription", name } => {
                Some(format!("`plimsoll subscription remove {name}` removes it"))
            }
            Self::Busy => Some("try again in a few seconds".into()),
            Self::Cluster { .. } => {
                Some("check its address, its authority and what the account may read".into())
            }
            Self::Registry { .. } => {
                Some("check its address, its certificate and the account".into())
            }
            _ => None,
        }
    }

    fn invalid(parameter: &'static str, why: impl Into<String>) -> Self {
        Self::Invalid { parameter, why: why.into() }
    }
}

/// How much there is behind the part of a list that was given.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ListMeta {
    /// Entries in all.
    pub total: u64,
    /// Number of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<u32>,
}

/// An error with its causes, as one line.
#[must_use]
pub fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.ends_with(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}
