//! The border between where an image lies and what reads it.
//!
//! In: documents and layers from a registry, layout, archive or folder. Out: [`LayerSource`], which everything else reads
//! images through, and [`LayerEntries`], what one pass over one layer learns about its entries.

use std::{
    fs::Metadata,
    io::{self, Read},
    os::unix::fs::MetadataExt,
};

use plimsoll_model::{Digest, Gap, Platform};
use serde::{Deserialize, Serialize};

use crate::{
    budget::{Budget, BudgetReached},
    entries::Entries,
    entry::EntryMeta,
};

/// The documents of one image for one platform, as bytes whose digests the source has checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImageDocuments {
    /// As it was asked for: a reference, file name or folder.
    pub name: String,
    /// How it was read: `registry`, `oci-layout`, `docker-archive`, `rootfs`, `layer-tar`, `sbom`, `containers-storage`,
    /// [`REGISTRY_BY_CONTENTS`].
    pub source_kind: &'static str,
    /// The platform's manifest; `None` where the source has none.
    pub manifest: Option<Vec<u8>>,
    /// Digest of `manifest`.
    pub manifest_digest: Option<Digest>,
    /// The configuration; `{}` where the source has none.
    pub config: Vec<u8>,
    /// Digest of `config`, which is Docker's image id; `None` where the source has no configuration.
    pub config_digest: Option<Digest>,
    /// The layers, bottom first.
    pub layers: Vec<LayerDescriptor>,
    /// The image's platform, where a document names one.
    pub platform: Option<Platform>,
    /// Configuration plus layers in bytes, as the manifest states them; 0 for a folder.
    pub total_size: u64,
}

/// One layer of an image.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LayerDescriptor {
    /// Digest of the blob; of the unpacked archive for a docker-archive; `None` for folders and single archives, which
    /// nothing names.
    pub digest: Option<Digest>,
    /// Media type as stated. Only for reports: the codec is chosen by the blob's first bytes.
    pub media_type: String,
    /// Size of the blob as stated; 0 when unknown.
    pub size: u64,
    /// Digest of the unpacked archive as the configuration states it.
    pub diff_id: Option<Digest>,
}

/// What a pass over one layer read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LayerOrigin {
    /// An archive, in which names that begin with `.wh.` remove what lower layers have.
    #[default]
    Archive,
    /// A folder of the machine, in which every name is just a name.
    Folder,
}

/// What one pass over one layer learnt about its entries.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct LayerEntries {
    /// All entries in archive order; positions are the `index` that visitors saw.
    pub entries: Entries,
    /// Whether whiteouts mean something.
    pub origin: LayerOrigin,
    /// What is odd, as sentences: runtimes may disagree about it. Sorted, without duplicates, bounded in number.
    pub anomalies: Vec<String>,
    /// What could not be looked at: a reached budget, unreadable files of a folder.
    pub gaps: Vec<Gap>,
    /// Digest over the blob's bytes that were read; `None` for folders.
    pub computed_digest: Option<Digest>,
    /// Digest over the unpacked archive; `None` for folders, when nothing asked for it, or when the pass ended early.
    pub computed_diff_id: Option<Digest>,
    /// Bytes of the unpacked archive, or of the folder's files.
    pub unpacked_size: u64,
}

impl LayerEntries {
    /// What is odd about the digest of the unpacked archive, if one was computed: runtimes accept another one than the
    /// configuration states. That is no property of the layer, so it does not stand in its `anomalies`.
    #[must_use]
    pub fn diff_id_anomaly(&self, stated: Option<Digest>) -> Option<String> {
        let (stated, computed) = (stated?, self.computed_diff_id?);
        (stated != computed).then(|| {
            format!(
                "unpacks to {computed}, the configuration says {stated}: runtimes disagree about such layers"
            )
        })
    }
}

/// Sees each entry of a layer once, in archive order.
pub trait EntryVisitor {
    /// Called for every entry. `content` is at the start of a regular file's bytes and empty for everything else; what is
    /// not read is skipped. Errors of `content` must be passed on.
    ///
    /// # Errors
    /// Any error ends the pass.
    fn visit(&mut self, index: u32, meta: &EntryMeta, content: &mut dyn Read) -> io::Result<()>;
}

/// Sees nothing: for passes that only want the entries.
impl EntryVisitor for () {
    fn visit(&mut self, _: u32, _: &EntryMeta, _: &mut dyn Read) -> io::Result<()> {
        Ok(())
    }
}

/// What tells a file from every other, and from itself after a change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FileIdentity {
    /// Device.
    pub device: u64,
    /// Inode.
    pub inode: u64,
    /// Length in bytes.
    pub size: u64,
    /// When its content was last changed, as its owner likes to say it: seconds since 1970, and nanoseconds.
    pub modified: (i64, i64),
    /// When content or metadata were last changed, as the kernel noted it.
    pub changed: (i64, i64),
}

impl FileIdentity {
    /// Of a file that was looked at.
    #[must_use]
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// A layer's bytes on this machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FilePlace {
    /// The file, as it is now.
    pub file: FileIdentity,
    /// Where in the file they begin; for a compressed archive, in what it unpacks to.
    pub offset: u64,
    /// How many there are.
    pub length: u64,
}

/// An image somewhere: its documents, and its layers one by one.
pub trait LayerSource: Sync {
    /// The image's documents.
    fn documents(&self) -> &ImageDocuments;

    /// Where a layer's bytes lie on this machine; `None` for what is elsewhere, is no single file, or is not there.
    fn place(&self, index: usize) -> Option<FilePlace> {
        let _ = index;
        None
    }

    /// The digest of a layer's bytes as they lie, read for nothing else; `None` when they cannot be read, or must be read by
    /// [`read_layer`](Self::read_layer) alone.
    fn hash_layer(&self, index: usize) -> Option<Digest> {
        let _ = index;
        None
    }

    /// Reads one layer in one pass, calling `visitor` for each entry in archive order. Layers may be read in parallel.
    ///
    /// # Errors
    /// [`ReadError`]; nothing of the layer may be believed then. A reached budget is no error but a gap in the answer.
    fn read_layer(
        &self,
        index: usize,
        budget: &Budget,
        visitor: &mut dyn EntryVisitor,
    ) -> Result<LayerEntries, ReadError>;
}

/// [`ImageDocuments::source_kind`] of a registry's image of whose layers only parts are fetched.
pub const REGISTRY_BY_CONTENTS: &str = "registry-contents";

/// An image whose blobs are handed over as they lie, to be read by somebody else: a process without network, say.
pub trait BlobSource: Sync {
    /// The image's documents, whose digests are checked.
    fn documents(&self) -> &ImageDocuments;

    /// The bytes of a layer's blob from its start; nothing about them is checked. What is read may be dropped half-way.
    ///
    /// # Errors
    /// There is no such layer, or its bytes cannot be had.
    fn open_blob(&self, index: usize) -> Result<Box<dyn Read + Send>, ReadError>;

    /// So many bytes of a layer's blob from an offset on, as [`open_blob`](Self::open_blob).
    ///
    /// # Errors
    /// As [`open_blob`](Self::open_blob); mostly only whole blobs can be had.
    fn open_part(
        &self,
        index: usize,
        offset: u64,
        length: u64,
    ) -> Result<Box<dyn Read + Send>, ReadError> {
        let _ = (offset, length);
        let source = io::Error::other("only whole blobs can be had");
        Err(ReadError::Io { at: format!("layer {index}"), source })
    }
}

/// Why a layer could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no such layer.
    #[error("layer {index} does not exist: the image has {count}")]
    NoSuchLayer {
        /// Position asked for.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// Reading its bytes failed.
    #[error("{at}: reading failed: {source}")]
    Io {
        /// The layer or file.
        at: String,
        /// What failed.
        source: io::Error,
    },
    /// The bytes are not those that the manifest names.
    #[error("{at}: the bytes have digest {actual}, the image says {expected}")]
    Digest {
        /// The layer.
        at: String,
        /// What was stated.
        expected: Digest,
        /// What was computed.
        actual: Digest,
    },
    /// More or fewer bytes than the manifest states.
    #[error("{at}: the blob has {actual} bytes, the image says {expected}")]
    Size {
        /// The layer.
        at: String,
        /// What was stated.
        expected: u64,
        /// What was read.
        actual: u64,
    },
    /// The compressed stream is damaged or of a kind that we do not read.
    #[error("{at}: {codec} stream: {problem}")]
    Codec {
        /// The layer.
        at: String,
        /// `gzip`, `zstd`, …
        codec: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// The archive is damaged, or is one that runtimes refuse.
    #[error("{at}: archive byte {offset}: {problem}")]
    Archive {
        /// The layer.
        at: String,
        /// Where in the unpacked archive.
        offset: u64,
        /// What is wrong.
        problem: String,
    },
    /// A limit was reached before the blob's digest could be checked.
    #[error("{at}: {source}")]
    Budget {
        /// The layer.
        at: String,
        /// The limit.
        source: BudgetReached,
    },
    /// The visitor gave up.
    #[error("{at}: {source}")]
    Visitor {
        /// The layer.
        at: String,
        /// What it says.
        source: io::Error,
    },
}
