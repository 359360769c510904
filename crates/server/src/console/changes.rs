//! What changed in the fleet since a day: vulnerabilities by refreshes, images by scans.
//!
//! In: a day from the URL, the last seven days otherwise. Out: one table each. Odd: numbers of images are those of the refresh's
//! end; the link behind a vulnerability leads to what is so now.

use axum::{
    Extension,
    extract::{Query, State},
    response::Html,
};
use maud::{Markup, html};
use plimsoll_model::{Priority, Timestamp};
use plimsoll_store::{Delta, ScannedChange};
use serde::Deserialize;

use super::{
    images,
    page::{self, Section},
    refusal::Refusal,
    session::Session,
    state,
    words::{self, is_id},
};
use crate::context::Context;

/// Rows of each table.
const MOST: u32 = 200;
/// Days that are shown unless another day is asked for.
const DAYS: i64 = 7;

/// The day, as it stands in the URL.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Wanted {
    since: String,
}

/// `GET /console/changes`
pub(super) async fn get(
    State(context): State<Context>,
    session: Extension<Session>,
    Query(wanted): Query<Wanted>,
) -> Result<Html<String>, Refusal> {
    let given = wanted.since.trim();
    let asked: Option<Timestamp> = given.parse().ok();
    let usual = Timestamp(context.clock.now().0.saturating_sub(DAYS * 86_400));
    let usual = usual.date().parse().unwrap_or(usual);
    let since = asked.unwrap_or(usual);
    let deltas = context.store.deltas_since(since, MOST).await?;
    let scanned = context.store.scanned_since(since, MOST).await?;
    let body = html! {
        div class="title" {
            h1 { "What changed" }
            p class="lead" { "Since " (words::moment(since)) }
        }
        form class="filters look-up" method="get" action="/console/changes" aria-label="Choose a day" {
            div class="wide" {
                label for="since" { "Since this day (UTC)" }
                input id="since" name="since" type="date" value=(since.date()) required;
            }
            div class="actions" { button class="button" type="submit" { "Show" } }
        }
        @if !given.is_empty() && asked.is_none() {
            p class="error" role="alert" { "“" (given) "” is not a day such as 2026-11-25." }
        }
        @if deltas.is_empty() && scanned.is_empty() {
            (page::empty("Nothing changed", &html! {
                p { "No refresh of the advisories changed what is known of an image since then, and no scan found anything new." }
            }))
        }
        @if !deltas.is_empty() {
            section aria-labelledby="vulnerabilities" {
                h2 id="vulnerabilities" { "Vulnerabilities" }
                p class="explain" { "By refreshes of the advisories, newest first, most urgent first." (cut(deltas.len())) }
                (vulnerabilities(&deltas))
            }
        }
        @if !scanned.is_empty() {
            section aria-labelledby="scanned" {
                h2 id="scanned" { "Images" }
                p class="explain" { "Of which a scan found something else than was known, newest first." (cut(scanned.len())) }
                (images_table(&scanned))
            }
        }
    };
    Ok(page::page("What changed", Section::Changes, &session, &state(&context).await?, &body))
}

fn cut(rows: usize) -> Markup {
    let is_cut = u32::try_from(rows).unwrap_or(MOST) >= MOST;
    html! { @if is_cut { " The first " (MOST) "; “plimsoll changes” shows more." } }
}

/// A vulnerability's id, with the way to the images that have it.
pub(super) fn finding(id: &str) -> Markup {
    html! {
        @if is_id(id) { a href={ "/console/findings/" (id) } { (id) } } @else { (id) }
    }
}

/// When to act, and what it was before where that differs.
pub(super) fn priorities(before: Option<Priority>, since: Option<Priority>) -> Markup {
    let class = |priority| match priority {
        Priority::Asap => "level-3",
        Priority::Later => "level-2",
        Priority::Nntf => "level-1",
    };
    html! {
        @match since {
            Some(priority) => b class=(class(priority)) { (words::priority(priority)) },
            None => span class="muted" { "gone everywhere" },
        }
        @if let Some(before) = before && Some(before) != since {
            span class="meta" { "was: " (words::priority(before)) }
        }
    }
}

fn vulnerabilities(deltas: &[Delta]) -> Markup {
    html! {
        div class="card table" {
            table role="table" {
                caption class="hidden" { "Vulnerabilities that changed" }
                thead role="rowgroup" { tr role="row" {
                    @for head in ["Vulnerability", "When to act", "Images", "Newly", "Cleared", "Refresh"] {
                        th role="columnheader" scope="col"
                            class=[matches!(head, "Images" | "Newly" | "Cleared").then_some("right")] { (head) }
                    }
                } }
                tbody role="rowgroup" {
                    @for delta in deltas {
                        tr role="row" {
                            th role="rowheader" scope="row" class="wrap" { (finding(&delta.id)) }
                            td role="cell" data-label="When to act" { (priorities(delta.priority_before, delta.priority)) }
                            td role="cell" data-label="Images" class="number right" { (delta.images) }
                            td role="cell" data-label="Newly" class="number right" {
                                @if delta.newly > 0 { b class="level-3" { "+" (delta.newly) } } @else { span class="muted" { "0" } }
                            }
                            td role="cell" data-label="Cleared" class="number right" {
                                @if delta.cleared > 0 { b class="good" { "−" (delta.cleared) } } @else { span class="muted" { "0" } }
                            }
                            td role="cell" data-label="Refresh" class="when" { (words::moment(delta.finished)) }
                        }
                    }
                }
            }
        }
    }
}

fn images_table(scanned: &[ScannedChange]) -> Markup {
    html! {
        div class="card table" {
            table role="table" {
                caption class="hidden" { "Images of which scans found something else" }
                thead role="rowgroup" { tr role="row" {
                    @for head in ["Image", "Found", "Vulnerabilities", "Scanned"] { th role="columnheader" scope="col" { (head) } }
                } }
                tbody role="rowgroup" {
                    @for one in scanned {
                        tr role="row" {
                            th role="rowheader" scope="row" {
                                a class="image-name" href={ "/console/images/" (one.image.uuid) "/history" } {
                                    (one.image.path()) span class="tag" { ":" (one.image.tag) }
                                }
                                span class="meta" { (one.registry) }
                            }
                            td role="cell" data-label="Found" { @if one.first { "new" } @else { "something else" } }
                            td role="cell" data-label="Vulnerabilities" class="bars" {
                                (images::vulnerability_counts(&one.change.counters))
                            }
                            td role="cell" data-label="Scanned" class="when" { (words::moment(one.change.at)) }
                        }
                    }
                }
            }
        }
    }
}
