//! `SetImageSensitiveFileStatus`: sensitive files of images do not count, are none, or count again.
//!
//! In: a kind and images, or files by their ids, and how they are to stand. Out: the number of an ignore rule that says so; 0 where
//! none does. Source: the vendor's page of that name; `docs/api.md`, "Sensitive files". Odd:
//! * What is decided holds for the files that are there, each by path and content: what is found later, or with other content, is
//!   unhandled.
//! * The ids of `IdList` are those of `Id` in `DescribeImageSensitiveFileByKey`, which the vendor's page of that action leaves out.

use std::collections::BTreeSet;

use plimsoll_store::{FileFilter, FileInImage, FileKind, FilesQuery, ImageSelection};

use super::{Answer, Id, SCAN_RANGE, key};
use crate::{
    action::{AccessLevel, Context, Parameter, ParameterKind, Run, failed, ids},
    gateway::{Parameters, Refusal},
    operation::files::{DecideError, Decided, Decision, decide},
};

/// The action.
pub(crate) struct SetImageSensitiveFileStatus;

/// Files of one call.
const MOST: u32 = 1_000;

impl Run for SetImageSensitiveFileStatus {
    const NAME: &'static str = "SetImageSensitiveFileStatus";
    const ACCESS: AccessLevel = AccessLevel::Update;
    const ABOUT: &'static str = "Takes sensitive files of images out of what counts, as ignored or as false positives, or puts them back.";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::optional(
            "Status",
            ParameterKind::Integer,
            "0: they count; 1: they are ignored; 2: they are false positives. Must be sent.",
        ),
        Parameter::optional(
            "SensitiveFileKey",
            ParameterKind::Text,
            "The kind of sensitive file; must be sent with ImageUuids.",
        ),
        Parameter::optional(
            "ImageUuids",
            ParameterKind::Text,
            "The images, separated by commas: all of their files of the kind are meant.",
        ),
        Parameter::optional(
            "IdList",
            ParameterKind::LongList,
            "Single files, by the Id of DescribeImageSensitiveFileByKey. This or ImageUuids must be sent.",
        ),
        SCAN_RANGE,
    ];
    type Answer = Answer<Id>;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Answer<Id>, Refusal> {
        sent.required("Status")?;
        let (decided, reason) = match sent.integer("Status")? {
            Some(0) => (Decided::Counts, "taken back by SetImageSensitiveFileStatus"),
            Some(1) => (Decided::Ignored, "ignored by SetImageSensitiveFileStatus"),
            Some(2) => (Decided::FalsePositive, "a false positive, by SetImageSensitiveFileStatus"),
            other => {
                let sent = other.map(|other| other.to_string()).unwrap_or_default();
                return Err(Refusal::invalid("Status", &sent, "one of 0, 1, 2"));
            }
        };
        if super::selects_nothing(sent)? {
            let range = "image, since containers are not scanned";
            return Err(Refusal::invalid("ScanRange", "container", range));
        }
        let files = files(Self::NAME, context, sent).await?;
        let decision = Decision { decided, reason, author: context.caller };
        let done = decide(context.store, FileKind::Sensitive, &files, decision, context.now).await;
        match done {
            Ok(id) => Ok(Answer::of(Id { id })),
            Err(DecideError::Store(error)) => Err(failed(Self::NAME, &error)),
            Err(other) => Err(Refusal::InvalidParameter {
                name: if sent.text("ImageUuids").is_some() { "ImageUuids" } else { "IdList" }
                    .to_owned(),
                why: format!("{other}."),
            }),
        }
    }
}

/// The files that are meant.
async fn files(
    action: &'static str,
    context: Context<'_>,
    sent: &Parameters,
) -> Result<Vec<FileInImage>, Refusal> {
    let key =
        sent.text("SensitiveFileKey").map(|text| key("SensitiveFileKey", text)).transpose()?;
    let ids = ids(sent, "IdList")?;
    let mut files = context
        .store
        .files_by_id(FileKind::Sensitive, &ids)
        .await
        .map_err(|error| failed(action, &error))?;
    let is_wanted = |file: &FileInImage| key.is_none_or(|key| file.finding.id == key);
    let found = |id: &i64| files.iter().any(|file| file.id == *id && is_wanted(file));
    if let Some(unknown) = ids.iter().find(|id| !found(id)) {
        return Err(Refusal::invalid("IdList", &unknown.to_string(), "the id of such a file"));
    }
    let uuids: Vec<String> = sent
        .text("ImageUuids")
        .into_iter()
        .flat_map(|text| text.split(','))
        .map(str::trim)
        .filter(|uuid| !uuid.is_empty())
        .map(ToOwned::to_owned)
        .collect();
    if uuids.is_empty() {
        if ids.is_empty() {
            return Err(Refusal::MissingParameter("ImageUuids".to_owned()));
        }
        return Ok(files);
    }
    let Some(key) = key else {
        return Err(Refusal::MissingParameter("SensitiveFileKey".to_owned()));
    };
    let query = FilesQuery {
        kind: FileKind::Sensitive,
        images: ImageSelection { uuids: uuids.clone(), ..ImageSelection::default() },
        filter: FileFilter {
            keys: Some(BTreeSet::from([key.to_owned()])),
            ..FileFilter::default()
        },
        states: BTreeSet::new(),
        page: 1,
        page_size: MOST,
    };
    if uuids.len() > MOST as usize {
        return Err(Refusal::invalid("ImageUuids", "…", "at most a thousand images"));
    }
    let of_images = context.store.files_in_images(&query).await;
    let of_images = of_images.map_err(|error| failed(action, &error))?;
    if of_images.total > u64::from(MOST) {
        let why = format!(
            "These images have {} files of this kind, and {MOST} can be handled at once: name fewer images.",
            of_images.total
        );
        return Err(Refusal::InvalidParameter { name: "ImageUuids".to_owned(), why });
    }
    for uuid in &uuids {
        let is_of = |file: &FileInImage| {
            file.image.uuid.eq_ignore_ascii_case(uuid)
                || file.image.uuid.replace('-', "").eq_ignore_ascii_case(uuid)
        };
        if !of_images.items.iter().any(is_of) {
            let wanted = "the id of an image that has a sensitive file of this kind";
            return Err(Refusal::invalid("ImageUuids", uuid, wanted));
        }
    }
    files.extend(of_images.items);
    Ok(files)
}
