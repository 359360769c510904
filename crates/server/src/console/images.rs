//! The risk list.
//!
//! In: filters and a page number from the URL. Out: the images, deepest loaded first, with their numbers as bars. Odd: the
//! order is the store's and the same as the API's; the bars of one page share one scale.

use axum::{
    Extension,
    extract::{Query, State},
    response::Html,
};
use maud::{Markup, html};
use plimsoll_model::{RiskCounters, Verdict};
use plimsoll_store::{
    Cluster, ImageRisk, ImageRiskQuery, Registry, RiskFilter, RiskOverview, TaskState,
};
use serde::Deserialize;

use super::{
    load::Load,
    page::{self, Section},
    paging::{self, Address},
    picture::{self, Part},
    refusal::Refusal,
    session::Session,
    words,
};
use crate::{console::state, context::Context};

const PATH: &str = "/console/images";
const PAGE_SIZE: u32 = 25;

/// The filters, as they stand in the URL.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Filters {
    text: String,
    registry: String,
    namespace: String,
    cluster: String,
    app: String,
    level: String,
    page: String,
}

/// The values of `level`, with what the form calls them.
const LEVELS: [(&str, RiskFilter, &str); 5] = [
    ("over", RiskFilter::Level(3), "Over the line"),
    ("at", RiskFilter::Level(2), "At the line"),
    ("below", RiskFilter::Level(1), "Below the line"),
    ("clear", RiskFilter::Level(0), "Nothing found"),
    ("waiting", RiskFilter::NotScanned, "Not scanned"),
];

impl Filters {
    fn risk(&self) -> Option<RiskFilter> {
        LEVELS.iter().find(|(word, ..)| *word == self.level).map(|(_, filter, _)| *filter)
    }

    fn query(&self, page: u32) -> ImageRiskQuery {
        let text = |text: &str| (!text.trim().is_empty()).then(|| text.trim().to_owned());
        ImageRiskQuery {
            page,
            page_size: PAGE_SIZE,
            cluster_id: text(&self.cluster),
            namespace: text(&self.namespace),
            app_name: text(&self.app),
            image_name: None,
            registry: text(&self.registry),
            risk: self.risk(),
            text: text(&self.text),
        }
    }

    fn address<'a>(&'a self, level: &'a str) -> Address<'a> {
        Address {
            path: PATH,
            query: vec![
                ("text", self.text.trim()),
                ("registry", &self.registry),
                ("namespace", self.namespace.trim()),
                ("cluster", &self.cluster),
                ("app", self.app.trim()),
                ("level", level),
            ],
        }
    }

    fn any(&self) -> bool {
        self.address(&self.level).page(1) != PATH
    }
}

/// `GET /console/images`
pub(super) async fn get(
    State(context): State<Context>,
    session: Extension<Session>,
    Query(filters): Query<Filters>,
) -> Result<Html<String>, Refusal> {
    let store = &context.store;
    let mut list = store.list_image_risk(&filters.query(paging::number(&filters.page))).await?;
    let last = paging::pages(list.total, u64::from(PAGE_SIZE));
    if u64::from(list.page) > last {
        // A page that no longer exists, as after a filter in another window: the last one.
        let last = u32::try_from(last).unwrap_or(u32::MAX);
        list = store.list_image_risk(&filters.query(last)).await?;
    }
    let overview = store.risk_overview().await?;
    let registries = store.registries().await?;
    let clusters = store.clusters().await?;
    let body = html! {
        div class="title" {
            h1 { "Images" }
            p class="lead" { "Those that are loaded too deep come first." }
        }
        @if registries.is_empty() { (no_registry()) }
        @else if overview.images == 0 { (no_image(&registries)) }
        @else {
            (glance(&overview, &filters))
            (form(&filters, &registries, &clusters))
            @if list.items.is_empty() { (no_match()) }
            @else {
                (table(&list.items))
                (paging::links(&filters.address(&filters.level), u64::from(list.page),
                    u64::from(PAGE_SIZE), list.total))
            }
        }
    };
    Ok(page::page("Images", Section::Images, &session, &state(&context).await?, &body))
}

/// How the fleet is loaded; each number is a filter.
fn glance(overview: &RiskOverview, filters: &Filters) -> Markup {
    let tiles = [
        ("over", overview.high, Load::Over),
        ("at", overview.medium, Load::At),
        ("below", overview.low, Load::Below),
        ("clear", overview.none, Load::Clear),
        ("waiting", overview.not_scanned, Load::Waiting),
    ];
    html! {
        ul class="card glance" {
            @for (word, number, load) in tiles {
                @let current = filters.level == word;
                li {
                    a href=(filters.address(if current { "" } else { word }).page(1))
                        aria-current=[current.then_some("true")] {
                        (picture::mark(load, None))
                        div { b { (number) } span { (level_words(word)) } }
                    }
                }
            }
        }
    }
}

fn level_words(word: &str) -> &'static str {
    LEVELS.iter().find(|(name, ..)| *name == word).map_or("", |(.., words)| words)
}

fn form(filters: &Filters, registries: &[Registry], clusters: &[Cluster]) -> Markup {
    let registries = registries.iter().map(|registry| registry.settings.name.as_str());
    let clusters: Vec<&str> = clusters.iter().map(|cluster| cluster.id.as_str()).collect();
    html! {
        form class="card filters" method="get" action=(PATH) role="search" aria-label="Filter images" {
            div class="wide" {
                label for="text" { "Image, digest or id contains" }
                input id="text" name="text" type="search" value=(filters.text) placeholder="payments api:1.4";
            }
            div {
                label for="namespace" { "Namespace" }
                input id="namespace" name="namespace" value=(filters.namespace);
            }
            (select("registry", "Registry", &filters.registry, registries.map(|name| (name, name))))
            (select("level", "Load", &filters.level, LEVELS.iter().map(|(word, _, words)| (*word, *words))))
            @if !clusters.is_empty() || !filters.cluster.is_empty() || !filters.app.is_empty() {
                (select("cluster", "Runs in cluster", &filters.cluster, clusters.iter().map(|id| (*id, *id))))
                div {
                    label for="app" { "Runs as application" }
                    input id="app" name="app" value=(filters.app);
                }
            }
            div class="actions" {
                button class="button" type="submit" { "Filter" }
                @if filters.any() { a href=(PATH) { "Clear" } }
            }
        }
    }
}

/// A choice with "any" as its first entry; what the URL says is chosen even when it is not in the list any more.
pub(super) fn select<'a>(
    name: &str,
    label: &str,
    chosen: &str,
    entries: impl Iterator<Item = (&'a str, &'a str)>,
) -> Markup {
    let entries: Vec<(&str, &str)> = entries.collect();
    let known = chosen.is_empty() || entries.iter().any(|(value, _)| *value == chosen);
    html! {
        div {
            label for=(name) { (label) }
            select id=(name) name=(name) {
                option value="" { "Any" }
                @if !known { option value=(chosen) selected { (chosen) } }
                @for (value, words) in &entries {
                    option value=(value) selected[*value == chosen] { (words) }
                }
            }
        }
    }
}

fn table(images: &[ImageRisk]) -> Markup {
    let most = |count: fn(&RiskCounters) -> u32| {
        images.iter().map(|image| count(&image.counters)).max().unwrap_or(0)
    };
    let vulnerabilities = most(RiskCounters::vulnerabilities);
    html! {
        div class="card table" {
            table role="table" {
                caption class="hidden" { "Images by risk" }
                thead role="rowgroup" {
                    tr role="row" {
                        @for head in ["Load", "Image", "Vulnerabilities", "Configuration", "Coverage", "Scanned"] {
                            th role="columnheader" scope="col" { (head) }
                        }
                    }
                }
                tbody role="rowgroup" { @for image in images { (row(image, vulnerabilities)) } }
            }
        }
    }
}

fn row(risk: &ImageRisk, most: u32) -> Markup {
    let load = load(risk);
    let counters = &risk.counters;
    let known = !matches!(load, Load::Waiting | Load::Unreadable);
    html! {
        tr role="row" {
            td role="cell" { (gauge(load)) }
            th role="rowheader" scope="row" { (name_and_place(risk)) }
            td role="cell" data-label="Vulnerabilities" class="bars" {
                @if known { div { (vulnerability_counts(counters)) (vulnerability_bar(counters, most)) } }
                @else { span class="muted" { "not known" } }
            }
            td role="cell" data-label="Configuration" class="levels" {
                @if known { (baseline_counts(counters)) } @else { span class="muted" { "not known" } }
            }
            td role="cell" data-label="Coverage" { (coverage(risk)) }
            td role="cell" data-label="Scanned" class="small number when" {
                @match risk.scanned {
                    Some(at) => (words::moment(at)),
                    None => span class="muted" { "never" },
                }
            }
        }
    }
}

/// The load of a listed image.
pub(super) fn load(risk: &ImageRisk) -> Load {
    Load::of(risk.verdict.map(|verdict| (&risk.counters, verdict)))
}

/// The mark with its words.
pub(super) fn gauge(load: Load) -> Markup {
    html! { span class={ "gauge " (load.class()) } { (picture::mark(load, None)) span { (load.words()) } } }
}

fn name_and_place(risk: &ImageRisk) -> Markup {
    let image = &risk.image;
    let digest: String = image.manifest_digest.hex().chars().take(12).collect();
    html! {
        a class="image-name" href={ (PATH) "/" (image.uuid) } {
            (image.path()) span class="tag" { ":" (image.tag) }
        }
        span class="meta" {
            span { (risk.registry.settings.name) }
            " " span { (risk.platform) }
            " " span { (words::size(image.size)) }
            " " span class="mono" { (digest) }
        }
    }
}

/// The three priorities in numbers.
pub(super) fn vulnerability_counts(counters: &RiskCounters) -> Markup {
    html! {
        p class="counts" {
            (number("asap", counters.asap, "asap"))
            (number("later", counters.later, "later"))
            (number("nntf", counters.nntf, "no need now"))
        }
    }
}

/// The three levels of failed checks in numbers.
pub(super) fn baseline_counts(counters: &RiskCounters) -> Markup {
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
pub(super) fn vulnerability_bar(counters: &RiskCounters, full: u32) -> Markup {
    let parts = [
        Part { class: "asap", count: counters.asap, words: "as soon as possible" },
        Part { class: "later", count: counters.later, words: "later" },
        Part { class: "nntf", count: counters.nntf, words: "no need to fix now" },
    ];
    picture::bar(&parts, full)
}

/// The three levels of failed checks as a bar.
pub(super) fn baseline_bar(counters: &RiskCounters, full: u32) -> Markup {
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
            (None, _) => span class="badge" { "Waiting" },
        }
    }
}

/// A verdict as a badge.
pub(super) fn badge(verdict: Verdict) -> Markup {
    let (class, words) = words::verdict(verdict);
    html! { span class=(class) { (words) } }
}

fn no_registry() -> Markup {
    page::empty(
        "No registry yet",
        &html! {
            p { "Plimsoll finds images in registries. Add the first one, and its images appear here." }
            pre { code { "plimsoll registry add my-registry https://registry.example.com" } }
            p { "Or try it without one: " code { "plimsoll demo" } " brings its own registry and images." }
        },
    )
}

fn no_image(registries: &[Registry]) -> Markup {
    let name = registries.first().map_or("NAME", |registry| registry.settings.name.as_str());
    let problem = registries
        .iter()
        .find_map(|registry| Some((registry.settings.name.as_str(), registry.problem.as_deref()?)));
    page::empty(
        "No images yet",
        &html! {
            @if let Some((name, problem)) = problem {
                p class="error" { "The last sync of “" (name) "” did not succeed: " (problem) }
            }
            p { "The registry is known, but no image was found in it so far. Look again with:" }
            pre { code { "plimsoll registry sync " (name) } }
        },
    )
}

fn no_match() -> Markup {
    page::empty(
        "No image matches",
        &html! { p { "No image has all of what the filter asks for. " a href=(PATH) { "Clear the filter" } } },
    )
}
