//! Which folders of an overlay's layer hide what is below them.
//!
//! In: the layer's folder. Out: [`Marks`]. Source: Linux, `Documentation/filesystems/overlayfs.rst`, "whiteouts and opaque
//! directories"; fuse-overlayfs(1). Odd: attributes that begin with `trusted.` are shown to the machine's administrator
//! alone, and to everybody else as if they were not there.

use std::{
    collections::BTreeSet,
    fs::File,
    io,
    os::fd::{AsFd, OwnedFd},
    path::Path,
};

use rustix::{
    fs::{AtFlags, Dir, FileType},
    io::Errno,
    thread::CapabilitySet,
};

use crate::{
    budget::Budget,
    entry::TreePath,
    open::rootfs::{from_errno, walk::open_folder},
};

/// Bytes of all names of attributes of one file, as the kernel bounds them.
const MAX_NAMES: usize = 64 << 10;
/// Bytes of a value: a letter.
const MAX_VALUE: usize = 16;
/// Sentences that are kept.
const MAX_ODD: usize = 100;

const OPAQUE: [&str; 3] =
    ["trusted.overlay.opaque", "user.overlay.opaque", "user.fuseoverlayfs.opaque"];
const REDIRECT: [&str; 2] = ["trusted.overlay.redirect", "user.overlay.redirect"];

/// What attributes say about a layer's folders.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// Folders that hide what lower layers have in them.
    pub(super) opaque: BTreeSet<TreePath>,
    /// What makes a runtime see something else than we do, as sentences.
    pub(super) odd: Vec<String>,
}

pub(super) fn find(folder: &Path, budget: &Budget) -> io::Result<Marks> {
    let root: OwnedFd = File::open(folder)?.into();
    let mut marks = Marks::default();
    if is_blind(&root) {
        marks.odd.push(
            "may show files that upper layers removed: only the machine's administrator sees which folders are opaque".into(),
        );
    }
    let mut names = vec![0; MAX_NAMES];
    let mut open = vec![TreePath::root()];
    let (mut count, mut names_bytes) = (0, 0);
    while let Some(path) = open.pop() {
        count += 1;
        if count > budget.max_entries || names_bytes > budget.max_names_bytes {
            break; // the walk over the layer ends earlier, and says so
        }
        // What cannot be opened cannot be read either, which the walk over the layer says.
        let Ok(directory) = open_folder(root.as_fd(), &path) else { continue };
        marks.look(&directory, &path, &mut names)?;
        for folder in folders_in(&directory, &path)? {
            names_bytes += folder.as_bytes().len() as u64;
            open.push(folder);
        }
    }
    Ok(marks)
}

impl Marks {
    fn look(&mut self, folder: &OwnedFd, path: &TreePath, buffer: &mut [u8]) -> io::Result<()> {
        let length = match rustix::fs::flistxattr(folder, &mut *buffer) {
            Ok(length) => length,
            Err(Errno::NOTSUP) => return Ok(()),
            Err(error) => return Err(from_errno(error)),
        };
        let names = buffer.get(..length).unwrap_or_default();
        let has = |name: &str| names.split(|byte| *byte == 0).any(|it| it == name.as_bytes());
        for name in OPAQUE.into_iter().filter(|name| has(name)) {
            let mut value = [0; MAX_VALUE];
            let read = rustix::fs::fgetxattr(folder, name, &mut value[..]);
            let read = read.map_err(from_errno)?;
            match value.get(..read) {
                Some(b"y") => {
                    self.opaque.insert(path.clone());
                }
                _ => self.say(path, name),
            }
        }
        for name in REDIRECT.into_iter().filter(|name| has(name)) {
            self.say(path, name);
        }
        Ok(())
    }

    fn say(&mut self, path: &TreePath, name: &str) {
        if self.odd.len() < MAX_ODD {
            let path = path.display();
            self.odd.push(format!(
                "has the attribute `{name}` at `{path}` in a form that is not read: a container sees something else there"
            ));
        }
    }
}

/// Whether a store of the machine's administrator is read by somebody who does not see all attributes.
fn is_blind(root: &OwnedFd) -> bool {
    let is_of_administrator = rustix::fs::fstat(root).is_ok_and(|status| status.st_uid == 0);
    let own = rustix::thread::capabilities(None);
    let is_administrator = own.is_ok_and(|own| own.effective.contains(CapabilitySet::SYS_ADMIN));
    is_of_administrator && !is_administrator
}

fn folders_in(directory: &OwnedFd, path: &TreePath) -> io::Result<Vec<TreePath>> {
    let mut folders = Vec::new();
    for entry in Dir::read_from(directory).map_err(from_errno)? {
        let entry = entry.map_err(from_errno)?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let is_folder = match entry.file_type() {
            FileType::Unknown => rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)
                .is_ok_and(|it| FileType::from_raw_mode(it.st_mode) == FileType::Directory),
            kind => kind == FileType::Directory,
        };
        if is_folder {
            folders.push(path.join(name.to_bytes()));
        }
    }
    Ok(folders)
}
