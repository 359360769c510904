//! What `docker save` and `podman save` write.
//!
//! In: an archive with `manifest.json`, which names configurations and layers by their members. Out: the source of one image
//! of it. Source: Docker's image specification 1.2, "Combined Image JSON + Filesystem Changeset Format", and the archives
//! themselves. Odd: nothing but the configuration's diff ids binds the layers, so they must match; layers may be
//! compressed, and old archives hold them as links to each other.

use plimsoll_model::Digest;

use super::{
    ArchiveFile, OpenError, Wanted,
    layout::{self, Resolved},
};
use crate::{
    blob::{Expected, read_stream},
    budget::Budget,
    codec::{digest_bytes, digest_reader},
    config::{ImageConfig, parse_config},
    document::DocumentError,
    entry::TreePath,
    json::{self, Fields},
    source::{
        EntryVisitor, FilePlace, ImageDocuments, LayerDescriptor, LayerEntries, LayerSource,
        ReadError,
    },
};

const WHAT: &str = "manifest.json";
const MEDIA_TYPE: &str = "application/vnd.docker.image.rootfs.diff.tar";

struct DockerArchive {
    archive: ArchiveFile,
    documents: ImageDocuments,
    layers: Vec<Member>,
}

/// Where a layer is, and what binds its bytes.
struct Member {
    name: TreePath,
    blob_digest: Option<Digest>,
    diff_id: Digest,
}

/// One image that `manifest.json` lists.
struct Listed {
    config_name: TreePath,
    tags: Vec<String>,
    layers: Vec<TreePath>,
}

/// Whether `manifest.json` is a list of images; root file systems may have a file of that name too.
pub(super) fn is_manifest(archive: &ArchiveFile) -> bool {
    archive
        .document(&TreePath::from(WHAT), &Budget::default())
        .is_ok_and(|bytes| listed_images(&bytes).is_ok_and(|images| !images.is_empty()))
}

fn listed_images(bytes: &[u8]) -> Result<Vec<Listed>, DocumentError> {
    let value = json::parse(WHAT, bytes)?;
    let images = Fields::of_list(WHAT, &value)?.into_iter().map(|fields| {
        let layers = fields.texts("Layers")?.unwrap_or_default();
        Ok(Listed {
            config_name: TreePath::from(fields.required_text("Config")?),
            tags: fields.texts("RepoTags")?.unwrap_or_default(),
            layers: layers.iter().map(|name| TreePath::from(name.as_str())).collect(),
        })
    });
    images.collect()
}

pub(super) fn open(
    wanted: &Wanted<'_>,
    archive: ArchiveFile,
) -> Result<Box<dyn LayerSource + Send>, OpenError> {
    let (image, config_bytes, config) = choose(wanted, &archive)?;
    let config_digest = digest_bytes(&config_bytes);
    let resolved = if archive.has(&TreePath::from("oci-layout")) {
        Some(matching_manifest(wanted, &archive, &image, &config_digest)?)
    } else {
        None
    };
    if image.layers.len() != config.diff_ids.len() || image.layers.len() > wanted.budget.max_layers
    {
        let problem = format!(
            "`manifest.json` lists {} layers and the configuration {}",
            image.layers.len(),
            config.diff_ids.len()
        );
        return Err(OpenError::Ambiguous { at: wanted.at(), problem });
    }
    let mut layers = Vec::new();
    let mut descriptors = Vec::new();
    let mut total_size = config_bytes.len() as u64;
    for (index, (name, diff_id)) in image.layers.into_iter().zip(&config.diff_ids).enumerate() {
        let (_, size) = archive.find(&name)?;
        total_size = total_size.saturating_add(size);
        let described = resolved.as_ref().and_then(|it| it.manifest.layers.get(index));
        let blob_digest = described.map(|layer| layer.digest);
        descriptors.push(LayerDescriptor {
            digest: blob_digest.or(Some(*diff_id)),
            media_type: described
                .map_or_else(|| MEDIA_TYPE.to_owned(), |layer| layer.media_type.clone()),
            size,
            diff_id: Some(*diff_id),
        });
        layers.push(Member { name, blob_digest, diff_id: *diff_id });
    }
    let documents = ImageDocuments {
        name: wanted.shown.display().to_string(),
        source_kind: "docker-archive",
        manifest_digest: resolved.as_ref().map(|it| it.manifest_digest),
        manifest: resolved.map(|it| it.manifest_bytes),
        config: config_bytes,
        config_digest: Some(config_digest),
        layers: descriptors,
        platform: config.platform(),
        total_size,
    };
    Ok(Box::new(DockerArchive { archive, documents, layers }))
}

/// The image that was asked for: by name, the only one, or the only one for the platform.
fn choose(
    wanted: &Wanted<'_>,
    archive: &ArchiveFile,
) -> Result<(Listed, Vec<u8>, ImageConfig), OpenError> {
    let bytes = archive.document(&TreePath::from(WHAT), wanted.budget)?;
    let images = listed_images(&bytes).map_err(|error| wanted.document(WHAT, error))?;
    let limit = wanted.budget.max_manifests;
    if images.len() > limit {
        let (items, count) = ("images", images.len());
        let error = DocumentError::TooMany { what: WHAT, items, count, limit };
        return Err(wanted.document(WHAT, error));
    }
    let names: Vec<String> = images
        .iter()
        .map(|image| match image.tags.first() {
            Some(tag) => tag.clone(),
            None => image.config_name.display().into_owned(),
        })
        .collect();
    let mut candidates = Vec::new();
    for image in images {
        let is_named = wanted.name.is_none_or(|name| {
            image.tags.iter().any(|tag| full_name(tag) == full_name(name))
                || image.config_name == TreePath::from(name)
        });
        if !is_named {
            continue;
        }
        let bytes = archive.document(&image.config_name, wanted.budget)?;
        check_config_name(wanted, &image.config_name, &bytes)?;
        let shown = image.config_name.display().into_owned();
        let config = parse_config(&bytes).map_err(|error| wanted.document(&shown, error))?;
        candidates.push((image, bytes, config));
    }
    if candidates.len() > 1 {
        let fits = |config: &ImageConfig| {
            config.platform().is_some_and(|platform| platform.satisfies(wanted.platform))
        };
        if candidates.iter().filter(|(_, _, config)| fits(config)).count() == 1 {
            candidates.retain(|(_, _, config)| fits(config));
        }
    }
    let count = candidates.len();
    match (candidates.pop(), wanted.name) {
        (Some(only), _) if count == 1 => Ok(only),
        (Some(_), _) => Err(wanted.several(names, count)),
        (None, Some(name)) => Err(OpenError::Missing {
            at: wanted.at(),
            missing: format!("an image named `{name}` (there is: {})", names.join(", ")),
        }),
        (None, None) => Err(wanted.not_this_kind("`manifest.json` lists no image")),
    }
}

/// A name as Docker completes it.
fn full_name(name: &str) -> String {
    let short = name
        .strip_prefix("docker.io/library/")
        .or_else(|| name.strip_prefix("docker.io/"))
        .or_else(|| name.strip_prefix("localhost/"))
        .unwrap_or(name);
    let last = short.rsplit('/').next().unwrap_or(short);
    if last.contains(':') { short.to_owned() } else { format!("{short}:latest") }
}

/// A configuration whose name is a digest must have it.
fn check_config_name(wanted: &Wanted<'_>, name: &TreePath, bytes: &[u8]) -> Result<(), OpenError> {
    let text = String::from_utf8_lossy(name.name());
    let hex = text.strip_suffix(".json").unwrap_or(&text);
    let hex = hex.strip_prefix("sha256:").unwrap_or(hex);
    let Ok(expected) = format!("sha256:{hex}").parse::<Digest>() else { return Ok(()) };
    let actual = digest_bytes(bytes);
    if actual == expected {
        return Ok(());
    }
    let at = format!("{}: {}", wanted.at(), name.display());
    Err(OpenError::Digest { at, expected, actual })
}

/// The manifest of the archive's other description, which must mean the same configuration and the same layers.
fn matching_manifest(
    wanted: &Wanted<'_>,
    archive: &ArchiveFile,
    image: &Listed,
    config_digest: &Digest,
) -> Result<Resolved, OpenError> {
    let read = |name: &str| archive.document(&TreePath::from(name), wanted.budget);
    let differs = |problem: String| OpenError::Ambiguous { at: wanted.at(), problem };
    let resolved = layout::find_config(wanted, &read, config_digest)?.ok_or_else(|| {
        differs(format!(
            "`manifest.json` describes the image {config_digest}, `index.json` does not"
        ))
    })?;
    let described: Vec<TreePath> = resolved
        .manifest
        .layers
        .iter()
        .map(|layer| TreePath::from(layout::blob_name(&layer.digest).as_str()))
        .collect();
    let place = |names: &[TreePath]| -> Result<Vec<(u64, u64)>, OpenError> {
        names.iter().map(|name| archive.find(name)).collect()
    };
    if place(&described)? != place(&image.layers)? {
        return Err(differs("`manifest.json` and `index.json` name different layers".to_owned()));
    }
    Ok(resolved)
}

impl LayerSource for DockerArchive {
    fn documents(&self) -> &ImageDocuments {
        &self.documents
    }

    fn place(&self, index: usize) -> Option<FilePlace> {
        self.archive.place(&self.layers.get(index)?.name)
    }

    fn hash_layer(&self, index: usize) -> Option<Digest> {
        digest_reader(self.archive.reader(&self.layers.get(index)?.name).ok()?).ok()?
    }

    fn read_layer(
        &self,
        index: usize,
        budget: &Budget,
        visitor: &mut dyn EntryVisitor,
    ) -> Result<LayerEntries, ReadError> {
        let count = self.layers.len();
        let layer = self.layers.get(index).ok_or(ReadError::NoSuchLayer { index, count })?;
        let at = format!("layer {} ({})", layer.diff_id, layer.name.display());
        let mut reader = self.archive.reader(&layer.name).map_err(|error| ReadError::Io {
            at: at.clone(),
            source: std::io::Error::other(error.to_string()),
        })?;
        let expected = Expected {
            digest: layer.blob_digest,
            size: None,
            diff_id: Some(layer.diff_id),
            is_diff_id_binding: true,
        };
        read_stream(&mut reader, &at, &expected, budget, visitor)
    }
}
