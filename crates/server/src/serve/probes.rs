//! What machines ask: whether the process lives, whether it can be used, what it did.
//!
//! In: the context. Out: `/livez`, `/readyz`, `/healthz`, `/metrics`. Source: Kubernetes, "Configure liveness, readiness and startup
//! probes"; Prometheus, "Exposition formats". Odd:
//! * A database that is away is no reason to start the process anew, which `/livez` would be asked for; it is one to send requests
//!   elsewhere, which is `/readyz`.
//! * `/metrics` tells how much there is of what: on the server's address it wants the admin token, on an address of its own it does
//!   not, since that is for the monitoring alone.

use std::time::Duration;

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};

use crate::{
    context::Context,
    manage::require_token,
    metrics::{exposition::CONTENT_TYPE, gather},
    operation::feed::FeedStatus,
};

/// How long the database may take to show that it is there.
const PATIENCE: Duration = Duration::from_secs(2);

/// On the server's address.
pub(super) fn router(context: Context) -> Router {
    let token = middleware::from_fn_with_state(context.clone(), require_token);
    let metrics = Router::new().route("/metrics", get(metrics).layer(token));
    probes().merge(metrics).with_state(context)
}

/// On an address of its own.
pub(super) fn router_with_metrics(context: Context) -> Router {
    probes().route("/metrics", get(metrics)).with_state(context)
}

fn probes() -> Router<Context> {
    Router::new()
        .route("/livez", get(alive))
        .route("/readyz", get(ready))
        .route("/healthz", get(health))
}

/// `GET /livez`: this process answers.
async fn alive() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: whether requests are worth sending here.
async fn ready(State(context): State<Context>) -> Response {
    if context.stopper.listen().is_draining() {
        return (StatusCode::SERVICE_UNAVAILABLE, "not ready: it ends\n").into_response();
    }
    match tokio::time::timeout(PATIENCE, context.store.is_there()).await {
        Ok(Ok(())) => "ready\n".into_response(),
        Ok(Err(error)) => {
            tracing::warn!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "not ready: the state cannot be read\n")
                .into_response()
        }
        Err(_elapsed) => {
            tracing::warn!("not ready: the database did not answer in time");
            (StatusCode::SERVICE_UNAVAILABLE, "not ready: the state was not read in time\n")
                .into_response()
        }
    }
}

/// `GET /healthz`: whether the server can read its state, what confines its scans, and how its feed is. An old feed is no
/// reason to take a server out of service: the last good data is better than none.
async fn health(State(context): State<Context>) -> Response {
    match context.store.is_there().await {
        Ok(()) => {
            let mut text = format!("ok\nsandbox: {}\n", context.confinement);
            let now = context.clock.now();
            let status = FeedStatus::new(context.feed.state(), context.store.data_dir(), now);
            text.push_str(&match &status.feed {
                Some(feed) => format!("feed: {}\n", feed.date),
                None => "feed: none\n".to_owned(),
            });
            for warning in status.warnings(now) {
                // What a mirror answered is in it, and must not begin a line of its own.
                text.push_str(&format!("warning: {}\n", warning.replace(char::is_control, " ")));
            }
            text.into_response()
        }
        Err(error) => {
            tracing::error!(%error, "health check failed");
            (StatusCode::SERVICE_UNAVAILABLE, "the state cannot be read\n").into_response()
        }
    }
}

/// `GET /metrics`.
async fn metrics(State(context): State<Context>) -> Response {
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], gather(&context).await).into_response()
}
