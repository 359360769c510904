//! The advisories that affect one package.
//!
//! In: a package, its ecosystem's row, the snapshot. Out: one [`Hit`] per advisory that affects it. Odd, and each covered by
//! a test:
//! * A version that an advisory of a distribution itself names as fixed is fixed, though another entry of the same advisory
//!   has a higher one: rebuilds of one fix for several minor releases stand side by side.
//! * A module's packages (`nodejs:18` on Red Hat's relatives) match advisories of that module stream only, others match
//!   none of a module.
//! * Ubuntu's Pro archive lies on top: what it fixed is fixed, and where only it speaks, it decides.

use plimsoll_model::{Gap, GapReason, Origin, Package, ecosystem::Row};

use super::{
    MATCHER,
    name::normalized,
    range::{Judgement, Reason, judge},
    release::{Applies, applies},
};
use crate::{
    collection::{EventKind, Status},
    priority::VendorSeverity,
    snapshot::{
        layout::Damaged,
        reader::{AdvisoryRecord, Entry, Reader},
    },
    version::compare,
};

/// An advisory that affects a package.
#[derive(Debug)]
pub(super) struct Hit<'a> {
    pub(super) advisory: AdvisoryRecord<'a>,
    pub(super) reason: Reason<'a>,
    pub(super) status: Option<Status>,
    pub(super) severity: Option<VendorSeverity>,
    pub(super) cvss: Vec<&'a str>,
    /// The fix is in an archive for subscribers.
    pub(super) needs_subscription: bool,
}

pub(super) fn hits<'a>(
    package: &Package,
    row: &Row,
    reader: &Reader<'a>,
    gaps: &mut Vec<Gap>,
) -> Result<Vec<Hit<'a>>, Damaged> {
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
    let mut hits = Vec::new();
    for group in entries.chunk_by(|a, b| a.advisory == b.advisory) {
        let advisory = || group.first().map(|entry| reader.advisory(entry.advisory)).transpose();
        let mut judged: Vec<(&Entry<'a>, Judgement<'a>, bool)> = Vec::new();
        for entry in group {
            let judgement = judge(entry, row.scheme, version, comparable.is_ok());
            judged.push((entry, judgement, says(entry.release) == Applies::WithSubscription));
        }
        if judged.iter().all(|(_, one, _)| one.reasons.is_empty() && one.undecided.is_empty()) {
            continue;
        }
        let Some(advisory) = advisory()? else { continue };
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
        hits.extend(decide(advisory, judged));
    }
    Ok(hits)
}

/// One hit out of all entries of an advisory, or none.
fn decide<'a>(
    advisory: AdvisoryRecord<'a>,
    judged: Vec<(&Entry<'a>, Judgement<'a>, bool)>,
) -> Option<Hit<'a>> {
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
    Some(Hit {
        status: entry.status,
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
