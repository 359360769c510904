//! What is said of ignore rules.
//!
//! In: what is to be ignored, where, why, until when. Out: [`Ignore`]. Odd: the comments are help texts.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use plimsoll_model::{Digest, Kind, RuleType, Timestamp};

use super::ListFormat;

/// `plimsoll ignore …`
#[derive(Subcommand, Debug)]
pub(crate) enum Ignore {
    /// Decide that a finding does not count: it is listed apart from now on
    Add(Box<IgnoreAdd>),
    /// Make rules of what VEX documents say is not affected or fixed
    Import(Box<IgnoreImport>),
    /// The rules, in how many images each ignores something, and when it last did
    List {
        /// Only rules that ignore nothing: unused ones, and those that have run out
        #[arg(long)]
        unused: bool,
        /// For people, or for programs
        #[arg(long, value_enum, default_value_t = ListFormat::Table)]
        format: ListFormat,
    },
    /// One rule
    Show {
        /// Its number
        id: i64,
    },
    /// Take rules back: what they ignored counts again
    Remove {
        /// Their numbers
        #[arg(required = true)]
        ids: Vec<i64>,
    },
}

/// `plimsoll ignore add`
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  plimsoll ignore add CVE-2024-1234 --reason 'the parser is not built in' --expires 2027-03-01\n  \
    plimsoll ignore add CVE-2024-5535 --package openssl --repository 'team/*' --reason 'no TLS client in there'\n  \
    plimsoll ignore add suid_unexpected --kind baseline --repository team/tools --reason 'needed for ping'\n\n\
    For one scan without a store there is `plimsoll scan --ignore-file`."
)]
pub(crate) struct IgnoreAdd {
    /// CVE, alias or advisory; or the name of a record, such as debian:12:CVE-2024-1234; of another kind, the id of a check,
    /// of a rule or of a kind of secret, or `*` for whatever is found in a file
    #[arg(value_name = "ID")]
    pub(crate) vulnerability: String,
    /// Kind of finding
    #[arg(
        long,
        value_name = "vulnerability|baseline|malware|secret|build|license",
        default_value = "vulnerability"
    )]
    pub(crate) kind: Kind,
    /// Why it does not count
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Who decided it
    #[arg(long, value_name = "NAME", env = "USER", hide_env_values = true)]
    pub(crate) author: Option<String>,
    /// From when on it counts again: a date, or a time such as 2027-03-01T08:00:00Z [default: never]
    #[arg(long, value_name = "TIME")]
    pub(crate) expires: Option<Timestamp>,
    /// Only in this package: its name, its source package's name, or its package URL with or without version
    #[arg(long, value_name = "NAME|PURL")]
    pub(crate) package: Option<String>,
    /// Only in packages of the distribution (cve), or of languages (sca)
    #[arg(long = "type", value_name = "cve|sca")]
    pub(crate) of_type: Option<RuleType>,
    /// Only findings about this file, such as etc/app/*.conf; not of vulnerabilities
    #[arg(long, value_name = "PATH")]
    pub(crate) path: Option<String>,
    /// Only findings about a file with this MD5; not of vulnerabilities
    #[arg(long, value_name = "HEX")]
    pub(crate) md5: Option<String>,
    /// What was found is not so; else it is, and you live with it
    #[arg(long)]
    pub(crate) false_positive: bool,
    /// Only in this image: its id, or a digest of it
    #[arg(long, value_name = "ID|DIGEST", conflicts_with = "repositories")]
    pub(crate) image: Option<String>,
    /// Only in this repository, such as team/app; `*` stands for any text; may be repeated
    #[arg(long = "repository", value_name = "NAME")]
    pub(crate) repositories: Vec<String>,
    /// What people call the vulnerability, for lists
    #[arg(long, value_name = "TEXT")]
    pub(crate) alias: Option<String>,
}

/// `plimsoll ignore import`
#[derive(Args, Debug)]
#[command(
    after_help = "Reads OpenVEX, CSAF and CycloneDX. A rule covers exactly what its statement covers; what no rule can say is told and counts on.\n\n\
    Examples:\n  plimsoll ignore import app.openvex.json --repository team/app\n  plimsoll ignore import vendor.csaf.json --expires 2027-03-01"
)]
pub(crate) struct IgnoreImport {
    /// VEX documents
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Who decided it [default: the author whom a document names]
    #[arg(long, value_name = "NAME")]
    pub(crate) author: Option<String>,
    /// From when on it counts again: a date, or a time such as 2027-03-01T08:00:00Z [default: never]
    #[arg(long, value_name = "TIME")]
    pub(crate) expires: Option<Timestamp>,
    /// Statements on an image by its tag, its registry or none hold in this image
    #[arg(long, value_name = "DIGEST", conflicts_with = "repositories")]
    pub(crate) image: Option<Digest>,
    /// Statements on an image by its tag, its registry or none hold in this repository, such as team/app; `*` stands for any
    /// text; may be repeated
    #[arg(long = "repository", value_name = "NAME")]
    pub(crate) repositories: Vec<String>,
    /// Say which rules would be made, and make none
    #[arg(long)]
    pub(crate) dry_run: bool,
}
