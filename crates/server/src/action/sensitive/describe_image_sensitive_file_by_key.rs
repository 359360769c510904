//! `DescribeImageSensitiveFileByKey`: the sensitive files of a kind in one image.
//!
//! In: an image and a kind. Out: one page of files with their layers. Source: the vendor's page of that name; `docs/api.md`,
//! "Sensitive files". Odd: `Promt` is masked where the file is found, so nothing here knows more; a file that a later layer takes
//! away says so in `Description`, since whoever pulls the image still gets it; `Id` is ours, since the vendor's page has none and
//! `IdList` of `SetImageSensitiveFileStatus` asks for it. Typed clients pass over it.

use std::collections::BTreeSet;

use plimsoll_store::{FileInImage, FileKind, FilesQuery, ImageSelection, Page};
use serde::Serialize;

use super::{
    CURRENT_PAGE, Frame, LANG, LEVEL_WORDS, PAGE_SIZE, SCAN_RANGE, advice, class_of, filter,
    selects_nothing, wanted_key,
};
use crate::{
    action::{
        AccessLevel, Context, Parameter, ParameterKind, Run, failed, milliseconds, paging::Paging,
    },
    gateway::{Parameters, Refusal},
    operation::sensitive_rules::name_of,
};

/// The action.
pub(crate) struct DescribeImageSensitiveFileByKey;

/// What it answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answer {
    #[serde(flatten)]
    frame: Frame,
    sensitive_file_list: Vec<File>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct File {
    advice: String,
    description: String,
    file_path: String,
    first_scan_time: i64,
    id: i64,
    last_scan_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    layer_digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    md5: Option<String>,
    promt: String,
    risk_level: &'static str,
    sensitive_file_key: String,
    sensitive_file_name: String,
}

impl Run for DescribeImageSensitiveFileByKey {
    const NAME: &'static str = "DescribeImageSensitiveFileByKey";
    const ACCESS: AccessLevel = AccessLevel::List;
    const ABOUT: &'static str = "Lists the sensitive files of a kind in an image.";
    const PARAMETERS: &'static [Parameter] = &[
        CURRENT_PAGE,
        PAGE_SIZE,
        Parameter::optional("ImageUuid", ParameterKind::Text, "The image; it must be given."),
        Parameter::optional(
            "SensitiveFileKey",
            ParameterKind::Text,
            "The kind of sensitive file; it must be given.",
        ),
        SCAN_RANGE,
        LANG,
    ];
    type Answer = Answer;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Answer, Refusal> {
        let paging = Paging::of(sent)?;
        let uuid = sent.required("ImageUuid")?.to_owned();
        let key = wanted_key(sent)?;
        let nothing = selects_nothing(sent)?;
        let keys = BTreeSet::from([key.to_owned()]);
        let filter = filter(Self::NAME, context, sent, Some(keys)).await?;
        let (page, page_size) = (paging.page, paging.size);
        let Some(filter) = filter.filter(|_| !nothing) else {
            return Ok(Answer::of(paging, Page { items: Vec::new(), total: 0, page, page_size }));
        };
        let query = FilesQuery {
            kind: FileKind::Sensitive,
            images: ImageSelection { uuid: Some(uuid), ..ImageSelection::default() },
            filter,
            states: BTreeSet::new(),
            page,
            page_size,
        };
        let page = context.store.files_in_images(&query).await;
        Ok(Answer::of(paging, page.map_err(|error| failed(Self::NAME, &error))?))
    }
}

impl Answer {
    fn of(paging: Paging, page: Page<FileInImage>) -> Self {
        Self {
            frame: Frame::of(paging, page.items.len(), page.total),
            sensitive_file_list: page.items.into_iter().map(File::of).collect(),
        }
    }
}

impl File {
    fn of(one: FileInImage) -> Self {
        let extra = |name: &str| one.finding.extra.get(name).map(String::as_str);
        let class = class_of(&one.finding.id, extra("class"));
        let is_removed = extra("removed") == Some("true");
        let mut description = one.finding.title.clone();
        if is_removed {
            description.push_str("; removed in the final image, and still in this layer");
        }
        let advised = one.finding.fix.as_ref().map(|fix| fix.advice.clone());
        Self {
            advice: advised.unwrap_or_else(|| advice(class).to_owned()),
            description,
            file_path: format!("/{}", one.path().trim_start_matches('/')),
            first_scan_time: milliseconds(one.first_seen),
            id: one.id,
            last_scan_time: milliseconds(one.scanned),
            layer_digest: one.layer.map(|layer| layer.hex()),
            md5: one.md5().map(ToOwned::to_owned),
            promt: extra("masked").unwrap_or_default().to_owned(),
            risk_level: LEVEL_WORDS.word(one.level),
            sensitive_file_name: name_of(&one.finding.id).to_owned(),
            sensitive_file_key: one.finding.id.clone(),
        }
    }
}
