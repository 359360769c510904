//! Why a request got no answer.
//!
//! Odd: the HTTP library's errors print the whole URL, and a redirect's URL may hold a signature or token. Errors here
//! name the origin only.

use std::{error::Error, io, time::Duration};

use rustls::CertificateError;

use super::{HttpOptions, tls::is_authority_as_server};
use crate::{
    endpoint::{Endpoint, EndpointError},
    reach::ForbiddenAddress,
};

/// Why a request got no answer, or not a whole one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// One of the operator's own certificates is not readable.
    #[error("the CA certificate is not readable as PEM: {0}")]
    Certificate(String),
    /// The client's own certificate or its key is not readable.
    #[error("the client certificate: {0}")]
    Identity(String),
    /// The client could not be built.
    #[error("the HTTP client cannot be set up: {0}")]
    Setup(String),
    /// An address that is not spoken to: another scheme, no host, a password in it.
    #[error(transparent)]
    Address(#[from] EndpointError),
    /// An address that may not be connected to.
    #[error(transparent)]
    Forbidden(#[from] ForbiddenAddress),
    /// What is sent would be readable on the way.
    #[error("`{0}` is not encrypted, so nothing is sent there")]
    Unencrypted(Endpoint),
    /// Led from an encrypted to an unencrypted address.
    #[error("`{from}` leads to `{to}`, which is not encrypted")]
    Downgrade {
        /// Where the answer came from, or the configured endpoint.
        from: Endpoint,
        /// Where it leads.
        to: Endpoint,
    },
    /// Redirected again and again.
    #[error("`{origin}` redirects more than {limit} times")]
    Redirects {
        /// Where the first request went.
        origin: Endpoint,
        /// How many redirects are followed.
        limit: usize,
    },
    /// A redirect that cannot be followed.
    #[error("`{origin}` redirects, but {problem}")]
    Location {
        /// Who redirects.
        origin: Endpoint,
        /// Why it is not followed.
        problem: &'static str,
    },
    /// The server's certificate or TLS itself is not acceptable.
    #[error("`{origin}` is not trusted: {reason}")]
    Tls {
        /// Who was asked.
        origin: Endpoint,
        /// What TLS says.
        reason: String,
    },
    /// Nobody answers.
    #[error("`{origin}` cannot be reached: {reason}")]
    Connect {
        /// Who was asked.
        origin: Endpoint,
        /// What the system says.
        reason: String,
    },
    /// No answer in time.
    #[error("`{origin}` did not answer within {after:?}")]
    Timeout {
        /// Who was asked.
        origin: Endpoint,
        /// The limit.
        after: Duration,
    },
    /// The connection ended within an answer.
    #[error("`{origin}` broke off: {reason}")]
    Cut {
        /// Who was asked.
        origin: Endpoint,
        /// What the connection says.
        reason: String,
    },
    /// More bytes than such an answer may have.
    #[error("`{origin}` sends more than {limit} bytes")]
    TooLarge {
        /// Who was asked.
        origin: Endpoint,
        /// The limit.
        limit: u64,
    },
}

impl HttpError {
    /// What the operator can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Tls { reason, .. } if reason.contains(NOT_KNOWN) => {
                Some("give its certificate, or its authority's, with `--ca-file FILE`")
            }
            Self::Tls { reason, .. } if reason.contains("corrupt message") => {
                Some("it may speak plain http; if that is meant, say `--plain-http`")
            }
            Self::Unencrypted(_) | Self::Downgrade { .. } => {
                Some("if unencrypted traffic is meant, configure the endpoint with `--plain-http`")
            }
            Self::Connect { .. } | Self::Timeout { .. } => {
                Some("check host, port and that the service runs")
            }
            _ => None,
        }
    }
}

const NOT_KNOWN: &str = "nobody known signed its certificate";

/// What is wrong with a server's certificate, in words.
fn certificate_problem(problem: &CertificateError) -> String {
    match problem {
        CertificateError::UnknownIssuer => NOT_KNOWN.into(),
        // A self-signed authority that was not given for this endpoint; see `tls`.
        CertificateError::Other(cause) if is_authority_as_server(cause) => NOT_KNOWN.into(),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name".into()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired".into()
        }
        other => format!("certificate: {other}"),
    }
}

/// What a request that got no answer failed of.
pub(crate) fn failed(origin: &Endpoint, cause: reqwest::Error, options: &HttpOptions) -> HttpError {
    if let Some(forbidden) = find::<ForbiddenAddress>(&cause) {
        return HttpError::Forbidden(forbidden.clone());
    }
    let origin = origin.clone();
    if let Some(tls) = find::<rustls::Error>(&cause) {
        let reason = match tls {
            rustls::Error::InvalidCertificate(problem) => certificate_problem(problem),
            other => other.to_string(),
        };
        return HttpError::Tls { origin, reason };
    }
    if cause.is_timeout() {
        let after = if cause.is_connect() { options.connect_timeout } else { options.read_timeout };
        return HttpError::Timeout { origin, after };
    }
    let is_connect = cause.is_connect();
    let reason = reason(cause);
    if is_connect {
        HttpError::Connect { origin, reason }
    } else {
        HttpError::Cut { origin, reason }
    }
}

/// What ended a body too early.
pub(super) fn cut(origin: &Endpoint, cause: reqwest::Error, after: Duration) -> HttpError {
    let origin = origin.clone();
    if cause.is_timeout() {
        return HttpError::Timeout { origin, after };
    }
    HttpError::Cut { origin, reason: reason(cause) }
}

/// The innermost cause, which is what people need, without any URL.
pub(crate) fn reason(cause: reqwest::Error) -> String {
    let cause = cause.without_url();
    let mut innermost: &dyn Error = &cause;
    while let Some(next) = inside(innermost) {
        innermost = next;
    }
    innermost.to_string()
}

/// The first cause of a type.
pub(crate) fn find<T: Error + 'static>(cause: &reqwest::Error) -> Option<&T> {
    let mut current: Option<&(dyn Error + 'static)> = Some(cause);
    while let Some(error) = current {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        current = inside(error);
    }
    None
}

/// One step inwards. An I/O error's `source` skips the error that it wraps, so that one is looked at first.
fn inside<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}
