//! Whether a version is affected by an entry of an advisory.
//!
//! In: an entry's ranges and versions, a version, the scheme. Out: a [`Judgement`]. Source: OSV schema, "Evaluation".
//! Odd: ranges and versions unite; a range is a set of branches (`introduced`, `fixed`, again `introduced` …), and a version
//! is affected if the last event at or below it opens one; a bound that is no version makes its range undecided, never
//! "not affected".

use std::cmp::Ordering;

use plimsoll_model::Scheme;

use crate::{
    collection::EventKind,
    snapshot::reader::Entry,
    version::{VersionError, compare},
};

/// Why an entry speaks of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reason<'a> {
    /// The first version above it that is fixed, if the entry names one.
    pub(super) fix: Option<&'a str>,
    /// What holds it: `[3.0.0, 3.0.14)`.
    pub(super) range: String,
    /// The comparison that was made: `3.0.0 <= 3.0.11 < 3.0.14 by dpkg`.
    pub(super) comparison: String,
}

/// What an entry says of a version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Judgement<'a> {
    /// All reasons why it is affected.
    pub(super) reasons: Vec<Reason<'a>>,
    /// Bounds that are no versions: what they would have said is not known.
    pub(super) undecided: Vec<VersionError>,
    /// The entry names exactly this version as fixed.
    pub(super) is_named_as_fixed: bool,
}

pub(super) fn judge<'a>(
    entry: &Entry<'a>,
    scheme: Scheme,
    version: &str,
    is_comparable: bool,
) -> Judgement<'a> {
    let mut judgement = Judgement::default();
    let version = without_local_part(entry, scheme, version);
    if !is_comparable && entry.ranges.iter().any(|range| holds_everything(range)) {
        let (range, comparison) = ("[0, …)".to_owned(), "every version".to_owned());
        judgement.reasons.push(Reason { fix: None, range, comparison });
    }
    if is_comparable {
        for range in &entry.ranges {
            match within(range, scheme, version) {
                Ok(reason) => judgement.reasons.extend(reason),
                Err(error) => judgement.undecided.push(error),
            }
            judgement.is_named_as_fixed |= range.iter().any(|(kind, bound)| {
                *kind == EventKind::Fixed && compare(scheme, bound, version) == Ok(Ordering::Equal)
            });
        }
    }
    let is_listed = entry.versions.iter().any(|listed| {
        *listed == version
            || (is_comparable && compare(scheme, listed, version) == Ok(Ordering::Equal))
    });
    if is_listed && judgement.reasons.is_empty() {
        let range = format!("the {} versions listed", entry.versions.len());
        let comparison = format!("{version} is among {range}");
        judgement.reasons.push(Reason { fix: next_fix(entry, scheme, version), range, comparison });
    }
    judgement
}

/// A range that every version is in, whatever it looks like.
fn holds_everything(range: &[(EventKind, &str)]) -> bool {
    !range.is_empty()
        && range.iter().all(|(kind, bound)| *kind == EventKind::Introduced && *bound == "0")
}

/// `2.0.0+cu118` is a build of 2.0.0, and what is said of 2.0.0 holds for it: PEP 440, "Version matching". Only where local
/// parts are spoken of themselves they count.
fn without_local_part<'v>(entry: &Entry<'_>, scheme: Scheme, version: &'v str) -> &'v str {
    let bounds = entry.ranges.iter().flatten().map(|(_, bound)| bound);
    match version.split_once('+') {
        Some((public, _))
            if scheme == Scheme::Pep440
                && !bounds.chain(&entry.versions).any(|known| known.contains('+')) =>
        {
            public
        }
        _ => version,
    }
}

/// The branch of a range that holds the version.
fn within<'a>(
    range: &[(EventKind, &'a str)],
    scheme: Scheme,
    version: &str,
) -> Result<Option<Reason<'a>>, VersionError> {
    let mut limits: Vec<(Ordering, &'a str)> = Vec::new();
    let mut opened: Option<&str> = None;
    for (kind, bound) in range {
        match kind {
            EventKind::Introduced => {
                let is_below = *bound == "0" || compare(scheme, bound, version)?.is_le();
                let is_later = match opened {
                    Some(other) => other == "0" || compare(scheme, bound, other)?.is_gt(),
                    None => true,
                };
                if is_below && is_later {
                    opened = Some(bound);
                }
            }
            EventKind::Limit => limits.push((compare(scheme, version, bound)?, bound)),
            EventKind::Fixed | EventKind::LastAffected => {}
        }
    }
    let Some(start) = opened else { return Ok(None) };
    // The version must lie below any of them.
    let limit = limits.iter().find(|(order, _)| order.is_lt()).map(|(_, bound)| *bound);
    if !limits.is_empty() && limit.is_none() {
        return Ok(None);
    }
    let mut end: Option<(EventKind, &'a str)> = None;
    for (kind, bound) in range {
        let closes = match kind {
            EventKind::Fixed => compare(scheme, bound, version)?.is_le(),
            EventKind::LastAffected => compare(scheme, bound, version)?.is_lt(),
            EventKind::Introduced | EventKind::Limit => continue,
        };
        // A bound below the branch's start closed an earlier branch.
        if closes && (start == "0" || compare(scheme, bound, start)?.is_ge()) {
            return Ok(None);
        }
        let is_nearer = match end {
            Some((_, other)) => compare(scheme, bound, other)?.is_lt(),
            None => true,
        };
        if !closes && is_nearer {
            end = Some((*kind, bound));
        }
    }
    let fix = end.and_then(|(kind, bound)| (kind == EventKind::Fixed).then_some(bound));
    let (range, above) = match (end, limit) {
        (Some((EventKind::Fixed, bound)), _) | (None, Some(bound)) => {
            (format!("[{start}, {bound})"), format!(" < {bound}"))
        }
        (Some((_, bound)), _) => (format!("[{start}, {bound}]"), format!(" <= {bound}")),
        (None, None) => (format!("[{start}, …)"), String::new()),
    };
    let comparison = match (start, above.as_str()) {
        ("0", "") => "every version".to_owned(),
        ("0", above) => format!("{version}{above} by {scheme}"),
        (start, above) => format!("{start} <= {version}{above} by {scheme}"),
    };
    Ok(Some(Reason { fix, range, comparison }))
}

/// The highest version up to the given one that the entry names as fixed.
pub(super) fn fix_within<'a>(entry: &Entry<'a>, scheme: Scheme, version: &str) -> Option<&'a str> {
    let holds = |bound: &&'a str| compare(scheme, bound, version).is_ok_and(Ordering::is_le);
    let bounds = entry.ranges.iter().flatten();
    bounds
        .filter(|(kind, _)| *kind == EventKind::Fixed)
        .map(|(_, bound)| *bound)
        .filter(holds)
        .max_by(|a, b| compare(scheme, a, b).unwrap_or(Ordering::Equal))
}

/// The lowest fixed version above the given one in any range.
fn next_fix<'a>(entry: &Entry<'a>, scheme: Scheme, version: &str) -> Option<&'a str> {
    let above = |bound: &&'a str| compare(scheme, bound, version) == Ok(Ordering::Greater);
    let bounds = entry.ranges.iter().flatten();
    bounds
        .filter(|(kind, _)| *kind == EventKind::Fixed)
        .map(|(_, bound)| *bound)
        .filter(above)
        .min_by(|a, b| compare(scheme, a, b).unwrap_or(Ordering::Equal))
}

#[cfg(test)]
mod tests {
    use EventKind::{Fixed, Introduced, LastAffected, Limit};

    use super::*;

    fn entry<'a>(ranges: &[&[(EventKind, &'a str)]], versions: &[&'a str]) -> Entry<'a> {
        Entry {
            advisory: 0,
            release: None,
            status: None,
            severity: None,
            ranges: ranges.iter().map(|range| range.to_vec()).collect(),
            versions: versions.to_vec(),
            cvss: Vec::new(),
            justification: None,
            text: None,
            module: None,
        }
    }

    /// The fix that is answered for an affected version; `None` if it is not affected.
    fn fix<'a>(entry: &Entry<'a>, version: &str) -> Option<Option<&'a str>> {
        judge(entry, Scheme::Semver, version, true).reasons.first().map(|reason| reason.fix)
    }

    #[test]
    fn a_fix_ends_a_range() {
        let entry = entry(&[&[(Introduced, "0"), (Fixed, "2.0.0")]], &[]);
        assert_eq!(fix(&entry, "1.9.9"), Some(Some("2.0.0")));
        assert_eq!(fix(&entry, "2.0.0-rc.1"), Some(Some("2.0.0")));
        assert_eq!(fix(&entry, "2.0.0"), None);
        assert!(judge(&entry, Scheme::Semver, "2.0.0", true).is_named_as_fixed);
    }

    #[test]
    fn branches_are_independent_and_need_no_order() {
        let events =
            [(Fixed, "2.3.0"), (Introduced, "2.0.0"), (Fixed, "1.5.0"), (Introduced, "1.0.0")];
        let entry = entry(&[&events], &[]);
        assert_eq!(fix(&entry, "0.9.0"), None);
        assert_eq!(fix(&entry, "1.0.0"), Some(Some("1.5.0")));
        assert_eq!(fix(&entry, "1.5.0"), None);
        assert_eq!(fix(&entry, "1.9.0"), None);
        assert_eq!(fix(&entry, "2.0.0"), Some(Some("2.3.0")));
        assert_eq!(fix(&entry, "2.3.0"), None);
    }

    #[test]
    fn the_last_affected_version_is_affected() {
        // GHSA-wcg3-cvx6-7396 bounds its range by `0.2`, which is no full semantic version.
        let entry = entry(&[&[(Introduced, "0.1.0"), (LastAffected, "0.2")]], &[]);
        assert_eq!(fix(&entry, "0.2.0"), Some(None));
        assert_eq!(fix(&entry, "0.2.1"), None);
        assert_eq!(fix(&entry, "0.3.36"), None);
    }

    #[test]
    fn without_an_end_everything_after_is_affected() {
        let entry = entry(&[&[(Introduced, "1.0.0")]], &[]);
        assert_eq!(fix(&entry, "99.0.0"), Some(None));
        assert_eq!(fix(&entry, "0.9.0"), None);
    }

    #[test]
    fn limits_bound_a_range() {
        let entry = entry(&[&[(Introduced, "0"), (Limit, "2.0.0")]], &[]);
        assert_eq!(fix(&entry, "1.0.0"), Some(None));
        assert_eq!(fix(&entry, "2.0.0"), None);
    }

    #[test]
    fn ranges_and_versions_unite() {
        let entry = entry(
            &[
                &[(Introduced, "1.0.0"), (Fixed, "1.1.0")],
                &[(Introduced, "3.0.0"), (Fixed, "3.1.0")],
            ],
            &["2.0.0"],
        );
        assert_eq!(fix(&entry, "1.0.5"), Some(Some("1.1.0")));
        assert_eq!(fix(&entry, "2.0.0"), Some(Some("3.1.0")));
        assert_eq!(fix(&entry, "v2.0.0"), Some(Some("3.1.0")));
        assert_eq!(fix(&entry, "3.0.5"), Some(Some("3.1.0")));
        assert_eq!(fix(&entry, "2.0.1"), None);
    }

    #[test]
    fn a_bound_that_is_no_version_is_undecided() {
        let entry = entry(
            &[&[(Introduced, "0"), (Fixed, "soon")], &[(Introduced, "0"), (Fixed, "2.0.0")]],
            &[],
        );
        let judgement = judge(&entry, Scheme::Semver, "1.0.0", true);
        assert_eq!(judgement.undecided.len(), 1);
        assert_eq!(judgement.reasons.len(), 1);
    }

    #[test]
    fn a_version_that_is_none_matches_lists_only() {
        let entry = entry(&[&[(Introduced, "0.1.0")]], &["latest"]);
        let judgement = judge(&entry, Scheme::Semver, "latest", false);
        assert_eq!(judgement.reasons.len(), 1);
        assert!(judge(&entry, Scheme::Semver, "other", false).reasons.is_empty());
    }

    #[test]
    fn a_version_that_is_none_is_within_everything() {
        let everything = entry(&[&[(Introduced, "0")]], &[]);
        assert_eq!(judge(&everything, Scheme::Semver, "latest", false).reasons.len(), 1);
        let fixed = entry(&[&[(Introduced, "0"), (Fixed, "2.0.0")]], &[]);
        assert!(judge(&fixed, Scheme::Semver, "latest", false).reasons.is_empty());
    }

    #[test]
    fn local_parts_count_only_where_they_are_spoken_of() {
        let is_affected = |entry: &Entry<'_>, version: &str| {
            !judge(entry, Scheme::Pep440, version, true).reasons.is_empty()
        };
        let last = entry(&[&[(Introduced, "0"), (LastAffected, "2.0.0")]], &["1.9"]);
        assert!(is_affected(&last, "2.0.0+cu118"));
        assert!(!is_affected(&last, "2.0.1+cu118"));
        assert!(is_affected(&entry(&[], &["2.0.0"]), "2.0.0+cu118"));
        // PYSEC-2025-191, on torch.
        let own = entry(&[&[(Introduced, "0"), (LastAffected, "2.6.0+cu124")]], &[]);
        assert!(is_affected(&own, "2.6.0+cu124"));
        assert!(is_affected(&own, "2.6.0"));
        assert!(!is_affected(&own, "2.6.0+cu126"));
    }
}
