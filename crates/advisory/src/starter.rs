//! The starter feed: about a hundred famous vulnerabilities, compiled into the program.
//!
//! In: the files of `starter/`, in the shapes that osv.dev, CISA and FIRST publish. Out: a snapshot like any other, but
//! marked. Source: `starter/README.md`. Odd: it goes through the same readers as a real feed, so a wrong file in it fails
//! the tests, not a user.

use std::path::{Path, PathBuf};

use crate::{
    collection::Collection,
    feed::FeedError,
    import::{self, ImportOptions, ImportSummary},
};

/// Path within `starter/` and content of each file.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/starter.rs"));

/// Compiles the built-in starter feed into a snapshot file. A snapshot of an imported feed is not replaced.
///
/// # Errors
/// As [`import`](crate::import()).
pub fn starter_feed(target: &Path) -> Result<ImportSummary, FeedError> {
    let mut collection = Collection::default();
    for (name, bytes) in FILES {
        import::read_named(&PathBuf::from("starter").join(name), bytes, &mut collection)?;
    }
    let options = ImportOptions { starter: true, ..ImportOptions::default() };
    import::install(&collection.resolve(), target, &options, Vec::new(), &mut |_| {})
}
