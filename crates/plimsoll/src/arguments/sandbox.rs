//! What can be said about the child in which hostile bytes are read.
//!
//! In: the arguments. Out: [`Confinement`], part of every command that reads an image. Odd: the comments are help texts.

use clap::{Args, ValueEnum};

use super::ListFormat;

/// `plimsoll sandbox`
#[derive(Args, Debug)]
pub(crate) struct SandboxCheck {
    /// For people, or for programs
    #[arg(long, value_enum, default_value_t = ListFormat::Table)]
    pub(crate) format: ListFormat,
}

/// How hostile bytes are kept in check.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Sandbox")]
pub(crate) struct Confinement {
    /// Whether an image is read in a process that may do nothing else
    #[arg(long, value_enum, default_value_t = Sandbox::Auto)]
    pub(crate) sandbox: Sandbox,
    /// Minutes that the scan of one image may take
    #[arg(long, value_name = "MINUTES", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) timeout: u64,
    /// MiB of memory that the scan of one image may need
    #[arg(long, value_name = "MIB", default_value_t = 1024, value_parser = clap::value_parser!(u64).range(64..))]
    pub(crate) memory_limit: u64,
}

impl Default for Confinement {
    /// As when nothing is said.
    fn default() -> Self {
        Self { sandbox: Sandbox::Auto, timeout: 30, memory_limit: 1024 }
    }
}

/// Where an image is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sandbox {
    /// In a process that this machine confines as well as it can; what it lacks is said
    Auto,
    /// As auto, but only where Landlock and seccomp work
    Require,
    /// In this process, without limits of time and memory
    Off,
}
