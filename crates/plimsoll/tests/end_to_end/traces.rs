//! Traces as a collector sees them: the tree of spans of a sync that somebody asked for, and of the scan that it led to.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    trace::v1::Span,
};
use plimsoll_image::{ImageBuilder, Layer};
use plimsoll_server::LoopbackRegistry;
use prost::Message;

use crate::support::{Process, plimsoll_ok, temporary, wait_until};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const ASKER: &str = "b7ad6b7169203331";

/// A collector in this process.
#[derive(Clone, Default)]
struct Collector {
    requests: Arc<Mutex<Vec<ExportTraceServiceRequest>>>,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Collector {
    /// Its address.
    fn serve(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let collector = self.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let collector = collector.clone();
                std::thread::spawn(move || collector.listen(stream.unwrap()));
            }
        });
        address
    }

    fn listen(&self, mut stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        loop {
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                if reader.read_line(&mut head).unwrap() == 0 {
                    return;
                }
            }
            let lower = head.to_ascii_lowercase();
            let length = lower.lines().find_map(|line| line.strip_prefix("content-length:"));
            let mut body = vec![0; length.unwrap().trim().parse().unwrap()];
            reader.read_exact(&mut body).unwrap();
            let request = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
            self.requests.lock().unwrap().push(request);
            self.heads.lock().unwrap().push(head);
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
        }
    }

    fn spans(&self) -> Vec<Span> {
        let requests = self.requests.lock().unwrap();
        let of_resources = requests.iter().flat_map(|request| &request.resource_spans);
        let of_scopes = of_resources.flat_map(|resource| &resource.scope_spans);
        of_scopes.flat_map(|scope| scope.spans.clone()).collect()
    }

    fn resource(&self) -> BTreeMap<String, String> {
        let requests = self.requests.lock().unwrap();
        texts(&requests[0].resource_spans[0].resource.as_ref().unwrap().attributes)
    }
}

fn texts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text =
        |attribute: &KeyValue| match attribute.value.as_ref().unwrap().value.as_ref().unwrap() {
            Value::StringValue(text) => text.clone(),
            Value::IntValue(number) => number.to_string(),
            Value::BoolValue(flag) => flag.to_string(),
            other => format!("{other:?}"),
        };
    attributes.iter().map(|one| (one.key.clone(), text(one))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn ask(host: &str, head: &str) -> String {
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "{head}Host: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_sees_who_asked_for_a_scan_and_what_it_took() {
    let registry = LoopbackRegistry::new();
    let served = registry.serve().await.unwrap();
    let layers: Vec<Layer> = ["one", "canary-content"]
        .map(|text| Layer::builder("COPY").file(text, text.as_bytes()).build().unwrap())
        .into();
    let image = ImageBuilder::new("linux/amd64".parse().unwrap());
    let image = layers.iter().fold(image, |image, layer| image.layer(layer)).build().unwrap();
    registry.put("team/app", "1", &image);
    let (folder, collector) = (temporary(), Collector::default());
    let data = folder.path().join("data");
    let here = ["--data", data.to_str().unwrap()];
    plimsoll_ok(["registry", "add", "build", &served.url()].iter().chain(&here));
    let hook = plimsoll_ok(["registry", "token", "create", "build", "hook"].iter().chain(&here));
    let hook = hook.lines().next().unwrap().trim().to_owned();

    let mut child = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(["serve", "--listen", "127.0.0.1:0", "--sync-interval", "0"])
        .args(["--otlp-endpoint", &collector.serve()])
        .args(here)
        .env("OTEL_SERVICE_NAME", "site-of-a-test")
        .env("OTEL_EXPORTER_OTLP_HEADERS", "x-key=canary-key")
        .env("OTEL_BSP_SCHEDULE_DELAY", "100")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.next().unwrap().unwrap();
    let _server = Process { child };
    let host = line.split("http://").nth(1).unwrap().trim_end_matches('/').trim().to_owned();
    let token = std::fs::read_to_string(data.join("admin-token")).unwrap();
    let answer = ask(
        &host,
        &format!(
            "POST /api/v1/registries/build/sync HTTP/1.1\r\nAuthorization: Bearer {}\r\n\
             traceparent: 00-{TRACE}-{ASKER}-01\r\n",
            token.trim()
        ),
    );
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    ask(&host, &format!("GET {hook} HTTP/1.1\r\n"));
    ask(&host, "GET /livez HTTP/1.1\r\n");
    let is_there = |name: &str| collector.spans().iter().any(|span| span.name == name);
    wait_until("the scan's span", || {
        is_there("scan") && is_there("GET /hooks/{registry}/{secret}")
    });

    let spans = collector.spans();
    let named = |name: &str| spans.iter().filter(|span| span.name == name).collect::<Vec<_>>();
    let [request] = named("POST /api/v1/registries/{name}/sync")[..] else { panic!("{spans:?}") };
    assert_eq!(
        (hex(&request.trace_id), hex(&request.parent_span_id)),
        (TRACE.into(), ASKER.into())
    );
    assert_eq!(request.kind, 2, "a server's");
    let attributes = texts(&request.attributes);
    for (key, wanted) in [
        ("http.request.method", "POST"),
        ("http.route", "/api/v1/registries/{name}/sync"),
        ("http.response.status_code", "200"),
        ("url.scheme", "http"),
        ("network.protocol.version", "1.1"),
    ] {
        assert_eq!(attributes.get(key).map(String::as_str), Some(wanted), "{key}: {attributes:?}");
    }
    let [sync] = named("sync")[..] else { panic!("{spans:?}") };
    assert_eq!((&sync.trace_id, &sync.parent_span_id), (&request.trace_id, &request.span_id));
    assert_eq!(texts(&sync.attributes)["plimsoll.sync.queued"], "1");

    // The scan has a trace of its own, which leads to the request.
    let [scan] = named("scan")[..] else { panic!("{spans:?}") };
    assert!(scan.parent_span_id.is_empty() && scan.trace_id != request.trace_id);
    let [link] = &scan.links[..] else { panic!("{scan:?}") };
    assert_eq!((&link.trace_id, &link.span_id), (&request.trace_id, &request.span_id));
    let attributes = texts(&scan.attributes);
    assert_eq!(attributes["plimsoll.scan.outcome"], "stored");
    assert_eq!(attributes["oci.manifest.digest"], image.manifest_digest.to_string());
    let layers = named("layer");
    assert_eq!(layers.len(), 2);
    for layer in layers {
        assert_eq!((&layer.trace_id, &layer.parent_span_id), (&scan.trace_id, &scan.span_id));
        assert!(layer.start_time_unix_nano >= scan.start_time_unix_nano);
        assert!(layer.end_time_unix_nano <= scan.end_time_unix_nano);
    }
    assert!(!spans.iter().any(|span| span.name.contains("livez")));
    assert_eq!(collector.resource()["service.name"], "site-of-a-test");
    let heads = collector.heads.lock().unwrap().join("");
    assert!(heads.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{heads}");
    assert!(heads.contains("application/x-protobuf") && heads.contains("canary-key"), "{heads}");
    let told = format!("{spans:?}");
    let secrets = [token.trim(), hook.rsplit('/').next().unwrap(), "canary"];
    assert!(secrets.iter().all(|secret| !told.contains(secret)), "{told}");
}

#[test]
fn an_endpoint_that_cannot_be_is_refused_before_anything_is_served() {
    let folder = temporary();
    for (endpoint, said) in [("collector", "traces"), ("ftp://collector:4318", "traces")] {
        let data = folder.path().to_str().unwrap();
        let arguments = ["serve", "--data", data, "--listen", "127.0.0.1:0"];
        let output = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
            .args(arguments)
            .args(["--otlp-endpoint", endpoint])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(error.contains(said), "{error}");
    }
}
