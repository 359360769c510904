//! Registries that builds report to: making one, its name, its retention, its white list, its token.
//!
//! In: what a client says of it. Out: the same again; a token where one was made. Source: the vendor's pages of those names;
//! `docs/api.md`, "Builds". Odd:
//! * The name that images' ids are made of never changes: `UpdateJenkinsImageRegistryName` changes what the API calls the registry.
//! * Without `DomainName` images are named after `builds.invalid`, a host that can never be.
//! * `RefreshRegistryToken` makes the token of a registry's webhooks anew where builds do not report to it.

use plimsoll_store::{RegistryExtras, TokenPurpose};
use serde::Serialize;

use super::{
    ABOUT_DAYS, ABOUT_WHITE_LIST, KEPT_DAYS, REGISTRY_ID, builds_of, kept_days, white_list,
};
use crate::{
    action::{
        AccessLevel, Context, Parameter, ParameterKind, Run, failed, narrow,
        registry::{
            self, Addition, BUILDS, Dated, SOURCE_IP, kept, one_of, rate, registry_of, token,
        },
    },
    gateway::{Parameters, Refusal},
    operation::registries::{AddRegistry, Net},
};

/// Makes one.
pub(crate) struct CreateJenkinsImageRegistry;

/// Changes what it is called.
pub(crate) struct UpdateJenkinsImageRegistryName;

/// Changes how long its images are kept.
pub(crate) struct UpdateJenkinsImageRegistryPersistenceDay;

/// Tells how long images are kept where nobody says otherwise.
pub(crate) struct QueryJenkinsImageRegistryPersistenceDay;

/// Makes another token.
pub(crate) struct RefreshRegistryToken;

/// Changes from where builds may report.
pub(crate) struct UpdateWhiteList;

/// What `CreateJenkinsImageRegistry` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Created {
    data: Dated,
    http_status_code: i32,
}

/// What the changes answer, with the status beside it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Changed<T: Serialize> {
    data: T,
    http_status_code: i32,
}

/// The same without the status.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Bare<T: Serialize> {
    data: T,
}

/// Where images are named after that have no host.
const NO_HOST: &str = "builds.invalid";

impl Run for CreateJenkinsImageRegistry {
    const NAME: &'static str = "CreateJenkinsImageRegistry";
    const ACCESS: AccessLevel = AccessLevel::Create;
    const ABOUT: &'static str = "Makes a registry that builds report to, with its token.";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::optional(
            "RegistryName",
            ParameterKind::Text,
            "What it is called; must be sent.",
        ),
        Parameter::optional("RegistryType", ParameterKind::Text, "CI/CD, which is the default."),
        Parameter::optional("RegistryVersion", ParameterKind::Text, "-, V1, V2; kept."),
        Parameter::optional(
            "DomainName",
            ParameterKind::Text,
            "Host after which its images are named; builds.invalid by default.",
        ),
        Parameter::optional(
            "ProtocolType",
            ParameterKind::Integer,
            "1: http; 2: https, which is the default.",
        ),
        Parameter::optional(
            "NetType",
            ParameterKind::Integer,
            "1 the internet, which is the default; 2 a private network.",
        ),
        Parameter::optional("RegistryHostIp", ParameterKind::Text, "Kept."),
        Parameter::optional("VpcId", ParameterKind::Text, "Kept."),
        Parameter::optional("RegionId", ParameterKind::Text, "Region of its images."),
        Parameter::optional(
            "UserName",
            ParameterKind::Text,
            "Account; nothing is fetched with it.",
        ),
        Parameter::optional(
            "Password",
            ParameterKind::Text,
            "Its password; encrypted where it is kept.",
        ),
        Parameter::optional(
            "TransPerHour",
            ParameterKind::Integer,
            "Kept: builds scan what they report.",
        ),
        Parameter::optional("PersistenceDay", ParameterKind::Integer, ABOUT_DAYS),
        Parameter::optional("WhiteList", ParameterKind::Text, ABOUT_WHITE_LIST),
        Parameter::optional("ExtraParam", ParameterKind::Text, "Ignored."),
        SOURCE_IP,
    ];
    type Answer = Created;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Created, Refusal> {
        if let Some(other) = sent.text("RegistryType").filter(|word| *word != BUILDS) {
            return Err(Refusal::invalid("RegistryType", other, "CI/CD"));
        }
        let version = sent.text("RegistryVersion").unwrap_or("-");
        if !matches!(version, "-" | "V1" | "V2") {
            return Err(Refusal::invalid("RegistryVersion", version, "one of -, V1, V2"));
        }
        let name = sent.required("RegistryName")?;
        let protocol = one_of(sent, "ProtocolType", &[1, 2])?.unwrap_or(2);
        let net_type = one_of(sent, "NetType", &[1, 2])?.unwrap_or(1);
        let extras = RegistryExtras {
            version: version.to_owned(),
            host_ip: kept(sent, "RegistryHostIp")?,
            vpc_id: kept(sent, "VpcId")?,
            kept_days: kept_days(sent)?.unwrap_or(KEPT_DAYS),
            white_list: white_list(sent)?,
            ..RegistryExtras::default()
        };
        let scans_per_hour = rate(sent)?;
        let host = sent.text("DomainName").unwrap_or(NO_HOST);
        let request = AddRegistry {
            name: name.to_owned(),
            url: format!("{}://{host}", if protocol == 1 { "http" } else { "https" }),
            kind: Some("oci".to_owned()),
            reported_type: Some(BUILDS.to_owned()),
            region_id: kept(sent, "RegionId")?,
            net_type: Some(if net_type == 1 { Net::Internet } else { Net::Intranet }),
            plain_http: protocol == 1,
            username: sent.text("UserName").map(ToOwned::to_owned),
            password: sent.text("Password").map(ToOwned::to_owned),
            ..AddRegistry::default()
        };
        let purpose = TokenPurpose::Report;
        let addition = Addition { request, extras, scans_per_hour, purpose };
        let (shown, token) = addition.add(context, Self::NAME, "RegistryName").await?;
        Ok(Created { data: Dated::of(&shown, token), http_status_code: 200 })
    }
}

impl Run for UpdateJenkinsImageRegistryName {
    const NAME: &'static str = "UpdateJenkinsImageRegistryName";
    const ACCESS: AccessLevel = AccessLevel::Update;
    const ABOUT: &'static str = "Changes what a registry of builds is called.";
    const PARAMETERS: &'static [Parameter] = &[
        REGISTRY_ID,
        Parameter::optional(
            "RegistryName",
            ParameterKind::Text,
            "What it is called; must be sent.",
        ),
        SOURCE_IP,
    ];
    type Answer = Changed<bool>;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Changed<bool>, Refusal> {
        let registry = builds_of(context, Self::NAME, sent).await?;
        let name = sent.required("RegistryName")?;
        if name.chars().count() > 128 || name.chars().any(char::is_control) {
            return Err(Refusal::invalid("RegistryName", name, "a name of at most 128 characters"));
        }
        let others = registry::Shown::all(context, Self::NAME).await?;
        let is_other = |one: &&registry::Shown| one.registry.id != registry.id;
        if others.iter().filter(is_other).any(|one| one.name() == name) {
            return Err(Refusal::invalid(
                "RegistryName",
                name,
                "a name that no other registry has",
            ));
        }
        let title = name.to_owned();
        change(context, Self::NAME, registry.id, |extras| extras.title = title).await?;
        Ok(Changed { data: true, http_status_code: 200 })
    }
}

impl Run for UpdateJenkinsImageRegistryPersistenceDay {
    const NAME: &'static str = "UpdateJenkinsImageRegistryPersistenceDay";
    const ACCESS: AccessLevel = AccessLevel::Update;
    const ABOUT: &'static str = "Changes how long images of builds are kept.";
    const PARAMETERS: &'static [Parameter] = &[
        REGISTRY_ID,
        Parameter::optional("PersistenceDay", ParameterKind::Integer, ABOUT_DAYS),
        SOURCE_IP,
    ];
    type Answer = Changed<bool>;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Changed<bool>, Refusal> {
        let registry = builds_of(context, Self::NAME, sent).await?;
        let Some(days) = kept_days(sent)? else {
            return Err(Refusal::MissingParameter("PersistenceDay".to_owned()));
        };
        change(context, Self::NAME, registry.id, |extras| extras.kept_days = days).await?;
        Ok(Changed { data: true, http_status_code: 200 })
    }
}

impl Run for QueryJenkinsImageRegistryPersistenceDay {
    const NAME: &'static str = "QueryJenkinsImageRegistryPersistenceDay";
    const ACCESS: AccessLevel = AccessLevel::Get;
    const ABOUT: &'static str =
        "Tells how long images of builds are kept where nobody says otherwise.";
    const PARAMETERS: &'static [Parameter] = &[SOURCE_IP];
    type Answer = Changed<i32>;

    async fn run(_context: Context<'_>, _sent: &Parameters) -> Result<Changed<i32>, Refusal> {
        Ok(Changed { data: narrow(KEPT_DAYS), http_status_code: 200 })
    }
}

impl Run for RefreshRegistryToken {
    const NAME: &'static str = "RefreshRegistryToken";
    const ACCESS: AccessLevel = AccessLevel::Update;
    const ABOUT: &'static str =
        "Makes another token of a registry; the one before is refused from then on.";
    const PARAMETERS: &'static [Parameter] = &[registry::REGISTRY_ID];
    type Answer = Bare<String>;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Bare<String>, Refusal> {
        let settings = registry_of(context, Self::NAME, sent, "RegistryId").await?.settings;
        let purpose = if settings.reported_type == BUILDS {
            TokenPurpose::Report
        } else {
            TokenPurpose::Hook
        };
        Ok(Bare { data: token(context, Self::NAME, &settings.name, purpose).await? })
    }
}

impl Run for UpdateWhiteList {
    const NAME: &'static str = "UpdateWhiteList";
    const ACCESS: AccessLevel = AccessLevel::Update;
    const ABOUT: &'static str = "Changes from which addresses builds may report.";
    const PARAMETERS: &'static [Parameter] = &[
        registry::REGISTRY_ID,
        Parameter::required("WhiteList", ParameterKind::Text, ABOUT_WHITE_LIST),
    ];
    type Answer = Bare<bool>;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Bare<bool>, Refusal> {
        let registry = builds_of(context, Self::NAME, sent).await?;
        sent.required("WhiteList")?;
        let list = white_list(sent)?;
        change(context, Self::NAME, registry.id, |extras| extras.white_list = list).await?;
        Ok(Bare { data: true })
    }
}

/// Changes what is said of a registry.
async fn change(
    context: Context<'_>,
    action: &'static str,
    registry_id: i64,
    change: impl FnOnce(&mut RegistryExtras),
) -> Result<(), Refusal> {
    let extras = context.store.registry_extras(registry_id).await;
    let mut extras = extras.map_err(|error| failed(action, &error))?;
    change(&mut extras);
    let written = context.store.set_registry_extras(registry_id, &extras).await;
    written.map(drop).map_err(|error| failed(action, &error))
}
