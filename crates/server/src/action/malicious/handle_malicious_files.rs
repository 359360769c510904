//! `HandleMaliciousFiles`: malicious files of images do not count, or count again.
//!
//! In: files by the ids of `DescribeAffectedMaliciousFileImages`, and what is to be done. Out: whether it was. Source: the vendor's
//! page of that name; `docs/api.md`, "Malicious files". Odd: a file is what it is by path and content together, in one image; what an
//! ignore rule covers in more than that is not taken off here.

use plimsoll_store::FileKind;
use serde::Serialize;

use crate::{
    action::{AccessLevel, Context, Parameter, ParameterKind, Run, failed, ids},
    gateway::{Parameters, Refusal},
    operation::files::{DecideError, Decided, Decision, decide},
};

/// The action.
pub(crate) struct HandleMaliciousFiles;

/// What it answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answer {
    code: &'static str,
    http_status_code: i32,
    message: &'static str,
    success: bool,
}

impl Run for HandleMaliciousFiles {
    const NAME: &'static str = "HandleMaliciousFiles";
    const ACCESS: AccessLevel = AccessLevel::Update;
    const ABOUT: &'static str =
        "Takes malicious files of images out of what counts, or puts them back.";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::optional(
            "FileIdList",
            ParameterKind::LongList,
            "The files, by the Id of DescribeAffectedMaliciousFileImages; must be sent.",
        ),
        Parameter::optional(
            "Operation",
            ParameterKind::Text,
            "addWhitelist: they do not count; offWhitelist: they count again. Must be sent.",
        ),
    ];
    type Answer = Answer;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Answer, Refusal> {
        let ids = ids(sent, "FileIdList")?;
        if ids.is_empty() {
            return Err(Refusal::MissingParameter("FileIdList".to_owned()));
        }
        let (decided, reason) = match sent.required("Operation")? {
            "addWhitelist" => (Decided::Ignored, "whitelisted by HandleMaliciousFiles"),
            "offWhitelist" => (Decided::Counts, "taken off by HandleMaliciousFiles"),
            other => {
                let wanted = "one of addWhitelist, offWhitelist";
                return Err(Refusal::invalid("Operation", other, wanted));
            }
        };
        let files = context.store.files_by_id(FileKind::Malicious, &ids).await;
        let files = files.map_err(|error| failed(Self::NAME, &error))?;
        if let Some(unknown) = ids.iter().find(|id| !files.iter().any(|file| file.id == **id)) {
            return Err(Refusal::invalid(
                "FileIdList",
                &unknown.to_string(),
                "the Id of a file that DescribeAffectedMaliciousFileImages lists",
            ));
        }
        let decision = Decision { decided, reason, author: context.caller };
        let done = decide(context.store, FileKind::Malicious, &files, decision, context.now).await;
        match done {
            Ok(_) => Ok(Answer {
                code: "200",
                http_status_code: 200,
                message: "successful",
                success: true,
            }),
            Err(DecideError::Store(error)) => Err(failed(Self::NAME, &error)),
            Err(other) => Err(Refusal::InvalidParameter {
                name: "FileIdList".to_owned(),
                why: format!("{other}."),
            }),
        }
    }
}
