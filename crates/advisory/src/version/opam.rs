//! opam's order: dpkg's, without an epoch.
//!
//! Source: opam manual, "Version ordering"; opam, `opamVersionCompare.ml`. Odd: a colon is a character like any other; an
//! empty revision is none (`1.0-` equals `1.0`).

use std::cmp::Ordering;

use super::dpkg::compare_part;

pub(super) struct Version<'a> {
    upstream: &'a str,
    revision: &'a str,
}

impl<'a> Version<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Err("it is empty");
        }
        if text.bytes().any(|byte| !byte.is_ascii_graphic()) {
            return Err("it has a blank or a character that is not ASCII");
        }
        let (upstream, revision) = text.rsplit_once('-').unwrap_or((text, ""));
        Ok(Self { upstream, revision })
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        compare_part(self.upstream, other.upstream)
            .then_with(|| compare_part(self.revision, other.revision))
    }
}
