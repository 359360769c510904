//! Why a registry did not give what it was asked for.
//!
//! In: HTTP errors, statuses, the registry's own error documents. Out: [`RegistryError`], which names registry,
//! repository, status and, through [`RegistryError::hint`], the remedy. Source: OCI distribution-spec, "Error codes".
//! Odd: the registry's own message is text from outside: it is cut to 300 characters, and control characters go.

use std::time::Duration;

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD},
};
use plimsoll_image::DocumentError;
use plimsoll_model::Digest;
use reqwest::header::HeaderValue;
use serde_json::Value;

use crate::{endpoint::Endpoint, http::HttpError};

/// Why a registry did not give what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// No answer, or none that may be read.
    #[error("registry `{registry}`: {source}")]
    Http {
        /// The registry.
        registry: Box<Endpoint>,
        /// What failed.
        source: Box<HttpError>,
    },
    /// 401 or 403: the account, or having none, is not enough.
    #[error("registry `{registry}` refused {who} for {what} ({status}){message}")]
    Refused {
        /// The registry.
        registry: Box<Endpoint>,
        /// ``the account `ci` `` or `anonymous access`.
        who: String,
        /// What was asked for, such as ``repository `team/app` ``.
        what: String,
        /// HTTP status.
        status: u16,
        /// The registry's own words, with a leading `: `; may be empty.
        message: String,
    },
    /// The account may not be sent where the registry wants it sent.
    #[error("registry `{registry}` wants tokens fetched from `{realm}`: {problem}")]
    Realm {
        /// The registry.
        registry: Box<Endpoint>,
        /// The token service, without path and query.
        realm: String,
        /// Why not.
        problem: String,
    },
    /// 404: no such repository, tag or blob, or none that this account may see.
    #[error("registry `{registry}` has no {what}{message}")]
    NotFound {
        /// The registry.
        registry: Box<Endpoint>,
        /// What was asked for.
        what: String,
        /// The registry's own words, with a leading `: `; may be empty.
        message: String,
    },
    /// 429, or 503 with a date: come back later.
    #[error("registry `{registry}` limits requests (for {what}){message}")]
    RateLimited {
        /// The registry.
        registry: Box<Endpoint>,
        /// What was asked for.
        what: String,
        /// When to come back, if the registry says so.
        retry_after: Option<Duration>,
        /// The registry's own words, with a leading `: `; may be empty.
        message: String,
    },
    /// Any other status that is not success.
    #[error("registry `{registry}` answered {status} for {what}{message}")]
    Status {
        /// The registry.
        registry: Box<Endpoint>,
        /// What was asked for.
        what: String,
        /// HTTP status.
        status: u16,
        /// The registry's own words, with a leading `: `; may be empty.
        message: String,
    },
    /// An answer that breaks the protocol.
    #[error("registry `{registry}`, {what}: {problem}")]
    Protocol {
        /// The registry.
        registry: Box<Endpoint>,
        /// What was asked for.
        what: String,
        /// What is wrong with the answer.
        problem: String,
    },
    /// The bytes are not those that the digest names.
    #[error("registry `{registry}`, {what}: the bytes have digest {actual}, expected {expected}")]
    Digest {
        /// The registry.
        registry: Box<Endpoint>,
        /// What was asked for.
        what: String,
        /// What the request or the `Docker-Content-Digest` header says.
        expected: Digest,
        /// What was computed.
        actual: Digest,
    },
    /// A manifest, index or configuration that is refused.
    #[error("registry `{registry}`, {what}: {source}")]
    Document {
        /// The registry.
        registry: Box<Endpoint>,
        /// What was asked for.
        what: String,
        /// What is wrong with it.
        source: Box<DocumentError>,
    },
    /// Not an image: a signature, SBOM, chart or other artifact.
    #[error("registry `{registry}`, {what}: it is not an image but `{media_type}`")]
    NotAnImage {
        /// The registry.
        registry: Box<Endpoint>,
        /// What was asked for.
        what: String,
        /// What it says that it is.
        media_type: String,
    },
    /// Something that an operator must say, or said wrongly, for this kind of registry.
    #[error("`{field}`: {problem}")]
    Setting {
        /// Which field of the kind.
        field: &'static str,
        /// What is wrong, with the remedy.
        problem: String,
    },
    /// A name that cannot be a repository, tag or digest.
    #[error("`{0}` is not the name of a repository, tag or digest")]
    Name(String),
}

impl RegistryError {
    pub(crate) fn setting(field: &'static str, problem: impl Into<String>) -> Self {
        Self::Setting { field, problem: problem.into() }
    }

    pub(crate) fn http(registry: &Endpoint, source: HttpError) -> Self {
        Self::Http { registry: Box::new(registry.clone()), source: Box::new(source) }
    }

    /// What the operator can do about it, as one sentence.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Http { source, .. } => source.hint().map(str::to_owned),
            Self::Refused { who, .. } if who.starts_with("anonymous") => Some(
                "give an account that may pull, with `--username` and `--password-file`".into(),
            ),
            Self::Refused { .. } => {
                Some("check user name and password, and that the account may pull".into())
            }
            Self::Realm { realm, .. } => Some(format!(
                "the account goes to token services of the registry's own domain only; use an account that `{realm}` \
                 does not need, or allow that host for the registry"
            )),
            Self::NotFound { .. } => Some(
                "check the spelling; private repositories look like this without an account".into(),
            ),
            Self::RateLimited { retry_after: Some(wait), .. } => {
                Some(format!("try again in {} s, or with an account", wait.as_secs()))
            }
            Self::RateLimited { .. } => Some("try again later, or with an account".into()),
            _ => None,
        }
    }

    /// Whether the same request may succeed later without anybody changing anything.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::RateLimited { .. } => true,
            Self::Status { status, .. } => *status >= 500,
            Self::Http { source, .. } => matches!(
                **source,
                HttpError::Connect { .. } | HttpError::Timeout { .. } | HttpError::Cut { .. }
            ),
            _ => false,
        }
    }
}

/// The registry's own words out of an error document, with a leading `: `, or nothing.
///
/// Source: distribution-spec, "Error codes"; the error documents of the APIs in `kind/`, which agree on nothing.
pub(crate) fn message_of(body: &[u8]) -> String {
    message_without(body, [])
}

/// The same without our secrets, should the registry repeat them.
pub(crate) fn message_without<'a>(
    body: &[u8],
    secrets: impl IntoIterator<Item = &'a str>,
) -> String {
    let text = match serde_json::from_slice::<Value>(body) {
        Ok(document) => words_of(&document),
        // Docker Hub's abuse limiter answers in plain text; a proxy's HTML page says nothing.
        Err(_) => String::from_utf8_lossy(body).lines().next().unwrap_or_default().to_owned(),
    };
    let text = text.chars().filter(|c| !c.is_control()).collect();
    // Before it is cut: half a secret is one, too.
    let text: String = conceal(text, secrets).chars().take(300).collect();
    if text.trim().is_empty() || text.trim_start().starts_with('<') {
        String::new()
    } else {
        format!(": {}", text.trim())
    }
}

/// What is shorter could stand in any sentence, and keeps nobody out.
const SHORTEST_SECRET: usize = 4;

/// The text without our secrets, should a registry repeat them: as they are, in Base64, percent-encoded, in hexadecimal.
pub(crate) fn conceal<'a>(text: String, secrets: impl IntoIterator<Item = &'a str>) -> String {
    if text.is_empty() {
        return text;
    }
    let mut forms: Vec<String> = Vec::new();
    for secret in secrets.into_iter().filter(|secret| secret.len() >= SHORTEST_SECRET) {
        let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        forms.extend([
            secret.to_owned(),
            BASE64_STANDARD.encode(secret),
            BASE64_STANDARD_NO_PAD.encode(secret),
            BASE64_URL_SAFE_NO_PAD.encode(secret),
            form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
            hex.to_uppercase(),
            hex,
        ]);
    }
    // The longest first, so that no rest of a form stays behind a shorter one.
    forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    forms.iter().fold(text, |text, form| text.replace(form.as_str(), "…"))
}

/// What an `Authorization` value proves itself with: the value's second word, and of Basic what is in it.
pub(crate) fn secrets_in(authorization: Option<&HeaderValue>) -> Vec<String> {
    let Some(text) = authorization.and_then(|value| value.to_str().ok()) else { return Vec::new() };
    let Some((scheme, word)) = text.split_once(' ') else { return vec![text.to_owned()] };
    let mut secrets = vec![word.to_owned()];
    if scheme.eq_ignore_ascii_case("basic")
        && let Some(pair) =
            BASE64_STANDARD.decode(word).ok().and_then(|b| String::from_utf8(b).ok())
        && let Some((_, password)) = pair.split_once(':')
    {
        let password = password.to_owned();
        secrets.extend([pair, password]);
    }
    secrets
}

/// Where error documents keep their code.
const CODES: [&str; 4] = ["code", "Code", "error_type", "__type"];
/// Where they keep their words, the best first.
const WORDS: [&str; 8] = [
    "message",
    "Message",
    "error_message",
    "detail",
    "details",
    "error_description",
    "title",
    "error",
];

fn words_of(document: &Value) -> String {
    if let Some(first) = document.get("errors").and_then(|errors| errors.get(0)) {
        return words_of(first);
    }
    let word = |names: &[&str]| {
        let found = names.iter().find_map(|name| document.get(*name)?.as_str());
        found.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    match (word(&CODES), word(&WORDS)) {
        (Some(code), Some(message)) => format!("{code} {message}"),
        (code, message) => message.or(code).unwrap_or_else(|| match document.get("error") {
            // Google's: `{"error": {"code": 403, "message": "…"}}`; one step and no further.
            Some(inner @ Value::Object(_)) => {
                let words = WORDS.iter().find_map(|name| inner.get(*name)?.as_str());
                words.unwrap_or_default().to_owned()
            }
            _ => String::new(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registrys_words_are_cut_and_cleaned() {
        let long = "x".repeat(1_000);
        for (body, wanted) in [
            (r#"{"errors":[{"code":"DENIED","message":"no"}]}"#, ": DENIED no"),
            (r#"{"errors":[{"message":"no"}]}"#, ": no"),
            (r#"{"errors":[]}"#, ""),
            (r#"{"details":"incorrect username or password"}"#, ": incorrect username or password"),
            (
                r#"{"Code":"NoPrivilege","Message":"Access denied."}"#,
                ": NoPrivilege Access denied.",
            ),
            (
                r#"{"title":"insufficient_scope","error_type":"insufficient_scope","detail":"No"}"#,
                ": insufficient_scope No",
            ),
            (r#"{"error":{"code":403,"message":"no permission"}}"#, ": no permission"),
            (r#"{"message":"401 Unauthorized"}"#, ": 401 Unauthorized"),
            (r#"{"__type":"AccessDeniedException","message":"x"}"#, ": AccessDeniedException x"),
            (r#"{"error":"invalid_token"}"#, ": invalid_token"),
            (r#"[1]"#, ""),
            ("Too Many Requests\n", ": Too Many Requests"),
            ("a\u{1b}[31mb", ": a[31mb"),
            ("<html>", ""),
            ("", ""),
        ] {
            assert_eq!(message_of(body.as_bytes()), wanted, "{body}");
        }
        assert_eq!(message_of(long.as_bytes()).len(), 302);
    }

    #[test]
    fn a_secret_that_is_repeated_is_taken_out_in_every_form() {
        let secret = "p/a ss:word";
        for form in [
            "p/a ss:word",
            "cC9hIHNzOndvcmQ=",
            "cC9hIHNzOndvcmQ",
            "p%2Fa+ss%3Aword",
            "702f612073733a776f7264",
            "702F612073733A776F7264",
        ] {
            let text = format!("DENIED {form} is wrong");
            assert_eq!(conceal(text, [secret]), "DENIED … is wrong", "{form}");
        }
        assert_eq!(conceal("no such tag".into(), ["", "no"]), "no such tag");
    }

    #[test]
    fn an_authorization_holds_its_word_and_its_password() {
        let basic = HeaderValue::from_static("Basic Y2k6aHVudGVyMg==");
        assert_eq!(secrets_in(Some(&basic)), ["Y2k6aHVudGVyMg==", "ci:hunter2", "hunter2"]);
        let bearer = HeaderValue::from_static("Bearer t0ken");
        assert_eq!(secrets_in(Some(&bearer)), ["t0ken"]);
        assert!(secrets_in(None).is_empty());
    }
}
