//! `PublicPreCheckImageScanTask`, `PublicCreateImageScanTask` and `PublicSyncAndCreateImageScanTask`: images are scanned.
//!
//! In: lists of what images must be, separated by commas; or records of images. Out: how many these are; or the order. Source: the
//! vendor's pages of those names; `docs/api.md`, "Scans".
//!
//! Odd:
//! * Nothing at all selects every image.
//! * The same wish twice is one order while the first is open. While ten are open another one is not taken, and `CanCreate` says so.
//! * A record of an image that is not known has the registries of its type listed anew; what is new there is scanned by itself.

use std::collections::BTreeSet;

use plimsoll_model::Digest;
use plimsoll_store::{Order, Placed, ScanSelection};
use serde::{Deserialize, Serialize};

use super::standing;
use crate::{
    action::{
        AccessLevel, Context, Parameter, ParameterKind, Run, failed, milliseconds, narrow,
        registry::SOURCE_IP,
    },
    gateway::{Parameters, Refusal},
};

/// Counts what a selection selects.
pub(crate) struct PublicPreCheckImageScanTask;

/// Has a selection scanned.
pub(crate) struct PublicCreateImageScanTask;

/// Has images scanned that are named one by one.
pub(crate) struct PublicSyncAndCreateImageScanTask;

/// What `PublicPreCheckImageScanTask` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Checked {
    data: Counted,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Counted {
    need_auth_count: i32,
    scan_image_count: i32,
}

/// What the other two answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Created {
    data: Data,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Data {
    can_create: bool,
    collect_time: i64,
    exec_time: i64,
    finish_count: i32,
    progress: i32,
    result: &'static str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_id: Option<String>,
    total_count: i32,
}

const SELECTION: &[Parameter] = &[
    Parameter::optional("RegistryTypes", ParameterKind::Text, "Types of registries."),
    Parameter::optional("RegionIds", ParameterKind::Text, "Regions of registries."),
    Parameter::optional(
        "InstanceIds",
        ParameterKind::Text,
        "Selects nothing: repositories belong to no instance.",
    ),
    Parameter::optional("RepoNamespaces", ParameterKind::Text, "Namespaces of repositories."),
    Parameter::optional("RepoIds", ParameterKind::Text, "Ids of repositories."),
    Parameter::optional("RepoNames", ParameterKind::Text, "Names of repositories."),
    Parameter::optional("Digests", ParameterKind::Text, "Digests, with or without `sha256:`."),
    Parameter::optional("Tags", ParameterKind::Text, "Tags."),
    SOURCE_IP,
];

/// The most names in one list.
const MOST_NAMES: usize = 1_000;
/// The most records of images.
const MOST_RECORDS: usize = 500;

/// The names in one text.
fn names(sent: &Parameters, name: &str) -> Result<Vec<String>, Refusal> {
    let text = sent.text(name).unwrap_or_default();
    let names: Vec<String> = text
        .split(',')
        .map(str::trim)
        .filter(|one| !one.is_empty())
        .map(ToOwned::to_owned)
        .collect();
    if names.len() > MOST_NAMES {
        return Err(Refusal::invalid(name, text, "at most a thousand names"));
    }
    Ok(names)
}

fn digest(name: &str, text: &str) -> Result<Digest, Refusal> {
    let hex = text.strip_prefix("sha256:").unwrap_or(text);
    let wrong = |_error| Refusal::invalid(name, text, "a digest of 64 hex digits");
    format!("sha256:{hex}").parse().map_err(wrong)
}

/// What the lists select; `None`: nothing.
fn selection(sent: &Parameters) -> Result<Option<ScanSelection>, Refusal> {
    let digests = names(sent, "Digests")?;
    let selection = ScanSelection {
        registry_types: names(sent, "RegistryTypes")?,
        region_ids: names(sent, "RegionIds")?,
        repo_ids: names(sent, "RepoIds")?,
        repo_namespaces: names(sent, "RepoNamespaces")?,
        repo_names: names(sent, "RepoNames")?,
        tags: names(sent, "Tags")?,
        digests: digests.iter().map(|text| digest("Digests", text)).collect::<Result<_, _>>()?,
        ..ScanSelection::default()
    };
    Ok(names(sent, "InstanceIds")?.is_empty().then_some(selection))
}

impl Run for PublicPreCheckImageScanTask {
    const NAME: &'static str = "PublicPreCheckImageScanTask";
    const ACCESS: AccessLevel = AccessLevel::Get;
    const ABOUT: &'static str =
        "Tells how many images a selection has, and how many scans they are.";
    const PARAMETERS: &'static [Parameter] = SELECTION;
    type Answer = Checked;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Checked, Refusal> {
        let Some(selection) = selection(sent)? else {
            return Ok(Checked { data: Counted { need_auth_count: 0, scan_image_count: 0 } });
        };
        let selected = context.store.count_selected(&selection).await;
        let selected = selected.map_err(|error| failed(Self::NAME, &error))?;
        Ok(Checked {
            data: Counted {
                need_auth_count: narrow(selected.contents),
                scan_image_count: narrow(selected.images),
            },
        })
    }
}

impl Run for PublicCreateImageScanTask {
    const NAME: &'static str = "PublicCreateImageScanTask";
    const ACCESS: AccessLevel = AccessLevel::Create;
    const ABOUT: &'static str = "Has the images of a selection scanned.";
    const PARAMETERS: &'static [Parameter] = SELECTION;
    type Answer = Created;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Created, Refusal> {
        match selection(sent)? {
            Some(selection) => create(context, Self::NAME, &selection).await,
            None => Ok(Created::nothing(context)),
        }
    }
}

/// Places the order.
async fn create(
    context: Context<'_>,
    action: &'static str,
    selection: &ScanSelection,
) -> Result<Created, Refusal> {
    let placed = context.store.order_scans(selection, "openapi", context.now).await;
    Ok(match placed.map_err(|error| failed(action, &error))? {
        Placed::New(order) | Placed::Same(order) => Created::of(&order),
        Placed::TooMany => Created {
            data: Data {
                can_create: false,
                status: "FAIL",
                progress: 0,
                ..Created::nothing(context).data
            },
        },
    })
}

impl Created {
    fn of(order: &Order) -> Self {
        Self {
            data: Data {
                can_create: true,
                collect_time: milliseconds(order.created),
                exec_time: milliseconds(order.created),
                finish_count: narrow(order.ended()),
                progress: i32::from(order.percent()),
                result: "SUCCESS",
                // This answer's word for an order that has begun.
                status: match standing(order) {
                    "START" => "PRE_ANALYZER",
                    other => other,
                },
                task_id: Some(order.id.to_string()),
                total_count: narrow(order.total),
            },
        }
    }

    /// Of a selection that can select nothing.
    const fn nothing(context: Context<'_>) -> Self {
        Self {
            data: Data {
                can_create: true,
                collect_time: milliseconds(context.now),
                exec_time: milliseconds(context.now),
                finish_count: 0,
                progress: 100,
                result: "SUCCESS",
                status: "SUCCESS",
                task_id: None,
                total_count: 0,
            },
        }
    }
}

/// One image as it is sent.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Record {
    registry_type: String,
    repo_id: String,
    instance_id: String,
    repo_namespace: String,
    region_id: String,
    repo_name: String,
    digest: String,
    tag: String,
}

impl Record {
    fn selection(&self) -> Result<ScanSelection, Refusal> {
        let list = |text: &str| {
            if text.is_empty() { Vec::new() } else { vec![text.to_owned()] }
        };
        let digests =
            if self.digest.is_empty() { Vec::new() } else { vec![digest("Images", &self.digest)?] };
        Ok(ScanSelection {
            registry_types: list(&self.registry_type),
            region_ids: list(&self.region_id),
            repo_ids: list(&self.repo_id),
            repo_namespaces: list(&self.repo_namespace),
            repo_names: list(&self.repo_name),
            tags: list(&self.tag),
            digests,
            ..ScanSelection::default()
        })
    }

    /// Whether it says which image it is.
    fn is_one(&self) -> bool {
        self.instance_id.is_empty()
            && !(self.repo_id.is_empty() && self.repo_name.is_empty())
            && !(self.tag.is_empty() && self.digest.is_empty())
    }
}

impl Run for PublicSyncAndCreateImageScanTask {
    const NAME: &'static str = "PublicSyncAndCreateImageScanTask";
    const ACCESS: AccessLevel = AccessLevel::Create;
    const ABOUT: &'static str = "Has images scanned that are named one by one; registries of those that are not known are listed anew.";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::required(
            "Images",
            ParameterKind::Text,
            "JSON: `[{\"registryType\":\"harbor\",\"repoNamespace\":\"team\",\"repoName\":\"app\",\"tag\":\"1.0\"}]`, at most 500; a repository by name or `repoId`, an image by tag or `digest`.",
        ),
        SOURCE_IP,
    ];
    type Answer = Created;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Created, Refusal> {
        let text = sent.required("Images")?;
        let wrong = || {
            let wanted = "a JSON list of at most 500 objects, each with `repoName` or `repoId`, and `tag` or `digest`, and \
                without `instanceId`";
            Refusal::invalid("Images", text, wanted)
        };
        let records: Vec<Record> = serde_json::from_str(text).map_err(|_error| wrong())?;
        if records.len() > MOST_RECORDS || !records.iter().all(Record::is_one) {
            return Err(wrong());
        }
        let mut uuids = BTreeSet::new();
        let mut unknown = BTreeSet::new();
        for record in &records {
            let found = context.store.selected_images(&record.selection()?, 100).await;
            let found = found.map_err(|error| failed(Self::NAME, &error))?;
            if found.is_empty() {
                unknown.insert(record.registry_type.as_str());
            }
            uuids.extend(found.into_iter().map(|image| image.uuid));
        }
        look_again(context, Self::NAME, &unknown).await?;
        if uuids.is_empty() {
            return Ok(Created::nothing(context));
        }
        let uuids = uuids.into_iter().collect();
        create(context, Self::NAME, &ScanSelection { uuids, ..ScanSelection::default() }).await
    }
}

/// Orders syncs of the registries that may have images that are not known.
async fn look_again(
    context: Context<'_>,
    action: &'static str,
    types: &BTreeSet<&str>,
) -> Result<(), Refusal> {
    if types.is_empty() {
        return Ok(());
    }
    let registries = context.store.registries().await;
    let registries = registries.map_err(|error| failed(action, &error))?;
    let meant: Vec<i64> = registries
        .iter()
        .filter(|one| types.contains("") || types.contains(one.settings.reported_type.as_str()))
        .map(|one| one.id)
        .collect();
    if meant.is_empty() {
        return Ok(());
    }
    let placed = context.store.order_syncs(Some(&meant), "openapi", context.now).await;
    placed.map(drop).map_err(|error| failed(action, &error))
}
