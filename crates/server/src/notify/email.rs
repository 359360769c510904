//! Mail.
//!
//! In: an event. Out: a message in plain text by an operator's mail server. Source: RFC 5321, RFC 8314. Odd: `smtps://` is TLS from the
//! first byte (port 465), `smtp://` is TLS after STARTTLS (port 587), without which nothing is sent; only `plain` sends without. The
//! message's id is the event's, so that mail programs know a repetition.

use std::time::Duration;

use futures_util::{FutureExt, future::BoxFuture};
use plimsoll_model::Secret;
use plimsoll_registry::{
    Credentials, Endpoint, Mail, MailError, MailSecurity, MailServer,
    mail::{is_address, send as send_mail},
};

use super::{Channel, Destination, Event, Failure, NETWORKS_SETTING, Sending, Wrong, text};

/// All of it: a message is taken for a minute.
const LIMIT: Duration = Duration::from_secs(45);
/// Recipients of one subscription.
const MOST_RECIPIENTS: usize = 50;

/// The channel.
pub(super) struct Email;

impl Channel for Email {
    fn id(&self) -> &'static str {
        "email"
    }

    fn about(&self) -> &'static str {
        "Mail by your mail server: smtps://HOST (TLS) or smtp://HOST (STARTTLS), with or without an account."
    }

    fn takes(&self) -> &'static [&'static str] {
        &["url", "to", "from", "username", "secret"]
    }

    fn check(
        &self,
        destination: &Destination,
        secret: Option<&Secret<String>>,
    ) -> Result<String, Wrong> {
        let server = server(destination, secret)?;
        let from = destination.from.as_deref().unwrap_or_default();
        if !is_address(from) {
            return Err(Wrong("from", format!("`{from}` is not a mail address")));
        }
        if destination.to.is_empty() || destination.to.len() > MOST_RECIPIENTS {
            return Err(Wrong("to", format!("1 to {MOST_RECIPIENTS} recipients")));
        }
        if let Some(wrong) = destination.to.iter().find(|address| !is_address(address)) {
            return Err(Wrong("to", format!("`{wrong}` is not a mail address")));
        }
        Ok(format!("{} by {}", destination.to.join(", "), server.host))
    }

    fn send<'a>(&'a self, sending: &'a Sending<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        send(sending).boxed()
    }
}

async fn send(sending: &Sending<'_>) -> Result<(), Failure> {
    let destination = sending.destination;
    let server = server(destination, sending.secret)
        .map_err(|Wrong(field, why)| Failure::last(format!("`{field}`: {why}")))?;
    let mail = Mail {
        from: destination.from.clone().unwrap_or_default(),
        to: destination.to.clone(),
        subject: format!("[Plimsoll] {}", text::headline(sending.event)),
        text: body(sending.event),
        id: format!("{}@plimsoll", sending.event.id),
        date: sending.event.time,
    };
    match tokio::time::timeout(LIMIT, send_mail(&server, &mail, sending.options)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => {
            let hint = if matches!(error, MailError::Forbidden(_)) {
                format!("; `plimsoll settings {NETWORKS_SETTING} NETWORKS` allows it")
            } else {
                String::new()
            };
            let is_final = error.is_permanent();
            Err(Failure { is_final, ..Failure::again(format!("{error}{hint}")) })
        }
        Err(_elapsed) => Err(Failure::again(format!(
            "mail server `{}` took longer than {} seconds",
            server.host,
            LIMIT.as_secs()
        ))),
    }
}

fn server(destination: &Destination, secret: Option<&Secret<String>>) -> Result<MailServer, Wrong> {
    const SHAPE: &str = "it is not smtps://HOST[:PORT] or smtp://HOST[:PORT]";
    let wrong = || Wrong("url", SHAPE.to_owned());
    let url = destination.url.as_deref().unwrap_or_default().trim();
    let (scheme, host) = url.split_once("://").ok_or_else(wrong)?;
    let (security, port) = match scheme {
        "smtps" => (MailSecurity::Tls, 465),
        "smtp" if destination.plain => (MailSecurity::Plain, 25),
        "smtp" => (MailSecurity::StartTls, 587),
        _ => return Err(wrong()),
    };
    let host = host.trim_end_matches('/');
    // Read as an https address, whose own port stands for one that is not said.
    let endpoint = Endpoint::parse(&format!("https://{host}"), false)
        .map_err(|error| Wrong("url", error.to_string()))?;
    let is_said = endpoint.port != 443 || host.ends_with(":443");
    let account = match (&destination.username, secret) {
        (Some(username), Some(password)) => {
            Some(Credentials::new(username.clone(), password.clone()))
        }
        (None, None) => None,
        (Some(_), None) => return Err(Wrong("secret", "the account has no password".to_owned())),
        (None, Some(_)) => {
            return Err(Wrong("username", "a password needs an account".to_owned()));
        }
    };
    if security == MailSecurity::Plain && account.is_some() {
        let why = "a password is not sent without TLS: leave out `plain`";
        return Err(Wrong("username", why.to_owned()));
    }
    Ok(MailServer {
        host: endpoint.host,
        port: if is_said { endpoint.port } else { port },
        security,
        account,
        ca_pem: destination.ca_pem.clone(),
    })
}

fn body(event: &Event) -> String {
    let mut body = format!("{}\n", text::headline(event));
    let lines = text::lines(event);
    for line in &lines {
        body.push_str(&format!("\n* {} {}\n", line.name, line.says));
        for image in &line.named {
            body.push_str(&format!("    {image}\n"));
        }
        if let Some(link) = &line.link {
            body.push_str(&format!("  {link}\n"));
        }
    }
    if let Some(rest) = text::rest(event, lines.len()) {
        body.push_str(&format!("\n{rest}\n"));
    }
    body.push_str(&format!("\n--\nSubscription \"{}\" of Plimsoll\n", event.subscription));
    body
}
