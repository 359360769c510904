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

use plimsoll_model::{Gap, GapReason, Origin, Package, Status, ecosystem::Row};

use super::{
    MATCHER,
    name::normalized,
    range::{Judgement, Reason, fix_within, judge},
    release::{Applies, applies},
};
use crate::{
    collection::{Authority, EventKind},
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
    /// Why the entry says so in as many words.
    denial: Option<Reason<'a>>,
}

pub(super) fn statements<'a>(
    package: &Package,
    row: &'static Row,
    reader: &Reader<'a>,
    gaps: &mut Vec<Gap>,
) -> Result<Vec<Statement<'a>>, Damaged> {
    let (name, version) = package.matched_name_and_version();
    let name = normalized(&package.ecosystem, name);
    let release = package.release.as_deref();
    let says = |entry: Option<&str>| applies(&package.ecosystem, release, entry);
    let entries =
        reader.entries(&package.ecosystem.0, &name, &|entry| says(entry) != Applies::No)?;
    if entries.is_empty() {
        return Ok(Vec::new());
    }
    let comparable = compare(row.scheme, version, version);
    if let Err(error) = &comparable {
        gaps.push(gap(package, format!("{error}; {} advisory entries speak of it", entries.len())));
    }
    let mut found = Vec::new();
    let mut quiet: Vec<Quiet<'a, '_>> = Vec::new();
    for group in entries.chunk_by(|a, b| a.advisory == b.advisory) {
        let Some(number) = group.first().map(|entry| entry.advisory) else { continue };
        let mut judged: Vec<(&Entry<'a>, Judgement<'a>, bool)> = Vec::new();
        for entry in group {
            let mut judgement = judge(entry, row.scheme, version, comparable.is_ok());
            if entry.status.is_none_or(Status::is_open) {
                judged.push((entry, judgement, says(entry.release) == Applies::WithSubscription));
            } else if let Some(reason) = judgement.reasons.pop() {
                let authority = reader.authority(number)?;
                quiet.push(Quiet { number, authority, entry, denial: Some(reason) });
            }
        }
        if judged.iter().all(|(_, one, _)| one.reasons.is_empty() && one.undecided.is_empty()) {
            let authority = reader.authority(number)?;
            if let (Ok(_), Some((entry, ..)), true) =
                (&comparable, judged.first(), authority > Authority::Advisory)
            {
                quiet.push(Quiet { number, authority, entry, denial: None });
            }
            continue;
        }
        let advisory = reader.advisory(number)?;
        if advisory.is_no_vulnerability {
            continue;
        }
        judged.retain(|(entry, ..)| module_fits(package, version, entry, advisory.module));
        for error in judged.iter().flat_map(|(_, judgement, _)| &judgement.undecided) {
            gaps.push(gap(package, format!("{}: {error}", advisory.id)));
        }
        if row.origin == Origin::System && judged.iter().any(|(_, one, _)| one.is_named_as_fixed) {
            continue;
        }
        found.extend(decide(advisory, row.name, judged));
    }
    let lowest = found.iter().map(|hit| hit.advisory.authority).min();
    let Some(lowest) = lowest else { return Ok(found) };
    for quiet in quiet {
        let outranks = match quiet.denial {
            Some(_) => quiet.authority >= lowest,
            None => quiet.authority > lowest,
        };
        if outranks {
            found.push(denial(quiet, row, version, reader)?);
        }
    }
    Ok(found)
}

/// What an advisory that affects nothing says of the version.
fn denial<'a>(
    quiet: Quiet<'a, '_>,
    row: &'static Row,
    version: &str,
    reader: &Reader<'a>,
) -> Result<Statement<'a>, Damaged> {
    let entry = quiet.entry;
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

fn module_fits(package: &Package, version: &str, entry: &Entry<'_>, module: Option<&str>) -> bool {
    let is_of_module = |version: &str| version.contains(".module");
    let mut fixes =
        entry.ranges.iter().flatten().filter(|(kind, _)| *kind == EventKind::Fixed).peekable();
    if fixes.peek().is_none() {
        return true;
    }
    let entry_is_of_module = fixes.any(|(_, bound)| is_of_module(bound));
    let own = package.extra.get("modularity").map(String::as_str).filter(|text| !text.is_empty());
    let package_is_of_module = own.is_some() || is_of_module(version);
    if !entry_is_of_module || !package_is_of_module {
        return entry_is_of_module == package_is_of_module;
    }
    match (own, module) {
        // `nodejs:18:8070020230306170237:bd1311ed`: name and stream decide.
        (Some(own), Some(module)) => {
            own == module || own.strip_prefix(module).is_some_and(|rest| rest.starts_with(':'))
        }
        _ => true,
    }
}

fn gap(package: &Package, detail: String) -> Gap {
    Gap {
        reason: GapReason::UnparsableVersion,
        by: MATCHER.to_owned(),
        at: package.purl.clone(),
        detail,
    }
}
