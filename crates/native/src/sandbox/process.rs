//! What belongs to the process as a whole: what it inherited, its privileges, how much it may use.
//!
//! In: limits. Out: a process without them, or within them. Source: `prctl(2)`, `close_range(2)`, `setrlimit(2)`,
//! `capabilities(7)`. Odd: memory is bounded by `RLIMIT_DATA`, which counts what can be written and is private: heaps and
//! stacks. `RLIMIT_AS` would count mapped snapshots and reserved address space as well, and `RLIMIT_RSS` does nothing.
#![expect(unsafe_code, reason = "inherited files can only be closed by number")]

use std::fs;

use rustix::{
    process::{DumpableBehavior, Resource, Rlimit, Signal},
    thread::{CapabilitySet, CapabilitySets},
};

use super::SandboxError;

/// How much a process may use; reaching a limit ends it or fails the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of memory that it writes to: heap and stacks.
    pub memory_bytes: u64,
    /// Seconds of processor time, of all threads together.
    pub processor_seconds: u64,
    /// Bytes of one file that it writes.
    pub file_bytes: u64,
    /// Files that are open at once.
    pub open_files: u64,
}

/// After the soft limit of processor time comes the hard one, for a process that ignores the signal.
const SPARE_SECONDS: u64 = 10;

/// The first thing that a process for hostile bytes does; nothing may have been opened before.
///
/// It dies with its parent, leaves no core file, cannot be looked into by others of its user, is the first to go when
/// memory runs out, and has no file open but the standard three: all others are closed.
///
/// # Errors
/// [`SandboxError`] where a call is refused.
pub fn begin() -> Result<(), SandboxError> {
    let call =
        |what| move |errno: rustix::io::Errno| SandboxError::Call { what, source: errno.into() };
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(call("prctl(PR_SET_PDEATHSIG)"))?;
    set_limit(Resource::Core, 0, 0)?;
    close_inherited();
    // Where this is not writable the kernel chooses as it would have. Afterwards it would belong to root.
    let _chosen = fs::write("/proc/self/oom_score_adj", "1000");
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(call("prctl(PR_SET_DUMPABLE)"))
}

fn close_inherited() {
    const FIRST: libc::c_uint = 3;
    // SAFETY: the call touches no memory. It closes numbers that a Rust value might own; `begin` is documented to come
    // before anything is opened, when only the three standard files are owned.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, FIRST, libc::c_uint::MAX, 0) };
    if closed != 0 {
        // Kernels before 5.9: what the parent opened is close-on-exec anyway; this is for what *it* inherited.
        for number in FIRST..1024 {
            // SAFETY: as above.
            unsafe { libc::close(number.cast_signed()) };
        }
    }
}

/// Puts the limits in force. What is used already counts.
///
/// # Errors
/// [`SandboxError`] where a call is refused.
pub fn limit(limits: &Limits) -> Result<(), SandboxError> {
    set_limit(Resource::Data, limits.memory_bytes, limits.memory_bytes)?;
    let seconds = limits.processor_seconds;
    set_limit(Resource::Cpu, seconds, seconds.saturating_add(SPARE_SECONDS))?;
    set_limit(Resource::Fsize, limits.file_bytes, limits.file_bytes)?;
    set_limit(Resource::Nofile, limits.open_files, limits.open_files)
}

/// A limit of the surroundings that is lower stays.
fn set_limit(resource: Resource, current: u64, maximum: u64) -> Result<(), SandboxError> {
    let before = rustix::process::getrlimit(resource);
    let lower = |wanted: u64, there: Option<u64>| Some(there.map_or(wanted, |it| it.min(wanted)));
    let new =
        Rlimit { current: lower(current, before.maximum), maximum: lower(maximum, before.maximum) };
    rustix::process::setrlimit(resource, new)
        .map_err(|errno| SandboxError::Call { what: "setrlimit", source: errno.into() })
}

/// No program that is executed may gain privileges, and those of root are gone; `reads_any`: but for reading files of all
/// users, where root was asked to read a folder.
pub(super) fn give_up_privileges(reads_any: bool) -> Result<(), SandboxError> {
    rustix::thread::set_no_new_privs(true).map_err(|errno| SandboxError::Call {
        what: "prctl(PR_SET_NO_NEW_PRIVS)",
        source: errno.into(),
    })?;
    let kept = if reads_any { CapabilitySet::DAC_READ_SEARCH } else { CapabilitySet::empty() };
    let before = rustix::thread::capabilities(None);
    let Ok(before) = before else { return Ok(()) };
    let sets = CapabilitySets {
        effective: before.effective & kept,
        permitted: before.permitted & kept,
        inheritable: CapabilitySet::empty(),
    };
    rustix::thread::set_capabilities(None, sets)
        .map_err(|errno| SandboxError::Call { what: "capset", source: errno.into() })
}
