//! Registries: adding, listing, removing.
//!
//! In: what a person says of a registry. Out: rows, never with a password. Odd: plain http is accepted for this machine,
//! and elsewhere only when `plain_http` says so, because a password would travel in the open.

use plimsoll_model::{ImageReference, Platform, Secret, Timestamp, reference::DOCKER_HUB};
use plimsoll_registry::{
    Endpoint, Proxy, RegistryError as SourceError, Scheme,
    kind::{ImageFilter, Now, kinds},
};
use plimsoll_store::{
    AdapterSettings, NetType, Registry, RegistryError, RegistrySettings, Store, UrlScheme,
};
use serde::{Deserialize, Serialize};

use super::{
    OperationError,
    client::{connected, endpoint as endpoint_of},
};

/// A registry to add. There is no `Debug`: it may hold a password.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddRegistry {
    /// What people call it; never changes.
    pub name: String,
    /// `https://registry.example.com`, `localhost:5000`, `docker.io`.
    pub url: String,
    /// Adapter; `oci` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// What ListImageRisk says as `RegistryType`; the kind unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_type: Option<String>,
    /// `RegionId` of its images.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub region_id: String,
    /// `internet` or `intranet`; `internet` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub net_type: Option<Net>,
    /// Speak plain http to a host that is not this machine.
    #[serde(default)]
    pub plain_http: bool,
    /// Certificates (PEM) of its own certification authority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_pem: Option<String>,
    /// Account or robot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Its password or token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// Repositories to sync; none: the registry's catalog.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repositories: Vec<String>,
    /// Platform that represents an image index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Where the vendor's API answers, if not where the kind knows it to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_url: Option<String>,
    /// The API's own account: a cloud's access key id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_account: Option<String>,
    /// The API's own token, or the key's secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_token: Option<String>,
    /// Instance, project or group, in the vendor's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Namespaces, organisations or owners to list; none: all that the account can see.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
    /// Patterns of images to look at; none: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<String>,
    /// Patterns of images to leave out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// The proxy that registry and API are reached through: `http://proxy.example.com:3128`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// The proxy's account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_username: Option<String>,
    /// Its password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_password: Option<String>,
    /// Whose it is; the site's own unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
}

/// Whose a registry is.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfTenant {
    /// The tenant; none: the site's own.
    pub tenant: Option<String>,
}

/// From where a registry can be reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Net {
    /// The internet.
    #[default]
    Internet,
    /// A private network.
    Intranet,
}

impl std::str::FromStr for Net {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "internet" => Ok(Self::Internet),
            "intranet" => Ok(Self::Intranet),
            _ => Err(format!("`{word}` is not one of internet, intranet")),
        }
    }
}

/// A registry as people see it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RegistryView {
    /// Its name.
    pub name: String,
    /// Adapter.
    pub kind: String,
    /// What the API says as `RegistryType`.
    pub reported_type: String,
    /// `https://registry.example.com`.
    pub url: String,
    /// `RegionId`.
    pub region_id: String,
    /// From where it can be reached.
    pub net_type: Net,
    /// Account.
    pub username: Option<String>,
    /// Whether a password is stored.
    pub has_password: bool,
    /// Repositories; none: the catalog.
    pub repositories: Vec<String>,
    /// Platform that represents an index.
    pub platform: Option<String>,
    /// Where the vendor's API answers.
    #[serde(default)]
    pub api_url: Option<String>,
    /// The API's own account.
    #[serde(default)]
    pub api_account: Option<String>,
    /// Whether a token of the API is stored.
    #[serde(default)]
    pub has_api_token: bool,
    /// Instance, project or group.
    #[serde(default)]
    pub instance: Option<String>,
    /// Namespaces that are listed; none: all.
    #[serde(default)]
    pub namespaces: Vec<String>,
    /// Patterns of images that are looked at; none: all.
    #[serde(default)]
    pub include: Vec<String>,
    /// Patterns of images that are left out.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// The proxy that it is reached through.
    #[serde(default)]
    pub proxy: Option<String>,
    /// The proxy's account.
    #[serde(default)]
    pub proxy_username: Option<String>,
    /// Whose it is; absent: the site's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Why the last sync did not succeed.
    pub problem: Option<String>,
    /// When it was added.
    pub created: Timestamp,
}

/// All registries.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RegistryList {
    /// By name.
    pub registries: Vec<RegistryView>,
}

/// What went with a removed registry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RemovedRegistry {
    /// How many images.
    pub images: u64,
}

/// Adds a registry.
///
/// # Errors
/// A parameter cannot be, the name is taken, or the database fails.
pub async fn add_registry(
    store: &Store,
    request: &AddRegistry,
    now: Timestamp,
) -> Result<RegistryView, OperationError> {
    let settings = settings(request, now)?;
    let tenant = request.tenant.as_deref();
    let registry = store.add_registry_of(tenant, &settings, now).await.map_err(refusal)?;
    tracing::info!(registry.name = settings.name, registry.kind = settings.kind, "registry added");
    Ok(RegistryView::of(&registry))
}

/// All registries.
///
/// # Errors
/// The database fails.
pub async fn list_registries(store: &Store) -> Result<RegistryList, OperationError> {
    let registries = store.registries().await?;
    Ok(RegistryList { registries: registries.iter().map(RegistryView::of).collect() })
}

/// Removes a registry with its images.
///
/// # Errors
/// There is none of that name, or the database fails.
pub async fn remove_registry(
    store: &Store,
    name: &str,
    now: Timestamp,
) -> Result<RemovedRegistry, OperationError> {
    let images = store.remove_registry(name, now).await.map_err(refusal)?;
    tracing::info!(registry.name = name, images, "registry removed");
    Ok(RemovedRegistry { images })
}

/// Says whose a registry is: tenants share the workers evenly.
///
/// # Errors
/// There is no such registry, no tenant can be called that, or the database fails.
pub async fn set_tenant(
    store: &Store,
    name: &str,
    of: &OfTenant,
    now: Timestamp,
) -> Result<RegistryView, OperationError> {
    let set = store.set_tenant(name, of.tenant.as_deref(), now).await;
    let registry = set.map_err(|error| match error {
        RegistryError::Invalid { what, .. } => OperationError::invalid("tenant", what),
        other => refusal(other),
    })?;
    tracing::info!(registry.name = name, tenant = of.tenant, "tenant set");
    Ok(RegistryView::of(&registry))
}

/// One registry with its password, by name.
///
/// # Errors
/// There is none of that name, or the database fails.
pub async fn find_registry(store: &Store, name: &str) -> Result<Registry, OperationError> {
    let found = store.registry(name).await?;
    found.ok_or_else(|| OperationError::NotFound { what: "registry", name: name.to_owned() })
}

impl RegistryView {
    fn of(registry: &Registry) -> Self {
        let settings = &registry.settings;
        Self {
            name: settings.name.clone(),
            kind: settings.kind.clone(),
            reported_type: settings.reported_type.clone(),
            url: endpoint_of(settings).to_string(),
            region_id: settings.region_id.clone(),
            net_type: match settings.net_type {
                NetType::Internet => Net::Internet,
                NetType::Intranet => Net::Intranet,
            },
            username: settings.username.clone(),
            has_password: registry.has_password,
            repositories: settings.repositories.clone(),
            platform: settings.platform.as_ref().map(Platform::to_string),
            api_url: settings.adapter.api_url.clone(),
            api_account: settings.adapter.api_account.clone(),
            has_api_token: registry.has_api_token,
            instance: settings.adapter.instance.clone(),
            namespaces: settings.adapter.namespaces.clone(),
            include: settings.adapter.include.clone(),
            exclude: settings.adapter.exclude.clone(),
            proxy: settings.adapter.proxy.clone(),
            proxy_username: settings.adapter.proxy_username.clone(),
            tenant: registry.tenant.clone(),
            problem: registry.problem.clone(),
            created: registry.created,
        }
    }
}

pub(super) fn refusal(error: RegistryError) -> OperationError {
    match error {
        RegistryError::Taken(name) => OperationError::Exists { what: "registry", name },
        RegistryError::Unknown(name) => OperationError::NotFound { what: "registry", name },
        RegistryError::Invalid { what, .. } => OperationError::invalid("name", what),
        RegistryError::Store(error) => OperationError::Store(error),
    }
}

/// Checks a request and turns it into what is stored.
fn settings(request: &AddRegistry, now: Timestamp) -> Result<RegistrySettings, OperationError> {
    let kind = kind_of(request.kind.as_deref().unwrap_or("oci"))?;
    let endpoint = endpoint(&request.url, request.plain_http)?;
    let ca_pem = request.ca_pem.clone().filter(|pem| !pem.trim().is_empty());
    if ca_pem.as_ref().is_some_and(|pem| !pem.contains("-----BEGIN CERTIFICATE-----")) {
        return Err(OperationError::invalid("ca_pem", "the text holds no PEM certificate"));
    }
    if request.password.is_some() && request.username.is_none() {
        return Err(OperationError::invalid("username", "a password needs an account"));
    }
    if let Some(wrong) =
        request.repositories.iter().find(|name| !ImageReference::is_repository(name))
    {
        let why = format!("`{wrong}` is not a repository such as team/app");
        return Err(OperationError::invalid("repositories", why));
    }
    let platform = request.platform.as_deref().map(str::parse::<Platform>).transpose();
    let platform =
        platform.map_err(|error| OperationError::invalid("platform", error.to_string()))?;
    let port = (endpoint.port != default_port(endpoint.scheme)).then_some(endpoint.port);
    let mut settings = RegistrySettings {
        name: request.name.clone(),
        kind: kind.to_owned(),
        reported_type: request.reported_type.clone().unwrap_or_else(|| kind.to_owned()),
        scheme: match endpoint.scheme {
            Scheme::Http => UrlScheme::Http,
            Scheme::Https => UrlScheme::Https,
        },
        host: endpoint.host,
        port,
        username: request.username.clone(),
        password: request.password.clone().map(Secret::new),
        region_id: request.region_id.clone(),
        net_type: match request.net_type.unwrap_or_default() {
            Net::Internet => NetType::Internet,
            Net::Intranet => NetType::Intranet,
        },
        ca_pem,
        repositories: request.repositories.clone(),
        platform,
        adapter: adapter_settings(request)?,
    };
    // What a kind needs and is not told is found now, not at the first sync.
    match connected(&settings, Now::new(move || now)) {
        Ok(adapter) if settings.region_id.is_empty() => {
            settings.region_id = adapter.region().unwrap_or_default().to_owned();
        }
        Err(SourceError::Setting { field, problem }) => {
            return Err(OperationError::invalid(field, problem));
        }
        Ok(_) | Err(_) => {}
    }
    Ok(settings)
}

fn adapter_settings(request: &AddRegistry) -> Result<AdapterSettings, OperationError> {
    let said = |text: &Option<String>| {
        let text = text.as_deref().map(str::trim).filter(|text| !text.is_empty());
        text.map(str::to_owned)
    };
    for (parameter, patterns) in [("include", &request.include), ("exclude", &request.exclude)] {
        ImageFilter::new(patterns, &[])
            .map_err(|error| OperationError::invalid(parameter, error.to_string()))?;
    }
    let is_wrong = |name: &&String| name.trim().is_empty() || name.chars().any(char::is_control);
    if let Some(wrong) = request.namespaces.iter().find(is_wrong) {
        let why = format!("`{}` is not a namespace", wrong.escape_default());
        return Err(OperationError::invalid("namespaces", why));
    }
    let proxy = proxy(request)?;
    Ok(AdapterSettings {
        api_url: said(&request.api_url),
        api_account: said(&request.api_account),
        api_token: said(&request.api_token).map(Secret::new),
        instance: said(&request.instance),
        namespaces: request.namespaces.clone(),
        include: request.include.clone(),
        exclude: request.exclude.clone(),
        proxy_username: said(&request.proxy_username).filter(|_| proxy.is_some()),
        proxy_password: request.proxy_password.clone().map(Secret::new).filter(|_| proxy.is_some()),
        proxy,
    })
}

/// The proxy's address, as it is shown from then on.
fn proxy(request: &AddRegistry) -> Result<Option<String>, OperationError> {
    let has_account = request.proxy_username.is_some() || request.proxy_password.is_some();
    let Some(address) = request.proxy.as_deref().filter(|text| !text.trim().is_empty()) else {
        if has_account {
            return Err(OperationError::invalid("proxy", "an account needs a proxy"));
        }
        return Ok(None);
    };
    if request.proxy_username.is_some() != request.proxy_password.is_some() {
        let why = "user name and password of a proxy go together";
        return Err(OperationError::invalid("proxy_username", why));
    }
    let proxy = Proxy::parse(address, None);
    let proxy = proxy.map_err(|error| OperationError::invalid("proxy", error.to_string()))?;
    Ok(Some(proxy.endpoint.to_string()))
}

fn kind_of(id: &str) -> Result<&'static str, OperationError> {
    let known = kinds().iter().map(|kind| kind.id()).find(|known| *known == id);
    known.ok_or_else(|| {
        let all: Vec<&str> = kinds().iter().map(|kind| kind.id()).collect();
        OperationError::invalid("kind", format!("`{id}` is not one of {}", all.join(", ")))
    })
}

fn endpoint(url: &str, plain_http: bool) -> Result<Endpoint, OperationError> {
    let parsed = Endpoint::parse(url.trim(), plain_http);
    let mut endpoint = parsed.map_err(|error| OperationError::invalid("url", error.to_string()))?;
    if endpoint.scheme == Scheme::Http && !endpoint.is_loopback() && !plain_http {
        let why = "plain http to another machine shows passwords and images to the network; \
            say `plain_http` if that is meant";
        return Err(OperationError::invalid("url", why));
    }
    if matches!(endpoint.host.as_str(), "docker.io" | "index.docker.io") {
        DOCKER_HUB.clone_into(&mut endpoint.host);
    }
    Ok(endpoint)
}

const fn default_port(scheme: Scheme) -> u16 {
    match scheme {
        Scheme::Http => 80,
        Scheme::Https => 443,
    }
}
