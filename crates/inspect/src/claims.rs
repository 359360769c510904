//! Files that the merged tree shows under a path that a detector claims, but that were read under another one only.
//!
//! In: the merged tree and the layers' facts. Out: what a second pass must read; databases and metadata behind links are
//! the oldest trick against scanners. Odd: the walk follows a symlink to a directory, but no further symlink to a
//! directory below it, and visits a bounded number of names.

use std::collections::BTreeSet;

use plimsoll_image::{ContentRef, EntryKind, EntryMeta, Node, Tree, TreePath};
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

/// Everything that the tree shows under a claimed path and that no layer's pass read under any path that its detector
/// claims. Sorted.
#[must_use]
pub fn unread_claims(tree: &Tree, layers: &[LayerFacts]) -> Vec<UnreadClaim> {
    search(tree, layers).claims.into_iter().collect()
}

/// The gaps that remain after all passes: claims that nobody read, and a search that ended early.
pub(crate) fn remaining_gaps(tree: &Tree, layers: &[LayerFacts]) -> Vec<Gap> {
    let found = search(tree, layers);
    let unread = |claim: &UnreadClaim| Gap {
        reason: GapReason::UnreadableFile,
        by: claim.detector.clone(),
        at: claim.path.display().into_owned(),
        detail: format!("is another name of a file of layer {} that was not read", claim.layer),
    };
    let mut gaps: Vec<Gap> = found.claims.iter().map(unread).collect();
    if found.visited >= MAX_ALIASED_NAMES {
        gaps.push(Gap {
            reason: GapReason::BudgetReached,
            by: "links".to_owned(),
            at: String::new(),
            detail: format!("names behind symlinks: the limit of {MAX_ALIASED_NAMES} is reached"),
        });
    }
    gaps
}

struct Search<'t> {
    tree: &'t Tree,
    layers: &'t [LayerFacts],
    claims: BTreeSet<UnreadClaim>,
    visited: usize,
}

fn search<'t>(tree: &'t Tree, layers: &'t [LayerFacts]) -> Search<'t> {
    let mut search = Search { tree, layers, claims: BTreeSet::new(), visited: 0 };
    for node in tree.walk() {
        match node.meta.kind {
            EntryKind::Symlink => search.follow(&node),
            EntryKind::File if node.links > 1 => search.see(node.path.as_bytes(), &node),
            _ => {}
        }
    }
    search
}

impl Search<'_> {
    fn follow(&mut self, link: &Node) {
        let Some(target) = self.tree.resolve(link.path.as_bytes()) else { return };
        match target.meta.kind {
            EntryKind::File => self.see(link.path.as_bytes(), &target),
            // A link to a directory that the link itself lies in would only show the same names again.
            EntryKind::Directory if !link.path.starts_with(&target.path) => {
                self.descend(&link.path, &target.path);
            }
            _ => {}
        }
    }

    fn descend(&mut self, alias: &TreePath, directory: &TreePath) {
        let mut pending = vec![(alias.clone(), directory.clone(), 0)];
        while let Some((alias, directory, depth)) = pending.pop() {
            for node in self.tree.children(directory.as_bytes()) {
                if self.visited >= MAX_ALIASED_NAMES {
                    return;
                }
                self.visited += 1;
                let path = alias.join(node.path.name());
                match node.meta.kind {
                    EntryKind::Directory if depth < MAX_ALIASED_DEPTH => {
                        pending.push((path, node.path, depth + 1));
                    }
                    EntryKind::File => self.see(path.as_bytes(), &node),
                    EntryKind::Symlink => {
                        if let Some(target) = self.tree.resolve(node.path.as_bytes())
                            && target.meta.kind == EntryKind::File
                        {
                            self.see(path.as_bytes(), &target);
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    /// `node` is the regular file that `path` leads to.
    fn see(&mut self, path: &[u8], node: &Node) {
        let Some(content) = node.content else { return };
        for parser in parsers() {
            if parser.claims(path, &node.meta).is_some() && !self.is_read(content, *parser) {
                self.claims.insert(UnreadClaim {
                    layer: content.layer,
                    entry: content.entry,
                    path: TreePath::clean(path),
                    detector: parser.id().to_owned(),
                });
            }
        }
    }

    fn is_read(&self, content: ContentRef, parser: &dyn Parser) -> bool {
        let files =
            self.layers.get(content.layer).and_then(|layer| layer.files.get(&content.entry));
        files.into_iter().flatten().any(|facts| facts.detector == parser.id())
    }
}

/// Whether `parser` would read a regular file of that metadata at `path`.
pub(crate) fn claims_path(parser: &dyn Parser, path: &TreePath, meta: &EntryMeta) -> bool {
    parser.claims(path.as_bytes(), meta).is_some()
}
