//! The files of an image, as a list that can be held against a runtime's own answer.
//!
//! In: a source. Out: [`Listing`]: the merged tree, or one layer alone, with how completely it could be read. Source: what
//! `podman image mount` shows of the same image. Odd: no detector runs here; content is read only where digests are asked
//! for. A layer that cannot be read makes the listing UNREADABLE, and what its layers would have changed is unknown.

mod output;

use std::{
    collections::BTreeMap,
    io::{self, Read},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use plimsoll_image::{
    Budget, ContentRef, EntryKind, EntryMeta, EntryVisitor, LayerEntries, LayerOrigin, LayerSource,
    ReadError, Tree, TreePath,
};
use plimsoll_model::{Coverage, Digest, Gap, GapReason};
use ring::digest::{Context, SHA256};
use serde::Serialize;

pub use self::output::ListingFormat;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct ListingOptions<'a> {
    /// Limits.
    pub budget: &'a Budget,
    /// Whether every regular file's SHA-256 is computed.
    pub digests: bool,
    /// One layer alone, 0 at the bottom; `None` merges all.
    pub layer: Option<usize>,
    /// How many layers are read at once, at least 1.
    pub threads: usize,
}

/// The files of an image.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Listing {
    /// How completely the image could be read; `ran` is empty, since nothing was looked for.
    pub coverage: Coverage,
    /// Directories before what they hold, names in the order of their bytes; the root itself is not listed.
    pub entries: Vec<ListedEntry>,
}

/// One name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ListedEntry {
    /// Path without a leading slash; bytes that are not UTF-8 stand as U+FFFD.
    pub path: String,
    /// The path's bytes in hexadecimal, where they are not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_bytes: Option<String>,
    /// `file`, `directory`, `symlink`, `character-device`, `block-device`, `fifo`; of one layer also `hardlink`,
    /// `whiteout`, `opaque`.
    pub kind: &'static str,
    /// Permission bits in octal, with setuid, setgid and sticky: `0644`, `4755`.
    pub mode: String,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Bytes of content; 0 for what is not a file.
    pub size: u64,
    /// The layer that the entry comes from, 0 at the bottom; `None` for directories that no layer names.
    pub layer: Option<usize>,
    /// What a file gives to whoever runs it: `cap_net_raw=ep`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<String>,
    /// Where a symlink points, as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// SHA-256 of a regular file's content, in hexadecimal, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// Lists the merged tree, or one layer.
///
/// # Errors
/// [`ReadError::NoSuchLayer`] when that layer does not exist. Everything else that cannot be read is in the coverage.
pub fn list_tree(
    source: &dyn LayerSource,
    options: &ListingOptions<'_>,
) -> Result<Listing, ReadError> {
    let budget = options.budget.for_image();
    let options = &ListingOptions { budget: &budget, ..*options };
    let count = source.documents().layers.len();
    let wanted: Vec<usize> = match options.layer {
        Some(index) if index >= count => return Err(ReadError::NoSuchLayer { index, count }),
        Some(index) => vec![index],
        None => (0..count).collect(),
    };
    let mut gaps = Vec::new();
    let mut layers = Vec::new();
    let mut digests = BTreeMap::new();
    for (index, result) in read_all(source, &wanted, options) {
        match result {
            Ok((entries, of_layer)) => {
                digests
                    .extend(of_layer.into_iter().map(|(entry, digest)| ((index, entry), digest)));
                gaps.extend(entries.gaps.iter().cloned());
                let stated = source.documents().layers.get(index).and_then(|layer| layer.diff_id);
                let anomalies = entries.anomalies.iter().cloned();
                gaps.extend(anomalies.chain(entries.diff_id_anomaly(stated)).map(|detail| Gap {
                    reason: GapReason::Anomaly,
                    by: "archive".into(),
                    at: layer_name(source, index),
                    detail,
                }));
                layers.push(entries);
            }
            Err(error) => {
                gaps.push(Gap {
                    reason: GapReason::UnreadableImage,
                    by: "layer".into(),
                    at: layer_name(source, index),
                    detail: error.to_string(),
                });
                layers.push(LayerEntries::default());
            }
        }
    }
    let digest_of =
        |content: ContentRef| digests.get(&(content.layer, content.entry)).map(Digest::hex);
    let entries = match (options.layer, layers.first()) {
        (Some(index), Some(layer)) => one_layer(layer, index, digest_of),
        _ => merged(&layers, &mut gaps, digest_of),
    };
    Ok(Listing { coverage: Coverage::new(Vec::new(), gaps), entries })
}

type ReadLayer = Result<(LayerEntries, BTreeMap<u32, Digest>), ReadError>;

fn read_all(
    source: &dyn LayerSource,
    wanted: &[usize],
    options: &ListingOptions<'_>,
) -> BTreeMap<usize, ReadLayer> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..options.threads.clamp(1, wanted.len().max(1)) {
            scope.spawn(|| {
                while let Some(index) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut hashed = HashedFiles { digests: BTreeMap::new() };
                    let visitor: &mut dyn EntryVisitor =
                        if options.digests { &mut hashed } else { &mut () };
                    let entries = source.read_layer(*index, options.budget, visitor);
                    let result = entries.map(|entries| (entries, hashed.digests));
                    results.lock().unwrap_or_else(PoisonError::into_inner).insert(*index, result);
                }
            });
        }
    });
    results.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Computes the digest of every regular file that passes.
struct HashedFiles {
    digests: BTreeMap<u32, Digest>,
}

impl EntryVisitor for HashedFiles {
    fn visit(&mut self, index: u32, meta: &EntryMeta, content: &mut dyn Read) -> io::Result<()> {
        if meta.kind != EntryKind::File {
            return Ok(());
        }
        let mut hash = Context::new(&SHA256);
        let mut buffer = vec![0; 64 << 10];
        loop {
            let count = content.read(&mut buffer)?;
            let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
            hash.update(bytes);
        }
        if let Ok(bytes) = hash.finish().as_ref().try_into() {
            self.digests.insert(index, Digest::from_bytes(bytes));
        }
        Ok(())
    }
}

fn merged(
    layers: &[LayerEntries],
    gaps: &mut Vec<Gap>,
    digest_of: impl Fn(ContentRef) -> Option<String>,
) -> Vec<ListedEntry> {
    let (tree, anomalies) = Tree::merge(layers);
    gaps.extend(anomalies.into_iter().map(|detail| Gap {
        reason: GapReason::Anomaly,
        by: "merge".into(),
        at: String::new(),
        detail,
    }));
    let nodes = tree.walk().filter(|node| !node.path.is_root());
    nodes
        .map(|node| {
            let layer = node.content.map(|content| content.layer);
            let sha256 = node.content.and_then(&digest_of);
            ListedEntry { sha256, ..listed(&node.path, &node.meta, kind(node.meta.kind), layer) }
        })
        .collect()
}

fn one_layer(
    layer: &LayerEntries,
    index: usize,
    digest_of: impl Fn(ContentRef) -> Option<String>,
) -> Vec<ListedEntry> {
    let mut entries: Vec<ListedEntry> = layer
        .entries
        .iter()
        .zip(0_u32..)
        .map(|(entry, position)| (entry.to_meta(), position))
        .filter(|(meta, _)| !meta.path.is_root())
        .map(|(meta, entry)| {
            let (path, kind) = unmarked(&meta, layer.origin);
            let sha256 = digest_of(ContentRef { layer: index, entry });
            ListedEntry { sha256, ..listed(&path, &meta, kind, Some(index)) }
        })
        .collect();
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    entries
}

/// What a whiteout removes, or which directory a marker makes opaque; else the entry itself.
fn unmarked(meta: &EntryMeta, origin: LayerOrigin) -> (TreePath, &'static str) {
    if origin == LayerOrigin::Archive
        && let Some(name) = meta.path.name().strip_prefix(b".wh.")
        && let Some(parent) = meta.path.parent()
    {
        return match name {
            b".wh..opq" => (parent, "opaque"),
            name => (parent.join(name), "whiteout"),
        };
    }
    (meta.path.clone(), kind(meta.kind))
}

fn listed(
    path: &TreePath,
    meta: &EntryMeta,
    kind: &'static str,
    layer: Option<usize>,
) -> ListedEntry {
    let bytes = path.as_bytes();
    ListedEntry {
        path: path.display().into_owned(),
        path_bytes: std::str::from_utf8(bytes)
            .is_err()
            .then(|| bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
        kind,
        mode: format!("{:04o}", meta.mode),
        uid: meta.uid,
        gid: meta.gid,
        size: meta.size,
        layer,
        capabilities: meta.capabilities.map(|it| it.to_string()),
        target: meta.link.as_ref().map(|link| String::from_utf8_lossy(link).into_owned()),
        sha256: None,
    }
}

const fn kind(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::File => "file",
        EntryKind::Directory => "directory",
        EntryKind::Symlink => "symlink",
        EntryKind::Hardlink => "hardlink",
        EntryKind::CharDevice => "character-device",
        EntryKind::BlockDevice => "block-device",
        EntryKind::Fifo => "fifo",
    }
}

fn layer_name(source: &dyn LayerSource, index: usize) -> String {
    let digest = source.documents().layers.get(index).and_then(|layer| layer.digest);
    digest.map_or_else(|| format!("layer {index}"), |digest| digest.to_string())
}
