//! Traces for an OpenTelemetry collector.
//!
//! In: where the collector is, and what OpenTelemetry's variables say. Out: spans, sent in batches by the client that everything leaves
//! by. Source: OpenTelemetry, "OTLP exporter configuration" and "General SDK configuration"; `docs/tasks.md`.
//!
//! Odd:
//! * Without an address nothing is set up at all.
//! * Of OTLP's protocols, `http/protobuf` is spoken.
//! * Batches leave from a thread of the library's own, which waits for a request that runs on our runtime.

use std::{fmt, future::Future, pin::Pin, time::Duration};

use anyhow::{Context as _, bail};
use opentelemetry::{KeyValue, global};
use opentelemetry_http::{Bytes, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{Resource, propagation::TraceContextPropagator, trace::SdkTracerProvider};
use plimsoll_model::Secret;
use plimsoll_registry::{HttpClient, HttpOptions, PostClient};
use tokio::runtime::Handle;

use crate::arguments::TracesAt;

/// How long the end of the process waits for the last batch.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a collector may take, if OpenTelemetry's variables say nothing.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Traces, as long as the process runs.
pub(crate) struct Telemetry(Option<SdkTracerProvider>);

/// From now on spans are made and sent, if there is somewhere to send them.
pub(crate) fn begin(at: &TracesAt) -> anyhow::Result<Telemetry> {
    let Some(address) = address(at, &variable)? else { return Ok(Telemetry(None)) };
    let client = Client::new(&address, has_headers(&variable)?)?;
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(address)
        .with_http_client(client)
        .build()
        .context("traces cannot be sent")?;
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource(&variable)?)
        .build();
    global::set_tracer_provider(provider.clone());
    global::set_text_map_propagator(TraceContextPropagator::new());
    plimsoll_server::trace::switch_on();
    Ok(Telemetry(Some(provider)))
}

impl Telemetry {
    /// Sends what was not sent yet.
    pub(crate) async fn end(self) {
        let Some(provider) = self.0 else { return };
        let ended = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(PATIENCE));
        match ended.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the last traces were not sent"),
            Err(error) => tracing::warn!(%error, "the last traces were not sent"),
        }
    }
}

/// What a variable says; `None`: nothing, or an empty text, which means the same.
fn variable(name: &str) -> anyhow::Result<Option<String>> {
    let Some(value) = std::env::var_os(name).filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    value.into_string().ok().with_context(|| format!("{name} is not UTF-8")).map(Some)
}

type Variables<'a> = &'a dyn Fn(&str) -> anyhow::Result<Option<String>>;

/// Where spans are sent; `None`: nowhere. The flag goes before the variables, that of traces before that of all signals.
fn address(at: &TracesAt, variable: Variables<'_>) -> anyhow::Result<Option<String>> {
    let is_off = variable("OTEL_SDK_DISABLED")?
        .is_some_and(|said| said.eq_ignore_ascii_case("true"))
        || variable("OTEL_TRACES_EXPORTER")?.is_some_and(|said| said.trim() == "none");
    if is_off {
        return Ok(None);
    }
    let of_all = |base: String| format!("{}/v1/traces", base.trim().trim_end_matches('/'));
    let address = match (&at.otlp_endpoint, variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")?) {
        (Some(flag), _) => Some(of_all(flag.clone())),
        (None, Some(exact)) => Some(exact),
        (None, None) => variable("OTEL_EXPORTER_OTLP_ENDPOINT")?.map(of_all),
    };
    if address.is_none() {
        return Ok(None);
    }
    for name in ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"] {
        if let Some(protocol) = variable(name)?.filter(|protocol| protocol != "http/protobuf") {
            bail!(
                "{name} is `{protocol}`, and traces are sent as http/protobuf\nhint: collectors take that at port 4318"
            );
        }
    }
    Ok(address)
}

/// Whether headers go along, which may hold a secret.
fn has_headers(variable: Variables<'_>) -> anyhow::Result<bool> {
    Ok(variable("OTEL_EXPORTER_OTLP_HEADERS")?.is_some()
        || variable("OTEL_EXPORTER_OTLP_TRACES_HEADERS")?.is_some())
}

/// Who we are: as the variables say, else by our own name.
fn resource(variable: Variables<'_>) -> anyhow::Result<Resource> {
    let attributes = variable("OTEL_RESOURCE_ATTRIBUTES")?.unwrap_or_default();
    let is_named = variable("OTEL_SERVICE_NAME")?.is_some()
        || attributes.split(',').any(|one| one.trim_start().starts_with("service.name="));
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let resource = Resource::builder().with_attribute(version);
    Ok(if is_named { resource.build() } else { resource.with_service_name("plimsoll").build() })
}

/// Sends batches by the one client.
struct Client {
    post: PostClient,
    runtime: Handle,
}

impl Client {
    fn new(address: &str, has_secrets: bool) -> anyhow::Result<Self> {
        let http =
            HttpClient::new(HttpOptions { document_timeout: TIMEOUT, ..HttpOptions::default() })?;
        // A collector beside us speaks plain http; a secret does not go there in the open.
        let post = PostClient::new(&Secret::new(address.to_owned()), !has_secrets, &http);
        let post = post.context("traces cannot be sent there")?;
        Ok(Self { post, runtime: Handle::current() })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl opentelemetry_http::HttpClient for Client {
    fn send_bytes<'client, 'sent>(
        &'client self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'sent>>
    where
        'client: 'sent,
        Self: 'sent,
    {
        let (post, runtime) = (self.post.clone(), self.runtime.clone());
        Box::pin(async move {
            // The library's thread has no runtime of ours.
            runtime.spawn(send(post, request)).await?
        })
    }
}

async fn send(post: PostClient, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let (head, body) = request.into_parts();
    let headers: Vec<(String, String)> = head
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
        .collect();
    let posted = post.post_with(&headers, body.to_vec()).await?;
    let mut response = Response::builder().status(posted.status);
    if let Some(after) = posted.retry_after {
        response = response.header("retry-after", after.as_secs().to_string());
    }
    Ok(response.body(Bytes::from(posted.body))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(flag: Option<&str>, variables: &[(&str, &str)]) -> anyhow::Result<Option<String>> {
        let at = TracesAt { otlp_endpoint: flag.map(str::to_owned) };
        address(&at, &|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            Ok(found.map(|(_, value)| (*value).to_owned()))
        })
    }

    #[test]
    fn the_address_is_found_as_the_specification_says() {
        let all = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:4318/");
        let traces = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces:4318/exact");
        let said = Some("http://all:4318/v1/traces".to_owned());
        assert_eq!(of(None, &[]).unwrap(), None);
        assert_eq!(of(None, &[all]).unwrap(), said);
        assert_eq!(of(None, &[all, traces]).unwrap().as_deref(), Some("http://traces:4318/exact"));
        let flag = of(Some("http://flag:4318"), &[all, traces]).unwrap();
        assert_eq!(flag.as_deref(), Some("http://flag:4318/v1/traces"));
        for off in [("OTEL_SDK_DISABLED", "TRUE"), ("OTEL_TRACES_EXPORTER", "none")] {
            assert_eq!(of(Some("http://flag:4318"), &[off, all]).unwrap(), None, "{off:?}");
        }
        let grpc = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
        assert_eq!(of(None, &[grpc]).unwrap(), None, "what is off is not refused");
        let error = of(None, &[all, grpc]).unwrap_err().to_string();
        assert!(error.contains("OTEL_EXPORTER_OTLP_PROTOCOL is `grpc`"), "{error}");
        assert_eq!(
            of(None, &[all, ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")]).unwrap(),
            said
        );
    }

    #[tokio::test]
    async fn a_secret_does_not_go_to_another_machine_in_the_open() {
        assert!(Client::new("http://192.0.2.1:4318/v1/traces", false).is_ok());
        assert!(Client::new("http://127.0.0.1:4318/v1/traces", true).is_ok());
        let Err(error) = Client::new("http://192.0.2.1:4318/v1/traces", true) else {
            panic!("it was taken")
        };
        assert!(format!("{error:#}").contains("http://192.0.2.1:4318"), "{error:#}");
    }
}
