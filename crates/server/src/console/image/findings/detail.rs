//! What stands inside an unfolded finding: evidence, where, and why the score is what it is.
//!
//! In: a record. Out: the body below its summary. Source of the factors: `docs/semantics.md`, "Priority". Odd: advisory
//! ids are links only when they have the form of an id, since they come from a feed.

use std::collections::BTreeMap;

use maud::{Markup, html};
use plimsoll_model::{Evidence, Finding, Kind, Package, Status, Urgency};

use super::{Around, Record, subject_name, tenths};
use crate::console::{
    files::encoded,
    words::{self, is_id},
};

/// Evidence shown per finding, and findings per record.
const MOST: usize = 25;

/// Evidence shown without unfolding.
const FIRST: usize = 3;

/// What was seen, in its place: of a finding that is not about a package that is what it is.
pub(super) fn first_evidence(record: &Record<'_>, around: &Around<'_>) -> Markup {
    let evidence = || record.all.iter().flat_map(|finding| &finding.evidence);
    let told = |finding: &&Finding| finding.extra.get("evidence_total")?.parse::<usize>().ok();
    let total = record.all.iter().filter_map(told).max().unwrap_or_else(|| evidence().count());
    html! {
        div class="evidence" {
            @for one in evidence().take(FIRST) { (evidence_line(one, around)) }
            @if total > FIRST { div class="small" { "and " (total - FIRST) " more" } }
        }
    }
}

pub(super) fn body(record: &Record<'_>, around: &Around<'_>) -> Markup {
    let lead = record.lead;
    let packages = &around.packages;
    html! {
        div class="body" {
            @if let Some(fix) = &lead.fix { h3 { "What to do" } p class="advice" { (words::prose(&fix.advice)) } }
            @else if lead.urgency.is_some() {
                h3 { "What to do" }
                p { "No fixed version is known. Remove the package if nothing needs it, or wait for a fix." }
            }
            @if let Some(why) = lead.extra.get("why") { h3 { "Why it matters" } p class="advice" { (words::prose(why)) } }
            @if let Some(urgency) = &lead.urgency { (score(urgency)) }
            h3 { "What was seen" }
            ul {
                @for finding in record.all.iter().take(MOST) { (seen(finding, packages, around)) }
                @if record.all.len() > MOST { li class="muted" { "… and " (record.all.len() - MOST) " more" } }
            }
            (names(lead))
            (around.forms.of(lead))
        }
    }
}

fn seen(finding: &Finding, packages: &BTreeMap<&str, &Package>, around: &Around<'_>) -> Markup {
    html! {
        li {
            b { (subject_name(&finding.subject, packages)) }
            @if let Some(status) = finding.status
                // That there is a fix stands in what to do.
                && (finding.fix.is_none() || status != Status::Affected)
            {
                " " span class="chip" { (words::status(status)) }
            }
            @if let Some(suppressed) = &finding.suppressed {
                div class="small" { (suppressed.by) ", " (suppressed.advisory) ": " (suppressed.reason) }
            }
            @for evidence in finding.evidence.iter().take(MOST) { (evidence_line(evidence, around)) }
        }
    }
}

fn evidence_line(evidence: &Evidence, around: &Around<'_>) -> Markup {
    html! {
        div class="small" {
            code { (evidence.detail) }
            @if let Some(location) = &evidence.location {
                span class="muted" {
                    " in /" (location.path)
                    @if let Some(position) = location.layer.and_then(|layer| around.position(&layer)) {
                        ", layer " (position) " of " (around.layers.len())
                    }
                }
            }
        }
    }
}

/// The product, factor by factor, then what changed it.
fn score(urgency: &Urgency) -> Markup {
    let hundredths = |value: u16| format!("{}.{:02}", value / 100, value % 100);
    let factors = [
        (tenths(urgency.c10), "severity", "how bad, of 10"),
        (hundredths(urgency.t100), "threat", "is it attacked, of 1"),
        (tenths(urgency.e10), "reach", "from where, up to 1.5"),
        (tenths(urgency.a10), "importance", "of where it runs"),
    ];
    html! {
        h3 { "Why " (tenths(urgency.tenths)) " of 15" }
        div class="factors" {
            @for (position, (value, words, meaning)) in factors.iter().enumerate() {
                @if position > 0 { div class="sign" { "×" } }
                div { b { (value) } span class="factor" { (words) } span { (meaning) } }
            }
            @if urgency.rules.is_empty() {
                div class="sign" { "=" }
                div class="result" { b { (tenths(urgency.tenths)) } span class="factor" { "score" } span { "of 15" } }
            }
        }
        ul class="small" {
            @for rule in &urgency.rules { li { (words::rule(rule)) } }
            @if let Some(since) = &urgency.known_exploited {
                li { "In CISA’s list of exploited vulnerabilities since " (since) "." }
            }
            @if let Some(epss) = urgency.epss {
                li { "EPSS: " (format!("{:.1}", epss * 100.0)) " % probability of exploitation within 30 days." }
            }
            @if let Some(cvss) = &urgency.cvss { li { "Severity from " code { (cvss) } } }
            @if urgency.pending { li { "Neither CVSS nor EPSS is known yet, so the score is provisional." } }
        }
    }
}

/// The page of all images that have such a file: the same content, or the same kind of sensitive file.
fn list_of_files(lead: &Finding) -> Option<String> {
    let (list, key) = match lead.kind {
        Kind::Malware => ("malicious", lead.extra.get("md5").unwrap_or(&lead.id)),
        Kind::Secret => ("sensitive", &lead.id),
        _ => return None,
    };
    Some(format!("/console/files/{list}/{}", encoded(key)))
}

fn names(lead: &Finding) -> Markup {
    let mut ids: Vec<&str> = std::iter::once(&lead.id)
        .chain(&lead.aliases)
        .chain(&lead.advisories)
        .map(String::as_str)
        .collect();
    let mut known = std::collections::BTreeSet::new();
    ids.retain(|id| known.insert(*id));
    let is_advisory = !lead.advisories.is_empty();
    html! {
        h3 { "Also known as" }
        p class="small names" {
            @for id in &ids {
                @if is_advisory && is_id(id) {
                    a href={ "https://osv.dev/vulnerability/" (id) } rel="noopener noreferrer" { (id) }
                } @else { span { (id) } }
                " "
            }
        }
        @if let Some(list) = list_of_files(lead) {
            p { a class="next" href=(list) { "Which images have it?" } }
        } @else if is_id(&lead.id) {
            p { a class="next" href={ "/console/findings/" (lead.id) } {
                "Which images have " (lead.id) "?"
            } }
        }
    }
}
