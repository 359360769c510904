//! The merged file system as a runtime makes it of an image's layers.
use crate::{
    entry::{EntryMeta, TreePath},
    source::LayerEntries,
};

/// Where a file's bytes are.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ContentRef {
    /// Position of the layer, bottom first.
    pub layer: usize,
    /// Position of the entry in the layer.
    pub entry: u32,
}

/// One name in the merged tree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    /// Where it is.
    pub path: TreePath,
    /// What it is; hardlinks are resolved to what they are bound to. `meta.path` equals `path`.
    pub meta: EntryMeta,
    /// The entry that it comes from, which for a regular file holds its bytes; `None` for directories that no layer
    /// names.
    pub content: Option<ContentRef>,
    /// How many names it has.
    pub links: u32,
}

/// A name that a lower layer has and a later layer removes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Removed {
    /// What was there.
    pub node: Node,
    /// The layer that removes it.
    pub by_layer: usize,
}

/// The merged file system.
#[derive(Debug)]
pub struct Tree {
    _private: (),
}

impl Tree {
    /// Merges layers, bottom first; also returns what is odd, as sentences.
    #[must_use]
    pub fn merge(_layers: &[LayerEntries]) -> (Self, Vec<String>) {
        (Self { _private: () }, Vec::new())
    }
    /// All names, sorted by path, the root first.
    pub fn walk(&self) -> impl Iterator<Item = Node> + '_ {
        std::iter::empty()
    }
    /// The node at a path; symlinks in its directories are followed, a symlink at its end is not.
    #[must_use]
    pub fn lookup(&self, _path: &[u8]) -> Option<Node> {
        None
    }
    /// The node at a path, with symlinks followed inside the tree, 40 at most.
    #[must_use]
    pub fn resolve(&self, _path: &[u8]) -> Option<Node> {
        None
    }
    /// What later layers removed, sorted by path.
    #[must_use]
    pub fn removed(&self) -> &[Removed] {
        &[]
    }
}
