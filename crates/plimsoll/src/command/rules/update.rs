//! `plimsoll rules update`.
//!
//! In: packs of the data folder that name an address. Out: the same packs in their newest editions. Odd: one that cannot be
//! downloaded or used stays as it was, and the command ends with an error after all others.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, bail};
use plimsoll_registry::{
    HttpClient, HttpOptions,
    download::{Outcome, download},
};
use plimsoll_scanner::yara::{PACK_FILE, PackAbout};
use plimsoll_server::operation::rules::RULES_FOLDER;

use super::{import::Staged, place};
use crate::{data, terminal::Terminal};

/// Bytes of one download.
const MAX_DOWNLOAD: u64 = 1 << 30;
/// Where downloads are kept, so that what is current is not downloaded again.
const DOWNLOADS: &str = ".downloads";

pub(super) async fn run(
    names: &[String],
    ca_file: Option<&Path>,
    folder: &Path,
    terminal: Terminal,
) -> anyhow::Result<()> {
    let packs = packs(names, folder)?;
    if packs.is_empty() {
        bail!(
            "no pack in the data folder names an address\nhint: `plimsoll rules import PATH --update-from URL` does, or `update = \"URL\"` in a pack's {PACK_FILE}"
        );
    }
    let mut options =
        HttpOptions { transfer_timeout: Duration::from_secs(3600), ..HttpOptions::default() };
    if let Some(path) = ca_file {
        let pem = fs::read_to_string(path)
            .with_context(|| format!("`{}` cannot be read", path.display()))?;
        options.ca_pem.push(pem);
    }
    let http = HttpClient::new(options)?;
    let mut failed = Vec::new();
    for (name, url) in packs {
        if let Err(error) = update(&http, &name, &url, folder, terminal).await {
            terminal.say(&format!("warning: {name}: {error:#}"));
            failed.push(name);
        }
    }
    if !failed.is_empty() {
        bail!("not updated, and as they were before: {}", failed.join(", "));
    }
    Ok(())
}

/// Names and addresses of the packs that are to be updated.
fn packs(names: &[String], folder: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let mut packs = Vec::new();
    let mut known = Vec::new();
    let rules = folder.join(RULES_FOLDER);
    if rules.is_dir() {
        let mut entries = fs::read_dir(&rules)?.collect::<Result<Vec<_>, _>>()?;
        entries.sort_by_key(fs::DirEntry::path);
        for entry in entries {
            let file = entry.path().join(PACK_FILE);
            let Ok(text) = fs::read_to_string(&file) else { continue };
            let about = PackAbout::parse(&text)
                .map_err(|problem| anyhow::anyhow!("`{}`: {problem}", file.display()))?;
            known.push(about.name.clone());
            if let Some(url) = about.update {
                packs.push((about.name, url));
            }
        }
    }
    if let Some(unknown) = names.iter().find(|name| !known.contains(name)) {
        bail!("there is no pack `{unknown}` in the data folder");
    }
    let without = |name: &&String| !packs.iter().any(|(known, _)| known == *name);
    if let Some(silent) = names.iter().find(without) {
        bail!("the pack `{silent}` names no address to update it from");
    }
    packs.retain(|(name, _)| names.is_empty() || names.contains(name));
    Ok(packs)
}

async fn update(
    http: &HttpClient,
    name: &str,
    url: &str,
    folder: &Path,
    terminal: Terminal,
) -> anyhow::Result<()> {
    let target = download_path(folder, name, url)?;
    let bar = terminal.byte_progress(name);
    let outcome = download(http, url, &target, MAX_DOWNLOAD, &mut |_| {}).await;
    bar.finish_and_clear();
    if outcome? == Outcome::Current {
        terminal.print(&format!("{name}: is current"))?;
        return Ok(());
    }
    let place = place(folder, name);
    let about: toml::Table = toml::from_str(&fs::read_to_string(place.join(PACK_FILE))?)?;
    let staged = Staged::new(folder)?;
    let filled = staged.fill(&target).and_then(|()| staged.take(&about, true, folder, terminal));
    if filled.is_err() {
        // What could not be used is downloaded again, should it be repaired without its date changing.
        let _removed = fs::remove_file(&target);
    }
    filled
}

fn download_path(folder: &Path, name: &str, url: &str) -> anyhow::Result<PathBuf> {
    let downloads = folder.join(RULES_FOLDER).join(DOWNLOADS).join(name);
    data::make(&downloads)?;
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let last = path.rsplit('/').next().unwrap_or_default();
    let ending = last.rsplit_once('.').map_or("", |(_, ending)| ending);
    let is_plain = !ending.is_empty() && ending.chars().all(|c| c.is_ascii_alphanumeric());
    if !is_plain {
        bail!(
            "`{url}` does not tell what it is: its path must end in .zip, .yar, .hdb, .csv or the like"
        );
    }
    Ok(downloads.join(format!("{name}.{ending}")))
}
