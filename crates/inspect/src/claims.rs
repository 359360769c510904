//! Files that the merged tree shows under a path that a detector claims, but that were read under another one only.
//!
//! In: the merged tree and the layers' facts. Out: what a second pass must read; databases and metadata behind links are
//! the oldest trick against scanners. Odd: the walk follows a symlink to a directory, but no further symlink to a
//! directory below it, and visits a bounded number of names.

use std::collections::BTreeMap;

use plimsoll_image::{ContentRef, EntryKind, NodeRef, Tree, TreePath};
use plimsoll_model::{Gap, GapReason};
use serde::{Deserialize, Serialize};

use crate::{
    facts::LayerFacts,
    parser::{Parser, parsers},
};

/// Names that are looked at behind symlinks to directories.
const MAX_ALIASED_NAMES: usize = 500_000;
/// How deep such a directory is descended.
const MAX_ALIASED_DEPTH: usize = 64;

/// A file to be read again, by one detector under one path.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct UnreadClaim {
    /// Position of the layer, bottom first.
    pub layer: usize,
    /// Position of the entry in the layer.
    pub entry: u32,
    /// The path that the detector claims.
    pub path: TreePath,
    /// The detector's id.
    pub detector: String,
}

/// What [`unread_claims`] found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UnreadClaims {
    /// Sorted; each file once for each detector.
    pub claims: Vec<UnreadClaim>,
    /// The search ended early.
    is_cut: bool,
}

/// Everything that the tree shows under a claimed path and that no layer's pass read under any path that its detector
/// claims.
#[must_use]
pub fn unread_claims(tree: &Tree, layers: &[LayerFacts]) -> UnreadClaims {
    let mut search = Search {
        tree,
        layers,
        claims: BTreeMap::new(),
        visited: 0,
        path: Vec::new(),
        target: Vec::new(),
    };
    let mut nodes = tree.nodes();
    while let Some(node) = nodes.next() {
        match node.kind() {
            EntryKind::Symlink => search.follow(nodes.path()),
            EntryKind::File if node.links() > 1 => search.see(nodes.path(), node),
            _ => {}
        }
    }
    let is_cut = search.visited >= MAX_ALIASED_NAMES;
    let claims = search.claims.into_iter().map(|((content, detector), path)| UnreadClaim {
        layer: content.layer,
        entry: content.entry,
        path,
        detector: detector.to_owned(),
    });
    UnreadClaims { claims: claims.collect(), is_cut }
}

impl UnreadClaims {
    /// The gaps that remain after a second pass: claims that it did not read, and a search that ended early.
    pub(crate) fn remaining_gaps(&self, layers: &[LayerFacts]) -> Vec<Gap> {
        let is_unread = |claim: &&UnreadClaim| {
            let content = ContentRef { layer: claim.layer, entry: claim.entry };
            let parser = parsers().iter().find(|parser| parser.id() == claim.detector);
            !parser.is_some_and(|parser| is_read(layers, content, *parser))
        };
        let unread = |claim: &UnreadClaim| Gap {
            reason: GapReason::UnreadableFile,
            by: claim.detector.clone(),
            at: claim.path.display().into_owned(),
            detail: format!("is another name of a file of layer {} that was not read", claim.layer),
        };
        let mut gaps: Vec<Gap> = self.claims.iter().filter(is_unread).map(unread).collect();
        if self.is_cut {
            gaps.push(Gap {
                reason: GapReason::BudgetReached,
                by: "links".to_owned(),
                at: String::new(),
                detail: format!(
                    "names behind symlinks: the limit of {MAX_ALIASED_NAMES} is reached"
                ),
            });
        }
        gaps
    }
}

fn is_read(layers: &[LayerFacts], content: ContentRef, parser: &dyn Parser) -> bool {
    let Some(layer) = layers.get(content.layer) else { return false };
    if parser.reads_programs() {
        return layer.programs.binary_search(&content.entry).is_ok();
    }
    let files = layer.files.get(&content.entry);
    files.into_iter().flatten().any(|facts| facts.detector == parser.id())
}

struct Search<'t> {
    tree: &'t Tree,
    layers: &'t [LayerFacts],
    /// A file's first path that a detector claims: its bytes say the same under every other.
    claims: BTreeMap<(ContentRef, &'static str), TreePath>,
    visited: usize,
    /// Paths that are put together again and again.
    path: Vec<u8>,
    target: Vec<u8>,
}

impl<'t> Search<'t> {
    fn follow(&mut self, link: &[u8]) {
        let Some(target) = self.tree.resolve_ref(link) else { return };
        match target.kind() {
            EntryKind::File => self.see(link, target),
            EntryKind::Directory => {
                target.write_path(&mut self.target);
                // A link to a directory that the link itself lies in would only show the same names again.
                if !lies_in(link, &self.target) {
                    self.descend(link, target);
                }
            }
            _ => {}
        }
    }

    fn descend(&mut self, alias: &[u8], directory: NodeRef<'t>) {
        let mut pending = vec![(alias.to_vec(), directory, 0)];
        while let Some((alias, directory, depth)) = pending.pop() {
            for node in directory.list() {
                if self.visited >= MAX_ALIASED_NAMES {
                    return;
                }
                self.visited += 1;
                let mut path = std::mem::take(&mut self.path);
                path.clear();
                path.extend_from_slice(&alias);
                path.push(b'/');
                path.extend_from_slice(node.name());
                match node.kind() {
                    EntryKind::Directory if depth < MAX_ALIASED_DEPTH => {
                        pending.push((path.clone(), node, depth + 1));
                    }
                    EntryKind::File => self.see(&path, node),
                    EntryKind::Symlink => {
                        node.write_path(&mut self.target);
                        if let Some(target) = self.tree.resolve_ref(&self.target)
                            && target.kind() == EntryKind::File
                        {
                            self.see(&path, target);
                        }
                    }
                    _ => {}
                }
                self.path = path;
            }
        }
    }

    /// `node` is the regular file that `path` leads to.
    fn see(&mut self, path: &[u8], node: NodeRef<'_>) {
        let Some(content) = node.content() else { return };
        let meta = node.meta_at(TreePath::clean(path));
        for parser in parsers().iter().filter(|parser| parser.follows_links()) {
            if parser.claims(path, &meta).is_none() || is_read(self.layers, content, *parser) {
                continue;
            }
            let first =
                self.claims.entry((content, parser.id())).or_insert_with(|| meta.path.clone());
            if meta.path < *first {
                first.clone_from(&meta.path);
            }
        }
    }
}

/// Whether a path is a directory's or lies in it.
fn lies_in(path: &[u8], directory: &[u8]) -> bool {
    let rest = path.strip_prefix(directory);
    directory.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}
