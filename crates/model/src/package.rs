//! Packages: what is installed in an image.
//!
//! In: what a parser of `plimsoll-inspect` read. Out: [`Package`], one shape for every ecosystem; what only one ecosystem
//! knows goes into `extra`. Odd: a package with the same name and version at several places is one package with several
//! locations.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{digest::Digest, ecosystem::Ecosystem};

/// The package that a binary package was built from.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct SourcePackage {
    /// Name of the source package (`glibc` of `libc6`) or origin.
    pub name: String,
    /// Its version, which may differ from the binary's.
    pub version: String,
}

/// Where something was found.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Location {
    /// Path in the image without a leading slash; bytes that are not UTF-8 stand as U+FFFD.
    pub path: String,
    /// Blob digest of the layer that holds the file; `None` for a root file system folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<Digest>,
}

/// One installed package.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Package {
    /// OSV name without release.
    pub ecosystem: Ecosystem,
    /// Release as OSV writes it behind the ecosystem: `12`, `v3.20`, `22.04:LTS`. `None` for language packages and for
    /// distributions whose release is not known.
    pub release: Option<String>,
    /// Name as the ecosystem's advisories write it: `@babel/core`, `org.a.b:c`.
    pub name: String,
    /// Version in full, epoch included.
    pub version: String,
    /// Source package, where the ecosystem has one.
    pub source: Option<SourcePackage>,
    /// Canonical package URL.
    pub purl: String,
    /// Where it was found, sorted, at least one.
    pub locations: Vec<Location>,
    /// Id of the parser that found it.
    pub found_by: String,
    /// What only this ecosystem knows: `architecture`, `modularity`, `vendor`, `license`, …
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, String>,
}

impl Package {
    /// Name and version that this ecosystem's advisories speak of: the source package's where they name that, else the
    /// package's own. The name of an rpm's source has no epoch; where that is all that differs, the version is the package's own.
    #[must_use]
    pub fn matched_name_and_version(&self) -> (&str, &str) {
        use crate::ecosystem::{MatchedBy, Scheme};
        match (&self.source, self.ecosystem.row().map(|row| row.matched_by)) {
            (Some(source), Some(MatchedBy::Source)) => {
                let is_rpm = self.ecosystem.row().is_some_and(|row| row.scheme == Scheme::Rpm);
                let own = self.version.split_once(':').map(|(_, rest)| rest);
                if is_rpm && own == Some(source.version.as_str()) {
                    (&source.name, &self.version)
                } else {
                    (&source.name, &source.version)
                }
            }
            _ => (&self.name, &self.version),
        }
    }

    /// The order in which packages are listed: ecosystem, name, version, package URL.
    #[must_use]
    pub fn sort_key(&self) -> (&str, &str, &str, &str) {
        (&self.ecosystem.0, &self.name, &self.version, &self.purl)
    }
}
