//! Pages that say why there is no page.
//!
//! In: an error, or an address that leads nowhere. Out: a short page with a way back. Odd: what went wrong inside is in
//! the log; the page says only that something did.

use std::borrow::Cow;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use maud::html;
use plimsoll_store::StoreError;

use super::{load::Load, page, picture};
use crate::{
    operation::error_chain,
    serve::{AWAY_SECONDS, BodyError},
};

/// Why a page cannot be shown.
#[derive(Debug)]
pub(super) enum Refusal {
    /// There is no such thing.
    NotFound(&'static str),
    /// The request cannot be taken.
    Refused(StatusCode, &'static str),
    /// What was filled in cannot be.
    Wrong(String),
    /// The database, or a task of ours.
    Inside(String),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        if error.is_transient() {
            tracing::error!(error = error_chain(&error), "console page failed");
            let words =
                "The database does not answer at the moment. Load the page again in a while.";
            return Self::Refused(StatusCode::SERVICE_UNAVAILABLE, words);
        }
        Self::Inside(error_chain(&error))
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::Length(_) => Self::Refused(
                StatusCode::PAYLOAD_TOO_LARGE,
                "The form is too large, or ended early.",
            ),
            BodyError::Time => {
                Self::Refused(StatusCode::REQUEST_TIMEOUT, "The form took too long to arrive.")
            }
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, title, words) = match self {
            Self::NotFound(words) => (StatusCode::NOT_FOUND, "Not found", Cow::Borrowed(words)),
            Self::Refused(status, words) => (status, "Not done", Cow::Borrowed(words)),
            Self::Wrong(words) => (StatusCode::BAD_REQUEST, "Not done", Cow::Owned(words)),
            Self::Inside(error) => {
                tracing::error!(%error, "console page failed");
                let words = "The server could not make this page. Its log says why.";
                (StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong", Cow::Borrowed(words))
            }
        };
        let body = html! {
            main class="entrance" id="content" {
                div class="card" {
                    p class="brand" { (picture::mark(Load::At, None)) "Plimsoll" }
                    h1 { (title) }
                    p { (words) }
                    p { a href="/console/images" { "To the risk list" } }
                }
            }
        };
        let mut response = (status, page::document(title, &body)).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            let seconds = HeaderValue::from(AWAY_SECONDS);
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}

/// Any other address below `/console/`.
pub(super) async fn nothing_here() -> Refusal {
    Refusal::NotFound("There is no such page.")
}
