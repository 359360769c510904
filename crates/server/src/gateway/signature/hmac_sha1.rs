//! HMAC-SHA1 over the parameters, as clients of the RPC style send.
//!
//! In: the parameters of query and form. Out: a [`Claim`].
//!
//! Odd: the key of the HMAC is the secret and a `&`; parameters with an empty value are signed too (a client sends
//! `SignatureType=`); where a parameter stands is not signed, so moving one from the query to the form changes nothing.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{Claim, Signed, unsupported_method};
use crate::gateway::{
    encoding::encode, parameters::Parameters, refusal::Refusal, request::RawRequest,
};

pub(super) fn claim(
    request: &RawRequest,
    sent: &Parameters,
    action: String,
    version: String,
) -> Result<Claim, Refusal> {
    let key_id = sent.text("AccessKeyId").ok_or(Refusal::Missing("AccessKeyId"))?;
    let signature = sent.required("Signature")?;
    let signed_at = sent.text("Timestamp").ok_or(Refusal::Missing("Timestamp"))?;
    let nonce = sent.required("SignatureNonce")?;
    let method = sent.required("SignatureMethod")?;
    if method != "HMAC-SHA1" {
        return Err(unsupported_method(method));
    }
    check("SignatureVersion", sent.required("SignatureVersion")?, "1.0")?;
    check("SignatureType", sent.text("SignatureType").unwrap_or_default(), "")?;
    let Ok(signature) = STANDARD.decode(signature) else {
        return Err(Refusal::IncompleteSignature("Signature is not base64.".to_owned()));
    };
    Ok(Claim {
        action,
        version,
        key_id: key_id.to_owned(),
        security_token: sent.text("SecurityToken").map(ToOwned::to_owned),
        signed_at: signed_at.to_owned(),
        nonce: nonce.to_owned(),
        signed: Signed::Parameters {
            string_to_sign: string_to_sign(&request.method, sent),
            signature,
        },
    })
}

fn check(name: &'static str, sent: &str, wanted: &str) -> Result<(), Refusal> {
    if sent == wanted {
        return Ok(());
    }
    let sent: String = sent.chars().take(64).collect();
    Err(Refusal::Unsupported { name, why: format!("\"{sent}\" is not \"{wanted}\".") })
}

fn string_to_sign(method: &str, sent: &Parameters) -> String {
    let pairs: Vec<String> = sent
        .iter()
        .filter(|(name, _)| *name != "Signature")
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    format!("{method}&%2F&{}", encode(&pairs.join("&")))
}
