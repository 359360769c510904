//! Somebody who asks for things all the time, and remembers what was promised.
//!
//! In: a site whose server may be away. Out: [`Acknowledged`]: what the server said it will do, or has done. Odd: an answer that
//! breaks off is none; whether it was done is then open, and nothing is expected of it.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::TcpStream,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, SystemTime},
};

use serde_json::{Value, json};

use super::{
    Draw,
    site::{Site, put},
};

/// Images that are added while processes die.
const MOST_PUSHED: u32 = 12;
/// The first of their numbers.
const FIRST_PUSHED: u32 = 1_000;

/// An answer that came whole.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) retry_after: Option<String>,
    pub(super) body: Value,
}

/// What was promised.
#[derive(Default)]
pub(super) struct Acknowledged {
    /// Manifests that are to be scanned, and when that was asked for.
    pub(super) scans: Vec<(String, u64)>,
    /// Names of scans that a Harbor asked for.
    pub(super) requested: Vec<String>,
    /// Repositories that a sync has seen.
    pub(super) synced: Vec<String>,
    /// How often which status was answered.
    pub(super) statuses: BTreeMap<u16, u64>,
}

/// Ends the asking when it is dropped, also by a test that fails.
pub(super) struct Until<'a>(pub(super) &'a AtomicBool);

impl Drop for Until<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Sends a request; `None` when no whole answer came.
pub(super) fn call(
    address: &str,
    method: &str,
    path: &str,
    token: &str,
    body: Option<&Value>,
) -> Option<Answer> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(60))).ok()?;
    let body = body.map(Value::to_string).unwrap_or_default();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body.as_bytes()).ok()?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let field = |name: &str| {
        head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then(|| value.to_owned())
        })
    };
    let length: usize = field("content-length")?.parse().ok()?;
    (body.len() == length).then_some(())?;
    Some(Answer {
        status: head.split(' ').nth(1)?.parse().ok()?,
        retry_after: field("retry-after"),
        body: serde_json::from_str(body).unwrap_or(Value::Null),
    })
}

/// Asks for scans, syncs and Harbor's scans until it is told to end.
pub(super) fn keep_asking(site: &Site, mut draw: Draw, ended: &AtomicBool) -> Acknowledged {
    let mut promised = Acknowledged::default();
    let mut pushed: Vec<String> = Vec::new();
    let mut known: Vec<(String, String, String)> = Vec::new();
    while !ended.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(20 + draw.below(60)));
        if known.is_empty() {
            known = images(site);
            continue;
        }
        let place = usize::try_from(draw.below(known.len() as u64)).unwrap();
        let (uuid, digest, repository) = &known[place];
        match draw.below(10) {
            0..6 => {
                let sent = now();
                let answer = site.call("POST", &format!("/images/{uuid}/scan"), None);
                if promised.is_kept(answer.as_ref(), 202) {
                    promised.scans.push((digest.clone(), sent));
                }
            }
            6..8 => {
                if u32::try_from(pushed.len()).unwrap() < MOST_PUSHED {
                    let number = FIRST_PUSHED + u32::try_from(pushed.len()).unwrap();
                    pushed.push(put(&site.registry, number));
                }
                let answer = site.call("POST", "/registries/build/sync", None);
                // A sync that could not ask the database of a repository tells that as a problem.
                if promised.is_kept(answer.as_ref(), 200)
                    && answer.unwrap().body["problem_count"] == 0
                {
                    promised.synced.clone_from(&pushed);
                }
            }
            _ => {
                let wish = wish(site, repository, digest);
                let path = "/harbor/api/v1/scan";
                let answer = call(&site.address, "POST", path, &site.scanner, Some(&wish));
                if promised.is_kept(answer.as_ref(), 202) {
                    let id = answer.unwrap().body["id"].as_str().unwrap().to_owned();
                    promised.requested.push(id);
                }
            }
        }
    }
    promised
}

impl Acknowledged {
    /// Whether the answer is a promise. It is that, or says when to come again, or did not come.
    fn is_kept(&mut self, answer: Option<&Answer>, wanted: u16) -> bool {
        let Some(answer) = answer else { return false };
        *self.statuses.entry(answer.status).or_default() += 1;
        let is_refused = answer.status == 503 && answer.retry_after.is_some();
        assert!(answer.status == wanted || is_refused, "{}: {}", answer.status, answer.body);
        answer.status == wanted
    }
}

/// Name, manifest and repository of every image.
fn images(site: &Site) -> Vec<(String, String, String)> {
    let answer =
        site.call("GET", "/images?page_size=500", None).filter(|found| found.status == 200);
    let text = |image: &Value, name: &str| image[name].as_str().unwrap().to_owned();
    let listed = answer.map(|answer| answer.body["images"].as_array().unwrap().clone());
    let of = |image: &Value| {
        let repository = format!("{}/{}", text(image, "namespace"), text(image, "repository"));
        (text(image, "uuid"), text(image, "manifest_digest"), repository)
    };
    listed.unwrap_or_default().iter().map(of).collect()
}

/// As Harbor sends it.
fn wish(site: &Site, repository: &str, digest: &str) -> Value {
    json!({
        "registry": { "url": site.registry_url, "authorization": "", "insecure": true },
        "artifact": {
            "repository": repository, "tag": "1", "digest": digest,
            "mime_type": "application/vnd.oci.image.manifest.v1+json", "size": 1_000
        }
    })
}

/// Seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "what processes write down is held against it")]
fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}
