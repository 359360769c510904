//! What one pass over one layer learns, as values that can be kept.
//!
//! In: what parsers return. Out: [`LayerFacts`], serialisable, the same for the same bytes. Odd: nothing here knows which
//! distribution a package belongs to or whether its file is visible in the end; both are questions to the merged image.

use std::collections::BTreeMap;

use plimsoll_image::{EntryRef, LayerEntries, TreePath};
use plimsoll_model::{Ecosystem, Gap, GapReason, ImageIdentity, Location, SourcePackage};
use serde::{Deserialize, Serialize};

use crate::{
    malware::{MalwareFacts, Sum},
    sensitive::SecretFacts,
};

/// Everything learnt in one pass over one layer.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct LayerFacts {
    /// The layer's entries.
    pub entries: LayerEntries,
    /// What detectors read, by the entry's position in the layer.
    pub files: BTreeMap<u32, Vec<FileFacts>>,
    /// Positions of entries that were claimed as programs and looked at, sorted; what they say, if anything, stands in
    /// `files`. There may be millions that are none.
    pub programs: Vec<u32>,
    /// Positions of those among them that Linux can run or load, sorted.
    pub executables: Vec<u32>,
}

impl LayerFacts {
    /// The path of an entry of the layer.
    #[must_use]
    pub fn path(&self, entry: u32) -> Option<TreePath> {
        self.entries.entries.get(entry).map(EntryRef::path)
    }

    /// Adds what a second pass read under other paths; the entries stay as they are.
    pub fn add(&mut self, more: Self) {
        for (entry, files) in more.files {
            self.files.entry(entry).or_default().extend(files);
        }
        for (known, more) in
            [(&mut self.programs, more.programs), (&mut self.executables, more.executables)]
        {
            known.extend(more);
            known.sort_unstable();
            known.dedup();
        }
    }
}

/// What one detector read of one file.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct FileFacts {
    /// The detector's id.
    pub detector: String,
    /// The path that it claimed the file under, where that is not the entry's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed: Option<TreePath>,
    /// Packages that the file shows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<PackageFact>,
    /// What the file says about the distribution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution: Option<DistributionFact>,
    /// The file itself, where checks want to see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Fingerprints of the paths that packages of the file own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owned: Vec<u64>,
    /// For packages of the file, by their position in it, fingerprints of some files that are theirs alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub witnesses: Vec<(u32, u64)>,
    /// What packages of the file say of their programs' digests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sums: Vec<Sum>,
    /// What is malicious of the file, and digests of a program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub malware: Option<Box<MalwareFacts>>,
    /// What an SBOM says beyond its packages, where it is scanned in the place of an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sbom: Option<Box<SbomFacts>>,
    /// Secrets in the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secrets: Option<Box<SecretFacts>>,
    /// What could not be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
}

/// What an SBOM says beyond its packages.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct SbomFacts {
    /// `debian-12`, as package URLs write the distribution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distro: Option<String>,
    /// The distribution's name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pretty_name: Option<String>,
    /// The image that we described in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageIdentity>,
    /// What we could not look at then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
    /// For each package, where and by which parser it was found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub found: Vec<(Vec<Location>, Option<String>)>,
}

/// Problems of one file that are told one by one.
const MAX_PROBLEMS: usize = 100;

/// Fingerprints of owned paths that are kept of one file: several times what the largest distributions hold.
pub(crate) const MAX_OWNED: usize = 4_000_000;

impl FileFacts {
    /// Whether the detector found nothing to say.
    pub(crate) fn is_empty(&self) -> bool {
        let Self {
            detector: _,
            claimed: _,
            packages,
            distribution,
            text,
            owned,
            witnesses: _,
            sums,
            malware,
            sbom,
            secrets,
            problems,
        } = self;
        packages.is_empty()
            && distribution.is_none()
            && text.is_none()
            && owned.is_empty()
            && sums.is_empty()
            && malware.is_none()
            && sbom.is_none()
            && secrets.is_none()
            && problems.is_empty()
    }

    /// Adds a problem, which is only put into words while there are few: a file may consist of nothing else.
    pub(crate) fn problem(&mut self, problem: impl FnOnce() -> Problem) {
        match self.problems.len() {
            ..MAX_PROBLEMS => self.problems.push(problem()),
            MAX_PROBLEMS => self.problems.push(Problem::unreadable(format!(
                "has more than {MAX_PROBLEMS} problems; the others are not listed"
            ))),
            _ => {}
        }
    }

    /// Adds a problem; a file with very many of them says so instead.
    pub(crate) fn note(&mut self, problem: Problem) {
        self.problem(|| problem);
    }

    /// Notes files of the package that was added last.
    pub(crate) fn witness(&mut self, files: &[u64]) {
        let last = self.packages.len().checked_sub(1).and_then(|last| u32::try_from(last).ok());
        let files = files.iter().take(MAX_WITNESSES);
        self.witnesses
            .extend(last.into_iter().flat_map(|last| files.clone().map(move |file| (last, *file))));
    }

    /// Notes what a package says of a program's digest; those beyond all sense are left out, and their programs unjudged.
    pub(crate) fn sum(&mut self, sum: Sum) {
        if self.sums.len() < MAX_SUMS {
            self.sums.push(sum);
        } else if !self.problems.iter().any(|problem| problem.reason == GapReason::BudgetReached) {
            self.problems.push(Problem::budget(format!(
                "digests of programs of one file: the limit of {MAX_SUMS} is reached"
            )));
        }
    }

    /// Adds the fingerprint of an owned path, as long as there are not absurdly many.
    pub(crate) fn own(&mut self, fingerprint: u64) {
        if self.owned.len() < MAX_OWNED {
            self.owned.push(fingerprint);
        } else if !self.problems.iter().any(|problem| problem.reason == GapReason::BudgetReached) {
            self.problems.push(Problem::budget(format!(
                "owned paths of one file: the limit of {MAX_OWNED} is reached"
            )));
        }
    }
}

/// Digests of programs that are kept of one file: several times what the largest distributions hold.
const MAX_SUMS: usize = 1_000_000;

/// A name out of a file as it may stand in a sentence: short, and without control characters.
pub(crate) fn clip(name: &str) -> String {
    const MOST: usize = 120;
    let mut clipped: String = name.chars().filter(|c| !c.is_control()).take(MOST).collect();
    if name.chars().nth(MOST).is_some() {
        clipped.push('…');
    }
    clipped
}

/// Files of one package that speak for it.
pub(crate) const MAX_WITNESSES: usize = 8;

/// Something in a file that could not be read, though the rest may have been.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Problem {
    /// Kind of gap.
    pub reason: GapReason,
    /// What happened, as one sentence.
    pub detail: String,
}

impl Problem {
    /// A part of the file that could not be parsed.
    #[must_use]
    pub fn unreadable(detail: impl Into<String>) -> Self {
        Self { reason: GapReason::UnreadableFile, detail: detail.into() }
    }

    /// A reached limit; the detail names it with its number.
    #[must_use]
    pub fn budget(detail: impl Into<String>) -> Self {
        Self { reason: GapReason::BudgetReached, detail: detail.into() }
    }

    /// Something that programs read differently.
    #[must_use]
    pub fn anomaly(detail: impl Into<String>) -> Self {
        Self { reason: GapReason::Anomaly, detail: detail.into() }
    }
}

/// A package as its file shows it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct PackageFact {
    /// OSV name for language packages; `None` for packages of the distribution, whose name the image tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ecosystem: Option<String>,
    /// Release as OSV writes it, where the file itself says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// Scope or group of a package URL: `@babel`, `org.apache.commons`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name without scope or group.
    pub name: String,
    /// Version in full, epoch included.
    pub version: String,
    /// Source package or origin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourcePackage>,
    /// `amd64`, `noarch`, …; empty for language packages.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub architecture: String,
    /// Where inside the file, for packages in archives: `WEB-INF/lib/a.jar`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inner: Option<String>,
    /// Canonical package URL, where the file itself says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purl: Option<String>,
    /// What only this format knows.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, String>,
}

impl PackageFact {
    /// Name as the ecosystem's advisories write it: `@babel/core`, `org.a.b:c`.
    pub(crate) fn full_name(&self, ecosystem: &Ecosystem) -> String {
        match (ecosystem.0.as_str(), &self.namespace) {
            ("Maven", Some(group)) => format!("{group}:{}", self.name),
            // An author is no part of a Perl distribution's name.
            ("CPAN", Some(_)) => self.name.clone(),
            (_, Some(scope)) => format!("{scope}/{}", self.name),
            (_, None) => self.name.clone(),
        }
    }
}

/// What one file says about the distribution.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct DistributionFact {
    /// `ID`, `VERSION_ID`, … of `os-release`; `TEXT` for files that hold one line.
    pub fields: BTreeMap<String, String>,
}
