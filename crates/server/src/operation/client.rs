//! Stored registries, connected.
//!
//! In: a registry with its secrets, or a credential that somebody brought along for it. Out: an adapter or a client of the
//! crate `registry`. Odd: private addresses are allowed, because the administrator named these hosts; where their answers
//! lead to is still guarded by that crate.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use plimsoll_model::Secret;
use plimsoll_registry::{
    Credentials, Endpoint, EndpointError, HttpClient, HttpOptions, Proxy, RegistryClient,
    RegistryError, Scheme,
    kind::{Adapter, ApiSettings, Connection, Now, kind},
};
use plimsoll_store::{AdapterSettings, Registry, RegistrySettings, UrlScheme};

use crate::clock::Clock;

/// The registry by its kind's own API.
pub(crate) fn adapter(
    registry: &Registry,
    clock: &Clock,
) -> Result<Box<dyn Adapter>, RegistryError> {
    let clock = clock.clone();
    connected(&registry.settings, Now::new(move || clock.now()))
}

/// The registry by the OCI protocol, with an account that may pull.
pub(crate) async fn registry_client(
    registry: &Registry,
    clock: &Clock,
) -> Result<RegistryClient, RegistryError> {
    let adapter = adapter(registry, clock)?;
    adapter.client().await
}

/// What the settings describe; nothing is sent.
pub(super) fn connected(
    settings: &RegistrySettings,
    now: Now,
) -> Result<Box<dyn Adapter>, RegistryError> {
    let kind = kind(&settings.kind).ok_or_else(|| RegistryError::Setting {
        field: "kind",
        problem: format!("this version knows no registries of kind `{}`", settings.kind),
    })?;
    let (endpoint, http) = way_to(settings)?;
    let credentials = match (&settings.username, &settings.password) {
        (Some(username), Some(password)) => {
            Some(Credentials::new(username.clone(), password.clone()))
        }
        _ => None,
    };
    let adapter = &settings.adapter;
    let api = ApiSettings {
        endpoint: adapter.api_url.as_deref().map(|url| api_endpoint(settings, url)).transpose()?,
        account: adapter.api_account.clone(),
        token: adapter.api_token.clone(),
        region: settings.region_id.clone(),
        instance: adapter.instance.clone(),
        namespaces: adapter.namespaces.clone(),
    };
    kind.connect(Connection { endpoint, credentials, http, api, now })
}

fn way_to(settings: &RegistrySettings) -> Result<(Endpoint, HttpClient), RegistryError> {
    let endpoint = endpoint(settings);
    let options = HttpOptions {
        ca_pem: settings.ca_pem.iter().cloned().collect(),
        proxy: proxy(&settings.adapter)?,
        ..HttpOptions::default()
    };
    let http = HttpClient::new(options).map_err(|source| RegistryError::Http {
        registry: Box::new(endpoint.clone()),
        source: Box::new(source),
    })?;
    Ok((endpoint, http))
}

/// The proxy that registry and API are reached through.
fn proxy(settings: &AdapterSettings) -> Result<Option<Proxy>, RegistryError> {
    let Some(address) = &settings.proxy else { return Ok(None) };
    let account = match (&settings.proxy_username, &settings.proxy_password) {
        (Some(username), Some(password)) => {
            Some(Credentials::new(username.clone(), password.clone()))
        }
        _ => None,
    };
    let proxy = Proxy::parse(address, account);
    let wrong = |error: EndpointError| RegistryError::Setting {
        field: "proxy",
        problem: error.to_string(),
    };
    proxy.map(Some).map_err(wrong)
}

/// Where the API answers; not by plain http, unless the registry is spoken to so or it is on this machine.
fn api_endpoint(settings: &RegistrySettings, url: &str) -> Result<Endpoint, RegistryError> {
    let wrong = |problem: String| RegistryError::Setting { field: "api_url", problem };
    let is_plain = settings.scheme == UrlScheme::Http;
    let endpoint = Endpoint::parse(url.trim(), false).map_err(|error| wrong(error.to_string()))?;
    if endpoint.scheme == Scheme::Http && !endpoint.is_loopback() && !is_plain {
        return Err(wrong("plain http to another machine shows the account to the network".into()));
    }
    Ok(endpoint)
}

/// A client that uses the registry's certificates, and an account of its own.
pub(crate) fn client_with(
    settings: &RegistrySettings,
    authorization: Option<Authorization>,
) -> Result<RegistryClient, RegistryError> {
    let (endpoint, http) = way_to(settings)?;
    match authorization {
        Some(Authorization::Account(account)) => {
            RegistryClient::new(endpoint, Some(account), &http)
        }
        Some(Authorization::Bearer(token)) => RegistryClient::with_bearer(endpoint, token, &http),
        None => RegistryClient::new(endpoint, None, &http),
    }
}

/// What stands in an `Authorization` header that somebody hands over for our use.
pub(crate) enum Authorization {
    /// `Basic`: an account, which token services may be asked with.
    Account(Credentials),
    /// `Bearer`: a token, which is sent as it is.
    Bearer(Secret<String>),
}

impl Authorization {
    /// Reads the header's value; `None` when it is of neither form.
    pub(crate) fn parse(value: &str) -> Option<Self> {
        let (scheme, rest) = value.trim().split_once(' ')?;
        let rest = rest.trim();
        if scheme.eq_ignore_ascii_case("bearer") {
            let is_token = !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic());
            return is_token.then(|| Self::Bearer(Secret::new(rest.to_owned())));
        }
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let pair = String::from_utf8(BASE64_STANDARD.decode(rest).ok()?).ok()?;
        let (username, password) = pair.split_once(':')?;
        let password = Secret::new(password.to_owned());
        (!username.is_empty()).then(|| Self::Account(Credentials::new(username, password)))
    }
}

/// Where a stored registry answers.
pub(crate) fn endpoint(settings: &RegistrySettings) -> Endpoint {
    let (scheme, default_port) = match settings.scheme {
        UrlScheme::Http => (Scheme::Http, 80),
        UrlScheme::Https => (Scheme::Https, 443),
    };
    let port = settings.port.unwrap_or(default_port);
    Endpoint { scheme, host: settings.host.clone(), port }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorizations_are_accounts_or_tokens() {
        let shown = |value: &str| match Authorization::parse(value) {
            Some(Authorization::Account(account)) => {
                format!("{}:{}", account.username, account.password.reveal())
            }
            Some(Authorization::Bearer(token)) => format!("bearer {}", token.reveal()),
            None => "neither".to_owned(),
        };
        for (value, wanted) in [
            ("Basic cm9ib3QkYTpiOmM=", "robot$a:b:c"),
            ("basic  cm9ib3QkYTpiOmM=", "robot$a:b:c"),
            ("Bearer eyJ.x.y", "bearer eyJ.x.y"),
            ("Basic cm9ib3Q=", "neither"),
            ("Basic !", "neither"),
            ("Bearer a b", "neither"),
            ("Bearer ", "neither"),
            ("Digest x", "neither"),
            ("", "neither"),
        ] {
            assert_eq!(shown(value), wanted, "{value}");
        }
    }
}
