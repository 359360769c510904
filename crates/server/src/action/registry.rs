//! Actions about registries: adding, listing, changing, removing.
//!
//! In: what a client says of a registry. Out: the same again, without secrets. Source: `docs/api.md`, "Registries"; the vendor's
//! pages of those names. Odd:
//! * A registry is known by a number here and by a name everywhere else; one that is added here is called as its host, with the
//!   port that is not the protocol's own.
//! * Passwords and tokens are answered as asterisks. A token is told once, in the answer that makes it.
//! * Registries of the command line and of the management API are listed, too, whatever their kind.

mod change;
mod list;
mod onboard;
mod page;
mod report;

use std::collections::BTreeMap;

use plimsoll_model::Timestamp;
use plimsoll_store::{
    MOST_SCANS_PER_HOUR, Registry, RegistryError, RegistryExtras, TokenPurpose, UrlScheme,
};

use super::{Context, Parameter, ParameterKind, failed};
use crate::{
    gateway::{Parameters, Refusal},
    operation::{
        OperationError,
        registries::{AddRegistry, add_registry},
    },
};

pub(crate) use change::{DeletePrivateRegistry, ModifyImageRegistry};
pub(crate) use list::{
    ListImageRegistryExtra, ListImageRegistryRegion, ListPrivateRegistryList,
    ListPrivateRegistryType,
};
pub(crate) use onboard::AddPrivateRegistry;
pub(crate) use page::PageImageRegistry;
pub(super) use report::Dated;

/// What the contract calls registries that builds report to.
pub(super) const BUILDS: &str = "CI/CD";
/// A secret in an answer.
const HIDDEN: &str = "******";
/// The longest text that is kept of what clients say.
const LONGEST_TEXT: usize = 1_000;

pub(super) const REGISTRY_ID: Parameter =
    Parameter::required("RegistryId", ParameterKind::Long, "Number of the registry.");
pub(super) const SOURCE_IP: Parameter =
    Parameter::optional("SourceIp", ParameterKind::Text, "Ignored: the connection tells it.");

/// A registry with what the API says of it besides.
pub(super) struct Shown {
    pub(super) registry: Registry,
    pub(super) extras: RegistryExtras,
    pub(super) images: u64,
    /// How many of its images may be scanned an hour; 0: as many as can be.
    pub(super) scans_per_hour: u32,
    pub(super) has_token: bool,
}

impl Shown {
    /// All of them by their numbers.
    pub(super) async fn all(
        context: Context<'_>,
        action: &'static str,
    ) -> Result<Vec<Self>, Refusal> {
        let store = context.store;
        let registries = store.registries().await.map_err(|error| failed(action, &error))?;
        let extras = store.all_registry_extras().await;
        let mut extras = extras.map_err(|error| failed(action, &error))?;
        let counts = store.registry_image_counts().await;
        let counts: BTreeMap<i64, u64> = counts.map_err(|error| failed(action, &error))?;
        let rates = store.scan_rates().await.map_err(|error| failed(action, &error))?;
        let rates: BTreeMap<String, u32> = rates
            .into_iter()
            .map(|rate| (rate.registry, rate.scans_per_hour.unwrap_or(0)))
            .collect();
        let mut shown = Vec::with_capacity(registries.len());
        for registry in registries {
            let name = &registry.settings.name;
            let tokens = store.registry_tokens(name).await;
            shown.push(Self {
                // One that was removed meanwhile has none.
                has_token: tokens.is_ok_and(|tokens| !tokens.is_empty()),
                scans_per_hour: rates.get(name).copied().unwrap_or(0),
                extras: extras.remove(&registry.id).unwrap_or_default(),
                images: counts.get(&registry.id).copied().unwrap_or(0),
                registry,
            });
        }
        shown.sort_by_key(|one| one.registry.id);
        Ok(shown)
    }

    /// What it is called.
    pub(super) fn name(&self) -> String {
        let title = &self.extras.title;
        if title.is_empty() { self.registry.settings.name.clone() } else { title.clone() }
    }

    pub(super) const fn password(&self) -> &'static str {
        if self.registry.has_password { HIDDEN } else { "" }
    }

    pub(super) const fn token(&self) -> &'static str {
        if self.has_token { HIDDEN } else { "" }
    }

    pub(super) const fn protocol(&self) -> i32 {
        match self.registry.settings.scheme {
            UrlScheme::Http => 1,
            UrlScheme::Https => 2,
        }
    }

    pub(super) fn port(&self) -> i64 {
        let default = match self.registry.settings.scheme {
            UrlScheme::Http => 80,
            UrlScheme::Https => 443,
        };
        i64::from(self.registry.settings.port.unwrap_or(default))
    }
}

/// The registry of a number, password included.
pub(super) async fn registry_of(
    context: Context<'_>,
    action: &'static str,
    sent: &Parameters,
    name: &'static str,
) -> Result<Registry, Refusal> {
    let text = sent.required(name)?;
    let wanted = "the number of a registry";
    let id = sent.long(name)?.ok_or_else(|| Refusal::MissingParameter(name.to_owned()))?;
    let found = context.store.registry_by_id(id).await;
    let found = found.map_err(|error| failed(action, &error))?;
    found.ok_or_else(|| Refusal::invalid(name, text, wanted))
}

/// A number that must be one of some; `None`: it is not sent.
pub(super) fn one_of(
    sent: &Parameters,
    name: &str,
    allowed: &[i64],
) -> Result<Option<i64>, Refusal> {
    let Some(number) = sent.long(name)? else { return Ok(None) };
    if allowed.contains(&number) {
        return Ok(Some(number));
    }
    let words: Vec<String> = allowed.iter().map(ToString::to_string).collect();
    Err(Refusal::invalid(name, &number.to_string(), &format!("one of {}", words.join(", "))))
}

/// A whole number from 0 on; 0 where it is not sent.
pub(super) fn amount(sent: &Parameters, name: &str) -> Result<u32, Refusal> {
    let Some(number) = sent.integer(name)? else { return Ok(0) };
    let wanted = "a whole number from 0 on";
    u32::try_from(number).map_err(|_error| Refusal::invalid(name, &number.to_string(), wanted))
}

/// A text that is kept as it is; empty where it is not sent.
pub(super) fn kept(sent: &Parameters, name: &str) -> Result<String, Refusal> {
    let text = sent.text(name).unwrap_or_default();
    if text.chars().count() > LONGEST_TEXT || text.chars().any(char::is_control) {
        let wanted = "a text of at most 1000 characters, none of them a control character";
        return Err(Refusal::invalid(name, text, wanted));
    }
    Ok(text.to_owned())
}

/// A registry that is to be added, with what the API says of it besides.
pub(super) struct Addition {
    pub(super) request: AddRegistry,
    pub(super) extras: RegistryExtras,
    /// 0: as many as can be.
    pub(super) scans_per_hour: u32,
    /// What its token is for.
    pub(super) purpose: TokenPurpose,
}

impl Addition {
    /// Adds it; with its token, which is told once. `naming`: the parameter that gives it its name.
    pub(super) async fn add(
        self,
        context: Context<'_>,
        action: &'static str,
        naming: &'static str,
    ) -> Result<(Shown, String), Refusal> {
        let Self { request, extras, scans_per_hour, purpose } = self;
        let store = context.store;
        let added = add_registry(store, &request, context.now).await;
        let name = added.map_err(|error| refused(action, error, naming))?.name;
        let found = store.registry(&name).await.map_err(|error| failed(action, &error))?;
        let Some(registry) = found else { return Err(Refusal::Unavailable) };
        let written = store.set_registry_extras(registry.id, &extras).await;
        written.map_err(|error| failed(action, &error))?;
        limit(context, action, &name, scans_per_hour).await?;
        let token = token(context, action, &name, purpose).await?;
        let shown = Shown { registry, extras, images: 0, scans_per_hour, has_token: true };
        Ok((shown, token))
    }
}

/// Why a registry was not added or changed, by the parameter that is to blame; `naming`: the one that gives it its name.
fn refused(action: &'static str, error: OperationError, naming: &'static str) -> Refusal {
    let sentence = |text: String| {
        let mut letters = text.chars();
        let first = letters.next().map(|letter| letter.to_uppercase().to_string());
        format!("{}{}.", first.unwrap_or_default(), letters.as_str())
    };
    match error {
        OperationError::Invalid { parameter, why } => {
            let name = match parameter {
                "url" => "DomainName",
                "name" => naming,
                "username" => "UserName",
                "kind" => "RegistryType",
                "api_token" => "ExtraParam",
                _ => parameter,
            };
            Refusal::InvalidParameter { name: name.to_owned(), why: sentence(why) }
        }
        OperationError::Exists { .. } | OperationError::NotFound { .. } => {
            Refusal::InvalidParameter { name: naming.to_owned(), why: sentence(error.to_string()) }
        }
        OperationError::Registry { .. } | OperationError::Cluster { .. } => {
            tracing::error!(action, error = &error as &dyn std::error::Error, "action failed");
            Refusal::Server
        }
        OperationError::Busy => Refusal::Unavailable,
        OperationError::Store(error) => failed(action, &error),
    }
}

/// The same of what the store says itself.
pub(super) fn refused_by_store(action: &'static str, error: RegistryError) -> Refusal {
    let error = match error {
        RegistryError::Taken(name) => OperationError::Exists { what: "registry", name },
        RegistryError::Unknown(name) => OperationError::NotFound { what: "registry", name },
        RegistryError::Invalid { what, .. } => {
            OperationError::Invalid { parameter: "name", why: what }
        }
        RegistryError::Store(error) => OperationError::Store(error),
    };
    refused(action, error, "DomainName")
}

/// What `TransPerHour` says; 0: as many scans an hour as can be.
pub(super) fn rate(sent: &Parameters) -> Result<u32, Refusal> {
    let rate = amount(sent, "TransPerHour")?;
    if rate > MOST_SCANS_PER_HOUR {
        let wanted = format!("0 to {MOST_SCANS_PER_HOUR}");
        return Err(Refusal::invalid("TransPerHour", &rate.to_string(), &wanted));
    }
    Ok(rate)
}

/// Lets so many images of a registry be scanned an hour; 0: as many as can be.
async fn limit(
    context: Context<'_>,
    action: &'static str,
    registry: &str,
    scans_per_hour: u32,
) -> Result<(), Refusal> {
    let rate = (scans_per_hour > 0).then_some(scans_per_hour);
    let written = context.store.set_scan_rate(registry, rate, context.now).await;
    written.map_err(|error| refused_by_store(action, error))
}

/// Makes a token of a registry, which is answered once; the one before is refused from then on.
pub(super) async fn token(
    context: Context<'_>,
    action: &'static str,
    registry: &str,
    purpose: TokenPurpose,
) -> Result<String, Refusal> {
    let token = context.store.create_registry_token(registry, purpose, context.now).await;
    token.map(|token| token.reveal().clone()).map_err(|error| refused_by_store(action, error))
}

/// A time in the contract's few texts: `2026-11-25 01:23:44`.
pub(super) fn clock_text(time: Timestamp) -> String {
    time.to_string().replace('T', " ").trim_end_matches('Z').to_owned()
}
