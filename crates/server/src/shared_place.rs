//! A place that machines have in common: a bucket, or a folder that all of them see.
//!
//! In: where that is. Out: objects, by name, whole. Source: `docs/store.md`. Odd: an object appears in a folder by a rename, so that no
//! machine sees half of one; all calls wait, and are made from threads that may.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use plimsoll_registry::{Bucket, BucketError};
use tokio::runtime::Handle;

use crate::clock::Clock;

/// Where objects are shared.
#[derive(Clone, Debug)]
pub enum SharedPlace {
    /// In a folder on a file system that several machines have.
    Folder(PathBuf),
    /// In a bucket of an S3-compatible store.
    Bucket(Arc<Bucket>),
}

/// The same, in use.
#[derive(Clone, Debug)]
pub(crate) struct Objects {
    place: SharedPlace,
    runtime: Handle,
    clock: Clock,
}

/// Why an object was not fetched or kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ObjectError {
    #[error(transparent)]
    Bucket(#[from] BucketError),
    #[error("`{path}`")]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl Objects {
    /// Must be called inside a tokio runtime; objects are asked for outside, from threads that may wait.
    pub(crate) fn new(place: SharedPlace, clock: Clock) -> Self {
        Self { place, runtime: Handle::current(), clock }
    }

    /// An object's bytes; `None`: there is none, or in a folder a larger one than `limit`, which a bucket refuses as an error.
    pub(crate) fn get(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, ObjectError> {
        match &self.place {
            SharedPlace::Folder(folder) => {
                let path = folder.join(name);
                match fs::metadata(&path) {
                    Ok(found) if found.len() > limit => Ok(None),
                    Ok(_) => {
                        let read = fs::read(&path);
                        read.map(Some).map_err(|source| ObjectError::File { path, source })
                    }
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                    Err(source) => Err(ObjectError::File { path, source }),
                }
            }
            SharedPlace::Bucket(bucket) => {
                let got = bucket.get(name, limit, self.clock.now());
                Ok(self.runtime.block_on(got)?)
            }
        }
    }

    /// Keeps an object, or replaces it.
    pub(crate) fn put(&self, name: &str, object: Vec<u8>) -> Result<(), ObjectError> {
        match &self.place {
            SharedPlace::Folder(folder) => {
                let path = folder.join(name);
                write(&path, &object).map_err(|source| ObjectError::File { path, source })
            }
            SharedPlace::Bucket(bucket) => {
                let put = bucket.put(name, object, self.clock.now());
                Ok(self.runtime.block_on(put)?)
            }
        }
    }
}

/// Writes beside the object's place and renames.
fn write(path: &Path, object: &[u8]) -> io::Result<()> {
    let parent = path.parent().ok_or_else(|| io::Error::other("no folder"))?;
    fs::create_dir_all(parent)?;
    let temporary = parent.join(format!(".{}", uuid::Uuid::new_v4().simple()));
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written =
        options.open(&temporary).and_then(|mut file| io::Write::write_all(&mut file, object));
    let moved = written.and_then(|()| fs::rename(&temporary, path));
    if moved.is_err() {
        // What cannot be moved may not be removable either; the first error says why.
        let _removed = fs::remove_file(&temporary);
    }
    moved
}
