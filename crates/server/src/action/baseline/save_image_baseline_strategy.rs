//! `SaveImageBaselineStrategy`: some items are no longer asked for, or again.
//!
//! In: all items that are to be asked for. Out: nothing. Source: the vendor's page of that name; `docs/api.md`, "Baseline".
//!
//! Odd:
//! * It holds at once: what is left out leaves every list and every counter, and comes back when it is asked for again. No image
//!   is scanned for it, because every check always runs.
//! * The keys are one text; separated by commas, as a JSON list, or as `BaselineItemList` of the strategy that was read.

use super::{
    KIND,
    strategy::{Strategy, is_of_images},
};
use crate::{
    action::{
        AccessLevel, Context, Parameter, ParameterKind, Run, catalogue,
        filters::{LANG, SOURCE, names},
        standard::Nothing,
    },
    gateway::{Parameters, Refusal},
};

/// The action.
pub(crate) struct SaveImageBaselineStrategy;

/// Bytes of a name, and days.
const LONGEST_NAME: usize = 256;
const MOST_DAYS: i64 = 3_650;

impl Run for SaveImageBaselineStrategy {
    const NAME: &'static str = "SaveImageBaselineStrategy";
    const ACCESS: AccessLevel = AccessLevel::Update;
    const ABOUT: &'static str = "Says which baseline items are asked for from now on.";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::required(
            "BaselineItemList",
            ParameterKind::Text,
            "Keys of all items that are asked for, separated by commas or as a JSON list.",
        ),
        Parameter::optional(
            "ImageVulClean",
            ParameterKind::Long,
            "Days, 1 to 3650; kept and answered, without effect.",
        ),
        LANG,
        SOURCE,
        Parameter::optional("StrategyId", ParameterKind::Long, "1, the strategy of images."),
        Parameter::optional("StrategyName", ParameterKind::Text, "What people call it."),
    ];
    type Answer = Nothing;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Self::Answer, Refusal> {
        let keys = names(sent, "BaselineItemList", "ItemKey")?;
        let mut strategy = Strategy::read(context, Self::NAME, is_of_images(sent)?).await?;
        strategy.selected.clear();
        for key in &keys {
            let Some(about) = catalogue::item(KIND, key) else {
                let wanted = "the key of an item: DescribeAllImageBaseline lists them";
                return Err(Refusal::invalid("BaselineItemList", key, wanted));
            };
            strategy.selected.insert(about.id.to_owned());
        }
        if let Some(name) = sent.text("StrategyName") {
            if name.len() > LONGEST_NAME || name.chars().any(char::is_control) {
                let wanted = "at most 256 bytes without control characters";
                return Err(Refusal::invalid("StrategyName", name, wanted));
            }
            strategy.name = Some(name.to_owned());
        }
        if let Some(days) = sent.long("ImageVulClean")? {
            if !(1..=MOST_DAYS).contains(&days) {
                return Err(Refusal::invalid("ImageVulClean", &days.to_string(), "1 to 3650"));
            }
            strategy.vul_clean = Some(days);
        }
        strategy.write(context, Self::NAME).await?;
        Ok(Nothing {})
    }
}
