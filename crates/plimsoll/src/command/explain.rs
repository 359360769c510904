//! `plimsoll explain`: why a finding is there, or why it is not.
//!
//! In: an id, and a report or a target. Out: the advisories and their revisions, what was compared, where the package lies, what
//! each source says, how the score came about, what ends it; or which advisories were looked at and what keeps each of
//! them out. Odd: an answer from a report needs no image; only "why not" needs the feed, and says so where there is none.

mod text;

use std::{fs::File, io::Read as _, path::Path};

use anyhow::{Context as _, bail};
use plimsoll_advisory::{
    Snapshot,
    matching::{Absence, why_not},
};
use plimsoll_model::{FeedState, Finding, ImageIdentity, Package, Report, Subject, Verdict};
use plimsoll_server::operation::feed::feed_path;
use serde::Serialize;

use super::scan;
use crate::{
    arguments::{Explain, ExplainFormat, Global},
    data,
    terminal::Terminal,
};

/// Largest report that is read.
const MAX_REPORT_BYTES: u64 = 1 << 30;

/// What is known about the question.
#[derive(Debug, Serialize)]
struct Explained<'r> {
    /// The id that was asked for.
    asked: &'r str,
    /// The answer as one sentence.
    conclusion: String,
    image: &'r ImageIdentity,
    /// How completely the image was read.
    coverage: Verdict,
    /// The feed that the report rests on.
    feed: Option<&'r FeedState>,
    found: Vec<Found<'r>>,
    /// What keeps it out, where nothing is found.
    #[serde(skip_serializing_if = "Option::is_none")]
    absent: Option<Absent>,
}

/// A finding and the package that it is about.
#[derive(Debug, Serialize)]
struct Found<'r> {
    finding: &'r Finding,
    #[serde(skip_serializing_if = "Option::is_none")]
    package: Option<&'r Package>,
}

/// What a look into the feed gave.
#[derive(Debug, Serialize)]
struct Absent {
    /// The feed that was looked into.
    feed: FeedState,
    #[serde(flatten)]
    absence: Absence,
}

pub(crate) async fn run(
    arguments: Explain,
    global: &Global,
    terminal: Terminal,
) -> anyhow::Result<()> {
    let report = match read_report(Path::new(&arguments.target.name))? {
        Some(report) => report,
        None => {
            let scanned = scan::image(&arguments.scan(), global, terminal).await?;
            if let Some(interrupted) = scanned.interrupted {
                bail!("`{}` was not read to its end: {interrupted}", arguments.target.name);
            }
            scanned.report
        }
    };
    let explained = explain(&arguments, &report, global)?;
    match arguments.format {
        ExplainFormat::Json => terminal.print(&serde_json::to_string_pretty(&explained)?)?,
        ExplainFormat::Text => terminal.print(text::of(&explained, terminal).trim_end())?,
    }
    Ok(())
}

/// The report in a file; `None` for everything else, which is a target.
fn read_report(path: &Path) -> anyhow::Result<Option<Report>> {
    if !path.is_file() {
        return Ok(None);
    }
    let cannot = || format!("`{}` cannot be read", path.display());
    let mut file = File::open(path).with_context(cannot)?;
    let mut head = Vec::new();
    file.by_ref().take(64).read_to_end(&mut head).with_context(cannot)?;
    if !head.trim_ascii_start().starts_with(b"{") {
        return Ok(None);
    }
    if file.metadata().with_context(cannot)?.len() > MAX_REPORT_BYTES {
        bail!("`{}` is larger than {MAX_REPORT_BYTES} bytes", path.display());
    }
    file.take(MAX_REPORT_BYTES).read_to_end(&mut head).with_context(cannot)?;
    // What begins alike and is no report is an SBOM, which is a target.
    Ok(serde_json::from_slice(&head).ok())
}

fn explain<'r>(
    arguments: &'r Explain,
    report: &'r Report,
    global: &Global,
) -> anyhow::Result<Explained<'r>> {
    let packages: Vec<&Package> = report
        .packages
        .iter()
        .filter(|package| arguments.package.as_deref().is_none_or(|wanted| is_of(package, wanted)))
        .collect();
    if let (true, Some(wanted)) = (packages.is_empty(), &arguments.package) {
        bail!(
            "`{wanted}` is no package of `{}`\nhint: `--format json` of `plimsoll scan` lists its packages",
            report.image.name
        );
    }
    let package_of = |finding: &Finding| match &finding.subject {
        Subject::Purl(purl) => packages.iter().copied().find(|package| package.purl == *purl),
        Subject::Path(_) | Subject::Image(_) => None,
    };
    let found: Vec<Found<'_>> = report
        .findings
        .iter()
        .filter(|finding| bears(finding, &arguments.finding))
        .map(|finding| Found { finding, package: package_of(finding) })
        .filter(|found| arguments.package.is_none() || found.package.is_some())
        .collect();
    let absent = if found.is_empty() { absent(arguments, &packages, global)? } else { None };
    Ok(Explained {
        asked: &arguments.finding,
        conclusion: conclusion(&arguments.finding, &found, absent.as_ref(), report),
        image: &report.image,
        coverage: report.coverage.verdict,
        feed: report.feed.as_ref(),
        found,
        absent,
    })
}

/// Whether a package is meant: by package URL, with or without version and qualifiers, or by name.
fn is_of(package: &Package, wanted: &str) -> bool {
    let rest = package.purl.strip_prefix(wanted);
    let is_begun = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['@', '?', '#']));
    is_begun || package.name == wanted
}

/// Whether a finding goes by an id: its own, an alias, an advisory, its record.
fn bears(finding: &Finding, id: &str) -> bool {
    let mut ids = finding.aliases.iter().chain(&finding.advisories);
    let is = |own: &str| own.eq_ignore_ascii_case(id);
    is(&finding.id) || is(&finding.record) || ids.any(|own| is(own))
}

/// Looks into the feed; `None` where there is none.
fn absent(
    arguments: &Explain,
    packages: &[&Package],
    global: &Global,
) -> anyhow::Result<Option<Absent>> {
    let path = match &arguments.feed {
        Some(path) => path.clone(),
        None => feed_path(&data::directory(global)?),
    };
    let snapshot = match Snapshot::open(&path) {
        Ok(snapshot) => snapshot,
        Err(error) if error.is_missing() && arguments.feed.is_none() => return Ok(None),
        Err(error) => {
            return Err(anyhow::Error::new(error).context(format!("feed `{}`", path.display())));
        }
    };
    let packages: Vec<Package> = packages.iter().copied().cloned().collect();
    let absence = why_not(&arguments.finding, &packages, &snapshot)?;
    Ok(Some(Absent { feed: snapshot.state(), absence }))
}

fn conclusion(
    asked: &str,
    found: &[Found<'_>],
    absent: Option<&Absent>,
    report: &Report,
) -> String {
    let mut packages: Vec<&str> =
        found.iter().filter_map(|found| Some(found.package?.name.as_str())).collect();
    packages.sort_unstable();
    packages.dedup();
    match (found, absent) {
        ([], None) => format!(
            "{asked} is not among the findings, and there is no feed here that could say why: `plimsoll feed update`, or `--feed FILE`"
        ),
        ([], Some(absent)) => {
            let is_other =
                report.feed.as_ref().is_none_or(|feed| feed.snapshot != absent.feed.snapshot);
            let other =
                if is_other { "; the report rests on another feed than this one" } else { "" };
            format!("{asked} is not found: {}{other}", because(&absent.absence))
        }
        _ if packages.is_empty() => format!("{asked} is found"),
        _ if found.iter().all(|found| !found.finding.is_open()) => {
            format!(
                "{asked} does not count in {}: a source says that it is not affected",
                packages.join(", ")
            )
        }
        _ => format!("{asked} is found in {}", packages.join(", ")),
    }
}

fn because(absence: &Absence) -> String {
    use plimsoll_advisory::matching::LookVerdict as V;
    let count = absence.advisories.len();
    let advisories =
        if count == 1 { "1 advisory bears".to_owned() } else { format!("{count} advisories bear") };
    if count == 0 {
        return "no advisory in the feed bears this id".to_owned();
    }
    let is = |verdict: V| absence.looked_at.iter().any(|look| look.verdict == verdict);
    if absence.looked_at.is_empty() {
        format!("{advisories} this id, and none speaks of a package of this image")
    } else if is(V::Affected) {
        format!("{advisories} this id, and by this feed it affects a package: scan again")
    } else if is(V::Undecided) {
        format!("{advisories} this id, and a version could not be compared: the coverage says so")
    } else {
        format!("{advisories} this id, and what keeps each out is said below")
    }
}
