//! Giving images the artifacts of their contexts.
//!
//! In: settings, images, where they run, and a [`Judge`]. Out: images whose artifact is judged as they are used. Odd:
//! * What an image holds is known already: its packages are judged again in the other context, and it is not scanned for it.
//!   Only what no scan read yet, and what is kept whole, waits for a scan.
//! * Some hundred images a transaction; what is left is done by the next call, after a crash too.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use plimsoll_model::{ContextSetting, Digest, ImageInUse, MatchContext, Package, Timestamp};

use super::{DOING, clusters, settings};
use crate::{
    ChangedBy, Judge, Origin, Store, StoreError,
    artifacts::{self, ArtifactKey, Standing},
    column,
    database::{DatabaseConnection, Transaction},
    error::Doing,
    fleet,
    history::{self, Occasion},
    images::join_path,
    inventories::{self, Split},
    inventory_rows::{self, Additions, InventoryRow, corrupt},
    listing::{current_change, push_in},
    numbers, own_counters,
    parts::{Content, Remainder},
    statement::{self, QueryBuilder},
    tasks,
};

/// Images that are read at once.
const PAGE: i64 = 20_000;
/// Artifacts that one transaction gives a twin.
const AT_ONCE: usize = 100;
/// Rows of one statement.
const ROWS: usize = 500;

/// How far images follow their contexts.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Settled {
    /// The last change of images and workloads that was looked at.
    change: i64,
    /// What was said then.
    settings: Vec<ContextSetting>,
    /// Images that got another artifact.
    pub moved: u64,
    /// Nothing is left to do: else the fleet is being brought to another snapshot than the judge's, or it was told to stop.
    pub is_done: bool,
}

/// Images of one artifact that are used in another way than it is judged.
type Moves = BTreeMap<(i64, MatchContext), Vec<i64>>;

/// An artifact that images leave.
struct Source {
    id: i64,
    digest: Digest,
    platform: String,
    registry: i64,
    scanned: Option<Timestamp>,
    inventory: Option<i64>,
}

/// What an inventory is made of.
struct Held {
    parts: Vec<i64>,
    places: Vec<u8>,
}

impl Store {
    /// Gives images the artifacts of their contexts. `before`: what the last call answered; what did not change since is not
    /// looked at.
    ///
    /// # Errors
    /// The database fails; what was done stays.
    pub async fn settle_contexts(
        &self,
        judge: Arc<dyn Judge>,
        before: Option<&Settled>,
        now: Timestamp,
        go_on: &(dyn Fn() -> bool + Sync),
    ) -> Result<Settled, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let mut settled = Settled {
            change: current_change(&mut snapshot).await?,
            settings: settings(&mut snapshot).await?,
            moved: 0,
            is_done: true,
        };
        if before.is_some_and(|before| {
            before.is_done
                && before.settings == settled.settings
                && (before.change == settled.change || settled.settings.is_empty())
        }) {
            return Ok(settled);
        }
        let moves = wanted(&mut snapshot, &settled.settings).await?;
        drop(snapshot);
        let moves: Vec<((i64, MatchContext), Vec<i64>)> = moves.into_iter().collect();
        for chunk in moves.chunks(AT_ONCE) {
            let moved = if go_on() { self.move_some(chunk, &judge, now).await? } else { None };
            let Some(moved) = moved else {
                settled.is_done = false;
                break;
            };
            settled.moved += moved;
        }
        if settled.moved > 0 {
            self.hint_tasks();
        }
        Ok(settled)
    }

    /// Gives some artifacts twins and moves their images there; `None`: the fleet is matched with another snapshot.
    async fn move_some(
        &self,
        moves: &[((i64, MatchContext), Vec<i64>)],
        judge: &Arc<dyn Judge>,
        now: Timestamp,
    ) -> Result<Option<u64>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let sources = sources(&mut snapshot, moves).await?;
        let mut splits: BTreeMap<(i64, MatchContext), Split> = BTreeMap::new();
        for ((artifact, context), _) in moves {
            let inventory = sources.get(artifact).and_then(|source| source.inventory);
            if let Some(inventory) = inventory
                && !splits.contains_key(&(inventory, *context))
                && let Some(split) = split_of(&mut snapshot, inventory, *context).await?
            {
                splits.insert((inventory, *context), split);
            }
        }
        drop(snapshot);
        let all: Vec<&Split> = splits.values().collect();
        let prepared = self.prepare(&all, judge.as_ref()).await?;

        let mut transaction = self.write().await?;
        if !fleet::agrees(&mut transaction, judge.as_ref()).await? {
            return Ok(None);
        }
        let mut additions = Additions::new();
        let mut made: BTreeMap<(i64, MatchContext), InventoryRow> = BTreeMap::new();
        let mut moved = BTreeSet::new();
        let (mut left, mut reached) = (BTreeSet::new(), BTreeSet::new());
        for ((artifact, context), images) in moves {
            let Some(source) = sources.get(artifact) else { continue };
            let key = ArtifactKey { digest: source.digest, context: *context };
            let twin = artifacts::ensure(&mut transaction, key, &source.platform).await?;
            let split = source
                .inventory
                .and_then(|inventory| Some((inventory, splits.get(&(inventory, *context))?)));
            if let Some((inventory, split)) = split
                && still_has(&mut transaction, source.id, inventory).await?
                && !is_scanned(&mut transaction, twin).await?
            {
                let own = match made.get(&(inventory, *context)) {
                    Some(row) => row.clone(),
                    None => {
                        inventory_rows::ensure(
                            &mut transaction,
                            split,
                            &prepared,
                            judge.as_ref(),
                            now,
                            &mut additions,
                        )
                        .await?
                    }
                };
                copy_scan(&mut transaction, source, twin, &own, now).await?;
                copy_first_seen(&mut transaction, inventory, own.id, now).await?;
                made.insert((inventory, *context), own);
            }
            tasks::queue_first_scan(&mut transaction, twin, source.registry, Origin::Schedule, now)
                .await?;
            moved.extend(move_images(&mut transaction, source.id, twin, images).await?);
            left.insert(source.id);
            reached.extend([source.id, twin]);
        }
        artifacts::mark_orphans(&mut transaction, &left, now).await?;
        inventory_rows::index(&mut transaction, additions).await?;
        inventory_rows::count_images_of(&mut transaction, &reached).await?;
        own_counters::recount(&mut transaction, &moved, now).await?;
        transaction.commit().await.doing(DOING)?;
        Ok(Some(u64::try_from(moved.len()).unwrap_or(u64::MAX)))
    }
}

/// The images whose artifact is judged otherwise than they are used.
async fn wanted(
    connection: &mut DatabaseConnection,
    settings: &[ContextSetting],
) -> Result<Moves, StoreError> {
    let clusters = clusters(connection, settings).await?;
    let mut moves = Moves::new();
    let mut behind = i64::MIN;
    loop {
        let rows = statement::query(
            "SELECT i.id, i.uuid, i.namespace, i.repository, i.artifact_id, r.name AS registry, a.digest FROM images i \
             JOIN registries r ON r.id = i.registry_id JOIN artifacts a ON a.id = i.artifact_id \
             WHERE i.id > $1 ORDER BY i.id LIMIT $2",
        )
        .bind(behind)
        .bind(PAGE)
        .fetch_all(&mut *connection)
        .await
        .doing(DOING)?;
        for row in &rows {
            behind = column::number(row, "id")?;
            let text = |name| column::text(row, name);
            let runs_in: Vec<&str> =
                clusters.get(&behind).into_iter().flatten().map(String::as_str).collect();
            let image = ImageInUse {
                uuid: &text("uuid")?,
                registry: &text("registry")?,
                path: &join_path(&text("namespace")?, &text("repository")?),
                clusters: &runs_in,
            };
            let context = MatchContext::of(settings, image);
            if column::artifact(row, "digest")?.context != context {
                let artifact = column::number(row, "artifact_id")?;
                moves.entry((artifact, context)).or_default().push(behind);
            }
        }
        if i64::try_from(rows.len()).unwrap_or(PAGE) < PAGE {
            return Ok(moves);
        }
    }
}

async fn sources(
    connection: &mut DatabaseConnection,
    moves: &[((i64, MatchContext), Vec<i64>)],
) -> Result<BTreeMap<i64, Source>, StoreError> {
    let ids: BTreeSet<i64> = moves.iter().map(|((artifact, _), _)| *artifact).collect();
    let ids: Vec<i64> = ids.into_iter().collect();
    let mut sources = BTreeMap::new();
    for chunk in ids.chunks(ROWS) {
        let mut sql = QueryBuilder::new(
            "SELECT a.id, a.digest, a.platform, a.scanned, a.inventory_id, \
             (SELECT MIN(i.registry_id) FROM images i WHERE i.artifact_id = a.id) AS registry_id FROM artifacts a WHERE ",
        );
        push_in(&mut sql, "a.id", chunk);
        let rows = sql.build().persistent(false).fetch_all(&mut *connection).await.doing(DOING)?;
        for row in &rows {
            let id = column::number(row, "id")?;
            let source = Source {
                id,
                digest: column::artifact(row, "digest")?.digest,
                platform: column::text(row, "platform")?,
                registry: column::optional_number(row, "registry_id")?.unwrap_or_default(),
                scanned: column::optional_time(row, "scanned")?,
                inventory: column::get(row, "inventory_id")?,
            };
            sources.insert(id, source);
        }
    }
    Ok(sources)
}

async fn held(
    connection: &mut DatabaseConnection,
    inventory: i64,
) -> Result<Option<Held>, StoreError> {
    let row = statement::query("SELECT parts, places FROM inventories WHERE id = $1")
        .bind(inventory)
        .fetch_optional(connection)
        .await
        .doing(DOING)?;
    let Some(row) = row else { return Ok(None) };
    let parts: &[u8] = column::get(&row, "parts")?;
    let parts = numbers::unpack(parts).ok_or_else(|| corrupt("inventories.parts", inventory))?;
    Ok(Some(Held { parts, places: column::get(&row, "places")? }))
}

/// An inventory taken apart for another context. Its identity is of no artifact.
async fn split_of(
    connection: &mut DatabaseConnection,
    inventory: i64,
    context: MatchContext,
) -> Result<Option<Split>, StoreError> {
    let Some(Held { parts, places }) = held(connection, inventory).await? else { return Ok(None) };
    let mut contents: BTreeMap<i64, (Content, Vec<u8>)> = BTreeMap::new();
    for chunk in parts.chunks(ROWS) {
        let mut sql = QueryBuilder::new(
            "SELECT id, ecosystem IS NOT NULL AS is_package, content FROM parts WHERE ",
        );
        push_in(&mut sql, "id", chunk);
        let rows = sql.build().persistent(false).fetch_all(&mut *connection).await.doing(DOING)?;
        for row in &rows {
            let id = column::number(row, "id")?;
            let stored: Vec<u8> = column::get(row, "content")?;
            let damaged = || corrupt("parts.content", id);
            let content = if column::flag(row, "is_package")? {
                let package: Package =
                    serde_json::from_slice(&stored).map_err(|_error| damaged())?;
                (Content::Package(Box::new(package)), stored)
            } else {
                let json = inventories::unpack_bytes(&stored).map_err(|_error| damaged())?;
                let remainder: Remainder =
                    serde_json::from_slice(&json).map_err(|_error| damaged())?;
                (Content::Remainder(remainder), json)
            };
            contents.insert(id, content);
        }
    }
    let parts: Option<Vec<_>> = parts.iter().map(|part| contents.get(part).cloned()).collect();
    let Some(parts) = parts else { return Ok(None) };
    inventories::split_again(parts, places, Vec::new(), context).map(Some)
}

async fn still_has(
    transaction: &mut Transaction,
    artifact: i64,
    inventory: i64,
) -> Result<bool, StoreError> {
    let row = statement::query(
        "SELECT 1 AS one FROM artifacts WHERE id = $1 AND inventory_id = $2 AND scanned IS NOT NULL",
    )
    .bind(artifact)
    .bind(inventory)
    .fetch_optional(transaction)
    .await
    .doing(DOING)?;
    Ok(row.is_some())
}

async fn is_scanned(transaction: &mut Transaction, artifact: i64) -> Result<bool, StoreError> {
    let row =
        statement::query("SELECT 1 AS one FROM artifacts WHERE id = $1 AND scanned IS NOT NULL")
            .bind(artifact)
            .fetch_optional(transaction)
            .await
            .doing(DOING)?;
    Ok(row.is_some())
}

/// Gives a twin what the scan of its source found, and the inventory of its own.
async fn copy_scan(
    transaction: &mut Transaction,
    source: &Source,
    twin: i64,
    own: &InventoryRow,
    now: Timestamp,
) -> Result<(), StoreError> {
    statement::query(
        "UPDATE artifacts SET verdict = $3, report_digest = o.report_digest, snapshot = NULL, \
         detectors_version = o.detectors_version, inventory_id = $4, remainder_id = $5, first_scanned = o.first_scanned \
         FROM artifacts o WHERE artifacts.id = $2 AND o.id = $1",
    )
    .bind(source.id)
    .bind(twin)
    .bind(own.evaluated.verdict.to_string())
    .bind(own.id)
    .bind(own.remainder)
    .execute(transaction)
    .await
    .doing(DOING)?;
    statement::query(
        "INSERT INTO reports (artifact_id, report) SELECT $2, report FROM reports WHERE artifact_id = $1 \
         ON CONFLICT (artifact_id) DO UPDATE SET report = excluded.report",
    )
    .bind(source.id)
    .bind(twin)
    .execute(transaction)
    .await
    .doing(DOING)?;
    statement::query(
        "INSERT INTO tasks (artifact_id, registry_id, state, origin, attempts, generation, due, queued, finished, succeeded, error) \
         SELECT $2, registry_id, CASE WHEN state = 'running' THEN 'queued' ELSE state END, origin, attempts, 0, due, queued, \
         finished, succeeded, error FROM tasks WHERE artifact_id = $1 ON CONFLICT (artifact_id) DO NOTHING",
    )
    .bind(source.id)
    .bind(twin)
    .execute(transaction)
    .await
    .doing(DOING)?;
    history::copy(transaction, source.id, twin).await?;
    let counters = own.evaluated.counters;
    let standing = Standing { artifact: twin, scanned: source.scanned, counters };
    let occasion = Occasion { at: now, by: ChangedBy::Setting };
    artifacts::set_counters(transaction, &[standing], occasion).await
}

/// What packages of this content are known to have is known since then, however they are used.
async fn copy_first_seen(
    transaction: &mut Transaction,
    before: i64,
    after: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (Some(before), Some(after)) =
        (held(transaction, before).await?, held(transaction, after).await?)
    else {
        return Ok(());
    };
    let pairs: BTreeSet<(i64, i64)> =
        before.parts.into_iter().zip(after.parts).filter(|(old, new)| old != new).collect();
    let pairs: Vec<(i64, i64)> = pairs.into_iter().collect();
    for chunk in pairs.chunks(ROWS) {
        let mut sql = QueryBuilder::new("WITH pairs (old_id, new_id) AS (");
        sql.push_values(chunk, |mut values, (old, new)| {
            values.push_bind(*old).push_bind(*new);
        });
        sql.push(
            "), known AS (SELECT p.new_id, o.kind, o.record, MIN(o.first_seen) AS first_seen FROM pairs p \
             JOIN part_findings o ON o.part_id = p.old_id GROUP BY p.new_id, o.kind, o.record) \
             UPDATE part_findings SET first_seen = k.first_seen FROM known k WHERE part_findings.part_id = k.new_id \
             AND part_findings.kind = k.kind AND part_findings.record = k.record AND part_findings.first_seen = ",
        );
        sql.push_bind(now.0);
        sql.build().persistent(false).execute(transaction).await.doing(DOING)?;
    }
    Ok(())
}

/// Moves those of the images that still name the source. Returns which.
async fn move_images(
    transaction: &mut Transaction,
    source: i64,
    twin: i64,
    images: &[i64],
) -> Result<Vec<i64>, StoreError> {
    let mut moved = Vec::with_capacity(images.len());
    for chunk in images.chunks(ROWS) {
        let mut sql = QueryBuilder::new("UPDATE images SET artifact_id = ");
        sql.push_bind(twin).push(" WHERE artifact_id = ").push_bind(source).push(" AND ");
        push_in(&mut sql, "id", chunk);
        sql.push(" RETURNING id");
        let rows = sql.build().persistent(false).fetch_all(transaction).await.doing(DOING)?;
        for row in &rows {
            moved.push(column::number(row, "id")?);
        }
    }
    Ok(moved)
}
