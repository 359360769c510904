//! One file per package format. What each reads stands in its head; the list of all is [`parsers`](crate::parsers).

pub(crate) mod apk;
pub(crate) mod cargo;
pub(crate) mod dpkg;
pub(crate) mod go_mod;
pub(crate) mod java;
pub(crate) mod json;
pub(crate) mod lock;
pub(crate) mod npm;
pub(crate) mod php;
pub(crate) mod python;
pub(crate) mod rpm;
pub(crate) mod ruby;
pub(crate) mod sbom;
pub(crate) mod toml;

/// Most packages of one file; a database that claims more is read so far.
pub(crate) const MAX_PACKAGES: usize = 200_000;

/// Longest name or version that is believed: beyond it lies no real package, only memory.
pub(crate) const MAX_WORD: usize = 1_024;
