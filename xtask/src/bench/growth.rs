//! Time and memory for once, twice and four times as much.
//!
//! In: how much once is. Out: a table with the factor for each doubling. Odd: what is linear doubles at most; the start of the
//! process makes small images look better than that.

use std::fs;

use super::{
    Common, giants,
    measure::{median, peak, time},
    page::Section,
    workplace,
};
use crate::{
    peers::{Scanner, Source},
    process::say,
};

/// `cargo xtask bench growth`
#[derive(clap::Args, Debug)]
pub(crate) struct Growth {
    #[command(flatten)]
    common: Common,
    /// Files that the smallest image of files has
    #[arg(long, default_value_t = 250_000)]
    files: u64,
    /// MiB that the smallest image of bytes unpacks to
    #[arg(long, default_value_t = 256)]
    mebibytes: u64,
}

pub(super) fn run(options: &Growth) -> anyhow::Result<()> {
    let scanners = options.common.programs.scanners()?;
    let Some(ours) = scanners.first() else { return Ok(()) };
    let work = workplace("growth")?;
    let mut section = Section::new("Growth", &ours.shown()?);
    section.line("| image | s | × the half | peak MiB | × the half |");
    section.line("|---|---|---|---|---|");
    for is_files in [true, false] {
        let mut before: Option<(f64, u64)> = None;
        for factor in [1, 2, 4] {
            let layout = work.join("layout");
            let what = if is_files {
                giants::files(&layout, options.files * factor)?;
                format!("{} files", options.files * factor)
            } else {
                giants::bytes(&layout, 4, options.mebibytes * factor)?;
                format!("{} MiB in 4 layers", options.mebibytes * factor)
            };
            let (wall, most) =
                cost(ours, &layout.display().to_string(), options.common.runs, &work)?;
            let against = |now: f64, then: Option<f64>| {
                then.map_or("–".to_owned(), |then| format!("{:.2}", now / then))
            };
            let line = format!(
                "| {what} | {wall:.3} | {} | {} | {} |",
                against(wall, before.map(|(wall, _)| wall)),
                most >> 20,
                against(mebibytes(most), before.map(|(_, most)| mebibytes(most)))
            );
            say(&line);
            section.line(line);
            before = Some((wall, most));
            fs::remove_dir_all(layout)?;
        }
    }
    section.write(&options.common.page())?;
    fs::remove_dir_all(work)?;
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a ratio of two digits")]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn cost(
    scanner: &Scanner,
    target: &str,
    runs: usize,
    work: &std::path::Path,
) -> anyhow::Result<(f64, u64)> {
    let (state, report) = (work.join("state"), work.join("report.json"));
    let fresh = || -> anyhow::Result<()> {
        if state.exists() {
            fs::remove_dir_all(&state)?;
        }
        Ok(fs::create_dir_all(&state)?)
    };
    fresh()?;
    let most = peak(&mut scanner.scan(Source::Layout, target, &state), &report)?;
    let mut walls = Vec::new();
    for _ in 0..runs {
        fresh()?;
        walls.push(time(&mut scanner.scan(Source::Layout, target, &state), &report)?.wall);
    }
    Ok((median(walls), most))
}
