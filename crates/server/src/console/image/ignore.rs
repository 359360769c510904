//! Deciding about a finding where it stands: it does not count, or it counts again.
//!
//! In: forms below findings. Out: ignore rules, made and taken back. Source: `docs/ignore.md`. Odd: the console has one account, so
//! whoever decides writes a name; a rule that holds in more than this image says so on its button.

use std::collections::BTreeMap;

use axum::{
    Extension, Form,
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use plimsoll_model::{Finding, Kind, Subject};
use plimsoll_store::IgnoredRecord;
use serde::Deserialize;

use crate::{
    console::{login::same_session, refusal::Refusal, session::Session},
    context::Context,
    operation::{
        OperationError, error_chain,
        ignore::{WriteIgnoreRule, add_ignore_rule, remove_ignore_rule},
    },
};

/// What the forms of one page share.
pub(super) struct Forms {
    /// Address of the image's page.
    path: String,
    csrf: String,
    /// The tab to come back to; empty: the first.
    back: &'static str,
    /// Where each rule holds that ignores something here.
    rules: BTreeMap<i64, String>,
}

/// What is filled in to ignore something.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(in crate::console) struct Ignored {
    csrf: String,
    kind: String,
    id: String,
    path: String,
    md5: String,
    scope: String,
    reason: String,
    author: String,
    false_positive: String,
    back: String,
}

/// What is sent to let something count again.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(in crate::console) struct TakenBack {
    csrf: String,
    rule: String,
    back: String,
}

/// `POST /console/images/{uuid}/ignore`
pub(in crate::console) async fn add(
    State(context): State<Context>,
    session: Extension<Session>,
    Path(uuid): Path<String>,
    Form(given): Form<Ignored>,
) -> Result<Response, Refusal> {
    same_session(&given.csrf, &session)?;
    let image = context.store.image(&uuid).await?.ok_or(super::NOT_FOUND)?;
    let kind = given.kind.parse::<Kind>().map_err(|error| Refusal::Wrong(error.to_string()))?;
    let (only, repositories) = match given.scope.as_str() {
        "image" => (Some(image.uuid.clone()), None),
        "repository" => (None, Some(vec![image.path()])),
        "everywhere" => (None, None),
        _ => return Err(Refusal::Wrong("Say where it does not count.".to_owned())),
    };
    let request = WriteIgnoreRule {
        kind,
        vulnerability: given.id,
        path: Some(given.path).filter(|path| !path.is_empty()),
        md5: Some(given.md5).filter(|md5| !md5.is_empty()),
        false_positive: !given.false_positive.is_empty(),
        image: only,
        repositories,
        reason: given.reason,
        author: given.author,
        ..WriteIgnoreRule::default()
    };
    add_ignore_rule(&context.store, &request, context.clock.now()).await.map_err(refused)?;
    Ok(back_to(&image.uuid, &given.back))
}

/// `POST /console/images/{uuid}/count-again`
pub(in crate::console) async fn take_back(
    State(context): State<Context>,
    session: Extension<Session>,
    Path(uuid): Path<String>,
    Form(given): Form<TakenBack>,
) -> Result<Response, Refusal> {
    same_session(&given.csrf, &session)?;
    let image = context.store.image(&uuid).await?.ok_or(super::NOT_FOUND)?;
    let now = context.clock.now();
    remove_ignore_rule(&context.store, &given.rule, now).await.map_err(refused)?;
    Ok(back_to(&image.uuid, &given.back))
}

fn refused(error: OperationError) -> Refusal {
    match error {
        OperationError::Store(error) => error.into(),
        other => Refusal::Wrong(error_chain(&other)),
    }
}

/// The tab that the form stood on.
fn back_to(uuid: &str, back: &str) -> Response {
    let tab = back.parse::<Kind>().map(|kind| format!("/findings/{kind}")).unwrap_or_default();
    Redirect::to(&format!("/console/images/{uuid}{tab}#views")).into_response()
}

impl Forms {
    pub(super) fn new(
        path: &str,
        session: &Session,
        back: Option<Kind>,
        ignored: &[IgnoredRecord],
    ) -> Self {
        Self {
            path: path.to_owned(),
            csrf: session.csrf.clone(),
            back: back.map_or("", Kind::as_str),
            rules: ignored.iter().map(|one| (one.rule.id, one.rule.rule.place())).collect(),
        }
    }

    /// What can be decided about a finding.
    pub(super) fn of(&self, finding: &Finding) -> Markup {
        match &finding.suppressed {
            None => self.ignore(finding),
            Some(suppressed) => {
                let number = suppressed.advisory.strip_prefix("rule ");
                let rule = number.and_then(|number| number.parse().ok());
                match rule.filter(|_| finding.is_ignored()) {
                    Some(rule) => self.count_again(rule),
                    None => html! {},
                }
            }
        }
    }

    fn ignore(&self, finding: &Finding) -> Markup {
        // Of files, only what lies in this one, as long as it is the same.
        let (path, md5) = match (finding.kind, &finding.subject) {
            (Kind::Malware | Kind::Secret, Subject::Path(path)) => {
                (path.as_str(), finding.extra.get("md5").map_or("", String::as_str))
            }
            _ => ("", ""),
        };
        html! {
            details class="decide" {
                summary { "Ignore this" }
                form method="post" action={ (self.path) "/ignore" } {
                    input type="hidden" name="csrf" value=(self.csrf);
                    input type="hidden" name="back" value=(self.back);
                    input type="hidden" name="kind" value=(finding.kind.as_str());
                    input type="hidden" name="id" value=(finding.id);
                    input type="hidden" name="path" value=(path);
                    input type="hidden" name="md5" value=(md5);
                    label { "Where " select name="scope" {
                        option value="image" { "in this image" }
                        option value="repository" { "in this repository" }
                        option value="everywhere" { "everywhere" }
                    } }
                    label { "Why " input name="reason" required maxlength="1000" placeholder="Why it does not count"; }
                    label { "Who decides " input name="author" required maxlength="200" autocomplete="name"; }
                    label class="check" { input type="checkbox" name="false_positive" value="yes"; " False positive" }
                    button class="button" type="submit" { "Ignore" }
                }
            }
        }
    }

    fn count_again(&self, rule: i64) -> Markup {
        let place = self.rules.get(&rule);
        html! {
            form class="decide" method="post" action={ (self.path) "/count-again" } {
                input type="hidden" name="csrf" value=(self.csrf);
                input type="hidden" name="back" value=(self.back);
                input type="hidden" name="rule" value=(rule);
                button class="quiet" type="submit" {
                    "Take rule " (rule) " back"
                    @if let Some(place) = place { ", which holds " (place_words(place)) }
                }
            }
        }
    }
}

/// Where a rule holds, as it reads on this image's page.
fn place_words(place: &str) -> String {
    match place {
        "everywhere" => place.to_owned(),
        _ if place.starts_with("image ") => "in this image".to_owned(),
        _ => format!("in {place}"),
    }
}
