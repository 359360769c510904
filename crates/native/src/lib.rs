//! The only `unsafe` code of the workspace: memory-mapped files here, [`inflate`] and [`sandbox`] in their modules.
//!
//! In: the path of a file that this program wrote itself and never changes in place (an advisory snapshot). Out:
//! [`Map`], its bytes without a copy, shared by every process that maps the same file. Source: `mmap(2)`.
//!
//! Odd: an empty file cannot be mapped, so it is an empty slice without a mapping.
//!
//! # Why the `unsafe` is sound
//! A map is a `&[u8]` over memory that the kernel fills from a file. Rust's rules would be broken if those bytes changed
//! while a reference to them lives, and the process would be killed (`SIGBUS`) if the file became shorter. Neither can be
//! ruled out for a file in general; it is ruled out for ours by how they are written:
//! * A snapshot is written to a temporary file beside its target, synced, and *renamed* over it. Nobody opens it for
//!   writing afterwards. A rename gives the name to a new inode; the mapped one lives on, unchanged, until it is unmapped.
//! * The mapping is private and read-only, so this program cannot write through it.
//! * [`Map`] opens regular files only. A device or a pipe, whose bytes are nobody's promise, is refused.
//!
//! What remains is an administrator who truncates or overwrites the file in place. That ends in a killed process or in
//! bytes that no longer make sense; the reader of snapshots checks every offset, so even those cannot reach outside of
//! the map. `Map` must therefore only be used for files of that kind: bytes from images or from clients are read, not mapped.
#![expect(
    unsafe_code,
    reason = "a memory map cannot be made without it; the argument stands above"
)]

pub mod inflate;
pub mod sandbox;

use std::{
    fs::File,
    io,
    ops::Deref,
    path::{Path, PathBuf},
};

/// The bytes of a file that this program owns, mapped read-only.
#[derive(Debug)]
pub struct Map {
    /// `None` for an empty file.
    mapping: Option<memmap2::Mmap>,
}

/// Why a file could not be mapped.
#[derive(Debug, thiserror::Error)]
pub enum MapError {
    /// The file is missing or may not be read.
    #[error("`{}` cannot be opened", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is a directory, a device or a pipe.
    #[error("`{}` is not a regular file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// The kernel refused the mapping.
    #[error("`{}` cannot be mapped into memory", path.display())]
    Map {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Map {
    /// Maps a regular file as it is now. The caller promises what the head of this module asks for: the file is replaced
    /// by rename only.
    ///
    /// # Errors
    /// [`MapError`] names the file and why: not there, not a regular file, refused by the kernel.
    pub fn open(path: &Path) -> Result<Self, MapError> {
        let opened = File::open(path).and_then(|file| file.metadata().map(|about| (file, about)));
        let (file, about) =
            opened.map_err(|source| MapError::Open { path: path.to_owned(), source })?;
        if !about.is_file() {
            return Err(MapError::NotAFile { path: path.to_owned() });
        }
        if about.len() == 0 {
            return Ok(Self { mapping: None });
        }
        // SAFETY: the file is a regular one that this program replaces by rename and never writes in place, so neither
        // its bytes nor its length change while the mapping lives; see the head of this module.
        let mapping = unsafe { memmap2::MmapOptions::new().map_copy_read_only(&file) };
        match mapping {
            Ok(mapping) => Ok(Self { mapping: Some(mapping) }),
            Err(source) => Err(MapError::Map { path: path.to_owned(), source }),
        }
    }
}

impl Deref for Map {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.mapping.as_deref().unwrap_or_default()
    }
}

impl AsRef<[u8]> for Map {
    fn as_ref(&self) -> &[u8] {
        self
    }
}
