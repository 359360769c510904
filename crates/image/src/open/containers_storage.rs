//! An image in the store of podman, buildah or CRI-O.
//!
//! In: the folders that images are stored in, and a name or id. Out: [`StoredImage`]. Source: containers/storage (behaviour
//! and files), `containers-storage.conf(5)`; Linux, `Documentation/filesystems/overlayfs.rst`. Odd:
//! * A layer is a folder. What runs is what lies there, so that is read; its digest is the store's word and verified by nobody.
//! * With the driver `vfs` each layer's folder is a whole tree; of such an image the uppermost is read, as one layer.
//! * Whoever reads the folders may lack the privilege to see which of them hide what is below, so that is found when the
//!   image is opened.

mod marks;
mod name;
mod records;

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use plimsoll_model::Digest;
use records::{LayerRecord, Store};
use serde::{Deserialize, Serialize};

use super::{
    OpenError, io_error,
    rootfs::walk::{Form, walk},
};
use crate::{
    budget::Budget,
    codec::digest_bytes,
    config::{ImageConfig, parse_config},
    document::DocumentError,
    entry::TreePath,
    manifest::{Manifest, ManifestDocument, parse_manifest},
    source::{EntryVisitor, ImageDocuments, LayerDescriptor, LayerEntries, LayerSource, ReadError},
};

/// How images of a store are called in [`ImageDocuments::source_kind`].
const SOURCE: &str = "containers-storage";

/// Where a store of images lies.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StorePlace {
    /// Its folder, `graphroot` in the configuration.
    pub folder: PathBuf,
    /// Which driver's images are meant; `None`: those of any driver that is read.
    pub driver: Option<String>,
}

/// An image in a store: documents at hand, layers in folders.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredImage {
    documents: ImageDocuments,
    layers: Vec<StoredLayer>,
}

/// One layer in a store.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StoredLayer {
    /// Its folder, behind no link.
    folder: PathBuf,
    form: LayerForm,
    /// What is odd about the folder, as sentences.
    odd: Vec<String>,
}

/// How a layer lies in its folder.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
enum LayerForm {
    /// As one layer of the kernel's overlay; these folders in it hide what is below.
    Overlay(BTreeSet<TreePath>),
    /// As a whole tree, with all that is below.
    Tree,
}

impl StoredLayer {
    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// Finds an image in the first of the stores; its layers may lie in any of them.
///
/// The name is what `podman images` shows, the end of it (`debian:12`), with a digest instead of the tag, or an id.
///
/// # Errors
/// [`OpenError`], which names the store or the image, and where there is one, the remedy.
pub fn open_stored(
    places: &[StorePlace],
    name: &str,
    budget: &Budget,
) -> Result<StoredImage, OpenError> {
    let mut stores = Vec::new();
    for place in places {
        stores.extend(Store::at(place)?);
    }
    if stores.is_empty() {
        let folders: Vec<String> =
            places.iter().map(|place| place.folder.display().to_string()).collect();
        let problem = "holds no images that are read: no `overlay-images`, no `vfs-images`";
        return Err(OpenError::NotThisKind { at: folders.join(", "), problem: problem.to_owned() });
    }
    let (store, record) = name::find(&stores, name)?;
    let image = Opening { stores: &stores, store, id: &record.id, name, budget };
    image.open(record.layer.as_deref().unwrap_or_default())
}

/// An image on its way out of the store.
struct Opening<'o> {
    stores: &'o [Store],
    store: &'o Store,
    id: &'o str,
    name: &'o str,
    budget: &'o Budget,
}

impl Opening<'_> {
    fn open(&self, top: &str) -> Result<StoredImage, OpenError> {
        let manifest_bytes = self.big_data("manifest")?;
        let manifest = self.manifest(&manifest_bytes)?;
        let config_bytes = self.big_data(&manifest.config.digest.to_string())?;
        let actual = digest_bytes(&config_bytes);
        if actual != manifest.config.digest {
            let (at, expected) = (format!("{}: configuration", self.at()), manifest.config.digest);
            return Err(OpenError::Digest { at, expected, actual });
        }
        let config = parse_config(&config_bytes)
            .map_err(|source| OpenError::Document { at: self.at(), source })?;
        let chain = self.chain(top)?;
        self.check(&chain, &manifest, &config)?;
        let is_tree = chain.last().is_some_and(|(store, _)| store.driver.is_tree());
        let total_size = manifest
            .layers
            .iter()
            .fold(manifest.config.size, |total, layer| total.saturating_add(layer.size));
        let descriptors = manifest.layers.into_iter().enumerate();
        let descriptors = descriptors.map(|(index, layer)| LayerDescriptor {
            digest: Some(layer.digest),
            media_type: layer.media_type,
            size: layer.size,
            diff_id: config.diff_ids.get(index).copied(),
        });
        // A whole tree has no digest of its own.
        let descriptors =
            if is_tree { vec![LayerDescriptor::default()] } else { descriptors.collect() };
        let read = if is_tree { chain.get(chain.len() - 1..).unwrap_or_default() } else { &chain };
        let layers = read.iter().map(|(store, layer)| self.layer(store, layer));
        Ok(StoredImage {
            documents: ImageDocuments {
                name: self.name.to_owned(),
                source_kind: SOURCE,
                manifest_digest: Some(digest_bytes(&manifest_bytes)),
                manifest: Some(manifest_bytes),
                config_digest: Some(manifest.config.digest),
                config: config_bytes,
                layers: descriptors,
                platform: config.platform(),
                total_size,
            },
            layers: layers.collect::<Result<_, _>>()?,
        })
    }

    fn at(&self) -> String {
        format!("{}: image {}", self.store.folder.display(), self.id)
    }

    fn manifest(&self, bytes: &[u8]) -> Result<Manifest, OpenError> {
        match parse_manifest(bytes, None) {
            Ok(ManifestDocument::Image(manifest)) if manifest.is_image() => Ok(manifest),
            Ok(_) => {
                Err(self.not_this_kind("its manifest is not that of an image for one platform"))
            }
            Err(source) => Err(OpenError::Document { at: self.at(), source }),
        }
    }

    fn not_this_kind(&self, problem: &str) -> OpenError {
        OpenError::NotThisKind { at: self.at(), problem: problem.to_owned() }
    }

    /// A document that the store keeps of the image.
    fn big_data(&self, key: &str) -> Result<Vec<u8>, OpenError> {
        // Keys that are no plain names are encoded.
        let is_plain = key.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let file = if is_plain { key.to_owned() } else { format!("={}", STANDARD.encode(key)) };
        let path = self.store.images().join(self.id).join(file);
        let limit = self.budget.max_document_bytes as u64;
        let mut bytes = Vec::new();
        let read = records::open_regular(&path)
            .and_then(|file| file.take(limit + 1).read_to_end(&mut bytes));
        match read {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(OpenError::Missing { at: self.at(), missing: format!("`{key}`") });
            }
            Err(source) => return Err(io_error(&path, source)),
            Ok(_) => {}
        }
        let size = bytes.len() as u64;
        if size > limit {
            let source = DocumentError::TooLarge { what: "document", size, limit };
            return Err(OpenError::Document { at: path.display().to_string(), source });
        }
        Ok(bytes)
    }

    /// The image's layers, bottom first, each with the store that has it.
    fn chain(&self, top: &str) -> Result<Vec<(&Store, &LayerRecord)>, OpenError> {
        let mut chain = Vec::new();
        let mut wanted = top;
        while !wanted.is_empty() {
            if chain.len() >= self.budget.max_layers {
                let limit = self.budget.max_layers;
                let count = chain.len() + 1;
                let source =
                    DocumentError::TooMany { what: "image", items: "layers", count, limit };
                return Err(OpenError::Document { at: self.at(), source });
            }
            let found =
                self.stores.iter().find_map(|store| Some((store, store.layers.get(wanted)?)));
            let Some((store, layer)) = found else {
                let missing = format!("layer {wanted}");
                return Err(OpenError::Missing { at: self.at(), missing });
            };
            if layer.is_incomplete() {
                let problem = format!("its layer {wanted} is incomplete: pull the image again");
                return Err(self.not_this_kind(&problem));
            }
            chain.push((store, layer));
            wanted = layer.parent.as_deref().unwrap_or_default();
        }
        chain.reverse();
        Ok(chain)
    }

    /// What the store says of the layers must be what the image's documents say.
    fn check(
        &self,
        chain: &[(&Store, &LayerRecord)],
        manifest: &Manifest,
        config: &ImageConfig,
    ) -> Result<(), OpenError> {
        let ambiguous = |problem: String| OpenError::Ambiguous { at: self.at(), problem };
        if chain.len() != manifest.layers.len() {
            let (kept, named) = (chain.len(), manifest.layers.len());
            return Err(ambiguous(format!(
                "the store keeps {kept} layers of it, its manifest names {named}"
            )));
        }
        for ((_, layer), stated) in chain.iter().zip(&config.diff_ids) {
            let kept = layer.diff_digest.as_deref().and_then(|text| text.parse::<Digest>().ok());
            if kept.is_some_and(|kept| kept != *stated) {
                let id = &layer.id;
                return Err(ambiguous(format!(
                    "layer {id} is not the one that its configuration names {stated}"
                )));
            }
        }
        Ok(())
    }

    fn layer(&self, store: &Store, layer: &LayerRecord) -> Result<StoredLayer, OpenError> {
        let folder = store.layer_folder(&layer.id);
        let folder = folder.canonicalize().map_err(|source| io_error(&folder, source))?;
        if folder.to_str().is_none() {
            let problem = "its name is not UTF-8";
            return Err(OpenError::NotThisKind {
                at: folder.display().to_string(),
                problem: problem.to_owned(),
            });
        }
        if store.driver.is_tree() {
            return Ok(StoredLayer { folder, form: LayerForm::Tree, odd: Vec::new() });
        }
        if store.layer_folder(&layer.id).with_file_name("composefs-data").exists() {
            return Err(self.not_this_kind("it is stored as composefs, which is not read"));
        }
        let marks = marks::find(&folder, self.budget).map_err(|it| io_error(&folder, it))?;
        let (form, odd) = (LayerForm::Overlay(marks.opaque), marks.odd);
        Ok(StoredLayer { folder, form, odd })
    }
}

impl StoredImage {
    /// An image whose documents and layers were found before, by [`open_stored`].
    #[must_use]
    pub fn new(documents: ImageDocuments, layers: Vec<StoredLayer>) -> Self {
        Self { documents: ImageDocuments { source_kind: SOURCE, ..documents }, layers }
    }

    /// The same image under the name by which it was asked for.
    #[must_use]
    pub fn named(self, name: String) -> Self {
        Self { documents: ImageDocuments { name, ..self.documents }, ..self }
    }

    /// The folders that its layers lie in.
    #[must_use]
    pub fn layers(&self) -> &[StoredLayer] {
        &self.layers
    }
}

impl LayerSource for StoredImage {
    fn documents(&self) -> &ImageDocuments {
        &self.documents
    }

    fn read_layer(
        &self,
        index: usize,
        budget: &Budget,
        visitor: &mut dyn EntryVisitor,
    ) -> Result<LayerEntries, ReadError> {
        let count = self.layers.len();
        let layer = self.layers.get(index).ok_or(ReadError::NoSuchLayer { index, count })?;
        let at = layer.folder.display().to_string();
        let root = File::open(&layer.folder);
        let root = root.map_err(|source| ReadError::Io { at: at.clone(), source })?;
        let form = match &layer.form {
            LayerForm::Overlay(opaque) => Form::Overlay { opaque },
            LayerForm::Tree => Form::Root { reader: SOURCE },
        };
        let mut entries =
            walk(&root.into(), form, budget, visitor).map_err(|error| error.at(&at))?;
        entries.anomalies.extend(layer.odd.iter().cloned());
        entries.anomalies.sort();
        Ok(entries)
    }
}
