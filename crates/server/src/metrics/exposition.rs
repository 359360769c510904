//! Metrics as text.
//!
//! In: families and samples. Out: what Prometheus reads. Source: Prometheus, "Exposition formats", text format 0.0.4. Odd: all
//! samples of a family stand together, so that a family is begun once and its samples are added to it.

use std::fmt::{Display, Write as _};

use super::{Counts, Durations, Ordering};

/// The media type of the text.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The text, as far as it is written.
#[derive(Debug, Default)]
pub(crate) struct Exposition(String);

/// One family, to which samples are added.
#[derive(Debug)]
pub(crate) struct Family<'e> {
    text: &'e mut String,
    name: &'static str,
}

impl Exposition {
    /// Begins a number that only grows; its name ends in `_total`.
    pub(crate) fn counter(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, "counter", help)
    }

    /// Begins a number that goes up and down.
    pub(crate) fn gauge(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, "gauge", help)
    }

    /// Writes how long things took.
    pub(crate) fn histogram<const N: usize>(
        &mut self,
        name: &'static str,
        help: &str,
        durations: &Durations<N>,
    ) {
        let family = self.family(name, "histogram", help);
        let mut count = 0;
        for (bound, number) in durations.bounds.iter().zip(durations.counts.all()) {
            count += number;
            push(family.text, name, "_bucket", &[("le", &bound.to_string())], count);
        }
        count += durations.longer.load(Ordering::Relaxed);
        push(family.text, name, "_bucket", &[("le", "+Inf")], count);
        let microseconds = durations.microseconds.load(Ordering::Relaxed);
        let (seconds, rest) = (microseconds / 1_000_000, microseconds % 1_000_000);
        push(family.text, name, "_sum", &[], format_args!("{seconds}.{rest:06}"));
        push(family.text, name, "_count", &[], count);
    }

    /// Writes one counter for each kind.
    pub(crate) fn counts<const N: usize>(
        &mut self,
        name: &'static str,
        help: &str,
        kinds: [&str; N],
        counts: &Counts<N>,
    ) {
        let mut family = self.counter(name, help);
        for (kind, count) in kinds.into_iter().zip(counts.all()) {
            family.sample(&[("outcome", kind)], count);
        }
    }

    /// The text.
    pub(crate) fn into_text(self) -> String {
        self.0
    }

    fn family(&mut self, name: &'static str, kind: &str, help: &str) -> Family<'_> {
        // Nothing that is written to a `String` fails.
        let _written =
            write!(self.0, "# HELP {name} {}\n# TYPE {name} {kind}\n", escaped(help, false));
        Family { text: &mut self.0, name }
    }
}

impl Family<'_> {
    /// Adds a sample.
    pub(crate) fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) {
        push(self.text, self.name, "", labels, value);
    }
}

fn push(text: &mut String, name: &str, suffix: &str, labels: &[(&str, &str)], value: impl Display) {
    text.push_str(name);
    text.push_str(suffix);
    for (place, (label, content)) in labels.iter().enumerate() {
        let before = if place == 0 { '{' } else { ',' };
        let _written = write!(text, "{before}{label}=\"{}\"", escaped(content, true));
    }
    let end = if labels.is_empty() { "" } else { "}" };
    let _written = writeln!(text, "{end} {value}");
}

/// Backslashes and ends of lines, and quotation marks within labels.
fn escaped(text: &str, is_label: bool) -> String {
    let text = text.replace('\\', "\\\\").replace('\n', "\\n");
    if is_label { text.replace('"', "\\\"") } else { text }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn families_stand_together_and_labels_are_escaped() {
        let mut text = Exposition::default();
        let mut family = text.gauge("plimsoll_tasks", "Tasks\nby state.");
        family.sample(&[("kind", "scan"), ("state", "que\"ued\\\n")], 3);
        family.sample(&[], 0.5);
        text.counter("plimsoll_x_total", "Others.").sample(&[], 1_u64);
        assert_eq!(
            text.into_text(),
            "# HELP plimsoll_tasks Tasks\\nby state.\n# TYPE plimsoll_tasks gauge\n\
             plimsoll_tasks{kind=\"scan\",state=\"que\\\"ued\\\\\\n\"} 3\nplimsoll_tasks 0.5\n\
             # HELP plimsoll_x_total Others.\n# TYPE plimsoll_x_total counter\nplimsoll_x_total 1\n"
        );
    }

    #[test]
    fn buckets_count_all_that_is_shorter() {
        const BOUNDS: &[f64; 2] = &[0.5, 2.0];
        let durations = Durations::new(BOUNDS);
        for milliseconds in [100, 500, 1_500, 9_000] {
            durations.add(Duration::from_millis(milliseconds));
        }
        let mut text = Exposition::default();
        text.histogram("d_seconds", "How long.", &durations);
        let text = text.into_text();
        let lines: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                "d_seconds_bucket{le=\"0.5\"} 2",
                "d_seconds_bucket{le=\"2\"} 3",
                "d_seconds_bucket{le=\"+Inf\"} 4",
                "d_seconds_sum 11.100000",
                "d_seconds_count 4",
            ]
        );
    }
}
