//! Telling people what changed: the channels, as a list.
//!
//! In: an `Event` and where it goes. Out: whether it arrived, and if not whether to try again. To add a channel: one file in
//! `notify/`, one line in [`channels`]; `plimsoll list channels` and the reference page follow. Source: `docs/notifications.md`. Odd:
//! everything leaves through the crate `registry`, whose guard lets private networks be reached only where the setting
//! [`NETWORKS_SETTING`] names them; what goes wrong is told without addresses, because those hold tokens.

mod compose;
mod dingtalk;
mod email;
mod event;
mod slack;
mod text;
mod webhook;

use std::time::Duration;

use futures_util::future::BoxFuture;
use plimsoll_model::{Secret, Timestamp};
use plimsoll_registry::{HttpClient, HttpError, HttpOptions, Network, Post, PostClient, Posted};
use plimsoll_store::{Store, StoreError};
use serde::{Deserialize, Serialize};

pub(crate) use self::{compose::compose, event::Event, webhook::PREFIX as SECRET_PREFIX};

/// The setting with the private networks that messages may go to, separated by commas.
pub const NETWORKS_SETTING: &str = "notify.networks";
/// The setting with the address at which people reach the console.
pub const CONSOLE_SETTING: &str = "console.url";

/// Longest wait for a receiver. A message is taken for a minute.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Where messages go, in the words of all channels together. There is no `Debug`: an address may hold a token.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Destination {
    /// The address that is posted to, or the mail server: `smtps://mail.example.com`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Recipients of mail.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<String>,
    /// Sender of mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Account at the mail server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Speak without TLS to a host that is not this machine.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub plain: bool,
    /// Certificates (PEM) of its own certification authority.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_pem: Option<String>,
}

/// A way to reach people or programs.
pub trait Channel: Sync {
    /// Stable id, as on the command line and in the store.
    fn id(&self) -> &'static str;

    /// What it is, as one sentence.
    fn about(&self) -> &'static str;

    /// What it takes: names of fields of [`Destination`], and `secret`.
    fn takes(&self) -> &'static [&'static str];

    /// Whether a secret is made where none is given.
    fn makes_secret(&self) -> bool {
        false
    }

    /// How a destination is shown, without tokens; or what is wrong with it: name of the field, and why.
    ///
    /// # Errors
    /// A field cannot be what it is.
    fn check(
        &self,
        destination: &Destination,
        secret: Option<&Secret<String>>,
    ) -> Result<String, Wrong>;

    /// Delivers an event.
    fn send<'a>(&'a self, sending: &'a Sending<'a>) -> BoxFuture<'a, Result<(), Failure>>;
}

/// A field that cannot be what it is, and why.
#[derive(Debug)]
pub struct Wrong(pub(crate) &'static str, pub(crate) String);

/// An event on its way.
pub struct Sending<'a> {
    pub(crate) event: &'a Event,
    pub(crate) destination: &'a Destination,
    pub(crate) secret: Option<&'a Secret<String>>,
    pub(crate) options: &'a HttpOptions,
    pub(crate) now: Timestamp,
}

/// Why an event did not arrive.
#[derive(Debug)]
pub struct Failure {
    pub(crate) why: String,
    /// Another attempt would end the same.
    pub(crate) is_final: bool,
    /// When the receiver wants to be asked again, in seconds.
    pub(crate) wish: Option<i64>,
}

/// Every channel.
#[must_use]
pub fn channels() -> &'static [&'static dyn Channel] {
    &[&webhook::Webhook, &email::Email, &dingtalk::DingTalk, &slack::Slack]
}

/// The channel of this id.
pub(crate) fn channel(id: &str) -> Option<&'static dyn Channel> {
    channels().iter().copied().find(|channel| channel.id() == id)
}

/// The networks of a setting's value.
///
/// # Errors
/// One of them is none.
pub fn networks(value: &str) -> Result<Vec<Network>, plimsoll_registry::NetworkError> {
    value.split(',').map(str::trim).filter(|text| !text.is_empty()).map(str::parse).collect()
}

/// How requests to a destination behave: not to private networks but those that the setting names.
pub(crate) async fn options(
    store: &Store,
    destination: &Destination,
) -> Result<HttpOptions, StoreError> {
    let named = store.setting(NETWORKS_SETTING).await?.unwrap_or_default();
    Ok(HttpOptions {
        ca_pem: destination.ca_pem.iter().cloned().collect(),
        allow_private: false,
        networks: networks(&named).unwrap_or_default(),
        read_timeout: TIMEOUT,
        document_timeout: TIMEOUT,
        ..HttpOptions::default()
    })
}

impl Failure {
    fn again(why: impl Into<String>) -> Self {
        Self { why: why.into(), is_final: false, wish: None }
    }

    pub(crate) fn last(why: impl Into<String>) -> Self {
        Self { why: why.into(), is_final: true, wish: None }
    }
}

impl From<HttpError> for Failure {
    fn from(error: HttpError) -> Self {
        let hint = match &error {
            HttpError::Forbidden(plimsoll_registry::ForbiddenAddress::NotAllowed { .. }) => {
                format!("; `plimsoll settings {NETWORKS_SETTING} NETWORKS` allows it")
            }
            _ => String::new(),
        };
        // All of this can change: a name, an address, a certificate, a setting.
        Self::again(format!("{error}{hint}"))
    }
}

impl Sending<'_> {
    /// Posts a document to the destination's address.
    async fn post(&self, post: Post) -> Result<Posted, Failure> {
        let url = Secret::new(self.destination.url.clone().unwrap_or_default());
        let http = HttpClient::new(self.options.clone())?;
        let client = PostClient::new(&url, self.destination.plain, &http)?;
        Ok(client.post(post).await?)
    }
}

/// What an answer means that is no success; `says`: what the receiver says about it, where that is a known word.
fn refused(posted: &Posted, says: &str) -> Failure {
    let wish = posted.retry_after.and_then(|after| i64::try_from(after.as_secs()).ok());
    let says = if says.is_empty() { String::new() } else { format!(": {says}") };
    Failure {
        why: format!("the receiver answered {}{says}", posted.status),
        // Gone: the receiver says that it will never take anything again.
        is_final: posted.status == 410,
        wish,
    }
}

/// A receiver's own words without the address's secrets and ours, which some repeat.
fn concealed(destination: &Destination, secret: Option<&Secret<String>>, says: &str) -> String {
    /// Shorter steps of an address are words such as `services`.
    const SHORTEST: usize = 8;
    let address = destination.url.as_deref().unwrap_or_default();
    let behind_host = address.splitn(4, '/').nth(3).unwrap_or_default();
    let steps = behind_host.split(['/', '?', '&', '=', '#']).filter(|step| step.len() >= SHORTEST);
    let mut secrets: Vec<&str> = steps.collect();
    secrets.extend(secret.map(|secret| secret.reveal().as_str()).filter(|text| !text.is_empty()));
    // The longest first, so that no rest of one stays behind a shorter one.
    secrets.sort_by_key(|text| std::cmp::Reverse(text.len()));
    secrets.iter().fold(says.to_owned(), |says, secret| says.replace(secret, "…"))
}

/// Shows the origin of an address.
fn shown_origin(destination: &Destination) -> Result<String, Wrong> {
    let url = destination.url.as_ref().ok_or_else(|| Wrong("url", "it is missing".to_owned()))?;
    plimsoll_registry::post::origin(&Secret::new(url.clone()), destination.plain)
        .map(|origin| origin.to_string())
        .map_err(|error| Wrong("url", error.to_string()))
}

/// Refuses what a channel does not take.
pub(crate) fn refuse_others(
    channel: &dyn Channel,
    destination: &Destination,
    has_secret: bool,
) -> Result<(), Wrong> {
    let given = [
        ("url", destination.url.is_some()),
        ("to", !destination.to.is_empty()),
        ("from", destination.from.is_some()),
        ("username", destination.username.is_some()),
        ("secret", has_secret),
    ];
    for (name, is_given) in given {
        if is_given && !channel.takes().contains(&name) {
            let takes = channel.takes().join(", ");
            return Err(Wrong(name, format!("channel `{}` takes {takes}", channel.id())));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
