//! What a snapshot cannot answer, whatever the packages' versions.
//!
//! In: packages, a snapshot. Out: gaps, one per ecosystem and release. Odd: silence of a feed that is not there looks exactly
//! like a clean image; this is where the difference is made. The starter feed knows every ecosystem a little, so it is a
//! gap as a whole.

use std::collections::BTreeMap;

use plimsoll_model::{Ecosystem, Gap, GapReason, Package};

use super::{
    MATCHER,
    release::{Applies, applies, is_bound},
    upstream,
};
use crate::snapshot::Snapshot;

/// EPSS scores older than this many days, seen from the snapshot's date, are not used.
pub const STALE_SCORES_DAYS: i64 = 30;

/// Ecosystems and releases of the packages that no advisory source in the snapshot speaks of.
pub(super) fn of_ecosystems(packages: &[&Package], snapshot: &Snapshot) -> Vec<Gap> {
    let mut counts: BTreeMap<(&Ecosystem, Option<&str>), usize> = BTreeMap::new();
    for package in packages.iter().filter(|package| !upstream::is_generic(package)) {
        *counts.entry((&package.ecosystem, package.release.as_deref())).or_default() += 1;
    }
    let state = snapshot.state();
    let starter = (state.starter && !packages.is_empty()).then(|| Gap {
        reason: GapReason::FeedMissing,
        by: MATCHER.to_owned(),
        at: String::new(),
        detail: format!(
            "only the starter feed of {} advisories is in place: import or update the feeds",
            snapshot.counts().advisories
        ),
    });
    counts
        .into_iter()
        .filter_map(|((ecosystem, release), count)| of_release(ecosystem, release, count, snapshot))
        .chain(starter)
        .collect()
}

fn of_release(
    ecosystem: &Ecosystem,
    release: Option<&str>,
    count: usize,
    snapshot: &Snapshot,
) -> Option<Gap> {
    let gap =
        |reason, detail| Some(Gap { reason, by: MATCHER.to_owned(), at: String::new(), detail });
    let packages = if count == 1 { "1 package".to_owned() } else { format!("{count} packages") };
    if ecosystem.row().is_none() {
        let detail =
            format!("{packages} of {ecosystem}: advisories of {ecosystem} cannot be matched");
        return gap(GapReason::UnsupportedDistribution, detail);
    }
    let known = snapshot.reader().coverage(&ecosystem.0).unwrap_or_default();
    if known.is_empty() {
        let detail =
            format!("{packages} of {ecosystem}: the snapshot has no advisories for {ecosystem}");
        return gap(GapReason::FeedMissing, detail);
    }
    let Some(release) = release else {
        if is_bound(ecosystem) {
            let detail = format!("{packages} of {ecosystem}: the release is not known");
            return gap(GapReason::UnknownDistribution, detail);
        }
        return None;
    };
    let is_known =
        known.iter().any(|(entry, _)| applies(ecosystem, Some(release), *entry) != Applies::No);
    if is_known {
        return None;
    }
    let detail = format!(
        "{packages} of {ecosystem} {release}: the snapshot has no advisories for this release"
    );
    gap(GapReason::UnsupportedDistribution, detail)
}

/// The warning that scores were too old to be used.
pub(super) fn stale_scores(snapshot: &Snapshot) -> Gap {
    let state = snapshot.state();
    let source = state.sources.iter().find(|source| source.name == "epss");
    let detail = match source {
        Some(source) => format!(
            "EPSS scores are of {}, more than {STALE_SCORES_DAYS} days before the other data ({}), and were not used",
            source.date.date(),
            state.date.date()
        ),
        None => "EPSS scores are too old and were not used".to_owned(),
    };
    Gap { reason: GapReason::FeedStale, by: "epss".to_owned(), at: String::new(), detail }
}
