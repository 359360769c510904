//! What VEX documents are wrapped in where they are signed.
//!
//! In: JSON. Out: the document in it, and what the wrapping says that it is about. Source: DSSE's envelope; in-toto's
//! "Statement", layers 0.1 and 1; Sigstore's bundle. Odd: the signature is not verified; what is wrapped four times is not
//! opened further.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::VexError;

const MAX_WRAPPINGS: usize = 4;

/// A document without its wrapping.
pub(super) struct Opened<'a> {
    pub(super) bytes: Cow<'a, [u8]>,
    /// SHA-256 digests of what an in-toto statement is about, in hexadecimal.
    pub(super) subjects: Vec<String>,
}

#[derive(Deserialize)]
struct Wrapping<'a> {
    payload: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "dsseEnvelope")]
    envelope: Option<&'a RawValue>,
    #[serde(borrow)]
    predicate: Option<&'a RawValue>,
    #[serde(default)]
    subject: Vec<Subject>,
}

#[derive(Deserialize)]
struct Subject {
    #[serde(default)]
    digest: Digests,
}

#[derive(Deserialize, Default)]
struct Digests {
    sha256: Option<String>,
}

pub(super) fn open(bytes: &[u8]) -> Result<Opened<'_>, VexError> {
    let mut opened = Opened { bytes: Cow::Borrowed(bytes), subjects: Vec::new() };
    for _wrapping in 0..MAX_WRAPPINGS {
        let Ok(wrapping) = serde_json::from_slice::<Wrapping<'_>>(&opened.bytes) else { break };
        let inner = if let Some(payload) = &wrapping.payload {
            let text: String = payload.chars().filter(|c| !c.is_ascii_whitespace()).collect();
            STANDARD
                .decode(text)
                .map_err(|error| VexError::Invalid { format: "DSSE", problem: error.to_string() })?
        } else if let Some(inner) = wrapping.envelope.or(wrapping.predicate) {
            inner.get().as_bytes().to_vec()
        } else {
            break;
        };
        opened.subjects.extend(wrapping.subject.into_iter().filter_map(|one| one.digest.sha256));
        opened.bytes = Cow::Owned(inner);
    }
    Ok(opened)
}
