//! The table of the risk list, and the numbers and bars that other pages show in the same way.
//!
//! In: images with their counters, and the most urgent finding of each. Out: rows. Odd: the bars of one page share one
//! scale, so that their lengths can be compared; rows become cards on small screens, hence the roles and labels.

use std::collections::BTreeMap;

use maud::{Markup, html};
use plimsoll_model::{Kind, RiskCounters, Verdict};
use plimsoll_store::{ImageRisk, KeptVerdict, LeadFinding, TaskState};

use super::PATH;
use crate::console::{
    load::Load,
    picture::{self, Part},
    words,
};

const HEADS: [&str; 7] = [
    "Load",
    "Image",
    "Most urgent",
    "Vulnerabilities",
    "Configuration",
    "Malicious files",
    "Coverage",
];

pub(super) fn view(images: &[ImageRisk], leads: &BTreeMap<String, LeadFinding>) -> Markup {
    let most =
        images.iter().map(|image| image.counters.vulnerabilities()).max().unwrap_or_default();
    // Only where somebody asked for verdicts.
    let has_policy = images.iter().any(|image| image.policy.is_some());
    html! {
        (key())
        div class="card table" {
            table role="table" {
                caption class="hidden" { "Images, those that are loaded too deep first" }
                thead role="rowgroup" {
                    tr role="row" {
                        @for head in HEADS {
                            th role="columnheader" scope="col" { (head) }
                        }
                        @if has_policy { th role="columnheader" scope="col" { "Policy" } }
                    }
                }
                tbody role="rowgroup" {
                    @for image in images {
                        (row(image, leads.get(&image.image.uuid), most, has_policy))
                    }
                }
            }
        }
    }
}

/// What the words and colours of the counts mean.
pub(in crate::console) fn key() -> Markup {
    html! {
        dl class="key" {
            div { dt class="asap" { "asap" } dd { "fix as soon as possible" } }
            div { dt class="later" { "later" } dd { "plan the fix" } }
            div { dt class="nntf" { "no need now" } dd { "known, but no hurry" } }
        }
    }
}

/// What the policy of the server says.
pub(in crate::console) fn policy_badge(verdict: KeptVerdict) -> Markup {
    let (class, words) = match verdict {
        KeptVerdict::Pass => ("badge complete", "Passes"),
        KeptVerdict::Warn => ("badge partial", "Warned of"),
        KeptVerdict::Deny => ("badge unreadable", "Denied"),
    };
    html! { span class=(class) title="What the policy says" { (words) } }
}

fn row(risk: &ImageRisk, lead: Option<&LeadFinding>, most: u32, has_policy: bool) -> Markup {
    let load = load(risk);
    let counters = &risk.counters;
    let known = !matches!(load, Load::Waiting | Load::Unreadable);
    html! {
        tr role="row" {
            td role="cell" class="load" { (gauge(load)) }
            th role="rowheader" scope="row" class="named" { (name_and_place(risk)) }
            td role="cell" data-label="Most urgent" class="lead-cell" { div { (lead_cell(load, lead)) } }
            td role="cell" data-label="Vulnerabilities" class="bars" {
                @if known { div { (vulnerability_counts(counters)) (vulnerability_bar(counters, most)) } }
                @else { span class="muted" { "not known" } }
            }
            td role="cell" data-label="Configuration" class="levels" {
                @if known { (failed_checks(counters)) } @else { span class="muted" { "not known" } }
            }
            td role="cell" data-label="Malicious files" class="levels" {
                @if known { (malicious_files(counters)) } @else { span class="muted" { "not known" } }
            }
            td role="cell" data-label="Coverage" class="when" { div { (coverage(risk)) (scanned(risk)) } }
            @if has_policy {
                td role="cell" data-label="Policy" {
                    @match risk.policy {
                        Some(verdict) => (policy_badge(verdict)),
                        None => span class="muted" { "not judged yet" },
                    }
                }
            }
        }
    }
}

/// Why the image stands where it stands, and what to do about it.
fn lead_cell(load: Load, lead: Option<&LeadFinding>) -> Markup {
    let nothing = match load {
        Load::Waiting => "waits for its first scan",
        Load::Unreadable => "could not be read",
        Load::ClearWhereSeen => "nothing found in what could be read",
        _ => "nothing found",
    };
    let counts = matches!(load, Load::Over | Load::At | Load::Below);
    let Some(lead) = lead.filter(|_| counts) else {
        return html! {
            span class="muted" { (nothing) }
            @if let Some(advice) = lead { span class="clamp muted" { "advice: " (advice.title) } }
        };
    };
    html! {
        span class="clamp" title=(lead.title) {
            @if lead.kind == Kind::Vulnerability {
                @if words::is_id(&lead.id) {
                    a class="id" href={ "/console/findings/" (lead.id) } title="Which images have it?" { (lead.id) }
                } @else { b { (lead.id) } }
                " "
            }
            (words::sentence(&lead.title))
        }
        @if lead.kind != Kind::Vulnerability && !lead.subject.is_empty() {
            span class="meta mono" { (place(lead)) }
        }
        @if let Some(line) = lead_line(lead) { span class="fix" { (line) } }
    }
}

/// `Update log4j-core 2.14.1 to 2.15.0`, or that no fixed version is known; nothing for what is no package.
pub(in crate::console) fn lead_line(lead: &LeadFinding) -> Option<Markup> {
    let package = words::package(&lead.subject);
    match (&lead.fix_version, lead.kind) {
        (Some(version), _) => Some(html! { "Update " (package) " to " (version) }),
        (None, Kind::Vulnerability) => {
            Some(html! { span class="muted" { (package) ": no fixed version known" } })
        }
        (None, _) => None,
    }
}

/// Where it is, of what is in no package: `/etc/shadow`.
pub(in crate::console) fn place(lead: &LeadFinding) -> String {
    let is_path = matches!(lead.kind, Kind::Malware | Kind::Secret | Kind::Baseline)
        && !lead.subject.starts_with("pkg:")
        && !lead.subject.starts_with("config.");
    if is_path {
        format!("/{}", lead.subject.trim_start_matches('/'))
    } else {
        lead.subject.clone()
    }
}

/// Only what failed, since most images fail little.
fn failed_checks(counters: &RiskCounters) -> Markup {
    let levels = [
        ("asap", counters.baseline_high, "high"),
        ("later", counters.baseline_medium, "medium"),
        ("nntf", counters.baseline_low, "low"),
    ];
    some(levels, "none failed")
}

/// Only what there is, since most images have none.
pub(in crate::console) fn malicious_files(counters: &RiskCounters) -> Markup {
    let levels = [
        ("asap", counters.malicious_serious, "serious"),
        ("later", counters.malicious_suspicious, "suspicious"),
        ("nntf", counters.malicious_remind, "reminder"),
    ];
    some(levels, "none found")
}

fn some(levels: [(&str, u32, &str); 3], none: &str) -> Markup {
    html! {
        @if levels.iter().all(|(_, count, _)| *count == 0) { span class="muted" { (none) } }
        @else {
            p class="counts" {
                @for (class, count, words) in levels.into_iter().filter(|(_, count, _)| *count > 0) {
                    (number(class, count, words))
                }
            }
        }
    }
}

fn scanned(risk: &ImageRisk) -> Markup {
    html! {
        @if let Some(at) = risk.scanned {
            span class="meta" { "scanned " span class="number" { (words::day(at)) } }
        }
    }
}

/// The load of a listed image.
pub(in crate::console) fn load(risk: &ImageRisk) -> Load {
    Load::of(risk.verdict.map(|verdict| (&risk.counters, verdict)))
}

/// The mark with its words.
fn gauge(load: Load) -> Markup {
    html! { span class={ "gauge " (load.class()) } { (picture::mark(load, None)) span { (load.words()) } } }
}

/// A long path may break behind its slashes rather than anywhere.
fn path(path: &str) -> Markup {
    const LONG: usize = 28;
    html! {
        @if path.len() <= LONG { (path) }
        @else {
            @for (position, part) in path.split('/').enumerate() {
                @if position > 0 { "/" wbr; }
                (part)
            }
        }
    }
}

fn name_and_place(risk: &ImageRisk) -> Markup {
    let image = &risk.image;
    html! {
        a class="image-name" href={ (PATH) "/" (image.uuid) } {
            (path(&image.path())) span class="tag" { ":" (image.tag) }
        }
        span class="meta" {
            span { (risk.registry.settings.name) }
            " " span { (risk.platform) }
        }
    }
}

/// The three priorities in numbers.
pub(in crate::console) fn vulnerability_counts(counters: &RiskCounters) -> Markup {
    html! {
        p class="counts" {
            (number("asap", counters.asap, "asap"))
            (number("later", counters.later, "later"))
            (number("nntf", counters.nntf, "no need now"))
        }
    }
}

/// The three levels of failed checks in numbers.
pub(in crate::console) fn baseline_counts(counters: &RiskCounters) -> Markup {
    html! {
        p class="counts" {
            (number("asap", counters.baseline_high, "high"))
            (number("later", counters.baseline_medium, "medium"))
            (number("nntf", counters.baseline_low, "low"))
        }
    }
}

fn number(class: &str, count: u32, words: &str) -> Markup {
    let class = if count == 0 { "zero" } else { class };
    html! { span class=(class) { b { (count) } " " (words) } " " }
}

/// The three priorities as a bar.
pub(in crate::console) fn vulnerability_bar(counters: &RiskCounters, full: u32) -> Markup {
    let parts = [
        Part { class: "asap", count: counters.asap, words: "as soon as possible" },
        Part { class: "later", count: counters.later, words: "later" },
        Part { class: "nntf", count: counters.nntf, words: "no need to fix now" },
    ];
    picture::bar(&parts, full)
}

/// The three levels of failed checks as a bar.
pub(in crate::console) fn baseline_bar(counters: &RiskCounters, full: u32) -> Markup {
    let parts = [
        Part { class: "asap", count: counters.baseline_high, words: "high" },
        Part { class: "later", count: counters.baseline_medium, words: "medium" },
        Part { class: "nntf", count: counters.baseline_low, words: "low" },
    ];
    picture::bar(&parts, full)
}

/// How completely we could look, or how the scan stands.
fn coverage(risk: &ImageRisk) -> Markup {
    let state = risk.task.as_ref().map(|task| task.state);
    html! {
        @match (risk.verdict, state) {
            (Some(verdict), _) => (badge(verdict)),
            (None, Some(TaskState::Running)) => span class="badge" { "Being scanned" },
            (None, Some(TaskState::Failed)) => span class="badge unreadable" { "Scan failed" },
            (None, Some(TaskState::Cancelled)) => span class="badge" { "Scan cancelled" },
            (None, _) => span class="badge" { "Waiting" },
        }
    }
}

/// A verdict as a badge.
pub(in crate::console) fn badge(verdict: Verdict) -> Markup {
    let (class, words) = words::verdict(verdict);
    html! { span class=(class) { (words) } }
}
