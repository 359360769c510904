//! What the API server sends.
//!
//! In: an `AdmissionReview` as JSON. Out: [`ReviewRequest`]. Source: `k8s.io/api/admission/v1`, types `AdmissionReview` and
//! `AdmissionRequest`. Odd: a field that stands twice is refused, since two readers could mean different ones; fields that we do not
//! use are passed over, as newer versions of Kubernetes add some.

use serde::Deserialize;
use serde_json::value::RawValue;

/// The only version that is spoken.
pub(super) const API_VERSION: &str = "admission.k8s.io/v1";
/// What a review is called.
pub(super) const KIND: &str = "AdmissionReview";
/// No API server makes a longer one; it is repeated in the answer.
const LONGEST_UID: usize = 256;

/// A question.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReviewRequest<'a> {
    /// Tells questions apart; the answer repeats it.
    pub(super) uid: String,
    /// What is asked about, as the webhook's rules name it.
    pub(super) resource: Resource,
    /// `ephemeralcontainers`, `scale`, `status`; empty for the thing itself.
    #[serde(default)]
    pub(super) sub_resource: Option<String>,
    /// `CREATE`, `UPDATE`, `DELETE`, `CONNECT`.
    pub(super) operation: String,
    /// Empty for what is in no namespace.
    #[serde(default)]
    pub(super) namespace: Option<String>,
    /// As it is to be.
    #[serde(default, borrow)]
    pub(super) object: Option<&'a RawValue>,
    /// As it was.
    #[serde(default, borrow)]
    pub(super) old_object: Option<&'a RawValue>,
}

/// Group and plural name; the version is whichever the rules name.
#[derive(Deserialize)]
pub(super) struct Resource {
    /// Empty for the core group.
    #[serde(default)]
    pub(super) group: String,
    /// `pods`, `deployments`.
    pub(super) resource: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Review<'a> {
    api_version: String,
    kind: String,
    #[serde(borrow)]
    request: ReviewRequest<'a>,
}

/// Why a body is no question.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum RequestError {
    /// It is not of the form. What the parser says may repeat a value, so that only the place is told.
    #[error("the body is no {KIND}: line {line}, column {column}")]
    Form {
        /// Where.
        line: usize,
        /// Where in it.
        column: usize,
    },
    /// It is another document or version.
    #[error("the body is not a `{KIND}` of `{API_VERSION}`")]
    Version,
    /// Its name is none.
    #[error("`request.uid` is empty or longer than {LONGEST_UID} bytes")]
    Uid,
}

impl<'a> ReviewRequest<'a> {
    /// Reads a body.
    pub(super) fn read(body: &'a [u8]) -> Result<Self, RequestError> {
        let review: Review<'a> = serde_json::from_slice(body)
            .map_err(|error| RequestError::Form { line: error.line(), column: error.column() })?;
        if review.api_version != API_VERSION || review.kind != KIND {
            return Err(RequestError::Version);
        }
        if review.request.uid.is_empty() || review.request.uid.len() > LONGEST_UID {
            return Err(RequestError::Uid);
        }
        Ok(review.request)
    }

    /// The namespace; empty for none.
    pub(super) fn namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or_default()
    }
}
