//! One subscription: what it is, its latest messages, and what can be done with it.
//!
//! In: a name, in the address or the form. Out: the page; a sample sent, messages tried again, the subscription removed. Odd: names may
//! hold anything, so that they stand in the query; whether a sample arrived is told by its row among the messages.

use axum::{
    Extension, Form,
    extract::{Query, State},
    response::{Html, IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use serde::Deserialize;

use super::{PATH, Refusal, Session, frame, of_what, refused, same_session, when};
use crate::{
    console::words,
    context::Context,
    operation::{
        OperationError,
        subscriptions::{
            MessageView, remove_subscription, retry_subscription, show_subscription,
            test_subscription,
        },
    },
};

/// Which one.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(in crate::console) struct Named {
    name: String,
}

/// What is to be done.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(in crate::console) struct Wish {
    csrf: String,
    name: String,
    action: String,
}

/// The address of its page.
pub(super) fn address(name: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("name", name).finish();
    format!("{PATH}/one?{query}")
}

/// `GET /console/subscriptions/one?name=…`
pub(in crate::console) async fn get(
    State(context): State<Context>,
    session: Extension<Session>,
    Query(named): Query<Named>,
) -> Result<Html<String>, Refusal> {
    let shown = show_subscription(&context.store, &named.name).await.map_err(missing)?;
    let one = &shown.subscription;
    let given_up = one.messages.get("failed").copied().unwrap_or_default();
    let body = html! {
        p class="crumbs" { a href=(PATH) { "Notifications" } }
        div class="title" {
            h1 class="wrap" { (one.name) }
            p class="lead" { (one.channel) ", " (one.destination) }
        }
        div class="card padded" {
            dl class="facts" {
                dt { "Of what" } dd { (of_what(&one.wanted)) }
                dt { "When" } dd { (when(one.wanted.delivery)) }
                dt { "Secret" } dd { @if one.has_secret { "there is one" } @else { "none" } }
                dt { "Since" } dd { (words::moment(one.created)) }
            }
            div class="wishes" {
                (button(&session, &one.name, "test", "Send a sample", "button"))
                @if given_up > 0 {
                    (button(&session, &one.name, "retry", "Try again what was given up", "quiet"))
                }
                details class="decide" {
                    summary { "Remove it" }
                    (button(&session, &one.name, "remove", "Remove it with its messages", "quiet"))
                }
            }
        }
        section class="group messages" id="messages" aria-labelledby="messages-title" {
            h2 id="messages-title" { "Latest messages" }
            @if shown.latest.is_empty() { p { "None yet." } } @else { (messages(&shown.latest)) }
        }
    };
    frame(&one.name, &session, &context, &body).await
}

/// `POST /console/subscriptions/one`
pub(in crate::console) async fn post(
    State(context): State<Context>,
    session: Extension<Session>,
    Form(wish): Form<Wish>,
) -> Result<Response, Refusal> {
    same_session(&wish.csrf, &session)?;
    let (store, now) = (&context.store, context.clock.now());
    let page = format!("{}#messages", address(&wish.name));
    let to = match wish.action.as_str() {
        "test" => {
            test_subscription(store, &wish.name, &context.clock).await.map_err(missing)?;
            page
        }
        "retry" => {
            retry_subscription(store, &wish.name, now).await.map_err(missing)?;
            page
        }
        "remove" => {
            remove_subscription(store, &wish.name).await.map_err(missing)?;
            PATH.to_owned()
        }
        _ => return Err(Refusal::Wrong("Say what is to be done.".to_owned())),
    };
    Ok(Redirect::to(&to).into_response())
}

fn missing(error: OperationError) -> Refusal {
    match error {
        OperationError::NotFound { .. } => Refusal::NotFound("There is no such subscription."),
        other => refused(other),
    }
}

fn button(session: &Session, name: &str, action: &str, words: &str, class: &str) -> Markup {
    html! {
        form method="post" action={ (PATH) "/one" } {
            input type="hidden" name="csrf" value=(session.csrf);
            input type="hidden" name="name" value=(name);
            input type="hidden" name="action" value=(action);
            button class=(class) type="submit" { (words) }
        }
    }
}

fn messages(latest: &[MessageView]) -> Markup {
    html! {
        div class="card table" {
            table role="table" {
                caption class="hidden" { "Latest messages" }
                thead role="rowgroup" { tr role="row" {
                    @for head in ["Queued", "What", "State", "Attempts", "Why it failed"] {
                        th role="columnheader" scope="col" { (head) }
                    }
                } }
                tbody role="rowgroup" {
                    @for message in latest {
                        tr role="row" {
                            th role="rowheader" scope="row" { (words::moment(message.created)) }
                            td role="cell" data-label="What" { (what(&message.kind)) }
                            td role="cell" data-label="State" { (progress(message)) }
                            td role="cell" data-label="Attempts" class="number" { (message.attempts) }
                            td role="cell" data-label="Why it failed" class="wrap" {
                                @match &message.error { Some(error) => (error), None => "–" }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn what(kind: &str) -> &str {
    match kind {
        "changed" => "a refresh",
        "digest" => "a day",
        "scanned" => "a new image",
        "test" => "a sample",
        other => other,
    }
}

fn progress(message: &MessageView) -> Markup {
    html! {
        @match message.state.as_str() {
            "done" => b class="level-0" { "arrived" },
            "failed" => b class="level-3" { "given up" },
            "running" => "on its way",
            _ => { "waits until " (words::moment(message.due)) },
        }
    }
}
