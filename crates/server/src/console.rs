//! The console: pages for people, made by the server, without a script.
//!
//! In: requests below `/console`. Out: HTML, one style sheet. Source: OWASP's secure headers; WCAG 2.2 for contrast,
//! focus and names. Odd: the whole state of a page is in its URL; there is nothing to load after it.

mod affected;
mod changes;
mod files;
mod image;
mod images;
mod load;
mod login;
mod page;
mod paging;
mod picture;
mod ranking;
mod refusal;
mod session;
mod style;
mod subscriptions;
mod tasks;
mod words;

use axum::{
    Router,
    extract::Request,
    http::{HeaderName, HeaderValue, header},
    middleware::{self, Next},
    response::{Redirect, Response},
    routing::{get, post},
};

use crate::{context::Context, operation::feed::LastUpdate, serve::read_body};

/// All addresses of the console.
pub(crate) fn router(context: Context) -> Router {
    let pages = Router::new()
        .route("/console/images", get(images::get))
        .route("/console/images/{uuid}", get(image::findings))
        .route("/console/images/{uuid}/findings/{kind}", get(image::findings_of_kind))
        .route("/console/images/{uuid}/ignore", post(image::ignore::add))
        .route("/console/images/{uuid}/count-again", post(image::ignore::take_back))
        .route("/console/images/{uuid}/packages", get(image::packages))
        .route("/console/images/{uuid}/layers", get(image::layers))
        .route("/console/images/{uuid}/history", get(image::history))
        .route("/console/images/{uuid}/scan", post(image::scan))
        .route("/console/changes", get(changes::get))
        .route("/console/files", get(|| async { Redirect::to("/console/files/malicious") }))
        .route("/console/files/{list}", get(files::get))
        .route("/console/files/{list}/{key}", get(files::group))
        .route("/console/findings", get(affected::search))
        .route("/console/findings/{id}", get(affected::get))
        .route("/console/subscriptions", get(subscriptions::get).post(subscriptions::add))
        .route(
            "/console/subscriptions/one",
            get(subscriptions::one::get).post(subscriptions::one::post),
        )
        .route("/console/ranking", get(ranking::get))
        .route("/console/tasks", get(tasks::get).post(tasks::post))
        .route("/console/logout", post(login::log_out))
        .route("/console/{*rest}", get(refusal::nothing_here))
        .layer(middleware::from_fn_with_state(context.clone(), login::require));
    Router::new()
        .route("/console", get(|| async { Redirect::to("/console/images") }))
        .route("/console/", get(|| async { Redirect::to("/console/images") }))
        .route("/console/login", get(login::get).post(login::post))
        .route("/console/assets/{name}", get(style::get))
        .merge(pages)
        .layer(middleware::from_fn(bounded))
        .layer(middleware::from_fn(login::refuse_foreign_posts))
        .layer(middleware::from_fn_with_state(context.clone(), secure))
        .with_state(context)
}

/// Largest form.
const FORM_BYTES: usize = 16 << 10;

/// What a page of ours may do, whoever gets text into it.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; \
    frame-ancestors 'none'; base-uri 'none'";

/// Forms are small; reading one takes little or it ends.
async fn bounded(request: Request, next: Next) -> Result<Response, refusal::Refusal> {
    Ok(next.run(read_body(request, FORM_BYTES).await?).await)
}

/// Puts the security headers on every answer; pages are never stored.
async fn secure(
    axum::extract::State(context): axum::extract::State<Context>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let fixed: [(HeaderName, &'static str); 7] = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if context.secure {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000"),
        );
    }
    headers.entry(header::CACHE_CONTROL).or_insert_with(|| HeaderValue::from_static("no-store"));
    response
}

/// What the head of every page says about the server.
async fn state(context: &Context) -> Result<page::ServerState, plimsoll_store::StoreError> {
    let counts = context.store.task_counts(None).await?;
    Ok(page::ServerState {
        now: context.clock.now(),
        feed: context.feed.state(),
        last_update: LastUpdate::read(context.store.data_dir()),
        waiting: counts.queued,
        running: counts.running,
        failed: counts.failed,
    })
}
