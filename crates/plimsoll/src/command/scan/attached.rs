//! SBOMs that a registry keeps beside the image: fetched here, read where images are read.
//!
//! In: an image of a registry, its report. Out: the report with what the SBOMs add. Odd: what cannot be had is a gap of the
//! report, and no reason to fail; only what fails for images too (no sandbox, a bad feed) does.

use std::{io::Write, path::PathBuf, sync::Arc};

use plimsoll_image::InputKind;
use plimsoll_model::Report;
use plimsoll_registry::{AttachedDocument, RemoteImage, Sort};
use plimsoll_scanner::{
    Scanned,
    attached::{Attached, add},
    child::Isolation,
};

use super::Scanning;
use crate::{arguments, command::target::Located, terminal::Terminal};

/// Adds what is attached to `image` to its report.
pub(super) async fn look(
    scanning: &Arc<Scanning>,
    isolation: Option<&Isolation>,
    image: &RemoteImage,
    target: &arguments::Target,
    terminal: Terminal,
    report: &mut Report,
) -> anyhow::Result<()> {
    let listed = image.attached(Sort::Sboms).await;
    let (mut attached, mut problems) = (Vec::new(), listed.problems);
    for sbom in &listed.documents {
        match image.fetch_attached(sbom).await {
            Ok(bytes) => {
                let scanned = scan(scanning, isolation, bytes, target, terminal).await?;
                attached.push(described(sbom, scanned.report));
            }
            Err(error) => problems.push(format!("{} {}: {error}", sbom.via, sbom.blob.digest)),
        }
    }
    add(report, attached, problems);
    Ok(())
}

fn described(sbom: &AttachedDocument, report: Report) -> Attached {
    Attached {
        digest: sbom.blob.digest,
        via: sbom.via.to_string(),
        is_said_to_be_sbom: sbom.is_said_to_be,
        report,
    }
}

/// Scans the document as a file of this machine.
async fn scan(
    scanning: &Arc<Scanning>,
    isolation: Option<&Isolation>,
    bytes: Vec<u8>,
    target: &arguments::Target,
    terminal: Terminal,
) -> anyhow::Result<Scanned> {
    let (scanning, isolation) = (Arc::clone(scanning), isolation.cloned());
    // An SBOM is for no platform.
    let target = arguments::Target { platform: None, ..target.clone() };
    let scan = move || {
        let mut file = tempfile::NamedTempFile::new()?;
        file.write_all(&bytes)?;
        drop(bytes);
        let path: PathBuf = file.path().to_owned();
        let located = Located::Local(path, Some(InputKind::Sbom));
        scanning.image(isolation.as_ref(), located, &target, terminal)
    };
    tokio::task::spawn_blocking(scan).await?
}
