//! How much of a hostile image we are willing to read.
//!
//! In: configuration. Out: [`Budget`], passed to everything that reads. Odd: a reached budget does not make the scan
//! fail; it ends the layer (or file) early and becomes a gap that names the limit and its number.

use serde::{Deserialize, Serialize};

/// Limits of one image. Each layer is held against them; a caller that reads several may lower what is left.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Budget {
    /// Layers of one image.
    pub max_layers: usize,
    /// Manifests that one index lists.
    pub max_manifests: usize,
    /// How deep indexes may be nested.
    pub max_index_depth: usize,
    /// Bytes of one compressed layer.
    pub max_compressed_bytes: u64,
    /// Bytes of one layer after decompression.
    pub max_unpacked_bytes: u64,
    /// Unpacked bytes per compressed byte, looked at after [`RATIO_FREE_BYTES`](Self::RATIO_FREE_BYTES) of a stream.
    pub max_ratio: u64,
    /// Entries of one layer or root file system.
    pub max_entries: usize,
    /// Bytes of all paths and link targets of one layer or root file system.
    pub max_names_bytes: u64,
    /// Length of a path or link target.
    pub max_path_bytes: usize,
    /// Extended headers (PAX, GNU long names, sparse maps) of one entry.
    pub max_metadata_bytes: usize,
    /// Regions of one sparse file.
    pub max_sparse_regions: usize,
    /// A manifest, index or configuration.
    pub max_document_bytes: usize,
    /// Window of a zstd frame, as a power of two.
    pub max_window_log: u32,
    /// Bytes of one file that a detector reads; what is larger is a gap.
    pub max_claimed_file_bytes: u64,
    /// How deep archives may be nested in archives.
    pub max_archive_depth: usize,
    /// Bytes of all nested archives of one image.
    pub max_nested_bytes: u64,
    /// Findings of one image.
    pub max_findings: usize,
    /// Whether the unpacked layers of layouts and registries are hashed, too: no limit, but work that a runtime does not
    /// need, since the digest of the blob binds what runs.
    pub verify_diff_ids: bool,
}

impl Budget {
    /// A stream may unpack to this many bytes before its ratio counts.
    pub const RATIO_FREE_BYTES: u64 = 64 << 20;
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            max_layers: 1_000,
            max_manifests: 1_000,
            max_index_depth: 3,
            max_compressed_bytes: 20 << 30,
            max_unpacked_bytes: 60 << 30,
            max_ratio: 200,
            max_entries: 5_000_000,
            max_names_bytes: 512 << 20,
            max_path_bytes: 4_096,
            max_metadata_bytes: 1 << 20,
            max_sparse_regions: 10_000,
            max_document_bytes: 8 << 20,
            max_window_log: 27,
            max_claimed_file_bytes: 512 << 20,
            max_archive_depth: 8,
            max_nested_bytes: 4 << 30,
            max_findings: 200_000,
            verify_diff_ids: false,
        }
    }
}

/// A limit of the [`Budget`] that was reached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: the limit of {limit} is reached (`{name}`)")]
pub struct BudgetReached {
    /// The budget's field.
    pub name: &'static str,
    /// What was counted.
    pub what: &'static str,
    /// The limit.
    pub limit: u64,
}
