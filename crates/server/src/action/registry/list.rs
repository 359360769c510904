//! Lists about registries: all of them, how many of which type, regions, tokens of namespaces.
//!
//! In: a type or a number. Out: lists without pages. Source: the vendor's pages of those names; `docs/api.md`, "Registries". Odd:
//! regions are names to tell registries apart by; any text can be one, and those of the vendor's sites are offered besides those
//! that are in use.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{HIDDEN, REGISTRY_ID, Shown, registry_of, report::Common};
use crate::{
    action::{AccessLevel, Context, Parameter, ParameterKind, Run, failed, filters::LANG},
    gateway::{Parameters, Refusal},
};

/// All registries, or those of one type.
pub(crate) struct ListPrivateRegistryList;

/// How many registries there are of each type.
pub(crate) struct ListPrivateRegistryType;

/// Regions that registries can be in.
pub(crate) struct ListImageRegistryRegion;

/// Tokens by namespace of one registry.
pub(crate) struct ListImageRegistryExtra;

/// What `ListPrivateRegistryList` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Registries {
    image_registry_infos: Vec<Registry>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Registry {
    #[serde(flatten)]
    common: Common,
    jenkins_env: &'static str,
    net_type: i64,
    persistence_day: i64,
    port: i64,
    protocol_type: i64,
    registry_name: String,
    registry_version: String,
    token: &'static str,
    white_list: String,
}

/// What `ListPrivateRegistryType` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Types {
    registry_type_infos: Vec<Type>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Type {
    count: i64,
    registry_type: String,
}

/// What `ListImageRegistryRegion` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Regions {
    regions: Vec<Region>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Region {
    region_id: String,
    region_name: String,
}

/// What `ListImageRegistryExtra` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Extras {
    image_registry_extra_infos: Vec<Extra>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Extra {
    auth_token: &'static str,
    id: i64,
    namespace: String,
    registry_id: i64,
    registry_type: String,
}

impl Run for ListPrivateRegistryList {
    const NAME: &'static str = "ListPrivateRegistryList";
    const ACCESS: AccessLevel = AccessLevel::List;
    const ABOUT: &'static str = "Lists registries.";
    const PARAMETERS: &'static [Parameter] = &[Parameter::optional(
        "RegistryType",
        ParameterKind::Text,
        "Only of this type: acr, harbor, quay, CI/CD, or what else registries are called.",
    )];
    type Answer = Registries;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Registries, Refusal> {
        let wanted = sent.text("RegistryType");
        let shown = Shown::all(context, Self::NAME).await?;
        let of_type = |one: &&Shown| {
            wanted.is_none_or(|wanted| one.registry.settings.reported_type == wanted)
        };
        let image_registry_infos = shown.iter().filter(of_type).map(Registry::of).collect();
        Ok(Registries { image_registry_infos })
    }
}

impl Registry {
    fn of(shown: &Shown) -> Self {
        Self {
            common: Common::of(shown),
            jenkins_env: "",
            net_type: i64::from(shown.registry.settings.net_type.number()),
            persistence_day: i64::from(shown.extras.kept_days),
            port: shown.port(),
            protocol_type: i64::from(shown.protocol()),
            registry_name: shown.name(),
            registry_version: shown.extras.version.clone(),
            token: shown.token(),
            white_list: shown.extras.white_list.clone(),
        }
    }
}

impl Run for ListPrivateRegistryType {
    const NAME: &'static str = "ListPrivateRegistryType";
    const ACCESS: AccessLevel = AccessLevel::List;
    const ABOUT: &'static str = "Counts registries by type.";
    const PARAMETERS: &'static [Parameter] = &[LANG];
    type Answer = Types;

    async fn run(context: Context<'_>, _sent: &Parameters) -> Result<Types, Refusal> {
        let registries = context.store.registries().await;
        let registries = registries.map_err(|error| failed(Self::NAME, &error))?;
        let mut counts: BTreeMap<String, i64> = BTreeMap::new();
        for registry in registries {
            *counts.entry(registry.settings.reported_type).or_default() += 1;
        }
        let info = |(registry_type, count)| Type { count, registry_type };
        Ok(Types { registry_type_infos: counts.into_iter().map(info).collect() })
    }
}

/// The vendor's sites: id and name.
const SITES: &[(&str, &str)] = &[
    ("ap-northeast-1", "Japan (Tokyo)"),
    ("ap-northeast-2", "South Korea (Seoul)"),
    ("ap-southeast-1", "Singapore"),
    ("ap-southeast-3", "Malaysia (Kuala Lumpur)"),
    ("ap-southeast-5", "Indonesia (Jakarta)"),
    ("ap-southeast-6", "Philippines (Manila)"),
    ("ap-southeast-7", "Thailand (Bangkok)"),
    ("cn-beijing", "China (Beijing)"),
    ("cn-chengdu", "China (Chengdu)"),
    ("cn-guangzhou", "China (Guangzhou)"),
    ("cn-hangzhou", "China (Hangzhou)"),
    ("cn-heyuan", "China (Heyuan)"),
    ("cn-hongkong", "China (Hong Kong)"),
    ("cn-huhehaote", "China (Hohhot)"),
    ("cn-qingdao", "China (Qingdao)"),
    ("cn-shanghai", "China (Shanghai)"),
    ("cn-shenzhen", "China (Shenzhen)"),
    ("cn-wulanchabu", "China (Ulanqab)"),
    ("cn-zhangjiakou", "China (Zhangjiakou)"),
    ("eu-central-1", "Germany (Frankfurt)"),
    ("eu-west-1", "UK (London)"),
    ("me-central-1", "SAU (Riyadh)"),
    ("me-east-1", "UAE (Dubai)"),
    ("us-east-1", "US (Virginia)"),
    ("us-west-1", "US (Silicon Valley)"),
];

impl Run for ListImageRegistryRegion {
    const NAME: &'static str = "ListImageRegistryRegion";
    const ACCESS: AccessLevel = AccessLevel::List;
    const ABOUT: &'static str =
        "Lists regions for registries: those in use, and those of the vendor's sites.";
    const PARAMETERS: &'static [Parameter] = &[LANG];
    type Answer = Regions;

    async fn run(context: Context<'_>, _sent: &Parameters) -> Result<Regions, Refusal> {
        let registries = context.store.registries().await;
        let registries = registries.map_err(|error| failed(Self::NAME, &error))?;
        let in_use = registries
            .into_iter()
            .map(|registry| registry.settings.region_id)
            .filter(|region| !region.is_empty())
            .map(|region| (region.clone(), region));
        let known = SITES.iter().map(|(id, name)| ((*id).to_owned(), (*name).to_owned()));
        let regions: BTreeMap<String, String> = in_use.chain(known).collect();
        let region = |(region_id, region_name)| Region { region_id, region_name };
        Ok(Regions { regions: regions.into_iter().map(region).collect() })
    }
}

impl Run for ListImageRegistryExtra {
    const NAME: &'static str = "ListImageRegistryExtra";
    const ACCESS: AccessLevel = AccessLevel::List;
    const ABOUT: &'static str = "Lists the namespaces of a registry for which there are tokens.";
    const PARAMETERS: &'static [Parameter] = &[REGISTRY_ID];
    type Answer = Extras;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Extras, Refusal> {
        let registry = registry_of(context, Self::NAME, sent, "RegistryId").await?;
        let extras = context.store.registry_extras(registry.id).await;
        let extras = extras.map_err(|error| failed(Self::NAME, &error))?;
        let numbered = extras.namespace_tokens.into_keys().zip(1..);
        let extra = |(namespace, id)| Extra {
            auth_token: HIDDEN,
            id,
            namespace,
            registry_id: registry.id,
            registry_type: registry.settings.reported_type.clone(),
        };
        Ok(Extras { image_registry_extra_infos: numbered.map(extra).collect() })
    }
}
