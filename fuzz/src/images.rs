//! Archives of images, tables of contents of layers, entries of the layer cache.
//!
//! In: any bytes. Out: nothing; what breaks a promise panics. Odd: what only a fitting digest lets through is sealed anew first.

use std::{
    fs,
    io::{self, Read},
    sync::{Arc, Mutex, OnceLock},
};

use plimsoll_image::{
    BuiltImage, Compression, EntryMeta, EntryVisitor, ImageBuilder, ImageDocuments, Layer,
    LayerDescriptor, LayerEntries, REGISTRY_BY_CONTENTS, RangeSource, Tree, digest_bytes,
    open_path, read_by_contents,
};
use plimsoll_inspect::LayerFacts;
use plimsoll_model::{Digest, Platform};
use plimsoll_scanner::{
    LayerCache,
    cache::{EntryStore, KnownImage},
};

use crate::{budget, folder};

/// Reads every file.
struct ReadAll;

impl EntryVisitor for ReadAll {
    fn visit(&mut self, _: u32, _: &EntryMeta, content: &mut dyn Read) -> io::Result<()> {
        io::copy(content, &mut io::sink()).map(drop)
    }
}

/// Opens the bytes as whatever image they are, and reads its first layers. Whether it is one.
pub fn read_archive(bytes: &[u8]) -> bool {
    let path = folder().join("archive");
    fs::write(&path, bytes).expect("a temporary file");
    let platform = Platform { os: "linux".into(), architecture: "amd64".into(), variant: None };
    let Ok(image) = open_path(&path, None, &platform, &budget()) else { return false };
    for index in 0..image.documents().layers.len().min(3) {
        let _entries = image.read_layer(index, &budget(), &mut ReadAll);
    }
    true
}

/// An image of two layers, for seeds.
///
/// # Panics
/// When it cannot be built.
#[must_use]
pub fn small_image() -> BuiltImage {
    let layer = |compression, name: &str| {
        Layer::builder("fuzz").compression(compression).file(name, b"x").build().expect("a layer")
    };
    let platform = Platform { os: "linux".into(), architecture: "amd64".into(), variant: None };
    ImageBuilder::new(platform)
        .layer(&layer(Compression::Gzip, "a"))
        .layer(&layer(Compression::Plain, "b"))
        .build()
        .expect("an image")
}

struct Blob(Vec<u8>);

impl RangeSource for Blob {
    fn range(&self, offset: u64, length: u64) -> io::Result<Box<dyn Read + Send + '_>> {
        let part = usize::try_from(offset).ok().zip(usize::try_from(length).ok());
        let part = part.and_then(|(from, length)| self.0.get(from..from.checked_add(length)?));
        Ok(Box::new(part.ok_or(io::ErrorKind::UnexpectedEof)?))
    }
}

/// Reads a layer by its table of contents: a byte for the format (even: eStargz; odd: zstd:chunked), the length of the data in two, the data,
/// and the table as JSON. Whether the table was believed and all that it names was there.
pub fn read_contents(input: &[u8]) -> bool {
    let Some(([form, low, high], rest)) = input.split_first_chunk() else { return false };
    let length = usize::from(u16::from_le_bytes([*low, *high])).min(rest.len());
    let (data, table) = rest.split_at(length);
    let mut blob = data.to_vec();
    let annotations = if form % 2 == 0 {
        let layer = Layer::builder("fuzz").file("stargz.index.json", table).build();
        let Ok(layer) = layer else { return false };
        blob.extend(layer.bytes());
        blob.extend([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff, 26, 0, b'S', b'G', 22, 0]);
        blob.extend(format!("{length:016x}STARGZ").bytes());
        blob.extend([1, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]);
        serde_json::json!({"containerd.io/snapshot/stargz/toc.digest": digest_bytes(table)})
    } else {
        let packed = zstd::encode_all(table, 1).expect("packed in memory");
        blob.extend(&packed);
        let position = format!("{length}:{}:{}:1", packed.len(), table.len());
        serde_json::json!({
            "io.github.containers.zstd-chunked.manifest-checksum": digest_bytes(&packed),
            "io.github.containers.zstd-chunked.manifest-position": position,
        })
    };
    let digest = digest_bytes(&blob);
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": 2},
        "layers": [{
            "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": blob.len(),
            "annotations": annotations,
        }],
    });
    let size = blob.len() as u64;
    let documents = ImageDocuments {
        name: "fuzz".to_owned(),
        source_kind: REGISTRY_BY_CONTENTS,
        manifest: Some(manifest.to_string().into_bytes()),
        manifest_digest: None,
        config: b"{}".to_vec(),
        config_digest: None,
        layers: vec![LayerDescriptor { digest: Some(digest), size, ..LayerDescriptor::default() }],
        platform: None,
        total_size: size,
    };
    match read_by_contents(&Blob(blob), &documents, 0, &budget(), &mut ReadAll) {
        Ok(Some(entries)) => {
            let (tree, _) = Tree::merge([&entries]);
            assert!(tree.walk().count() <= table.len() * 2_048);
            true
        }
        Ok(None) | Err(_) => false,
    }
}

/// One entry, whatever is asked for.
#[derive(Debug, Default)]
struct OneEntry(Mutex<Vec<u8>>);

impl OneEntry {
    fn bytes(&self) -> Vec<u8> {
        self.0.lock().expect("nobody panics with it").clone()
    }

    fn set(&self, bytes: Vec<u8>) {
        *self.0.lock().expect("nobody panics with it") = bytes;
    }
}

impl EntryStore for OneEntry {
    fn open(&self, _: &Digest) -> Option<Box<dyn Read>> {
        Some(Box::new(io::Cursor::new(self.bytes())))
    }

    fn keep(&self, _: &Digest, entry: &[u8]) -> io::Result<()> {
        self.set(entry.to_vec());
        Ok(())
    }
}

const ENTRY_HEAD: usize = 8;

/// Where one entry lies, the cache over it, and the head of entries: of layers, of images.
fn cache() -> &'static (Arc<OneEntry>, LayerCache, [Vec<u8>; 2]) {
    static CACHE: OnceLock<(Arc<OneEntry>, LayerCache, [Vec<u8>; 2])> = OnceLock::new();
    CACHE.get_or_init(|| {
        let store = Arc::new(OneEntry::default());
        let cache = LayerCache::elsewhere(Arc::clone(&store) as Arc<dyn EntryStore>, None);
        cache.put(&facts(LayerEntries::default())).expect("kept in memory");
        let layer = store.bytes()[..ENTRY_HEAD].to_vec();
        let mut image = layer.clone();
        // What an entry holds is the head's last byte: 1 for a layer, 2 for an image.
        image[ENTRY_HEAD - 1] = 2;
        (store, cache, [layer, image])
    })
}

const KEY: Digest = Digest::from_bytes([7; 32]);

fn facts(entries: LayerEntries) -> LayerFacts {
    let entries = LayerEntries { computed_digest: Some(KEY), ..entries };
    LayerFacts { entries, ..LayerFacts::default() }
}

/// Reads an entry of the layer cache, given as it unpacks behind a byte that says what it holds (even: a layer; odd: an image). Whether there
/// is one.
///
/// # Panics
/// When what was read is not read again as it is written.
pub fn read_cache_entry(input: &[u8]) -> bool {
    let Some((choice, bytes)) = input.split_first() else { return false };
    let (store, cache, heads) = cache();
    let is_image = choice % 2 == 1;
    let length = u32::try_from(bytes.len()).expect("a short input").to_le_bytes();
    let packed = zstd::encode_all(bytes, 1).expect("packed in memory");
    store.set([heads[usize::from(is_image)].as_slice(), &length, &packed].concat());
    if is_image {
        let Some(image) = cache.image(&KEY) else { return false };
        cache.put_image(&KEY, &image).expect("kept in memory");
        let again: Option<KnownImage> = cache.image(&KEY);
        assert_eq!(again.as_ref(), Some(&image));
    } else {
        let Some(facts) = cache.get(&KEY) else { return false };
        let (tree, _) = Tree::merge([&facts.entries]);
        let _nodes = tree.walk().count();
        if facts.entries.computed_digest.is_some() {
            cache.put(&facts).expect("kept in memory");
            assert_eq!(cache.get(&KEY).as_ref(), Some(&facts));
        }
    }
    true
}

/// An entry as [`read_cache_entry`] takes it, of what a layer's blob holds.
///
/// # Panics
/// When the blob cannot be read.
#[must_use]
pub fn entry_of_layer(blob: &[u8]) -> Vec<u8> {
    let (store, cache, _) = cache();
    let budget = budget();
    let mut inspector = plimsoll_inspect::LayerInspector::new(&budget);
    let entries = plimsoll_image::read_blob(
        &mut &*blob,
        &LayerDescriptor::default(),
        &budget,
        &mut inspector,
    );
    let facts = inspector.finish(entries.expect("a sound blob"));
    let entries = LayerEntries { computed_digest: Some(KEY), ..facts.entries };
    cache.put(&LayerFacts { entries, ..facts }).expect("kept in memory");
    let entry = store.bytes();
    let unpacked = zstd::decode_all(&entry[ENTRY_HEAD + 4..]).expect("a sound entry");
    [&[0][..], &unpacked].concat()
}
