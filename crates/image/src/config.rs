//! An image's configuration: how it is run and how it was built.
//!
//! In: the configuration's JSON, OCI or Docker. Out: [`ImageConfig`]. Source: OCI image-spec, `config.md`; Docker's
//! image specification 1.2 for `Healthcheck`, `OnBuild` and `Shell`. Odd: `{}` is a configuration in which everything is
//! missing, as for a root file system without one.

use std::collections::BTreeMap;

use plimsoll_model::{Digest, Platform};

use crate::{document::DocumentError, json};

const WHAT: &str = "configuration";

/// An image's configuration.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ImageConfig {
    /// User (and group) of the process: name or number; empty means root.
    pub user: String,
    /// `NAME=value`, in order.
    pub env: Vec<String>,
    /// First part of the command line; `None` when not set.
    pub entrypoint: Option<Vec<String>>,
    /// Second part of the command line; `None` when not set.
    pub cmd: Option<Vec<String>>,
    /// `80/tcp`, sorted.
    pub exposed_ports: Vec<String>,
    /// Paths, sorted.
    pub volumes: Vec<String>,
    /// Working directory.
    pub working_dir: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// The health check's command with its kind in front (`CMD`, `CMD-SHELL`, `NONE`); `None` when not set.
    pub healthcheck: Option<Vec<String>>,
    /// Signal that stops it.
    pub stop_signal: Option<String>,
    /// Shell for the shell form of instructions.
    pub shell: Option<Vec<String>>,
    /// How it was built, oldest first.
    pub history: Vec<HistoryEntry>,
    /// Digests of the unpacked layers, bottom first.
    pub diff_ids: Vec<Digest>,
    /// CPU architecture in Go's names; empty when not set.
    pub architecture: String,
    /// Operating system in Go's names; empty when not set.
    pub os: String,
    /// Variant of the architecture.
    pub variant: Option<String>,
    /// When it was built, as written (RFC 3339).
    pub created: Option<String>,
    /// Who built it.
    pub author: Option<String>,
}

/// One step of an image's build.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HistoryEntry {
    /// The instruction.
    pub created_by: String,
    /// Whether the step made no layer.
    pub empty_layer: bool,
    /// Remark of the builder.
    pub comment: String,
    /// Who made the step: some builders name themselves.
    pub author: String,
    /// When, as written (RFC 3339).
    pub created: Option<String>,
}

impl ImageConfig {
    /// The platform, when the configuration names one.
    #[must_use]
    pub fn platform(&self) -> Option<Platform> {
        if self.os.is_empty() || self.architecture.is_empty() {
            return None;
        }
        let (os, architecture) = (self.os.clone(), self.architecture.clone());
        Some(Platform { os, architecture, variant: self.variant.clone() })
    }

    /// What the configuration says otherwise than a manifest of so many layers, as sentences for anomalies. Runtimes
    /// unpack the manifest's layers all the same.
    #[must_use]
    pub fn disagreements(&self, layers: usize) -> Vec<String> {
        let mut sentences = Vec::new();
        if self.diff_ids.len() != layers {
            let listed = self.diff_ids.len();
            sentences
                .push(format!("the image has {layers} layers, its configuration lists {listed}"));
        }
        let steps = self.history.iter().filter(|step| !step.empty_layer).count();
        if steps > layers {
            sentences.push(format!("the image has {layers} layers, its history tells of {steps}"));
        }
        sentences
    }
}

/// Reads a configuration.
///
/// # Errors
/// [`DocumentError`] when it is not JSON, has ambiguous keys or fields of a wrong type.
pub fn parse_config(bytes: &[u8]) -> Result<ImageConfig, DocumentError> {
    let value = json::parse(WHAT, bytes)?;
    let document = json::Fields::of_document(WHAT, &value)?;
    let mut config = ImageConfig {
        architecture: document.owned_text("architecture")?.unwrap_or_default(),
        os: document.owned_text("os")?.unwrap_or_default(),
        variant: document.owned_text("variant")?.filter(|variant| !variant.is_empty()),
        created: document.owned_text("created")?,
        author: document.owned_text("author")?.filter(|author| !author.is_empty()),
        ..ImageConfig::default()
    };
    if let Some(run) = document.structure("config")? {
        let keys = |name: &str| -> Result<Vec<String>, DocumentError> {
            Ok(run.map(name)?.into_iter().map(|(key, _)| key.to_owned()).collect())
        };
        config.user = run.owned_text("User")?.unwrap_or_default();
        config.env = run.texts("Env")?.unwrap_or_default();
        config.entrypoint = run.texts("Entrypoint")?;
        config.cmd = run.texts("Cmd")?;
        config.exposed_ports = keys("ExposedPorts")?;
        config.volumes = keys("Volumes")?;
        config.working_dir = run.owned_text("WorkingDir")?.unwrap_or_default();
        config.labels = run.text_map("Labels")?;
        config.stop_signal = run.owned_text("StopSignal")?.filter(|signal| !signal.is_empty());
        config.shell = run.texts("Shell")?;
        if let Some(healthcheck) = run.structure("Healthcheck")? {
            config.healthcheck = healthcheck.texts("Test")?;
        }
    }
    for step in document.structures("history")? {
        config.history.push(HistoryEntry {
            created_by: step.owned_text("created_by")?.unwrap_or_default(),
            empty_layer: step.boolean("empty_layer")?,
            comment: step.owned_text("comment")?.unwrap_or_default(),
            author: step.owned_text("author")?.unwrap_or_default(),
            created: step.owned_text("created")?,
        });
    }
    if let Some(rootfs) = document.structure("rootfs")? {
        for text in rootfs.texts("diff_ids")?.unwrap_or_default() {
            config.diff_ids.push(rootfs.parse_digest("diff_ids", &text)?);
        }
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_docker_configuration_is_read_whole() {
        let diff_id = format!("sha256:{}", "ab".repeat(32));
        let text = format!(
            r#"{{"architecture":"arm64","os":"linux","variant":"v8","created":"2024-01-01T00:00:00Z","config":{{
                "User":"app","Env":["PATH=/bin","A=b=c"],"Entrypoint":["/app"],"Cmd":null,
                "ExposedPorts":{{"8080/tcp":{{}},"22/tcp":{{}}}},"Volumes":{{"/data":{{}}}},"WorkingDir":"/w",
                "Labels":{{"x":"1"}},"Healthcheck":{{"Test":["CMD-SHELL","true"],"Interval":5}},"OnBuild":null}},
              "history":[{{"created_by":"ADD file","comment":"c"}},{{"created_by":"ENV A=b","empty_layer":true}}],
              "rootfs":{{"type":"layers","diff_ids":["{diff_id}"]}}}}"#
        );
        let config = parse_config(text.as_bytes()).unwrap();
        assert_eq!(config.user, "app");
        assert_eq!(config.env, ["PATH=/bin", "A=b=c"]);
        assert_eq!(config.entrypoint, Some(vec!["/app".to_owned()]));
        assert_eq!(config.cmd, None);
        assert_eq!(config.exposed_ports, ["22/tcp", "8080/tcp"]);
        assert_eq!(config.volumes, ["/data"]);
        assert_eq!(config.healthcheck, Some(vec!["CMD-SHELL".to_owned(), "true".to_owned()]));
        assert_eq!(config.history.len(), 2);
        assert!(config.history[1].empty_layer);
        assert_eq!(config.diff_ids, [diff_id.parse().unwrap()]);
        assert_eq!(config.platform().unwrap().to_string(), "linux/arm64/v8");
        assert_eq!(config.disagreements(1), Vec::<String>::new());
        assert_eq!(config.disagreements(2).len(), 1);
        assert_eq!(config.disagreements(0).len(), 2);
        assert_eq!(parse_config(b"{}").unwrap(), ImageConfig::default());
    }

    #[test]
    fn a_configuration_of_the_wrong_shape_is_refused_with_its_field() {
        for (text, field) in [
            (r#"{"config":{"Env":"A=b"}}"#, "config.Env"),
            (r#"{"config":[]}"#, "config"),
            (r#"{"history":[{"created_by":1}]}"#, "history[0].created_by"),
            (r#"{"rootfs":{"diff_ids":["md5:0"]}}"#, "rootfs.diff_ids"),
        ] {
            let error = parse_config(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(&format!("`{field}`")), "{error}");
        }
    }
}
