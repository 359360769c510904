//! Recording a scan by its inventory: packages that are known are not matched again, and what is unchanged is not written.
//!
//! In: a lease, what its scan said, and a [`Judge`]. Out: [`RecordOutcome`]. Source: `docs/decisions/`, "Packages are
//! matched once". Odd: new parts are prepared before the write lock is taken; the report is put together again inside the
//! transaction and held against what the scan said, and where the two differ the report is kept whole.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_model::{Digest, MatchContext, Report, Timestamp, Verdict};

use crate::{
    ChangedBy, Judge, Lease, RecordOutcome, ScanRecord, Store, StoreError,
    artifacts::{self, ArtifactKey, Standing},
    column,
    database::Transaction,
    error::Doing,
    findings, fleet,
    history::Occasion,
    inventories::{self, Split},
    inventory_rows::{self, Additions, InventoryRow},
    numbers, own_counters,
    parts::{self, Key, Prepared, sha256},
    scans,
    statement::{self, QueryBuilder},
};

const DOING: &str = "recording a scan";
/// Reports that one transaction takes in.
const AT_ONCE: usize = 250;
/// Inventories that one statement asks for.
const ROWS: usize = 500;

/// Where a report goes.
struct Target {
    artifact: i64,
    inventory: Option<i64>,
    report_digest: Option<Digest>,
    detectors_version: Option<String>,
    verdict: Option<Verdict>,
}

impl Store {
    /// Records a scan by its inventory and ends its task. A report that could not read the image, and one that cannot be
    /// put together again, is recorded as by [`Store::record_scan`].
    ///
    /// # Errors
    /// The report is of another artifact, or the database fails; then nothing was written and the lease still stands.
    pub async fn record_inventory(
        &self,
        lease: &Lease,
        scan: ScanRecord<'_>,
        judge: &dyn Judge,
        now: Timestamp,
    ) -> Result<RecordOutcome, StoreError> {
        if scan.report.coverage.verdict == Verdict::Unreadable {
            return self.record_scan(lease, scan, now).await;
        }
        if scan.report.feed != judge.feed() {
            return Ok(RecordOutcome::OtherSnapshot);
        }
        let Some(split) = inventories::split(scan.report, judge, lease.context)? else {
            return self.record_scan(lease, scan, now).await;
        };
        let prepared = self.prepare(&[&split], judge).await?;
        let mut transaction = self.write().await?;
        let Some(artifact) = scans::leased(&mut transaction, lease).await? else {
            return Ok(RecordOutcome::Dropped);
        };
        if let Some(found) = scan.report.image.digest
            && found != artifact.key.digest
        {
            return Err(StoreError::WrongArtifact { expected: artifact.key.digest, found });
        }
        if !fleet::agrees(&mut transaction, judge).await? {
            return Ok(RecordOutcome::OtherSnapshot);
        }
        let target = target(&mut transaction, &artifact.key).await?;
        let Some(target) = target else { return Ok(RecordOutcome::Dropped) };
        let mut additions = Additions::new();
        let inventory =
            inventory_rows::ensure(&mut transaction, &split, &prepared, judge, now, &mut additions)
                .await?;
        inventory_rows::index(&mut transaction, additions).await?;
        let mut reached = BTreeSet::new();
        let outcome =
            attach(&mut transaction, &target, &split, &inventory, scan, now, &mut reached).await?;
        if outcome == RecordOutcome::Stored
            && artifacts::report(&mut transaction, target.artifact).await?.as_ref()
                != Some(scan.report)
        {
            transaction.rollback().await.doing(DOING)?;
            return self.record_scan(lease, scan, now).await;
        }
        inventory_rows::count_images(&mut transaction, &reached).await?;
        if outcome == RecordOutcome::Stored {
            let changed = if inventory.changed { vec![inventory.id] } else { Vec::new() };
            recount(&mut transaction, &[target.artifact], &changed, now).await?;
        }
        scans::end_task(&mut transaction, lease, scan.report, now).await?;
        transaction.commit().await.doing(DOING)?;
        Ok(outcome)
    }

    /// Takes in reports of artifacts that images name, many at once; scans of them that wait end with it. For imports and
    /// measurements. Returns how many were taken; reports of other artifacts, unreadable ones, and those that cannot be taken apart are not.
    ///
    /// # Errors
    /// The database fails; whole parts of the list may have been taken in before.
    pub async fn take_in(
        &self,
        reports: &[Report],
        detectors_version: &str,
        judge: &dyn Judge,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        let context = MatchContext::default();
        let mut keyed = Vec::with_capacity(reports.len());
        for report in reports {
            if let Some(digest) = report.image.digest {
                keyed.push((ArtifactKey { digest, context }, report));
            }
        }
        self.take_in_as(&keyed, detectors_version, judge, now).await
    }

    /// The same for reports whose artifacts are known otherwise than by the digest that they state.
    pub(crate) async fn take_in_as(
        &self,
        reports: &[(ArtifactKey, &Report)],
        detectors_version: &str,
        judge: &dyn Judge,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        let mut taken = 0;
        for chunk in reports.chunks(AT_ONCE) {
            let mut splits = Vec::with_capacity(chunk.len());
            for (key, report) in chunk {
                if report.coverage.verdict != Verdict::Unreadable
                    && report.feed == judge.feed()
                    && let Some(split) = inventories::split(report, judge, key.context)?
                {
                    splits.push((*key, *report, split));
                }
            }
            let all: Vec<&Split> = splits.iter().map(|(.., split)| split).collect();
            let prepared = self.prepare(&all, judge).await?;
            let mut transaction = self.write().await?;
            if !fleet::agrees(&mut transaction, judge).await? {
                return Ok(taken);
            }
            let mut additions = Additions::new();
            let mut seen: BTreeMap<Key, InventoryRow> = BTreeMap::new();
            let mut reached = BTreeSet::new();
            let (mut artifacts, mut changed) = (Vec::new(), Vec::new());
            for (key, report, split) in &splits {
                let Some(target) = target(&mut transaction, key).await? else { continue };
                let inventory = match seen.get(&split.digest) {
                    Some(inventory) => InventoryRow { changed: false, ..inventory.clone() },
                    None => {
                        inventory_rows::ensure(
                            &mut transaction,
                            split,
                            &prepared,
                            judge,
                            now,
                            &mut additions,
                        )
                        .await?
                    }
                };
                let scan = ScanRecord { report, detectors_version };
                attach(&mut transaction, &target, split, &inventory, scan, now, &mut reached)
                    .await?;
                end_queued(&mut transaction, target.artifact, now).await?;
                artifacts.push(target.artifact);
                changed.extend(inventory.changed.then_some(inventory.id));
                seen.insert(split.digest, inventory);
                taken += 1;
            }
            inventory_rows::index(&mut transaction, additions).await?;
            inventory_rows::count_images(&mut transaction, &reached).await?;
            recount(&mut transaction, &artifacts, &changed, now).await?;
            transaction.commit().await.doing(DOING)?;
        }
        Ok(taken)
    }

    /// Judges the packages that are not stored yet.
    pub(crate) async fn prepare(
        &self,
        splits: &[&Split],
        judge: &dyn Judge,
    ) -> Result<BTreeMap<Key, Prepared>, StoreError> {
        let keys: BTreeSet<Key> =
            splits.iter().flat_map(|split| split.parts.iter().map(|(key, ..)| *key)).collect();
        let keys: Vec<Key> = keys.into_iter().collect();
        let known = parts::known(&mut *self.read().await?, &keys).await?;
        let mut prepared = BTreeMap::new();
        for split in splits {
            for (key, content, json) in &split.parts {
                if !known.contains_key(key) && !prepared.contains_key(key) {
                    let part = content.prepare(json.clone(), judge, split.context)?;
                    prepared.insert(*key, part);
                }
            }
        }
        Ok(prepared)
    }
}

/// Counts the images of artifacts again in which rules hold, and those of inventories that say something else now.
async fn recount(
    transaction: &mut Transaction,
    artifacts: &[i64],
    inventories: &[i64],
    now: Timestamp,
) -> Result<(), StoreError> {
    let artifacts = artifacts.iter().copied().collect();
    own_counters::recount_artifacts(transaction, &artifacts, now).await?;
    own_counters::recount_inventories(transaction, inventories, now).await?;
    Ok(())
}

/// A scan that waits is no longer needed.
async fn end_queued(
    transaction: &mut Transaction,
    artifact: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    statement::query(
        "UPDATE tasks SET state = 'done', finished = $2, succeeded = $2, error = NULL WHERE artifact_id = $1 \
         AND state = 'queued'",
    )
    .bind(artifact)
    .bind(now.0)
    .execute(transaction)
    .await
    .doing(DOING)?;
    Ok(())
}

async fn target(
    transaction: &mut Transaction,
    key: &ArtifactKey,
) -> Result<Option<Target>, StoreError> {
    let row = statement::query(
        "SELECT id, inventory_id, report_digest, detectors_version, verdict FROM artifacts WHERE digest = $1",
    )
    .bind(key.to_string())
    .fetch_optional(transaction)
    .await
    .doing(DOING)?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Target {
        artifact: column::number(&row, "id")?,
        inventory: column::get(&row, "inventory_id")?,
        report_digest: column::optional_parsed(&row, "report_digest", "a digest")?,
        detectors_version: column::get(&row, "detectors_version")?,
        verdict: column::optional_parsed(&row, "verdict", "a coverage verdict")?,
    }))
}

/// Gives an artifact its inventory; writes nothing that is as it was.
async fn attach(
    transaction: &mut Transaction,
    target: &Target,
    split: &Split,
    inventory: &InventoryRow,
    scan: ScanRecord<'_>,
    now: Timestamp,
    reached: &mut BTreeSet<i64>,
) -> Result<RecordOutcome, StoreError> {
    let evaluated = &inventory.evaluated;
    if inventory.changed {
        // The same parts say something else than at the last look: the feed has become old meanwhile.
        let restated = Restated { inventory, has_new_verdict: true, has_new_counters: true };
        restate(transaction, &[restated], Occasion { at: now, by: ChangedBy::Scan }).await?;
    }
    let named = [split.digest.as_slice(), split.identity.as_slice()].concat();
    let digest = Digest::from_bytes(sha256(&named));
    let is_same = target.inventory == Some(inventory.id) && target.report_digest == Some(digest);
    let same_detectors = target.detectors_version.as_deref() == Some(scan.detectors_version);
    if is_same && same_detectors && (inventory.changed || target.verdict == Some(evaluated.verdict))
    {
        let unchanged = !inventory.changed;
        return Ok(if unchanged { RecordOutcome::Unchanged } else { RecordOutcome::Stored });
    }
    statement::query(
        "UPDATE artifacts SET verdict = $2, report_digest = $3, snapshot = NULL, detectors_version = $4, inventory_id = $5, \
         remainder_id = $6 WHERE id = $1",
    )
    .bind(target.artifact)
    .bind(evaluated.verdict.to_string())
    .bind(digest.to_string())
    .bind(scan.detectors_version)
    .bind(inventory.id)
    .bind(inventory.remainder)
    .execute(transaction)
    .await
    .doing(DOING)?;
    if is_same {
        return Ok(RecordOutcome::Unchanged);
    }
    if let Some(before) = target.inventory {
        keep_first_seen(transaction, before, inventory.id, now).await?;
    }
    let standing =
        Standing { artifact: target.artifact, scanned: Some(now), counters: evaluated.counters };
    let occasion = Occasion { at: now, by: ChangedBy::Scan };
    artifacts::set_counters(transaction, &[standing], occasion).await?;
    statement::query(
        "INSERT INTO reports (artifact_id, report) VALUES ($1, $2) \
         ON CONFLICT (artifact_id) DO UPDATE SET report = excluded.report",
    )
    .bind(target.artifact)
    .bind(split.identity.as_slice())
    .execute(transaction)
    .await
    .doing(DOING)?;
    if target.inventory.is_none() && target.report_digest.is_some() {
        findings::replace(transaction, target.artifact, &[], now).await?;
    }
    reached.extend(target.inventory);
    reached.insert(inventory.id);
    Ok(RecordOutcome::Stored)
}

/// What other detectors find again in the same content is known since it was first found: what belongs to no package comes in one
/// part, which is new when anything in it is. A part that was there before keeps its times.
async fn keep_first_seen(
    transaction: &mut Transaction,
    before: i64,
    after: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut remainders = Vec::with_capacity(2);
    for inventory in [before, after] {
        let row = statement::query("SELECT parts FROM inventories WHERE id = $1")
            .bind(inventory)
            .fetch_optional(transaction)
            .await
            .doing(DOING)?;
        let Some(row) = row else { return Ok(()) };
        let parts: &[u8] = column::get(&row, "parts")?;
        let parts = numbers::unpack(parts)
            .ok_or_else(|| inventory_rows::corrupt("inventories.parts", inventory))?;
        remainders.extend(parts.last().copied());
    }
    let [before, after] = remainders.as_slice() else { return Ok(()) };
    if before == after {
        return Ok(());
    }
    statement::query(
        "UPDATE part_findings SET first_seen = (SELECT MIN(o.first_seen) FROM part_findings o WHERE o.part_id = $1 \
         AND o.kind = part_findings.kind AND o.record = part_findings.record) \
         WHERE part_id = $2 AND first_seen = $3 AND EXISTS (SELECT 1 FROM part_findings o WHERE o.part_id = $1 \
         AND o.kind = part_findings.kind AND o.record = part_findings.record)",
    )
    .bind(before)
    .bind(after)
    .bind(now.0)
    .execute(transaction)
    .await
    .doing(DOING)?;
    Ok(())
}

/// An inventory from whose parts something else follows than before.
pub(crate) struct Restated<'a> {
    pub(crate) inventory: &'a InventoryRow,
    pub(crate) has_new_verdict: bool,
    pub(crate) has_new_counters: bool,
}

/// Brings the artifacts of inventories to what follows from their parts now. Answers how many artifacts these are.
pub(crate) async fn restate(
    transaction: &mut Transaction,
    inventories: &[Restated<'_>],
    occasion: Occasion,
) -> Result<u64, StoreError> {
    let mut count = 0_u64;
    for chunk in inventories.chunks(ROWS) {
        let by_id: BTreeMap<i64, &Restated<'_>> =
            chunk.iter().map(|one| (one.inventory.id, one)).collect();
        let mut query = QueryBuilder::new(
            "SELECT id, inventory_id, scanned FROM artifacts WHERE inventory_id IN (",
        );
        let mut listed = query.separated(", ");
        for id in by_id.keys() {
            listed.push_bind(*id);
        }
        query.push(") ORDER BY id");
        let rows = query.build().persistent(false).fetch_all(transaction).await.doing(DOING)?;
        count += u64::try_from(rows.len()).unwrap_or(u64::MAX);
        let mut standings = Vec::with_capacity(rows.len());
        for row in &rows {
            let inventory: i64 = column::number(row, "inventory_id")?;
            let Some(one) = by_id.get(&inventory).filter(|one| one.has_new_counters) else {
                continue;
            };
            standings.push(Standing {
                artifact: column::number(row, "id")?,
                scanned: column::optional_time(row, "scanned")?,
                counters: one.inventory.evaluated.counters,
            });
        }
        artifacts::set_counters(transaction, &standings, occasion).await?;
        for one in chunk.iter().filter(|one| one.has_new_verdict) {
            statement::query(
                "UPDATE artifacts SET verdict = $2 WHERE inventory_id = $1 AND verdict <> $2",
            )
            .bind(one.inventory.id)
            .bind(one.inventory.evaluated.verdict.to_string())
            .execute(transaction)
            .await
            .doing(DOING)?;
        }
    }
    Ok(count)
}
