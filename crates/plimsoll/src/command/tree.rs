//! `plimsoll tree`: the files of an image as its runtime would see them.

use anyhow::bail;
use plimsoll_image::Budget;
use plimsoll_model::Verdict;
use plimsoll_scanner::{
    format::printable,
    listing::{ListedEntry, ListingOptions, list_tree},
};

use super::target;
use crate::{
    Exit,
    arguments::{Tree, TreeFormat},
    terminal::Terminal,
};

pub(crate) async fn run(arguments: Tree, terminal: Terminal) -> anyhow::Result<Exit> {
    let budget = Budget::default();
    let source = target::open(&arguments.target, &budget).await?;
    let (digests, layer) = (arguments.digests, arguments.layer);
    let listing = tokio::task::spawn_blocking(move || {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        list_tree(&*source, &ListingOptions { budget: &budget, digests, layer, threads })
    })
    .await??;
    match arguments.format {
        TreeFormat::Json => terminal.print(&serde_json::to_string_pretty(&listing)?)?,
        TreeFormat::Text => {
            let lines: Vec<String> = listing.entries.iter().map(line).collect();
            terminal.print(&lines.join("\n"))?;
            for gap in &listing.coverage.gaps {
                terminal.say(&printable(&format!("{}: {} {}", gap.by, gap.at, gap.detail)));
            }
            let (verdict, count) = (listing.coverage.verdict, listing.entries.len());
            terminal.say(&format!("{count} entries, coverage {verdict}"));
        }
    }
    if listing.coverage.verdict == Verdict::Unreadable {
        bail!(
            "`{}` could not be read to its end: what is shown is not what a container would see",
            arguments.target.name
        );
    }
    Ok(Exit::Done)
}

fn line(entry: &ListedEntry) -> String {
    let layer = entry.layer.map_or_else(|| "-".to_owned(), |layer| layer.to_string());
    let owner = format!("{}:{}", entry.uid, entry.gid);
    let mut line =
        format!("{} {} {owner:>9} {:>11} {layer:>3} ", mark(entry.kind), entry.mode, entry.size);
    if let Some(digest) = &entry.sha256 {
        line.push_str(digest);
        line.push(' ');
    }
    line.push_str(&printable(&entry.path));
    if let Some(target) = &entry.target {
        line.push_str(&format!(" -> {}", printable(target)));
    }
    line
}

/// The letter of `ls -l`; whiteouts, which `ls` does not know, are `w` and `o`.
fn mark(kind: &str) -> char {
    match kind {
        "directory" => 'd',
        "symlink" => 'l',
        "hardlink" => 'h',
        "character-device" => 'c',
        "block-device" => 'b',
        "fifo" => 'p',
        "whiteout" => 'w',
        "opaque" => 'o',
        _ => '-',
    }
}
