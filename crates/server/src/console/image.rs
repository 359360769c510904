//! One image: what it is, how completely we could look, what is wrong with it, what is in it.
//!
//! In: the image's id from the URL. Out: three views with one head. Odd: an image without a report has a page too, which
//! says what its scan waits for.

mod coverage;
mod findings;
mod layers;
mod packages;

use axum::{
    Extension, Form,
    extract::{Path, Query, State},
    response::{Html, IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use plimsoll_model::Report;
use plimsoll_store::{ImageRisk, NetType, Origin, RepoType, TaskState, Workload};

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
use crate::context::Context;

/// The views of an image, in the order of the tabs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum View {
    Findings,
    Packages,
    Layers,
}

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
    let body =
        loaded.report.as_ref().map(|report| findings::view(&loaded.path(), report, &filters));
    loaded.page(&context, &session, View::Findings, body).await
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

/// `POST /console/images/{uuid}/scan`
pub(super) async fn scan(
    State(context): State<Context>,
    session: Extension<Session>,
    Path(uuid): Path<String>,
    Form(given): Form<Confirmed>,
) -> Result<Response, Refusal> {
    given.check(&session)?;
    let image = context.store.image(&uuid).await?.ok_or(NOT_FOUND)?;
    context.store.enqueue(&image.manifest_digest, Origin::User, context.clock.now()).await?;
    Ok(Redirect::to(&format!("/console/images/{}", image.uuid)).into_response())
}

const NOT_FOUND: Refusal = Refusal::NotFound(
    "There is no image with this id. Its tag or its registry may have been removed.",
);

/// An image with what is known of it.
struct Loaded {
    risk: ImageRisk,
    report: Option<Report>,
    workloads: Vec<(String, Workload)>,
}

impl Loaded {
    async fn find(context: &Context, uuid: &str) -> Result<Self, Refusal> {
        let risk = context.store.image_risk(uuid).await?.ok_or(NOT_FOUND)?;
        let report = context.store.artifact_report(&risk.image.manifest_digest).await?;
        let workloads = context.store.workloads_of_image(&risk.image.uuid, MOST_WORKLOADS).await?;
        Ok(Self { risk, report, workloads })
    }

    /// The address of the first view.
    fn path(&self) -> String {
        format!("/console/images/{}", self.risk.image.uuid)
    }

    fn name(&self) -> String {
        format!("{}:{}", self.risk.image.path(), self.risk.image.tag)
    }

    async fn page(
        &self,
        context: &Context,
        session: &Session,
        view: View,
        body: Option<Markup>,
    ) -> Result<Html<String>, Refusal> {
        let body = html! {
            p class="crumbs" { a href="/console/images" { "Images" } }
            (self.head())
            div class="two" {
                (self.identity(session))
                (coverage::card(self.report.as_ref(), self.risk.task.as_ref()))
            }
            @if let (Some(report), Some(body)) = (&self.report, body) {
                (self.tabs(report, view))
                (body)
            }
        };
        let page =
            page::page(&self.name(), Section::Images, session, &state(context).await?, &body);
        Ok(page)
    }

    fn head(&self) -> Markup {
        let load = load(&self.risk);
        html! {
            div class="image-head" {
                (picture::mark(load, Some(load.words())))
                div {
                    h1 { (self.name()) }
                    p class={ "verdict-line " (load.class()) } { (load.sentence()) }
                }
            }
        }
    }

    fn identity(&self, session: &Session) -> Markup {
        let image = &self.risk.image;
        let settings = &self.risk.registry.settings;
        let counters = &self.risk.counters;
        let distribution =
            self.report.as_ref().and_then(|report| report.image.distribution.as_deref());
        let known = !matches!(load(&self.risk), Load::Waiting | Load::Unreadable);
        html! {
            section class="card padded" aria-labelledby="identity" {
                h2 id="identity" { "At a glance" }
                dl class="facts" {
                    @if known {
                        dt { "Vulnerabilities" }
                        dd { (images::vulnerability_counts(counters))
                             (images::vulnerability_bar(counters, counters.vulnerabilities())) }
                        dt { "Configuration" }
                        dd { (images::baseline_counts(counters)) }
                        @if counters.malicious() > 0 {
                            dt { "Malicious files" } dd class="level-3" { b { (counters.malicious()) } }
                        }
                    }
                    @if let Some(distribution) = distribution { dt { "Distribution" } dd { (distribution) } }
                    dt { "Registry" }
                    dd { (settings.name) " " span class="muted" { "(" (settings.authority()) ")" } }
                    dt { "Platform, size" } dd { (self.risk.platform) ", " (words::size(image.size)) }
                    dt { "Access" }
                    dd {
                        @match image.repo_type {
                            RepoType::Public => "anybody can pull it",
                            RepoType::Private => "only with an account",
                        }
                        @if settings.net_type == NetType::Intranet { ", in a private network" }
                    }
                    dt { "Tag moved" } dd { (words::moment(image.updated)) }
                    dt { "Manifest" } dd { code { (image.manifest_digest.to_string()) } }
                    @if image.digest != image.manifest_digest {
                        dt { "Index" } dd { code { (image.digest.to_string()) } }
                    }
                    dt { "Image id" } dd { code { (image.image_id.to_string()) } }
                    @if !self.workloads.is_empty() { dt { "Runs as" } dd { (runs_as(&self.workloads)) } }
                    dt { "Scanned" }
                    dd {
                        @match self.risk.scanned { Some(at) => (words::moment(at)), None => "never with success" }
                        (self.scan_again(session))
                    }
                }
            }
        }
    }

    fn scan_again(&self, session: &Session) -> Markup {
        let state = self.risk.task.as_ref().map(|task| task.state);
        html! {
            @match state {
                Some(TaskState::Queued) => " · queued for a scan",
                Some(TaskState::Running) => " · being scanned now",
                _ => form class="inline" method="post" action={ (self.path()) "/scan" } {
                    input type="hidden" name="csrf" value=(session.csrf);
                    button class="quiet" type="submit" { "Scan again" }
                },
            }
        }
    }

    fn tabs(&self, report: &Report, view: View) -> Markup {
        let path = self.path();
        let records = findings::records(report).len();
        let tabs = [
            (View::Findings, path.clone(), "Findings", records),
            (View::Packages, format!("{path}/packages"), "Packages", report.packages.len()),
            (View::Layers, format!("{path}/layers"), "Layers", report.image.layers.len()),
        ];
        html! {
            nav id="views" aria-label="Views of this image" {
                ul class="tabs" {
                    @for (own, address, words, count) in tabs {
                        li { a href={ (address) "#views" } aria-current=[(own == view).then_some("page")] {
                            (words) " " span class="count" { (count) }
                        } }
                    }
                }
            }
        }
    }
}

fn runs_as(workloads: &[(String, Workload)]) -> Markup {
    let mut places: Vec<(&str, &str, &str)> = workloads
        .iter()
        .map(|(cluster, workload)| {
            (cluster.as_str(), workload.namespace.as_str(), workload.app.as_str())
        })
        .collect();
    places.sort_unstable();
    places.dedup();
    html! {
        @for (position, (cluster, namespace, app)) in places.iter().enumerate() {
            @if position > 0 { ", " }
            (app) " " span class="muted" { "(" (namespace) " in " (cluster) ")" }
        }
    }
}
