//! Images: tagged entries of repositories, each resolved to one platform manifest.
//!
//! In: names and digests that a sync saw. Out: [`ImageRow`], and the stable ids that the contract wants of images and
//! repositories. Odd: the namespace is a path's first segment and may be empty; ids are made of the registry's *name*, so
//! they survive removing and adding a registry.

use plimsoll_model::{Digest, Timestamp};

use crate::{Store, StoreError, builds, column, database::DatabaseRow, error::Doing, statement};

/// Whether an image can be pulled without an account.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum RepoType {
    /// Anonymous pull works.
    Public,
    /// It does not.
    Private,
}

impl RepoType {
    /// `PUBLIC` or `PRIVATE`, as the contract spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "PUBLIC",
            Self::Private => "PRIVATE",
        }
    }
}

/// One tagged entry of a repository.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImageRow {
    /// Stable id with dashes, [`image_uuid`].
    pub uuid: String,
    /// Stable id of the repository: the vendor's own where the registry's kind has one, else 32 hex digits, [`repo_id`].
    pub repo_id: String,
    /// The registry's row.
    pub registry_id: i64,
    /// First segment of the repository's path; empty for a path of one segment.
    pub namespace: String,
    /// Rest of the path.
    pub repository: String,
    /// The tag.
    pub tag: String,
    /// What the tag names: a manifest or an index.
    pub digest: Digest,
    /// The platform's manifest; equals `digest` unless that is an index.
    pub manifest_digest: Digest,
    /// Digest of the configuration.
    pub image_id: Digest,
    /// Configuration plus compressed layers, in bytes.
    pub size: u64,
    /// Whether it can be pulled without an account.
    pub repo_type: RepoType,
    /// Whether the tag cannot be moved.
    pub tag_immutable: bool,
    /// When the tag was first seen, or when the registry says that it was made.
    pub created: Timestamp,
    /// When the tag last moved, as seen here or as the registry says.
    pub updated: Timestamp,
}

impl ImageRow {
    /// `namespace/repository`, as the registry's own API names it.
    #[must_use]
    pub fn path(&self) -> String {
        join_path(&self.namespace, &self.repository)
    }

    /// The platform's manifest as others know it: what is stored of an image that a build reported is a key of our own.
    #[must_use]
    pub fn known_digest(&self) -> Digest {
        let is_key = self.manifest_digest != self.digest
            && self.manifest_digest == builds::key(self.registry_id, self.digest);
        if is_key { self.digest } else { self.manifest_digest }
    }
}

/// Joins what [`split_repository`] split.
pub(crate) fn join_path(namespace: &str, repository: &str) -> String {
    if namespace.is_empty() { repository.to_owned() } else { format!("{namespace}/{repository}") }
}

/// Namespace (first segment, empty if there is only one) and repository (the rest) of a path.
#[must_use]
pub fn split_repository(path: &str) -> (&str, &str) {
    path.split_once('/').unwrap_or(("", path))
}

/// The stable id of an image: UUID version 5 of registry name, namespace, repository and tag, with dashes.
#[must_use]
pub fn image_uuid(registry: &str, namespace: &str, repository: &str, tag: &str) -> String {
    name_uuid(&["image", registry, namespace, repository, tag]).hyphenated().to_string()
}

/// The stable id of a repository: 32 hex digits of registry name, namespace and repository.
#[must_use]
pub fn repo_id(registry: &str, namespace: &str, repository: &str) -> String {
    name_uuid(&["repository", registry, namespace, repository]).simple().to_string()
}

/// Plimsoll's own UUID namespace, drawn once.
const UUID_NAMESPACE: uuid::Uuid = uuid::Uuid::from_u128(0x5f0c_9c52_7d1e_4c0e_9a0b_3a6e_51b7_d2f4);

fn name_uuid(parts: &[&str]) -> uuid::Uuid {
    // A zero byte can stand in none of the parts, so that no two lists of parts give the same name.
    uuid::Uuid::new_v5(&UUID_NAMESPACE, parts.join("\0").as_bytes())
}

const REPO_TYPES: &[(&str, RepoType)] =
    &[("PUBLIC", RepoType::Public), ("PRIVATE", RepoType::Private)];

impl ImageRow {
    /// Reads the columns of `images`.
    pub(crate) fn from_row(row: &DatabaseRow) -> Result<Self, StoreError> {
        Ok(Self {
            uuid: column::text(row, "uuid")?,
            repo_id: column::text(row, "repo_id")?,
            registry_id: column::number(row, "registry_id")?,
            namespace: column::text(row, "namespace")?,
            repository: column::text(row, "repository")?,
            tag: column::text(row, "tag")?,
            digest: column::digest(row, "digest")?,
            manifest_digest: column::digest(row, "manifest_digest")?,
            image_id: column::digest(row, "image_id")?,
            size: column::number(row, "size")?,
            repo_type: column::word(row, "repo_type", REPO_TYPES)?,
            tag_immutable: column::flag(row, "tag_immutable")?,
            created: column::time(row, "created")?,
            updated: column::time(row, "updated")?,
        })
    }
}

/// An image's id with dashes, of one with or without; `None`: it is none.
#[must_use]
pub fn parse_uuid(text: &str) -> Option<String> {
    uuid::Uuid::try_parse(text).ok().map(|id| id.hyphenated().to_string())
}

/// The form with dashes of an image's id that may come without; any other text stays as it is and names no image.
pub(crate) fn dashed(uuid: &str) -> String {
    uuid::Uuid::try_parse(uuid)
        .map_or_else(|_error| uuid.to_owned(), |id| id.hyphenated().to_string())
}

impl Store {
    /// One image by its id, with or without dashes.
    ///
    /// # Errors
    /// The database fails.
    pub async fn image(&self, uuid: &str) -> Result<Option<ImageRow>, StoreError> {
        let row = statement::query("SELECT * FROM images WHERE uuid = $1")
            .bind(dashed(uuid))
            .fetch_optional(&mut *self.read().await?)
            .await
            .doing("reading an image")?;
        row.map(|row| ImageRow::from_row(&row)).transpose()
    }

    /// All images of a repository by tag, as they were last synced. For a sync that asks only for what changed.
    ///
    /// # Errors
    /// The database fails.
    pub async fn images_of_repository(
        &self,
        registry_id: i64,
        path: &str,
    ) -> Result<Vec<ImageRow>, StoreError> {
        let (namespace, repository) = split_repository(path);
        let rows = statement::query(
            "SELECT * FROM images WHERE registry_id = $1 AND namespace = $2 AND repository = $3 ORDER BY tag",
        )
        .bind(registry_id)
        .bind(namespace)
        .bind(repository)
        .fetch_all(&mut *self.read().await?)
        .await
        .doing("listing a repository's images")?;
        rows.iter().map(ImageRow::from_row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_split_at_its_first_slash() {
        for (path, namespace, repository) in
            [("debian", "", "debian"), ("team/app", "team", "app"), ("a/b/c", "a", "b/c")]
        {
            assert_eq!(split_repository(path), (namespace, repository));
            assert_eq!(join_path(namespace, repository), path);
        }
    }

    #[test]
    fn ids_never_change() {
        // Clients keep these ids: a change of the formula is a break. The values are Python's, `uuid.uuid5`.
        assert_eq!(
            image_uuid("demo", "team", "app", "1.0"),
            "fbe5c4df-05d0-5bb3-a308-b645a45f7d5b"
        );
        assert_eq!(repo_id("demo", "team", "app"), "bd6e27604ac655b6baba76057f417c11");
        assert_ne!(
            image_uuid("demo", "", "team/app", "1.0"),
            image_uuid("demo", "team", "app", "1.0")
        );
        let uuid = image_uuid("demo", "team", "app", "1.0");
        assert_eq!(dashed(&uuid.replace('-', "")), uuid);
        assert_eq!(dashed("' OR 1=1"), "' OR 1=1");
    }
}
