//! Quay's notifications, one of a repository.
//!
//! In: `GET`, `POST` and `DELETE` of `/repository/NAME/notification/`. Source: quay/quay, `endpoints/api/repositorynotification.py`.
//! Odd: a notification cannot be changed, so that a new one is made before the old one goes; there is no event for what was
//! deleted; a token needs `repo:admin`; ten failures in a row switch one off, which is then made anew; Quay refuses addresses
//! of its own machine.

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::QuayRegistry;
use crate::{
    api::with_json,
    kind::{
        Answering, FoundWebhook, RepositoryEntry, WantedWebhook, WebhookPlace, Webhooks,
        webhook::{apart, places_named},
    },
};

/// So many failures in a row switch a notification off.
const MOST_FAILURES: u32 = 10;

#[derive(Deserialize)]
struct Notifications {
    notifications: Vec<Notification>,
}

#[derive(Deserialize)]
struct Notification {
    uuid: String,
    title: Option<String>,
    event: Option<String>,
    method: Option<String>,
    config: Option<Config>,
    number_of_failures: Option<u32>,
}

#[derive(Deserialize)]
struct Config {
    url: Option<String>,
    /// A body of somebody's own, which none of our formats would know.
    template: Option<String>,
}

impl Webhooks for QuayRegistry {
    fn places(&self, repositories: &[RepositoryEntry]) -> Vec<WebhookPlace> {
        places_named("repository", repositories.iter().map(|entry| entry.name.as_str()))
    }

    fn hooks_at<'a>(&'a self, place: &'a WebhookPlace) -> Answering<'a, Vec<FoundWebhook>> {
        Box::pin(async move {
            let url = self.url(&place.handle, &["notification", ""])?;
            let call = self.call(url, &place.handle, &[]);
            let what = format!("the webhooks of {}", place.title);
            let list: Notifications = self.api.secret(call, &what).await?;
            Ok(list.notifications.into_iter().filter_map(Notification::found).collect())
        })
    }

    fn create_hook<'a>(
        &'a self,
        place: &'a WebhookPlace,
        wanted: &'a WantedWebhook,
    ) -> Answering<'a, ()> {
        Box::pin(async move {
            let url = self.url(&place.handle, &["notification", ""])?;
            let document = json!({
                "event": "repo_push",
                "method": "webhook",
                "config": {"url": wanted.whole_address()},
                "eventConfig": {},
                "title": wanted.name,
            });
            let call = with_json(Method::POST, self.call(url, &place.handle, &[]), &document)?;
            self.api.done(call, &format!("a webhook of {}", place.title)).await
        })
    }

    fn remove_hook<'a>(
        &'a self,
        place: &'a WebhookPlace,
        found: &'a FoundWebhook,
    ) -> Answering<'a, ()> {
        Box::pin(async move {
            let url = self.url(&place.handle, &["notification", &found.handle])?;
            let mut call = self.call(url, &place.handle, &[]);
            call.method = Method::DELETE;
            self.api.done(call, &format!("the webhook of {}", place.title)).await
        })
    }
}

impl Notification {
    /// `None` for mails, chats and the like.
    fn found(self) -> Option<FoundWebhook> {
        let config = self.config.filter(|_| self.method.as_deref() == Some("webhook"))?;
        let (address, secret) = apart(&config.url?);
        let is_plain = config.template.is_none_or(|template| template.is_empty());
        let is_on = self.number_of_failures.unwrap_or_default() < MOST_FAILURES;
        Some(FoundWebhook {
            handle: self.uuid,
            name: self.title.unwrap_or_default(),
            address,
            secret,
            is_whole: self.event.as_deref() == Some("repo_push") && is_plain && is_on,
        })
    }
}
