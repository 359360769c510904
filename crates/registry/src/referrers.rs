//! SBOMs and VEX documents that a registry keeps beside an image.
//!
//! In: an image of a registry. Out: [`AttachedDocument`]s of a [`Sort`], to be fetched one by one. Source: OCI distribution-spec 1.1, "Listing
//! Referrers" and "Referrers Tag Schema"; cosign's tags (`sha256-….att`, `sha256-….sbom`); BuildKit's attestation
//! manifests, which lie in the image's own index. Odd: a registry without the referrers API answers 404 and has a tag
//! instead. Nothing is verified: whoever may push to the repository can attach what he likes. What cannot be listed is a
//! problem beside what was found, and no reason to give up.

mod listing;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use plimsoll_image::{BlobSource as _, Descriptor, Manifest, ManifestDocument};
use plimsoll_model::Digest;

use self::listing::Referrer;
pub use self::listing::Sort;
use crate::{RegistryError, RemoteImage};

/// Most bytes of one document.
pub const MAX_ATTACHED_BYTES: u64 = 64 << 20;

/// Documents of one image.
const MAX_DOCUMENTS: usize = 32;

/// Manifests that are looked into for one image.
const MAX_MANIFESTS: usize = 64;

/// Where a document was found.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Via {
    /// The referrers API, or the tag that stands for it.
    Referrers,
    /// One of cosign's tags.
    CosignTag,
    /// The image's own index.
    Index,
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Referrers => "referrer",
            Self::CosignTag => "cosign tag",
            Self::Index => "attestation in the index",
        })
    }
}

/// A document that somebody attached to an image. It is not fetched yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AttachedDocument {
    /// The document's blob.
    pub blob: Descriptor,
    /// The manifest that holds it.
    pub manifest: Digest,
    /// Where it was found.
    pub via: Via,
    /// Whether its type or its statement's says that it is of the sort; what is merely some attestation does not.
    pub is_said_to_be: bool,
}

/// What is attached to an image.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AttachedDocuments {
    /// Each document once, by digest.
    pub documents: Vec<AttachedDocument>,
    /// What could not be listed, as sentences.
    pub problems: Vec<String>,
}

impl RemoteImage {
    /// Lists the documents of a sort that the registry keeps for this image: for its manifest, and for the index that
    /// names it.
    pub async fn attached(&self, sort: Sort) -> AttachedDocuments {
        let mut search = Search {
            image: self,
            sort,
            found: BTreeMap::new(),
            seen: BTreeSet::new(),
            problems: Vec::new(),
        };
        search.index().await;
        for subject in self.subjects() {
            search.referrers(subject).await;
            for suffix in sort.cosign_suffixes() {
                search.cosign(subject, suffix).await;
            }
        }
        let documents = search.found.into_values().collect();
        AttachedDocuments { documents, problems: search.problems }
    }

    /// Fetches one document and checks its digest.
    ///
    /// # Errors
    /// [`RegistryError`]; a document of more than [`MAX_ATTACHED_BYTES`] is one.
    pub async fn fetch_attached(
        &self,
        attached: &AttachedDocument,
    ) -> Result<Vec<u8>, RegistryError> {
        self.client().blob(self.repository(), &attached.blob, MAX_ATTACHED_BYTES).await
    }

    /// The platform's manifest, and what the name stands for.
    #[must_use]
    pub fn subjects(&self) -> BTreeSet<Digest> {
        let manifest = self.documents().manifest_digest;
        manifest.into_iter().chain([self.digest()]).collect()
    }
}

struct Search<'i> {
    image: &'i RemoteImage,
    sort: Sort,
    found: BTreeMap<Digest, AttachedDocument>,
    /// Manifests that were looked into.
    seen: BTreeSet<Digest>,
    problems: Vec<String>,
}

impl Search<'_> {
    /// BuildKit writes a manifest without a platform beside the one that it is about.
    async fn index(&mut self) {
        let Some(index) = self.image.index() else { return };
        let own = self.image.documents().manifest_digest.map(|digest| digest.to_string());
        let about: Vec<Digest> = index
            .manifests
            .iter()
            .filter(|entry| {
                let says = |key: &str| {
                    entry.annotations.get(key).or_else(|| entry.descriptor.annotations.get(key))
                };
                says("vnd.docker.reference.type").is_some_and(|kind| kind == "attestation-manifest")
                    && says("vnd.docker.reference.digest") == own.as_ref()
            })
            .map(|entry| entry.descriptor.digest)
            .collect();
        for digest in about {
            self.manifest(&digest.to_string(), Via::Index).await;
        }
    }

    async fn referrers(&mut self, subject: Digest) {
        let listed = self.image.client().referrers(self.image.repository(), &subject).await;
        let listed = match listed {
            Ok(Some(listed)) => listed,
            Ok(None) => return,
            Err(error) => return self.problem(&format!("referrers of {subject}"), &error),
        };
        let wanted: Vec<Referrer> =
            listed.into_iter().filter(|one| one.may_be(self.sort)).collect();
        for referrer in wanted {
            self.manifest(&referrer.digest, Via::Referrers).await;
        }
    }

    async fn cosign(&mut self, subject: Digest, suffix: &str) {
        let tag = format!("sha256-{}.{suffix}", subject.hex());
        self.manifest(&tag, Via::CosignTag).await;
    }

    /// Takes the documents of a manifest.
    async fn manifest(&mut self, name: &str, via: Via) {
        if self.seen.len() >= MAX_MANIFESTS || self.found.len() >= MAX_DOCUMENTS {
            let problem = format!(
                "more than {MAX_MANIFESTS} manifests or {MAX_DOCUMENTS} {} are attached; the others were not looked at",
                self.sort
            );
            if !self.problems.contains(&problem) {
                self.problems.push(problem);
            }
            return;
        }
        let fetched = match self.image.client().manifest(self.image.repository(), name).await {
            Ok(fetched) => fetched,
            // Most images have no tag of cosign's.
            Err(RegistryError::NotFound { .. }) if via == Via::CosignTag => return,
            Err(error) => return self.problem(&format!("attached manifest {name}"), &error),
        };
        let ManifestDocument::Image(manifest) = fetched.document else { return };
        if !self.seen.insert(fetched.digest) {
            return;
        }
        for (blob, is_said_to_be) in documents(&manifest, self.sort) {
            if self.found.len() < MAX_DOCUMENTS {
                let (blob, manifest) = (blob.clone(), fetched.digest);
                let attached = AttachedDocument { blob, manifest, via, is_said_to_be };
                self.found.entry(attached.blob.digest).or_insert(attached);
            }
        }
    }

    fn problem(&mut self, what: &str, error: &RegistryError) {
        self.problems.push(format!("{what}: {error}"));
    }
}

/// The layers that may be of the sort, and whether they are said to be.
fn documents(manifest: &Manifest, sort: Sort) -> impl Iterator<Item = (&Descriptor, bool)> {
    const PREDICATES: [&str; 3] =
        ["predicateType", "in-toto.io/predicate-type", "dev.sigstore.bundle.predicateType"];
    let of_whole = manifest.artifact_type.as_deref().is_some_and(|kind| sort.is_said_by(kind));
    manifest.layers.iter().filter_map(move |layer| {
        let stated =
            |key: &str| layer.annotations.get(key).or_else(|| manifest.annotations.get(key));
        let is_said = match PREDICATES.iter().find_map(|key| stated(key)) {
            Some(predicate) if !sort.is_said_by(predicate) => return None,
            Some(_) => true,
            None => of_whole || sort.is_said_by(&layer.media_type),
        };
        (is_said || sort.may_be_said_by(&layer.media_type)).then_some((layer, is_said))
    })
}
