//! A made fleet and what its questions cost: `cargo xtask fleet` and `cargo xtask bench fleet` run this.
//!
//! In: folders of advisories, a size. Out: a data directory with a fleet, or figures as lines of Markdown. Odd: it is a
//! program of its own so that `xtask` need not be built with a database; names and versions are those that the advisories
//! name, and everything follows from the numbers of images, so that two runs make the same fleet.

#![expect(
    clippy::indexing_slicing,
    reason = "a program for measurements, whose tables are its own"
)]

mod bench;
mod images;
mod lists;
mod made;

use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use plimsoll_advisory::{ImportOptions, Snapshot, import};
use plimsoll_model::Timestamp;
use plimsoll_server::operation::judge::SnapshotJudge;
use plimsoll_store::{Store, StoreLocation, StoreOptions};

type Failure = Box<dyn std::error::Error>;

/// What was asked for on the command line.
struct Options {
    bench: bool,
    images: u32,
    data: PathBuf,
    store: StoreLocation,
    advisories: Vec<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let options = Options::read(std::env::args().skip(1))?;
    std::fs::create_dir_all(&options.data)?;
    let path = options.data.join("advisories.snapshot");
    if !path.exists() {
        say("importing advisories");
        import(&options.advisories, &path, &ImportOptions::default(), &mut |_| {})?;
    }
    let snapshot = Arc::new(Snapshot::open(&path)?);
    let opening = StoreOptions { location: options.store.clone(), ..StoreOptions::default() };
    let store = Store::open(&options.data, opening).await?;
    let judge = SnapshotJudge::new(Some(Arc::clone(&snapshot)), today(&snapshot));
    let made = made::fleet(&store, &snapshot, &judge, options.images, today(&snapshot)).await?;
    for line in made.lines(&store).await? {
        say(&line);
    }
    if options.bench {
        bench::run(&store, &options, &snapshot, &made).await?;
    }
    store.close().await;
    Ok(())
}

/// The day on which the snapshot is new.
fn today(snapshot: &Snapshot) -> Timestamp {
    snapshot.date()
}

impl Options {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut options = Self {
            bench: false,
            images: 55_000,
            data: PathBuf::new(),
            store: StoreLocation::Embedded,
            advisories: Vec::new(),
        };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument}: a value is missing"));
            match argument.as_str() {
                "--bench" => options.bench = true,
                "--images" => options.images = value()?.parse()?,
                "--data" => options.data = PathBuf::from(value()?),
                "--store" => options.store = value()?.parse()?,
                "--advisories" => options.advisories.push(PathBuf::from(value()?)),
                _ => return Err(format!("`{argument}` is not known").into()),
            }
        }
        if options.data == Path::new("") || options.advisories.is_empty() {
            return Err("--data FOLDER and --advisories FOLDER are needed".into());
        }
        Ok(options)
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // Who closed the pipe wants no more lines.
    drop(writeln!(out, "{line}"));
}
