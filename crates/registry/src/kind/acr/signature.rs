//! Signatures of Alibaba Cloud's APIs: RPC version 1.0 and its sibling for paths (ROA).
//!
//! In: an access key, an action's parameters or a path. Out: a signed request, which counts once. Source: Alibaba Cloud's
//! "Signature method" for RPC and ROA; the RPC example of its documentation is a test below.
//!
//! Odd: values are encoded twice in the signed text; `*` is encoded, `~` is not. In the ROA form the query is signed as it
//! reads, not as it is encoded.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use plimsoll_model::Timestamp;
use reqwest::{
    Url,
    header::{ACCEPT, DATE, HeaderMap, HeaderName, HeaderValue},
};
use ring::{
    hmac::{self, HMAC_SHA1_FOR_LEGACY_USE_ONLY},
    rand::{SecureRandom as _, SystemRandom},
};

use super::AccessKey;
use crate::{
    access::sensitive,
    api::Api,
    error::RegistryError,
    http::{Call, HttpError},
};

/// Parameters of a request.
pub(super) type Parameters<'a> = Vec<(&'a str, String)>;

impl AccessKey {
    /// A signed request for an action of an RPC API.
    pub(super) fn rpc(
        &self,
        api: &Api,
        version: &str,
        action: &str,
        parameters: &Parameters<'_>,
    ) -> Result<Call, RegistryError> {
        let mut all: Parameters<'_> = parameters.clone();
        all.extend([
            ("AccessKeyId", self.id.clone()),
            ("Action", action.to_owned()),
            ("Format", "JSON".to_owned()),
            ("SignatureMethod", "HMAC-SHA1".to_owned()),
            ("SignatureNonce", nonce(api)?),
            ("SignatureVersion", "1.0".to_owned()),
            ("Timestamp", self.now.tell().to_string()),
            ("Version", version.to_owned()),
        ]);
        let signature = self.sign(&rpc_text(&all), "&");
        let mut url = api.url(&[""])?;
        let query = url_query(&all);
        url.set_query(Some(&format!("{query}&Signature={}", encoded(&signature))));
        Ok(Call::get(url))
    }

    /// A signed request for a path of a ROA API.
    pub(super) fn roa(
        &self,
        api: &Api,
        version: &'static str,
        path: &[&str],
        query: &Parameters<'_>,
    ) -> Result<Call, RegistryError> {
        let mut call = Call::get(api.url(path)?);
        if !query.is_empty() {
            call.url.set_query(Some(&url_query(query)));
        }
        let date = http_date(self.now.tell());
        for (name, value) in [
            (ACCEPT, "application/json".to_owned()),
            (DATE, date.clone()),
            (HeaderName::from_static("x-acs-signature-method"), "HMAC-SHA1".to_owned()),
            (HeaderName::from_static("x-acs-signature-nonce"), nonce(api)?),
            (HeaderName::from_static("x-acs-signature-version"), "1.0".to_owned()),
            (HeaderName::from_static("x-acs-version"), version.to_owned()),
        ] {
            let value = HeaderValue::from_str(&value)
                .map_err(|_cause| RegistryError::Name(name.to_string()))?;
            call.headers.insert(name, value);
        }
        let text = roa_text(&call.headers, &date, &call.url, query);
        let authorization = format!("acs {}:{}", self.id, self.sign(&text, ""));
        call.authorization = sensitive(&authorization);
        Ok(call)
    }

    fn sign(&self, text: &str, after_secret: &str) -> String {
        let secret = format!("{}{after_secret}", self.secret.reveal());
        let key = hmac::Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
        BASE64_STANDARD.encode(hmac::sign(&key, text.as_bytes()))
    }
}

/// What an RPC signature is made of.
fn rpc_text(parameters: &Parameters<'_>) -> String {
    format!("GET&{}&{}", encoded("/"), encoded(&url_query(parameters)))
}

/// What a ROA signature is made of: no body, so neither its digest nor its type.
fn roa_text(headers: &HeaderMap, date: &str, url: &Url, query: &Parameters<'_>) -> String {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let mut own: Vec<String> = headers
        .keys()
        .filter(|name| name.as_str().starts_with("x-acs-"))
        .map(|name| format!("{name}:{}\n", text(name).unwrap_or_default()))
        .collect();
    own.sort();
    let mut pairs: Vec<String> =
        query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.sort();
    let mark = if pairs.is_empty() { "" } else { "?" };
    let accept = text(&ACCEPT).unwrap_or_default();
    let (own, pairs) = (own.concat(), pairs.join("&"));
    format!("GET\n{accept}\n\n\n{date}\n{own}{}{mark}{pairs}", url.path())
}

/// Sorted and encoded pairs.
fn url_query(parameters: &Parameters<'_>) -> String {
    let mut pairs: Vec<String> = parameters
        .iter()
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
        .collect();
    pairs.sort();
    pairs.join("&")
}

/// RFC 3986: everything but its unreserved characters is encoded.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

fn http_date(now: Timestamp) -> String {
    let seconds = std::time::Duration::from_secs(u64::try_from(now.0).unwrap_or(0));
    httpdate::fmt_http_date(std::time::UNIX_EPOCH + seconds)
}

/// Never the same twice; the API refuses one that it has seen.
fn nonce(api: &Api) -> Result<String, RegistryError> {
    let mut bytes = [0_u8; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_cause| {
        let problem = "this machine gives no random numbers to sign with".to_owned();
        RegistryError::http(api.endpoint(), HttpError::Setup(problem))
    })?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use plimsoll_model::Secret;

    use super::*;
    use crate::kind::Now;

    fn key() -> AccessKey {
        let now = Now::new(|| "2016-02-23T12:46:24Z".parse().unwrap());
        AccessKey { id: "testid".into(), secret: Secret::new("testsecret".into()), now }
    }

    /// The example of the documentation, `DescribeRegions` of the ECS API.
    #[test]
    fn the_documented_example_of_rpc() {
        let parameters = [
            ("AccessKeyId", "testid"),
            ("Action", "DescribeRegions"),
            ("Format", "XML"),
            ("SignatureMethod", "HMAC-SHA1"),
            ("SignatureNonce", "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf"),
            ("SignatureVersion", "1.0"),
            ("Timestamp", "2016-02-23T12:46:24Z"),
            ("Version", "2014-05-26"),
        ];
        let parameters = parameters.map(|(name, value)| (name, value.to_owned())).to_vec();
        let text = rpc_text(&parameters);
        assert!(text.ends_with("Timestamp%3D2016-02-23T12%253A46%253A24Z%26Version%3D2014-05-26"));
        assert_eq!(key().sign(&text, "&"), "OLeaidS1JvxuMvnyHOwuJ+uX5qY=");
    }

    #[test]
    fn a_path_is_signed_with_its_own_headers_alone() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("x-acs-version", "2016-06-07"),
            ("x-acs-signature-nonce", "n"),
            ("accept", "application/json"),
            ("user-agent", "x"),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        let url = Url::parse("https://cr.cn-hangzhou.aliyuncs.com/repos/a?Page=1").unwrap();
        let query = vec![("PageSize", "100".to_owned()), ("Page", "1".to_owned())];
        let text = roa_text(&headers, &http_date(key().now.tell()), &url, &query);
        assert_eq!(
            text,
            "GET\napplication/json\n\n\nTue, 23 Feb 2016 12:46:24 GMT\nx-acs-signature-nonce:n\n\
             x-acs-version:2016-06-07\n/repos/a?Page=1&PageSize=100"
        );
    }

    #[test]
    fn stars_and_blanks_are_encoded_tildes_are_not() {
        assert_eq!(encoded("a*~ +/é"), "a%2A~%20%2B%2F%C3%A9");
    }
}
