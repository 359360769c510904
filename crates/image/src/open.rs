//! Opens an image that lies on this machine, telling the kinds apart by looking.
use std::{fmt, io, path::Path, str::FromStr};

use plimsoll_model::{Digest, Platform};

use crate::{budget::Budget, document::DocumentError, source::LayerSource};

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
}

impl InputKind {
    /// All kinds, in the order of their names.
    pub const ALL: [Self; 4] = [Self::DockerArchive, Self::LayerTar, Self::OciLayout, Self::Rootfs];

    /// The kind's name, as [`FromStr`] reads it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DockerArchive => "docker-archive",
            Self::LayerTar => "layer-tar",
            Self::OciLayout => "oci-layout",
            Self::Rootfs => "rootfs",
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
#[error("`{0}` is not a kind of input; there are docker-archive, layer-tar, oci-layout, rootfs")]
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
    /// The archive itself is damaged.
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
/// # Errors
/// [`OpenError`], which names the file, what is wrong with it and, where there is one, the remedy.
pub fn open_path(
    path: &Path,
    _kind: Option<InputKind>,
    _platform: &Platform,
    _budget: &Budget,
) -> Result<Box<dyn LayerSource + Send>, OpenError> {
    Err(OpenError::Missing { at: path.display().to_string(), missing: "the reader".into() })
}
