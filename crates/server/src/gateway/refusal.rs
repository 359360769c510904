//! Why a request is not served, in the words and with the status that clients of this API know.
//!
//! In: what a check found. Out: [`Refusal`] with its code, HTTP status and message; [`render`](super::render) makes the
//! answer of it. Source: `docs/api.md`, "Errors"; the vendor's list of gateway errors.
//!
//! Odd: the messages are part of the wire contract and so are whole English sentences, unlike our other errors. The
//! message of a failed HMAC-SHA1 signature must hold a colon and end in the string to sign: an official client cuts it
//! there to tell its user whether the secret or the client is wrong.

use std::borrow::Cow;

/// Why a request is not served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A parameter that every request, or this action, must have.
    #[error(
        "The input parameter \"{0}\" that is mandatory for processing this request is not supplied."
    )]
    MissingParameter(String),
    /// One of the parameters whose absence has a code of its own: `MissingAction`, `MissingAccessKeyId` …
    #[error("{0} is mandatory for this action.")]
    Missing(&'static str),
    /// A parameter's value is not one of those it can have.
    #[error("The specified value of parameter \"{name}\" is not valid. {why}")]
    InvalidParameter {
        /// The parameter, as sent.
        name: String,
        /// What was sent, and what can be.
        why: String,
    },
    /// A way of signing that this server does not do; the code carries the parameter's name.
    #[error("The specified value of parameter \"{name}\" is not valid. {why}")]
    Unsupported {
        /// `SignatureMethod`, `SignatureType` or `SignatureVersion`.
        name: &'static str,
        /// What was sent, and what can be.
        why: String,
    },
    /// No such path.
    #[error("Specified api is not found, please check your url and method.")]
    ApiNotFound,
    /// No such action.
    #[error("Specified api is not found, please check your url and method.")]
    ActionNotFound,
    /// Another version than [`VERSION`](super::VERSION).
    #[error("Specified parameter Version is not valid.")]
    InvalidVersion,
    /// Neither GET nor POST.
    #[error("This http method not supported.")]
    UnsupportedMethod,
    /// No key of this id.
    #[error("Specified access key is not found.")]
    KeyNotFound,
    /// The key was disabled.
    #[error("Specified access key is disabled.")]
    KeyInactive,
    /// A security token that this server did not issue; it issues none yet.
    #[error("Specified SecurityToken is malformed.")]
    InvalidSecurityToken,
    /// The header or the parameters of the signature do not hold together.
    #[error("The request signature does not conform to Aliyun standards. {0}")]
    IncompleteSignature(String),
    /// HMAC-SHA1: another signature than ours.
    #[error(
        "Specified signature is not matched with our calculation. server string to sign is:{0}"
    )]
    ParameterSignature(String),
    /// ACS3: another signature than ours.
    #[error(
        "Specified signature does not match our calculation. server StringToSign is [{string_to_sign}]"
    )]
    HeaderSignature {
        /// What we computed the signature over.
        string_to_sign: String,
        /// What that is the hash of: answered beside the message, for whoever looks for the difference.
        canonical_request: String,
    },
    /// Not the form that dates have.
    #[error("Specified time stamp or date value is not well formatted.")]
    TimestampFormat,
    /// More than 15 minutes away from our clock.
    #[error("Specified time stamp or date value is expired.")]
    TimestampExpired,
    /// A request that was already answered.
    #[error("Specified signature nonce was used already.")]
    NonceUsed,
    /// Too many refused signatures from there.
    #[error("Request was denied due to user flow control.")]
    Throttled {
        /// When to come again.
        retry_after_ms: u64,
    },
    /// The key's policy does not allow the action.
    #[error("caller has no permission")]
    NoPermission {
        /// `yundun-sas:ListImageRisk`.
        action: String,
        /// Whether a statement denies it, or none allows it.
        explicit: bool,
    },
    /// Longer than we read.
    #[error("The request is too large: {0}.")]
    TooLarge(&'static str),
    /// The body did not arrive in time or in whole.
    #[error("The request body did not arrive: {0}.")]
    Unread(&'static str),
    /// An action could not be carried out, through no fault of the caller.
    #[error("ServerError")]
    Server,
    /// A defect of ours.
    #[error("The request processing has failed due to some unknown error.")]
    Internal,
    /// Too much at once.
    #[error("The request has failed due to a temporary failure of the server.")]
    Unavailable,
}

impl Refusal {
    /// `InvalidParameter` for `name`; `value` is quoted, cut at 64 characters.
    #[must_use]
    pub fn invalid(name: &str, value: &str, wanted: &str) -> Self {
        let shown: String = value.chars().take(64).collect();
        Self::InvalidParameter {
            name: name.to_owned(),
            why: format!("\"{shown}\" is not {wanted}."),
        }
    }

    /// The code that clients branch on.
    #[must_use]
    pub fn code(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::MissingParameter(_) => "MissingParameter",
            Self::Missing(name) => return Cow::Owned(format!("Missing{name}")),
            Self::InvalidParameter { .. } => "InvalidParameter",
            Self::Unsupported { name, .. } => {
                return Cow::Owned(format!("InvalidParameter.{name}"));
            }
            Self::ApiNotFound => "InvalidApi.NotFound",
            Self::ActionNotFound => "InvalidAction.NotFound",
            Self::InvalidVersion => "InvalidVersion",
            Self::UnsupportedMethod => "UnsupportedHTTPMethod",
            Self::KeyNotFound => "InvalidAccessKeyId.NotFound",
            Self::KeyInactive => "InvalidAccessKeyId.Inactive",
            Self::InvalidSecurityToken => "InvalidSecurityToken.Malformed",
            Self::IncompleteSignature(_) => "IncompleteSignature",
            Self::ParameterSignature(_) | Self::HeaderSignature { .. } => "SignatureDoesNotMatch",
            Self::TimestampFormat => "InvalidTimeStamp.Format",
            Self::TimestampExpired => "InvalidTimeStamp.Expired",
            Self::NonceUsed => "SignatureNonceUsed",
            Self::Throttled { .. } => "Throttling.User",
            Self::NoPermission { .. } => "NoPermission",
            Self::TooLarge(_) => "RequestTooLarge",
            Self::Unread(_) => "RequestTimeout",
            Self::Server => "ServerError",
            Self::Internal => "InternalError",
            Self::Unavailable => "ServiceUnavailable",
        })
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::ApiNotFound | Self::ActionNotFound | Self::KeyNotFound => 404,
            Self::UnsupportedMethod | Self::NoPermission { .. } => 403,
            Self::Unread(_) => 408,
            Self::TooLarge(_) => 413,
            Self::Throttled { .. } => 429,
            Self::Server | Self::Internal => 500,
            Self::Unavailable => 503,
            _ => 400,
        }
    }

    /// When the client may come again, in milliseconds: the header `x-acs-retry-after`.
    #[must_use]
    pub const fn retry_after_ms(&self) -> Option<u64> {
        match self {
            Self::Throttled { retry_after_ms } => Some(*retry_after_ms),
            Self::Unavailable => Some(1_000),
            _ => None,
        }
    }
}
