//! A root file system in a folder: an unpacked image, a mounted disk, or the machine's own `/`.
//!
//! In: a folder. Out: a source of one layer without documents. Odd:
//! * Nothing is opened through a symlink, so that a file system that changes while it is read cannot lead outside.
//! * File systems of the kernel (`/proc`, `/sys`, …) and those of running containers are passed over; network file systems
//!   are passed over and said, as files may lie there.
//! * A file is opened when somebody reads it, so that unread ones cost nothing; one that cannot be read is a gap.

mod mounts;
pub(super) mod walk;

use std::{fs::File, io, os::fd::OwnedFd};

use super::{OpenError, Wanted, io_error};
use crate::{
    budget::Budget,
    source::{EntryVisitor, ImageDocuments, LayerDescriptor, LayerEntries, LayerSource, ReadError},
};

struct Rootfs {
    root: OwnedFd,
    documents: ImageDocuments,
}

pub(super) fn open(wanted: &Wanted<'_>) -> Result<Box<dyn LayerSource + Send>, OpenError> {
    if let Some(name) = wanted.name {
        let problem = format!("is a root file system, so that `{name}` cannot name an image in it");
        return Err(wanted.not_this_kind(&problem));
    }
    let root = File::open(wanted.file).map_err(|source| io_error(wanted.file, source))?;
    Ok(Box::new(Rootfs {
        root: root.into(),
        documents: ImageDocuments {
            name: wanted.shown.display().to_string(),
            source_kind: "rootfs",
            manifest: None,
            manifest_digest: None,
            config: b"{}".to_vec(),
            config_digest: None,
            layers: vec![LayerDescriptor::default()],
            platform: None,
            total_size: 0,
        },
    }))
}

impl LayerSource for Rootfs {
    fn documents(&self) -> &ImageDocuments {
        &self.documents
    }

    fn read_layer(
        &self,
        index: usize,
        budget: &Budget,
        visitor: &mut dyn EntryVisitor,
    ) -> Result<LayerEntries, ReadError> {
        if index != 0 {
            return Err(ReadError::NoSuchLayer { index, count: 1 });
        }
        let at = &self.documents.name;
        let form = walk::Form::Root { reader: "rootfs" };
        walk::walk(&self.root, form, budget, visitor).map_err(|error| error.at(at))
    }
}

impl walk::WalkError {
    /// As the error of a layer.
    pub(super) fn at(self, at: &str) -> ReadError {
        let at = at.to_owned();
        match self {
            Self::Root(source) => ReadError::Io { at, source },
            Self::Visitor(source) => ReadError::Visitor { at, source },
        }
    }
}

/// The errors of system calls as those of the standard library.
pub(super) fn from_errno(error: rustix::io::Errno) -> io::Error {
    io::Error::from_raw_os_error(error.raw_os_error())
}
