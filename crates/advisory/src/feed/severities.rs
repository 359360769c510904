//! CVSS vectors, weaknesses and SSVC decision points, one CVE a line.
//!
//! In: JSON lines `{"id", "published", "cvss": [{"by", "vector"}], "cwe": [], "ssvc": {…}}`, made of CVE records and CISA's
//! Vulnrichment. Out: per CVE what distributions' advisories lack. Source: CVE record format 5, `metrics`; CERT/CC's SSVC.
//! Odd: published scores are not read, a vector says it all; `published` has no offset and is UTC.

use std::borrow::Cow;

use plimsoll_model::Timestamp;
use serde::Deserialize;

use super::{Document, Feed, Sink, is_cve, parse_cwe, parse_time, title_of};
use crate::priority::Exploitation;

#[derive(Debug)]
pub(super) struct Severities;

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    published: Option<String>,
    #[serde(default, borrow)]
    cvss: Vec<Vector<'a>>,
    #[serde(default)]
    cwe: Vec<String>,
    ssvc: Option<Ssvc>,
}

#[derive(Deserialize)]
struct Vector<'a> {
    #[serde(default, borrow)]
    by: Cow<'a, str>,
    #[serde(borrow)]
    vector: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Ssvc {
    #[serde(rename = "Exploitation")]
    exploitation: Option<String>,
    #[serde(rename = "Automatable")]
    automatable: Option<String>,
    #[serde(rename = "Technical Impact")]
    technical_impact: Option<String>,
}

impl Feed for Severities {
    fn id(&self) -> &'static str {
        "cve"
    }

    fn about(&self) -> &'static str {
        "CVSS vectors, weaknesses and SSVC decision points per CVE, as JSON lines"
    }

    fn home(&self) -> &'static str {
        "https://github.com/cisagov/vulnrichment"
    }

    fn recognises(&self, document: &Document<'_>) -> bool {
        let line = document.bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        line.starts_with(b"{\"id\":\"CVE-")
            && (line.len() < document.bytes.len() || line.ends_with(b"}"))
            && serde_json::from_slice::<Line<'_>>(line)
                .is_ok_and(|line| line.ssvc.is_some() || !line.cvss.is_empty())
    }

    fn read(&self, document: &Document<'_>, into: &mut Sink<'_>) -> Result<u64, String> {
        if !document.bytes.ends_with(b"\n") {
            return Err("its last line has no end: it is cut off".to_owned());
        }
        let mut newest: Option<Timestamp> = None;
        let mut records = 0;
        for (bytes, number) in document.bytes.split(|byte| *byte == b'\n').zip(1..) {
            if bytes.trim_ascii().is_empty() {
                continue;
            }
            let line: Line<'_> =
                serde_json::from_slice(bytes).map_err(|error| format!("line {number}: {error}"))?;
            if !is_cve(&line.id) {
                return Err(format!("line {number}: `{}` is not a CVE", title_of(&line.id)));
            }
            let published = line.published.as_deref().and_then(parse_time);
            newest = newest.max(published);
            add(&line, published, into);
            records += 1;
        }
        let date = newest.ok_or("no line says when its CVE was published")?;
        into.0.date_source(self.id(), date);
        Ok(records)
    }
}

fn add(line: &Line<'_>, published: Option<Timestamp>, into: &mut Sink<'_>) {
    let vectors: Vec<_> = line
        .cvss
        .iter()
        .map(|cvss| (into.0.symbols.intern(&cvss.by), into.0.symbols.intern(&cvss.vector)))
        .collect();
    let signal = into.0.signal(&line.id);
    signal.has_record = true;
    signal.cvss.extend(vectors);
    signal.cwe.extend(line.cwe.iter().filter_map(|text| parse_cwe(text)));
    signal.published = match (signal.published, published) {
        (Some(known), Some(read)) => Some(known.min(read)),
        (known, read) => known.or(read),
    };
    let Some(ssvc) = &line.ssvc else { return };
    let exploitation = match ssvc.exploitation.as_deref() {
        Some("active") => Some(Exploitation::Active),
        Some("poc") => Some(Exploitation::ProofOfConcept),
        Some("none") => Some(Exploitation::None),
        _ => None,
    };
    let answer = |text: Option<&str>, yes: &str, no: &str| match text {
        Some(text) if text == yes => Some(true),
        Some(text) if text == no => Some(false),
        _ => None,
    };
    // Evidence only grows: of two files the worse answer stands.
    signal.exploitation = signal.exploitation.max(exploitation);
    signal.automatable = signal.automatable.max(answer(ssvc.automatable.as_deref(), "yes", "no"));
    signal.total_impact =
        signal.total_impact.max(answer(ssvc.technical_impact.as_deref(), "total", "partial"));
}
