//! What this process did, counted.
//!
//! In: claims, scans, syncs as they happen. Out: numbers that only grow, for [`exposition`]. Source: Prometheus, "Writing
//! exporters" and "Metric and label naming". Odd:
//! * What stands in the database (queue, messages, registries) is not counted here but asked for, since several processes share it.
//! * No label is made of what comes from outside: images, registries and hosts would be a series each.

pub(crate) mod exposition;
mod gather;

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

pub(crate) use self::gather::gather;

/// How the work on a task ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ScanOutcome {
    /// A report that differs from the one before.
    Stored,
    /// The report is the one that was there.
    Unchanged,
    /// The report says that the image cannot be read.
    Unreadable,
    /// It failed, and is tried again.
    Retried,
    /// It failed, and is given up.
    Failed,
    /// It was given back, for a stop or another snapshot.
    GivenBack,
    /// Another worker has it, or it was cancelled: nothing was written.
    Lost,
    /// The database did not take the end.
    Unrecorded,
}

impl ScanOutcome {
    const ALL: [Self; 8] = [
        Self::Stored,
        Self::Unchanged,
        Self::Unreadable,
        Self::Retried,
        Self::Failed,
        Self::GivenBack,
        Self::Lost,
        Self::Unrecorded,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Unchanged => "unchanged",
            Self::Unreadable => "unreadable",
            Self::Retried => "retried",
            Self::Failed => "failed",
            Self::GivenBack => "given-back",
            Self::Lost => "lost",
            Self::Unrecorded => "unrecorded",
        }
    }
}

/// What a worker got when it asked for a task.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ClaimOutcome {
    /// A task.
    Taken,
    /// Nothing was to be done.
    Empty,
    /// The database failed.
    Failed,
}

impl ClaimOutcome {
    const ALL: [Self; 3] = [Self::Taken, Self::Empty, Self::Failed];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Empty => "empty",
            Self::Failed => "failed",
        }
    }
}

/// Counted by kind, of which there are `N`.
#[derive(Debug)]
pub(crate) struct Counts<const N: usize>([AtomicU64; N]);

impl<const N: usize> Counts<N> {
    pub(crate) const fn new() -> Self {
        Self([const { AtomicU64::new(0) }; N])
    }

    pub(crate) fn add(&self, place: usize) {
        if let Some(count) = self.0.get(place) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn all(&self) -> [u64; N] {
        std::array::from_fn(|place| {
            self.0.get(place).map_or(0, |count| count.load(Ordering::Relaxed))
        })
    }
}

/// How long things took: how many took at most so many seconds.
#[derive(Debug)]
pub(crate) struct Durations<const N: usize> {
    bounds: &'static [f64; N],
    counts: Counts<N>,
    longer: AtomicU64,
    microseconds: AtomicU64,
}

impl<const N: usize> Durations<N> {
    pub(crate) const fn new(bounds: &'static [f64; N]) -> Self {
        let (longer, microseconds) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { bounds, counts: Counts::new(), longer, microseconds }
    }

    /// Counts one.
    pub(crate) fn add(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        match self.bounds.iter().position(|bound| seconds <= *bound) {
            Some(place) => self.counts.add(place),
            None => {
                self.longer.fetch_add(1, Ordering::Relaxed);
            }
        }
        let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.microseconds.fetch_add(microseconds, Ordering::Relaxed);
    }
}

const CLAIM_SECONDS: &[f64; 9] = &[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2.0];
const SCAN_SECONDS: &[f64; 11] = &[0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0];

/// What this process did.
#[derive(Debug)]
pub(crate) struct Metrics {
    scans: Counts<8>,
    scan_seconds: Durations<11>,
    running: AtomicU64,
    claims: Counts<3>,
    claim_seconds: Durations<9>,
    syncs: Counts<2>,
    sync_seconds: Durations<11>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            scans: Counts::new(),
            scan_seconds: Durations::new(SCAN_SECONDS),
            running: AtomicU64::new(0),
            claims: Counts::new(),
            claim_seconds: Durations::new(CLAIM_SECONDS),
            syncs: Counts::new(),
            sync_seconds: Durations::new(SCAN_SECONDS),
        }
    }
}

/// A worker has a task.
#[derive(Debug)]
pub(crate) struct Scanning<'m>(&'m Metrics);

impl Drop for Scanning<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Metrics {
    /// Notes that a worker has a task, until what it gives is dropped.
    pub(crate) fn scan_begins(&self) -> Scanning<'_> {
        self.running.fetch_add(1, Ordering::SeqCst);
        Scanning(self)
    }

    /// Notes how the work on a task ended.
    pub(crate) fn scan_ended(&self, outcome: ScanOutcome, took: Duration) {
        self.scans.add(outcome as usize);
        self.scan_seconds.add(took);
    }

    /// Tasks that workers of this process have.
    pub(crate) fn running(&self) -> u64 {
        self.running.load(Ordering::SeqCst)
    }

    /// Notes that a worker asked for a task.
    pub(crate) fn claimed(&self, outcome: ClaimOutcome, took: Duration) {
        self.claims.add(outcome as usize);
        self.claim_seconds.add(took);
    }

    /// Notes that a registry was synced, well or not.
    pub(crate) fn synced(&self, well: bool, took: Duration) {
        self.syncs.add(usize::from(!well));
        self.sync_seconds.add(took);
    }
}
