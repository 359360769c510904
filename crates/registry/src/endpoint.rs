//! Where a registry answers, and which account it is asked with.
//!
//! In: `host[:port]` as people type it, plus whether plain http is meant. Out: [`Endpoint`], the origin (scheme, host,
//! port) that credentials are bound to. Source: RFC 6454 (origin); RFC 3986 §3.2.2 (IPv6 in brackets).
//! Odd: Docker Hub's registry answers at another host than people type. Plain http is never guessed for a host that is not this machine; `http://` in front of the host says it.

use std::{fmt, net::IpAddr, str::FromStr};

use plimsoll_model::{Secret, reference::DOCKER_HUB};
use reqwest::Url;

/// How an endpoint is spoken to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Scheme {
    /// TLS.
    Https,
    /// Plain text: only for this machine, or where the operator says so.
    Http,
}

impl Scheme {
    /// `https` or `http`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
        }
    }
}

/// An origin: scheme, host and port. Prints as `https://host` or, with a port that is not the scheme's own,
/// `https://host:port`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Endpoint {
    /// How to speak to it.
    pub scheme: Scheme,
    /// Lower-case name or address; an IPv6 address without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// Why a text is not an [`Endpoint`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Not `host[:port]`.
    #[error("`{0}` is not a host such as registry.example.com or localhost:5000")]
    Host(String),
    /// A scheme that is neither `http` nor `https`.
    #[error("`{0}`: only http:// and https:// are spoken")]
    Scheme(String),
    /// A password in an address is shown to everybody who sees the address.
    #[error("the address of `{0}` holds a user name or password; give them separately")]
    Userinfo(String),
}

impl Endpoint {
    /// Reads `host[:port]`, with or without `https://` or `http://` in front.
    ///
    /// Without a scheme, `plain_http` and every loopback host mean http, everything else https.
    ///
    /// # Errors
    /// [`EndpointError`] when the text is not a host, or has a path or a password.
    pub fn parse(text: &str, plain_http: bool) -> Result<Self, EndpointError> {
        // What stands before an `@` may be a password: it is never repeated.
        let shown = text.rsplit('@').next().unwrap_or_default();
        let bare = || EndpointError::Host(shown.to_owned());
        if text.contains("://") {
            let url = Url::parse(text).map_err(|_cause| bare())?;
            let endpoint = Self::of(&url)?;
            if !matches!(url.path(), "" | "/") || url.query().is_some() {
                return Err(bare());
            }
            return Ok(endpoint);
        }
        if text.contains(['/', '?', '#', '\\']) || text.is_empty() {
            return Err(bare());
        }
        // A port that belongs to one scheme alone must survive the detour over a URL: `host:443` is not `host:80`.
        let text = match text {
            "docker.io" | "index.docker.io" => DOCKER_HUB,
            other => other,
        };
        let secure = Self::of(&Url::parse(&format!("https://{text}")).map_err(|_cause| bare())?)?;
        if plain_http || secure.is_loopback() {
            return Self::of(&Url::parse(&format!("http://{text}")).map_err(|_cause| bare())?);
        }
        Ok(secure)
    }

    /// The origin of `url`.
    ///
    /// # Errors
    /// [`EndpointError`] when the URL is not http or https, has no host, or holds user name or password.
    pub fn of(url: &Url) -> Result<Self, EndpointError> {
        let scheme = match url.scheme() {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            other => return Err(EndpointError::Scheme(other.to_owned())),
        };
        let Some(host) = url.host_str().filter(|host| !host.is_empty()) else {
            return Err(EndpointError::Host(url.scheme().to_owned()));
        };
        let host = host.trim_matches(['[', ']']).to_owned();
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointError::Userinfo(host));
        }
        let Some(port) = url.port_or_known_default() else {
            return Err(EndpointError::Host(host));
        };
        Ok(Self { scheme, host, port })
    }

    /// Whether the host is this machine: `localhost`, 127.0.0.0/8 or `::1`.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost"
            || self.host.ends_with(".localhost")
            || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// `host` or `host:port`, as it stands in an image's name.
    #[must_use]
    pub fn authority(&self) -> String {
        let host =
            if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match (self.scheme, self.port) {
            (Scheme::Https, 443) | (Scheme::Http, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        Self::parse(text, false)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.authority())
    }
}

/// The account that a registry is asked with, and which other hosts may see it.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Account name; `<token>` means that the password is an identity token of the token service.
    pub username: String,
    /// Password, access token or robot secret.
    pub password: Secret<String>,
    /// Further hosts (`auth.example.com`) whose token service may be sent the account, next to those of the
    /// registry's own domain.
    pub realms: Vec<String>,
}

impl Credentials {
    /// An account for the registry itself and the token services that go with it.
    #[must_use]
    pub fn new(username: impl Into<String>, password: Secret<String>) -> Self {
        Self { username: username.into(), password, realms: Vec::new() }
    }

    /// Lets the token service on `host` see the account too.
    #[must_use]
    pub fn allow_realm(mut self, host: impl Into<String>) -> Self {
        self.realms.push(host.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_as_people_type_them() {
        for (text, plain_http, wanted) in [
            ("registry.example.com", false, "https://registry.example.com"),
            ("Registry.Example.com:443", false, "https://registry.example.com"),
            ("registry.example.com:5000", false, "https://registry.example.com:5000"),
            ("registry.example.com:80", true, "http://registry.example.com"),
            ("registry.example.com:443", true, "http://registry.example.com:443"),
            ("http://registry.example.com/", false, "http://registry.example.com"),
            ("docker.io", false, "https://registry-1.docker.io"),
            ("localhost:5000", false, "http://localhost:5000"),
            ("127.0.0.1:5000", false, "http://127.0.0.1:5000"),
            ("https://127.0.0.1:5443", false, "https://127.0.0.1:5443"),
            ("[::1]:5000", false, "http://[::1]:5000"),
            ("0x7f.1", false, "http://127.0.0.1"),
        ] {
            let endpoint = Endpoint::parse(text, plain_http).unwrap();
            assert_eq!(endpoint.to_string(), wanted, "{text}");
            assert_eq!(wanted.parse::<Endpoint>().unwrap(), endpoint, "{text}");
        }
    }

    #[test]
    fn what_is_not_an_endpoint_says_why_without_the_password() {
        for text in ["", "a/b", "https://a/b", "a b", "https://a?x", ":5000", "http://"] {
            assert!(matches!(text.parse::<Endpoint>(), Err(EndpointError::Host(_))), "{text}");
        }
        assert_eq!("ftp://a".parse::<Endpoint>(), Err(EndpointError::Scheme("ftp".into())));
        for text in ["https://me:hunter2@a", "me:hunter2@a", "https://me@a"] {
            let error = text.parse::<Endpoint>().unwrap_err();
            assert_eq!(error, EndpointError::Userinfo("a".into()));
            assert!(!format!("{error} {error:?}").contains("hunter2"));
        }
    }

    #[test]
    fn credentials_do_not_print_their_password() {
        let credentials = Credentials::new("ci", Secret::new("hunter2".into()));
        assert!(!format!("{credentials:?}").contains("hunter2"));
    }
}
