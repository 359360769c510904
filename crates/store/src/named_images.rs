//! Images by the names under which they are about to run: what a tag names as of the last sync, or what has a digest.
//!
//! In: an image reference. Out: [`NamedImage`]s, each with what tells whether its report is still the one that was read. Odd:
//! * One name may be several images: two registries of one address, or an index whose platforms are images of their own. Who asks
//!   decides by the worst.
//! * A digest is content, wherever it lies. Images of the named repository come first; if there are none, those of others with
//!   that digest; and if no image has it any more, because the tag moved, the artifact that is kept of it.

use plimsoll_model::{Digest, ImageReference, RiskCounters, Verdict, reference::DOCKER_HUB};

use crate::{
    Artifact, Store, StoreError, column,
    database::DatabaseRow,
    error::Doing,
    images::join_path,
    own_counters::{own_counters, own_counters_join},
    statement,
};

/// Images of one name that are looked at; no name has more.
const MOST: i64 = 64;
const DOING: &str = "looking for an image by its name";

/// One image that a name means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NamedImage {
    /// Its id; `None`: no tag names it any more, and only its artifact is kept.
    pub uuid: Option<String>,
    /// `docker.io/library/debian:12`; of an artifact alone the name that was asked for.
    pub name: String,
    /// What its tag, or what was asked for, names: a manifest or an index.
    pub digest: Digest,
    /// The platform's manifest.
    pub manifest_digest: Digest,
    /// `linux/amd64`.
    pub platform: String,
    /// How completely the newest scan could look; `None` before the first one.
    pub verdict: Option<Verdict>,
    /// `queued`, `running`, `done`, `failed`; `None`: no scan was ever asked for.
    pub task: Option<String>,
    /// Another text as soon as another scan, another content, other advisories or other counters are there. What changes nothing
    /// of these (an ignore rule for a finding that is in no counter, parts of a refresh that is under way) leaves it.
    pub revision: String,
}

/// Columns of an image, its artifact, its task and its own numbers.
const COLUMNS: &str = concat!(
    "SELECT i.uuid, i.namespace, i.repository, i.tag, i.digest, i.manifest_digest, r.authority, a.platform, a.verdict, \
     a.id AS artifact, a.report_digest, a.inventory_id, a.scanned, t.state AS task_state, \
     (SELECT f.snapshot FROM fleet f) AS fleet_snapshot, \
     (SELECT COUNT(*) FROM ignored_records g WHERE g.image_id = i.id) AS ignored, \
     (SELECT MAX(g.rule_id) FROM ignored_records g WHERE g.image_id = i.id) AS last_rule, ",
    own_counters!(),
    " FROM images i JOIN registries r ON r.id = i.registry_id JOIN artifacts a ON a.id = i.artifact_id \
     LEFT JOIN tasks t ON t.artifact_id = a.id",
    own_counters_join!(),
);

impl Store {
    /// The images that a name means, by the name's digest if it has one, in the order of their ids. None: nobody knows it.
    ///
    /// # Errors
    /// The database fails.
    pub async fn images_named(
        &self,
        reference: &ImageReference,
    ) -> Result<Vec<NamedImage>, StoreError> {
        let authority = authority_of(reference);
        match (&reference.digest, &reference.tag) {
            (Some(digest), _) => self.images_of_digest(authority, reference, digest).await,
            (None, tag) => {
                let tag = tag.as_deref().unwrap_or("latest");
                let wanted = format!("{}:{tag}", reference.repository);
                self.images_of_tag(authority, column::searchable(&wanted)).await
            }
        }
    }

    async fn images_of_tag(
        &self,
        authority: &str,
        reference: &str,
    ) -> Result<Vec<NamedImage>, StoreError> {
        let sql = format!(
            "{COLUMNS} WHERE i.reference = $1 AND r.authority = $2 ORDER BY i.uuid LIMIT $3"
        );
        let rows = statement::query(sqlx::AssertSqlSafe(sql))
            .bind(reference)
            .bind(authority)
            .bind(MOST)
            .fetch_all(&mut *self.read().await?)
            .await
            .doing(DOING)?;
        rows.iter().map(|row| Ok(Found::from_row(row)?.image)).collect()
    }

    async fn images_of_digest(
        &self,
        authority: &str,
        reference: &ImageReference,
        digest: &Digest,
    ) -> Result<Vec<NamedImage>, StoreError> {
        let sql = format!(
            "{COLUMNS} WHERE i.digest = $1 OR i.manifest_digest = $1 ORDER BY CASE WHEN r.authority = $2 \
             AND (i.namespace = $3 AND i.repository = $4) THEN 0 ELSE 1 END, i.uuid LIMIT $5"
        );
        let (namespace, repository) = crate::split_repository(&reference.repository);
        let rows = statement::query(sqlx::AssertSqlSafe(sql))
            .bind(digest.to_string())
            .bind(authority)
            .bind(namespace)
            .bind(repository)
            .bind(MOST)
            .fetch_all(&mut *self.read().await?)
            .await
            .doing(DOING)?;
        let found: Vec<Found> = rows.iter().map(Found::from_row).collect::<Result<_, _>>()?;
        let place = format!("{authority}/{}", reference.repository);
        let is_there = found.iter().any(|found| found.place == place);
        let images: Vec<NamedImage> = found
            .into_iter()
            .filter(|found| !is_there || found.place == place)
            .map(|found| found.image)
            .collect();
        if !images.is_empty() {
            return Ok(images);
        }
        let artifact = self.artifact(digest).await?;
        Ok(artifact.map(|artifact| alone(&artifact, reference)).into_iter().collect())
    }
}

/// How the store calls the registry of a reference.
fn authority_of(reference: &ImageReference) -> &str {
    if reference.host == DOCKER_HUB { "docker.io" } else { &reference.host }
}

/// An artifact that no image names any more.
fn alone(artifact: &Artifact, reference: &ImageReference) -> NamedImage {
    let Artifact { report_digest, scanned, snapshot, counters, verdict, .. } = artifact;
    NamedImage {
        uuid: None,
        name: reference.to_string(),
        digest: artifact.digest,
        manifest_digest: artifact.digest,
        platform: artifact.platform.clone(),
        verdict: *verdict,
        task: artifact.task.as_ref().map(|task| task.state.as_str().to_owned()),
        revision: format!(
            "{} {report_digest:?} {scanned:?} {verdict:?} {snapshot:?} {counters:?}",
            artifact.context
        ),
    }
}

/// An image with its registry's and repository's name.
struct Found {
    place: String,
    image: NamedImage,
}

impl Found {
    fn from_row(row: &DatabaseRow) -> Result<Self, StoreError> {
        let path = join_path(&column::text(row, "namespace")?, &column::text(row, "repository")?);
        let place = format!("{}/{path}", column::text(row, "authority")?);
        let verdict = column::optional_parsed(row, "verdict", "a coverage verdict")?;
        let image = NamedImage {
            uuid: Some(column::text(row, "uuid")?),
            name: format!("{place}:{}", column::text(row, "tag")?),
            digest: column::digest(row, "digest")?,
            manifest_digest: column::digest(row, "manifest_digest")?,
            platform: column::text(row, "platform")?,
            verdict,
            task: column::get(row, "task_state")?,
            revision: revision(row, verdict)?,
        };
        Ok(Self { place, image })
    }
}

fn revision(row: &DatabaseRow, verdict: Option<Verdict>) -> Result<String, StoreError> {
    let counters: RiskCounters = column::counters(row)?;
    let artifact: i64 = column::number(row, "artifact")?;
    let report: Option<String> = column::get(row, "report_digest")?;
    let inventory: Option<i64> = column::optional_number(row, "inventory_id")?;
    let scanned = column::optional_time(row, "scanned")?;
    let snapshot: Option<String> = column::get(row, "fleet_snapshot")?;
    let ignored: i64 = column::number(row, "ignored")?;
    let last_rule: Option<i64> = column::optional_number(row, "last_rule")?;
    Ok(format!(
        "{artifact} {report:?} {inventory:?} {scanned:?} {verdict:?} {snapshot:?} {counters:?} {ignored} {last_rule:?}"
    ))
}
