//! The merged file system as a runtime makes it of an image's layers.
//!
//! In: the entries of all layers, bottom first. Out: [`Tree`]: what is at each path, which layer's entry its bytes come
//! from, and what later layers removed. Source: OCI image-spec, `layer.md`, "Applying Changesets"; containers/storage,
//! whose answers are the tests' oracle. Odd: parents of a path are looked up through symlinks inside the tree, as an
//! unpacking process in a root of its own does; a hardlink is bound to what its target is at that moment.

mod growing;
mod merge;
mod names;
mod node;

use std::ops::Range;

use names::{Base, Found, Kept, Name, Names, at};
pub use node::{Node, NodeRef, Nodes};

use crate::{entry::TreePath, source::LayerEntries};

/// Symlinks that one look-up follows, as many as Linux does.
const MAX_HOPS: usize = 40;

/// Where a file's bytes are.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ContentRef {
    /// Position of the layer, bottom first.
    pub layer: usize,
    /// Position of the entry in the layer.
    pub entry: u32,
}

/// A name that a lower layer has and a later layer removes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Removed {
    /// What was there.
    pub node: Node,
    /// The layer that removes it.
    pub by_layer: usize,
}

/// The merged file system. It refers to the layers' entries, which it keeps alive, and adds few bytes to each.
#[derive(Debug)]
pub struct Tree {
    base: Base,
    /// The names of one directory after those of another, each directory's sorted.
    names: Vec<Kept>,
    removed: Vec<Gone>,
}

/// [`Removed`] as it is kept.
#[derive(Debug)]
struct Gone {
    name: Name,
    parent: u32,
    by_layer: u32,
}

impl Tree {
    /// Merges layers, bottom first; also returns what is odd, as sentences.
    #[must_use]
    pub fn merge<'l>(layers: impl IntoIterator<Item = &'l LayerEntries>) -> (Self, Vec<String>) {
        merge::merge(&layers.into_iter().collect::<Vec<_>>())
    }

    /// All names, lent: the root first, directories before what they hold, names in the order of their bytes.
    #[must_use]
    pub const fn nodes(&self) -> Nodes<'_> {
        Nodes::new(self)
    }

    /// [`nodes`](Self::nodes) as values of their own, which costs several allocations each.
    pub fn walk(&self) -> impl Iterator<Item = Node> + '_ {
        let mut nodes = self.nodes();
        std::iter::from_fn(move || {
            let node = nodes.next()?;
            Some(node.at(TreePath::from_clean(nodes.path().to_vec())))
        })
    }

    /// The names in a directory, lent and sorted; empty for everything else. Symlinks are followed as by
    /// [`resolve`](Self::resolve).
    pub fn list<'t>(&'t self, path: &[u8]) -> impl Iterator<Item = NodeRef<'t>> + use<'t> {
        self.list_directory(self.find(path, true).and_then(|found| found.name.bound.directory()))
    }

    fn list_directory(&self, directory: Option<u32>) -> impl Iterator<Item = NodeRef<'_>> {
        let parent = directory.unwrap_or_default();
        let range = directory.map_or(0..0, |directory| self.range(directory));
        let names = self.names.get(at(range.start)..at(range.end)).unwrap_or_default();
        names.iter().map(move |kept| NodeRef { tree: self, parent, name: self.base.kept(*kept) })
    }

    /// [`list`](Self::list) as values of their own.
    pub fn children<'t>(&'t self, path: &[u8]) -> impl Iterator<Item = Node> + use<'t> {
        self.list(path).map(NodeRef::to_node)
    }

    /// The node at a path; symlinks in its directories are followed, a symlink at its end is not.
    #[must_use]
    pub fn lookup(&self, path: &[u8]) -> Option<Node> {
        self.lookup_ref(path).map(NodeRef::to_node)
    }

    /// [`lookup`](Self::lookup), lent.
    #[must_use]
    pub fn lookup_ref(&self, path: &[u8]) -> Option<NodeRef<'_>> {
        self.find(path, false).map(|found| self.node(&found))
    }

    /// The node at a path, with symlinks followed inside the tree, 40 at most. Its `path` is where it really is.
    #[must_use]
    pub fn resolve(&self, path: &[u8]) -> Option<Node> {
        self.resolve_ref(path).map(NodeRef::to_node)
    }

    /// [`resolve`](Self::resolve), lent.
    #[must_use]
    pub fn resolve_ref(&self, path: &[u8]) -> Option<NodeRef<'_>> {
        self.find(path, true).map(|found| self.node(&found))
    }

    /// What later layers removed: by whiteouts, opaque directories, or by putting something else where a directory was.
    /// In the order in which it was removed.
    pub fn removed(&self) -> impl ExactSizeIterator<Item = Removed> {
        self.removed.iter().map(|gone| {
            let node = NodeRef { tree: self, parent: gone.parent, name: gone.name };
            Removed { node: node.to_node(), by_layer: at(gone.by_layer) }
        })
    }

    fn find(&self, path: &[u8], follow_last: bool) -> Option<Found> {
        names::find(self, path, follow_last, &mut 0)
    }

    const fn node(&self, found: &Found) -> NodeRef<'_> {
        NodeRef { tree: self, parent: found.parent, name: found.name }
    }

    /// Positions of a directory's names.
    fn range(&self, directory: u32) -> Range<u32> {
        self.base.directory(directory).map_or(0..0, |it| it.first..it.first + it.count)
    }
}

impl Names for Tree {
    fn base(&self) -> &Base {
        &self.base
    }

    fn child(&self, directory: u32, name: &[u8]) -> Option<(u32, Name)> {
        let range = self.range(directory);
        let names = self.names.get(at(range.start)..at(range.end))?;
        let found = names.binary_search_by(|kept| {
            let it = self.base.kept(*kept);
            self.base.name(it.layer, it.entry).cmp(name)
        });
        let position = range.start + u32::try_from(found.ok()?).ok()?;
        Some((position, self.base.kept(*self.names.get(at(position))?)))
    }
}

#[cfg(test)]
#[path = "tree/tests.rs"]
mod tests;
