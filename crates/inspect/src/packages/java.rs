//! Java archives: `*.jar`, `*.war`, `*.ear` and their like, and the archives inside them.
//!
//! In: a zip file. Out: a package per `META-INF/maven/<group>/<artifact>/pom.properties`; for an archive that has none of
//! its own, one from its manifest and file name. Source: the JAR file specification; Maven Archiver for
//! `pom.properties`.
//!
//! Odd, and covered by cases in `tests/cases/java/`:
//! * a shaded archive holds the properties of everything that was copied into it: each is a package.
//! * without properties the group is a guess (vendor id, symbolic name, the folder that all classes share), and `extra`
//!   says what the package was recognised by.
//! * archives in archives wait in a list; depth, bytes and ratio are bounded, and the same bytes are read once.

mod artifact;
mod manifest;
mod zip;

use std::{borrow::Cow, collections::HashSet};

use artifact::{Artifact, archive_artifact, properties_artifact};
use plimsoll_image::{Budget, EntryMeta};
use zip::{Archive, Entry, Fuel};

use super::MAX_PACKAGES;
use crate::{
    facts::{FileFacts, PackageFact, Problem},
    parser::{ClaimedFile, ParseError, Parser, Want},
};

const EXTENSIONS: &[&[u8]] =
    &[b".jar", b".war", b".ear", b".par", b".sar", b".kar", b".jpi", b".hpi", b".lpkg"];

/// A `pom.properties` or manifest that is larger holds something else.
const MAX_METADATA: u64 = 1 << 20;
/// One archive in an archive, unpacked.
const MAX_NESTED: u64 = 256 << 20;
/// Archives in one file, nested ones counted.
const MAX_ARCHIVES: usize = 10_000;
/// Problems of one file that are told one by one.
const MAX_PROBLEMS: usize = 50;

/// Reads an archive and what is in it.
#[derive(Debug)]
pub(crate) struct JavaArchive;

impl Parser for JavaArchive {
    fn id(&self) -> &'static str {
        "java"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "*.jar, *.war, *.ear, *.par and archives inside them"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        is_archive(path).then_some(Want::Whole { limit: u64::MAX })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let mut reading = Reading::new(file.bytes.len(), file.budget);
        let name = String::from_utf8_lossy(file.path.name()).into_owned();
        let archive = Archive::open(file.bytes)
            .map_err(|problem| ParseError::Syntax { at: "zip".to_owned(), problem })?;
        reading.read(&archive, &Place { name, inner: None, depth: 0 });
        while let Some((place, bytes)) = reading.pending.pop() {
            match Archive::open(&bytes) {
                Ok(archive) => reading.read(&archive, &place),
                Err(problem) => reading.problem(Problem::unreadable(format!(
                    "{}: {problem}",
                    place.inner.as_deref().unwrap_or_default()
                ))),
            }
        }
        Ok(reading.finish())
    }
}

fn is_archive(name: &[u8]) -> bool {
    EXTENSIONS.iter().any(|extension| {
        name.len() > extension.len()
            && name
                .get(name.len() - extension.len()..)
                .is_some_and(|end| end.eq_ignore_ascii_case(extension))
    })
}

/// Where an archive is.
struct Place {
    /// Its file name.
    name: String,
    /// Its path inside the outermost archive; `None` for that one.
    inner: Option<String>,
    depth: usize,
}

/// What has been read of a file and what is still to be read.
struct Reading<'b> {
    budget: &'b Budget,
    fuel: Fuel,
    pending: Vec<(Place, Vec<u8>)>,
    seen: HashSet<[u8; 32]>,
    archives: usize,
    facts: FileFacts,
    dropped: usize,
}

impl<'b> Reading<'b> {
    fn new(length: usize, budget: &'b Budget) -> Self {
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        // The ratio of a whole stream, applied to everything that this file unpacks to.
        let ratio =
            length.saturating_mul(budget.max_ratio).saturating_add(Budget::RATIO_FREE_BYTES);
        Self {
            budget,
            fuel: Fuel { left: ratio.min(budget.max_nested_bytes) },
            pending: Vec::new(),
            seen: HashSet::new(),
            archives: 0,
            facts: FileFacts::default(),
            dropped: 0,
        }
    }

    fn problem(&mut self, problem: Problem) {
        if self.facts.problems.len() < MAX_PROBLEMS {
            self.facts.problems.push(problem);
        } else {
            self.dropped += 1;
        }
    }

    fn read(&mut self, archive: &Archive<'_>, place: &Place) {
        let here = place
            .inner
            .as_deref()
            .map_or(Cow::Borrowed(""), |inner| Cow::Owned(format!("{inner}: ")));
        for anomaly in &archive.anomalies {
            self.problem(Problem::anomaly(format!("{here}{anomaly}")));
        }
        let mut artifacts: Vec<Artifact> = Vec::new();
        let mut manifest = None;
        for entry in &archive.entries {
            if is_properties(entry.name) {
                if let Some(bytes) = self.unpack(archive, entry, MAX_METADATA, &here) {
                    artifacts.extend(properties_artifact(&bytes, entry.name));
                }
            } else if entry.name.eq_ignore_ascii_case(b"META-INF/MANIFEST.MF") && manifest.is_none()
            {
                manifest = self.unpack(archive, entry, MAX_METADATA, &here);
            } else if is_archive(entry.name) {
                self.nest(archive, entry, place, &here);
            }
        }
        let main = manifest::parse(manifest.as_deref().unwrap_or_default());
        let classes = archive.entries.iter().map(|entry| entry.name);
        artifacts.extend(archive_artifact(&place.name, &main, classes, &artifacts));
        for artifact in artifacts {
            self.add(artifact, place);
        }
    }

    fn add(&mut self, artifact: Artifact, place: &Place) {
        if self.facts.packages.len() >= MAX_PACKAGES {
            self.problem(Problem::budget(format!(
                "packages of one file: the limit of {MAX_PACKAGES} is reached"
            )));
            return;
        }
        let package = PackageFact {
            ecosystem: Some("Maven".to_owned()),
            namespace: artifact.group,
            name: artifact.name,
            version: artifact.version,
            inner: place.inner.clone(),
            extra: [("recognised_by".to_owned(), artifact.evidence.to_owned())].into(),
            ..PackageFact::default()
        };
        self.facts.packages.push(package);
    }

    fn unpack(
        &mut self,
        archive: &Archive<'_>,
        entry: &Entry<'_>,
        limit: u64,
        here: &str,
    ) -> Option<Vec<u8>> {
        match archive.unpack(entry, limit, &mut self.fuel) {
            Ok(bytes) => Some(bytes),
            Err(problem) => {
                let name = String::from_utf8_lossy(entry.name);
                let detail = format!("{here}{name}: {}", problem.detail);
                self.problem(Problem { detail, ..problem });
                None
            }
        }
    }

    fn nest(&mut self, archive: &Archive<'_>, entry: &Entry<'_>, place: &Place, here: &str) {
        let path = String::from_utf8_lossy(entry.name).into_owned();
        // A folder's name may end in `.jar` too.
        if entry.name.ends_with(b"/") || entry.compressed == 0 {
            return;
        }
        let depth = place.depth + 1;
        if depth > self.budget.max_archive_depth || self.archives >= MAX_ARCHIVES {
            let (limit, name) = if self.archives >= MAX_ARCHIVES {
                (MAX_ARCHIVES, "archives of one file")
            } else {
                (self.budget.max_archive_depth, "max_archive_depth")
            };
            self.problem(Problem::budget(format!(
                "{here}{path}: nested archive was not read, the limit of {limit} is reached (`{name}`)"
            )));
            return;
        }
        let stored = archive.stored(entry);
        let digest = ring::digest::digest(&ring::digest::SHA256, stored);
        if !self.seen.insert(digest.as_ref().try_into().unwrap_or_default()) {
            return;
        }
        self.archives += 1;
        let limit = MAX_NESTED.min(self.budget.max_claimed_file_bytes);
        if let Some(bytes) = self.unpack(archive, entry, limit, here) {
            let name = path.rsplit('/').next().unwrap_or_default().to_owned();
            let inner = match &place.inner {
                Some(outer) => format!("{outer}!/{path}"),
                None => path,
            };
            self.pending.push((Place { name, inner: Some(inner), depth }, bytes));
        }
    }

    fn finish(mut self) -> FileFacts {
        if self.dropped > 0 {
            let detail = format!("{} more problems like these", self.dropped);
            self.facts.problems.push(Problem::unreadable(detail));
        }
        self.facts
    }
}

/// `META-INF/maven/<group>/<artifact>/pom.properties`, also below `WEB-INF/classes/` and the like.
fn is_properties(name: &[u8]) -> bool {
    let mut parts = name.rsplit(|&byte| byte == b'/');
    parts.next() == Some(b"pom.properties")
        && parts.next().is_some()
        && parts.next().is_some()
        && parts.next() == Some(b"maven")
        && parts.next() == Some(b"META-INF")
}

#[cfg(test)]
#[path = "java/tests.rs"]
mod tests;
