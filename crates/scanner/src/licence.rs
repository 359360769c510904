//! Licences: what packages say of theirs, in whatever words, and what a policy says of that.
//!
//! In: the packages of a report, a [`LicencePolicy`]. Out: findings of kind licence, and what could not be told. Source:
//! `docs/licences.md`. Odd: of several licences that one may choose from the kindest decides, of several that hold together the
//! harshest; a package without a readable licence is never taken for one that is allowed.

mod category;
mod expression;
mod names;
mod policy;

use std::collections::BTreeMap;

use plimsoll_model::{
    Coverage, Evidence, Finding, Fix, Gap, GapReason, Kind, Level, Package, Report, Subject,
    Timestamp,
};

pub use self::{
    category::Category,
    expression::{Expression, Term},
    policy::{LicencePolicy, LicenceRules, LicenceRuling, RuleProblem, Unknown},
};

/// Who says so, in coverage.
pub const ID: &str = "licences";
/// The id of findings about packages whose licence nobody knows.
pub const UNKNOWN_ID: &str = "unknown-licence";
/// Packages without a known licence that a gap names.
const NAMED: usize = 5;

/// What a package's own words on its licence mean; `None` where that cannot be told.
#[must_use]
pub fn licence_of(package: &Package) -> Option<Expression> {
    let said = package.extra.get("license")?;
    let of_debian = || package.purl.starts_with("pkg:deb/").then(|| Expression::of_debian(said))?;
    Expression::read(said).or_else(of_debian)
}

/// Holds the packages of a report against a policy: adds findings and gaps, in the report's order.
pub fn look(policy: &LicencePolicy, now: Timestamp, report: &mut Report) {
    let mut findings: Vec<Finding> = Vec::new();
    let mut unknown: Vec<&Package> = Vec::new();
    for package in &report.packages {
        let said = package.extra.get("license").map(String::as_str).unwrap_or_default();
        let known = policy.clarified(package).or_else(|| licence_of(package));
        match known {
            Some(expression) => findings.extend(judge(policy, now, package, said, &expression)),
            None if policy.is_excepted(package, None, now) => {}
            None => match policy.unknown {
                Unknown::Ignore => {}
                Unknown::Coverage => unknown.push(package),
                Unknown::Finding => findings.push(not_known(package, said, Level::Unknown)),
                Unknown::Deny => findings.push(not_known(package, said, Level::High)),
            },
        }
    }
    let mut gaps = std::mem::take(&mut report.coverage.gaps);
    gaps.extend(gap(&unknown));
    let mut ran = std::mem::take(&mut report.coverage.ran);
    ran.push(ID.to_owned());
    report.coverage = Coverage::new(ran, gaps);
    report.findings.extend(findings);
    report.findings.sort_by(Finding::compare_urgency);
}

fn judge(
    policy: &LicencePolicy,
    now: Timestamp,
    package: &Package,
    said: &str,
    expression: &Expression,
) -> Option<Finding> {
    let judged = policy.judge(expression);
    let level = match judged.ruling {
        LicenceRuling::Allow => return None,
        LicenceRuling::Warn => Level::Medium,
        LicenceRuling::Deny => Level::High,
    };
    if policy.is_excepted(package, Some(expression), now) {
        return None;
    }
    let category = judged.term.category();
    let verb = if judged.ruling == LicenceRuling::Deny { "denies" } else { "warns of" };
    let mut finding = Finding {
        title: format!("the licence policy {verb} {} ({category})", judged.term),
        ..bare(package, judged.term.to_string(), level, said)
    };
    finding.fix = Some(Fix {
        version: None,
        advice: "replace the package, or make an exception for it in the licence policy".to_owned(),
    });
    finding.extra.extend([
        ("category".to_owned(), category.to_string()),
        ("expression".to_owned(), expression.to_string()),
        ("rule".to_owned(), judged.rule),
        ("ruling".to_owned(), judged.ruling.to_string()),
    ]);
    Some(finding)
}

fn not_known(package: &Package, said: &str, level: Level) -> Finding {
    let title = if said.is_empty() {
        "the package does not say which licence it has".to_owned()
    } else {
        "what the package says of its licence is not understood".to_owned()
    };
    let mut finding = Finding { title, ..bare(package, UNKNOWN_ID.to_owned(), level, said) };
    finding.fix = Some(Fix {
        version: None,
        advice: "find out, and say it in the licence policy (`clarify`)".to_owned(),
    });
    finding
}

fn bare(package: &Package, id: String, level: Level, said: &str) -> Finding {
    let detail = if said.is_empty() {
        format!("{} {} names no licence", package.name, package.version)
    } else {
        let said: String = said.chars().take(200).collect();
        format!("{} {} says `{said}`", package.name, package.version)
    };
    Finding {
        kind: Kind::License,
        record: id.clone(),
        id,
        aliases: Vec::new(),
        advisories: Vec::new(),
        level,
        status: None,
        suppressed: None,
        priority: None,
        score: None,
        urgency: None,
        subject: Subject::Purl(package.purl.clone()),
        title: String::new(),
        evidence: vec![Evidence { location: package.locations.first().cloned(), detail }],
        fix: None,
        views: Vec::new(),
        why: Vec::new(),
        extra: BTreeMap::new(),
    }
}

fn gap(unknown: &[&Package]) -> Option<Gap> {
    let first: Vec<String> =
        unknown.iter().take(NAMED).map(|package| format!("`{}`", package.name)).collect();
    if first.is_empty() {
        return None;
    }
    let more = unknown.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Some(Gap {
        reason: GapReason::UnknownLicence,
        by: ID.to_owned(),
        at: String::new(),
        detail: format!(
            "the licences of {} packages are not known: {}{more}",
            unknown.len(),
            first.join(", ")
        ),
    })
}

#[cfg(test)]
mod tests;
