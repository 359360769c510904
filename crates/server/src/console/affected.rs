//! Which images have it: one vulnerability, check or file rule over all images.
//!
//! In: an id, alias or advisory from the URL, or a package's name. Out: the images with it. Odd: names compare without regard to
//! case, and a name nobody has is an answer, not an error: perhaps it is good news. The form leads to the address that
//! holds the name, so that the answer can be sent to somebody.

use axum::{
    Extension,
    extract::{Path, Query, State},
    response::{Html, IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use plimsoll_model::Priority;
use plimsoll_store::{Affected, AffectedQuery, Holding, PackageName};
use serde::Deserialize;

use super::{
    page::{self, Section},
    refusal::Refusal,
    session::Session,
    state,
    words::{self, is_id},
};
use crate::context::Context;

const PATH: &str = "/console/findings";
/// Images of a page.
const PAGE_SIZE: u32 = 100;

/// What is looked for, from the form.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Wanted {
    id: String,
}

/// Which part of the answer, from the address.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Shown {
    page: Option<u32>,
    /// Given: only images that run in a cluster.
    running: Option<String>,
    registry: Option<String>,
}

/// `GET /console/findings`
pub(super) async fn search(
    State(context): State<Context>,
    session: Extension<Session>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Refusal> {
    let id = wanted.id.trim();
    if is_id(id) {
        return Ok(Redirect::to(&format!("{PATH}/{id}")).into_response());
    }
    let body = html! {
        div class="title" {
            h1 { "Look up" }
            p class="lead" { "A new vulnerability is in the news: which images have it?" }
        }
        (form(id))
        @if !id.is_empty() {
            p class="error" role="alert" {
                "“" (id) "” is not an id. Ids have letters, digits, “-”, “.”, “:” and “_” only."
            }
        }
        p class="muted" {
            "Every name counts: CVE, GHSA, advisories of distributions, and the ids of checks. For example "
            @for (position, example) in ["CVE-2021-44228", "GHSA-jfh8-c2jp-5v3q", "sudo_nopasswd_all"].iter().enumerate() {
                @if position > 0 { ", " }
                a href={ (PATH) "/" (example) } { (example) }
            }
            "."
        }
    };
    let page = page::page("Look up", Section::LookUp, &session, &state(&context).await?, &body);
    Ok(page.into_response())
}

/// `GET /console/findings/{id}`
pub(super) async fn get(
    State(context): State<Context>,
    session: Extension<Session>,
    Path(id): Path<String>,
    Query(shown): Query<Shown>,
) -> Result<Html<String>, Refusal> {
    let number = shown.page.unwrap_or(1).max(1);
    let query = AffectedQuery {
        running: shown.running.is_some(),
        registry: shown.registry.clone().filter(|name| !name.is_empty()),
        page: number,
        page_size: PAGE_SIZE,
    };
    let found = context.store.affected(&id, &query).await?;
    if found.images == 0 {
        let package = PackageName::Name(id.clone());
        let held = context.store.holders(&package, &query).await?;
        if held.images > 0 {
            let body = html! {
                (form(&id))
                div class="title" { h1 class="wrap" { (id) } }
                p { strong { (words::count(held.images, "image")) @if held.images == 1 { " has" } @else { " have" } }
                    " a package of this name." }
                (holdings(&held.items))
                (steps(&id, &shown, number, held.images))
            };
            let page = page::page(&id, Section::LookUp, &session, &state(&context).await?, &body);
            return Ok(page);
        }
    }
    let (affected, images) = (found.items, found.images);
    let title = affected.first().map(|first| first.title.clone()).unwrap_or_default();
    let body = html! {
        (form(&id))
        div class="title" {
            h1 class="wrap" { (id) }
            @if !title.is_empty() { p class="lead" { (title) } }
        }
        @if affected.is_empty() {
            (page::empty("No scanned image has it", &html! {
                p { "Images that wait for a scan, and what a scan could not look at, may still have it. "
                    "See the coverage in the " a href="/console/images" { "risk list" } "." }
            }))
        } @else {
            p { strong { (words::count(images, "image")) @if images == 1 { " has it." } @else { " have it." } }
                " Most urgent first." }
            (table(&affected))
            (steps(&id, &shown, number, images))
        }
    };
    Ok(page::page(&id, Section::LookUp, &session, &state(&context).await?, &body))
}

/// The ways to the pages before and behind.
fn steps(id: &str, shown: &Shown, page: u32, images: u64) -> Markup {
    let address = |page: u32| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("page", &page.to_string());
        if shown.running.is_some() {
            query.append_pair("running", "1");
        }
        if let Some(registry) = &shown.registry {
            query.append_pair("registry", registry);
        }
        format!("{PATH}/{id}?{}", query.finish())
    };
    let has_more = u64::from(page) * u64::from(PAGE_SIZE) < images;
    html! {
        @if page > 1 || has_more {
            p {
                @if page > 1 { a href=(address(page - 1)) rel="prev" { "Previous page" } " " }
                "Page " (page) " "
                @if has_more { a href=(address(page + 1)) rel="next" { "Next page" } }
            }
        }
    }
}

fn holdings(held: &[Holding]) -> Markup {
    html! {
        div class="card table" {
            table role="table" {
                caption class="hidden" { "Images with the package" }
                thead role="rowgroup" { tr role="row" {
                    @for head in ["Image", "Package"] { th role="columnheader" scope="col" { (head) } }
                } }
                tbody role="rowgroup" {
                    @for entry in held {
                        tr role="row" {
                            th role="rowheader" scope="row" {
                                a class="image-name" href={ "/console/images/" (entry.image.uuid) } {
                                    (entry.image.path()) span class="tag" { ":" (entry.image.tag) }
                                }
                                span class="meta" { (entry.registry) }
                            }
                            td role="cell" data-label="Package" class="wrap" { (entry.purl) }
                        }
                    }
                }
            }
        }
    }
}

fn form(id: &str) -> Markup {
    html! {
        form class="filters look-up" method="get" action=(PATH) role="search" aria-label="Look up a finding" {
            div class="wide" {
                label for="id" { "Vulnerability, advisory or check" }
                input id="id" name="id" type="search" value=(id) required placeholder="CVE-2021-44228"
                    autocomplete="off" spellcheck="false";
            }
            div class="actions" { button class="button" type="submit" { "Look up" } }
        }
    }
}

fn table(affected: &[Affected]) -> Markup {
    html! {
        div class="card table" {
            table role="table" {
                caption class="hidden" { "Affected images" }
                thead role="rowgroup" { tr role="row" {
                    @for head in ["Image", "Found in", "When to act", "Score", "Fixed in"] {
                        th role="columnheader" scope="col" class=[(head == "Score").then_some("right")] { (head) }
                    }
                } }
                tbody role="rowgroup" { @for entry in affected { (row(entry)) } }
            }
        }
    }
}

fn row(entry: &Affected) -> Markup {
    let class = match entry.priority {
        Some(Priority::Asap) => "level-3",
        Some(Priority::Later) => "level-2",
        _ => "level-1",
    };
    html! {
        tr role="row" {
            th role="rowheader" scope="row" {
                a class="image-name" href={ "/console/images/" (entry.image.uuid) } {
                    (entry.image.path()) span class="tag" { ":" (entry.image.tag) }
                }
                span class="meta" { (entry.registry) }
            }
            td role="cell" data-label="Found in" class="wrap" title=(entry.subject) { (words::package(&entry.subject)) }
            td role="cell" data-label="When to act" {
                @match entry.priority {
                    Some(priority) => b class=(class) { (words::priority(priority)) },
                    None => { (entry.level.as_str()) },
                }
            }
            td role="cell" data-label="Score" class="number right" {
                @match entry.tenths {
                    Some(tenths) => { b { (tenths / 10) "." (tenths % 10) } span class="muted small" { " of 15" } },
                    None => span class="muted" { "none" },
                }
            }
            td role="cell" data-label="Fixed in" class="wrap" {
                @match &entry.fix_version {
                    Some(version) => code { (version) },
                    None => span class="muted" { "no fixed version known" },
                }
            }
        }
    }
}
