//! What scans cost, as ratios against other scanners in the same run.
//!
//! In: real images, or images made for it. Out: a section of the page `docs/benchmarks.md` a measurement; sections that were not
//! measured now stay as they are. Odd: other scanners are measured where they are on the path or named; what is missing is
//! said, here and in the page.

mod admission;
mod bulk;
mod feeds;
mod fleet;
mod giants;
mod growth;
mod images;
mod layout;
mod listing;
mod measure;
mod page;
mod postgres;
mod registry;
mod sync;
mod workers;

use std::path::PathBuf;

use crate::{peers::Programs, process::root};

/// What to measure.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Bench {
    /// Real images: cold from every source, again, and with one more layer
    Images(images::Images),
    /// Compiling, opening and bundling advisories
    Feeds(feeds::Feeds),
    /// Images that are made to be large in one way each
    Giants(giants::Giants),
    /// Time and memory for once, twice and four times as much
    Growth(growth::Growth),
    /// The risk list with a million images
    Listing(listing::Listing),
    /// The admission webhook while its replicas are killed
    Admission(admission::Admission),
    /// A made fleet: refreshes, full matching, look-ups, size of the store
    Fleet(fleet::Fleet),
    /// Syncs of a registry with very many tags: requests by kind, seconds, memory
    Sync(sync::Syncs),
    /// Images an hour of one worker and of two; claims of twenty
    Workers(workers::Workers),
}

/// Said for each measurement.
#[derive(clap::Args, Debug, Clone)]
pub(crate) struct Common {
    #[command(flatten)]
    programs: Programs,
    /// Reads and hashes all blobs of a layout and does nothing else: the floor
    #[arg(long, value_name = "FILE")]
    floor: Option<PathBuf>,
    /// How often each is run; the median counts
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// The page whose section is written
    #[arg(long, value_name = "FILE", default_value = "docs/benchmarks.md")]
    page: PathBuf,
}

impl Common {
    fn page(&self) -> PathBuf {
        root().join(&self.page)
    }
}

pub(crate) fn run(what: &Bench) -> anyhow::Result<()> {
    match what {
        Bench::Images(options) => images::run(options),
        Bench::Feeds(options) => feeds::run(options),
        Bench::Giants(options) => giants::run(options),
        Bench::Growth(options) => growth::run(options),
        Bench::Listing(options) => listing::run_bench(options),
        Bench::Admission(options) => admission::run(options),
        Bench::Fleet(options) => fleet::run(options),
        Bench::Sync(options) => sync::run(options),
        Bench::Workers(options) => workers::run(options),
    }
}

/// A folder of the measurements, emptied.
fn workplace(name: &str) -> anyhow::Result<PathBuf> {
    let folder = root().join("target/bench").join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}
