//! The key under which an installation knows secrets again.
//!
//! In: the folder of the cache. Out: its key, made when there is none. Source:
//! `docs/decisions/0018-fingerprints-of-secrets-are-keyed.md`. Odd: it lies beside the facts that were made under it, and goes
//! with them; several processes that make it at once agree on one.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use plimsoll_inspect::FingerprintKey;
use ring::rand::{SecureRandom, SystemRandom};

use super::create_private;

const NAME: &str = "fingerprint.key";

/// The folder's key.
///
/// # Errors
/// Those of the file system; a file that is no key.
pub(super) fn key(folder: &Path) -> io::Result<FingerprintKey> {
    let path = folder.join(NAME);
    match read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(folder, &path),
        known => known,
    }
}

fn read(path: &Path) -> io::Result<FingerprintKey> {
    let bytes = fs::read(path)?;
    let bytes = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_length| {
        io::Error::other(format!(
            "`{}` is no key of 32 bytes: remove it, and another is made",
            path.display()
        ))
    })?;
    Ok(FingerprintKey::new(bytes))
}

/// Makes this the folder's key; nothing is written if it is.
///
/// # Errors
/// Those of the file system.
pub(super) fn replace(folder: &Path, key: &FingerprintKey) -> io::Result<()> {
    let path = folder.join(NAME);
    if read(&path).is_ok_and(|known| known == *key) {
        return Ok(());
    }
    let draft = draft(folder);
    let mut file = create_private(&draft)?;
    file.write_all(key.bytes())?;
    file.sync_all()?;
    fs::rename(&draft, &path)
}

/// A name beside the key's that nobody else takes.
fn draft(folder: &Path) -> PathBuf {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    folder.join(format!(".{NAME}.{}.{number}", std::process::id()))
}

/// Written beside its place and linked there, so that the first of several wins and nobody sees half a key.
fn make(folder: &Path, path: &Path) -> io::Result<FingerprintKey> {
    let mut bytes = [0; 32];
    let random = SystemRandom::new().fill(&mut bytes);
    random.map_err(|_unspecified| io::Error::other("the system gives no random bytes"))?;
    let temporary = draft(folder);
    let mut file = create_private(&temporary)?;
    let written = file.write_all(&bytes).and_then(|()| file.sync_all());
    let linked = written.and_then(|()| fs::hard_link(&temporary, path));
    fs::remove_file(&temporary)?;
    match linked {
        Ok(()) => Ok(FingerprintKey::new(bytes)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => read(path),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_keeps_its_key_and_a_damaged_one_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let first = key(folder.path()).unwrap();
        assert_eq!(key(folder.path()).unwrap(), first);
        let other = tempfile::tempdir().unwrap();
        assert_ne!(key(other.path()).unwrap(), first);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let agreed = key(other.path()).unwrap();
        replace(folder.path(), &agreed).unwrap();
        replace(folder.path(), &agreed).unwrap();
        assert_eq!(key(folder.path()).unwrap(), agreed);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft stays");
        fs::write(folder.path().join(NAME), b"short").unwrap();
        let error = key(folder.path()).unwrap_err().to_string();
        assert!(error.contains("is no key of 32 bytes: remove it"), "{error}");
    }
}
