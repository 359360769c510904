//! `SetImageBuildRiskStatus`: a risk of some images is ignored, is a false positive, or is to be handled again.
//!
//! In: images, the key, the status. Out: the number of an ignore rule that says it, 0 if none does. Source: the vendor's page of that
//! name; `docs/ignore.md`. Odd: all images get it, or none.

use super::{KIND, key_of};
use crate::{
    action::{
        AccessLevel, Context, Parameter, ParameterKind, Run,
        decision::{Decided, Decision, Place, image},
        standard::{Id, Standard},
    },
    gateway::{Parameters, Refusal},
};

/// The action.
pub(crate) struct SetImageBuildRiskStatus;

/// Images of one request.
const MOST: usize = 1_000;

impl Run for SetImageBuildRiskStatus {
    const NAME: &'static str = "SetImageBuildRiskStatus";
    const ACCESS: AccessLevel = AccessLevel::Update;
    const ABOUT: &'static str = "Decides about a risk of build instructions in some images.";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::optional(
            "ImageUuids",
            ParameterKind::Text,
            "The images, by their ids, separated by commas; they must be given.",
        ),
        Parameter::optional(
            "RiskKey",
            ParameterKind::Text,
            "The key of the risk; it must be given.",
        ),
        Parameter::optional(
            "Status",
            ParameterKind::Integer,
            "0 unhandled, 1 ignored, 2 false positive; it must be given.",
        ),
    ];
    type Answer = Standard<Id>;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Self::Answer, Refusal> {
        let text = sent.required("ImageUuids")?;
        sent.required("RiskKey")?;
        let key = key_of(sent).unwrap_or_default();
        let decided = match sent.required("Status")? {
            "0" => Decided::Counts,
            "1" => Decided::Ignored,
            "2" => Decided::FalsePositive,
            other => return Err(Refusal::invalid("Status", other, "one of 0, 1, 2")),
        };
        let mut uuids: Vec<&str> =
            text.split(',').map(str::trim).filter(|one| !one.is_empty()).collect();
        uuids.sort_unstable();
        uuids.dedup();
        if uuids.is_empty() || uuids.len() > MOST {
            return Err(Refusal::invalid("ImageUuids", text, "1 to 1000 ids of images"));
        }
        let mut images = Vec::with_capacity(uuids.len());
        for uuid in uuids {
            images.push(image(context, Self::NAME, "ImageUuids", uuid).await?);
        }
        let places: Vec<Place<'_>> = images.iter().map(Place::In).collect();
        let decision = Decision {
            action: Self::NAME,
            parameter: "RiskKey",
            kind: KIND,
            ids: &[key],
            places: &places,
            decided,
        };
        Ok(Standard::of(Id { id: decision.take(context).await? }))
    }
}
