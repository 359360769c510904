//! How scans are kept in check: what was said on the command line, as the scanner takes it.
//!
//! In: the flags of `scan` and `serve`. Out: how to start this very program as the child of a scan, and within which limits.
//! Odd: the word that makes it one stands in no help text and no completion; nobody but this program says it.

use std::time::Duration;

use plimsoll_scanner::child::{ChildLimits, Isolation, Launcher};

use crate::arguments::{Confinement, Sandbox};

/// The first argument of a scan's child.
pub(crate) const CHILD: &str = "scan-child";

/// How to start a child.
pub(crate) fn launcher() -> Launcher {
    Launcher::this_program(CHILD)
}

impl Confinement {
    /// How the process of a scan is kept in check; `None`: scans run in this very process.
    pub(crate) fn isolation(&self) -> Option<Isolation> {
        let wall = Duration::from_secs(self.timeout.saturating_mul(60));
        let limits = ChildLimits {
            memory_bytes: self.memory_limit.saturating_mul(1 << 20),
            wall,
            processor: ChildLimits::DEFAULT.processor.max(wall / 2),
            ..ChildLimits::DEFAULT
        };
        let is_sandbox_required = self.sandbox == Sandbox::Require;
        let isolation = Isolation { launcher: launcher(), limits, is_sandbox_required };
        (self.sandbox != Sandbox::Off).then_some(isolation)
    }
}
