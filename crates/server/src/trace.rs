//! Spans of what this process does, for whoever collects traces.
//!
//! In: requests with the trace in which somebody asks, tasks with the one in which they were asked for. Out: spans of requests, syncs,
//! scans and their layers, as OpenTelemetry's API takes them. Source: W3C Trace Context; OpenTelemetry, "Semantic conventions for HTTP
//! spans"; `docs/tasks.md`.
//!
//! Odd:
//! * Off until [`switch_on`]: then a look at one flag is all that it costs.
//! * No attribute says what is in an image or in a query. A path is told as its route where a part of it is somebody's word: a
//!   webhook's path holds its token.
//! * A scan is no child of the request that asked for it but linked to it: it may run an hour later, and be asked for twice.

use std::{
    borrow::Cow,
    collections::HashMap,
    future::Future,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, SystemTime},
};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, Method, Version},
    middleware::Next,
    response::Response,
};
use opentelemetry::{
    Context as TraceContext, KeyValue, global,
    propagation::Extractor,
    trace::{FutureExt as _, Link, Span as _, SpanKind, Status, TraceContextExt as _, Tracer as _},
};
use plimsoll_scanner::Progress;
use plimsoll_store::asked_in;

/// Who makes the spans, in the words of the collector.
const SCOPE: &str = "plimsoll";
/// The header, and the key in carriers.
const TRACEPARENT: &str = "traceparent";
/// What is asked again and again by machines that look whether we live.
const PROBES: [&str; 4] = ["/livez", "/readyz", "/healthz", "/metrics"];
/// Spans of layers of one scan; no image has more layers.
const MOST_LAYERS: usize = 512;

static IS_ON: AtomicBool = AtomicBool::new(false);

/// From now on spans are made; said after OpenTelemetry was told where they go.
pub fn switch_on() {
    IS_ON.store(true, Ordering::Relaxed);
}

fn is_on() -> bool {
    IS_ON.load(Ordering::Relaxed)
}

/// A span to be made.
#[derive(Debug)]
pub(crate) struct Described<'a> {
    /// What is done: `scan`, `sync`.
    pub(crate) name: &'static str,
    /// Of what kind it is.
    pub(crate) kind: SpanKind,
    /// What is known of it at its start.
    pub(crate) attributes: Vec<KeyValue>,
    /// In which trace it was asked for.
    pub(crate) traceparent: Option<&'a str>,
}

/// Runs what is done in a span of its own.
pub(crate) async fn in_span<'a, F: Future>(
    described: impl FnOnce() -> Described<'a>,
    done: F,
) -> F::Output {
    if !is_on() {
        return done.await;
    }
    let described = described();
    let tracer = global::tracer(SCOPE);
    let span = tracer
        .span_builder(described.name)
        .with_kind(described.kind)
        .with_attributes(described.attributes)
        .with_links(described.traceparent.and_then(link).into_iter().collect())
        .start(&tracer);
    let context = TraceContext::current_with_span(span);
    let output = done.with_context(context.clone()).await;
    context.span().end();
    output
}

/// Says something of the span in which this is called.
pub(crate) fn note(attribute: impl FnOnce() -> KeyValue) {
    if is_on() {
        TraceContext::current().span().set_attribute(attribute());
    }
}

/// Says of the span in which this is called that it did not end well, and why in one word of ours.
pub(crate) fn fail(kind: &'static str) {
    if is_on() {
        let context = TraceContext::current();
        context.span().set_attribute(KeyValue::new("error.type", kind));
        context.span().set_status(Status::error(""));
    }
}

/// Around every request; the state is the scheme by which clients reach us.
pub(crate) async fn around_request(
    State(scheme): State<&'static str>,
    request: Request,
    next: Next,
) -> Response {
    if !is_on() {
        return next.run(request).await;
    }
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    if route.as_deref().is_some_and(|route| PROBES.contains(&route)) {
        return next.run(request).await;
    }
    let parent = global::get_text_map_propagator(|propagator| {
        propagator.extract_with_context(&TraceContext::new(), &Headers(request.headers()))
    });
    let method = method(request.method());
    let tracer = global::tracer(SCOPE);
    let span = tracer
        .span_builder(name(method, route.as_deref()))
        .with_kind(SpanKind::Server)
        .with_attributes(of_request(method, scheme, route, &request))
        .start_with_context(&tracer, &parent);
    let context = parent.with_span(span);
    let running = asked_in(traceparent(&context), next.run(request));
    let response = running.with_context(context.clone()).await;
    let span = context.span();
    let status = response.status();
    span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status.as_u16())));
    if status.is_server_error() {
        span.set_attribute(KeyValue::new("error.type", status.as_u16().to_string()));
        span.set_status(Status::error(""));
    }
    span.end();
    response
}

/// The name that the conventions want: few different ones, whoever asks for what.
fn name(method: &'static str, route: Option<&str>) -> Cow<'static, str> {
    let method = if method == OTHER { "HTTP" } else { method };
    match route {
        Some(route) => Cow::Owned(format!("{method} {route}")),
        None => Cow::Borrowed(method),
    }
}

fn of_request(
    method: &'static str,
    scheme: &'static str,
    route: Option<String>,
    request: &Request,
) -> Vec<KeyValue> {
    let mut attributes =
        vec![KeyValue::new("http.request.method", method), KeyValue::new("url.scheme", scheme)];
    if let Some(route) = route {
        if route == request.uri().path() {
            attributes.push(KeyValue::new("url.path", route.clone()));
        }
        attributes.push(KeyValue::new("http.route", route));
    }
    let version = match request.version() {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        _ => "1.1",
    };
    attributes.push(KeyValue::new("network.protocol.version", version));
    attributes
}

/// What the conventions call methods that they do not know.
const OTHER: &str = "_OTHER";

fn method(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] =
        ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or(OTHER)
}

/// The headers in which a trace is named.
struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(axum::http::HeaderName::as_str).collect()
    }
}

/// A span as others name it.
fn traceparent(context: &TraceContext) -> Option<String> {
    let mut carrier: HashMap<String, String> = HashMap::new();
    global::get_text_map_propagator(|propagator| propagator.inject_context(context, &mut carrier));
    carrier.remove(TRACEPARENT)
}

/// What leads to the span of whoever asked.
fn link(traceparent: &str) -> Option<Link> {
    let carrier = HashMap::from([(TRACEPARENT.to_owned(), traceparent.to_owned())]);
    let asked = global::get_text_map_propagator(|propagator| {
        propagator.extract_with_context(&TraceContext::new(), &carrier)
    });
    let asked = asked.span().span_context().clone();
    asked.is_valid().then(|| Link::with_context(asked))
}

/// Makes a span of each layer that a scan has read, in the span in which it was made.
pub(crate) struct LayerSpans {
    /// `None`: spans are off.
    scan: Option<TraceContext>,
    began: SystemTime,
    made: AtomicUsize,
}

impl LayerSpans {
    /// For a scan that begins now, in the span of this moment.
    pub(crate) fn here() -> Self {
        let scan = is_on().then(TraceContext::current);
        Self { scan, began: opentelemetry::time::now(), made: AtomicUsize::new(0) }
    }
}

impl Progress for LayerSpans {
    fn layer_done(&self, bytes: u64, cached: bool, took: Duration) {
        let Some(scan) = &self.scan else { return };
        // How long it took is the word of a process that reads hostile bytes.
        if self.made.fetch_add(1, Ordering::Relaxed) >= MOST_LAYERS {
            return;
        }
        let now = opentelemetry::time::now();
        let began = now.checked_sub(took).filter(|began| *began >= self.began);
        let tracer = global::tracer(SCOPE);
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let mut span = tracer
            .span_builder("layer")
            .with_kind(SpanKind::Internal)
            .with_start_time(began.unwrap_or(self.began))
            .with_attributes([
                KeyValue::new("plimsoll.layer.bytes", bytes),
                KeyValue::new("plimsoll.layer.known", cached),
            ])
            .start_with_context(&tracer, scan);
        span.end_with_timestamp(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_few_whatever_is_asked() {
        let cases = [
            ("GET", Some("/api/v1/tasks/{id}"), "GET /api/v1/tasks/{id}"),
            ("POST", None, "POST"),
            ("BREW", Some("/"), "HTTP /"),
            ("get", None, "HTTP"),
        ];
        for (said, route, wanted) in cases {
            let said = Method::from_bytes(said.as_bytes()).unwrap();
            assert_eq!(name(method(&said), route), wanted);
        }
    }

    #[test]
    fn a_path_with_somebodys_word_is_told_as_its_route_alone() {
        let request =
            |path: &str| Request::builder().uri(path).body(axum::body::Body::empty()).unwrap();
        let of = |route: Option<&str>, path: &str| {
            let attributes = of_request("POST", "https", route.map(str::to_owned), &request(path));
            format!("{attributes:?}")
        };
        let told = of(Some("/hooks/{registry}/{secret}"), "/hooks/r/canary-token?query=canary");
        assert!(told.contains("/hooks/{registry}/{secret}") && !told.contains("canary"), "{told}");
        let told = of(Some("/"), "/?Signature=canary");
        assert!(told.contains("url.path") && !told.contains("canary"), "{told}");
        let told = of(None, "/canary");
        assert!(!told.contains("canary"), "{told}");
    }
}
