//! `ListDockerhubImage`: scanned images of a repository by its name.
//!
//! In: `[namespace/]repository[:tag]`. Out: the images that have exactly these names; without a namespace those of every
//! namespace, nested names such as `sub/app` included. Source: the vendor's page of that name.
//!
//! Odd: the action has no paging, so the list ends after a hundred.

use plimsoll_store::SearchError;
use serde::Serialize;

use super::{Image, rank_settings};
use crate::{
    action::{AccessLevel, Context, Parameter, ParameterKind, Run, failed},
    gateway::{Parameters, Refusal},
};

/// Longest list.
const MAX_IMAGES: u32 = 100;

/// The action.
pub(crate) struct ListDockerhubImage;

/// What `ListDockerhubImage` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answer {
    image_list: Vec<Image>,
}

impl Run for ListDockerhubImage {
    const NAME: &'static str = "ListDockerhubImage";
    const ACCESS: AccessLevel = AccessLevel::List;
    const ABOUT: &'static str = "Finds scanned images by the name of their repository.";
    const PARAMETERS: &'static [Parameter] = &[Parameter::required(
        "Query",
        ParameterKind::Text,
        "Names of the images: [namespace/]repository[:tag].",
    )];
    type Answer = Answer;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Answer, Refusal> {
        let query = sent.required("Query")?;
        let settings = rank_settings(context.store).await;
        let scope = settings.map_err(|error| failed(Self::NAME, &error))?.scope;
        let found = context.store.search_images(query, scope, MAX_IMAGES).await;
        let entries = found.map_err(|error| match error {
            SearchError::Query(query) => {
                Refusal::invalid("Query", &query, "of the form [namespace/]repository[:tag]")
            }
            SearchError::Store(error) => failed(Self::NAME, &error),
        })?;
        Ok(Answer { image_list: entries.into_iter().map(Image::of).collect() })
    }
}
