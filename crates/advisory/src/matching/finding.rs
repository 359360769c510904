//! From what advisories say of a package to findings: one per vulnerability.
//!
//! In: the [`Statement`]s on one package. Out: one [`Finding`] per CVE (or advisory, where there is no CVE) that any of them
//! calls affected, with everything that any of them said. Source: `docs/semantics.md`, "Who decides" and "Units". Odd: an
//! advisory on several CVEs gives one finding each; its severity is the worst of them and therefore no reason to call each
//! one critical.

mod decision;
mod extra;
mod signals;
mod view;

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_model::{
    Evidence, Finding, Fix, Kind, Level, MatchContext, Origin, Package, RecordName, Status,
    Subject, Timestamp, ecosystem::Row,
};

use super::{candidates::Statement, release, upstream};
use crate::{
    feed::is_cve,
    priority,
    snapshot::{
        layout::Damaged,
        reader::{Reader, SignalRecord},
    },
    version::compare,
};

/// What one package gave.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) findings: Vec<Finding>,
    /// An EPSS score was too old to be used.
    pub(super) has_stale_scores: bool,
    /// When the first of them stops being fresh, as a snapshot's date.
    pub(super) until: Option<Timestamp>,
}

/// Everything that the pieces below need to know.
pub(super) struct Subjects<'a> {
    pub(super) package: &'a Package,
    pub(super) row: &'static Row,
    pub(super) date: Timestamp,
    pub(super) context: &'a MatchContext,
}

pub(super) fn from_statements(
    package: &Package,
    row: &'static Row,
    statements: &[Statement<'_>],
    reader: &Reader<'_>,
    date: Timestamp,
    context: &MatchContext,
) -> Result<Found, Damaged> {
    let about = Subjects { package, row, date, context };
    let mut found = Found::default();
    let mut by_id: BTreeMap<&str, Vec<&Statement<'_>>> = BTreeMap::new();
    for statement in statements {
        if statement.advisory.is_malicious {
            if statement.status.is_open() {
                found.findings.push(malicious(package, statement));
            }
            continue;
        }
        for id in canonical_ids(statement) {
            by_id.entry(id).or_default().push(statement);
        }
    }
    for (id, statements) in by_id {
        // Who only speaks against it has nothing to speak against.
        let Some(decision) = decision::of(&statements) else { continue };
        let signal = if is_cve(id) { reader.signal(id)? } else { SignalRecord::default() };
        found.has_stale_scores |= signals::has_stale_score(&signal, date);
        let (finding, until) = vulnerability(&about, id, &decision, &signal);
        found.findings.push(finding);
        found.until = found.until.into_iter().chain(until).min();
    }
    Ok(found)
}

/// The CVEs, else the GitHub advisory, else the advisory itself.
fn canonical_ids<'a>(hit: &Statement<'a>) -> Vec<&'a str> {
    if !hit.advisory.cves.is_empty() {
        return hit.advisory.cves.clone();
    }
    let own = hit.advisory.id;
    let is_github = |id: &str| id.starts_with("GHSA-");
    let github = hit.advisory.aliases.iter().copied().filter(|id| is_github(id)).min();
    vec![if is_github(own) { own } else { github.unwrap_or(own) }]
}

fn vulnerability(
    about: &Subjects<'_>,
    id: &str,
    decision: &decision::Decision<'_, '_>,
    signal: &SignalRecord<'_>,
) -> (Finding, Option<Timestamp>) {
    let hits = decision.hits.as_slice();
    let signals = signals::gather(about, id, decision, signal);
    let until = signals::fresh_until(signals.published, signal, about.date);
    let evaluated = priority::evaluate(&signals, about.context, about.date);
    let fix = fix(about, &decision.deciding);
    let mut finding = Finding {
        kind: Kind::Vulnerability,
        id: id.to_owned(),
        record: record_name(about, id),
        aliases: aliases(id, hits),
        advisories: hits
            .iter()
            .map(|hit| hit.advisory.id.to_owned())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect(),
        level: evaluated.level,
        status: Some(decision.status()),
        suppressed: None,
        priority: Some(evaluated.priority),
        score: Some(f64::from(evaluated.urgency.tenths) / 10.0),
        urgency: Some(evaluated.urgency),
        subject: Subject::Purl(about.package.purl.clone()),
        title: title(about, id, hits, signal),
        evidence: evidence(about.package, hits),
        views: view::views(id, decision, signal),
        why: hits
            .iter()
            .map(|hit| view::why(about.package, hit))
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect(),
        extra: extra::of(about, hits, signal, &signals),
        fix,
    };
    if let Some(denial) = decision.denial {
        finding.suppress(denial.status, decision::suppression(denial));
    } else if let Some(reason) = signal.rejected {
        finding.suppress(Status::NotAffected, decision::rejection(id, reason));
    }
    (finding, until)
}

fn malicious(package: &Package, hit: &Statement<'_>) -> Finding {
    // GitHub lists malicious packages too; both lists' records are one finding.
    let ids = || std::iter::once(hit.advisory.id).chain(hit.advisory.aliases.iter().copied());
    let id = ids().find(|id| id.starts_with("MAL-")).unwrap_or(hit.advisory.id);
    let named = format!("malicious code in {}", package.name);
    Finding {
        kind: Kind::Malware,
        id: id.to_owned(),
        record: id.to_owned(),
        aliases: ids()
            .filter(|other| *other != id)
            .map(str::to_owned)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect(),
        advisories: vec![hit.advisory.id.to_owned()],
        level: Level::High,
        status: None,
        suppressed: None,
        priority: None,
        score: None,
        urgency: None,
        subject: Subject::Purl(package.purl.clone()),
        title: if hit.advisory.title.is_empty() { named } else { hit.advisory.title.to_owned() },
        evidence: evidence(package, &[hit]),
        views: vec![view::of(hit)],
        why: vec![view::why(package, hit)],
        fix: Some(Fix {
            version: None,
            advice: format!(
                "remove {} and change every secret that was within its reach",
                package.name
            ),
        }),
        // As of malicious files; what the package's file holds is not known here.
        extra: [
            ("class", "malicious-package"),
            ("malicious_level", "serious"),
            ("virus_type", "Malbaseware"),
            ("malicious_key", "MALBASEWARE_IMG"),
            ("malicious_type", "Malicious Software"),
            ("rules", id),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into(),
    }
}

/// What counts as one: a CVE of a distribution's release, however many packages it touches; an id of a language package.
fn record_name(about: &Subjects<'_>, id: &str) -> String {
    let (package, word, id) = (about.package, about.row.record_word.to_owned(), id.to_owned());
    let name = match about.row.origin {
        Origin::System => RecordName::System {
            distribution: word,
            release: release::in_record_name(&package.ecosystem, package.release.as_deref()),
            id,
        },
        Origin::Application => {
            RecordName::Application { language: word, package: package.name.clone(), id }
        }
    };
    name.to_string()
}

/// Other ids of the same vulnerability. Those of an advisory on several CVEs could belong to any of them.
fn aliases(id: &str, hits: &[&Statement<'_>]) -> Vec<String> {
    let mut aliases = BTreeSet::new();
    for advisory in hits.iter().map(|hit| &hit.advisory).filter(|advisory| advisory.cves.len() <= 1)
    {
        aliases.extend(advisory.aliases.iter().copied().filter(|alias| *alias != id));
        if advisory.id.starts_with("GHSA-") && advisory.id != id {
            aliases.insert(advisory.id);
        }
    }
    aliases.into_iter().map(str::to_owned).collect()
}

/// One line for people: what an advisory on just this vulnerability says, else what is said of the CVE anywhere.
fn title(
    about: &Subjects<'_>,
    id: &str,
    hits: &[&Statement<'_>],
    signal: &SignalRecord<'_>,
) -> String {
    let titles = |alone: bool| {
        hits.iter()
            .map(|hit| &hit.advisory)
            .filter(move |advisory| (advisory.cves.len() <= 1) == alone)
            .map(|advisory| advisory.title)
            .find(|title| !title.is_empty())
    };
    let own = titles(true).or_else(|| titles(false));
    // A distribution's titles name the package, not the vulnerability.
    let chosen = match about.row.origin {
        Origin::System => signal.title.or(own),
        Origin::Application => own.or(signal.title),
    };
    chosen.map_or_else(|| format!("{id} in {}", about.package.name), str::to_owned)
}

/// What a package at a place is evidence of.
pub(super) fn installed(package: &Package) -> String {
    format!("{} is installed", named(package))
}

fn evidence(package: &Package, hits: &[&Statement<'_>]) -> Vec<Evidence> {
    let (_, version) = package.matched_name_and_version();
    let installed = installed(package);
    let seen = package
        .locations
        .iter()
        .map(|location| Evidence { location: Some(location.clone()), detail: installed.clone() });
    let judged = hits.iter().map(|hit| Evidence { location: None, detail: judged(hit, version) });
    let caveat = upstream::is_generic(package)
        .then(|| Evidence { location: None, detail: upstream::CAVEAT.to_owned() });
    let all: BTreeSet<Evidence> = judged.chain(seen).chain(caveat).collect();
    all.into_iter().collect()
}

/// `libssl3 3.0.11-1 (source openssl 3.0.11-1)`.
pub(super) fn named(package: &Package) -> String {
    let (name, version) = package.matched_name_and_version();
    if (name, version) == (package.name.as_str(), package.version.as_str()) {
        format!("{name} {version}")
    } else {
        format!("{} {} (source {name} {version})", package.name, package.version)
    }
}

fn judged(hit: &Statement<'_>, version: &str) -> String {
    let end = if hit.reason.range.ends_with("…)") { ", no fixed version is known" } else { "" };
    let within = if hit.reason.range.starts_with('[') { "in" } else { "among" };
    format!("{}: {version} is {within} {}{end}", hit.advisory.id, hit.reason.range)
}

/// The highest of the fixes that the advisories ask for: below it, one of them would still be right.
fn fix(about: &Subjects<'_>, hits: &[&Statement<'_>]) -> Option<Fix> {
    let mut highest: Option<(&str, bool)> = None;
    for hit in hits {
        let Some(fix) = hit.reason.fix else { continue };
        let is_higher = highest.is_none_or(|(known, _)| {
            compare(about.row.scheme, fix, known).is_ok_and(std::cmp::Ordering::is_gt)
        });
        if is_higher {
            highest = Some((fix, hit.needs_subscription));
        }
    }
    let (version, needs_subscription) = highest?;
    let package = about.package;
    let (source, matched) = package.matched_name_and_version();
    // A rebuild without changes (`+b3`) has its source's version but for the suffix.
    let is_rebuild =
        package.version.strip_prefix(matched).is_some_and(|rest| rest.starts_with("+b"));
    let what = if source == package.name || matched == package.version || is_rebuild {
        format!("upgrade {} to {version} or later", package.name)
    } else {
        // Binary and source have versions of their own, and the advisory speaks of the source's.
        format!("upgrade {} to a build of {source} {version} or later", package.name)
    };
    let advice = if needs_subscription { format!("{what} (with Ubuntu Pro)") } else { what };
    Some(Fix { version: Some(version.to_owned()), advice })
}
