//! What can be said to `plimsoll registry webhook`.
//!
//! In: the arguments. Out: [`RegistryWebhook`]. Odd: the comments are help texts.

use clap::Subcommand;

use super::ListFormat;

/// `plimsoll registry webhook`
#[derive(Subcommand, Debug)]
pub(crate) enum RegistryWebhook {
    /// Have the registry tell this server what is pushed, where its API sets webhooks; a second run changes nothing
    Install {
        /// Which registry
        name: String,
        /// Where the registry reaches this server, such as `https://plimsoll.example.com:7467`
        #[arg(long, value_name = "URL")]
        url: String,
    },
    /// The webhooks of ours that the registry has
    List {
        /// Which registry
        name: String,
        /// For people, or for programs
        #[arg(long, value_enum, default_value_t = ListFormat::Table)]
        format: ListFormat,
    },
    /// Take them away from the registry; the token stays
    Remove {
        /// Which registry
        name: String,
    },
}
