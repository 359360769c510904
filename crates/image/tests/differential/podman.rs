//! What podman makes of an image.
//!
//! In: an OCI layout. Out: the mounted file system, as text per path, or podman's refusal, or that it hangs. Odd: about one
//! random image in a thousand makes podman wait for itself for ever, so each call has a deadline (coreutils' `timeout`).

use std::{
    collections::BTreeMap,
    fs,
    io::ErrorKind,
    os::unix::{ffi::OsStrExt, fs::FileTypeExt, fs::PermissionsExt},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use plimsoll_image::EntryKind;

/// What podman says when it unpacks nothing; `None` when it says nothing before its deadline. What it left locked then stays
/// with its store.
pub(crate) type Refusal = Option<String>;

/// Seconds after which podman is taken to hang. It needs less than one.
const DEADLINE: &str = "20";

/// One of a path's faces, as both sides print it.
pub(crate) fn show(kind: EntryKind, mode: u32, link: &[u8], content: &[u8]) -> String {
    match kind {
        EntryKind::Directory => format!("directory {mode:04o}"),
        EntryKind::Symlink => format!("-> {}", String::from_utf8_lossy(link)),
        EntryKind::File => format!("file {mode:04o} {}", content.escape_ascii()),
        other => format!("{other:?} {mode:04o}"),
    }
}

pub(crate) fn is_here() -> bool {
    Command::new("podman").arg("--version").output().is_ok_and(|output| output.status.success())
}

/// A store of podman's own.
pub(crate) struct Podman {
    folder: tempfile::TempDir,
    driver: &'static str,
}

impl Podman {
    pub(crate) fn new(driver: &'static str) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), driver }
    }

    /// Where it keeps images.
    pub(crate) fn store(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// Where it unpacks an image from. Podman names an image by its path, which must look like a repository's name: it is
    /// started here and told a name.
    pub(crate) fn layout(&self) -> PathBuf {
        self.folder.path().join("image")
    }

    fn run(&self, arguments: &[&str]) -> Result<Output, Refusal> {
        let folder = self.folder.path();
        let output = Command::new("timeout")
            .args(["--kill-after=2", DEADLINE, "podman", "--root"])
            .arg(self.store())
            .arg("--runroot")
            .arg(folder.join("run"))
            .args(["--storage-driver", self.driver])
            .args(arguments)
            .current_dir(folder)
            .output()
            .unwrap();
        let is_hung = matches!(output.status.code(), Some(124 | 137));
        if is_hung { Err(None) } else { Ok(output) }
    }

    /// Unpacks what lies in [`layout`](Self::layout), and has somebody look at the image in the store, by its id.
    pub(crate) fn unpack(
        &self,
        look: impl FnOnce(&str),
    ) -> Result<BTreeMap<Vec<u8>, String>, Refusal> {
        let pulled = self.run(&["pull", "--quiet", "oci:image"])?;
        if !pulled.status.success() {
            return Err(Some(String::from_utf8_lossy(&pulled.stderr).into_owned()));
        }
        let id = String::from_utf8_lossy(&pulled.stdout).trim().to_owned();
        let mounted = self.run(&["image", "mount", &id])?;
        assert!(mounted.status.success(), "{mounted:?}");
        let root = PathBuf::from(String::from_utf8(mounted.stdout).unwrap().trim());
        let mut shown = BTreeMap::new();
        read(&root, &root, &mut shown);
        look(&id);
        self.run(&["image", "unmount", &id])?;
        let removed = self.run(&["rmi", "--force", &id])?;
        assert!(removed.status.success(), "{removed:?}");
        Ok(shown)
    }
}

fn read(root: &Path, folder: &Path, shown: &mut BTreeMap<Vec<u8>, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // The kernel's overlay lists the name of a whiteout that hides nothing, though nothing is there.
        let metadata = match path.symlink_metadata() {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            metadata => metadata.unwrap(),
        };
        let mode = metadata.permissions().mode() & 0o7777;
        let kind = metadata.file_type();
        let text = if kind.is_dir() {
            read(root, &path, shown);
            show(EntryKind::Directory, mode, &[], &[])
        } else if kind.is_symlink() {
            show(
                EntryKind::Symlink,
                mode,
                fs::read_link(&path).unwrap().as_os_str().as_bytes(),
                &[],
            )
        } else if kind.is_fifo() {
            show(EntryKind::Fifo, mode, &[], &[])
        } else if kind.is_char_device() {
            show(EntryKind::CharDevice, mode, &[], &[])
        } else if kind.is_block_device() {
            show(EntryKind::BlockDevice, mode, &[], &[])
        } else {
            show(EntryKind::File, mode, &[], &fs::read(&path).unwrap())
        };
        shown.insert(path.strip_prefix(root).unwrap().as_os_str().as_bytes().to_vec(), text);
    }
}
