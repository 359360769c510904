//! `PageImageRegistry`: registries, page by page.
//!
//! In: a part of a name, types that are wanted and types that are not. Out: one page, in the order in which they were added.
//! Source: the vendor's page of that name; `docs/api.md`, "Registries". Odd: the name is found anywhere in the registry's name
//! and host, without regard to ASCII case.

use serde::Serialize;

use super::{Dated, SOURCE_IP, Shown};
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
    #[serde(flatten)]
    dated: Dated,
    image_count: i32,
    jenkins_env: &'static str,
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
        Self {
            dated: Dated::of(shown, shown.token()),
            image_count: narrow(shown.images),
            jenkins_env: "",
        }
    }
}
