//! Findings as rows: the index from a vulnerability's names to the images that have it.
//!
//! In: a report's findings, once per artifact. Out: rows with the names (id, aliases, advisories) that people search by.
//! Odd: names compare without regard to ASCII case; when a report changes, only the rows that differ are written.

use plimsoll_model::{Kind, Level, Priority};

use crate::{ImageRow, Store, StoreError};

/// One image that a finding is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Affected {
    /// The image.
    pub image: ImageRow,
    /// Its registry's name.
    pub registry: String,
    /// Kind of finding.
    pub kind: Kind,
    /// The finding's own id, which may be another name than the one that was asked for.
    pub id: String,
    /// What counts as one in the counters.
    pub record: String,
    /// Package URL, path, or part of the image.
    pub subject: String,
    /// Level by nature.
    pub level: Level,
    /// Vulnerabilities only.
    pub priority: Option<Priority>,
    /// Vulnerabilities only: score in tenths, 0–150.
    pub tenths: Option<u16>,
    /// First version without it, where one is known.
    pub fix_version: Option<String>,
    /// One line for people.
    pub title: String,
}

impl Store {
    /// The images that have a finding with this id, alias or advisory; most urgent first, then by registry, namespace,
    /// repository, tag and subject; at most `limit`.
    ///
    /// # Errors
    /// The database fails.
    pub async fn images_affected(
        &self,
        name: &str,
        limit: u32,
    ) -> Result<Vec<Affected>, StoreError> {
        todo!("{name} {limit}")
    }
}
