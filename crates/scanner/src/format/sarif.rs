//! SARIF, for pages that show the results of code scanners.
//!
//! In: a report. Out: one run: a rule per vulnerability or check, a result per finding, a notification per gap. Source:
//! SARIF 2.1.0 (OASIS, errata 01). Odd: places are files of the image, so their addresses are relative to its root; what is
//! in no file is placed in `Dockerfile`, which stands for the image's configuration and history; messages are templates by
//! the standard, so that braces in them are doubled.

mod document;

use std::{
    collections::{BTreeMap, HashMap},
    io,
};

use plimsoll_model::{
    Evidence, Finding, Gap, GapReason, Kind, Level, Package, Priority, Report, Subject, Verdict,
};

use self::document::{
    Artifact, Bag, Component, Configuration, Invocation, Log, Logical, Message, Notification,
    Physical, Place, Region, Result, Rule, Run, Suppression, Text, Tool, Wrapped,
};
use super::{
    Format, Style, address, finding_text,
    json::write_value,
    sbom::{TOOL_NAME, TOOL_VERSION},
};

pub(super) struct Sarif;

impl Format for Sarif {
    fn id(&self) -> &'static str {
        "sarif"
    }

    fn about(&self) -> &'static str {
        "SARIF 2.1.0, for code scanning pages (GitHub, Azure DevOps, editors)."
    }

    fn write(&self, report: &Report, _: Style, output: &mut dyn io::Write) -> io::Result<()> {
        write_value(&log(report), output)
    }
}

/// What addresses of files are relative to.
const ROOT: &str = "IMAGE";
/// Where stands what is in no file.
const CONFIGURATION: &str = "Dockerfile";
/// GitHub refuses a file with more results in a run.
const MOST_RESULTS: usize = 25_000;
/// GitHub shows so many locations of a result, and refuses ten times as many.
const MOST_PLACES: usize = 100;
/// GitHub shows so many tags of a rule, and refuses twice as many.
const MOST_TAGS: usize = 10;

fn log(report: &Report) -> Log {
    let packages = finding_text::packages(report);
    let mut rules: Vec<Rule> = Vec::new();
    let mut by_id: HashMap<String, usize> = HashMap::new();
    let mut results = Vec::with_capacity(report.findings.len());
    // The most urgent come first, and are those that stay.
    let findings = report.findings.iter().zip(finding_text::fingerprints(report));
    for (finding, fingerprint) in findings.take(MOST_RESULTS) {
        let id = rule_id(finding);
        let index = *by_id.entry(id.clone()).or_insert_with(|| {
            rules.push(rule(&id, finding));
            rules.len() - 1
        });
        if let Some(rule) = rules.get_mut(index) {
            rule.worsen(finding);
        }
        results.push(result(finding, id, index, fingerprint, &packages));
    }
    let image = &report.image;
    let mut facts = BTreeMap::from([
        ("coverage", report.coverage.verdict.to_string()),
        ("image", image.name.clone()),
        ("packages", report.packages.len().to_string()),
    ]);
    let given = [
        ("digest", image.digest.map(|digest| digest.to_string())),
        ("imageId", image.id.map(|id| id.to_string())),
        ("platform", image.platform.as_ref().map(ToString::to_string)),
        ("distribution", image.distribution.clone()),
        ("advisorySnapshot", report.feed.as_ref().map(|feed| feed.snapshot.to_string())),
        ("advisoryDate", report.feed.as_ref().map(|feed| feed.date.to_string())),
    ];
    facts.extend(given.into_iter().filter_map(|(name, value)| Some((name, value?))));
    Log {
        schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        version: "2.1.0",
        runs: [Run {
            tool: Tool {
                driver: Component {
                    name: TOOL_NAME,
                    version: TOOL_VERSION,
                    semantic_version: TOOL_VERSION,
                    rules,
                },
            },
            invocations: [Invocation {
                execution_successful: report.coverage.verdict != Verdict::Unreadable,
                notifications: report
                    .coverage
                    .gaps
                    .iter()
                    .map(notification)
                    .chain(left_out(report.findings.len()))
                    .collect(),
            }],
            base_ids: BTreeMap::from([(
                ROOT,
                Artifact {
                    uri: Some("file:///".to_owned()),
                    base: None,
                    description: Some(Text::of("the root of the image's file system")),
                },
            )]),
            results,
            column_kind: "unicodeCodePoints",
            properties: facts,
        }],
    }
}

/// Ids of advisories stand alone; those of checks and detectors below their kind.
fn rule_id(finding: &Finding) -> String {
    match finding.kind {
        Kind::Vulnerability => finding.id.clone(),
        kind => format!("{kind}/{}", finding.id),
    }
}

fn rule(id: &str, finding: &Finding) -> Rule {
    let title = if finding.title.is_empty() { id } else { &finding.title };
    let extra = |key: &str| finding.extra.get(key).map(String::as_str).filter(|it| !it.is_empty());
    let advice = finding.fix.as_ref().map(|fix| fix.advice.as_str());
    // What a fix is depends on the package; a rule is about all of them.
    let advice = advice.filter(|_| !matches!(finding.subject, Subject::Purl(_)));
    let lines = [
        Some(title),
        extra("why"),
        advice,
        extra("source").filter(|_| finding.kind != Kind::Vulnerability),
    ];
    let lines: Vec<&str> = lines.into_iter().flatten().collect();
    let link = match finding.kind {
        Kind::Vulnerability => Some(address::of_record(&finding.id)),
        _ => {
            finding.views.iter().filter_map(|view| view.url.clone()).find(|it| address::is_web(it))
        }
    };
    let mut markdown: Vec<String> = lines.iter().map(|line| plain_markdown(line)).collect();
    markdown.extend(link.as_ref().map(|link| format!("<{link}>")));
    let mut tags = vec!["security".to_owned(), finding.kind.to_string()];
    let cwes = extra("cwe").unwrap_or_default().split(',');
    tags.extend(cwes.filter_map(|cwe| {
        let number: u32 = cwe.trim().strip_prefix("CWE-")?.parse().ok()?;
        Some(format!("external/cwe/cwe-{number:03}"))
    }));
    tags.truncate(MOST_TAGS);
    Rule {
        id: id.to_owned(),
        name: identifier(finding),
        short: Text::of(&finding_text::cut(title, 1_000)),
        full: Text::of(&lines.join(". ")),
        help_uri: link,
        help: Message { text: escape(&lines.join("\n")), markdown: Some(markdown.join("\n\n")) },
        configuration: Configuration { level: level(finding) },
        properties: Bag {
            severity_tenths: 0,
            security_severity: String::new(),
            precision: "high",
            tags,
        },
    }
}

impl Rule {
    /// A rule is as bad as the worst of what it found.
    fn worsen(&mut self, finding: &Finding) {
        let tenths = finding_text::severity_tenths(finding).min(100);
        if tenths >= self.properties.severity_tenths {
            self.properties.severity_tenths = tenths;
            self.properties.security_severity = format!("{}.{}", tenths / 10, tenths % 10);
        }
        if finding.is_open() && level(finding) < self.configuration.level {
            self.configuration.level = level(finding);
        }
    }
}

/// A name without spaces, as the standard asks for.
fn identifier(finding: &Finding) -> String {
    let words = finding_text::name(finding.kind).split(' ');
    let mut name = String::new();
    for word in words {
        let mut letters = word.chars();
        name.extend(letters.next().into_iter().flat_map(char::to_uppercase));
        name.push_str(letters.as_str());
    }
    name
}

/// How a viewer is to show it: by its urgency, else by its level.
fn level(finding: &Finding) -> document::Level {
    match (finding.priority, finding.level) {
        (Some(Priority::Asap), _) => document::Level::Error,
        (Some(Priority::Later), _) => document::Level::Warning,
        (Some(Priority::Nntf), _) => document::Level::Note,
        (None, Level::Critical | Level::High) => document::Level::Error,
        (None, Level::Medium) => document::Level::Warning,
        (None, _) => document::Level::Note,
    }
}

fn result(
    finding: &Finding,
    rule_id: String,
    rule_index: usize,
    fingerprint: String,
    packages: &HashMap<&str, &Package>,
) -> Result {
    let mut properties = BTreeMap::from([
        ("kind", finding.kind.to_string()),
        ("level", finding.level.to_string()),
        ("record", finding.record.clone()),
    ]);
    let given = [
        ("priority", finding.priority.map(|priority| priority.to_string())),
        ("score", finding.score.map(|score| format!("{score:.1}"))),
        ("status", finding.status.map(|status| status.to_string())),
        ("fixedIn", finding.fix.as_ref().and_then(|fix| fix.version.clone())),
    ];
    properties.extend(given.into_iter().filter_map(|(name, value)| Some((name, value?))));
    let mut message = format!(
        "{} in {}: {}",
        finding.id,
        finding_text::shown_subject(finding, packages),
        finding.title
    );
    if let Some(fix) = &finding.fix {
        message.push_str(&format!(". What to do: {}", fix.advice));
    }
    Result {
        rule_id,
        rule_index,
        level: level(finding),
        message: Message { text: escape(&message), markdown: None },
        locations: places(finding, packages),
        fingerprints: BTreeMap::from([("plimsollFinding/v1", fingerprint)]),
        suppressions: finding.suppressed.iter().map(suppression).collect(),
        properties,
    }
}

fn suppression(suppressed: &plimsoll_model::Suppression) -> Suppression {
    let ignored = suppressed.ignored.as_ref();
    let given = [
        ("by", Some(suppressed.by.clone())),
        ("advisory", Some(suppressed.advisory.clone())),
        ("author", ignored.map(|by| by.author.clone())),
        ("expires", ignored.and_then(|by| by.expires).map(|at| at.to_string())),
    ];
    Suppression {
        kind: "external",
        status: "accepted",
        justification: suppressed.reason.clone(),
        properties: given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
    }
}

/// Every place with a file; one is always there, since viewers leave out results without.
fn places(finding: &Finding, packages: &HashMap<&str, &Package>) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    for (location, detail) in finding_text::places(finding).into_iter().take(MOST_PLACES) {
        let mut logical = subject(finding, packages);
        logical
            .extend(location.layer.map(|layer| Logical { name: layer.to_string(), kind: "layer" }));
        places.push(place(&location.path, finding_text::line(detail), logical, detail));
    }
    if places.is_empty()
        && let Subject::Purl(purl) = &finding.subject
        && let Some(package) = packages.get(purl.as_str())
    {
        for location in package.locations.iter().take(MOST_PLACES) {
            let mut logical = subject(finding, packages);
            logical.extend(
                location.layer.map(|layer| Logical { name: layer.to_string(), kind: "layer" }),
            );
            places.push(place(&location.path, None, logical, ""));
        }
    }
    if places.is_empty() {
        let line = finding.extra.get("line").and_then(|line| line.parse().ok());
        let detail = finding.evidence.first().map_or("", |seen: &Evidence| &seen.detail);
        places.push(place(CONFIGURATION, line, subject(finding, packages), detail));
    }
    places
}

fn subject(finding: &Finding, packages: &HashMap<&str, &Package>) -> Vec<Logical> {
    match &finding.subject {
        Subject::Purl(purl) => {
            let shown = finding_text::shown_subject(finding, packages);
            let purl = Logical { name: purl.clone(), kind: "package" };
            if shown == purl.name {
                vec![purl]
            } else {
                vec![purl, Logical { name: shown, kind: "package" }]
            }
        }
        Subject::Path(_) => Vec::new(),
        Subject::Image(part) => vec![Logical { name: part.clone(), kind: "configuration" }],
    }
}

fn place(path: &str, line: Option<u32>, logical: Vec<Logical>, detail: &str) -> Place {
    Place {
        physical: Physical {
            artifact: Artifact {
                uri: Some(address::path(path)),
                base: Some(ROOT),
                description: None,
            },
            region: Region { start_line: line.filter(|line| *line > 0).unwrap_or(1) },
        },
        logical,
        message: (!detail.is_empty()).then(|| Text { text: escape(detail) }),
    }
}

fn notification(gap: &Gap) -> Notification {
    Notification {
        descriptor: Wrapped { id: format!("gap/{}", gap.by) },
        level: match gap.reason {
            GapReason::UnreadableImage => document::Level::Error,
            _ => document::Level::Warning,
        },
        message: Message {
            text: escape(&match gap.at.as_str() {
                "" => gap.detail.clone(),
                at => format!("{at}: {}", gap.detail),
            }),
            markdown: None,
        },
    }
}

/// That there was more than a file may hold.
fn left_out(findings: usize) -> Option<Notification> {
    let more = findings.checked_sub(MOST_RESULTS).filter(|more| *more > 0)?;
    Some(Notification {
        descriptor: Wrapped { id: "left-out".to_owned() },
        level: document::Level::Warning,
        message: Message {
            text: format!(
                "{more} findings of {findings} are left out: those that are least urgent"
            ),
            markdown: None,
        },
    })
}

/// Braces hold placeholders, brackets before a parenthesis links.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '{' | '}' => escaped.extend([character, character]),
            '[' | ']' if text.contains("](") => escaped.extend(['\\', character]),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A text in which nothing is Markdown or HTML any more.
fn plain_markdown(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' => plain.push(' '),
            '<' => plain.push_str("&lt;"),
            '>' => plain.push_str("&gt;"),
            '&' => plain.push_str("&amp;"),
            '{' | '}' => plain.extend([character, character]),
            other if other.is_ascii_punctuation() && !".,:;-/'\"()=%".contains(other) => {
                plain.extend(['\\', other]);
            }
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_message_is_a_link_or_a_placeholder() {
        assert_eq!(escape("${jndi} a[0]"), "${{jndi}} a[0]");
        assert_eq!(escape("[a](b)"), "\\[a\\](b)");
        assert_eq!(
            plain_markdown("<b>*x*</b>\n![a](b)"),
            "&lt;b&gt;\\*x\\*&lt;/b&gt; \\!\\[a\\](b)"
        );
    }
}
