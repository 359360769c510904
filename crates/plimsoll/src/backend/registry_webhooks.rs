//! Webhooks of registries, from the data directory or by a running server.
//!
//! In: a registry and where senders reach the server. Out: the answers of `operation::webhooks`. Odd: see the module above.

use plimsoll_server::operation::webhooks::{
    self, InstallWebhook, InstalledWebhook, RemovedWebhook, WebhookList,
};

use super::{Backend, NOTHING, done, send};

impl Backend {
    pub(crate) async fn install_webhook(
        &self,
        name: &str,
        request: &InstallWebhook,
    ) -> anyhow::Result<InstalledWebhook> {
        match self {
            Self::Data(context) => {
                let (store, clock) = (&context.store, &context.clock);
                done(webhooks::install_webhook(store, name, request, clock).await)
            }
            Self::Server(client) => {
                send(client, "PUT", &["registries", name, "webhooks"], &[], Some(request)).await
            }
        }
    }

    pub(crate) async fn list_webhooks(&self, name: &str) -> anyhow::Result<WebhookList> {
        match self {
            Self::Data(context) => {
                done(webhooks::list_webhooks(&context.store, name, &context.clock).await)
            }
            Self::Server(client) => {
                send(client, "GET", &["registries", name, "webhooks"], &[], NOTHING).await
            }
        }
    }

    pub(crate) async fn remove_webhook(&self, name: &str) -> anyhow::Result<RemovedWebhook> {
        match self {
            Self::Data(context) => {
                done(webhooks::remove_webhook(&context.store, name, &context.clock).await)
            }
            Self::Server(client) => {
                send(client, "DELETE", &["registries", name, "webhooks"], &[], NOTHING).await
            }
        }
    }
}
