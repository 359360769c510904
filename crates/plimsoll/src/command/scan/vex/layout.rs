//! VEX documents in the folder of an OCI layout.
//!
//! In: the folder, the image's report. Out: documents of manifests that name the image as their subject, and files in the
//! folder that are called like VEX. Source: OCI image-spec 1.1, "Image Layout" and `subject`. Odd: every blob is held against its digest,
//! as the layout may be anybody's; manifests of other images are left alone.

use std::path::Path;

use plimsoll_advisory::vex::MAX_VEX_BYTES;
use plimsoll_model::{Digest, Report};
use plimsoll_scanner::child::Isolation;
use serde::Deserialize;

use super::{ENDS, Found, read_file, take_file};

/// Manifests that are looked into, and documents that are read.
const MAX_MANIFESTS: usize = 256;
const MAX_DOCUMENTS: usize = 32;
/// Entries of the folder that are looked at.
const MAX_ENTRIES: usize = 10_000;

#[derive(Deserialize)]
struct Index {
    #[serde(default)]
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    artifact_type: Option<String>,
    subject: Option<Descriptor>,
    #[serde(default)]
    layers: Vec<Descriptor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    #[serde(default)]
    media_type: String,
    digest: String,
}

pub(super) fn search(folder: &Path, report: &Report, isolation: Option<&Isolation>) -> Found {
    let mut found = Found::new(isolation);
    referrers(folder, report, &mut found);
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .take(MAX_ENTRIES)
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| ENDS.iter().any(|end| name.ends_with(end)))
        .collect();
    names.sort();
    for name in names {
        take_file(&folder.join(&name), name, &mut found);
    }
    found
}

fn referrers(folder: &Path, report: &Report, found: &mut Found) {
    let Some(image) = report.image.digest else { return };
    let Ok(index) = read_file(&folder.join("index.json")) else { return };
    let Ok(index) = serde_json::from_slice::<Index>(&index) else { return };
    for entry in index.manifests.iter().take(MAX_MANIFESTS) {
        // The image itself is among them, and was read.
        if entry.digest == image.to_string() {
            continue;
        }
        let manifest = match blob(folder, &entry.digest) {
            Ok(bytes) => serde_json::from_slice::<Manifest>(&bytes).ok(),
            Err(problem) => {
                found.problems.push(format!("manifest {}: {problem}", entry.digest));
                None
            }
        };
        let Some(manifest) = manifest else { continue };
        let is_about = manifest.subject.is_some_and(|subject| subject.digest == image.to_string());
        let says_vex = |kind: &str| {
            let lower = kind.to_ascii_lowercase();
            lower.contains("vex") || lower.contains("csaf")
        };
        if !is_about {
            continue;
        }
        for layer in &manifest.layers {
            let place = format!("referrer {}", layer.digest);
            let is_said_to_be = says_vex(&layer.media_type)
                || manifest.artifact_type.as_deref().is_some_and(says_vex);
            if found.given.len() >= MAX_DOCUMENTS {
                let problem = format!(
                    "more than {MAX_DOCUMENTS} VEX documents are attached; the others were not looked at"
                );
                if !found.problems.contains(&problem) {
                    found.problems.push(problem);
                }
                return;
            }
            match blob(folder, &layer.digest) {
                Ok(bytes) => found.take(place, &bytes, is_said_to_be),
                Err(problem) if is_said_to_be => found.problems.push(format!("{place}: {problem}")),
                Err(_) => {}
            }
        }
    }
}

/// A blob, if it is small enough and what its digest says.
fn blob(folder: &Path, digest: &str) -> Result<Vec<u8>, String> {
    let digest: Digest = digest.parse().map_err(|_no| "its digest is none".to_owned())?;
    let path = folder.join("blobs").join("sha256").join(digest.hex());
    let bytes = read_file(&path).map_err(|error| format!("{error:#}"))?;
    if bytes.len() > MAX_VEX_BYTES {
        return Err("it has more than 64 MiB".to_owned());
    }
    if plimsoll_image::digest_bytes(&bytes) != digest {
        return Err("its bytes are not what its digest says".to_owned());
    }
    Ok(bytes)
}
