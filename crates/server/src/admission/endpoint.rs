//! The address that the API server asks.
//!
//! In: `POST /validate`. Out: an `AdmissionReview`. Source: Kubernetes, "Dynamic Admission Control". Odd:
//! * Whoever reaches the address may ask: API servers show no certificate unless a cluster is set up so. It changes nothing, and says of
//!   images what their policy says; a network policy is what keeps others away.
//! * A body that is no review has no name to answer to: it gets 400, and the cluster's `failurePolicy` decides.
//! * API servers say in the query how long they wait; an answer comes before that.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Bytes, to_bytes},
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use tokio::time::{Instant, timeout_at};

use super::{answer::Answer, metrics::Outcome, request::ReviewRequest, review::Reviewer};
use crate::{metrics::exposition::CONTENT_TYPE, stop::Stop};

/// Largest body: the API server takes objects of 3 MiB, and an update brings the former one along.
const LARGEST: usize = 8 << 20;
/// Of the time that an API server says it waits, what is used.
const PART: f64 = 0.8;

/// What the addresses have in their hands.
#[derive(Clone)]
pub(super) struct Endpoint {
    /// Answers.
    pub(super) reviewer: Arc<Reviewer>,
    /// Whether the process ends.
    pub(super) stop: Stop,
    /// Until when it is not asked without a store: whoever has just begun mostly finds it, and others have it already.
    pub(super) patient_until: Instant,
}

/// On the address of the webhook.
pub(super) fn router(endpoint: Endpoint) -> Router {
    probes().route("/validate", post(validate)).with_state(endpoint)
}

/// On an address of its own.
pub(super) fn router_with_metrics(endpoint: Endpoint) -> Router {
    probes().route("/metrics", get(metrics)).with_state(endpoint)
}

fn probes() -> Router<Endpoint> {
    Router::new().route("/livez", get(alive)).route("/readyz", get(ready))
}

/// `GET /livez`: this process answers.
async fn alive() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: it does not end, and has found its database or looked for it long enough to answer as the policy says.
async fn ready(State(endpoint): State<Endpoint>) -> Response {
    if endpoint.stop.is_draining() {
        return (StatusCode::SERVICE_UNAVAILABLE, "not ready: it ends\n").into_response();
    }
    if endpoint.reviewer.store().is_none() && Instant::now() < endpoint.patient_until {
        let told = "not ready: the database was not reached yet\n";
        return (StatusCode::SERVICE_UNAVAILABLE, told).into_response();
    }
    "ready\n".into_response()
}

/// `GET /metrics`.
async fn metrics(State(endpoint): State<Endpoint>) -> Response {
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], endpoint.reviewer.metrics.exposition()).into_response()
}

/// `POST /validate`.
async fn validate(State(endpoint): State<Endpoint>, request: Request) -> Response {
    let reviewer = &endpoint.reviewer;
    let began = Instant::now();
    let asked = request.uri().query().and_then(asked_timeout);
    let patience =
        asked.map_or(reviewer.timeout, |asked| asked.mul_f64(PART).min(reviewer.timeout));
    let answered = answer(reviewer, request, began + patience).await;
    let (outcome, response) = match answered {
        Ok((outcome, document)) => {
            let json = [(header::CONTENT_TYPE, "application/json")];
            (outcome, (json, document).into_response())
        }
        Err((status, message)) => {
            tracing::warn!(status = status.as_u16(), "no review: {message}");
            (Outcome::Refused, (status, format!("{message}\n")).into_response())
        }
    };
    reviewer.metrics.answered(outcome, began.elapsed());
    response
}

async fn answer(
    reviewer: &Reviewer,
    request: Request,
    deadline: Instant,
) -> Result<(Outcome, String), (StatusCode, String)> {
    let refused = |status, message: &str| (status, message.to_owned());
    let busy = "too many reviews at once: this one was not looked at";
    let _place = timeout_at(deadline, reviewer.places.acquire())
        .await
        .map_err(|_elapsed| refused(StatusCode::SERVICE_UNAVAILABLE, busy))?
        .map_err(|_closed| refused(StatusCode::SERVICE_UNAVAILABLE, "it ends"))?;
    let body: Bytes = timeout_at(deadline, to_bytes(request.into_body(), LARGEST))
        .await
        .map_err(|_elapsed| refused(StatusCode::REQUEST_TIMEOUT, "the body did not come in time"))?
        .map_err(|_long| {
            let message = format!("the body is longer than {LARGEST} bytes, or ended early");
            (StatusCode::PAYLOAD_TOO_LARGE, message)
        })?;
    let review =
        ReviewRequest::read(&body).map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
    let answer = reviewer.answer(&review, deadline).await;
    note(&review, &answer);
    let document = answer.document(&review.uid).map_err(|_error| {
        refused(StatusCode::INTERNAL_SERVER_ERROR, "the answer cannot be written")
    })?;
    Ok((answer.outcome, document))
}

/// What is refused is told here, too: not everybody reads the cluster's audit log.
fn note(review: &ReviewRequest<'_>, answer: &Answer) {
    if let Some(message) = answer.message() {
        tracing::info!(
            review.uid = review.uid,
            review.namespace = review.namespace(),
            review.resource = review.resource.resource,
            "{message}"
        );
    }
}

/// How long the API server says that it waits: `timeout=10s`, as Go writes durations.
fn asked_timeout(query: &str) -> Option<Duration> {
    let (_, value) =
        form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "timeout")?;
    let mut rest: &str = &value;
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let (number, unit) = rest.split_at_checked(digits)?;
        let number: f64 = number.parse().ok()?;
        // `ms` before `m`.
        let units = [("ms", 0.001), ("h", 3600.0), ("m", 60.0), ("s", 1.0)];
        let (behind, factor) = units
            .into_iter()
            .find_map(|(name, factor)| Some((unit.strip_prefix(name)?, factor)))?;
        seconds += number * factor;
        rest = behind;
    }
    Duration::try_from_secs_f64(seconds).ok().filter(|asked| !asked.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_read_as_go_writes_it() {
        for (query, milliseconds) in [
            ("timeout=10s", Some(10_000)),
            ("timeout=500ms", Some(500)),
            ("a=b&timeout=1m0.5s", Some(60_500)),
            ("timeout=1h2m", Some(3_720_000)),
            ("timeout=", None),
            ("timeout=0s", None),
            ("timeout=10", None),
            ("timeout=-1s", None),
            ("timeout=1.2.3s", None),
            ("timeout=9999999999999999999999h", None),
            ("other=1s", None),
        ] {
            assert_eq!(asked_timeout(query), milliseconds.map(Duration::from_millis), "{query}");
        }
    }
}
