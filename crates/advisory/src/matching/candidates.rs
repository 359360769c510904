//! What advisories say of one package.
//!
//! In: a package, its ecosystem's row, the snapshot. Out: a [`Statement`] per advisory that affects it, and per advisory that
//! could speak against one of those. Odd, and each covered by a test:
//! * A version that an advisory of a distribution itself names as fixed is fixed, though another entry of the same advisory
//!   has a higher one: rebuilds of one fix for several minor releases stand side by side.
//! * A module's packages (`nodejs:18` on Red Hat's relatives) match advisories of that module stream only, others match
//!   none of a module.
//! * A register of vulnerabilities (`Authority::Tracker`) that lists a version as fixed says that it is not affected, whatever an
//!   announcement says; a source that says so in as many words is always heard. Such statements are only read where
//!   something affects the package, since nearly all of them are about nothing else.
//! * Ubuntu's Pro archive lies on top: what it fixed is fixed, and where only it speaks, it decides.

use std::{borrow::Cow, collections::BTreeSet};

use plimsoll_model::{Gap, GapReason, Origin, Package, Scheme, Status, ecosystem::Row};

use super::{
    MATCHER, builds,
    name::normalized,
    range::{Judgement, Reason, fix_within, judge},
    release::{Applies, applies},
};
use crate::{
    collection::Authority,
    priority::VendorSeverity,
    snapshot::{
        layout::Damaged,
        reader::{AdvisoryRecord, Entry, Reader},
    },
    version::compare,
};

/// What one advisory says of a package.
#[derive(Debug)]
pub(super) struct Statement<'a> {
    pub(super) advisory: AdvisoryRecord<'a>,
    /// Whose advisories were asked.
    pub(super) ecosystem: &'static str,
    pub(super) reason: Reason<'a>,
    pub(super) status: Status,
    /// The status is said in as many words, and does not only follow from a range.
    pub(super) is_explicit: bool,
    pub(super) severity: Option<VendorSeverity>,
    pub(super) cvss: Vec<&'a str>,
    pub(super) justification: Option<&'a str>,
    pub(super) text: Option<&'a str>,
    /// The fix is in an archive for subscribers.
    pub(super) needs_subscription: bool,
}

/// Entries of one advisory that affect nothing, but may say that something is not affected.
struct Quiet<'a, 'e> {
    number: u32,
    authority: Authority,
    entry: &'e Entry<'a>,
    /// The version that it was held against.
    version: &'e str,
    /// Why the entry says so in as many words.
    denial: Option<Reason<'a>>,
}

pub(super) fn statements<'a>(
    package: &Package,
    row: &'static Row,
    reader: &Reader<'a>,
    gaps: &mut Vec<Gap>,
) -> Result<Vec<Statement<'a>>, Damaged> {
    let says = |entry: Option<&str>| applies(&package.ecosystem, package.release.as_deref(), entry);
    let asked = asked(package, row, reader, &|entry| says(entry) != Applies::No)?;
    let mut found = Vec::new();
    let mut quiet: Vec<Quiet<'a, '_>> = Vec::new();
    for Asked { version, entries } in asked.iter().filter(|asked| !asked.entries.is_empty()) {
        let version = *version;
        let comparable = compare(row.scheme, version, version);
        if let Err(error) = &comparable {
            let count = entries.len();
            gaps.push(gap(package, format!("{error}; {count} advisory entries speak of it")));
        }
        for group in entries.chunk_by(|a, b| a.advisory == b.advisory) {
            let Some(number) = group.first().map(|entry| entry.advisory) else { continue };
            let mut judged: Vec<(&Entry<'a>, Judgement<'a>, bool)> = Vec::new();
            for entry in group.iter().filter(|entry| builds::fits(package, version, entry)) {
                let mut judgement = judge(entry, row.scheme, version, comparable.is_ok());
                if entry.status.is_none_or(Status::is_open) {
                    judged.push((
                        entry,
                        judgement,
                        says(entry.release) == Applies::WithSubscription,
                    ));
                } else if let Some(reason) = judgement.reasons.pop() {
                    let authority = reader.authority(number)?;
                    quiet.push(Quiet { number, authority, entry, version, denial: Some(reason) });
                }
            }
            if judged.iter().all(|(_, one, _)| one.reasons.is_empty() && one.undecided.is_empty()) {
                let authority = reader.authority(number)?;
                if let (Ok(_), Some((entry, ..)), true) =
                    (&comparable, judged.first(), authority > Authority::Advisory)
                {
                    quiet.push(Quiet { number, authority, entry, version, denial: None });
                }
                continue;
            }
            let advisory = reader.advisory(number)?;
            if advisory.is_no_vulnerability {
                continue;
            }
            judged.retain(|(entry, ..)| {
                builds::of_advisory_fits(package, version, entry, advisory.module)
            });
            for error in judged.iter().flat_map(|(_, judgement, _)| &judgement.undecided) {
                gaps.push(gap(package, format!("{}: {error}", advisory.id)));
            }
            let named = judged.iter().find(|(_, one, _)| one.is_named_as_fixed);
            if let Some((entry, ..)) = named.filter(|_| row.origin == Origin::System) {
                let authority = advisory.authority;
                if authority > Authority::Advisory {
                    quiet.push(Quiet { number, authority, entry, version, denial: None });
                }
                continue;
            }
            found.extend(decide(advisory, row.name, judged));
        }
    }
    let lowest = found.iter().map(|hit| hit.advisory.authority).min();
    let Some(lowest) = lowest else { return Ok(found) };
    for quiet in quiet {
        let outranks = match quiet.denial {
            Some(_) => quiet.authority >= lowest,
            None => quiet.authority > lowest,
        };
        if outranks {
            found.push(denial(quiet, row, reader)?);
        }
    }
    Ok(found)
}

/// What an advisory that affects nothing says of the version.
fn denial<'a>(
    quiet: Quiet<'a, '_>,
    row: &'static Row,
    reader: &Reader<'a>,
) -> Result<Statement<'a>, Damaged> {
    let (entry, version) = (quiet.entry, quiet.version);
    let advisory = reader.advisory(quiet.number)?;
    let fix = fix_within(entry, row.scheme, version);
    let is_explicit = quiet.denial.is_some();
    let status = match (entry.status, fix) {
        (Some(status), _) if is_explicit => status,
        (_, Some(_)) => Status::Fixed,
        (_, None) => Status::NotAffected,
    };
    let reason = quiet.denial.unwrap_or_else(|| Reason {
        fix,
        range: String::new(),
        comparison: match fix {
            Some(fix) => format!("{version} >= {fix} by {}", row.scheme),
            None => format!("{version} is outside of what is affected"),
        },
    });
    Ok(Statement {
        status,
        is_explicit,
        ecosystem: row.name,
        severity: entry.severity.or(advisory.severity),
        cvss: entry.cvss.iter().chain(&advisory.cvss).copied().collect(),
        justification: entry.justification,
        text: entry.text,
        needs_subscription: false,
        advisory,
        reason,
    })
}

/// One statement out of all entries of an advisory that may affect a package, or none.
fn decide<'a>(
    advisory: AdvisoryRecord<'a>,
    ecosystem: &'static str,
    judged: Vec<(&Entry<'a>, Judgement<'a>, bool)>,
) -> Option<Statement<'a>> {
    let affects = |subscription: bool| {
        let of_archive = || judged.iter().filter(move |(.., pro)| *pro == subscription);
        (of_archive().count() > 0)
            .then(|| of_archive().any(|(_, judgement, _)| !judgement.reasons.is_empty()))
    };
    // Each archive that speaks must say so: the one on top may have fixed what the plain one has not.
    let is_affected = match (affects(false), affects(true)) {
        (Some(plain), Some(pro)) => plain && pro,
        (plain, pro) => plain.or(pro).unwrap_or_default(),
    };
    if !is_affected {
        return None;
    }
    let severity = judged.iter().filter_map(|(entry, ..)| entry.severity).max();
    let mut best: Option<(&Entry<'a>, Reason<'a>, bool)> = None;
    for (entry, judgement, pro) in judged {
        for reason in judgement.reasons {
            // A reason with a fix is worth more than one without, and the plain archive's more than the other's.
            let rank = |reason: &Reason<'_>, pro: bool| (reason.fix.is_some(), !pro);
            if best
                .as_ref()
                .is_none_or(|(_, other, other_pro)| rank(&reason, pro) > rank(other, *other_pro))
            {
                best = Some((entry, reason, pro));
            }
        }
    }
    let (entry, reason, pro) = best?;
    Some(Statement {
        status: entry.status.unwrap_or(Status::Affected),
        is_explicit: entry.status.is_some(),
        ecosystem,
        justification: entry.justification,
        text: entry.text,
        severity: severity.or(advisory.severity),
        cvss: entry.cvss.iter().chain(&advisory.cvss).copied().collect(),
        needs_subscription: pro && reason.fix.is_some(),
        advisory,
        reason,
    })
}

/// What is asked for one package: entries, and the version that they speak of.
pub(super) struct Asked<'a, 'p> {
    pub(super) version: &'p str,
    pub(super) entries: Vec<Entry<'a>>,
}

/// The names that are asked for a package, each with the version that its entries speak of. An rpm has several: SUSE's records
/// in OSV speak of source packages, its own documents of what is built from them, others of `NAME.src`, whose versions have no
/// epoch, as a source package's file name has none.
pub(super) fn names<'p>(package: &'p Package, row: &Row) -> Vec<(Cow<'p, str>, &'p str)> {
    let (name, version) = package.matched_name_and_version();
    let mut names = vec![(normalized(&package.ecosystem, name), version)];
    if row.scheme == Scheme::Rpm {
        if names.iter().all(|(name, _)| *name != package.name) {
            names.push((Cow::Borrowed(&package.name), &package.version));
        }
        let source = package.source.iter();
        names.extend(
            source.map(|source| (Cow::Owned(format!("{}.src", source.name)), &*source.version)),
        );
    }
    names
}

/// The entries that speak of a package; under each further name those of advisories that did not speak of it before.
pub(super) fn asked<'a, 'p>(
    package: &'p Package,
    row: &Row,
    reader: &Reader<'a>,
    wanted: &dyn Fn(Option<&str>) -> bool,
) -> Result<Vec<Asked<'a, 'p>>, Damaged> {
    let mut asked: Vec<Asked<'a, 'p>> = Vec::new();
    for (name, version) in names(package, row) {
        let mut entries = reader.entries(&package.ecosystem.0, &name, wanted)?;
        if !asked.is_empty() {
            let known: BTreeSet<u32> =
                asked.iter().flat_map(|one| &one.entries).map(|entry| entry.advisory).collect();
            entries.retain(|entry| !known.contains(&entry.advisory));
        }
        asked.push(Asked { version, entries });
    }
    Ok(asked)
}

fn gap(package: &Package, detail: String) -> Gap {
    Gap {
        reason: GapReason::UnparsableVersion,
        by: MATCHER.to_owned(),
        at: package.purl.clone(),
        detail,
    }
}
