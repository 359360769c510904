//! What reads one kind of file, and THE list of all of them.
//!
//! In: entries' paths and metadata ([`Parser::claims`], called for every entry of every layer), then the bytes of what
//! was claimed. Out: [`FileFacts`]. Odd: a parser sees one file and nothing else. What needs the whole image is decided
//! over the merged tree.

use std::io::{self, Read};

use plimsoll_image::{Budget, EntryMeta, TreePath};

use crate::{distribution, facts::FileFacts, packages, text};

/// Reads one format.
pub trait Parser: Sync {
    /// Short and stable: stands in `found_by` and in `coverage.ran`.
    fn id(&self) -> &'static str;

    /// Raised whenever the parser reads more or otherwise, so that layers that an older one read are read again.
    fn version(&self) -> u32;

    /// Which files it reads, for people.
    fn reads(&self) -> &'static str;

    /// Whether it wants the bytes of a regular file at `path`. Cheap: no regular expressions, no allocation.
    fn claims(&self, path: &[u8], meta: &EntryMeta) -> Option<Want>;

    /// Reads a file.
    ///
    /// # Errors
    /// [`ParseError`] when nothing can be said about the file; what is merely incomplete is a
    /// [`Problem`](crate::Problem) beside the facts.
    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError>;
}

/// How much of a claimed file is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Want {
    /// All of it; a file that is longer is a gap.
    Whole {
        /// Most bytes; the budget's limit for files holds too.
        limit: u64,
    },
    /// Its first bytes.
    Head {
        /// How many.
        limit: u64,
    },
}

/// A file that a parser claimed.
#[derive(Debug)]
pub struct ClaimedFile<'a> {
    /// The path under which it was claimed.
    pub path: &'a TreePath,
    /// Its bytes, as many as were wanted.
    pub bytes: &'a [u8],
    /// Limits.
    pub budget: &'a Budget,
}

impl ClaimedFile<'_> {
    /// The bytes as text.
    ///
    /// # Errors
    /// [`ParseError::Syntax`] with the offset of the first byte that is not UTF-8.
    pub fn text(&self) -> Result<&str, ParseError> {
        std::str::from_utf8(self.bytes).map_err(|error| ParseError::Syntax {
            at: format!("byte {}", error.valid_up_to()),
            problem: "is not UTF-8".to_owned(),
        })
    }
}

/// Why nothing can be said about a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// It is longer than what is read.
    #[error("has {size} bytes, limit {limit} bytes (`{name}`)")]
    TooLarge {
        /// Its size.
        size: u64,
        /// The limit.
        limit: u64,
        /// The limit's name.
        name: &'static str,
    },
    /// It is not in the format that its name promises.
    #[error("{at}: {problem}")]
    Syntax {
        /// Line, byte or page.
        at: String,
        /// What is wrong.
        problem: String,
    },
    /// It misses something without which it says nothing.
    #[error("`{0}` is missing")]
    Missing(&'static str),
}

/// THE list: everything that reads files. The order is that of `coverage.ran` and of the reference page.
#[must_use]
pub fn parsers() -> &'static [&'static dyn Parser] {
    &[
        &packages::dpkg::DpkgStatus,
        &packages::dpkg::DpkgFiles,
        &packages::apk::ApkInstalled,
        &packages::rpm::RpmSqlite,
        &packages::python::PythonMetadata,
        &packages::npm::NodeModules,
        &packages::npm::UnpackedNodePackage,
        &packages::java::JavaArchive,
        &distribution::release_file::ReleaseFile,
        &text::CheckedText,
    ]
}

/// Names all detectors with their versions: facts that were kept under another text must be read anew.
#[must_use]
pub fn detectors_version() -> String {
    let mut words: Vec<String> =
        parsers().iter().map(|parser| format!("{}:{}", parser.id(), parser.version())).collect();
    words.sort();
    words.join(",")
}

/// Reads what `want` asks for of `content`, which has `size` bytes.
pub(crate) fn read_wanted(
    want: Want,
    size: u64,
    budget: &Budget,
    content: &mut dyn Read,
) -> io::Result<Result<Vec<u8>, ParseError>> {
    let bound = budget.max_claimed_file_bytes;
    let take = match want {
        Want::Head { limit } => limit.min(bound),
        Want::Whole { limit } => {
            if size > limit {
                return Ok(Err(ParseError::TooLarge { size, limit, name: "the format's own" }));
            }
            if size > bound {
                let name = "max_claimed_file_bytes";
                return Ok(Err(ParseError::TooLarge { size, limit: bound, name }));
            }
            size
        }
    };
    // What the header says may be a lie: memory grows with the bytes that really come.
    let mut bytes = Vec::with_capacity(usize::try_from(take.min(size).min(1 << 20)).unwrap_or(0));
    content.take(take).read_to_end(&mut bytes)?;
    Ok(Ok(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_named_with_their_version() {
        let mut ids: Vec<&str> = parsers().iter().map(|parser| parser.id()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), parsers().len());
        for parser in parsers() {
            assert!(!parser.reads().is_empty());
            assert!(detectors_version().contains(&format!("{}:{}", parser.id(), parser.version())));
        }
    }

    #[test]
    fn a_file_larger_than_its_limit_is_not_read() {
        let budget = Budget { max_claimed_file_bytes: 4, ..Budget::default() };
        let read = |want, bytes: &[u8]| {
            read_wanted(want, bytes.len() as u64, &budget, &mut &*bytes).unwrap()
        };
        assert_eq!(read(Want::Head { limit: 2 }, b"abcdef"), Ok(b"ab".to_vec()));
        assert_eq!(read(Want::Whole { limit: 10 }, b"abcd"), Ok(b"abcd".to_vec()));
        let error = read(Want::Whole { limit: 10 }, b"abcde").unwrap_err();
        assert_eq!(error.to_string(), "has 5 bytes, limit 4 bytes (`max_claimed_file_bytes`)");
    }
}
