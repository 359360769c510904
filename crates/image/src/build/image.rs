//! Configuration and manifest of an image in the making.
//!
//! In: calls, layers among them. Out: [`BuiltImage`]. Source: OCI image-spec, `config.md` and `manifest.md`; Docker's
//! `Healthcheck`.

use plimsoll_model::Platform;
use serde_json::{Map, Value, json};

use super::{BuildError, BuiltImage, Layer};
use crate::{codec::digest_bytes, manifest::OCI_MANIFEST};

const CREATED: &str = "2024-01-01T00:00:00Z";

/// An image in the making. Layers and lines of history stand in the order of the calls.
#[derive(Clone, Debug)]
pub struct ImageBuilder {
    platform: Platform,
    layers: Vec<Layer>,
    run: Map<String, Value>,
    history: Vec<Value>,
    annotations: Map<String, Value>,
}

impl ImageBuilder {
    /// Starts an image for a platform.
    #[must_use]
    pub fn new(platform: Platform) -> Self {
        Self {
            platform,
            layers: Vec::new(),
            run: Map::new(),
            history: Vec::new(),
            annotations: Map::new(),
        }
    }

    /// Adds a layer on top, with its line of history.
    #[must_use]
    pub fn layer(mut self, layer: &Layer) -> Self {
        self.history.push(json!({"created": CREATED, "created_by": layer.created_by}));
        self.layers.push(layer.clone());
        self
    }

    /// Adds a line of history without a layer.
    #[must_use]
    pub fn history(mut self, created_by: &str) -> Self {
        self.history
            .push(json!({"created": CREATED, "created_by": created_by, "empty_layer": true}));
        self
    }

    /// Adds a variable to the environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        let variables = self.run.entry("Env").or_insert_with(|| json!([]));
        if let Some(variables) = variables.as_array_mut() {
            variables.push(json!(format!("{name}={value}")));
        }
        self
    }

    /// Sets the user.
    #[must_use]
    pub fn user(self, user: &str) -> Self {
        self.set("User", json!(user))
    }

    /// Sets the working directory.
    #[must_use]
    pub fn working_dir(self, path: &str) -> Self {
        self.set("WorkingDir", json!(path))
    }

    /// Sets the entrypoint.
    #[must_use]
    pub fn entrypoint(self, command: &[&str]) -> Self {
        self.set("Entrypoint", json!(command))
    }

    /// Sets the command.
    #[must_use]
    pub fn cmd(self, command: &[&str]) -> Self {
        self.set("Cmd", json!(command))
    }

    /// Sets the health check: `["CMD-SHELL", "…"]`.
    #[must_use]
    pub fn healthcheck(self, test: &[&str]) -> Self {
        self.set("Healthcheck", json!({"Test": test}))
    }

    /// Adds an exposed port: `8080/tcp`.
    #[must_use]
    pub fn exposed_port(self, port: &str) -> Self {
        self.add("ExposedPorts", port, json!({}))
    }

    /// Adds a volume.
    #[must_use]
    pub fn volume(self, path: &str) -> Self {
        self.add("Volumes", path, json!({}))
    }

    /// Adds a label.
    #[must_use]
    pub fn label(self, name: &str, value: &str) -> Self {
        self.add("Labels", name, json!(value))
    }

    /// Adds an annotation of the manifest.
    #[must_use]
    pub fn annotation(mut self, name: &str, value: &str) -> Self {
        self.annotations.insert(name.to_owned(), json!(value));
        self
    }

    fn set(mut self, field: &str, value: Value) -> Self {
        self.run.insert(field.to_owned(), value);
        self
    }

    fn add(mut self, field: &str, key: &str, value: Value) -> Self {
        let map = self.run.entry(field).or_insert_with(|| json!({}));
        if let Some(map) = map.as_object_mut() {
            map.insert(key.to_owned(), value);
        }
        self
    }

    /// Writes configuration and manifest.
    ///
    /// # Errors
    /// [`BuildError`] when they cannot be written as JSON.
    pub fn build(self) -> Result<BuiltImage, BuildError> {
        let diff_ids: Vec<String> =
            self.layers.iter().map(|layer| layer.diff_id.to_string()).collect();
        let mut config = json!({
            "architecture": self.platform.architecture,
            "os": self.platform.os,
            "created": CREATED,
            "config": self.run,
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
            "history": self.history,
        });
        if let (Some(variant), Some(fields)) = (&self.platform.variant, config.as_object_mut()) {
            fields.insert("variant".to_owned(), json!(variant));
        }
        let config = to_bytes("configuration", &config)?;
        let config_digest = digest_bytes(&config);
        let layers: Vec<Value> = self
            .layers
            .iter()
            .map(|layer| {
                json!({
                    "mediaType": layer.media_type,
                    "digest": layer.digest,
                    "size": layer.bytes.len(),
                })
            })
            .collect();
        let mut manifest = json!({
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": config_digest,
                "size": config.len(),
            },
            "layers": layers,
        });
        if let Some(fields) = manifest.as_object_mut()
            && !self.annotations.is_empty()
        {
            fields.insert("annotations".to_owned(), Value::Object(self.annotations));
        }
        let manifest = to_bytes("manifest", &manifest)?;
        Ok(BuiltImage {
            manifest_digest: digest_bytes(&manifest),
            manifest,
            config,
            config_digest,
            layers: self.layers.into_iter().map(|layer| (layer.digest, layer.bytes)).collect(),
            platform: self.platform,
        })
    }
}

pub(super) fn to_bytes(what: &'static str, value: &Value) -> Result<Vec<u8>, BuildError> {
    serde_json::to_vec(value).map_err(|source| BuildError::Json { what, source })
}
