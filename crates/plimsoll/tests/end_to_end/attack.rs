//! Images made to hurt: bombs, and damaged ones.
//!
//! In: images from code and from a number. Out: each scan ends by itself, with a verdict that says what was not read, and leaves
//! nothing behind. Odd: 500 damaged images and small bombs run in CI; `cargo xtask full` runs 10,000 and the real sizes, and
//! holds each bomb to 5 seconds and 256 MiB (`PLIMSOLL_ATTACK=full`).

mod bombs;
mod contents;
mod damage;
mod peak;
mod zip_bomb;

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use plimsoll_image::{Compression, Layer};
use serde_json::{Value, json};

use crate::support::temporary;

/// Whether everything is run, at its real size.
fn is_full() -> bool {
    std::env::var_os("PLIMSOLL_ATTACK").is_some_and(|value| value == "full")
}

/// How a scan ended.
struct Ending {
    /// Its report, if there is one.
    report: Option<Value>,
    error: String,
    /// The most memory that its processes took, where it was watched.
    peak_mib: u64,
}

impl Ending {
    fn verdict(&self) -> &str {
        let report = self.report.as_ref();
        report.map_or("none", |report| report["coverage"]["verdict"].as_str().unwrap())
    }

    /// Reason, place and detail of each gap.
    fn gaps(&self) -> Vec<String> {
        let report = self.report.as_ref();
        let gaps = report.map_or(&[][..], |report| report["coverage"]["gaps"].as_array().unwrap());
        let text = |gap: &Value, key: &str| gap[key].as_str().unwrap().to_owned();
        gaps.iter()
            .map(|gap| {
                format!("{} {}: {}", text(gap, "reason"), text(gap, "at"), text(gap, "detail"))
            })
            .collect()
    }

    /// What no bytes of an image may bring about, if it came about.
    fn harm(&self) -> Option<String> {
        const HARM: [&str; 9] = [
            "panicked",
            "a defect of it",
            "SIGABRT",
            "SIGSEGV",
            "SIGBUS",
            "was not done after",
            "made a system call that no scan needs",
            "needed more memory than",
            "broke the rules of its channel",
        ];
        let said = self.gaps().into_iter().chain([self.error.clone()]);
        said.into_iter().find(|text| HARM.iter().any(|harm| text.contains(harm)))
    }
}

/// A place with nothing of value, from which images are scanned.
struct Site {
    folder: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        let folder = temporary();
        for name in ["home", "spool", "data", "canary/deep/er"] {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        std::fs::write(folder.path().join("canary/deep/er/file"), "as it was").unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Scans an image with the program as people run it, in its sandbox.
    fn scan(&self, target: &Path, memory_mib: u64) -> Ending {
        let output = self.command(target, memory_mib).output().unwrap();
        Self::ending(target, &output, 0)
    }

    /// [`scan`](Self::scan), and how much memory it takes.
    fn scan_watched(&self, target: &Path, memory_mib: u64) -> Ending {
        let (output, peak_mib) = peak::of(&mut self.command(target, memory_mib));
        Self::ending(target, &output, peak_mib)
    }

    fn ending(target: &Path, output: &Output, peak_mib: u64) -> Ending {
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        let report = serde_json::from_slice(&output.stdout).ok();
        let is_as_promised = match output.status.code() {
            Some(0) => report.is_some(),
            Some(1) => error.contains("error:"),
            _ => false,
        };
        assert!(is_as_promised, "{}: {}: {error}", target.display(), output.status);
        Ending { report, error, peak_mib }
    }

    fn command(&self, target: &Path, memory_mib: u64) -> Command {
        let memory = memory_mib.to_string();
        let arguments: [&OsStr; 9] = [
            "scan".as_ref(),
            "--no-cache".as_ref(),
            "--format=json".as_ref(),
            "--platform=linux/amd64".as_ref(),
            "--memory-limit".as_ref(),
            memory.as_ref(),
            "--timeout=2".as_ref(),
            "--data=../data".as_ref(),
            target.as_os_str(),
        ];
        let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
        command
            .args(arguments)
            .current_dir(self.path("canary"))
            .env("HOME", self.path("home"))
            .env("TMPDIR", self.path("spool"))
            .env_remove("PLIMSOLL_DATA")
            .stdin(Stdio::null());
        command
    }

    /// Fails if anything lies where nothing lay before.
    fn assert_untouched(&self) {
        let mut found: Vec<String> = Vec::new();
        let mut folders = vec![self.path("canary"), self.path("home"), self.path("spool")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let text = std::fs::read_to_string(&path).unwrap_or_default();
                    let name = path.strip_prefix(self.folder.path()).unwrap().display().to_string();
                    found.push(format!("{name}: {text}"));
                }
            }
        }
        assert_eq!(found, ["canary/deep/er/file: as it was"]);
    }
}

/// The SHA-256 of some bytes, with its prefix.
fn digest(bytes: &[u8]) -> String {
    let layer = Layer::from_archive("", bytes.to_vec(), Compression::Plain).unwrap();
    layer.digest().to_string()
}

/// What is done to an image's documents before they are written.
type Change<'a> = &'a mut dyn FnMut(&str, &mut Vec<u8>);

/// Writes a layout of these blobs, whatever they are; `change` sees `config`, `manifest` and `index` on their way.
fn write_layout(folder: &Path, layers: &[Vec<u8>], change: Change<'_>) {
    let blobs = folder.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    let keep = |bytes: &[u8]| {
        let digest = digest(bytes);
        let name = digest.strip_prefix("sha256:").unwrap();
        std::fs::write(blobs.join(name), bytes).unwrap();
        json!({"digest": digest, "size": bytes.len()})
    };
    let typed = |mut descriptor: Value, media_type: &str| {
        descriptor["mediaType"] = json!(media_type);
        descriptor
    };
    let layers: Vec<Value> = layers
        .iter()
        .map(|layer| typed(keep(layer), "application/vnd.oci.image.layer.v1.tar+gzip"))
        .collect();
    let diff_ids: Vec<&Value> = layers.iter().map(|layer| &layer["digest"]).collect();
    let config = json!({
        "architecture": "amd64", "os": "linux",
        "config": {"Env": ["PATH=/bin"], "Labels": {"a": "b"}, "Cmd": ["sh"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": [{"created_by": "RUN echo password=hunter2"}]
    });
    let mut config = serde_json::to_vec(&config).unwrap();
    change("config", &mut config);
    let config_type = "application/vnd.oci.image.config.v1+json";
    let manifest = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": typed(keep(&config), config_type), "layers": layers
    });
    let mut manifest = serde_json::to_vec(&manifest).unwrap();
    change("manifest", &mut manifest);
    let manifest_type = "application/vnd.oci.image.manifest.v1+json";
    let index = json!({"schemaVersion": 2, "manifests": [typed(keep(&manifest), manifest_type)]});
    let mut index = serde_json::to_vec(&index).unwrap();
    change("index", &mut index);
    std::fs::write(folder.join("index.json"), index).unwrap();
    std::fs::write(folder.join("oci-layout"), br#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
}
