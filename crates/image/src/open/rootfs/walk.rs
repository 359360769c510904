//! Walks a folder in the order of its names.
//!
//! In: an open folder. Out: [`LayerEntries`], as if the folder had been an archive. Source: `openat2(2)`, `statfs(2)`. Odd:
//! directories are opened again by their path from the root, as holding one open per level would need too many; the
//! kernel is told to follow no symlink and not to leave the root on the way.

use std::{
    collections::{BTreeSet, HashMap},
    ffi::{CStr, CString},
    fs::File,
    io::{self, Read},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use plimsoll_model::{Gap, GapReason};
use rustix::{
    fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat},
    io::Errno,
};

use super::{
    from_errno,
    mounts::{Mount, mount_of},
};
use crate::{
    budget::{Budget, BudgetReached},
    entries::EntriesBuilder,
    entry::{EntryKind, EntryMeta, TreePath},
    source::{EntryVisitor, LayerEntries, LayerOrigin},
};

/// Gaps that are kept one by one.
const MAX_GAPS: usize = 1_000;

/// What a folder is.
#[derive(Clone, Copy)]
pub(in crate::open) enum Form<'f> {
    /// A root file system, or all of an image's layers in one.
    Root {
        /// Who reads it, for gaps.
        reader: &'static str,
    },
    /// One layer as the kernel's overlay keeps it: a character device 0/0 removes what lower layers have under its name.
    Overlay {
        /// Folders that hide what lower layers have in them.
        opaque: &'f BTreeSet<TreePath>,
    },
}

impl Form<'_> {
    const fn reader(self) -> &'static str {
        match self {
            Self::Root { reader } => reader,
            Self::Overlay { .. } => "containers-storage",
        }
    }
}

const WHITEOUT: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";

pub(in crate::open) enum WalkError {
    /// The root itself cannot be read.
    Root(io::Error),
    /// The visitor gave up.
    Visitor(io::Error),
}

/// In the layer of an overlay, whiteouts and opaque folders get the names that archives have for them.
pub(in crate::open) fn walk(
    root: &OwnedFd,
    form: Form<'_>,
    budget: &Budget,
    visitor: &mut dyn EntryVisitor,
) -> Result<LayerEntries, WalkError> {
    let status = rustix::fs::fstat(root).map_err(|error| WalkError::Root(from_errno(error)))?;
    let origin = match form {
        Form::Root { .. } => LayerOrigin::Folder,
        Form::Overlay { .. } => LayerOrigin::Archive,
    };
    let mut walk = Walk {
        root: root.as_fd(),
        root_magic: magic_of(root.as_fd()),
        form,
        budget,
        layer: LayerEntries { origin, ..LayerEntries::default() },
        entries: EntriesBuilder::new(),
        first_names: HashMap::new(),
        more_gaps: 0,
    };
    let mut open = vec![Folder { path: TreePath::root(), device: status.st_dev }];
    while let Some(folder) = open.pop() {
        let folders = walk.folder(&folder, visitor)?;
        if walk.is_over() {
            break;
        }
        open.extend(folders.into_iter().rev());
    }
    Ok(walk.finish())
}

struct Folder {
    path: TreePath,
    /// The device that the folder itself lies on: another one than its parent's for a mount.
    device: u64,
}

struct Walk<'w> {
    root: BorrowedFd<'w>,
    root_magic: u32,
    form: Form<'w>,
    budget: &'w Budget,
    layer: LayerEntries,
    entries: EntriesBuilder,
    /// The entry of the first name of each inode that has several.
    first_names: HashMap<(u64, u64), u32>,
    more_gaps: u64,
}

impl Walk<'_> {
    /// Reads one folder and returns the folders in it that are to be read.
    fn folder(
        &mut self,
        folder: &Folder,
        visitor: &mut dyn EntryVisitor,
    ) -> Result<Vec<Folder>, WalkError> {
        let opened = open_folder(self.root, &folder.path).and_then(|it| {
            let names = names_in(&it)?;
            Ok((it, names))
        });
        let (directory, names) = match opened {
            Ok(opened) => opened,
            Err(error) if folder.path.is_root() => return Err(WalkError::Root(error)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => {
                self.gap(&folder.path, &format!("the folder cannot be read: {error}"));
                return Ok(Vec::new());
            }
        };
        let mut folders = Vec::new();
        if let Form::Overlay { opaque } = self.form
            && opaque.contains(&folder.path)
        {
            self.mark(folder.path.join(OPAQUE), visitor)?;
        }
        for name in names {
            if self.is_over() {
                return Ok(Vec::new());
            }
            let path = folder.path.join(name.as_bytes());
            let status = match rustix::fs::statat(&directory, &*name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(status) => status,
                Err(Errno::NOENT) => continue, // gone since the folder was listed
                Err(error) => {
                    self.gap(&path, &format!("cannot be looked at: {}", from_errno(error)));
                    continue;
                }
            };
            if let Form::Overlay { .. } = self.form {
                let kind = FileType::from_raw_mode(status.st_mode);
                if kind == FileType::CharacterDevice && status.st_rdev == 0 {
                    let marker = [WHITEOUT, name.as_bytes()].concat();
                    self.mark(folder.path.join(&marker), visitor)?;
                    continue;
                }
                if name.as_bytes().starts_with(WHITEOUT) {
                    self.gap(&path, "was left out: some runtimes take such a name for a file, others for a whiteout");
                    continue;
                }
            }
            let meta = self.meta(&directory, &name, path, &status);
            if let Err(reached) = self.budget.use_entry(&meta) {
                self.over(&meta.path, &reached);
                return Ok(Vec::new());
            }
            if meta.kind == EntryKind::Directory
                && self.is_part(&directory, &name, &meta.path, folder.device, status.st_dev)
            {
                folders.push(Folder { path: meta.path.clone(), device: status.st_dev });
            }
            self.visit(&directory, &name, meta, &status, visitor)?;
        }
        Ok(if self.is_over() { Vec::new() } else { folders })
    }

    /// An entry that says something about lower layers.
    fn mark(&mut self, path: TreePath, visitor: &mut dyn EntryVisitor) -> Result<(), WalkError> {
        let kind = EntryKind::File;
        let meta = EntryMeta {
            path,
            kind,
            mode: 0,
            uid: 0,
            gid: 0,
            size: 0,
            mtime: 0,
            link: None,
            capabilities: None,
        };
        let index = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        visitor.visit(index, &meta, &mut io::empty()).map_err(WalkError::Visitor)?;
        let used = self
            .budget
            .use_entry(&meta)
            .and_then(|()| self.entries.push_within(&meta, self.budget));
        if let Err(reached) = used {
            self.over(&meta.path, &reached);
        }
        Ok(())
    }

    fn visit(
        &mut self,
        directory: &OwnedFd,
        name: &CStr,
        meta: EntryMeta,
        status: &Stat,
        visitor: &mut dyn EntryVisitor,
    ) -> Result<(), WalkError> {
        let index = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        let mut file = LazyFile {
            directory: directory.as_fd(),
            name,
            identity: (status.st_dev, status.st_ino),
            left: if meta.kind == EntryKind::File { meta.size } else { 0 },
            file: None,
            failure: None,
        };
        let seen = visitor.visit(index, &meta, &mut file);
        self.layer.unpacked_size += meta.size;
        if let Some(failure) = file.failure {
            self.gap(&meta.path, &format!("the file cannot be read: {failure}"));
        } else if let Err(error) = seen {
            return Err(WalkError::Visitor(error));
        }
        if let Err(reached) = self.entries.push_within(&meta, self.budget) {
            self.over(&meta.path, &reached);
        }
        Ok(())
    }

    fn meta(
        &mut self,
        directory: &OwnedFd,
        name: &CStr,
        path: TreePath,
        status: &Stat,
    ) -> EntryMeta {
        let mut link = None;
        let mut kind = match FileType::from_raw_mode(status.st_mode) {
            FileType::RegularFile => EntryKind::File,
            FileType::Directory => EntryKind::Directory,
            FileType::Symlink => {
                let target = rustix::fs::readlinkat(directory, name, Vec::new());
                link = target.ok().map(CString::into_bytes);
                EntryKind::Symlink
            }
            FileType::CharacterDevice => EntryKind::CharDevice,
            FileType::BlockDevice => EntryKind::BlockDevice,
            _ => EntryKind::Fifo,
        };
        if kind == EntryKind::File && status.st_nlink > 1 {
            match self.first_names.get(&(status.st_dev, status.st_ino)) {
                Some(first) => {
                    link = self.entries.get(*first).map(|it| it.path().as_bytes().to_vec());
                    kind = EntryKind::Hardlink;
                }
                None => {
                    let index = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
                    self.first_names.insert((status.st_dev, status.st_ino), index);
                }
            }
        }
        let size = if kind == EntryKind::File { status.st_size } else { 0 };
        EntryMeta {
            path,
            kind,
            mode: status.st_mode & 0o7777,
            uid: u64::from(status.st_uid),
            gid: u64::from(status.st_gid),
            size: u64::try_from(size).unwrap_or(0),
            mtime: status.st_mtime,
            link,
            capabilities: None,
        }
    }

    /// Whether a folder belongs to the root; mounts of other kinds are passed over.
    fn is_part(
        &mut self,
        directory: &OwnedFd,
        name: &CStr,
        path: &TreePath,
        parent: u64,
        own: u64,
    ) -> bool {
        if parent == own {
            return true;
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let Ok(mounted) = rustix::fs::openat(directory, name, flags, Mode::empty()) else {
            return true; // reading it will say why
        };
        let magic = magic_of(mounted.as_fd());
        match mount_of(magic) {
            Mount::Part => true,
            // A root that itself lies on such a file system is read, and so is more of its kind.
            _ if magic == self.root_magic && mount_of(magic) != Mount::Container => true,
            Mount::Kernel | Mount::Container => false,
            Mount::Network(what) => {
                self.gap(path, &format!("lies on another machine ({what}) and was not read"));
                false
            }
        }
    }

    fn gap(&mut self, path: &TreePath, detail: &str) {
        if self.layer.gaps.len() >= MAX_GAPS {
            self.more_gaps += 1;
            return;
        }
        self.layer.gaps.push(Gap {
            reason: GapReason::UnreadableFile,
            by: self.form.reader().to_owned(),
            at: path.display().into_owned(),
            detail: detail.to_owned(),
        });
    }

    /// A limit ends the walk.
    fn over(&mut self, path: &TreePath, reached: &BudgetReached) {
        self.layer.gaps.push(Gap {
            reason: GapReason::BudgetReached,
            by: self.form.reader().to_owned(),
            at: path.display().into_owned(),
            detail: format!("this file and those after it were not looked at: {reached}"),
        });
    }

    fn is_over(&self) -> bool {
        self.layer.gaps.last().is_some_and(|gap| gap.reason == GapReason::BudgetReached)
    }

    fn finish(mut self) -> LayerEntries {
        if self.more_gaps > 0 {
            self.layer.gaps.push(Gap {
                reason: GapReason::UnreadableFile,
                by: self.form.reader().to_owned(),
                at: String::new(),
                detail: format!("{} more files cannot be read", self.more_gaps),
            });
        }
        self.layer.entries = self.entries.finish();
        self.layer
    }
}

/// Opens a folder below a root without following a symlink or leaving the root.
pub(in crate::open) fn open_folder(root: BorrowedFd<'_>, path: &TreePath) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    if path.is_root() {
        return rustix::fs::openat(root, c".", flags, Mode::empty()).map_err(from_errno);
    }
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let opened = rustix::fs::openat2(root, path.as_bytes(), flags, Mode::empty(), resolve);
    match opened {
        // Kernels before 5.6, sandboxes that do not know the call, and races: go down step by step.
        Err(Errno::NOSYS | Errno::PERM | Errno::INVAL | Errno::AGAIN) => {
            open_stepwise(root, path, flags)
        }
        opened => opened.map_err(from_errno),
    }
}

fn open_stepwise(root: BorrowedFd<'_>, path: &TreePath, flags: OFlags) -> io::Result<OwnedFd> {
    let mut here = rustix::fs::openat(root, c".", flags, Mode::empty());
    for part in path.parts() {
        here = here.and_then(|here| rustix::fs::openat(&here, part, flags, Mode::empty()));
    }
    here.map_err(from_errno)
}

/// The names in a folder, sorted.
fn names_in(directory: &OwnedFd) -> io::Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory).map_err(from_errno)? {
        let entry = entry.map_err(from_errno)?;
        let name = entry.file_name();
        if !matches!(name.to_bytes(), b"." | b"..") {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// The type of the file system that something lies on; 0 when it cannot be told.
fn magic_of(file: BorrowedFd<'_>) -> u32 {
    let status = rustix::fs::fstatfs(file).ok();
    // Some of the types have their highest bit set and come as negative numbers.
    status.and_then(|status| u32::try_from(status.f_type & 0xffff_ffff).ok()).unwrap_or(0)
}

/// A file that is opened when it is first read.
struct LazyFile<'f> {
    directory: BorrowedFd<'f>,
    name: &'f CStr,
    /// Device and inode of what was looked at.
    identity: (u64, u64),
    /// Bytes of its size that are not read yet: a file that grows meanwhile ends where it ended.
    left: u64,
    file: Option<File>,
    failure: Option<io::Error>,
}

impl LazyFile<'_> {
    fn open(&self) -> io::Result<File> {
        let flags =
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = rustix::fs::openat(self.directory, self.name, flags, Mode::empty());
        let file = file.map_err(from_errno)?;
        let status = rustix::fs::fstat(&file).map_err(from_errno)?;
        let is_file = FileType::from_raw_mode(status.st_mode) == FileType::RegularFile;
        if !is_file || (status.st_dev, status.st_ino) != self.identity {
            return Err(io::Error::other("another file took its place"));
        }
        Ok(file.into())
    }

    fn read_some(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.file.is_none() {
            self.file = Some(self.open()?);
        }
        let Some(file) = &mut self.file else { return Ok(0) };
        file.read(buffer)
    }
}

impl Read for LazyFile<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let Some(buffer) = buffer.get_mut(..length).filter(|buffer| !buffer.is_empty()) else {
            return Ok(0);
        };
        match self.read_some(buffer) {
            Ok(count) => {
                self.left = if count == 0 { 0 } else { self.left - count as u64 };
                Ok(count)
            }
            Err(error) => {
                if error.kind() == io::ErrorKind::Interrupted {
                    return Err(error);
                }
                self.failure = Some(io::Error::new(error.kind(), error.to_string()));
                Err(error)
            }
        }
    }
}
