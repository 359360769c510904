//! What can be said to `plimsoll list`, and how every list is printed.
//!
//! In: the arguments. Out: [`List`], [`ListFormat`]. Odd: the comments are help texts.

use clap::{Args, ValueEnum};

/// `plimsoll list`
#[derive(Args, Debug)]
pub(crate) struct List {
    /// What to list
    #[arg(value_enum)]
    pub(crate) what: ListWhat,
    /// For people, for programs, for a page
    #[arg(long, value_enum, default_value_t = ListFormat::Table)]
    pub(crate) format: ListFormat,
}

/// What this program knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListWhat {
    /// Package formats
    Parsers,
    /// Baseline and build checks
    Checks,
    /// Rules for malicious files that come along
    MalwareRules,
    /// Formats of lists of digests
    HashFormats,
    /// What looks into every file
    Detectors,
    /// Rules for secrets
    SecretRules,
    /// Sources of advisories and signals
    Feeds,
    /// Kinds of registry
    RegistryKinds,
    /// Report formats
    Formats,
    /// Actions of the gateway
    Actions,
    /// Ecosystems of packages
    Ecosystems,
    /// Orders of versions
    VersionOrders,
    /// Channels of notifications
    Channels,
    /// Formats of registries' webhooks
    Hooks,
    /// Limits of what is read of one image
    Budgets,
}

/// How a list is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    /// For people
    Table,
    /// For programs
    Json,
    /// For a page
    Markdown,
}
