//! Packages that the counting databases do not show as they are.
//!
//! In: the tree, all layers' facts, the databases that count, what their packages own. Out: the earlier entries of such
//! packages, as files that count beside the databases, and gaps. Odd: an entry that is gone is a removed package, unless
//! files of it are still there as they were; a version that changed is an upgrade, unless no file of the package came with
//! it. Package managers write every file of a package anew, and dpkg its list of them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use plimsoll_image::{Tree, TreePath};
use plimsoll_model::Gap;

use super::{database_gap, unlisted::is_of_package, visible::VisibleFile};
use crate::{
    distribution::Family,
    facts::{FileFacts, LayerFacts, PackageFact, clip},
    packages::dpkg::{self, DpkgFiles},
    parser::Parser,
    paths::{Fingerprints, fingerprint},
};

/// Earlier entries of a database that still hold.
#[derive(Debug)]
pub(super) struct Earlier {
    path: TreePath,
    layer: usize,
    facts: FileFacts,
}

impl Earlier {
    /// As a file that counts.
    pub(super) fn file(&self) -> VisibleFile<'_> {
        let (path, real) = (self.path.clone(), self.path.clone());
        VisibleFile { path, real, layer: self.layer, facts: &self.facts }
    }
}

/// A package in the database of a layer.
#[derive(Clone, Copy)]
struct Entry<'l> {
    layer: usize,
    /// The database's place in the layer.
    position: u32,
    facts: &'l FileFacts,
    package: &'l PackageFact,
    index: u32,
}

/// A package's name and architecture.
type Key<'l> = (&'l str, &'l str);

/// So many files of a package that are all there as they were tell that another package only took its name: one that takes
/// files over brings its own, but a file or two may be shared.
const MIN_RENAMED: usize = 3;

/// Lists of one package that are asked; it has one for each architecture and layer.
const MAX_LISTS: usize = 16;
/// Files of one package that are asked: anybody may name a package a thousand times.
const MAX_FILES: usize = 1000;

/// Families whose entries tell which files are a package's.
const FAMILIES: &[Family] = &[Family::Dpkg, Family::Apk, Family::Rpm];

pub(super) fn find(
    tree: &Tree,
    layers: &[LayerFacts],
    databases: &[VisibleFile<'_>],
    owned: &Fingerprints,
    gaps: &mut Vec<Gap>,
) -> Vec<Earlier> {
    let mut found = Vec::new();
    let mut left: Option<HashMap<u64, (usize, bool)>> = None;
    for &family in FAMILIES {
        let counting: Vec<&VisibleFile<'_>> = databases
            .iter()
            .filter(|file| family.has_parser(&file.facts.detector))
            .filter(|file| !file.facts.packages.is_empty())
            .collect();
        let Some(newest) = counting.iter().map(|file| file.layer).max() else { continue };
        let history = History::of(family, layers, newest);
        if history.databases.len() < 2 {
            continue;
        }
        let shown: HashSet<&str> = counting
            .iter()
            .flat_map(|file| &file.facts.packages)
            .map(|package| package.name.as_str())
            .collect();
        let gone: Vec<Entry<'_>> = history
            .last()
            .into_iter()
            .filter(|entry| !shown.contains(&*entry.package.name))
            .collect();
        if !gone.is_empty() {
            let left = left.get_or_insert_with(|| files(tree, owned));
            let is_still_there = |entry: &Entry<'_>| {
                let witnesses = history.witnesses(entry);
                let as_they_were: Vec<bool> = witnesses
                    .iter()
                    .filter_map(|witness| left.get(witness))
                    .filter(|(layer, _)| *layer <= entry.layer)
                    .map(|(_, is_owned)| *is_owned)
                    .collect();
                let is_renamed =
                    as_they_were.len() == witnesses.len() && as_they_were.len() >= MIN_RENAMED;
                is_renamed || as_they_were.contains(&false)
            };
            let still: Vec<Entry<'_>> = gone.into_iter().filter(is_still_there).collect();
            let says = "the package database does not list packages that it listed in an earlier layer, though files of them are still there; they are reported";
            found.extend(report(family, layers, &still, says, gaps));
        }
        let rewritten = history.rewritten();
        let says = "the package database has other versions than in an earlier layer, though no file of the packages was replaced; the earlier versions are reported as well";
        found.extend(report(family, layers, &rewritten, says, gaps));
    }
    found
}

/// What databases of one family said, layer by layer.
struct History<'l> {
    family: Family,
    layers: &'l [LayerFacts],
    newest: usize,
    /// Per layer that has databases, its packages.
    databases: BTreeMap<usize, BTreeMap<Key<'l>, Entry<'l>>>,
    /// dpkg's lists, by package.
    lists: HashMap<String, Lists<'l>>,
}

/// dpkg's lists of one package.
#[derive(Default)]
struct Lists<'l> {
    layers: BTreeSet<usize>,
    /// The lowest ones.
    files: Vec<&'l FileFacts>,
}

impl<'l> History<'l> {
    fn of(family: Family, layers: &'l [LayerFacts], newest: usize) -> Self {
        let mut databases: BTreeMap<usize, BTreeMap<Key<'l>, Entry<'l>>> = BTreeMap::new();
        let mut lists: HashMap<String, Lists<'l>> = HashMap::new();
        for (layer, of_layer) in layers.iter().enumerate().take(newest + 1) {
            for (position, files) in &of_layer.files {
                for facts in files {
                    if family == Family::Dpkg && facts.detector == DpkgFiles.id() {
                        let path = facts.claimed.clone().or_else(|| of_layer.path(*position));
                        let package =
                            path.as_ref().and_then(|path| dpkg::package_of_list(path.name()));
                        if let Some(package) = package {
                            let lists = lists.entry(package).or_default();
                            lists.layers.insert(layer);
                            if lists.files.len() < MAX_LISTS {
                                lists.files.push(facts);
                            }
                        }
                    }
                    if !family.has_parser(&facts.detector) {
                        continue;
                    }
                    for (index, package) in (0..).zip(&facts.packages) {
                        let key = (&*package.name, &*package.architecture);
                        let position = *position;
                        let entry = Entry { layer, position, facts, package, index };
                        databases.entry(layer).or_default().insert(key, entry);
                    }
                }
            }
        }
        Self { family, layers, newest, databases, lists }
    }

    /// The last entry of every package there ever was.
    fn last(&self) -> Vec<Entry<'l>> {
        let mut last: BTreeMap<Key<'l>, Entry<'l>> = BTreeMap::new();
        for database in self.databases.values() {
            last.extend(database.iter().map(|(key, entry)| (*key, *entry)));
        }
        last.into_values().collect()
    }

    /// Fingerprints of files that are the package's.
    fn witnesses(&self, entry: &Entry<'l>) -> Vec<u64> {
        if self.family == Family::Dpkg {
            let lists = self.lists.get(&entry.package.name).map(|lists| &*lists.files);
            let lists = lists.unwrap_or_default().iter();
            return lists.flat_map(|list| list.owned.iter().copied()).take(MAX_FILES).collect();
        }
        let witnesses = &entry.facts.witnesses;
        let start = witnesses.partition_point(|(index, _)| *index < entry.index);
        let rest = witnesses.iter().skip(start);
        rest.take_while(|(index, _)| *index == entry.index).map(|(_, file)| *file).collect()
    }

    /// Entries whose package has another version in the next database, without any of its files.
    fn rewritten(&self) -> Vec<Entry<'l>> {
        let mut changed: Vec<(Entry<'l>, Entry<'l>)> = Vec::new();
        let databases: Vec<_> = self.databases.values().collect();
        for pair in databases.windows(2) {
            let [before, after] = pair else { continue };
            for (key, old) in before.iter() {
                if let Some(new) = after.get(key)
                    && new.package.version != old.package.version
                {
                    changed.push((*old, *new));
                }
            }
        }
        if changed.is_empty() {
            return Vec::new();
        }
        let mut written: HashMap<u64, usize> = HashMap::new();
        if self.family != Family::Dpkg {
            let wanted: HashSet<u64> = changed
                .iter()
                .flat_map(|(old, new)| [self.witnesses(old), self.witnesses(new)].concat())
                .collect();
            for (layer, facts) in self.layers.iter().enumerate().take(self.newest + 1) {
                for entry in facts.entries.entries.iter() {
                    let file = fingerprint(entry.path().as_bytes());
                    if wanted.contains(&file) {
                        written.insert(file, layer);
                    }
                }
            }
        }
        let is_rewritten = |(old, new): &(Entry<'l>, Entry<'l>)| {
            if self.family == Family::Dpkg {
                // No list at all says nothing: somebody may have removed them to save room.
                let newest = self.lists.get(&old.package.name).and_then(|it| it.layers.last());
                return newest.is_some_and(|layer| *layer <= old.layer);
            }
            let witnesses = [self.witnesses(old), self.witnesses(new)].concat();
            let is_old = |file: &u64| written.get(file).is_none_or(|layer| *layer <= old.layer);
            !witnesses.is_empty() && witnesses.iter().all(is_old)
        };
        changed.into_iter().filter(is_rewritten).map(|(old, _)| old).collect()
    }
}

/// Files where packages put them: the layer that each comes from, and whether an installed package owns it.
fn files(tree: &Tree, owned: &Fingerprints) -> HashMap<u64, (usize, bool)> {
    let mut files = HashMap::new();
    let mut nodes = tree.nodes();
    while let Some(node) = nodes.next() {
        let path = nodes.path();
        if is_of_package(node, path)
            && let Some(content) = node.content()
        {
            let file = fingerprint(path);
            files.insert(file, (content.layer, owned.contains(file)));
        }
    }
    files
}

/// Groups entries by the database that they stand in, and says so.
fn report(
    family: Family,
    layers: &[LayerFacts],
    entries: &[Entry<'_>],
    says: &str,
    gaps: &mut Vec<Gap>,
) -> Vec<Earlier> {
    let mut found: BTreeMap<(usize, TreePath), FileFacts> = BTreeMap::new();
    for entry in entries {
        let claimed = entry.facts.claimed.clone();
        let path = claimed.or_else(|| layers.get(entry.layer)?.path(entry.position));
        let facts = found.entry((entry.layer, path.unwrap_or_default())).or_default();
        entry.facts.detector.clone_into(&mut facts.detector);
        facts.packages.push(entry.package.clone());
    }
    if let (Some(first), Some((_, path))) = (entries.first(), found.keys().next()) {
        let detail = format!(
            "{says} ({}, the first is `{} {}` of layer {})",
            entries.len(),
            clip(&first.package.name),
            clip(&first.package.version),
            first.layer
        );
        gaps.push(database_gap(family, &path.display(), detail));
    }
    let earlier = found.into_iter();
    earlier.map(|((layer, path), facts)| Earlier { path, layer, facts }).collect()
}
