//! Posting a document to an address that an operator configured: webhooks and chats.
//!
//! In: an address, which may hold a token, and a body with its headers. Out: the answer's status and its first 64 KiB. Source: RFC
//! 9110 §9.3.3. Odd: nothing is sent on to another address, whatever the answer says; errors name the origin alone.

use std::time::Duration;

use plimsoll_model::Secret;
use reqwest::{
    Method, Url,
    header::{HeaderName, HeaderValue},
};

use crate::{
    client::retry_after,
    endpoint::{Endpoint, EndpointError, Scheme},
    http::{Call, HttpClient, HttpError, Session},
};

/// What is read of an answer.
const MAX_ANSWER_BYTES: u64 = 64 << 10;

/// An address that documents are posted to.
#[derive(Clone, Debug)]
pub struct PostClient {
    session: Session,
    url: Secret<Url>,
}

/// A document.
#[derive(Clone, Debug, Default)]
pub struct Post {
    /// Headers besides those that every request has; a value that no header can have is left out.
    pub headers: Vec<(&'static str, String)>,
    /// What is added to the address's query.
    pub query: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// What came back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Posted {
    /// HTTP status.
    pub status: u16,
    /// The first part of the body.
    pub body: Vec<u8>,
    /// When the receiver wants to be asked again.
    pub retry_after: Option<Duration>,
}

impl PostClient {
    /// A client for one address. Nothing is sent yet.
    ///
    /// # Errors
    /// The address is no http or https address, holds a user name or password, or speaks plain http to another machine while
    /// `plain_http` does not allow it.
    pub fn new(
        url: &Secret<String>,
        plain_http: bool,
        http: &HttpClient,
    ) -> Result<Self, HttpError> {
        let (url, endpoint) = parsed(url.reveal(), plain_http)?;
        Ok(Self { session: http.session(&endpoint)?, url: Secret::new(url) })
    }

    /// Posts a body with headers whose names are known only when the program runs, as where an operator says them.
    ///
    /// # Errors
    /// There is no answer, or the address may not be connected to. A header that cannot be is left out.
    pub async fn post_with(
        &self,
        headers: &[(String, String)],
        body: Vec<u8>,
    ) -> Result<Posted, HttpError> {
        let mut call = Call::new(Method::POST, self.url.reveal().clone());
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).ok();
            if let (Ok(name), Some(mut value)) = (HeaderName::from_bytes(name.as_bytes()), value) {
                value.set_sensitive(true);
                call.headers.insert(name, value);
            }
        }
        call.body = Some(body);
        let (status, headers, body) = self.session.document(&call, MAX_ANSWER_BYTES).await?;
        Ok(Posted { status: status.as_u16(), body, retry_after: retry_after(&headers) })
    }

    /// Posts a document.
    ///
    /// # Errors
    /// There is no answer, or the address may not be connected to.
    pub async fn post(&self, post: Post) -> Result<Posted, HttpError> {
        let mut url = self.url.reveal().clone();
        if !post.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&post.query);
        }
        let mut call = Call::new(Method::POST, url);
        for (name, value) in post.headers {
            let value = HeaderValue::from_str(&value).ok();
            if let (Ok(name), Some(value)) = (HeaderName::from_bytes(name.as_bytes()), value) {
                call.headers.insert(name, value);
            }
        }
        call.body = Some(post.body);
        let (status, headers, body) = self.session.document(&call, MAX_ANSWER_BYTES).await?;
        Ok(Posted { status: status.as_u16(), body, retry_after: retry_after(&headers) })
    }
}

/// The origin of an address, which is all of it that may be shown.
///
/// # Errors
/// As [`PostClient::new`].
pub fn origin(url: &Secret<String>, plain_http: bool) -> Result<Endpoint, HttpError> {
    parsed(url.reveal(), plain_http).map(|(_, endpoint)| endpoint)
}

fn parsed(text: &str, plain_http: bool) -> Result<(Url, Endpoint), HttpError> {
    // The text may hold a token: it is not repeated.
    let url =
        Url::parse(text.trim()).map_err(|_error| EndpointError::Host("the address".to_owned()))?;
    let endpoint = Endpoint::of(&url)?;
    if endpoint.scheme == Scheme::Http && !endpoint.is_loopback() && !plain_http {
        return Err(HttpError::Unencrypted(endpoint));
    }
    Ok((url, endpoint))
}
