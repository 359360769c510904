//! Sync: what a registry holds becomes image rows, and what was never scanned becomes tasks.
//!
//! In: a listing of some or all repositories, all of them or only those that could be read. Out: the differences, written
//! in one transaction, and [`SyncOutcome`] that counts them. Odd: an unchanged listing writes nothing, not even a time;
//! only what is stated to be complete can make an image vanish, so a repository that failed to list loses nothing.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_model::{ContextSetting, Digest, Platform, Timestamp};

use crate::{
    ImageRow, Origin, RegistryError, RepoType, Store, StoreError,
    artifacts::{self, ArtifactKey},
    column, contexts,
    database::{DatabaseConnection, Transaction},
    error::Doing,
    image_uuid, inventory_rows,
    listing::push_in,
    own_counters,
    registries::is_path,
    repo_id, scan_window, split_repository,
    statement::{self, QueryBuilder},
    tasks,
};

/// One tag as a sync saw it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SyncedImage {
    /// Path of the repository: `team/app`.
    pub path: String,
    /// The tag.
    pub tag: String,
    /// What the tag names: a manifest or an index.
    pub digest: Digest,
    /// The platform's manifest.
    pub manifest_digest: Digest,
    /// Platform of that manifest.
    pub platform: Platform,
    /// Digest of the configuration.
    pub image_id: Digest,
    /// Configuration plus compressed layers, in bytes.
    pub size: u64,
    /// Whether it can be pulled without an account.
    pub repo_type: RepoType,
    /// Whether the tag cannot be moved.
    pub tag_immutable: bool,
    /// When the registry says that the tag was made; `None`: when we first see it.
    pub created: Option<Timestamp>,
    /// When the registry says that the tag was last moved; `None`: when we see it move.
    pub updated: Option<Timestamp>,
}

/// What one sync saw.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SyncListing {
    /// Tags that were resolved.
    pub images: Vec<SyncedImage>,
    /// Tags that exist but could not be resolved this time, as `(path, tag)`: they stay as they are.
    pub unresolved: Vec<(String, String)>,
    /// Paths of the repositories whose tags were listed to the end: their other tags have vanished.
    pub complete: Vec<String>,
    /// Paths of all repositories, if they could be listed to the end: images of others have vanished.
    pub catalog: Option<Vec<String>>,
    /// The vendor's own ids of repositories by path, where the wire contract says them; others get one of ours.
    pub repository_ids: BTreeMap<String, String>,
}

/// What a sync changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SyncOutcome {
    /// Tags that are new.
    pub added: u64,
    /// Tags that moved or whose properties changed.
    pub updated: u64,
    /// Tags that vanished.
    pub removed: u64,
    /// Tags as they were.
    pub unchanged: u64,
    /// Artifacts that were queued for their first scan, or again after a day in state failed.
    pub queued: u64,
}

const DOING: &str = "syncing a registry";
/// With more repositories than this, all rows of the registry are read at once.
const REPOSITORIES_ONE_BY_ONE: usize = 50;
/// Artifacts that one statement is about.
const ARTIFACTS_AT_ONCE: usize = 500;
/// How long a scan that failed rests before a sync asks for it again, in seconds.
const FAILED_RESTS: i64 = 86_400;

/// A tag's place in a registry: path and tag.
type Key<'a> = (&'a str, &'a str);

/// The differences between a listing and the database.
struct Plan<'a> {
    registry: String,
    listing: &'a SyncListing,
    added: Vec<&'a SyncedImage>,
    updated: Vec<(&'a SyncedImage, StoredImage)>,
    removed: Vec<StoredImage>,
    unchanged: u64,
    retry: Vec<i64>,
}

struct StoredImage {
    id: i64,
    artifact: i64,
    row: ImageRow,
}

impl Store {
    /// Applies a listing of a registry in one transaction; what it shows for the first time is scanned when it is scheduled.
    ///
    /// # Errors
    /// The registry is gone, a name in the listing cannot be, or the database fails; then nothing was changed.
    pub async fn apply_sync(
        &self,
        registry_id: i64,
        listing: &SyncListing,
        now: Timestamp,
    ) -> Result<SyncOutcome, RegistryError> {
        self.apply_sync_for(registry_id, listing, Origin::Schedule, now).await
    }

    /// As [`Store::apply_sync`], and says who wants the scans of what is new: a push goes before a schedule.
    ///
    /// # Errors
    /// The registry is gone, a name in the listing cannot be, or the database fails; then nothing was changed.
    pub async fn apply_sync_for(
        &self,
        registry_id: i64,
        listing: &SyncListing,
        origin: Origin,
        now: Timestamp,
    ) -> Result<SyncOutcome, RegistryError> {
        let wanted = check(listing)?;
        let mut snapshot = self.snapshot().await?;
        let plan = Plan::make(&mut snapshot, registry_id, listing, &wanted, now).await?;
        drop(snapshot);
        if plan.is_empty() {
            return Ok(plan.outcome(0));
        }
        let mut transaction = self.write().await?;
        // Another process may have written since the look: what is written follows from what is true now.
        let plan = Plan::make(&mut transaction, registry_id, listing, &wanted, now).await?;
        let queued = plan.apply(&mut transaction, registry_id, origin, now).await?;
        transaction.commit().await.doing(DOING)?;
        if queued > 0 {
            self.hint_tasks();
        }
        Ok(plan.outcome(queued))
    }
}

/// The listed images by place; of two that claim one place, the later.
fn check(listing: &SyncListing) -> Result<BTreeMap<Key<'_>, &SyncedImage>, RegistryError> {
    let mut wanted = BTreeMap::new();
    for image in &listing.images {
        let tag_fits = !image.tag.is_empty()
            && image.tag.len() <= 512
            && !image.tag.chars().any(char::is_control);
        if !is_path(&image.path) || !tag_fits {
            return Err(RegistryError::Invalid {
                name: format!("{}:{}", image.path, image.tag),
                what: "no repository and tag can be called that".to_owned(),
            });
        }
        wanted.insert((image.path.as_str(), image.tag.as_str()), image);
    }
    Ok(wanted)
}

impl<'a> Plan<'a> {
    async fn make(
        connection: &mut DatabaseConnection,
        registry_id: i64,
        listing: &'a SyncListing,
        wanted: &BTreeMap<Key<'a>, &'a SyncedImage>,
        now: Timestamp,
    ) -> Result<Self, RegistryError> {
        let registry = registry_name(connection, registry_id).await?;
        let complete: BTreeSet<&str> = listing.complete.iter().map(String::as_str).collect();
        let unresolved: BTreeSet<Key<'_>> =
            listing.unresolved.iter().map(|(path, tag)| (path.as_str(), tag.as_str())).collect();
        let catalog: Option<BTreeSet<&str>> =
            listing.catalog.as_ref().map(|paths| paths.iter().map(String::as_str).collect());
        let paths: BTreeSet<&str> =
            wanted.keys().map(|(path, _)| *path).chain(complete.iter().copied()).collect();

        let every = catalog.is_some() || paths.len() > REPOSITORIES_ONE_BY_ONE;
        let stored = stored_images(connection, registry_id, (!every).then_some(&paths)).await?;
        let mut plan = Self {
            registry,
            listing,
            added: Vec::new(),
            updated: Vec::new(),
            removed: Vec::new(),
            unchanged: 0,
            retry: retries(connection, registry_id, now).await?,
        };
        let mut found = BTreeSet::new();
        for image in stored {
            let path = image.row.path();
            let key = (path.as_str(), image.row.tag.as_str());
            if let Some(listed) = wanted.get(&key).copied() {
                found.insert((listed.path.as_str(), listed.tag.as_str()));
                let id = listing.repository_ids.get(&path);
                let has_id = id.is_none_or(|id| *id == image.row.repo_id);
                if has_id && is_same(listed, &image.row) {
                    plan.unchanged += 1;
                } else {
                    plan.updated.push((listed, image));
                }
                continue;
            }
            let outside = |catalog: &BTreeSet<&str>| {
                !catalog.contains(path.as_str()) && !paths.contains(path.as_str())
            };
            let gone = complete.contains(path.as_str()) || catalog.as_ref().is_some_and(outside);
            if gone && !unresolved.contains(&key) {
                plan.removed.push(image);
            }
        }
        plan.added = wanted
            .iter()
            .filter(|(key, _)| !found.contains(*key))
            .map(|(_, listed)| *listed)
            .collect();
        Ok(plan)
    }

    fn is_empty(&self) -> bool {
        self.added.is_empty()
            && self.updated.is_empty()
            && self.removed.is_empty()
            && self.retry.is_empty()
    }

    fn outcome(&self, queued: u64) -> SyncOutcome {
        let count = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
        SyncOutcome {
            added: count(self.added.len()),
            updated: count(self.updated.len()),
            removed: count(self.removed.len()),
            unchanged: self.unchanged,
            queued,
        }
    }

    /// Writes the plan; returns how many artifacts were queued.
    async fn apply(
        &self,
        transaction: &mut Transaction,
        registry_id: i64,
        origin: Origin,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut queued = 0;
        let mut left = BTreeSet::new();
        let mut reached = BTreeSet::new();
        let removed: Vec<i64> = self.removed.iter().map(|image| image.id).collect();
        own_counters::note_last_use(transaction, &removed, now).await?;
        let mut images = BTreeSet::new();
        let settings = contexts::settings(transaction).await?;
        let scanned_from = scan_window::scanned_from(transaction, now).await?;
        for image in &self.removed {
            statement::query("DELETE FROM images WHERE id = $1")
                .bind(image.id)
                .execute(transaction)
                .await
                .doing(DOING)?;
            left.insert(image.artifact);
        }
        for (listed, image) in &self.updated {
            let artifact = artifact_of(transaction, listed, image).await?;
            let repo_id = self.listing.repository_ids.get(&listed.path);
            let repo_id = repo_id.unwrap_or(&image.row.repo_id);
            update_image(transaction, listed, image, artifact, repo_id, now).await?;
            reached.insert(artifact);
            if listed.updated.unwrap_or(now) >= scanned_from {
                queued += tasks::queue_first_scan(transaction, artifact, registry_id, origin, now)
                    .await?;
            }
            left.insert(image.artifact);
            images.insert(image.id);
        }
        for listed in &self.added {
            let artifact = self.artifact(transaction, listed, &settings).await?;
            images
                .insert(self.insert_image(transaction, registry_id, listed, artifact, now).await?);
            reached.insert(artifact);
            if listed.updated.unwrap_or(now) >= scanned_from {
                queued += tasks::queue_first_scan(transaction, artifact, registry_id, origin, now)
                    .await?;
            }
        }
        adopt_tasks(transaction, &reached, registry_id).await?;
        artifacts::mark_orphans(transaction, &left, now).await?;
        reached.extend(left);
        inventory_rows::count_images_of(transaction, &reached).await?;
        own_counters::recount(transaction, &images, now).await?;
        for task in &self.retry {
            queued += tasks::requeue(transaction, *task, Origin::Schedule, now).await?;
        }
        Ok(queued)
    }

    /// The artifact of a listed image, as the image is used. Where it runs is looked at later.
    async fn artifact(
        &self,
        transaction: &mut Transaction,
        listed: &SyncedImage,
        settings: &[ContextSetting],
    ) -> Result<i64, StoreError> {
        let (namespace, repository) = split_repository(&listed.path);
        let uuid = image_uuid(&self.registry, namespace, repository, &listed.tag);
        let context = contexts::of_new(settings, (&uuid, &self.registry, &listed.path));
        let key = ArtifactKey { digest: listed.manifest_digest, context };
        artifacts::ensure(transaction, key, &listed.platform.to_string()).await
    }

    async fn insert_image(
        &self,
        transaction: &mut Transaction,
        registry_id: i64,
        listed: &SyncedImage,
        artifact: i64,
        now: Timestamp,
    ) -> Result<i64, StoreError> {
        let (namespace, repository) = split_repository(&listed.path);
        let known_id = self.listing.repository_ids.get(&listed.path).cloned();
        let repo_id = known_id.unwrap_or_else(|| repo_id(&self.registry, namespace, repository));
        let row = statement::query(
            "INSERT INTO images (uuid, repo_id, registry_id, namespace, repository, tag, reference, digest, \
             manifest_digest, artifact_id, image_id, size, repo_type, tag_immutable, created, updated) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) RETURNING id",
        )
        .bind(image_uuid(&self.registry, namespace, repository, &listed.tag))
        .bind(repo_id)
        .bind(registry_id)
        .bind(namespace)
        .bind(repository)
        .bind(&listed.tag)
        .bind(format!("{}:{}", listed.path, listed.tag))
        .bind(listed.digest.to_string())
        .bind(listed.manifest_digest.to_string())
        .bind(artifact)
        .bind(listed.image_id.to_string())
        .bind(column::stored(listed.size))
        .bind(listed.repo_type.as_str())
        .bind(i64::from(listed.tag_immutable))
        .bind(listed.created.unwrap_or(now).0)
        .bind(listed.updated.unwrap_or(now).0)
        .fetch_one(transaction)
        .await
        .doing(DOING)?;
        column::number(&row, "id")
    }
}

/// Takes over tasks of registries that are gone: those of nobody are never claimed, and images may come back.
async fn adopt_tasks(
    transaction: &mut Transaction,
    artifacts: &BTreeSet<i64>,
    registry_id: i64,
) -> Result<(), StoreError> {
    let artifacts: Vec<i64> = artifacts.iter().copied().collect();
    for some in artifacts.chunks(ARTIFACTS_AT_ONCE) {
        let mut sql = QueryBuilder::new("UPDATE tasks SET registry_id = ");
        sql.push_bind(registry_id);
        sql.push(
            " WHERE NOT EXISTS (SELECT 1 FROM registries r WHERE r.id = tasks.registry_id) AND ",
        );
        push_in(&mut sql, "artifact_id", some);
        sql.build().persistent(false).execute(transaction).await.doing(DOING)?;
    }
    Ok(())
}

/// The artifact of an image whose tag moved, or of which something else is new: it is used as before.
async fn artifact_of(
    transaction: &mut Transaction,
    listed: &SyncedImage,
    image: &StoredImage,
) -> Result<i64, StoreError> {
    if listed.manifest_digest == image.row.manifest_digest {
        return Ok(image.artifact);
    }
    let row = statement::query("SELECT digest FROM artifacts WHERE id = $1")
        .bind(image.artifact)
        .fetch_one(transaction)
        .await
        .doing(DOING)?;
    let context = column::artifact(&row, "digest")?.context;
    let key = ArtifactKey { digest: listed.manifest_digest, context };
    artifacts::ensure(transaction, key, &listed.platform.to_string()).await
}

/// Whether nothing of a stored image has to be written. Times count only where the registry gives them.
fn is_same(listed: &SyncedImage, row: &ImageRow) -> bool {
    listed.digest == row.digest
        && listed.manifest_digest == row.manifest_digest
        && listed.image_id == row.image_id
        && listed.size == row.size
        && listed.repo_type == row.repo_type
        && listed.tag_immutable == row.tag_immutable
        && listed.created.is_none_or(|created| created == row.created)
        && listed.updated.is_none_or(|updated| updated == row.updated)
}

async fn update_image(
    transaction: &mut Transaction,
    listed: &SyncedImage,
    image: &StoredImage,
    artifact: i64,
    repo_id: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let moved = listed.digest != image.row.digest;
    let seen = if moved { now } else { image.row.updated };
    statement::query(
        "UPDATE images SET digest = $2, manifest_digest = $3, artifact_id = $4, image_id = $5, size = $6, repo_type = $7, \
         tag_immutable = $8, created = $9, updated = $10, previous_artifact_id = CASE WHEN artifact_id <> $4 THEN artifact_id \
         ELSE previous_artifact_id END, repo_id = $11 WHERE id = $1",
    )
    .bind(image.id)
    .bind(listed.digest.to_string())
    .bind(listed.manifest_digest.to_string())
    .bind(artifact)
    .bind(listed.image_id.to_string())
    .bind(column::stored(listed.size))
    .bind(listed.repo_type.as_str())
    .bind(i64::from(listed.tag_immutable))
    .bind(listed.created.unwrap_or(image.row.created).0)
    .bind(listed.updated.unwrap_or(seen).0)
    .bind(repo_id)
    .execute(transaction)
    .await
    .doing(DOING)?;
    Ok(())
}

async fn registry_name(
    connection: &mut DatabaseConnection,
    registry_id: i64,
) -> Result<String, RegistryError> {
    let row = statement::query("SELECT name FROM registries WHERE id = $1")
        .bind(registry_id)
        .fetch_optional(connection)
        .await
        .doing(DOING)?;
    match row {
        Some(row) => Ok(column::text(&row, "name")?),
        None => Err(RegistryError::Unknown(format!("number {registry_id}"))),
    }
}

async fn stored_images(
    connection: &mut DatabaseConnection,
    registry_id: i64,
    paths: Option<&BTreeSet<&str>>,
) -> Result<Vec<StoredImage>, StoreError> {
    let mut rows = Vec::new();
    match paths {
        None => {
            let all = statement::query("SELECT * FROM images WHERE registry_id = $1")
                .bind(registry_id)
                .fetch_all(connection)
                .await
                .doing(DOING)?;
            rows.extend(all);
        }
        Some(paths) => {
            for path in paths {
                let (namespace, repository) = split_repository(path);
                let some = statement::query(
                    "SELECT * FROM images WHERE registry_id = $1 AND namespace = $2 AND repository = $3",
                )
                .bind(registry_id)
                .bind(namespace)
                .bind(repository)
                .fetch_all(&mut *connection)
                .await
                .doing(DOING)?;
                rows.extend(some);
            }
        }
    }
    let stored = |row| {
        Ok(StoredImage {
            id: column::number(row, "id")?,
            artifact: column::number(row, "artifact_id")?,
            row: ImageRow::from_row(row)?,
        })
    };
    rows.iter().map(stored).collect()
}

/// Tasks of this registry's images that failed and have rested.
async fn retries(
    connection: &mut DatabaseConnection,
    registry_id: i64,
    now: Timestamp,
) -> Result<Vec<i64>, StoreError> {
    let rows = statement::query(
        "SELECT t.id FROM tasks t WHERE t.state = 'failed' AND t.finished <= $1 \
         AND EXISTS (SELECT 1 FROM images i WHERE i.artifact_id = t.artifact_id AND i.registry_id = $2) ORDER BY t.id",
    )
    .bind(now.0.saturating_sub(FAILED_RESTS))
    .bind(registry_id)
    .fetch_all(connection)
    .await
    .doing(DOING)?;
    rows.iter().map(|row| column::number(row, "id")).collect()
}
