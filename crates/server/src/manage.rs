//! The management API, `/api/v1`: what our own command line speaks to a running server.
//!
//! In: requests with the admin token as bearer. Out: JSON, the responses of [`crate::operation`] as they are. Odd: unknown
//! parameters and fields are refused by name, so that a misspelt filter does not list everything.

mod answer;
mod bearer;
mod builds;
mod changes;
mod contexts;
mod events;
mod feed;
mod findings;
mod ignore;
mod images;
mod keys;
mod ranking;
mod registries;
mod schedules;
mod status;
mod subscriptions;
mod tasks;
mod workloads;

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    middleware::{self, Next},
    response::Response,
    routing::{delete, get, patch, post, put},
};

pub(crate) use self::bearer::require as require_token;
use crate::{
    context::Context,
    serve::{LARGE_BODY, SMALL_BODY, read_body},
};

/// All addresses of the management API.
pub(crate) fn router(context: Context) -> Router {
    let api = Router::new()
        .route("/status", get(status::get))
        .route("/feed", get(feed::get))
        .route("/registries", get(registries::list).post(registries::add))
        .route("/registries/{name}", delete(registries::remove))
        .route("/registries/{name}/sync", post(registries::sync))
        .route("/registries/{name}/check", post(registries::check))
        .route("/registries/{name}/tenant", put(registries::tenant))
        .route("/registries/{name}/tokens", get(registries::tokens))
        .route(
            "/registries/{name}/tokens/{purpose}",
            post(registries::create_token).delete(registries::remove_token),
        )
        .route(
            "/registries/{name}/webhooks",
            get(registries::webhooks).put(registries::install).delete(registries::uninstall),
        )
        .route("/registry-kinds", get(registries::kinds))
        .route("/images", get(images::list))
        .route("/images/{uuid}", get(images::get))
        .route("/images/{uuid}/report", get(images::report))
        .route("/images/{uuid}/files", get(images::files))
        .route("/images/{uuid}/policy", get(images::policy))
        .route("/images/{uuid}/build", get(builds::of_image))
        .route("/images/{uuid}/scan", post(images::scan))
        .route("/images/{uuid}/changes", get(changes::of_image))
        .route("/images/{uuid}/history", get(changes::history))
        .route("/changes", get(changes::list))
        .route("/subscriptions", get(subscriptions::list).post(subscriptions::add))
        .route("/subscriptions/{name}", get(subscriptions::get).delete(subscriptions::remove))
        .route("/subscriptions/{name}/test", post(subscriptions::test))
        .route("/subscriptions/{name}/retry", post(subscriptions::retry))
        .route("/findings/{id}/images", get(findings::affected))
        .route("/packages/images", get(findings::holders))
        .route("/ranking", get(ranking::get))
        .route("/ignore-rules", get(ignore::list).post(ignore::add))
        .route("/ignore-rules/{id}", get(ignore::get).put(ignore::change).delete(ignore::remove))
        .route("/keys", get(keys::list).post(keys::create))
        .route("/keys/{id}", patch(keys::set_state))
        .route("/tasks", get(tasks::list))
        .route("/tasks/{id}", get(tasks::get))
        .route("/tasks/{id}/cancel", post(tasks::cancel))
        .route("/tasks/{id}/retry", post(tasks::retry))
        .route("/tasks/cancel", post(tasks::cancel_all))
        .route("/tasks/retry", post(tasks::retry_all))
        .route("/tasks/events", get(events::events))
        .route("/scan-rates", get(tasks::rates).put(tasks::set_scan_rate))
        .route("/schedules", get(schedules::list).post(schedules::add))
        .route("/schedules/{name}", delete(schedules::remove))
        .route("/contexts", get(contexts::list).put(contexts::set))
        .route("/clusters", get(workloads::list).post(workloads::add))
        .route("/clusters/{name}", delete(workloads::remove))
        .route("/clusters/{name}/workloads", put(workloads::import))
        .fallback(answer::nothing_here)
        .method_not_allowed_fallback(answer::wrong_method)
        .layer(DefaultBodyLimit::max(LARGE_BODY))
        .layer(middleware::from_fn(bounded))
        .layer(middleware::from_fn_with_state(context.clone(), bearer::require));
    let builds = builds::router(context.clone());
    let clusters = workloads::router(context.clone());
    Router::new().nest("/api/v1", api).with_state(context).merge(builds).merge(clusters)
}

/// Reads the body of a client that was let in; only a pod list may be large.
async fn bounded(request: Request, next: Next) -> Result<Response, answer::Problem> {
    let is_pod_list = request.uri().path().ends_with("/workloads");
    let limit = if is_pod_list { LARGE_BODY } else { SMALL_BODY };
    Ok(next.run(read_body(request, limit).await?).await)
}
