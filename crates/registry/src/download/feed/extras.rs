//! The extras of Amazon Linux 2: repositories for single programs, each with advisories of its own.
//!
//! In: the catalogue of extras. Out: [`Extra`]s, and the file of each one's advisories. Source: `amazon-linux-extras`, which reads
//! the catalogue; Amazon's user guide, "Extras library". Odd: which there are is known from the catalogue alone, so that it is fetched first
//! and lies in a mirror, too; a repository without advisories has no file, and that is no failure.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{FeedAddresses, FeedFile, OtherFeed, Published, update_info};
use crate::{download::DownloadError, http::HttpClient};

/// The catalogue.
pub const EXTRAS: OtherFeed = OtherFeed {
    feed: "updateinfo",
    ecosystem: Some("Amazon Linux"),
    published: Published::File("https://cdn.amazonlinux.com/2/extras-catalog-x86_64.json"),
    file: "amazon_2_extras.json",
    limit: 16 << 20,
};

/// Where the lists of their mirrors lie, below their names.
const LISTS: &str = "https://cdn.amazonlinux.com/2/extras";
const MAX_FILE_BYTES: u64 = 512 << 20;
/// Extras that are asked for; some 70 are real.
const MOST: usize = 500;
/// What the names of their files begin and end with.
const FILE: (&str, &str) = ("amazon_2_extra_", ".xml.gz");
/// Bytes of a name.
const LONGEST_NAME: usize = 64;

/// One repository of the extras, by its name: `docker`, `kernel-5.10`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Extra(String);

#[derive(Deserialize)]
struct Catalogue {
    topics: Vec<Topic>,
}

#[derive(Deserialize)]
struct Topic {
    #[serde(rename = "n", default)]
    name: String,
}

impl Extra {
    /// The extras that a catalogue lists, sorted. What cannot be a part of an address is passed over.
    ///
    /// # Errors
    /// What is wrong with the catalogue, for a person.
    pub fn listed(catalogue: &[u8]) -> Result<Vec<Self>, String> {
        let catalogue: Catalogue =
            serde_json::from_slice(catalogue).map_err(|error| error.to_string())?;
        let is_plain = |character: char| {
            character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-')
        };
        let is_name = |name: &String| {
            name.len() <= LONGEST_NAME
                && name.starts_with(|first: char| first.is_ascii_alphanumeric())
                && name.chars().all(is_plain)
        };
        let names = catalogue.topics.into_iter().map(|topic| topic.name);
        let mut extras: Vec<Self> = names.filter(is_name).take(MOST).map(Self).collect();
        extras.sort();
        extras.dedup();
        Ok(extras)
    }

    /// Its file, in a mirror and in the feed folder.
    #[must_use]
    pub fn file(&self) -> String {
        format!("{}{}{}", FILE.0, self.0, FILE.1)
    }

    /// The files of extras that lie in a feed folder, sorted.
    #[must_use]
    pub fn files_in(folder: &Path) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut files: Vec<PathBuf> = entries
            .filter(|entry| {
                let name = entry.file_name();
                let name = name.to_string_lossy();
                name.starts_with(FILE.0) && name.ends_with(FILE.1)
            })
            .map(|entry| entry.path())
            .collect();
        files.sort();
        files
    }
}

impl FeedAddresses {
    /// The advisories of an extra; `None`: it has none.
    ///
    /// # Errors
    /// [`DownloadError`] of what leads to the address.
    pub async fn extra(
        &self,
        http: &HttpClient,
        extra: &Extra,
    ) -> Result<Option<FeedFile>, DownloadError> {
        let url = if self.is_mirror {
            Some(format!("{}/{}", self.osv, extra.file()))
        } else {
            let list = format!("{LISTS}/{}/latest/x86_64/mirror.list", extra.0);
            update_info::look_for(http, &list).await?
        };
        Ok(url.map(|url| FeedFile { url, path: extra.file().into(), limit: MAX_FILE_BYTES }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_catalogue_lists_names_that_are_parts_of_addresses() {
        let catalogue = br#"{"status":"ok","version":1,"whitelists":{},"topics":[
            {"n":"docker","inst":["docker"],"versions":["stable"]},
            {"n":"kernel-5.10","deprecated-at":"2026"}, {"n":"docker"}, {"n":""}, {"n":".."},
            {"n":"../core"}, {"n":"a b"}, {"visible":[]}]}"#;
        let extras = Extra::listed(catalogue).unwrap();
        let files: Vec<String> = extras.iter().map(Extra::file).collect();
        assert_eq!(files, ["amazon_2_extra_docker.xml.gz", "amazon_2_extra_kernel-5.10.xml.gz"]);
        for broken in [&b"{}"[..], b"[]", b"", b"{\"topics\":[1]}"] {
            assert!(Extra::listed(broken).is_err());
        }
    }
}
