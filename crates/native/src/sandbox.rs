//! Takes everything from this process that it does not need to read hostile bytes.
//!
//! In: which files may still be read, how much may be used. Out: a process that can do nothing else any more, and
//! [`Level`], how well that worked on this machine. Source: `landlock(7)`, `seccomp(2)`, `setrlimit(2)`,
//! `capabilities(7)`, `prctl(2)`.
//!
//! Odd:
//! * Everything here is for good: no call undoes another. It is for a process that was started for the purpose, while it
//!   has one thread.
//! * Two nets that know nothing of each other: Landlock decides by file, seccomp by system call. Where a kernel lacks one,
//!   the other still holds: without Landlock a process reads what its user may read, but cannot send it anywhere.

mod calls;
mod fatal;
mod files;
mod process;
mod trace;

pub use self::{
    calls::Opening,
    fatal::{name_slot, record_fatal_signals},
    files::Readable,
    process::{Limits, begin, limit},
    trace::trace,
};

/// What a process is left with.
#[derive(Clone, Copy, Debug)]
pub struct Confinement<'a> {
    /// Files and folders that may be read, with all below them; nothing may be written.
    pub readable: &'a [Readable],
    /// Whether anything may be opened at all.
    pub opening: Opening,
    /// Which nets are spread.
    pub nets: Nets,
}

/// The parts of a confinement that know nothing of each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Nets {
    /// Landlock and seccomp.
    #[default]
    Both,
    /// As on a kernel without seccomp filters.
    LandlockAlone,
    /// As on a kernel without Landlock.
    SeccompAlone,
}

/// How well a process is confined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// Version of Landlock's interface that is in force; `None`: the kernel has none, or it is switched off.
    pub landlock: Option<u32>,
    /// Whether system calls are filtered.
    pub seccomp: bool,
}

/// Why a process could not be confined as far as its kernel allows.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// A system call of the set-up failed.
    #[error("{what} failed")]
    Call {
        /// Which.
        what: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// The list of system calls cannot be made into a filter: a defect of ours.
    #[error("the filter of system calls cannot be made: {0}")]
    Filter(String),
}

/// Confines this process for good, as far as the kernel can: files, network and signals by Landlock, system calls by
/// seccomp, and no privilege is gained or kept.
///
/// Must be called while the process has one thread. A part that cannot be had here is no error; [`Level`] says so.
///
/// # Errors
/// [`SandboxError`] where what every kernel has is refused.
pub fn confine(confinement: &Confinement<'_>) -> Result<Level, SandboxError> {
    process::give_up_privileges(!confinement.readable.is_empty())?;
    let landlock = match confinement.nets {
        Nets::SeccompAlone => None,
        Nets::Both | Nets::LandlockAlone => files::restrict(confinement.readable)?,
    };
    let seccomp = confinement.nets != Nets::LandlockAlone && calls::restrict(confinement.opening)?;
    Ok(Level { landlock, seccomp })
}
