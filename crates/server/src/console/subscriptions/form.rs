//! The form that adds a subscription.
//!
//! In: the channel that is chosen; what was filled in. Out: fields that the channel takes; a request. Odd: patterns and recipients are
//! lists, written with commas or one a line; what is left empty is not given.

use maud::{Markup, html};
use plimsoll_model::Priority;
use serde::Deserialize;

use super::{PATH, Session, words};
use crate::{
    notify::{Channel, Destination, channels},
    operation::subscriptions::AddSubscription,
};

/// What was filled in. There is no `Debug`: it may hold a secret.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(in crate::console) struct Given {
    pub(super) csrf: String,
    name: String,
    channel: String,
    url: String,
    to: String,
    from: String,
    username: String,
    secret: String,
    plain: String,
    minimum: String,
    registries: String,
    namespaces: String,
    repositories: String,
    running: String,
    no_new_images: String,
    digest_hour: String,
    instant_from: String,
}

impl Given {
    /// The request, or what cannot be.
    pub(super) fn request(self) -> Result<AddSubscription, String> {
        let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let priority = |text: &str| match text.trim() {
            "" => Ok(None),
            word => word.parse::<Priority>().map(Some).map_err(|error| error.to_string()),
        };
        let digest_hour = match self.digest_hour.trim() {
            "" => None,
            hour => Some(hour.parse().map_err(|_error| format!("`{hour}` is no hour: 0 to 23"))?),
        };
        Ok(AddSubscription {
            name: self.name.trim().to_owned(),
            channel: self.channel,
            destination: Destination {
                url: given(&self.url),
                to: list(&self.to),
                from: given(&self.from),
                username: given(&self.username),
                plain: !self.plain.is_empty(),
                ca_pem: None,
            },
            secret: given(&self.secret),
            minimum: priority(&self.minimum)?,
            registries: list(&self.registries),
            namespaces: list(&self.namespaces),
            repositories: list(&self.repositories),
            running: !self.running.is_empty(),
            no_new_images: !self.no_new_images.is_empty(),
            digest_hour,
            instant_from: priority(&self.instant_from)?,
        })
    }
}

fn list(text: &str) -> Vec<String> {
    let entries = text.split([',', '\n']).map(str::trim).filter(|entry| !entry.is_empty());
    entries.map(str::to_owned).collect()
}

/// The form of a channel, of the first one where none is named.
pub(super) fn form(chosen: &str, session: &Session) -> Markup {
    let named = channels().iter().copied().find(|channel| channel.id() == chosen);
    let Some(channel) = named.or_else(|| channels().first().copied()) else { return html! {} };
    html! {
        section class="group add" id="add" aria-labelledby="add-title" {
            h2 id="add-title" { "Add somebody" }
            ul class="tabs" {
                @for other in channels() {
                    li { a href={ (PATH) "?channel=" (other.id()) "#add" }
                        aria-current=[(other.id() == channel.id()).then_some("page")] { (title(*other)) } }
                }
            }
            p { (channel.about()) }
            form class="card padded fields" method="post" action=(PATH) {
                input type="hidden" name="csrf" value=(session.csrf);
                input type="hidden" name="channel" value=(channel.id());
                fieldset {
                    legend { "To whom" }
                    (text("name", "Name", "security team", true))
                    @for field in channel.takes() { (destination(channel, field)) }
                }
                fieldset {
                    legend { "Of what" }
                    label { "From which urgency on" (priorities("minimum", "every change")) }
                    (text("registries", "Registries", "all; * and ? stand for any text", false))
                    (text("namespaces", "Namespaces", "all", false))
                    (text("repositories", "Repositories", "all", false))
                    label class="check" { input type="checkbox" name="running" value="yes"; " Images that run in a cluster alone" }
                    label class="check" { input type="checkbox" name="no_new_images" value="yes"; " Not of images that are new" }
                }
                fieldset {
                    legend { "When" }
                    label { "Once a day, at this hour (UTC)"
                        select name="digest_hour" {
                            option value="" { "at once instead" }
                            @for hour in 0..24 { option value=(hour) { (format!("{hour:02}:00")) } }
                        }
                    }
                    label { "With a daily message, at once nevertheless" (priorities("instant_from", "nothing")) }
                }
                div class="actions" { button class="button" type="submit" { "Add" } }
            }
        }
    }
}

fn title(channel: &dyn Channel) -> &'static str {
    match channel.id() {
        "webhook" => "Webhook",
        "email" => "E-mail",
        "dingtalk" => "DingTalk",
        "slack" => "Slack",
        other => other,
    }
}

fn text(name: &str, words: &str, hint: &str, required: bool) -> Markup {
    html! {
        label { (words) input name=(name) required[required] maxlength="1000" placeholder=(hint) autocomplete="off" spellcheck="false"; }
    }
}

/// A field of [`Channel::takes`].
fn destination(channel: &dyn Channel, field: &str) -> Markup {
    let is_mail = channel.id() == "email";
    match field {
        "url" => html! {
            @if is_mail { (text("url", "Mail server", "smtps://mail.example.com", true)) }
            @else { (text("url", "Address", "https://", true)) }
            @if is_mail || channel.id() == "webhook" {
                label class="check" { input type="checkbox" name="plain" value="yes"; " Without TLS, within an own network" }
            }
        },
        "to" => text("to", "Recipients", "security@example.com, on-call@example.com", true),
        "from" => text("from", "Sender", "plimsoll@example.com", true),
        "username" => text("username", "Account at the mail server", "none", false),
        "secret" => {
            let (words, hint) = match channel.id() {
                "email" => ("Password of the account", "none"),
                _ if channel.makes_secret() => ("Secret", "one is made"),
                _ => ("Secret", "none"),
            };
            html! {
                label { (words) input type="password" name="secret" maxlength="1000" placeholder=(hint) autocomplete="new-password"; }
            }
        }
        other => text(other, other, "", false),
    }
}

fn priorities(name: &str, none: &str) -> Markup {
    html! {
        select name=(name) {
            option value="" { (none) }
            @for priority in [Priority::Asap, Priority::Later, Priority::Nntf] {
                option value=(priority.as_str()) { (words::priority(priority)) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_written_with_commas_or_lines() {
        assert_eq!(list(" a, b\r\n\n,c "), ["a", "b", "c"]);
        assert!(list("").is_empty());
    }

    #[test]
    fn what_is_left_empty_is_not_given() {
        let given = Given { name: " a ".into(), url: " ".into(), ..Given::default() };
        let request = given.request().unwrap();
        assert_eq!((request.name.as_str(), request.destination.url), ("a", None));
        assert_eq!((request.minimum, request.digest_hour, request.secret), (None, None, None));
        for (minimum, hour) in [("soon", ""), ("", "noon")] {
            let given =
                Given { minimum: minimum.into(), digest_hour: hour.into(), ..Given::default() };
            assert!(given.request().is_err(), "{minimum} {hour}");
        }
    }

    #[test]
    fn every_channel_has_a_title() {
        for channel in channels() {
            assert_ne!(title(*channel), channel.id());
        }
    }
}
