//! An archive on disk whose members are read where they lie.
//!
//! In: a tar file, plain or compressed. Out: [`ArchiveFile`]: names with their offsets, and readers for them that do not
//! share a position, so that layers can be read in parallel. Odd: a compressed archive cannot be sought in; it is
//! unpacked once into an unnamed temporary file, and only when it turns out to hold an image.

use std::{
    cell::Cell,
    collections::BTreeMap,
    fs::File,
    io::{self, BufReader, Read, Seek},
    os::unix::fs::FileExt,
    path::Path,
};

use super::{OpenError, io_error, spool::spool_file};
use crate::{
    budget::Budget,
    codec::{BUFFER, Codec, CompressedGuard, Stream, UnpackedGuard, unpack},
    entry::{EntryKind, TreePath},
    source::{FileIdentity, FilePlace},
    tar::{Input, Reader, TarError},
};

/// Members that are remembered; archives of images have a few hundred.
const MAX_MEMBERS: usize = 65_536;
/// Links that lead from one member to another.
const MAX_HOPS: usize = 40;
/// Bytes that are looked at to tell what a file is.
const MAGIC: usize = 6;

/// An archive on disk.
pub(super) struct ArchiveFile {
    at: String,
    /// The file itself, or the temporary one that it was unpacked to.
    file: File,
    /// The file itself, and what it was when it was opened.
    original: File,
    opened: FileIdentity,
    members: BTreeMap<TreePath, Member>,
}

#[derive(Clone, PartialEq, Eq)]
enum Member {
    File {
        offset: u64,
        size: u64,
    },
    Link(TreePath),
    /// Stands twice, or in pieces: which bytes are meant depends on the reader.
    Unclear,
}

impl ArchiveFile {
    /// Lists an archive's members.
    pub(super) fn open(path: &Path, budget: &Budget) -> Result<Self, OpenError> {
        let at = path.display().to_string();
        let mut file = File::open(path).map_err(|source| io_error(path, source))?;
        let metadata = file.metadata().map_err(|source| io_error(path, source))?;
        let mut start = [0; MAGIC];
        let read = read_start(&mut file, &mut start).map_err(|source| io_error(path, source))?;
        let codec = Codec::of(start.get(..read).unwrap_or_default());
        let found = if codec == Codec::Plain {
            list(BufReader::with_capacity(8 << 10, clone(&file, path)?), budget)
        } else {
            let mut nothing = io::sink();
            through_codec(&file, codec, budget, &mut nothing)
        };
        let (members, ended) = found.map_err(|source| io_error(path, source))?;
        if let Err(error) = ended {
            let names_image = ["manifest.json", "oci-layout"]
                .iter()
                .any(|name| members.contains_key(&TreePath::from(*name)));
            if members.is_empty() {
                let problem = format!(
                    "is no archive that we read (a tar: plain, gzip, zstd, xz or bzip2): {error}"
                );
                return Err(OpenError::NotThisKind { at, problem });
            }
            if names_image {
                return Err(OpenError::Archive { at, problem: error.to_string() });
            }
        }
        let original = clone(&file, path)?;
        let opened = FileIdentity::of(&metadata);
        let mut archive = Self { at, file, original, opened, members };
        let is_image =
            ["manifest.json", "oci-layout"].iter().any(|name| archive.has(&TreePath::from(*name)));
        if is_image && codec != Codec::Plain {
            archive.unpack_to_temporary(path, codec, budget)?;
        }
        Ok(archive)
    }

    fn unpack_to_temporary(
        &mut self,
        path: &Path,
        codec: Codec,
        budget: &Budget,
    ) -> Result<(), OpenError> {
        let mut temporary = spool_file().map_err(|source| io_error(path, source))?;
        self.file.rewind().map_err(|source| io_error(path, source))?;
        let found = through_codec(&self.file, codec, budget, &mut temporary);
        let (members, ended) = found.map_err(|source| io_error(path, source))?;
        ended.map_err(|error| OpenError::Archive {
            at: self.at.clone(),
            problem: error.to_string(),
        })?;
        (self.members, self.file) = (members, temporary);
        Ok(())
    }

    /// Whether there is a member of this name.
    pub(super) fn has(&self, name: &TreePath) -> bool {
        self.members.contains_key(name)
    }

    /// Where a member's bytes are: offset and size.
    pub(super) fn find(&self, name: &TreePath) -> Result<(u64, u64), OpenError> {
        let mut name = name.clone();
        for _ in 0..MAX_HOPS {
            match self.members.get(&name) {
                Some(Member::File { offset, size }) => return Ok((*offset, *size)),
                Some(Member::Link(target)) => name = target.clone(),
                Some(Member::Unclear) => {
                    let problem = format!("`{}` stands in it twice", name.display());
                    return Err(OpenError::Ambiguous { at: self.at.clone(), problem });
                }
                None => break,
            }
        }
        Err(OpenError::Missing { at: self.at.clone(), missing: format!("`{}`", name.display()) })
    }

    /// Where a member's bytes are in the file itself, unless that changed since it was opened.
    pub(super) fn place(&self, name: &TreePath) -> Option<FilePlace> {
        let now = FileIdentity::of(&self.original.metadata().ok()?);
        let (offset, length) = self.find(name).ok()?;
        (now == self.opened).then_some(FilePlace { file: now, offset, length })
    }

    /// A whole member in memory.
    pub(super) fn document(&self, name: &TreePath, budget: &Budget) -> Result<Vec<u8>, OpenError> {
        let (offset, size) = self.find(name)?;
        let at = format!("{}: {}", self.at, name.display());
        let limit = budget.max_document_bytes as u64;
        if size > limit {
            let source = crate::document::DocumentError::TooLarge { what: "document", size, limit };
            return Err(OpenError::Document { at, source });
        }
        let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
        self.file
            .read_exact_at(&mut bytes, offset)
            .map_err(|source| OpenError::Io { at, source })?;
        Ok(bytes)
    }

    /// A reader over a member that shares nothing with other readers.
    pub(super) fn reader(&self, name: &TreePath) -> Result<impl Read + '_, OpenError> {
        let (offset, size) = self.find(name)?;
        Ok(Range { file: &self.file, offset, end: offset.saturating_add(size) })
    }
}

/// A part of a file, read at positions.
struct Range<'f> {
    file: &'f File,
    offset: u64,
    end: u64,
}

impl Read for Range<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.offset).unwrap_or(usize::MAX);
        let length = left.min(buffer.len());
        let Some(buffer) = buffer.get_mut(..length).filter(|buffer| !buffer.is_empty()) else {
            return Ok(0);
        };
        let count = self.file.read_at(buffer, self.offset)?;
        if count == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the archive is cut off"));
        }
        self.offset += count as u64;
        Ok(count)
    }
}

type Listed = (BTreeMap<TreePath, Member>, Result<(), TarError>);

/// Lists the members of an archive; what was found before an error is kept.
fn list(input: impl Input, budget: &Budget) -> io::Result<Listed> {
    let mut reader = Reader::new(input, budget);
    let mut members = BTreeMap::new();
    loop {
        let meta = match reader.next_entry() {
            Ok(Some(meta)) => meta,
            Ok(None) => return Ok((members, Ok(()))),
            Err(error) => return Ok((members, Err(error))),
        };
        let member = match (meta.kind, meta.link) {
            (EntryKind::File, _) => match reader.data_offset() {
                Some(offset) => Member::File { offset, size: meta.size },
                None => Member::Unclear,
            },
            (EntryKind::Symlink, Some(target)) => {
                let parent = meta.path.parent().unwrap_or_default();
                Member::Link(parent.join(&target))
            }
            (EntryKind::Hardlink, Some(target)) => Member::Link(TreePath::clean(&target)),
            _ => continue,
        };
        if let Some(existing) = members.get_mut(&meta.path) {
            *existing = Member::Unclear;
        } else if members.len() < MAX_MEMBERS || is_of_image(&meta.path) {
            // Archives of images do not have so many members: the rest is a root file system's.
            members.insert(meta.path, member);
        }
    }
}

fn is_of_image(path: &TreePath) -> bool {
    ["manifest.json", "oci-layout", "index.json"].iter().any(|name| *path == TreePath::from(*name))
}

/// Lists the members of a compressed archive and copies what it unpacks to into `copy`.
fn through_codec(
    file: &File,
    codec: Codec,
    budget: &Budget,
    copy: &mut dyn io::Write,
) -> io::Result<Listed> {
    let (compressed, used) = (Cell::new(0), Cell::new(0));
    // What it unpacks to is counted again when its layers are read.
    let budget = &budget.for_image();
    let guard = CompressedGuard::new(&compressed, u64::MAX, budget);
    let blob = Stream::new(BufReader::with_capacity(BUFFER, file), guard, false);
    let decoder = unpack(codec, blob, &used, budget)?;
    let guard = UnpackedGuard::new(codec.basis(&compressed, &used), budget);
    let tee = BufReader::with_capacity(BUFFER, Tee { inner: decoder, copy });
    let mut unpacked = Stream::new(tee, guard, false);
    let listed = list(&mut unpacked, budget)?;
    Ok(match unpacked.take_failure() {
        Some(error) => (listed.0, Err(TarError::Io(error))),
        None => listed,
    })
}

/// Copies what is read through it.
struct Tee<'c, R> {
    inner: R,
    copy: &'c mut dyn io::Write,
}

impl<R: Read> Read for Tee<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.copy.write_all(buffer.get(..count).unwrap_or_default())?;
        Ok(count)
    }
}

fn read_start(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest)? {
            0 => break,
            count => filled += count,
        }
    }
    file.rewind()?;
    Ok(filled)
}

fn clone(file: &File, path: &Path) -> Result<File, OpenError> {
    file.try_clone().map_err(|source| io_error(path, source))
}
