//! A proxy that the requests of one endpoint go through.
//!
//! In: where it answers, and an account or none. Out: how the HTTP library is told. Source: RFC 9110 §9.3.6 (CONNECT), §11.7
//! (`Proxy-Authorization`), RFC 9112 §3.2.2 (the absolute form).
//!
//! Odd:
//! * What is encrypted goes through a tunnel (CONNECT), whose head alone holds the proxy's account; what is not is asked of the proxy
//!   itself, which sees all of it.
//! * Names are resolved by the proxy, so that the guard sees literal addresses only: what a proxy reaches is its own matter. Its
//!   own address may be of any class, for it is the operator who named it, except for those that are never connected to.

use super::{HttpError, reason};
use crate::{
    access::basic,
    endpoint::{Credentials, Endpoint, EndpointError},
    reach::Guard,
};

/// A proxy.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// Where it answers: `http://proxy.example.com:3128`.
    pub endpoint: Endpoint,
    /// The account that it wants.
    pub credentials: Option<Credentials>,
}

impl Proxy {
    /// A proxy by its address, `http://` unless it says otherwise.
    ///
    /// # Errors
    /// The address is none, or holds a user name or password.
    pub fn parse(address: &str, credentials: Option<Credentials>) -> Result<Self, EndpointError> {
        Ok(Self { endpoint: Endpoint::parse(address.trim(), true)?, credentials })
    }

    /// As the HTTP library takes it.
    pub(super) fn settings(&self) -> Result<reqwest::Proxy, HttpError> {
        Guard::new(&self.endpoint.host, true).check_literal(&self.endpoint.host)?;
        let proxy = reqwest::Proxy::all(self.endpoint.to_string())
            .map_err(|error| HttpError::Setup(reason(error)))?;
        // As a header that is marked as a secret; the library's own way keeps the password in an address.
        Ok(match self.credentials.as_ref().and_then(basic) {
            Some(account) => proxy.custom_http_auth(account),
            None => proxy,
        })
    }
}
