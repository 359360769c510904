//! Writes images: for the demo and for tests everywhere.
//!
//! In: files, links, whiteouts and a configuration, in code. Out: [`BuiltImage`], whose bytes depend on nothing else, and
//! from it OCI layouts and docker-archives. Source: OCI image-spec 1.1; the `manifest.json` of `docker save`. Odd: all
//! times are 2024-01-01T00:00:00Z, so that equal content gives equal digests.

mod image;
mod write;

use std::{
    io::{self, Write},
    sync::Arc,
};

use flate2::{GzBuilder, write::GzEncoder};
pub use image::ImageBuilder;
use plimsoll_model::{Digest, Platform};
pub use write::write_multi_platform_layout;

use crate::{codec::digest_bytes, entry::TreePath};

/// Time of everything: 2024-01-01T00:00:00Z.
const MTIME: u64 = 1_704_067_200;
const BLOCK: usize = 512;

/// How a layer is compressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Compression {
    /// `tar+gzip`.
    #[default]
    Gzip,
    /// `tar+zstd`.
    Zstd,
    /// `tar`.
    Plain,
}

impl Compression {
    const fn media_type(self) -> &'static str {
        match self {
            Self::Gzip => "application/vnd.oci.image.layer.v1.tar+gzip",
            Self::Zstd => "application/vnd.oci.image.layer.v1.tar+zstd",
            Self::Plain => "application/vnd.oci.image.layer.v1.tar",
        }
    }

    fn compress(self, archive: Vec<u8>) -> io::Result<Vec<u8>> {
        match self {
            Self::Plain => Ok(archive),
            Self::Zstd => zstd::encode_all(archive.as_slice(), 3),
            Self::Gzip => {
                let level = flate2::Compression::new(6);
                let mut encoder: GzEncoder<Vec<u8>> =
                    GzBuilder::new().mtime(0).write(Vec::new(), level);
                encoder.write_all(&archive)?;
                encoder.finish()
            }
        }
    }
}

/// Why an image could not be built or written.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Compressing or writing failed.
    #[error("{at}: {source}")]
    Io {
        /// The file or layer.
        at: String,
        /// What failed.
        source: io::Error,
    },
    /// The configuration or manifest could not be written as JSON.
    #[error("the {what} cannot be written as JSON: {source}")]
    Json {
        /// Which document.
        what: &'static str,
        /// Why.
        source: serde_json::Error,
    },
    /// The layout that the image is to be added to is not one.
    #[error("{at}: {problem}")]
    Layout {
        /// The file.
        at: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// A finished layer. Cloning is cheap, and images that hold the same layer share its digest.
#[derive(Clone, Debug)]
pub struct Layer {
    digest: Digest,
    diff_id: Digest,
    media_type: &'static str,
    bytes: Arc<Vec<u8>>,
    created_by: String,
}

impl Layer {
    /// Starts a layer; `created_by` is the instruction that its history shows.
    #[must_use]
    pub fn builder(created_by: &str) -> LayerBuilder {
        LayerBuilder {
            created_by: created_by.to_owned(),
            compression: Compression::default(),
            archive: Vec::new(),
        }
    }

    /// A layer from an archive as it is, whatever its bytes are.
    ///
    /// # Errors
    /// [`BuildError`] when compressing fails.
    pub fn from_archive(
        created_by: &str,
        archive: Vec<u8>,
        compression: Compression,
    ) -> Result<Self, BuildError> {
        let diff_id = digest_bytes(&archive);
        let bytes = compression
            .compress(archive)
            .map_err(|source| BuildError::Io { at: format!("layer `{created_by}`"), source })?;
        Ok(Self {
            digest: digest_bytes(&bytes),
            diff_id,
            media_type: compression.media_type(),
            bytes: Arc::new(bytes),
            created_by: created_by.to_owned(),
        })
    }

    /// Digest of the blob.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// Digest of the unpacked archive.
    #[must_use]
    pub const fn diff_id(&self) -> Digest {
        self.diff_id
    }

    /// The blob.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// A layer in the making. Entries are written in the order of the calls; directories only when asked for.
#[derive(Clone, Debug)]
pub struct LayerBuilder {
    created_by: String,
    compression: Compression,
    archive: Vec<u8>,
}

impl LayerBuilder {
    /// How the layer is compressed; gzip unless said otherwise.
    #[must_use]
    pub const fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// A file of root with mode 0644.
    #[must_use]
    pub fn file(self, path: &str, bytes: &[u8]) -> Self {
        self.file_with(path, 0o644, 0, 0, bytes)
    }

    /// A file.
    #[must_use]
    pub fn file_with(mut self, path: &str, mode: u32, uid: u64, gid: u64, bytes: &[u8]) -> Self {
        let size = bytes.len() as u64;
        self.header(&Entry { path, typeflag: b'0', mode, uid, gid, size, link: "" });
        self.archive.extend_from_slice(bytes);
        self.pad();
        self
    }

    /// A file of root that gives capabilities to whoever runs it; `value` is that of `security.capability`.
    #[must_use]
    pub fn file_with_capabilities(mut self, path: &str, value: &[u8], bytes: &[u8]) -> Self {
        write::capabilities(&mut self.archive, value);
        self.file_with(path, 0o755, 0, 0, bytes)
    }

    /// A directory of root.
    #[must_use]
    pub fn directory(self, path: &str, mode: u32) -> Self {
        self.directory_with(path, mode, 0, 0)
    }

    /// A directory.
    #[must_use]
    pub fn directory_with(mut self, path: &str, mode: u32, uid: u64, gid: u64) -> Self {
        let path = format!("{}/", path.trim_end_matches('/'));
        self.header(&Entry { path: &path, typeflag: b'5', mode, uid, gid, size: 0, link: "" });
        self
    }

    /// A symbolic link.
    #[must_use]
    pub fn symlink(mut self, path: &str, target: &str) -> Self {
        self.header(&Entry { typeflag: b'2', mode: 0o777, link: target, ..Entry::root(path) });
        self
    }

    /// Another name of a file before it.
    #[must_use]
    pub fn hardlink(mut self, path: &str, target: &str) -> Self {
        self.header(&Entry { typeflag: b'1', mode: 0o644, link: target, ..Entry::root(path) });
        self
    }

    /// Removes what lower layers have at a path.
    #[must_use]
    pub fn whiteout(self, path: &str) -> Self {
        let path = TreePath::from(path);
        let parent = path.parent().unwrap_or_default();
        let marker = [b".wh.", path.name()].concat();
        let marker = parent.join(&marker);
        self.file(&marker.display(), b"")
    }

    /// Removes everything that lower layers have in a directory.
    #[must_use]
    pub fn opaque(self, directory: &str) -> Self {
        let marker = TreePath::from(directory).join(b".wh..wh..opq");
        self.file(&marker.display(), b"")
    }

    /// Compresses and hashes the layer.
    ///
    /// # Errors
    /// [`BuildError`] when compressing fails.
    pub fn build(mut self) -> Result<Layer, BuildError> {
        self.archive.extend_from_slice(&[0; 2 * BLOCK]);
        Layer::from_archive(&self.created_by, self.archive, self.compression)
    }

    fn header(&mut self, entry: &Entry<'_>) {
        write::header(&mut self.archive, entry);
    }

    fn pad(&mut self) {
        write::pad(&mut self.archive);
    }
}

/// One entry's header.
struct Entry<'e> {
    path: &'e str,
    typeflag: u8,
    mode: u32,
    uid: u64,
    gid: u64,
    size: u64,
    link: &'e str,
}

impl<'e> Entry<'e> {
    const fn root(path: &'e str) -> Self {
        Self { path, typeflag: b'0', mode: 0o644, uid: 0, gid: 0, size: 0, link: "" }
    }
}

/// A finished image.
#[derive(Clone, Debug)]
pub struct BuiltImage {
    /// The manifest (OCI).
    pub manifest: Vec<u8>,
    /// Its digest.
    pub manifest_digest: Digest,
    /// The configuration.
    pub config: Vec<u8>,
    /// Its digest.
    pub config_digest: Digest,
    /// Digest and blob of each layer, bottom first.
    pub layers: Vec<(Digest, Arc<Vec<u8>>)>,
    /// What it runs on.
    pub platform: Platform,
}

#[cfg(test)]
#[path = "build/tests.rs"]
mod tests;
