//! The cookies of a log-in and the token of its forms.
//!
//! In: request headers. Out: [`Session`], names and values of cookies. Source: OWASP, "Session Management" and
//! "Cross-Site Request Forgery". Odd: the store keeps sessions by hash; a form's token is derived from the session's id,
//! so it needs no place of its own and ends with the session.

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use ring::rand::{SecureRandom, SystemRandom};

use crate::sha256::sha256;

/// One person's log-in.
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// What every form of this session must carry.
    pub csrf: String,
}

impl Session {
    /// The session of an id that the store knows.
    pub(super) fn of(id: &str) -> Self {
        Self { csrf: sha256(format!("form of {id}").as_bytes()).hex() }
    }
}

/// 256 random bits as text; `None` when the system has none to give.
pub(super) fn random_text() -> Option<String> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes))
}

/// Whether two secrets are the same.
pub(super) fn same(one: &str, other: &str) -> bool {
    !one.is_empty() && sha256(one.as_bytes()) == sha256(other.as_bytes())
}

/// The value of a cookie.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}

/// Names of the two cookies. With TLS they carry `__Host-`, which browsers tie to this host and to https.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cookies {
    /// Whether the console is served with TLS.
    pub secure: bool,
}

impl Cookies {
    /// Holds the session's token.
    pub(super) const fn session(self) -> &'static str {
        if self.secure { "__Host-plimsoll-session" } else { "plimsoll-session" }
    }

    /// Holds what the log-in form must repeat.
    pub(super) const fn login(self) -> &'static str {
        if self.secure { "__Host-plimsoll-login" } else { "plimsoll-login" }
    }

    /// A `Set-Cookie` value that lasts until the browser closes.
    pub(super) fn set(self, name: &str, value: &str) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{secure}")
    }

    /// A `Set-Cookie` value that removes the cookie.
    pub(super) fn clear(self, name: &str) -> String {
        format!("{}; Max-Age=0", self.set(name, ""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forms_token_belongs_to_its_session() {
        let one = random_text().unwrap();
        let other = random_text().unwrap();
        assert_ne!(one, other);
        assert_eq!(one.len(), 43);
        assert!(same(&Session::of(&one).csrf, &Session::of(&one).csrf));
        assert!(!same(&Session::of(&one).csrf, &Session::of(&other).csrf));
        assert!(!same("", ""));
    }

    #[test]
    fn cookies_are_found_by_their_whole_name() {
        let mut headers = HeaderMap::new();
        headers
            .append(header::COOKIE, "xplimsoll-session=no; plimsoll-session=yes".parse().unwrap());
        assert_eq!(cookie(&headers, "plimsoll-session"), Some("yes"));
        assert_eq!(cookie(&headers, "plimsoll"), None);
        let cookies = Cookies { secure: true };
        assert_eq!(
            cookies.set(cookies.session(), "t"),
            "__Host-plimsoll-session=t; Path=/; HttpOnly; SameSite=Strict; Secure"
        );
    }
}
