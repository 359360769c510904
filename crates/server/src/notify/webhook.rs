//! Webhooks: an event as JSON, signed.
//!
//! In: an event. Out: `POST` of a CloudEvent in structured mode. Source: CloudEvents 1.0.2 (JSON event format; HTTP protocol
//! binding §3.2), Standard Webhooks 1.0 (`webhook-id`, `webhook-timestamp`, `webhook-signature`). Odd: the time that is signed is
//! that of the attempt, so that a receiver can refuse old requests; the id and the body are the same in every attempt.

use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::{FutureExt, future::BoxFuture};
use plimsoll_model::Secret;
use plimsoll_registry::Post;
use ring::hmac;
use serde_json::json;

use super::{Channel, Destination, Event, Failure, Sending, Wrong, refused, shown_origin};

/// What secrets begin with, so that people and secret scanners know them.
pub(crate) const PREFIX: &str = "whsec_";
/// How many bytes a secret has.
const LENGTH: std::ops::RangeInclusive<usize> = 24..=64;

/// The channel.
pub(super) struct Webhook;

impl Channel for Webhook {
    fn id(&self) -> &'static str {
        "webhook"
    }

    fn about(&self) -> &'static str {
        "CloudEvents as JSON to an address of yours, signed as Standard Webhooks specify."
    }

    fn takes(&self) -> &'static [&'static str] {
        &["url", "secret"]
    }

    fn makes_secret(&self) -> bool {
        true
    }

    fn check(
        &self,
        destination: &Destination,
        secret: Option<&Secret<String>>,
    ) -> Result<String, Wrong> {
        if secret.is_none_or(|secret| key(secret.reveal()).is_none()) {
            let why = format!("it is not {PREFIX} and 24 to 64 bytes in base64");
            return Err(Wrong("secret", why));
        }
        shown_origin(destination)
    }

    fn send<'a>(&'a self, sending: &'a Sending<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        send(sending).boxed()
    }
}

async fn send(sending: &Sending<'_>) -> Result<(), Failure> {
    let Some(key) = sending.secret.and_then(|secret| key(secret.reveal())) else {
        return Err(Failure::last("the secret is not one: add the subscription again"));
    };
    let body = body(sending.event);
    let timestamp = sending.now.0.to_string();
    let signature = signature(&key, &sending.event.id, &timestamp, &body);
    let headers = vec![
        ("content-type", "application/cloudevents+json; charset=utf-8".to_owned()),
        ("webhook-id", sending.event.id.clone()),
        ("webhook-timestamp", timestamp),
        ("webhook-signature", signature),
    ];
    let posted = sending.post(Post { headers, query: Vec::new(), body }).await?;
    if (200..300).contains(&posted.status) { Ok(()) } else { Err(refused(&posted, "")) }
}

/// The event's JSON.
fn body(event: &Event) -> Vec<u8> {
    let source = event.console.as_deref().unwrap_or("/plimsoll");
    let json = json!({
        "specversion": "1.0",
        "id": event.id,
        "source": source,
        "type": event.type_name(),
        "subject": event.subscription,
        "time": event.time,
        "datacontenttype": "application/json",
        "data": event.news,
    });
    json.to_string().into_bytes()
}

/// The bytes of a secret; `None` when it is none.
fn key(secret: &str) -> Option<Vec<u8>> {
    let bytes = STANDARD.decode(secret.trim().strip_prefix(PREFIX)?).ok()?;
    LENGTH.contains(&bytes.len()).then_some(bytes)
}

/// `v1,` and HMAC-SHA256 over id, time and body with dots between.
fn signature(key: &[u8], id: &str, timestamp: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
    format!("v1,{}", STANDARD.encode(hmac::sign(&key, &signed)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Standard Webhooks' own libraries.
    #[test]
    fn it_signs_as_the_specification_does() {
        let key = key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = signature(
            &key,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "1614265330",
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn secrets_are_of_the_form_that_receivers_know() {
        for wrong in
            ["", "abc", "whsec_", "whsec_!!!!", "whsec_YWJj", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
        {
            assert!(key(wrong).is_none(), "{wrong}");
        }
    }
}
