//! The gateway: the signed API that official clients of Security Center (`Sas`, version 2018-12-03) speak.
//!
//! In: HTTP requests to `/`, GET or POST, whose parameters stand in the query, a form or headers. Out: JSON or XML, one
//! object each, with a `RequestId`. Source: `docs/api.md`, which describes the contract as this server keeps it.
//!
//! One request, in order: its size is bounded; it becomes a [`RawRequest`]; `admit` checks signature and permission; the
//! [`action`] runs; `render` writes the answer. Whatever goes wrong, a panic included, the answer is an object with a code
//! and a status above 399, or clients would take it for success.
//!
//! Odd:
//! * `/sas` and `/sas/` are served too: a client whose endpoint has that path signs `/` all the same.
//! * The query may hold passwords: it is never logged.
//! * A request line of 64 KiB or more is answered by the HTTP library itself, 414 and without a body; whoever has more to
//!   say sends a form.
//! * Never a redirect, for four of six clients take one with a JSON body for success; only a browser that asks for `/`
//!   without anything of the API in its request is sent to the console.

mod admit;
mod encoding;
mod parameters;
mod policy;
mod refusal;
mod render;
mod request;
mod signature;
mod throttle;
mod troubleshoot;

use std::{future::Future, net::SocketAddr, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, HttpBody},
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::{any, get},
};
use futures_util::{FutureExt, StreamExt};
use opentelemetry::KeyValue;
use plimsoll_store::Store;
use tokio::sync::Semaphore;
use tracing::Instrument;
use uuid::Uuid;

pub(crate) use self::render::success;
pub use self::{
    parameters::Parameters,
    refusal::Refusal,
    request::RawRequest,
    signature::{Claim, TIME_WINDOW},
};
use self::{render::Format, throttle::Throttle};
use crate::{Clock, action, trace};

/// The version of the API that every request must name.
pub const VERSION: &str = "2018-12-03";

/// Longest body that is read.
const MAX_BODY: usize = 1 << 20;
/// All headers together.
const MAX_HEADERS: usize = 16 << 10;
/// How many bodies are read at once.
const MAX_READING: usize = 256;
/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// What a deployment decides about the gateway.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GatewaySettings {
    /// Where clients reach this server, for the addresses in answers: `https://plimsoll.example`. `None`: by plain http,
    /// under the name that the client used.
    pub public_url: Option<String>,
    /// Path of the console, to which a browser that asks for `/` is sent. `None`: it gets an error like every client.
    pub console: Option<String>,
    /// How many requests are served at once; one more is answered 503 at once.
    pub max_in_flight: usize,
    /// How many wrong signatures a source may send in a minute for one key.
    pub bad_signatures_per_minute: u32,
}

impl Default for GatewaySettings {
    fn default() -> Self {
        Self { public_url: None, console: None, max_in_flight: 256, bad_signatures_per_minute: 10 }
    }
}

/// The gateway's routes: `/`, `/sas`, `/sas/`, and the page that errors point to.
///
/// Whatever else is asked for is answered as an unknown path by the fallback, which a router that is merged with this one
/// must not have too.
///
/// Bad signatures are counted per address if the router is served with
/// [`into_make_service_with_connect_info`](Router::into_make_service_with_connect_info) for a [`SocketAddr`].
pub fn router(store: Store, settings: GatewaySettings, clock: Clock) -> Router {
    let gateway = Gateway {
        throttle: Throttle::new(settings.bad_signatures_per_minute),
        reading: Semaphore::new(MAX_READING),
        in_flight: Semaphore::new(settings.max_in_flight),
        store,
        settings,
        clock,
    };
    Router::new()
        .route("/", any(serve))
        .route("/sas", any(serve))
        .route("/sas/", any(serve))
        .route("/troubleshoot", get(troubleshoot).fallback(not_found))
        .fallback(not_found)
        .with_state(Arc::new(gateway))
}

struct Gateway {
    store: Store,
    settings: GatewaySettings,
    clock: Clock,
    throttle: Throttle,
    /// Places for requests whose body is being read.
    reading: Semaphore,
    /// Places for requests that are being served.
    in_flight: Semaphore,
}

/// What is known of a request however it ends.
struct Exchange {
    request_id: String,
    host: String,
    format: Format,
    action: String,
}

async fn serve(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    if let Some(console) = &gateway.settings.console
        && is_browser(&request)
    {
        return Redirect::to(console).into_response();
    }
    let mut exchange = Exchange::of(&request);
    // Whatever is logged on the way bears the id that the client is told.
    let span = tracing::info_span!("gateway", request.id = exchange.request_id);
    let outcome = survive(gateway.answer(&mut exchange, request)).instrument(span).await;
    gateway.respond(&exchange, outcome)
}

async fn not_found(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    gateway.respond(&Exchange::of(&request), Err(Refusal::ApiNotFound))
}

async fn troubleshoot(request: Request) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let pairs = encoding::decode_pairs(query.as_bytes()).unwrap_or_default();
    let code = pairs.into_iter().find(|(name, _)| name == "q").map(|(_, code)| code);
    let headers = [
        (header::CONTENT_TYPE, "text/plain;charset=utf-8"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, troubleshoot::page(&code.unwrap_or_default())).into_response()
}

/// Makes an error of a panic: a defect in one action must not close the client's connection without a word.
async fn survive<F>(answer: F) -> Result<String, Refusal>
where
    F: Future<Output = Result<String, Refusal>>,
{
    AssertUnwindSafe(answer).catch_unwind().await.unwrap_or_else(|_| {
        // What it said stands on standard error, where the panic hook writes it.
        tracing::error!("gateway request panicked");
        Err(Refusal::Internal)
    })
}

impl Gateway {
    async fn answer(&self, exchange: &mut Exchange, request: Request) -> Result<String, Refusal> {
        let request = self.read(request).await?;
        let Ok(_place) = self.in_flight.try_acquire() else {
            return Err(Refusal::Unavailable);
        };
        let sent = Parameters::read(&request)?;
        exchange.format = Format::of(&sent);
        let now = self.clock.now();
        let admitted = admit::admit(&request, &sent, &self.store, &self.throttle, now).await?;
        exchange.action = admitted.action.name.to_owned();
        trace::note(|| KeyValue::new("plimsoll.action", admitted.action.name));
        // A day of use that is not noted is no reason to refuse.
        if let Err(error) = self.store.note_key_use(&admitted.key, now).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "key use not noted");
        }
        let context = action::Context {
            store: &self.store,
            request_id: &exchange.request_id,
            caller: &admitted.key.id,
            source: request.source,
            now,
        };
        let json = (admitted.action.run)(context, &sent).await?;
        let root = format!("{}Response", admitted.action.name);
        Ok(render::in_format(json, &root, exchange.format))
    }

    async fn read(&self, request: Request) -> Result<RawRequest, Refusal> {
        let (parts, body) = request.into_parts();
        let query = parts.uri.query().unwrap_or_default().to_owned();
        let headers: Vec<(String, Vec<u8>)> = parts
            .headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
            .collect();
        let length: usize = headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
        if length > MAX_HEADERS {
            return Err(Refusal::TooLarge("more than 16 KiB of headers"));
        }
        // Most requests have no body, and slow bodies of others must not keep them out.
        let body = if body.is_end_stream() {
            Vec::new()
        } else {
            let Ok(_place) = self.reading.try_acquire() else {
                return Err(Refusal::Unavailable);
            };
            match tokio::time::timeout(BODY_TIMEOUT, read_body(body)).await {
                Ok(body) => body?,
                Err(_) => return Err(Refusal::Unread("it took more than 10 seconds")),
            }
        };
        Ok(RawRequest {
            method: parts.method.as_str().to_owned(),
            query,
            headers,
            body,
            source: parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip()),
        })
    }

    fn respond(&self, exchange: &Exchange, outcome: Result<String, Refusal>) -> Response {
        let (status, code) = match &outcome {
            Ok(_) => (200, "OK".into()),
            Err(refusal) => (refusal.status(), refusal.code()),
        };
        tracing::info!(
            request.id = exchange.request_id,
            action = exchange.action,
            http.status = status,
            code = &*code,
            "gateway request"
        );
        let retry_after_ms = outcome.as_ref().err().and_then(Refusal::retry_after_ms);
        let body = outcome.unwrap_or_else(|refusal| {
            let recommend = self.recommend(exchange, &code);
            let about = render::About {
                request_id: &exchange.request_id,
                host: &exchange.host,
                recommend: &recommend,
            };
            render::error(&refusal, about, exchange.format)
        });
        let mut response = Response::new(Body::from(body));
        *response.status_mut() =
            StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        let content_type = HeaderValue::from_static(exchange.format.content_type());
        headers.insert(header::CONTENT_TYPE, content_type);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Ok(id) = HeaderValue::from_str(&exchange.request_id) {
            headers.insert(HeaderName::from_static("x-acs-request-id"), id);
        }
        if let Some(milliseconds) = retry_after_ms {
            headers.insert(HeaderName::from_static("x-acs-retry-after"), milliseconds.into());
            headers.insert(header::RETRY_AFTER, milliseconds.div_ceil(1_000).into());
        }
        response
    }

    /// Address of the page about a code.
    fn recommend(&self, exchange: &Exchange, code: &str) -> String {
        let base = match &self.settings.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            // `Host` may come with scheme or path, if the client's endpoint was given so.
            None => {
                let host = exchange.host.trim_start_matches("http://");
                format!("http://{}", host.split('/').next().unwrap_or_default())
            }
        };
        format!("{base}/troubleshoot?q={code}&requestId={}", exchange.request_id)
    }
}

impl Exchange {
    fn of(request: &Request) -> Self {
        let host = request.headers().get(header::HOST).map(HeaderValue::as_bytes);
        let host = String::from_utf8_lossy(host.unwrap_or_default()).trim().to_owned();
        Self {
            request_id: Uuid::new_v4().hyphenated().to_string().to_uppercase(),
            host: host.chars().filter(|character| !character.is_control()).take(255).collect(),
            format: Format::Json,
            action: String::new(),
        }
    }
}

fn is_browser(request: &Request) -> bool {
    let accepts_html = |headers: &HeaderMap| {
        let accept = headers.get(header::ACCEPT).map(HeaderValue::as_bytes).unwrap_or_default();
        String::from_utf8_lossy(accept).contains("text/html")
    };
    let headers = request.headers();
    request.method() == Method::GET
        && request.uri().query().unwrap_or_default().is_empty()
        && !headers.contains_key(header::AUTHORIZATION)
        && !headers.keys().any(|name| name.as_str().starts_with("x-acs-"))
        && accepts_html(headers)
}

async fn read_body(body: Body) -> Result<Vec<u8>, Refusal> {
    let mut chunks = body.into_data_stream();
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let Ok(chunk) = chunk else { return Err(Refusal::Unread("it broke off")) };
        if bytes.len() + chunk.len() > MAX_BODY {
            return Err(Refusal::TooLarge("more than 1 MiB of body"));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
