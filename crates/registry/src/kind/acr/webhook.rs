//! Alibaba Cloud's triggers, Enterprise Edition, one of a repository.
//!
//! In: the actions `ListRepoTrigger`, `CreateRepoTrigger`, `UpdateRepoTrigger`, `DeleteRepoTrigger` of version 2018-12-01. Source: the
//! cloud's API reference and its SDK. Odd: triggers send to the ports that Alibaba Cloud allows, and by https to 443 alone; there is
//! no event for what was deleted; the address, secret included, is a parameter of a signed request.

use serde::{Deserialize, de::DeserializeOwned};

use super::{enterprise::Enterprise, signature::Parameters};
use crate::{
    error::RegistryError,
    kind::{
        Answering, FoundWebhook, RepositoryEntry, WantedWebhook, WebhookPlace, Webhooks,
        webhook::apart,
    },
};

/// Every tag.
const ALL: &str = "ALL";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Triggers {
    #[serde(default)]
    triggers: Vec<Trigger>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Trigger {
    trigger_id: String,
    trigger_name: Option<String>,
    trigger_type: Option<String>,
    trigger_url: Option<String>,
}

/// What an action that changes something says besides that it is done.
#[derive(Deserialize)]
struct Done {}

impl Webhooks for Enterprise {
    fn places(&self, repositories: &[RepositoryEntry]) -> Vec<WebhookPlace> {
        let place = |entry: &RepositoryEntry| {
            let title = format!("repository `{}`", entry.name);
            Some(WebhookPlace { title, handle: entry.handle.clone()? })
        };
        let mut places: Vec<_> = repositories.iter().filter_map(place).collect();
        places.sort_by(|one, other| one.handle.cmp(&other.handle));
        places.dedup_by(|one, other| one.handle == other.handle);
        places
    }

    fn hooks_at<'a>(&'a self, place: &'a WebhookPlace) -> Answering<'a, Vec<FoundWebhook>> {
        Box::pin(async move {
            let what = format!("the triggers of {}", place.title);
            let list: Triggers = self.of_repository("ListRepoTrigger", place, &[], &what).await?;
            Ok(list.triggers.into_iter().map(Trigger::found).collect())
        })
    }

    fn create_hook<'a>(
        &'a self,
        place: &'a WebhookPlace,
        wanted: &'a WantedWebhook,
    ) -> Answering<'a, ()> {
        Box::pin(async move {
            let what = format!("a trigger of {}", place.title);
            let of = settings(wanted);
            self.of_repository("CreateRepoTrigger", place, &of, &what).await.map(|Done {}| ())
        })
    }

    fn change_hook<'a>(
        &'a self,
        place: &'a WebhookPlace,
        found: &'a FoundWebhook,
        wanted: &'a WantedWebhook,
    ) -> Answering<'a, ()> {
        Box::pin(async move {
            let what = format!("the trigger of {}", place.title);
            let mut of = settings(wanted);
            of.push(("TriggerId", found.handle.clone()));
            self.of_repository("UpdateRepoTrigger", place, &of, &what).await.map(|Done {}| ())
        })
    }

    fn remove_hook<'a>(
        &'a self,
        place: &'a WebhookPlace,
        found: &'a FoundWebhook,
    ) -> Answering<'a, ()> {
        Box::pin(async move {
            let what = format!("the trigger of {}", place.title);
            let of = [("TriggerId", found.handle.clone())];
            self.of_repository("DeleteRepoTrigger", place, &of, &what).await.map(|Done {}| ())
        })
    }
}

impl Enterprise {
    /// Asks for an action about a repository of the instance.
    async fn of_repository<T: DeserializeOwned>(
        &self,
        action: &str,
        place: &WebhookPlace,
        parameters: &[(&'static str, String)],
        what: &str,
    ) -> Result<T, RegistryError> {
        let mut all: Parameters<'_> = parameters.to_vec();
        all.push(("InstanceId", self.instance().await?.to_owned()));
        all.push(("RepoId", place.handle.clone()));
        self.ask(action, &all, what).await
    }
}

fn settings(wanted: &WantedWebhook) -> Vec<(&'static str, String)> {
    vec![
        ("TriggerName", wanted.name.clone()),
        ("TriggerUrl", wanted.whole_address()),
        ("TriggerType", ALL.to_owned()),
    ]
}

impl Trigger {
    fn found(self) -> FoundWebhook {
        let (address, secret) = apart(&self.trigger_url.unwrap_or_default());
        FoundWebhook {
            handle: self.trigger_id,
            name: self.trigger_name.unwrap_or_default(),
            address,
            secret,
            is_whole: self.trigger_type.as_deref() == Some(ALL),
        }
    }
}
