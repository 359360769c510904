//! Objects of an S3-compatible store, one at a time.
//!
//! In: where the bucket is, an access key, the time. Out: an object's bytes, or an object kept. Source: Amazon S3 API reference,
//! `GetObject` and `PutObject`; AWS, "Signature Version 4". Odd:
//! * Addresses are path-style (`https://host/bucket/name`), which every such store understands.
//! * The whole body is signed, so that what arrives is what was sent even where TLS ends before the store.
//! * A request is never sent on to another address: a bucket of another region is told as what it is.

mod signature;

use plimsoll_model::{Secret, Timestamp};
use reqwest::{
    Method, StatusCode, Url,
    header::{HeaderName, HeaderValue},
};

use crate::{
    endpoint::{Endpoint, EndpointError, Scheme},
    http::{Call, HttpClient, HttpError, Session},
};

/// What is read of an answer that is no object.
const MAX_PROBLEM_BYTES: u64 = 16 << 10;

/// Who asks.
#[derive(Clone, Debug)]
pub struct BucketKey {
    /// The access key's id.
    pub id: String,
    /// Its secret.
    pub secret: Secret<String>,
    /// What temporary keys come with.
    pub token: Option<Secret<String>>,
}

/// Which bucket.
#[derive(Clone, Debug)]
pub struct BucketPlace {
    /// `https://s3.eu-central-1.amazonaws.com`, `http://127.0.0.1:9000`.
    pub endpoint: String,
    /// The region that requests are signed for.
    pub region: String,
    /// Its name.
    pub bucket: String,
    /// What stands before each object's name; may be empty.
    pub prefix: String,
    /// Speak plain http to a host that is not this machine.
    pub plain_http: bool,
}

/// A bucket. Nothing is sent when it is made.
#[derive(Clone, Debug)]
pub struct Bucket {
    session: Session,
    base: Url,
    place: BucketPlace,
    key: BucketKey,
}

/// Why an object was not read or kept.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    /// The address is not one.
    #[error("bucket address: {0}")]
    Address(#[from] EndpointError),
    /// A bucket's or object's name that cannot be.
    #[error("`{0}` cannot be the name of a bucket or an object")]
    Name(String),
    /// There is no answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The store refused.
    #[error("`{endpoint}` answered {status} for bucket `{bucket}`: {code}")]
    Status {
        /// The store.
        endpoint: Endpoint,
        /// The bucket.
        bucket: String,
        /// HTTP status.
        status: u16,
        /// The store's own word: `AccessDenied`.
        code: String,
    },
}

impl Bucket {
    /// A bucket at an address.
    ///
    /// # Errors
    /// The address is none, or is plain http to another machine although that is not meant; a name cannot be.
    pub fn new(place: BucketPlace, key: BucketKey, http: &HttpClient) -> Result<Self, BucketError> {
        let endpoint = Endpoint::parse(place.endpoint.trim(), place.plain_http)?;
        if endpoint.scheme == Scheme::Http && !endpoint.is_loopback() && !place.plain_http {
            return Err(HttpError::Unencrypted(endpoint).into());
        }
        let is_bucket = |name: &str| {
            (3..=63).contains(&name.len())
                && name.bytes().all(|byte| {
                    byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte)
                })
        };
        if !is_bucket(&place.bucket) {
            return Err(BucketError::Name(place.bucket));
        }
        if !place.prefix.is_empty() && !is_name(&place.prefix) {
            return Err(BucketError::Name(place.prefix));
        }
        let base = Url::parse(&endpoint.to_string())
            .map_err(|_cause| EndpointError::Host(place.endpoint.clone()))?;
        Ok(Self { session: http.session(&endpoint)?, base, place, key })
    }

    /// An object's bytes, at most `limit`; `None`: there is none.
    ///
    /// # Errors
    /// The store does not answer or refuses, or the object is larger.
    pub async fn get(
        &self,
        name: &str,
        limit: u64,
        now: Timestamp,
    ) -> Result<Option<Vec<u8>>, BucketError> {
        let call = self.call(Method::GET, name, None, now)?;
        let (status, _, body) = self.session.document(&call, limit.max(MAX_PROBLEM_BYTES)).await?;
        match status {
            StatusCode::OK => Ok(Some(body)),
            // A missing bucket is 404, too, and must not pass for an empty one.
            StatusCode::NOT_FOUND if code(&body) != "NoSuchBucket" => Ok(None),
            status => Err(self.refused(status, &body)),
        }
    }

    /// Keeps an object, or replaces it.
    ///
    /// # Errors
    /// The store does not answer or refuses.
    pub async fn put(&self, name: &str, body: Vec<u8>, now: Timestamp) -> Result<(), BucketError> {
        let call = self.call(Method::PUT, name, Some(body), now)?;
        let (status, _, body) = self.session.document(&call, MAX_PROBLEM_BYTES).await?;
        if status.is_success() { Ok(()) } else { Err(self.refused(status, &body)) }
    }

    fn call(
        &self,
        method: Method,
        name: &str,
        body: Option<Vec<u8>>,
        now: Timestamp,
    ) -> Result<Call, BucketError> {
        if !is_name(name) {
            return Err(BucketError::Name(name.to_owned()));
        }
        let prefix = self.place.prefix.trim_matches('/');
        let slash = if prefix.is_empty() { "" } else { "/" };
        let path = format!("/{}/{prefix}{slash}{name}", self.place.bucket);
        let mut url = self.base.clone();
        url.set_path(&path);
        let moment = signature::moment(now);
        let content = signature::sha256(body.as_deref().unwrap_or_default());
        let host = host(&url);
        // In the order of their names, as they are signed.
        let mut headers = vec![
            ("host", host.as_str()),
            ("x-amz-content-sha256", content.as_str()),
            ("x-amz-date", moment.as_str()),
        ];
        if let Some(token) = &self.key.token {
            headers.push(("x-amz-security-token", token.reveal()));
        }
        let request = signature::Request {
            method: method.as_str(),
            path: url.path(),
            query: "",
            headers: &headers,
            content: &content,
        };
        let authorization =
            signature::authorization(&request, &self.key, &self.place.region, &moment);
        let mut call = Call::new(method, url.clone());
        for (name, value) in headers.iter().filter(|(name, _)| *name != "host") {
            let mut value = HeaderValue::from_str(value)
                .map_err(|_cause| BucketError::Name((*name).to_owned()))?;
            value.set_sensitive(*name == "x-amz-security-token");
            let name = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_cause| BucketError::Name((*name).to_owned()))?;
            call.headers.insert(name, value);
        }
        let authorization = HeaderValue::from_str(&authorization)
            .map_err(|_cause| BucketError::Name(self.key.id.clone()))?;
        call.authorization = Some(authorization);
        call.body = body;
        call.is_bound = true;
        Ok(call)
    }

    fn refused(&self, status: StatusCode, body: &[u8]) -> BucketError {
        BucketError::Status {
            endpoint: self.session.home().clone(),
            bucket: self.place.bucket.clone(),
            status: status.as_u16(),
            code: code(body),
        }
    }
}

/// Names that need no escaping in an address, and lead nowhere else.
fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
    name.len() <= 900
        && name.bytes().all(is_plain)
        && name.trim_matches('/').split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// What the client will say as `Host`.
fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// The word in `<Code>` of an answer, as far as it is one.
fn code(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let word = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    let word = word.map(|(word, _)| word).unwrap_or_default();
    word.chars().filter(char::is_ascii_alphanumeric).take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::HttpOptions;

    fn place(bucket: &str, prefix: &str) -> BucketPlace {
        BucketPlace {
            endpoint: "http://127.0.0.1:9000".into(),
            region: "us-east-1".into(),
            bucket: bucket.into(),
            prefix: prefix.into(),
            plain_http: false,
        }
    }

    fn key() -> BucketKey {
        BucketKey {
            id: "AKIDEXAMPLE".into(),
            secret: Secret::new("canary".into()),
            token: Some(Secret::new("canary-token".into())),
        }
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused_and_secrets_are_not_shown() {
        let http = HttpClient::new(HttpOptions::default()).unwrap();
        for (bucket, prefix) in
            [("a", ""), ("Layers", ""), ("a/b", ""), ("layers", "../x"), ("layers", "a?b")]
        {
            let refused = Bucket::new(place(bucket, prefix), key(), &http);
            assert!(matches!(refused, Err(BucketError::Name(_))), "{bucket} {prefix}");
        }
        let elsewhere = BucketPlace { endpoint: "http://s3.test".into(), ..place("layers", "") };
        let refused = Bucket::new(elsewhere, key(), &http);
        assert!(refused.is_err(), "plain http to another machine");
        let bucket = Bucket::new(place("layers", "site/one"), key(), &http).unwrap();
        let now = Timestamp(1_795_600_000);
        for name in ["", "..", "a/../b", "a b", "a?x", "ä"] {
            assert!(bucket.call(Method::GET, name, None, now).is_err(), "{name}");
        }
        let call = bucket.call(Method::PUT, "ab/cd.ef", Some(b"x".to_vec()), now).unwrap();
        assert_eq!(call.url.as_str(), "http://127.0.0.1:9000/layers/site/one/ab/cd.ef");
        assert!(!format!("{bucket:?}").contains("canary"));
    }

    #[test]
    fn only_the_word_of_an_answer_is_repeated() {
        assert_eq!(code(b"<?xml?><Error><Code>AccessDenied</Code></Error>"), "AccessDenied");
        assert_eq!(code(b"<Code>\x1b[31m<x></Code>"), "31mx");
        assert_eq!(code(b"nothing"), "");
    }
}
