//! Where an operation is done: in the data directory, or by a running server.
//!
//! In: `--data` or `--server`. Out: the answers of `plimsoll_server::operation`, the same either way. Odd: several
//! processes may use one data directory, so a server may run beside this.

mod clusters;
mod registry_tokens;
mod registry_webhooks;
mod tasks;
mod tenants;

use std::{net::SocketAddr, time::Duration};

use anyhow::Context as _;
use plimsoll_model::Secret;
use plimsoll_registry::{HttpClient, HttpOptions, ManagementClient};
use plimsoll_server::{
    Clock, Context, ServeConfig, VexDocuments,
    operation::{
        affected::{self, AffectedList, HoldingList, ListAffected},
        changes::{self, ChangeList, CounterHistory, ImageChangeList, ListChanges},
        check::{self, CheckedRegistry},
        contexts::{self, ContextList, ContextSet, SetContext},
        feed,
        ignore::{self, IgnoreRuleList, IgnoreRuleView, RemovedIgnoreRule, WriteIgnoreRule},
        images::{self, ImageList, ListImages},
        keys::{self, CreateKey, CreatedKey, KeyList, KeyView, SetKeyState},
        rank::{self, Ranking},
        registries::{self, AddRegistry, RegistryList, RegistryView, RemovedRegistry},
        subscriptions::{
            self, AddSubscription, AddedSubscription, RemovedSubscription, RetriedMessages,
            SubscriptionDetail, SubscriptionList, TestedSubscription,
        },
        sync::{self, SyncReport},
    },
    serve,
};

use crate::{
    arguments::{Confinement, Global},
    data,
    terminal::Terminal,
};

/// A data directory or a server.
pub(crate) enum Backend {
    Data(Box<Context>),
    Server(Box<ManagementClient>),
}

/// No body.
const NOTHING: Option<&()> = None;

impl Backend {
    pub(crate) async fn open(global: &Global) -> anyhow::Result<Self> {
        match &global.server {
            Some(address) => Ok(Self::Server(Box::new(client(address, global)?))),
            None => {
                let context = Context::new(data::store(global).await?, Clock::machine());
                Ok(Self::Data(Box::new(context)))
            }
        }
    }

    pub(crate) async fn add_registry(&self, request: &AddRegistry) -> anyhow::Result<RegistryView> {
        match self {
            Self::Data(context) => {
                done(registries::add_registry(&context.store, request, context.clock.now()).await)
            }
            Self::Server(client) => send(client, "POST", &["registries"], &[], Some(request)).await,
        }
    }

    pub(crate) async fn list_registries(&self) -> anyhow::Result<RegistryList> {
        match self {
            Self::Data(context) => done(registries::list_registries(&context.store).await),
            Self::Server(client) => send(client, "GET", &["registries"], &[], NOTHING).await,
        }
    }

    pub(crate) async fn sync_registry(&self, name: &str) -> anyhow::Result<SyncReport> {
        match self {
            Self::Data(context) => {
                done(sync::sync_registry(&context.store, name, &context.clock).await)
            }
            Self::Server(client) => {
                send(client, "POST", &["registries", name, "sync"], &[], NOTHING).await
            }
        }
    }

    pub(crate) async fn check_registry(&self, name: &str) -> anyhow::Result<CheckedRegistry> {
        match self {
            Self::Data(context) => {
                done(check::check_registry(&context.store, name, &context.clock).await)
            }
            Self::Server(client) => {
                send(client, "POST", &["registries", name, "check"], &[], NOTHING).await
            }
        }
    }

    pub(crate) async fn remove_registry(&self, name: &str) -> anyhow::Result<RemovedRegistry> {
        match self {
            Self::Data(context) => {
                done(registries::remove_registry(&context.store, name, context.clock.now()).await)
            }
            Self::Server(client) => {
                send(client, "DELETE", &["registries", name], &[], NOTHING).await
            }
        }
    }

    pub(crate) async fn list_images(&self, request: &ListImages) -> anyhow::Result<ImageList> {
        match self {
            Self::Data(context) => done(images::list_images(&context.store, request).await),
            Self::Server(client) => {
                let (page, size) = (
                    request.page.unwrap_or(1).to_string(),
                    request.page_size.unwrap_or(20).to_string(),
                );
                let mut query = vec![("page", page.as_str()), ("page_size", size.as_str())];
                query.extend(request.text.as_deref().map(|text| ("text", text)));
                query.extend(request.registry.as_deref().map(|name| ("registry", name)));
                query.extend(request.namespace.as_deref().map(|name| ("namespace", name)));
                send(client, "GET", &["images"], &query, NOTHING).await
            }
        }
    }

    pub(crate) async fn rank(&self) -> anyhow::Result<Ranking> {
        match self {
            Self::Data(context) => done(rank::rank(&context.store).await),
            Self::Server(client) => send(client, "GET", &["ranking"], &[], NOTHING).await,
        }
    }

    pub(crate) async fn affected(
        &self,
        id: &str,
        request: &ListAffected,
    ) -> anyhow::Result<AffectedList> {
        match self {
            Self::Data(context) => done(affected::affected(&context.store, id, request).await),
            Self::Server(client) => {
                let query = affected_query(request);
                let query: Vec<(&str, &str)> =
                    query.iter().map(|(name, value)| (*name, value.as_str())).collect();
                send(client, "GET", &["findings", id, "images"], &query, NOTHING).await
            }
        }
    }

    pub(crate) async fn holders(
        &self,
        package: &str,
        request: &ListAffected,
    ) -> anyhow::Result<HoldingList> {
        match self {
            Self::Data(context) => done(affected::holders(&context.store, package, request).await),
            Self::Server(client) => {
                let query = affected_query(request);
                let mut query: Vec<(&str, &str)> =
                    query.iter().map(|(name, value)| (*name, value.as_str())).collect();
                query.push(("package", package));
                send(client, "GET", &["packages", "images"], &query, NOTHING).await
            }
        }
    }

    pub(crate) async fn list_contexts(&self) -> anyhow::Result<ContextList> {
        match self {
            Self::Data(context) => done(contexts::list_contexts(&context.store).await),
            Self::Server(client) => send(client, "GET", &["contexts"], &[], NOTHING).await,
        }
    }

    pub(crate) async fn set_context(&self, request: &SetContext) -> anyhow::Result<ContextSet> {
        match self {
            Self::Data(context) => done(contexts::set_context(&context.store, request).await),
            Self::Server(client) => send(client, "PUT", &["contexts"], &[], Some(request)).await,
        }
    }

    /// Brings images to how they are used, where no server does that.
    pub(crate) async fn settle_contexts(
        &self,
        global: &Global,
    ) -> anyhow::Result<Option<plimsoll_store::Settled>> {
        let Self::Data(context) = self else { return Ok(None) };
        let folder = data::directory(global)?;
        let feed = feed::open_feed(&feed::feed_path(&folder))?;
        context.feed.set(feed.map(std::sync::Arc::new));
        context.vex.set(VexDocuments::open(&folder, &[])?);
        Ok(Some(contexts::settle(context, None, &|| true).await?))
    }

    pub(crate) async fn changes(&self, request: &ListChanges) -> anyhow::Result<ChangeList> {
        match self {
            Self::Data(context) => done(changes::list_changes(&context.store, request).await),
            Self::Server(client) => {
                let query = changes_query(request);
                send(client, "GET", &["changes"], &pairs(&query), NOTHING).await
            }
        }
    }

    pub(crate) async fn image_changes(
        &self,
        uuid: &str,
        request: &ListChanges,
    ) -> anyhow::Result<ImageChangeList> {
        match self {
            Self::Data(context) => {
                done(changes::image_changes(&context.store, uuid, request).await)
            }
            Self::Server(client) => {
                let query = changes_query(request);
                send(client, "GET", &["images", uuid, "changes"], &pairs(&query), NOTHING).await
            }
        }
    }

    pub(crate) async fn counter_history(&self, uuid: &str) -> anyhow::Result<CounterHistory> {
        match self {
            Self::Data(context) => done(changes::counter_history(&context.store, uuid).await),
            Self::Server(client) => {
                send(client, "GET", &["images", uuid, "history"], &[], NOTHING).await
            }
        }
    }

    pub(crate) async fn add_subscription(
        &self,
        request: &AddSubscription,
    ) -> anyhow::Result<AddedSubscription> {
        match self {
            Self::Data(context) => {
                let now = context.clock.now();
                done(subscriptions::add_subscription(&context.store, request, now).await)
            }
            Self::Server(client) => {
                send(client, "POST", &["subscriptions"], &[], Some(request)).await
            }
        }
    }

    pub(crate) async fn list_subscriptions(&self) -> anyhow::Result<SubscriptionList> {
        match self {
            Self::Data(context) => done(subscriptions::list_subscriptions(&context.store).await),
            Self::Server(client) => send(client, "GET", &["subscriptions"], &[], NOTHING).await,
        }
    }

    pub(crate) async fn show_subscription(&self, name: &str) -> anyhow::Result<SubscriptionDetail> {
        match self {
            Self::Data(context) => {
                done(subscriptions::show_subscription(&context.store, name).await)
            }
            Self::Server(client) => {
                send(client, "GET", &["subscriptions", name], &[], NOTHING).await
            }
        }
    }

    pub(crate) async fn remove_subscription(
        &self,
        name: &str,
    ) -> anyhow::Result<RemovedSubscription> {
        match self {
            Self::Data(context) => {
                done(subscriptions::remove_subscription(&context.store, name).await)
            }
            Self::Server(client) => {
                send(client, "DELETE", &["subscriptions", name], &[], NOTHING).await
            }
        }
    }

    pub(crate) async fn test_subscription(&self, name: &str) -> anyhow::Result<TestedSubscription> {
        match self {
            Self::Data(context) => {
                done(subscriptions::test_subscription(&context.store, name, &context.clock).await)
            }
            Self::Server(client) => {
                send(client, "POST", &["subscriptions", name, "test"], &[], NOTHING).await
            }
        }
    }

    pub(crate) async fn retry_subscription(&self, name: &str) -> anyhow::Result<RetriedMessages> {
        match self {
            Self::Data(context) => {
                let now = context.clock.now();
                done(subscriptions::retry_subscription(&context.store, name, now).await)
            }
            Self::Server(client) => {
                send(client, "POST", &["subscriptions", name, "retry"], &[], NOTHING).await
            }
        }
    }

    pub(crate) async fn add_ignore_rule(
        &self,
        request: &WriteIgnoreRule,
    ) -> anyhow::Result<IgnoreRuleView> {
        match self {
            Self::Data(context) => {
                done(ignore::add_ignore_rule(&context.store, request, context.clock.now()).await)
            }
            Self::Server(client) => {
                send(client, "POST", &["ignore-rules"], &[], Some(request)).await
            }
        }
    }

    pub(crate) async fn list_ignore_rules(&self) -> anyhow::Result<IgnoreRuleList> {
        match self {
            Self::Data(context) => {
                done(ignore::list_ignore_rules(&context.store, context.clock.now()).await)
            }
            Self::Server(client) => send(client, "GET", &["ignore-rules"], &[], NOTHING).await,
        }
    }

    pub(crate) async fn find_ignore_rule(&self, id: i64) -> anyhow::Result<IgnoreRuleView> {
        let id = id.to_string();
        match self {
            Self::Data(context) => {
                done(ignore::find_ignore_rule(&context.store, &id, context.clock.now()).await)
            }
            Self::Server(client) => send(client, "GET", &["ignore-rules", &id], &[], NOTHING).await,
        }
    }

    pub(crate) async fn remove_ignore_rule(&self, id: i64) -> anyhow::Result<RemovedIgnoreRule> {
        let id = id.to_string();
        match self {
            Self::Data(context) => {
                done(ignore::remove_ignore_rule(&context.store, &id, context.clock.now()).await)
            }
            Self::Server(client) => {
                send(client, "DELETE", &["ignore-rules", &id], &[], NOTHING).await
            }
        }
    }

    pub(crate) async fn create_key(&self, request: &CreateKey) -> anyhow::Result<CreatedKey> {
        match self {
            Self::Data(context) => {
                done(keys::create_key(&context.store, request, context.clock.now()).await)
            }
            Self::Server(client) => send(client, "POST", &["keys"], &[], Some(request)).await,
        }
    }

    pub(crate) async fn list_keys(&self) -> anyhow::Result<KeyList> {
        match self {
            Self::Data(context) => done(keys::list_keys(&context.store).await),
            Self::Server(client) => send(client, "GET", &["keys"], &[], NOTHING).await,
        }
    }

    pub(crate) async fn set_key_state(&self, id: &str, active: bool) -> anyhow::Result<KeyView> {
        match self {
            Self::Data(context) => {
                done(keys::set_key_state(&context.store, id, SetKeyState { active }).await)
            }
            Self::Server(client) => {
                send(client, "PATCH", &["keys", id], &[], Some(&SetKeyState { active })).await
            }
        }
    }

    /// Scans what is queued in a data directory, until nothing is left; a server does so by itself. The
    /// workers are those of the server, which therefore runs on this machine for as long as it takes.
    pub(crate) async fn scan_queued(
        &self,
        global: &Global,
        terminal: Terminal,
    ) -> anyhow::Result<()> {
        let Self::Data(context) = self else {
            terminal.say("the server scans by itself");
            return Ok(());
        };
        let waiting = context.store.task_counts(None).await?;
        let bar = terminal.count_progress(waiting.queued, "scanning");
        let mut config = ServeConfig::new(&data::directory(global)?);
        config.store = data::store_options(global)?;
        config.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        config.sync_interval = None;
        config.isolation = Confinement::default().isolation();
        let server = serve(config).await?;
        loop {
            let counts = context.store.task_counts(None).await?;
            bar.set_position(
                waiting.queued.saturating_sub(counts.queued.saturating_add(counts.running)),
            );
            if counts.queued + counts.running == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        bar.finish_and_clear();
        server.stop().await;
        Ok(())
    }
}

fn client(address: &str, global: &Global) -> anyhow::Result<ManagementClient> {
    let file = match &global.token_file {
        Some(file) => file.clone(),
        None => data::directory(global)?.join("admin-token"),
    };
    let token = std::fs::read_to_string(&file).with_context(|| {
        format!(
            "admin token `{}` cannot be read\nhint: `--token-file FILE` says where it is",
            file.display()
        )
    })?;
    let mut options = HttpOptions::default();
    if let Some(path) = &global.server_ca {
        let pem = std::fs::read_to_string(path)
            .with_context(|| format!("`{}` cannot be read", path.display()))?;
        options.ca_pem.push(pem);
    }
    let token = Secret::new(token.trim().to_owned());
    Ok(ManagementClient::new(address, token, &HttpClient::new(options)?, false)?)
}

async fn send<A: serde::de::DeserializeOwned>(
    client: &ManagementClient,
    method: &str,
    path: &[&str],
    query: &[(&str, &str)],
    body: Option<&(impl serde::Serialize + Sync)>,
) -> anyhow::Result<A> {
    let path: Vec<&str> = ["api", "v1"].into_iter().chain(path.iter().copied()).collect();
    let answer = client.request(method, &path, query, body).await;
    answer.map_err(|error| match &error {
        plimsoll_registry::ManagementError::Status { hint: Some(hint), .. } => {
            let hint = format!("{error}\nhint: {hint}");
            anyhow::Error::msg(hint)
        }
        _ => error.into(),
    })
}

/// An operation's answer, or its error with what to do about it.
fn done<A>(result: Result<A, plimsoll_server::operation::OperationError>) -> anyhow::Result<A> {
    result.map_err(|error| match error.hint() {
        Some(hint) => {
            let text = format!("{}\nhint: {hint}", plimsoll_server::operation::error_chain(&error));
            anyhow::Error::msg(text)
        }
        None => error.into(),
    })
}

/// The parts of a wish for changes that are given.
fn changes_query(request: &ListChanges) -> Vec<(&'static str, String)> {
    let limit = request.limit.map(|limit| ("limit", limit.to_string()));
    std::iter::once(("since", request.since.clone())).chain(limit).collect()
}

fn pairs<'a>(query: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    query.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

/// The parts of a wish for affected images that are given.
fn affected_query(request: &ListAffected) -> Vec<(&'static str, String)> {
    let mut query = Vec::new();
    query.extend(request.running.map(|running| ("running", running.to_string())));
    query.extend(request.registry.clone().map(|registry| ("registry", registry)));
    query.extend(request.page.map(|page| ("page", page.to_string())));
    query.extend(request.page_size.map(|size| ("page_size", size.to_string())));
    query
}
