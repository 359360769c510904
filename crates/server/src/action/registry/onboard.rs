//! `AddPrivateRegistry`: a registry is added and synced.
//!
//! In: where it is, its kind, an account. Out: the same with its number. Source: the vendor's page of that name; `docs/api.md`,
//! "Registries".
//!
//! Odd:
//! * Its name is its host, with the port that is not the protocol's own; the same host twice is refused.
//! * `RegistryHostIp` and `VpcId` are kept and told again: connections go to `DomainName`, as certificates want it.
//! * `Token` is the one by which its webhooks are known; it is told here alone.
//! * `ProtocolType` 1 is believed: whoever says it means plain http, also to another machine.

use std::{collections::BTreeMap, net::IpAddr};

use plimsoll_model::Secret;
use plimsoll_registry::kind::kinds;
use plimsoll_store::{RegistryExtras, TokenPurpose};
use serde::{Deserialize, Serialize};

use super::{Addition, kept, one_of, rate, report::Common};
use crate::{
    action::{AccessLevel, Context, Parameter, ParameterKind, Run},
    gateway::{Parameters, Refusal},
    operation::registries::{AddRegistry, Net},
};

/// The action.
pub(crate) struct AddPrivateRegistry;

/// What it answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answer {
    data: Data,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Data {
    #[serde(flatten)]
    common: Common,
    net_type: i64,
    protocol_type: i64,
    registry_version: String,
    token: String,
}

/// The most tokens of namespaces.
const MOST_TOKENS: usize = 1_000;

impl Run for AddPrivateRegistry {
    const NAME: &'static str = "AddPrivateRegistry";
    const ACCESS: AccessLevel = AccessLevel::Create;
    const ABOUT: &'static str =
        "Adds a registry, whose images are listed and scanned from then on.";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::required("DomainName", ParameterKind::Text, "Its host."),
        Parameter::optional(
            "Port",
            ParameterKind::Integer,
            "Its port; that of the protocol by default.",
        ),
        Parameter::required("ProtocolType", ParameterKind::Long, "1: http; 2: https."),
        Parameter::required("RegistryType", ParameterKind::Text, "harbor, quay."),
        Parameter::required("RegistryVersion", ParameterKind::Text, "V1, V2; kept."),
        Parameter::required(
            "NetType",
            ParameterKind::Long,
            "From where it can be reached: 1 the internet, 2 a private network.",
        ),
        Parameter::required(
            "RegistryHostIp",
            ParameterKind::Text,
            "Its address; kept, connections go to DomainName.",
        ),
        Parameter::optional("VpcId", ParameterKind::Text, "Its private network; kept."),
        Parameter::required("RegistryRegionId", ParameterKind::Text, "Region of its images."),
        Parameter::required("UserName", ParameterKind::Text, "Account or robot."),
        Parameter::required(
            "Password",
            ParameterKind::Text,
            "Its password; encrypted where it is kept.",
        ),
        Parameter::optional(
            "TransPerHour",
            ParameterKind::Integer,
            "How many of its images may be scanned an hour; 0, which is the default: as many as can be.",
        ),
        Parameter::required(
            "ExtraParam",
            ParameterKind::Text,
            "Tokens by namespace, JSON: `[{\"namespace\":\"team\",\"authToken\":\"…\"}]`, or `[]`.",
        ),
    ];
    type Answer = Answer;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Answer, Refusal> {
        let missing = |name: &str| Refusal::MissingParameter(name.to_owned());
        let host = sent.required("DomainName")?;
        let kind = sent.required("RegistryType")?;
        if !matches!(kind, "harbor" | "quay") {
            return Err(Refusal::invalid("RegistryType", kind, "one of harbor, quay"));
        }
        let version = sent.required("RegistryVersion")?;
        if !matches!(version, "V1" | "V2") {
            return Err(Refusal::invalid("RegistryVersion", version, "one of V1, V2"));
        }
        let protocol =
            one_of(sent, "ProtocolType", &[1, 2])?.ok_or_else(|| missing("ProtocolType"))?;
        let net_type = one_of(sent, "NetType", &[1, 2])?.ok_or_else(|| missing("NetType"))?;
        let address = sent.required("RegistryHostIp")?;
        if address.parse::<IpAddr>().is_err() {
            return Err(Refusal::invalid("RegistryHostIp", address, "an IP address"));
        }
        sent.required("RegistryRegionId")?;
        let extras = RegistryExtras {
            version: version.to_owned(),
            host_ip: address.to_owned(),
            vpc_id: kept(sent, "VpcId")?,
            namespace_tokens: tokens(sent.required("ExtraParam")?)?,
            ..RegistryExtras::default()
        };
        let scans_per_hour = rate(sent)?;
        let place = place(host, sent.long("Port")?, protocol)?;
        let request = AddRegistry {
            name: place.clone(),
            url: format!("{}://{place}", if protocol == 1 { "http" } else { "https" }),
            kind: Some(adapter(kind).to_owned()),
            reported_type: Some(kind.to_owned()),
            region_id: kept(sent, "RegistryRegionId")?,
            net_type: Some(if net_type == 1 { Net::Internet } else { Net::Intranet }),
            plain_http: protocol == 1,
            username: Some(sent.required("UserName")?.to_owned()),
            password: Some(sent.required("Password")?.to_owned()),
            api_token: api_token(kind, &extras.namespace_tokens),
            ..AddRegistry::default()
        };
        let purpose = TokenPurpose::Hook;
        let addition = Addition { request, extras, scans_per_hour, purpose };
        let (shown, token) = addition.add(context, Self::NAME, "DomainName").await?;
        Ok(Answer {
            data: Data {
                common: Common::of(&shown),
                net_type,
                protocol_type: protocol,
                registry_version: shown.extras.version,
                token,
            },
        })
    }
}

/// Host and, if it is sent and not the protocol's own, port.
fn place(host: &str, port: Option<i64>, protocol: i64) -> Result<String, Refusal> {
    let own = if protocol == 1 { 80 } else { 443 };
    match port {
        None => Ok(host.to_owned()),
        Some(port) if port == own => Ok(host.to_owned()),
        Some(port @ 1..=65_535) => Ok(format!("{host}:{port}")),
        Some(other) => Err(Refusal::invalid("Port", &other.to_string(), "1 to 65535")),
    }
}

/// The kind of registry that speaks so; the standard's own where there is none of that name.
fn adapter(reported: &str) -> &'static str {
    kinds().iter().map(|kind| kind.id()).find(|id| *id == reported).unwrap_or("oci")
}

/// The tokens of namespaces as Quay's adapter takes them, a line each. Harbor's API takes the account.
fn api_token(kind: &str, tokens: &BTreeMap<String, Secret<String>>) -> Option<String> {
    if kind != "quay" || tokens.is_empty() {
        return None;
    }
    let line = |(name, token): (&String, &Secret<String>)| format!("{name}={}", token.reveal());
    Some(tokens.iter().map(line).collect::<Vec<_>>().join("\n"))
}

/// What `ExtraParam` says.
fn tokens(text: &str) -> Result<BTreeMap<String, Secret<String>>, Refusal> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Token {
        namespace: String,
        auth_token: String,
    }
    // The text holds secrets: it is not shown.
    let wrong = || {
        Refusal::InvalidParameter {
        name: "ExtraParam".to_owned(),
        why: "It is not a JSON list of objects with the texts `namespace` and `authToken`, at most a thousand.".to_owned(),
    }
    };
    let tokens: Vec<Token> = serde_json::from_str(text).map_err(|_error| wrong())?;
    let is_plain = |token: &Token| {
        let name = &token.namespace;
        !name.is_empty()
            && !name.contains(|letter: char| letter == '=' || letter.is_control())
            && !token.auth_token.contains(char::is_control)
    };
    if tokens.len() > MOST_TOKENS || !tokens.iter().all(is_plain) {
        return Err(wrong());
    }
    Ok(tokens.into_iter().map(|token| (token.namespace, Secret::new(token.auth_token))).collect())
}
