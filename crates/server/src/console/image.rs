//! One image: what it is, how completely we could look, what is wrong with it, what is in it.
//!
//! In: the image's id from the URL. Out: four views with one head. Odd: an image without a report has a page too, which
//! says what its scan waits for.

mod about;
mod build;
mod coverage;
mod findings;
mod history;
pub(super) mod ignore;
mod layers;
mod packages;
mod policy;

use axum::{
    Extension, Form,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{Html, IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use plimsoll_model::{Kind, Report, Timestamp};
use plimsoll_scanner::upgrades;
use plimsoll_store::{IgnoredRecord, ImageRisk, LeadFinding, Workload};

use super::{
    images::{self, load},
    load::Load,
    login::Confirmed,
    page::{self, Section},
    picture,
    refusal::Refusal,
    session::Session,
    state, words,
};
use crate::{
    context::Context,
    operation::images::{DecisionView, queue_scan},
};

/// The views of an image, in the order of the tabs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum View {
    Findings,
    Kind(Kind),
    Packages,
    Layers,
    History,
}

/// The kinds that have a tab, in its place.
const KINDS: &[Kind] =
    &[Kind::Vulnerability, Kind::Baseline, Kind::Malware, Kind::Secret, Kind::Build, Kind::License];

/// Workloads shown at most.
const MOST_WORKLOADS: u32 = 50;

/// `GET /console/images/{uuid}`
pub(super) async fn findings(
    State(context): State<Context>,
    session: Extension<Session>,
    Path(uuid): Path<String>,
    Query(filters): Query<findings::Filters>,
) -> Result<Html<String>, Refusal> {
    let loaded = Loaded::find(&context, &uuid).await?;
    let body = loaded.findings(&session, None, &filters);
    loaded.page(&context, &session, View::Findings, body).await
}

/// `GET /console/images/{uuid}/findings/{kind}`
pub(super) async fn findings_of_kind(
    State(context): State<Context>,
    session: Extension<Session>,
    Path((uuid, kind)): Path<(String, String)>,
    Query(filters): Query<findings::Filters>,
) -> Result<Html<String>, Refusal> {
    let kind: Kind =
        kind.parse().map_err(|_unknown| Refusal::NotFound("There is no such kind of finding."))?;
    let loaded = Loaded::find(&context, &uuid).await?;
    let body = loaded.findings(&session, Some(kind), &filters);
    loaded.page(&context, &session, View::Kind(kind), body).await
}

/// `GET /console/images/{uuid}/packages`
pub(super) async fn packages(
    State(context): State<Context>,
    session: Extension<Session>,
    Path(uuid): Path<String>,
    Query(filters): Query<packages::Filters>,
) -> Result<Html<String>, Refusal> {
    let loaded = Loaded::find(&context, &uuid).await?;
    let body =
        loaded.report.as_ref().map(|report| packages::view(&loaded.path(), report, &filters));
    loaded.page(&context, &session, View::Packages, body).await
}

/// `GET /console/images/{uuid}/layers`
pub(super) async fn layers(
    State(context): State<Context>,
    session: Extension<Session>,
    Path(uuid): Path<String>,
) -> Result<Html<String>, Refusal> {
    let loaded = Loaded::find(&context, &uuid).await?;
    let body = loaded.report.as_ref().map(layers::view);
    loaded.page(&context, &session, View::Layers, body).await
}

/// `GET /console/images/{uuid}/history`
pub(super) async fn history(
    State(context): State<Context>,
    session: Extension<Session>,
    Path(uuid): Path<String>,
) -> Result<Html<String>, Refusal> {
    let loaded = Loaded::find(&context, &uuid).await?;
    let counters = context.store.counter_history(&uuid, history::MOST_COUNTERS).await?;
    let since = Timestamp::default();
    let changes = context.store.image_changes_since(&uuid, since, history::MOST_CHANGES).await?;
    let body = history::view(&counters, &changes, context.clock.now());
    loaded.page(&context, &session, View::History, Some(body)).await
}

/// `POST /console/images/{uuid}/scan`
pub(super) async fn scan(
    State(context): State<Context>,
    session: Extension<Session>,
    Path(uuid): Path<String>,
    Form(given): Form<Confirmed>,
) -> Result<Response, Refusal> {
    given.check(&session)?;
    let image = context.store.image(&uuid).await?.ok_or(NOT_FOUND)?;
    if queue_scan(&context.store, &image, context.clock.now()).await?.is_none() {
        return Err(OF_A_BUILD);
    }
    Ok(Redirect::to(&format!("/console/images/{}", image.uuid)).into_response())
}

const OF_A_BUILD: Refusal = Refusal::Refused(
    StatusCode::CONFLICT,
    "A build reported this image, and its next report is its next scan: plimsoll scan --report-to.",
);

const NOT_FOUND: Refusal = Refusal::NotFound(
    "There is no image with this id. Its tag or its registry may have been removed.",
);

/// An image with what is known of it.
struct Loaded {
    risk: ImageRisk,
    report: Option<Report>,
    lead: Option<LeadFinding>,
    /// What rules ignore in it.
    ignored: Vec<IgnoredRecord>,
    workloads: Vec<(String, Workload)>,
}

impl Loaded {
    async fn find(context: &Context, uuid: &str) -> Result<Self, Refusal> {
        let risk = context.store.image_risk(uuid).await?.ok_or(NOT_FOUND)?;
        let report = context.store.image_report(&risk.image.uuid).await?;
        let uuid = &risk.image.uuid;
        let lead = context.store.lead_findings(std::slice::from_ref(uuid)).await?.remove(uuid);
        let workloads = context.store.workloads_of_image(&risk.image.uuid, MOST_WORKLOADS).await?;
        let ignored = context.store.ignored_records(uuid).await?;
        Ok(Self { risk, report, lead, ignored, workloads })
    }

    /// Findings of a kind, or all.
    fn findings(
        &self,
        session: &Session,
        kind: Option<Kind>,
        filters: &findings::Filters,
    ) -> Option<Markup> {
        let report = self.report.as_ref()?;
        let forms = ignore::Forms::new(&self.path(), session, kind, &self.ignored);
        if kind == Some(Kind::Build) && !report.build.is_empty() {
            return Some(build::view(report, &findings::Around::new(report, &forms)));
        }
        Some(findings::view(&self.path(), report, (kind, filters), &forms))
    }

    /// The address of the first view.
    fn path(&self) -> String {
        format!("/console/images/{}", self.risk.image.uuid)
    }

    fn name(&self) -> String {
        format!("{}:{}", self.risk.image.path(), self.risk.image.tag)
    }

    /// The name with its registry, as the policy sees it.
    fn full_name(&self) -> String {
        format!("{}/{}", self.risk.registry.settings.authority(), self.name())
    }

    async fn page(
        &self,
        context: &Context,
        session: &Session,
        view: View,
        body: Option<Markup>,
    ) -> Result<Html<String>, Refusal> {
        let coverage = coverage::card(self.report.as_ref(), self.risk.task.as_ref());
        let about = about::card(self, session);
        let policy = context.policy.as_deref().map(|policy| {
            let (name, report) = (self.full_name(), self.report.clone());
            policy::card(&DecisionView::of(policy, &name, report, context.clock.now()).decision)
        });
        let body = html! {
            nav class="crumbs" aria-label="Where you are" { a href="/console/images" { "Images" } }
            (self.head())
            @match (&self.report, body) {
                (Some(report), Some(body)) => {
                    (self.summary())
                    div class="columns" {
                        div { (self.tabs(report, view)) (body) }
                        div class="aside" { @if let Some(policy) = &policy { (policy) } (coverage) (about) }
                    }
                },
                _ => div class="columns" {
                    (coverage) div class="aside" { @if let Some(policy) = &policy { (policy) } (about) }
                },
            }
        };
        let title = match view {
            View::Findings => self.name(),
            View::Kind(kind) => format!("{} of {}", words::kinds(kind), self.name()),
            View::Packages => format!("Packages of {}", self.name()),
            View::Layers => format!("Layers of {}", self.name()),
            View::History => format!("History of {}", self.name()),
        };
        Ok(page::page(&title, Section::Images, session, &state(context).await?, &body))
    }

    /// The verdict, and the one thing to begin with.
    fn head(&self) -> Markup {
        let load = load(&self.risk);
        html! {
            header class="image-head" {
                (picture::mark(load, Some(load.words())))
                div {
                    h1 { (self.name()) }
                    p class={ "verdict-line " (load.class()) } { (load.sentence()) }
                    @if let Some(lead) = &self.lead && lead.kind == Kind::Malware {
                        p class="begin" {
                            "Begin here: " b { (words::sentence(&lead.title)) } " "
                            span class="muted" { "(" code { (images::place(lead)) } ")" }
                        }
                    }
                    @if let Some(lead) = &self.lead && let Some(line) = images::lead_line(lead) {
                        p class="begin" {
                            "Begin here: " b { (line) } " "
                            span class="muted" {
                                "(" (lead.id)
                                @if let Some(tenths) = lead.tenths { ", " (tenths / 10) "." (tenths % 10) " of 15" }
                                ")"
                            }
                        }
                    }
                    // An urgent finding's own fix may leave others open that one update ends with it.
                    @if let Some(update) = self.report.as_ref().and_then(|report| upgrades(report).into_iter().next()) {
                        p class="begin" {
                            "Ends most: "
                            b { "Update " (update.package) " " (update.installed) " to " (update.version) }
                            span class="muted" {
                                " (" (update.asap.len()) " asap, " (update.later.len()) " later)"
                            }
                        }
                    }
                }
            }
        }
    }

    /// How badly, and how completely we could look.
    fn summary(&self) -> Markup {
        let counters = &self.risk.counters;
        let known = !matches!(load(&self.risk), Load::Waiting | Load::Unreadable);
        html! {
            dl class="card summary" {
                @if known {
                    div {
                        dt { "Vulnerabilities" }
                        dd { (images::vulnerability_counts(counters))
                             (images::vulnerability_bar(counters, counters.vulnerabilities())) }
                    }
                    div {
                        dt { "Failed configuration checks" }
                        dd { (images::baseline_counts(counters))
                             (images::baseline_bar(counters, counters.baseline())) }
                    }
                    div { dt { "Malicious files" } dd { (images::malicious_files(counters)) } }
                }
                @if let Some(policy) = self.risk.policy {
                    div {
                        dt { "Policy" }
                        dd { (images::policy_badge(policy)) " " a class="small" href="#policy" { "Why" } }
                    }
                }
                @if let Some(verdict) = self.risk.verdict {
                    div {
                        dt { "Coverage" }
                        dd { (images::badge(verdict)) " " a class="small" href="#coverage" { "What was looked at" } }
                    }
                }
            }
            @if known { (images::key()) }
        }
    }

    fn tabs(&self, report: &Report, view: View) -> Markup {
        let path = self.path();
        let records = findings::records(report);
        // What counts, as the image's numbers and the API's lists have it; the rest stands behind it in each view.
        let open = || records.iter().filter(|record| record.lead.is_open());
        let mut tabs = vec![(View::Findings, path.clone(), "Findings", Some(open().count()))];
        for kind in KINDS {
            let of_kind = open().filter(|record| record.lead.kind == *kind).count();
            let is_known = records.iter().any(|record| record.lead.kind == *kind);
            // Licences are refused only where somebody asks for it.
            if is_known || *kind != Kind::License || view == View::Kind(*kind) {
                let address = format!("{path}/findings/{kind}");
                tabs.push((View::Kind(*kind), address, words::kinds(*kind), Some(of_kind)));
            }
        }
        tabs.extend([
            (View::Packages, format!("{path}/packages"), "Packages", Some(report.packages.len())),
            (View::Layers, format!("{path}/layers"), "Layers", Some(report.image.layers.len())),
            (View::History, format!("{path}/history"), "History", None),
        ]);
        html! {
            nav id="views" aria-label="Views of this image" {
                ul class="tabs" {
                    @for (own, address, words, count) in tabs {
                        li { a href={ (address) "#views" } aria-current=[(own == view).then_some("page")] {
                            (words) @if let Some(count) = count { " " span class="count" { (count) } }
                        } }
                    }
                }
            }
        }
    }
}
