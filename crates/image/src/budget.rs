//! How much of a hostile image we are willing to read.
//!
//! In: configuration. Out: [`Budget`], passed to everything that reads. Odd: a reached budget does not make the scan
//! fail; it ends the layer (or file) early and becomes a gap that names the limit and its number. What a whole image may
//! use is counted over all its layers, which are read side by side: which of them is cut short when it is used up depends
//! on who comes first.

mod limits;

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

pub use limits::{Limit, LimitError, limits};
use serde::{Deserialize, Serialize};

use crate::{crew::Crew, entry::EntryMeta, source::LayerEntries};

/// Limits of one image, and what it has used of them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Budget {
    /// Layers of one image.
    pub max_layers: usize,
    /// Manifests that one index lists.
    pub max_manifests: usize,
    /// How deep indexes may be nested.
    pub max_index_depth: usize,
    /// Compressed bytes of all layers.
    pub max_compressed_bytes: u64,
    /// Bytes of all layers after decompression.
    pub max_unpacked_bytes: u64,
    /// Unpacked bytes per compressed byte, looked at after [`RATIO_FREE_BYTES`](Self::RATIO_FREE_BYTES) of a stream.
    pub max_ratio: u64,
    /// Entries of all layers, or of a root file system.
    pub max_entries: usize,
    /// Folders of all layers that paths lead through, whether or not they have an entry.
    pub max_folders: usize,
    /// Bytes of all paths and link targets of all layers, or of a root file system.
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
    /// Files of all layers that detectors read.
    pub max_claimed_files: u64,
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
    /// What is used up. A copy of a budget counts along; [`for_image`](Self::for_image) begins anew.
    #[serde(skip)]
    pub used: Used,
    /// The threads that read the image, who help one another.
    #[serde(skip)]
    pub crew: Crew,
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
            max_folders: 2_000_000,
            max_names_bytes: 512 << 20,
            max_path_bytes: 4_096,
            max_metadata_bytes: 1 << 20,
            max_sparse_regions: 10_000,
            max_document_bytes: 8 << 20,
            max_window_log: 27,
            max_claimed_files: 500_000,
            max_claimed_file_bytes: 512 << 20,
            max_archive_depth: 8,
            max_nested_bytes: 4 << 30,
            max_findings: 200_000,
            verify_diff_ids: false,
            used: Used::default(),
            crew: Crew::default(),
        }
    }
}

impl Budget {
    /// A stream may unpack to this many bytes before its ratio counts.
    pub const RATIO_FREE_BYTES: u64 = 64 << 20;

    /// The same limits for an image of which nothing was read yet.
    #[must_use]
    pub fn for_image(&self) -> Self {
        Self { used: Used::default(), crew: Crew::default(), ..self.clone() }
    }

    /// Whether a limit of the image as a whole was reached: what was learnt since then may be cut short.
    #[must_use]
    pub fn is_used_up(&self) -> bool {
        self.used.0.is_used_up.load(Ordering::Relaxed)
    }

    /// Counts one more entry with its names.
    pub(crate) fn use_entry(&self, meta: &EntryMeta) -> Result<(), BudgetReached> {
        let link = meta.link.as_ref().map_or(0, Vec::len);
        let names = (meta.path.as_bytes().len() + link) as u64;
        let used = &self.used.0;
        let limit = self.max_entries as u64;
        self.count(&used.entries, 1, limit, "max_entries", "entries of the image")?;
        let limit = self.max_names_bytes;
        self.count(&used.names_bytes, names, limit, "max_names_bytes", "names in the image")
    }

    /// Counts folders that paths lead through: one path may imply thousands.
    pub(crate) fn use_folders(&self, folders: u64) -> Result<(), BudgetReached> {
        let limit = self.max_folders as u64;
        self.count(&self.used.0.folders, folders, limit, "max_folders", "folders of the image")
    }

    pub(crate) fn use_compressed(&self, bytes: u64) -> Result<(), BudgetReached> {
        let what = "compressed bytes of the image";
        let (used, limit) = (&self.used.0.compressed_bytes, self.max_compressed_bytes);
        self.count(used, bytes, limit, "max_compressed_bytes", what)
    }

    pub(crate) fn use_unpacked(&self, bytes: u64) -> Result<(), BudgetReached> {
        let what = "unpacked bytes of the image";
        let (used, limit) = (&self.used.0.unpacked_bytes, self.max_unpacked_bytes);
        self.count(used, bytes, limit, "max_unpacked_bytes", what)
    }

    /// Counts one more file that a detector reads.
    ///
    /// # Errors
    /// [`BudgetReached`]: it must not be read.
    pub fn use_claimed_file(&self) -> Result<(), BudgetReached> {
        let what = "files that detectors read";
        let (used, limit) = (&self.used.0.claimed_files, self.max_claimed_files);
        self.count(used, 1, limit, "max_claimed_files", what)
    }

    /// Counts bytes that were, or are about to be, unpacked from an archive inside the image.
    ///
    /// # Errors
    /// [`BudgetReached`]: no more may be unpacked.
    pub fn use_nested(&self, bytes: u64) -> Result<(), BudgetReached> {
        let what = "bytes of archives in the image";
        let (used, limit) = (&self.used.0.nested_bytes, self.max_nested_bytes);
        self.count(used, bytes, limit, "max_nested_bytes", what)
    }

    /// Counts a layer that need not be read, because what is in it is known: as if it had been read.
    ///
    /// # Errors
    /// [`BudgetReached`]: the layer as a whole is too much, and nothing of it was counted.
    pub fn use_known(
        &self,
        layer: &LayerEntries,
        compressed_bytes: u64,
        claimed_files: u64,
    ) -> Result<(), BudgetReached> {
        let Counters {
            compressed_bytes: compressed,
            unpacked_bytes,
            entries,
            folders,
            names_bytes,
            ..
        } = &*self.used.0;
        let amounts = [
            (compressed, compressed_bytes, self.max_compressed_bytes, "max_compressed_bytes"),
            (unpacked_bytes, layer.unpacked_size, self.max_unpacked_bytes, "max_unpacked_bytes"),
            (entries, layer.entries.len() as u64, self.max_entries as u64, "max_entries"),
            (folders, layer.entries.folders() as u64, self.max_folders as u64, "max_folders"),
            (names_bytes, layer.entries.names_bytes(), self.max_names_bytes, "max_names_bytes"),
            (
                &self.used.0.claimed_files,
                claimed_files,
                self.max_claimed_files,
                "max_claimed_files",
            ),
        ];
        for (position, (used, amount, limit, name)) in amounts.iter().enumerate() {
            let reached = self.count(used, *amount, *limit, name, "what the image holds");
            if reached.is_err() {
                for (used, amount, ..) in amounts.iter().take(position + 1) {
                    used.fetch_sub(*amount, Ordering::Relaxed);
                }
                return reached;
            }
        }
        Ok(())
    }

    fn count(
        &self,
        used: &AtomicU64,
        amount: u64,
        limit: u64,
        name: &'static str,
        what: &'static str,
    ) -> Result<(), BudgetReached> {
        let before = used.fetch_add(amount, Ordering::Relaxed);
        if before.saturating_add(amount) <= limit {
            return Ok(());
        }
        self.used.0.is_used_up.store(true, Ordering::Relaxed);
        Err(BudgetReached { name, what, limit })
    }
}

/// What an image has used of its [`Budget`], counted together by all who read it.
#[derive(Clone, Default, Debug)]
pub struct Used(Arc<Counters>);

#[derive(Default, Debug)]
struct Counters {
    compressed_bytes: AtomicU64,
    unpacked_bytes: AtomicU64,
    entries: AtomicU64,
    folders: AtomicU64,
    names_bytes: AtomicU64,
    claimed_files: AtomicU64,
    nested_bytes: AtomicU64,
    is_used_up: AtomicBool,
}

/// Budgets are the same when their limits are.
impl PartialEq for Used {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Used {}

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
