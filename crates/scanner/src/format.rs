//! Output formats of a report.
//!
//! In: a [`Report`]. Out: its text in one of [`formats`]. Odd: a format sees nothing but the report, so that every
//! format says the same; colour and width are the caller's to decide.

mod address;
mod cyclonedx;
mod finding_text;
mod gitlab;
mod grid;
mod html;
mod json;
mod junit;
mod sarif;
mod sbom;
mod spdx;
mod table;
mod xml;

use std::io;

use plimsoll_model::Report;

pub use self::grid::{grid, printable};

/// What a terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether ANSI colours are wanted.
    pub color: bool,
    /// Columns to fill.
    pub width: u16,
    /// Whether findings that need no action now are listed too.
    pub all: bool,
}

impl Default for Style {
    fn default() -> Self {
        Self { color: false, width: 120, all: false }
    }
}

/// One output format.
pub trait Format: Sync {
    /// The word for `--format`.
    fn id(&self) -> &'static str;

    /// What it is for, as one sentence.
    fn about(&self) -> &'static str;

    /// Writes the report.
    ///
    /// # Errors
    /// Those of `output`.
    fn write(&self, report: &Report, style: Style, output: &mut dyn io::Write) -> io::Result<()>;
}

/// Every format, the default first.
#[must_use]
pub fn formats() -> &'static [&'static dyn Format] {
    &[
        &table::Table,
        &json::Json,
        &html::Html,
        &sarif::Sarif,
        &junit::Junit,
        &gitlab::Gitlab,
        &cyclonedx::Json(cyclonedx::Version::V1_6),
        &cyclonedx::Json(cyclonedx::Version::V1_7),
        &cyclonedx::Xml(cyclonedx::Version::V1_6),
        &cyclonedx::Xml(cyclonedx::Version::V1_7),
        &spdx::Json,
        &spdx::TagValue,
    ]
}

/// The format of that id.
#[must_use]
pub fn format(id: &str) -> Option<&'static dyn Format> {
    formats().iter().copied().find(|format| format.id() == id)
}
