//! Files whose packages the counting databases do not list.
//!
//! In: the tree, all layers' facts, what installed packages own. Out: gaps. Odd: a database that lost its entries, but not
//! all of them, looks like any other; the files that the lost packages left behind tell it apart from one whose packages
//! were removed properly.

use std::collections::{BTreeSet, HashMap};

use plimsoll_image::{EntryKind, NodeRef, Tree, TreePath};
use plimsoll_model::{Gap, GapReason};

use super::database_gap;
use crate::{
    distribution::{Distribution, Family, Shown},
    facts::{FileFacts, LayerFacts, clip},
    packages::dpkg::DpkgFiles,
    parser::Parser,
    paths::{Fingerprints, fingerprint, is_package_place},
};

/// Gaps about removed metadata that are told.
const MAX_METADATA_GAPS: usize = 100;

pub(super) fn check(
    tree: &Tree,
    layers: &[LayerFacts],
    owned: &Fingerprints,
    shown: &Shown<'_>,
    gaps: &mut Vec<Gap>,
) {
    for &family in Family::ALL {
        // Without any entry left, the database itself is missed elsewhere.
        if !shown.families.contains_key(&family) {
            continue;
        }
        let lost = lost(family, layers, owned);
        if lost.is_empty() {
            continue;
        }
        let left = first_and_count(tree, |node, path| {
            is_of_package(node, path) && lost.contains(fingerprint(path))
        });
        if let Some((first, count)) = left {
            let detail = format!(
                "files of packages that the package database does not list are still there: {count}, the first is `{}`",
                first.display()
            );
            gaps.push(database_gap(family, "", detail));
        }
    }
}

/// The gap of an image of no distribution, unless all of its programs are known for themselves.
pub(super) fn check_distribution(
    untold: &[TreePath],
    shown: &Shown<'_>,
    distribution: Option<&Distribution>,
    gaps: &mut Vec<Gap>,
) {
    if let Some(first) = untold.first()
        && distribution.is_none()
        && shown.families.is_empty()
    {
        gaps.push(Gap {
            reason: GapReason::UnknownDistribution,
            by: "distribution".to_owned(),
            at: String::new(),
            detail: format!(
                "there is neither os-release nor a package database: what programs are made of is not known ({}, the first is `{}`)",
                untold.len(),
                first.display()
            ),
        });
    }
}

/// Metadata of language packages that later layers removed while what they describe is still there.
pub(super) fn check_metadata(tree: &Tree, layers: &[LayerFacts], gaps: &mut Vec<Gap>) {
    let visible = |path: &TreePath| tree.lookup_ref(path.as_bytes()).is_some();
    let mut places = Places::default();
    let mut found = Vec::new();
    for layer in layers {
        for (entry, facts) in &layer.files {
            if facts.iter().all(|facts| facts.packages.is_empty()) {
                continue;
            }
            let Some(path) = layer.path(*entry).filter(|path| !visible(path)) else { continue };
            for facts in facts {
                for package in &facts.packages {
                    if is_left_behind(tree, &mut places, &path, &facts.detector, &package.name) {
                        found.push(Gap {
                            reason: GapReason::PackageDatabaseRemoved,
                            by: facts.detector.clone(),
                            at: path.display().into_owned(),
                            detail: format!(
                                "was removed by a later layer, but files of `{}` are still there",
                                clip(&package.name)
                            ),
                        });
                    }
                }
            }
        }
    }
    found.sort();
    found.dedup();
    found.truncate(MAX_METADATA_GAPS);
    gaps.extend(found);
}

/// Whether something of the package that a removed file described is still in the tree.
fn is_left_behind(
    tree: &Tree,
    places: &mut Places,
    path: &TreePath,
    detector: &str,
    name: &str,
) -> bool {
    let Some(folder) = path.parent() else { return false };
    let has_files = |folder: &TreePath| tree.list(folder.as_bytes()).next().is_some();
    match detector {
        "npm" => has_files(&folder),
        "python" => {
            let is_file = path.name().ends_with(b".egg-info");
            let place = if is_file { Some(folder.clone()) } else { folder.parent() };
            let Some(place) = place else { return false };
            let module = name.replace('-', "_");
            // An upgrade removes the old folder and brings one with another version in its name.
            let own = if is_file { &[] } else { folder.name() };
            let is_upgraded = places.has_other(tree, &place, &module, own);
            let module_is_there = || {
                let file = place.join(format!("{module}.py").as_bytes());
                has_files(&place.join(module.as_bytes()))
                    || tree.lookup_ref(file.as_bytes()).is_some()
            };
            !is_upgraded && ((!is_file && has_files(&folder)) || module_is_there())
        }
        _ => false,
    }
}

/// Metadata of Python packages by the folder that it lies in, each folder looked at once.
#[derive(Default)]
struct Places(HashMap<TreePath, BTreeSet<(String, Vec<u8>)>>);

impl Places {
    /// Whether a folder holds metadata of a module besides what is named `own`.
    fn has_other(&mut self, tree: &Tree, place: &TreePath, module: &str, own: &[u8]) -> bool {
        let plain = |name: &str| name.replace(['-', '.'], "_");
        let names = self.0.entry(place.clone()).or_insert_with(|| {
            let names = tree.list(place.as_bytes()).map(NodeRef::name);
            names
                .filter_map(|name| {
                    let text = String::from_utf8_lossy(name).to_lowercase();
                    let is_metadata = text.ends_with(".dist-info") || text.ends_with(".egg-info");
                    is_metadata.then(|| (plain(&text), name.to_vec()))
                })
                .collect()
        });
        let prefix = format!("{}_", plain(module));
        let mut others = names.range((prefix.clone(), Vec::new())..);
        others
            .by_ref()
            .take_while(|(name, _)| name.starts_with(&prefix))
            .any(|(_, name)| name != own)
    }
}

/// What packages of any layer's database own, and no installed one does.
fn lost(family: Family, layers: &[LayerFacts], owned: &Fingerprints) -> Fingerprints {
    let is_wanted = |facts: &&FileFacts| {
        family.has_parser(&facts.detector)
            || (family == Family::Dpkg && facts.detector == DpkgFiles.id())
    };
    let files = layers.iter().flat_map(|layer| layer.files.values().flatten());
    let all = files.filter(is_wanted).flat_map(|facts| &facts.owned);
    Fingerprints::new(all.copied().filter(|path| !owned.contains(*path)).collect())
}

pub(super) fn is_of_package(node: NodeRef<'_>, path: &[u8]) -> bool {
    node.kind() == EntryKind::File && node.size() > 0 && is_package_place(path)
}

/// The first path that is wanted, and how many there are.
fn first_and_count(
    tree: &Tree,
    wanted: impl Fn(NodeRef<'_>, &[u8]) -> bool,
) -> Option<(TreePath, usize)> {
    let mut nodes = tree.nodes();
    let mut seen: Option<(TreePath, usize)> = None;
    while let Some(node) = nodes.next() {
        if wanted(node, nodes.path()) {
            seen = Some(match seen {
                None => (TreePath::clean(nodes.path()), 1),
                Some((first, count)) => (first, count + 1),
            });
        }
    }
    seen
}
