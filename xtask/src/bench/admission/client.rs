//! Who asks, as an API server does through a Service.
//!
//! In: a review and its right answer. Out: how long it took, how often it was asked again, and what was wrong. Odd: each review has a
//! connection of its own, for that is what meets a dead replica.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use anyhow::bail;
use serde_json::Value;

use super::{Known, Random, replicas::Replicas};

/// How long an API server of ours waits: the webhook's `timeoutSeconds` in `deploy/`.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often a review is asked at most.
const MOST: usize = 200;

/// One review.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// From the first question to the answer.
    pub(super) took: Duration,
    /// How often a replica did not answer.
    pub(super) again: usize,
    /// What was wrong with the answer.
    pub(super) wrong: Option<String>,
}

/// Asks until somebody answers.
pub(super) fn ask(
    replicas: &Replicas,
    random: &mut Random,
    uid: &str,
    body: &str,
    images: &[Known],
) -> anyhow::Result<Asked> {
    let begun = Instant::now();
    for again in 0..MOST {
        let Some(address) = replicas.choose(random) else {
            std::thread::sleep(Duration::from_millis(5));
            continue;
        };
        let Ok(answer) = post(address, body) else { continue };
        let took = begun.elapsed();
        return Ok(Asked { took, again, wrong: wrong(uid, images, &answer) });
    }
    bail!("nobody answered review {uid}")
}

/// One question.
fn post(address: SocketAddr, body: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let request = format!(
        "POST /validate?timeout=3s HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    // A replica that died while it wrote.
    let is_whole = answer.split_once("\r\n\r\n").is_some_and(|(head, body)| {
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        length.and_then(|length| length.parse::<usize>().ok()) == Some(body.len())
    });
    if is_whole { Ok(answer) } else { Err(std::io::Error::other("half an answer")) }
}

/// What is wrong with an answer.
fn wrong(uid: &str, images: &[Known], answer: &str) -> Option<String> {
    let said = |what: &str| Some(format!("{what} for {images:?}: {answer}"));
    let Some((head, body)) = answer.split_once("\r\n\r\n") else { return said("no head") };
    if !head.starts_with("HTTP/1.1 200 ") {
        return said("a status");
    }
    let Ok(body) = serde_json::from_str::<Value>(body) else { return said("no JSON") };
    let Some(response) = body.get("response") else { return said("no response") };
    if response.get("uid").and_then(Value::as_str) != Some(uid) {
        return said("another uid");
    }
    let annotation = response.pointer("/auditAnnotations/verdict").and_then(Value::as_str);
    if annotation.is_none_or(|verdict| verdict.starts_with("unavailable")) {
        return said("no store");
    }
    let denied: Vec<&Known> = images.iter().filter(|image| image.is_denied).collect();
    let allowed = response.get("allowed").and_then(Value::as_bool);
    if allowed != Some(denied.is_empty()) {
        return said("another verdict");
    }
    // Each denied image is named, and no other one is.
    let message = response.pointer("/status/message").and_then(Value::as_str).unwrap_or_default();
    let is_named = |image: &Known| message.contains(&format!("image `{}`", image.name));
    if !images.iter().all(|image| is_named(image) == image.is_denied) {
        return said("other images named");
    }
    None
}
