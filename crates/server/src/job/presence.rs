//! Which processes work on a data directory.
//!
//! In: the data directory. Out: this process's name, and the names of processes that died. Source: `flock(2)`: a lock
//! ends with its process, however that ends. Odd: each process locks a file named after it; whoever can lock another's
//! file knows that its owner is dead. A process that is only stopped keeps its lock.

use std::{
    fs::{self, File},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use crate::serve::ServeError;

/// This process, shown to others until it ends.
#[derive(Debug)]
pub(crate) struct Presence {
    folder: PathBuf,
    name: String,
    lock: File,
}

impl Presence {
    /// Shows this process under a name of its own.
    pub(crate) fn show(data_dir: &Path) -> Result<Self, ServeError> {
        let folder = data_dir.join("processes");
        let name = uuid::Uuid::new_v4().simple().to_string();
        let path = folder.join(&name);
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
        let locked = made.and_then(|()| {
            let lock = File::create_new(&path)?;
            lock.lock()?;
            Ok(lock)
        });
        let lock = locked.map_err(|source| ServeError::Presence { path, source })?;
        Ok(Self { folder, name, lock })
    }

    /// The name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Forgets the processes that died, and returns their names.
    pub(crate) fn bury_the_dead(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(&self.folder) else { return Vec::new() };
        let mut dead = Vec::new();
        for entry in entries.flatten() {
            let Ok(name) = entry.file_name().into_string() else { continue };
            if name == self.name {
                continue;
            }
            // Held until the file is gone, so that only one of several processes buries it.
            let Ok(file) = File::open(entry.path()) else { continue };
            if file.try_lock().is_ok() && fs::remove_file(entry.path()).is_ok() {
                dead.push(name);
            }
        }
        dead.sort();
        dead
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        // Removed while it is locked: nobody can take it for a dead process's.
        if let Err(error) = fs::remove_file(self.folder.join(&self.name)) {
            tracing::debug!(%error, "presence not removed");
        }
        if let Err(error) = self.lock.unlock() {
            tracing::debug!(%error, "presence not unlocked");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_died_is_told_from_one_that_lives_and_from_one_that_ended_well() {
        let folder = tempfile::tempdir().unwrap();
        let here = Presence::show(folder.path()).unwrap();
        let living = Presence::show(folder.path()).unwrap();
        drop(Presence::show(folder.path()).unwrap());
        // What a killed process leaves: its file, without a lock.
        File::create_new(folder.path().join("processes/killed")).unwrap();
        assert_eq!(here.bury_the_dead(), ["killed"]);
        assert_eq!(here.bury_the_dead(), [""; 0]);
        assert_ne!(here.name(), living.name());
    }
}
