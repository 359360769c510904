//! `DeleteImageVulWhitelist`: entries of the white list are taken back.
//!
//! In: their ids, separated by commas. Out: whether it was done; what they ignored counts again. Source: the vendor's page of
//! that name. Odd: all of them go, or, if one is not there, none.

use plimsoll_model::Kind;
use plimsoll_store::IgnoreError;

use super::{Changed, id, refused};
use crate::{
    action::{AccessLevel, Context, Parameter, ParameterKind, Run, failed},
    gateway::{Parameters, Refusal},
};

/// The action.
pub(crate) struct DeleteImageVulWhitelist;

impl Run for DeleteImageVulWhitelist {
    const NAME: &'static str = "DeleteImageVulWhitelist";
    const ACCESS: AccessLevel = AccessLevel::Delete;
    const ABOUT: &'static str = "Takes entries of the white list back.";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::optional("Lang", ParameterKind::Text, "Language of texts; they are English."),
        Parameter::optional(
            "Ids",
            ParameterKind::Text,
            "Ids of the entries, separated by commas; they must be given.",
        ),
    ];
    type Answer = Changed;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Changed, Refusal> {
        let text = sent.required("Ids")?;
        let ids = text.split(',').map(|part| id("Ids", part.trim()));
        let mut ids: Vec<i64> = ids.collect::<Result<_, _>>()?;
        ids.sort_unstable();
        ids.dedup();
        let known = context.store.ignore_rules().await;
        let known = known.map_err(|error| failed(Self::NAME, &error))?;
        for one in known.iter().filter(|one| ids.contains(&one.rule.id)) {
            if one.rule.rule.kind != Kind::Vulnerability {
                return Err(refused(Self::NAME, "Ids", IgnoreError::Unknown(one.rule.id)));
            }
        }
        let done = context.store.remove_ignore_rules(&ids, context.now).await;
        done.map_err(|error| refused(Self::NAME, "Ids", error))?;
        Ok(Changed::DONE)
    }
}
