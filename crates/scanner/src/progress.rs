//! What a scan tells while it runs.
//!
//! In: the scan's own steps. Out: calls on a [`Progress`], from several threads. Odd: it is told nothing that the report
//! would not say; a scan with [`NoProgress`] gives the same report.

use std::time::Duration;

/// Receives the steps of a scan; every method may be called from any thread.
pub trait Progress: Sync {
    /// Reading begins: so many layers, so many bytes in all as the manifest states them.
    fn layers_begin(&self, layers: usize, bytes: u64) {
        let _ = (layers, bytes);
    }

    /// One layer is done; `cached` when its facts were known already. `took`: as whoever read it says.
    fn layer_done(&self, bytes: u64, cached: bool, took: Duration) {
        let _ = (bytes, cached, took);
    }

    /// A named step after the layers begins: `merge`, `inspect`, `match`.
    fn step(&self, name: &'static str) {
        let _ = name;
    }
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {}
