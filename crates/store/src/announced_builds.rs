//! Images that builds announce: their names and digests, before what was found in them arrives.
//!
//! In: a name, digests, times. Out: an image of the builds' registry, and an order that ends when the report is there. Odd:
//! * A build that announces what it reported before waits for nothing: that order is done at once.
//! * An announcement without a report fails after a day.

use plimsoll_model::{Digest, Platform, Timestamp};

use crate::{
    Registry, RegistryError, RepoType, Store, StoreError, SyncListing, SyncedImage, builds,
    error::Doing, image_uuid, orders::OrderKind, repo_id, split_repository, statement,
};

/// An image that a build is going to report.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AnnouncedBuild<'a> {
    /// Path of the repository: `team/app`.
    pub path: &'a str,
    /// The tag.
    pub tag: &'a str,
    /// Digest of the manifest, or of the configuration where there is no manifest yet.
    pub digest: Digest,
    /// Digest of the configuration.
    pub image_id: Digest,
    /// Its platform.
    pub platform: &'a Platform,
    /// Its size in bytes.
    pub size: u64,
    /// When it was made, if the build says so.
    pub created: Option<Timestamp>,
    /// When it was last changed, if the build says so.
    pub updated: Option<Timestamp>,
    /// What the build belongs to, if it says so.
    pub job: Option<&'a str>,
}

/// An image that was announced.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Announced {
    /// The image's id.
    pub uuid: String,
    /// Id of its repository.
    pub repo_id: String,
    /// Number of the order.
    pub order: i64,
}

const DOING: &str = "noting an announced build";
/// How long a report is waited for, in seconds.
const PATIENCE: i64 = 86_400;

impl Store {
    /// Takes in the name of an image that a build is going to report.
    ///
    /// # Errors
    /// The name cannot be, the registry is gone, or the database fails.
    pub async fn announce_build(
        &self,
        registry: &Registry,
        build: AnnouncedBuild<'_>,
        now: Timestamp,
    ) -> Result<Announced, RegistryError> {
        let name = &registry.settings.name;
        let listing = SyncListing {
            images: vec![SyncedImage {
                path: build.path.to_owned(),
                tag: build.tag.to_owned(),
                digest: build.digest,
                manifest_digest: builds::key(registry.id, build.digest),
                platform: build.platform.clone(),
                image_id: build.image_id,
                size: build.size,
                repo_type: RepoType::Private,
                tag_immutable: false,
                created: build.created,
                updated: Some(build.updated.unwrap_or(now)),
            }],
            ..SyncListing::default()
        };
        self.apply_sync(registry.id, &listing, now).await?;
        let (namespace, repository) = split_repository(build.path);
        let uuid = image_uuid(name, namespace, repository, build.tag);
        let mut transaction = self.write().await?;
        statement::query(
            "INSERT INTO image_builds (image_id, system, job, reported) \
             SELECT i.id, 'jenkins', $2, $3 FROM images i WHERE i.uuid = $1 ON CONFLICT (image_id) DO UPDATE \
             SET job = COALESCE(excluded.job, image_builds.job), reported = excluded.reported",
        )
        .bind(&uuid)
        .bind(build.job)
        .bind(now.0)
        .execute(&mut transaction)
        .await
        .doing(DOING)?;
        let order =
            crate::orders::insert(&mut transaction, OrderKind::Scan, "build", &uuid, now).await?;
        statement::query(
            "INSERT INTO order_targets (order_id, artifact_id, registry_id, image_uuid, name, digest, state, finished) \
             SELECT $2, i.artifact_id, i.registry_id, i.uuid, r.authority || '/' || i.reference, i.digest, \
             CASE WHEN a.scanned IS NULL THEN 'open' ELSE 'done' END, CASE WHEN a.scanned IS NULL THEN NULL ELSE CAST($3 AS BIGINT) END \
             FROM images i JOIN registries r ON r.id = i.registry_id JOIN artifacts a ON a.id = i.artifact_id \
             WHERE i.uuid = $1",
        )
        .bind(&uuid)
        .bind(order)
        .bind(now.0)
        .execute(&mut transaction)
        .await
        .doing(DOING)?;
        transaction.commit().await.doing(DOING)?;
        let repo_id = repo_id(name, namespace, repository);
        Ok(Announced { uuid, repo_id, order })
    }

    /// Fails the announcements that no report followed for a day. Returns how many.
    ///
    /// # Errors
    /// The database fails.
    pub async fn fail_unreported_builds(&self, now: Timestamp) -> Result<u64, StoreError> {
        const DOING: &str = "ending announcements of builds";
        let before = now.0.saturating_sub(PATIENCE);
        let due = statement::query(
            "SELECT 1 FROM order_targets g JOIN orders o ON o.id = g.order_id WHERE o.source = 'build' \
             AND g.state = 'open' AND o.created < $1 LIMIT 1",
        )
        .bind(before)
        .fetch_optional(&mut *self.read().await?)
        .await
        .doing(DOING)?;
        if due.is_none() {
            return Ok(0);
        }
        let mut transaction = self.write().await?;
        let done = statement::query(
            "UPDATE order_targets SET state = 'failed', finished = $2, error = 'the build reported nothing for a day' \
             WHERE state = 'open' AND order_id IN (SELECT o.id FROM orders o WHERE o.source = 'build' AND o.created < $1)",
        )
        .bind(before)
        .bind(now.0)
        .execute(&mut transaction)
        .await
        .doing(DOING)?;
        transaction.commit().await.doing(DOING)?;
        Ok(done.rows_affected())
    }
}
