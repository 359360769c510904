//! `OperateImageBaselineWhitelist`: items no longer count, in one image or in all; or they count again.
//!
//! In: the items, the image, `add` or `del`. Out: nothing. Source: the vendor's page of that name; `docs/ignore.md`.
//!
//! Odd:
//! * It makes and removes ignore rules, whose author is the access key.
//! * To add what is on the white list, or to take off what is not, changes nothing and is no error, so that a client may send a
//!   request again. What a wider rule covers cannot be taken off for one image.

use super::KIND;
use crate::{
    action::{
        AccessLevel, Context, Parameter, ParameterKind, Run, catalogue,
        decision::{Decided, Decision, Place, image},
        filters::{LANG, SCAN_RANGE, is_out_of_range, names},
        standard::Nothing,
    },
    gateway::{Parameters, Refusal},
};

/// The action.
pub(crate) struct OperateImageBaselineWhitelist;

impl Run for OperateImageBaselineWhitelist {
    const NAME: &'static str = "OperateImageBaselineWhitelist";
    const ACCESS: AccessLevel = AccessLevel::Update;
    const ABOUT: &'static str = "Adds baseline items to the white list, or takes them off.";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::required(
            "BaselineItemKeyList",
            ParameterKind::Text,
            "Keys of the items, separated by commas or as a JSON list.",
        ),
        Parameter::required("Operation", ParameterKind::Text, "add or del."),
        Parameter::optional(
            "ImageUuid",
            ParameterKind::Text,
            "Only in this image; in all images by default.",
        ),
        SCAN_RANGE,
        LANG,
    ];
    type Answer = Nothing;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Nothing, Refusal> {
        let mut ids = Vec::new();
        for key in names(sent, "BaselineItemKeyList", "ItemKey")? {
            let Some(about) = catalogue::item(KIND, &key) else {
                let wanted = "the key of an item: DescribeAllImageBaseline lists them";
                return Err(Refusal::invalid("BaselineItemKeyList", &key, wanted));
            };
            if !ids.iter().any(|known| known == about.id) {
                ids.push(about.id.to_owned());
            }
        }
        if ids.is_empty() {
            let text = sent.required("BaselineItemKeyList")?;
            return Err(Refusal::invalid("BaselineItemKeyList", text, "at least one key"));
        }
        let decided = match sent.required("Operation")? {
            "add" => Decided::Ignored,
            "del" => Decided::Counts,
            other => return Err(Refusal::invalid("Operation", other, "one of add, del")),
        };
        let image = match sent.text("ImageUuid") {
            None => None,
            Some(uuid) => Some(image(context, Self::NAME, "ImageUuid", uuid).await?),
        };
        if is_out_of_range(sent)? {
            return Ok(Nothing {});
        }
        let place = image.as_ref().map_or(Place::Everywhere, Place::In);
        let decision = Decision {
            action: Self::NAME,
            parameter: "BaselineItemKeyList",
            kind: KIND,
            ids: &ids,
            places: &[place],
            decided,
        };
        decision.take(context).await?;
        Ok(Nothing {})
    }
}
