//! Which images to list: all, the riskiest, those that have something.
//!
//! In: the arguments. Out: [`Images`], [`Rank`], [`Affected`]. Odd: the comments are help texts.

use clap::Args;

use super::ListFormat;

/// `plimsoll images`
#[derive(Args, Debug)]
pub(crate) struct Images {
    /// Only images whose name holds this text
    #[arg(long, value_name = "TEXT")]
    pub(crate) name: Option<String>,
    /// Only images of this registry
    #[arg(long, value_name = "NAME")]
    pub(crate) registry: Option<String>,
    /// Only this namespace
    #[arg(long, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// Page, from 1
    #[arg(long, default_value_t = 1)]
    pub(crate) page: u32,
    /// Rows a page, at most 500
    #[arg(long, default_value_t = 20)]
    pub(crate) page_size: u32,
    /// For people, or for programs
    #[arg(long, value_enum, default_value_t = ListFormat::Table)]
    pub(crate) format: ListFormat,
}

/// `plimsoll rank`
#[derive(Args, Debug)]
pub(crate) struct Rank {
    /// For people, or for programs
    #[arg(long, value_enum, default_value_t = ListFormat::Table)]
    pub(crate) format: ListFormat,
}

/// `plimsoll affected`
#[derive(Args, Debug)]
pub(crate) struct Affected {
    /// CVE, GHSA or any other id of a finding; a package's name, or its package URL with or without version
    #[arg(value_name = "CVE|PACKAGE|PURL")]
    pub(crate) id: String,
    /// Only images that run in a cluster
    #[arg(long)]
    pub(crate) running: bool,
    /// Only images of this registry
    #[arg(long, value_name = "NAME")]
    pub(crate) registry: Option<String>,
    /// Number of the page, from 1
    #[arg(long, value_name = "NUMBER")]
    pub(crate) page: Option<u32>,
    /// Images of a page
    #[arg(long, value_name = "NUMBER")]
    pub(crate) page_size: Option<u32>,
    /// For people, or for programs
    #[arg(long, value_enum, default_value_t = ListFormat::Table)]
    pub(crate) format: ListFormat,
}
