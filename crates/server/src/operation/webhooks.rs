//! Webhooks of registries, set by the registries' own APIs.
//!
//! In: a registry, the address at which senders reach this server. Out: what was set, changed, left alone, and where it did not
//! work. Odd:
//! * A hook carries the registry's token of purpose `hook`, of which only a hash is kept. The token that stands at the registry is
//!   used again where it is still good, so that a second run changes nothing; else a new one is made, and the one before ends.
//! * Where the registry's own words repeat the token, it is taken out of them.
//! * The places are those of the repositories that are watched now: new ones get their hook by the next run.

use plimsoll_model::Secret;
use plimsoll_registry::{
    Endpoint, RegistryError,
    kind::{
        Adapter, FoundWebhook, ImageFilter, RepositoryEntry, WantedWebhook, WebhookPlace, Webhooks,
        kind,
    },
};
use plimsoll_store::{Registry, Store, TokenPurpose};
use serde::{Deserialize, Serialize};

use super::{
    OperationError,
    client::adapter,
    error_chain,
    registries::{find_registry, refusal},
    registry_tokens::hook_path,
};
use crate::clock::Clock;

/// Problems that an answer names; more are only counted.
const MOST_PROBLEMS: usize = 100;

/// Webhooks to set.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstallWebhook {
    /// Where senders reach this server: `https://plimsoll.example.com:7467`.
    pub url: String,
}

/// What setting webhooks did.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct InstalledWebhook {
    /// The registry.
    pub registry: String,
    /// Where the hooks send, without the token.
    pub address: String,
    /// Whether a token was made; the one before is refused from now on.
    pub made_token: bool,
    /// Places that have a hook now and had none.
    pub created: Vec<String>,
    /// Places whose hook was not as it should be.
    pub changed: Vec<String>,
    /// How many places had theirs.
    pub unchanged: u64,
    /// What did not work, at most 100 entries.
    pub problems: Vec<WebhookProblem>,
    /// How many there are.
    pub problem_count: u64,
}

/// One place that was not looked at or not changed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct WebhookProblem {
    /// ``project `team` ``.
    pub at: String,
    /// Why.
    pub why: String,
}

/// A webhook of ours that a registry has.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct WebhookView {
    /// ``project `team` ``.
    pub at: String,
    /// Where it sends, without the token.
    pub address: String,
    /// Whether what it sends is let in, as far as the registry shows its token.
    pub is_let_in: bool,
    /// Whether it is switched on and tells of all that changes images.
    pub is_whole: bool,
}

/// The webhooks of ours that a registry has.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WebhookList {
    /// By place.
    pub webhooks: Vec<WebhookView>,
    /// Where it could not be asked, at most 100 entries.
    pub problems: Vec<WebhookProblem>,
}

/// What taking webhooks away did.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RemovedWebhook {
    /// Places that had one.
    pub removed: Vec<String>,
    /// What did not work, at most 100 entries.
    pub problems: Vec<WebhookProblem>,
}

/// A registry whose API sets webhooks, and how ours are known.
struct Installation {
    registry: Registry,
    adapter: Box<dyn Adapter>,
    /// What ours are called.
    name: String,
    /// How ours' addresses end.
    path: String,
}

/// What stands at one place.
struct Standing {
    place: WebhookPlace,
    /// Ours; one is enough.
    hooks: Vec<FoundWebhook>,
}

/// Sets the webhooks of a registry, so that it tells us what is pushed. A second run changes nothing.
///
/// # Errors
/// There is no such registry, its kind has no API for this, it does not answer, or the database fails.
pub async fn install_webhook(
    store: &Store,
    name: &str,
    request: &InstallWebhook,
    clock: &Clock,
) -> Result<InstalledWebhook, OperationError> {
    let origin = Endpoint::parse(request.url.trim().trim_end_matches('/'), false);
    let origin = origin.map_err(|error| OperationError::invalid("url", error.to_string()))?;
    let installation = Installation::of(store, name, clock).await?;
    let hooks = installation.webhooks()?;
    let (standing, mut problems) = installation.standing(hooks).await?;
    let address = format!("{origin}{}", installation.path);
    let (secret, made_token) = match installation.good_secret(store, &standing).await? {
        Some(secret) => (secret, false),
        None => {
            let made = store.create_registry_token(name, TokenPurpose::Hook, clock.now()).await;
            (made.map_err(refusal)?, true)
        }
    };
    let wanted = WantedWebhook { name: installation.name.clone(), address, secret };
    let (mut created, mut changed, mut unchanged) = (Vec::new(), Vec::new(), 0_u64);
    for Standing { place, hooks: found } in standing {
        match settle(hooks, &place, &found, &wanted).await {
            Ok(Settled::Created) => created.push(place.title),
            Ok(Settled::Changed) => changed.push(place.title),
            Ok(Settled::Unchanged) => unchanged += 1,
            Err(error) => problems.push(problem(&place, &error, &[&wanted.secret])),
        }
    }
    let problem_count = u64::try_from(problems.len()).unwrap_or(u64::MAX);
    tracing::info!(
        registry.name = name,
        created = created.len(),
        changed = changed.len(),
        unchanged,
        problems = problem_count,
        "webhooks set"
    );
    Ok(InstalledWebhook {
        registry: name.to_owned(),
        address: wanted.address,
        made_token,
        created,
        changed,
        unchanged,
        problems: shortened(problems),
        problem_count,
    })
}

/// The webhooks of ours that a registry has.
///
/// # Errors
/// As [`install_webhook`].
pub async fn list_webhooks(
    store: &Store,
    name: &str,
    clock: &Clock,
) -> Result<WebhookList, OperationError> {
    let installation = Installation::of(store, name, clock).await?;
    let (standing, problems) = installation.standing(installation.webhooks()?).await?;
    let mut webhooks = Vec::new();
    for Standing { place, hooks } in standing {
        for hook in hooks {
            let is_let_in = match &hook.secret {
                Some(secret) => installation.lets_in(store, secret).await?,
                None => false,
            };
            let (address, is_whole) = (hook.address, hook.is_whole);
            webhooks.push(WebhookView { at: place.title.clone(), address, is_let_in, is_whole });
        }
    }
    webhooks.sort();
    Ok(WebhookList { webhooks, problems: shortened(problems) })
}

/// Takes the webhooks of ours away from a registry. The token stays: others may have it.
///
/// # Errors
/// As [`install_webhook`].
pub async fn remove_webhook(
    store: &Store,
    name: &str,
    clock: &Clock,
) -> Result<RemovedWebhook, OperationError> {
    let installation = Installation::of(store, name, clock).await?;
    let hooks = installation.webhooks()?;
    let (standing, mut problems) = installation.standing(hooks).await?;
    let mut removed = Vec::new();
    for Standing { place, hooks: found } in standing {
        let mut is_removed = false;
        for hook in &found {
            match hooks.remove_hook(&place, hook).await {
                Ok(()) | Err(RegistryError::NotFound { .. }) => is_removed = true,
                Err(error) => problems.push(problem(&place, &error, &secrets_of(&found))),
            }
        }
        if is_removed {
            removed.push(place.title);
        }
    }
    tracing::info!(registry.name = name, removed = removed.len(), "webhooks removed");
    Ok(RemovedWebhook { removed, problems: shortened(problems) })
}

/// What had to be done at a place.
enum Settled {
    Created,
    Changed,
    Unchanged,
}

/// Brings one place to one hook of ours, as it should be.
async fn settle(
    hooks: &dyn Webhooks,
    place: &WebhookPlace,
    found: &[FoundWebhook],
    wanted: &WantedWebhook,
) -> Result<Settled, RegistryError> {
    let Some(kept) = found.iter().find(|hook| wanted.is_met_by(hook)).or_else(|| found.first())
    else {
        hooks.create_hook(place, wanted).await?;
        return Ok(Settled::Created);
    };
    let mut settled = Settled::Unchanged;
    if !wanted.is_met_by(kept) {
        hooks.change_hook(place, kept, wanted).await?;
        settled = Settled::Changed;
    }
    for surplus in found.iter().filter(|hook| hook.handle != kept.handle) {
        hooks.remove_hook(place, surplus).await?;
        settled = Settled::Changed;
    }
    Ok(settled)
}

impl Installation {
    async fn of(store: &Store, name: &str, clock: &Clock) -> Result<Self, OperationError> {
        let registry = find_registry(store, name).await?;
        if registry.settings.is_of_builds() {
            let why = format!("`{name}` is what builds report, and nobody pushes there");
            return Err(OperationError::invalid("registry", why));
        }
        let adapter = adapter(&registry, clock).map_err(|error| failed(name, &error))?;
        let path = hook_path(name);
        let word = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' };
        let hook_name = format!("plimsoll-{}", name.chars().map(word).collect::<String>());
        Ok(Self { registry, adapter, name: hook_name, path })
    }

    fn webhooks(&self) -> Result<&dyn Webhooks, OperationError> {
        self.adapter.webhooks().ok_or_else(|| {
            let settings = &self.registry.settings;
            let by_hand = kind(&settings.kind).map_or("", |kind| kind.webhook_by_hand());
            let why = format!(
                "a registry of kind `{}` has no API that sets webhooks: {by_hand}; \
                 `plimsoll registry token create {} hook` prints the address's path",
                settings.kind, settings.name
            );
            OperationError::invalid("registry", why)
        })
    }

    /// The hooks of ours at every place, and where the registry could not be asked.
    async fn standing(
        &self,
        hooks: &dyn Webhooks,
    ) -> Result<(Vec<Standing>, Vec<WebhookProblem>), OperationError> {
        let name = &self.registry.settings.name;
        let watched = self.watched().await.map_err(|error| failed(name, &error))?;
        let (mut standing, mut problems) = (Vec::new(), Vec::new());
        for place in hooks.places(&watched) {
            match hooks.hooks_at(&place).await {
                Ok(found) => {
                    let hooks = found.into_iter().filter(|hook| self.is_ours(hook)).collect();
                    standing.push(Standing { place, hooks });
                }
                Err(error) => problems.push(problem(&place, &error, &[])),
            }
        }
        Ok((standing, problems))
    }

    /// The repositories that a sync would look at.
    async fn watched(&self) -> Result<Vec<RepositoryEntry>, RegistryError> {
        let settings = &self.registry.settings;
        let adapter = self.adapter.as_ref();
        let mut entries = Vec::new();
        if settings.repositories.is_empty() {
            entries = adapter.list_repositories().await?;
        } else {
            for name in &settings.repositories {
                entries.push(adapter.repository(name).await?);
            }
        }
        // The patterns were checked when the registry was added.
        let filter = ImageFilter::new(&settings.adapter.include, &settings.adapter.exclude);
        let filter = filter.map_err(|error| RegistryError::Setting {
            field: "include",
            problem: error.to_string(),
        })?;
        entries.retain(|entry| filter.takes_repository(&entry.name));
        Ok(entries)
    }

    /// By its name, or by where it sends: vendors' hooks may have no names, and people may have set one by hand.
    fn is_ours(&self, hook: &FoundWebhook) -> bool {
        hook.name == self.name || hook.address.ends_with(&self.path)
    }

    async fn lets_in(
        &self,
        store: &Store,
        secret: &Secret<String>,
    ) -> Result<bool, OperationError> {
        let bearer = store.bearer_of(secret.reveal(), TokenPurpose::Hook).await?;
        Ok(bearer.is_some_and(|bearer| bearer.registry_id == self.registry.id))
    }

    /// A token that stands at the registry already, and is let in.
    async fn good_secret(
        &self,
        store: &Store,
        standing: &[Standing],
    ) -> Result<Option<Secret<String>>, OperationError> {
        let mut seen: Vec<&Secret<String>> = Vec::new();
        for secret in standing.iter().flat_map(|one| &one.hooks).filter_map(|h| h.secret.as_ref()) {
            if seen.contains(&secret) {
                continue;
            }
            if self.lets_in(store, secret).await? {
                return Ok(Some(secret.clone()));
            }
            seen.push(secret);
        }
        Ok(None)
    }
}

fn failed(name: &str, error: &RegistryError) -> OperationError {
    OperationError::Registry { name: name.to_owned(), why: error_chain(error) }
}

fn secrets_of(hooks: &[FoundWebhook]) -> Vec<&Secret<String>> {
    hooks.iter().filter_map(|hook| hook.secret.as_ref()).collect()
}

/// What did not work, without the tokens, which the registry may repeat.
fn problem(
    place: &WebhookPlace,
    error: &RegistryError,
    secrets: &[&Secret<String>],
) -> WebhookProblem {
    let why = secrets
        .iter()
        .fold(error_chain(error), |why, secret| why.replace(secret.reveal().as_str(), "<secret>"));
    WebhookProblem { at: place.title.clone(), why }
}

fn shortened(mut problems: Vec<WebhookProblem>) -> Vec<WebhookProblem> {
    problems.sort();
    problems.truncate(MOST_PROBLEMS);
    problems
}
