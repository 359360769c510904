//! `DescribeImageListByBuildRisk`: the images that have a risk, with what was decided about it.
//!
//! In: the key, filters, combined with "and". Out: one page, by registry, namespace, repository and tag. Source: the vendor's page of
//! that name. Odd: without a key, images that have any; an image of which one risk is unhandled is unhandled.

use plimsoll_store::{ItemImage, ItemImagesQuery};
use serde::Serialize;

use super::{KIND, RISK_KEY, STATUS, key_of, status, status_number};
use crate::{
    action::{
        AccessLevel, Context, Parameter, ParameterKind, Run, failed,
        filters::{CURRENT_PAGE, LANG, PAGE_SIZE, RISK_LEVEL, criteria, level_word, levels},
        milliseconds,
        paging::Paging,
        standard::{Listed, Standard},
    },
    gateway::{Parameters, Refusal},
};

/// The action.
pub(crate) struct DescribeImageListByBuildRisk;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Entry {
    digest: String,
    first_scan_time: i64,
    last_scan_time: i64,
    region_id: String,
    repo_name: String,
    repo_namespace: String,
    risk_level: &'static str,
    status: i32,
    tag: String,
    uuid: String,
}

impl Run for DescribeImageListByBuildRisk {
    const NAME: &'static str = "DescribeImageListByBuildRisk";
    const ACCESS: AccessLevel = AccessLevel::List;
    const ABOUT: &'static str = "Lists the images that have a risk of build instructions.";
    const PARAMETERS: &'static [Parameter] = &[
        RISK_KEY,
        Parameter::optional(
            "Criteria",
            ParameterKind::Text,
            "Only images whose repository is called so in part.",
        ),
        Parameter::optional(
            "CriteriaType",
            ParameterKind::Text,
            "What Criteria names: RepoName, which is the default, or RepoNamespace.",
        ),
        RISK_LEVEL,
        STATUS,
        CURRENT_PAGE,
        PAGE_SIZE,
        LANG,
    ];
    type Answer = Standard<Listed<Entry>>;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Self::Answer, Refusal> {
        let paging = Paging::of(sent)?;
        let (mut namespace_contains, mut name_contains) = (None, None);
        match criteria(sent, &["RepoName", "RepoNamespace"])? {
            Some(("RepoNamespace", text)) => namespace_contains = Some(text),
            Some((_, text)) => name_contains = Some(text),
            None => {}
        }
        let query = ItemImagesQuery {
            ids: key_of(sent).map(|key| vec![key]),
            levels: levels(sent, "RiskLevel")?,
            state: status(sent)?,
            namespace_contains,
            name_contains,
            page: paging.page,
            page_size: paging.size,
            ..ItemImagesQuery::of(KIND)
        };
        let found = context.store.images_with_items(&query).await;
        let found = found.map_err(|error| failed(Self::NAME, &error))?;
        let page_info = paging.pages(found.total);
        let list = found.items.into_iter().map(Entry::of).collect();
        Ok(Standard::of(Listed { list, page_info }))
    }
}

impl Entry {
    fn of(found: ItemImage) -> Self {
        let level = found.items.iter().map(|item| item.level).max();
        let state = found.items.iter().map(|item| item.state).min();
        let first = found.items.iter().map(|item| item.first_seen.max(found.first_scanned)).min();
        let image = found.image;
        Self {
            digest: image.known_digest().hex(),
            first_scan_time: milliseconds(first.unwrap_or(found.first_scanned)),
            last_scan_time: milliseconds(found.scanned),
            region_id: found.region_id,
            repo_name: image.repository,
            repo_namespace: image.namespace,
            risk_level: level.map_or("low", level_word),
            status: state.map_or(0, status_number),
            tag: image.tag,
            uuid: image.uuid,
        }
    }
}
