//! What is kept of an SBOM while it is read, and what it comes to in the end.
//!
//! In: components, one by one, from a reader of one format. Out: [`Document`]. Odd: a distribution's packages do not
//! always say which release they are of; the document's component for the operating system then does, and it may come
//! last.

use plimsoll_model::{Location, properties::ImageProperties};

use super::{
    NO_SBOM,
    component::{Component, Outcome},
};
use crate::{
    distribution::{self, Distribution},
    facts::{FileFacts, PackageFact, Problem, SbomFacts, clip},
    packages::{MAX_PACKAGES, MAX_WORD},
    parser::ParseError,
};

/// Bytes that the packages of one document may take: what a document repeats takes more here than there.
const MAX_KEPT: usize = 48 << 20;

/// The kinds of documents that are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Format {
    CycloneDx,
    Spdx2,
    Spdx3,
    Syft,
}

/// A package with what only matters where the document is all that there is.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) fact: PackageFact,
    /// Where the document says that the package was found.
    pub(super) locations: Vec<Location>,
    /// By which of our parsers.
    pub(super) found_by: Option<String>,
    /// The package URL's `distro`.
    pub(super) distro: Option<String>,
}

impl Entry {
    /// Bytes that it takes, roughly.
    fn size(&self) -> usize {
        let fact = &self.fact;
        let texts = [
            fact.ecosystem.as_ref(),
            fact.namespace.as_ref(),
            Some(&fact.name),
            Some(&fact.version),
            fact.source.as_ref().map(|source| &source.name),
            fact.source.as_ref().map(|source| &source.version),
            fact.purl.as_ref(),
        ];
        let texts = texts.into_iter().flatten().map(String::len);
        let extra = fact.extra.iter().map(|(key, value)| key.len() + value.len() + 64);
        let places = self.locations.iter().map(|place| place.path.len() + size_of::<Location>());
        texts.chain(extra).chain(places).fold(size_of::<Self>(), usize::saturating_add)
    }
}

/// What a document says.
#[derive(Debug)]
pub(super) struct Document {
    /// `None`: it is no SBOM that we know.
    pub(super) format: Option<Format>,
    pub(super) entries: Vec<Entry>,
    /// The distribution that it names, as package URLs write it, and for people.
    distro: Option<String>,
    pretty_name: Option<String>,
    /// What we once said of the image.
    image: ImageProperties,
    pub(super) problems: Vec<Problem>,
}

impl Document {
    /// What it shows: of an image that it lies in packages, in the place of an image everything.
    pub(super) fn into_facts(self, is_in_image: bool) -> FileFacts {
        let mut facts = FileFacts::default();
        let mut found = Vec::new();
        for entry in self.entries {
            facts.packages.push(entry.fact);
            if !is_in_image {
                found.push((entry.locations, entry.found_by));
            }
        }
        if !is_in_image {
            facts.sbom = Some(Box::new(SbomFacts {
                distro: self.distro,
                pretty_name: self.pretty_name,
                image: self.image.image(),
                gaps: self.image.gaps().to_vec(),
                found,
            }));
        }
        self.problems.into_iter().for_each(|problem| facts.note(problem));
        facts
    }
}

/// Things of one kind that are counted and not listed.
#[derive(Debug, Default)]
struct Count {
    number: u64,
    first: String,
}

impl Count {
    fn add(&mut self, name: &str) {
        if self.number == 0 {
            self.first = clip(name);
        }
        self.number += 1;
    }

    fn problem(&self, what: &str) -> Option<Problem> {
        let Self { number, first } = self;
        (*number > 0)
            .then(|| Problem::unreadable(format!("{what}: {number}, the first is `{first}`")))
    }
}

/// Takes what a reader finds.
#[derive(Debug, Default)]
pub(super) struct Builder {
    format: Option<Format>,
    entries: Vec<Entry>,
    /// `debian-12`, of the component for the operating system.
    distro: Option<String>,
    pretty_name: Option<String>,
    image: ImageProperties,
    unidentified: Count,
    malformed: Count,
    /// Bytes that the entries take.
    kept: usize,
    is_full: bool,
    is_too_deep: bool,
    problems: Vec<Problem>,
}

impl Builder {
    /// The reader knows what it reads.
    pub(super) fn is(&mut self, format: Format) {
        self.format.get_or_insert(format);
    }

    pub(super) fn is_if(&mut self, format: Format, is_known: bool) {
        if is_known {
            self.is(format);
        }
    }

    pub(super) const fn is_known(&self) -> bool {
        self.format.is_some()
    }

    /// A kind of document that is known and not read.
    pub(super) fn unread(&mut self, kind: &str) {
        self.problems
            .push(Problem::unreadable(format!("is {kind}, which is not read: convert it to JSON")));
    }

    /// The document cannot be read beyond some place. Whether what comes before is worth reporting.
    pub(super) fn broken(&mut self, error: &ParseError) -> bool {
        let is_begun = !self.entries.is_empty();
        if is_begun {
            let detail = format!("{error}; only what comes before was read");
            self.problems.push(Problem::unreadable(detail));
        }
        is_begun
    }

    /// A component that is not what its format wants.
    pub(super) fn malformed(&mut self, problem: &str) {
        self.malformed.add(problem);
    }

    /// Components within components that are not read any more.
    pub(super) const fn too_deep(&mut self) {
        self.is_too_deep = true;
    }

    /// The distribution, by `ID` and `VERSION_ID`.
    pub(super) fn distribution(&mut self, id: &str, version: &str, pretty_name: &str) {
        if id.is_empty() || id.len() + version.len() > MAX_WORD {
            return;
        }
        let distro = if version.is_empty() { id.to_owned() } else { format!("{id}-{version}") };
        self.distro.get_or_insert(distro);
        if !pretty_name.is_empty() {
            self.pretty_name.get_or_insert_with(|| clip(pretty_name));
        }
    }

    /// Our own properties of the image or document.
    pub(super) fn image_property(&mut self, name: &str, value: &str) {
        self.image.add(name, value);
    }

    pub(super) fn component(&mut self, component: Component) {
        if self.is_full {
            return;
        }
        if component.is_operating_system() {
            self.distribution(&component.name, &component.version, &component.description);
        }
        match component.outcome() {
            Outcome::Package(entry) => self.keep(*entry),
            Outcome::Unidentified(name) => self.unidentified.add(&name),
            Outcome::Else => {}
        }
    }

    fn keep(&mut self, entry: Entry) {
        let kept = self.kept.saturating_add(entry.size());
        if self.entries.len() >= MAX_PACKAGES || kept > MAX_KEPT {
            self.is_full = true;
            return;
        }
        self.kept = kept;
        self.entries.push(entry);
    }

    /// Gives a package its licence when it was found elsewhere in the document.
    pub(super) fn licence(&mut self, entry: usize, licence: &str) {
        if let Some(entry) = self.entries.get_mut(entry) {
            entry.fact.extra.entry("license".to_owned()).or_insert_with(|| clip(licence));
        }
    }

    /// The position of the package that came last.
    pub(super) fn last(&self) -> Option<usize> {
        self.entries.len().checked_sub(1)
    }

    pub(super) fn finish(mut self) -> Document {
        if self.format.is_none() && self.problems.is_empty() {
            self.problems.push(Problem::unreadable(NO_SBOM));
        }
        let distribution = self.distro.as_deref().and_then(distribution::by_distro);
        for entry in &mut self.entries {
            release(entry, distribution.as_ref());
        }
        self.problems.extend(self.unidentified.problem(
            "components without a version or a package URL that can be read are not looked at",
        ));
        self.problems.extend(self.malformed.problem("components that cannot be read"));
        if self.is_full {
            self.problems.push(Problem::budget(format!(
                "packages of one SBOM: the limit of {MAX_PACKAGES}, or of {MAX_KEPT} bytes that they take, is reached"
            )));
        }
        if self.is_too_deep {
            self.problems.push(Problem::budget(format!(
                "components within components: the limit of {} levels is reached",
                super::json::MAX_NESTING
            )));
        }
        Document {
            format: self.format,
            entries: self.entries,
            distro: self.distro,
            pretty_name: self.pretty_name,
            image: self.image,
            problems: self.problems,
        }
    }
}

/// The release by the package's own `distro`, else by the document's operating system.
fn release(entry: &mut Entry, document: Option<&Distribution>) {
    let fact = &mut entry.fact;
    if fact.release.is_some() {
        return;
    }
    let Some(ecosystem) = &fact.ecosystem else { return };
    let own = entry.distro.as_deref().and_then(distribution::by_distro);
    let named = own.as_ref().or(document).filter(|named| named.ecosystem.0 == *ecosystem);
    fact.release = named.and_then(|named| named.release.clone());
}
