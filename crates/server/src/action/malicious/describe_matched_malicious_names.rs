//! `DescribeMatchedMaliciousNames`: what the malicious files of images are called, so that clients can offer it as a filter.
//!
//! In: levels. Out: names with their keys, in the names' order. Source: the vendor's page of that name.

use plimsoll_store::FileKind;
use serde::Serialize;

use super::{LANG, LEVEL_WORDS, LEVELS};
use crate::{
    action::{AccessLevel, Context, Parameter, Run, failed, narrow},
    gateway::{Parameters, Refusal},
};

/// The action.
pub(crate) struct DescribeMatchedMaliciousNames;

/// What it answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answer {
    count: i32,
    data: Vec<Name>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Name {
    display_name: String,
    key: String,
}

impl Run for DescribeMatchedMaliciousNames {
    const NAME: &'static str = "DescribeMatchedMaliciousNames";
    const ACCESS: AccessLevel = AccessLevel::List;
    const ABOUT: &'static str = "Lists what the malicious files of images are called.";
    const PARAMETERS: &'static [Parameter] = &[LEVELS, LANG];
    type Answer = Answer;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Answer, Refusal> {
        let names =
            context.store.file_names(FileKind::Malicious, &LEVEL_WORDS.read(sent, "Levels")?).await;
        let names = names.map_err(|error| failed(Self::NAME, &error))?;
        let data: Vec<Name> =
            names.into_iter().map(|(display_name, key)| Name { display_name, key }).collect();
        Ok(Answer { count: narrow(data.len()), data })
    }
}
