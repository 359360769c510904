//! The merged file system as a runtime makes it of an image's layers.
//!
//! In: the entries of all layers, bottom first. Out: [`Tree`]: what is at each path, which layer's entry its bytes come
//! from, and what later layers removed. Source: OCI image-spec, `layer.md`, "Applying Changesets"; containers/storage,
//! whose answers are the tests' oracle. Odd: parents of a path are looked up through symlinks inside the tree, as an
//! unpacking process in a root of its own does; a hardlink is bound to what its target is at that moment.

mod merge;

use std::{
    borrow::Cow,
    collections::{BTreeMap, btree_map},
};

use crate::{
    entry::{EntryKind, EntryMeta, TreePath},
    source::LayerEntries,
};

/// Symlinks that one look-up follows, as many as Linux does.
const MAX_HOPS: usize = 40;
/// The root's inode.
const ROOT: u32 = 0;
/// "No layer names it", for directories that exist because something lies in them.
const NOWHERE: u32 = u32::MAX;

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
    inodes: Vec<Inode>,
    removed: Vec<Removed>,
}

/// What names are bound to. Kept small: there may be millions.
#[derive(Debug)]
struct Inode {
    directory: Option<Box<Directory>>,
    target: Option<Box<[u8]>>,
    size: u64,
    mtime: i64,
    entry: u32,
    layer: u32,
    uid: u32,
    gid: u32,
    links: u32,
    mode: u16,
    kind: EntryKind,
}

#[derive(Debug)]
struct Directory {
    /// Its own name: paths are put together on demand, as deep trees would cost the square of their depth.
    name: Box<[u8]>,
    parent: u32,
    depth: u32,
    children: BTreeMap<Box<[u8]>, Child>,
}

/// A name in a directory.
#[derive(Debug, Clone, Copy)]
struct Child {
    inode: u32,
    /// The layer that made the name, which for a hardlink is not the layer that made the inode.
    layer: u32,
}

/// Where a look-up ended.
struct Found {
    inode: u32,
    /// The directory that the last name was looked up in.
    parent: u32,
}

impl Tree {
    /// Merges layers, bottom first; also returns what is odd, as sentences.
    #[must_use]
    pub fn merge(layers: &[LayerEntries]) -> (Self, Vec<String>) {
        merge::merge(layers)
    }

    /// All names: the root first, directories before what they hold, names in the order of their bytes.
    pub fn walk(&self) -> impl Iterator<Item = Node> + '_ {
        let root = self.inode(ROOT).map(|inode| inode.node(TreePath::root()));
        let stack = self.level(ROOT, TreePath::root()).into_iter().collect();
        root.into_iter().chain(Walk { tree: self, stack })
    }

    /// The names in a directory, sorted; empty for everything else. Symlinks are followed as by [`resolve`](Self::resolve).
    pub fn children(&self, path: &[u8]) -> impl Iterator<Item = Node> + '_ {
        let inode = self.find(path, true).map(|found| found.inode);
        let level = inode.and_then(|inode| self.level(inode, self.path_of(inode)));
        level.into_iter().flat_map(move |(path, children)| {
            children.filter_map(move |(name, child)| {
                self.inode(child.inode).map(|inode| inode.node(path.join(name)))
            })
        })
    }

    /// The node at a path; symlinks in its directories are followed, a symlink at its end is not.
    #[must_use]
    pub fn lookup(&self, path: &[u8]) -> Option<Node> {
        self.find(path, false).and_then(|found| self.node(&found, path))
    }

    /// The node at a path, with symlinks followed inside the tree, 40 at most. Its `path` is where it really is.
    #[must_use]
    pub fn resolve(&self, path: &[u8]) -> Option<Node> {
        self.find(path, true).and_then(|found| self.node(&found, path))
    }

    /// What later layers removed: by whiteouts, opaque directories, or by putting something else where a directory was.
    /// Sorted by path.
    #[must_use]
    pub fn removed(&self) -> &[Removed] {
        &self.removed
    }

    fn inode(&self, id: u32) -> Option<&Inode> {
        self.inodes.get(usize::try_from(id).ok()?)
    }

    fn inode_mut(&mut self, id: u32) -> Option<&mut Inode> {
        self.inodes.get_mut(usize::try_from(id).ok()?)
    }

    fn directory(&self, id: u32) -> Option<&Directory> {
        self.inode(id)?.directory.as_deref()
    }

    fn directory_mut(&mut self, id: u32) -> Option<&mut Directory> {
        self.inode_mut(id)?.directory.as_deref_mut()
    }

    fn child(&self, directory: u32, name: &[u8]) -> Option<Child> {
        self.directory(directory)?.children.get(name).copied()
    }

    fn level(&self, id: u32, path: TreePath) -> Option<Level<'_>> {
        self.directory(id).map(|directory| (path, directory.children.iter()))
    }

    /// The path of a directory.
    fn path_of(&self, directory: u32) -> TreePath {
        let mut names = Vec::new();
        let mut here = directory;
        while here != ROOT
            && let Some(directory) = self.directory(here)
        {
            names.push(directory.name.as_ref());
            here = directory.parent;
        }
        names.reverse();
        TreePath::clean(&names.join(&b'/'))
    }

    fn find(&self, path: &[u8], follow_last: bool) -> Option<Found> {
        self.find_counting(path, follow_last, &mut 0)
    }

    /// Looks a path up, following symlinks in its directories, and at its end if asked to; counts its steps.
    fn find_counting(&self, path: &[u8], follow_last: bool, steps: &mut u64) -> Option<Found> {
        let mut pending = Pending::of(path);
        let mut found = Found { inode: ROOT, parent: ROOT };
        let mut hops = 0;
        while let Some(part) = pending.pop() {
            *steps += 1;
            let here = self.directory(found.inode)?;
            if part.as_ref() == b".." {
                found = Found { inode: here.parent, parent: here.parent };
                continue;
            }
            let child = here.children.get(part.as_ref())?;
            let inode = self.inode(child.inode)?;
            match &inode.target {
                Some(target) if follow_last || !pending.is_empty() => {
                    hops += 1;
                    if hops > MAX_HOPS {
                        return None;
                    }
                    if target.starts_with(b"/") {
                        found = Found { inode: ROOT, parent: ROOT };
                    }
                    pending.push_target(target);
                }
                _ => found = Found { inode: child.inode, parent: found.inode },
            }
        }
        Some(found)
    }

    fn node(&self, found: &Found, asked: &[u8]) -> Option<Node> {
        let inode = self.inode(found.inode)?;
        if inode.directory.is_some() {
            return Some(inode.node(self.path_of(found.inode)));
        }
        let parent = self.directory(found.parent)?;
        // The name as asked for when it is one of the inode's; else the link led to another name.
        let asked = TreePath::clean(asked);
        let is_bound =
            |name: &[u8]| parent.children.get(name).is_some_and(|child| child.inode == found.inode);
        let name = if is_bound(asked.name()) {
            asked.name()
        } else {
            let mut children = parent.children.iter();
            children.find(|(_, child)| child.inode == found.inode).map(|(name, _)| name.as_ref())?
        };
        Some(inode.node(self.path_of(found.parent).join(name)))
    }
}

impl Inode {
    fn node(&self, path: TreePath) -> Node {
        let meta = EntryMeta {
            path: path.clone(),
            kind: self.kind,
            mode: u32::from(self.mode),
            uid: u64::from(self.uid),
            gid: u64::from(self.gid),
            size: self.size,
            mtime: self.mtime,
            link: self.target.as_ref().map(|target| target.to_vec()),
        };
        let content = (self.layer != NOWHERE).then(|| ContentRef {
            layer: usize::try_from(self.layer).unwrap_or(usize::MAX),
            entry: self.entry,
        });
        Node { path, meta, content, links: self.links }
    }
}

type Level<'t> = (TreePath, btree_map::Iter<'t, Box<[u8]>, Child>);

struct Walk<'t> {
    tree: &'t Tree,
    stack: Vec<Level<'t>>,
}

impl Iterator for Walk<'_> {
    type Item = Node;

    fn next(&mut self) -> Option<Node> {
        loop {
            let (path, children) = self.stack.last_mut()?;
            let Some((name, child)) = children.next() else {
                self.stack.pop();
                continue;
            };
            let Some(inode) = self.tree.inode(child.inode) else { continue };
            let path = path.join(name);
            if let Some(level) = self.tree.level(child.inode, path.clone()) {
                self.stack.push(level);
            }
            return Some(inode.node(path));
        }
    }
}

/// The parts of a path that are still to be looked up, the next one last.
struct Pending<'p>(Vec<Cow<'p, [u8]>>);

impl<'p> Pending<'p> {
    fn of(path: &'p [u8]) -> Self {
        Self(parts(path).rev().map(Cow::Borrowed).collect())
    }

    fn pop(&mut self) -> Option<Cow<'p, [u8]>> {
        self.0.pop()
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    const fn len(&self) -> usize {
        self.0.len()
    }

    fn push_target(&mut self, target: &[u8]) {
        self.0.extend(parts(target).rev().map(|part| Cow::Owned(part.to_vec())));
    }
}

/// The parts of a path or link target, `..` among them.
fn parts(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/').filter(|part| !matches!(*part, b"" | b"."))
}

#[cfg(test)]
#[path = "tree/tests.rs"]
mod tests;
