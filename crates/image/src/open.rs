//! Opens an image that lies on this machine, telling the kinds apart by looking.
//!
//! In: a path, with `:NAME` behind it when it holds several images. Out: a [`LayerSource`]. Source: OCI image-spec,
//! `image-layout.md`; the archives of `docker save` and `podman save`. Odd: newer `docker save` archives are OCI layouts
//! too; both descriptions must then mean the same image, as loaders differ in which one they follow.

mod archive;
mod containers_storage;
mod docker;
mod layer_tar;
mod layout;
mod rootfs;
mod sbom;
mod spool;

use std::{
    fmt, fs,
    io::{self, Read},
    path::{Path, PathBuf},
    str::FromStr,
};

use archive::ArchiveFile;
use plimsoll_model::{Digest, Platform};
pub use sbom::SBOM_PATH;

pub use self::{
    containers_storage::{StorePlace, StoredImage, StoredLayer, open_stored},
    spool::{set_spool, spool_file},
};
use crate::{
    budget::Budget, codec::Codec, document::DocumentError, entry::TreePath, source::LayerSource,
};

/// Bytes that tell how a file is compressed.
const MAGIC: u64 = 6;

/// How an image lies on this machine.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum InputKind {
    /// What `docker save` and `podman save` write: a tar with `manifest.json`.
    DockerArchive,
    /// A folder or tar with `oci-layout` and `index.json`.
    OciLayout,
    /// A root file system.
    Rootfs,
    /// A tar of a root file system, or one layer.
    LayerTar,
    /// A document that lists packages.
    Sbom,
}

impl InputKind {
    /// All kinds, in the order of their names.
    pub const ALL: [Self; 5] =
        [Self::DockerArchive, Self::LayerTar, Self::OciLayout, Self::Rootfs, Self::Sbom];

    /// The kind's name, as [`FromStr`] reads it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DockerArchive => "docker-archive",
            Self::LayerTar => "layer-tar",
            Self::OciLayout => "oci-layout",
            Self::Rootfs => "rootfs",
            Self::Sbom => "sbom",
        }
    }
}

impl fmt::Display for InputKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A text that is not the name of an [`InputKind`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a kind of input; there are docker-archive, layer-tar, oci-layout, rootfs, sbom"
)]
pub struct UnknownInputKind(pub String);

impl FromStr for InputKind {
    type Err = UnknownInputKind;

    fn from_str(text: &str) -> Result<Self, UnknownInputKind> {
        let kind = Self::ALL.into_iter().find(|kind| kind.name() == text);
        kind.ok_or_else(|| UnknownInputKind(text.to_owned()))
    }
}

/// Why an image could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Reading a file failed.
    #[error("{at}: reading failed: {source}")]
    Io {
        /// The file.
        at: String,
        /// What failed.
        source: io::Error,
    },
    /// None of the kinds, or not the kind that was asked for.
    #[error("{at}: {problem}")]
    NotThisKind {
        /// The file or folder.
        at: String,
        /// What was expected and what was found.
        problem: String,
    },
    /// A document is refused.
    #[error("{at}: {source}")]
    Document {
        /// The file.
        at: String,
        /// Why.
        source: DocumentError,
    },
    /// A document's bytes are not those that its name promises.
    #[error("{at}: the bytes have digest {actual}, expected {expected}")]
    Digest {
        /// The file.
        at: String,
        /// What was stated.
        expected: Digest,
        /// What was computed.
        actual: Digest,
    },
    /// Something that the image needs is not there.
    #[error("{at}: {missing} is missing")]
    Missing {
        /// The archive or layout.
        at: String,
        /// What.
        missing: String,
    },
    /// More than one image, and none was named.
    #[error("{at} holds {count} images; name one as `{at}:NAME`: {names}")]
    SeveralImages {
        /// The archive or layout.
        at: String,
        /// How many.
        count: usize,
        /// Their names, sorted.
        names: String,
    },
    /// Two descriptions in one file that mean different images.
    #[error("{at}: {problem}")]
    Ambiguous {
        /// The archive.
        at: String,
        /// Which descriptions, and how they differ.
        problem: String,
    },
    /// The archive itself is damaged, or is larger than the budget allows.
    #[error("{at}: {problem}")]
    Archive {
        /// The archive.
        at: String,
        /// What is wrong, with the position.
        problem: String,
    },
}

/// Opens a local path, telling the kinds apart by looking, unless `kind` insists on one.
///
/// A file or folder that holds several images takes a name: `images.tar:alpine:3.20`, `layout:latest`.
///
/// # Errors
/// [`OpenError`], which names the file, what is wrong with it and, where there is one, the remedy.
pub fn open_path(
    path: &Path,
    kind: Option<InputKind>,
    platform: &Platform,
    budget: &Budget,
) -> Result<Box<dyn LayerSource + Send>, OpenError> {
    let (file, name) = split_name(path);
    let wanted = Wanted { shown: path, file: &file, name: name.as_deref(), platform, budget };
    let metadata = fs::metadata(&file).map_err(|source| io_error(path, source))?;
    if metadata.is_dir() {
        open_folder(&wanted, kind)
    } else if metadata.is_file() {
        open_file(&wanted, kind)
    } else {
        Err(wanted.not_this_kind("is neither a file nor a folder"))
    }
}

/// What somebody asked for.
struct Wanted<'w> {
    /// The path as asked for, for messages.
    shown: &'w Path,
    file: &'w Path,
    /// Which of several images.
    name: Option<&'w str>,
    platform: &'w Platform,
    budget: &'w Budget,
}

impl Wanted<'_> {
    fn at(&self) -> String {
        self.file.display().to_string()
    }

    fn not_this_kind(&self, problem: &str) -> OpenError {
        OpenError::NotThisKind { at: self.at(), problem: problem.to_owned() }
    }

    fn document(&self, inside: &str, source: DocumentError) -> OpenError {
        OpenError::Document { at: format!("{}: {inside}", self.at()), source }
    }

    fn several(&self, names: impl IntoIterator<Item = String>, count: usize) -> OpenError {
        let mut names: Vec<String> = names.into_iter().collect();
        names.sort();
        names.dedup();
        OpenError::SeveralImages { at: self.at(), count, names: names.join(", ") }
    }
}

/// The file or folder that [`open_path`] would read: `images.tar` of `images.tar:alpine:3.20`.
#[must_use]
pub fn input_file(path: &Path) -> PathBuf {
    split_name(path).0
}

/// Whether [`open_path`] would have to unpack the file to see what it is.
#[must_use]
pub fn is_compressed(path: &Path) -> bool {
    let mut start = Vec::new();
    let file = fs::File::open(input_file(path)).map(|file| file.take(MAGIC));
    let read = file.and_then(|mut file| file.read_to_end(&mut start));
    read.is_ok() && Codec::of(&start) != Codec::Plain
}

/// Splits `path:NAME` when there is no file of the whole name.
fn split_name(path: &Path) -> (PathBuf, Option<String>) {
    if path.symlink_metadata().is_ok() {
        return (path.to_owned(), None);
    }
    let text = path.to_string_lossy();
    let splits = text.match_indices(':').filter_map(|(at, _)| text.split_at_checked(at));
    for (file, name) in splits {
        let name = name.strip_prefix(':').unwrap_or(name);
        if !name.is_empty() && Path::new(file).exists() {
            return (PathBuf::from(file), Some(name.to_owned()));
        }
    }
    (path.to_owned(), None)
}

fn open_folder(
    wanted: &Wanted<'_>,
    kind: Option<InputKind>,
) -> Result<Box<dyn LayerSource + Send>, OpenError> {
    let is_layout = wanted.file.join("oci-layout").is_file();
    match kind {
        Some(InputKind::OciLayout) if !is_layout => {
            Err(wanted.not_this_kind("is no OCI layout: it has no file `oci-layout`"))
        }
        Some(InputKind::DockerArchive | InputKind::LayerTar) => {
            Err(wanted.not_this_kind("is a folder, not an archive"))
        }
        Some(InputKind::Sbom) => Err(wanted.not_this_kind("is a folder, not an SBOM")),
        Some(InputKind::OciLayout) => layout::open(wanted, layout::Blobs::Folder),
        Some(InputKind::Rootfs) => rootfs::open(wanted),
        None if is_layout => layout::open(wanted, layout::Blobs::Folder),
        None if looks_like_root(wanted.file) => rootfs::open(wanted),
        None => Err(wanted.not_this_kind(
            "is neither an OCI layout (no file `oci-layout`) nor does it look like a root file system (no `etc`, `usr`, \
             `bin`, `var`); `--input rootfs` reads it as one",
        )),
    }
}

fn looks_like_root(folder: &Path) -> bool {
    ["etc", "usr", "bin", "var", "lib"].iter().any(|name| {
        folder.join(name).symlink_metadata().is_ok_and(|it| it.is_dir() || it.is_symlink())
    })
}

fn open_file(
    wanted: &Wanted<'_>,
    kind: Option<InputKind>,
) -> Result<Box<dyn LayerSource + Send>, OpenError> {
    if kind == Some(InputKind::Rootfs) {
        return Err(wanted.not_this_kind("is a file, not a folder"));
    }
    if kind == Some(InputKind::LayerTar) {
        return layer_tar::open(wanted);
    }
    if kind == Some(InputKind::Sbom) || (kind.is_none() && sbom::looks_like_one(wanted.file)) {
        return sbom::open(wanted);
    }
    let archive = ArchiveFile::open(wanted.file, wanted.budget)?;
    let has_manifest = archive.has(&TreePath::from("manifest.json"));
    let has_layout = archive.has(&TreePath::from("oci-layout"));
    match kind {
        Some(InputKind::DockerArchive) if !has_manifest => {
            Err(wanted.not_this_kind("is no docker-archive: it has no file `manifest.json`"))
        }
        Some(InputKind::OciLayout) if !has_layout => {
            Err(wanted.not_this_kind("is no OCI layout: it has no file `oci-layout`"))
        }
        Some(InputKind::DockerArchive) => docker::open(wanted, archive),
        Some(InputKind::OciLayout) => layout::open(wanted, layout::Blobs::Archive(archive)),
        _ if has_manifest && (has_layout || docker::is_manifest(&archive)) => {
            docker::open(wanted, archive)
        }
        _ if has_layout => layout::open(wanted, layout::Blobs::Archive(archive)),
        _ => layer_tar::open(wanted),
    }
}

fn io_error(path: &Path, source: io::Error) -> OpenError {
    OpenError::Io { at: path.display().to_string(), source }
}

#[cfg(test)]
#[path = "open/tests.rs"]
mod tests;
