//! A client that behaves as Harbor's own: five seconds, no redirects, no repetition, and its way of reading answers.
//!
//! In: the scanner's address and how it is registered. Out: what Harbor would make of the answers. Source: goharbor/harbor,
//! `src/pkg/scan/rest/v1/client.go` and `models.go`, `src/pkg/scan/job.go`: rules retyped, no code taken.

use std::{net::SocketAddr, time::Duration};

use axum::http::{HeaderMap, HeaderName};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Harbor's limit for one exchange.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub(crate) const GENERIC: &str = "application/vnd.security.vulnerability.report; version=1.1";
pub(crate) const NATIVE: &str =
    "application/vnd.scanner.adapter.vuln.report.harbor+json; version=1.0";
pub(crate) const SBOM: &str = "application/vnd.security.sbom.report+json; version=1.0";

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// What Harbor makes of the answer to a report.
#[derive(Debug)]
pub(crate) enum NoReport {
    /// `ReportNotReadyError`: come again after these seconds.
    NotReady(i8),
    /// Anything else, which fails the scan.
    Failed(u16, String),
}

pub(crate) struct HarborClient {
    pub(crate) address: SocketAddr,
    /// The registration's address: `/harbor`.
    pub(crate) base: &'static str,
    /// What the registration's authentication adds.
    pub(crate) authentication: (&'static str, String),
}

impl HarborClient {
    pub(crate) fn bearer(address: SocketAddr, token: &str) -> Self {
        let authentication = ("authorization", format!("Bearer {token}"));
        Self { address, base: "/harbor", authentication }
    }

    pub(crate) async fn exchange(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let exchange = self.send(method, path, headers, body);
        tokio::time::timeout(PATIENCE, exchange).await.expect("an answer within five seconds")
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = format!(
            "{method} {}/api/v1{path} HTTP/1.1\r\nhost: scanner\r\nconnection: close\r\ncontent-length: {}\r\n",
            self.base,
            body.len()
        );
        let (name, value) = &self.authentication;
        if !value.is_empty() {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        request.push_str(body);
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let mut found = HeaderMap::new();
        for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
            found.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        let body = bytes[end + 4..].to_vec();
        Answer { status, headers: found, body }
    }

    /// `GetMetadata`, and what `ScannerAdapterMetadata.Validate` wants of it.
    pub(crate) async fn metadata(&self) -> Value {
        let accept = "application/vnd.scanner.adapter.metadata+json; version=1.0";
        let answer = self.exchange("GET", "/metadata", &[("accept", accept)], "").await;
        assert_eq!(answer.status, 200, "{}", error_of(&answer));
        assert_eq!(answer.headers["content-type"], accept);
        let metadata: Value = serde_json::from_slice(&answer.body).unwrap();
        for name in ["name", "vendor", "version"] {
            assert_ne!(metadata["scanner"][name].as_str().unwrap_or_default(), "", "{name}");
        }
        let capabilities = metadata["capabilities"].as_array().unwrap();
        assert!(!capabilities.is_empty());
        for capability in capabilities {
            let list = |name: &str| capability[name].as_array().unwrap().clone();
            assert!(list("consumes_mime_types").contains(&DOCKER_MANIFEST.into()), "{capability}");
            let is_known = |mime: &Value| [GENERIC, NATIVE, SBOM].iter().any(|known| mime == known);
            assert!(list("produces_mime_types").iter().any(is_known), "{capability}");
        }
        metadata
    }

    /// `SubmitScan`: the scan's id, or the status and the message of the error.
    pub(crate) async fn submit(&self, request: &Value) -> Result<String, (u16, String)> {
        let headers = [
            ("content-type", "application/vnd.scanner.adapter.scan.request+json; version=1.0"),
            ("accept", "application/vnd.scanner.adapter.scan.response+json; version=1.0"),
        ];
        let answer = self.exchange("POST", "/scan", &headers, &request.to_string()).await;
        if answer.status != 202 {
            return Err((answer.status, error_of(&answer)));
        }
        assert_eq!(
            answer.headers["content-type"],
            "application/vnd.scanner.adapter.scan.response+json; version=1.0"
        );
        let response: Value = serde_json::from_slice(&answer.body).unwrap();
        Ok(response["id"].as_str().filter(|id| !id.is_empty()).expect("an id").to_owned())
    }

    /// `GetScanReport`.
    pub(crate) async fn report(&self, id: &str, mime: &str) -> Result<Value, NoReport> {
        let query = if mime == SBOM { "?sbom_media_type=application%2Fspdx%2Bjson" } else { "" };
        let path = format!("/scan/{id}/report{query}");
        let answer = self.exchange("GET", &path, &[("accept", mime)], "").await;
        match answer.status {
            200 => {
                assert_eq!(answer.headers["content-type"], mime);
                Ok(serde_json::from_slice(&answer.body).unwrap())
            }
            302 => {
                assert!(!answer.headers.contains_key("location"), "it leads nowhere");
                let after = answer.headers.get("refresh-after").expect("when to come again");
                // A value that is no number of eight bits is taken for five.
                let seconds: i8 = after.to_str().unwrap().parse().expect("eight bits");
                assert!(seconds > 0);
                Err(NoReport::NotReady(seconds))
            }
            status => Err(NoReport::Failed(status, error_of(&answer))),
        }
    }

    /// Polls as Harbor's job does, but without its pauses: a scan here takes no seconds.
    pub(crate) async fn wait_for(&self, id: &str, mime: &str) -> Result<Value, (u16, String)> {
        for _ in 0..1_500 {
            match self.report(id, mime).await {
                Ok(report) => return Ok(report),
                Err(NoReport::Failed(status, message)) => return Err((status, message)),
                Err(NoReport::NotReady(_)) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
        panic!("the report never came");
    }
}

/// The message of an error, whose body Harbor reads as JSON whatever its type says.
pub(crate) fn error_of(answer: &Answer) -> String {
    let body: Value = serde_json::from_slice(&answer.body)
        .unwrap_or_else(|_| panic!("{}: {}", answer.status, String::from_utf8_lossy(&answer.body)));
    let message = body["error"]["message"].as_str().expect("error.message");
    assert_eq!(
        answer.headers["content-type"],
        "application/vnd.scanner.adapter.error+json; version=1.0"
    );
    assert!(!message.is_empty());
    message.to_owned()
}
