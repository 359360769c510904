//! The package databases that count, and signs that one is missing.
//!
//! In: visible files, all layers, the tree. Out: files of the parsers `dpkg`, `apk` and `rpm`; gaps. Odd: when none of a
//! family is visible, or the visible ones are empty, the topmost layer's that had packages counts. Directories that belong
//! to a package manager and have no database in them are a sign as well.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_image::{EntryKind, Tree};
use plimsoll_model::{Gap, GapReason};

use super::{database_gap, visible::VisibleFile};
use crate::{
    distribution::{Distribution, Family, Shown, families_of},
    facts::LayerFacts,
    packages::{opkg, pacman, portage, rpm},
    paths::{Fingerprints, fingerprint},
};

/// Folders that only a system with such a database has.
const fn folders(family: Family) -> &'static [&'static str] {
    match family {
        Family::Dpkg => &["var/lib/dpkg", "etc/dpkg"],
        Family::Apk => &["lib/apk", "usr/lib/apk", "etc/apk"],
        Family::Rpm => rpm::FOLDERS,
        Family::Pacman => &[pacman::FOLDER],
        Family::Portage => &[portage::FOLDER],
        Family::Opkg => opkg::FOLDERS,
    }
}

pub(super) fn find<'l>(
    files: &[VisibleFile<'l>],
    layers: &'l [LayerFacts],
    gaps: &mut Vec<Gap>,
) -> Vec<VisibleFile<'l>> {
    let mut databases = Vec::new();
    for family in Family::ALL {
        let of_family = |file: &&VisibleFile<'_>| family.has_parser(&file.facts.detector);
        let visible: Vec<VisibleFile<'l>> = files.iter().filter(of_family).cloned().collect();
        if visible.iter().any(|file| !file.facts.packages.is_empty()) {
            databases.extend(visible);
            continue;
        }
        let earlier = earlier(*family, layers);
        let of_packages = earlier.iter().filter(|file| !file.facts.packages.is_empty());
        if let Some(first) = of_packages.max_by_key(|file| file.layer) {
            let what = if visible.is_empty() { "removed" } else { "emptied" };
            let path = first.path.display().into_owned();
            let detail = format!(
                "the package database was {what} after layer {}; the packages that it listed there are reported",
                first.layer
            );
            gaps.push(database_gap(*family, &path, detail));
        }
        databases.extend(earlier);
    }
    check_rpm_agreement(&databases, gaps);
    databases
}

/// Of each path the topmost layer's database that has packages, and lists of what they own.
fn earlier(family: Family, layers: &[LayerFacts]) -> Vec<VisibleFile<'_>> {
    let mut found = BTreeMap::new();
    for (index, layer) in layers.iter().enumerate() {
        for (entry, facts) in &layer.files {
            for facts in facts {
                let is_of_family = family.has_parser(&facts.detector)
                    && (!facts.packages.is_empty() || !facts.owned.is_empty());
                if is_of_family
                    && let Some(path) = facts.claimed.clone().or_else(|| layer.path(*entry))
                {
                    let real = path.clone();
                    let file = VisibleFile { path: path.clone(), real, layer: index, facts };
                    found.insert(path, file);
                }
            }
        }
    }
    found.into_values().collect()
}

/// Gaps for databases that should be there and are not, or are there and cannot be read.
pub(super) fn check_places(
    tree: &Tree,
    distribution: Option<&Distribution>,
    shown: &Shown<'_>,
    owned: &Fingerprints,
    gaps: &mut Vec<Gap>,
) {
    let expected = distribution.map(families_of);
    let is_expected_shown =
        expected.into_iter().flatten().any(|family| shown.families.contains_key(family));
    check_dpkg_updates(tree, gaps);
    check_rpm_logs(tree, gaps);
    for family in Family::ALL {
        if shown.families.contains_key(family) {
            continue;
        }
        let folder = folders(*family).iter().find(|folder| {
            let node = tree.resolve_ref(folder.as_bytes());
            node.is_some_and(|node| node.kind() == EntryKind::Directory)
        });
        let is_expected = !is_expected_shown
            && expected.map_or(shown.families.is_empty(), |expected| expected.contains(family));
        // Tools of another distribution bring their folder: then a package owns it.
        let is_a_tool_s = |folder: &str| owned.contains(fingerprint(folder.as_bytes()));
        match folder {
            Some(folder) if is_expected || !is_a_tool_s(folder) => gaps.push(database_gap(
                *family,
                folder,
                "is the package manager's, but there is no package database, or an empty one"
                    .to_owned(),
            )),
            None if is_expected && expected.and_then(<[Family]>::first) == Some(family) => gaps
                .push(database_gap(
                    *family,
                    "",
                    "the distribution's package database is not there".to_owned(),
                )),
            _ => {}
        }
    }
}

/// What dpkg reads after `status` and has not merged into it yet: files named by a number.
fn check_dpkg_updates(tree: &Tree, gaps: &mut Vec<Gap>) {
    let pending = tree.list(b"var/lib/dpkg/updates").find(|node| {
        let name = node.name();
        !name.is_empty() && name.iter().all(u8::is_ascii_digit) && node.size() > 0
    });
    if let Some(node) = pending {
        gaps.push(Gap {
            reason: GapReason::UnreadableFile,
            by: Family::Dpkg.parser().to_owned(),
            at: node.path().display().into_owned(),
            detail: "holds changes that are not in dpkg's status yet; they were not read"
                .to_owned(),
        });
    }
}

/// Changes that stand beside an SQLite database only.
fn check_rpm_logs(tree: &Tree, gaps: &mut Vec<Gap>) {
    for folder in rpm::FOLDERS {
        for log in ["rpmdb.sqlite-wal", "rpmdb.sqlite-journal"] {
            let log = format!("{folder}/{log}");
            let node = tree.resolve_ref(log.as_bytes());
            if node.is_some_and(|node| node.kind() == EntryKind::File && node.size() > 0) {
                gaps.push(Gap {
                    reason: GapReason::UnreadableFile,
                    by: Family::Rpm.parser().to_owned(),
                    at: log,
                    detail:
                        "holds changes that are not in the database file yet; they were not read"
                            .to_owned(),
                });
            }
        }
    }
}

/// Several databases of rpm that list different packages: its configuration decides which of them it asks.
fn check_rpm_agreement(databases: &[VisibleFile<'_>], gaps: &mut Vec<Gap>) {
    let listed = |file: &VisibleFile<'_>| {
        let packages = file.facts.packages.iter();
        packages.map(|package| (package.name.clone(), package.version.clone())).collect()
    };
    let mut known: Option<(&VisibleFile<'_>, BTreeSet<(String, String)>)> = None;
    for file in databases {
        if file.facts.detector != Family::Rpm.parser() || file.facts.packages.is_empty() {
            continue;
        }
        let packages = listed(file);
        match &known {
            Some((first, others)) if *others != packages => {
                let detail = format!(
                    "lists other packages than `{}`, and only one of them is rpm's database: the packages of both are reported",
                    first.path.display()
                );
                gaps.push(Gap {
                    reason: GapReason::Anomaly,
                    by: Family::Rpm.parser().to_owned(),
                    at: file.path.display().into_owned(),
                    detail,
                });
            }
            Some(_) => {}
            None => known = Some((file, packages)),
        }
    }
}
