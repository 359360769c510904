//! The findings of an image, most urgent first.
//!
//! In: a report and filters from the URL. Out: one entry per record, in three groups by when to act. Source:
//! `docs/semantics.md`, definition table: what counts as one. Odd: several packages of one vulnerability are one entry,
//! so that the page and the counters agree.

mod detail;

use std::collections::BTreeMap;

use maud::{Markup, html};
use plimsoll_model::{
    Digest, Finding, Kind, Level, Package, Priority, Report, Subject, Suppression,
};
use serde::Deserialize;

use super::ignore::Forms;
use crate::console::{
    images::select,
    paging::{self, Address},
    words,
};

const PAGE_SIZE: usize = 50;

/// The filters, as they stand in the URL.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(in crate::console) struct Filters {
    text: String,
    kind: String,
    page: String,
}

/// What the counters count as one: findings with the same kind and record.
pub(super) struct Record<'a> {
    /// The most urgent of them.
    pub lead: &'a Finding,
    /// All of them, the lead included.
    pub all: Vec<&'a Finding>,
}

/// When to act on a record: 3 as soon as possible, 2 planned, 1 not now, 0 does not count towards the load, -1
/// ignored by a rule, -2 suppressed.
fn urgency(finding: &Finding) -> i8 {
    if finding.is_ignored() {
        return IGNORED;
    }
    if !finding.is_open() {
        return SUPPRESSED;
    }
    match (finding.kind, finding.priority, finding.level) {
        (Kind::Build | Kind::License, ..) => 0,
        (Kind::Vulnerability, Some(Priority::Asap), _) => 3,
        (Kind::Vulnerability, Some(Priority::Later), _) => 2,
        (Kind::Vulnerability, ..) => 1,
        (_, _, Level::Critical | Level::High) => 3,
        (_, _, Level::Medium) => 2,
        _ => 1,
    }
}

/// Below everything that counts, and what does not.
const IGNORED: i8 = -1;
const SUPPRESSED: i8 = -2;

/// Title and explanation of a group.
const fn group_words(urgency: i8) -> (&'static str, &'static str) {
    match urgency {
        3 => (
            "Fix as soon as possible",
            "These take the image over its line: scores from 13.5, and what is rated high.",
        ),
        2 => (
            "Plan to fix",
            "Not urgent today, but worth a place in the next release: scores from 7.0, and what is rated medium.",
        ),
        IGNORED => (
            "Ignored",
            "The image has these, and somebody decided to live with them: each with who, why, and until when.",
        ),
        SUPPRESSED => (
            "Does not count",
            "An advisory matches, but a source whose word comes first says that the image is not affected.",
        ),
        0 => ("Advice", "Worth a look, but not part of the load: how the image was built."),
        _ => {
            ("No need to fix now", "Known and counted; nothing speaks for hurry: scores below 7.0.")
        }
    }
}

/// The records of a report, most urgent first.
pub(super) fn records(report: &Report) -> Vec<Record<'_>> {
    let mut records: Vec<Record<'_>> = Vec::new();
    let mut positions: BTreeMap<(Kind, &str), usize> = BTreeMap::new();
    for finding in &report.findings {
        let key = (finding.kind, finding.record.as_str());
        match positions.get(&key).and_then(|position| records.get_mut(*position)) {
            Some(record) => record.all.push(finding),
            None => {
                positions.insert(key, records.len());
                records.push(Record { lead: finding, all: vec![finding] });
            }
        }
    }
    // Stable: within a group the report's own order stays.
    records.sort_by_key(|record| std::cmp::Reverse(urgency(record.lead)));
    records
}

/// What entries need to know of the image around them.
pub(super) struct Around<'a> {
    /// Packages by their URLs.
    packages: BTreeMap<&'a str, &'a Package>,
    /// Positions of the layers from the bottom, from 1.
    layers: BTreeMap<Digest, usize>,
    forms: &'a Forms,
}

impl<'a> Around<'a> {
    pub(super) fn new(report: &'a Report, forms: &'a Forms) -> Self {
        Self {
            packages: report
                .packages
                .iter()
                .map(|package| (package.purl.as_str(), package))
                .collect(),
            layers: report.image.layers.iter().copied().zip(1..).collect(),
            forms,
        }
    }

    /// Position of a layer from the bottom, from 1.
    pub(super) fn position(&self, layer: &Digest) -> Option<usize> {
        self.layers.get(layer).copied()
    }
}

/// One record, wherever it stands.
pub(super) fn of_record(record: &Record<'_>, around: &Around<'_>) -> Markup {
    entry(urgency(record.lead), record, around)
}

/// Those of a kind, or all. `image` is the address of the image's page.
pub(super) fn view(
    image: &str,
    report: &Report,
    (kind, filters): (Option<Kind>, &Filters),
    forms: &Forms,
) -> Markup {
    let mut all = records(report);
    all.retain(|record| kind.is_none_or(|kind| record.lead.kind == kind));
    let path = &kind.map_or_else(|| image.to_owned(), |kind| format!("{image}/findings/{kind}"));
    let matching: Vec<&Record<'_>> = all.iter().filter(|record| filters.admit(record)).collect();
    let total = u64::try_from(matching.len()).unwrap_or(u64::MAX);
    let size = u64::try_from(PAGE_SIZE).unwrap_or(u64::MAX);
    let page = u64::from(paging::number(&filters.page)).min(paging::pages(total, size));
    let start = usize::try_from((page - 1) * size).unwrap_or(usize::MAX);
    let shown: Vec<&Record<'_>> = matching.iter().copied().skip(start).take(PAGE_SIZE).collect();
    let around = Around::new(report, forms);
    let address =
        Address { path, query: vec![("text", filters.text.trim()), ("kind", &filters.kind)] };
    html! {
        @if all.is_empty() {
            p class="card none" { "Nothing was found. " (words::verdict_sentence(report.coverage.verdict)) }
        } @else {
            (form(path, filters, kind.is_none(), &all))
            @if matching.is_empty() { p class="card none" { "No finding matches. " a href={ (path) "#views" } { "Clear the filter" } } }
            @for group in shown.chunk_by(|one, other| urgency(one.lead) == urgency(other.lead)) {
                @if let Some(first) = group.first() {
                    (group_of(urgency(first.lead), group, &matching, &around))
                }
            }
            @if !matching.is_empty() { (paging::links(&address, page, size, total)) }
        }
    }
}

fn group_of(
    level: i8,
    group: &[&Record<'_>],
    matching: &[&Record<'_>],
    around: &Around<'_>,
) -> Markup {
    let (title, explanation) = group_words(level);
    let count = matching.iter().filter(|record| urgency(record.lead) == level).count();
    html! {
        section class="group" {
            h2 { (title) " " span class="count" { (count) } }
            p { (explanation) }
            @for record in group { (entry(level, record, around)) }
        }
    }
}

impl Filters {
    fn admit(&self, record: &Record<'_>) -> bool {
        let text = self.text.trim().to_lowercase();
        let kind = self.kind.is_empty() || record.lead.kind.as_str() == self.kind;
        kind && (text.is_empty() || record.all.iter().any(|finding| mentions(finding, &text)))
    }
}

fn mentions(finding: &Finding, text: &str) -> bool {
    let subject = subject_text(&finding.subject);
    let ids = finding.aliases.iter().chain(&finding.advisories).map(String::as_str);
    [finding.id.as_str(), &finding.title, subject]
        .into_iter()
        .chain(ids)
        .any(|part| part.to_lowercase().contains(text))
}

const fn subject_text(subject: &Subject) -> &String {
    match subject {
        Subject::Purl(text) | Subject::Path(text) | Subject::Image(text) => text,
    }
}

fn form(path: &str, filters: &Filters, of_all_kinds: bool, all: &[Record<'_>]) -> Markup {
    let mut kinds: Vec<Kind> = all.iter().map(|record| record.lead.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let kinds = kinds.into_iter().map(|kind| (kind.as_str(), words::kind(kind)));
    html! {
        form class="filters" method="get" action={ (path) "#views" } role="search" aria-label="Filter findings" {
            div class="wide" {
                label for="text" { "Id, title, package or file contains" }
                input id="text" name="text" type="search" value=(filters.text) placeholder="openssl";
            }
            @if of_all_kinds { (select("kind", "Kind", &filters.kind, kinds)) }
            div class="actions" {
                button class="button" type="submit" { "Filter" }
                @if !(filters.text.is_empty() && filters.kind.is_empty()) { a href={ (path) "#views" } { "Clear" } }
            }
        }
    }
}

fn entry(level: i8, record: &Record<'_>, around: &Around<'_>) -> Markup {
    let lead = record.lead;
    let packages = &around.packages;
    html! {
        details class={ "card finding level-" (level.max(0)) } {
            summary {
                div class="what" {
                    @if lead.kind == Kind::Vulnerability {
                        span class="id" { (lead.id) } span class="why" { (lead.title) }
                    } @else { span class="id" { (words::sentence(&lead.title)) } span class="chip mono" { (lead.id) } }
                }
                div class="score" {
                    @match lead.urgency.as_ref().filter(|_| lead.is_open()) {
                        Some(urgency) => { b { (tenths(urgency.tenths)) } span { "of 15" } },
                        None if !lead.is_open() => {
                            b class="word" {
                                @if lead.is_ignored() { "ignored" }
                                @else { (lead.status.map_or("suppressed", words::status)) }
                            }
                            span { "does not count" }
                        },
                        None => { b class="word" { (lead.level.as_str()) } span { (words::kind(lead.kind)) } },
                    }
                }
                div class="do" {
                    (subjects(record, packages)) " "
                    @match &lead.suppressed {
                        Some(suppressed) => (whose_word(suppressed)),
                        None => (what_to_do(record)),
                    }
                    @if let Some(urgency) = &lead.urgency && urgency.known_exploited.is_some() {
                        " " span class="chip exploited" { "known exploited" }
                    }
                    @if lead.kind != Kind::Vulnerability { (detail::first_evidence(record, around)) }
                }
            }
            (detail::body(record, around))
        }
    }
}

/// Why a finding does not count: for a person's decision, whose it is and until when it holds.
fn whose_word(suppressed: &Suppression) -> Markup {
    html! {
        @match &suppressed.ignored {
            Some(by) => {
                b { (suppressed.reason) } " " (by.author) ", " (suppressed.advisory)
                @match by.expires {
                    Some(expires) => { ", until " (expires.date()) "." },
                    None => { ", until it is taken back." },
                }
            },
            None => { (suppressed.by) ": " (suppressed.reason) "." },
        }
    }
}

/// `147` as `14.7`.
fn tenths(value: u16) -> String {
    format!("{}.{}", value / 10, value % 10)
}

/// What the record is about, shortened to three.
fn subjects(record: &Record<'_>, packages: &BTreeMap<&str, &Package>) -> Markup {
    const SHOWN: usize = 3;
    let mut names: Vec<String> =
        record.all.iter().map(|finding| subject_name(&finding.subject, packages)).collect();
    names.sort();
    names.dedup();
    let more = names.len().saturating_sub(SHOWN);
    html! {
        "In " (names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", "))
        @if more > 0 { " and " (more) " more" }
        "."
    }
}

/// `openssl 3.0.11`, `/etc/passwd`, `config.User`.
fn subject_name(subject: &Subject, packages: &BTreeMap<&str, &Package>) -> String {
    match subject {
        Subject::Purl(purl) => packages.get(purl.as_str()).map_or_else(
            || purl.clone(),
            |package| format!("{} {}", package.name, package.version),
        ),
        Subject::Path(path) => format!("/{path}"),
        Subject::Image(part) if part.is_empty() => "the image".to_owned(),
        Subject::Image(part) if part == "history" => "the build".to_owned(),
        Subject::Image(part) => match (part.strip_prefix("config."), step(part)) {
            (Some(name), _) => format!("the configuration ({name})"),
            (_, Some(step)) => format!("step {step} of the build"),
            _ => part.clone(),
        },
    }
}

/// The number of a step, from 1, as the history counts them: `history[1]` is the second.
fn step(part: &str) -> Option<usize> {
    let number = part.strip_prefix("history[")?.strip_suffix(']')?;
    number.parse::<usize>().ok()?.checked_add(1)
}

fn what_to_do(record: &Record<'_>) -> Markup {
    let fixes = record.all.iter().filter_map(|finding| finding.fix.as_ref());
    let mut versions: Vec<&str> = fixes.clone().filter_map(|fix| fix.version.as_deref()).collect();
    versions.dedup();
    html! {
        @if let Some(version) = versions.first() {
            b { "Update to " (version) }
            @if versions.len() > 1 { " or what each package needs" }
            "."
        } @else if let Some(fix) = fixes.clone().next() { b class="advice" { (words::prose(&fix.advice)) } }
        @else if record.lead.kind == Kind::Vulnerability { "No fixed version is known." }
    }
}

#[cfg(test)]
mod tests {
    use plimsoll_model::Urgency;

    use super::*;

    fn finding(kind: Kind, record: &str, priority: Option<Priority>, level: Level) -> Finding {
        Finding {
            kind,
            id: record.into(),
            record: record.into(),
            aliases: vec![],
            advisories: vec![],
            level,
            priority,
            score: None,
            urgency: None::<Urgency>,
            subject: Subject::Image(String::new()),
            title: String::new(),
            evidence: vec![],
            fix: None,
            status: None,
            suppressed: None,
            views: Vec::new(),
            why: Vec::new(),
            extra: BTreeMap::new(),
        }
    }

    #[test]
    fn a_group_says_when_to_act() {
        let vulnerability = |priority| finding(Kind::Vulnerability, "x", priority, Level::Critical);
        assert_eq!(urgency(&vulnerability(Some(Priority::Asap))), 3);
        assert_eq!(urgency(&vulnerability(Some(Priority::Later))), 2);
        assert_eq!(urgency(&vulnerability(None)), 1);
        assert_eq!(urgency(&finding(Kind::Baseline, "x", None, Level::High)), 3);
        assert_eq!(urgency(&finding(Kind::Secret, "x", None, Level::Medium)), 2);
        assert_eq!(urgency(&finding(Kind::Secret, "x", None, Level::Unknown)), 1);
        assert_eq!(urgency(&finding(Kind::Build, "x", None, Level::High)), 0);
        assert_eq!(tenths(150), "15.0");
        assert_eq!(tenths(8), "0.8");
    }
}
