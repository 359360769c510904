//! The frame of every page.
//!
//! In: a title, the state of the server, a body. Out: the document. Odd: every text that comes from an image, a registry
//! or an advisory passes through maud's escaping; nothing here is marked as ready-made HTML.

use axum::response::Html;
use maud::{DOCTYPE, Markup, html};
use plimsoll_advisory::staleness::{Freshness, freshness};
use plimsoll_model::{FeedState, Timestamp};

use super::{load::Load, picture, session::Session, style, words};
use crate::operation::feed::LastUpdate;

/// Which entry of the navigation is the current one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Section {
    /// The risk list and the pages below it.
    Images,
    /// The ranking.
    Ranking,
    /// What changed.
    Changes,
    /// Malicious and sensitive files.
    Files,
    /// Which images have a finding.
    LookUp,
    /// Who is told.
    Subscriptions,
    /// Scans that run, wait, ended; the head of every page leads there.
    Tasks,
}

/// What the head of every page says about the server.
#[derive(Clone, Debug, Default)]
pub(super) struct ServerState {
    /// Today, to say how old the feed is.
    pub now: Timestamp,
    /// The advisory data in use.
    pub feed: Option<FeedState>,
    /// How the last update of it went.
    pub last_update: Option<LastUpdate>,
    /// Scans that wait for a worker.
    pub waiting: u64,
    /// Scans that run.
    pub running: u64,
    /// Scans that were given up.
    pub failed: u64,
}

/// A page of the console.
pub(super) fn page(
    title: &str,
    section: Section,
    session: &Session,
    state: &ServerState,
    body: &Markup,
) -> Html<String> {
    document(
        title,
        &html! {
            a class="skip" href="#content" { "Skip to the content" }
            header class="hull" {
                div class="hull-inner" {
                    a class="brand" href="/console/images" { (picture::mark(Load::At, None)) "Plimsoll" }
                    nav aria-label="Main" { ul {
                        (entry("/console/images", "Images", section == Section::Images))
                        (entry("/console/ranking", "Ranking", section == Section::Ranking))
                        (entry("/console/files/malicious", "Files", section == Section::Files))
                        (entry("/console/changes", "Changes", section == Section::Changes))
                        (entry("/console/findings", "Look up", section == Section::LookUp))
                        (entry("/console/subscriptions", "Notifications", section == Section::Subscriptions))
                    } }
                    div class="state" {
                        (server_state(state))
                        form method="post" action="/console/logout" {
                            input type="hidden" name="csrf" value=(session.csrf);
                            button type="submit" { "Log out" }
                        }
                    }
                }
            }
            (feed_notice(state))
            main id="content" tabindex="-1" { (body) }
            footer { "Plimsoll " (env!("CARGO_PKG_VERSION")) " · times are UTC" }
        },
    )
}

/// The document around any body.
pub(super) fn document(title: &str, body: &Markup) -> Html<String> {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="same-origin";
                title { (title) " · Plimsoll" }
                link rel="stylesheet" href=(style::address());
                link rel="icon" type="image/svg+xml" href=(ICON);
            }
            body { (body) }
        }
    };
    Html(page.into_string())
}

/// The mark as an icon, within the page so that it costs no request.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Crect width='32' height='32' rx='7' fill='%2310283a'/%3E%3Cpath d='M7 16a9 9 0 0 0 18 0z' fill='%235b9cbd'/%3E%3Cg fill='none' stroke='%23f2f6f7' stroke-width='2.4'%3E%3Ccircle cx='16' cy='16' r='9'/%3E%3Cpath d='M3 16h26'/%3E%3C/g%3E%3C/svg%3E";

fn entry(address: &str, words: &str, current: bool) -> Markup {
    html! { li { a href=(address) aria-current=[current.then_some("page")] { (words) } } }
}

fn server_state(state: &ServerState) -> Markup {
    html! {
        dl {
            div {
                dt { "Advisories" }
                dd { @match &state.feed { Some(feed) => (words::day(feed.date)), None => "none" } }
            }
            div {
                dt { "Scans" }
                dd { a href="/console/tasks" {
                    @if state.waiting + state.running == 0 { "all done" }
                    @else { (state.waiting) " waiting, " (state.running) " running" }
                    @if state.failed > 0 { ", " (state.failed) " failed" }
                } }
            }
        }
    }
}

/// Says what the numbers do not rest on: no feed, the small built-in one, or an old one.
fn feed_notice(state: &ServerState) -> Markup {
    let command = html! { code { "plimsoll feed update" } };
    let last = state.last_update.as_ref().filter(|last| !last.failures.is_empty());
    let is_failing = last.is_some();
    let failed = html! {
        @if let Some(last) = last {
            " The last update of " (words::day(last.tried)) " failed in " (last.failures.len())
            " places; " code { "plimsoll feed status" } " lists them."
        }
    };
    html! {
        @match &state.feed {
            None => div class="notice" role="status" { p {
                strong { "No advisory feed. " } "Vulnerabilities cannot be told without one. Get it with " (command) "."
            } },
            Some(feed) if feed.starter => div class="notice" role="status" { p {
                strong { "Starter feed only. " }
                "It knows famous vulnerabilities only, so real images have more than you see here. "
                "Get the full feed with " (command) "."
            } },
            Some(feed) if freshness(feed, state.now) == Freshness::Stale => div class="notice" role="status" { p {
                strong { "The advisory feed is " (state.now.days_since(feed.date)) " days old. " }
                "What became known since then is missing here. Refresh it with " (command) "."
                (failed)
            } },
            Some(_) if is_failing => div class="notice" role="status" { p {
                strong { "The advisory feed was not updated in full. " }
                "The last good data is in use." (failed)
            } },
            Some(_) => {},
        }
    }
}

/// What stands where a list would be, with what to do about it.
pub(super) fn empty(title: &str, body: &Markup) -> Markup {
    html! {
        div class="card empty" {
            (picture::mark(Load::Waiting, None))
            h2 { (title) }
            (body)
        }
    }
}
