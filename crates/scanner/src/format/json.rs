//! The whole report as JSON.
//!
//! In: a report. Out: one JSON object, indented, with a final newline. Source: `docs/reference/report.schema.json`.
//! Odd: object keys keep the order of the schema, lists are sorted, so equal reports are equal bytes. JSON demands escapes
//! for the lowest control characters alone; the others that move a terminal's cursor or hide text are escaped too, since
//! names from images end up on terminals in this form as well.

use std::{borrow::Cow, collections::BTreeMap, fmt::Write, io};

use plimsoll_model::Report;
use serde::Serialize;

use super::{Format, Style, grid::is_unprintable};

pub(super) struct Json;

impl Format for Json {
    fn id(&self) -> &'static str {
        "json"
    }

    fn about(&self) -> &'static str {
        "Everything, for programs; its schema is docs/reference/report.schema.json."
    }

    fn write(&self, report: &Report, _: Style, output: &mut dyn io::Write) -> io::Result<()> {
        write_value(report, output)
    }
}

/// Any value in this form.
pub(super) fn write_value<T: Serialize>(value: &T, output: &mut dyn io::Write) -> io::Result<()> {
    output.write_all(escape(&serde_json::to_string_pretty(value)?).as_bytes())?;
    output.write_all(b"\n")
}

/// Texts by name on one line.
pub(super) fn line(pairs: &BTreeMap<String, String>) -> String {
    // Writing texts to memory cannot fail.
    escape(&serde_json::to_string(pairs).unwrap_or_default()).into_owned()
}

fn escape(text: &str) -> Cow<'_, str> {
    // Outside of strings there is none of them but the line feed.
    let is_escaped = |character: char| is_unprintable(character) && character != '\n';
    if !text.contains(is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 64);
    for character in text.chars() {
        if is_escaped(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _written = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(character);
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use plimsoll_model::{Coverage, ImageIdentity, Report};

    use super::*;

    #[test]
    fn no_name_controls_a_terminal_and_none_is_lost() {
        let name = "a\u{1b}[2J\u{9b}31m\u{7f}\u{202e}\u{e0041}\u{2028}\n\"</script>käse";
        let report = Report {
            image: ImageIdentity {
                name: name.to_owned(),
                source: "rootfs".to_owned(),
                digest: None,
                id: None,
                platform: None,
                size: 0,
                layers: Vec::new(),
                distribution: None,
            },
            coverage: Coverage::new(Vec::new(), Vec::new()),
            feed: None,
            packages: Vec::new(),
            findings: Vec::new(),
            build: Vec::new(),
            ignore_rules: Vec::new(),
        };
        let mut written = Vec::new();
        Json.write(&report, Style::default(), &mut written).unwrap();
        let text = String::from_utf8(written).unwrap();
        assert!(!text.contains(|character| is_unprintable(character) && character != '\n'));
        assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
    }
}
