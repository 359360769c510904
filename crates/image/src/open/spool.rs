//! Space on disk for what must be unpacked before it can be read.
//!
//! In: nothing. Out: a file without a name, gone with its last reader. Odd: a process that may not make files has another one
//! make them ([`set_spool`]); that is a property of the process, like its working directory, and so it is set once for all.

use std::{fs::File, io, sync::OnceLock};

type Maker = Box<dyn Fn() -> io::Result<File> + Send + Sync>;

static MAKER: OnceLock<Maker> = OnceLock::new();

/// From now on, files for unpacking come from `maker` instead of the system's folder for temporary files. The first call
/// counts.
pub fn set_spool(maker: impl Fn() -> io::Result<File> + Send + Sync + 'static) {
    MAKER.get_or_init(|| Box::new(maker));
}

/// A new empty file without a name, open for reading and writing.
///
/// # Errors
/// There is no place for temporary files, or whoever makes them refuses.
pub fn spool_file() -> io::Result<File> {
    MAKER.get().map_or_else(tempfile::tempfile, |maker| maker())
}
