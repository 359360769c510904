//! CycloneDX's vulnerabilities with an analysis.
//!
//! In: a BOM as JSON or XML. Out: a statement per vulnerability. Source: CycloneDX 1.4 to 1.7, `vulnerabilities`. Odd: what is affected is
//! named by a reference into this BOM or, as a link, into another one, whose references mostly are package URLs; a
//! vulnerability without an analysis is a finding and no statement.

mod document;

use std::collections::HashMap;

use plimsoll_model::Status;
use serde::Deserialize;

use super::{Component, Document, Product, Statement, VexError, line, product::Versions};
use crate::feed::parse_time;

pub(super) const FORMAT: &str = "CycloneDX";

/// How deep components are nested.
const MAX_DEPTH: usize = 32;

#[derive(Deserialize)]
struct Probe {
    #[serde(rename = "bomFormat")]
    format: String,
}

pub(super) fn is(bytes: &[u8]) -> bool {
    document::is(bytes)
        || serde_json::from_slice::<Probe>(bytes).is_ok_and(|probe| probe.format == "CycloneDX")
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct File {
    serial_number: Option<String>,
    version: Option<u64>,
    metadata: Option<Metadata>,
    #[serde(default)]
    components: Vec<Part>,
    #[serde(default)]
    vulnerabilities: Vec<Vulnerability>,
}

#[derive(Deserialize)]
struct Metadata {
    timestamp: Option<String>,
    component: Option<Part>,
    #[serde(default)]
    authors: Vec<Party>,
    supplier: Option<Party>,
}

#[derive(Deserialize)]
struct Party {
    name: Option<String>,
}

#[derive(Deserialize)]
struct Part {
    #[serde(rename = "bom-ref")]
    reference: Option<String>,
    purl: Option<String>,
    #[serde(default)]
    components: Vec<Self>,
}

#[derive(Deserialize)]
struct Vulnerability {
    id: Option<String>,
    #[serde(default)]
    references: Vec<Reference>,
    updated: Option<String>,
    analysis: Option<Analysis>,
    #[serde(default)]
    affects: Vec<Affects>,
}

#[derive(Deserialize)]
struct Reference {
    id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Analysis {
    state: Option<String>,
    justification: Option<String>,
    #[serde(default)]
    response: Vec<String>,
    detail: Option<String>,
    first_issued: Option<String>,
    last_updated: Option<String>,
}

#[derive(Deserialize)]
struct Affects {
    #[serde(rename = "ref")]
    reference: String,
    #[serde(default)]
    versions: Vec<Version>,
}

#[derive(Deserialize)]
struct Version {
    version: Option<String>,
    range: Option<String>,
    status: Option<String>,
}

pub(super) fn read(bytes: &[u8]) -> Result<Document, VexError> {
    let invalid = |problem: String| VexError::Invalid { format: FORMAT, problem };
    let file = if document::is(bytes) {
        document::read(bytes).map_err(invalid)?
    } else {
        serde_json::from_slice::<File>(bytes).map_err(|error| invalid(error.to_string()))?
    };
    let metadata = file.metadata.as_ref();
    let root = metadata.and_then(|metadata| metadata.component.as_ref());
    let mut purls = HashMap::new();
    for part in root.into_iter().chain(&file.components) {
        collect(part, &mut purls, 0);
    }
    let root = root.and_then(|root| root.reference.as_deref());
    let mut statements = Vec::new();
    for vulnerability in &file.vulnerabilities {
        statements.extend(statement(vulnerability, root, &purls, metadata).map_err(invalid)?);
    }
    let author = metadata.and_then(|metadata| {
        metadata.authors.iter().chain(&metadata.supplier).find_map(|party| party.name.as_deref())
    });
    let serial = line(file.serial_number.as_deref()).unwrap_or_default();
    Ok(Document {
        format: FORMAT.to_owned(),
        id: match file.version {
            Some(version) if !serial.is_empty() => format!("{serial}/{version}"),
            _ => serial,
        },
        author: line(author).unwrap_or_default(),
        statements,
    })
}

fn collect<'a>(part: &'a Part, purls: &mut HashMap<&'a str, &'a str>, depth: usize) {
    if let (Some(reference), Some(purl)) = (&part.reference, &part.purl) {
        purls.insert(reference, purl);
    }
    if depth < MAX_DEPTH {
        for child in &part.components {
            collect(child, purls, depth + 1);
        }
    }
}

fn statement(
    vulnerability: &Vulnerability,
    root: Option<&str>,
    purls: &HashMap<&str, &str>,
    metadata: Option<&Metadata>,
) -> Result<Option<Statement>, String> {
    let Some(analysis) = &vulnerability.analysis else { return Ok(None) };
    let Some(state) = analysis.state.as_deref() else { return Ok(None) };
    let status = match state {
        "resolved" | "resolved_with_pedigree" => Status::Fixed,
        "exploitable" if analysis.response.iter().any(|one| one == "will_not_fix") => {
            Status::WillNotFix
        }
        "exploitable" => Status::Affected,
        "in_triage" => Status::UnderInvestigation,
        "false_positive" | "not_affected" => Status::NotAffected,
        other => {
            return Err(format!("an analysis has the state `{}`", crate::feed::title_of(other)));
        }
    };
    let own = (state == "false_positive").then(|| "false_positive".to_owned());
    let ids = vulnerability
        .id
        .iter()
        .chain(vulnerability.references.iter().filter_map(|one| one.id.as_ref()));
    let products = vulnerability.affects.iter().map(|affects| Product {
        component: component(&affects.reference, root, purls),
        parts: Vec::new(),
        platform: None,
        versions: versions(&affects.versions, status),
    });
    let times = [
        analysis.last_updated.as_deref(),
        analysis.first_issued.as_deref(),
        vulnerability.updated.as_deref(),
        metadata.and_then(|metadata| metadata.timestamp.as_deref()),
    ];
    Ok(Some(Statement {
        ids: ids.cloned().collect(),
        products: products.collect(),
        status,
        justification: line(analysis.justification.as_deref()).or(own),
        text: line(analysis.detail.as_deref()),
        time: times.into_iter().flatten().find_map(parse_time),
    }))
}

/// What a reference stands for.
fn component(reference: &str, root: Option<&str>, purls: &HashMap<&str, &str>) -> Component {
    // `urn:cdx:SERIAL/VERSION#REFERENCE`, the reference percent-encoded.
    let linked = reference.strip_prefix("urn:cdx:").and_then(|link| link.split_once('#'));
    let local = linked.map_or_else(|| reference.to_owned(), |(_, rest)| decoded(rest));
    if let Some(purl) = purls.get(local.as_str()) {
        return Component::named(purl);
    }
    if linked.is_none() && root == Some(reference) {
        return Component::Subject;
    }
    Component::named(&local)
}

/// Percent-encoding undone, where it is one.
fn decoded(text: &str) -> String {
    if text.starts_with("pkg:") && !text.contains("%3A") && !text.contains("%2F") {
        // Its own encoding is the package URL's.
        return text.to_owned();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut left = text.bytes();
    while let Some(byte) = left.next() {
        let mut ahead = left.clone();
        let pair = (byte == b'%').then(|| (ahead.next(), ahead.next()));
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        match pair.and_then(|(high, low)| digit(high).zip(digit(low))) {
            Some((high, low)) => {
                bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                left = ahead;
            }
            None => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The versions that the state is said of; `None` where it is said of all.
fn versions(listed: &[Version], status: Status) -> Option<Versions> {
    if listed.is_empty() {
        return None;
    }
    let mut versions = Versions::default();
    for one in listed {
        let is_said_of = match one.status.as_deref().unwrap_or("affected") {
            "affected" => status.is_open(),
            "unaffected" => !status.is_open(),
            _ => false,
        };
        if is_said_of {
            versions.exact.extend(one.version.clone());
            versions.ranges.extend(one.range.clone());
        }
    }
    Some(versions)
}
