//! From paths to documents: folders are walked, archives and compressed files unpacked, feeds told apart by looking.
//!
//! In: paths. Out: documents, in a fixed order, each with the feed that recognised it. Source: osv.dev's layout
//! (`<Ecosystem>/all.zip`, members `<ID>.json` at the top). Odd: a file in a folder that is no feed is skipped and named; the
//! same file given by itself is an error; a file that looks like JSON but does not parse is an error in both cases, since
//! nobody can tell what was lost.

use std::{
    fs::{self, File},
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
};

use super::{Document, Feed, FeedError, feeds};

/// Largest document after unpacking.
pub(crate) const MAX_DOCUMENT_BYTES: u64 = 1 << 30;
/// Largest single record of an archive after unpacking. The largest real one has less than 1 MiB.
pub(crate) const MAX_MEMBER_BYTES: u64 = 64 << 20;
/// Deepest folder that is walked.
const MAX_DEPTH: usize = 16;

/// A file to read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Input {
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
    /// Named by the user, not found in a folder.
    pub(crate) is_named: bool,
}

/// Lists the files under the paths, in byte order of their paths.
pub(crate) fn find(paths: &[PathBuf]) -> Result<Vec<Input>, FeedError> {
    let mut inputs = Vec::new();
    for path in paths {
        walk(path, true, 0, &mut inputs)?;
    }
    inputs.sort();
    inputs.dedup_by(|a, b| a.path == b.path);
    Ok(inputs)
}

fn walk(
    path: &Path,
    is_named: bool,
    depth: usize,
    inputs: &mut Vec<Input>,
) -> Result<(), FeedError> {
    let read = |source| FeedError::Read { path: path.to_owned(), source };
    let about = fs::metadata(path).map_err(read)?;
    if about.is_file() {
        inputs.push(Input { path: path.to_owned(), bytes: about.len(), is_named });
        return Ok(());
    }
    if !about.is_dir() {
        return Err(read(io::Error::other("it is neither a file nor a folder")));
    }
    if depth >= MAX_DEPTH {
        return Err(read(io::Error::other("it lies more than 16 folders deep")));
    }
    for entry in fs::read_dir(path).map_err(read)? {
        let entry = entry.map_err(read)?;
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        // A link to a folder may lead round in a circle; links to files are fine.
        let is_link_to_folder =
            entry.file_type().map_err(read)?.is_symlink() && entry.path().is_dir();
        if !is_hidden && !is_link_to_folder {
            walk(&entry.path(), false, depth + 1, inputs)?;
        }
    }
    Ok(())
}

/// One document on its way to its feed.
pub(crate) struct Unpacked {
    pub(crate) member: Option<String>,
    pub(crate) bytes: Vec<u8>,
}

/// Reads one input and hands over its documents one after the other.
///
/// `take` answers an error of its own to stop.
pub(crate) fn unpack(
    input: &Input,
    take: &mut dyn FnMut(Unpacked) -> Result<(), FeedError>,
) -> Result<(), FeedError> {
    let path = &input.path;
    let read = |source| FeedError::Read { path: path.clone(), source };
    let mut file = File::open(path).map_err(read)?;
    let mut magic = [0; 4];
    let mut filled = 0;
    while let Some(rest) = magic.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest).map_err(read)? {
            0 => break,
            count => filled += count,
        }
    }
    let file = File::open(path).map_err(read)?;
    match magic {
        [b'P', b'K', 3, 4] | [b'P', b'K', 5, 6] => unzip(path, file, take),
        [0x1f, 0x8b, ..] => {
            let reader = flate2::read::MultiGzDecoder::new(BufReader::new(file));
            take(whole(path, reader)?)
        }
        [0x28, 0xb5, 0x2f, 0xfd] => {
            let reader = zstd::stream::read::Decoder::new(file).map_err(read)?;
            take(whole(path, reader)?)
        }
        [0xfd, b'7', b'z', b'X'] => {
            take(whole(path, liblzma::bufread::XzDecoder::new_multi_decoder(BufReader::new(file)))?)
        }
        [b'B', b'Z', b'h', b'1'..=b'9'] => {
            take(whole(path, bzip2::bufread::MultiBzDecoder::new(BufReader::new(file)))?)
        }
        _ => take(whole(path, file)?),
    }
}

fn whole(path: &Path, reader: impl Read) -> Result<Unpacked, FeedError> {
    let mut bytes = Vec::new();
    match reader.take(MAX_DOCUMENT_BYTES + 1).read_to_end(&mut bytes) {
        Ok(_) if over(&bytes, MAX_DOCUMENT_BYTES) => {
            Err(corrupt(path, None, "it unpacks to more than 1 GiB"))
        }
        Ok(_) => Ok(Unpacked { member: None, bytes }),
        Err(error) => Err(corrupt(path, None, &format!("it is cut off or damaged: {error}"))),
    }
}

fn over(bytes: &[u8], limit: u64) -> bool {
    u64::try_from(bytes.len()).is_ok_and(|length| length > limit)
}

fn unzip(
    path: &Path,
    file: File,
    take: &mut dyn FnMut(Unpacked) -> Result<(), FeedError>,
) -> Result<(), FeedError> {
    // Members are small, so a large buffer would read most bytes several times.
    let mut archive = zip::ZipArchive::new(BufReader::with_capacity(4096, file))
        .map_err(|error| corrupt(path, None, &format!("it is no complete zip archive: {error}")))?;
    for place in 0..archive.len() {
        let wrong = |member: Option<String>, error: &dyn std::fmt::Display| {
            corrupt(path, member, &format!("it cannot be unpacked: {error}"))
        };
        let mut member = archive
            .by_index(place)
            .map_err(|error| wrong(Some(format!("number {place}")), &error))?;
        let name = String::from_utf8_lossy(member.name_raw()).into_owned();
        if !member.is_file() || !name.ends_with(".json") {
            continue;
        }
        let expected = member.size().min(MAX_MEMBER_BYTES);
        let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or_default());
        // Reading to the very end is what makes the reader check the member's CRC.
        let result = (&mut member).take(MAX_MEMBER_BYTES + 1).read_to_end(&mut bytes);
        drop(member);
        match result {
            Err(error) => return Err(wrong(Some(name), &error)),
            Ok(_) if over(&bytes, MAX_MEMBER_BYTES) => {
                return Err(wrong(Some(name), &"it has more than 64 MiB"));
            }
            Ok(_) => take(Unpacked { member: Some(name), bytes })?,
        }
    }
    Ok(())
}

/// The feed that recognises a document. Members of archives are OSV records unless they are plainly something else.
pub(crate) fn recognise(document: &Document<'_>, is_member: bool) -> Option<&'static dyn Feed> {
    let find =
        |wanted: &dyn Fn(&dyn Feed) -> bool| feeds().iter().copied().find(|feed| wanted(*feed));
    if is_member {
        find(&|feed| feed.is_in_archives() && feed.recognises(document))
            .or_else(|| find(&|feed| feed.id() == "osv"))
    } else {
        find(&|feed| feed.recognises(document))
    }
}

/// Whether a document that no feed recognised is broken JSON rather than something else.
pub(crate) fn broken_json(bytes: &[u8]) -> Option<String> {
    let looks_like_json = bytes.trim_ascii_start().first().is_some_and(|byte| b"{[".contains(byte));
    if !looks_like_json {
        return None;
    }
    serde_json::from_slice::<serde::de::IgnoredAny>(bytes).err().map(|error| error.to_string())
}

/// An error about a file.
pub(crate) fn corrupt(path: &Path, member: Option<String>, reason: &str) -> FeedError {
    FeedError::Corrupt { path: path.to_owned(), member, reason: reason.to_owned() }
}

/// Bytes without a UTF-8 byte order mark.
pub(crate) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}
