//! The file of a bundle: written, opened, verified, put in place.
//!
//! In: a path and trusted keys. Out: the snapshot that the bundle's maker had. Source: the head of `bundle`. Odd: the order of the
//! checks is that of trust: size, signature, version, base, payload's digest, content, the result's digest, and then all
//! that every import has to pass.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::Path,
};

use plimsoll_model::{Digest, Timestamp};

use super::{
    BundleError, BundleHeader, FORMAT, MAGIC,
    difference::{apply, difference},
    key::{PublicKey, SigningKey},
    rollback,
};
use crate::{
    import::{self, ImportSummary},
    snapshot::{
        self, Snapshot,
        content::{AssembleError, Content},
        layout::Damaged,
    },
};

const SIGNATURE_BYTES: usize = 64;
const HEAD_BYTES: usize = 16;
const MAX_HEADER_BYTES: u32 = 1 << 20;
/// Most bytes of a bundle and of its payload unpacked.
const MAX_PAYLOAD_BYTES: u64 = 256 << 20;
const MAX_UNPACKED_BYTES: u64 = 1 << 30;
/// Compression: the strongest that unpacks with 128 MiB.
const LEVEL: i32 = 19;
const WINDOW_LOG: u32 = 27;

/// How to take a bundle.
#[derive(Debug, Clone, Default)]
pub struct BundleImport<'a> {
    /// Keys whose bundles are taken.
    pub trusted: &'a [PublicKey],
    /// Take one that nobody signed.
    pub allow_unsigned: bool,
    /// Take one that is older than what is there.
    pub allow_older: bool,
}

/// Writes a bundle of `snapshot`, or of what it says beyond `base`.
///
/// # Errors
/// [`BundleError`]; `path` is then as it was.
pub fn write_bundle(
    snapshot: &Snapshot,
    base: Option<&Snapshot>,
    key: Option<&SigningKey>,
    made: Timestamp,
    path: &Path,
) -> Result<BundleHeader, BundleError> {
    let damaged = |Damaged(reason): Damaged| snapshot.damaged(reason);
    let new = content(snapshot)?;
    let old = base.map(content).transpose()?;
    let difference = difference(old.as_ref(), &new).map_err(damaged)?;
    let file_error = |source| BundleError::File { path: path.to_owned(), source };
    let payload = compress(&difference.payload).map_err(file_error)?;
    let state = snapshot.state();
    let length = |bytes: &[u8]| u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let header = BundleHeader {
        // Seconds grow by themselves, and two makers of one key need not agree on a counter.
        version: made.0.max(0).cast_unsigned(),
        made,
        base: base.map(|base| base.state().snapshot),
        snapshot: state.snapshot,
        snapshot_format: snapshot::layout::FORMAT,
        date: state.date,
        sources: state.sources,
        advisories: difference.advisories,
        removed: difference.removed,
        payload_bytes: length(&payload),
        payload: sha256(&payload),
        unpacked_bytes: length(&difference.payload),
        key: key.map(|key| key.public().id()),
    };
    let text = serde_json::to_vec(&header).map_err(|error| file_error(error.into()))?;
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&FORMAT.to_le_bytes());
    let size = u32::try_from(text.len()).ok().filter(|size| *size <= MAX_HEADER_BYTES);
    let size = size.ok_or_else(|| file_error(io::Error::other("its header has over 1 MiB")))?;
    bytes.extend_from_slice(&size.to_le_bytes());
    bytes.extend_from_slice(&text);
    let signature = key.map_or([0; SIGNATURE_BYTES], |key| key.sign(&bytes));
    bytes.extend_from_slice(&signature);
    bytes.extend_from_slice(&payload);
    import::put_in_place(path, &bytes)?;
    Ok(header)
}

/// Whether a file begins as bundles do.
#[must_use]
pub fn is_bundle(path: &Path) -> bool {
    let mut magic = [0; MAGIC.len()];
    File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && magic == MAGIC
}

/// What a bundle says about itself, unverified: to show, never to trust.
///
/// # Errors
/// [`BundleError`] if the file cannot be read or is no bundle.
pub fn header(path: &Path) -> Result<BundleHeader, BundleError> {
    Opened::read(path)?.header()
}

/// Verifies a bundle and puts its snapshot in place of `target`. `taken` is the file that remembers the newest version.
///
/// # Errors
/// [`BundleError`]; `target` is then as it was.
pub fn import_bundle(
    path: &Path,
    target: &Path,
    taken: &Path,
    options: &BundleImport<'_>,
) -> Result<ImportSummary, BundleError> {
    let mut opened = Opened::read(path)?;
    let header = opened.verified(options)?;
    if !options.allow_older {
        rollback::refuse(taken, &header, path)?;
    }
    let base = opened.base(&header, target)?;
    let bytes = opened.expand(&header, base.as_ref())?;
    let summary = import::install_bytes(&bytes, header.snapshot, target, options.allow_older)?;
    rollback::remember(taken, &header)?;
    Ok(summary)
}

/// Verifies a full bundle and writes its snapshot to `to`, for comparing with it.
///
/// # Errors
/// [`BundleError`]; a difference cannot be expanded alone.
pub fn expand(
    path: &Path,
    to: &Path,
    options: &BundleImport<'_>,
) -> Result<BundleHeader, BundleError> {
    let mut opened = Opened::read(path)?;
    let header = opened.verified(options)?;
    if let Some(wanted) = header.base {
        return Err(BundleError::Base { path: path.to_owned(), wanted, found: None });
    }
    let bytes = opened.expand(&header, None)?;
    import::put_in_place(to, &bytes)?;
    Ok(header)
}

/// A bundle up to its payload.
struct Opened<'a> {
    path: &'a Path,
    file: File,
    /// Everything that the signature covers.
    signed: Vec<u8>,
    signature: [u8; SIGNATURE_BYTES],
}

impl<'a> Opened<'a> {
    fn read(path: &'a Path) -> Result<Self, BundleError> {
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::UnexpectedEof => damaged(path, "it is cut off"),
            _ => BundleError::File { path: path.to_owned(), source },
        };
        let mut file = File::open(path).map_err(failed)?;
        let mut signed = vec![0; HEAD_BYTES];
        match file.read_exact(&mut signed) {
            Ok(()) if signed.starts_with(&MAGIC) => {}
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
                return Err(failed(error));
            }
            _ => return Err(BundleError::NotABundle { path: path.to_owned() }),
        }
        let number = |at| snapshot::layout::u32_at(&signed, at).unwrap_or_default();
        let (found, length) = (number(MAGIC.len()), number(MAGIC.len() + 4));
        if found != FORMAT {
            return Err(BundleError::Format {
                path: path.to_owned(),
                what: "format",
                found,
                expected: FORMAT,
            });
        }
        if length > MAX_HEADER_BYTES {
            return Err(damaged(path, "its header has more than 1 MiB"));
        }
        let length = u64::from(length);
        let read = (&mut file).take(length).read_to_end(&mut signed).map_err(failed)?;
        if u64::try_from(read) != Ok(length) {
            return Err(damaged(path, "it is cut off"));
        }
        let mut signature = [0; SIGNATURE_BYTES];
        file.read_exact(&mut signature).map_err(failed)?;
        Ok(Self { path, file, signed, signature })
    }

    fn header(&self) -> Result<BundleHeader, BundleError> {
        serde_json::from_slice(self.signed.get(HEAD_BYTES..).unwrap_or_default())
            .map_err(|error| damaged(self.path, &format!("its header: {error}")))
    }

    /// The header of a bundle that is signed by a trusted key, or by nobody where that is allowed.
    fn verified(&self, options: &BundleImport<'_>) -> Result<BundleHeader, BundleError> {
        let path = self.path.to_owned();
        let is_signed = self.signature != [0; SIGNATURE_BYTES];
        if is_signed {
            let by = options.trusted.iter().find(|key| key.verifies(&self.signed, &self.signature));
            let Some(by) = by else {
                // Which of the two it is only helps people; the header is not believed in either case.
                let named = self.header().ok().and_then(|header| header.key);
                let is_trusted =
                    |name: &String| options.trusted.iter().any(|key| key.id() == *name);
                return Err(match named.filter(|name| !is_trusted(name)) {
                    Some(key) => {
                        BundleError::Untrusted { path, key: key.chars().take(64).collect() }
                    }
                    None => BundleError::Signature { path },
                });
            };
            let header = self.header()?;
            if header.key != Some(by.id()) {
                return Err(damaged(self.path, "it names another key than the one that signed it"));
            }
            return self.readable(header);
        }
        if !options.allow_unsigned {
            return Err(BundleError::Unsigned { path });
        }
        let header = self.header()?;
        if header.key.is_some() {
            return Err(BundleError::Signature { path });
        }
        self.readable(header)
    }

    fn readable(&self, header: BundleHeader) -> Result<BundleHeader, BundleError> {
        if header.snapshot_format != snapshot::layout::FORMAT {
            return Err(BundleError::Format {
                path: self.path.to_owned(),
                what: "a snapshot of format",
                found: header.snapshot_format,
                expected: snapshot::layout::FORMAT,
            });
        }
        if header.payload_bytes > MAX_PAYLOAD_BYTES || header.unpacked_bytes > MAX_UNPACKED_BYTES {
            return Err(damaged(self.path, "it is larger than any bundle may be"));
        }
        Ok(header)
    }

    /// The snapshot in place, if the bundle continues it.
    fn base(&self, header: &BundleHeader, target: &Path) -> Result<Option<Snapshot>, BundleError> {
        let Some(wanted) = header.base else { return Ok(None) };
        let found = match Snapshot::open(target) {
            Ok(snapshot) => Some(snapshot),
            Err(error) if error.is_missing() => None,
            Err(error) => return Err(error.into()),
        };
        match found {
            Some(found) if found.state().snapshot == wanted && found.digest_is_right() => {
                Ok(Some(found))
            }
            found => Err(BundleError::Base {
                path: self.path.to_owned(),
                wanted,
                found: found.map(|found| found.state().snapshot),
            }),
        }
    }

    /// The snapshot's bytes.
    fn expand(
        &mut self,
        header: &BundleHeader,
        base: Option<&Snapshot>,
    ) -> Result<Vec<u8>, BundleError> {
        let path = self.path;
        let mut payload = Vec::new();
        let read = (&mut self.file).take(header.payload_bytes.saturating_add(1));
        { read }
            .read_to_end(&mut payload)
            .map_err(|source| BundleError::File { path: path.to_owned(), source })?;
        match u64::try_from(payload.len()).unwrap_or(u64::MAX).cmp(&header.payload_bytes) {
            std::cmp::Ordering::Less => return Err(damaged(path, "it is cut off")),
            std::cmp::Ordering::Greater => {
                return Err(damaged(path, "something follows its end"));
            }
            std::cmp::Ordering::Equal => {}
        }
        if sha256(&payload) != header.payload {
            return Err(damaged(path, "its payload's digest does not fit"));
        }
        let unpacked = decompress(&payload, header.unpacked_bytes)
            .map_err(|error| damaged(path, &error.to_string()))?;
        drop(payload);
        let wrong = |Damaged(reason): Damaged| damaged(path, reason);
        let base = base.map(content).transpose()?;
        let content = apply(base.as_ref(), &unpacked).map_err(wrong)?;
        let bytes = content.assemble().map_err(|error| match error {
            AssembleError::TooLarge => damaged(path, "its snapshot has more than 4 GiB"),
            AssembleError::Damaged(reason) => wrong(reason),
        })?;
        match snapshot::digest_of(&bytes) {
            Some(digest) if digest == header.snapshot => Ok(bytes),
            _ => Err(damaged(path, "what comes out is not the snapshot that it was made of")),
        }
    }
}

fn content(snapshot: &Snapshot) -> Result<Content<'_>, BundleError> {
    let state = snapshot.state();
    Content::of(&snapshot.reader(), state.date, state.starter)
        .map_err(|Damaged(reason)| snapshot.damaged(reason).into())
}

fn damaged(path: &Path, reason: &str) -> BundleError {
    BundleError::Damaged { path: path.to_owned(), reason: reason.to_owned() }
}

fn sha256(bytes: &[u8]) -> Digest {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    Digest::from_bytes(digest.as_ref().try_into().unwrap_or_default())
}

fn compress(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), LEVEL)?;
    encoder.long_distance_matching(true)?;
    encoder.window_log(WINDOW_LOG)?;
    encoder.include_contentsize(true)?;
    encoder.set_pledged_src_size(u64::try_from(bytes.len()).ok())?;
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn decompress(payload: &[u8], expected: u64) -> io::Result<Vec<u8>> {
    let mut decoder = zstd::stream::read::Decoder::new(payload)?;
    decoder.window_log_max(WINDOW_LOG)?;
    let mut bytes = Vec::new();
    decoder.take(expected.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()) == Ok(expected) {
        Ok(bytes)
    } else {
        Err(io::Error::other("it does not unpack to as much as it says"))
    }
}

/// Removes a file that may be missing.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
