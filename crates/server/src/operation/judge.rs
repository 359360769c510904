//! What advisories and VEX documents say, for the store, which keeps the answers and knows no advisory.
//!
//! In: the snapshot in use, or none; VEX documents. Out: a [`Judge`] that answers as a scan would. Odd: the day only decides whether the
//! feed is too old, as it does in a scan.

use std::sync::Arc;

use plimsoll_advisory::{MATCH_VERSION, Snapshot, match_alone, names_asked};
use plimsoll_model::{FeedState, Gap, MatchContext, Package, Timestamp};
use plimsoll_scanner::{gaps_of_matching, is_gap_of_matching};
use plimsoll_store::{Judge, Judged};

use crate::vex::VexDocuments;

/// Answers from a snapshot.
#[derive(Debug, Clone)]
pub struct SnapshotJudge {
    snapshot: Option<Arc<Snapshot>>,
    today: Timestamp,
    vex: Arc<VexDocuments>,
}

impl SnapshotJudge {
    /// Answers from this snapshot, as of today.
    #[must_use]
    pub fn new(snapshot: Option<Arc<Snapshot>>, today: Timestamp) -> Self {
        Self { snapshot, today, vex: Arc::default() }
    }

    /// The same, who hears VEX documents, too.
    #[must_use]
    pub fn with_vex(self, vex: Arc<VexDocuments>) -> Self {
        Self { vex, ..self }
    }
}

impl Judge for SnapshotJudge {
    fn feed(&self) -> Option<FeedState> {
        self.snapshot.as_ref().map(|snapshot| snapshot.state())
    }

    fn version(&self) -> String {
        format!("{} {MATCH_VERSION}{}", env!("CARGO_PKG_VERSION"), self.vex.version())
    }

    fn judge(&self, package: &Package, context: MatchContext) -> Judged {
        let Some(snapshot) = &self.snapshot else { return Judged::default() };
        let mut alone = match_alone(package, snapshot, &context);
        self.vex.decide(package, &mut alone.findings);
        Judged {
            asked: alone.asked,
            findings: alone.findings,
            gaps: alone.gaps,
            installed: alone.installed,
            stale_scores: alone.has_stale_scores,
            until: alone.until,
        }
    }

    fn names(&self, package: &Package) -> Vec<(String, String)> {
        names_asked(package)
    }

    fn gaps(&self, packages: &[&Package], stale_scores: bool) -> Vec<Gap> {
        gaps_of_matching(packages, self.snapshot.as_deref(), stale_scores, self.today)
    }

    fn is_gap_of_matching(&self, gap: &Gap) -> bool {
        is_gap_of_matching(gap)
    }
}
