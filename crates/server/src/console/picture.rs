//! Pictures, drawn by the server.
//!
//! In: a load, counts, or counters over time. Out: small SVGs whose colours come from the style sheet by class. Odd: a ship's load line mark
//! is a ring with a line through it; here the water in the ring stands as high as the risk does.

use maud::{Markup, html};
use plimsoll_model::Timestamp;
use plimsoll_store::CounterChange;

use super::load::Load;

/// The Plimsoll mark with water at the height of `load`. `label` is its text alternative; without one the picture is
/// decoration beside words that say the same.
pub(super) fn mark(load: Load, label: Option<&str>) -> Markup {
    // Chords of the ring (centre 16, radius 10), water below: height above the bottom grows with the risk.
    let water = match load {
        Load::Over => Some("M7.34 11 A10 10 0 1 0 24.66 11 Z"),
        Load::At => Some("M6 16 A10 10 0 0 0 26 16 Z"),
        Load::Below => Some("M7.34 21 A10 10 0 0 0 24.66 21 Z"),
        Load::Clear | Load::ClearWhereSeen | Load::Unreadable | Load::Waiting => None,
    };
    let ring = match load {
        Load::ClearWhereSeen | Load::Unreadable | Load::Waiting => "ring unknown",
        _ => "ring",
    };
    let class = format!("mark {}", load.class());
    html! {
        svg class=(class) viewBox="0 0 32 32" role=(if label.is_some() { "img" } else { "presentation" })
            aria-label=[label] aria-hidden=[label.is_none().then_some("true")] {
            @if let Some(water) = water { path class="water" d=(water) {} }
            circle class=(ring) cx="16" cy="16" r="10" {}
            path class="load" d="M1 16 H31" {}
            // Within deep water the line would have the water's colour.
            @if load == Load::Over { path class="load-under" d="M7.5 16 H24.5" {} }
        }
    }
}

/// One part of a bar.
pub(super) struct Part {
    /// Class of the colour.
    pub class: &'static str,
    /// How many.
    pub count: u32,
    /// What they are, for the text alternative.
    pub words: &'static str,
}

/// A bar of parts; `full` is the sum that fills it. Every part that is not zero can be seen, however small.
pub(super) fn bar(parts: &[Part], full: u32) -> Markup {
    const LEAST: f64 = 1.5;
    let full = f64::from(full.max(1));
    let mut start = 0.0;
    let mut drawn = Vec::new();
    for part in parts.iter().filter(|part| part.count > 0) {
        let width = (f64::from(part.count) / full * 100.0).max(LEAST).min(100.0 - start);
        drawn.push((part.class, format!("{start:.2}"), format!("{:.2}", (width - 0.4).max(0.6))));
        start += width;
    }
    html! {
        svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label=(label(parts)) {
            rect class="track" width="100" height="10" {}
            @for (class, start, width) in &drawn {
                rect class=(class) x=(start) width=(width) height="10" {}
            }
        }
    }
}

/// Vulnerabilities over time, oldest change first, stacked by when to act: each stands from its change to the next, the last to
/// `now`.
pub(super) fn history(changes: &[CounterChange], now: Timestamp) -> Markup {
    const WIDTH: f64 = 600.0;
    const HEIGHT: f64 = 120.0;
    let Some(first) = changes.first() else { return html! {} };
    // What is later than now belongs to another clock.
    let end = changes.last().map_or(now, |last| last.at.max(now));
    let seconds = |from: Timestamp, to: Timestamp| {
        u32::try_from(to.0.saturating_sub(from.0)).map_or(f64::from(u32::MAX), f64::from)
    };
    let whole = seconds(first.at, end).max(1.0);
    let most = changes.iter().map(|change| change.counters.vulnerabilities()).max().unwrap_or(0);
    let scale = HEIGHT / f64::from(most.max(1));
    let mut drawn = Vec::new();
    for (number, change) in changes.iter().enumerate() {
        let until = changes.get(number + 1).map_or(end, |next| next.at);
        let left = seconds(first.at, change.at) / whole * WIDTH;
        // A change of this very moment can be seen, too.
        let width = (seconds(change.at, until) / whole * WIDTH).max(1.0).min(WIDTH - left);
        let counters = &change.counters;
        let mut bottom = HEIGHT;
        for (class, count) in
            [("asap", counters.asap), ("later", counters.later), ("nntf", counters.nntf)]
        {
            let height = f64::from(count) * scale;
            bottom -= height;
            if count > 0 {
                drawn.push((
                    class,
                    [left, bottom, width.max(1.0), height].map(|n| format!("{n:.2}")),
                ));
            }
        }
    }
    let last = changes.last().map_or(0, |last| last.counters.vulnerabilities());
    let (then, number) = (first.counters.vulnerabilities(), changes.len());
    let label = format!(
        "{number} {} since {}: {then} {} then, {last} now, at most {most}",
        if number == 1 { "change" } else { "changes" },
        first.at.date(),
        if then == 1 { "vulnerability" } else { "vulnerabilities" },
    );
    html! {
        figure class="chart" {
            div class="axis" aria-hidden="true" { span { (most) } span { "0" } }
            svg class="bar history" viewBox="0 0 600 120" preserveAspectRatio="none" role="img" aria-label=(label) {
                rect class="track" width="600" height="120" {}
                @for (class, [left, top, width, height]) in &drawn {
                    rect class=(class) x=(left) y=(top) width=(width) height=(height) {}
                }
            }
            figcaption aria-hidden="true" { span { (first.at.date()) } span { (end.date()) } }
        }
    }
}

fn label(parts: &[Part]) -> String {
    let words: Vec<String> =
        parts.iter().map(|part| format!("{} {}", part.count, part.words)).collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_part_of_a_bar_can_be_seen_and_the_bar_ends_at_its_end() {
        let parts = [
            Part { class: "asap", count: 1, words: "as soon as possible" },
            Part { class: "later", count: 0, words: "later" },
            Part { class: "nntf", count: 999, words: "no need to fix now" },
        ];
        let text = bar(&parts, 1000).into_string();
        assert!(
            text.contains(r#"aria-label="1 as soon as possible, 0 later, 999 no need to fix now""#)
        );
        assert!(text.contains(r#"class="asap" x="0.00" width="1.10""#), "{text}");
        assert!(text.contains(r#"class="nntf" x="1.50" width="98.10""#), "{text}");
        assert!(!text.contains(r#"class="later""#));
    }

    #[test]
    fn a_history_is_stacked_and_reaches_from_the_first_change_to_now() {
        let change = |at: i64, asap, later| CounterChange {
            at: Timestamp(at),
            by: plimsoll_store::ChangedBy::Scan,
            snapshot: None,
            counters: plimsoll_model::RiskCounters {
                cve: asap + later,
                asap,
                later,
                ..plimsoll_model::RiskCounters::default()
            },
        };
        let changes = [change(0, 1, 1), change(300, 4, 0)];
        let text = history(&changes, Timestamp(600)).into_string();
        for wanted in [
            r#"aria-label="2 changes since 1970-01-01: 2 vulnerabilities then, 4 now, at most 4""#,
            r#"<rect class="asap" x="0.00" y="90.00" width="300.00" height="30.00">"#,
            r#"<rect class="later" x="0.00" y="60.00" width="300.00" height="30.00">"#,
            r#"<rect class="asap" x="300.00" y="0.00" width="300.00" height="120.00">"#,
        ] {
            assert!(text.contains(wanted), "{wanted} in {text}");
        }
        assert_eq!(history(&[], Timestamp(0)).into_string(), "");
        // A single change, now, and a clock that is behind, give a picture too.
        assert!(history(&changes[..1], Timestamp(0)).into_string().contains(r#"width="1.00""#));
        assert!(history(&changes, Timestamp(-5)).into_string().contains("<rect"));
    }

    #[test]
    fn a_mark_without_words_beside_it_says_them_itself() {
        assert!(
            mark(Load::Over, Some("Over the line")).0.contains(r#"aria-label="Over the line""#)
        );
        assert!(mark(Load::Over, None).0.contains("aria-hidden"));
    }
}
