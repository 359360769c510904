//! What can be said of access keys.
//!
//! In: the arguments. Out: [`Key`]. Odd: the comments are help texts; a secret is no argument.

use clap::{Subcommand, ValueEnum};

use super::ListFormat;

/// `plimsoll key …`
#[derive(Subcommand, Debug)]
pub(crate) enum Key {
    /// Make an access key; its secret is shown once
    Create {
        /// Your name for it
        name: String,
        /// What it may do, such as 'yundun-sas:*' or yundun-sas:ListImageRisk; may be repeated
        #[arg(long, value_name = "ACTION", required = true)]
        allow: Vec<String>,
        /// For people, or ALIBABA_CLOUD_ACCESS_KEY_ID=… and ALIBABA_CLOUD_ACCESS_KEY_SECRET=… for a script
        #[arg(long, value_enum, default_value_t = KeyFormat::Text)]
        format: KeyFormat,
    },
    /// The access keys, without their secrets
    List {
        /// For people, or for programs
        #[arg(long, value_enum, default_value_t = ListFormat::Table)]
        format: ListFormat,
    },
    /// Refuse requests with this key
    Disable {
        /// Id of the key
        id: String,
    },
    /// Accept requests with this key again
    Enable {
        /// Id of the key
        id: String,
    },
}

/// How a new key is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeyFormat {
    /// For people
    Text,
    /// Variables
    Env,
}
