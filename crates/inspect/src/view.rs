//! The merged image as checks see it.
//!
//! In: the tree, the layers' facts, configuration and history. Out: look-ups that follow links as the running system
//! would, and say whether a file is absent or could not be read. Odd: files are read-only texts that the one pass kept;
//! a check can see what some check claimed and nothing else.

use plimsoll_image::{EntryKind, ImageConfig, ImageDocuments, Node, NodeRef, Tree};
use plimsoll_model::Location;

use crate::{
    facts::LayerFacts,
    history::{Instruction, parse_history},
    paths::{self, Fingerprints},
    text,
};

/// Files of one folder that a check looks at.
const MAX_FILES_PER_FOLDER: usize = 2_000;

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
    owned: Fingerprints,
}

impl<'a> View<'a> {
    /// `special` are the nodes with setuid, setgid or world-writable modes; `owned` the fingerprints of paths that
    /// packages of the distribution own.
    pub(crate) fn new(
        tree: &'a Tree,
        layers: &'a [LayerFacts],
        documents: &'a ImageDocuments,
        config: &'a ImageConfig,
        special: Vec<NodeRef<'a>>,
        owned: Fingerprints,
    ) -> Self {
        let instructions = parse_history(config);
        Self { tree, layers, documents, config, instructions, special, owned }
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
