//! `ModifyImageRegistry` and `DeletePrivateRegistry`: a registry is changed, or removed with its images.
//!
//! In: its number, and what is to be another. Out: that it was done. Source: the vendor's pages of those names; `docs/api.md`,
//! "Registries". Odd: what is not sent stays as it is; the name stays too when the host changes, because images' ids are made
//! of it.

use std::net::IpAddr;

use plimsoll_model::Secret;
use plimsoll_registry::Endpoint;
use plimsoll_store::UrlScheme;
use serde::Serialize;

use super::{REGISTRY_ID, limit, rate, refused_by_store, registry_of};
use crate::{
    action::{AccessLevel, Context, Parameter, ParameterKind, Run, failed},
    gateway::{Parameters, Refusal},
};

/// Changes a registry.
pub(crate) struct ModifyImageRegistry;

/// Removes a registry.
pub(crate) struct DeletePrivateRegistry;

/// What `ModifyImageRegistry` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Modified {
    code: &'static str,
    data: bool,
    http_status_code: i32,
    message: &'static str,
    success: bool,
}

/// What `DeletePrivateRegistry` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Deleted {
    data: bool,
}

impl Run for ModifyImageRegistry {
    const NAME: &'static str = "ModifyImageRegistry";
    const ACCESS: AccessLevel = AccessLevel::Update;
    const ABOUT: &'static str =
        "Changes a registry's host, account or limit; what is not sent stays.";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::optional(
            "Id",
            ParameterKind::Long,
            "Number of the registry; without it nothing is changed.",
        ),
        Parameter::optional("DomainName", ParameterKind::Text, "Its host."),
        Parameter::optional("Port", ParameterKind::Long, "Its port."),
        Parameter::optional("RegistryHostIp", ParameterKind::Text, "Its address; kept."),
        Parameter::optional("UserName", ParameterKind::Text, "Account or robot."),
        Parameter::optional("Password", ParameterKind::Text, "Its password."),
        Parameter::optional(
            "TransPerHour",
            ParameterKind::Integer,
            "How many of its images may be scanned an hour; 0: as many as can be.",
        ),
    ];
    type Answer = Modified;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Modified, Refusal> {
        let registry = registry_of(context, Self::NAME, sent, "Id").await?;
        let extras = context.store.registry_extras(registry.id).await;
        let known = extras.map_err(|error| failed(Self::NAME, &error))?;
        let (mut settings, mut extras) = (registry.settings, known.clone());
        let before = settings.clone();
        if let Some(host) = sent.text("DomainName") {
            settings.host = host_of(host, settings.scheme)?;
        }
        settings.port = match sent.long("Port")? {
            None => settings.port,
            Some(number) => {
                let port = u16::try_from(number).ok().filter(|port| *port > 0);
                let wrong = || Refusal::invalid("Port", &number.to_string(), "1 to 65535");
                let own = match settings.scheme {
                    UrlScheme::Http => 80,
                    UrlScheme::Https => 443,
                };
                Some(port.ok_or_else(wrong)?).filter(|port| *port != own)
            }
        };
        if let Some(address) = sent.text("RegistryHostIp") {
            if address.parse::<IpAddr>().is_err() {
                return Err(Refusal::invalid("RegistryHostIp", address, "an IP address"));
            }
            address.clone_into(&mut extras.host_ip);
        }
        if let Some(account) = sent.text("UserName") {
            settings.username = Some(account.to_owned());
        }
        if let Some(password) = sent.text("Password") {
            if settings.username.is_none() {
                return Err(Refusal::MissingParameter("UserName".to_owned()));
            }
            settings.password = Some(Secret::new(password.to_owned()));
        }
        // A password goes only where it was meant for.
        let moved = before.host != settings.host || before.port != settings.port;
        if moved && before.password.is_some() && sent.text("Password").is_none() {
            return Err(Refusal::MissingParameter("Password".to_owned()));
        }
        // So do tokens, which nothing here can give anew.
        if moved {
            settings.adapter.api_token = None;
            extras.namespace_tokens.clear();
        }
        let wanted_rate = sent.text("TransPerHour").map(|_sent| rate(sent)).transpose()?;
        if settings != before {
            let written = context.store.update_registry(&settings, context.now).await;
            written.map_err(|error| refused_by_store(Self::NAME, error))?;
            tracing::info!(registry.name = settings.name, "registry changed");
        }
        if extras != known {
            let written = context.store.set_registry_extras(registry.id, &extras).await;
            written.map_err(|error| failed(Self::NAME, &error))?;
        }
        if let Some(rate) = wanted_rate {
            limit(context, Self::NAME, &settings.name, rate).await?;
        }
        Ok(Modified {
            code: "200",
            data: true,
            http_status_code: 200,
            message: "successful",
            success: true,
        })
    }
}

/// A host as connections go to it: a name or an address and nothing else.
fn host_of(text: &str, scheme: UrlScheme) -> Result<String, Refusal> {
    let of = |place: &str| Endpoint::parse(&format!("{}://{place}", scheme.as_str()), true).ok();
    // With a port of its own it would have two.
    let alone = of(text).zip(of(&format!("{text}:1"))).map(|(endpoint, _)| endpoint.host);
    alone.ok_or_else(|| Refusal::invalid("DomainName", text, "a host; its port is Port"))
}

impl Run for DeletePrivateRegistry {
    const NAME: &'static str = "DeletePrivateRegistry";
    const ACCESS: AccessLevel = AccessLevel::Delete;
    const ABOUT: &'static str = "Removes a registry with its images.";
    const PARAMETERS: &'static [Parameter] = &[REGISTRY_ID];
    type Answer = Deleted;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Deleted, Refusal> {
        let registry = registry_of(context, Self::NAME, sent, "RegistryId").await?;
        let name = &registry.settings.name;
        let removed = context.store.remove_registry(name, context.now).await;
        let images = removed.map_err(|error| refused_by_store(Self::NAME, error))?;
        tracing::info!(registry.name = name, images, "registry removed");
        Ok(Deleted { data: true })
    }
}
