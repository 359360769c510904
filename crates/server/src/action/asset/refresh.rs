//! `RefreshAssets` and `RefreshContainerAssets`: the inventory is read anew.
//!
//! In: which assets. Out: nothing; a sync of every registry is ordered, which `DescribeOnceTaskLeafRecordPage` shows as
//! `IMAGE_REGISTRY_PULL`. Source: the vendor's pages of those names; `docs/api.md`, "Inventory". Odd: servers and products of a
//! cloud are no assets here, and the default of `AssetType` is such a one: it is refused rather than not done. Clusters tell
//! themselves what runs, so that for containers nothing is to be done.

use crate::{
    action::{AccessLevel, Context, Parameter, ParameterKind, Run, failed, standard::Nothing},
    gateway::{Parameters, Refusal},
};

/// Reads the images of registries anew.
pub(crate) struct RefreshAssets;

/// The same, as the console's page of containers asks for it.
pub(crate) struct RefreshContainerAssets;

impl Run for RefreshAssets {
    const NAME: &'static str = "RefreshAssets";
    const ACCESS: AccessLevel = AccessLevel::Update;
    const ABOUT: &'static str = "Has every registry listed anew.";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::optional(
            "AssetType",
            ParameterKind::Text,
            "container_image; others, and so the vendor's default ecs, are no assets here.",
        ),
        Parameter::optional("CloudAssetType", ParameterKind::Integer, "Ignored."),
        Parameter::optional("CloudAssetSubType", ParameterKind::Integer, "Ignored."),
        Parameter::optional("Vendor", ParameterKind::Integer, "Ignored."),
        Parameter::optional(
            "ResourceDirectoryAccountId",
            ParameterKind::Long,
            "Ignored: there are no member accounts.",
        ),
    ];
    type Answer = Nothing;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Nothing, Refusal> {
        match sent.text("AssetType") {
            Some("container_image") => sync_all(context, Self::NAME).await,
            other => {
                let other = other.unwrap_or("ecs");
                Err(Refusal::invalid(
                    "AssetType",
                    other,
                    "container_image: images alone are assets",
                ))
            }
        }
    }
}

impl Run for RefreshContainerAssets {
    const NAME: &'static str = "RefreshContainerAssets";
    const ACCESS: AccessLevel = AccessLevel::Update;
    const ABOUT: &'static str =
        "Has every registry listed anew; for containers nothing is to be done.";
    const PARAMETERS: &'static [Parameter] =
        &[Parameter::required("AssetType", ParameterKind::Text, "IMAGE, CONTAINER.")];
    type Answer = Nothing;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Nothing, Refusal> {
        match sent.required("AssetType")? {
            "IMAGE" => sync_all(context, Self::NAME).await,
            "CONTAINER" => Ok(Nothing {}),
            other => Err(Refusal::invalid("AssetType", other, "one of IMAGE, CONTAINER")),
        }
    }
}

async fn sync_all(context: Context<'_>, action: &'static str) -> Result<Nothing, Refusal> {
    let placed = context.store.order_syncs(None, "openapi", context.now).await;
    placed.map_err(|error| failed(action, &error))?;
    Ok(Nothing {})
}
