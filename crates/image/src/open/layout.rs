//! An OCI layout, as a folder or in an archive.
//!
//! In: `index.json` and blobs named by their digests. Out: the source of one image of it. Source: OCI image-spec,
//! `image-layout.md`. Odd: an index may list indexes; they are followed at most three deep and never in a circle, and every
//! document's digest is checked before it is believed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use plimsoll_model::Digest;

use super::{ArchiveFile, OpenError, Wanted, io_error};
use crate::{
    blob::{Expected, read_stream},
    budget::Budget,
    codec::{digest_bytes, digest_reader},
    config::parse_config,
    document::DocumentError,
    entry::TreePath,
    manifest::{
        Descriptor, Index, IndexEntry, Manifest, ManifestDocument, OCI_INDEX, choose_platform,
        parse_manifest,
    },
    source::{
        EntryVisitor, FileIdentity, FilePlace, ImageDocuments, LayerDescriptor, LayerEntries,
        LayerSource, ReadError,
    },
};

const REF_NAME: &str = "org.opencontainers.image.ref.name";
const CONTAINERD_NAME: &str = "io.containerd.image.name";

/// Where the files of a layout are.
pub(super) enum Blobs {
    /// In the folder that was asked for.
    Folder,
    /// In an archive.
    Archive(ArchiveFile),
}

/// The files of a layout.
pub(super) struct Files {
    folder: PathBuf,
    blobs: Blobs,
}

impl Files {
    /// A small file as a whole.
    pub(super) fn document(&self, name: &str, budget: &Budget) -> Result<Vec<u8>, OpenError> {
        match &self.blobs {
            Blobs::Archive(archive) => archive.document(&TreePath::from(name), budget),
            Blobs::Folder => read_document(&self.folder.join(name), budget),
        }
    }

    fn place(&self, name: &str) -> Option<FilePlace> {
        match &self.blobs {
            Blobs::Archive(archive) => archive.place(&TreePath::from(name)),
            Blobs::Folder => {
                let metadata = self.folder.join(name).metadata().ok()?;
                let file = FileIdentity::of(&metadata);
                metadata.is_file().then_some(FilePlace { file, offset: 0, length: file.size })
            }
        }
    }

    fn reader(&self, name: &str) -> Result<Box<dyn Read + '_>, OpenError> {
        match &self.blobs {
            Blobs::Archive(archive) => Ok(Box::new(archive.reader(&TreePath::from(name))?)),
            Blobs::Folder => Ok(Box::new(open_regular(&self.folder.join(name))?)),
        }
    }
}

/// Opens a regular file: anything else could block or never end.
fn open_regular(path: &Path) -> Result<File, OpenError> {
    let missing = |path: &Path| OpenError::Missing {
        at: path.parent().unwrap_or(path).display().to_string(),
        missing: format!("`{}`", path.file_name().unwrap_or_default().display()),
    };
    match path.metadata() {
        Ok(metadata) if metadata.is_file() => {
            File::open(path).map_err(|source| io_error(path, source))
        }
        Ok(_) => Err(OpenError::NotThisKind {
            at: path.display().to_string(),
            problem: "is not a regular file".to_owned(),
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(missing(path)),
        Err(source) => Err(io_error(path, source)),
    }
}

fn read_document(path: &Path, budget: &Budget) -> Result<Vec<u8>, OpenError> {
    let limit = budget.max_document_bytes as u64;
    let mut bytes = Vec::new();
    let file = open_regular(path)?;
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|source| io_error(path, source))?;
    if bytes.len() as u64 > limit {
        let size = bytes.len() as u64;
        let source = DocumentError::TooLarge { what: "document", size, limit };
        return Err(OpenError::Document { at: path.display().to_string(), source });
    }
    Ok(bytes)
}

struct Layout {
    files: Files,
    documents: ImageDocuments,
}

/// One image of a layout, resolved to its documents.
pub(super) struct Resolved {
    pub(super) manifest: Manifest,
    pub(super) manifest_bytes: Vec<u8>,
    pub(super) manifest_digest: Digest,
    pub(super) config: Vec<u8>,
}

pub(super) fn open(
    wanted: &Wanted<'_>,
    blobs: Blobs,
) -> Result<Box<dyn LayerSource + Send>, OpenError> {
    let files = Files { folder: wanted.file.to_owned(), blobs };
    let resolved = resolve(wanted, &|name| files.document(name, wanted.budget))?;
    let documents = documents(wanted, resolved)?;
    Ok(Box::new(Layout { files, documents }))
}

fn documents(wanted: &Wanted<'_>, resolved: Resolved) -> Result<ImageDocuments, OpenError> {
    let config =
        parse_config(&resolved.config).map_err(|error| wanted.document("configuration", error))?;
    let manifest = resolved.manifest;
    let (count, limit) = (manifest.layers.len(), wanted.budget.max_layers);
    if count > limit {
        let error = DocumentError::TooMany { what: "manifest", items: "layers", count, limit };
        return Err(wanted.document("manifest", error));
    }
    let sizes = manifest.layers.iter().map(|layer| layer.size);
    let total_size = sizes.fold(manifest.config.size, u64::saturating_add);
    let layers = manifest.layers.into_iter().enumerate().map(|(index, layer)| LayerDescriptor {
        digest: Some(layer.digest),
        media_type: layer.media_type,
        size: layer.size,
        diff_id: config.diff_ids.get(index).copied(),
    });
    Ok(ImageDocuments {
        name: wanted.shown.display().to_string(),
        source_kind: "oci-layout",
        manifest: Some(resolved.manifest_bytes),
        manifest_digest: Some(resolved.manifest_digest),
        config_digest: Some(manifest.config.digest),
        config: resolved.config,
        layers: layers.collect(),
        platform: config.platform(),
        total_size,
    })
}

/// Goes from `index.json` to the image that was asked for.
pub(super) fn resolve(
    wanted: &Wanted<'_>,
    read: &dyn Fn(&str) -> Result<Vec<u8>, OpenError>,
) -> Result<Resolved, OpenError> {
    let index_bytes = read("index.json")?;
    let document = parse_manifest(&index_bytes, Some(OCI_INDEX))
        .map_err(|error| wanted.document("index.json", error))?;
    let ManifestDocument::Index(index) = document else {
        return Err(wanted.not_this_kind("`index.json` is not an index"));
    };
    let mut descriptor = first_entry(wanted, &index)?.descriptor.clone();
    let mut seen = BTreeSet::new();
    for _ in 0..=wanted.budget.max_index_depth {
        if !seen.insert(descriptor.digest) {
            break;
        }
        let bytes = verified(wanted, &descriptor, read)?;
        let at = descriptor.digest.to_string();
        let media_type = (!descriptor.media_type.is_empty()).then_some(&*descriptor.media_type);
        match parse_manifest(&bytes, media_type).map_err(|error| wanted.document(&at, error))? {
            ManifestDocument::Image(manifest) => {
                if !manifest.is_image() {
                    let error = DocumentError::UnsupportedType {
                        media_type: manifest.artifact_type.unwrap_or(manifest.config.media_type),
                        remedy: "it is an artifact of another kind, such as a signature or a chart",
                    };
                    return Err(wanted.document(&at, error));
                }
                let config = verified(wanted, &manifest.config, read)?;
                return Ok(Resolved {
                    manifest,
                    manifest_bytes: bytes,
                    manifest_digest: descriptor.digest,
                    config,
                });
            }
            ManifestDocument::Index(index) => {
                let entry = choose_platform(&index, wanted.platform)
                    .map_err(|error| wanted.document(&at, error))?;
                descriptor = entry.descriptor.clone();
            }
        }
    }
    let depth = wanted.budget.max_index_depth;
    Err(wanted.not_this_kind(&format!("its indexes are nested deeper than {depth}")))
}

/// The entry of `index.json` that was asked for: by name, or the only one, or the one for the platform.
fn first_entry<'i>(wanted: &Wanted<'_>, index: &'i Index) -> Result<&'i IndexEntry, OpenError> {
    let candidates: Vec<&IndexEntry> =
        index.manifests.iter().filter(|entry| !entry.is_attestation()).collect();
    let mut by_digest: BTreeMap<Digest, &IndexEntry> = BTreeMap::new();
    let mut names = BTreeSet::new();
    for entry in candidates {
        let entry_names = [REF_NAME, CONTAINERD_NAME].map(|key| entry.annotations.get(key));
        let is_named = match wanted.name {
            None => true,
            Some(name) => entry_names.iter().flatten().any(|it| *it == name),
        };
        if is_named {
            by_digest.entry(entry.descriptor.digest).or_insert(entry);
        }
        names.extend(entry_names.into_iter().flatten().next().cloned());
    }
    let named: Vec<&IndexEntry> = by_digest.into_values().collect();
    match (named.as_slice(), wanted.name) {
        ([entry], _) => Ok(*entry),
        ([], Some(name)) => Err(OpenError::Missing {
            at: wanted.at(),
            missing: format!("an image named `{name}` (there is: {})", joined(&names)),
        }),
        (several, None) if names.len() > 1 => Err(wanted.several(names, several.len())),
        (several, _) => {
            let manifests = several.iter().map(|entry| (*entry).clone()).collect();
            let named = Index { manifests, ..index.clone() };
            let chosen = choose_platform(&named, wanted.platform)
                .map_err(|error| wanted.document("index.json", error))?;
            let digest = chosen.descriptor.digest;
            let entry = several.iter().find(|entry| entry.descriptor.digest == digest);
            entry.copied().ok_or_else(|| wanted.not_this_kind("`index.json` lists no image"))
        }
    }
}

/// The image of a configuration, wherever the index lists it; blobs that are not there (other platforms') are passed over.
pub(super) fn find_config(
    wanted: &Wanted<'_>,
    read: &dyn Fn(&str) -> Result<Vec<u8>, OpenError>,
    config_digest: &Digest,
) -> Result<Option<Resolved>, OpenError> {
    let index_bytes = read("index.json")?;
    let document = parse_manifest(&index_bytes, Some(OCI_INDEX))
        .map_err(|error| wanted.document("index.json", error))?;
    let ManifestDocument::Index(index) = document else {
        return Err(wanted.not_this_kind("`index.json` is not an index"));
    };
    let mut seen = BTreeSet::new();
    let mut open: Vec<(IndexEntry, usize)> =
        index.manifests.into_iter().map(|entry| (entry, 0)).collect();
    while let Some((entry, depth)) = open.pop() {
        let descriptor = entry.descriptor;
        if depth > wanted.budget.max_index_depth
            || seen.len() > wanted.budget.max_manifests
            || !seen.insert(descriptor.digest)
        {
            continue;
        }
        let bytes = match verified(wanted, &descriptor, read) {
            Ok(bytes) => bytes,
            Err(OpenError::Missing { .. }) => continue,
            Err(error) => return Err(error),
        };
        let at = descriptor.digest.to_string();
        match parse_manifest(&bytes, None).map_err(|error| wanted.document(&at, error))? {
            ManifestDocument::Index(index) => {
                open.extend(index.manifests.into_iter().map(|entry| (entry, depth + 1)));
            }
            ManifestDocument::Image(manifest) if manifest.config.digest == *config_digest => {
                let config = verified(wanted, &manifest.config, read)?;
                return Ok(Some(Resolved {
                    manifest,
                    manifest_bytes: bytes,
                    manifest_digest: descriptor.digest,
                    config,
                }));
            }
            ManifestDocument::Image(_) => {}
        }
    }
    Ok(None)
}

fn joined(names: &BTreeSet<String>) -> String {
    names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// A document whose digest and size are those of its descriptor.
fn verified(
    wanted: &Wanted<'_>,
    descriptor: &Descriptor,
    read: &dyn Fn(&str) -> Result<Vec<u8>, OpenError>,
) -> Result<Vec<u8>, OpenError> {
    let name = blob_name(&descriptor.digest);
    let bytes = read(&name)?;
    let actual = digest_bytes(&bytes);
    if actual != descriptor.digest {
        let at = format!("{}: {name}", wanted.at());
        return Err(OpenError::Digest { at, expected: descriptor.digest, actual });
    }
    Ok(bytes)
}

/// The name of a blob's file.
pub(super) fn blob_name(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

impl LayerSource for Layout {
    fn documents(&self) -> &ImageDocuments {
        &self.documents
    }

    fn place(&self, index: usize) -> Option<FilePlace> {
        self.files.place(&blob_name(&self.documents.layers.get(index)?.digest?))
    }

    fn hash_layer(&self, index: usize) -> Option<Digest> {
        let name = blob_name(&self.documents.layers.get(index)?.digest?);
        digest_reader(self.files.reader(&name).ok()?).ok()?
    }

    fn read_layer(
        &self,
        index: usize,
        budget: &Budget,
        visitor: &mut dyn EntryVisitor,
    ) -> Result<LayerEntries, ReadError> {
        let count = self.documents.layers.len();
        let layer = self.documents.layers.get(index);
        let layer = layer.ok_or(ReadError::NoSuchLayer { index, count })?;
        let Some(digest) = layer.digest else {
            return Err(ReadError::NoSuchLayer { index, count });
        };
        let at = format!("layer {digest}");
        let mut reader = self.files.reader(&blob_name(&digest)).map_err(|error| ReadError::Io {
            at: at.clone(),
            source: std::io::Error::other(error.to_string()),
        })?;
        let expected = Expected {
            digest: layer.digest,
            size: Some(layer.size),
            diff_id: layer.diff_id,
            is_diff_id_binding: false,
        };
        read_stream(&mut *reader, &at, &expected, budget, visitor)
    }
}
