//! What is known of a container that runs, besides what it runs.
//!
//! In: what a cluster says of it. Out: [`ContainerDetail`]. Source: Kubernetes API reference, "Pod v1 core"
//! (`containerStatuses`, `initContainers`, `ephemeralContainers`, `podIP`, `hostIP`). Odd: all of it may be missing; a cluster
//! tells of a pod before it is placed, and of a container before it runs.

use crate::{Platform, Timestamp};

/// What a container is in its pod.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum ContainerRole {
    /// One of those that the pod is for.
    #[default]
    Main,
    /// Runs before them, or beside them where it restarts always.
    Init,
    /// Added to a pod that runs, to look into it.
    Ephemeral,
}

/// What a container does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum ContainerState {
    /// Nothing was said.
    #[default]
    Unknown,
    /// It was not started, or waits to be started again.
    Waiting,
    /// It runs.
    Running,
    /// It has ended.
    Terminated,
}

/// Where and how a container runs. Empty texts: nothing was said.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct ContainerDetail {
    /// What it is in its pod.
    pub role: ContainerRole,
    /// What it does.
    pub state: ContainerState,
    /// Its id in the runtime, without the runtime's name: 64 hex digits.
    pub container_id: String,
    /// The node that it was placed on.
    pub node: String,
    /// That node's platform.
    pub platform: Option<Platform>,
    /// The pod's address.
    pub pod_ip: String,
    /// The node's address.
    pub host_ip: String,
    /// When it was started; before that, when its pod was made.
    pub created: Option<Timestamp>,
}

impl ContainerRole {
    /// All of them with their names.
    pub const ALL: &'static [(&'static str, Self)] =
        &[("main", Self::Main), ("init", Self::Init), ("ephemeral", Self::Ephemeral)];

    /// `main`, `init`, `ephemeral`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Init => "init",
            Self::Ephemeral => "ephemeral",
        }
    }
}

impl ContainerState {
    /// All of them with their names.
    pub const ALL: &'static [(&'static str, Self)] = &[
        ("unknown", Self::Unknown),
        ("waiting", Self::Waiting),
        ("running", Self::Running),
        ("terminated", Self::Terminated),
    ];

    /// `unknown`, `waiting`, `running`, `terminated`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Terminated => "terminated",
        }
    }
}
