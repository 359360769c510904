//! DingTalk: a message of a group's robot.
//!
//! In: an event. Out: `POST` of a Markdown message to the robot's address, signed with its secret. Source: DingTalk open platform,
//! "Custom robot": `timestamp` in milliseconds, `sign` the Base64 of HMAC-SHA256 with the secret over `timestamp\nsecret`; messages of
//! up to 20,000 bytes; answers `{"errcode", "errmsg"}`. Odd: what is wrong is told with status 200.

use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::{FutureExt, future::BoxFuture};
use plimsoll_model::{Secret, Timestamp};
use plimsoll_registry::Post;
use ring::hmac;
use serde::Deserialize;
use serde_json::json;

use super::{
    Channel, Destination, Event, Failure, Sending, Wrong, concealed, refused, shown_origin,
    text::{self, Line},
};

/// Longest text: below the limit, with room for the rest of the JSON.
const LONGEST: usize = 16_000;
/// Images that are named with a vulnerability.
const NAMED: usize = 3;
/// Too many messages a minute.
const TOO_MANY: [i64; 2] = [130_101, 410_100];

/// The channel.
pub(super) struct DingTalk;

impl Channel for DingTalk {
    fn id(&self) -> &'static str {
        "dingtalk"
    }

    fn about(&self) -> &'static str {
        "A message of a DingTalk group's custom robot, signed with the robot's secret if it has one."
    }

    fn takes(&self) -> &'static [&'static str] {
        &["url", "secret"]
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
    #[derive(Deserialize)]
    struct Answer {
        errcode: i64,
        #[serde(default)]
        errmsg: String,
    }
    let query = sending.secret.map(|secret| sign(secret, sending.now)).unwrap_or_default();
    let headers = vec![("content-type", "application/json; charset=utf-8".to_owned())];
    let posted = sending.post(Post { headers, query, body: body(sending.event) }).await?;
    if posted.status != 200 {
        return Err(refused(&posted, ""));
    }
    let Ok(answer) = serde_json::from_slice::<Answer>(&posted.body) else {
        return Err(Failure::again("the answer is not one of DingTalk"));
    };
    if answer.errcode == 0 {
        return Ok(());
    }
    let says = concealed(sending.destination, sending.secret, &text::one_line(&answer.errmsg));
    let says: String = says.chars().take(200).collect();
    let wish = TOO_MANY.contains(&answer.errcode).then_some(60);
    Err(Failure { wish, ..Failure::again(format!("DingTalk: {} {says}", answer.errcode)) })
}

/// What is added to the address.
fn sign(secret: &Secret<String>, now: Timestamp) -> Vec<(&'static str, String)> {
    let timestamp = now.milliseconds().to_string();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.reveal().as_bytes());
    let signed = format!("{timestamp}\n{}", secret.reveal());
    let sign = STANDARD.encode(hmac::sign(&key, signed.as_bytes()));
    vec![("timestamp", timestamp), ("sign", sign)]
}

fn body(event: &Event) -> Vec<u8> {
    let title = plain(&text::headline(event));
    let mut markdown = format!("#### {title}\n\n");
    let mut told = 0;
    for line in text::lines(event) {
        let item = item(&line);
        if markdown.len() + item.len() > LONGEST {
            break;
        }
        markdown.push_str(&item);
        told += 1;
    }
    if let Some(rest) = text::rest(event, told) {
        markdown.push_str(&rest);
    }
    let json = json!({ "msgtype": "markdown", "markdown": { "title": title, "text": markdown } });
    json.to_string().into_bytes()
}

fn item(line: &Line) -> String {
    let name = match &line.link {
        Some(link) => format!("[{}]({link})", plain(&line.name)),
        None => format!("**{}**", plain(&line.name)),
    };
    let mut item = format!("- {name} {}\n", plain(&line.says));
    for image in line.named.iter().take(NAMED) {
        item.push_str(&format!("  - {}\n", plain(image)));
    }
    item
}

/// A text without what is markup, for which DingTalk knows no escape.
fn plain(text: &str) -> String {
    text.chars()
        .filter(|c| !matches!(c, '[' | ']' | '<' | '>' | '`' | '*' | '#' | '|' | '!' | '\\'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with Python's hmac and base64 by the documented recipe.
    #[test]
    fn it_signs_as_documented() {
        let query = sign(&Secret::new("SECabc123".to_owned()), Timestamp(1_795_600_000));
        assert_eq!(query[0], ("timestamp", "1795600000000".to_owned()));
        assert_eq!(query[1], ("sign", "4uf14PtQUQvHhea5E02nmcsYFkVSfL0fcxy0040MTnY=".to_owned()));
    }
}
