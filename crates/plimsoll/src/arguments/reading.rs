//! How an image is read: within which limits, what is verified, and what confines the process that does it.
//!
//! In: flags of `scan`, `tree` and `serve`. Out: [`Limits`], [`Confinement`].

#![expect(clippy::doc_markdown, reason = "these comments are help texts, shown as they are")]

use clap::{Args, ValueEnum};
use plimsoll_image::{Budget, LimitError};

/// How much of an image is read, and what is verified.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Limits")]
pub(crate) struct Limits {
    /// Raise or lower a limit of what is read of one image, as max_unpacked_bytes=10GiB; may be repeated (`plimsoll list budgets` has all)
    #[arg(long = "budget", value_name = "NAME=VALUE", value_parser = budget)]
    pub(crate) budgets: Vec<String>,
    /// Verify more than what binds a running container
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(crate) verify: Option<Verify>,
}

impl Limits {
    /// The limits that were said, the others at their defaults.
    pub(crate) fn budget(&self) -> Result<Budget, LimitError> {
        let mut budget = Budget::default();
        for text in &self.budgets {
            budget.set(text)?;
        }
        budget.verify_diff_ids = self.verify == Some(Verify::DiffIds);
        Ok(budget)
    }
}

/// What is verified besides the digests of blobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Verify {
    /// Also the digests of unpacked layers, which the configuration states
    DiffIds,
}

/// A limit that can be set.
fn budget(text: &str) -> Result<String, LimitError> {
    Budget::default().set(text).map(|()| text.to_owned())
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
