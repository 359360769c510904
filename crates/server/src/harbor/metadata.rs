//! `GET /metadata`: what the scanner is and can do.
//!
//! In: nothing. Out: name, capabilities, and how old the advisories are. Source: goharbor/pluggable-scanner-spec 1.2,
//! `ScannerAdapterMetadata`. Odd: Harbor refuses a scanner one of whose capabilities does not take Docker's manifests, and shows
//! the first capability's; names must not be empty.

use std::collections::BTreeMap;

use axum::{extract::State, http::StatusCode, response::Response};
use serde::Serialize;

use super::{answer, mime};
use crate::context::Context;

/// Who scanned.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Scanner {
    name: &'static str,
    vendor: &'static str,
    version: &'static str,
}

/// This program.
pub(super) const SCANNER: Scanner =
    Scanner { name: "Plimsoll", vendor: "Plimsoll", version: env!("CARGO_PKG_VERSION") };

#[derive(Serialize)]
struct Metadata {
    scanner: Scanner,
    capabilities: Vec<Capability>,
    properties: BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
struct Capability {
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<&'static str>,
    consumes_mime_types: &'static [&'static str],
    produces_mime_types: &'static [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    additional_attributes: Option<Attributes>,
}

#[derive(Serialize)]
struct Attributes {
    sbom_media_types: &'static [&'static str],
}

/// For Harbor since 2.2, and what it understands of newer things.
pub(super) async fn current(State(context): State<Context>) -> Response {
    let capabilities = vec![
        Capability {
            r#type: Some("vulnerability"),
            consumes_mime_types: &mime::ARTIFACTS,
            produces_mime_types: &[mime::VULNERABILITIES],
            additional_attributes: None,
        },
        Capability {
            r#type: Some("sbom"),
            consumes_mime_types: &mime::ARTIFACTS,
            produces_mime_types: &[mime::SBOM],
            additional_attributes: Some(Attributes { sbom_media_types: &[mime::SPDX] }),
        },
    ];
    metadata(&context, capabilities)
}

/// For a Harbor that knows version 1.0 alone.
pub(super) async fn first(State(context): State<Context>) -> Response {
    let capabilities = vec![Capability {
        r#type: None,
        consumes_mime_types: &mime::ARTIFACTS,
        produces_mime_types: &[mime::NATIVE],
        additional_attributes: None,
    }];
    metadata(&context, capabilities)
}

fn metadata(context: &Context, capabilities: Vec<Capability>) -> Response {
    let mut properties = BTreeMap::from([
        ("harbor.scanner-adapter/scanner-type", "os-package-vulnerability".to_owned()),
        ("harbor.scanner-adapter/registry-authorization-type", "Basic".to_owned()),
    ]);
    if let Some(feed) = context.feed.state() {
        let updated = "harbor.scanner-adapter/vulnerability-database-updated-at";
        properties.insert(updated, feed.date.to_string());
    }
    let metadata = Metadata { scanner: SCANNER, capabilities, properties };
    answer::json(StatusCode::OK, mime::METADATA, &metadata)
}
