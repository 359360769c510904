//! `DescribeAllImageBaseline`: everything that is checked, by class and baseline.
//!
//! Source: the vendor's page of that name; `docs/reference/checks.md` says of each item what it looks for.

use serde::Serialize;

use super::KIND;
use crate::{
    action::{
        AccessLevel, Context, Parameter, Run,
        catalogue::{Class, Name, classes, title},
        filters::LANG,
    },
    gateway::{Parameters, Refusal},
};

/// The action.
pub(crate) struct DescribeAllImageBaseline;

/// What `DescribeAllImageBaseline` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answer {
    image_baselines: Baselines,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Baselines {
    baseline_class_list: Vec<ClassEntry>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ClassEntry {
    alias: String,
    class_key: &'static str,
    baseline_name_list: Vec<NameEntry>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct NameEntry {
    alias: String,
    class_key: &'static str,
    name_key: &'static str,
    baseline_item_list: Vec<ItemEntry>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ItemEntry {
    alias: &'static str,
    class_key: &'static str,
    name_key: &'static str,
    item_key: &'static str,
}

impl Run for DescribeAllImageBaseline {
    const NAME: &'static str = "DescribeAllImageBaseline";
    const ACCESS: AccessLevel = AccessLevel::Get;
    const ABOUT: &'static str = "Lists everything that is checked of an image's configuration.";
    const PARAMETERS: &'static [Parameter] = &[LANG];
    type Answer = Answer;

    async fn run(_context: Context<'_>, _sent: &Parameters) -> Result<Answer, Refusal> {
        let baseline_class_list = classes(KIND).into_iter().map(ClassEntry::of).collect();
        Ok(Answer { image_baselines: Baselines { baseline_class_list } })
    }
}

impl ClassEntry {
    fn of(class: Class) -> Self {
        let names = class.names.into_iter().map(|name| NameEntry::of(class.key, name));
        Self { alias: title(class.key), class_key: class.key, baseline_name_list: names.collect() }
    }
}

impl NameEntry {
    fn of(class_key: &'static str, name: Name) -> Self {
        let name_key = name.key;
        let items = name.items.into_iter().map(|about| ItemEntry {
            alias: about.title,
            class_key,
            name_key,
            item_key: about.id,
        });
        Self { alias: title(name_key), class_key, name_key, baseline_item_list: items.collect() }
    }
}
