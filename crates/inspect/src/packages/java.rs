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
mod groups;
mod manifest;
mod zip;

use std::{borrow::Cow, collections::HashSet, rc::Rc};

use artifact::{Artifact, archive_artifact, properties_artifact};
use plimsoll_image::{Budget, EntryMeta};
use zip::{Archive, Body, Entry, Fuel};

use super::MAX_PACKAGES;
use crate::{
    facts::{FileFacts, PackageFact, Problem, clip},
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

/// Reads an archive and what is in it.
#[derive(Debug)]
pub(crate) struct JavaArchive;

impl Parser for JavaArchive {
    fn id(&self) -> &'static str {
        "java"
    }

    fn version(&self) -> u32 {
        2
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
        reading.read(&archive, &Place { name, inner: None, depth: 0 }, None);
        while let Some(nested) = reading.pending.pop() {
            reading.open(file.bytes, &nested);
        }
        Ok(reading.facts)
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

/// An archive in an archive that is still to be read. It is unpacked when its turn comes, so that only the archives on the
/// way down to it are in memory.
struct Nested {
    place: Place,
    /// The archive that holds it; `None` for the outermost.
    parent: Option<Rc<Vec<u8>>>,
    body: Body,
}

/// What has been read of a file and what is still to be read.
struct Reading<'b> {
    budget: &'b Budget,
    fuel: Fuel<'b>,
    pending: Vec<Nested>,
    seen: HashSet<[u8; 32]>,
    archives: usize,
    facts: FileFacts,
}

impl<'b> Reading<'b> {
    fn new(length: usize, budget: &'b Budget) -> Self {
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        // The ratio of a whole stream, applied to everything that this file unpacks to.
        let ratio =
            length.saturating_mul(budget.max_ratio).saturating_add(Budget::RATIO_FREE_BYTES);
        Self {
            budget,
            fuel: Fuel { left: ratio.min(budget.max_nested_bytes), budget },
            pending: Vec::new(),
            seen: HashSet::new(),
            archives: 0,
            facts: FileFacts::default(),
        }
    }

    fn open(&mut self, outermost: &[u8], nested: &Nested) {
        let here = nested.place.inner.as_deref().map(clip).unwrap_or_default();
        let parent = nested.parent.as_ref().map_or(outermost, |parent| parent.as_slice());
        let limit = MAX_NESTED.min(self.budget.max_claimed_file_bytes);
        match nested.body.unpack(parent, limit, &mut self.fuel) {
            Ok(bytes) => {
                let bytes = Rc::new(bytes);
                match Archive::open(&bytes) {
                    Ok(archive) => self.read(&archive, &nested.place, Some(&bytes)),
                    Err(problem) => {
                        self.facts.note(Problem::unreadable(format!("{here}: {problem}")))
                    }
                }
            }
            Err(problem) => {
                let detail = format!("{here}: {}", problem.detail);
                self.facts.note(Problem { detail, ..problem });
            }
        }
    }

    fn read(&mut self, archive: &Archive<'_>, place: &Place, bytes: Option<&Rc<Vec<u8>>>) {
        let here = place
            .inner
            .as_deref()
            .map_or(Cow::Borrowed(""), |inner| Cow::Owned(format!("{}: ", clip(inner))));
        for anomaly in &archive.anomalies {
            self.facts.note(Problem::anomaly(format!("{here}{anomaly}")));
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
                self.nest(archive, entry, place, bytes);
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
            self.facts.note(Problem::budget(format!(
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
        let body = archive.body(entry);
        match body.and_then(|body| body.unpack(archive.bytes, limit, &mut self.fuel)) {
            Ok(bytes) => Some(bytes),
            Err(problem) => {
                let name = clip(&String::from_utf8_lossy(entry.name));
                let detail = format!("{here}{name}: {}", problem.detail);
                self.facts.note(Problem { detail, ..problem });
                None
            }
        }
    }

    fn nest(
        &mut self,
        archive: &Archive<'_>,
        entry: &Entry<'_>,
        place: &Place,
        bytes: Option<&Rc<Vec<u8>>>,
    ) {
        // A folder's name may end in `.jar` too.
        if entry.name.ends_with(b"/") || entry.compressed == 0 {
            return;
        }
        let path = String::from_utf8_lossy(entry.name).into_owned();
        let inner = match &place.inner {
            Some(outer) => format!("{outer}!/{path}"),
            None => path,
        };
        match self.may_nest(archive, entry, place.depth + 1) {
            Ok(Some(body)) => {
                self.archives += 1;
                let name = inner.rsplit('/').next().unwrap_or_default().to_owned();
                let place = Place { name, inner: Some(inner), depth: place.depth + 1 };
                self.pending.push(Nested { place, parent: bytes.cloned(), body });
            }
            Ok(None) => {}
            Err(problem) => {
                let detail = format!("{}: {}", clip(&inner), problem.detail);
                self.facts.note(Problem { detail, ..problem });
            }
        }
    }

    /// The archive's bytes, if they are within the limits and new.
    fn may_nest(
        &mut self,
        archive: &Archive<'_>,
        entry: &Entry<'_>,
        depth: usize,
    ) -> Result<Option<Body>, Problem> {
        let limit = |limit: usize, name: &str| {
            Problem::budget(format!(
                "nested archive was not read, the limit of {limit} is reached (`{name}`)"
            ))
        };
        if depth > self.budget.max_archive_depth {
            return Err(limit(self.budget.max_archive_depth, "max_archive_depth"));
        }
        if self.archives >= MAX_ARCHIVES {
            return Err(limit(MAX_ARCHIVES, "archives of one file"));
        }
        let body = archive.body(entry)?;
        let digest = ring::digest::digest(&ring::digest::SHA256, body.stored(archive.bytes));
        let is_new = self.seen.insert(digest.as_ref().try_into().unwrap_or_default());
        Ok(is_new.then_some(body))
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
