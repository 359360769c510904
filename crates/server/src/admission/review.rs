//! One review, from the question to the answer.
//!
//! In: a question, the policy in use, the store if it is there. Out: an [`Answer`], before the deadline. Odd: whatever the store does,
//! there is an answer: one that does not come in time is the policy's word for that. A statement that fails because its connection was
//! lost is tried again, since the database may have been back for long.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use plimsoll_scanner::{PolicyVerdict, policy::AdmissionMode};
use plimsoll_store::{Store, StoreError};
use tokio::{
    sync::{Semaphore, watch},
    time::{Instant, timeout_at},
};

use super::{
    answer::{Answer, Weighed},
    judge::{Concerned, concerned, judge},
    kept::Kept,
    metrics::{Outcome, ReviewMetrics},
    object::{Workload, workload},
    policy_file::{PolicyFileError, PolicyInUse},
    request::{RequestError, ReviewRequest},
};
use crate::{clock::Clock, operation::error_chain};

/// Reviews that are answered at once; more wait, within their deadline.
const AT_ONCE: usize = 64;
/// How often what failed for a lost connection is asked.
const TRIES: u32 = 3;

/// Answers reviews.
pub(super) struct Reviewer {
    in_use: RwLock<Arc<InUse>>,
    store: watch::Sender<Option<Store>>,
    /// For reviews that are answered at once.
    pub(super) places: Semaphore,
    /// What was answered.
    pub(super) metrics: ReviewMetrics,
    /// How long an answer may take.
    pub(super) timeout: Duration,
    clock: Clock,
}

/// A policy, and what was decided by it a moment ago.
struct InUse {
    policy: PolicyInUse,
    kept: Kept,
}

/// An answer to a review from a file.
#[derive(Debug)]
pub struct Reviewed {
    /// The `AdmissionReview`, as JSON.
    pub document: String,
    /// Whether it may.
    pub allowed: bool,
}

/// Why a review from a file has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ReviewFileError {
    /// It is no review.
    #[error("{0}")]
    Request(String),
    /// The policy.
    #[error(transparent)]
    Policy(#[from] PolicyFileError),
    /// The answer cannot be written.
    #[error("the answer cannot be written")]
    Answer(#[from] serde_json::Error),
}

/// Answers a review as the webhook would.
///
/// # Errors
/// The text is no review, or the policy none.
pub async fn review_text(
    store: &Store,
    policy: &std::path::Path,
    body: &[u8],
    clock: Clock,
) -> Result<Reviewed, ReviewFileError> {
    let request = ReviewRequest::read(body)
        .map_err(|error: RequestError| ReviewFileError::Request(error.to_string()))?;
    let patience = Duration::from_secs(60);
    let reviewer = Reviewer::new(PolicyInUse::read(policy)?, patience, clock);
    reviewer.has(store.clone());
    let answer = reviewer.answer(&request, Instant::now() + patience).await;
    Ok(Reviewed { document: answer.document(&request.uid)?, allowed: answer.is_allowed() })
}

impl Reviewer {
    pub(super) fn new(policy: PolicyInUse, timeout: Duration, clock: Clock) -> Self {
        Self {
            in_use: RwLock::new(Arc::new(InUse { policy, kept: Kept::default() })),
            store: watch::Sender::new(None),
            places: Semaphore::new(AT_ONCE),
            metrics: ReviewMetrics::default(),
            timeout,
            clock,
        }
    }

    /// The store was opened.
    pub(super) fn has(&self, store: Store) {
        self.metrics.store_is(true);
        self.store.send_replace(Some(store));
    }

    /// The store, once it was opened.
    pub(super) fn store(&self) -> Option<Store> {
        self.store.borrow().clone()
    }

    /// Exchanges the policy. Returns whether it is another one.
    pub(super) fn follow(&self, policy: PolicyInUse) -> bool {
        let mut in_use = self.in_use.write().unwrap_or_else(PoisonError::into_inner);
        if in_use.policy.mark == policy.mark {
            return false;
        }
        *in_use = Arc::new(InUse { policy, kept: Kept::default() });
        true
    }

    /// Answers before the deadline.
    pub(super) async fn answer(&self, request: &ReviewRequest<'_>, deadline: Instant) -> Answer {
        let in_use = Arc::clone(&self.in_use.read().unwrap_or_else(PoisonError::into_inner));
        let policy = &in_use.policy.policy;
        if policy.mode == AdmissionMode::Off {
            return Answer::unseen(Outcome::Exempt, "off");
        }
        if policy.is_exempt(request.namespace()) {
            return Answer::unseen(Outcome::Exempt, "exempt");
        }
        let workload = match workload(request) {
            Ok(Some(workload)) => workload,
            Ok(None) => return Answer::unseen(Outcome::NotConcerned, "not-concerned"),
            Err(error) => {
                let is_hard = policy.mode == AdmissionMode::Enforce;
                return Answer::malformed(is_hard, &error.to_string());
            }
        };
        let mut concerned = concerned(policy, request.namespace(), &workload);
        concerned.retain(|one| policy.mode_of(one.rule) != AdmissionMode::Off);
        if concerned.is_empty() {
            return Answer::unseen(Outcome::NotConcerned, "not-concerned");
        }
        let judging = self.judge_all(&in_use, &concerned, &workload);
        let problem = match timeout_at(deadline, judging).await {
            Ok(Ok(weighed)) => {
                self.metrics.store_is(true);
                return Answer::of(&weighed, &in_use.policy.mark);
            }
            Ok(Err(problem)) => problem,
            Err(_elapsed) if self.store().is_none() => {
                "the database was not reached since the start".to_owned()
            }
            Err(_elapsed) => "the database did not answer in time".to_owned(),
        };
        self.metrics.store_is(false);
        tracing::warn!(error = problem, "review without the store");
        let is_hard =
            concerned.iter().any(|one| policy.mode_of(one.rule) == AdmissionMode::Enforce);
        let is_refused = is_hard && policy.unavailable == PolicyVerdict::Deny;
        Answer::away(is_refused, &problem, &in_use.policy.mark)
    }

    async fn judge_all<'a>(
        &self,
        in_use: &'a InUse,
        concerned: &[Concerned<'a>],
        workload: &Workload,
    ) -> Result<Vec<Weighed<'a>>, String> {
        // A process that has just begun opens it meanwhile.
        let mut opened = self.store.subscribe();
        let opened = opened.wait_for(Option::is_some).await.map(|store| (*store).clone());
        let Ok(Some(store)) = opened else { return Err("the process ends".to_owned()) };
        let now = self.clock.now();
        let mut weighed = Vec::with_capacity(concerned.len());
        for one in concerned {
            let mut tried = 0;
            let judged = loop {
                tried += 1;
                match judge(&store, &in_use.kept, one, &workload.machine, now).await {
                    Ok(judged) => break judged,
                    Err(error) if tried < TRIES && error.is_transient() => {}
                    Err(error) => return Err(told(&error)),
                }
            };
            let mode = in_use.policy.policy.mode_of(one.rule);
            weighed.push(Weighed { rule: &one.rule.name, mode, judged });
        }
        Ok(weighed)
    }
}

/// What of an error may stand in an answer: the database's own words may name hosts and accounts.
fn told(error: &StoreError) -> String {
    tracing::debug!(error = error_chain(error), "store not asked");
    error.to_string()
}
