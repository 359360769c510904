//! The whole report as JSON.
//!
//! In: a report. Out: one JSON object, indented, with a final newline. Source: `docs/reference/report.schema.json`.
//! Odd: object keys keep the order of the schema, lists are sorted, so equal reports are equal bytes.

use std::io;

use plimsoll_model::Report;

use super::{Format, Style};

pub(super) struct Json;

impl Format for Json {
    fn id(&self) -> &'static str {
        "json"
    }

    fn about(&self) -> &'static str {
        "Everything, for programs; its schema is docs/reference/report.schema.json."
    }

    fn write(&self, report: &Report, _: Style, output: &mut dyn io::Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *output, report)?;
        output.write_all(b"\n")
    }
}
