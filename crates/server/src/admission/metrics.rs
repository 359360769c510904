//! What this process answered, counted.
//!
//! In: answers as they are given. Out: the text of `/metrics`. Odd: no label is made of what comes from outside; which image was denied
//! stands in the API server's audit log and in our own.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use plimsoll_store::store_errors;

use crate::metrics::{Counts, Durations, exposition::Exposition};

/// How a review ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    /// Nothing speaks against it.
    Allowed,
    /// Let in, with warnings.
    Warned,
    /// Refused for what is in it, or for what is not known of it.
    Denied,
    /// Of a namespace in which nobody looks, or of a policy that is off.
    Exempt,
    /// It runs no image, none that is new, or none for which a rule holds.
    NotConcerned,
    /// The store could not be asked: let in.
    UnavailableAllowed,
    /// The store could not be asked: refused.
    UnavailableDenied,
    /// The object could not be read: refused.
    Malformed,
    /// What came was no question.
    Refused,
}

impl Outcome {
    const ALL: [Self; 9] = [
        Self::Allowed,
        Self::Warned,
        Self::Denied,
        Self::Exempt,
        Self::NotConcerned,
        Self::UnavailableAllowed,
        Self::UnavailableDenied,
        Self::Malformed,
        Self::Refused,
    ];

    /// The word for it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Warned => "warned",
            Self::Denied => "denied",
            Self::Exempt => "exempt",
            Self::NotConcerned => "not-concerned",
            Self::UnavailableAllowed => "unavailable-allowed",
            Self::UnavailableDenied => "unavailable-denied",
            Self::Malformed => "malformed",
            Self::Refused => "refused",
        }
    }
}

const SECONDS: &[f64; 10] = &[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0];

/// What this process answered.
#[derive(Debug)]
pub(super) struct ReviewMetrics {
    reviews: Counts<9>,
    seconds: Durations<10>,
    connected: AtomicU64,
}

impl Default for ReviewMetrics {
    fn default() -> Self {
        Self {
            reviews: Counts::new(),
            seconds: Durations::new(SECONDS),
            connected: AtomicU64::new(0),
        }
    }
}

impl ReviewMetrics {
    /// Notes an answer.
    pub(super) fn answered(&self, outcome: Outcome, took: Duration) {
        self.reviews.add(outcome as usize);
        self.seconds.add(took);
    }

    /// Notes whether the store could be asked the last time that somebody tried.
    pub(super) fn store_is(&self, there: bool) {
        self.connected.store(u64::from(there), Ordering::Relaxed);
    }

    /// The text.
    pub(super) fn exposition(&self) -> String {
        let mut text = Exposition::default();
        text.gauge("plimsoll_build_info", "The program's version.")
            .sample(&[("version", env!("CARGO_PKG_VERSION"))], 1);
        text.counts(
            "plimsoll_admission_reviews_total",
            "Reviews that this process answered, by how.",
            Outcome::ALL.map(Outcome::as_str),
            &self.reviews,
        );
        text.histogram(
            "plimsoll_admission_review_duration_seconds",
            "From the head of a review to its answer.",
            &self.seconds,
        );
        text.gauge(
            "plimsoll_store_up",
            "Whether the database answered the last time that it was asked.",
        )
        .sample(&[], self.connected.load(Ordering::Relaxed));
        let errors = store_errors();
        let mut family =
            text.counter("plimsoll_store_errors_total", "Statements that failed in this process.");
        family.sample(&[("transient", "true")], errors.transient);
        family.sample(&[("transient", "false")], errors.lasting);
        text.into_text()
    }
}
