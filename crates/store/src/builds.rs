//! Images that builds report: what was found in them where they were made, judged here.
//!
//! In: a name, an image's digests, what it holds, and which build made it. Out: an image of the builds' registry, with counters
//! like every other. Source: the contract's registries of the type `CI/CD`.
//!
//! Odd:
//! * A build says what it likes. Its images' artifacts are therefore apart from those that were scanned here: their keys are
//!   made of the registry and the digest, so that no build can speak of what a real registry holds under the same digest.
//! * Vulnerabilities are the server's word alone; the build's own are not kept.

use plimsoll_model::{Digest, MatchContext, Platform, Report, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    Judge, Registry, RegistryError, RepoType, Store, StoreError, SyncListing, SyncedImage,
    artifacts::ArtifactKey, column, database::Transaction, error::Doing, image_uuid, parts::sha256,
    split_repository, statement,
};

/// Which build made an image.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct BuildOrigin {
    /// `jenkins`, `github`, `gitlab`, `tekton`, `other`.
    pub system: String,
    /// Name of the job, project or pipeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// Number or name of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<String>,
    /// Where people see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Revision of the sources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Branch or tag of the sources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
}

/// An image that a build reports.
#[derive(Clone, Copy, Debug)]
pub struct BuiltImage<'a> {
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
    /// What is in it; its vulnerabilities are not looked at.
    pub report: &'a Report,
    /// By which program and rules that was found.
    pub detectors_version: &'a str,
    /// Which build made it.
    pub origin: &'a BuildOrigin,
}

/// What became of a report.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RecordedBuild {
    /// It is in the lists.
    Stored {
        /// The image's id.
        uuid: String,
    },
    /// The report cannot be taken apart: places in it are in layers that the image does not have.
    Inconsistent,
    /// The advisories are being exchanged: try again in a few seconds.
    OtherSnapshot,
}

const DOING: &str = "recording a build";

impl Store {
    /// Takes an image in that a build reports, and says again all that follows from what is in it.
    ///
    /// # Errors
    /// The name cannot be, the registry is gone, or the database fails; repeated, it does what is missing.
    pub async fn record_build(
        &self,
        registry: &Registry,
        image: BuiltImage<'_>,
        judge: &dyn Judge,
        now: Timestamp,
    ) -> Result<RecordedBuild, RegistryError> {
        let key = key(registry.id, image.digest);
        let listing = SyncListing {
            images: vec![SyncedImage {
                path: image.path.to_owned(),
                tag: image.tag.to_owned(),
                digest: image.digest,
                manifest_digest: key,
                platform: image.platform.clone(),
                image_id: image.image_id,
                size: image.report.image.size,
                repo_type: RepoType::Private,
                tag_immutable: false,
                created: None,
                updated: Some(now),
            }],
            ..SyncListing::default()
        };
        self.apply_sync(registry.id, &listing, now).await?;
        let (namespace, repository) = split_repository(image.path);
        let uuid = image_uuid(&registry.settings.name, namespace, repository, image.tag);
        let mut transaction = self.write().await?;
        let Some((row, context)) = artifact_of(&mut transaction, &uuid).await? else {
            return Err(RegistryError::Unknown(registry.settings.name.clone()));
        };
        note_origin(&mut transaction, row, image.origin, now).await?;
        transaction.commit().await.doing(DOING)?;
        if image.report.feed != judge.feed() {
            return Ok(RecordedBuild::OtherSnapshot);
        }
        let key = ArtifactKey { digest: key, context };
        if crate::inventories::split(image.report, judge, context)?.is_none() {
            return Ok(RecordedBuild::Inconsistent);
        }
        let reports = [(key, image.report)];
        let taken = self.take_in_as(&reports, image.detectors_version, judge, now).await?;
        if taken == 0 {
            return Ok(RecordedBuild::OtherSnapshot);
        }
        Ok(RecordedBuild::Stored { uuid })
    }

    /// Which build made an image; `None`: none reported it.
    ///
    /// # Errors
    /// The database fails.
    pub async fn build_of(&self, uuid: &str) -> Result<Option<BuildOrigin>, StoreError> {
        let row = statement::query(
            "SELECT b.* FROM image_builds b JOIN images i ON i.id = b.image_id WHERE i.uuid = $1",
        )
        .bind(uuid)
        .fetch_optional(&mut *self.read().await?)
        .await
        .doing("reading a build")?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(BuildOrigin {
            system: column::text(&row, "system")?,
            job: column::get(&row, "job")?,
            build: column::get(&row, "build")?,
            url: column::get(&row, "url")?,
            commit: column::get(&row, "source_commit")?,
            branch: column::get(&row, "source_branch")?,
        }))
    }
}

/// The artifact's key of a build's image.
pub(crate) fn key(registry_id: i64, digest: Digest) -> Digest {
    Digest::from_bytes(sha256(format!("plimsoll build\n{registry_id}\n{digest}").as_bytes()))
}

/// The image's row, and how it is used.
async fn artifact_of(
    transaction: &mut Transaction,
    uuid: &str,
) -> Result<Option<(i64, MatchContext)>, StoreError> {
    let row = statement::query(
        "SELECT i.id, a.digest FROM images i JOIN artifacts a ON a.id = i.artifact_id WHERE i.uuid = $1",
    )
    .bind(uuid)
    .fetch_optional(transaction)
    .await
    .doing(DOING)?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some((column::number(&row, "id")?, column::artifact(&row, "digest")?.context)))
}

async fn note_origin(
    transaction: &mut Transaction,
    image: i64,
    origin: &BuildOrigin,
    now: Timestamp,
) -> Result<(), StoreError> {
    statement::query(
        "INSERT INTO image_builds (image_id, system, job, build, url, source_commit, source_branch, reported) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (image_id) DO UPDATE SET system = excluded.system, \
         job = excluded.job, build = excluded.build, url = excluded.url, source_commit = excluded.source_commit, \
         source_branch = excluded.source_branch, reported = excluded.reported",
    )
    .bind(image)
    .bind(&origin.system)
    .bind(&origin.job)
    .bind(&origin.build)
    .bind(&origin.url)
    .bind(&origin.commit)
    .bind(&origin.branch)
    .bind(now.0)
    .execute(transaction)
    .await
    .doing(DOING)?;
    Ok(())
}
