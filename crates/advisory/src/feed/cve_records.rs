//! CVE records, as the CVE program publishes them: what an advisory of a distribution leaves out.
//!
//! In: a record of format 5 by itself, or an archive of them. Out: per CVE the vectors of the CNA and of others, weaknesses,
//! CISA's SSVC answers, title, links, and whether it was rejected. Source: the CVE record format 5.1 and CISA's Vulnrichment. Odd,
//! and each covered by a test:
//! * Affected products are not read: they are names of vendors, not packages.
//! * A container of CISA (`CISA-ADP`) holds the SSVC answers under `metrics`, `other`.
//! * The archives hold lists of changes beside the records; they are told and left out.
//! * A CVE that was rejected has no vulnerability behind it any more, whatever advisories say.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Document, Feed, Sink, is_cve, parse_cwe, parse_time, title_of};
use crate::{
    collection::{Link, Symbol},
    priority::Exploitation,
};

#[derive(Debug)]
pub(super) struct CveRecords;

/// Links of one CVE that are kept, of those whose tags say what they are.
const MAX_LINKS: usize = 4;

/// Tags of links that help whoever has to act, most helpful first.
const TAGS: [&str; 5] =
    ["vendor-advisory", "patch", "mitigation", "exploit", "third-party-advisory"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    #[serde(borrow)]
    cve_metadata: Metadata<'a>,
    #[serde(borrow)]
    containers: Containers<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    #[serde(borrow)]
    cve_id: Cow<'a, str>,
    #[serde(borrow)]
    state: Cow<'a, str>,
    #[serde(default, borrow)]
    date_published: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    date_updated: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Containers<'a> {
    #[serde(borrow)]
    cna: Container<'a>,
    #[serde(default, borrow)]
    adp: Vec<Container<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Container<'a> {
    #[serde(default, borrow)]
    provider_metadata: Option<Provider<'a>>,
    #[serde(default, borrow)]
    title: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    descriptions: Vec<Words<'a>>,
    #[serde(default, borrow)]
    rejected_reasons: Vec<Words<'a>>,
    #[serde(default, borrow)]
    metrics: Vec<Metric<'a>>,
    #[serde(default)]
    problem_types: Vec<ProblemType>,
    #[serde(default, borrow)]
    references: Vec<Reference<'a>>,
    #[serde(default)]
    tags: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Provider<'a> {
    #[serde(default, borrow)]
    short_name: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Words<'a> {
    #[serde(default, borrow)]
    lang: Cow<'a, str>,
    #[serde(default, borrow)]
    value: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Metric<'a> {
    #[serde(rename = "cvssV4_0")]
    v4_0: Option<Cvss>,
    #[serde(rename = "cvssV3_1")]
    v3_1: Option<Cvss>,
    #[serde(rename = "cvssV3_0")]
    v3_0: Option<Cvss>,
    #[serde(rename = "cvssV2_0")]
    v2_0: Option<Cvss>,
    #[serde(default, borrow)]
    other: Option<Other<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cvss {
    #[serde(default)]
    vector_string: Option<String>,
}

#[derive(Deserialize)]
struct Other<'a> {
    #[serde(default, borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Ssvc {
    #[serde(default)]
    options: Vec<Options>,
}

#[derive(Deserialize)]
struct Options {
    #[serde(rename = "Exploitation")]
    exploitation: Option<String>,
    #[serde(rename = "Automatable")]
    automatable: Option<String>,
    #[serde(rename = "Technical Impact")]
    technical_impact: Option<String>,
}

#[derive(Deserialize)]
struct ProblemType {
    #[serde(default)]
    descriptions: Vec<Weakness>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Weakness {
    #[serde(default)]
    cwe_id: Option<String>,
}

#[derive(Deserialize)]
struct Reference<'a> {
    #[serde(default, borrow)]
    url: Cow<'a, str>,
    #[serde(default)]
    tags: Vec<String>,
}

impl Feed for CveRecords {
    fn id(&self) -> &'static str {
        "cve-records"
    }

    fn about(&self) -> &'static str {
        "CVE records of format 5: CVSS of CNA and CISA, weaknesses, SSVC, links, rejections; one JSON each, or archives"
    }

    fn home(&self) -> &'static str {
        "https://github.com/CVEProject/cvelistV5"
    }

    fn page(&self, _: &str, id: &str) -> Option<String> {
        Some(format!("https://www.cve.org/CVERecord?id={id}"))
    }

    fn recognises(&self, document: &Document<'_>) -> bool {
        is_record(document.bytes) || is_list_of_changes(document.bytes)
    }

    fn is_in_archives(&self) -> bool {
        true
    }

    fn read(&self, document: &Document<'_>, into: &mut Sink<'_>) -> Result<u64, String> {
        if is_list_of_changes(document.bytes) && !is_record(document.bytes) {
            return Ok(0);
        }
        let record: Record<'_> =
            serde_json::from_slice(document.bytes).map_err(|error| error.to_string())?;
        let metadata = &record.cve_metadata;
        let id = &*metadata.cve_id;
        if !is_cve(id) {
            return Err(format!("`cveMetadata.cveId` is `{}`", title_of(id)));
        }
        let published = metadata.date_published.as_deref().and_then(parse_time);
        let updated = metadata.date_updated.as_deref().and_then(parse_time);
        let Some(date) = updated.or(published) else {
            return Err(format!("`{id}` has neither `dateUpdated` nor `datePublished`"));
        };
        let cna = &record.containers.cna;
        match &*metadata.state {
            "PUBLISHED" => {}
            "REJECTED" => {
                let reason = into.0.symbols.intern(&in_english(&cna.rejected_reasons));
                let signal = into.0.signal(id);
                signal.has_cve_record = true;
                signal.rejected.put(date, Some(reason));
                into.0.date_source(self.id(), date);
                return Ok(1);
            }
            other => return Err(format!("`{id}` has the state `{}`", title_of(other))),
        }
        let mut title = title_of(cna.title.as_deref().unwrap_or_default());
        if title.is_empty() {
            title = in_english(&cna.descriptions);
        }
        let title = (!title.is_empty()).then(|| into.0.symbols.intern(&title));
        let links = links(&record, into);
        let mut vectors = vectors("CNA", cna, into);
        for container in &record.containers.adp {
            let by = container.provider_metadata.as_ref();
            let by = by.and_then(|provider| provider.short_name.as_deref()).unwrap_or("ADP");
            vectors.extend(self::vectors(&title_of(by), container, into));
        }
        let signal = into.0.signal(id);
        signal.has_cve_record = true;
        signal.rejected.put(date, None);
        signal.title = signal.title.or(title);
        signal.published = [signal.published, published].into_iter().flatten().min();
        signal.cvss.extend(vectors);
        signal.links.extend(links);
        signal.is_disputed |= cna.tags.iter().any(|tag| tag == "disputed");
        for container in std::iter::once(cna).chain(&record.containers.adp) {
            let weaknesses = container.problem_types.iter().flat_map(|one| &one.descriptions);
            signal.cwe.extend(weaknesses.filter_map(|one| parse_cwe(one.cwe_id.as_deref()?)));
            let tags = container.references.iter().flat_map(|reference| &reference.tags);
            signal.has_proof_of_concept |= tags.into_iter().any(|tag| tag == "exploit");
            for answers in container.metrics.iter().filter_map(Metric::ssvc) {
                for options in &answers.options {
                    options.put(signal);
                }
            }
        }
        into.0.date_source(self.id(), date);
        Ok(1)
    }
}

fn is_record(bytes: &[u8]) -> bool {
    let head = head(bytes);
    head.contains("\"CVE_RECORD\"")
        || (head.contains("\"cveMetadata\"") && head.contains("\"dataVersion\""))
}

/// `delta.json`, `deltaLog.json` and `recent_activities.json` of the published archives.
fn is_list_of_changes(bytes: &[u8]) -> bool {
    let head = head(bytes);
    head.contains("\"fetchTime\"") && head.contains("\"numberOfChanges\"")
}

fn head(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes.get(..512).unwrap_or(bytes))
}

/// The first line in English, else the first.
fn in_english(words: &[Words<'_>]) -> String {
    let chosen = words.iter().find(|one| one.lang.starts_with("en")).or_else(|| words.first());
    chosen.map(|one| title_of(&one.value)).unwrap_or_default()
}

fn vectors(by: &str, container: &Container<'_>, into: &mut Sink<'_>) -> Vec<(Symbol, Symbol)> {
    let mut found = Vec::new();
    for metric in &container.metrics {
        for one in [&metric.v4_0, &metric.v3_1, &metric.v3_0, &metric.v2_0].into_iter().flatten() {
            if let Some(vector) = one.vector_string.as_deref().filter(|text| text.len() <= 256) {
                found.push((into.0.symbols.intern(by), into.0.symbols.intern(&title_of(vector))));
            }
        }
    }
    found
}

fn links(record: &Record<'_>, into: &mut Sink<'_>) -> Vec<Link> {
    let containers = std::iter::once(&record.containers.cna).chain(&record.containers.adp);
    let mut ranked: Vec<(usize, &str)> = Vec::new();
    for reference in containers.flat_map(|container| &container.references) {
        let rank = TAGS.iter().position(|tag| reference.tags.iter().any(|known| known == tag));
        let url = &*reference.url;
        let is_plain = url.starts_with("https://") && title_of(url) == url;
        if let Some(rank) = rank.filter(|_| is_plain)
            && !ranked.iter().any(|(_, known)| *known == url)
        {
            ranked.push((rank, url));
        }
    }
    ranked.sort_unstable();
    ranked.truncate(MAX_LINKS);
    let mut link = |(rank, url): (usize, &str)| {
        let tag = TAGS.get(rank).copied().unwrap_or_default();
        Link { tag: into.0.symbols.intern(tag), url: into.0.symbols.intern(url) }
    };
    ranked.into_iter().map(&mut link).collect()
}

impl Metric<'_> {
    fn ssvc(&self) -> Option<Ssvc> {
        let other = self.other.as_ref().filter(|other| other.kind == "ssvc")?;
        serde_json::from_str(other.content?.get()).ok()
    }
}

impl Options {
    /// Evidence only grows: of two answers the worse one stands.
    fn put(&self, signal: &mut crate::collection::Signal) {
        let exploitation = match self.exploitation.as_deref() {
            Some("active") => Some(Exploitation::Active),
            Some("poc") => Some(Exploitation::ProofOfConcept),
            Some("none") => Some(Exploitation::None),
            _ => None,
        };
        signal.exploitation = signal.exploitation.max(exploitation);
        let answer = |text: Option<&str>, yes: &str, no: &str| match text {
            Some(text) if text == yes => Some(true),
            Some(text) if text == no => Some(false),
            _ => None,
        };
        signal.automatable =
            signal.automatable.max(answer(self.automatable.as_deref(), "yes", "no"));
        signal.total_impact =
            signal.total_impact.max(answer(self.technical_impact.as_deref(), "total", "partial"));
    }
}
