//! Reads tar archives by the rules of Go's `archive/tar`.
