//! Starts a child, and ends it.
//!
//! In: which program, with which arguments. Out: a running process with a socket for its standard input, an empty
//! environment and a process group of its own. Odd: no code runs between fork and exec, so that starting one is quick and
//! safe in a process with many threads; what the child needs to be rid of, it drops itself before it reads anything.

use std::{
    collections::VecDeque,
    ffi::OsString,
    io::{self, Read},
    os::{
        fd::OwnedFd,
        unix::process::{CommandExt, ExitStatusExt},
    },
    path::PathBuf,
    process::{Child, ChildStderr, Command, ExitStatus, Stdio},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};

/// Bytes of what a child says on standard error that are kept: the last ones.
const MAX_SAID: usize = 8 << 10;

/// Which program is started for a scan, and how it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launcher {
    /// The program.
    pub program: PathBuf,
    /// Its arguments, by which it knows to call [`run_child`](super::run_child).
    pub arguments: Vec<OsString>,
}

impl Launcher {
    /// This very program, even if its file was replaced or removed since it was started.
    #[must_use]
    pub fn this_program(argument: &str) -> Self {
        let link = PathBuf::from("/proc/self/exe");
        let program = if link.exists() { Some(link) } else { std::env::current_exe().ok() };
        Self { program: program.unwrap_or_default(), arguments: vec![argument.into()] }
    }

    pub(super) fn start(&self, socket: OwnedFd) -> io::Result<Running> {
        let mut command = Command::new(&self.program);
        command
            .arg0("plimsoll")
            .args(&self.arguments)
            .env_clear()
            .stdin(Stdio::from(socket))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0);
        let mut child = command.spawn()?;
        // The command holds the socket's other end, whose closing tells of the child's death.
        drop(command);
        let stderr = child.stderr.take();
        let mut running = Running { child, listener: None };
        running.listener = stderr.map(listen).transpose()?;
        Ok(running)
    }
}

fn listen(mut stderr: ChildStderr) -> io::Result<JoinHandle<String>> {
    let thread = std::thread::Builder::new().name("child's errors".into());
    thread.spawn(move || {
        let mut last = VecDeque::new();
        let mut piece = [0; 4096];
        while let Ok(length) = stderr.read(&mut piece)
            && length > 0
        {
            last.extend(piece.get(..length).unwrap_or_default());
            last.drain(..last.len().saturating_sub(MAX_SAID));
        }
        String::from_utf8_lossy(last.make_contiguous()).into_owned()
    })
}

/// A child that runs; it is killed when this is dropped.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
    listener: Option<JoinHandle<String>>,
}

impl Running {
    pub(super) fn kill(&mut self) {
        // Its group has its number. It cannot have made others, but if it could they would go, too.
        if let Some(group) = Pid::from_raw(self.child.id().cast_signed()) {
            let _gone = kill_process_group(group, Signal::KILL);
        }
        let _gone = self.child.kill();
    }

    /// Gives it so long to end by itself.
    pub(super) fn kill_unless_it_ends_within(&mut self, patience: Duration) {
        let deadline = Instant::now() + patience;
        while let Ok(None) = self.child.try_wait() {
            if Instant::now() >= deadline {
                return self.kill();
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits for its end, which must be near; returns how it ended and what it said.
    pub(super) fn end(mut self) -> io::Result<(ExitStatus, String)> {
        let status = self.child.wait()?;
        let said = self.listener.take().and_then(|listener| listener.join().ok());
        Ok((status, said.unwrap_or_default()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A process that was waited for has an exit status, and its number may be another's.
        if let Ok(None) = self.child.try_wait() {
            self.kill();
            let _ended = self.child.wait();
        }
    }
}

/// The signal that ended a process.
pub(super) fn signal(status: ExitStatus) -> Option<i32> {
    status.signal()
}
