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
        if is_unprintable(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Controls of the terminal, breaks of lines, marks of direction, and characters that take no room: none of them is seen,
/// and each changes what is seen.
pub(super) fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_the_image_controls_the_terminal() {
        assert_eq!(printable("a\u{1b}[31mb\nc\u{202e}d"), "a\\u{1b}[31mb\\u{a}c\\u{202e}d");
        assert_eq!(printable("käse"), "käse");
        for hidden in
            ['\u{9b}', '\u{7f}', '\u{2028}', '\u{200b}', '\u{61c}', '\u{feff}', '\u{e0041}']
        {
            assert!(printable(&hidden.to_string()).starts_with("\\u{"), "{hidden:?}");
        }
    }

    #[test]
    fn columns_are_aligned_below_their_head() {
        let rows = [vec!["a".to_owned(), "bb".to_owned()], vec!["cccc".to_owned(), "d".to_owned()]];
        let text = grid(Style::default(), &["X", "Y"], rows.into_iter());
        assert_eq!(text, " X      Y\n───────────\n a      bb\n cccc   d");
    }
}
