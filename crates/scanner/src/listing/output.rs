//! A listing as bytes: for people one line an entry, for programs JSON.
//!
//! In: a [`Listing`]. Out: text. Source: the columns of `ls -l`. Odd: names are an attacker's, so what could move a terminal's
//! cursor is shown and not sent.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use super::{ListedEntry, Listing};
use crate::format::printable;

/// How a listing is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ListingFormat {
    /// One line an entry.
    Text,
    /// The listing with its coverage.
    Json,
}

impl Listing {
    /// Writes the listing, with a line's end behind it; as text without the coverage.
    ///
    /// # Errors
    /// Those of `output`.
    pub fn write(&self, format: ListingFormat, output: &mut dyn Write) -> io::Result<()> {
        match format {
            ListingFormat::Json => {
                serde_json::to_writer_pretty(&mut *output, self)?;
                writeln!(output)
            }
            ListingFormat::Text => {
                self.entries.iter().try_for_each(|entry| writeln!(output, "{}", line(entry)))
            }
        }
    }
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
    if let Some(capabilities) = &entry.capabilities {
        line.push_str(&format!(" [{capabilities}]"));
    }
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
