//! What advisories cost: compiling them, opening the snapshot, carrying it.
//!
//! In: a folder with advisories (`osv/<Ecosystem>/all.zip`, and whatever else is a feed). Out: a table with the bars of the
//! design. Odd: no day of real changes is at hand, so one is made: the newest records as their publishers dated them are taken
//! out of a copy, and the bundle carries them from the copy to the whole. Records that a conversion dated are not among them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};
use serde_json::Value;
use zip::{ZipArchive, ZipWriter};

use super::{
    Common,
    measure::{Cost, median, peak, time},
    page::Section,
    workplace,
};
use crate::process::{root, say};

/// Looks at the snapshot in one run, so that the start of the process weighs little.
const LOOKS: usize = 20;

/// `cargo xtask bench feeds`
#[derive(clap::Args, Debug)]
pub(crate) struct Feeds {
    #[command(flatten)]
    common: Common,
    /// Folder with `osv` and other feeds
    #[arg(long, value_name = "DIR", default_value = "../shared/advisories")]
    advisories: PathBuf,
    /// How many of the newest records make a day
    #[arg(long, default_value_t = 1000)]
    day: usize,
}

pub(super) fn run(options: &Feeds) -> anyhow::Result<()> {
    let advisories = root().join(&options.advisories);
    if !advisories.join("osv").is_dir() {
        bail!("`{}` has no folder `osv`: name another with `--advisories`", advisories.display());
    }
    let scanners = options.common.programs.scanners()?;
    let Some(ours) = scanners.first() else { return Ok(()) };
    let work = workplace("feeds")?;
    let log = work.join("output");
    let inputs: Vec<PathBuf> = ["osv", "kev", "epss", "cve"]
        .iter()
        .map(|part| advisories.join(part))
        .filter(|part| part.is_dir())
        .collect();
    let feed = |data: &str, words: &[&str]| {
        let mut command = Command::new(ours.program());
        command.args(["feed", "--quiet", "--data"]).arg(work.join(data)).args(words);
        command
    };
    let import = |data: &str, inputs: &[PathBuf]| {
        let mut command = feed(data, &["import"]);
        command.args(inputs);
        command
    };

    let most = peak(&mut import("whole", &inputs), &log)?;
    let compile = costs(options.common.runs, || {
        fs::remove_dir_all(work.join("whole"))?;
        time(&mut import("whole", &inputs), &log)
    })?;
    let opening = costs(options.common.runs, || {
        let started = std::time::Instant::now();
        for _ in 0..LOOKS {
            time(&mut feed("whole", &["status"]), &log)?;
        }
        #[expect(clippy::cast_precision_loss, reason = "a small count")]
        let wall = started.elapsed().as_secs_f64() / LOOKS as f64;
        Ok(Cost { wall, processor: 0.0 })
    })?;

    say("taking a day out");
    let (records, first) = take_a_day_out(&advisories.join("osv"), &work.join("osv"), options.day)?;
    let mut earlier = vec![work.join("osv")];
    earlier.extend(inputs.iter().skip(1).cloned());
    time(&mut import("earlier", &earlier), &log)?;

    let full = work.join("full.bundle");
    let full_text = full.display().to_string();
    let bundle =
        time(&mut feed("earlier", &["bundle", "--unsigned", "--output", &full_text]), &log)?;
    let whole = work.join("whole.bundle").display().to_string();
    time(&mut feed("whole", &["bundle", "--unsigned", "--output", &whole]), &log)?;
    let day = work.join("day.bundle").display().to_string();
    let made = feed("whole", &["bundle", "--unsigned", "--output", &day, "--since", &full_text]);
    let difference = time(&mut { made }, &log)?;
    for bundle in [&full_text, &day] {
        time(&mut feed("taker", &["import", "--allow-unsigned", bundle]), &log)?;
    }
    let snapshot = |data: &str| fs::read(work.join(data).join("advisories.snapshot"));
    if snapshot("taker")? != snapshot("whole")? {
        bail!("full bundle and difference do not give the snapshot that they were made of");
    }

    let size = |path: &str| fs::metadata(path).map(|about| about.len());
    let mut section = Section::new("Feeds", &ours.shown()?);
    section.line(format!(
        "Every record of the advisory data that the project is tested with (100 MB zipped); a day is the {records} newest records, from {first} on. The taker's snapshot was the \
        same to the byte."
    ));
    section.line("");
    section.line("| measure | value | bar |");
    section.line("|---|---|---|");
    let wall = |costs: &[Cost]| median(costs.iter().map(|cost| cost.wall).collect());
    let processor = median(compile.iter().map(|cost| cost.processor).collect());
    for (what, value, bar) in [
        ("compile, s", format!("{:.1} ({processor:.1} of processor time)", wall(&compile)), "15"),
        ("compile, peak MiB", (most >> 20).to_string(), "512"),
        (
            "open and list the sources, process included, ms",
            format!("{:.1}", wall(&opening) * 1e3),
            "50",
        ),
        (
            "snapshot, bytes",
            size(&work.join("whole/advisories.snapshot").display().to_string())?.to_string(),
            "–",
        ),
        ("full bundle, bytes", size(&whole)?.to_string(), "20 000 000"),
        ("full bundle, s to make", format!("{:.1}", bundle.wall), "–"),
        ("a day's difference, bytes", size(&day)?.to_string(), "200 000"),
        ("a day's difference, s to make", format!("{:.1}", difference.wall), "–"),
    ] {
        let line = format!("| {what} | {value} | {bar} |");
        say(&line);
        section.line(line);
    }
    section.write(&options.common.page())?;
    fs::remove_dir_all(work)?;
    Ok(())
}

fn costs(runs: usize, mut run: impl FnMut() -> anyhow::Result<Cost>) -> anyhow::Result<Vec<Cost>> {
    (0..runs.max(1)).map(|_| run()).collect()
}

/// Copies the archives without the newest records; answers how many were left out and the oldest time among them.
fn take_a_day_out(osv: &Path, to: &Path, count: usize) -> anyhow::Result<(usize, String)> {
    let mut archives: BTreeMap<PathBuf, PathBuf> = BTreeMap::new();
    for entry in fs::read_dir(osv)? {
        let folder = entry?.path();
        let name = folder.file_name().context("a folder without a name")?.to_owned();
        archives.insert(folder.join("all.zip"), to.join(name).join("all.zip"));
    }
    let mut dated: Vec<(String, String)> = Vec::new();
    for path in archives.keys() {
        let mut archive = ZipArchive::new(File::open(path)?)?;
        for place in 0..archive.len() {
            let mut member = archive.by_index(place)?;
            let mut bytes = Vec::new();
            member.read_to_end(&mut bytes)?;
            let record: Value = serde_json::from_slice(&bytes)?;
            let time = record.get("modified").and_then(Value::as_str).unwrap_or_default();
            let is_converted = record.pointer("/database_specific/converted_from").is_some();
            // Two real records are dated into the future by a slip of their publisher's.
            if !is_converted && time < "2027" {
                dated.push((time.to_owned(), member.name()?.into_owned()));
            }
        }
    }
    // A record that names several ecosystems stands in each one's archive.
    dated.sort();
    dated.dedup();
    let newest = dated.split_off(dated.len().saturating_sub(count));
    let first = newest.first().map(|(time, _)| time.clone()).unwrap_or_default();
    let left_out: BTreeSet<&str> = newest.iter().map(|(_, name)| name.as_str()).collect();
    for (from, to) in &archives {
        fs::create_dir_all(to.parent().context("an archive without a folder")?)?;
        let mut archive = ZipArchive::new(File::open(from)?)?;
        let mut writer = ZipWriter::new(File::create(to)?);
        for place in 0..archive.len() {
            let member = archive.by_index_raw(place)?;
            if !left_out.contains(&*member.name()?) {
                writer.raw_copy_file(member)?;
            }
        }
        // An ecosystem all of whose records are new has an archive without records, which no import takes.
        let mut file = writer.finish()?;
        file.flush()?;
        if ZipArchive::new(File::open(to)?)?.is_empty() {
            fs::remove_file(to)?;
        }
    }
    Ok((left_out.len(), first))
}
