//! An image's SBOM, as Harbor keeps it beside the image.
//!
//! In: a report. Out: SPDX 2.3 in Harbor's envelope. Source: goharbor/pluggable-scanner-spec, `data/spec/SBOM.md`. Odd: the
//! document inside is the one that `plimsoll scan --format spdx` writes, byte for byte but for blanks.

use std::io;

use plimsoll_model::{Report, Timestamp};
use plimsoll_scanner::format::{Style, format};
use serde::Serialize;

use super::{
    artifact::Artifact,
    metadata::{SCANNER, Scanner},
    mime,
};

#[derive(Serialize)]
pub(super) struct Document<'a> {
    generated_at: Timestamp,
    artifact: &'a Artifact,
    scanner: Scanner,
    vendor_attributes: Nothing,
    media_type: &'static str,
    sbom: serde_json::Value,
}

/// `{}`
#[derive(Serialize)]
struct Nothing {}

/// The document.
pub(super) fn document<'a>(
    report: &Report,
    artifact: &'a Artifact,
    finished: Timestamp,
) -> io::Result<Document<'a>> {
    let spdx = format("spdx").ok_or_else(|| io::Error::other("there is no format `spdx`"))?;
    let mut text = Vec::new();
    spdx.write(report, Style::default(), &mut text)?;
    Ok(Document {
        generated_at: finished,
        artifact,
        scanner: SCANNER,
        vendor_attributes: Nothing {},
        media_type: mime::SPDX,
        sbom: serde_json::from_slice(&text)?,
    })
}
