//! The terminal: the one place that prints.
//!
//! In: text, tables, a scan's progress. Out: results on standard output; progress, hints and errors on standard error.
//! Odd: bars and colour only on terminals; a closed pipe (`plimsoll … | head`) ends the program quietly.

use std::{
    io::{self, IsTerminal, Write},
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use plimsoll_scanner::{
    Progress,
    format::{Style, grid, printable},
};
use serde::Serialize;

use crate::arguments::{Global, ListFormat, When};

/// What may be shown where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terminal {
    color: bool,
    quiet: bool,
}

impl Terminal {
    pub(crate) fn new(global: &Global) -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let color = match global.color {
            When::Always => true,
            When::Never => false,
            When::Auto => io::stdout().is_terminal() && !no_color,
        };
        Self { color, quiet: global.quiet }
    }

    /// How a report looks here; `to_file`: it is not shown but kept.
    pub(crate) fn style(self, all: bool, to_file: bool) -> Style {
        let width =
            if to_file || !io::stdout().is_terminal() { 160 } else { columns().unwrap_or(120) };
        Style { color: self.color && !to_file, width, all }
    }

    /// Prints a result.
    pub(crate) fn print(self, text: &str) -> io::Result<()> {
        let mut output = io::stdout().lock();
        output.write_all(text.as_bytes())?;
        output.write_all(b"\n")?;
        output.flush()
    }

    /// For a result that is too long to hold.
    pub(crate) fn output(self) -> impl Write {
        io::BufWriter::new(io::stdout())
    }

    /// Says something about the run, unless quiet.
    #[expect(clippy::print_stderr, reason = "the terminal module")]
    pub(crate) fn say(self, text: &str) {
        if !self.quiet {
            eprintln!("{text}");
        }
    }

    /// Says what went wrong, with its causes; lines that begin with `hint:` stand alone.
    #[expect(clippy::print_stderr, reason = "the terminal module")]
    pub(crate) fn error(self, error: &anyhow::Error) {
        eprintln!("{}", described(error));
    }

    /// Prints rows as people, programs or pages want them. `rows` serialises to an array for programs.
    pub(crate) fn list<T: Serialize>(
        self,
        format: ListFormat,
        head: &[&str],
        rows: &[T],
        cells: impl Fn(&T) -> Vec<String>,
    ) -> anyhow::Result<()> {
        match format {
            ListFormat::Json => self.print(&serde_json::to_string_pretty(rows)?)?,
            ListFormat::Table if rows.is_empty() => self.say("nothing to list"),
            ListFormat::Table => self.print(&self.grid(head, rows.iter().map(&cells)))?,
            ListFormat::Markdown => {
                let line = |cells: &[String]| format!("| {} |", cells.join(" | "));
                let mut text =
                    line(&head.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
                text.push_str(&format!("\n|{}", "---|".repeat(head.len())));
                for row in rows {
                    let cells: Vec<String> =
                        cells(row).iter().map(|cell| cell.replace('|', "\\|")).collect();
                    text.push_str(&format!("\n{}", line(&cells)));
                }
                self.print(&text)?;
            }
        }
        Ok(())
    }

    /// A table as text.
    pub(crate) fn grid(self, head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
        grid(self.style(false, false), head, rows)
    }

    /// A bar for a scan; hidden off terminals.
    pub(crate) fn scan_progress(self, name: &str) -> ScanProgress {
        let bar = self.bar();
        bar.set_message(printable(name));
        ScanProgress { bar, layers: AtomicUsize::new(0), done: AtomicUsize::new(0) }
    }

    /// A bar that counts bytes.
    pub(crate) fn byte_progress(self, message: &str) -> ProgressBar {
        let bar = self.bar();
        bar.set_message(printable(message));
        bar
    }

    /// A bar that counts `length` things.
    pub(crate) fn count_progress(self, length: u64, message: &str) -> ProgressBar {
        let bar = self.bar();
        bar.set_length(length);
        bar.set_style(template("{spinner} {msg} {bar:30} {pos}/{len}"));
        bar.set_message(message.to_owned());
        bar
    }

    fn bar(self) -> ProgressBar {
        if self.quiet || !io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new(0);
        bar.set_style(template("{spinner} {msg} {bar:30} {bytes}/{total_bytes} {prefix}"));
        bar.enable_steady_tick(Duration::from_millis(100));
        bar
    }
}

fn template(text: &str) -> ProgressStyle {
    ProgressStyle::with_template(text).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// What somebody asked for, else what the terminal says; shells keep `COLUMNS` to themselves.
fn columns() -> Option<u16> {
    let asked = std::env::var_os("COLUMNS").and_then(|text| text.to_str()?.parse().ok());
    asked.or_else(|| console::Term::stdout().size_checked().map(|(_rows, columns)| columns))
}

/// A scan's progress as a bar over the layers' bytes.
pub(crate) struct ScanProgress {
    bar: ProgressBar,
    layers: AtomicUsize,
    done: AtomicUsize,
}

impl ScanProgress {
    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for ScanProgress {
    fn layers_begin(&self, layers: usize, bytes: u64) {
        self.bar.set_length(bytes.max(1));
        self.layers.store(layers, Ordering::Relaxed);
        self.bar.set_prefix(format!("layer 0 of {layers}"));
    }

    fn layer_done(&self, bytes: u64, _cached: bool, _took: Duration) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        self.bar.inc(bytes);
        self.bar.set_prefix(format!("layer {done} of {}", self.layers.load(Ordering::Relaxed)));
    }

    fn step(&self, name: &'static str) {
        self.bar.set_prefix(name);
    }
}

/// An error with its causes on one line, and every hint among them on a line of its own after it.
fn described(error: &anyhow::Error) -> String {
    let mut text = String::from("error");
    let mut hints = Vec::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        let (found, lines): (Vec<&str>, Vec<&str>) =
            cause.lines().partition(|line| line.starts_with("hint:"));
        hints.extend(found.into_iter().map(ToOwned::to_owned));
        let said = lines.join("\n");
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
    }
    text.lines()
        .chain(hints.iter().map(String::as_str))
        .map(printable)
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    #[test]
    fn hints_stand_alone_after_all_causes() {
        let cause = anyhow::anyhow!("registry `r` refused access\nhint: try again");
        let error = cause.context("`r/app` cannot be read\nhint: give an account");
        assert_eq!(
            super::described(&error),
            "error: `r/app` cannot be read: registry `r` refused access\nhint: give an account\nhint: try again"
        );
    }
}
