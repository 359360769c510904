//! A client of a running server: signed calls of the gateway, and the management interface.
//!
//! In: a call. Out: how long the answer took, and the answer. Source: `docs/api.md`. Odd: one connection is kept for all calls,
//! as official clients do; an answer other than 200 is an error, so that no refusal is counted as a quick answer.

use std::{
    fmt::Write as _,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use base64::{Engine, engine::general_purpose::STANDARD};
use ring::{digest, hmac};
use serde_json::Value;

/// Whom to ask, and as whom.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// `127.0.0.1:7467`.
    pub(super) address: String,
    pub(super) key_id: String,
    pub(super) secret: String,
    pub(super) admin_token: String,
    /// Now, within minutes: `2026-11-30T22:00:00Z`.
    pub(super) date: String,
    /// Drawn once, so that no nonce is one of an earlier run.
    pub(super) nonces: u64,
}

/// How to ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Way {
    /// ListImageRisk, signed with ACS3-HMAC-SHA256.
    Acs3,
    /// ListImageRisk, signed with HMAC-SHA1.
    HmacSha1,
    /// `/api/v1/images`.
    Management,
}

/// One connection.
pub(super) struct Client<'a> {
    target: &'a Target,
    stream: BufReader<TcpStream>,
}

impl<'a> Client<'a> {
    pub(super) fn connect(target: &'a Target) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(&target.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(120)))?;
        Ok(Self { target, stream: BufReader::new(stream) })
    }

    /// Asks and waits for the whole answer; signing is not part of the time.
    pub(super) fn ask(
        &mut self,
        way: Way,
        parameters: &[(&str, String)],
    ) -> anyhow::Result<(Duration, Vec<u8>)> {
        let request = match way {
            Way::Acs3 => self.target.acs3(parameters),
            Way::HmacSha1 => self.target.hmac_sha1(parameters),
            Way::Management => self.target.management(parameters),
        };
        let started = Instant::now();
        self.stream.get_mut().write_all(request.as_bytes())?;
        let (status, body) = self.answer()?;
        let took = started.elapsed();
        if status != 200 {
            bail!("{request}was answered {status}: {}", String::from_utf8_lossy(&body));
        }
        Ok((took, body))
    }

    fn answer(&mut self) -> anyhow::Result<(u16, Vec<u8>)> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.with_context(|| format!("`{line}` is no status line"))?;
        let mut length = 0;
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse()?;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok((status, body))
    }
}

/// How many images an answer says that there are.
pub(super) fn total(body: &[u8]) -> anyhow::Result<u64> {
    let answer: Value = serde_json::from_slice(body)?;
    let total = answer.pointer("/PageInfo/TotalCount").or_else(|| answer.pointer("/meta/total"));
    total.and_then(Value::as_u64).context("the answer has no total")
}

impl Target {
    fn nonce(&self) -> String {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        format!("{:016x}{:016x}", self.nonces, NEXT.fetch_add(1, Ordering::Relaxed))
    }

    fn acs3(&self, parameters: &[(&str, String)]) -> String {
        let query = joined(parameters.iter().map(|(name, value)| (*name, value.as_str())));
        let empty = hex(digest::digest(&digest::SHA256, b"").as_ref());
        let nonce = self.nonce();
        let headers = [
            ("host", self.address.as_str()),
            ("x-acs-action", "ListImageRisk"),
            ("x-acs-content-sha256", &empty),
            ("x-acs-date", &self.date),
            ("x-acs-signature-nonce", &nonce),
            ("x-acs-version", "2018-12-03"),
        ];
        let names = headers.map(|(name, _)| name).join(";");
        let mut lines = String::new();
        for (name, value) in headers {
            let _written = writeln!(lines, "{name}:{value}");
        }
        let canonical = format!("POST\n/\n{query}\n{lines}\n{names}\n{empty}");
        let hash = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret.as_bytes());
        let signature = hmac::sign(&key, format!("ACS3-HMAC-SHA256\n{hash}").as_bytes());
        format!(
            "POST /?{query} HTTP/1.1\r\n{}authorization: ACS3-HMAC-SHA256 Credential={},SignedHeaders={names},\
             Signature={}\r\ncontent-length: 0\r\n\r\n",
            lines.replace('\n', "\r\n"),
            self.key_id,
            hex(signature.as_ref())
        )
    }

    fn hmac_sha1(&self, parameters: &[(&str, String)]) -> String {
        let nonce = self.nonce();
        let mut all: Vec<(&str, &str)> =
            parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
        all.extend([
            ("Action", "ListImageRisk"),
            ("Version", "2018-12-03"),
            ("AccessKeyId", &self.key_id),
            ("SignatureMethod", "HMAC-SHA1"),
            ("SignatureVersion", "1.0"),
            ("SignatureNonce", &nonce),
            ("Timestamp", &self.date),
        ]);
        let query = joined(all);
        let text = format!("GET&%2F&{}", encoded(&query));
        let secret = format!("{}&", self.secret);
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
        let signature = STANDARD.encode(hmac::sign(&key, text.as_bytes()));
        format!(
            "GET /?{query}&Signature={} HTTP/1.1\r\nhost: {}\r\n\r\n",
            encoded(&signature),
            self.address
        )
    }

    fn management(&self, parameters: &[(&str, String)]) -> String {
        let query = joined(parameters.iter().map(|(name, value)| (*name, value.as_str())));
        format!(
            "GET /api/v1/images?{query} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\r\n",
            self.address, self.admin_token
        )
    }
}

/// Parameters sorted and encoded, as both signatures want them.
fn joined<'t>(pairs: impl IntoIterator<Item = (&'t str, &'t str)>) -> String {
    let mut pairs: Vec<String> = pairs
        .into_iter()
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
        .collect();
    pairs.sort();
    pairs.join("&")
}

fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _written = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _written = write!(text, "{byte:02x}");
        text
    })
}
