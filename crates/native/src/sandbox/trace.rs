//! Looking into another process, as a debugger does.
//!
//! In: a process's number. Out: whether it can be done. Source: `ptrace(2)`. Odd: it exists so that a confined process can
//! show that it cannot do it.
#![expect(unsafe_code, reason = "the standard library knows no debuggers")]

use std::io;

/// Begins to trace a process, without stopping it, and ends at once.
///
/// # Errors
/// The system does not allow it.
pub fn trace(process: u32) -> io::Result<()> {
    let ptrace = |request: i64| {
        // SAFETY: these requests read and write no memory of ours; address and data are null.
        match unsafe { libc::syscall(libc::SYS_ptrace, request, i64::from(process), 0_i64, 0_i64) }
        {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    };
    ptrace(libc::PTRACE_SEIZE.into())?;
    // A process can be left only while it stands; ours ends soon, which leaves it, too.
    let _left = ptrace(libc::PTRACE_DETACH.into());
    Ok(())
}
