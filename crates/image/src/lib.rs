//! Reads images as a container runtime does: archives, layouts, root file systems, layers and their merge.
//!
//! In: a path or a stream of bytes that somebody else made. Out: the image's documents ([`ImageDocuments`]), each layer's
//! entries in one pass ([`LayerSource::read_layer`]), and the merged tree ([`Tree`]). Source: OCI image-spec 1.1 for
//! documents and layers; Go's `archive/tar`, which the runtimes use, where archive formats are read differently by
//! different programs. Odd: nothing is ever written under a name that an archive chose, and a layer that no runtime
//! would unpack is an error here too.

mod blob;
mod budget;
pub mod build;
mod codec;
mod config;
mod contents;
mod crew;
mod document;
mod entries;
mod entry;
mod gzip;
mod json;
mod manifest;
mod open;
mod source;
pub mod tar;
mod tree;
mod zstd;

pub use blob::read_blob;
pub use budget::{Budget, BudgetReached, Limit, LimitError, Used, limits};
pub use build::{BuildError, BuiltImage, Compression, ImageBuilder, Layer, LayerBuilder};
pub use codec::digest_bytes;
pub use config::{HistoryEntry, ImageConfig, parse_config};
pub use contents::{RangeSource, read_by_contents};
pub use crew::{Crew, Shift};
pub use document::DocumentError;
pub use entries::{Entries, EntriesBuilder, EntryRef};
pub use entry::{EntryKind, EntryMeta, TreePath};
pub use manifest::{
    Descriptor, Index, IndexEntry, Manifest, ManifestDocument, choose_platform, parse_manifest,
};
pub use open::{
    InputKind, OpenError, SBOM_PATH, StorePlace, StoredImage, StoredLayer, UnknownInputKind,
    input_file, is_compressed, open_path, open_stored, set_spool, spool_file,
};
pub use source::{
    BlobSource, EntryVisitor, FileIdentity, FilePlace, ImageDocuments, LayerDescriptor,
    LayerEntries, LayerOrigin, LayerSource, REGISTRY_BY_CONTENTS, ReadError,
};
pub use tree::{ContentRef, Node, NodeRef, Nodes, Removed, Tree};
