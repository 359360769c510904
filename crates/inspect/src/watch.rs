//! Who watches the detectors at work.
//!
//! In: which layer, and which file of it, is about to be parsed. Out: whether it may be. Odd: a scan in a process of its own
//! announces each file before it touches it, so that whoever finds the process dead knows which file it died of, and has the
//! next attempt leave that one out.

use plimsoll_image::TreePath;

/// A detector's work on one file.
#[derive(Clone, Copy, Debug)]
pub struct Work<'a> {
    /// Position of the layer, bottom first.
    pub layer: usize,
    /// Position of the entry in the layer.
    pub entry: u32,
    /// The path that the detector claims.
    pub path: &'a TreePath,
    /// The detector's id.
    pub detector: &'static str,
}

/// Watches a scan; every method may be called from any thread, each for the work of that thread.
pub trait Watch: Sync {
    /// A layer is about to be read.
    ///
    /// # Errors
    /// The reason to leave it out, as a sentence.
    fn layer_begins(&self, layer: usize) -> Result<(), String>;

    /// A detector is about to parse a file, whose bytes are in memory.
    ///
    /// # Errors
    /// The reason to leave it out, as a sentence.
    fn file_begins(&self, work: &Work<'_>) -> Result<(), String>;

    /// The thread is back to reading the layer.
    fn file_ends(&self, layer: usize);

    /// The thread is done with the layer.
    fn layer_ends(&self);

    /// Whether anything of the layer is left out, so that what was learnt must not be kept.
    fn leaves_out(&self, layer: usize) -> bool;
}
