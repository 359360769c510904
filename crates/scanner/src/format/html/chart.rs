//! Charts as SVG.
//!
//! In: labels and numbers. Out: SVG that carries its numbers as text. Source: own. Odd: colours are classes of the style
//! sheet, since the page's policy allows no styles in elements; lengths are whole numbers, so that equal reports are equal
//! bytes.

use super::escape;

/// A part of a bar or ring: class, word, number.
pub(super) type Part = (&'static str, &'static str, usize);

/// Width of a picture of bars, in its own units.
const WIDTH: usize = 400;
/// Where bars begin.
const LABELS: usize = 176;
/// Where they end at most; the number stands behind.
const BARS: usize = 176;
/// Height of a row.
const ROW: usize = 24;

/// A ring with a total in its middle.
pub(super) fn ring(title: &str, under: &str, parts: &[Part]) -> String {
    let total: usize = parts.iter().map(|(.., number)| number).sum();
    let mut svg = open(title, "whole", 220, 150);
    // Radius 58: the circumference is 364.4; parts are cut in thousandths of it.
    svg.push_str("<circle class=\"ring track\" cx=\"110\" cy=\"75\" r=\"58\"/>");
    let mut before = 0;
    for (class, word, number) in parts.iter().filter(|(.., number)| *number > 0) {
        let (length, offset) = (share(*number, total), share(before, total));
        svg.push_str(&format!(
            "<circle class=\"ring {class}\" cx=\"110\" cy=\"75\" r=\"58\" pathLength=\"1000\" \
             stroke-dasharray=\"{length} {}\" stroke-dashoffset=\"-{offset}\" transform=\"rotate(-90 110 75)\"><title>{}: {number}</title></circle>",
            1_000_usize.saturating_sub(length),
            escape(word),
        ));
        before += number;
    }
    svg.push_str(&format!(
        "<text class=\"total\" x=\"110\" y=\"80\">{total}</text><text class=\"under\" x=\"110\" y=\"98\">{}</text></svg>",
        escape(under)
    ));
    svg.push_str(&key(parts));
    svg
}

/// Bars of several parts, one below the other.
pub(super) fn bars(title: &str, rows: &[(String, Vec<Part>)]) -> String {
    let most = rows.iter().map(|(_, parts)| sum(parts)).max().unwrap_or(0);
    let mut svg = open(title, "bars", WIDTH, rows.len() * ROW);
    for (at, (label, parts)) in rows.iter().enumerate() {
        let top = at * ROW;
        svg.push_str(&format!(
            "<text class=\"end\" x=\"{}\" y=\"{}\"><title>{}</title>{}</text>",
            LABELS - 8,
            top + 16,
            escape(label),
            escape(&shorten(label))
        ));
        svg.push_str(&format!(
            "<rect class=\"track\" x=\"{LABELS}\" y=\"{}\" width=\"{BARS}\" height=\"14\" rx=\"3\"/>",
            top + 5
        ));
        let mut before = 0;
        for (class, word, number) in parts.iter().filter(|(.., number)| *number > 0) {
            let from = scaled(before, most);
            before += number;
            // What is there is seen, however little it is.
            let width = (scaled(before, most) - from).max(2);
            svg.push_str(&format!(
                "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{width}\" height=\"14\"><title>{}: {number}</title></rect>",
                LABELS + from,
                top + 5,
                escape(word)
            ));
        }
        svg.push_str(&format!(
            "<text class=\"muted\" x=\"{}\" y=\"{}\">{before}</text>",
            LABELS + BARS + 8,
            top + 16
        ));
    }
    svg.push_str("</svg>");
    svg
}

/// What the colours mean, each with its number where it is the whole chart's.
pub(super) fn key(parts: &[Part]) -> String {
    let mut list = String::from("<ul class=\"key\">");
    for (class, word, number) in parts {
        list.push_str(&format!(
            "<li><svg viewBox=\"0 0 10 10\" aria-hidden=\"true\"><rect class=\"{class}\" width=\"10\" height=\"10\" rx=\"2\"/></svg>{} {number}</li>",
            escape(word)
        ));
    }
    list.push_str("</ul>");
    list
}

fn open(title: &str, class: &str, width: usize, height: usize) -> String {
    format!(
        "<svg class=\"{class}\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{title}\"><title>{title}</title>",
        title = escape(title)
    )
}

fn sum(parts: &[Part]) -> usize {
    parts.iter().map(|(.., number)| number).sum()
}

fn share(part: usize, whole: usize) -> usize {
    part.saturating_mul(1_000).checked_div(whole).unwrap_or(0)
}

fn scaled(part: usize, whole: usize) -> usize {
    part.saturating_mul(BARS).checked_div(whole).unwrap_or(0)
}

/// The end of a long label says more than its beginning.
fn shorten(label: &str) -> String {
    let length = label.chars().count();
    if length <= 22 {
        return label.to_owned();
    }
    format!("…{}", label.chars().skip(length - 21).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_to_draw_is_no_division_by_nothing() {
        assert!(ring("x", "y", &[("asap", "asap", 0)]).contains(">0</text>"));
        assert!(bars("x", &[("a".to_owned(), vec![("asap", "asap", 0)])]).contains(">0</text>"));
    }

    #[test]
    fn labels_are_text() {
        let svg = bars("x", &[("</svg><script>".to_owned(), vec![("asap", "asap", 1)])]);
        assert!(!svg.contains("<script>"), "{svg}");
    }
}
