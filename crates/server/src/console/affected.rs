//! Which images have it: one vulnerability, check or file rule over all images.
//!
//! In: an id, alias or advisory from the URL. Out: the images with that finding. Odd: names compare without regard to
//! case, and a name nobody has is an answer, not an error: perhaps it is good news.

use axum::{
    Extension,
    extract::{Path, State},
    response::Html,
};
use maud::{Markup, html};
use plimsoll_store::Affected;

use super::{
    page::{self, Section},
    refusal::Refusal,
    session::Session,
    state, words,
};
use crate::context::Context;

/// Images shown at most.
const MOST: u32 = 500;

/// `GET /console/findings/{id}`
pub(super) async fn get(
    State(context): State<Context>,
    session: Extension<Session>,
    Path(id): Path<String>,
) -> Result<Html<String>, Refusal> {
    let affected = context.store.images_affected(&id, MOST).await?;
    let title = affected.first().map(|first| first.title.clone()).unwrap_or_default();
    let body = html! {
        p class="crumbs" { a href="/console/images" { "Images" } }
        div class="title" {
            h1 class="wrap" { (id) }
            p class="lead" { (title) }
        }
        @if affected.is_empty() {
            (page::empty("No scanned image has it", &html! {
                p { "Images that wait for a scan, and what a scan could not look at, may still have it. "
                    "See the coverage in the " a href="/console/images" { "risk list" } "." }
            }))
        } @else {
            (table(&affected))
            @if affected.len() >= usize::try_from(MOST).unwrap_or(usize::MAX) {
                p class="muted" { "Only the first " (MOST) " are shown." }
            }
        }
    };
    Ok(page::page(&id, Section::Images, &session, &state(&context).await?, &body))
}

fn table(affected: &[Affected]) -> Markup {
    html! {
        div class="card table" {
            table role="table" {
                caption class="hidden" { "Affected images" }
                thead role="rowgroup" { tr role="row" {
                    @for head in ["Image", "In", "Urgency", "Without it from"] {
                        th role="columnheader" scope="col" { (head) }
                    }
                } }
                tbody role="rowgroup" { @for entry in affected { (row(entry)) } }
            }
        }
    }
}

fn row(entry: &Affected) -> Markup {
    html! {
        tr role="row" {
            th role="rowheader" scope="row" {
                a class="image-name" href={ "/console/images/" (entry.image.uuid) } {
                    (entry.image.path()) span class="tag" { ":" (entry.image.tag) }
                }
                span class="meta" { (entry.registry) }
            }
            td role="cell" data-label="In" class="wrap" { code { (entry.subject) } }
            td role="cell" data-label="Urgency" {
                @match entry.priority {
                    Some(priority) => {
                        (words::priority(priority))
                        @if let Some(tenths) = entry.tenths {
                            " " span class="muted number" { (tenths / 10) "." (tenths % 10) }
                        }
                    },
                    None => (entry.level.as_str()),
                }
            }
            td role="cell" data-label="Without it from" class="wrap" {
                @match &entry.fix_version {
                    Some(version) => code { (version) },
                    None => span class="muted" { "no fixed version known" },
                }
            }
        }
    }
}
