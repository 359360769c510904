//! Who is told what changed, and what changed.
//!
//! In: names, filters, dates. Out: [`Subscription`], [`Changes`], [`Image`]. Odd: the comments are help texts. An address that
//! holds a token is a secret, and comes from a file or the environment like one.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::ListFormat;

/// `plimsoll subscription …`
#[derive(Subcommand, Debug)]
pub(crate) enum Subscription {
    /// Tell somebody what changes
    Add(Box<SubscriptionAdd>),
    /// Who is told, and how many messages wait, arrived, were given up
    List {
        /// For people, or for programs
        #[arg(long, value_enum, default_value_t = ListFormat::Table)]
        format: ListFormat,
    },
    /// What somebody is told, and the latest messages with what became of them
    Show {
        /// Which subscription
        name: String,
        /// For people, or for programs
        #[arg(long, value_enum, default_value_t = ListFormat::Table)]
        format: ListFormat,
    },
    /// Send a sample now, once, and say whether it arrives
    Test {
        /// Which subscription
        name: String,
    },
    /// Try messages again that were given up
    Retry {
        /// Which subscription
        name: String,
    },
    /// Tell somebody no longer
    Remove {
        /// Which subscription
        name: String,
    },
}

/// `plimsoll subscription add`
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  plimsoll subscription add siem webhook --url https://siem.example.com/plimsoll\n  \
    plimsoll subscription add oncall slack --url-file slack-address --minimum asap --running\n  \
    plimsoll subscription add group dingtalk --url-file robot-address --secret-file robot-secret\n  \
    plimsoll subscription add team email --url smtps://mail.example.com --from plimsoll@example.com --to team@example.com \
    --username plimsoll --secret-file password --digest 7 --instant-from asap\n\n\
    A webhook's secret is made and shown once unless one is given. Private networks are reached only where\n  \
    plimsoll settings notify.networks 10.0.0.0/8,127.0.0.0/8\nnames them. docs/notifications.md says what is sent."
)]
pub(crate) struct SubscriptionAdd {
    /// Your name for it
    pub(crate) name: String,
    /// webhook, email, dingtalk, slack: `plimsoll list channels`
    pub(crate) channel: String,
    /// The address that is posted to, or the mail server: `smtps://HOST[:PORT]`, or `smtp://HOST[:PORT]` with STARTTLS
    #[arg(long, value_name = "URL", conflicts_with = "url_file")]
    pub(crate) url: Option<String>,
    /// File with that address (`-`: standard input), where it holds a token, as those of Slack and DingTalk do; or
    /// PLIMSOLL_SUBSCRIPTION_URL in the environment
    #[arg(long, value_name = "FILE")]
    pub(crate) url_file: Option<PathBuf>,
    /// File with the secret or password (`-`: standard input); or PLIMSOLL_SUBSCRIPTION_SECRET in the environment
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: Option<PathBuf>,
    /// Mail: a recipient; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) to: Vec<String>,
    /// Mail: the sender
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) from: Option<String>,
    /// Mail: the account at the server
    #[arg(long, value_name = "NAME")]
    pub(crate) username: Option<String>,
    /// Speak without TLS
    #[arg(long)]
    pub(crate) plain: bool,
    /// Own certificate authority (PEM) of the receiver
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Only vulnerabilities of this priority and above, before or since
    #[arg(long, value_enum, value_name = "PRIORITY")]
    pub(crate) minimum: Option<PriorityWord>,
    /// Only images of this registry, with * and ?; may be repeated
    #[arg(long = "registry", value_name = "PATTERN")]
    pub(crate) registries: Vec<String>,
    /// Only images of this namespace, with * and ?; may be repeated
    #[arg(long = "namespace", value_name = "PATTERN")]
    pub(crate) namespaces: Vec<String>,
    /// Only images of this repository (without its namespace), with * and ?; may be repeated
    #[arg(long = "repository", value_name = "PATTERN")]
    pub(crate) repositories: Vec<String>,
    /// Only images that run in a cluster
    #[arg(long)]
    pub(crate) running: bool,
    /// Do not tell of images that are scanned for the first time
    #[arg(long)]
    pub(crate) no_new_images: bool,
    /// Tell once a day, at this hour (UTC), instead of at once
    #[arg(long, value_name = "HOUR", value_parser = clap::value_parser!(u8).range(0..=23))]
    pub(crate) digest: Option<u8>,
    /// With --digest: tell of this priority and above at once
    #[arg(long, value_enum, value_name = "PRIORITY", requires = "digest")]
    pub(crate) instant_from: Option<PriorityWord>,
}

/// When to act on a vulnerability.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PriorityWord {
    /// As soon as possible
    Asap,
    /// Later
    Later,
    /// No need to fix now
    Nntf,
}

/// `plimsoll changes`
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  plimsoll changes --since 2026-11-25\n  plimsoll changes --since 2026-11-25 --image shop/web:1.4 --format json"
)]
pub(crate) struct Changes {
    /// A date, or a time such as 2026-11-25T08:00:00Z
    #[arg(long, value_name = "DATE")]
    pub(crate) since: String,
    /// Only of this image: [REGISTRY/]NAMESPACE/REPOSITORY:TAG, or its uuid
    #[arg(long, value_name = "IMAGE")]
    pub(crate) image: Option<String>,
    /// Rows of each kind, at most 1000 [default: 100]
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u32>,
    /// For people, or for programs
    #[arg(long, value_enum, default_value_t = ChangesFormat::Table)]
    pub(crate) format: ChangesFormat,
}

/// How changes are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ChangesFormat {
    /// For people
    Table,
    /// For programs
    Json,
}

/// `plimsoll image …`
#[derive(Subcommand, Debug)]
pub(crate) enum Image {
    /// What an image's counters became, when, and why
    History {
        /// [REGISTRY/]NAMESPACE/REPOSITORY:TAG, or its uuid
        image: String,
        /// For people, or for programs
        #[arg(long, value_enum, default_value_t = ListFormat::Table)]
        format: ListFormat,
    },
}
