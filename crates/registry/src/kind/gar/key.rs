//! A service account's key, exchanged for a token of an hour.
//!
//! In: the JSON document of the key. Out: a token for the API. Source: RFC 7523 (JWT as an authorization grant); Google's
//! "Using OAuth 2.0 for server to server applications". Odd: the document names the address of the exchange; the assertion
//! goes to Google's own and to no other, unless the operator said that the API is there.

use std::time::Duration;

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use plimsoll_model::{Secret, Timestamp};
use reqwest::{
    Method, Url,
    header::{CONTENT_TYPE, HeaderValue},
};
use ring::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use rustls_pki_types::{PrivatePkcs8KeyDer, pem::PemObject as _};
use serde::Deserialize;
use serde_json::json;

use crate::{
    access::sensitive,
    api::Api,
    endpoint::{Endpoint, Scheme},
    error::RegistryError,
    http::Call,
};

/// Where Google exchanges assertions for tokens.
const EXCHANGE: &str = "https://oauth2.googleapis.com/token";
/// What is asked for: reading, as far as the account may.
const READ: &str = "https://www.googleapis.com/auth/cloud-platform.read-only";

/// A service account with its key.
pub(super) struct ServiceAccount {
    pub(super) email: String,
    pub(super) project: Option<String>,
    exchange: Url,
    id: String,
    key: RsaKeyPair,
}

impl std::fmt::Debug for ServiceAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServiceAccount").field("email", &self.email).finish_non_exhaustive()
    }
}

/// The origin of Google's exchange.
pub(super) fn usual_endpoint() -> Endpoint {
    Endpoint { scheme: Scheme::Https, host: "oauth2.googleapis.com".to_owned(), port: 443 }
}

#[derive(Deserialize)]
struct Document {
    client_email: String,
    private_key: String,
    #[serde(default)]
    private_key_id: String,
    project_id: Option<String>,
    token_uri: Option<String>,
}

#[derive(Deserialize)]
struct Token {
    access_token: String,
    expires_in: Option<u64>,
}

impl ServiceAccount {
    /// Reads the document, plain or in base64.
    pub(super) fn read(text: &Secret<String>) -> Result<Self, RegistryError> {
        // Whatever is wrong, the text itself is a secret and is not repeated.
        let wrong = |problem: &str| RegistryError::setting("password", problem);
        let text = text.reveal().trim();
        let decoded;
        let json = if text.starts_with('{') {
            text.as_bytes()
        } else {
            decoded = BASE64_STANDARD
                .decode(text)
                .map_err(|_cause| wrong("that is not the JSON document of a key"))?;
            &decoded
        };
        let document: Document = serde_json::from_slice(json)
            .map_err(|_cause| wrong("that is not the JSON document of a service account's key"))?;
        let der = PrivatePkcs8KeyDer::from_pem_slice(document.private_key.as_bytes())
            .map_err(|_cause| wrong("the document's `private_key` is no PEM of PKCS #8"))?;
        let key = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der())
            .map_err(|_cause| wrong("the document's `private_key` is no RSA key"))?;
        let exchange = document.token_uri.as_deref().unwrap_or(EXCHANGE);
        let exchange = Url::parse(exchange)
            .map_err(|_cause| wrong("the document's `token_uri` is not an address"))?;
        Ok(Self {
            email: document.client_email,
            project: document.project_id,
            exchange,
            id: document.private_key_id,
            key,
        })
    }

    /// Whether the document says that the exchange is at `endpoint`.
    pub(super) fn is_at(&self, endpoint: &Endpoint) -> bool {
        Endpoint::of(&self.exchange).is_ok_and(|exchange| exchange == *endpoint)
    }

    /// A token, and how long it lives.
    pub(super) async fn exchange(
        &self,
        api: &Api,
        now: Timestamp,
    ) -> Result<(HeaderValue, Duration), RegistryError> {
        let what = "a token of the service account";
        let url = api.url(&["token"])?;
        let assertion = self.assertion(&url, now).ok_or_else(|| {
            RegistryError::setting("password", "the key of the document does not sign")
        })?;
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")
            .append_pair("assertion", &assertion)
            .finish();
        let mut call = Call::new(Method::POST, url);
        call.headers
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        call.body = Some(form.into_bytes());
        let token: Token = api.secret(call, what).await?;
        let value = sensitive(&format!("Bearer {}", token.access_token))
            .ok_or_else(|| api.protocol(what, "the token is not one"))?;
        Ok((value, Duration::from_secs(token.expires_in.unwrap_or(3_600).min(86_400))))
    }

    /// A signed statement of who asks, good for an hour.
    fn assertion(&self, audience: &Url, now: Timestamp) -> Option<String> {
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": self.id});
        let claims = json!({
            "iss": self.email,
            "scope": READ,
            "aud": audience.as_str(),
            "iat": now.0,
            "exp": now.0.saturating_add(3_600),
        });
        let encode = |value: &serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let mut signature = vec![0; self.key.public().modulus_len()];
        let random = SystemRandom::new();
        self.key.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature).ok()?;
        Some(format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
    }
}
