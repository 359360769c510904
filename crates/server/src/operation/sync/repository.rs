//! One repository: its tags, and what is new about them.
//!
//! In: the repository's name and what the store knows of it. Out: its part of the listing. Odd: the images that were there
//! before are compared by digest before anything is fetched, so that a second sync of a thousand tags is a thousand HEADs.

use std::collections::BTreeMap;

use plimsoll_image::{Budget, DocumentError, LayerSource};
use plimsoll_model::Platform;
use plimsoll_registry::{
    RegistryError, Visibility,
    kind::{RepositoryEntry, TagEntry},
    resolve,
};
use plimsoll_store::{ImageRow, RepoType, StoreError, SyncedImage};

use super::{Look, Place, Seen, SyncProblem};
use crate::operation::error_chain;

/// Looks at a repository, or at one tag of it alone; what goes wrong is part of the answer.
pub(super) async fn look_at(mut look: Look, place: Place, only: Option<String>) -> Seen {
    let mut seen = Seen::default();
    let path = place.name().to_owned();
    // Temporary accounts may end before a sync of many repositories does.
    match look.adapter.client().await {
        Ok(client) => look.client = client,
        Err(error) => {
            seen.problems.push(SyncProblem { at: path, why: error_chain(&error) });
            return seen;
        }
    }
    if let Err(why) = look.repository(place, only.as_deref(), &mut seen).await {
        seen.problems.push(SyncProblem { at: path, why });
    }
    seen
}

/// What a tag turned out to be.
enum Tag {
    Image(Box<SyncedImage>),
    /// Vanished between the list and the look.
    Gone,
    /// Names something else.
    NoImage(String),
}

/// Why a tag could not be looked at.
#[derive(Debug, thiserror::Error)]
enum TagError {
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Look {
    async fn repository(
        &self,
        place: Place,
        only: Option<&str>,
        seen: &mut Seen,
    ) -> Result<(), String> {
        let entry = match place {
            Place::Listed(entry) => entry,
            Place::Named(name) => {
                let found = self.adapter.repository(&name).await;
                found.map_err(|error| error_chain(&error))?
            }
        };
        let path = entry.name.as_str();
        let mut tags = match self.adapter.list_tags(&entry).await {
            Ok(tags) => tags,
            // A catalog names repositories whose last tag was deleted; there the registry answers 404.
            Err(RegistryError::NotFound { .. }) if !self.named => Vec::new(),
            Err(error) => return Err(error_chain(&error)),
        };
        tags.retain(|tag| self.filter.takes(path, &tag.name));
        let known = self.store.images_of_repository(self.registry_id, path).await;
        let known = known.map_err(|error| error_chain(&error))?;
        let known: BTreeMap<&str, &ImageRow> =
            known.iter().map(|image| (image.tag.as_str(), image)).collect();
        let repo_type = self.repo_type(&entry, &tags, &known).await;
        if let Some(id) = &entry.repo_id {
            seen.listing.repository_ids.insert(path.to_owned(), id.clone());
        }
        for tag in tags.iter().filter(|tag| only.is_none_or(|only| only == tag.name)) {
            match self.tag(path, tag, known.get(tag.name.as_str()).copied(), repo_type).await {
                Ok(Tag::Image(image)) => seen.listing.images.push(*image),
                Ok(Tag::Gone) => {}
                Ok(Tag::NoImage(why)) => seen.skipped.push(problem(path, &tag.name, why)),
                Err(error) => {
                    seen.listing.unresolved.push((path.to_owned(), tag.name.clone()));
                    seen.problems.push(problem(path, &tag.name, error_chain(&error)));
                }
            }
        }
        if let Some(only) = only {
            // The others were not looked at, and stay as they are.
            let others = known.keys().filter(|tag| **tag != only);
            let others = others.map(|tag| (path.to_owned(), (*tag).to_owned()));
            seen.listing.unresolved.extend(others);
        }
        seen.listing.complete.push(path.to_owned());
        Ok(())
    }

    /// Who may pull: as the registry's list says, else asked without the account, unless there is none. Left as it was when
    /// the question stays open.
    async fn repo_type(
        &self,
        entry: &RepositoryEntry,
        tags: &[TagEntry],
        known: &BTreeMap<&str, &ImageRow>,
    ) -> RepoType {
        let Some(first) = tags.iter().find(|tag| tag.other.is_none()) else {
            return RepoType::Private;
        };
        if self.anonymous {
            return RepoType::Public;
        }
        let path = entry.name.as_str();
        let visibility = match entry.visibility {
            Some(visibility) => Ok(visibility),
            None => self.client.visibility(path, &first.name).await,
        };
        match visibility {
            Ok(Visibility::Public) => RepoType::Public,
            Ok(Visibility::Private) => RepoType::Private,
            Err(error) => {
                tracing::warn!(
                    repository = path,
                    error = error_chain(&error),
                    "visibility unknown"
                );
                known.values().next().map_or(RepoType::Private, |image| image.repo_type)
            }
        }
    }

    async fn tag(
        &self,
        path: &str,
        tag: &TagEntry,
        known: Option<&ImageRow>,
        repo_type: RepoType,
    ) -> Result<Tag, TagError> {
        if let Some(other) = &tag.other {
            return Ok(Tag::NoImage(other.clone()));
        }
        let digest = match tag.digest {
            Some(digest) => Some(digest),
            None => match self.client.manifest_digest(path, &tag.name).await {
                Ok(digest) => digest,
                Err(RegistryError::NotFound { .. }) => return Ok(Tag::Gone),
                Err(error) => return Err(error.into()),
            },
        };
        if let Some(known) = known
            && digest == Some(known.digest)
            && let Some(image) = self.unchanged(path, tag, known, repo_type).await?
        {
            return Ok(Tag::Image(Box::new(image)));
        }
        self.resolved(path, tag, repo_type).await
    }

    /// The image as it is known; `None` when another platform is wanted since then.
    async fn unchanged(
        &self,
        path: &str,
        tag: &TagEntry,
        known: &ImageRow,
        repo_type: RepoType,
    ) -> Result<Option<SyncedImage>, StoreError> {
        let artifact = self.store.artifact(&known.manifest_digest).await?;
        let platform = artifact.and_then(|artifact| artifact.platform.parse::<Platform>().ok());
        let is_single = known.digest == known.manifest_digest;
        let wanted = |platform: &Platform| is_single || platform.satisfies(&self.platform);
        Ok(platform.filter(wanted).map(|platform| SyncedImage {
            path: path.to_owned(),
            tag: tag.name.clone(),
            digest: known.digest,
            manifest_digest: known.manifest_digest,
            platform,
            image_id: known.image_id,
            size: known.size,
            repo_type,
            tag_immutable: tag.is_immutable,
            created: None,
            updated: tag.pushed,
        }))
    }

    async fn resolved(
        &self,
        path: &str,
        tag: &TagEntry,
        repo_type: RepoType,
    ) -> Result<Tag, TagError> {
        let budget = Budget::default();
        let resolved = resolve(&self.client, path, &tag.name, &self.platform, &budget).await;
        let image = match resolved {
            Ok(image) => image,
            Err(RegistryError::NotFound { .. }) => return Ok(Tag::Gone),
            Err(error) if names_no_image(&error) => return Ok(Tag::NoImage(error_chain(&error))),
            Err(error) => return Err(error.into()),
        };
        let documents = image.documents();
        let (Some(manifest_digest), Some(image_id)) =
            (documents.manifest_digest, documents.config_digest)
        else {
            return Ok(Tag::NoImage("it has no manifest or no configuration".to_owned()));
        };
        Ok(Tag::Image(Box::new(SyncedImage {
            path: path.to_owned(),
            tag: tag.name.clone(),
            digest: image.digest(),
            manifest_digest,
            platform: documents.platform.clone().unwrap_or_else(|| self.platform.clone()),
            image_id,
            size: documents.total_size,
            repo_type,
            tag_immutable: tag.is_immutable,
            created: None,
            updated: tag.pushed,
        })))
    }
}

/// Whether the tag names something that is no image for the wanted platform, and will not be one later either.
fn names_no_image(error: &RegistryError) -> bool {
    match error {
        RegistryError::NotAnImage { .. } => true,
        RegistryError::Document { source, .. } => {
            matches!(**source, DocumentError::NoSuchPlatform { .. })
        }
        _ => false,
    }
}

fn problem(path: &str, tag: &str, why: String) -> SyncProblem {
    SyncProblem { at: format!("{path}:{tag}"), why }
}
