//! The scan pipeline, layer cache, ranking and report formats.
