//! Who signed this request, when, and is the signature right?
//!
//! In: a [`RawRequest`] and its [`Parameters`]. Out: [`Claim`]: what the request says of itself, to be believed once
//! [`Claim::verify`] has compared its signature with ours. Source: `docs/api.md`, "Signatures"; the vendor's pages on
//! request syntax V3 (`ACS3-HMAC-SHA256`) and on the RPC style (HMAC-SHA1), whose fixed examples are among the tests.
//!
//! Odd: the scheme is told by the header `Authorization`, not by the path or a parameter. The vendor calls the older
//! scheme V1, V2 or RPC depending on the page; here it is [`hmac_sha1`], for its signature covers the
//! parameters, wherever they stand, and neither headers nor body.

mod acs3;
mod hmac_sha1;

use plimsoll_model::Timestamp;
use ring::hmac;

use super::{parameters::Parameters, refusal::Refusal, request::RawRequest};

/// How far a request's time may be from ours, in seconds, both ways.
pub const TIME_WINDOW: i64 = 15 * 60;

/// How long a nonce may be.
const MAX_NONCE: usize = 128;

/// What a request says of itself.
#[derive(Debug, Clone)]
pub struct Claim {
    /// `ListImageRisk`; covered by the signature.
    pub action: String,
    /// `2018-12-03`; covered by the signature.
    pub version: String,
    /// Whose key it is signed with.
    pub key_id: String,
    /// The token of a temporary key.
    pub security_token: Option<String>,
    /// When it was signed, as text; read by [`Claim::check_time`].
    pub signed_at: String,
    /// Occurs once per key.
    pub nonce: String,
    signed: Signed,
}

/// A signature and what it is over.
#[derive(Debug, Clone)]
enum Signed {
    /// Over headers, query and body: the string to sign is a hash of the canonical request.
    Headers {
        canonical_request: Vec<u8>,
        string_to_sign: String,
        signature: Vec<u8>,
        body_matches: bool,
    },
    /// Over the parameters alone.
    Parameters { string_to_sign: String, signature: Vec<u8> },
}

impl Claim {
    /// Reads what a request says of itself, with the checks that need no key.
    ///
    /// # Errors
    /// The [`Refusal`] of the first thing that is missing, contradictory, or signed in a way that is not ours.
    pub fn read(request: &RawRequest, sent: &Parameters) -> Result<Self, Refusal> {
        for (name, _) in &request.headers {
            if name.starts_with("x-acs-") || matches!(name.as_str(), "host" | "authorization") {
                request.header(name)?;
            }
        }
        let scheme = Scheme::of(request, sent)?;
        let header_or_parameter = (
            either(request, sent, "x-acs-action", "Action")?,
            either(request, sent, "x-acs-version", "Version")?,
        );
        let (action, version) = match scheme {
            // The headers are not signed here: they may repeat the parameters and not replace them.
            Scheme::Parameters => (sent.text("Action"), sent.text("Version")),
            _ => header_or_parameter,
        };
        let action = action.ok_or(Refusal::Missing("Action"))?.to_owned();
        let version = version.ok_or(Refusal::Missing("Version"))?.to_owned();
        let claim = match scheme {
            Scheme::Headers(credentials) => {
                acs3::claim(request, sent, credentials, action, version)?
            }
            Scheme::Parameters => hmac_sha1::claim(request, sent, action, version)?,
            Scheme::Bearer => {
                return Err(Refusal::Unsupported {
                    name: "SignatureType",
                    why: "This server issues no bearer tokens: sign with an access key.".to_owned(),
                });
            }
            Scheme::None => return Err(Refusal::Missing("AccessKeyId")),
        };
        let is_nonce = (1..=MAX_NONCE).contains(&claim.nonce.len())
            && claim.nonce.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_nonce {
            let wanted = "1 to 128 visible ASCII characters";
            return Err(Refusal::invalid("SignatureNonce", &claim.nonce, wanted));
        }
        Ok(claim)
    }

    /// Whether the request was signed within [`TIME_WINDOW`] of `now`; returns when.
    ///
    /// # Errors
    /// [`Refusal::TimestampFormat`] for what is not `2026-11-25T01:23:44Z`, else [`Refusal::TimestampExpired`].
    pub fn check_time(&self, now: Timestamp) -> Result<Timestamp, Refusal> {
        // One spelling only: the reader would take offsets and fractions, which no client sends.
        let is_plain = self.signed_at.len() == 20 && self.signed_at.ends_with('Z');
        let at = match self.signed_at.parse::<Timestamp>() {
            Ok(at) if is_plain => at,
            _ => return Err(Refusal::TimestampFormat),
        };
        if at.0.saturating_sub(now.0).saturating_abs() > TIME_WINDOW {
            return Err(Refusal::TimestampExpired);
        }
        Ok(at)
    }

    /// Compares the signature with the one that `secret` gives, in constant time.
    ///
    /// # Errors
    /// `SignatureDoesNotMatch`, with what we computed ours over.
    pub fn verify(&self, secret: &str) -> Result<(), Refusal> {
        match &self.signed {
            Signed::Headers { canonical_request, string_to_sign, signature, body_matches } => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
                let is_right = hmac::verify(&key, string_to_sign.as_bytes(), signature).is_ok();
                if is_right && *body_matches {
                    return Ok(());
                }
                Err(Refusal::HeaderSignature {
                    string_to_sign: string_to_sign.clone(),
                    canonical_request: String::from_utf8_lossy(canonical_request).into_owned(),
                })
            }
            Signed::Parameters { string_to_sign, signature } => {
                let key = format!("{secret}&");
                let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key.as_bytes());
                match hmac::verify(&key, string_to_sign.as_bytes(), signature) {
                    Ok(()) => Ok(()),
                    Err(_) => Err(Refusal::ParameterSignature(string_to_sign.clone())),
                }
            }
        }
    }

    /// Spends the time that [`verify`](Self::verify) takes: for a key that does not exist.
    pub fn verify_nothing(&self) -> Refusal {
        // No key has this secret, for it has blanks; should it match all the same, there is still no key.
        self.verify("of no key").err().unwrap_or(Refusal::KeyNotFound)
    }

    /// What the signature is computed over.
    #[must_use]
    pub fn string_to_sign(&self) -> &str {
        match &self.signed {
            Signed::Headers { string_to_sign, .. } | Signed::Parameters { string_to_sign, .. } => {
                string_to_sign
            }
        }
    }
}

/// How a request is signed.
#[derive(Debug, Clone, Copy)]
enum Scheme<'a> {
    /// ACS3-HMAC-SHA256; what follows the algorithm in `Authorization`.
    Headers(&'a str),
    /// HMAC-SHA1 over the parameters.
    Parameters,
    /// A bearer token.
    Bearer,
    /// Not at all.
    None,
}

impl<'a> Scheme<'a> {
    fn of(request: &'a RawRequest, sent: &Parameters) -> Result<Self, Refusal> {
        let authorization = request.header("authorization")?.unwrap_or_default();
        let (algorithm, credentials) = authorization.split_once(' ').unwrap_or((authorization, ""));
        if algorithm == "ACS3-HMAC-SHA256" {
            return Ok(Self::Headers(credentials));
        }
        if algorithm.starts_with("ACS3-") {
            return Err(unsupported_method(algorithm));
        }
        let is_bearer = request.header("x-acs-bearer-token")?.is_some()
            || sent.text("SignatureType") == Some("BEARERTOKEN");
        if is_bearer {
            return Ok(Self::Bearer);
        }
        if sent.text("AccessKeyId").is_some() || sent.text("Signature").is_some() {
            // An `Authorization` of another kind is then meant for something between client and server.
            return Ok(Self::Parameters);
        }
        if !authorization.is_empty() {
            let why = "Header Authorization does not begin with ACS3-HMAC-SHA256.";
            return Err(Refusal::IncompleteSignature(why.to_owned()));
        }
        Ok(Self::None)
    }
}

fn unsupported_method(sent: &str) -> Refusal {
    let sent: String = sent.chars().take(64).collect();
    Refusal::Unsupported {
        name: "SignatureMethod",
        why: format!("\"{sent}\" is neither ACS3-HMAC-SHA256 nor HMAC-SHA1."),
    }
}

/// What a header says, or a parameter; both must say the same.
fn either<'a>(
    request: &'a RawRequest,
    sent: &'a Parameters,
    header: &str,
    parameter: &str,
) -> Result<Option<&'a str>, Refusal> {
    let header = request.header(header)?.filter(|value| !value.is_empty());
    match (header, sent.text(parameter)) {
        (Some(header), Some(value)) if header != value => {
            Err(Refusal::invalid(parameter, value, "what the header of that name says"))
        }
        (header, value) => Ok(header.or(value)),
    }
}
