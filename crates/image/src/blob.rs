//! Reads a layer's blob in one pass.
//!
//! In: the blob's bytes as a stream, and what the image says about them. Out: [`LayerEntries`], with each entry shown to a
//! visitor on the way. Source: OCI image-spec, `layer.md`. Odd: the blob is hashed to its last byte even when the archive
//! ends early or a budget stops the walk, because only then its entries may be believed; bytes behind the archive's end
//! are ignored by runtimes and are an anomaly here.

use std::{
    cell::Cell,
    io::{self, BufRead, BufReader, Read},
};

use plimsoll_model::{Digest, Gap, GapReason};

use crate::{
    budget::{Budget, BudgetReached},
    codec::{self, Codec, CompressedGuard, Guard, Stream, UnpackedGuard, unpack},
    entries::EntriesBuilder,
    entry::{EntryKind, EntryMeta},
    source::{EntryVisitor, LayerDescriptor, LayerEntries, ReadError},
    tar::{Input, Reader, TarError},
};

/// Id of this reader in gaps.
const READER: &str = "layer";

/// Reads a layer's blob in one pass: hashes it, unpacks it, walks the archive and calls `visitor` for each entry.
///
/// The unpacked archive is hashed too when `expected` has a diff id and the budget asks for that.
///
/// # Errors
/// [`ReadError`]; a blob whose digest or size differs from the expected one is an error.
pub fn read_blob(
    reader: &mut dyn Read,
    expected: &LayerDescriptor,
    budget: &Budget,
    visitor: &mut dyn EntryVisitor,
) -> Result<LayerEntries, ReadError> {
    let at = match expected.digest {
        Some(digest) => format!("layer {digest}"),
        None => "layer".to_owned(),
    };
    let expected = Expected {
        digest: expected.digest,
        size: (expected.size > 0).then_some(expected.size),
        diff_id: expected.diff_id,
        is_diff_id_binding: false,
    };
    read_stream(reader, &at, &expected, budget, visitor)
}

/// What the image says about a blob.
pub(crate) struct Expected {
    pub(crate) digest: Option<Digest>,
    pub(crate) size: Option<u64>,
    pub(crate) diff_id: Option<Digest>,
    /// Whether nothing but the diff id binds the bytes, so that another one is an error.
    pub(crate) is_diff_id_binding: bool,
}

/// [`read_blob`] for sources that name their layers otherwise.
pub(crate) fn read_stream(
    reader: &mut dyn Read,
    at: &str,
    expected: &Expected,
    budget: &Budget,
    visitor: &mut dyn EntryVisitor,
) -> Result<LayerEntries, ReadError> {
    let (compressed, used) = (Cell::new(0), Cell::new(0));
    // A blob may not be longer than stated, so an endless one ends here.
    let guard = CompressedGuard::new(&compressed, expected.size.unwrap_or(u64::MAX), budget);
    let pass = Pass { at, expected };
    let start = codec::start_of(reader).map_err(|error| pass.blob_error(error, 0))?;
    let codec = Codec::of(&start);
    let rest = BufReader::with_capacity(codec::BUFFER, reader);
    let mut blob = Stream::new(io::Cursor::new(start).chain(rest), guard, true);
    let (mut layer, ended) = if codec == Codec::Plain {
        let (mut layer, ended) = walk(&mut blob, budget, visitor);
        layer.unpacked_size = blob.total();
        (layer, ended)
    } else {
        let decoder =
            unpack(codec, &mut blob, &used, budget).map_err(|error| pass.codec(codec, &error))?;
        let guard = UnpackedGuard::new(codec.basis(&compressed, &used), budget);
        let is_hashed = expected.is_diff_id_binding || budget.verify_diff_ids;
        let mut unpacked = Stream::new(decoder, guard, is_hashed && expected.diff_id.is_some());
        let (mut layer, ended) = walk(&mut unpacked, budget, visitor);
        layer.unpacked_size = unpacked.total();
        layer.computed_diff_id = unpacked.digest();
        let ended = match unpacked.take_failure() {
            Some(failure) => ended.because_of(failure),
            None => ended,
        };
        (layer, ended)
    };
    if let Some(failure) = blob.take_failure() {
        return Err(pass.blob_error(failure, compressed.get()));
    }
    pass.settle(ended, codec, &mut layer)?;
    if let Err(error) = blob.drain() {
        return Err(pass.blob_error(error, compressed.get()));
    }
    layer.computed_digest = blob.digest();
    if codec == Codec::Plain && layer.gaps.is_empty() {
        layer.computed_diff_id = layer.computed_digest;
    }
    pass.check(&layer, compressed.get())?;
    layer.anomalies.sort();
    layer.anomalies.dedup();
    Ok(layer)
}

/// How a walk over an archive ended.
enum Ended {
    /// At the archive's end, and there was nothing behind it.
    Whole,
    /// At the archive's end, with something behind it.
    DataBehind,
    /// At the archive's end, and what is behind it cannot be unpacked.
    FailedBehind(io::Error),
    /// Inside the archive.
    Archive(TarError),
    /// By the visitor.
    Visitor(io::Error),
}

impl Ended {
    /// The decompressor failed: whatever was noticed above it is a consequence.
    fn because_of(self, failure: io::Error) -> Self {
        match self {
            Self::Whole | Self::DataBehind | Self::FailedBehind(_) => Self::FailedBehind(failure),
            Self::Archive(_) | Self::Visitor(_) => Self::Archive(TarError::Io(failure)),
        }
    }
}

fn walk<R: BufRead, G: Guard>(
    stream: &mut Stream<R, G>,
    budget: &Budget,
    visitor: &mut dyn EntryVisitor,
) -> (LayerEntries, Ended) {
    let mut archive = Reader::new(&mut *stream, budget);
    let mut entries = EntriesBuilder::new();
    let ended = walk_entries(&mut archive, budget, visitor, &mut entries);
    let (stream, anomalies) = archive.finish();
    let ended = match ended {
        Some(ended) => ended,
        None => match stream.drain() {
            Ok(false) => Ended::Whole,
            Ok(true) => Ended::DataBehind,
            Err(error) => Ended::FailedBehind(error),
        },
    };
    (LayerEntries { entries: entries.finish(), anomalies, ..LayerEntries::default() }, ended)
}

/// `None` when the archive was read to its end.
fn walk_entries<I: Input>(
    archive: &mut Reader<'_, I>,
    budget: &Budget,
    visitor: &mut dyn EntryVisitor,
    entries: &mut EntriesBuilder,
) -> Option<Ended> {
    loop {
        let meta = match archive.next_entry() {
            Ok(Some(meta)) => meta,
            Ok(None) => return None,
            Err(error) => return Some(Ended::Archive(error)),
        };
        if is_impossible_whiteout(&meta) {
            let problem = "a whiteout names no file: runtimes refuse it";
            let offset = archive.position();
            return Some(Ended::Archive(TarError::Damaged { offset, problem }));
        }
        if let Err(reached) = budget.use_entry(&meta) {
            return Some(Ended::Archive(TarError::Budget(reached)));
        }
        let index = u32::try_from(entries.len()).unwrap_or(u32::MAX);
        let seen = if meta.kind == EntryKind::File {
            visitor.visit(index, &meta, &mut archive.content())
        } else {
            visitor.visit(index, &meta, &mut io::empty())
        };
        if let Err(error) = seen {
            return Some(Ended::Visitor(error));
        }
        if let Err(reached) = entries.push_within(&meta, budget) {
            return Some(Ended::Archive(TarError::Budget(reached)));
        }
    }
}

/// `.wh.`, `.wh..` and `.wh...` would remove the directory itself or its parent.
pub(crate) fn is_impossible_whiteout(meta: &EntryMeta) -> bool {
    matches!(meta.path.name(), b".wh." | b".wh.." | b".wh...")
}

/// One pass: what it is about, for errors, and what it is held against.
struct Pass<'p> {
    at: &'p str,
    expected: &'p Expected,
}

impl Pass<'_> {
    /// Reading the blob itself failed.
    fn blob_error(&self, error: io::Error, read: u64) -> ReadError {
        let at = self.at.to_owned();
        match budget_in(&error) {
            Some(_) if self.expected.size.is_some_and(|size| read > size) => {
                let expected = self.expected.size.unwrap_or(0);
                ReadError::Size { at, expected, actual: read }
            }
            Some(reached) => ReadError::Budget { at, source: reached },
            None => ReadError::Io { at, source: error },
        }
    }

    fn codec(&self, codec: Codec, error: &io::Error) -> ReadError {
        let problem = error.to_string();
        ReadError::Codec { at: self.at.to_owned(), codec: codec.name(), problem }
    }

    /// Turns the end of the walk into an error, a gap, an anomaly or nothing.
    fn settle(
        &self,
        ended: Ended,
        codec: Codec,
        layer: &mut LayerEntries,
    ) -> Result<(), ReadError> {
        let at = self.at.to_owned();
        let reached = match ended {
            Ended::Whole => return Ok(()),
            Ended::DataBehind => {
                layer.anomalies.push("has data behind the archive's end".into());
                return Ok(());
            }
            Ended::FailedBehind(error) => match budget_in(&error) {
                Some(reached) => reached,
                None => {
                    layer.anomalies.push(format!(
                        "has bytes behind the archive's end that are not {}: {error}",
                        codec.name()
                    ));
                    layer.computed_diff_id = None;
                    return Ok(());
                }
            },
            Ended::Archive(TarError::Budget(reached)) => reached,
            Ended::Archive(TarError::Damaged { offset, problem }) => {
                return Err(ReadError::Archive { at, offset, problem: problem.to_owned() });
            }
            Ended::Archive(TarError::Io(error)) => match budget_in(&error) {
                Some(reached) => reached,
                None => return Err(self.codec(codec, &error)),
            },
            Ended::Visitor(source) => return Err(ReadError::Visitor { at, source }),
        };
        layer.computed_diff_id = None;
        layer.gaps.push(Gap {
            reason: GapReason::BudgetReached,
            by: READER.to_owned(),
            at,
            detail: format!("the layer was not read to its end: {reached}"),
        });
        Ok(())
    }

    /// Holds what was computed against what the image says.
    fn check(&self, layer: &LayerEntries, read: u64) -> Result<(), ReadError> {
        let at = || self.at.to_owned();
        if let (Some(expected), Some(actual)) = (self.expected.digest, layer.computed_digest)
            && expected != actual
        {
            return Err(ReadError::Digest { at: at(), expected, actual });
        }
        if let Some(expected) = self.expected.size
            && expected != read
        {
            return Err(ReadError::Size { at: at(), expected, actual: read });
        }
        let (Some(expected), Some(actual)) = (self.expected.diff_id, layer.computed_diff_id) else {
            return Ok(());
        };
        if expected != actual && self.expected.is_diff_id_binding {
            return Err(ReadError::Digest { at: at(), expected, actual });
        }
        Ok(())
    }
}

fn budget_in(error: &io::Error) -> Option<BudgetReached> {
    error.get_ref().and_then(|inner| inner.downcast_ref::<BudgetReached>()).cloned()
}

#[cfg(test)]
#[path = "blob/tests.rs"]
mod tests;
