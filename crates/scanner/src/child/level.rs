//! How well this machine confines a scan's process.
//!
//! In: what the child says of itself once it is confined. Out: [`Level`], for people. Odd: it is a property of the machine,
//! not of an image, so no report holds it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What confines a scan's process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// Version of Landlock's interface; `None`: files and network are not confined by the kernel's Landlock.
    pub landlock: Option<u32>,
    /// Whether system calls are filtered.
    pub seccomp: bool,
}

impl Level {
    /// What is missing, as a sentence with what follows from it; `None`: nothing.
    #[must_use]
    pub const fn missing(&self) -> Option<&'static str> {
        match (self.landlock, self.seccomp) {
            (Some(_), true) => None,
            (None, true) => Some(
                "this kernel has no Landlock (Linux 5.13, `lsm=landlock`): a scan's process could read what its user may read, but not write or send it",
            ),
            (Some(_), false) => Some(
                "this kernel has no seccomp filters: a scan's process could make any system call, though open no other file and no connection",
            ),
            (None, false) => Some(
                "this kernel has neither Landlock nor seccomp filters: a scan's process is only limited in memory and time",
            ),
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.landlock {
            Some(version) => write!(f, "landlock {version}")?,
            None => f.write_str("no landlock")?,
        }
        f.write_str(if self.seccomp { ", seccomp" } else { ", no seccomp" })?;
        f.write_str(", limits")
    }
}
