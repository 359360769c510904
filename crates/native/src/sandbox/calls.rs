//! Table: the system calls that reading an image needs. Everything else ends the process.
//!
//! In: whether files may be opened. Out: a filter in force for all threads. Source: `seccomp(2)`, `syscalls(2)`; the
//! lists hold what glibc and musl use for what we do, found by running with the filter on all kinds of images.
//!
//! Odd:
//! * Three filters, of which the strictest answer counts: one that kills, one that says "not permitted" to calls that
//!   libraries try and can do without, one that says "not implemented" where that makes libraries take another way.
//! * `clone3` takes its flags from memory, where a filter cannot look; without it threads are made by `clone`, whose flags
//!   can be looked at. `openat2` likewise, and with it gone nothing can be opened for writing.
//! * Nothing executable can be mapped, and nothing shared: shared memory would not count towards the limit of memory.

use std::collections::BTreeMap;

use libc::c_long;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

use super::SandboxError;

/// Whether files may be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// Nothing: everything comes from another process.
    Nothing,
    /// For reading; which, is Landlock's matter.
    ForReading,
}

/// Calls that are let through whatever their arguments are.
const FREE: &[c_long] = &[
    // Files that are open: at most the image, spool space and the channel to the parent.
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_pwrite64,
    libc::SYS_pwritev,
    libc::SYS_lseek,
    libc::SYS_close,
    libc::SYS_fstat,
    libc::SYS_fstatfs,
    libc::SYS_ftruncate,
    libc::SYS_fadvise64,
    libc::SYS_getdents64,
    libc::SYS_ppoll,
    libc::SYS_recvmsg,
    libc::SYS_sendmsg,
    // What paths lead to; open files are looked at by the same calls.
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_statfs,
    libc::SYS_readlinkat,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_getcwd,
    // Memory.
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    // Threads of this process.
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_membarrier,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_restart_syscall,
    // Its own signals.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    // Time, chance, what it is.
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_getrandom,
    libc::SYS_getrusage,
    libc::SYS_sysinfo,
    libc::SYS_uname,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
];

/// As [`FREE`], of architectures with older calls beside them.
#[cfg(target_arch = "x86_64")]
const FREE_HERE: &[c_long] = &[
    libc::SYS_poll,
    libc::SYS_time,
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_readlink,
    libc::SYS_access,
];
#[cfg(not(target_arch = "x86_64"))]
const FREE_HERE: &[c_long] = &[];

/// Calls that libraries try and can do without.
const NOT_PERMITTED: &[c_long] = &[
    libc::SYS_ioctl, // whether something is a terminal
    libc::SYS_openat2,
    libc::SYS_copy_file_range,
    libc::SYS_sendfile,
    libc::SYS_splice,
    libc::SYS_sched_setaffinity,
    libc::SYS_memfd_create,
    libc::SYS_mlock,
];

/// Calls in whose place libraries know others.
const NOT_IMPLEMENTED: &[c_long] = &[libc::SYS_clone3];

/// A condition on arguments: its position, and which bits of it must have which value.
type Bits = (u8, u64, u64);

/// Returns whether the filter is in force; `false`: the kernel has none.
pub(super) fn restrict(opening: Opening) -> Result<bool, SandboxError> {
    // The one that kills comes last: it forbids the call that puts filters in force.
    let Ok(architecture) = TargetArch::try_from(std::env::consts::ARCH) else { return Ok(false) };
    let filters = [errors(opening)?, missing()?, kills()?];
    for (rules, otherwise, matched) in filters {
        let filter = SeccompFilter::new(rules, otherwise, matched, architecture).map_err(defect)?;
        let filter: BpfProgram = filter.try_into().map_err(defect)?;
        match seccompiler::apply_filter(&filter) {
            Ok(()) => {}
            // No kernel's part, or one that something around this program does not let it use.
            Err(seccompiler::Error::Seccomp(_)) => return Ok(false),
            Err(error) => return Err(SandboxError::Filter(error.to_string())),
        }
    }
    Ok(true)
}

/// Rules, what happens to calls that match none, and what to those that match one.
type Filter = (BTreeMap<c_long, Vec<SeccompRule>>, SeccompAction, SeccompAction);

/// What is not named here ends the process.
fn kills() -> Result<Filter, SandboxError> {
    let mut rules = BTreeMap::new();
    for call in [FREE, FREE_HERE, NOT_PERMITTED, NOT_IMPLEMENTED].into_iter().flatten() {
        rules.insert(*call, Vec::new());
    }
    // Judged by the filter of errors.
    rules.insert(libc::SYS_prctl, Vec::new());
    for (call, ways) in conditional() {
        rules.insert(call, ways.iter().map(|bits| rule(bits)).collect::<Result<_, _>>()?);
    }
    Ok((rules, SeccompAction::KillProcess, SeccompAction::Allow))
}

/// Calls whose arguments decide: each with the ways in which it is let through.
fn conditional() -> Vec<(c_long, Vec<Vec<Bits>>)> {
    let bits = |flags: libc::c_int| u64::from(flags.cast_unsigned());
    // The mask for access modes is not used: musl's holds more than the modes.
    let writable = bits(libc::O_WRONLY | libc::O_RDWR | libc::O_CREAT | libc::O_TRUNC);
    let is_private = (3, bits(libc::MAP_TYPE | libc::MAP_GROWSDOWN), bits(libc::MAP_PRIVATE));
    let is_data = (2, bits(libc::PROT_EXEC), 0);
    let thread = bits(libc::CLONE_THREAD | libc::CLONE_VM | libc::CLONE_SIGHAND);
    let only = |position, value| vec![(position, u64::from(u32::MAX), bits(value))];
    let own = std::process::id().cast_signed();
    vec![
        (libc::SYS_openat, vec![vec![(2, writable, 0)]]),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_open, vec![vec![(1, writable, 0)]]),
        (libc::SYS_mmap, vec![vec![is_data, is_private]]),
        (libc::SYS_mprotect, vec![vec![is_data]]),
        (libc::SYS_clone, vec![vec![(0, thread, thread)]]),
        // To itself: how a process aborts.
        (libc::SYS_tgkill, vec![only(0, own)]),
        // Looking at its own limits, not setting them: the new ones are at address 0.
        (libc::SYS_prlimit64, vec![vec![(0, u64::from(u32::MAX), 0), (2, u64::MAX, 0)]]),
        (
            libc::SYS_fcntl,
            [libc::F_GETFD, libc::F_SETFD, libc::F_GETFL, libc::F_DUPFD_CLOEXEC]
                .map(|command| only(1, command))
                .into(),
        ),
    ]
}

/// "Not permitted", for what is tried and not needed.
fn errors(opening: Opening) -> Result<Filter, SandboxError> {
    let mut rules: BTreeMap<c_long, Vec<SeccompRule>> =
        NOT_PERMITTED.iter().map(|call| (*call, Vec::new())).collect();
    // Naming a thread is let through, and what comes before the next filter.
    let others = [libc::PR_SET_NAME, libc::PR_SET_NO_NEW_PRIVS].map(|option| {
        let (length, option) = (SeccompCmpArgLen::Dword, u64::from(option.cast_unsigned()));
        SeccompCondition::new(0, length, SeccompCmpOp::Ne, option)
    });
    let others = others.into_iter().collect::<Result<Vec<_>, _>>().map_err(defect)?;
    rules.insert(libc::SYS_prctl, vec![SeccompRule::new(others).map_err(defect)?]);
    if opening == Opening::Nothing {
        rules.insert(libc::SYS_openat, Vec::new());
        #[cfg(target_arch = "x86_64")]
        rules.insert(libc::SYS_open, Vec::new());
    }
    Ok((rules, SeccompAction::Allow, SeccompAction::Errno(libc::EPERM.cast_unsigned())))
}

/// "Not implemented", for what can be done otherwise.
fn missing() -> Result<Filter, SandboxError> {
    let rules = NOT_IMPLEMENTED.iter().map(|call| (*call, Vec::new())).collect();
    Ok((rules, SeccompAction::Allow, SeccompAction::Errno(libc::ENOSYS.cast_unsigned())))
}

fn rule(bits: &[Bits]) -> Result<SeccompRule, SandboxError> {
    let condition = |(position, mask, value): &Bits| {
        let operator = SeccompCmpOp::MaskedEq(*mask);
        SeccompCondition::new(*position, SeccompCmpArgLen::Qword, operator, *value)
    };
    let conditions = bits.iter().map(condition).collect::<Result<Vec<_>, _>>().map_err(defect)?;
    SeccompRule::new(conditions).map_err(defect)
}

fn defect(error: impl std::fmt::Display) -> SandboxError {
    SandboxError::Filter(error.to_string())
}
