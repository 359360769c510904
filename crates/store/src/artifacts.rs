//! Artifacts: what a platform manifest's digest names, scanned once however many tags name it in one way of use.
//!
//! In: digests from syncs, reports from scans. Out: [`Artifact`] and its report, put together from its inventory, or kept
//! whole (JSON, zstd) where nobody can match its packages again. Odd: images of one manifest that are used in different ways
//! (`contexts.rs`) have different artifacts, whose keys bear the context behind the digest; an artifact that
//! no image names any more is kept for 30 days, so that a tag that comes back is not scanned again, and then pruned with
//! its findings and its task.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read,
};

use plimsoll_model::{Digest, MatchContext, Report, RiskCounters, Timestamp, Verdict};

use crate::{
    Store, StoreError, TaskStatus, column,
    database::{DatabaseConnection, DatabaseRow, Transaction},
    error::Doing,
    fleet,
    history::{self, Occasion},
    inventories::{self, Frame, StoredPart},
    inventory_rows,
    listing::push_in,
    numbers,
    statement::{self, QueryBuilder},
    tally,
};

/// Reports are our own, but a damaged file must not fill the memory.
const LARGEST_REPORT: u64 = 1 << 30;

/// How long an artifact without images is kept, in seconds.
pub(crate) const KEPT_WITHOUT_IMAGES: i64 = 30 * 86_400;

/// What is known of one scanned or to be scanned manifest.
#[derive(Clone, PartialEq, Debug)]
pub struct Artifact {
    /// The platform manifest's digest.
    pub digest: Digest,
    /// In which its packages are judged.
    pub context: MatchContext,
    /// `linux/amd64`.
    pub platform: String,
    /// Sums over its findings; zeros before the first scan.
    pub counters: RiskCounters,
    /// How completely the newest stored report could look; `None` before the first scan.
    pub verdict: Option<Verdict>,
    /// When it was last scanned with success; a report that could not read the image is none.
    pub scanned: Option<Timestamp>,
    /// Digest of the stored report.
    pub report_digest: Option<Digest>,
    /// The advisory snapshot that the stored report rests on.
    pub snapshot: Option<Digest>,
    /// The detectors' version that the stored report was made with.
    pub detectors_version: Option<String>,
    /// How its scan stands; `None` when none was ever asked for.
    pub task: Option<TaskStatus>,
}

const VERDICT: &str = "a coverage verdict";

/// What tells artifacts apart: `sha256:…`, or `sha256:…;internal/test` where somebody said how the images are used.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct ArtifactKey {
    /// The platform manifest's digest.
    pub(crate) digest: Digest,
    /// In which its packages are judged.
    pub(crate) context: MatchContext,
}

impl std::fmt::Display for ArtifactKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.digest)?;
        if self.context.is_default() { Ok(()) } else { write!(formatter, ";{}", self.context) }
    }
}

/// A text that is no key of an artifact.
#[derive(Debug)]
pub(crate) struct NoArtifactKey;

impl std::str::FromStr for ArtifactKey {
    type Err = NoArtifactKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (digest, context) = match text.split_once(';') {
            Some((digest, context)) => (digest, context.parse().map_err(|_error| NoArtifactKey)?),
            None => (text, MatchContext::default()),
        };
        Ok(Self { digest: digest.parse().map_err(|_error| NoArtifactKey)?, context })
    }
}

/// The columns of an artifact and its task that lists join, but for the numbers: `a` is `artifacts`, `t` is `tasks`.
macro_rules! artifact_columns {
    () => {
        "a.digest AS artifact_digest, a.platform, a.scanned, a.verdict, a.report_digest, \
         CASE WHEN a.inventory_id IS NULL THEN a.snapshot ELSE (SELECT f.snapshot FROM fleet f) END AS snapshot, \
         a.detectors_version, \
         t.state AS task_state, t.attempts AS task_attempts, t.error AS task_error, t.queued AS task_queued, \
         t.finished AS task_finished, t.succeeded AS task_succeeded"
    };
}
pub(crate) use artifact_columns;

const COUNTERS: &str = "a.cve, a.sca, a.asap, a.later, a.nntf, a.baseline_high, a.baseline_medium, a.baseline_low, \
     a.malicious_serious, a.malicious_suspicious, a.malicious_remind, a.top_tenths";

impl Artifact {
    /// Reads the columns of [`artifact_columns`] and of its numbers, or an image's.
    pub(crate) fn from_row(row: &DatabaseRow) -> Result<Self, StoreError> {
        let stored = column::optional_time(row, "scanned")?;
        let succeeded = column::optional_time(row, "task_succeeded")?;
        let key = column::artifact(row, "artifact_digest")?;
        Ok(Self {
            digest: key.digest,
            context: key.context,
            platform: column::text(row, "platform")?,
            counters: column::counters(row)?,
            verdict: column::optional_parsed(row, "verdict", VERDICT)?,
            // A scan that found the same again is noted at the task alone.
            scanned: stored.map(|stored| succeeded.unwrap_or(stored)),
            report_digest: column::optional_parsed(row, "report_digest", "a digest")?,
            snapshot: column::optional_parsed(row, "snapshot", "a digest")?,
            detectors_version: column::get(row, "detectors_version")?,
            task: TaskStatus::from_joined(row)?,
        })
    }
}

impl Store {
    /// One artifact.
    ///
    /// # Errors
    /// The database fails.
    pub async fn artifact(&self, digest: &Digest) -> Result<Option<Artifact>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let Some(artifact) = of_manifest(&mut snapshot, digest).await? else { return Ok(None) };
        let row = statement::query(sqlx::AssertSqlSafe(format!(
            "SELECT {}, {COUNTERS} FROM artifacts a LEFT JOIN tasks t ON t.artifact_id = a.id WHERE a.id = $1",
            artifact_columns!()
        )))
        .bind(artifact)
        .fetch_optional(&mut snapshot)
        .await
        .doing("reading an artifact")?;
        row.map(|row| Artifact::from_row(&row)).transpose()
    }

    /// The stored report of an artifact; `None` before its first scan.
    ///
    /// # Errors
    /// The database fails, or the report in it does not unpack.
    pub async fn artifact_report(&self, digest: &Digest) -> Result<Option<Report>, StoreError> {
        // Parts, places and feed are of one moment.
        let mut snapshot = self.snapshot().await?;
        match of_manifest(&mut snapshot, digest).await? {
            Some(artifact) => report(&mut snapshot, artifact).await,
            None => Ok(None),
        }
    }

    /// Removes artifacts that no image has named for 30 days. Returns how many.
    ///
    /// # Errors
    /// The database fails.
    pub async fn prune_artifacts(&self, now: Timestamp) -> Result<u64, StoreError> {
        const DOING: &str = "removing artifacts without images";
        let before = now.0.saturating_sub(KEPT_WITHOUT_IMAGES);
        let due = statement::query("SELECT 1 FROM artifacts WHERE orphaned <= $1 LIMIT 1")
            .bind(before)
            .fetch_optional(&mut *self.read().await?)
            .await
            .doing(DOING)?;
        if due.is_none() {
            return Ok(0);
        }
        let mut transaction = self.write().await?;
        let done = statement::query(
            "DELETE FROM artifacts WHERE orphaned <= $1 \
             AND NOT EXISTS (SELECT 1 FROM images i WHERE i.artifact_id = artifacts.id)",
        )
        .bind(before)
        .execute(&mut transaction)
        .await
        .doing(DOING)?;
        inventory_rows::prune(&mut transaction).await?;
        transaction.commit().await.doing(DOING)?;
        Ok(done.rows_affected())
    }
}

/// The report of the artifact in that row: kept whole, or put together from its inventory.
pub(crate) async fn report(
    connection: &mut DatabaseConnection,
    artifact: i64,
) -> Result<Option<Report>, StoreError> {
    const DOING: &str = "reading a report";
    let row = statement::query(
        "SELECT a.digest, p.report, a.inventory_id, v.parts, v.places, v.gaps FROM artifacts a \
         JOIN reports p ON p.artifact_id = a.id LEFT JOIN inventories v ON v.id = a.inventory_id WHERE a.id = $1",
    )
    .bind(artifact)
    .fetch_optional(connection)
    .await
    .doing(DOING)?;
    let Some(row) = row else { return Ok(None) };
    let digest = column::artifact(&row, "digest")?.digest;
    let stored: &[u8] = column::get(&row, "report")?;
    let Some(inventory) = column::get::<Option<i64>>(&row, "inventory_id")? else {
        return unpack(stored).map(Some).map_err(|error| StoreError::Corrupt {
            column: format!("reports.report of {digest}"),
            value: error.to_string(),
            expected: "a report as zstd-compressed JSON",
        });
    };
    let held: &[u8] = column::get(&row, "parts")?;
    let held = numbers::unpack(held)
        .ok_or_else(|| inventory_rows::corrupt("inventories.parts", inventory))?;
    let parts = stored_parts(connection, &held).await?;
    let parts: Vec<&StoredPart> = held.iter().filter_map(|id| parts.get(id)).collect();
    let gaps: Option<String> = column::get(&row, "gaps")?;
    let frame = Frame {
        artifact: &digest,
        identity: stored,
        places: column::get(&row, "places")?,
        gaps: gaps.as_deref(),
        feed: fleet::read(connection).await?.and_then(|fleet| fleet.feed),
    };
    inventories::join(frame, &parts).map(Some)
}

/// The artifact of a manifest, whatever the context; that of which nobody said anything, where there is one.
async fn of_manifest(
    connection: &mut DatabaseConnection,
    digest: &Digest,
) -> Result<Option<i64>, StoreError> {
    let keys: Vec<String> = MatchContext::all()
        .map(|context| ArtifactKey { digest: *digest, context }.to_string())
        .collect();
    let mut query = QueryBuilder::new("SELECT id FROM artifacts WHERE ");
    push_in(&mut query, "digest", &keys);
    query.push(
        " ORDER BY CASE WHEN orphaned IS NULL THEN 0 ELSE 1 END, length(digest), digest LIMIT 1",
    );
    let row = query.build().fetch_optional(connection).await.doing("looking for an artifact")?;
    row.map(|row| column::number(&row, "id")).transpose()
}

async fn stored_parts(
    connection: &mut DatabaseConnection,
    ids: &[i64],
) -> Result<BTreeMap<i64, StoredPart>, StoreError> {
    let mut parts = BTreeMap::new();
    for chunk in ids.chunks(500) {
        let mut query = QueryBuilder::new(
            "SELECT id, ecosystem IS NOT NULL AS is_package, content, matched, gaps FROM parts WHERE id IN (",
        );
        let mut listed = query.separated(", ");
        for id in chunk {
            listed.push_bind(*id);
        }
        query.push(")");
        let rows =
            query.build().persistent(false).fetch_all(connection).await.doing("reading parts")?;
        for row in &rows {
            let part = StoredPart {
                content: column::get(row, "content")?,
                matched: column::get(row, "matched")?,
                gaps: column::get(row, "gaps")?,
                is_package: column::flag(row, "is_package")?,
            };
            parts.insert(column::number(row, "id")?, part);
        }
    }
    Ok(parts)
}

/// A report as it is stored, and the digest of what was packed.
pub(crate) fn pack(report: &Report) -> Result<(Vec<u8>, Digest), std::io::Error> {
    let json = serde_json::to_vec(report)?;
    let hash = ring::digest::digest(&ring::digest::SHA256, &json);
    let bytes = <[u8; 32]>::try_from(hash.as_ref()).map_err(std::io::Error::other)?;
    Ok((zstd::encode_all(json.as_slice(), 3)?, Digest::from_bytes(bytes)))
}

pub(crate) fn unpack(packed: &[u8]) -> Result<Report, std::io::Error> {
    let mut json = Vec::new();
    zstd::Decoder::new(packed)?.take(LARGEST_REPORT).read_to_end(&mut json)?;
    Ok(serde_json::from_slice(&json)?)
}

/// The row of an artifact, made if there is none, and no longer an orphan.
pub(crate) async fn ensure(
    transaction: &mut Transaction,
    key: ArtifactKey,
    platform: &str,
) -> Result<i64, StoreError> {
    let row = statement::query(
        "INSERT INTO artifacts (digest, platform) VALUES ($1, $2) \
         ON CONFLICT (digest) DO UPDATE SET orphaned = NULL RETURNING id",
    )
    .bind(key.to_string())
    .bind(platform)
    .fetch_one(transaction)
    .await
    .doing("adding an artifact")?;
    column::number(&row, "id")
}

/// Artifacts whose numbers one statement writes.
const AT_ONCE: usize = 100;

/// Where an artifact stands in every list and ranking.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Standing {
    /// Its row.
    pub artifact: i64,
    /// When a scan could last read it; `None`: never, and then the counters say nothing.
    pub scanned: Option<Timestamp>,
    /// Sums over its findings.
    pub counters: RiskCounters,
}

/// Writes where artifacts stand. Nothing else writes an artifact's counters, risk level or time of scan, so that what is
/// kept beside them (an image's own copy, sums over images, the history) has one place to be kept right.
pub(crate) async fn set_counters(
    transaction: &mut Transaction,
    standings: &[Standing],
    occasion: Occasion,
) -> Result<(), StoreError> {
    history::note(transaction, standings, occasion).await?;
    for chunk in standings.chunks(AT_ONCE) {
        // One statement for many: each costs a way to the database and back.
        let mut query = QueryBuilder::new(
            "WITH new_numbers (artifact_id, scanned, risk_level, cve, sca, asap, later, nntf, baseline_high, baseline_medium, \
             baseline_low, malicious_serious, malicious_suspicious, malicious_remind, top_tenths) AS (",
        );
        query.push_values(chunk, |mut values, standing| {
            let Standing { artifact, scanned, counters } = standing;
            values
                .push_bind(*artifact)
                .push_bind(scanned.map(|scanned| scanned.0))
                .push_bind(scanned.is_some().then_some(i64::from(counters.risk_level())));
            for count in tally::columns(counters) {
                values.push_bind(i64::from(count));
            }
        });
        query.push(
            ") UPDATE artifacts SET scanned = n.scanned, risk_level = n.risk_level, cve = n.cve, sca = n.sca, asap = n.asap, \
             later = n.later, nntf = n.nntf, baseline_high = n.baseline_high, baseline_medium = n.baseline_medium, \
             baseline_low = n.baseline_low, malicious_serious = n.malicious_serious, \
             malicious_suspicious = n.malicious_suspicious, malicious_remind = n.malicious_remind, \
             top_tenths = n.top_tenths, first_scanned = COALESCE(artifacts.first_scanned, n.scanned) FROM new_numbers n WHERE artifacts.id = n.artifact_id",
        );
        let is_full = chunk.len() == AT_ONCE;
        query.build().persistent(is_full).execute(transaction).await.doing("writing counters")?;
    }
    Ok(())
}

/// Marks those of the artifacts that no image names any more, and takes them out of the queue. A scan that runs may end.
pub(crate) async fn mark_orphans(
    transaction: &mut Transaction,
    artifacts: &BTreeSet<i64>,
    now: Timestamp,
) -> Result<(), StoreError> {
    const DOING: &str = "marking artifacts without images";
    for id in artifacts {
        let done = statement::query(
            "UPDATE artifacts SET orphaned = $2 WHERE id = $1 AND orphaned IS NULL \
             AND NOT EXISTS (SELECT 1 FROM images i WHERE i.artifact_id = $1)",
        )
        .bind(id)
        .bind(now.0)
        .execute(transaction)
        .await
        .doing(DOING)?;
        if done.rows_affected() > 0 {
            statement::query("DELETE FROM tasks WHERE artifact_id = $1 AND state = 'queued'")
                .bind(id)
                .execute(transaction)
                .await
                .doing(DOING)?;
        }
    }
    Ok(())
}
