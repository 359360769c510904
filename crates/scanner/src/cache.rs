//! What is known of layers and images that were read before.
//!
//! In: a folder, the detectors' versions, the limits that things are read within; then a layer's digest, or all that an image
//! is made of. Out: the layer's [`LayerFacts`], or the image's [`KnownImage`]. Odd: an entry is written only under digests that
//! we computed over the bytes that we read, atomically, and is checked when it is read back; a damaged or foreign entry
//! counts as absent. The folder may be deleted at any time. Facts hold parts of image files (password databases for the
//! checks among them), so the folder is readable by its owner alone. A process that may not touch files reads and writes its
//! entries through another one ([`EntryStore`]).

mod key_file;
pub(crate) mod local_file;
mod shared;
mod stored;
mod wire;

use std::{
    fs, io,
    io::Read,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use plimsoll_image::{Budget, FilePlace};
use plimsoll_inspect::{FingerprintKey, Inspection, LayerFacts};
use plimsoll_model::{Digest, Gap, Timestamp};
use ring::digest::SHA256;

use local_file::Hashed;
pub use shared::SharedEntries;
use wire::{Counted, Reader, Wire, fields};

/// Raised whenever what stands in entries changes.
const FORMAT: u8 = 11;

/// What every entry begins with; the format's number and what the entry holds follow.
const MAGIC: [u8; 6] = *b"plmsl\0";

/// Most bytes that one entry may unpack to, and most memory that it may take: a damaged or forged file must not fill it.
const MAX_ENTRY_BYTES: u32 = 512 << 20;

/// How many bytes the folder may hold before the oldest entries go.
const DEFAULT_MAX_BYTES: u64 = 4 << 30;

/// Hands entries to and from where they lie, for a process that may not open files itself.
pub trait EntryStore: Send + Sync + std::fmt::Debug {
    /// The bytes of a layer's entry, if there is one.
    fn open(&self, digest: &Digest) -> Option<Box<dyn Read>>;

    /// Keeps the bytes of a layer's entry.
    ///
    /// # Errors
    /// It cannot be kept; a scan goes on without.
    fn keep(&self, digest: &Digest, entry: &[u8]) -> io::Result<()>;
}

/// The facts of layers that were read before.
#[derive(Debug, Clone)]
pub struct LayerCache {
    place: Place,
    fingerprints: Option<FingerprintKey>,
}

#[derive(Debug, Clone)]
enum Place {
    Folder(Folder),
    Elsewhere(Arc<dyn EntryStore>),
}

#[derive(Debug, Clone)]
struct Folder {
    path: PathBuf,
    /// What things are read by and within, but for the rules for malicious files.
    terms: String,
    readers: String,
    max_bytes: u64,
    shared: Option<Arc<dyn SharedEntries>>,
}

/// What an image is, apart from the day and the feed.
#[derive(Clone, PartialEq, Debug)]
pub struct KnownImage {
    /// What is in it.
    pub inspection: Inspection,
    /// What reading its layers left open.
    pub gaps: Vec<Gap>,
}

fields!(KnownImage { inspection, gaps });

/// What an entry holds.
#[derive(Clone, Copy)]
enum Holds {
    Layer = 1,
    Image = 2,
    File = 3,
}

impl LayerCache {
    /// Opens the folder and makes it if it is missing. What was read within other limits than `budget` counts as absent.
    ///
    /// # Errors
    /// Those of the file system; a damaged key, which must be removed by hand.
    pub fn open(folder: &Path, budget: &Budget) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        restrict(folder)?;
        let key = key_file::key(folder)?;
        let terms = terms(budget, &key);
        let place = Place::Folder(Folder {
            path: folder.to_owned(),
            readers: readers_key(&terms, ""),
            terms,
            max_bytes: DEFAULT_MAX_BYTES,
            shared: None,
        });
        Ok(Self { place, fingerprints: Some(key) })
    }

    /// The key of a folder's fingerprints as 64 hex digits, made if the folder has none: to be kept as the secret that it is.
    ///
    /// # Errors
    /// Those of the file system; a damaged key.
    pub fn key_of(folder: &Path) -> io::Result<String> {
        fs::create_dir_all(folder)?;
        restrict(folder)?;
        let key = key_file::key(folder)?;
        Ok(key.bytes().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Gives a folder the key that others have, too; what it holds under another one counts as absent.
    ///
    /// # Errors
    /// Those of the file system; a text that is no key.
    pub fn take_key(folder: &Path, key: &str) -> io::Result<()> {
        // A digest's parser knows how to read 64 hex digits.
        let digest = format!("sha256:{key}").parse::<Digest>();
        let key = digest.map_err(|_error| io::Error::other("the key is not 64 hex digits"))?;
        key_file::replace(folder, &FingerprintKey::new(*key.as_bytes()))
    }

    /// The same folder, of what was read with these rules for malicious files; their version names them. Whoever keeps the
    /// entries for another process chooses them.
    #[must_use]
    pub fn for_rules(&self, version: &str) -> Self {
        let place = match &self.place {
            Place::Folder(folder) => Place::Folder(Folder {
                readers: readers_key(&folder.terms, version),
                ..folder.clone()
            }),
            Place::Elsewhere(entries) => Place::Elsewhere(Arc::clone(entries)),
        };
        Self { place, fingerprints: self.fingerprints.clone() }
    }

    /// The same folder, which asks others for what it does not have, and tells them what it learns. Names of entries say by which
    /// detectors, rules, limits and key they were made, so that only machines that agree on these share them.
    #[must_use]
    pub fn shared_with(self, shared: Arc<dyn SharedEntries>) -> Self {
        let place = match self.place {
            Place::Folder(folder) => Place::Folder(Folder { shared: Some(shared), ..folder }),
            elsewhere @ Place::Elsewhere(_) => elsewhere,
        };
        Self { place, ..self }
    }

    /// A cache whose entries somebody else reads and writes, under that one's key.
    #[must_use]
    pub fn elsewhere(entries: Arc<dyn EntryStore>, fingerprints: Option<FingerprintKey>) -> Self {
        Self { place: Place::Elsewhere(entries), fingerprints }
    }

    /// The key under which secrets in layers get their fingerprints.
    #[must_use]
    pub const fn fingerprints(&self) -> Option<&FingerprintKey> {
        self.fingerprints.as_ref()
    }

    /// The facts of the layer with that blob digest, if these detectors have read it before.
    #[must_use]
    pub fn get(&self, digest: &Digest) -> Option<LayerFacts> {
        let facts: LayerFacts = self.read(digest, Holds::Layer)?;
        (facts.entries.computed_digest == Some(*digest)).then_some(facts)
    }

    /// Whether there is an entry for a layer; it may be damaged.
    #[must_use]
    pub fn has(&self, digest: &Digest) -> bool {
        self.open_entry(digest).is_some()
    }

    /// Keeps facts under the digest that was computed while they were read; facts without one are not kept.
    ///
    /// # Errors
    /// Those of the file system. A scan goes on without: the cache only saves time.
    pub fn put(&self, facts: &LayerFacts) -> io::Result<()> {
        let Some(digest) = facts.entries.computed_digest else { return Ok(()) };
        self.write(&digest, Holds::Layer, facts)
    }

    /// What is known of an image; `key` is a digest of all that it depends on, its layers' bytes among them.
    #[must_use]
    pub fn image(&self, key: &Digest) -> Option<KnownImage> {
        self.read(key, Holds::Image)
    }

    /// Keeps what an image is.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn put_image(&self, key: &Digest, image: &KnownImage) -> io::Result<()> {
        self.write(key, Holds::Image, image)
    }

    /// The digest of a part of a file, if the file is the very same as when it was last hashed.
    #[must_use]
    pub fn hashed(&self, place: &FilePlace) -> Option<Digest> {
        let hashed: Hashed = self.read(&local_file::key(place), Holds::File)?;
        (hashed.place == *place).then_some(hashed.digest)
    }

    /// Keeps the digest that was computed over a part of a file, after `now`. A file that changed a moment ago is not
    /// trusted: it could change again without its times showing it.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn put_hashed(&self, place: &FilePlace, digest: Digest, now: Timestamp) -> io::Result<()> {
        if !local_file::is_settled(place, now) {
            return Ok(());
        }
        let hashed = Hashed { place: *place, digest };
        self.write(&local_file::key(place), Holds::File, &hashed)
    }

    fn read<T: Wire>(&self, digest: &Digest, holds: Holds) -> Option<T> {
        unpack_entry(&mut *self.open_entry(digest)?, holds)
    }

    fn write<T: Wire>(&self, digest: &Digest, holds: Holds, value: &T) -> io::Result<()> {
        let entry = pack_entry(value, holds)?;
        match &self.place {
            Place::Folder(_) => self.keep_entry(digest, &mut entry.as_slice()),
            Place::Elsewhere(entries) => entries.keep(digest, &entry),
        }
    }

    /// The bytes of an entry as they lie; nothing about them is checked.
    #[must_use]
    pub fn open_entry(&self, digest: &Digest) -> Option<Box<dyn Read>> {
        match &self.place {
            Place::Folder(folder) => Some(Box::new(folder.entry(digest)?)),
            Place::Elsewhere(entries) => entries.open(digest),
        }
    }

    /// The file of an entry, to be handed to another process; `None` where there is none, or no file.
    #[must_use]
    pub fn entry_file(&self, digest: &Digest) -> Option<fs::File> {
        match &self.place {
            Place::Folder(folder) => folder.entry(digest),
            Place::Elsewhere(_) => None,
        }
    }

    /// Keeps the bytes of an entry as they come; [`get`](Self::get) checks them.
    ///
    /// # Errors
    /// Those of the file system and of `entry`.
    pub fn keep_entry(&self, digest: &Digest, entry: &mut dyn Read) -> io::Result<()> {
        match &self.place {
            Place::Folder(folder) => folder.keep(digest, entry),
            Place::Elsewhere(entries) => {
                let mut bytes = Vec::new();
                entry.take(MAX_ENTRY_BYTES.into()).read_to_end(&mut bytes)?;
                entries.keep(digest, &bytes)
            }
        }
    }

    /// Removes the oldest entries until the folder is within its bound; called after a scan, and now and then by servers.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn prune(&self) -> io::Result<()> {
        match &self.place {
            Place::Folder(folder) => folder.prune(),
            Place::Elsewhere(_) => Ok(()),
        }
    }
}

impl Folder {
    /// The entry's file; one that only others have is kept here first.
    fn entry(&self, digest: &Digest) -> Option<fs::File> {
        if let Ok(file) = fs::File::open(self.place(digest)) {
            return Some(file);
        }
        let entry = self.shared.as_ref()?.fetch(&self.name(digest))?;
        // What is no entry of ours would be asked for again and again.
        if !entry.starts_with(&MAGIC) || entry.len() > usize::try_from(MAX_ENTRY_BYTES).ok()? {
            return None;
        }
        self.keep_here(digest, &mut entry.as_slice()).ok()?;
        fs::File::open(self.place(digest)).ok()
    }

    /// Keeps an entry here and, if it is not about a file of this machine, for others.
    fn keep(&self, digest: &Digest, entry: &mut dyn Read) -> io::Result<()> {
        self.keep_here(digest, entry)?;
        let Some(shared) = &self.shared else { return Ok(()) };
        let kept = fs::read(self.place(digest))?;
        if kept.get(MAGIC.len() + 1) != Some(&(Holds::File as u8)) {
            shared.keep(&self.name(digest), kept);
        }
        Ok(())
    }

    /// Writes beside the entry's place and renames, so that nobody sees half an entry.
    fn keep_here(&self, digest: &Digest, entry: &mut dyn Read) -> io::Result<()> {
        let place = self.place(digest);
        let Some(parent) = place.parent() else { return Ok(()) };
        fs::create_dir_all(parent)?;
        static WRITES: AtomicU64 = AtomicU64::new(0);
        let (process, write) = (std::process::id(), WRITES.fetch_add(1, Ordering::Relaxed));
        let temporary = parent.join(format!(".{}.{process}.{write}", digest.hex()));
        let mut file = create_private(&temporary)?;
        if let Err(error) = io::copy(entry, &mut file) {
            fs::remove_file(&temporary)?;
            return Err(error);
        }
        fs::rename(&temporary, &place)
    }

    fn prune(&self) -> io::Result<()> {
        let mut entries = Vec::new();
        for folder in fs::read_dir(&self.path)? {
            let folder = folder?.path();
            if !folder.is_dir() {
                continue;
            }
            for entry in fs::read_dir(folder)? {
                let entry = entry?;
                let metadata = entry.metadata()?;
                entries.push((metadata.modified()?, metadata.len(), entry.path()));
            }
        }
        entries.sort();
        let mut total: u64 = entries.iter().map(|(_, length, _)| length).sum();
        for (_, length, path) in entries {
            if total <= self.max_bytes {
                break;
            }
            fs::remove_file(path)?;
            total = total.saturating_sub(length);
        }
        Ok(())
    }

    fn place(&self, digest: &Digest) -> PathBuf {
        self.path.join(self.name(digest))
    }

    /// Where the entry is below the folder: `ab/abcd….0123456789abcdef`.
    fn name(&self, digest: &Digest) -> String {
        let hex = digest.hex();
        let shard: String = hex.chars().take(2).collect();
        format!("{shard}/{hex}.{}", self.readers)
    }
}

/// An entry: the head, the length of what it unpacks to, and that packed, with a checksum in it.
fn pack_entry<T: Wire>(value: &T, holds: Holds) -> io::Result<Vec<u8>> {
    let head = [&MAGIC[..], &[FORMAT, holds as u8]].concat();
    let length_at = head.len()..head.len() + size_of::<u32>();
    let mut packer = zstd::Encoder::new([&head[..], &[0; size_of::<u32>()]].concat(), 1)?;
    packer.include_checksum(true)?;
    // Packed as it is written: a giant's entries are not there twice.
    let mut counted = Counted::new(packer);
    value.write(&mut counted);
    let (length, packer) = counted.finish()?;
    let length = u32::try_from(length).ok().filter(|length| *length <= MAX_ENTRY_BYTES);
    let length = length.ok_or_else(|| io::Error::other("too large to be kept"))?;
    let mut entry = packer.finish()?;
    if let Some(place) = entry.get_mut(length_at) {
        place.copy_from_slice(&length.to_le_bytes());
    }
    Ok(entry)
}

fn unpack_entry<T: Wire>(entry: &mut dyn Read, holds: Holds) -> Option<T> {
    let mut bytes = Vec::new();
    entry.take(MAX_ENTRY_BYTES.into()).read_to_end(&mut bytes).ok()?;
    let rest = bytes.strip_prefix(&MAGIC)?.strip_prefix(&[FORMAT, holds as u8])?;
    let (length, packed) = rest.split_first_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let limit = usize::try_from(MAX_ENTRY_BYTES).ok().filter(|limit| length <= *limit)?;
    let unpacked = zstd::bulk::decompress(packed, length).ok()?;
    if unpacked.len() != length {
        return None;
    }
    let mut reader = Reader::new(&unpacked, limit);
    let value = T::read(&mut reader)?;
    reader.rest.is_empty().then_some(value)
}

/// All that decides what is learnt of the same bytes: the detectors with their versions, the key of fingerprints, the limits,
/// and this file's own format.
fn terms(budget: &Budget, key: &FingerprintKey) -> String {
    let budget = serde_json::to_string(budget).unwrap_or_default();
    format!("{FORMAT} {} {} {budget}", plimsoll_inspect::detectors_version(), key.name())
}

/// A short name of the terms and the rules.
fn readers_key(terms: &str, rules: &str) -> String {
    let digest = ring::digest::digest(&SHA256, format!("{terms} {rules}").as_bytes());
    digest.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// A file that nobody else may read, not even where a copy of it goes.
fn create_private(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(unix)]
fn restrict(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn restrict(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use plimsoll_image::LayerEntries;

    use super::*;

    #[test]
    fn what_is_kept_of_a_layer_is_its_owner_s_alone() {
        let folder = tempfile::tempdir().unwrap();
        let cache = LayerCache::open(&folder.path().join("layers"), &Budget::default()).unwrap();
        let digest = Digest::from_bytes([7; 32]);
        let entries = LayerEntries { computed_digest: Some(digest), ..LayerEntries::default() };
        cache.put(&LayerFacts { entries, ..LayerFacts::default() }).unwrap();
        assert!(cache.get(&digest).is_some());
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let Place::Folder(folder) = &cache.place else { panic!("a folder") };
        assert_eq!((mode(&folder.place(&digest)), mode(&folder.path)), (0o600, 0o700));
    }

    #[test]
    fn what_other_rules_found_counts_as_absent() {
        let folder = tempfile::tempdir().unwrap();
        let cache = LayerCache::open(&folder.path().join("layers"), &Budget::default()).unwrap();
        let digest = Digest::from_bytes([7; 32]);
        let entries = LayerEntries { computed_digest: Some(digest), ..LayerEntries::default() };
        let facts = LayerFacts { entries, ..LayerFacts::default() };
        cache.for_rules("one").put(&facts).unwrap();
        assert!(cache.for_rules("one").has(&digest));
        assert!(!cache.for_rules("other").has(&digest) && !cache.has(&digest));
    }

    #[test]
    fn the_oldest_entries_go_first_and_no_more_than_needed() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Folder {
            path: folder.path().to_owned(),
            terms: String::new(),
            readers: readers_key("", ""),
            max_bytes: 20,
            shared: None,
        };
        let shard = folder.path().join("ab");
        fs::create_dir(&shard).unwrap();
        let start = fs::metadata(&shard).unwrap().modified().unwrap();
        for (name, age) in [("old", 300), ("older", 600), ("new", 0)] {
            fs::write(shard.join(name), [0; 10]).unwrap();
            let file = fs::File::options().write(true).open(shard.join(name)).unwrap();
            file.set_modified(start - std::time::Duration::from_secs(age)).unwrap();
        }
        cache.prune().unwrap();
        let left = |name: &str| shard.join(name).exists();
        assert_eq!((left("older"), left("old"), left("new")), (false, true, true));
    }
}
