//! Makes a fleet of images out of the names and versions that advisories name.
//!
//! In: a number of images, a data directory. Out: a store that `plimsoll serve --data` opens. Odd: the program that makes
//! it is an example of the crate `server`, so that this one is built without a database.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail};

use crate::process::root;

/// `cargo xtask fleet`
#[derive(clap::Args, Debug)]
pub(crate) struct Fleet {
    /// How many images
    #[arg(long, default_value_t = 55_000)]
    images: u32,
    /// The data directory; what is there is kept
    #[arg(long, value_name = "FOLDER")]
    data: PathBuf,
    /// Folder with feeds, as `plimsoll feed import` takes them; several may be named
    #[arg(long, value_name = "FOLDER", default_values_t = feeds())]
    advisories: Vec<String>,
}

/// The feeds beside the checkout.
pub(crate) fn feeds() -> Vec<String> {
    ["osv", "kev", "cve"].map(|feed| format!("../shared/advisories/{feed}")).to_vec()
}

/// The program with its first arguments.
pub(crate) fn program(
    built: Option<&Path>,
    images: u32,
    data: &Path,
    advisories: &[String],
) -> anyhow::Result<Command> {
    let mut command = Command::new(built.unwrap_or(Path::new("cargo")));
    command.current_dir(root());
    if built.is_none() {
        command.args(["run", "--quiet", "--locked", "--release", "-p", "plimsoll-server"]);
        command.args(["--example", "fleet", "--"]);
    }
    command.args(["--images", &images.to_string(), "--data"]).arg(data);
    for folder in advisories {
        let path = root().join(folder);
        if !path.exists() {
            bail!("`{}` is not there: name folders with feeds by --advisories", path.display());
        }
        command.arg("--advisories").arg(path);
    }
    Ok(command)
}

pub(crate) fn run(options: &Fleet) -> anyhow::Result<()> {
    let status = program(None, options.images, &options.data, &options.advisories)?
        .status()
        .context("cargo does not start")?;
    if !status.success() {
        bail!("the fleet was not made");
    }
    Ok(())
}
