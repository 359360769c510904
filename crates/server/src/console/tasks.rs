//! Scans as tasks: which run, wait, ended or were given up; cancelling them and asking again.
//!
//! In: a state and a page from the URL; a form's wish. Out: one table; the same page again. Odd: without a script the page stays as
//! it was loaded; the head of every page says how many scans wait and run.

use axum::{
    Extension, Form,
    extract::{Query, State},
    response::{Html, Redirect},
};
use maud::{Markup, html};
use serde::Deserialize;

use super::{
    login::same_session,
    page::{self, Section},
    paging::{self, Address},
    refusal::Refusal,
    session::Session,
    state, words,
};
use crate::{
    context::Context,
    operation::{
        OperationError, error_chain,
        tasks::{
            ListTasks, OfRegistry, TaskList, TaskView, cancel_task, list_tasks, retry_failed,
            retry_task,
        },
    },
};

const PATH: &str = "/console/tasks";
/// Rows of a page.
const ROWS: u32 = 50;
/// The states in the order in which they are offered, with their words.
const STATES: [(&str, &str); 5] = [
    ("running", "running"),
    ("queued", "waiting"),
    ("failed", "given up"),
    ("cancelled", "cancelled"),
    ("done", "done"),
];

/// Which tasks, as it stands in the URL.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Wanted {
    state: String,
    page: String,
}

/// What is to be done, and where the reader is.
#[derive(Deserialize)]
pub(super) struct Wish {
    csrf: String,
    action: String,
    #[serde(default)]
    id: String,
    #[serde(default)]
    state: String,
}

/// `GET /console/tasks`
pub(super) async fn get(
    State(context): State<Context>,
    session: Extension<Session>,
    Query(wanted): Query<Wanted>,
) -> Result<Html<String>, Refusal> {
    let state_word = known(&wanted.state);
    let number = paging::number(&wanted.page);
    let request = ListTasks {
        state: (!state_word.is_empty()).then(|| state_word.to_owned()),
        registry: None,
        page: Some(number),
        page_size: Some(ROWS),
    };
    let list = list_tasks(&context.store, &request).await.map_err(refused)?;
    let address = Address { path: PATH, query: vec![("state", state_word)] };
    let body = html! {
        div class="title" {
            h1 { "Scans" }
            p class="lead" { (states(&list, state_word)) }
        }
        @if list.counts.failed > 0 && matches!(state_word, "" | "failed") {
            form method="post" action=(PATH) {
                input type="hidden" name="csrf" value=(session.csrf);
                input type="hidden" name="state" value=(state_word);
                button class="button" type="submit" name="action" value="retry-failed" {
                    "Try all that were given up again"
                }
            }
        }
        @if list.tasks.is_empty() {
            (page::empty("No scans", &html! {
                p { "A scan is asked for when a registry shows a new image, by a schedule, or on an image’s page." }
            }))
        } @else {
            (table(&list.tasks, state_word, &session))
            (paging::links(&address, number.into(), ROWS.into(), list.meta.total))
        }
    };
    Ok(page::page("Scans", Section::Tasks, &session, &state(&context).await?, &body))
}

/// `POST /console/tasks`
pub(super) async fn post(
    State(context): State<Context>,
    session: Extension<Session>,
    Form(wish): Form<Wish>,
) -> Result<Redirect, Refusal> {
    same_session(&wish.csrf, &session)?;
    let (store, now) = (&context.store, context.clock.now());
    match wish.action.as_str() {
        "cancel" => {
            cancel_task(store, &wish.id, now).await.map_err(refused)?;
        }
        "retry" => {
            retry_task(store, &wish.id, now).await.map_err(refused)?;
        }
        "retry-failed" => {
            retry_failed(store, &OfRegistry::default(), now).await.map_err(refused)?;
        }
        _ => return Err(Refusal::Wrong("There is no such action.".to_owned())),
    }
    let address = Address { path: PATH, query: vec![("state", known(&wish.state))] };
    Ok(Redirect::to(&address.page(1)))
}

/// A state's word; empty: all.
fn known(word: &str) -> &'static str {
    STATES.iter().find(|(state, _)| *state == word).map_or("", |(state, _)| *state)
}

fn refused(error: OperationError) -> Refusal {
    match error {
        OperationError::Store(error) => error.into(),
        OperationError::NotFound { .. } => Refusal::NotFound("There is no such scan."),
        other => Refusal::Wrong(error_chain(&other)),
    }
}

/// How many are in which state, as links to them.
fn states(list: &TaskList, chosen: &str) -> Markup {
    let counts = &list.counts;
    let count = |state: &str| match state {
        "running" => counts.running,
        "queued" => counts.queued,
        "failed" => counts.failed,
        "cancelled" => counts.cancelled,
        _ => counts.done,
    };
    html! {
        @for (place, (state, word)) in STATES.into_iter().enumerate() {
            @if place > 0 { ", " }
            @if state == chosen {
                b { (count(state)) " " (word) }
            } @else {
                a href={ (PATH) "?state=" (state) } { (count(state)) " " (word) }
            }
        }
        @if !chosen.is_empty() { " · " a href=(PATH) { "all" } }
    }
}

fn table(tasks: &[TaskView], chosen: &str, session: &Session) -> Markup {
    html! {
        div class="card table" {
            table role="table" {
                caption class="hidden" { "Scans" }
                thead role="rowgroup" { tr role="row" {
                    @for head in ["Image", "How it stands", "Asked for by", "Since", "What to do"] {
                        th role="columnheader" scope="col" { (head) }
                    }
                } }
                tbody role="rowgroup" { @for task in tasks { (row(task, chosen, session)) } }
            }
        }
    }
}

fn row(task: &TaskView, chosen: &str, session: &Session) -> Markup {
    let is_open = matches!(task.state.as_str(), "queued" | "running");
    let since = if is_open { task.queued } else { task.finished.unwrap_or(task.queued) };
    html! {
        tr role="row" {
            th role="rowheader" scope="row" class="wrap" {
                @match &task.image { Some(image) => (image), None => (task.digest.to_string()) }
                @if let Some(registry) = &task.registry { span class="meta" { (registry) } }
                @if let Some(tenant) = &task.tenant { span class="meta" { "tenant " (tenant) } }
            }
            td role="cell" data-label="How it stands" class="wrap" { (standing(task)) }
            td role="cell" data-label="Asked for by" { (task.origin) }
            td role="cell" data-label="Since" { (words::moment(since)) }
            td role="cell" data-label="What to do" {
                form class="inline" method="post" action=(PATH) {
                    input type="hidden" name="csrf" value=(session.csrf);
                    input type="hidden" name="id" value=(task.id);
                    input type="hidden" name="state" value=(chosen);
                    @if is_open {
                        button class="quiet" type="submit" name="action" value="cancel" { "Cancel" }
                    } @else {
                        button class="quiet" type="submit" name="action" value="retry" { "Scan again" }
                    }
                }
            }
        }
    }
}

/// The state in words, with what went wrong.
fn standing(task: &TaskView) -> Markup {
    let tried = words::count(task.attempts.into(), "attempt");
    html! {
        @match task.state.as_str() {
            "running" => { "Running" @if task.attempts > 1 { ", the " (task.attempts) ". attempt" } },
            "queued" => {
                "Waiting"
                @if let (Some(due), true) = (task.due, task.attempts > 0) {
                    " until " (words::moment(due)) " after " (tried)
                }
            },
            "failed" => {
                b class="level-3" { "Given up" } ": "
                @match task.reason.as_deref() {
                    Some("final") => "another attempt would end the same",
                    Some("worker-lost") => "its worker died during the last attempt",
                    Some("unreadable") => "the image cannot be read",
                    _ => { "after " (tried) },
                }
            },
            "cancelled" => "Cancelled",
            _ => "Done",
        }
        @if let (Some(error), true) = (&task.error, task.state != "done") {
            span class="meta" { (error) }
        }
    }
}
