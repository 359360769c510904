//! How much one scan's process may use.
//!
//! In: configuration. Out: [`ChildLimits`]. Odd: these are not the [`Budget`](plimsoll_image::Budget), which ends the reading of a
//! layer or a file in order; they are what still holds when a parser has a defect, and they end the process.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Limits of the process that reads one image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChildLimits {
    /// Bytes of memory: heap and stacks.
    pub memory_bytes: u64,
    /// Processor time of all threads together.
    pub processor: Duration,
    /// From its start to its report, all attempts together.
    pub wall: Duration,
    /// For one detector and one file in memory.
    pub file: Duration,
    /// Bytes of one file that it unpacks to.
    pub spool_bytes: u64,
    /// Files that are open at once.
    pub open_files: u64,
}

impl Default for ChildLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl ChildLimits {
    /// 1 GiB, 15 minutes of processor time, 30 minutes in all, 2 minutes for one file, 60 GiB unpacked.
    pub const DEFAULT: Self = Self {
        memory_bytes: 1 << 30,
        processor: Duration::from_secs(15 * 60),
        wall: Duration::from_secs(30 * 60),
        file: Duration::from_secs(120),
        spool_bytes: 60 << 30,
        open_files: 512,
    };

    /// As the system calls take them. Files below 64 KiB can always be written: the child's notes of what it is on.
    pub(super) fn of_process(&self) -> plimsoll_native::sandbox::Limits {
        plimsoll_native::sandbox::Limits {
            memory_bytes: self.memory_bytes,
            processor_seconds: self.processor.as_secs().max(1),
            file_bytes: self.spool_bytes.max(64 << 10),
            open_files: self.open_files,
        }
    }
}
