//! Puts images into files: tar headers, OCI layouts, docker-archives.
//!
//! In: a [`BuiltImage`]. Out: files under the given name. Source: POSIX `pax` (ustar headers, a PAX header where a name is
//! too long); OCI image-spec, `image-layout.md`; the `manifest.json` of `docker save`.

use std::{
    cell::Cell,
    fs,
    io::{Read, Write},
    path::Path,
};

use plimsoll_model::Digest;
use serde_json::{Value, json};

use super::{BLOCK, BuildError, BuiltImage, Entry, MTIME, image::to_bytes};
use crate::{
    budget::Budget,
    codec::{Codec, digest_bytes, unpack},
    manifest::{ManifestDocument, OCI_INDEX, OCI_MANIFEST, parse_manifest},
};

/// Annotation that holds an image's name in a layout.
const REF_NAME: &str = "org.opencontainers.image.ref.name";

pub(super) fn header(archive: &mut Vec<u8>, entry: &Entry<'_>) {
    let mut records = Vec::new();
    for (key, value, room) in [("path", entry.path, 100), ("linkpath", entry.link, 100)] {
        if value.len() > room {
            records.extend_from_slice(&record(key, value.as_bytes()));
        }
    }
    for (key, value, room) in
        [("uid", entry.uid, 1 << 21), ("gid", entry.gid, 1 << 21), ("size", entry.size, 1 << 33)]
    {
        if value >= room {
            records.extend_from_slice(&record(key, value.to_string().as_bytes()));
        }
    }
    if !records.is_empty() {
        extended(archive, &records);
    }
    block(archive, entry);
}

/// What stands before a file with capabilities.
pub(super) fn capabilities(archive: &mut Vec<u8>, value: &[u8]) {
    extended(archive, &record("SCHILY.xattr.security.capability", value));
}

fn extended(archive: &mut Vec<u8>, records: &[u8]) {
    let size = records.len() as u64;
    block(archive, &Entry { typeflag: b'x', size, ..Entry::root("PaxHeaders/x") });
    archive.extend_from_slice(records);
    pad(archive);
}

/// `LENGTH KEY=VALUE\n`, where the length counts its own digits.
fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let body = [b" ", key.as_bytes(), b"=", value, b"\n"].concat();
    let mut length = body.len() + 1;
    while body.len() + length.to_string().len() != length {
        length += 1;
    }
    [length.to_string().as_bytes(), &body].concat()
}

fn block(archive: &mut Vec<u8>, entry: &Entry<'_>) {
    let octal = |value: u64, width: usize| {
        // What does not fit stands in a PAX record.
        let value = if value >= 1 << (3 * width) { 0 } else { value };
        format!("{value:0width$o}\0").into_bytes()
    };
    let head: Vec<u8> = [
        padded(entry.path, 100),
        octal(u64::from(entry.mode), 7),
        octal(entry.uid, 7),
        octal(entry.gid, 7),
        octal(entry.size, 11),
        octal(MTIME, 11),
    ]
    .concat();
    let tail: Vec<u8> = [
        vec![entry.typeflag],
        padded(entry.link, 100),
        b"ustar\x0000".to_vec(),
        vec![0; BLOCK - 265],
    ]
    .concat();
    let sum: u64 = head.iter().chain(&tail).map(|&byte| u64::from(byte)).sum();
    archive.extend_from_slice(&head);
    archive.extend_from_slice(format!("{:06o}\0 ", sum + 8 * u64::from(b' ')).as_bytes());
    archive.extend_from_slice(&tail);
}

fn padded(text: &str, width: usize) -> Vec<u8> {
    let mut field: Vec<u8> = text.bytes().take(width).collect();
    field.resize(width, 0);
    field
}

pub(super) fn pad(archive: &mut Vec<u8>) {
    archive.resize(archive.len().next_multiple_of(BLOCK), 0);
}

impl BuiltImage {
    /// Writes the image as an OCI layout. Other images that the folder holds stay; one of the same tag is replaced.
    ///
    /// # Errors
    /// [`BuildError`] when writing fails, or when the folder holds an `index.json` that is not one.
    pub fn write_oci_layout(&self, folder: &Path, tag: &str) -> Result<(), BuildError> {
        let index_file = folder.join("index.json");
        let mut entries = Vec::new();
        if index_file.exists() {
            entries = other_entries(&index_file, tag)?;
        }
        entries.push(json!({
            "mediaType": OCI_MANIFEST,
            "digest": self.manifest_digest,
            "size": self.manifest.len(),
            "annotations": {REF_NAME: tag},
        }));
        let blobs = folder.join("blobs").join("sha256");
        fs::create_dir_all(&blobs).map_err(|source| failed(&blobs, source))?;
        let layers = self.layers.iter().map(|(digest, bytes)| (*digest, bytes.as_slice()));
        let documents =
            [(self.config_digest, &*self.config), (self.manifest_digest, &*self.manifest)];
        for (digest, bytes) in layers.chain(documents) {
            let file = blobs.join(digest.hex());
            if !file.exists() {
                write_file(&file, bytes)?;
            }
        }
        let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries});
        write_file(&folder.join("oci-layout"), br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        write_file(&index_file, &to_bytes("index", &index)?)
    }

    /// Writes the image as `docker save` does, with plain layers.
    ///
    /// # Errors
    /// [`BuildError`] when writing fails.
    pub fn write_docker_archive(&self, file: &Path, name: &str) -> Result<(), BuildError> {
        let mut output = fs::File::create(file).map_err(|source| failed(file, source))?;
        let mut add = |path: &str, bytes: &[u8]| {
            let mut head = Vec::new();
            header(&mut head, &Entry { size: bytes.len() as u64, ..Entry::root(path) });
            let padding = vec![0; bytes.len().next_multiple_of(BLOCK) - bytes.len()];
            [head.as_slice(), bytes, &padding]
                .iter()
                .try_for_each(|part| output.write_all(part))
                .map_err(|source| failed(file, source))
        };
        let mut names = Vec::new();
        for (_, blob) in &self.layers {
            let archive = plain(blob).map_err(|source| failed(file, source))?;
            let layer_name = format!("{}.tar", digest_bytes(&archive).hex());
            if !names.contains(&layer_name) {
                add(&layer_name, &archive)?;
            }
            names.push(layer_name);
        }
        let config_name = format!("{}.json", self.config_digest.hex());
        add(&config_name, &self.config)?;
        let manifest = json!([{"Config": config_name, "RepoTags": [name], "Layers": names}]);
        add("manifest.json", &to_bytes("manifest", &manifest)?)?;
        output.write_all(&[0; 2 * BLOCK]).map_err(|source| failed(file, source))
    }
}

/// A layer's archive, unpacked.
fn plain(blob: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut archive = Vec::new();
    unpack(Codec::of(blob), blob, &Cell::new(0), &Budget::default())?.read_to_end(&mut archive)?;
    Ok(archive)
}

/// What an index lists besides the image of a tag.
fn other_entries(index_file: &Path, tag: &str) -> Result<Vec<Value>, BuildError> {
    let at = || index_file.display().to_string();
    let bytes = fs::read(index_file).map_err(|source| failed(index_file, source))?;
    let document = parse_manifest(&bytes, None)
        .map_err(|error| BuildError::Layout { at: at(), problem: error.to_string() })?;
    let ManifestDocument::Index(index) = document else {
        return Err(BuildError::Layout { at: at(), problem: "is not an index".to_owned() });
    };
    let others = index
        .manifests
        .into_iter()
        .filter(|entry| entry.annotations.get(REF_NAME).is_none_or(|name| name != tag));
    Ok(others
        .map(|entry| {
            let mut line = json!({
                "mediaType": entry.descriptor.media_type,
                "digest": entry.descriptor.digest,
                "size": entry.descriptor.size,
                "annotations": entry.annotations,
            });
            if let (Some(platform), Some(fields)) = (entry.platform, line.as_object_mut()) {
                fields.insert("platform".to_owned(), json!(platform));
            }
            line
        })
        .collect())
}

fn write_file(file: &Path, bytes: &[u8]) -> Result<(), BuildError> {
    fs::write(file, bytes).map_err(|source| failed(file, source))
}

fn failed(file: &Path, source: std::io::Error) -> BuildError {
    BuildError::Io { at: file.display().to_string(), source }
}

/// Writes an index over images of several platforms, with their blobs, into a layout's folder under a tag.
///
/// # Errors
/// [`BuildError`] when writing fails.
pub fn write_multi_platform_layout(
    images: &[BuiltImage],
    folder: &Path,
    tag: &str,
) -> Result<Digest, BuildError> {
    let entries: Vec<Value> = images
        .iter()
        .map(|image| {
            json!({
                "mediaType": OCI_MANIFEST,
                "digest": image.manifest_digest,
                "size": image.manifest.len(),
                "platform": image.platform,
            })
        })
        .collect();
    for image in images {
        image.write_oci_layout(folder, tag)?;
    }
    let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries});
    let index = to_bytes("index", &index)?;
    let digest = digest_bytes(&index);
    write_file(&folder.join("blobs").join("sha256").join(digest.hex()), &index)?;
    let index_file = folder.join("index.json");
    let mut entries = other_entries(&index_file, tag)?;
    entries.push(json!({
        "mediaType": OCI_INDEX,
        "digest": digest,
        "size": index.len(),
        "annotations": {REF_NAME: tag},
    }));
    let outer = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries});
    write_file(&index_file, &to_bytes("index", &outer)?)?;
    Ok(digest)
}
