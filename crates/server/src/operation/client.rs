//! A client for a stored registry.
//!
//! In: a registry with its password. Out: a client of the crate `registry`. Odd: private addresses are allowed, because
//! the administrator named this host; where its answers lead to is still guarded by that crate.

use plimsoll_registry::{
    Credentials, Endpoint, HttpClient, HttpOptions, RegistryClient, RegistryError, Scheme,
};
use plimsoll_store::{Registry, RegistrySettings, UrlScheme};

/// A client that uses the registry's account and certificates.
pub(crate) fn registry_client(registry: &Registry) -> Result<RegistryClient, RegistryError> {
    let settings = &registry.settings;
    let endpoint = endpoint(settings);
    let options =
        HttpOptions { ca_pem: settings.ca_pem.iter().cloned().collect(), ..HttpOptions::default() };
    let http = HttpClient::new(options).map_err(|source| RegistryError::Http {
        registry: Box::new(endpoint.clone()),
        source: Box::new(source),
    })?;
    let credentials = match (&settings.username, &settings.password) {
        (Some(username), Some(password)) => {
            Some(Credentials::new(username.clone(), password.clone()))
        }
        _ => None,
    };
    RegistryClient::new(endpoint, credentials, &http)
}

/// Where a stored registry answers.
pub(super) fn endpoint(settings: &RegistrySettings) -> Endpoint {
    let (scheme, default_port) = match settings.scheme {
        UrlScheme::Http => (Scheme::Http, 80),
        UrlScheme::Https => (Scheme::Https, 443),
    };
    let port = settings.port.unwrap_or(default_port);
    Endpoint { scheme, host: settings.host.clone(), port }
}
