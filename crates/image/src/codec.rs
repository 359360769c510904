//! Chooses and runs the decompressor.
