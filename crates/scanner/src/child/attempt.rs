//! Table: what a confined process must not be able to do, each tried by one.
//!
//! In: the name of an attempt. Out: whether it failed. Odd: attempts are made by the very program that is confined, under
//! the very confinement of scans; an unconfined process makes the same attempts in tests, where they must not fail.

use std::{fs, io, net::TcpStream, process::Command};

use plimsoll_native::sandbox::Nets;
use serde::{Deserialize, Serialize};

/// What confines the process that makes an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Confined {
    /// All that confines a scan.
    Fully,
    /// All but seccomp.
    WithoutSeccomp,
    /// All but Landlock.
    WithoutLandlock,
    /// Nothing: the attempt must succeed.
    Not,
}

impl Confined {
    pub(super) const fn nets(self) -> Option<Nets> {
        match self {
            Self::Fully => Some(Nets::Both),
            Self::WithoutSeccomp => Some(Nets::LandlockAlone),
            Self::WithoutLandlock => Some(Nets::SeccompAlone),
            Self::Not => None,
        }
    }
}

/// Something that a confined process must not be able to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Attempt {
    /// Read a file that is not of the image.
    ReadFile,
    /// List a folder that is not of the image.
    ReadFolder,
    /// Make a file.
    WriteFile,
    /// Connect to an address.
    Connect,
    /// Run another program.
    Execute,
    /// Look into its parent with a debugger's means.
    Trace,
    /// Read its parent's environment.
    ReadEnvironment,
    /// Signal its parent.
    Signal,
    /// Use more memory than it may.
    Memory,
}

impl Attempt {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::ReadFile,
        Self::ReadFolder,
        Self::WriteFile,
        Self::Connect,
        Self::Execute,
        Self::Trace,
        Self::ReadEnvironment,
        Self::Signal,
        Self::Memory,
    ];

    /// What is tried, for people.
    #[must_use]
    pub const fn about(self) -> &'static str {
        match self {
            Self::ReadFile => "read /etc/passwd",
            Self::ReadFolder => "list /",
            Self::WriteFile => "write a file",
            Self::Connect => "connect to 127.0.0.1",
            Self::Execute => "run a program",
            Self::Trace => "trace the parent process",
            Self::ReadEnvironment => "read the parent's environment",
            Self::Signal => "signal the parent",
            Self::Memory => "use more memory than allowed",
        }
    }

    /// Tries it.
    ///
    /// # Errors
    /// It failed, as it must.
    pub(super) fn make(self, memory_bytes: u64) -> io::Result<()> {
        match self {
            Self::ReadFile => fs::read("/etc/passwd").map(drop),
            Self::ReadFolder => fs::read_dir("/").map(drop),
            Self::WriteFile => {
                let path = format!("/tmp/plimsoll-attempt-{}", std::process::id());
                fs::write(&path, "x")?;
                fs::remove_file(path)
            }
            // Nobody listens at the discard port: whoever may connect is refused by it, not by the sandbox.
            Self::Connect => match TcpStream::connect(("127.0.0.1", 9)) {
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
                connected => connected.map(drop),
            },
            Self::Execute => Command::new("/proc/self/exe").arg("--version").status().map(drop),
            Self::Trace => plimsoll_native::sandbox::trace(parent()),
            Self::ReadEnvironment => fs::read(format!("/proc/{}/environ", parent())).map(drop),
            Self::Signal => {
                let parent = rustix::process::getppid().ok_or(io::ErrorKind::NotFound)?;
                Ok(rustix::process::test_kill_process(parent)?)
            }
            Self::Memory => use_memory(memory_bytes.saturating_add(16 << 20)),
        }
    }
}

fn parent() -> u32 {
    std::os::unix::process::parent_id()
}

/// Asks politely, where a parser that ran wild would die of the refusal.
fn use_memory(bytes: u64) -> io::Result<()> {
    let length = usize::try_from(bytes).map_err(io::Error::other)?;
    let mut memory: Vec<u8> = Vec::new();
    memory.try_reserve_exact(length).map_err(io::Error::other)
}
