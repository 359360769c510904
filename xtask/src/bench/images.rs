//! Real images: each scanner, cold, from each source; ours again; and with one small layer more.
//!
//! In: the folder that the builder of real images filled. Out: two tables. Odd: a scanner that is slow is not run again, since
//! a second opinion on its minutes tells nothing; and Syft, the slowest, reads layouts alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};

use super::{
    Common,
    layout::Layout,
    measure::{Cost, median, peak, time},
    page::Section,
    registry::Registry,
    workplace,
};
use crate::{
    peers::{Kind, Scanner, Source},
    process::{root, say},
};

/// After a run of so many seconds a peer is not run again.
const SLOW: f64 = 15.0;

/// `cargo xtask bench images`
#[derive(clap::Args, Debug)]
pub(crate) struct Images {
    #[command(flatten)]
    common: Common,
    /// Where the builder of real images put them
    #[arg(long, value_name = "DIR", default_value = "target/test-images")]
    images: PathBuf,
    /// Only these sources
    #[arg(long = "source", value_enum)]
    sources: Vec<Source>,
    /// Only these images [default: all]
    names: Vec<String>,
}

/// What one scanner needs for one image.
#[derive(Default)]
struct Figures {
    costs: Vec<Cost>,
    peak: u64,
    packages: usize,
}

impl Figures {
    fn wall(&self) -> f64 {
        median(self.costs.iter().map(|cost| cost.wall).collect())
    }

    fn processor(&self) -> f64 {
        median(self.costs.iter().map(|cost| cost.processor).collect())
    }
}

pub(super) fn run(options: &Images) -> anyhow::Result<()> {
    let images = root().join(&options.images);
    let names = names(&images, &options.names)?;
    let scanners = options.common.programs.scanners()?;
    let shown: Vec<String> = scanners.iter().map(Scanner::shown).collect::<Result<_, _>>()?;
    let work = workplace("images")?;
    let mut cold = Section::new("Real images, cold", &shown.join(", "));
    cold.line("| image, source | Plimsoll s | × floor | Trivy ÷ ours: wall, processor | Syft ÷ ours: wall, processor | peak MiB: ours, Trivy, Syft | packages: ours, Trivy, Syft |");
    cold.line("|---|---|---|---|---|---|---|");
    let mut again = Section::new("Real images, again", &shown.join(", "));
    again.line("Plimsoll alone: the whole process's milliseconds when every layer is known, and when an image has one small layer more than a known one (its layout is a new one, whose blobs are hashed again before they are believed).");
    again.line("");
    again.line("| image | again, layout | again, registry | one more layer, layout |");
    again.line("|---|---|---|---|");
    let registry = Registry::start(&work.join("registry"))?;
    for name in &names {
        let mut milliseconds: BTreeMap<Source, f64> = BTreeMap::new();
        for source in [Source::Layout, Source::Zstd, Source::Archive, Source::Registry] {
            let is_wanted = options.sources.is_empty() || options.sources.contains(&source);
            let Some(place) = place(&images, name, source).filter(|_| is_wanted) else { continue };
            let target = match source {
                Source::Registry => registry.push(&place, name)?,
                _ => place.display().to_string(),
            };
            let here: Vec<&Scanner> = scanners
                .iter()
                .filter(|scanner| scanner.kind != Kind::Syft || source == Source::Layout)
                .collect();
            let figures = measure(&here, source, &target, options.common.runs, &work)?;
            let floor = match (&options.common.floor, source) {
                (Some(program), Source::Layout | Source::Zstd) => {
                    Some(floor(program, &place, options.common.runs, &work)?)
                }
                _ => None,
            };
            let line = row(&format!("{name}, {}", source.name()), &figures, floor);
            say(&line);
            cold.line(line);
            if let (Some(ours), Source::Layout | Source::Registry) = (scanners.first(), source) {
                milliseconds.insert(source, known(ours, source, &target, &options.common, &work)?);
            }
        }
        let more = match (scanners.first(), place(&images, name, Source::Layout)) {
            (Some(ours), Some(layout)) if milliseconds.contains_key(&Source::Layout) => {
                Some(one_more_layer(ours, &layout, &options.common, &work)?)
            }
            _ => None,
        };
        let cell =
            |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.0}"));
        again.line(format!(
            "| {name} | {} | {} | {} |",
            cell(milliseconds.get(&Source::Layout).copied()),
            cell(milliseconds.get(&Source::Registry).copied()),
            cell(more)
        ));
        cold.write(&options.common.page())?;
        again.write(&options.common.page())?;
    }
    drop(registry);
    fs::remove_dir_all(work)?;
    Ok(())
}

fn names(images: &Path, wanted: &[String]) -> anyhow::Result<Vec<String>> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(images.join("oci")).with_context(|| images.display().to_string())? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // An index of several platforms is no image of one: its tiny images say nothing about speed.
        if entry.path().join("index.json").exists() && name != "multi-arch" {
            names.insert(name);
        }
    }
    if let Some(unknown) = wanted.iter().find(|name| !names.contains(*name)) {
        bail!("no image `{unknown}` in {}", images.display());
    }
    Ok(names.into_iter().filter(|name| wanted.is_empty() || wanted.contains(name)).collect())
}

fn place(images: &Path, name: &str, source: Source) -> Option<PathBuf> {
    let place = match source {
        Source::Layout | Source::Registry => images.join("oci").join(name),
        Source::Zstd => images.join("oci-zstd").join(name),
        Source::Archive => images.join("docker-archive").join(format!("{name}.tar")),
    };
    place.exists().then_some(place)
}

/// Every scanner, in turn, each time with an empty cache.
fn measure(
    scanners: &[&Scanner],
    source: Source,
    target: &str,
    runs: usize,
    work: &Path,
) -> anyhow::Result<BTreeMap<Kind, Figures>> {
    let mut all: BTreeMap<Kind, Figures> = BTreeMap::new();
    let report = work.join("report.json");
    for scanner in scanners {
        let state = fresh(work)?;
        let figures = all.entry(scanner.kind).or_default();
        figures.peak = peak(&mut scanner.scan(source, target, &state), &report)?;
        figures.packages = scanner.packages(&report)?.len();
    }
    for _ in 0..runs {
        for scanner in scanners {
            let figures = all.entry(scanner.kind).or_default();
            if scanner.kind != Kind::Plimsoll && figures.costs.iter().any(|cost| cost.wall > SLOW) {
                continue;
            }
            let state = fresh(work)?;
            figures.costs.push(time(&mut scanner.scan(source, target, &state), &report)?);
        }
    }
    Ok(all)
}

/// An empty folder for what a scanner keeps.
fn fresh(work: &Path) -> anyhow::Result<PathBuf> {
    let state = work.join("state");
    if state.exists() {
        fs::remove_dir_all(&state)?;
    }
    fs::create_dir_all(&state)?;
    Ok(state)
}

fn floor(program: &Path, layout: &Path, runs: usize, work: &Path) -> anyhow::Result<f64> {
    let mut walls = Vec::new();
    for _ in 0..runs {
        let mut command = std::process::Command::new(program);
        walls.push(time(command.arg(layout), &work.join("floor.txt"))?.wall);
    }
    Ok(median(walls))
}

fn row(what: &str, figures: &BTreeMap<Kind, Figures>, floor: Option<f64>) -> String {
    let ours = figures.get(&Kind::Plimsoll);
    let against = |kind: Kind| match (ours, figures.get(&kind)) {
        (Some(ours), Some(theirs)) => format!(
            "{:.1}, {:.1}",
            theirs.wall() / ours.wall(),
            theirs.processor() / ours.processor().max(0.01)
        ),
        _ => "–".to_owned(),
    };
    let each = |cell: &dyn Fn(&Figures) -> String| {
        [Kind::Plimsoll, Kind::Trivy, Kind::Syft]
            .map(|kind| figures.get(&kind).map_or("–".to_owned(), cell))
            .join(", ")
    };
    let wall = ours.map_or(f64::NAN, Figures::wall);
    format!(
        "| {what} | {wall:.3} | {} | {} | {} | {} | {} |",
        floor.map_or("–".to_owned(), |floor| format!("{:.2}", wall / floor)),
        against(Kind::Trivy),
        against(Kind::Syft),
        each(&|figures| (figures.peak >> 20).to_string()),
        each(&|figures| figures.packages.to_string()),
    )
}

/// Milliseconds of a scan when all layers are known.
fn known(
    ours: &Scanner,
    source: Source,
    target: &str,
    common: &Common,
    work: &Path,
) -> anyhow::Result<f64> {
    let (state, report) = (fresh(work)?, work.join("report.json"));
    time(&mut ours.scan(source, target, &state), &report)?;
    let mut walls = Vec::new();
    for _ in 0..common.runs.max(3) {
        walls.push(time(&mut ours.scan(source, target, &state), &report)?.wall * 1_000.0);
    }
    Ok(median(walls))
}

/// Milliseconds of a scan when all layers but one small one are known.
fn one_more_layer(
    ours: &Scanner,
    layout: &Path,
    common: &Common,
    work: &Path,
) -> anyhow::Result<f64> {
    let (state, report) = (fresh(work)?, work.join("report.json"));
    time(&mut ours.scan(Source::Layout, &layout.display().to_string(), &state), &report)?;
    let mut walls = Vec::new();
    for number in 0..common.runs.max(3) {
        let folder = work.join(format!("more-{number}"));
        let mut more = Layout::extend(layout, &folder)?;
        more.layer(|archive| archive.file("srv/new", format!("{number}\n").as_bytes()))?;
        more.finish()?;
        let target = folder.display().to_string();
        let cost = time(&mut ours.scan(Source::Layout, &target, &state), &report)?;
        walls.push(cost.wall * 1_000.0);
        fs::remove_dir_all(folder)?;
    }
    Ok(median(walls))
}
