//! The merged image as checks see it.
//!
//! In: the tree, the layers' facts, configuration and history. Out: look-ups that follow links as the running system
//! would, and say whether a file is absent or could not be read. Odd: files are read-only texts that the one pass kept;
//! a check can see what some check claimed and nothing else.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
};

use plimsoll_image::{EntryKind, ImageConfig, ImageDocuments, Node, NodeRef, Tree, TreePath};
use plimsoll_model::{BuildStep, Location};

use crate::{
    baseline::tries,
    facts::LayerFacts,
    history::{Instruction, build_steps, command_words, parse_history},
    inspection::visible::{Seen, VisibleFile},
    paths::{self, Fingerprints},
    text,
    wanted::Pattern,
};

/// Files of one folder, or like one pattern, that a check looks at.
pub(crate) const MAX_FILES_PER_FOLDER: usize = 2_000;

/// A file that a check claimed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileText<'a> {
    /// Where it is, under the name that was asked for.
    pub location: Location,
    /// What is in it; bytes that are not UTF-8 stand as U+FFFD.
    pub text: &'a str,
}

/// A file that is there but was not read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unread {
    /// Its path.
    pub path: String,
    /// Why.
    pub detail: String,
}

/// The merged image.
#[derive(Debug)]
pub struct View<'a> {
    tree: &'a Tree,
    layers: &'a [LayerFacts],
    documents: &'a ImageDocuments,
    config: &'a ImageConfig,
    instructions: Vec<Instruction>,
    special: Vec<NodeRef<'a>>,
    /// Texts, by the paths that checks claimed them under, sorted.
    claimed: Vec<&'a TreePath>,
    programs: BTreeSet<&'a [u8]>,
    /// Versions of libraries by their names.
    libraries: BTreeMap<&'a str, &'a str>,
    words: Vec<String>,
    owned: Fingerprints,
    /// Estimated microseconds that passwords may still be tried for.
    password_time: Cell<u64>,
}

impl<'a> View<'a> {
    /// `owned` are the fingerprints of paths that packages of the distribution own.
    pub(crate) fn new(
        tree: &'a Tree,
        layers: &'a [LayerFacts],
        documents: &'a ImageDocuments,
        config: &'a ImageConfig,
        seen: &'a Seen<'a>,
        owned: Fingerprints,
    ) -> Self {
        let base = annotation(documents, config, "org.opencontainers.image.base.name");
        let instructions = parse_history(config, documents.layers.len(), base.as_deref());
        let words = config.entrypoint.iter().chain(&config.cmd).flatten();
        let words = command_words(&words.map(String::as_str).collect::<Vec<_>>());
        let is_text = |file: &&VisibleFile<'_>| file.facts.detector == text::ID;
        let mut claimed: Vec<&TreePath> =
            seen.files.iter().filter(is_text).map(|file| &file.path).collect();
        claimed.sort();
        claimed.dedup();
        let packages = seen.files.iter().flat_map(|file| &file.facts.packages);
        let libraries = packages
            .filter(|package| package.ecosystem.is_some())
            .map(|package| (package.name.as_str(), package.version.as_str()));
        Self {
            tree,
            layers,
            documents,
            config,
            instructions,
            special: seen.special.clone(),
            claimed,
            programs: seen.programs.iter().map(|node| node.name()).collect(),
            libraries: libraries.collect(),
            words,
            owned,
            password_time: Cell::new(tries::BUDGET),
        }
    }

    /// What is left of the time that all checks together may take for trying passwords.
    pub(crate) const fn password_time(&self) -> &Cell<u64> {
        &self.password_time
    }

    /// The image's configuration.
    #[must_use]
    pub const fn config(&self) -> &ImageConfig {
        self.config
    }

    /// Whether there is a configuration at all: a folder or a layer alone has none.
    #[must_use]
    pub const fn has_config(&self) -> bool {
        self.documents.config_digest.is_some()
    }

    /// A label of the image, or an annotation of its manifest.
    #[must_use]
    pub(crate) fn annotation(&self, name: &str) -> Option<String> {
        annotation(self.documents, self.config, name)
    }

    /// The image's build instructions, oldest first.
    #[must_use]
    pub(crate) fn instructions(&self) -> &[Instruction] {
        &self.instructions
    }

    /// Names and values of the environment.
    pub fn environment(&self) -> impl Iterator<Item = (&str, &str)> {
        self.config.env.iter().map(|variable| variable.split_once('=').unwrap_or((variable, "")))
    }

    /// Entrypoint and command, as one line.
    #[must_use]
    pub fn command(&self) -> String {
        let words = self.config.entrypoint.iter().chain(&self.config.cmd).flatten();
        words.map(String::as_str).collect::<Vec<_>>().join(" ")
    }

    /// The words of [`Self::command`], those of shell texts in it one by one.
    #[must_use]
    pub(crate) fn command_words(&self) -> &[String] {
        &self.words
    }

    /// Whether a program of one of these names is there, which a check has to ask for ([`Check::programs`](crate::Check)), or
    /// the image's command names one.
    #[must_use]
    pub(crate) fn has_program(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.programs.contains(name.as_bytes())) || self.runs(names)
    }

    /// Whether the image's command names one of these programs.
    #[must_use]
    pub(crate) fn runs(&self, names: &[&str]) -> bool {
        let name = |word: &'_ String| -> Option<usize> {
            let last = word.rsplit('/').next().unwrap_or_default();
            names.iter().position(|name| *name == last)
        };
        self.words.iter().any(|word| name(word).is_some())
    }

    /// Whether a library of an ecosystem is there, by the beginning of its name.
    #[must_use]
    pub(crate) fn has_library(&self, start: &str) -> bool {
        self.libraries.range(start..).next().is_some_and(|(name, _)| name.starts_with(start))
    }

    /// A library's version.
    #[must_use]
    pub(crate) fn library_version(&self, name: &str) -> Option<&'a str> {
        self.libraries.get(name).copied()
    }

    /// The image's build, for people.
    #[must_use]
    pub(crate) fn build_steps(&self) -> Vec<BuildStep> {
        let layers: Vec<_> = self.documents.layers.iter().map(|layer| layer.digest).collect();
        build_steps(&self.instructions, &layers)
    }

    /// Where the texts are that a check claimed and whose paths are like a pattern, sorted.
    #[must_use]
    pub(crate) fn paths(&self, pattern: &Pattern) -> Vec<String> {
        let claimed = self.claimed.iter().filter(|path| pattern.matches(path.as_bytes()));
        claimed
            .take(MAX_FILES_PER_FOLDER)
            .map(|path| String::from_utf8_lossy(path.as_bytes()).into_owned())
            .collect()
    }

    /// What is at a path, links followed.
    #[must_use]
    pub fn node(&self, path: &str) -> Option<NodeRef<'a>> {
        self.tree.resolve_ref(path.as_bytes())
    }

    /// The names in a folder, sorted; a bounded number of them.
    #[must_use]
    pub fn children(&self, folder: &str) -> Vec<Node> {
        self.tree.children(folder.as_bytes()).take(MAX_FILES_PER_FOLDER).collect()
    }

    /// Everything with setuid or setgid bits, or writable by everyone; links are not among them.
    #[must_use]
    pub fn special(&self) -> &[NodeRef<'a>] {
        &self.special
    }

    /// Whether a package of the distribution says that the path is its own.
    #[must_use]
    pub fn is_owned(&self, path: &[u8]) -> bool {
        self.owned.contains(paths::fingerprint(path))
    }

    /// Where a node's bytes come from.
    #[must_use]
    pub fn location(&self, node: NodeRef<'_>) -> Location {
        let layer = node.content().and_then(|content| self.documents.layers.get(content.layer));
        Location {
            path: node.path().display().into_owned(),
            layer: layer.and_then(|layer| layer.digest),
        }
    }

    /// The text of a file that a check claimed, links followed; `None` when there is none.
    ///
    /// # Errors
    /// [`Unread`] when the file is there but could not be read.
    pub fn text(&self, path: &str) -> Result<Option<FileText<'a>>, Unread> {
        let Some(node) = self.tree.resolve_ref(path.as_bytes()) else { return Ok(None) };
        if node.kind() != EntryKind::File {
            return Ok(None);
        }
        let unread = |detail: String| Unread { path: path.to_owned(), detail };
        let files = node
            .content()
            .and_then(|content| self.layers.get(content.layer)?.files.get(&content.entry));
        let mut files = files.into_iter().flatten().filter(|file| file.detector == text::ID);
        let Some(file) = files.next() else {
            return Err(unread("was not read".to_owned()));
        };
        let Some(text) = &file.text else {
            let detail = file.problems.first().map_or("was not read", |problem| &problem.detail);
            return Err(unread(detail.to_owned()));
        };
        let location = Location { path: path.to_owned(), ..self.location(node) };
        Ok(Some(FileText { location, text }))
    }

    /// The texts of the files in a folder whose names `wanted` likes, sorted by name.
    #[must_use]
    pub fn texts(
        &self,
        folder: &str,
        wanted: impl Fn(&[u8]) -> bool,
    ) -> Vec<Result<FileText<'a>, Unread>> {
        let mut texts = Vec::new();
        for node in self.children(folder) {
            if wanted(node.path.name()) {
                let name = String::from_utf8_lossy(node.path.name());
                texts.extend(self.text(&format!("{folder}/{name}")).transpose());
            }
        }
        texts
    }
}

/// A label of the image, or an annotation of its manifest.
fn annotation(documents: &ImageDocuments, config: &ImageConfig, name: &str) -> Option<String> {
    if let Some(value) = config.labels.get(name) {
        return Some(value.clone());
    }
    let manifest: serde_json::Value = serde_json::from_slice(documents.manifest.as_ref()?).ok()?;
    Some(manifest.get("annotations")?.get(name)?.as_str()?.to_owned())
}
