//! One file, and the archives in it.
//!
//! In: the outermost archive. Out: [`FileFacts`]. Odd: archives in archives wait in a list; depth, number and unpacked bytes
//! are bounded, and the same bytes are read once. What is stored without compression, as Spring Boot does, is read where
//! it lies; the rest is unpacked when its turn comes, so that only the archives on the way down to it are in memory.

use std::{
    borrow::Cow,
    cell::Cell,
    collections::{BTreeMap, HashSet},
    fmt::Write as _,
    io::{self, Read},
    rc::Rc,
};

use plimsoll_image::Budget;
use ring::digest;

use super::{
    HEAD, MAVEN,
    artifact::{self, Artifact, Identity, Properties},
    is_archive, is_wanted,
    manifest::{self, Manifest},
    pom::{self, Pom},
};
use crate::{
    content::Content,
    facts::{FileFacts, PackageFact, Problem, clip},
    packages::{
        MAX_PACKAGES,
        zip::{Archive, Body, Entry, Fuel},
    },
    parser::{ClaimedFile, ParseError},
};

/// A `pom.properties`, `pom.xml` or manifest that is larger holds something else.
const MAX_METADATA: u64 = 1 << 20;
/// Artifacts that one archive describes, those copied into it counted.
const MAX_DESCRIBED: usize = 20_000;
/// Unpacked archives that are in memory at a time.
const MAX_HELD: u64 = 192 << 20;
/// Archives in one file, nested ones counted.
const MAX_ARCHIVES: usize = 10_000;
/// Bytes that are hashed at once.
const CHUNK: usize = 64 << 10;

/// Where an archive is.
struct Place {
    /// Its file name.
    name: String,
    /// Its path inside the outermost archive; `None` for that one.
    inner: Option<String>,
    depth: usize,
}

impl Place {
    /// For the start of a sentence.
    fn shown(&self) -> Cow<'_, str> {
        let inner = self.inner.as_deref();
        inner.map_or(Cow::Borrowed(""), |inner| Cow::Owned(format!("{}: ", clip(inner))))
    }
}

/// An archive's bytes: a part of the outermost archive, or of one that was unpacked.
#[derive(Clone)]
struct Held<'f> {
    whole: Whole<'f>,
    start: u64,
    length: u64,
}

#[derive(Clone)]
enum Whole<'f> {
    File(Content<'f>),
    Unpacked(Rc<Unpacked>),
}

/// Counted as long as it is in memory.
struct Unpacked {
    bytes: Vec<u8>,
    held: Rc<Cell<u64>>,
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        self.held.set(self.held.get().saturating_sub(length(&self.bytes)));
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

impl Held<'_> {
    fn content(&self) -> Content<'_> {
        let whole = match &self.whole {
            Whole::File(content) => *content,
            Whole::Unpacked(unpacked) => Content::of_bytes(&unpacked.bytes),
        };
        whole.part(self.start, self.length).unwrap_or_else(|| Content::of_bytes(&[]))
    }
}

/// An archive in an archive that is still to be read.
struct Nested<'f> {
    place: Place,
    parent: Held<'f>,
    body: Body,
}

/// What has been read of a file and what is still to be read.
pub(super) struct Reading<'f> {
    budget: &'f Budget,
    fuel: Fuel<'f>,
    /// Whether the archive belongs to a Java runtime.
    is_of_runtime: bool,
    pending: Vec<Nested<'f>>,
    seen: HashSet<[u8; 32]>,
    archives: usize,
    /// Bytes of unpacked archives that are in memory.
    held: Rc<Cell<u64>>,
    facts: FileFacts,
}

/// What an archive says of one artifact in it.
#[derive(Default)]
struct Described {
    properties: Properties,
    pom: Pom,
}

impl<'f> Reading<'f> {
    /// Reads a file and the archives in it.
    ///
    /// # Errors
    /// When the file itself is no archive.
    pub(super) fn of(file: &ClaimedFile<'f>) -> Result<FileFacts, ParseError> {
        let content = file.content;
        let mut reading = Self {
            budget: file.budget,
            fuel: Fuel::new(content.size(), file.budget),
            is_of_runtime: is_of_runtime(file.path.as_bytes()),
            pending: Vec::new(),
            seen: HashSet::new(),
            archives: 0,
            held: Rc::new(Cell::new(0)),
            facts: FileFacts::default(),
        };
        let outermost = Held { whole: Whole::File(content), start: 0, length: content.size() };
        let name = String::from_utf8_lossy(file.path.name()).into_owned();
        let archive = Archive::open(content)
            .map_err(|problem| ParseError::Syntax { at: "zip".to_owned(), problem })?;
        reading.read(&archive, &Place { name, inner: None, depth: 0 }, &outermost);
        drop(archive);
        while let Some(nested) = reading.pending.pop() {
            if let Err(problem) = reading.open(&nested) {
                let detail = format!("{}{}", nested.place.shown(), problem.detail);
                reading.facts.note(Problem { detail, ..problem });
            }
        }
        Ok(reading.facts)
    }

    fn open(&mut self, nested: &Nested<'f>) -> Result<(), Problem> {
        let held = self.hold(nested)?;
        let content = held.content();
        let path = nested.place.inner.as_deref().unwrap_or_default().as_bytes();
        let head = content.range(0, content.size().min(HEAD)).unwrap_or_default();
        if !is_wanted(path, &head) {
            return Ok(());
        }
        let archive = Archive::open(content).map_err(Problem::unreadable)?;
        self.read(&archive, &nested.place, &held);
        Ok(())
    }

    /// The bytes of a nested archive: where they lie, if they are stored as they are.
    fn hold(&mut self, nested: &Nested<'f>) -> Result<Held<'f>, Problem> {
        let Nested { parent, body, .. } = nested;
        if body.is_stored() {
            let start = parent.start.saturating_add(body.start);
            return Ok(Held { whole: parent.whole.clone(), start, length: body.length });
        }
        let limit = self.budget.max_claimed_file_bytes.min(MAX_HELD - self.held.get());
        let bytes = body.unpack(parent.content(), limit, &mut self.fuel)?;
        self.held.set(self.held.get().saturating_add(length(&bytes)));
        let length = length(&bytes);
        let unpacked = Rc::new(Unpacked { bytes, held: Rc::clone(&self.held) });
        Ok(Held { whole: Whole::Unpacked(unpacked), start: 0, length })
    }

    fn read(&mut self, archive: &Archive<'_>, place: &Place, held: &Held<'f>) {
        for anomaly in &archive.anomalies {
            self.facts.note(Problem::anomaly(format!("{}{anomaly}", place.shown())));
        }
        let mut described: BTreeMap<&[u8], Described> = BTreeMap::new();
        let (mut manifest, mut is_cut) = (None, false);
        for entry in &archive.entries {
            let name = archive.name(entry);
            if let Some((folder, file)) = maven_folder(name) {
                if described.len() >= MAX_DESCRIBED && !described.contains_key(folder) {
                    is_cut = true;
                    continue;
                }
                let Some(bytes) = self.unpack(archive, entry, place) else { continue };
                let described = described.entry(folder).or_default();
                match file {
                    MavenFile::Properties => described.properties = Properties::parse(&bytes),
                    MavenFile::Pom => described.pom = pom::parse(&bytes),
                }
            } else if name.eq_ignore_ascii_case(b"META-INF/MANIFEST.MF") && manifest.is_none() {
                manifest = self.unpack(archive, entry, place);
            } else if is_archive(name) {
                self.nest(archive, entry, place, held);
            }
        }
        if is_cut {
            self.facts.note(Problem::budget(format!(
                "{}artifacts of one archive: the limit of {MAX_DESCRIBED} is reached",
                place.shown()
            )));
        }
        let artifacts = described.into_iter().filter_map(|(folder, described)| {
            artifact::described(folder, described.properties, described.pom)
        });
        let artifacts: Vec<Artifact> = artifacts.collect();
        let main = manifest::parse(manifest.as_deref().unwrap_or_default());
        match artifact::identify(&place.name, &main, archive, &artifacts) {
            Identity::Own(artifact) => self.add(artifact, place, Some(archive.content)),
            Identity::Unknown if artifacts.is_empty() => self.note_unknown(archive, place, &main),
            Identity::Described | Identity::Unknown => {}
        }
        for artifact in artifacts {
            self.add(artifact, place, None);
        }
    }

    /// A library that nobody can name is something that could not be looked at; programs of one's own have no advisories.
    fn note_unknown(&mut self, archive: &Archive<'_>, place: &Place, manifest: &Manifest) {
        let classes = archive.names().filter(|name| artifact::is_class(name)).count();
        if classes == 0 || self.is_of_runtime || artifact::is_application(manifest, archive) {
            return;
        }
        let sha1 = sha1(archive.content).map(|sha1| format!("; its SHA-1 is {sha1}"));
        self.facts.note(Problem::unreadable(format!(
            "{}which library this is cannot be told: {classes} classes without a name and a version{}",
            place.shown(),
            sha1.unwrap_or_default()
        )));
    }

    /// `archive` are the bytes of what is an artifact by its name and manifest alone: an index may know better.
    fn add(&mut self, artifact: Artifact, place: &Place, archive: Option<Content<'_>>) {
        if self.facts.packages.len() >= MAX_PACKAGES {
            self.facts.note(Problem::budget(format!(
                "packages of one file: the limit of {MAX_PACKAGES} is reached"
            )));
            return;
        }
        let mut extra = BTreeMap::new();
        let mut set = |key: &str, value: Option<String>| {
            extra.extend(value.map(|value| (key.to_owned(), value)));
        };
        set("recognised_by", Some(artifact.evidence.to_owned()));
        set("group", artifact.doubt.map(str::to_owned));
        set("license", artifact.license);
        set("sha1", archive.and_then(sha1));
        self.facts.packages.push(PackageFact {
            ecosystem: Some(MAVEN.to_owned()),
            namespace: artifact.group,
            name: artifact.name,
            version: artifact.version,
            inner: place.inner.clone(),
            extra,
            ..PackageFact::default()
        });
    }

    fn unpack(&mut self, archive: &Archive<'_>, entry: &Entry, place: &Place) -> Option<Vec<u8>> {
        let body = archive.body(entry);
        let unpack = |body: Body| body.unpack(archive.content, MAX_METADATA, &mut self.fuel);
        match body.and_then(unpack) {
            Ok(bytes) => Some(bytes),
            Err(problem) => {
                let name = clip(&String::from_utf8_lossy(archive.name(entry)));
                let detail = format!("{}{name}: {}", place.shown(), problem.detail);
                self.facts.note(Problem { detail, ..problem });
                None
            }
        }
    }

    fn nest(&mut self, archive: &Archive<'_>, entry: &Entry, place: &Place, held: &Held<'f>) {
        let path = archive.name(entry);
        // A folder's name may end in `.jar` too.
        if path.ends_with(b"/") || entry.compressed == 0 {
            return;
        }
        let path = String::from_utf8_lossy(path);
        let inner = match &place.inner {
            Some(outer) => format!("{outer}!/{path}"),
            None => path.into_owned(),
        };
        match self.may_nest(archive, entry, place.depth + 1) {
            Ok(Some(body)) => {
                self.archives += 1;
                let name = inner.rsplit('/').next().unwrap_or_default().to_owned();
                let place = Place { name, inner: Some(inner), depth: place.depth + 1 };
                self.pending.push(Nested { place, parent: held.clone(), body });
            }
            Ok(None) => {}
            Err(problem) => {
                let detail = format!("{}: {}", clip(&inner), problem.detail);
                self.facts.note(Problem { detail, ..problem });
            }
        }
    }

    /// Where the archive's bytes are, if they are within the limits and new.
    fn may_nest(
        &mut self,
        archive: &Archive<'_>,
        entry: &Entry,
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
        let digest = hash(body.packed(archive.content), &digest::SHA256)
            .map_err(|error| Problem::unreadable(error.to_string()))?;
        let is_new = self.seen.insert(digest.as_ref().try_into().unwrap_or_default());
        Ok(is_new.then_some(body))
    }
}

/// A runtime's own archives go by the runtime's version.
fn is_of_runtime(path: &[u8]) -> bool {
    let mut parts = path.split(|&byte| byte == b'/');
    parts.any(|part| part == b"jvm" || part == b"jre" || part == b"jmods")
}

enum MavenFile {
    Properties,
    Pom,
}

/// `META-INF/maven/<group>/<artifact>/pom.properties` or `pom.xml`, also below `WEB-INF/classes/` and the like, and the
/// folder that it is in.
fn maven_folder(name: &[u8]) -> Option<(&[u8], MavenFile)> {
    let (folder, file) =
        match (name.strip_suffix(b"/pom.properties"), name.strip_suffix(b"/pom.xml")) {
            (Some(folder), _) => (folder, MavenFile::Properties),
            (_, Some(folder)) => (folder, MavenFile::Pom),
            _ => return None,
        };
    let mut parts = folder.rsplit(|&byte| byte == b'/');
    let (_artifact, _group) = (parts.next()?, parts.next()?);
    (parts.next() == Some(b"maven") && parts.next() == Some(b"META-INF")).then_some((folder, file))
}

/// As indexes of Maven repositories have it.
fn sha1(content: Content<'_>) -> Option<String> {
    let digest = hash(content, &digest::SHA1_FOR_LEGACY_USE_ONLY).ok()?;
    let mut text = String::with_capacity(40);
    for byte in digest.as_ref() {
        let _written = write!(text, "{byte:02x}");
    }
    Some(text)
}

fn hash(content: Content<'_>, algorithm: &'static digest::Algorithm) -> io::Result<digest::Digest> {
    let mut context = digest::Context::new(algorithm);
    if let Some(bytes) = content.bytes() {
        context.update(bytes);
        return Ok(context.finish());
    }
    let (mut cursor, mut chunk) = (content.cursor(), vec![0; CHUNK]);
    loop {
        match cursor.read(&mut chunk)? {
            0 => return Ok(context.finish()),
            read => context.update(chunk.get(..read).unwrap_or_default()),
        }
    }
}
