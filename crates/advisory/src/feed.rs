//! Feeds: what others publish about vulnerabilities, each format in a file of its own.
//!
//! In: a document, that is, a file or one member of an archive, unpacked. Out: records in the collection that is compiled
//! into a snapshot. Source: each feed's own file. Odd: inputs are told apart by looking into them, never by name, so that a
//! mirror may call its files what it likes.

mod claims;
pub(crate) mod csaf;
mod cve_records;
mod debian_tracker;
mod epss;
pub(crate) mod input;
mod kev;
mod osv;
mod oval;
pub(crate) mod platform;
mod secdb;
mod severities;
mod updateinfo;
pub(crate) mod xml;

use std::path::{Path, PathBuf};

use plimsoll_model::Timestamp;

use crate::collection::Collection;

/// THE list: every feed that can be imported.
#[must_use]
pub fn feeds() -> &'static [&'static dyn Feed] {
    &[
        &kev::Kev,
        &epss::Epss,
        &severities::Severities,
        &csaf::Csaf,
        &oval::Oval,
        &updateinfo::UpdateInfo,
        &cve_records::CveRecords,
        &debian_tracker::DebianTracker,
        &secdb::Secdb,
        &osv::Osv,
    ]
}

/// One feed format.
pub trait Feed: Sync {
    /// Name in help texts and in the names of sources.
    fn id(&self) -> &'static str;

    /// Who publishes it and what it says, as one line.
    fn about(&self) -> &'static str;

    /// Where it is published.
    fn home(&self) -> &'static str;

    /// Where a person reads the record of that id on packages of that ecosystem.
    fn page(&self, _ecosystem: &str, _id: &str) -> Option<String> {
        None
    }

    /// Whether its documents come in archives, one a member. OSV's need not say so: what nobody else recognises is theirs.
    #[doc(hidden)]
    fn is_in_archives(&self) -> bool {
        false
    }

    /// Whether a document is of this feed. The document is a whole file or member, unpacked.
    #[doc(hidden)]
    fn recognises(&self, document: &Document<'_>) -> bool;

    /// Reads a document into the collection and answers how many records it held.
    ///
    /// # Errors
    /// What is wrong with the document, for a person.
    #[doc(hidden)]
    fn read(&self, document: &Document<'_>, into: &mut Sink<'_>) -> Result<u64, String>;
}

/// A file or a member of an archive, unpacked.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a> {
    /// The file it comes from.
    pub path: &'a Path,
    /// Its bytes, without a byte order mark.
    pub bytes: &'a [u8],
}

/// Where feeds put their records.
#[derive(Debug)]
pub struct Sink<'a>(pub(crate) &'a mut Collection);

/// Why an import was refused. The file that was there before is untouched in every case.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// Nothing among the paths is a feed.
    #[error("no feed was found in {}", paths.iter().map(|path| format!("`{}`", path.display())).collect::<Vec<_>>().join(", "))]
    Empty {
        /// The paths as given.
        paths: Vec<PathBuf>,
    },
    /// A file or folder could not be read.
    #[error("`{}` cannot be read", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is cut off, damaged, or not what it looks like.
    #[error("`{}`{}: {reason}", path.display(), member.as_ref().map(|name| format!(", member `{name}`")).unwrap_or_default())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// The member, if the file is an archive.
        member: Option<String>,
        /// What is wrong with it.
        reason: String,
    },
    /// The result would be older than what is there, or would lack a source that is there.
    #[error("the import would replace newer data: {reason}")]
    Older {
        /// Which source, and both dates.
        reason: String,
    },
    /// The compiled snapshot does not read back as it was written.
    #[error("the compiled snapshot failed its check: {reason}")]
    Check {
        /// Which check.
        reason: String,
    },
    /// The snapshot could not be written.
    #[error("`{}` cannot be written", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Longest id, name or version of a record. Real ones stay below 200 characters.
const LONGEST_TEXT: usize = 4096;

/// The first day of the year in an id (`CVE-2024-0001`), for feeds that have no dates: nothing is older than its number. 1970
/// where there is none.
fn year_of(id: &str) -> Timestamp {
    let year = id.split('-').find(|part| {
        part.len() == 4
            && (part.starts_with("19") || part.starts_with("20"))
            && part.bytes().all(|byte| byte.is_ascii_digit())
    });
    year.and_then(|year| format!("{year}-01-01").parse().ok()).unwrap_or_default()
}

/// Reads a time as feeds write it: RFC 3339, the same without an offset (taken as UTC), or a date.
pub(crate) fn parse_time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let normal = text
        .strip_suffix("+0000")
        .or_else(|| text.strip_suffix("+00:00"))
        .or_else(|| text.strip_suffix("UTC"))
        .map(|start| format!("{}Z", start.trim_end()));
    let text = normal.as_deref().unwrap_or(text);
    text.parse().or_else(|_no_offset| format!("{text}Z").parse()).ok()
}

/// A number of [`crate::priority::EPSS_WHOLE`]ths from decimal text such as `0.94358` or `1e-05`; `None` outside 0–1.
fn parse_share(text: &str) -> Option<u32> {
    let share: f64 = text.trim().parse().ok()?;
    if !(0.0..=1.0).contains(&share) {
        return None;
    }
    // Through text, because no conversion from a float to an integer can be trusted not to cut.
    format!("{:.0}", share * f64::from(crate::priority::EPSS_WHOLE)).parse().ok()
}

/// Whether a text is a CVE's number: `CVE-2021-44228`.
pub(crate) fn is_cve(id: &str) -> bool {
    let mut parts = id.split('-');
    let digits = |part: Option<&str>, least: usize| {
        part.is_some_and(|part| {
            part.len() >= least && part.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    parts.next() == Some("CVE")
        && digits(parts.next(), 4)
        && digits(parts.next(), 4)
        && parts.next().is_none()
}

/// One line for people: the first line of a text, blanks joined, control and direction characters spelled out, cut at
/// 200 characters.
pub(crate) fn title_of(text: &str) -> String {
    const LONGEST: usize = 200;
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let mut title = String::new();
    for (place, character) in
        line.split_whitespace().collect::<Vec<_>>().join(" ").chars().enumerate()
    {
        if place == LONGEST {
            title.push('…');
            break;
        }
        match character {
            '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}' => {
                title.extend(character.escape_unicode());
            }
            _ if character.is_control() => title.extend(character.escape_unicode()),
            _ => title.push(character),
        }
    }
    title
}

/// The number of a weakness: 79 of `CWE-79`.
fn parse_cwe(text: &str) -> Option<u32> {
    text.trim().strip_prefix("CWE-")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_feed_has_its_own_id() {
        let mut ids: Vec<&str> = feeds().iter().map(|feed| feed.id()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), feeds().len());
        assert!(
            feeds()
                .iter()
                .all(|feed| !feed.about().is_empty() && feed.home().starts_with("https://"))
        );
    }

    #[test]
    fn times_are_read_as_feeds_write_them() {
        let midnight = "2024-10-15".parse::<Timestamp>().ok();
        for text in [
            "2024-10-15",
            "2024-10-15T00:00:00",
            "2024-10-15T00:00:00+0000",
            "2024-10-15T00:00:00.000Z",
        ] {
            assert_eq!(parse_time(text), midnight, "{text}");
        }
        assert_eq!(parse_time("soon"), None);
    }

    #[test]
    fn shares_are_exact() {
        assert_eq!(parse_share("0.94358"), Some(943_580_000));
        assert_eq!(parse_share("1"), Some(1_000_000_000));
        assert_eq!(parse_share("1.2e-05"), Some(12_000));
        for text in ["-0.1", "1.1", "NaN", "", "x"] {
            assert_eq!(parse_share(text), None, "{text}");
        }
    }

    #[test]
    fn a_cve_has_a_year_and_a_number() {
        assert!(is_cve("CVE-1999-0001") && is_cve("CVE-2021-44228"));
        for id in
            ["CVE-2021-1", "CVE-21-44228", "cve-2021-44228", "CVE-2021-44228-x", "DSA-1-1", ""]
        {
            assert!(!is_cve(id), "{id}");
        }
    }

    #[test]
    fn titles_are_one_harmless_line() {
        assert_eq!(title_of("\n  a \t b\r\nc"), "a b");
        assert_eq!(title_of("a\u{1b}[31mb\u{202e}"), "a\\u{1b}[31mb\\u{202e}");
        assert_eq!(title_of(&"x".repeat(300)).chars().count(), 201);
    }
}
