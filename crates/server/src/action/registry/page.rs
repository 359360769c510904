//! `PageImageRegistry`: registries, page by page.
//!
//! In: a part of a name, types that are wanted and types that are not. Out: one page, in the order in which they were added.
//! Source: the vendor's page of that name; `docs/api.md`, "Registries". Odd: the name is found anywhere in the registry's name
//! and host, without regard to ASCII case.

use serde::Serialize;

use super::{SOURCE_IP, Shown, clock_text};
use crate::{
    action::{
        AccessLevel, Context, Parameter, ParameterKind, Run,
        filters::{CURRENT_PAGE, PAGE_SIZE},
        narrow,
        paging::{PageInfo, Paging},
    },
    gateway::{Parameters, Refusal},
};

/// The action.
pub(crate) struct PageImageRegistry;

/// What it answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answer {
    list: Vec<Registry>,
    page_info: PageInfo,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Registry {
    black_list: &'static str,
    domain_name: String,
    gmt_create: String,
    gmt_modified: String,
    id: i64,
    image_count: i32,
    jenkins_env: &'static str,
    net_type: i32,
    password: &'static str,
    persistence_day: i32,
    protocol_type: i32,
    region_id: String,
    registry_host_ip: String,
    registry_name: String,
    registry_type: String,
    token: &'static str,
    trans_per_hour: i32,
    user_name: String,
    vpc_id: String,
    white_list: String,
}

impl Run for PageImageRegistry {
    const NAME: &'static str = "PageImageRegistry";
    const ACCESS: AccessLevel = AccessLevel::List;
    const ABOUT: &'static str = "Lists registries with how many images they have, page by page.";
    const PARAMETERS: &'static [Parameter] = &[
        CURRENT_PAGE,
        PAGE_SIZE,
        Parameter::optional(
            "RegistryNameLike",
            ParameterKind::Text,
            "Only registries whose name or host contains this text.",
        ),
        Parameter::optional(
            "RegistryTypeInList",
            ParameterKind::TextList,
            "Only registries of these types.",
        ),
        Parameter::optional(
            "RegistryTypeNotInList",
            ParameterKind::TextList,
            "Only registries of other types than these.",
        ),
        SOURCE_IP,
    ];
    type Answer = Answer;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Answer, Refusal> {
        let paging = Paging::of(sent)?;
        let name = sent.text("RegistryNameLike").map(str::to_ascii_lowercase);
        let wanted = sent.list("RegistryTypeInList")?;
        let unwanted = sent.list("RegistryTypeNotInList")?;
        let mut shown = Shown::all(context, Self::NAME).await?;
        shown.retain(|one| {
            let settings = &one.registry.settings;
            let holds = |text: &str| {
                name.as_ref().is_none_or(|name| text.to_ascii_lowercase().contains(name))
            };
            (holds(&one.name()) || holds(&settings.host))
                && (wanted.is_empty() || wanted.contains(&settings.reported_type))
                && !unwanted.contains(&settings.reported_type)
        });
        let part = paging.part(&shown);
        Ok(Answer {
            page_info: paging.info(part.len(), shown.len()),
            list: part.iter().map(Registry::of).collect(),
        })
    }
}

impl Registry {
    fn of(shown: &Shown) -> Self {
        let settings = &shown.registry.settings;
        Self {
            black_list: "",
            domain_name: settings.host.clone(),
            gmt_create: clock_text(shown.registry.created),
            gmt_modified: clock_text(shown.registry.modified),
            id: shown.registry.id,
            image_count: narrow(shown.images),
            jenkins_env: "",
            net_type: settings.net_type.number(),
            password: shown.password(),
            persistence_day: narrow(shown.extras.kept_days),
            protocol_type: shown.protocol(),
            region_id: settings.region_id.clone(),
            registry_host_ip: shown.extras.host_ip.clone(),
            registry_name: shown.name(),
            registry_type: settings.reported_type.clone(),
            token: shown.token(),
            trans_per_hour: narrow(shown.scans_per_hour),
            user_name: settings.username.clone().unwrap_or_default(),
            vpc_id: shown.extras.vpc_id.clone(),
            white_list: shown.extras.white_list.clone(),
        }
    }
}
