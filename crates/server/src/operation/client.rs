//! A client for a stored registry.
//!
//! In: a registry with its password, or a credential that somebody brought along for it. Out: a client of the crate
//! `registry`. Odd: private addresses are allowed, because
//! the administrator named this host; where its answers lead to is still guarded by that crate.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use plimsoll_model::Secret;
use plimsoll_registry::{
    Credentials, Endpoint, HttpClient, HttpOptions, RegistryClient, RegistryError, Scheme,
};
use plimsoll_store::{Registry, RegistrySettings, UrlScheme};

/// A client that uses the registry's account and certificates.
pub(crate) fn registry_client(registry: &Registry) -> Result<RegistryClient, RegistryError> {
    let settings = &registry.settings;
    let (endpoint, http) = way_to(settings)?;
    let credentials = match (&settings.username, &settings.password) {
        (Some(username), Some(password)) => {
            Some(Credentials::new(username.clone(), password.clone()))
        }
        _ => None,
    };
    RegistryClient::new(endpoint, credentials, &http)
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

fn way_to(settings: &RegistrySettings) -> Result<(Endpoint, HttpClient), RegistryError> {
    let endpoint = endpoint(settings);
    let options =
        HttpOptions { ca_pem: settings.ca_pem.iter().cloned().collect(), ..HttpOptions::default() };
    let http = HttpClient::new(options).map_err(|source| RegistryError::Http {
        registry: Box::new(endpoint.clone()),
        source: Box::new(source),
    })?;
    Ok((endpoint, http))
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
