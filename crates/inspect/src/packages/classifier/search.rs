//! Looks for a version in a file of any size.
//!
//! In: content, patterns with one group each, the surest first. Out: the version that the surest pattern found, and whose
//! pattern it was. Odd: what is not in memory is looked at through a window; windows overlap by more than the longest match, so
//! that a version on the border is seen whole, and nothing at the end of a window counts before it is known how it goes on.

use std::io;

use regex::bytes::Regex;

use crate::content::Content;

/// How much of a file is looked at together.
pub(super) const WINDOW: usize = 1 << 20;

/// Longest match of any pattern, and what may follow it: what two windows have in common.
pub(super) const OVERLAP: usize = 8 << 10;

/// How far a match must be from a window's end to be known whole.
const MARGIN: usize = 64;

/// One pattern and whose it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pattern<'p> {
    pub(super) regex: &'p Regex,
    /// How the version must begin: the file's name says so.
    pub(super) begins: Option<&'p [u8]>,
    /// Row of the table.
    pub(super) row: usize,
}

/// The version that the first of the patterns found which found any, with its row.
///
/// # Errors
/// Those of the content.
pub(super) fn first_version(
    content: &Content<'_>,
    patterns: &[Pattern<'_>],
) -> io::Result<Option<(usize, String)>> {
    let mut best = Best::default();
    if let Some(bytes) = content.bytes() {
        best.look(bytes, true, patterns);
        return Ok(best.found(patterns));
    }
    let mut window = vec![0; WINDOW];
    let (mut offset, mut kept) = (0_u64, 0);
    loop {
        let room = window.get_mut(kept..).unwrap_or_default();
        let read = content.read_at(offset, room)?;
        let is_last = read < room.len();
        offset = offset.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        let filled = kept + read;
        best.look(window.get(..filled).unwrap_or_default(), is_last, patterns);
        if is_last || best.is_surest() {
            return Ok(best.found(patterns));
        }
        window.copy_within(filled.saturating_sub(OVERLAP)..filled, 0);
        kept = OVERLAP.min(filled);
    }
}

/// The surest find so far.
#[derive(Debug, Default)]
struct Best(Option<(usize, Vec<u8>)>);

impl Best {
    fn look(&mut self, bytes: &[u8], is_last: bool, patterns: &[Pattern<'_>]) {
        let sure_end = if is_last { bytes.len() } else { bytes.len().saturating_sub(MARGIN) };
        let surer = self.0.as_ref().map_or(patterns.len(), |(index, _)| *index);
        for (index, pattern) in patterns.iter().enumerate().take(surer) {
            if let Some(version) = pattern.first(bytes, sure_end) {
                self.0 = Some((index, version.to_vec()));
                return;
            }
        }
    }

    fn is_surest(&self) -> bool {
        self.0.as_ref().is_some_and(|(index, _)| *index == 0)
    }

    fn found(self, patterns: &[Pattern<'_>]) -> Option<(usize, String)> {
        let (index, version) = self.0?;
        Some((patterns.get(index)?.row, String::from_utf8_lossy(&version).into_owned()))
    }
}

impl Pattern<'_> {
    /// The first version that counts; a match that ends beyond `sure_end` may go on.
    fn first<'b>(&self, bytes: &'b [u8], sure_end: usize) -> Option<&'b [u8]> {
        let mut start = 0;
        loop {
            let captures = self.regex.captures_at(bytes, start)?;
            let (all, version) = (captures.get(0)?, captures.get(1)?);
            if all.end() > sure_end {
                return None;
            }
            if self.accepts(version.as_bytes()) {
                return Some(version.as_bytes());
            }
            // What closes one version may open the next.
            start = version.end().max(start + 1);
        }
    }

    /// Whether a version is the one that the file's name speaks of: `3.11.4` is of `3.11`, `3.1.4` is not.
    fn accepts(&self, version: &[u8]) -> bool {
        let Some(begins) = self.begins else { return true };
        let rest = version.strip_prefix(begins);
        rest.is_some_and(|rest| !rest.first().is_some_and(u8::is_ascii_digit))
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::File, io::Write};

    use super::*;

    fn found(content: Content<'_>, patterns: &[&str]) -> Option<(usize, String)> {
        let compiled: Vec<Regex> = patterns.iter().map(|text| Regex::new(text).unwrap()).collect();
        let patterns: Vec<Pattern<'_>> = compiled
            .iter()
            .enumerate()
            .map(|(row, regex)| Pattern { regex, begins: None, row })
            .collect();
        first_version(&content, &patterns).unwrap()
    }

    #[test]
    fn a_version_on_the_border_of_windows_is_seen_whole() {
        let text = b"x version 1.25.13-rc2 of it";
        for start in
            [0, 1, WINDOW - OVERLAP - 5, WINDOW - 80, WINDOW - 64, WINDOW - 20, WINDOW - 12]
                .into_iter()
                .chain(WINDOW - 11..WINDOW + 2)
                .chain([2 * WINDOW - OVERLAP - 13, 2 * WINDOW - OVERLAP - 1])
        {
            let mut bytes = vec![b'.'; start];
            bytes.extend_from_slice(text);
            for after in [0, 1, 70, WINDOW] {
                let mut bytes = bytes.clone();
                bytes.resize(bytes.len() + after, 0);
                let mut file: File = tempfile::tempfile().unwrap();
                file.write_all(&bytes).unwrap();
                let content = Content::of_file(&file, bytes.len() as u64);
                let pattern = r"version ([0-9]+\.[0-9]+\.[0-9]+(?:-rc[0-9])?)";
                let wanted = Some((0, "1.25.13-rc2".to_owned()));
                assert_eq!(found(content, &[pattern]), wanted, "{start} {after}");
                assert_eq!(found(Content::of_bytes(&bytes), &[pattern]), wanted);
            }
        }
    }

    #[test]
    fn the_surest_pattern_decides_wherever_it_stands() {
        let mut bytes = b"b 2.0 ".to_vec();
        bytes.resize(3 * WINDOW, 0);
        bytes.extend_from_slice(b"a 1.0 ");
        let mut file: File = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        let content = Content::of_file(&file, bytes.len() as u64);
        assert_eq!(found(content, &["a ([0-9.]+) ", "b ([0-9.]+) "]), Some((0, "1.0".into())));
        assert_eq!(found(content, &["c ([0-9.]+) ", "b ([0-9.]+) "]), Some((1, "2.0".into())));
        assert_eq!(found(content, &["c ([0-9.]+) "]), None);
    }

    #[test]
    fn a_version_is_of_the_name_at_a_dot() {
        let regex = Regex::new("(x)").unwrap();
        let pattern = |begins: &'static str| Pattern {
            regex: &regex,
            begins: (!begins.is_empty()).then_some(begins.as_bytes()),
            row: 0,
        };
        assert!(pattern("3.11").accepts(b"3.11.4") && pattern("3.11").accepts(b"3.11rc1"));
        assert!(pattern("").accepts(b"9") && pattern("3").accepts(b"3.1"));
        assert!(!pattern("3.1").accepts(b"3.11.4") && !pattern("3.11").accepts(b"3.1"));
    }
}
