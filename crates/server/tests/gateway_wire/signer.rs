//! A client's side of both signature schemes, written from `docs/api.md` and not from the gateway's code.

use std::fmt::Write;

use base64::{Engine, engine::general_purpose::STANDARD};
use plimsoll_model::Timestamp;
use ring::{digest, hmac};

/// How to sign.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Scheme {
    /// ACS3-HMAC-SHA256.
    Acs3,
    /// HMAC-SHA1.
    V1,
}

/// Where parameters go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    Query,
    Form,
}

/// A call before it is signed.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) scheme: Scheme,
    pub(crate) place: Place,
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) action: String,
    pub(crate) version: &'static str,
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) key_id: String,
    pub(crate) secret: String,
    pub(crate) at: Timestamp,
    pub(crate) nonce: String,
    /// What to say as `x-acs-content-sha256`, if not the truth.
    pub(crate) claimed_hash: Option<&'static str>,
}

/// A call as it goes over the wire.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Wire {
    /// A request without anything of the API.
    pub(crate) fn plain(method: &str, target: &str) -> Self {
        let headers = vec![("host".to_owned(), "127.0.0.1:18080".to_owned())];
        Self { method: method.to_owned(), target: target.to_owned(), headers, body: Vec::new() }
    }

    pub(crate) fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            write!(text, "{name}: {value}\r\n").unwrap();
        }
        write!(text, "connection: close\r\ncontent-length: {}\r\n\r\n", self.body.len()).unwrap();
        [text.as_bytes(), &self.body].concat()
    }
}

impl Call {
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.parameters.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn sign(&self) -> Wire {
        match self.scheme {
            Scheme::Acs3 => self.sign_acs3(),
            Scheme::V1 => self.sign_v1(),
        }
    }

    fn sign_acs3(&self) -> Wire {
        let mut sorted = self.parameters.clone();
        sorted.sort();
        let (query, body) = match self.place {
            Place::Query => (joined(&sorted), String::new()),
            Place::Form => (String::new(), joined(&sorted)),
        };
        let body_hash = hex(digest::digest(&digest::SHA256, body.as_bytes()).as_ref());
        let claimed = self.claimed_hash.map_or_else(|| body_hash.clone(), ToOwned::to_owned);
        let mut headers = vec![
            ("host", "127.0.0.1:18080".to_owned()),
            ("x-acs-action", self.action.clone()),
            ("x-acs-content-sha256", claimed),
            ("x-acs-date", self.at.to_string()),
            ("x-acs-signature-nonce", self.nonce.clone()),
            ("x-acs-version", self.version.to_owned()),
        ];
        if self.place == Place::Form {
            headers.insert(0, ("content-type", "application/x-www-form-urlencoded".to_owned()));
        }
        let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");
        let lines: String =
            headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let canonical = format!("{}\n/\n{query}\n{lines}\n{names}\n{body_hash}", self.method);
        let hash = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret.as_bytes());
        let signature =
            hex(hmac::sign(&key, format!("ACS3-HMAC-SHA256\n{hash}").as_bytes()).as_ref());
        let authorization = format!(
            "ACS3-HMAC-SHA256 Credential={},SignedHeaders={names},Signature={signature}",
            self.key_id
        );
        let mut headers: Vec<(String, String)> =
            headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        headers.push(("authorization".to_owned(), authorization));
        let target = format!("{}?{query}", self.path);
        Wire { method: self.method.to_owned(), target, headers, body: body.into_bytes() }
    }

    fn sign_v1(&self) -> Wire {
        let mut parameters = self.parameters.clone();
        for (name, value) in [
            ("Action", self.action.as_str()),
            ("Version", self.version),
            ("AccessKeyId", &self.key_id),
            ("SignatureMethod", "HMAC-SHA1"),
            ("SignatureVersion", "1.0"),
            ("SignatureType", ""),
            ("SignatureNonce", &self.nonce),
            ("Timestamp", &self.at.to_string()),
        ] {
            parameters.push((name.to_owned(), value.to_owned()));
        }
        parameters.sort();
        let text = format!("{}&%2F&{}", self.method, encode(&joined(&parameters)));
        let key = hmac::Key::new(
            hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            format!("{}&", self.secret).as_bytes(),
        );
        let signature = STANDARD.encode(hmac::sign(&key, text.as_bytes()));
        parameters.push(("Signature".to_owned(), signature));
        let mut wire = Wire::plain(self.method, self.path);
        match self.place {
            Place::Query => wire.target = format!("{}?{}", self.path, joined(&parameters)),
            Place::Form => {
                wire.body = joined(&parameters).into_bytes();
                return wire.with_header("content-type", "application/x-www-form-urlencoded");
            }
        }
        wire
    }
}

fn joined(pairs: &[(String, String)]) -> String {
    let pairs: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    pairs.join("&")
}

fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").unwrap();
        }
        encoded
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
