//! What is said to scan an image.
//!
//! In: the words after `plimsoll scan`. Out: [`Scan`]. Odd: the comments are help texts.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use plimsoll_model::{Kinds, Verdict};
use plimsoll_scanner::Threshold;

use super::{Confinement, Limits, ReportTo, Target, Uses};

/// `plimsoll scan`
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  plimsoll scan debian:12\n  plimsoll scan localhost:5000/team/app:1.4\n  \
    docker save app > app.tar && plimsoll scan app.tar\n  \
    plimsoll scan containers-storage:localhost/app\n  plimsoll scan docker-daemon:app\n  plimsoll scan oci-archive:app.tar:1.4\n  plimsoll scan dir:/srv/rootfs\n  \
    plimsoll scan app.tar --fail-on vulnerability:asap,baseline:high,malware --require-coverage partial\n  plimsoll scan app.tar --kinds vulnerability,secret\n  plimsoll scan /\n\nExit codes: 0 below the line, 1 error, 2 usage, 3 --fail-on reached or --policy or the server's policy denies, 4 --require-coverage not reached."
)]
pub(crate) struct Scan {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Format of the report: table, json, html, sarif, junit, gitlab, or an SBOM: cyclonedx, spdx, … (`plimsoll list formats` has all)
    #[arg(long, value_name = "FORMAT", default_value = "table", value_parser = report_format)]
    pub(crate) format: &'static str,
    /// Write the report to a file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// List findings that need no action now, too
    #[arg(long)]
    pub(crate) all: bool,
    /// Look for these kinds of risk alone, separated by commas: vulnerability, baseline, malware, secret, build, license.
    /// The report says which were left out
    #[arg(long, value_name = "KINDS", default_value_t = Kinds::ALL, hide_default_value = true)]
    pub(crate) kinds: Kinds,
    /// Exit with 3 when a finding reaches this line: `KIND[:LEVEL]`, separated by commas. Kinds: vulnerability, baseline, malware,
    /// secret, build, license; levels: critical, high, medium, low, of vulnerabilities asap, later, nntf as well
    #[arg(long, value_name = "LINE")]
    pub(crate) fail_on: Option<Threshold>,
    /// Exit with 4 when the coverage is less than this: complete, partial
    #[arg(long, value_name = "VERDICT")]
    pub(crate) require_coverage: Option<Verdict>,
    /// Policy that decides what passes (TOML): exit with 3 when it denies, with 4 when it asks for more coverage
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// Licences that packages may have (TOML): allow, warn, deny by id, expression or category
    #[arg(long, value_name = "FILE")]
    pub(crate) license_policy: Option<PathBuf>,
    /// Feed snapshot to match against [default: advisories.snapshot in the data folder]
    #[arg(long, value_name = "FILE")]
    pub(crate) feed: Option<PathBuf>,
    /// Folder of rule packs, hash lists and allow.toml for malicious files, besides `rules` in the data folder; may be given several times
    #[arg(long, value_name = "DIR")]
    pub(crate) rules: Vec<PathBuf>,
    /// Read every layer again instead of using what is known of it
    #[arg(long)]
    pub(crate) no_cache: bool,
    /// Which SBOMs beside a registry's image are believed, too; their signatures are not verified
    #[arg(long, value_enum, value_name = "SOURCE", default_value_t = SbomSources::None)]
    pub(crate) sbom_sources: SbomSources,
    /// A VEX document whose word counts: OpenVEX, CSAF or CycloneDX; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) vex: Vec<PathBuf>,
    /// Which VEX documents beside the image are believed, too; their signatures are not verified
    #[arg(long, value_enum, value_name = "SOURCE", default_value_t = VexSources::None)]
    pub(crate) vex_sources: VexSources,
    /// Rules for vulnerabilities that do not count (TOML, `[[ignore]]` with vulnerability and reason); may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) ignore_file: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) uses: Uses,
    #[command(flatten)]
    pub(crate) reporting: ReportTo,
    #[command(flatten)]
    pub(crate) limits: Limits,
    #[command(flatten)]
    pub(crate) confinement: Confinement,
}

/// Where SBOMs of an image are looked for besides the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SbomSources {
    /// Nowhere
    None,
    /// At the registry: its referrers API or the tag for it, cosign's tags, BuildKit's attestations
    Referrers,
}

/// Where VEX documents about an image are looked for besides what is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum VexSources {
    /// Nowhere
    None,
    /// Where whoever made the image may put them: its registry (referrers API or the tag for it, cosign's tags, BuildKit's
    /// attestations), its OCI layout, files beside an archive that are called like it
    Referrers,
}

fn report_format(text: &str) -> Result<&'static str, String> {
    plimsoll_scanner::format::format(text).map(plimsoll_scanner::format::Format::id).ok_or_else(
        || {
            let ids: Vec<&str> =
                plimsoll_scanner::format::formats().iter().map(|format| format.id()).collect();
            format!("formats are: {}", ids.join(", "))
        },
    )
}
