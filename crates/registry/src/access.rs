//! Getting in: accounts, challenges and tokens of one registry.
//!
//! In: an account or none, and the registry's challenge. Out: the `Authorization` value for a scope. Source: Docker's
//! token authentication (GET with Basic) and its `OAuth2` form (POST), RFC 7617.
//!
//! Odd:
//! * Servers without the GET form answer it with 404 or 405; then the POST form is tried. The user name `<token>` means
//!   that the password is an identity token, which only the POST form takes.
//! * The scope is ours (`repository:<name>:pull`), whatever the challenge says, unless it only renames the repository, as
//!   registries do that serve several under one host. A registry cannot make us fetch a token for more than a pull.
//! * A token without `expires_in` lives 60 s.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use plimsoll_model::Secret;
use reqwest::{
    Method, StatusCode, Url,
    header::{CONTENT_TYPE, HeaderValue},
};
use serde::Deserialize;
use tokio::time::Instant;

use crate::{
    challenge::Challenge,
    endpoint::Credentials,
    error::{RegistryError, message_without, secrets_in},
    http::{Call, Session},
    realm::{self, RealmTrust},
};

/// A token document; real ones have a few KiB.
const MAX_TOKEN_BYTES: u64 = 256 << 10;
/// A token is no longer used this long before its end, so that it does not expire on the way.
const SKEW: Duration = Duration::from_secs(10);
/// Tokens kept; a registry with more repositories fetches some again.
const MAX_TOKENS: usize = 4_096;

/// What a request wants to do, in the words of token scopes.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Scope {
    /// Only to be let in: `GET /v2/`.
    Ping,
    /// The list of repositories.
    Catalog,
    /// Reading one repository.
    Pull(String),
}

impl Scope {
    fn own(&self) -> Option<String> {
        match self {
            Self::Ping => None,
            Self::Catalog => Some("registry:catalog:*".into()),
            Self::Pull(repository) => Some(format!("repository:{repository}:pull")),
        }
    }

    /// The scope to ask for, given the registry's wish.
    fn ask(&self, wished: Option<&str>) -> Option<String> {
        let renamed = match (self, wished) {
            (Self::Pull(repository), Some(wished)) => wished
                .strip_prefix("repository:")
                .and_then(|rest| rest.strip_suffix(":pull"))
                .filter(|name| {
                    name.ends_with(&format!("/{repository}"))
                        || repository.ends_with(&format!("/{name}"))
                })
                .map(|_name| wished.to_owned()),
            _ => None,
        };
        renamed.or_else(|| self.own())
    }

    /// For messages.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Ping => "the registry".into(),
            Self::Catalog => "the list of repositories".into(),
            Self::Pull(repository) => format!("repository `{repository}`"),
        }
    }
}

/// One account's (or nobody's) way into one registry.
#[derive(Debug)]
pub(crate) struct Access {
    credentials: Option<Credentials>,
    /// A token that somebody else fetched: sent as it is, and never exchanged for another.
    bearer: Option<Secret<String>>,
    tokens: Mutex<HashMap<Scope, Token>>,
}

#[derive(Clone, Debug)]
enum Token {
    /// The registry takes the account itself.
    Basic,
    Bearer {
        value: Secret<String>,
        expires: Instant,
    },
}

impl Access {
    pub(crate) fn new(credentials: Option<Credentials>) -> Self {
        Self { credentials, bearer: None, tokens: Mutex::new(HashMap::new()) }
    }

    pub(crate) fn with_bearer(token: Secret<String>) -> Self {
        Self { bearer: Some(token), ..Self::new(None) }
    }

    /// For messages: who asks.
    pub(crate) fn who(&self) -> String {
        match (&self.credentials, &self.bearer) {
            (Some(credentials), _) => format!("the account `{}`", credentials.username),
            (None, Some(_token)) => "the token that came along".into(),
            (None, None) => "anonymous access".into(),
        }
    }

    /// A registry's own words, as [`message_of`](crate::error::message_of) reads them, without our secrets.
    pub(crate) fn message_of(&self, body: &[u8]) -> String {
        let mut secrets: Vec<String> = Vec::new();
        if let Some(credentials) = &self.credentials {
            secrets.push(credentials.password.reveal().clone());
            secrets.extend(secrets_in(basic(credentials).as_ref()));
        }
        secrets.extend(self.bearer.iter().map(|token| token.reveal().clone()));
        let tokens = self.lock();
        secrets.extend(tokens.values().filter_map(|token| match token {
            Token::Basic => None,
            Token::Bearer { value, .. } => Some(value.reveal().clone()),
        }));
        drop(tokens);
        message_without(body, secrets.iter().map(String::as_str))
    }

    /// What is known to let `scope` in; nothing before the first challenge.
    pub(crate) fn authorization(&self, scope: &Scope) -> Option<HeaderValue> {
        if let Some(token) = &self.bearer {
            return sensitive(&format!("Bearer {}", token.reveal()));
        }
        let token = self.lock().get(scope).cloned()?;
        match token {
            Token::Basic => basic(self.credentials.as_ref()?),
            Token::Bearer { value, expires } if expires > Instant::now() => {
                sensitive(&format!("Bearer {}", value.reveal()))
            }
            Token::Bearer { .. } => None,
        }
    }

    /// Meets one of `challenges` and remembers how. `None`: nothing that we could offer.
    pub(crate) async fn meet(
        &self,
        session: &Session,
        scope: &Scope,
        challenges: &[Challenge],
    ) -> Result<Option<HeaderValue>, RegistryError> {
        if self.bearer.is_some() {
            return Ok(None);
        }
        let bearer = challenges.iter().find_map(|challenge| match challenge {
            Challenge::Bearer { realm, service, scope } => {
                Some((realm.as_str(), service.as_deref(), scope.as_deref()))
            }
            Challenge::Basic => None,
        });
        let token = match bearer {
            Some((realm, service, wished)) => {
                let ask = scope.ask(wished);
                self.fetch_token(session, realm, service, ask.as_deref()).await?
            }
            None if challenges.contains(&Challenge::Basic) && self.credentials.is_some() => {
                Token::Basic
            }
            None => return Ok(None),
        };
        let mut tokens = self.lock();
        if tokens.len() >= MAX_TOKENS {
            tokens.clear();
        }
        tokens.insert(scope.clone(), token);
        drop(tokens);
        Ok(self.authorization(scope))
    }

    async fn fetch_token(
        &self,
        session: &Session,
        realm: &str,
        service: Option<&str>,
        scope: Option<&str>,
    ) -> Result<Token, RegistryError> {
        let registry = session.home();
        let refuse = |realm: String, problem: String| RegistryError::Realm {
            registry: Box::new(registry.clone()),
            realm,
            problem,
        };
        let url =
            Url::parse(realm).map_err(|_cause| refuse("?".into(), "that is not a URL".into()))?;
        let shown = url.host_str().unwrap_or("?").to_owned();
        let credentials = self.credentials.as_ref();
        match realm::judge(registry, &url, credentials) {
            Ok(RealmTrust::Anonymous) if credentials.is_some() => {
                return Err(refuse(shown, "the account is not sent to that host".into()));
            }
            Ok(_) => {}
            Err(problem) => return Err(refuse(shown, problem)),
        }
        let request = TokenRequest { url, service, scope, credentials };
        let identity = credentials.filter(|credentials| credentials.username == "<token>");
        let mut form = identity.is_some();
        loop {
            let call = if form { request.post() } else { request.get() };
            let http = |source| RegistryError::http(registry, source);
            let (status, _, body) = session.document(&call, MAX_TOKEN_BYTES).await.map_err(http)?;
            match status {
                StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED
                    if !form && credentials.is_some() =>
                {
                    form = true;
                }
                StatusCode::OK => {
                    return token_in(&body).map_err(|problem| refuse(shown, problem));
                }
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST => {
                    return Err(RegistryError::Refused {
                        registry: Box::new(registry.clone()),
                        who: self.who(),
                        what: format!("a token of `{shown}`"),
                        status: status.as_u16(),
                        message: self.message_of(&body),
                    });
                }
                other => {
                    return Err(refuse(
                        shown,
                        format!("it answers {}{}", other.as_u16(), self.message_of(&body)),
                    ));
                }
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Scope, Token>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct TokenRequest<'a> {
    url: Url,
    service: Option<&'a str>,
    scope: Option<&'a str>,
    credentials: Option<&'a Credentials>,
}

impl TokenRequest<'_> {
    fn get(&self) -> Call {
        let mut url = self.url.clone();
        {
            let mut query = url.query_pairs_mut();
            for (name, value) in [("service", self.service), ("scope", self.scope)] {
                if let Some(value) = value {
                    query.append_pair(name, value);
                }
            }
        }
        Call { authorization: self.credentials.and_then(basic), ..Call::get(url) }
    }

    fn post(&self) -> Call {
        let mut form = url_form();
        if let Some(credentials) = self.credentials {
            let password = credentials.password.reveal();
            if credentials.username == "<token>" {
                form.append_pair("grant_type", "refresh_token");
                form.append_pair("refresh_token", password);
            } else {
                form.append_pair("grant_type", "password");
                form.append_pair("username", &credentials.username);
                form.append_pair("password", password);
            }
        }
        form.append_pair("client_id", "plimsoll");
        for (name, value) in [("service", self.service), ("scope", self.scope)] {
            if let Some(value) = value {
                form.append_pair(name, value);
            }
        }
        let mut call = Call::new(Method::POST, self.url.clone());
        call.headers
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        call.body = Some(form.finish().into_bytes());
        call
    }
}

fn url_form() -> form_urlencoded::Serializer<'static, String> {
    form_urlencoded::Serializer::new(String::new())
}

pub(crate) fn basic(credentials: &Credentials) -> Option<HeaderValue> {
    let pair = format!("{}:{}", credentials.username, credentials.password.reveal());
    sensitive(&format!("Basic {}", BASE64_STANDARD.encode(pair)))
}

pub(crate) fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn token_in(body: &[u8]) -> Result<Token, String> {
    #[derive(Deserialize)]
    struct Document {
        token: Option<String>,
        access_token: Option<String>,
        expires_in: Option<u64>,
    }
    // The parser's message could repeat a piece of the token, so it is not passed on.
    let document: Document = serde_json::from_slice(body)
        .map_err(|_cause| "its answer is not a token document".to_owned())?;
    let value = document
        .token
        .or(document.access_token)
        .filter(|value| !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_graphic()))
        .ok_or_else(|| "its answer has no token".to_owned())?;
    let lifetime = Duration::from_secs(document.expires_in.unwrap_or(60).clamp(60, 86_400));
    Ok(Token::Bearer { value: Secret::new(value), expires: Instant::now() + (lifetime - SKEW) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_cannot_widen_the_scope() {
        let scope = Scope::Pull("team/app".into());
        let own = "repository:team/app:pull";
        for (wished, wanted) in [
            (None, own),
            (Some("repository:team/app:pull"), own),
            (Some("repository:team/app:pull,push"), own),
            (Some("repository:other/private:pull"), own),
            (Some("repository:*:pull"), own),
            (Some("registry:catalog:*"), own),
            (Some("repository:virtual/team/app:pull"), "repository:virtual/team/app:pull"),
            (Some("repository:app:pull"), "repository:app:pull"),
        ] {
            assert_eq!(scope.ask(wished).as_deref(), Some(wanted), "{wished:?}");
        }
        assert_eq!(Scope::Catalog.ask(Some("x")).as_deref(), Some("registry:catalog:*"));
        assert_eq!(Scope::Ping.ask(Some("registry:catalog:*")), None);
    }

    #[test]
    fn token_documents_of_both_forms() {
        for (body, wanted) in [
            (r#"{"token":"abc"}"#, Ok(())),
            (r#"{"access_token":"abc","expires_in":300,"issued_at":"x"}"#, Ok(())),
            (r#"{"token":"","expires_in":1}"#, Err("its answer has no token")),
            (r#"{"token":"a\nb"}"#, Err("its answer has no token")),
            (r#"{}"#, Err("its answer has no token")),
            ("secret-token", Err("its answer is not a token document")),
        ] {
            assert_eq!(token_in(body.as_bytes()).map(|_token| ()), wanted.map_err(str::to_owned));
        }
    }

    #[test]
    fn access_does_not_print_its_account() {
        let access = Access::new(Some(Credentials::new("ci", Secret::new("hunter2".into()))));
        access.lock().insert(
            Scope::Ping,
            Token::Bearer { value: Secret::new("t0ken".into()), expires: Instant::now() },
        );
        let printed = format!("{access:?}");
        assert!(!printed.contains("hunter2") && !printed.contains("t0ken"), "{printed}");
    }
}
