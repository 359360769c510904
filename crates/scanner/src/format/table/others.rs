//! What was found besides vulnerabilities: kind by kind, what it is, where it was seen, what to do.
//!
//! In: a report. Out: a block a finding, the worst first. Odd: findings that differ in their places alone stand in one block; a
//! terminal of 80 columns shows all of it, since what is long has the whole width behind a short word.

use std::{
    collections::{BTreeSet, HashMap},
    io,
};

use comfy_table::Cell;
use plimsoll_model::{Evidence, Finding, Kind, Report, Subject};

use super::{bold, cell, level_color};
use crate::format::{
    Style,
    grid::{empty, printable, trimmed},
};

/// Blocks of a kind, and places of a block, unless all is asked for.
const BLOCKS: usize = 25;
const PLACES: usize = 4;

/// Findings that say the same of several places.
struct Block<'a> {
    first: &'a Finding,
    places: Vec<String>,
}

pub(super) fn write(
    report: &Report,
    (kind, heading): (Kind, &str),
    style: Style,
    output: &mut dyn io::Write,
) -> io::Result<()> {
    let open = || report.findings.iter().filter(|one| one.kind == kind && one.is_open());
    let records: BTreeSet<&str> = open().map(|finding| finding.record.as_str()).collect();
    if records.is_empty() {
        return Ok(());
    }
    writeln!(output, "\n{}", bold(&format!("{heading}: {}", records.len()), style))?;
    let blocks = blocks(open());
    let (most, places) = if style.all { (usize::MAX, usize::MAX) } else { (BLOCKS, PLACES) };
    let mut grid = empty(style, &["LEVEL", "", "WHAT, WHERE, AND WHAT TO DO"]);
    for block in blocks.iter().take(most) {
        let finding = block.first;
        grid.add_row(vec![
            cell(finding.level.as_str(), level_color(finding.level), style),
            Cell::new("what"),
            Cell::new(what(finding)),
        ]);
        let more = block.places.len().saturating_sub(places);
        let mut seen: Vec<String> = block.places.iter().take(places).cloned().collect();
        if more > 0 {
            seen.push(format!("… and {more} more (`--all` lists them)"));
        }
        for (line, word) in seen.iter().zip(std::iter::once("seen").chain(std::iter::repeat(""))) {
            grid.add_row(vec![Cell::new(""), Cell::new(word), Cell::new(line)]);
        }
        if let Some(fix) = &finding.fix {
            grid.add_row(vec![Cell::new(""), Cell::new("do"), Cell::new(printable(&fix.advice))]);
        }
    }
    writeln!(output, "{}", trimmed(&grid))?;
    let more = blocks.len().saturating_sub(most);
    if more > 0 {
        writeln!(output, "  … and {more} more kinds of these (`--all` lists them)")?;
    }
    Ok(())
}

/// The title, and the id that rules and `--fail-on` know it by.
fn what(finding: &Finding) -> String {
    match finding.title.as_str() {
        "" => printable(&finding.id),
        title => format!("{} ({})", printable(title), printable(&finding.id)),
    }
}

/// In the order of the first of each.
fn blocks<'a>(findings: impl Iterator<Item = &'a Finding>) -> Vec<Block<'a>> {
    let mut blocks: Vec<Block<'a>> = Vec::new();
    let mut known = HashMap::new();
    for finding in findings {
        let advice = finding.fix.as_ref().map(|fix| fix.advice.as_str());
        let key = (finding.id.as_str(), finding.level, finding.title.as_str(), advice);
        let at = *known.entry(key).or_insert_with(|| {
            blocks.push(Block { first: finding, places: Vec::new() });
            blocks.len() - 1
        });
        let Some(block) = blocks.get_mut(at) else { continue };
        for place in places(finding) {
            if !block.places.contains(&place) {
                block.places.push(place);
            }
        }
    }
    blocks
}

/// Where it was seen; of a file without evidence the file.
fn places(finding: &Finding) -> Vec<String> {
    let removed = finding.extra.get("removed").is_some_and(|removed| removed == "true");
    let removed =
        if removed { " (a later layer removes it; whoever pulls the image has it)" } else { "" };
    let seen = |seen: &Evidence| match &seen.location {
        Some(location) => {
            format!("/{}: {}{removed}", printable(&location.path), printable(&seen.detail))
        }
        None => printable(&seen.detail),
    };
    let mut places: Vec<String> = finding.evidence.iter().map(seen).collect();
    if places.is_empty() {
        match &finding.subject {
            Subject::Path(path) => places.push(format!("/{}", printable(path))),
            Subject::Purl(purl) => places.push(printable(purl)),
            Subject::Image(_) => {}
        }
    }
    places
}
