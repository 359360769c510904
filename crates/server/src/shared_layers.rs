//! What is known of layers, shared by machines: in a bucket, or in a folder that all of them see.
//!
//! In: where that is. Out: entries for the layer cache. Source: `docs/tasks.md`. Odd: a store that does not answer is not asked for a
//! minute, so that each layer does not wait for it; scans go on with what the machine knows itself.

use std::{
    fs, io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use plimsoll_registry::{Bucket, BucketError};
use plimsoll_scanner::SharedEntries;
use tokio::runtime::Handle;

use crate::{clock::Clock, operation::error_chain};

/// The largest entry: what a layer's facts take, packed.
const MAX_ENTRY_BYTES: u64 = 64 << 20;
/// How long a store is left alone that did not answer, in seconds.
const REST: i64 = 60;

/// Where entries are shared.
#[derive(Clone, Debug)]
pub enum SharedLayers {
    /// In a folder on a file system that several machines have.
    Folder(PathBuf),
    /// In a bucket of an S3-compatible store.
    Bucket(Arc<Bucket>),
}

/// The same, in use.
#[derive(Debug)]
pub(crate) struct Shared {
    place: SharedLayers,
    runtime: Handle,
    clock: Clock,
    /// Until when it is left alone.
    resting: AtomicI64,
}

/// Why an entry was not fetched or kept.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Bucket(#[from] BucketError),
    #[error("`{path}`")]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl Shared {
    /// Must be called inside a tokio runtime; entries are asked for outside, from threads that may wait.
    pub(crate) fn new(place: SharedLayers, clock: Clock) -> Self {
        Self { place, runtime: Handle::current(), clock, resting: AtomicI64::new(i64::MIN) }
    }

    fn try_fetch(&self, name: &str) -> Result<Option<Vec<u8>>, Failed> {
        match &self.place {
            SharedLayers::Folder(folder) => {
                let path = folder.join(name);
                match fs::metadata(&path) {
                    Ok(found) if found.len() > MAX_ENTRY_BYTES => Ok(None),
                    Ok(_) => {
                        let read = fs::read(&path);
                        read.map(Some).map_err(|source| Failed::File { path, source })
                    }
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                    Err(source) => Err(Failed::File { path, source }),
                }
            }
            SharedLayers::Bucket(bucket) => {
                let got = bucket.get(name, MAX_ENTRY_BYTES, self.clock.now());
                Ok(self.runtime.block_on(got)?)
            }
        }
    }

    fn try_keep(&self, name: &str, entry: Vec<u8>) -> Result<(), Failed> {
        match &self.place {
            SharedLayers::Folder(folder) => {
                let path = folder.join(name);
                write(&path, &entry).map_err(|source| Failed::File { path, source })
            }
            SharedLayers::Bucket(bucket) => {
                let put = bucket.put(name, entry, self.clock.now());
                Ok(self.runtime.block_on(put)?)
            }
        }
    }

    fn is_resting(&self) -> bool {
        let left = self.resting.load(Ordering::Relaxed).saturating_sub(self.clock.now().0);
        // A clock that was set back must not keep it away for longer.
        (1..=REST).contains(&left)
    }

    fn rest(&self, error: &Failed) {
        let until = self.clock.now().0.saturating_add(REST);
        self.resting.store(until, Ordering::Relaxed);
        tracing::warn!(
            error = error_chain(error),
            seconds = REST,
            "shared layers are not asked for a while"
        );
    }
}

impl SharedEntries for Shared {
    fn fetch(&self, name: &str) -> Option<Vec<u8>> {
        if self.is_resting() {
            return None;
        }
        match self.try_fetch(name) {
            Ok(entry) => entry,
            Err(error) => {
                self.rest(&error);
                None
            }
        }
    }

    fn keep(&self, name: &str, entry: Vec<u8>) {
        let is_too_large = u64::try_from(entry.len()).unwrap_or(u64::MAX) > MAX_ENTRY_BYTES;
        if is_too_large || self.is_resting() {
            return;
        }
        if let Err(error) = self.try_keep(name, entry) {
            self.rest(&error);
        }
    }
}

/// Writes beside the entry's place and renames, so that no machine sees half an entry.
fn write(path: &std::path::Path, entry: &[u8]) -> io::Result<()> {
    let parent = path.parent().ok_or_else(|| io::Error::other("no folder"))?;
    fs::create_dir_all(parent)?;
    let temporary = parent.join(format!(".{}", uuid::Uuid::new_v4().simple()));
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written =
        options.open(&temporary).and_then(|mut file| io::Write::write_all(&mut file, entry));
    let moved = written.and_then(|()| fs::rename(&temporary, path));
    if moved.is_err() {
        // What cannot be moved may not be removable either; the first error says why.
        let _removed = fs::remove_file(&temporary);
    }
    moved
}

#[cfg(test)]
mod tests;
