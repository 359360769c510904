//! How completely the scan could look, in plain words.
//!
//! In: a report's coverage, or the state of the first scan. Out: a card. Odd: gaps of the same kind stand together, and
//! long lists are folded, because a thousand unreadable files are one message.

use maud::{Markup, html};
use plimsoll_model::{Gap, GapReason, Report};
use plimsoll_store::{TaskState, TaskStatus};

use crate::console::{images::badge, words};

/// Places of one kind of gap that are shown at once, and at most.
const SHOWN: usize = 3;
const MOST: usize = 200;

pub(super) fn card(report: Option<&Report>, task: Option<&TaskStatus>) -> Markup {
    html! {
        section class="card padded" aria-labelledby="coverage" {
            h2 id="coverage" tabindex="-1" { "What was looked at" }
            @match report {
                Some(report) => (of_report(report)),
                None => (of_task(task)),
            }
            @if let Some(TaskStatus { state: TaskState::Failed, error, attempts, .. }) = task {
                p class="error" {
                    "The last scan was given up after " (words::count(u64::from(*attempts), "attempt")) ": "
                    (error.as_deref().unwrap_or("no reason was recorded"))
                }
            }
        }
    }
}

fn of_report(report: &Report) -> Markup {
    let coverage = &report.coverage;
    html! {
        p { (badge(coverage.verdict)) " " (words::verdict_sentence(coverage.verdict)) }
        @if !coverage.gaps.is_empty() {
            ul class="gaps" {
                @for gaps in coverage.gaps.chunk_by(|one, other| one.reason == other.reason) {
                    @if let Some(first) = gaps.first() { (kind(first.reason, gaps)) }
                }
            }
        }
        dl class="facts" {
            dt { "Advisories of" }
            dd {
                @match &report.feed {
                    Some(feed) => { (words::day(feed.date)) @if feed.starter { " (starter feed)" } },
                    None => "no feed at the time of the scan",
                }
            }
            dt { "Looked with" }
            dd {
                details {
                    summary { (words::count(u64::try_from(coverage.ran.len()).unwrap_or(u64::MAX), "detector")) }
                    p class="small mono" { (coverage.ran.join(", ")) }
                }
            }
        }
    }
}

fn kind(reason: GapReason, gaps: &[Gap]) -> Markup {
    let (title, meaning) = words::gap(reason);
    let (shown, folded) = gaps.split_at(gaps.len().min(SHOWN));
    html! {
        li {
            strong { (title) @if gaps.len() > 1 { " " span class="muted number" { "× " (gaps.len()) } } }
            (with_command(meaning))
            @for gap in shown { (place(gap)) }
            @if !folded.is_empty() {
                details {
                    summary class="small" { "and " (folded.len()) " more" }
                    @for gap in folded.iter().take(MOST) { (place(gap)) }
                    @if folded.len() > MOST { div class="where" { "… and " (folded.len() - MOST) " more" } }
                }
            }
        }
    }
}

/// Text with what stands between “ and ” as a command.
fn with_command(text: &str) -> Markup {
    let parts = text.split_once('“').and_then(|(before, rest)| {
        let (command, after) = rest.split_once('”')?;
        Some((before, command, after))
    });
    html! {
        @match parts {
            Some((before, command, after)) => { (before) code class="whole" { (command) } (after) },
            None => (text),
        }
    }
}

fn place(gap: &Gap) -> Markup {
    html! {
        div class="where" {
            @if !gap.at.is_empty() { code { (gap.at) } ": " }
            (gap.detail) " (" (gap.by) ")"
        }
    }
}

fn of_task(task: Option<&TaskStatus>) -> Markup {
    html! {
        @match task {
            Some(TaskStatus { state: TaskState::Queued, queued, error: Some(error), attempts, .. }) => {
                p { "Queued since " (words::moment(*queued)) ". "
                    (words::count(u64::from(*attempts), "attempt")) " did not succeed; it is tried again." }
                p class="error" { (error) }
            },
            Some(TaskStatus { state: TaskState::Queued, queued, .. }) =>
                p { "Queued since " (words::moment(*queued)) ". This page shows findings after the scan." },
            Some(TaskStatus { state: TaskState::Running, .. }) =>
                p { "Being scanned now. Load the page again in a moment." },
            Some(TaskStatus { state: TaskState::Failed, .. }) =>
                p { "Not scanned: nothing can be said about this image’s risk." },
            Some(TaskStatus { state: TaskState::Cancelled, .. }) =>
                p { "Not scanned: the scan was cancelled. It can be asked for again." },
            _ => p { "No scan was asked for yet." },
        }
    }
}
