//! Files whose packages the counting databases do not list.
//!
//! In: the tree, all layers' facts, what installed packages own. Out: gaps. Odd: a database that lost its entries, but not
//! all of them, looks like any other; the files that the lost packages left behind tell it apart from one whose packages
//! were removed properly. Without any database, what could be told of programs is nothing, and that is said as well.

use std::collections::HashSet;

use plimsoll_image::{EntryKind, Node, Tree, TreePath};
use plimsoll_model::{Gap, GapReason};

use super::{Owned, database_gap};
use crate::{
    distribution::{Distribution, Family, Shown},
    facts::{FileFacts, LayerFacts, clip},
    packages::dpkg::DpkgFiles,
    parser::Parser,
    paths::fingerprint,
};

/// Where packages put programs and libraries. Configuration and data outlive a package by design.
const PLACES: &[&[u8]] = &[b"usr", b"bin", b"sbin", b"lib", b"lib32", b"lib64", b"libx32", b"opt"];

/// Gaps about removed metadata that are told.
const MAX_METADATA_GAPS: usize = 100;

pub(super) fn check(
    tree: &Tree,
    layers: &[LayerFacts],
    owned: &Owned,
    shown: &Shown<'_>,
    distribution: Option<&Distribution>,
    gaps: &mut Vec<Gap>,
) {
    for family in [Family::Dpkg, Family::Apk, Family::Rpm] {
        // Without any entry left, the database itself is missed elsewhere.
        if !shown.families.contains_key(&family) {
            continue;
        }
        let lost = lost(family, layers, owned);
        if lost.is_empty() {
            continue;
        }
        let left = tree.walk().filter(|node| {
            is_of_package(node) && lost.contains(&fingerprint(node.path.as_bytes()))
        });
        if let Some((first, count)) = first_and_count(left) {
            let detail = format!(
                "files of packages that the package database does not list are still there: {count}, the first is `{}`",
                first.display()
            );
            gaps.push(database_gap(family, "", detail));
        }
    }
    if distribution.is_none() && shown.families.is_empty() {
        let programs = tree.walk().filter(is_program);
        if let Some((first, count)) = first_and_count(programs) {
            gaps.push(Gap {
                reason: GapReason::UnknownDistribution,
                by: "distribution".to_owned(),
                at: String::new(),
                detail: format!(
                    "there is neither os-release nor a package database: what programs are made of is not known ({count}, the first is `{}`)",
                    first.display()
                ),
            });
        }
    }
}

/// Metadata of language packages that later layers removed while what they describe is still there.
pub(super) fn check_metadata(tree: &Tree, layers: &[LayerFacts], gaps: &mut Vec<Gap>) {
    let visible = |path: &TreePath| tree.lookup(path.as_bytes()).is_some();
    let mut found = Vec::new();
    for layer in layers {
        for (entry, facts) in &layer.files {
            let meta = usize::try_from(*entry).ok().and_then(|at| layer.entries.entries.get(at));
            let Some(path) = meta.map(|meta| &meta.path).filter(|path| !visible(path)) else {
                continue;
            };
            for facts in facts {
                for package in &facts.packages {
                    if is_left_behind(tree, path, &facts.detector, &package.name) {
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
fn is_left_behind(tree: &Tree, path: &TreePath, detector: &str, name: &str) -> bool {
    let Some(folder) = path.parent() else { return false };
    let has_files = |folder: &TreePath| tree.children(folder.as_bytes()).next().is_some();
    match detector {
        "npm" => has_files(&folder),
        "python" => {
            let is_file = path.name().ends_with(b".egg-info");
            let place = if is_file { Some(folder.clone()) } else { folder.parent() };
            let Some(place) = place else { return false };
            let module = name.replace('-', "_");
            // An upgrade removes the old folder and brings one with another version in its name.
            let is_upgraded = tree.children(place.as_bytes()).any(|node| {
                let other = String::from_utf8_lossy(node.path.name()).to_lowercase();
                let is_metadata = other.ends_with(".dist-info") || other.ends_with(".egg-info");
                is_metadata
                    && other
                        .replace(['-', '.'], "_")
                        .starts_with(&format!("{}_", module.replace('.', "_")))
                    && node.path != folder
            });
            let module_is_there = || {
                let file = tree.lookup(place.join(format!("{module}.py").as_bytes()).as_bytes());
                has_files(&place.join(module.as_bytes())) || file.is_some()
            };
            !is_upgraded && ((!is_file && has_files(&folder)) || module_is_there())
        }
        _ => false,
    }
}

/// What packages of any layer's database own, and no installed one does.
fn lost(family: Family, layers: &[LayerFacts], owned: &Owned) -> HashSet<u64> {
    let is_wanted = |facts: &&FileFacts| {
        facts.detector == family.parser()
            || (family == Family::Dpkg && facts.detector == DpkgFiles.id())
    };
    let files = layers.iter().flat_map(|layer| layer.files.values().flatten());
    let all = files.filter(is_wanted).flat_map(|facts| &facts.owned);
    all.filter(|path| !owned.contains(path)).copied().collect()
}

fn is_of_package(node: &Node) -> bool {
    let place = node.path.parts().next().unwrap_or_default();
    node.meta.kind == EntryKind::File && node.meta.size > 0 && PLACES.contains(&place)
}

fn is_program(node: &Node) -> bool {
    node.meta.kind == EntryKind::File && node.meta.size > 0 && node.meta.mode & 0o111 != 0
}

fn first_and_count(nodes: impl Iterator<Item = Node>) -> Option<(TreePath, usize)> {
    nodes.fold(None, |seen, node| match seen {
        None => Some((node.path, 1)),
        Some((first, count)) => Some((first.min(node.path), count + 1)),
    })
}
