//! What can be said to `plimsoll registry token`.
//!
//! In: the arguments. Out: [`RegistryToken`]. Odd: the comments are help texts.

use clap::{Subcommand, ValueEnum};

use super::ListFormat;

/// `plimsoll registry token`
#[derive(Subcommand, Debug)]
pub(crate) enum RegistryToken {
    /// Make a token and print it; the one before for the same purpose ends
    Create {
        /// Which registry
        name: String,
        /// What its holder may do
        #[arg(value_enum)]
        purpose: TokenPurpose,
    },
    /// The tokens of a registry, without the tokens themselves
    List {
        /// Which registry
        name: String,
        /// For people, or for programs
        #[arg(long, value_enum, default_value_t = ListFormat::Table)]
        format: ListFormat,
    },
    /// Take a token back
    Remove {
        /// Which registry
        name: String,
        /// Of which purpose
        #[arg(value_enum)]
        purpose: TokenPurpose,
    },
}

/// What a token is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum TokenPurpose {
    /// A webhook of the registry says that something changed
    Hook,
    /// Builds report images: `plimsoll scan --report-to`
    Report,
    /// A Harbor has its images scanned
    Scanner,
}

impl TokenPurpose {
    /// As the management API spells it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Hook => "hook",
            Self::Report => "report",
            Self::Scanner => "scanner",
        }
    }
}
