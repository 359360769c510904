//! GitLab's report of a container scan, for its pages on vulnerabilities and merge requests.
//!
//! In: a report. Out: JSON with one entry per open finding. Source: GitLab's security report schemas, container scanning
//! 15.2.1. Odd: the schema knows packages alone, so that a file stands where a package would; it wants times, and a report
//! has none but the advisory data's; it cannot say that a finding is ignored, so what does not count is left out and counted
//! in a message.

use std::io;

use plimsoll_model::{
    Finding, Gap, GapReason, Kind, Level, Package, Report, Subject, Timestamp, Verdict,
};
use serde::Serialize;
use uuid::Uuid;

use super::{
    Format, Style, address, finding_text,
    json::write_value,
    sbom::{TOOL_NAME, TOOL_VERSION},
};

pub(super) struct Gitlab;

impl Format for Gitlab {
    fn id(&self) -> &'static str {
        "gitlab"
    }

    fn about(&self) -> &'static str {
        "GitLab's container scanning report, schema 15.2.1 (`artifacts:reports:container_scanning`)."
    }

    fn write(&self, report: &Report, _: Style, output: &mut dyn io::Write) -> io::Result<()> {
        write_value(&document(report), output)
    }
}

/// Version of the schema.
const SCHEMA: &str = "15.2.1";
/// The namespace of entries' names (RFC 9562, section 5.5): a random number, never to be changed.
const NAMESPACE: Uuid = Uuid::from_u128(0x5a0d_3d0f_6c5b_4f0e_9f55_0e3b_6f1d_27c4);
/// The schema's limits, in characters.
const MOST_NAME: usize = 255;
const MOST_DESCRIPTION: usize = 100_000;
const MOST_SOLUTION: usize = 7_000;

#[derive(Serialize)]
struct Document {
    version: &'static str,
    scan: Scan,
    vulnerabilities: Vec<Entry>,
}

#[derive(Serialize)]
struct Scan {
    analyzer: Tool,
    scanner: Tool,
    r#type: &'static str,
    start_time: String,
    end_time: String,
    status: &'static str,
    messages: Vec<Message>,
}

#[derive(Serialize, Clone, Copy)]
struct Tool {
    id: &'static str,
    name: &'static str,
    version: &'static str,
    vendor: Vendor,
}

#[derive(Serialize, Clone, Copy)]
struct Vendor {
    name: &'static str,
}

#[derive(Serialize)]
struct Message {
    level: &'static str,
    value: String,
}

#[derive(Serialize)]
struct Entry {
    id: String,
    name: String,
    description: String,
    severity: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    solution: Option<String>,
    identifiers: Vec<Identifier>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cvss_vectors: Vec<CvssVector>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    links: Vec<Link>,
    details: Details,
    location: Place,
}

#[derive(Serialize)]
struct Identifier {
    r#type: String,
    name: String,
    value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

#[derive(Serialize)]
struct CvssVector {
    vendor: &'static str,
    vector: String,
}

#[derive(Serialize)]
struct Link {
    url: String,
}

#[derive(Serialize)]
struct Details {
    kind: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fixed_in: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seen: Option<Text>,
}

#[derive(Serialize)]
struct Text {
    name: &'static str,
    r#type: &'static str,
    value: String,
}

#[derive(Serialize)]
struct Place {
    dependency: Dependency,
    operating_system: String,
    image: String,
}

#[derive(Serialize)]
struct Dependency {
    package: Name,
    version: String,
}

#[derive(Serialize)]
struct Name {
    name: String,
}

fn document(report: &Report) -> Document {
    let tool = Tool {
        id: "plimsoll",
        name: TOOL_NAME,
        version: TOOL_VERSION,
        vendor: Vendor { name: TOOL_NAME },
    };
    let time = time(report);
    let packages = finding_text::packages(report);
    let fingerprints = finding_text::fingerprints(report);
    let open = report.findings.iter().zip(fingerprints).filter(|(finding, _)| finding.is_open());
    Document {
        version: SCHEMA,
        scan: Scan {
            analyzer: tool,
            scanner: tool,
            r#type: "container_scanning",
            start_time: time.clone(),
            end_time: time,
            status: if report.coverage.verdict == Verdict::Unreadable {
                "failure"
            } else {
                "success"
            },
            messages: messages(report),
        },
        vulnerabilities: open
            .map(|(finding, fingerprint)| {
                let package = match &finding.subject {
                    Subject::Purl(purl) => packages.get(purl.as_str()).copied(),
                    _ => None,
                };
                entry(report, finding, package, &fingerprint)
            })
            .collect(),
    }
}

/// The date of the advisory data, in the schema's form; the beginning of time where there is none.
fn time(report: &Report) -> String {
    let time = report.feed.as_ref().map_or(Timestamp(0), |feed| feed.date).to_string();
    time.chars().take("2026-11-25T00:00:00".len()).collect()
}

fn messages(report: &Report) -> Vec<Message> {
    let of_gap = |gap: &Gap| Message {
        level: if gap.reason == GapReason::UnreadableImage { "fatal" } else { "warn" },
        value: match gap.at.as_str() {
            "" => format!("{}: {}", gap.by, gap.detail),
            at => format!("{}: {at}: {}", gap.by, gap.detail),
        },
    };
    let mut messages: Vec<Message> = report.coverage.gaps.iter().map(of_gap).collect();
    let left_out = report.findings.iter().filter(|finding| !finding.is_open()).count();
    if left_out > 0 {
        messages.push(Message {
            level: "info",
            value: format!("{left_out} findings are left out: ignored, fixed, or not affected"),
        });
    }
    messages
}

fn entry(
    report: &Report,
    finding: &Finding,
    package: Option<&Package>,
    fingerprint: &str,
) -> Entry {
    let text = |name, value: String| Text { name, r#type: "text", value };
    let seen: Vec<String> = finding
        .evidence
        .iter()
        .map(|seen| match &seen.location {
            Some(location) => format!("/{}: {}", location.path, seen.detail),
            None => seen.detail.clone(),
        })
        .collect();
    let links = finding.views.iter().flat_map(|view| view.url.iter().chain(&view.links));
    let mut urls: Vec<&String> = links.filter(|url| address::is_web(url)).collect();
    urls.sort();
    urls.dedup();
    Entry {
        id: Uuid::new_v5(&NAMESPACE, fingerprint.as_bytes()).to_string(),
        name: finding_text::cut(&named(finding), MOST_NAME),
        description: finding_text::cut(&description(finding), MOST_DESCRIPTION),
        severity: match finding.level {
            Level::Critical => "Critical",
            Level::High => "High",
            Level::Medium => "Medium",
            Level::Low => "Low",
            Level::Negligible => "Info",
            Level::Unknown => "Unknown",
        },
        solution: finding.fix.as_ref().map(|fix| finding_text::cut(&fix.advice, MOST_SOLUTION)),
        identifiers: identifiers(finding),
        cvss_vectors: cvss(finding).into_iter().collect(),
        links: urls.into_iter().map(|url| Link { url: url.clone() }).collect(),
        details: Details {
            kind: text("Kind", finding_text::name(finding.kind).to_owned()),
            priority: finding.priority.map(|priority| text("Priority", priority.to_string())),
            score: finding.score.map(|score| text("Score (0 to 15)", format!("{score:.1}"))),
            fixed_in: finding
                .fix
                .as_ref()
                .and_then(|fix| fix.version.clone())
                .map(|version| text("Fixed in", version)),
            seen: (!seen.is_empty())
                .then(|| text("Seen", finding_text::cut(&seen.join("\n"), MOST_DESCRIPTION))),
        },
        location: Place {
            dependency: Dependency {
                package: Name {
                    name: package.map_or_else(
                        || match &finding.subject {
                            Subject::Path(path) => format!("/{path}"),
                            _ => finding_text::subject(finding).to_owned(),
                        },
                        |package| package.name.clone(),
                    ),
                },
                version: package.map(|package| package.version.clone()).unwrap_or_default(),
            },
            operating_system: report
                .image
                .distribution
                .clone()
                .filter(|name| !name.is_empty())
                .unwrap_or_else(|| "unknown".to_owned()),
            image: match (&report.image.name, &report.image.digest) {
                (name, _) if !name.is_empty() => name.clone(),
                (_, Some(digest)) => digest.to_string(),
                _ => "unknown".to_owned(),
            },
        },
    }
}

fn named(finding: &Finding) -> String {
    let words = [finding.title.as_str(), finding.id.as_str(), finding.kind.as_str()];
    words.into_iter().find(|words| !words.is_empty()).unwrap_or_default().to_owned()
}

fn description(finding: &Finding) -> String {
    match finding.extra.get("why") {
        Some(why) => format!("{}: {why}", finding.title),
        None => finding.title.clone(),
    }
}

/// The first names it; GitLab tells findings apart by it.
fn identifiers(finding: &Finding) -> Vec<Identifier> {
    let advisory = |id: &String| Identifier {
        r#type: match id.split_once('-') {
            Some(("CVE", _)) => "cve".to_owned(),
            Some(("GHSA", _)) => "ghsa".to_owned(),
            Some((prefix, _)) if !prefix.is_empty() => prefix.to_ascii_lowercase(),
            _ => "advisory".to_owned(),
        },
        name: id.clone(),
        value: id.clone(),
        url: Some(address::of_record(id)),
    };
    let ids = |finding: &Finding| {
        let mut ids = vec![finding.id.clone()];
        for id in finding.aliases.iter().chain(&finding.advisories) {
            if !id.is_empty() && !ids.contains(id) {
                ids.push(id.clone());
            }
        }
        ids
    };
    let is_advisory = match finding.kind {
        Kind::Vulnerability => true,
        Kind::Malware => matches!(finding.subject, Subject::Purl(_)),
        _ => false,
    };
    let mut identifiers: Vec<Identifier> = if is_advisory {
        ids(finding).iter().map(advisory).collect()
    } else {
        let id = if finding.id.is_empty() { finding.kind.to_string() } else { finding.id.clone() };
        vec![Identifier {
            r#type: format!("plimsoll_{}", finding.kind),
            name: id.clone(),
            value: id,
            url: None,
        }]
    };
    let cwes = finding.extra.get("cwe").map(String::as_str).unwrap_or_default().split(',');
    identifiers.extend(cwes.filter_map(|cwe| {
        let number: u32 = cwe.trim().strip_prefix("CWE-")?.parse().ok()?;
        Some(Identifier {
            r#type: "cwe".to_owned(),
            name: format!("CWE-{number}"),
            value: number.to_string(),
            url: Some(format!("https://cwe.mitre.org/data/definitions/{number}.html")),
        })
    }));
    identifiers
}

/// The schema takes vectors of version 3 in a form of its own pattern.
fn cvss(finding: &Finding) -> Option<CvssVector> {
    let vector = finding.urgency.as_ref()?.cvss.as_deref()?;
    let rest = vector.strip_prefix("CVSS:3.1/").or_else(|| vector.strip_prefix("CVSS:3.0/"))?;
    let is_known = |metric: &str| {
        let Some((name, value)) = metric.split_once(':') else { return false };
        METRICS
            .iter()
            .any(|(known, values)| *known == name && value.len() == 1 && values.contains(value))
    };
    let fits = (32..=128).contains(&vector.len()) && rest.split('/').all(is_known);
    fits.then(|| CvssVector { vendor: "unknown", vector: vector.to_owned() })
}

/// Metrics of CVSS 3 with their values.
const METRICS: &[(&str, &str)] = &[
    ("AV", "NALP"),
    ("AC", "LH"),
    ("PR", "NLH"),
    ("UI", "NR"),
    ("S", "UC"),
    ("C", "NLH"),
    ("I", "NLH"),
    ("A", "NLH"),
    ("E", "XUPFH"),
    ("RL", "XOTWU"),
    ("RC", "XURC"),
    ("CR", "XLMH"),
    ("IR", "XLMH"),
    ("AR", "XLMH"),
    ("MAV", "XNALP"),
    ("MAC", "XLH"),
    ("MPR", "XNLH"),
    ("MUI", "XNR"),
    ("MS", "XUC"),
    ("MC", "XNLH"),
    ("MI", "XNLH"),
    ("MA", "XNLH"),
];
