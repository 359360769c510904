//! Who is told of changes: the list, and the form to add somebody.
//!
//! In: which channel's form is shown; the form. Out: subscriptions by name, one added. Source: `docs/notifications.md`. Odd: without a
//! script a form cannot change with what is chosen in it, so that each channel has a form of its own, with what the channel takes;
//! a secret that was made is shown once, in the answer to the form, and never again.

mod form;
pub(super) mod one;

use axum::{
    Extension, Form,
    extract::{Query, State},
    response::{Html, IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use plimsoll_model::Priority;
use plimsoll_store::{Delivery, Wanted};
use serde::Deserialize;

use super::{
    login::same_session,
    page::{self, Section},
    refusal::Refusal,
    session::Session,
    state, words,
};
use crate::{
    context::Context,
    operation::{
        OperationError, error_chain,
        subscriptions::{SubscriptionView, add_subscription, list_subscriptions},
    },
};

const PATH: &str = "/console/subscriptions";

/// Which form is shown.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Shown {
    channel: String,
}

/// `GET /console/subscriptions`
pub(super) async fn get(
    State(context): State<Context>,
    session: Extension<Session>,
    Query(shown): Query<Shown>,
) -> Result<Html<String>, Refusal> {
    let listed = list_subscriptions(&context.store).await.map_err(refused)?.subscriptions;
    let body = html! {
        div class="title" {
            h1 { "Notifications" }
            p class="lead" { "Who is told when a refresh of the advisories, or a scan, finds something new." }
        }
        @if listed.is_empty() {
            (page::empty("Nobody is told yet", &html! {
                p { "Add an address below: a webhook of yours, mail, or a chat." }
            }))
        } @else {
            (table(&listed))
        }
        (form::form(&shown.channel, &session))
    };
    frame("Notifications", &session, &context, &body).await
}

/// `POST /console/subscriptions`
pub(super) async fn add(
    State(context): State<Context>,
    session: Extension<Session>,
    Form(given): Form<form::Given>,
) -> Result<Response, Refusal> {
    same_session(&given.csrf, &session)?;
    let request = given.request().map_err(Refusal::Wrong)?;
    let added = add_subscription(&context.store, &request, context.clock.now()).await;
    let added = added.map_err(refused)?;
    let page = one::address(&added.subscription.name);
    let Some(secret) = added.secret else { return Ok(Redirect::to(&page).into_response()) };
    let body = html! {
        div class="title" { h1 class="wrap" { (added.subscription.name) " is added" } }
        div class="card padded stack" {
            p { "Messages are signed with this secret, which the receiver checks them by. "
                strong { "Copy it now: it is not shown again." } }
            p { code class="secret" { (secret) } }
            p { a class="next" href=(page) { "To the subscription, to send a sample" } }
        }
    };
    Ok(frame("Added", &session, &context, &body).await?.into_response())
}

/// The page around a body.
async fn frame(
    title: &str,
    session: &Session,
    context: &Context,
    body: &Markup,
) -> Result<Html<String>, Refusal> {
    Ok(page::page(title, Section::Subscriptions, session, &state(context).await?, body))
}

fn refused(error: OperationError) -> Refusal {
    match error {
        OperationError::Store(error) => error.into(),
        other => Refusal::Wrong(error_chain(&other)),
    }
}

fn table(listed: &[SubscriptionView]) -> Markup {
    html! {
        div class="card table" {
            table role="table" {
                caption class="hidden" { "Subscriptions" }
                thead role="rowgroup" { tr role="row" {
                    @for head in ["Name", "Where", "Of what", "When", "Messages"] {
                        th role="columnheader" scope="col" { (head) }
                    }
                } }
                tbody role="rowgroup" { @for one in listed { (row(one)) } }
            }
        }
    }
}

fn row(one: &SubscriptionView) -> Markup {
    html! {
        tr role="row" {
            th role="rowheader" scope="row" {
                a class="image-name" href=(one::address(&one.name)) { (one.name) }
                span class="meta" { (one.channel) }
            }
            td role="cell" data-label="Where" class="wrap" { (one.destination) }
            td role="cell" data-label="Of what" class="wrap" { (of_what(&one.wanted)) }
            td role="cell" data-label="When" { (when(one.wanted.delivery)) }
            td role="cell" data-label="Messages" { (messages(one)) }
        }
    }
}

/// How many messages wait, arrived and did not.
fn messages(one: &SubscriptionView) -> Markup {
    let count = |state: &str| one.messages.get(state).copied().unwrap_or_default();
    let (waiting, failed) = (count("queued") + count("running"), count("failed"));
    html! {
        span class="whole" { (count("done")) " arrived" }
        @if waiting > 0 { ", " span class="whole" { (waiting) " waiting" } }
        @if failed > 0 { ", " b class="level-3 whole" { (failed) " given up" } }
    }
}

/// What is told, and of which images.
fn of_what(wanted: &Wanted) -> String {
    let mut parts = vec![wanted.minimum.map_or("every change", from).to_owned()];
    for (what, patterns) in [
        ("registries", &wanted.registries),
        ("namespaces", &wanted.namespaces),
        ("repositories", &wanted.repositories),
    ] {
        if !patterns.is_empty() {
            parts.push(format!("{what} {}", patterns.join(", ")));
        }
    }
    if wanted.running {
        parts.push("running images only".to_owned());
    }
    if !wanted.new_images {
        parts.push("without new images".to_owned());
    }
    parts.join("; ")
}

fn when(delivery: Delivery) -> String {
    match delivery {
        Delivery::Instant => "at once".to_owned(),
        Delivery::Digest { hour } => format!("daily at {hour:02}:00 UTC"),
        Delivery::Split { from, hour } => {
            format!("{} at once, the rest daily at {hour:02}:00 UTC", self::from(from))
        }
    }
}

/// What has a priority, or a higher one.
const fn from(priority: Priority) -> &'static str {
    match priority {
        Priority::Asap => "what is to be fixed as soon as possible",
        Priority::Later => "what is to be fixed, now or later",
        Priority::Nntf => "every vulnerability",
    }
}
