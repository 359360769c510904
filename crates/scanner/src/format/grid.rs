//! Tables on a terminal.
//!
//! In: a head and rows of text. Out: aligned columns below a ruled head. Odd: text from images and registries is shown
//! with its control characters escaped, so that nothing in it moves the cursor or changes colours.

use comfy_table::{Cell, ContentArrangement, LineStyle, Table, TableStyle};

use super::Style;

const RULED_HEAD: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// A table as text, without a final newline.
pub fn grid(style: Style, head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = empty(style, head);
    for row in rows {
        table.add_row(row.iter().map(|text| printable(text)));
    }
    trimmed(&table)
}

/// A table with its head alone.
pub(super) fn empty(style: Style, head: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(RULED_HEAD);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(style.width);
    if style.color {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    table.set_header(head.iter().map(Cell::new));
    table
}

/// The table without blanks at the ends of lines.
pub(super) fn trimmed(table: &Table) -> String {
    table.trim_fmt()
}

/// Text with control characters and direction marks shown as escapes.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        let marks_direction = matches!(character, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if character.is_control() || marks_direction {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_the_image_controls_the_terminal() {
        assert_eq!(printable("a\u{1b}[31mb\nc\u{202e}d"), "a\\u{1b}[31mb\\u{a}c\\u{202e}d");
        assert_eq!(printable("käse"), "käse");
    }

    #[test]
    fn columns_are_aligned_below_their_head() {
        let rows = [vec!["a".to_owned(), "bb".to_owned()], vec!["cccc".to_owned(), "d".to_owned()]];
        let text = grid(Style::default(), &["X", "Y"], rows.into_iter());
        assert_eq!(text, " X      Y\n───────────\n a      bb\n cccc   d");
    }
}
