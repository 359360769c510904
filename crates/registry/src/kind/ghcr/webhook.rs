//! GitHub's webhooks of organisations.
//!
//! In: `GET`, `POST`, `PATCH` and `DELETE` of `/orgs/NAME/hooks`. Source: GitHub's REST API, "Organization webhooks". Odd: hooks have
//! no names of their own, so that ours are known by where they send; people have none, only their repositories; a token needs
//! `admin:org_hook`, which one that only reads packages has not; GitHub's own `secret`, by which it would sign, is never shown
//! again and not used.

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::GitHubRegistry;
use crate::{
    api::with_json,
    error::RegistryError,
    http::Call,
    kind::{
        Answering, FoundWebhook, RepositoryEntry, WantedWebhook, WebhookPlace, Webhooks,
        webhook::{apart, places_named},
    },
};

/// `package` is what packages outside of repositories say, `registry_package` all of them.
const EVENTS: [&str; 2] = ["package", "registry_package"];

#[derive(Deserialize)]
struct Hook {
    id: u64,
    active: Option<bool>,
    events: Option<Vec<String>>,
    config: Option<Config>,
}

#[derive(Deserialize)]
struct Config {
    url: Option<String>,
    content_type: Option<String>,
}

impl Webhooks for GitHubRegistry {
    fn places(&self, repositories: &[RepositoryEntry]) -> Vec<WebhookPlace> {
        let of = repositories.iter().filter_map(|entry| Some(entry.name.split_once('/')?.0));
        places_named("organisation", of)
    }

    fn hooks_at<'a>(&'a self, place: &'a WebhookPlace) -> Answering<'a, Vec<FoundWebhook>> {
        Box::pin(async move {
            let mut call = self.hooks(place, None)?;
            call.url.query_pairs_mut().append_pair("per_page", "100");
            let what = format!("the webhooks of {}", place.title);
            let hooks: Vec<Hook> = self.api.secret(call, &what).await?;
            Ok(hooks.into_iter().map(Hook::found).collect())
        })
    }

    fn create_hook<'a>(
        &'a self,
        place: &'a WebhookPlace,
        wanted: &'a WantedWebhook,
    ) -> Answering<'a, ()> {
        Box::pin(async move {
            // The one name that there is; a change does not take it.
            let mut document = document(wanted);
            document.insert("name".to_owned(), "web".into());
            let call = with_json(Method::POST, self.hooks(place, None)?, &document)?;
            self.api.done(call, &format!("a webhook of {}", place.title)).await
        })
    }

    fn change_hook<'a>(
        &'a self,
        place: &'a WebhookPlace,
        found: &'a FoundWebhook,
        wanted: &'a WantedWebhook,
    ) -> Answering<'a, ()> {
        Box::pin(async move {
            let call = self.hooks(place, Some(&found.handle))?;
            let call = with_json(Method::PATCH, call, &document(wanted))?;
            self.api.done(call, &format!("the webhook of {}", place.title)).await
        })
    }

    fn remove_hook<'a>(
        &'a self,
        place: &'a WebhookPlace,
        found: &'a FoundWebhook,
    ) -> Answering<'a, ()> {
        Box::pin(async move {
            let mut call = self.hooks(place, Some(&found.handle))?;
            call.method = Method::DELETE;
            self.api.done(call, &format!("the webhook of {}", place.title)).await
        })
    }
}

impl GitHubRegistry {
    fn hooks(&self, place: &WebhookPlace, hook: Option<&str>) -> Result<Call, RegistryError> {
        let mut path = vec!["orgs", place.handle.as_str(), "hooks"];
        path.extend(hook);
        self.call(&path)
    }
}

fn document(wanted: &WantedWebhook) -> Map<String, Value> {
    let config =
        json!({"url": wanted.whole_address(), "content_type": "json", "insecure_ssl": "0"});
    [("active", true.into()), ("events", json!(EVENTS)), ("config", config)]
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect()
}

impl Hook {
    fn found(self) -> FoundWebhook {
        let (url, content_type) = match self.config {
            Some(config) => (config.url.unwrap_or_default(), config.content_type),
            None => (String::new(), None),
        };
        let (address, secret) = apart(&url);
        let events = self.events.unwrap_or_default();
        let tells = |event: &&str| events.iter().any(|one| one == *event || one == "*");
        FoundWebhook {
            handle: self.id.to_string(),
            name: String::new(),
            address,
            secret,
            is_whole: self.active == Some(true)
                && content_type.as_deref() == Some("json")
                && EVENTS.iter().all(tells),
        }
    }
}
