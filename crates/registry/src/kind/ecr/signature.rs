//! Amazon's signature of requests, version 4.
//!
//! In: an access key, a service, an action with its body. Out: a signed POST. Source: AWS, "Signature Version 4 signing
//! process"; its example of IAM is a test below. Odd: the key that signs is made of date, region and service, so that a
//! signature is worth nothing elsewhere.

use plimsoll_model::{Secret, Timestamp};
use reqwest::{
    Method,
    header::{CONTENT_TYPE, HeaderName, HeaderValue},
};
use ring::{
    digest::{SHA256, digest},
    hmac::{self, HMAC_SHA256},
};

use crate::{access::sensitive, api::Api, error::RegistryError, http::Call};

/// An access key for one region.
#[derive(Debug)]
pub(super) struct CloudKey {
    pub(super) id: String,
    pub(super) secret: Secret<String>,
    pub(super) region: String,
}

const JSON: &str = "application/x-amz-json-1.1";

impl CloudKey {
    /// A signed request for an action of a service.
    pub(super) fn post(
        &self,
        api: &Api,
        service: &str,
        target: &str,
        body: &str,
        now: Timestamp,
    ) -> Result<Call, RegistryError> {
        let mut call = Call::new(Method::POST, api.url(&[""])?);
        let moment = moment(now);
        let host = api.endpoint().authority();
        // In the order of their names, as they are signed.
        let headers = [
            ("content-type", JSON),
            ("host", host.as_str()),
            ("x-amz-date", moment.as_str()),
            ("x-amz-target", target),
        ];
        let authorization = self.authorization(service, "POST", "", &headers, body, &moment);
        for (name, text) in [("x-amz-date", moment.as_str()), ("x-amz-target", target)] {
            let value = HeaderValue::from_str(text)
                .map_err(|_cause| RegistryError::Name(text.to_owned()))?;
            call.headers.insert(HeaderName::from_static(name), value);
        }
        call.headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
        call.authorization = sensitive(&authorization);
        call.body = Some(body.as_bytes().to_vec());
        Ok(call)
    }

    fn authorization(
        &self,
        service: &str,
        method: &str,
        query: &str,
        headers: &[(&str, &str)],
        body: &str,
        moment: &str,
    ) -> String {
        let lines: String =
            headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");
        let request = format!("{method}\n/\n{query}\n{lines}\n{names}\n{}", sha256(body));
        let date: String = moment.chars().take(8).collect();
        let scope = format!("{date}/{}/{service}/aws4_request", self.region);
        let text = format!("AWS4-HMAC-SHA256\n{moment}\n{scope}\n{}", sha256(&request));
        let first = format!("AWS4{}", self.secret.reveal());
        let mut key = hmac::Key::new(HMAC_SHA256, first.as_bytes());
        for part in [date.as_str(), self.region.as_str(), service, "aws4_request"] {
            key = hmac::Key::new(HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref());
        }
        let signature = hex(hmac::sign(&key, text.as_bytes()).as_ref());
        format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
            self.id
        )
    }
}

/// `20261125T093000Z`.
fn moment(now: Timestamp) -> String {
    now.to_string().chars().filter(|c| !matches!(c, '-' | ':')).collect()
}

fn sha256(text: &str) -> String {
    hex(digest(&SHA256, text.as_bytes()).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `ListUsers` of IAM, the example of the documentation.
    #[test]
    fn the_documented_example() {
        let key = CloudKey {
            id: "AKIDEXAMPLE".into(),
            secret: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into()),
            region: "us-east-1".into(),
        };
        let headers = [
            ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
            ("host", "iam.amazonaws.com"),
            ("x-amz-date", "20150830T123600Z"),
        ];
        let query = "Action=ListUsers&Version=2010-05-08";
        let found = key.authorization("iam", "GET", query, &headers, "", "20150830T123600Z");
        assert_eq!(
            found,
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date, \
             Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
        );
    }

    #[test]
    fn moments_have_no_separators() {
        assert_eq!(moment("2026-11-25T09:30:00Z".parse().unwrap()), "20261125T093000Z");
    }
}
