//! OCI layouts that measurements need and nobody ships.
//!
//! In: layers as functions that write archive entries. Out: a layout folder with gzip layers, tag `latest`. Source: OCI image-spec
//! 1.1, POSIX ustar. Odd: made by the task alone, not by the program that is measured; bytes are streamed, so a layer may be
//! larger than memory.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;
use flate2::{Compression, write::GzEncoder};
use ring::digest::{Context as Hash, SHA256};
use serde_json::{Value, json};

const BLOCK: usize = 512;

/// The fastest that writes blocks with codes of their own, as the builders of images do.
const LEVEL: Compression = Compression::new(3);

/// An archive that is being written.
pub(crate) struct Archive<W: Write> {
    to: W,
}

impl<W: Write> Archive<W> {
    /// A regular file with this content.
    pub(crate) fn file(&mut self, path: &str, content: &[u8]) -> io::Result<()> {
        self.entry(path, content.len() as u64, &mut &*content)
    }

    /// A regular file of `size` bytes, read from somewhere.
    pub(crate) fn entry(
        &mut self,
        path: &str,
        size: u64,
        content: &mut dyn Read,
    ) -> io::Result<()> {
        self.to.write_all(&header(path, size))?;
        let copied = io::copy(&mut content.take(size), &mut self.to)?;
        if copied != size {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "content is too short"));
        }
        let rest = usize::try_from(size % BLOCK as u64).unwrap_or_default();
        if rest > 0 {
            self.to.write_all([0; BLOCK].get(rest..).unwrap_or_default())?;
        }
        Ok(())
    }
}

/// A ustar header of a regular file.
fn header(path: &str, size: u64) -> [u8; BLOCK] {
    let mut header = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| {
        for (to, from) in header.iter_mut().skip(at).zip(bytes) {
            *to = *from;
        }
    };
    put(0, path.as_bytes().get(..path.len().min(100)).unwrap_or_default());
    put(100, b"0000644\x000000000\x000000000\0");
    put(124, format!("{size:011o}\x00").as_bytes());
    put(136, b"00000000000\0        0");
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    let mut put = |at: usize, bytes: &[u8]| {
        for (to, from) in header.iter_mut().skip(at).zip(bytes) {
            *to = *from;
        }
    };
    put(148, format!("{sum:06o}\x00 ").as_bytes());
    header
}

/// Writes through, and knows digest and length of what went by.
struct Hashed<W: Write> {
    to: W,
    hash: Hash,
    length: u64,
}

impl<W: Write> Hashed<W> {
    fn new(to: W) -> Self {
        Self { to, hash: Hash::new(&SHA256), length: 0 }
    }

    fn finish(self) -> (W, String, u64) {
        (self.to, hex(self.hash.finish().as_ref()), self.length)
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or_default());
        self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A layout that is being written, layer by layer, the bottom first.
pub(crate) struct Layout {
    folder: PathBuf,
    config: Value,
    layers: Vec<Value>,
    diff_ids: Vec<Value>,
}

impl Layout {
    /// A new one without layers.
    pub(crate) fn create(folder: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(folder.join("blobs/sha256"))?;
        Ok(Self {
            folder: folder.to_owned(),
            config: json!({"architecture": "amd64", "os": "linux", "config": {}}),
            layers: Vec::new(),
            diff_ids: Vec::new(),
        })
    }

    /// One that has all layers of another, which lies on the same file system.
    pub(crate) fn extend(other: &Path, folder: &Path) -> anyhow::Result<Self> {
        let mut layout = Self::create(folder)?;
        let document = |descriptor: &Value| -> anyhow::Result<Value> {
            Ok(serde_json::from_slice(&fs::read(blob(other, descriptor)?)?)?)
        };
        let index: Value = serde_json::from_slice(&fs::read(other.join("index.json"))?)?;
        let manifest = document(index.pointer("/manifests/0").context("an empty index")?)?;
        let layers = manifest.get("layers").and_then(Value::as_array).context("no layers")?;
        for layer in layers {
            fs::hard_link(blob(other, layer)?, blob(folder, layer)?)?;
        }
        layers.clone_into(&mut layout.layers);
        layout.config = document(manifest.get("config").context("no config")?)?;
        let diff_ids = layout.config.pointer("/rootfs/diff_ids").and_then(Value::as_array);
        layout.diff_ids = diff_ids.context("no diff IDs")?.clone();
        Ok(layout)
    }

    /// Adds a layer of what `fill` writes.
    pub(crate) fn layer(
        &mut self,
        fill: impl FnOnce(&mut Archive<&mut dyn Write>) -> io::Result<()>,
    ) -> anyhow::Result<()> {
        let part = self.folder.join("layer.part");
        let file = Hashed::new(BufWriter::with_capacity(1 << 20, File::create(&part)?));
        let mut unpacked = Hashed::new(GzEncoder::new(file, LEVEL));
        fill(&mut Archive { to: &mut unpacked })?;
        unpacked.write_all(&[0; 2 * BLOCK])?;
        let (encoder, diff_id, _) = unpacked.finish();
        let (mut file, digest, size) = encoder.finish()?.finish();
        file.flush()?;
        fs::rename(part, self.folder.join("blobs/sha256").join(&digest))?;
        self.diff_ids.push(json!(format!("sha256:{diff_id}")));
        self.layers.push(json!({
            "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
            "digest": format!("sha256:{digest}"), "size": size
        }));
        Ok(())
    }

    /// Writes the documents.
    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        if let Some(config) = self.config.as_object_mut() {
            config.remove("history");
            config
                .insert("rootfs".to_owned(), json!({"type": "layers", "diff_ids": self.diff_ids}));
        }
        let config = self.document("application/vnd.oci.image.config.v1+json", &self.config)?;
        let manifest = json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": config, "layers": self.layers
        });
        let mut manifest =
            self.document("application/vnd.oci.image.manifest.v1+json", &manifest)?;
        if let Some(descriptor) = manifest.as_object_mut() {
            let name = json!({"org.opencontainers.image.ref.name": "latest"});
            descriptor.insert("annotations".to_owned(), name);
        }
        let index = json!({"schemaVersion": 2, "manifests": [manifest]});
        fs::write(self.folder.join("index.json"), serde_json::to_vec(&index)?)?;
        fs::write(self.folder.join("oci-layout"), br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        Ok(())
    }

    fn document(&self, media_type: &str, value: &Value) -> anyhow::Result<Value> {
        let bytes = serde_json::to_vec(value)?;
        let digest = hex(ring::digest::digest(&SHA256, &bytes).as_ref());
        fs::write(self.folder.join("blobs/sha256").join(&digest), &bytes)?;
        Ok(
            json!({"mediaType": media_type, "digest": format!("sha256:{digest}"), "size": bytes.len()}),
        )
    }
}

/// Where a layout keeps what a descriptor names.
fn blob(layout: &Path, descriptor: &Value) -> anyhow::Result<PathBuf> {
    let digest = descriptor.get("digest").and_then(Value::as_str).context("no digest")?;
    let digest = digest.strip_prefix("sha256:").context("a digest that is not SHA-256")?;
    Ok(layout.join("blobs/sha256").join(digest))
}
