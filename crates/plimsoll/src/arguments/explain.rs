//! Which finding is to be explained.
//!
//! In: an id, and where to look. Out: [`Explain`]. Odd: the comments are help texts.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use plimsoll_model::Kinds;

use super::{Confinement, Limits, SbomSources, Scan, Target, Uses, VexSources};

/// `plimsoll explain`
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  plimsoll scan --format json -o report.json app.tar && plimsoll explain CVE-2021-44228 report.json\n  \
    plimsoll explain CVE-2023-0464 debian:12 --package libssl3\n  plimsoll explain GHSA-35jh-r3h4-6jhm app.tar --format json\n  \
    plimsoll explain DSA-5417-1 oci-archive:app.tar\n\n\
    For what is found: each advisory with its revision and source, the affected versions, the comparison that was made, the package and the\n\
    file and layer it lies in, what every source says, the score with its terms, and the fix.\n\
    For what is not found: which advisories of the feed bear the id, and what keeps each of them out: the version, the release, the module\n\
    stream, a source's word; or that none speaks of a package of this image."
)]
pub(crate) struct Explain {
    /// CVE, advisory, alias or rule
    #[arg(value_name = "FINDING")]
    pub(crate) finding: String,
    #[command(flatten)]
    pub(crate) target: Target,
    /// Only for this package: its package URL, with or without version, or its name
    #[arg(long, value_name = "PURL")]
    pub(crate) package: Option<String>,
    /// For people, or for programs
    #[arg(long, value_enum, default_value_t = ExplainFormat::Text)]
    pub(crate) format: ExplainFormat,
    /// Feed snapshot to match against and to look into [default: advisories.snapshot in the data folder]
    #[arg(long, value_name = "FILE")]
    pub(crate) feed: Option<PathBuf>,
    /// A VEX document whose word counts when a target is scanned; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) vex: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) limits: Limits,
    #[command(flatten)]
    pub(crate) confinement: Confinement,
}

impl Explain {
    /// The scan that gives the report to be explained.
    pub(crate) fn scan(&self) -> Scan {
        Scan {
            reporting: super::ReportTo::default(),
            target: self.target.clone(),
            format: "json",
            output: None,
            all: true,
            fail_on: None,
            require_coverage: None,
            policy: None,
            license_policy: None,
            feed: self.feed.clone(),
            no_cache: false,
            kinds: Kinds::ALL,
            sbom_sources: SbomSources::None,
            vex: self.vex.clone(),
            vex_sources: VexSources::None,
            rules: Vec::new(),
            ignore_file: Vec::new(),
            uses: Uses { exposure: None, importance: None },
            limits: self.limits.clone(),
            confinement: self.confinement.clone(),
        }
    }
}

/// How an explanation is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExplainFormat {
    /// For people
    Text,
    /// One document: asked, conclusion, image, coverage, feed, found, absent
    Json,
}
