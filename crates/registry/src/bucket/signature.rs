//! Amazon's signature of requests to S3, version 4.
//!
//! In: a request's parts and an access key. Out: its `Authorization`. Source: Amazon S3 API reference, "Signature calculations for
//! the Authorization header", whose examples are the tests below. Odd: unlike for other services, the path is taken as it is.

use plimsoll_model::Timestamp;
use ring::{
    digest::{SHA256, digest},
    hmac::{self, HMAC_SHA256},
};

use super::BucketKey;

/// What is signed of a request.
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    /// Lower-case names in their order, with their values.
    pub(super) headers: &'a [(&'a str, &'a str)],
    /// Digest of the body.
    pub(super) content: &'a str,
}

/// The value of `Authorization`.
pub(super) fn authorization(
    request: &Request<'_>,
    key: &BucketKey,
    region: &str,
    moment: &str,
) -> String {
    let Request { method, path, query, headers, content } = request;
    let lines: String =
        headers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let canonical = format!("{method}\n{path}\n{query}\n{lines}\n{names}\n{content}");
    let date: String = moment.chars().take(8).collect();
    let scope = format!("{date}/{region}/s3/aws4_request");
    let text = format!("AWS4-HMAC-SHA256\n{moment}\n{scope}\n{}", sha256(canonical.as_bytes()));
    let first = format!("AWS4{}", key.secret.reveal());
    let mut signing = hmac::Key::new(HMAC_SHA256, first.as_bytes());
    for part in [date.as_str(), region, "s3", "aws4_request"] {
        signing = hmac::Key::new(HMAC_SHA256, hmac::sign(&signing, part.as_bytes()).as_ref());
    }
    let signature = hex(hmac::sign(&signing, text.as_bytes()).as_ref());
    format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
        key.id
    )
}

/// `20261125T093000Z`.
pub(super) fn moment(now: Timestamp) -> String {
    now.to_string().chars().filter(|c| !matches!(c, '-' | ':')).collect()
}

/// Lower-case hex digits of the digest.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use plimsoll_model::Secret;

    use super::*;

    fn signed(path: &str, query: &str, range: Option<&str>) -> String {
        let key = BucketKey {
            id: "AKIAIOSFODNN7EXAMPLE".into(),
            secret: Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into()),
            token: None,
        };
        let content = sha256(b"");
        let mut headers = vec![("host", "examplebucket.s3.amazonaws.com")];
        headers.extend(range.map(|range| ("range", range)));
        headers.push(("x-amz-content-sha256", content.as_str()));
        headers.push(("x-amz-date", "20130524T000000Z"));
        let request = Request { method: "GET", path, query, headers: &headers, content: &content };
        let text = authorization(&request, &key, "us-east-1", "20130524T000000Z");
        text.rsplit_once("Signature=").unwrap().1.to_owned()
    }

    /// "GET Object" and "GET Bucket Lifecycle" of the reference.
    #[test]
    fn the_documented_examples() {
        assert_eq!(
            signed("/test.txt", "", Some("bytes=0-9")),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        );
        assert_eq!(
            signed("/", "lifecycle=", None),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
        );
    }

    #[test]
    fn a_moment_has_no_separators() {
        assert_eq!(moment("2026-11-25T09:30:00Z".parse().unwrap()), "20261125T093000Z");
    }
}
