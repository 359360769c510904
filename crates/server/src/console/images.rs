//! The risk list.
//!
//! In: filters and a page number from the URL. Out: how the fleet is loaded, then the images, deepest loaded first. Odd: the
//! order is the store's and the same as the API's.

mod table;

use axum::{
    Extension,
    extract::{Query, State},
    response::Html,
};
use maud::{Markup, html};
use plimsoll_store::{Cluster, ImageRiskQuery, KeptVerdict, Registry, RiskFilter, RiskOverview};
use serde::Deserialize;

pub(super) use self::table::{
    badge, baseline_bar, baseline_counts, key, lead_line, load, malicious_files, place,
    policy_badge, vulnerability_bar, vulnerability_counts,
};

use super::{
    load::Load,
    page::{self, Section},
    paging::{self, Address},
    picture,
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
    policy: String,
    page: String,
}

/// One choice of `level`: its value, what it asks the store, what it is called, and what that means.
struct Level(&'static str, RiskFilter, &'static str, &'static str);

/// In the order of the tiles.
const LEVELS: [Level; 5] = [
    Level("over", RiskFilter::Level(3), "Over the line", "fix as soon as possible"),
    Level("at", RiskFilter::Level(2), "At the line", "plan the fixes"),
    Level("below", RiskFilter::Level(1), "Below the line", "no need to fix now"),
    Level("clear", RiskFilter::Level(0), "Nothing found", "in what could be read"),
    Level("waiting", RiskFilter::NotScanned, "Not scanned", "waiting, or not readable"),
];

/// What the policy says, in the words of the list.
const POLICIES: [(&str, &str); 3] = [("deny", "Denied"), ("warn", "Warned of"), ("pass", "Passes")];

impl Filters {
    fn risk(&self) -> Option<RiskFilter> {
        LEVELS.iter().find(|level| level.0 == self.level).map(|level| level.1)
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
            policy: KeptVerdict::of(&self.policy),
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
                ("policy", &self.policy),
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
    let uuids: Vec<String> = list.items.iter().map(|risk| risk.image.uuid.clone()).collect();
    let leads = store.lead_findings(&uuids).await?;
    let overview = store.risk_overview().await?;
    let registries = store.registries().await?;
    let clusters = store.clusters().await?;
    let body = html! {
        div class="title" {
            h1 { "Images" }
            @if overview.images > 0 { (headline(&overview)) }
        }
        @if registries.is_empty() { (no_registry()) }
        @else if overview.images == 0 { (no_image(&registries)) }
        @else {
            (glance(&overview, &filters))
            (problems(&registries))
            (form(&filters, &registries, &clusters, context.policy.is_some()))
            @if list.items.is_empty() { (no_match(&filters)) }
            @else {
                (table::view(&list.items, &leads))
                (paging::links(&filters.address(&filters.level), u64::from(list.page),
                    u64::from(PAGE_SIZE), list.total))
            }
        }
    };
    Ok(page::page("Images", Section::Images, &session, &state(&context).await?, &body))
}

/// The whole fleet in one sentence.
fn headline(overview: &RiskOverview) -> Markup {
    html! {
        p class="lead" {
            @if overview.high > 0 {
                strong class="level-3" { (overview.high) " of " (words::count(overview.images, "image")) }
                @if overview.high == 1 { " is" } @else { " are" }
                " over the line: something in "
                @if overview.high == 1 { "it" } @else { "them" }
                " should be fixed as soon as possible."
            } @else if overview.not_scanned == overview.images {
                "No image is scanned yet. Risks appear here after the first scan."
            } @else if overview.medium > 0 {
                "No scanned image is over the line. "
                strong class="level-2" { (overview.medium) " of " (words::count(overview.images, "image")) }
                @if overview.medium == 1 { " has" } @else { " have" }
                " fixes to plan."
            } @else { "No scanned image needs a fix now." }
        }
    }
}

/// How the fleet is loaded; each number is a filter.
fn glance(overview: &RiskOverview, filters: &Filters) -> Markup {
    let tiles = [
        (overview.high, Load::Over),
        (overview.medium, Load::At),
        (overview.low, Load::Below),
        (overview.none, Load::Clear),
        (overview.not_scanned, Load::Waiting),
    ];
    html! {
        ul class="card glance" aria-label="Images by load" {
            @for (Level(word, _, words, meaning), (number, load)) in LEVELS.iter().zip(tiles) {
                @let current = filters.level == *word;
                li {
                    a href=(filters.address(if current { "" } else { word }).page(1))
                        aria-current=[current.then_some("true")] {
                        (picture::mark(load, None))
                        div {
                            b { (number) } " "
                            span class="name" { (words) } " "
                            span class="meaning" { (meaning) }
                        }
                    }
                }
            }
        }
    }
}

/// Registries whose list may be old, with the reason.
fn problems(registries: &[Registry]) -> Markup {
    html! {
        @for registry in registries {
            @if let Some(problem) = &registry.problem {
                div class="error" role="status" {
                    p { strong { "The last sync of “" (registry.settings.name) "” did not succeed." }
                        " Its images may be out of date: " (problem) }
                    p { "Try again with " code { "plimsoll registry sync " (registry.settings.name) } }
                }
            }
        }
    }
}

fn form(
    filters: &Filters,
    registries: &[Registry],
    clusters: &[Cluster],
    has_policy: bool,
) -> Markup {
    let registries = registries.iter().map(|registry| registry.settings.name.as_str());
    let clusters: Vec<&str> = clusters.iter().map(|cluster| cluster.id.as_str()).collect();
    html! {
        form class="filters" method="get" action=(PATH) role="search" aria-label="Filter images" {
            div class="wide" {
                label for="text" { "Image or tag contains, digest or id begins with" }
                input id="text" name="text" type="search" value=(filters.text) placeholder="payments api:1.4";
            }
            div {
                label for="namespace" { "Namespace" }
                input id="namespace" name="namespace" value=(filters.namespace);
            }
            (select("registry", "Registry", &filters.registry, registries.map(|name| (name, name))))
            (select("level", "Load", &filters.level, LEVELS.iter().map(|level| (level.0, level.2))))
            @if has_policy || !filters.policy.is_empty() {
                (select("policy", "Policy", &filters.policy, POLICIES.into_iter()))
            }
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

/// Says so, and shows the way to who searched a vulnerability among the images' names.
fn no_match(filters: &Filters) -> Markup {
    let text = filters.text.trim();
    let finding = words::is_id(text) && text.contains('-');
    page::empty(
        "No image matches",
        &html! {
            p { "No image has all of what the filter asks for. " a href=(PATH) { "Clear the filter" } }
            @if finding {
                p { "If “" (text) "” is a vulnerability: "
                    a href={ "/console/findings/" (text) } { "which images have it?" } }
            }
        },
    )
}
