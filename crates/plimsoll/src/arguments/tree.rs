//! What is said to list an image's files.
//!
//! In: the words after `plimsoll tree`. Out: [`Tree`]. Odd: the comments are help texts.

use clap::{Args, ValueEnum};

use super::{Confinement, Limits, Target};

/// `plimsoll tree`
#[derive(Args, Debug)]
#[command(
    after_help = "Shows what a container of the image would see, so that it can be held against a runtime's own answer:\n  \
    plimsoll tree app.tar --format json --digests\n  podman image mount APP"
)]
pub(crate) struct Tree {
    #[command(flatten)]
    pub(crate) target: Target,
    /// For people, or for programs
    #[arg(long, value_enum, default_value_t = TreeFormat::Text)]
    pub(crate) format: TreeFormat,
    /// Read every file and show its SHA-256, too
    #[arg(long)]
    pub(crate) digests: bool,
    /// Show one layer alone, whiteouts included, instead of all merged; 0 is the bottom
    #[arg(long, value_name = "N")]
    pub(crate) layer: Option<usize>,
    #[command(flatten)]
    pub(crate) limits: Limits,
    #[command(flatten)]
    pub(crate) confinement: Confinement,
}

/// How a tree is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TreeFormat {
    /// One line an entry: mode, owner, size, layer, path
    Text,
    /// One document: coverage, entries
    Json,
}
