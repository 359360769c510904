//! Import: from paths to a snapshot file that is in place, or to an error and the old file untouched.
//!
//! In: paths of feeds. Out: the file `target`, and what is in it. Source: `docs/decisions/0005-feeds-are-taken-whole.md`. Odd: a feed is taken
//! whole or not at all. One broken record among a hundred thousand stops the import, because nobody can tell what else a
//! damaged file lost; the file that is there goes on serving.

mod guard;
mod place;

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::mpsc,
};

use plimsoll_model::{Digest, FeedState};

use crate::{
    collection::{Collection, Resolved},
    feed::{Document, FeedError, Sink, input},
    snapshot::{Snapshot, content::AssembleError, layout::Damaged, writer},
};

/// How to import.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImportOptions {
    /// Replace the snapshot even if the result is older or lacks a source.
    pub allow_older: bool,
    /// Mark the result as the small built-in feed.
    pub starter: bool,
}

/// How far an import is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImportProgress {
    /// The paths were searched: that many files, that many bytes in all.
    Found {
        /// Number of files.
        files: usize,
        /// Their sizes, added up.
        bytes: u64,
    },
    /// A file was read.
    Read {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// Records in it; 0 if it is no feed.
        records: u64,
    },
    /// Everything was read and is being compiled.
    Compile {
        /// Distinct advisories.
        advisories: u64,
    },
    /// The result is being checked.
    Check,
}

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportSummary {
    /// What the new snapshot holds.
    pub state: FeedState,
    /// Distinct advisories in it.
    pub advisories: u64,
    /// Entries "this package of this release is affected by this advisory".
    pub affected: u64,
    /// CVEs with a severity, exploitation or probability of their own.
    pub signals: u64,
    /// Withdrawn records, which are left out.
    pub withdrawn: u64,
    /// Files in the folders that are no feeds, sorted.
    pub skipped: Vec<PathBuf>,
    /// Size of the snapshot file.
    pub bytes: u64,
}

/// Reads all paths (files, folders, `<Ecosystem>/all.zip`), compiles them, verifies the result and renames it over
/// `target`.
///
/// The result replaces what `target` holds; it is not added to it. A result that is older, or that lacks a source which
/// `target` has, is refused unless `allow_older` is set. The starter feed may always be replaced.
///
/// # Errors
/// [`FeedError`] names the file and, in an archive, the member; `target` is then untouched.
pub fn import(
    paths: &[PathBuf],
    target: &Path,
    options: &ImportOptions,
    progress: &mut dyn FnMut(ImportProgress),
) -> Result<ImportSummary, FeedError> {
    let inputs = input::find(paths)?;
    let bytes = inputs.iter().map(|input| input.bytes).sum();
    progress(ImportProgress::Found { files: inputs.len(), bytes });
    let (collection, skipped) = read_all(&inputs, progress)?;
    if collection.is_empty() {
        return Err(FeedError::Empty { paths: paths.to_vec() });
    }
    let advisories = u64::try_from(collection.advisories()).unwrap_or(u64::MAX);
    progress(ImportProgress::Compile { advisories });
    install(&collection.resolve(), target, options, skipped, progress)
}

/// Compiles, checks and swaps.
pub(crate) fn install(
    resolved: &Resolved,
    target: &Path,
    options: &ImportOptions,
    skipped: Vec<PathBuf>,
    progress: &mut dyn FnMut(ImportProgress),
) -> Result<ImportSummary, FeedError> {
    let bytes = writer::write(resolved, options.starter).map_err(not_compiled)?;
    let temporary = place::Temporary::write(target, &bytes)?;
    drop(bytes);
    progress(ImportProgress::Check);
    let snapshot = guard::check(temporary.path(), resolved)?;
    let summary = swap(temporary, &snapshot, target, options.allow_older)?;
    Ok(ImportSummary { withdrawn: resolved.withdrawn, skipped, ..summary })
}

/// Checks and swaps a snapshot that was compiled elsewhere.
pub(crate) fn install_bytes(
    bytes: &[u8],
    digest: Digest,
    target: &Path,
    allow_older: bool,
) -> Result<ImportSummary, FeedError> {
    let temporary = place::Temporary::write(target, bytes)?;
    let snapshot = guard::check_digest(temporary.path(), digest)?;
    swap(temporary, &snapshot, target, allow_older)
}

/// Writes a file that is there as a whole or not at all.
pub(crate) fn put_in_place(target: &Path, bytes: &[u8]) -> Result<(), FeedError> {
    place::Temporary::write(target, bytes)?.rename_over(target)
}

/// A file beside `target` that takes its name when it is whole.
pub(crate) fn temporary(target: &Path) -> Result<(place::Temporary, File), FeedError> {
    place::Temporary::create(target)
}

fn swap(
    temporary: place::Temporary,
    snapshot: &Snapshot,
    target: &Path,
    allow_older: bool,
) -> Result<ImportSummary, FeedError> {
    if !allow_older {
        guard::refuse_older(&snapshot.state(), target)?;
    }
    temporary.rename_over(target)?;
    let counts = snapshot.counts();
    Ok(ImportSummary {
        state: snapshot.state(),
        advisories: counts.advisories,
        affected: counts.affected,
        signals: counts.signals,
        withdrawn: 0,
        skipped: Vec::new(),
        bytes: counts.bytes,
    })
}

/// Content that cannot become a snapshot.
fn not_compiled(error: AssembleError) -> FeedError {
    let reason = match error {
        AssembleError::TooLarge => "it has more than 4 GiB".to_owned(),
        AssembleError::Damaged(Damaged(what)) => format!("{what} does not fit"),
    };
    FeedError::Check { reason }
}

/// What the unpacking thread sends.
enum Message {
    Document { place: usize, unpacked: input::Unpacked },
    End { place: usize },
    Failed(FeedError),
}

/// Unpacks in one thread and reads in this one: the two cost about the same.
fn read_all(
    inputs: &[input::Input],
    progress: &mut dyn FnMut(ImportProgress),
) -> Result<(Collection, Vec<PathBuf>), FeedError> {
    let mut collection = Collection::default();
    let mut skipped = Vec::new();
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel(256);
        scope.spawn(move || unpack_all(inputs, &sender));
        let mut records = 0;
        for message in receiver {
            match message {
                Message::Failed(error) => return Err(error),
                Message::Document { place, unpacked } => {
                    let Some(input) = inputs.get(place) else { continue };
                    match read_document(input, &unpacked, &mut collection)? {
                        Some(read) => records += read,
                        None => skipped.push(input.path.clone()),
                    }
                }
                Message::End { place } => {
                    let Some(input) = inputs.get(place) else { continue };
                    let (path, bytes) = (input.path.clone(), input.bytes);
                    progress(ImportProgress::Read { path, bytes, records });
                    records = 0;
                }
            }
        }
        Ok(())
    })?;
    Ok((collection, skipped))
}

/// Ends early when nobody listens any more.
fn unpack_all(inputs: &[input::Input], sender: &mpsc::SyncSender<Message>) {
    for (place, one) in inputs.iter().enumerate() {
        let mut documents = 0_u64;
        let result = input::unpack(one, &mut |unpacked| {
            documents += 1;
            let message = Message::Document { place, unpacked };
            sender.send(message).map_err(|_closed| FeedError::Empty { paths: Vec::new() })
        });
        let message = match result {
            Err(error) => Message::Failed(error),
            Ok(()) if documents == 0 => {
                Message::Failed(input::corrupt(&one.path, None, "the archive holds no record"))
            }
            Ok(()) => Message::End { place },
        };
        let is_last = matches!(message, Message::Failed(_));
        if sender.send(message).is_err() || is_last {
            return;
        }
    }
}

/// Reads a document that must be a feed.
pub(crate) fn read_named(
    path: &Path,
    bytes: &[u8],
    collection: &mut Collection,
) -> Result<(), FeedError> {
    let from = input::Input { path: path.to_owned(), bytes: 0, is_named: true };
    let unpacked = input::Unpacked { member: None, bytes: bytes.to_vec() };
    read_document(&from, &unpacked, collection).map(|_records| ())
}

/// Number of records, or `None` for a file of a folder that is no feed.
fn read_document(
    from: &input::Input,
    unpacked: &input::Unpacked,
    collection: &mut Collection,
) -> Result<Option<u64>, FeedError> {
    let bytes = input::without_mark(&unpacked.bytes);
    let document = Document { path: &from.path, bytes };
    let member = || unpacked.member.clone();
    match input::recognise(&document, unpacked.member.is_some()) {
        Some(feed) => match feed.read(&document, &mut Sink(collection)) {
            Ok(records) => Ok(Some(records)),
            Err(reason) => Err(input::corrupt(&from.path, member(), &reason)),
        },
        None => match input::broken_json(bytes) {
            Some(reason) => Err(input::corrupt(&from.path, member(), &reason)),
            None if from.is_named => {
                let known = "it is none of the feeds that can be imported";
                Err(input::corrupt(&from.path, member(), known))
            }
            None => Ok(None),
        },
    }
}
