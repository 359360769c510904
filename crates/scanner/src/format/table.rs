//! The report for people.
//!
//! In: a report. Out: a head, how completely we could look, what to do first, and the findings in groups, most urgent
//! first. Odd: one row shows a vulnerability with all packages that it touches; what needs no action now is a number
//! until all is asked for; control characters from the image never reach the terminal.

mod others;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use comfy_table::{Attribute, Cell, Color, ColumnConstraint};
use plimsoll_model::{
    Finding, GapReason, Kind, Level, Package, Priority, Report, RiskCounters, Status, Subject,
    Timestamp, Verdict,
};

use crate::upgrade::{fixed_version, upgrades};

use super::{
    Format, Style,
    grid::{empty, printable, trimmed},
};

pub(super) struct Table;

impl Format for Table {
    fn id(&self) -> &'static str {
        "table"
    }

    fn about(&self) -> &'static str {
        "For people: most urgent first, with what to do."
    }

    fn write(&self, report: &Report, style: Style, output: &mut dyn io::Write) -> io::Result<()> {
        head(report, style, output)?;
        coverage(report, style, output)?;
        what_to_do(report, style, output)?;
        others::write(report, MALWARE, style, output)?;
        vulnerabilities(report, style, output)?;
        for kind in OTHERS {
            others::write(report, *kind, style, output)?;
        }
        ignored(report, style, output)?;
        suppressed(report, style, output)
    }
}

/// What somebody else put into the image comes before all that only may be used against it.
const MALWARE: (Kind, &str) = (Kind::Malware, "Malicious files and packages");
/// The kinds behind vulnerabilities, with their headings.
const OTHERS: &[(Kind, &str)] = &[
    (Kind::Baseline, "Baseline"),
    (Kind::Secret, "Sensitive files"),
    (Kind::Build, "Build history"),
    (Kind::License, "Licences"),
];

/// With fewer columns, what is said of a vulnerability stands in one cell, below each other.
const WIDE: u16 = 110;
const NARROW: [&str; 3] = ["SCORE", "VULNERABILITY", "PACKAGE, ITS FIX, AND WHAT IT IS"];

/// Gaps of one reason that are listed unless all are asked for.
const GAPS_OF_A_KIND: usize = 5;

fn head(report: &Report, style: Style, output: &mut dyn io::Write) -> io::Result<()> {
    let image = &report.image;
    writeln!(output, "{}", bold(&printable(&image.name), style))?;
    let mut facts = Vec::new();
    facts.extend(image.distribution.as_deref().map(printable));
    facts.extend(image.platform.as_ref().map(|platform| printable(&platform.to_string())));
    if !image.layers.is_empty() {
        facts.push(format!("{} in {}", size(image.size), count(image.layers.len(), "layer")));
    }
    facts.push(count(report.packages.len(), "package"));
    writeln!(output, "{}", facts.join(" · "))?;
    if let Some(digest) = &image.digest {
        writeln!(output, "{digest}")?;
    }
    let counters = RiskCounters::of(report);
    let (word, color) = match counters.risk_level() {
        3 => ("Over the line", Color::Red),
        2 => ("At the line", Color::Yellow),
        1 => ("Below the line", Color::Green),
        _ if report.coverage.verdict == Verdict::Complete => ("Nothing found", Color::Green),
        _ if report.coverage.verdict == Verdict::Partial => {
            ("Nothing found in what could be read", Color::Yellow)
        }
        _ => ("Not known", Color::Yellow),
    };
    writeln!(output, "\n{}", painted(word, color, style))?;
    if report.coverage.verdict == Verdict::Unreadable {
        return Ok(());
    }
    let lines = [
        (
            Kind::Vulnerability,
            "vulnerabilities",
            [(counters.asap, "asap"), (counters.later, "later"), (counters.nntf, "no need now")],
        ),
        (
            Kind::Baseline,
            "baseline",
            [
                (counters.baseline_high, "high"),
                (counters.baseline_medium, "medium"),
                (counters.baseline_low, "low"),
            ],
        ),
        (
            Kind::Malware,
            "malicious files",
            [
                (counters.malicious_serious, "serious"),
                (counters.malicious_suspicious, "suspicious"),
                (counters.malicious_remind, "reminders"),
            ],
        ),
    ];
    // A number is of what was looked for.
    let said = |kind, numbers: String| match kind {
        _ if report.coverage.left_out.contains(&kind) => "not looked for".to_owned(),
        Kind::Vulnerability if report.feed.is_none() => "not known without advisories".to_owned(),
        _ => numbers,
    };
    for (kind, what, counts) in lines {
        let counts = counts.map(|(count, word)| format!("{count} {word}"));
        writeln!(output, "  {what:<15}  {}", said(kind, counts.join(", ")))?;
    }
    let number = |kind| {
        let of_kind = report.findings.iter().filter(|one| one.kind == kind && one.is_open());
        of_kind.map(|finding| finding.record.as_str()).collect::<BTreeSet<&str>>().len()
    };
    for (kind, what) in [(Kind::Secret, "sensitive files"), (Kind::Build, "build history")] {
        writeln!(output, "  {what:<15}  {}", said(kind, number(kind).to_string()))?;
    }
    Ok(())
}

/// The kinds of risk that nobody asked for, in words. Licences are looked for by a policy alone, so that nobody misses them.
pub(super) fn left_out(report: &Report) -> Option<String> {
    let kinds = report.coverage.left_out.iter().filter(|kind| **kind != Kind::License);
    let kinds: Vec<&str> = kinds.map(|kind| kind.as_str()).collect();
    (!kinds.is_empty()).then(|| kinds.join(", "))
}

fn coverage(report: &Report, style: Style, output: &mut dyn io::Write) -> io::Result<()> {
    let verdict = report.coverage.verdict;
    let color = if verdict == Verdict::Complete { Color::Green } else { Color::Yellow };
    let meaning = match verdict {
        Verdict::Complete => "everything that we know how to read was read",
        Verdict::Partial => "something could not be looked at",
        Verdict::Unreadable => "the image could not be read: no findings does not mean clean",
    };
    writeln!(output, "\nCoverage: {} ({meaning})", painted(&verdict.to_string(), color, style))?;
    if let Some(left_out) = left_out(report) {
        writeln!(output, "Not looked for, as asked: {left_out}")?;
    }
    let mut listed: BTreeMap<GapReason, usize> = BTreeMap::new();
    for gap in &report.coverage.gaps {
        let number = listed.entry(gap.reason).or_default();
        *number += 1;
        if *number > GAPS_OF_A_KIND && !style.all {
            continue;
        }
        let place =
            if gap.at.is_empty() { String::new() } else { format!("{}: ", printable(&gap.at)) };
        writeln!(output, "  - {place}{}", printable(&gap.detail))?;
    }
    let more: usize = listed.values().map(|number| number.saturating_sub(GAPS_OF_A_KIND)).sum();
    if more > 0 && !style.all {
        writeln!(output, "  … and {more} more like these (`--all` lists them)")?;
    }
    match &report.feed {
        None if report.coverage.left_out.contains(&Kind::Vulnerability) => Ok(()),
        None => writeln!(
            output,
            "Feed: none. Import one with `plimsoll feed import PATH` or `plimsoll feed update`"
        ),
        Some(feed) if feed.starter => writeln!(
            output,
            "Feed: the small built-in starter feed of {}, for a first look only. Get all of it with `plimsoll feed update`",
            feed.date.date()
        ),
        Some(feed) => {
            let records: u64 = feed.sources.iter().map(|source| source.records).sum();
            writeln!(
                output,
                "Feed: {records} records of {} sources, as of {}",
                feed.sources.len(),
                feed.date.date()
            )
        }
    }
}

fn what_to_do(report: &Report, style: Style, output: &mut dyn io::Write) -> io::Result<()> {
    let rows = upgrades(report);
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(output, "\n{}", bold("What to do first", style))?;
    let mut grid = empty(style, &["PACKAGE", "INSTALLED", "UPGRADE TO", "ENDS", "INSTALLED AS"]);
    for row in rows.iter().take(10) {
        let names: BTreeSet<String> = row.names.iter().map(|name| printable(name)).collect();
        grid.add_row([
            printable(&row.package),
            printable(&row.installed),
            format!("{} or later", printable(&row.version)),
            format!("{} asap, {} later", row.asap.len(), row.later.len()),
            few(names),
        ]);
    }
    writeln!(output, "{}", trimmed(&grid))?;
    if rows.len() > 10 {
        writeln!(output, "  … and {} more upgrades", rows.len() - 10)?;
    }
    Ok(())
}

/// The first of some words, and how many more there are.
fn few(words: BTreeSet<String>) -> String {
    let more = words.len().saturating_sub(3);
    let mut text = words.into_iter().take(3).collect::<Vec<_>>().join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

fn vulnerabilities(report: &Report, style: Style, output: &mut dyn io::Write) -> io::Result<()> {
    let packages: BTreeMap<&str, &Package> =
        report.packages.iter().map(|package| (package.purl.as_str(), package)).collect();
    for (priority, heading) in [
        (Priority::Asap, "Fix as soon as possible"),
        (Priority::Later, "Can wait"),
        (Priority::Nntf, "No need to fix now"),
    ] {
        let findings: Vec<&Finding> = report
            .findings
            .iter()
            .filter(|finding| {
                finding.kind == Kind::Vulnerability && finding.priority == Some(priority)
            })
            .collect();
        let records: BTreeSet<&str> =
            findings.iter().map(|finding| finding.record.as_str()).collect();
        if records.is_empty() {
            continue;
        }
        writeln!(
            output,
            "\n{}",
            bold(&format!("{heading}: {}", count(records.len(), "vulnerability")), style)
        )?;
        if priority == Priority::Nntf && !style.all {
            writeln!(output, "  (`--all` lists them)")?;
            continue;
        }
        let wide: &[&str] = &["SCORE", "VULNERABILITY", "PACKAGE", "INSTALLED", "FIXED IN", "WHAT"];
        let head = if style.width < WIDE { &NARROW } else { wide };
        let mut grid = empty(style, head);
        let mut shown = BTreeSet::new();
        for finding in &findings {
            if !shown.insert((finding.record.as_str(), fixed_version(finding))) {
                continue;
            }
            let same = findings.iter().filter(|other| {
                other.record == finding.record && fixed_version(other) == fixed_version(finding)
            });
            grid.add_row(vulnerability_row(finding, same.copied(), &packages, style));
        }
        // People copy ids.
        if let Some(ids) = grid.column_mut(1) {
            ids.set_constraint(ColumnConstraint::ContentWidth);
        }
        writeln!(output, "{}", trimmed(&grid))?;
    }
    Ok(())
}

fn vulnerability_row<'a>(
    finding: &Finding,
    same: impl Iterator<Item = &'a Finding>,
    packages: &BTreeMap<&str, &Package>,
    style: Style,
) -> Vec<Cell> {
    let mut names = BTreeSet::new();
    let mut versions = BTreeSet::new();
    for other in same {
        if let Subject::Purl(purl) = &other.subject
            && let Some(package) = packages.get(purl.as_str())
        {
            names.insert(printable(&package.name));
            versions.insert(printable(&package.version));
        }
    }
    let exploited =
        finding.urgency.as_ref().is_some_and(|urgency| urgency.known_exploited.is_some());
    let what = if exploited {
        format!("known exploited. {}", finding.title)
    } else {
        finding.title.clone()
    };
    let score = finding.score.map_or_else(String::new, |score| format!("{score:.1}"));
    let fixed = fixed_version(finding).map_or_else(|| status(finding), printable);
    let (names, versions, what) = (few(names), few(versions), printable(&what));
    let mut row = vec![
        cell(&score, priority_color(finding.priority), style),
        Cell::new(printable(&finding.id)),
    ];
    if style.width < WIDE {
        row.push(Cell::new(format!("{names} {versions} → {fixed}\n{what}")));
    } else {
        row.extend([names, versions, fixed, what].map(Cell::new));
    }
    row
}

fn status(finding: &Finding) -> String {
    let status = finding.status.unwrap_or(Status::Affected);
    if status == Status::Affected { "no fix yet".to_owned() } else { status.to_string() }
}

/// What matches an advisory, but does not count: a number, and whose word it rests on when all is asked for.
fn suppressed(report: &Report, style: Style, output: &mut dyn io::Write) -> io::Result<()> {
    let findings: Vec<&Finding> =
        report.findings.iter().filter(|one| !one.is_open() && !one.is_ignored()).collect();
    let records: BTreeSet<&str> = findings.iter().map(|finding| finding.record.as_str()).collect();
    if records.is_empty() {
        return Ok(());
    }
    let heading = format!("Does not count: {}", count(records.len(), noun(&findings)));
    writeln!(output, "\n{}", bold(&heading, style))?;
    if !style.all {
        return writeln!(
            output,
            "  (a source whose word comes first says not affected or fixed; `--all` lists them)"
        );
    }
    let mut grid = empty(style, &["VULNERABILITY", "IN", "STATUS", "WHOSE WORD", "WHY"]);
    for finding in findings {
        let Some(suppressed) = &finding.suppressed else { continue };
        let (Subject::Purl(subject) | Subject::Path(subject) | Subject::Image(subject)) =
            &finding.subject;
        grid.add_row(vec![
            Cell::new(printable(&finding.id)),
            Cell::new(printable(subject)),
            Cell::new(status(finding)),
            Cell::new(printable(&suppressed.by)),
            Cell::new(printable(&suppressed.reason)),
        ]);
    }
    writeln!(output, "{}", trimmed(&grid))
}

/// What findings are called together.
fn noun(findings: &[&Finding]) -> &'static str {
    let is_vulnerability = |finding: &&Finding| finding.kind == Kind::Vulnerability;
    if findings.iter().all(is_vulnerability) { "vulnerability" } else { "finding" }
}

/// What somebody decided to live with: always listed, so that it is not forgotten.
fn ignored(report: &Report, style: Style, output: &mut dyn io::Write) -> io::Result<()> {
    let findings: Vec<&Finding> =
        report.findings.iter().filter(|finding| finding.is_ignored()).collect();
    let records: BTreeSet<&str> = findings.iter().map(|finding| finding.record.as_str()).collect();
    if records.is_empty() {
        return Ok(());
    }
    let heading = format!("Ignored: {}", count(records.len(), noun(&findings)));
    writeln!(output, "\n{}", bold(&heading, style))?;
    let mut grid = empty(style, &["VULNERABILITY", "IN", "BY", "UNTIL", "WHY"]);
    for finding in findings {
        let Some(suppressed) = &finding.suppressed else { continue };
        let Some(by) = &suppressed.ignored else { continue };
        let (Subject::Purl(subject) | Subject::Path(subject) | Subject::Image(subject)) =
            &finding.subject;
        grid.add_row(vec![
            Cell::new(printable(&finding.id)),
            Cell::new(printable(subject)),
            Cell::new(printable(&format!("{}, {}", by.author, suppressed.advisory))),
            Cell::new(by.expires.map_or_else(|| "further notice".to_owned(), Timestamp::date)),
            Cell::new(printable(&suppressed.reason)),
        ]);
    }
    writeln!(output, "{}", trimmed(&grid))
}

fn cell(text: &str, color: Color, style: Style) -> Cell {
    let cell = Cell::new(printable(text));
    if style.color { cell.fg(color).add_attribute(Attribute::Bold) } else { cell }
}

const fn priority_color(priority: Option<Priority>) -> Color {
    match priority {
        Some(Priority::Asap) => Color::Red,
        Some(Priority::Later) => Color::Yellow,
        _ => Color::Reset,
    }
}

const fn level_color(level: Level) -> Color {
    match level {
        Level::Critical | Level::High => Color::Red,
        Level::Medium => Color::Yellow,
        _ => Color::Reset,
    }
}

fn bold(text: &str, style: Style) -> String {
    if style.color { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
}

fn painted(text: &str, color: Color, style: Style) -> String {
    let code = match color {
        Color::Red => 31,
        Color::Yellow => 33,
        Color::Green => 32,
        _ => 0,
    };
    if style.color { format!("\u{1b}[1;{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}

/// `1 layer`, `2 layers`.
pub(super) fn count(number: usize, noun: &str) -> String {
    match (number, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        _ => format!("{number} {noun}s"),
    }
}

/// Bytes with a unit that fits.
pub(super) fn size(bytes: u64) -> String {
    let (divisor, unit) = match bytes {
        0..1_000 => (1, "B"),
        1_000..1_000_000 => (1_000, "kB"),
        1_000_000..1_000_000_000 => (1_000_000, "MB"),
        _ => (1_000_000_000, "GB"),
    };
    if divisor == 1 {
        return format!("{bytes} B");
    }
    let tenths = bytes.saturating_mul(10) / divisor;
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(
            (count(1, "layer"), count(2, "vulnerability")),
            ("1 layer".into(), "2 vulnerabilities".into())
        );
        assert_eq!(
            (size(999), size(42_700_000), size(2_150_000_000)),
            ("999 B".into(), "42.7 MB".into(), "2.1 GB".into())
        );
    }
}
