//! Writes down which thread a process died of.
//!
//! In: a file of another process's making, and a number for each thread. Out: 8 bytes at the start of that file when a
//! signal ends the process: the number of the thread that got it, and the signal. Source: `signal-safety(7)`. Odd: the
//! handler makes one system call on values that were there before; it allocates nothing, locks nothing and returns, after
//! which the signal strikes again, with its default action.
#![expect(unsafe_code, reason = "signal handlers cannot be set without it")]

use std::{
    cell::Cell,
    io,
    os::fd::{IntoRawFd, OwnedFd},
    sync::atomic::{AtomicI32, Ordering},
};

use super::SandboxError;

/// The signals of a process that ends itself, or whose code went wrong.
const FATAL: [libc::c_int; 5] =
    [libc::SIGABRT, libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE];

/// Where to write; -1 for nowhere.
static RECORD: AtomicI32 = AtomicI32::new(-1);

thread_local! {
    /// This thread's number; 0 for a thread without. Constant and without a destructor: reading it takes no lock.
    static SLOT: Cell<u32> = const { Cell::new(0) };
}

/// The number of this thread in what is written, from 1.
pub fn name_slot(slot: u32) {
    SLOT.set(slot);
}

/// Lets fatal signals write down which thread they struck.
///
/// The thread's number and the signal's (two `u32`, native order) go to the start of `record`, which stays open for good.
/// Writing more than the limit of a file's size is an error from now on, not a signal.
///
/// # Errors
/// [`SandboxError`] where a handler is refused.
pub fn record_fatal_signals(record: OwnedFd) -> Result<(), SandboxError> {
    RECORD.store(record.into_raw_fd(), Ordering::Relaxed);
    let handler: extern "C" fn(libc::c_int) = write_down;
    for signal in FATAL {
        // After the handler the default action is in force again, and the signal's cause still there. On the thread's
        // alternate stack, since its own may be what is exhausted.
        set_action(signal, handler as libc::sighandler_t, libc::SA_RESETHAND | libc::SA_ONSTACK)?;
    }
    set_action(libc::SIGXFSZ, libc::SIG_IGN, 0)
}

fn set_action(
    signal: libc::c_int,
    action: libc::sighandler_t,
    flags: libc::c_int,
) -> Result<(), SandboxError> {
    // SAFETY: an all-zero `sigaction` is a valid one: no flags, an empty mask, the default action.
    let mut new: libc::sigaction = unsafe { std::mem::zeroed() };
    new.sa_sigaction = action;
    new.sa_flags = flags;
    // SAFETY: `new` is initialised and outlives the call; the old action is not asked for. The handler only does what is
    // safe in one: see `write_down`.
    if unsafe { libc::sigaction(signal, &raw const new, std::ptr::null_mut()) } == 0 {
        return Ok(());
    }
    Err(SandboxError::Call { what: "sigaction", source: io::Error::last_os_error() })
}

extern "C" fn write_down(signal: libc::c_int) {
    let slot = SLOT.try_with(Cell::get).unwrap_or(0);
    let record = [slot, signal.cast_unsigned()];
    // SAFETY: `pwrite` may be called in a handler; it reads 8 bytes of an array on this stack. The file was given to this
    // module for good, so the number is still that file's.
    unsafe {
        libc::pwrite(
            RECORD.load(Ordering::Relaxed),
            record.as_ptr().cast(),
            size_of_val(&record),
            0,
        );
    }
}
