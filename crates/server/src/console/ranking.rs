//! The ranking: which images to look at first.
//!
//! In: the settings `rank.scope` and `rank.limit`. Out: the two lists of GetDockerhubImageRiskRankInfo as bars. Source:
//! `docs/semantics.md`, "Ranking". Odd: tags with the same digest are one entry, so a list may be shorter than the risk
//! list suggests.

use axum::{Extension, extract::State, response::Html};
use maud::{Markup, html};
use plimsoll_model::RiskCounters;
use plimsoll_store::{Dimension, RankEntry, Scope};

use super::{
    images::{baseline_bar, baseline_counts, key, vulnerability_bar, vulnerability_counts},
    page::{self, Section},
    refusal::Refusal,
    session::Session,
    state, words,
};
use crate::{context::Context, operation::rank::rank_settings};

/// `GET /console/ranking`
pub(super) async fn get(
    State(context): State<Context>,
    session: Extension<Session>,
) -> Result<Html<String>, Refusal> {
    let store = &context.store;
    let settings = rank_settings(store).await?;
    let asap = store.rank(Dimension::VulAsap, settings.scope, settings.limit).await?;
    let baseline = store.rank(Dimension::Baseline, settings.scope, settings.limit).await?;
    let sums = store.risk_statistic(settings.scope).await?;
    let body = html! {
        div class="title" {
            h1 { "Ranking" }
            p class="lead" {
                @match settings.scope { Scope::All => "All registries", Scope::DockerHub => "Docker Hub only" }
                ", " (words::count(sums.scanned, "scanned image"))
                @if let Some(at) = sums.scan_time { ", latest scan " (words::moment(at)) }
            }
        }
        @if sums.scanned == 0 {
            (page::empty("Nothing to rank yet", &html! {
                p { "Images appear here after their first scan. " a href="/console/images" { "See the risk list" } }
            }))
        } @else {
            (key())
            div class="ranks" {
                section class="card" aria-labelledby="asap" {
                    h2 id="asap" { "Most to fix as soon as possible" }
                    p class="explain" {
                        (sums.asap) @if sums.asap == 1 { " vulnerability" } @else { " vulnerabilities" }
                        " of this priority in all scanned images"
                    }
                    (list(&asap, RiskCounters::vulnerabilities, vulnerability_counts, vulnerability_bar,
                        "No scanned image has a vulnerability to fix as soon as possible."))
                }
                section class="card" aria-labelledby="baseline" {
                    h2 id="baseline" { "Worst configured" }
                    p class="explain" { (words::count(sums.baseline, "failed check")) " in all scanned images" }
                    (list(&baseline, RiskCounters::baseline, baseline_counts, baseline_bar,
                        "No scanned image fails a configuration check."))
                }
            }
        }
    };
    Ok(page::page("Ranking", Section::Ranking, &session, &state(&context).await?, &body))
}

fn list(
    entries: &[RankEntry],
    total: fn(&RiskCounters) -> u32,
    counts: fn(&RiskCounters) -> Markup,
    bar: fn(&RiskCounters, u32) -> Markup,
    none: &str,
) -> Markup {
    let most = entries.iter().map(|entry| total(&entry.counters)).max().unwrap_or(0);
    html! {
        @if entries.is_empty() { p class="explain" { (none) } }
        @else {
            ol class="rank" {
                @for (place, entry) in entries.iter().enumerate() {
                    li {
                        span class="place" aria-hidden="true" { (place + 1) }
                        div {
                            a class="image-name" href={ "/console/images/" (entry.image.uuid) } {
                                (entry.image.path()) span class="tag" { ":" (entry.image.tag) }
                            }
                            span class="meta" { span { (entry.registry) } }
                            (counts(&entry.counters))
                            (bar(&entry.counters, most))
                        }
                    }
                }
            }
        }
    }
}
