//! SBOMs that a registry keeps beside an image.
//!
//! In: an image of a registry. Out: [`AttachedSbom`]s, to be fetched one by one. Source: OCI distribution-spec 1.1, "Listing
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

use self::listing::{Referrer, is_of_sboms, says_sbom};
use crate::{RegistryError, RemoteImage};

/// Most bytes of one document.
pub const MAX_SBOM_BYTES: u64 = 64 << 20;

/// Documents of one image.
const MAX_SBOMS: usize = 32;

/// Manifests that are looked into for one image.
const MAX_MANIFESTS: usize = 64;

/// Where an SBOM was found.
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
pub struct AttachedSbom {
    /// The document's blob.
    pub blob: Descriptor,
    /// The manifest that holds it.
    pub manifest: Digest,
    /// Where it was found.
    pub via: Via,
    /// Whether its type or its statement's says that it is an SBOM; what is merely some attestation does not.
    pub is_said_to_be_sbom: bool,
}

/// What is attached to an image.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AttachedSboms {
    /// Each document once, by digest.
    pub sboms: Vec<AttachedSbom>,
    /// What could not be listed, as sentences.
    pub problems: Vec<String>,
}

impl RemoteImage {
    /// Lists the SBOMs that the registry keeps for this image: for its manifest, and for the index that names it.
    pub async fn attached_sboms(&self) -> AttachedSboms {
        let mut search = Search {
            image: self,
            found: BTreeMap::new(),
            seen: BTreeSet::new(),
            problems: Vec::new(),
        };
        search.index().await;
        for subject in self.subjects() {
            search.referrers(subject).await;
            for suffix in ["att", "sbom"] {
                search.cosign(subject, suffix).await;
            }
        }
        AttachedSboms { sboms: search.found.into_values().collect(), problems: search.problems }
    }

    /// Fetches one document and checks its digest.
    ///
    /// # Errors
    /// [`RegistryError`]; a document of more than [`MAX_SBOM_BYTES`] is one.
    pub async fn fetch_sbom(&self, sbom: &AttachedSbom) -> Result<Vec<u8>, RegistryError> {
        self.client().blob(self.repository(), &sbom.blob, MAX_SBOM_BYTES).await
    }

    /// The platform's manifest, and what the name stands for.
    fn subjects(&self) -> BTreeSet<Digest> {
        let manifest = self.documents().manifest_digest;
        manifest.into_iter().chain([self.digest()]).collect()
    }
}

struct Search<'i> {
    image: &'i RemoteImage,
    found: BTreeMap<Digest, AttachedSbom>,
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
        let wanted: Vec<Referrer> = listed.into_iter().filter(Referrer::may_be_of_sboms).collect();
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
        if self.seen.len() >= MAX_MANIFESTS || self.found.len() >= MAX_SBOMS {
            let problem = format!(
                "more than {MAX_MANIFESTS} manifests or {MAX_SBOMS} SBOMs are attached; the others were not looked at"
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
        for (blob, is_said_to_be_sbom) in documents(&manifest) {
            if self.found.len() < MAX_SBOMS {
                let (blob, manifest) = (blob.clone(), fetched.digest);
                let sbom = AttachedSbom { blob, manifest, via, is_said_to_be_sbom };
                self.found.entry(sbom.blob.digest).or_insert(sbom);
            }
        }
    }

    fn problem(&mut self, what: &str, error: &RegistryError) {
        self.problems.push(format!("{what}: {error}"));
    }
}

/// The layers that may be SBOMs, and whether they are said to be.
fn documents(manifest: &Manifest) -> impl Iterator<Item = (&Descriptor, bool)> {
    const PREDICATES: [&str; 3] =
        ["predicateType", "in-toto.io/predicate-type", "dev.sigstore.bundle.predicateType"];
    let of_whole = manifest.artifact_type.as_deref().is_some_and(says_sbom);
    manifest.layers.iter().filter_map(move |layer| {
        let stated =
            |key: &str| layer.annotations.get(key).or_else(|| manifest.annotations.get(key));
        let is_said = match PREDICATES.iter().find_map(|key| stated(key)) {
            Some(predicate) if !says_sbom(predicate) => return None,
            Some(_) => true,
            None => of_whole || says_sbom(&layer.media_type),
        };
        (is_said || is_of_sboms(&layer.media_type)).then_some((layer, is_said))
    })
}
