//! The findings of a page, each with everything that is known of it.
//!
//! In: a report. Out: [`Group`]s and their rows. Odd: packages with the same vulnerability and the same fix stand in one
//! row, as in the table; the row opens without the script.

use std::collections::HashMap;

use plimsoll_model::{Evidence, Finding, Kind, Level, Package, Report, Status, Timestamp};

use super::{LEVELS, escape};
use crate::{
    format::{
        address,
        finding_text::{self, KINDS},
    },
    upgrade::fixed_version,
};

/// Findings that stand in one row.
pub(super) struct Group<'a> {
    pub(super) first: &'a Finding,
    pub(super) all: Vec<&'a Finding>,
}

impl Group<'_> {
    pub(super) fn kind(&self) -> Kind {
        self.first.kind
    }

    pub(super) fn is_open(&self) -> bool {
        self.first.is_open()
    }

    /// The layer that it is in: that of the first file that shows it.
    pub(super) fn layer(&self, report: &Report) -> Option<usize> {
        let locations = self.first.evidence.iter().filter_map(|seen| seen.location.as_ref());
        let layer = locations.filter_map(|location| location.layer).next()?;
        report.image.layers.iter().position(|known| *known == layer)
    }
}

/// What makes a row: kind, record, fix, whether it counts; of what is no vulnerability the position.
type Key<'a> = (Kind, &'a str, Option<&'a str>, bool, usize);

/// The rows, most urgent first.
pub(super) fn groups(report: &Report) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut by_key: HashMap<Key<'_>, usize> = HashMap::new();
    for (at, finding) in report.findings.iter().enumerate() {
        let own = if finding.kind == Kind::Vulnerability { 0 } else { at };
        let key =
            (finding.kind, finding.record.as_str(), fixed_version(finding), finding.is_open(), own);
        let index = *by_key.entry(key).or_insert_with(|| {
            groups.push(Group { first: finding, all: Vec::new() });
            groups.len() - 1
        });
        if let Some(group) = groups.get_mut(index) {
            group.all.push(finding);
        }
    }
    groups
}

pub(super) fn section(report: &Report, groups: &[Group<'_>]) -> String {
    let packages = finding_text::packages(report);
    let mut section = String::from("<section><h2>Findings</h2>\n");
    section.push_str(&filter(groups));
    section.push_str("<div class=\"findings\">\n");
    for group in groups {
        section.push_str(&row(group, &packages));
    }
    let nothing = if groups.is_empty() { "Nothing was found." } else { "Nothing fits the filter." };
    let hidden = if groups.is_empty() { "" } else { " hidden" };
    section.push_str(&format!(
        "<p class=\"nothing\" id=\"nothing\"{hidden}>{nothing}</p></div></section>\n"
    ));
    section
}

/// Shown by the script alone: without it there is nothing that would filter.
fn filter(groups: &[Group<'_>]) -> String {
    let mut kinds = String::from("<option value=\"\">all kinds</option>");
    for (kind, _, plural) in KINDS {
        let number = groups.iter().filter(|group| group.kind() == kind).count();
        if number > 0 {
            kinds.push_str(&format!("<option value=\"{kind}\">{plural} ({number})</option>"));
        }
    }
    let states = "<option value=\"open\">what counts</option><option value=\"closed\">what does not count</option>\
                  <option value=\"\">both</option>";
    let levels = "<option value=\"0\">any urgency</option><option value=\"2\">low and above</option>\
                  <option value=\"3\">medium, can wait, and above</option>\
                  <option value=\"4\">high, as soon as possible</option>";
    format!(
        "<div class=\"filter\" id=\"filter\" hidden>\
         <label for=\"search\"><span class=\"hidden-label\">Search</span></label>\
         <input type=\"search\" id=\"search\" placeholder=\"Search ids, packages, files, words\" autocomplete=\"off\" spellcheck=\"false\">\
         <label for=\"kind\"><span class=\"hidden-label\">Kind</span></label><select id=\"kind\">{kinds}</select>\
         <label for=\"level\"><span class=\"hidden-label\">Urgency</span></label><select id=\"level\">{levels}</select>\
         <label for=\"state\"><span class=\"hidden-label\">State</span></label><select id=\"state\">{states}</select>\
         <span class=\"count\" id=\"count\" role=\"status\"></span></div>\n"
    )
}

/// How urgent a row is, for the filter: vulnerabilities by their priority, all else by level.
fn weight(finding: &Finding) -> u8 {
    use plimsoll_model::Priority;
    match (finding.priority, finding.level) {
        (Some(Priority::Asap), _) | (None, Level::Critical | Level::High) => 4,
        (Some(Priority::Later), _) | (None, Level::Medium) => 3,
        (Some(Priority::Nntf), _) | (None, Level::Low) => 2,
        (None, Level::Negligible | Level::Unknown) => 1,
    }
}

fn row(group: &Group<'_>, packages: &HashMap<&str, &Package>) -> String {
    let finding = group.first;
    let (class, word) = match finding.priority {
        Some(priority) => {
            let score = finding.score.map(|score| format!(" {score:.1}")).unwrap_or_default();
            (priority.as_str(), format!("{priority}{score}"))
        }
        None => (finding.level.as_str(), finding.level.to_string()),
    };
    let (state, class, word) = if !group.is_open() {
        let word = if finding.is_ignored() { "ignored" } else { "does not count" };
        ("closed", "closed", word.to_owned())
    } else {
        ("open", class, word)
    };
    let mut subjects: Vec<String> = Vec::new();
    for finding in &group.all {
        let shown = escape(&finding_text::shown_subject(finding, packages));
        if !subjects.contains(&shown) {
            subjects.push(shown);
        }
    }
    let more = subjects.len().saturating_sub(3);
    let shown: Vec<&str> = subjects.iter().take(3).map(String::as_str).collect();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let fixed = fixed_version(finding).filter(|_| group.is_open());
    let fixed = fixed.map(|version| format!(" <span class=\"fix\">→ {}</span>", escape(version)));
    let exploited = finding
        .urgency
        .as_ref()
        .is_some_and(|urgency| urgency.known_exploited.is_some() && group.is_open());
    let exploited =
        if exploited { "<span class=\"pill p-asap\">known exploited</span> " } else { "" };
    let dim = if group.is_open() { "" } else { " class=\"does-not-count\"" };
    format!(
        "<details data-kind=\"{}\" data-weight=\"{}\" data-state=\"{state}\"{dim}><summary><span><span class=\"pill p-{class}\">{word}</span></span>\
         <span class=\"id\">{}</span><span class=\"of\">{}{more}{}</span><span class=\"title\">{exploited}{}</span></summary>\
         <div class=\"body\"><dl>{}</dl></div></details>\n",
        finding.kind,
        weight(finding),
        escape(&finding.id),
        shown.join(", "),
        fixed.unwrap_or_default(),
        escape(&finding.title),
        body(group, &subjects),
    )
}

fn body(group: &Group<'_>, subjects: &[String]) -> String {
    let finding = group.first;
    let mut list = Terms(String::new());
    list.text("Kind", finding_text::name(finding.kind));
    if let Some(suppressed) = &finding.suppressed {
        let until = suppressed.ignored.as_ref().map(|by| {
            let until = by.expires.map_or_else(|| "further notice".to_owned(), Timestamp::date);
            format!(" ({}, until {until})", by.author)
        });
        list.text(
            "Does not count",
            &format!(
                "{}, {}{}: {}",
                suppressed.by,
                suppressed.advisory,
                until.unwrap_or_default(),
                suppressed.reason
            ),
        );
    }
    if let Some(fix) = &finding.fix {
        list.text("What to do", &fix.advice);
    } else if finding.kind == Kind::Vulnerability {
        let status = finding.status.unwrap_or(Status::Affected);
        let word =
            if status == Status::Affected { "no fix yet".to_owned() } else { status.to_string() };
        list.text("What to do", &word);
    }
    list.text("Why it matters", finding.extra.get("why").map(String::as_str).unwrap_or_default());
    let extra = |key: &str| finding.extra.get(key).map(String::as_str).unwrap_or_default();
    if extra("removed") == "true" {
        list.text(
            "Removed",
            "a later layer takes it away; whoever pulls the image has it all the same",
        );
    }
    list.text("Kind of malware", extra("virus_type"));
    list.text("SHA-256", extra("sha256"));
    if subjects.len() > 1 {
        list.items("In", subjects.iter().cloned());
    }
    list.items("Seen", group.all.iter().flat_map(|one| &one.evidence).map(seen));
    if finding.kind == Kind::Vulnerability {
        list.text("Level", level_word(finding.level));
    }
    if let Some(urgency) = &finding.urgency {
        let mut facts = Vec::new();
        facts.extend(urgency.cvss.clone());
        facts.extend(urgency.epss.map(|epss| format!("EPSS {epss}")));
        facts.extend(
            urgency.known_exploited.as_ref().map(|date| format!("known exploited since {date}")),
        );
        list.text("Rated by", &facts.join(", "));
    }
    list.text("Also known as", &finding.aliases.join(", "));
    list.text("Source", finding.extra.get("source").map(String::as_str).unwrap_or_default());
    let urls = finding.views.iter().flat_map(|view| view.url.iter().chain(&view.links));
    let mut urls: Vec<&String> = urls.filter(|url| address::is_web(url)).collect();
    urls.sort();
    urls.dedup();
    list.items(
        "Read more",
        urls.into_iter().map(|url| {
            let url = escape(url);
            format!("<a href=\"{url}\" rel=\"noreferrer noopener\">{url}</a>")
        }),
    );
    list.0
}

fn level_word(level: Level) -> &'static str {
    LEVELS.iter().find(|(one, _)| *one == level).map_or("unknown", |(_, word)| word)
}

fn seen(evidence: &Evidence) -> String {
    match &evidence.location {
        None => escape(&evidence.detail),
        Some(location) => {
            let layer = location.layer.map(|layer| {
                let short: String =
                    layer.to_string().trim_start_matches("sha256:").chars().take(12).collect();
                format!(" <span class=\"layer\">in layer {short}</span>")
            });
            format!(
                "<code>/{}</code>{}: {}",
                escape(&location.path),
                layer.unwrap_or_default(),
                escape(&evidence.detail)
            )
        }
    }
}

/// A list of terms; what is empty is left out.
struct Terms(String);

impl Terms {
    fn text(&mut self, term: &str, text: &str) {
        if !text.is_empty() {
            self.0.push_str(&format!("<dt>{term}</dt><dd>{}</dd>", escape(text)));
        }
    }

    /// Items that are markup already, each once.
    fn items(&mut self, term: &str, items: impl Iterator<Item = String>) {
        let mut shown: Vec<String> = Vec::new();
        for item in items {
            if !shown.contains(&item) {
                shown.push(item);
            }
        }
        let mut items = shown.into_iter();
        match (items.next(), items.len()) {
            (None, _) => {}
            (Some(only), 0) => self.0.push_str(&format!("<dt>{term}</dt><dd>{only}</dd>")),
            (Some(first), _) => {
                self.0.push_str(&format!("<dt>{term}</dt><dd><ul><li>{first}</li>"));
                for item in items {
                    self.0.push_str(&format!("<li>{item}</li>"));
                }
                self.0.push_str("</ul></dd>");
            }
        }
    }
}
