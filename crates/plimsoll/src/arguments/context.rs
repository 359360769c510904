//! What is said of how images are used.
//!
//! In: of what, and what. Out: [`ContextCommand`]. Odd: the comments are help texts.

use clap::{Args, Subcommand};
use plimsoll_model::{ContextScope, Exposure, Importance};

use super::ListFormat;

/// `plimsoll context …`
#[derive(Subcommand, Debug)]
pub(crate) enum ContextCommand {
    /// Say how images are used: priorities follow
    Set(ContextSet),
    /// Take back what was said
    Unset(ContextUnset),
    /// All that is said
    List {
        /// For people, or for programs
        #[arg(long, value_enum, default_value_t = ListFormat::Table)]
        format: ListFormat,
    },
}

/// `plimsoll context set`
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  plimsoll context set repository 'team/*' --exposure internal\n  \
    plimsoll context set cluster edge --exposure internet --importance important\n\n\
    Each is decided by what is said of the image, else of its repository (the longest pattern), else of the clusters in which it \
    runs (the worst of them), else of its registry."
)]
pub(crate) struct ContextSet {
    /// Of what: image, repository, cluster, registry
    pub(crate) scope: ContextScope,
    /// An image's id, a repository with `*` for any text, a cluster's id, a registry's name
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) uses: Uses,
}

/// `plimsoll context unset`
#[derive(Args, Debug)]
pub(crate) struct ContextUnset {
    /// Of what: image, repository, cluster, registry
    pub(crate) scope: ContextScope,
    /// Which
    pub(crate) name: String,
}

/// How an image is used.
#[derive(Args, Debug, Clone, Copy)]
pub(crate) struct Uses {
    /// From where it can be reached: internet, internal, unknown
    #[arg(long, value_name = "EXPOSURE")]
    pub(crate) exposure: Option<Exposure>,
    /// How much depends on it: important, common, test
    #[arg(long, value_name = "IMPORTANCE")]
    pub(crate) importance: Option<Importance>,
}
