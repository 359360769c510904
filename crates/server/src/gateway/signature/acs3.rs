//! ACS3-HMAC-SHA256: a signature over method, query, listed headers and the body's hash.
//!
//! In: `Credential=<id>,SignedHeaders=a;b,Signature=<hex>` and the request. Out: a [`Claim`].
//!
//! Odd, each with a captured request among the tests:
//! * the canonical path is always `/`, whatever was requested: with an endpoint `host:port/sas` a client requests `/sas/`
//!   and signs `/`;
//! * clients sign different headers (Python all that it sets, Node and Go fewer), so exactly the listed ones are taken,
//!   and the list must hold `host` and every `x-acs-*` header that is there;
//! * `Content-Type` decides whether the body is read as parameters, so with a form it must be signed; the asynchronous
//!   Python client sends one unsigned, with an empty body.

use ring::digest::{SHA256, digest};

use super::{Claim, Signed};
use crate::gateway::{
    encoding::{encode, from_hex, hex},
    parameters::Parameters,
    refusal::Refusal,
    request::RawRequest,
};

/// Headers that must be there and signed, and the name under which their absence is reported.
const REQUIRED: [(&str, &str); 6] = [
    ("host", "Host"),
    ("x-acs-action", "Action"),
    ("x-acs-version", "Version"),
    ("x-acs-date", "Timestamp"),
    ("x-acs-signature-nonce", "SignatureNonce"),
    ("x-acs-content-sha256", "x-acs-content-sha256"),
];

struct Credentials<'a> {
    key_id: &'a str,
    signed_headers: Vec<&'a str>,
    signature: &'a str,
}

pub(super) fn claim(
    request: &RawRequest,
    sent: &Parameters,
    credentials: &str,
    action: String,
    version: String,
) -> Result<Claim, Refusal> {
    let credentials = parse(credentials)?;
    for (header, name) in REQUIRED {
        if request.header(header)?.is_none_or(str::is_empty) {
            return Err(match name {
                "Timestamp" => Refusal::Missing("Timestamp"),
                _ => Refusal::MissingParameter(name.to_owned()),
            });
        }
    }
    check_coverage(request, &credentials)?;
    if let Some(id) = request.header("x-acs-accesskey-id")?
        && id != credentials.key_id
    {
        return Err(incomplete("Header x-acs-accesskey-id names another key than Credential."));
    }
    let header = |name: &str| Ok(request.header(name)?.unwrap_or_default().to_owned());
    let body_hash = hex(digest(&SHA256, &request.body).as_ref());
    let canonical_request = canonical_request(request, sent, &credentials, &body_hash)?;
    let string_to_sign =
        format!("ACS3-HMAC-SHA256\n{}", hex(digest(&SHA256, &canonical_request).as_ref()));
    let Some(signature) = from_hex(credentials.signature) else {
        return Err(incomplete("Signature is not lower-case hex digits."));
    };
    Ok(Claim {
        action,
        version,
        key_id: credentials.key_id.to_owned(),
        security_token: request
            .header("x-acs-security-token")?
            .filter(|token| !token.is_empty())
            .map(ToOwned::to_owned),
        signed_at: header("x-acs-date")?,
        nonce: header("x-acs-signature-nonce")?,
        signed: Signed::Headers {
            canonical_request,
            string_to_sign,
            signature,
            body_matches: header("x-acs-content-sha256")? == body_hash,
        },
    })
}

fn parse(text: &str) -> Result<Credentials<'_>, Refusal> {
    let (mut key_id, mut signed_headers, mut signature) = (None, None, None);
    for part in text.split(',') {
        let Some((name, value)) = part.trim_matches(' ').split_once('=') else {
            return Err(incomplete("Header Authorization has a part without `=`."));
        };
        let place = match name {
            "Credential" => &mut key_id,
            "SignedHeaders" => &mut signed_headers,
            "Signature" => &mut signature,
            _ => return Err(incomplete("Header Authorization has a part of an unknown name.")),
        };
        if place.replace(value).is_some() {
            return Err(incomplete("Header Authorization has the same part twice."));
        }
    }
    let (Some(key_id), Some(signed_headers), Some(signature)) = (key_id, signed_headers, signature)
    else {
        return Err(incomplete("Credential, SignedHeaders and Signature are all needed."));
    };
    if key_id.is_empty() {
        return Err(Refusal::Missing("AccessKeyId"));
    }
    Ok(Credentials { key_id, signed_headers: signed_headers.split(';').collect(), signature })
}

fn check_coverage(request: &RawRequest, credentials: &Credentials<'_>) -> Result<(), Refusal> {
    let signed = &credentials.signed_headers;
    let is_sorted = signed.iter().zip(signed.iter().skip(1)).all(|(left, right)| left < right);
    if !is_sorted || signed.iter().any(|name| name.bytes().any(|b| b.is_ascii_uppercase())) {
        return Err(incomplete("SignedHeaders is not lower-case names in ascending order."));
    }
    if let Some((name, _)) = REQUIRED.iter().find(|(name, _)| !signed.contains(name)) {
        return Err(incomplete(&format!("Header {name} is not signed.")));
    }
    let unsigned = request
        .headers
        .iter()
        .find(|(name, _)| name.starts_with("x-acs-") && !signed.contains(&name.as_str()));
    if let Some((name, _)) = unsigned {
        let name: String = name.chars().take(64).collect();
        return Err(incomplete(&format!("Header {name} is sent and not signed.")));
    }
    if request.has_form()? && !signed.contains(&"content-type") {
        return Err(incomplete("Header content-type is not signed, and the body is a form."));
    }
    Ok(())
}

fn canonical_request(
    request: &RawRequest,
    sent: &Parameters,
    credentials: &Credentials<'_>,
    body_hash: &str,
) -> Result<Vec<u8>, Refusal> {
    // The form is covered by the body's hash and is no part of the canonical query.
    let form_free;
    let query = if request.has_form()? {
        form_free = Parameters::of_query(request)?;
        &form_free
    } else {
        sent
    };
    let query: Vec<String> =
        query.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    let mut canonical = format!("{}\n/\n{}\n", request.method, query.join("&")).into_bytes();
    for name in &credentials.signed_headers {
        let Some(value) = request.header(name)? else {
            return Err(incomplete(&format!(
                "Header {} is signed and not sent.",
                name.chars().take(64).collect::<String>()
            )));
        };
        canonical.extend_from_slice(format!("{name}:{value}\n").as_bytes());
    }
    let tail = format!("\n{}\n{body_hash}", credentials.signed_headers.join(";"));
    canonical.extend_from_slice(tail.as_bytes());
    Ok(canonical)
}

fn incomplete(why: &str) -> Refusal {
    Refusal::IncompleteSignature(why.to_owned())
}
