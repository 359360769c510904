//! One name of a finished tree, lent or as a value of its own, and the walk over all of them.
//!
//! In: the tree. Out: [`NodeRef`], which looks everything up when it is asked, and [`Node`]. Odd: a walk puts one path
//! together in place for all names, so that a tree of millions is walked without an allocation for each.

use std::ops::Range;

use super::{
    ContentRef, Tree,
    names::{Name, ROOT, at},
};
use crate::{
    capabilities::FileCapabilities,
    entries::EntryRef,
    entry::{EntryKind, EntryMeta, TreePath},
};

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

/// One name in the merged tree, lent: what is not asked for costs nothing.
#[derive(Clone, Copy, Debug)]
pub struct NodeRef<'t> {
    pub(super) tree: &'t Tree,
    pub(super) parent: u32,
    pub(super) name: Name,
}

impl<'t> NodeRef<'t> {
    /// What it is; hardlinks are resolved to what they are bound to.
    #[must_use]
    pub fn kind(self) -> EntryKind {
        if self.name.bound.directory().is_some() {
            return EntryKind::Directory;
        }
        self.entry().map_or(EntryKind::File, EntryRef::kind)
    }

    /// Permission bits with setuid, setgid and sticky: `0o7777` at most.
    #[must_use]
    pub fn mode(self) -> u32 {
        let entry = if self.kind() == EntryKind::Symlink { self.entry() } else { self.owner() };
        entry.map_or(0o755, EntryRef::mode)
    }

    /// Owner.
    #[must_use]
    pub fn uid(self) -> u32 {
        self.owner().map_or(0, EntryRef::uid)
    }

    /// Group.
    #[must_use]
    pub fn gid(self) -> u32 {
        self.owner().map_or(0, EntryRef::gid)
    }

    /// What the file gives to whoever runs it.
    #[must_use]
    pub fn capabilities(self) -> Option<FileCapabilities> {
        self.owner().filter(|_| self.kind() == EntryKind::File).and_then(EntryRef::capabilities)
    }

    /// Bytes of content; 0 for what is not a file.
    #[must_use]
    pub fn size(self) -> u64 {
        self.entry().map_or(0, EntryRef::size)
    }

    /// Seconds since 1970.
    #[must_use]
    pub fn mtime(self) -> i64 {
        self.entry().map_or(0, EntryRef::mtime)
    }

    /// Target of a symlink, as written.
    #[must_use]
    pub fn link(self) -> Option<&'t [u8]> {
        self.tree.base.target(&self.name)
    }

    /// The last part of the path; empty for the root.
    #[must_use]
    pub fn name(self) -> &'t [u8] {
        self.tree.base.name(self.name.layer, self.name.entry)
    }

    /// The path, put together.
    #[must_use]
    pub fn path(self) -> TreePath {
        let mut path = Vec::new();
        self.write_path(&mut path);
        TreePath::from_clean(path)
    }

    /// Puts the path in the place of what is in `path`.
    pub fn write_path(self, path: &mut Vec<u8>) {
        match self.name.bound.directory() {
            Some(directory) => self.tree.base.write_path(directory, &[], path),
            None => self.tree.base.write_path(self.parent, self.name(), path),
        }
    }

    /// The entry that it comes from, which for a regular file holds its bytes; `None` for directories that no layer
    /// names.
    #[must_use]
    pub fn content(self) -> Option<ContentRef> {
        let (layer, entry) = self.tree.base.content(&self.name)?;
        Some(ContentRef { layer: at(layer), entry })
    }

    /// How many names it has.
    #[must_use]
    pub fn links(self) -> u32 {
        self.tree.base.shared(&self.name).map_or(1, |shared| shared.links)
    }

    /// The names in it, lent and sorted; empty for everything but directories.
    pub fn list(self) -> impl Iterator<Item = Self> {
        self.tree.list_directory(self.name.bound.directory())
    }

    /// What its layer says of it, under another path than its own or the same.
    #[must_use]
    pub fn meta_at(self, path: TreePath) -> EntryMeta {
        EntryMeta {
            path,
            kind: self.kind(),
            mode: self.mode(),
            uid: u64::from(self.uid()),
            gid: u64::from(self.gid()),
            size: self.size(),
            mtime: self.mtime(),
            link: self.link().map(<[u8]>::to_vec),
            capabilities: self.capabilities(),
        }
    }

    /// The name as a value of its own.
    #[must_use]
    pub fn to_node(self) -> Node {
        self.at(self.path())
    }

    /// The node, when its path is known.
    pub(super) fn at(self, path: TreePath) -> Node {
        let meta = self.meta_at(path.clone());
        Node { path, meta, content: self.content(), links: self.links() }
    }

    fn entry(self) -> Option<EntryRef<'t>> {
        let (layer, entry) = self.tree.base.content(&self.name)?;
        self.tree.base.entry(layer, entry)
    }

    /// The entry whose owner and mode count.
    fn owner(self) -> Option<EntryRef<'t>> {
        match self.tree.base.shared(&self.name) {
            Some(shared) => self.tree.base.entry(shared.owner_layer, shared.owner_entry),
            None => self.tree.base.entry(self.name.layer, self.name.entry),
        }
    }
}

/// All names of a tree: the root first, directories before what they hold, names in the order of their bytes.
#[derive(Debug)]
pub struct Nodes<'t> {
    tree: &'t Tree,
    is_begun: bool,
    /// Directory, names that are left in it, and the length of its path.
    stack: Vec<(u32, Range<u32>, usize)>,
    path: Vec<u8>,
}

impl<'t> Nodes<'t> {
    pub(super) const fn new(tree: &'t Tree) -> Self {
        Self { tree, is_begun: false, stack: Vec::new(), path: Vec::new() }
    }

    /// The path of the name that was given last.
    #[must_use]
    pub fn path(&self) -> &[u8] {
        &self.path
    }
}

impl<'t> Iterator for Nodes<'t> {
    type Item = NodeRef<'t>;

    fn next(&mut self) -> Option<NodeRef<'t>> {
        let tree = self.tree;
        if !self.is_begun {
            self.is_begun = true;
            self.stack.push((ROOT, tree.range(ROOT), 0));
            return Some(NodeRef { tree, parent: ROOT, name: tree.base.name_of_directory(ROOT) });
        }
        loop {
            let (parent, left, length) = self.stack.last_mut()?;
            let Some(position) = left.next() else {
                self.stack.pop();
                continue;
            };
            let (parent, name) = (*parent, tree.base.kept(*tree.names.get(at(position))?));
            self.path.truncate(*length);
            if !self.path.is_empty() {
                self.path.push(b'/');
            }
            self.path.extend_from_slice(tree.base.name(name.layer, name.entry));
            if let Some(directory) = name.bound.directory() {
                self.stack.push((directory, tree.range(directory), self.path.len()));
            }
            return Some(NodeRef { tree, parent, name });
        }
    }
}
