//! Applies layers, one entry after the other, in the order of the archive.
//!
//! In: the entries of all layers, bottom first. Out: the tree, what layers removed, and what is odd. Source:
//! containers/storage's unpacking of layers (behaviour), which `podman` uses. Odd: a whiteout also removes what the same
//! layer put there before it; an opaque marker does not. Both are anomalies, as runtimes disagree.

use std::collections::BTreeMap;

use super::{
    Gone, MAX_HOPS, Tree,
    growing::Growing,
    names::{self, Base, Bound, Found, NONE, Name, Names, Pending, ROOT, at},
};
use crate::{
    entries::{EntryRef, Packed, ROOT_FOLDER},
    entry::{EntryKind, TreePath},
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

pub(super) fn merge(layers: &[&LayerEntries]) -> (Tree, Vec<String>) {
    let base = Base::new(layers.iter().map(|layer| layer.entries.clone()).collect());
    let mut merge = Merge {
        growing: Growing::new(base),
        layer: 0,
        has_aufs: false,
        aufs_links: BTreeMap::new(),
        known: Vec::new(),
        generation: 0,
        implied: 0,
        steps: 0,
        anomalies: Vec::new(),
        more_anomalies: 0,
    };
    for (index, layer) in layers.iter().enumerate() {
        merge.begin(index, layer.entries.packed());
        for (entry, meta) in (0..).zip(layer.entries.iter()) {
            if merge.steps > MAX_STEPS {
                merge.anomaly(meta, "and what follows were left out: too many symlinks");
                return merge.finish();
            }
            merge.apply(Stated { entry, meta, packed: layer.entries.packed() }, layer.origin);
        }
    }
    merge.finish()
}

struct Merge {
    growing: Growing,
    layer: u32,
    /// Whether the current layer has folders of AUFS at its root.
    has_aufs: bool,
    aufs_links: BTreeMap<Vec<u8>, u32>,
    /// The tree's directories of the current layer's folders, each with the generation in which it was found.
    known: Vec<(u32, u32)>,
    /// Raised when a directory goes: what was known before that is known no more.
    generation: u32,
    implied: u64,
    steps: u64,
    anomalies: Vec<String>,
    more_anomalies: u64,
}

/// One entry of the current layer.
#[derive(Clone, Copy)]
struct Stated<'l> {
    entry: u32,
    meta: EntryRef<'l>,
    packed: &'l Packed,
}

impl Stated<'_> {
    /// The path of the directory that it lies in.
    fn parent(&self) -> Vec<u8> {
        let mut path = Vec::new();
        self.packed.write_path(self.meta.folder(), &[], &mut path);
        path
    }

    fn is_root(&self) -> bool {
        self.meta.folder() == ROOT_FOLDER && self.meta.name().is_empty()
    }
}

impl Merge {
    fn begin(&mut self, layer: usize, packed: &Packed) {
        self.layer = u32::try_from(layer).unwrap_or(NONE);
        self.aufs_links.clear();
        self.generation += 1;
        self.known.clear();
        self.known.resize(packed.folder_count(), (0, 0));
        self.has_aufs = packed.top_names().any(|name| name.starts_with(AUFS));
    }

    fn apply(&mut self, stated: Stated<'_>, origin: LayerOrigin) {
        if stated.is_root() {
            if stated.meta.kind() == EntryKind::Directory {
                self.growing.restate(ROOT, self.layer, stated.entry);
            } else {
                self.anomaly(stated.meta, "puts something that is no directory over the root");
            }
            return;
        }
        let name = stated.meta.name();
        if origin == LayerOrigin::Archive {
            if self.is_of_aufs(stated) {
                return;
            }
            if name == OPAQUE {
                return self.make_opaque(stated);
            }
            if let Some(hidden) = name.strip_prefix(WHITEOUT) {
                return self.white_out(stated, hidden);
            }
        }
        let Some(directory) = self.parent_of(stated) else { return };
        self.put(stated, directory);
    }

    /// Whether an entry is AUFS's own, of which only files with several names matter, for their links.
    fn is_of_aufs(&mut self, stated: Stated<'_>) -> bool {
        let folder = stated.meta.folder();
        let top = match folder {
            ROOT_FOLDER => stated.meta.name(),
            _ if !self.has_aufs => return false,
            _ => stated.packed.top_name(folder),
        };
        if !top.starts_with(AUFS) {
            return false;
        }
        let path = stated.meta.path();
        if path.as_bytes() == OPAQUE {
            return false;
        }
        if let Some(name) = path.as_bytes().strip_prefix(AUFS_LINKS)
            && stated.meta.kind() == EntryKind::File
        {
            self.aufs_links.insert(name.to_vec(), stated.entry);
        }
        true
    }

    /// Puts an entry under a name, in place of what is there.
    fn put(&mut self, stated: Stated<'_>, directory: u32) {
        let Stated { entry, meta, .. } = stated;
        let hash = self.growing.hash(directory, meta.name());
        let existing = self.growing.hashed_child(directory, meta.name(), hash);
        let existing_directory = existing.and_then(|(_, name)| name.bound.directory());
        if let Some(below) = existing_directory
            && meta.kind() == EntryKind::Directory
        {
            return self.growing.restate(below, self.layer, entry);
        }
        let target = match meta.kind() {
            EntryKind::Hardlink => Some(TreePath::clean(meta.link().unwrap_or_default())),
            _ => None,
        };
        if let Some(target) = &target
            && self.is_at(target.as_bytes(), directory, meta.name())
        {
            return self.anomaly(meta, "is a hardlink to itself, which runtimes refuse");
        }
        if let Some((position, name)) = existing {
            if name.layer == self.layer {
                self.anomaly(meta, "stands twice in one layer, which some runtimes refuse");
            }
            // Before a hardlink's target is looked up: it may lie in the directory that goes.
            let is_lower = name.layer != self.layer;
            if self.remove(directory, position, name, existing_directory.is_some()) && is_lower {
                self.anomaly(meta, "replaces a directory in which its own layer put something");
            }
        }
        let depth = self.growing.base.directory(directory).map_or(0, |it| it.depth) + 1;
        let name = if let Some(target) = target {
            self.hardlink(stated, &target)
        } else if depth > MAX_DEPTH {
            self.anomaly(meta, "lies too deep and was left out");
            None
        } else if meta.kind() == EntryKind::Directory {
            Some(self.growing.add_directory(self.layer, entry, directory, depth))
        } else {
            Some(Name { layer: self.layer, entry, bound: Bound::NOTHING })
        };
        if let Some(name) = name {
            self.growing.bind(directory, name, hash);
        }
    }

    /// Whether a path leads to a name in a directory.
    fn is_at(&mut self, path: &[u8], directory: u32, name: &[u8]) -> bool {
        let found = self.find(path, false);
        let last = path.rsplit(|&byte| byte == b'/').next();
        last == Some(name) && found.is_some_and(|found| found.parent == directory)
    }

    /// A name for what a hardlink's target is bound to now, with the owner and mode that the link's header sets.
    fn hardlink(&mut self, stated: Stated<'_>, target: &TreePath) -> Option<Name> {
        let Stated { entry, meta, .. } = stated;
        if let Some(name) = target.as_bytes().strip_prefix(AUFS_LINKS)
            && let Some(&source) = self.aufs_links.get(name)
        {
            let shared = self.growing.add_shared(self.layer, source);
            return Some(Name { layer: self.layer, entry, bound: Bound::to_shared(shared) });
        }
        let found = self.find(target.as_bytes(), false);
        let Some(found) = found.filter(|found| found.name.bound.directory().is_none()) else {
            let what = format!("is a hardlink to {}, which is no file", shown(target.as_bytes()));
            self.anomaly(meta, &what);
            return None;
        };
        let shared = self.growing.share(found.position, &found.name);
        let layer = self.layer;
        if let Some(shared) = self.growing.shared_mut(shared) {
            shared.links += 1;
            (shared.owner_layer, shared.owner_entry) = (layer, entry);
        }
        Some(Name { layer, entry, bound: Bound::to_shared(shared) })
    }

    fn white_out(&mut self, stated: Stated<'_>, hidden: &[u8]) {
        // Mostly the directory is there, and no link on the way to it.
        if self.known_parent(stated).is_none() {
            let parent = stated.parent();
            match self.find(&parent, true).map(|found| found.name.bound.directory().is_some()) {
                Some(true) => {}
                Some(false) => {
                    return self
                        .anomaly(stated.meta, "removes something below what is no directory");
                }
                None if self.find(&parent, false).is_some() => {
                    let what = "removes something behind a symlink that leads nowhere";
                    return self.anomaly(stated.meta, what);
                }
                None => {}
            }
        }
        let Some(directory) = self.parent_of(stated) else { return };
        let Some((position, name)) = self.growing.child(directory, hidden) else { return };
        let is_directory = name.bound.directory().is_some();
        let is_own = name.layer == self.layer;
        let has_own = self.remove(directory, position, name, true);
        if is_own && !is_directory || has_own {
            self.anomaly(stated.meta, "removes what its own layer put there before it");
        }
    }

    /// Removes what lower layers have in a directory and keeps what this layer put there.
    fn make_opaque(&mut self, stated: Stated<'_>) {
        // A marker behind a symlink is not followed to the directory that the symlink leads to.
        let found = self.find(&stated.parent(), false);
        if found.is_some_and(|found| found.name.bound.directory().is_none()) {
            return self.anomaly(stated.meta, "makes something opaque that is no directory");
        }
        if self.parent_of(stated).is_none() {
            return;
        }
        let Some(directory) = found.and_then(|found| found.name.bound.directory()) else { return };
        let mut is_mixed = false;
        let mut open = vec![directory];
        while let Some(directory) = open.pop() {
            let children: Vec<(u32, Name)> =
                self.growing.children(directory, &mut self.steps).collect();
            for (position, name) in children {
                if !self.holds_own(name) {
                    self.remove(directory, position, name, true);
                    continue;
                }
                is_mixed = true;
                open.extend(name.bound.directory());
            }
        }
        if is_mixed {
            self.anomaly(
                stated.meta,
                "makes a directory opaque after its own layer put something there",
            );
        }
    }

    /// Whether a name, or anything below it, was made by the current layer.
    fn holds_own(&mut self, name: Name) -> bool {
        let mut open = vec![name];
        while let Some(name) = open.pop() {
            self.steps += 1;
            if name.layer == self.layer {
                return true;
            }
            if let Some(directory) = name.bound.directory() {
                let children = self.growing.children(directory, &mut self.steps);
                open.extend(children.map(|(_, name)| name));
            }
        }
        false
    }

    /// The directory that an entry lies in, made if need be; `None` when symlinks go in circles.
    fn parent_of(&mut self, stated: Stated<'_>) -> Option<u32> {
        if let Some(known) = self.known_parent(stated) {
            return Some(known);
        }
        let parent = stated.parent();
        let mut pending = Pending::of(&parent);
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
                here = self.growing.base.directory(here).map_or(ROOT, |it| it.parent);
                continue;
            }
            let Some((position, name)) = self.growing.child(here, &part) else {
                if is_of_target {
                    self.anomaly(stated.meta, "lies behind a symlink that leads nowhere");
                }
                here = self.make_directory(stated.meta, here, &part)?;
                continue;
            };
            if let Some(directory) = name.bound.directory() {
                here = directory;
            } else if let Some(target) = self.growing.base.target(&name) {
                hops += 1;
                if hops > MAX_HOPS {
                    self.anomaly(stated.meta, "lies behind too many symlinks and was left out");
                    return None;
                }
                lower_link |= name.layer != self.layer;
                if target.starts_with(b"/") {
                    here = ROOT;
                }
                pending.push_target(target);
            } else {
                self.anomaly(stated.meta, "lies below something that is no directory");
                self.remove(here, position, name, true);
                here = self.make_directory(stated.meta, here, &part)?;
            }
        }
        if lower_link {
            self.anomaly(stated.meta, "is written through a symlink of a lower layer");
        }
        Some(here)
    }

    /// The directory of an entry's folder where all parts of its path are directories that are there. Anomalies are per
    /// entry, so nothing else is worth remembering.
    fn known_parent(&mut self, stated: Stated<'_>) -> Option<u32> {
        let (folder, packed) = (stated.meta.folder(), stated.packed);
        let (mut here, mut unknown) = (folder, Vec::new());
        let mut directory = loop {
            if here == ROOT_FOLDER {
                break ROOT;
            }
            match self.known.get(at(here)) {
                Some(&(generation, directory)) if generation == self.generation => break directory,
                _ => unknown.push(here),
            }
            here = packed.folder(here)?.parent;
        };
        while let Some(folder) = unknown.pop() {
            self.steps += 1;
            let (_, name) = self.growing.child(directory, packed.folder_name(folder))?;
            directory = name.bound.directory()?;
            if let Some(known) = self.known.get_mut(at(folder)) {
                *known = (self.generation, directory);
            }
        }
        Some(directory)
    }

    /// Makes a directory that no layer names; `None` when there are too many or it would lie too deep.
    fn make_directory(&mut self, meta: EntryRef<'_>, parent: u32, name: &[u8]) -> Option<u32> {
        self.implied += 1;
        let depth = self.growing.base.directory(parent).map_or(0, |it| it.depth) + 1;
        if depth > MAX_DEPTH || self.implied > MAX_IMPLIED {
            self.anomaly(meta, "lies too deep and was left out");
            return None;
        }
        let hash = self.growing.hash(parent, name);
        let entry = self.growing.base.imply(name);
        let name = self.growing.add_directory(self.layer, entry, parent, depth);
        self.growing.bind(parent, name, hash);
        name.bound.directory()
    }

    /// Removes a name and everything below it; whether it is a directory and any of that was made by the current layer.
    fn remove(&mut self, parent: u32, position: u32, name: Name, is_recorded: bool) -> bool {
        let is_directory = name.bound.directory().is_some();
        if is_directory {
            self.generation += 1;
        }
        let mut has_own = false;
        let mut open = vec![(parent, position, name)];
        while let Some((parent, position, name)) = open.pop() {
            self.growing.unbind(position);
            has_own |= name.layer == self.layer;
            if let Some(directory) = name.bound.directory() {
                let children = self.growing.children(directory, &mut self.steps);
                open.extend(children.map(|(position, name)| (directory, position, name)));
            }
            if let Some(shared) = name.bound.shared()
                && let Some(shared) = self.growing.shared_mut(shared)
            {
                shared.links = shared.links.saturating_sub(1);
            }
            if is_recorded && name.layer != self.layer && self.growing.base.content(&name).is_some()
            {
                self.growing.removed.push(Gone { name, parent, by_layer: self.layer });
            }
        }
        has_own && is_directory
    }

    fn find(&mut self, path: &[u8], follow_last: bool) -> Option<Found> {
        names::find(&self.growing, path, follow_last, &mut self.steps)
    }

    fn anomaly(&mut self, meta: EntryRef<'_>, what: &str) {
        if self.anomalies.len() < MAX_ANOMALIES {
            let layer = u64::from(self.layer) + 1;
            self.anomalies.push(format!("layer {layer}: {} {what}", shown(meta.path().as_bytes())));
        } else {
            self.more_anomalies += 1;
        }
    }

    fn finish(mut self) -> (Tree, Vec<String>) {
        self.anomalies.sort();
        self.anomalies.dedup();
        if self.more_anomalies > 0 {
            self.anomalies.push(format!("{} more oddities of the layers", self.more_anomalies));
        }
        (self.growing.finish(), self.anomalies)
    }
}
