//! Recording a scan whole: report, counters, findings and the task's end in one transaction, under the lease's fencing number.
//!
//! In: a lease and what its scan said. Out: [`RecordOutcome`]. Odd: a result whose lease was lost is dropped whole; an
//! unchanged report ends the task and writes nothing else; a report that could not read the image never replaces one
//! that could. What can be matched again without a scan is recorded by `recording` instead.

use std::collections::BTreeSet;

use plimsoll_model::{Digest, GapReason, Report, RiskCounters, Timestamp, Verdict};

use crate::{
    ChangedBy, FailReason, Lease, Store, StoreError,
    artifacts::{self, ArtifactKey, Standing},
    column,
    database::Transaction,
    error::Doing,
    findings,
    history::Occasion,
    inventory_rows, own_counters, statement, tasks,
};

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
    /// The report says that the image could not be read: the task ended as failed. It was stored only where no earlier
    /// report could read the image, so that people see why; the image still counts as not scanned.
    Unreadable,
    /// The lease was lost to another worker, or the artifact is gone: nothing was written.
    Dropped,
    /// The report rests on another snapshot than the rest of the fleet: nothing was written, and the lease still stands.
    OtherSnapshot,
}

const DOING: &str = "recording a scan";

impl Store {
    /// Records a scan and ends its task.
    ///
    /// # Errors
    /// The report is of another artifact, or the database fails; then nothing was written and the lease still stands.
    pub async fn record_scan(
        &self,
        lease: &Lease,
        scan: ScanRecord<'_>,
        now: Timestamp,
    ) -> Result<RecordOutcome, StoreError> {
        let (packed, report_digest) = artifacts::pack(scan.report).map_err(|source| {
            StoreError::Database { doing: DOING, source: Box::new(source), transient: false }
        })?;
        let mut transaction = self.write().await?;
        let Some(artifact) = leased(&mut transaction, lease).await? else {
            return Ok(RecordOutcome::Dropped);
        };
        if let Some(found) = scan.report.image.digest
            && found != artifact.key.digest
        {
            return Err(StoreError::WrongArtifact { expected: artifact.key.digest, found });
        }
        let unreadable = scan.report.coverage.verdict == Verdict::Unreadable;
        let outcome = if unreadable && artifact.readable {
            RecordOutcome::Unreadable
        } else if artifact.report_digest == Some(report_digest) {
            if unreadable { RecordOutcome::Unreadable } else { RecordOutcome::Unchanged }
        } else {
            let report = Packed { packed, digest: report_digest };
            write_artifact(&mut transaction, artifact.id, scan, &report, now).await?;
            if unreadable { RecordOutcome::Unreadable } else { RecordOutcome::Stored }
        };
        end_task(&mut transaction, lease, scan.report, now).await?;
        transaction.commit().await.doing(DOING)?;
        Ok(outcome)
    }
}

pub(crate) struct LeasedArtifact {
    id: i64,
    pub(crate) key: ArtifactKey,
    report_digest: Option<Digest>,
    /// Whether the stored report could read the image.
    readable: bool,
}

struct Packed {
    packed: Vec<u8>,
    digest: Digest,
}

/// The artifact of a lease that still stands.
pub(crate) async fn leased(
    transaction: &mut Transaction,
    lease: &Lease,
) -> Result<Option<LeasedArtifact>, StoreError> {
    let row = statement::query(
        "SELECT a.id, a.digest, a.report_digest, a.scanned FROM tasks t JOIN artifacts a ON a.id = t.artifact_id \
         WHERE t.id = $1 AND t.generation = $2 AND t.state = 'running'",
    )
    .bind(lease.task_id)
    .bind(lease.generation)
    .fetch_optional(transaction)
    .await
    .doing(DOING)?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(LeasedArtifact {
        id: column::number(&row, "id")?,
        key: column::artifact(&row, "digest")?,
        report_digest: column::optional_parsed(&row, "report_digest", "a digest")?,
        readable: column::optional_time(&row, "scanned")?.is_some(),
    }))
}

async fn write_artifact(
    transaction: &mut Transaction,
    artifact: i64,
    scan: ScanRecord<'_>,
    report: &Packed,
    now: Timestamp,
) -> Result<(), StoreError> {
    let readable = scan.report.coverage.verdict != Verdict::Unreadable;
    let row = statement::query("SELECT inventory_id FROM artifacts WHERE id = $1")
        .bind(artifact)
        .fetch_one(transaction)
        .await
        .doing(DOING)?;
    let before: Option<i64> = column::get(&row, "inventory_id")?;
    statement::query(
        "UPDATE artifacts SET verdict = $2, report_digest = $3, snapshot = $4, detectors_version = $5, inventory_id = NULL, \
         remainder_id = NULL WHERE id = $1",
    )
    .bind(artifact)
    .bind(scan.report.coverage.verdict.to_string())
    .bind(report.digest.to_string())
    .bind(scan.report.feed.as_ref().map(|feed| feed.snapshot.to_string()))
    .bind(scan.detectors_version)
    .execute(transaction)
    .await
    .doing(DOING)?;
    let scanned = readable.then_some(now);
    let standing = Standing { artifact, scanned, counters: RiskCounters::of(scan.report) };
    let occasion = Occasion { at: now, by: ChangedBy::Scan };
    artifacts::set_counters(transaction, &[standing], occasion).await?;
    inventory_rows::count_images(transaction, &before.into_iter().collect()).await?;
    statement::query(
        "INSERT INTO reports (artifact_id, report) VALUES ($1, $2) \
         ON CONFLICT (artifact_id) DO UPDATE SET report = excluded.report",
    )
    .bind(artifact)
    .bind(report.packed.as_slice())
    .execute(transaction)
    .await
    .doing(DOING)?;
    findings::replace(transaction, artifact, &scan.report.findings, now).await?;
    own_counters::recount_artifacts(transaction, &BTreeSet::from([artifact]), now).await?;
    Ok(())
}

/// Done, or failed when the image could not be read: such a scan is tried again by hand, after a day, or with the next
/// snapshot.
pub(crate) async fn end_task(
    transaction: &mut Transaction,
    lease: &Lease,
    report: &Report,
    now: Timestamp,
) -> Result<(), StoreError> {
    let error = (report.coverage.verdict == Verdict::Unreadable).then(|| {
        let gap = report.coverage.gaps.iter().find(|gap| gap.reason == GapReason::UnreadableImage);
        gap.map_or_else(|| "the image could not be read".to_owned(), |gap| gap.detail.clone())
    });
    statement::query(
        "UPDATE tasks SET state = $3, finished = $4, succeeded = COALESCE($5, succeeded), error = $6, reason = $7, \
         worker = NULL, lease_until = NULL WHERE id = $1 AND generation = $2",
    )
    .bind(lease.task_id)
    .bind(lease.generation)
    .bind(if error.is_some() { "failed" } else { "done" })
    .bind(now.0)
    .bind(error.is_none().then_some(now.0))
    .bind(error.as_deref().map(tasks::cut))
    .bind(error.is_some().then_some(FailReason::Unreadable.as_str()))
    .execute(transaction)
    .await
    .doing(DOING)?;
    Ok(())
}
