//! No order: ecosystems whose versions nobody has told how to compare.
//!
//! Odd: a version equals itself, so an advisory's list of versions still matches; any other comparison is an error, which
//! becomes a gap, since a guess would call something "not affected".

use std::cmp::Ordering;

use plimsoll_model::Scheme;

use super::VersionError;

pub(super) fn compare(a: &str, b: &str) -> Result<Ordering, VersionError> {
    let (a, b) = (a.trim(), b.trim());
    if a == b {
        return Ok(Ordering::Equal);
    }
    let reason = "its ecosystem's order of versions is not known";
    Err(VersionError { scheme: Scheme::Unordered, text: a.to_owned(), reason })
}
