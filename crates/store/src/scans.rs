//! Recording a scan: report, counters, findings and the task's end in one transaction, under the lease's fencing number.
//!
//! In: a lease and what its scan said. Out: [`RecordOutcome`]. Odd: a result whose lease was lost is dropped whole; an
//! unchanged report ends the task and writes nothing else; a report that could not read the image never replaces one
//! that could.

use plimsoll_model::{Report, Timestamp};

use crate::{Lease, Store, StoreError};

/// What a scan said.
#[derive(Clone, Copy, Debug)]
pub struct ScanRecord<'a> {
    /// The report. Its counters and its digest are computed here.
    pub report: &'a Report,
    /// The detectors' version that it was made with.
    pub detectors_version: &'a str,
}

/// What became of a scan's result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RecordOutcome {
    /// Report, counters and the findings that differ were written.
    Stored,
    /// The report is the one that is stored: only the task ended.
    Unchanged,
    /// The lease was lost to another worker, or the artifact is gone: nothing was written.
    Dropped,
}

impl Store {
    /// Records a scan and ends its task.
    ///
    /// # Errors
    /// The database fails; then nothing was written and the lease still stands.
    pub async fn record_scan(
        &self,
        lease: &Lease,
        scan: ScanRecord<'_>,
        now: Timestamp,
    ) -> Result<RecordOutcome, StoreError> {
        todo!("{lease:?} {scan:?} {now}")
    }
}
