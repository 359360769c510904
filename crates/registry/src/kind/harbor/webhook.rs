//! Harbor's webhook policies, one of a project.
//!
//! In: `POST`, `GET`, `PUT` and `DELETE` of `/projects/NAME/webhook/policies`. Source: Harbor's `api/v2.0/swagger.yaml`,
//! `WebhookPolicy`. Odd: `auth_header` is sent as `Authorization`, so that the secret stands in no address; a policy that is
//! changed is written whole, what is left out of it included; an account needs `notification-policy` list, create and update.

use reqwest::{Method, Url};
use serde::Deserialize;
use serde_json::{Value, json};

use super::HarborRegistry;
use crate::{
    api::{Bounds, with_json},
    error::RegistryError,
    http::Call,
    kind::{
        Answering, FoundWebhook, RepositoryEntry, WantedWebhook, WebhookPlace, Webhooks,
        webhook::{MAX_HOOKS, places_named, secret_of},
    },
};

/// What changes images; pulls, scans and quotas do not.
const EVENTS: [&str; 2] = ["PUSH_ARTIFACT", "DELETE_ARTIFACT"];

#[derive(Deserialize)]
struct Policy {
    id: i64,
    name: Option<String>,
    enabled: Option<bool>,
    event_types: Option<Vec<String>>,
    targets: Option<Vec<Target>>,
}

#[derive(Deserialize)]
struct Target {
    #[serde(rename = "type")]
    kind: Option<String>,
    address: Option<String>,
    auth_header: Option<String>,
}

impl Webhooks for HarborRegistry {
    fn places(&self, repositories: &[RepositoryEntry]) -> Vec<WebhookPlace> {
        let of = repositories.iter().filter_map(|entry| Some(entry.name.split_once('/')?.0));
        places_named("project", of.chain(self.projects.iter().map(String::as_str)))
    }

    fn hooks_at<'a>(&'a self, place: &'a WebhookPlace) -> Answering<'a, Vec<FoundWebhook>> {
        Box::pin(async move {
            let what = format!("the webhooks of {}", place.title);
            let (mut hooks, mut bounds) = (Vec::new(), Bounds::default());
            for number in 1_u32.. {
                let number = number.to_string();
                let query = [("page", number.as_str()), ("page_size", "100")];
                let call = self.call(self.policies(place, None)?, &query);
                bounds.page(&self.api, &call.url, &what)?;
                let page: Vec<Policy> = self.api.secret(call, &what).await?;
                let is_last = page.len() < 100;
                hooks.extend(page.into_iter().map(Policy::found));
                if is_last || hooks.len() > MAX_HOOKS {
                    break;
                }
            }
            Ok(hooks)
        })
    }

    fn create_hook<'a>(
        &'a self,
        place: &'a WebhookPlace,
        wanted: &'a WantedWebhook,
    ) -> Answering<'a, ()> {
        Box::pin(async move {
            let call = self.write(Method::POST, place, None, wanted)?;
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
            let call = self.write(Method::PUT, place, Some(&found.handle), wanted)?;
            self.api.done(call, &format!("the webhook of {}", place.title)).await
        })
    }

    fn remove_hook<'a>(
        &'a self,
        place: &'a WebhookPlace,
        found: &'a FoundWebhook,
    ) -> Answering<'a, ()> {
        Box::pin(async move {
            let mut call = self.call(self.policies(place, Some(&found.handle))?, &[]);
            call.method = Method::DELETE;
            self.api.done(call, &format!("the webhook of {}", place.title)).await
        })
    }
}

impl HarborRegistry {
    fn policies(&self, place: &WebhookPlace, policy: Option<&str>) -> Result<Url, RegistryError> {
        let mut path = vec!["projects", place.handle.as_str(), "webhook", "policies"];
        path.extend(policy);
        self.url(&path)
    }

    fn write(
        &self,
        method: Method,
        place: &WebhookPlace,
        policy: Option<&str>,
        wanted: &WantedWebhook,
    ) -> Result<Call, RegistryError> {
        let call = self.call(self.policies(place, policy)?, &[]);
        with_json(method, call, &document(wanted))
    }
}

fn document(wanted: &WantedWebhook) -> Value {
    json!({
        "name": wanted.name,
        "description": "Tells Plimsoll what was pushed and deleted",
        "enabled": true,
        "event_types": EVENTS,
        "targets": [{
            "type": "http",
            "address": wanted.address,
            "auth_header": wanted.bearer(),
            "skip_cert_verify": false,
        }],
    })
}

impl Policy {
    fn found(self) -> FoundWebhook {
        let events = self.event_types.unwrap_or_default();
        let mut targets = self.targets.unwrap_or_default();
        let is_alone = targets.len() == 1;
        let target = targets.pop();
        let is_http = target.as_ref().is_some_and(|one| one.kind.as_deref() == Some("http"));
        FoundWebhook {
            handle: self.id.to_string(),
            name: self.name.unwrap_or_default(),
            secret: secret_of(target.as_ref().and_then(|one| one.auth_header.as_deref())),
            address: target.and_then(|one| one.address).unwrap_or_default(),
            is_whole: self.enabled == Some(true)
                && is_alone
                && is_http
                && EVENTS.iter().all(|event| events.iter().any(|one| one == event)),
        }
    }
}
