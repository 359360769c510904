//! What sees the bytes of every file as they pass, and THE list of all of them.
//!
//! In: each regular file of each layer, once: its path and metadata, its first bytes, then all of it piece by piece, or as a
//! whole. Out: [`FileFacts`]. Odd: a [`Parser`](crate::Parser) asks for files by their paths and is shown what the merged
//! image has of them; a detector is shown everything, because what it looks for has no name. It sees a layer's files whether
//! or not a later layer removes them, each under its own path alone, and what it has to say of most of them is nothing.

use plimsoll_image::{Budget, EntryMeta, TreePath};
use plimsoll_model::{Kind, Kinds};

use crate::{
    content::Content,
    facts::FileFacts,
    malware::{self, Malware},
    parser::ParseError,
    sensitive::{self, FingerprintKey},
};

/// Bytes of a file that decide whether a detector wants it.
pub const HEAD: usize = 4 << 10;

/// Looks into files of any name.
pub trait Detector: Sync {
    /// Short and stable: stands in facts and in `coverage.ran`.
    fn id(&self) -> &'static str;

    /// The kind of its findings: it looks where that kind is asked for.
    fn kind(&self) -> Kind;

    /// Changes whenever the detector, or a rule of it, finds more or otherwise, so that layers that an older one saw are
    /// read again.
    fn version(&self) -> String;

    /// What it looks for, for people.
    fn looks_for(&self) -> &'static str;

    /// Begins with a layer. What the detector needs for one file at a time it keeps in what this returns.
    fn begin_layer<'b>(&self, terms: Terms<'b>) -> Box<dyn Look + Send + 'b>;
}

/// What holds for a whole layer.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'b> {
    /// Limits.
    pub budget: &'b Budget,
    /// Kinds of risk that are looked for.
    pub kinds: Kinds,
    /// What is looked for by rules; without it nothing is.
    pub malware: Option<&'b Malware>,
    /// The key of fingerprints; without it there are none.
    pub fingerprints: Option<&'b FingerprintKey>,
}

/// A detector's look at the files of one layer, one after another.
pub trait Look {
    /// A file begins, whatever became of the one before. Cheap: it is asked of every file that is not empty.
    fn begin(&mut self, file: &PassingFile<'_>) -> Interest;

    /// The next bytes of a file that is wanted as a stream: in order, without a gap, the first ones included.
    fn piece(&mut self, bytes: &[u8]);

    /// The file is over. `whole` is all of it, if that is what was wanted.
    fn end(&mut self, whole: Option<Result<Content<'_>, ParseError>>) -> FileFacts;
}

/// A file that passes.
#[derive(Clone, Copy, Debug)]
pub struct PassingFile<'a> {
    /// Its path in the layer.
    pub path: &'a TreePath,
    /// What else the layer says of it.
    pub meta: &'a EntryMeta,
    /// Its first bytes: [`HEAD`] of them, or all.
    pub head: &'a [u8],
}

/// What a detector wants of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Interest {
    /// Nothing: it hears no more of this file.
    Nothing,
    /// What the head showed is enough: only the end is told.
    Head,
    /// All of it, once, piece by piece.
    Stream,
    /// All of it, at any position. A large file is not held in memory: see [`Content`].
    Whole {
        /// Most bytes; the budget's limit for files holds too. Of a longer file the error is told at its end.
        limit: u64,
    },
    /// Piece by piece, and at the end as a whole.
    StreamAndWhole {
        /// As of `Whole`.
        limit: u64,
    },
}

impl Interest {
    pub(crate) const fn is_stream(self) -> bool {
        matches!(self, Self::Stream | Self::StreamAndWhole { .. })
    }

    /// The limit within which all of the file is wanted.
    pub(crate) const fn whole(self) -> Option<u64> {
        match self {
            Self::Whole { limit } | Self::StreamAndWhole { limit } => Some(limit),
            Self::Nothing | Self::Head | Self::Stream => None,
        }
    }
}

/// THE list: everything that looks into all files. The order is that of `coverage.ran` and of the reference page.
#[must_use]
pub fn detectors() -> &'static [&'static dyn Detector] {
    &[&malware::detector::MaliciousFiles, &sensitive::Secrets]
}
