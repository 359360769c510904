//! Why a vulnerability is *not* found in packages.
//!
//! In: an id, the packages, the snapshot. Out: [`Absence`]: which advisories bear the id, of which packages they speak, which of
//! those are installed, and what keeps each of them out. Source: the same entries and the same comparison as matching. Odd:
//! everything is looked at anew and in full, releases that do not count included, since the question is asked of one image by
//! one person; matching itself keeps nothing of what did not match.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_model::{Ecosystem, Origin, Package, Scheme, Status, Timestamp};
use serde::Serialize;

use super::{
    builds,
    candidates::asked,
    range::judge,
    release::{Applies, applies},
    upstream,
};
use crate::{
    collection::EventKind,
    snapshot::{
        Snapshot, SnapshotError,
        layout::Damaged,
        reader::{AdvisoryRecord, Entry, Reader},
    },
    version::compare,
};

/// Packages of an advisory that are named when none of them is installed.
const MAX_NAMES: usize = 20;

/// Why a vulnerability is not found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Absence {
    /// The id that was asked for.
    pub id: String,
    /// The advisories that bear it, by id and source.
    pub advisories: Vec<Mention>,
    /// What they say of packages that are installed, sorted.
    pub looked_at: Vec<Look>,
}

/// An advisory that bears the id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Mention {
    /// Its own id.
    pub advisory: String,
    /// The feed that it comes from: `osv`.
    pub source: String,
    /// When it was last changed, where its source says so.
    pub revision: Option<Timestamp>,
    /// The packages of which it speaks: `Debian:12 openssl`; the first of them.
    pub packages: Vec<String>,
    /// How many it speaks of.
    pub package_count: usize,
}

/// What an advisory says of an installed package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Look {
    /// Package URL of the installed package.
    pub package: String,
    /// What was compared: `libssl3 3.0.11-1 (source openssl 3.0.11-1)`.
    pub installed: String,
    /// Id of the advisory.
    pub advisory: String,
    /// Where it comes from: `osv/Debian`.
    pub source: String,
    /// When it was last changed, where its source says so.
    pub revision: Option<Timestamp>,
    /// The releases of which it speaks, or of which it speaks otherwise.
    pub releases: Vec<String>,
    /// The ranges of affected versions: `[0, 3.0.14-1)`.
    pub ranges: Vec<String>,
    /// What comes of it.
    pub verdict: LookVerdict,
    /// Why, as one sentence.
    pub reason: String,
}

/// What comes of an advisory on an installed package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LookVerdict {
    /// The version is affected: it is among the findings, unless somebody else's word keeps it out.
    Affected,
    /// Something could not be compared: a gap, not an answer.
    Undecided,
    /// The version is outside of every range.
    Outside,
    /// The advisory says in as many words that it is not affected.
    Denied,
    /// It speaks of another module stream.
    OtherModule,
    /// It speaks of other releases only.
    OtherRelease,
    /// It says that it is about no vulnerability.
    NoVulnerability,
}

/// Says why a vulnerability is not found in packages; `id` is a CVE, an alias or an advisory's own.
///
/// # Errors
/// [`SnapshotError::Damaged`] when the snapshot cannot be read to its end.
pub fn why_not(
    id: &str,
    packages: &[Package],
    snapshot: &Snapshot,
) -> Result<Absence, SnapshotError> {
    look(id, packages, snapshot).map_err(|Damaged(reason)| SnapshotError::Damaged {
        path: snapshot.path().to_owned(),
        reason,
    })
}

fn look(id: &str, packages: &[Package], snapshot: &Snapshot) -> Result<Absence, Damaged> {
    let reader = snapshot.reader();
    let mut advisories: BTreeMap<u32, (AdvisoryRecord<'_>, BTreeSet<String>)> = BTreeMap::new();
    for number in reader.advisory_numbers() {
        let advisory = reader.advisory(number)?;
        if bears(&advisory, id) {
            advisories.insert(number, (advisory, BTreeSet::new()));
        }
    }
    reader.each_affected(&mut |ecosystem, name, release, number| {
        if let Some((_, names)) = advisories.get_mut(&number) {
            names.insert(match release {
                Some(release) => format!("{ecosystem}:{release} {name}"),
                None => format!("{ecosystem} {name}"),
            });
        }
    })?;
    let mut looked_at = Vec::new();
    for package in packages {
        let asked = upstream::asked(package);
        let package = asked.as_ref().unwrap_or(package);
        looked_at.extend(look_at(package, &reader, &advisories)?);
    }
    looked_at.sort();
    looked_at.dedup();
    let mentions = advisories.into_values().map(|(advisory, names)| Mention {
        advisory: advisory.id.to_owned(),
        source: advisory.source.to_owned(),
        revision: advisory.modified,
        package_count: names.len(),
        packages: names.into_iter().take(MAX_NAMES).collect(),
    });
    let mut mentions: Vec<Mention> = mentions.collect();
    mentions.sort();
    Ok(Absence { id: id.to_owned(), advisories: mentions, looked_at })
}

fn bears(advisory: &AdvisoryRecord<'_>, id: &str) -> bool {
    let mut ids = advisory.cves.iter().chain(&advisory.aliases).chain([&advisory.id]);
    ids.any(|own| own.eq_ignore_ascii_case(id))
}

type Known<'a> = BTreeMap<u32, (AdvisoryRecord<'a>, BTreeSet<String>)>;

/// One answer per advisory that speaks of a package: that of its entries which comes nearest to affecting it.
fn look_at(
    package: &Package,
    reader: &Reader<'_>,
    advisories: &Known<'_>,
) -> Result<Vec<Look>, Damaged> {
    let Some(row) = package.ecosystem.row() else { return Ok(Vec::new()) };
    let asked = asked(package, row, reader, &|_every_release| true)?;
    let mut looks = Vec::new();
    let groups = asked.iter().flat_map(|asked| {
        let groups = asked.entries.chunk_by(|a, b| a.advisory == b.advisory);
        groups.map(|group| (asked.version, group))
    });
    for (version, group) in groups {
        let Some((advisory, _)) = group.first().and_then(|entry| advisories.get(&entry.advisory))
        else {
            continue;
        };
        let release = package.release.as_deref();
        let (own, others): (Vec<_>, Vec<_>) = group
            .iter()
            .partition(|entry| applies(&package.ecosystem, release, entry.release) != Applies::No);
        let (verdict, reason) = if own.is_empty() {
            (LookVerdict::OtherRelease, of_other_releases(&package.ecosystem, release, &others))
        } else if advisory.is_no_vulnerability {
            (
                LookVerdict::NoVulnerability,
                "the advisory says that it is no vulnerability".to_owned(),
            )
        } else {
            let mut answers: Vec<(LookVerdict, String)> =
                own.iter().map(|entry| answer(package, version, entry, advisory)).collect();
            answers.sort();
            let is_named_as_fixed = row.origin == Origin::System
                && own
                    .iter()
                    .any(|entry| judge(entry, row.scheme, version, true).is_named_as_fixed);
            match answers.into_iter().next() {
                Some((LookVerdict::Affected, _)) if is_named_as_fixed => {
                    (LookVerdict::Outside, format!("{version} is a version that it names as fixed"))
                }
                Some(first) => first,
                None => continue,
            }
        };
        let told = if own.is_empty() { &others } else { &own };
        looks.push(Look {
            package: package.purl.clone(),
            installed: super::finding::named(package),
            advisory: advisory.id.to_owned(),
            source: format!("{}/{}", advisory.source, row.name),
            revision: advisory.modified,
            releases: releases(told),
            ranges: told
                .iter()
                .flat_map(|entry| ranges(entry))
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
            verdict,
            reason,
        });
    }
    Ok(looks)
}

/// What one entry of the package's release says.
fn answer(
    package: &Package,
    version: &str,
    entry: &Entry<'_>,
    advisory: &AdvisoryRecord<'_>,
) -> (LookVerdict, String) {
    let Some(row) = package.ecosystem.row() else {
        return (LookVerdict::Undecided, format!("{} cannot be matched", package.ecosystem));
    };
    if let Err(error) = compare(row.scheme, version, version) {
        return (LookVerdict::Undecided, error.to_string());
    }
    let judgement = judge(entry, row.scheme, version, true);
    if !builds::fits(package, version, entry)
        || !builds::of_advisory_fits(package, version, entry, advisory.module)
    {
        return (LookVerdict::OtherModule, "it speaks of another module stream".to_owned());
    }
    match (judgement.reasons.first(), judgement.undecided.first()) {
        (Some(_), _) if !entry.status.is_none_or(Status::is_open) => {
            (LookVerdict::Denied, "it says that this version is not affected".to_owned())
        }
        (Some(reason), _) => (LookVerdict::Affected, reason.comparison.clone()),
        (None, Some(error)) => (LookVerdict::Undecided, error.to_string()),
        (None, None) => (LookVerdict::Outside, outside(entry, row.scheme, version)),
    }
}

/// Why a version is in none of an entry's ranges: the nearest bound that keeps it out.
fn outside(entry: &Entry<'_>, scheme: Scheme, version: &str) -> String {
    let order = |bound: &str| compare(scheme, version, bound);
    let bounds = || entry.ranges.iter().flatten().copied();
    let ends = bounds()
        .filter(|(kind, _)| {
            matches!(kind, EventKind::Fixed | EventKind::LastAffected | EventKind::Limit)
        })
        .filter(|(_, bound)| order(bound).is_ok_and(std::cmp::Ordering::is_ge));
    let nearest =
        ends.max_by(|(_, a), (_, b)| compare(scheme, a, b).unwrap_or(std::cmp::Ordering::Equal));
    match nearest {
        Some((EventKind::Fixed, bound)) => {
            format!("{version} >= {bound} by {scheme}, the version that fixes it")
        }
        Some((EventKind::LastAffected, bound)) => {
            format!("{version} > {bound} by {scheme}, the last version that is affected")
        }
        Some((_, bound)) => format!("{version} >= {bound} by {scheme}, where the range ends"),
        None => {
            let mut starts: Vec<&str> = bounds()
                .filter(|(kind, _)| *kind == EventKind::Introduced)
                .map(|(_, bound)| bound)
                .collect();
            starts.sort_by(|a, b| compare(scheme, a, b).unwrap_or(std::cmp::Ordering::Equal));
            match starts.first() {
                Some(first) => {
                    format!("{version} < {first} by {scheme}, the first version that is affected")
                }
                None => {
                    format!("{version} is not among the {} versions listed", entry.versions.len())
                }
            }
        }
    }
}

fn of_other_releases(
    ecosystem: &Ecosystem,
    release: Option<&str>,
    entries: &[&Entry<'_>],
) -> String {
    let spoken = releases(entries).join(", ");
    match (release, spoken.is_empty()) {
        (_, true) => format!("it names no release of {ecosystem}, and so speaks of none"),
        (Some(release), false) => {
            format!("it speaks of {ecosystem} {spoken}; the package is of {ecosystem} {release}")
        }
        (None, false) => {
            format!("it speaks of {ecosystem} {spoken}; the package's release is not known")
        }
    }
}

fn releases(entries: &[&Entry<'_>]) -> Vec<String> {
    let releases: BTreeSet<&str> = entries.iter().filter_map(|entry| entry.release).collect();
    releases.into_iter().map(str::to_owned).collect()
}

/// An entry's ranges as a person reads them.
fn ranges(entry: &Entry<'_>) -> Vec<String> {
    let mut told: Vec<String> = entry
        .ranges
        .iter()
        .map(|range| {
            let events = range.iter().map(|(kind, bound)| match kind {
                EventKind::Introduced => format!("from {bound}"),
                EventKind::Fixed => format!("fixed in {bound}"),
                EventKind::LastAffected => format!("up to {bound}"),
                EventKind::Limit => format!("before {bound}"),
            });
            events.collect::<Vec<_>>().join(", ")
        })
        .collect();
    if !entry.versions.is_empty() {
        told.push(format!("{} versions listed", entry.versions.len()));
    }
    told
}
