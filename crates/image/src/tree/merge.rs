//! Applies layers, one entry after the other, in the order of the archive.
//!
//! In: the entries of all layers, bottom first. Out: the tree, what layers removed, and what is odd. Source:
//! containers/storage's unpacking of layers (behaviour), which `podman` uses. Odd: a whiteout also removes what the same
//! layer put there before it; an opaque marker does not. Both are anomalies, as runtimes disagree.

use std::collections::BTreeMap;

use super::{Child, Directory, Inode, MAX_HOPS, NOWHERE, Pending, ROOT, Removed, Tree};
use crate::{
    entry::{EntryKind, EntryMeta, TreePath},
    source::{LayerEntries, LayerOrigin},
    tar::shown,
};

/// Sentences about one image that are kept.
const MAX_ANOMALIES: usize = 100;
/// Directories that no layer names but something lies in.
const MAX_IMPLIED: u64 = 1_000_000;
/// How deep a tree may become; a path is shorter, but symlinks add up.
const MAX_DEPTH: u32 = 4_096;
/// Look-ups of all entries together, so that chains of symlinks cannot make merging endless.
const MAX_STEPS: u64 = 500_000_000;
const WHITEOUT: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";
/// Names at the root that AUFS kept its own data under.
const AUFS: &[u8] = b".wh..wh.";
/// Where AUFS kept files that have several names.
const AUFS_LINKS: &[u8] = b".wh..wh.plnk/";

pub(super) fn merge(layers: &[LayerEntries]) -> (Tree, Vec<String>) {
    let root = Inode { links: 1, ..Inode::directory(&[], ROOT, 0) };
    let mut merge = Merge {
        tree: Tree { inodes: vec![root], removed: Vec::new() },
        layer: 0,
        aufs_links: BTreeMap::new(),
        last_parent: None,
        implied: 0,
        steps: 0,
        anomalies: Vec::new(),
        more_anomalies: 0,
    };
    for (index, layer) in layers.iter().enumerate() {
        merge.layer = u32::try_from(index).unwrap_or(NOWHERE);
        merge.aufs_links.clear();
        for (entry, meta) in layer.entries.iter().enumerate() {
            if merge.steps > MAX_STEPS {
                merge.anomaly(&meta.path, "and what follows were left out: too many symlinks");
                return merge.finish();
            }
            merge.apply(u32::try_from(entry).unwrap_or(NOWHERE), meta, layer.origin);
        }
    }
    merge.finish()
}

struct Merge<'l> {
    tree: Tree,
    layer: u32,
    aufs_links: BTreeMap<&'l [u8], (u32, &'l EntryMeta)>,
    /// The directory of the entry before: mostly the next one lies there too.
    last_parent: Option<(&'l [u8], u32)>,
    implied: u64,
    steps: u64,
    anomalies: Vec<String>,
    more_anomalies: u64,
}

impl<'l> Merge<'l> {
    fn apply(&mut self, entry: u32, meta: &'l EntryMeta, origin: LayerOrigin) {
        let Some((parent, name)) = meta.path.split() else {
            if meta.kind == EntryKind::Directory {
                self.restate_directory(ROOT, entry, meta);
            } else {
                self.anomaly(&meta.path, "puts something that is no directory over the root");
            }
            return;
        };
        if origin == LayerOrigin::Archive {
            let path = meta.path.as_bytes();
            if path.starts_with(AUFS) && path != OPAQUE {
                if let Some(name) = path.strip_prefix(AUFS_LINKS)
                    && meta.kind == EntryKind::File
                {
                    self.aufs_links.insert(name, (entry, meta));
                }
                return;
            }
            if name == OPAQUE {
                return self.make_opaque(meta, parent);
            }
            if let Some(hidden) = name.strip_prefix(WHITEOUT) {
                return self.white_out(meta, parent, hidden);
            }
        }
        let Some(directory) = self.parent_of(meta, parent) else { return };
        self.put(entry, meta, directory, name);
    }

    /// Puts an entry under a name, in place of what is there.
    fn put(&mut self, entry: u32, meta: &'l EntryMeta, directory: u32, name: &[u8]) {
        let existing = self.tree.child(directory, name);
        let existing_is_directory =
            existing.is_some_and(|child| self.tree.directory(child.inode).is_some());
        if let Some(child) = existing
            && existing_is_directory
            && meta.kind == EntryKind::Directory
        {
            self.restate_directory(child.inode, entry, meta);
            self.bind(directory, name, child.inode);
            return;
        }
        let target = TreePath::clean(meta.link.as_deref().unwrap_or_default());
        let is_hardlink = meta.kind == EntryKind::Hardlink;
        if is_hardlink && self.is_at(target.as_bytes(), directory, name) {
            return self.anomaly(&meta.path, "is a hardlink to itself, which runtimes refuse");
        }
        if let Some(child) = existing {
            if child.layer == self.layer {
                self.anomaly(&meta.path, "stands twice in one layer, which some runtimes refuse");
            }
            // Before a hardlink's target is looked up: it may lie in the directory that goes.
            self.remove(directory, name, existing_is_directory);
        }
        let inode = if is_hardlink {
            self.hardlink(meta, &target)
        } else {
            let inode = self.placed(Inode::of(entry, self.layer, meta), directory, name);
            if inode.is_none() {
                self.anomaly(&meta.path, "lies too deep and was left out");
            }
            inode.map(|inode| self.add(inode))
        };
        let Some(inode) = inode else { return };
        if let Some(inode) = self.tree.inode_mut(inode) {
            inode.links += 1;
        }
        self.bind(directory, name, inode);
    }

    /// Whether a path leads to a name in a directory.
    fn is_at(&mut self, path: &[u8], directory: u32, name: &[u8]) -> bool {
        let found = self.tree.find_counting(path, false, &mut self.steps);
        let last = path.rsplit(|&byte| byte == b'/').next();
        last == Some(name) && found.is_some_and(|found| found.parent == directory)
    }

    /// The inode that a hardlink's target is bound to now, with the owner and mode that the link's header sets.
    fn hardlink(&mut self, meta: &'l EntryMeta, target: &TreePath) -> Option<u32> {
        if let Some(name) = target.as_bytes().strip_prefix(AUFS_LINKS)
            && let Some(&(entry, source)) = self.aufs_links.get(name)
        {
            let inode = Inode::of(entry, self.layer, source);
            return Some(self.add(inode));
        }
        let found = self.tree.find_counting(target.as_bytes(), false, &mut self.steps);
        let found = found.map(|found| found.inode);
        let inode = found.filter(|&inode| self.tree.directory(inode).is_none());
        let Some(inode) = inode else {
            let what = format!("is a hardlink to {}, which is no file", shown(target.as_bytes()));
            self.anomaly(&meta.path, &what);
            return None;
        };
        if let Some(inode) = self.tree.inode_mut(inode) {
            let stated = Inode::of(NOWHERE, NOWHERE, meta);
            (inode.uid, inode.gid) = (stated.uid, stated.gid);
            if inode.kind != EntryKind::Symlink {
                inode.mode = stated.mode;
            }
        }
        Some(inode)
    }

    fn white_out(&mut self, meta: &'l EntryMeta, parent: &'l [u8], hidden: &[u8]) {
        let found = self.tree.find_counting(parent, true, &mut self.steps);
        match found.map(|found| self.tree.directory(found.inode).is_some()) {
            Some(true) => {}
            Some(false) => {
                return self.anomaly(&meta.path, "removes something below what is no directory");
            }
            None if self.tree.find_counting(parent, false, &mut self.steps).is_some() => {
                let what = "removes something behind a symlink that leads nowhere";
                return self.anomaly(&meta.path, what);
            }
            None => {}
        }
        let Some(directory) = self.parent_of(meta, parent) else { return };
        let Some(child) = self.tree.child(directory, hidden) else { return };
        let is_directory = self.tree.directory(child.inode).is_some();
        let is_own = child.layer == self.layer;
        let has_own = self.remove(directory, hidden, true);
        if is_own && !is_directory || has_own {
            self.anomaly(&meta.path, "removes what its own layer put there before it");
        }
    }

    /// Removes what lower layers have in a directory and keeps what this layer put there.
    fn make_opaque(&mut self, meta: &'l EntryMeta, parent: &'l [u8]) {
        // A marker behind a symlink is not followed to the directory that the symlink leads to.
        let found = self.tree.find_counting(parent, false, &mut self.steps);
        if let Some(found) = &found
            && self.tree.directory(found.inode).is_none()
        {
            self.anomaly(&meta.path, "makes something opaque that is no directory");
            return;
        }
        if self.parent_of(meta, parent).is_none() {
            return;
        }
        let Some(found) = found else { return };
        let Some(directory) = self.tree.directory(found.inode) else { return };
        let names: Vec<(Box<[u8]>, u32)> =
            directory.children.iter().map(|(name, child)| (name.clone(), child.inode)).collect();
        let mut is_mixed = false;
        let mut open = vec![(found.inode, names)];
        while let Some((directory, names)) = open.pop() {
            for (name, inode) in names {
                self.steps += 1;
                let Some(child) = self.tree.child(directory, &name) else { continue };
                if !self.holds_own(child) {
                    self.remove(directory, &name, true);
                    continue;
                }
                is_mixed = true;
                if let Some(below) = self.tree.directory(inode) {
                    let names = below
                        .children
                        .iter()
                        .map(|(name, child)| (name.clone(), child.inode))
                        .collect();
                    open.push((inode, names));
                }
            }
        }
        if is_mixed {
            self.anomaly(
                &meta.path,
                "makes a directory opaque after its own layer put something there",
            );
        }
    }

    /// Whether a name, or anything below it, was made by the current layer.
    fn holds_own(&mut self, child: Child) -> bool {
        let mut open = vec![child];
        while let Some(child) = open.pop() {
            self.steps += 1;
            if child.layer == self.layer {
                return true;
            }
            if let Some(directory) = self.tree.directory(child.inode) {
                open.extend(directory.children.values());
            }
        }
        false
    }

    /// The directory that an entry lies in, made if need be; `None` when symlinks go in circles.
    fn parent_of(&mut self, meta: &'l EntryMeta, parent: &'l [u8]) -> Option<u32> {
        if let Some((path, inode)) = self.last_parent
            && path == parent
        {
            return Some(inode);
        }
        let mut pending = Pending::of(parent);
        let mut here = ROOT;
        let mut hops = 0;
        let mut lower_link = false;
        // Parts of the path itself that are left: what lies on top of them comes from a symlink's target.
        let mut own_left = pending.len();
        while let Some(part) = pending.pop() {
            self.steps += 1;
            let is_of_target = pending.len() >= own_left;
            own_left = own_left.min(pending.len());
            if part.as_ref() == b".." {
                here = self.tree.directory(here).map_or(ROOT, |directory| directory.parent);
                continue;
            }
            let Some(child) = self.tree.child(here, &part) else {
                if is_of_target {
                    self.anomaly(&meta.path, "lies behind a symlink that leads nowhere");
                }
                here = self.make_directory(meta, here, &part)?;
                continue;
            };
            let Some(inode) = self.tree.inode(child.inode) else { continue };
            if inode.directory.is_some() {
                here = child.inode;
            } else if let Some(target) = inode.target.clone() {
                hops += 1;
                if hops > MAX_HOPS {
                    self.anomaly(&meta.path, "lies behind too many symlinks and was left out");
                    return None;
                }
                lower_link |= child.layer != self.layer;
                if target.starts_with(b"/") {
                    here = ROOT;
                }
                pending.push_target(&target);
            } else {
                self.anomaly(&meta.path, "lies below something that is no directory");
                self.remove(here, &part, true);
                here = self.make_directory(meta, here, &part)?;
            }
        }
        if lower_link {
            self.anomaly(&meta.path, "is written through a symlink of a lower layer");
        }
        // Anomalies are per entry, so only plain directories are worth remembering.
        if hops == 0 {
            self.last_parent = Some((parent, here));
        }
        Some(here)
    }

    /// Makes a directory that no layer names; `None` when there are too many or it would lie too deep.
    fn make_directory(&mut self, meta: &EntryMeta, parent: u32, name: &[u8]) -> Option<u32> {
        self.implied += 1;
        let inode = Inode { links: 1, ..Inode::directory(&[], ROOT, 0) };
        let inode = self.placed(inode, parent, name).filter(|_| self.implied <= MAX_IMPLIED);
        let Some(inode) = inode else {
            self.anomaly(&meta.path, "lies too deep and was left out");
            return None;
        };
        let inode = self.add(inode);
        self.bind(parent, name, inode);
        Some(inode)
    }

    /// Tells a directory's inode where it lies; `None` when that is too deep.
    fn placed(&self, mut inode: Inode, parent: u32, name: &[u8]) -> Option<Inode> {
        let depth = self.tree.directory(parent).map_or(0, |directory| directory.depth) + 1;
        if let Some(directory) = &mut inode.directory {
            **directory = Directory::new(name, parent, depth);
        }
        (depth <= MAX_DEPTH).then_some(inode)
    }

    fn restate_directory(&mut self, directory: u32, entry: u32, meta: &EntryMeta) {
        let layer = self.layer;
        if let Some(inode) = self.tree.inode_mut(directory) {
            let stated = Inode::of(entry, layer, meta);
            *inode = Inode { directory: inode.directory.take(), links: inode.links, ..stated };
        }
    }

    /// Removes a name and everything below it; whether any of that was made by the current layer.
    fn remove(&mut self, directory: u32, name: &[u8], is_recorded: bool) -> bool {
        self.last_parent = None;
        let path = self.tree.path_of(directory).join(name);
        let child = self.tree.directory_mut(directory).and_then(|it| it.children.remove(name));
        let Some(child) = child else { return false };
        let is_directory = self.tree.directory(child.inode).is_some();
        let mut has_own = false;
        let mut open = vec![(path, child)];
        while let Some((path, child)) = open.pop() {
            has_own |= child.layer == self.layer;
            let Some(inode) = self.tree.inode_mut(child.inode) else { continue };
            let children = inode.directory.take().map(|it| it.children).unwrap_or_default();
            let is_recorded = is_recorded && child.layer != self.layer && inode.layer != NOWHERE;
            let node = is_recorded.then(|| inode.node(path.clone()));
            inode.links = inode.links.saturating_sub(1);
            open.extend(children.iter().map(|(name, child)| (path.join(name), *child)));
            if let Some(node) = node {
                let by_layer = usize::try_from(self.layer).unwrap_or(usize::MAX);
                self.tree.removed.push(Removed { node, by_layer });
            }
        }
        has_own && is_directory
    }

    fn bind(&mut self, directory: u32, name: &[u8], inode: u32) {
        let child = Child { inode, layer: self.layer };
        if let Some(directory) = self.tree.directory_mut(directory) {
            match directory.children.get_mut(name) {
                Some(existing) => *existing = child,
                None => {
                    directory.children.insert(name.into(), child);
                }
            }
        }
    }

    fn add(&mut self, inode: Inode) -> u32 {
        let id = u32::try_from(self.tree.inodes.len()).unwrap_or(NOWHERE);
        self.tree.inodes.push(inode);
        id
    }

    fn anomaly(&mut self, path: &TreePath, what: &str) {
        if self.anomalies.len() < MAX_ANOMALIES {
            let layer = u64::from(self.layer) + 1;
            self.anomalies.push(format!("layer {layer}: {} {what}", shown(path.as_bytes())));
        } else {
            self.more_anomalies += 1;
        }
    }

    fn finish(mut self) -> (Tree, Vec<String>) {
        self.tree.removed.sort_by(|a, b| {
            a.node.path.cmp(&b.node.path).then_with(|| a.by_layer.cmp(&b.by_layer))
        });
        self.anomalies.sort();
        self.anomalies.dedup();
        if self.more_anomalies > 0 {
            self.anomalies.push(format!("{} more oddities of the layers", self.more_anomalies));
        }
        (self.tree, self.anomalies)
    }
}

impl Directory {
    fn new(name: &[u8], parent: u32, depth: u32) -> Self {
        Self { name: name.into(), parent, depth, children: BTreeMap::new() }
    }
}

impl Inode {
    fn directory(name: &[u8], parent: u32, depth: u32) -> Self {
        Self {
            directory: Some(Box::new(Directory::new(name, parent, depth))),
            target: None,
            size: 0,
            mtime: 0,
            entry: NOWHERE,
            layer: NOWHERE,
            uid: 0,
            gid: 0,
            links: 0,
            mode: 0o755,
            kind: EntryKind::Directory,
        }
    }

    /// What an entry says, without a name or place.
    fn of(entry: u32, layer: u32, meta: &EntryMeta) -> Self {
        let is_directory = meta.kind == EntryKind::Directory;
        let target = match meta.kind {
            EntryKind::Symlink => meta.link.as_deref().map(Into::into),
            _ => None,
        };
        Self {
            directory: is_directory.then(|| Box::new(Directory::new(&[], ROOT, 0))),
            target,
            size: meta.size,
            mtime: meta.mtime,
            entry,
            layer,
            uid: u32::try_from(meta.uid).unwrap_or(u32::MAX),
            gid: u32::try_from(meta.gid).unwrap_or(u32::MAX),
            links: 0,
            mode: u16::try_from(meta.mode & 0o7777).unwrap_or(0),
            kind: meta.kind,
        }
    }
}
