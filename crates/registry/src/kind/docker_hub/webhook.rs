//! Docker Hub's webhooks, one of a repository.
//!
//! In: `GET`, `POST` and `DELETE` of `/v2/repositories/NAME/webhook_pipeline/`. Source: requests of Docker Hub's own pages; the
//! published API has none of them. Odd: a hook is called by a word made of its name, so that the old one goes before a new one of
//! the same name is made; an account needs to be an administrator of the repository.

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::{HubRegistry, Page, split};
use crate::{
    api::{Bounds, with_json},
    error::RegistryError,
    http::Call,
    kind::{
        Answering, FoundWebhook, RepositoryEntry, WantedWebhook, WebhookPlace, Webhooks,
        webhook::{MAX_HOOKS, apart, places_named},
    },
};

#[derive(Deserialize)]
struct Pipeline {
    name: Option<String>,
    slug: String,
    webhooks: Option<Vec<Receiver>>,
}

#[derive(Deserialize)]
struct Receiver {
    hook_url: Option<String>,
}

impl Webhooks for HubRegistry {
    fn places(&self, repositories: &[RepositoryEntry]) -> Vec<WebhookPlace> {
        places_named("repository", repositories.iter().map(|entry| entry.name.as_str()))
    }

    fn hooks_at<'a>(&'a self, place: &'a WebhookPlace) -> Answering<'a, Vec<FoundWebhook>> {
        Box::pin(async move {
            let what = format!("the webhooks of {}", place.title);
            let (mut hooks, mut bounds) = (Vec::new(), Bounds::default());
            for number in 1_u32.. {
                let number = number.to_string();
                let mut call = self.hooks(place, None).await?;
                let query = [("page", number.as_str()), ("page_size", "100")];
                call.url.query_pairs_mut().extend_pairs(query);
                bounds.page(&self.api, &call.url, &what)?;
                let page: Page<Pipeline> = self.api.secret(call, &what).await?;
                let is_last = page.next.is_none_or(|next| next.is_empty());
                hooks.extend(page.results.into_iter().map(Pipeline::found));
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
            let document = json!({
                "name": wanted.name,
                "expect_final_callback": false,
                "webhooks": [{"name": wanted.name, "hook_url": wanted.whole_address()}],
            });
            let call = with_json(Method::POST, self.hooks(place, None).await?, &document)?;
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
            self.remove_hook(place, found).await?;
            self.create_hook(place, wanted).await
        })
    }

    fn remove_hook<'a>(
        &'a self,
        place: &'a WebhookPlace,
        found: &'a FoundWebhook,
    ) -> Answering<'a, ()> {
        Box::pin(async move {
            let mut call = self.hooks(place, Some(&found.handle)).await?;
            call.method = Method::DELETE;
            self.api.done(call, &format!("the webhook of {}", place.title)).await
        })
    }
}

impl HubRegistry {
    async fn hooks(&self, place: &WebhookPlace, hook: Option<&str>) -> Result<Call, RegistryError> {
        let (namespace, name) = split(&place.handle);
        let mut path = vec!["v2", "repositories", namespace, name, "webhook_pipeline"];
        path.extend(hook);
        // Without the last slash the API redirects, and what changes something follows no redirect.
        path.push("");
        self.get(self.api.url(&path)?).await
    }
}

impl Pipeline {
    fn found(self) -> FoundWebhook {
        let mut receivers = self.webhooks.unwrap_or_default();
        let is_alone = receivers.len() == 1;
        let url = receivers.pop().and_then(|receiver| receiver.hook_url).unwrap_or_default();
        let (address, secret) = apart(&url);
        FoundWebhook {
            handle: self.slug,
            name: self.name.unwrap_or_default(),
            address,
            secret,
            is_whole: is_alone,
        }
    }
}
