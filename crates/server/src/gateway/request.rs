//! A request as it came over the wire, before anything is believed of it.
//!
//! In: what the HTTP layer read. Out: [`RawRequest`], with look-ups that refuse what could be read in two ways. Odd: the
//! header `Host` is taken as sent, even `http://127.0.0.1:18080` or `127.0.0.1:18080/sas`, which an official client sends
//! and signs when its endpoint is given that way.

use std::net::IpAddr;

use super::refusal::Refusal;

/// A request, its body de-chunked and otherwise untouched.
#[derive(Debug, Clone, Default)]
pub struct RawRequest {
    /// `GET`, `POST` …
    pub method: String,
    /// What follows the `?`, as sent, still encoded.
    pub query: String,
    /// Names in lower case, values as sent, in the order sent.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The whole body.
    pub body: Vec<u8>,
    /// Where it came from, if known: bad signatures are counted per source.
    pub source: Option<IpAddr>,
}

impl RawRequest {
    /// The value of a header that may be sent once, without blanks around it.
    ///
    /// # Errors
    /// [`Refusal::IncompleteSignature`] for a header sent twice, which one reader could take for the first and another
    /// for the last, and for one that is not text.
    pub fn header(&self, name: &str) -> Result<Option<&str>, Refusal> {
        let mut values =
            self.headers.iter().filter(|(sent, _)| sent == name).map(|(_, value)| value);
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(Refusal::IncompleteSignature(format!("Header {name} is sent twice.")));
        }
        match std::str::from_utf8(value) {
            Ok(text) => Ok(Some(text.trim_matches([' ', '\t']))),
            Err(_) => Err(Refusal::IncompleteSignature(format!("Header {name} is not text."))),
        }
    }

    /// Whether the body holds parameters.
    ///
    /// # Errors
    /// As [`header`](Self::header).
    pub fn has_form(&self) -> Result<bool, Refusal> {
        let content_type = self.header("content-type")?.unwrap_or_default();
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        Ok(!self.body.is_empty() && kind.eq_ignore_ascii_case("application/x-www-form-urlencoded"))
    }
}
