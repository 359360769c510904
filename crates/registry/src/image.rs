//! An image in a registry, ready to be scanned.
//!
//! In: a repository and a tag or digest. Out: [`RemoteImage`], a [`LayerSource`] whose documents are fetched and checked
//! and whose layers are streamed when they are read. Source: OCI image-spec (index, manifest, config), distribution-spec.
//!
//! Odd: a tag may stand for an index; its own digest, which the tag's row carries, and the digest of the platform's
//! manifest, which is what gets scanned, are two things. Indexes may list indexes: depth and circles are bounded.
//! Descriptors' `urls` (foreign layers) are never fetched. Manifests are used for other artifacts too, which are told
//! apart by their types and refused with [`RegistryError::NotAnImage`].

use std::{
    collections::BTreeSet,
    io::{self, Read},
};

use plimsoll_image::{
    BlobSource, Budget, Descriptor, DocumentError, EntryVisitor, ImageConfig, ImageDocuments,
    Index, LayerDescriptor, LayerEntries, LayerSource, Manifest, ManifestDocument,
    REGISTRY_BY_CONTENTS, RangeSource, ReadError, choose_platform, parse_config, read_blob,
    read_by_contents,
};
use plimsoll_model::{Digest, ImageReference, Platform};
use tokio::runtime::Handle;

use crate::{
    client::{BlobReader, FetchedManifest, RegistryClient},
    error::RegistryError,
};

/// Fetches the documents of the image that `name`, a tag or digest, stands for on `platform`.
///
/// Must be called inside a tokio runtime; the layers are fetched on that runtime when they are read.
///
/// # Errors
/// [`RegistryError`].
pub async fn resolve(
    client: &RegistryClient,
    repository: &str,
    name: &str,
    platform: &Platform,
    budget: &Budget,
) -> Result<RemoteImage, RegistryError> {
    let named = client.manifest(repository, name).await?;
    let digest = named.digest;
    let resolver = Resolver { client, repository, name, platform, budget };
    let (fetched, manifest, index, stated_platform) = resolver.descend(named).await?;
    resolver.refuse_artifacts(&manifest)?;
    let limit = u64::try_from(budget.max_document_bytes).unwrap_or(u64::MAX);
    let config_bytes = client.blob(repository, &manifest.config, limit).await?;
    let config = parse_config(&config_bytes).map_err(|source| resolver.document(source))?;
    let layers = resolver.layers(&manifest, &config)?;
    let documents = ImageDocuments {
        name: resolver.display_name(),
        source_kind: "registry",
        manifest: Some(fetched.bytes),
        manifest_digest: Some(fetched.digest),
        config_digest: Some(manifest.config.digest),
        platform: config.platform().or(stated_platform),
        total_size: manifest
            .layers
            .iter()
            .fold(manifest.config.size, |total, layer| total.saturating_add(layer.size)),
        config: config_bytes,
        layers,
    };
    Ok(RemoteImage {
        client: client.clone(),
        repository: repository.to_owned(),
        digest,
        index,
        documents,
        runtime: Handle::current(),
    })
}

/// An image of a registry: documents at hand, layers on demand.
#[derive(Clone, Debug)]
pub struct RemoteImage {
    client: RegistryClient,
    repository: String,
    digest: Digest,
    index: Option<Index>,
    documents: ImageDocuments,
    runtime: Handle,
}

impl RemoteImage {
    /// Digest of what the name stands for: the index if there is one, else the manifest.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The index that the name stands for, if it is one.
    #[must_use]
    pub const fn index(&self) -> Option<&Index> {
        self.index.as_ref()
    }

    /// Repository within the registry.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The same image, of whose layers only what is looked at is fetched.
    ///
    /// That is where they have a table of contents and the registry sends parts. See [`read_by_contents`] for what that cannot
    /// prove.
    #[must_use]
    pub fn by_contents(self) -> Self {
        let documents = ImageDocuments { source_kind: REGISTRY_BY_CONTENTS, ..self.documents };
        Self { documents, ..self }
    }

    /// A part of a layer's blob; its transfer has just begun.
    fn part(&self, index: usize, offset: u64, length: u64) -> Result<BlobReader, ReadError> {
        let count = self.documents.layers.len();
        let layer = self.documents.layers.get(index);
        let digest = layer.and_then(|layer| layer.digest);
        let digest = digest.ok_or(ReadError::NoSuchLayer { index, count })?;
        let runtime = &self.runtime;
        Ok(self.client.part_reader(&self.repository, digest, offset, length, runtime))
    }

    pub(crate) const fn client(&self) -> &RegistryClient {
        &self.client
    }

    /// A layer's descriptor, and a transfer of its blob that has just begun.
    fn layer(&self, index: usize) -> Result<(&LayerDescriptor, BlobReader), ReadError> {
        let count = self.documents.layers.len();
        let no_such = || ReadError::NoSuchLayer { index, count };
        let expected = self.documents.layers.get(index).ok_or_else(no_such)?;
        let digest = expected.digest.ok_or_else(no_such)?;
        let runtime = &self.runtime;
        let reader = self.client.blob_reader(&self.repository, digest, expected.size, runtime);
        Ok((expected, reader))
    }
}

/// As with [`LayerSource::read_layer`], the bytes must be read outside of the runtime.
impl BlobSource for RemoteImage {
    fn documents(&self) -> &ImageDocuments {
        &self.documents
    }

    fn open_blob(&self, index: usize) -> Result<Box<dyn Read + Send>, ReadError> {
        Ok(Box::new(self.layer(index)?.1))
    }

    fn open_part(
        &self,
        index: usize,
        offset: u64,
        length: u64,
    ) -> Result<Box<dyn Read + Send>, ReadError> {
        Ok(Box::new(self.part(index, offset, length)?))
    }
}

/// The parts of one layer.
struct Parts<'p> {
    image: &'p RemoteImage,
    index: usize,
}

impl RangeSource for Parts<'_> {
    fn range(&self, offset: u64, length: u64) -> io::Result<Box<dyn Read + Send + '_>> {
        let part = self.image.part(self.index, offset, length).map_err(io::Error::other)?;
        Ok(Box::new(part))
    }
}

/// Layers are fetched on the runtime and read on the calling thread, which must not be one of the runtime's own: use
/// `spawn_blocking` or a plain thread.
impl LayerSource for RemoteImage {
    fn documents(&self) -> &ImageDocuments {
        &self.documents
    }

    fn read_layer(
        &self,
        index: usize,
        budget: &Budget,
        visitor: &mut dyn EntryVisitor,
    ) -> Result<LayerEntries, ReadError> {
        if self.documents.source_kind == REGISTRY_BY_CONTENTS {
            let parts = Parts { image: self, index };
            let read = read_by_contents(&parts, &self.documents, index, budget, visitor)?;
            if let Some(layer) = read {
                return Ok(layer);
            }
        }
        let (expected, mut reader) = self.layer(index)?;
        read_blob(&mut reader, expected, budget, visitor)
    }
}

struct Resolver<'a> {
    client: &'a RegistryClient,
    repository: &'a str,
    name: &'a str,
    platform: &'a Platform,
    budget: &'a Budget,
}

impl Resolver<'_> {
    /// From what the name stands for to a manifest, through any indexes.
    async fn descend(
        &self,
        named: FetchedManifest,
    ) -> Result<(FetchedManifest, Manifest, Option<Index>, Option<Platform>), RegistryError> {
        let mut fetched = named;
        let (mut outermost, mut platform) = (None, None);
        let mut seen = BTreeSet::from([fetched.digest]);
        for _depth in 0..=self.budget.max_index_depth {
            let index = match fetched.document.clone() {
                ManifestDocument::Image(manifest) => {
                    return Ok((fetched, manifest, outermost, platform));
                }
                ManifestDocument::Index(index) => index,
            };
            let entry = choose_platform(&index, self.platform)
                .map_err(|source| self.document(source))?
                .clone();
            if !seen.insert(entry.descriptor.digest) {
                return Err(self.protocol("its indexes lead in a circle"));
            }
            fetched = self.child(&entry.descriptor).await?;
            platform = entry.platform.or(platform);
            outermost = outermost.or(Some(index));
        }
        let depth = self.budget.max_index_depth;
        Err(self.protocol(format!("its indexes are nested deeper than {depth}")))
    }

    async fn child(&self, descriptor: &Descriptor) -> Result<FetchedManifest, RegistryError> {
        let child = self.client.manifest(self.repository, &descriptor.digest.to_string()).await?;
        let stated = descriptor.media_type.as_str();
        let own = match &child.document {
            ManifestDocument::Image(manifest) => manifest.media_type.as_str(),
            ManifestDocument::Index(index) => index.media_type.as_str(),
        };
        if !stated.is_empty() && !stated.eq_ignore_ascii_case(own) {
            return Err(self.document(DocumentError::AmbiguousType(format!(
                "its index calls it `{stated}`, it is `{own}`"
            ))));
        }
        let size = u64::try_from(child.bytes.len()).unwrap_or(u64::MAX);
        if size != descriptor.size {
            let stated = descriptor.size;
            return Err(
                self.protocol(format!("the manifest has {size} bytes, its index says {stated}"))
            );
        }
        Ok(child)
    }

    /// Signatures, SBOMs and charts have manifests like images; some even have an image's configuration type.
    fn refuse_artifacts(&self, manifest: &Manifest) -> Result<(), RegistryError> {
        let is_layer =
            |layer: &Descriptor| ["layer", "rootfs"].iter().any(|w| layer.media_type.contains(w));
        let has_layers = manifest.layers.is_empty() || manifest.layers.iter().any(is_layer);
        if manifest.is_image() && has_layers {
            return Ok(());
        }
        let media_type = manifest
            .artifact_type
            .clone()
            .or_else(|| has_layers.then(|| manifest.config.media_type.clone()))
            .or_else(|| manifest.layers.first().map(|layer| layer.media_type.clone()))
            .unwrap_or_default();
        let registry = self.client.registry();
        Err(RegistryError::NotAnImage { registry, what: self.what(), media_type })
    }

    fn layers(
        &self,
        manifest: &Manifest,
        config: &ImageConfig,
    ) -> Result<Vec<LayerDescriptor>, RegistryError> {
        let (layers, diff_ids) = (&manifest.layers, &config.diff_ids);
        if layers.len() != diff_ids.len() {
            return Err(self.document(DocumentError::Field {
                what: "configuration",
                field: "rootfs.diff_ids".into(),
                problem: format!(
                    "lists {} layers, the manifest has {}",
                    diff_ids.len(),
                    layers.len()
                ),
            }));
        }
        let (count, limit) = (layers.len(), self.budget.max_layers);
        if count > limit {
            let (what, items) = ("manifest", "layers");
            return Err(self.document(DocumentError::TooMany { what, items, count, limit }));
        }
        Ok(layers
            .iter()
            .zip(diff_ids)
            .map(|(layer, diff_id)| LayerDescriptor {
                digest: Some(layer.digest),
                media_type: layer.media_type.clone(),
                size: layer.size,
                diff_id: Some(*diff_id),
            })
            .collect())
    }

    fn display_name(&self) -> String {
        let digest = self.name.parse().ok();
        ImageReference {
            host: self.client.endpoint().authority(),
            repository: self.repository.to_owned(),
            tag: digest.is_none().then(|| self.name.to_owned()),
            digest,
        }
        .to_string()
    }

    fn what(&self) -> String {
        format!("image `{}` `{}`", self.repository, self.name)
    }

    fn document(&self, source: DocumentError) -> RegistryError {
        let registry = self.client.registry();
        RegistryError::Document { registry, what: self.what(), source: Box::new(source) }
    }

    fn protocol(&self, problem: impl Into<String>) -> RegistryError {
        self.client.protocol(self.what(), problem)
    }
}
