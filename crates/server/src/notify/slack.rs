//! Slack: a message by an incoming webhook.
//!
//! In: an event. Out: `POST` of `{"text": …}` in Slack's own markup. Source: Slack, "Sending messages using incoming webhooks",
//! "Formatting text for app surfaces": `&`, `<` and `>` are escaped, links are `<address|words>`; answers are a word such as `ok`,
//! `invalid_payload` or `channel_is_archived`. Odd: the address is the secret.

use futures_util::{FutureExt, future::BoxFuture};
use plimsoll_model::Secret;
use plimsoll_registry::Post;
use serde_json::json;

use super::{
    Channel, Destination, Event, Failure, Sending, Wrong, refused, shown_origin,
    text::{self, Line},
};

/// Longest text: Slack advises to stay below 4,000 characters.
const LONGEST: usize = 3_800;
/// Images that are named with a vulnerability.
const NAMED: usize = 3;

/// The channel.
pub(super) struct Slack;

impl Channel for Slack {
    fn id(&self) -> &'static str {
        "slack"
    }

    fn about(&self) -> &'static str {
        "A message into a Slack channel, by an incoming webhook."
    }

    fn takes(&self) -> &'static [&'static str] {
        &["url"]
    }

    fn check(
        &self,
        destination: &Destination,
        _secret: Option<&Secret<String>>,
    ) -> Result<String, Wrong> {
        shown_origin(destination)
    }

    fn send<'a>(&'a self, sending: &'a Sending<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        send(sending).boxed()
    }
}

async fn send(sending: &Sending<'_>) -> Result<(), Failure> {
    let headers = vec![("content-type", "application/json; charset=utf-8".to_owned())];
    let posted =
        sending.post(Post { headers, query: Vec::new(), body: body(sending.event) }).await?;
    if (200..300).contains(&posted.status) {
        return Ok(());
    }
    // Slack says what is wrong as one word; whatever else stands there is not repeated.
    let says = std::str::from_utf8(&posted.body).unwrap_or_default().trim();
    let is_word = says.len() <= 60 && says.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    Err(refused(&posted, if is_word { says } else { "" }))
}

fn body(event: &Event) -> Vec<u8> {
    let mut message = format!("*{}*", escaped(&text::headline(event)));
    let mut told = 0;
    for line in text::lines(event) {
        let item = item(&line);
        if message.chars().count() + item.chars().count() > LONGEST {
            break;
        }
        message.push_str(&item);
        told += 1;
    }
    if let Some(rest) = text::rest(event, told) {
        message.push_str(&format!("\n{rest}"));
    }
    json!({ "text": message }).to_string().into_bytes()
}

fn item(line: &Line) -> String {
    let name = escaped(&line.name);
    let name = match &line.link {
        Some(link) => format!("<{}|{name}>", escaped(link)),
        None => format!("*{name}*"),
    };
    let named: Vec<String> = line.named.iter().take(NAMED).map(|image| escaped(image)).collect();
    let named =
        if named.is_empty() { String::new() } else { format!("\n    {}", named.join(", ")) };
    format!("\n• {name} {}{named}", escaped(&line.says))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
