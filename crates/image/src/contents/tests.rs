//! Tables of real builders are read; forged ones lead to no other file than the table says.
//!
//! `estargz.example` was made by `estargz.Build` of containerd/stargz-snapshotter (chunks of 8 bytes), `chunked.example` by
//! skopeo 1.9, both of one archive.

use std::{
    cell::Cell,
    collections::BTreeMap,
    io::{self, Read},
};

use plimsoll_model::{Digest, GapReason};

use super::{RangeSource, read_by_contents};
use crate::{
    blob::read_blob,
    budget::Budget,
    codec::digest_bytes,
    entry::{EntryKind, EntryMeta},
    source::{EntryVisitor, ImageDocuments, LayerDescriptor, ReadError},
};

const ESTARGZ: &[u8] = include_bytes!("estargz.example");
const CHUNKED: &[u8] = include_bytes!("chunked.example");

/// A blob in memory, and how much of it was asked for.
struct Parts<'b> {
    blob: &'b [u8],
    asked: Cell<u64>,
    is_whole_only: bool,
}

impl<'b> Parts<'b> {
    fn of(blob: &'b [u8]) -> Self {
        Self { blob, asked: Cell::new(0), is_whole_only: false }
    }
}

impl RangeSource for Parts<'_> {
    fn range(&self, offset: u64, length: u64) -> io::Result<Box<dyn Read + Send + '_>> {
        if self.is_whole_only {
            return Err(io::Error::other("only the whole"));
        }
        self.asked.set(self.asked.get() + length);
        let from = usize::try_from(offset).unwrap();
        let to = from + usize::try_from(length).unwrap();
        Ok(Box::new(self.blob.get(from..to).ok_or(io::ErrorKind::UnexpectedEof)?))
    }
}

/// Path, kind and link or content of each entry; of files only those that are wanted are read.
#[derive(Default)]
struct Seen {
    entries: BTreeMap<String, String>,
    only: Option<&'static str>,
}

impl EntryVisitor for Seen {
    fn visit(&mut self, _: u32, meta: &EntryMeta, content: &mut dyn Read) -> io::Result<()> {
        let path = meta.path.display().into_owned();
        let mut text =
            String::from_utf8_lossy(meta.link.as_deref().unwrap_or_default()).into_owned();
        if meta.kind == EntryKind::File && self.only.is_none_or(|only| only == path) {
            content.read_to_string(&mut text)?;
        }
        self.entries.insert(path, format!("{:?} {text}", meta.kind));
        Ok(())
    }
}

fn image(blob: &[u8], annotations: &str) -> ImageDocuments {
    let digest = digest_bytes(blob);
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",
            "config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{digest}","size":2}},
            "layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{digest}","size":{},
                        "annotations":{{{annotations}}}}}]}}"#,
        blob.len()
    );
    ImageDocuments {
        name: "test".into(),
        source_kind: crate::REGISTRY_BY_CONTENTS,
        manifest: Some(manifest.into_bytes()),
        manifest_digest: None,
        config: b"{}".to_vec(),
        config_digest: None,
        layers: vec![LayerDescriptor {
            digest: Some(digest),
            size: blob.len() as u64,
            ..LayerDescriptor::default()
        }],
        platform: None,
        total_size: 0,
    }
}

fn estargz_image(blob: &[u8]) -> ImageDocuments {
    let digest = "sha256:63112a510fa35cf0be74d9dcd7a78dc6404114fbfc4ed4eecf1efa953971bd62";
    image(blob, &format!(r#""containerd.io/snapshot/stargz/toc.digest":"{digest}""#))
}

fn chunked_image(blob: &[u8], name: &str) -> ImageDocuments {
    let digest = "sha256:867dd975f6194c3be6649ab36c9da9ee96b2825ab82b943126f7db9e67cc5841";
    image(blob, &format!(r#""{name}-checksum":"{digest}","{name}-position":"690:514:2299:1""#))
}

type Entries = BTreeMap<String, String>;

/// What is seen by the table; `None` when the layer has to be read as a whole.
fn by_contents(parts: &Parts<'_>, image: &ImageDocuments) -> Result<Option<Entries>, ReadError> {
    let mut seen = Seen::default();
    let read = read_by_contents(parts, image, 0, &Budget::default(), &mut seen)?;
    Ok(read.map(|layer| {
        assert_eq!(layer.gaps.len(), 1);
        assert_eq!(layer.gaps[0].reason, GapReason::Unverified);
        assert_eq!((layer.computed_digest, layer.computed_diff_id), (None, None));
        seen.entries
    }))
}

fn as_a_whole(blob: &[u8]) -> Entries {
    let mut seen = Seen::default();
    read_blob(&mut &*blob, &LayerDescriptor::default(), &Budget::default(), &mut seen).unwrap();
    seen.entries
}

#[test]
fn a_real_table_shows_what_the_archive_holds() {
    let mut wanted = as_a_whole(ESTARGZ);
    assert!(wanted.remove("stargz.index.json").is_some());
    assert_eq!(wanted["opt/a/old"], "File old");
    let seen = by_contents(&Parts::of(ESTARGZ), &estargz_image(ESTARGZ)).unwrap().unwrap();
    assert_eq!(seen, wanted);
    let wanted = as_a_whole(CHUNKED);
    assert!(wanted.len() > 8);
    for name in
        ["io.github.containers.zstd-chunked.manifest", "io.containers.zstd-chunked.manifest"]
    {
        let seen = by_contents(&Parts::of(CHUNKED), &chunked_image(CHUNKED, name));
        assert_eq!(seen.unwrap().unwrap(), wanted);
    }
}

#[test]
fn without_parts_or_table_the_layer_is_to_be_read_as_a_whole() {
    let mut parts = Parts::of(ESTARGZ);
    parts.is_whole_only = true;
    assert!(by_contents(&parts, &estargz_image(ESTARGZ)).unwrap().is_none());
    assert!(by_contents(&Parts::of(ESTARGZ), &image(ESTARGZ, "")).unwrap().is_none());
    let other = image(
        ESTARGZ,
        &format!(r#""containerd.io/snapshot/stargz/toc.digest":"{}""#, digest_bytes(b"other")),
    );
    assert!(by_contents(&Parts::of(ESTARGZ), &other).unwrap().is_none());
}

/// Whatever is changed in the blob, no file is seen with another content than the table, which the manifest binds, says.
#[test]
fn changed_bytes_are_noticed_before_anybody_sees_them() {
    for (blob, is_estargz) in [(ESTARGZ, true), (CHUNKED, false)] {
        let document = |blob: &[u8]| match is_estargz {
            true => estargz_image(blob),
            false => chunked_image(blob, "io.containers.zstd-chunked.manifest"),
        };
        let whole = by_contents(&Parts::of(blob), &document(blob)).unwrap().unwrap();
        let mut changed = blob.to_vec();
        let mut noticed = 0;
        for position in 0..blob.len() {
            changed[position] ^= 0x55;
            match by_contents(&Parts::of(&changed), &document(blob)) {
                Ok(Some(seen)) => assert_eq!(seen, whole, "byte {position}"),
                Ok(None) | Err(_) => noticed += 1,
            }
            changed[position] ^= 0x55;
        }
        assert!(noticed * 4 > blob.len(), "{noticed}");
    }
}

/// A layer of zstd:chunked form: some data, and a table that says what it is told to say.
fn forged(data: &[u8], entries: &str) -> (Vec<u8>, ImageDocuments) {
    let table = format!(r#"{{"version":1,"entries":[{entries}]}}"#);
    let packed = zstd::encode_all(table.as_bytes(), 1).unwrap();
    let blob = [data, &packed].concat();
    let annotations = format!(
        r#""io.github.containers.zstd-chunked.manifest-checksum":"{}",
           "io.github.containers.zstd-chunked.manifest-position":"{}:{}:{}:1""#,
        digest_bytes(&packed),
        data.len(),
        packed.len(),
        table.len()
    );
    let image = image(&blob, &annotations);
    (blob, image)
}

#[test]
fn tables_that_leave_something_open_are_not_relied_on() {
    let data = zstd::encode_all(&b"content"[..], 1).unwrap();
    let digest = digest_bytes(b"content");
    let file = |more: &str| format!(r#"{{"type":"reg","name":"a","size":7,"offset":0{more}}}"#);
    let good = file(&format!(r#","digest":"{digest}""#));
    let read = |entries: &str| {
        let (blob, image) = forged(&data, entries);
        by_contents(&Parts::of(&blob), &image)
    };
    assert_eq!(read(&good).unwrap().unwrap()["a"], "File content");
    let reordered = format!(r#"{good},{{"type":"dir","name":"../../etc/"}}"#);
    assert!(read(&reordered).unwrap().unwrap().contains_key("etc"), "names cannot lead outside");
    let part = |offset: u64, size: u64| {
        format!(
            r#"{{"type":"chunk","name":"a","offset":0,"chunkOffset":{offset},"chunkSize":{size},"chunkDigest":"{digest}"}}"#
        )
    };
    for open in [
        file(""),                                                // nothing binds the content
        file(r#","digest":"md5:00""#),                           // nor here
        file(&format!(r#","digest":"{digest}","chunkSize":3"#)), // a digest of the whole for a part
        file(&format!(r#","digest":"{digest}","chunkOffset":1"#)),
        format!(r#"{good},{}"#, part(7, 1)), // more than the file
        part(0, 7),                          // of no file
        format!(r#"{{"type":"reg","name":"a","size":7,"offset":9999,"digest":"{digest}"}}"#),
        format!(
            r#"{{"type":"reg","name":"a","size":9999999999999,"offset":0,"digest":"{digest}"}}"#
        ),
        format!(
            r#"{{"type":"reg","name":"a","size":18446744073709551615,"offset":18446744073709551615,"digest":"{digest}"}}"#
        ),
        r#"{"type":"socket","name":"a"}"#.to_owned(),
        r#"{"type":"reg","name":"x/.wh.."}"#.to_owned(),
        r#"{"type":"reg","name":"a","name":"b"}"#.to_owned(),
        format!(r#"{{"type":"dir","name":"{}"}}"#, "a".repeat(5_000)),
        "1".to_owned(),
    ] {
        assert!(read(&open).unwrap().is_none(), "{open}");
    }
    // The right shape with the wrong content is no table to be passed over, but a lie.
    let other = digest_bytes(b"another");
    assert!(read(&file(&format!(r#","digest":"{other}""#))).is_err());
    let longer = format!(r#"{{"type":"reg","name":"a","size":8,"offset":0,"digest":"{other}"}}"#);
    assert!(read(&longer).is_err());
}

#[test]
fn only_what_is_read_is_fetched() {
    // A file of which nobody wants anything, and a small one behind it.
    let large: Vec<u8> = (0..400_000_u64)
        .flat_map(|it| it.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes())
        .collect();
    let (first, second) =
        (zstd::encode_all(&*large, 1).unwrap(), zstd::encode_all(&b"small"[..], 1).unwrap());
    let entry = |name: &str, size: usize, offset: usize, digest: Digest| {
        format!(
            r#"{{"type":"reg","name":"{name}","size":{size},"offset":{offset},"digest":"{digest}"}}"#
        )
    };
    let entries = [
        entry("large", large.len(), 0, digest_bytes(&large)),
        entry("small", 5, first.len(), digest_bytes(b"small")),
    ];
    let (blob, image) = forged(&[first, second].concat(), &entries.join(","));
    let parts = Parts::of(&blob);
    let mut seen = Seen { only: Some("small"), ..Seen::default() };
    let layer = read_by_contents(&parts, &image, 0, &Budget::default(), &mut seen).unwrap();
    assert_eq!(seen.entries["small"], "File small");
    let asked = parts.asked.get();
    assert!(asked * 10 < blob.len() as u64, "{asked} of {}", blob.len());
    let detail = &layer.unwrap().gaps[0].detail;
    assert!(detail.contains(&format!("{asked} of {} bytes", blob.len())), "{detail}");
}
