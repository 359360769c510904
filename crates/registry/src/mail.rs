//! Sending mail.
//!
//! In: a server that an operator configured, and a message. Out: whether the server took it. Source: RFC 5321 (SMTP), RFC 3207
//! (STARTTLS), RFC 8314 (TLS from the first byte), RFC 4954 (AUTH); the library `lettre` speaks them. Odd: the server's name is
//! resolved here and the addresses pass the guard of [`crate::reach`]; the library connects to the address that was checked and
//! holds the certificate against the name. A password never goes over a connection without TLS.

use std::time::{Duration, UNIX_EPOCH};

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
    transport::smtp::{
        authentication::Credentials as SmtpCredentials,
        client::{Certificate, Tls, TlsParameters},
    },
};
use plimsoll_model::Timestamp;

use crate::{
    endpoint::Credentials,
    error::conceal,
    http::HttpOptions,
    reach::{ForbiddenAddress, Guard},
};

/// How a mail server is spoken to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MailSecurity {
    /// TLS from the first byte.
    Tls,
    /// TLS after STARTTLS, without which nothing is sent.
    StartTls,
    /// No TLS: only where an operator says so.
    Plain,
}

/// A mail server.
#[derive(Clone, Debug)]
pub struct MailServer {
    /// Name or address; an IPv6 address without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How to speak to it.
    pub security: MailSecurity,
    /// The account, if it wants one.
    pub account: Option<Credentials>,
    /// Certificates (PEM) of authorities that are trusted besides the system's.
    pub ca_pem: Option<String>,
}

/// A message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mail {
    /// Sender: an address, or `Name <address>`.
    pub from: String,
    /// Recipients.
    pub to: Vec<String>,
    /// Subject: one line.
    pub subject: String,
    /// Text.
    pub text: String,
    /// The message's own id without brackets, the same in every attempt: `…@host`.
    pub id: String,
    /// When it was written.
    pub date: Timestamp,
}

/// Why a message was not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// An address that is none.
    #[error("`{0}` is not a mail address")]
    Address(String),
    /// What the message cannot be made of.
    #[error("the message cannot be written: {0}")]
    Message(String),
    /// A password over a connection that everybody can read.
    #[error("a password is not sent over a connection without TLS")]
    Unencrypted,
    /// A certificate that is none.
    #[error("the CA certificate is not readable as PEM: {0}")]
    Certificate(String),
    /// An address that may not be connected to.
    #[error(transparent)]
    Forbidden(#[from] ForbiddenAddress),
    /// The server's name has no address.
    #[error("`{host}` cannot be found: {reason}")]
    Resolve {
        /// The server.
        host: String,
        /// What the system says.
        reason: String,
    },
    /// The server did not take it.
    #[error("mail server `{host}`: {reason}")]
    Server {
        /// The server.
        host: String,
        /// What it said, or what went wrong.
        reason: String,
        /// Whether it will not take it later either.
        permanent: bool,
    },
}

impl MailError {
    /// Whether another attempt would end the same.
    #[must_use]
    pub const fn is_permanent(&self) -> bool {
        match self {
            Self::Address(_) | Self::Message(_) | Self::Unencrypted | Self::Certificate(_) => true,
            Self::Server { permanent, .. } => *permanent,
            Self::Forbidden(_) | Self::Resolve { .. } => false,
        }
    }
}

/// Whether a text is a mail address, alone or with a name.
#[must_use]
pub fn is_address(text: &str) -> bool {
    text.parse::<Mailbox>().is_ok()
}

/// Hands a message to a server.
///
/// # Errors
/// [`MailError`] says whether it makes sense to try again.
pub async fn send(
    server: &MailServer,
    mail: &Mail,
    options: &HttpOptions,
) -> Result<(), MailError> {
    if server.security == MailSecurity::Plain && server.account.is_some() {
        return Err(MailError::Unencrypted);
    }
    let message = message(mail)?;
    let tls = tls(server)?;
    let guard = Guard::new(&server.host, options.allow_private).with_networks(&options.networks);
    let resolve = |error: std::io::Error| MailError::Resolve {
        host: server.host.clone(),
        reason: error.to_string(),
    };
    let found = tokio::net::lookup_host((server.host.as_str(), server.port)).await;
    let permitted = guard.filter(&server.host, found.map_err(resolve)?)?;
    let mut outcome = Err(MailError::Forbidden(ForbiddenAddress::Unknown(server.host.clone())));
    for address in permitted {
        let builder =
            AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(address.ip().to_string())
                .port(server.port)
                .timeout(Some(options.read_timeout))
                .tls(tls.clone());
        let builder = match &server.account {
            Some(account) => builder.credentials(SmtpCredentials::new(
                account.username.clone(),
                account.password.reveal().clone(),
            )),
            None => builder,
        };
        // The library's own limit ends with the connection: a server that accepts one and says nothing would hold us for ever.
        let sending = builder.build();
        let sent = tokio::time::timeout(options.document_timeout, sending.send(message.clone()));
        outcome = match sent.await {
            Ok(Ok(_taken)) => return Ok(()),
            Ok(Err(error)) => Err(MailError::Server {
                host: server.host.clone(),
                reason: concealed(server, chain(&error)),
                permanent: error.is_permanent(),
            }),
            Err(_elapsed) => Err(MailError::Server {
                host: server.host.clone(),
                reason: format!("took no message within {:?}", options.document_timeout),
                permanent: false,
            }),
        };
        // Only an address that does not answer is passed over: what another one says of the message holds for all.
        if matches!(&outcome, Err(MailError::Server { permanent: true, .. })) {
            break;
        }
    }
    outcome
}

/// A server's own words without the account's password, which some servers repeat.
fn concealed(server: &MailServer, words: String) -> String {
    let Some(account) = &server.account else { return words };
    let password = account.password.reveal().as_str();
    // What `AUTH PLAIN` sends.
    let plain = format!("\0{}\0{password}", account.username);
    conceal(words, [plain.as_str(), password])
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // The library says the causes itself.
        let next = error.to_string();
        if !text.ends_with(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}

fn tls(server: &MailServer) -> Result<Tls, MailError> {
    if server.security == MailSecurity::Plain {
        return Ok(Tls::None);
    }
    let failed = |error: &dyn std::error::Error| MailError::Certificate(chain(error));
    let mut parameters = TlsParameters::builder(server.host.clone());
    if let Some(pem) = &server.ca_pem {
        let certificate = Certificate::from_pem(pem.as_bytes()).map_err(|error| failed(&error))?;
        parameters = parameters.add_root_certificate(certificate);
    }
    let parameters = parameters.build_rustls().map_err(|error| failed(&error))?;
    Ok(match server.security {
        MailSecurity::Tls => Tls::Wrapper(parameters),
        MailSecurity::StartTls | MailSecurity::Plain => Tls::Required(parameters),
    })
}

fn message(mail: &Mail) -> Result<Message, MailError> {
    let mailbox =
        |text: &str| text.parse::<Mailbox>().map_err(|_error| MailError::Address(text.to_owned()));
    // Whatever stands in it, a subject is one line.
    let subject: String =
        mail.subject.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let seconds = Duration::from_secs(u64::try_from(mail.date.0).unwrap_or_default());
    let mut builder = Message::builder()
        .from(mailbox(&mail.from)?)
        .subject(subject)
        .message_id(Some(format!("<{}>", mail.id)))
        .date(UNIX_EPOCH + seconds)
        .header(ContentType::TEXT_PLAIN);
    for recipient in &mail.to {
        builder = builder.to(mailbox(recipient)?);
    }
    builder.body(mail.text.clone()).map_err(|error| MailError::Message(chain(&error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail() -> Mail {
        Mail {
            from: "Plimsoll <plimsoll@example.com>".to_owned(),
            to: vec!["ops@example.com".to_owned(), "Ann <ann@example.com>".to_owned()],
            subject: "CVE-1\r\nBcc: all@example.com".to_owned(),
            text: "Zwölf\n.\nBoxkämpfer".to_owned(),
            id: "1-2-3@plimsoll".to_owned(),
            date: Timestamp(1_795_600_000),
        }
    }

    #[test]
    fn a_message_has_its_own_headers_and_no_others() {
        let text = String::from_utf8(message(&mail()).unwrap().formatted()).unwrap();
        for wanted in [
            "From: Plimsoll <plimsoll@example.com>\r\n",
            "To: ops@example.com, Ann <ann@example.com>\r\n",
            "Message-ID: <1-2-3@plimsoll>\r\n",
            "Date: Wed, 25 Nov 2026 09:46:40 ",
        ] {
            assert!(text.contains(wanted), "{wanted} in {text}");
        }
        assert!(!text.to_ascii_lowercase().contains("\r\nbcc:"), "{text}");
        assert_eq!(message(&mail()).unwrap().formatted(), text.as_bytes(), "the same each time");
    }

    #[test]
    fn what_a_server_repeats_of_the_password_is_not_repeated() {
        let password = plimsoll_model::Secret::new("m4il-pass".to_owned());
        let server = MailServer {
            host: "mail.example.com".into(),
            port: 465,
            security: MailSecurity::Tls,
            account: Some(Credentials::new("ci", password)),
            ca_pem: None,
        };
        for said in [
            "535 5.7.8 Error: authentication failed: m4il-pass",
            "535 5.7.8 Error: authentication failed: bTRpbC1wYXNz",
            "535 5.7.8 Error: authentication failed: AGNpAG00aWwtcGFzcw==",
        ] {
            let shown = concealed(&server, said.to_owned());
            assert_eq!(shown, "535 5.7.8 Error: authentication failed: …", "{said}");
        }
        assert!(!format!("{server:?}").contains("m4il"));
    }

    #[test]
    fn what_is_no_address_is_named() {
        let wrong = Mail { to: vec!["nobody".to_owned()], ..mail() };
        assert_eq!(message(&wrong).unwrap_err(), MailError::Address("nobody".to_owned()));
        for text in ["ops@example.com", "Ops <ops@example.com>"] {
            assert!(is_address(text), "{text}");
        }
        for text in ["", "ops", "ops@example.com, x", "a@b\r\nBcc: c@d"] {
            assert!(!is_address(text), "{text}");
        }
    }
}
