//! What a refresh and the questions of a fleet cost.
//!
//! In: a number of images. Out: a table. Odd: the program that is measured is the example `fleet` of the crate `server`,
//! which prints the rows.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

use anyhow::{Context as _, bail};

use super::{
    page::Section,
    postgres::{SETTINGS, Server},
    workplace,
};
use crate::{
    fleet::{feeds, program},
    process::{root, say},
};

/// `cargo xtask bench fleet`
#[derive(clap::Args, Debug)]
pub(crate) struct Fleet {
    /// How many images
    #[arg(long, default_value_t = 55_000)]
    images: u32,
    /// PostgreSQL database instead of the embedded one, an empty one; its figures stand in a section of their own
    #[arg(long, value_name = "URL")]
    store: Option<String>,
    /// On a PostgreSQL server that is made for it and gone with it, Debian's
    #[arg(long, conflicts_with = "store")]
    postgres: bool,
    /// The program that is measured: the example `fleet` of the crate `server`, built for release [default: it is built]
    #[arg(long, value_name = "FILE")]
    program: Option<std::path::PathBuf>,
    /// The page whose section is written
    #[arg(long, value_name = "FILE", default_value = "docs/benchmarks.md")]
    page: std::path::PathBuf,
}

pub(super) fn run(options: &Fleet) -> anyhow::Result<()> {
    let work = workplace("fleet")?;
    let server = if options.postgres { Some(Server::start()?) } else { None };
    let own = server.as_ref().map(Server::url).transpose()?;
    let store = options.store.as_ref().or(own.as_ref());
    let built = options.program.as_ref().map(std::fs::canonicalize).transpose()?;
    let mut command = program(built.as_deref(), options.images, &work, &feeds())?;
    if let Some(store) = store {
        command.args(["--store", store]);
    }
    let mut child =
        command.arg("--bench").stdout(Stdio::piped()).spawn().context("cargo does not start")?;
    let mut section = match store {
        None => Section::new(
            "Fleet",
            "A made fleet (`cargo xtask fleet`): packages with the names and versions that real advisories name, embedded store, one process",
        ),
        Some(_) => Section::new(
            "Fleet on PostgreSQL",
            &format!(
                "The same fleet in a PostgreSQL database on the same machine (`cargo xtask bench fleet {}`)",
                match options.postgres {
                    true => format!("--postgres`: as packaged, but for `{}", SETTINGS.join("`, `")),
                    false => "--store URL".to_owned(),
                }
            ),
        ),
    };
    let Some(out) = child.stdout.take() else { bail!("the program has no output") };
    for line in BufReader::new(out).lines() {
        let line = line?;
        say(&line);
        let is_figure = line.starts_with('|') || line.contains("package rows");
        if is_figure {
            if line.contains("package rows") {
                section.line(format!("{line}."));
                section.line("");
            } else {
                section.line(line);
            }
        }
    }
    if !child.wait()?.success() {
        bail!("the measurement ended early");
    }
    section.write(&root().join(&options.page))?;
    std::fs::remove_dir_all(work)?;
    Ok(())
}
