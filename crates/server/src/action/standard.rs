//! The envelope that newer actions of the contract put around their answers.

use serde::Serialize;

/// What such an action answers when it did what it should.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Standard<T: Serialize> {
    code: &'static str,
    data: T,
    message: &'static str,
    success: bool,
}

/// What was made, changed or taken back.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Id {
    /// Its number.
    pub(super) id: i64,
}

/// `PageInfo` without the number of entries on the page.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Pages {
    pub(super) current_page: i32,
    pub(super) page_size: i32,
    pub(super) total_count: i32,
}

/// A page of a list.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Listed<T: Serialize> {
    pub(super) list: Vec<T>,
    pub(super) page_info: Pages,
}

impl<T: Serialize> Standard<T> {
    pub(super) const fn of(data: T) -> Self {
        Self { code: "200", data, message: "successful", success: true }
    }
}

/// Nothing beside `RequestId`.
#[derive(Serialize)]
pub(crate) struct Nothing {}
