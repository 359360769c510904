//! osv.dev's dump of one ecosystem on disk, kept current record by record.
//!
//! In: the list of records that a mirror offers, and single records. Out: what to fetch, and the archive with the changes in
//! it. Source: osv.dev, "Data dumps": `<Ecosystem>/all.zip`, `<Ecosystem>/<ID>.json`, and `<Ecosystem>/modified_id.csv` with
//! a line `<modified>,<ID>` for every record, newest first. Odd: the list on disk says what the archive beside it holds, and
//! is written after it; so the folder is a dump like the one that it came from. A list is written by another program than
//! an archive, so an archive is compared with its list once it is there.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, BufReader, BufWriter, Read as _, Write as _},
    path::Path,
};

use plimsoll_model::Timestamp;
use serde::Deserialize;
use zip::{CompressionMethod, ZipArchive, ZipWriter, write::SimpleFileOptions};

use crate::{
    feed::{FeedError, input, parse_time},
    import,
};

/// Longest id that is taken into a file's name. Real ones stay below 60 characters.
const LONGEST_ID: usize = 200;
/// Most records that are fetched one by one; beyond it the archive is smaller and quicker …
const MOST_SINGLE: usize = 1000;
/// … and so it is when more than one in so many changed, but for a few.
const SINGLE_SHARE: usize = 5;
const FEW: usize = 50;
/// How far back records of a new archive are compared with its list.
const RECENT_DAYS: i64 = 3;

/// What a dump holds: the records' ids, and when each was modified.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordList(BTreeMap<String, Timestamp>);

/// What to do to have what a list offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It is all there.
    Nothing,
    /// Fetch the archive; why, for people.
    Whole(&'static str),
    /// Fetch these records, and drop those.
    Changes {
        /// New and changed ones.
        changed: Vec<String>,
        /// Those that are offered no more.
        removed: BTreeSet<String>,
    },
}

impl RecordList {
    /// Reads `modified_id.csv`.
    ///
    /// # Errors
    /// What is wrong with it, for a person.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
        if !text.is_empty() && !text.ends_with('\n') {
            return Err("its last line has no end: it is cut off".to_owned());
        }
        let mut rows = BTreeMap::new();
        for (line, number) in text.lines().zip(1_usize..) {
            let wrong = || format!("line {number} is no time and id");
            let (time, id) = line.trim_end().split_once(',').ok_or_else(wrong)?;
            let time = parse_time(time).ok_or_else(wrong)?;
            if !is_id(id) {
                return Err(format!("line {number} has no id that a file could be named after"));
            }
            let known = rows.entry(id.to_owned()).or_insert(time);
            *known = time.max(*known);
        }
        if rows.is_empty() {
            return Err("it lists no record".to_owned());
        }
        Ok(Self(rows))
    }

    /// The list as a dump has it: newest first.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut rows: Vec<(&Timestamp, &String)> =
            self.0.iter().map(|(id, time)| (time, id)).collect();
        rows.sort_by(|(time, id), (other_time, other_id)| {
            other_time.cmp(time).then_with(|| id.cmp(other_id))
        });
        rows.into_iter().map(|(time, id)| format!("{time},{id}\n")).collect()
    }

    /// When a record was modified.
    #[must_use]
    pub fn modified(&self, id: &str) -> Option<Timestamp> {
        self.0.get(id).copied()
    }

    /// Notes that a record is of another time than the list says.
    pub fn correct(&mut self, id: &str, modified: Timestamp) {
        if let Some(known) = self.0.get_mut(id) {
            *known = modified;
        }
    }

    /// Number of records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn newest(&self) -> Timestamp {
        self.0.values().max().copied().unwrap_or_default()
    }

    /// What to do to come from `held` (`None`: nothing is there) to this.
    #[must_use]
    pub fn step_from(&self, held: Option<&Self>) -> Step {
        let Some(held) = held else { return Step::Whole("there is none yet") };
        let is_newer = |id: &str, time: &Timestamp| held.modified(id).is_none_or(|old| old < *time);
        let changed: Vec<String> = self
            .0
            .iter()
            .filter(|(id, time)| is_newer(id, time))
            .map(|(id, _)| id.clone())
            .collect();
        let removed: BTreeSet<String> =
            held.0.keys().filter(|id| !self.0.contains_key(*id)).cloned().collect();
        let many = |count: usize| count > FEW && count > held.len() / SINGLE_SHARE;
        if changed.is_empty() && removed.is_empty() {
            Step::Nothing
        } else if many(removed.len()) {
            // More is missing than anybody withdraws: the list, or ours, has a gap.
            Step::Whole("the list lacks many records that are here")
        } else if changed.len() > MOST_SINGLE || many(changed.len()) {
            Step::Whole("too much changed")
        } else {
            Step::Changes { changed, removed }
        }
    }
}

/// Whether an id can be a file's name and part of an address.
fn is_id(id: &str) -> bool {
    id.starts_with(|first: char| first.is_ascii_alphanumeric())
        && id.len() <= LONGEST_ID
        && id.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:+".contains(c))
        && !id.contains("..")
}

#[derive(Deserialize)]
struct Head {
    id: String,
    modified: String,
}

/// The time of a single record, which must be the one that was asked for.
///
/// # Errors
/// What is wrong with it, for a person.
pub fn record_time(id: &str, bytes: &[u8]) -> Result<Timestamp, String> {
    let head: Head = serde_json::from_slice(bytes).map_err(|error| format!("`{id}`: {error}"))?;
    if head.id != id {
        return Err(format!("the record for `{id}` calls itself another one"));
    }
    parse_time(&head.modified).ok_or_else(|| format!("`{id}` has no time"))
}

/// Writes the archive anew with these records in it and without those, at once.
///
/// # Errors
/// [`FeedError`]; the archive is then as it was.
pub fn merge(
    archive: &Path,
    changed: &BTreeMap<String, Vec<u8>>,
    removed: &BTreeSet<String>,
) -> Result<(), FeedError> {
    let read = |source| FeedError::Read { path: archive.to_owned(), source };
    let zip_error =
        |error: zip::result::ZipError| input::corrupt(archive, None, &error.to_string());
    let mut old =
        ZipArchive::new(BufReader::new(File::open(archive).map_err(read)?)).map_err(zip_error)?;
    let (temporary, file) = import::temporary(archive)?;
    let mut new = ZipWriter::new(BufWriter::with_capacity(1 << 18, file));
    for place in 0..old.len() {
        let member = old.by_index_raw(place).map_err(zip_error)?;
        let name = String::from_utf8_lossy(member.name_raw()).into_owned();
        let id = name.strip_suffix(".json").unwrap_or(&name);
        if !changed.contains_key(id) && !removed.contains(id) {
            new.raw_copy_file(member).map_err(zip_error)?;
        }
    }
    // One time for all, so that equal records make equal archives.
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (id, bytes) in changed {
        let written = new
            .start_file(format!("{id}.json"), options)
            .map_err(io::Error::other)
            .and_then(|()| new.write_all(bytes));
        written.map_err(|source| FeedError::Write { path: archive.to_owned(), source })?;
    }
    let write = |source| FeedError::Write { path: archive.to_owned(), source };
    let mut buffer = new.finish().map_err(zip_error)?;
    buffer.flush().map_err(write)?;
    buffer.get_ref().sync_all().map_err(write)?;
    temporary.rename_over(archive)
}

/// The records of a list that an archive lacks, or has older than the list says. Of what was modified long before the
/// newest record only the presence is looked at.
///
/// # Errors
/// [`FeedError`] if the archive is damaged.
pub fn lacking(archive: &Path, list: &RecordList) -> Result<Vec<String>, FeedError> {
    let read = |source| FeedError::Read { path: archive.to_owned(), source };
    let zip_error =
        |error: zip::result::ZipError| input::corrupt(archive, None, &error.to_string());
    let mut zip =
        ZipArchive::new(BufReader::new(File::open(archive).map_err(read)?)).map_err(zip_error)?;
    let newest = list.newest();
    let mut lacking = Vec::new();
    for (id, time) in &list.0 {
        let Some(place) = zip.index_for_name(&format!("{id}.json")) else {
            lacking.push(id.clone());
            continue;
        };
        if newest.days_since(*time) <= RECENT_DAYS {
            let mut bytes = Vec::new();
            let member = zip.by_index(place).map_err(zip_error)?;
            member.take(input::MAX_MEMBER_BYTES).read_to_end(&mut bytes).map_err(read)?;
            if record_time(id, &bytes).is_ok_and(|found| found < *time) {
                lacking.push(id.clone());
            }
        }
    }
    Ok(lacking)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(rows: &[(&str, u32)]) -> RecordList {
        let text: String =
            rows.iter().map(|(id, day)| format!("2026-08-{day:02}T00:00:00Z,{id}\n")).collect();
        RecordList::read(text.as_bytes()).unwrap()
    }

    fn numbered(count: u32, day: u32) -> Vec<(String, u32)> {
        (0..count).map(|number| (format!("A-{number}"), day)).collect()
    }

    fn borrowed(rows: &[(String, u32)]) -> RecordList {
        let rows: Vec<(&str, u32)> = rows.iter().map(|(id, day)| (id.as_str(), *day)).collect();
        list(&rows)
    }

    #[test]
    fn a_list_reads_back_newest_first() {
        let one = list(&[("ALSA-2025:10873", 1), ("GHSA-x", 3), ("MAL-1", 2)]);
        let text = one.to_text();
        assert!(text.starts_with("2026-08-03T00:00:00Z,GHSA-x\n"), "{text}");
        assert_eq!(RecordList::read(text.as_bytes()), Ok(one.clone()));
        let parts = "2024-08-15T00:05:00.123456Z,A-1\r\n2024-08-15T00:04:00Z,A-2\r\n";
        assert_eq!(RecordList::read(parts.as_bytes()).unwrap().len(), 2);
    }

    #[test]
    fn a_list_that_names_no_files_is_refused() {
        for text in [
            "",
            "2026-08-01T00:00:00Z,A-1",
            "soon,A-1\n",
            "2026-08-01T00:00:00Z\n",
            "2026-08-01T00:00:00Z,../../etc/passwd\n",
            "2026-08-01T00:00:00Z,PyPI/A-1\n",
            "2026-08-01T00:00:00Z,.hidden\n",
            "2026-08-01T00:00:00Z,a..b\n",
            "2026-08-01T00:00:00Z,\n",
            "<html>\n",
        ] {
            assert!(RecordList::read(text.as_bytes()).is_err(), "{text:?}");
        }
    }

    #[test]
    fn only_what_changed_is_fetched() {
        let held = list(&[("A", 1), ("B", 2), ("C", 3)]);
        assert_eq!(held.step_from(Some(&held)), Step::Nothing);
        let step = list(&[("A", 1), ("B", 5), ("D", 4)]).step_from(Some(&held));
        let removed = BTreeSet::from(["C".to_owned()]);
        assert_eq!(step, Step::Changes { changed: vec!["B".into(), "D".into()], removed });
        // A record that is newer here than the list says was fetched while the list was made.
        assert_eq!(list(&[("A", 1), ("B", 1), ("C", 3)]).step_from(Some(&held)), Step::Nothing);
    }

    #[test]
    fn what_is_too_much_or_has_a_gap_is_fetched_whole() {
        assert!(matches!(list(&[("A", 1)]).step_from(None), Step::Whole(_)));
        let held = numbered(300, 1);
        let mut much = held.clone();
        much.iter_mut().take(61).for_each(|row| row.1 = 2);
        assert!(matches!(borrowed(&much).step_from(Some(&borrowed(&held))), Step::Whole(_)));
        much.iter_mut().take(2).for_each(|row| row.1 = 1);
        assert!(matches!(borrowed(&much).step_from(Some(&borrowed(&held))), Step::Changes { .. }));
        let gap = borrowed(&held[..150]);
        let step = gap.step_from(Some(&borrowed(&held)));
        assert_eq!(step, Step::Whole("the list lacks many records that are here"));
    }

    fn record(id: &str, day: u32) -> Vec<u8> {
        format!(r#"{{"id":"{id}","modified":"2026-08-{day:02}T00:00:00Z"}}"#).into_bytes()
    }

    #[test]
    fn an_archive_takes_changes_and_lacks_nothing_then() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("all.zip");
        let mut writer = ZipWriter::new(File::create(&path).unwrap());
        for id in ["A", "B", "C"] {
            writer.start_file(format!("{id}.json"), SimpleFileOptions::default()).unwrap();
            writer.write_all(&record(id, 1)).unwrap();
        }
        writer.finish().unwrap();
        let offered = list(&[("A", 1), ("B", 2), ("D", 2)]);
        assert_eq!(lacking(&path, &offered).unwrap(), ["B", "D"]);
        let changed = BTreeMap::from(["B", "D"].map(|id| (id.to_owned(), record(id, 2))));
        merge(&path, &changed, &BTreeSet::from(["C".to_owned()])).unwrap();
        assert!(lacking(&path, &offered).unwrap().is_empty());
        let zip = ZipArchive::new(File::open(&path).unwrap()).unwrap();
        let mut names: Vec<String> =
            zip.file_names().map(|name| name.unwrap().into_owned()).collect();
        names.sort_unstable();
        assert_eq!(names, ["A.json", "B.json", "D.json"]);
        // A damaged archive stays what it is.
        std::fs::write(&path, b"PK\x03\x04 and no more").unwrap();
        assert!(merge(&path, &changed, &BTreeSet::new()).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"PK\x03\x04 and no more");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_record_must_be_the_one_that_was_asked_for() {
        assert!(record_time("A", &record("A", 1)).is_ok());
        assert!(record_time("B", &record("A", 1)).is_err());
        assert!(record_time("A", b"<html>").is_err());
        assert!(record_time("A", br#"{"id":"A","modified":"soon"}"#).is_err());
    }
}
