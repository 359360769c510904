//! Which packages of lock files count.
//!
//! In: visible files, the merged tree. Out: the packages that are left out. Source: `docs/semantics.md`, "Lock files".
//!
//! A lock file says what would be installed. Where nothing was installed from it, as far as the image shows, all of it
//! counts: the code may be in a bundle or a binary. Where it was, the installed packages are the truth: what is not among
//! them is not there, and to report it would be a false alarm. Odd: a Node.js package's folder without a readable
//! description is something installed that nobody describes but the lock file, so its line counts.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    ptr,
};

use plimsoll_image::{EntryKind, Tree, TreePath};

use super::visible::VisibleFile;
use crate::{
    facts::PackageFact,
    packages::{
        go_mod,
        lock::{EVIDENCE, LOCK, OPTIONAL, SCOPE},
    },
};

/// Facts, each known by where it is in memory: two files may hold the same lines.
pub(super) type Absent = HashSet<*const PackageFact>;

/// What installed packages are known by.
#[derive(PartialEq, Eq, Hash)]
struct Identity<'f> {
    ecosystem: &'f str,
    namespace: &'f str,
    name: &'f str,
    version: &'f str,
}

/// What is installed, and where.
#[derive(Default)]
struct Installed<'f> {
    places: HashMap<Identity<'f>, BTreeSet<&'f [u8]>>,
    folders: HashSet<TreePath>,
    ecosystems: HashSet<&'f str>,
}

/// The lines of lock files that were carried out without them.
pub(super) fn absent(tree: &Tree, files: &[VisibleFile<'_>]) -> Absent {
    let locks: Vec<&VisibleFile<'_>> =
        files.iter().filter(|file| lines(file).next().is_some()).collect();
    let mut absent = Absent::new();
    if locks.is_empty() {
        return absent;
    }
    let installed = Installed::of(files);
    let partial = partial_go_modules(&locks);
    for file in locks {
        // The hashes of modules name more than the program is made of; they count where nothing else names it.
        if file.facts.detector == go_mod::GO_SUM
            && !file.path.parent().is_some_and(|folder| partial.contains(&folder))
        {
            absent.extend(lines(file).map(ptr::from_ref));
            continue;
        }
        let base = base(&file.path);
        let was_carried_out = installed.shows(file, &base);
        for fact in lines(file).filter(|fact| !installed.has(fact, &base)) {
            // What only development needs is in no bundle either.
            let is_spare = fact.extra.contains_key(SCOPE)
                && !is_beside(ecosystem(fact))
                && installed.ecosystems.contains(ecosystem(fact));
            if (was_carried_out || is_spare) && !installed.is_undescribed(tree, &base, fact) {
                absent.insert(ptr::from_ref(fact));
            }
        }
    }
    absent
}

/// Folders whose `go.mod` leaves out what modules need in turn.
fn partial_go_modules(locks: &[&VisibleFile<'_>]) -> HashSet<TreePath> {
    let is_partial =
        |file: &&&VisibleFile<'_>| lines(file).any(|fact| fact.extra.contains_key(go_mod::PARTIAL));
    locks.iter().filter(is_partial).filter_map(|file| file.path.parent()).collect()
}

fn lines<'l>(file: &VisibleFile<'l>) -> impl Iterator<Item = &'l PackageFact> + use<'l> {
    file.facts.packages.iter().filter(|fact| is_locked(fact))
}

fn is_locked(fact: &PackageFact) -> bool {
    fact.extra.get(EVIDENCE).is_some_and(|evidence| evidence == LOCK)
}

fn ecosystem(fact: &PackageFact) -> &str {
    fact.ecosystem.as_deref().unwrap_or_default()
}

/// Whether packages of the ecosystem are installed below the lock file's folder, and not in a place of the system's.
fn is_beside(ecosystem: &str) -> bool {
    matches!(ecosystem, "npm" | "Packagist")
}

impl<'f> Installed<'f> {
    fn of(files: &'f [VisibleFile<'_>]) -> Self {
        let mut installed = Self::default();
        for file in files {
            for fact in file.facts.packages.iter().filter(|fact| !fact.extra.contains_key(EVIDENCE))
            {
                if fact.ecosystem.is_some() {
                    let places = installed.places.entry(Identity::of(fact)).or_default();
                    places.insert(file.path.as_bytes());
                    installed.folders.extend(file.path.parent());
                    installed.ecosystems.insert(ecosystem(fact));
                }
            }
        }
        installed
    }

    /// Whether what a line names is installed, in the place that counts for a lock file in `base`.
    fn has(&self, fact: &PackageFact, base: &TreePath) -> bool {
        let Some(places) = self.places.get(&Identity::of(fact)) else { return false };
        if !is_beside(ecosystem(fact)) || base.is_root() {
            return true;
        }
        let inside = [base.as_bytes(), b"/"].concat();
        places.range(&*inside..).next().is_some_and(|place| place.starts_with(&inside))
    }

    /// Whether somebody installed from the file. Beside it, one package is enough; anywhere in the image, more than half of
    /// those that the file cannot do without must be there, since others may have brought one or two.
    fn shows(&self, file: &VisibleFile<'_>, base: &TreePath) -> bool {
        let (mut needed, mut found) = (0_usize, 0_usize);
        let (mut optional, mut found_optional) = (0_usize, 0_usize);
        for fact in lines(file) {
            let is_found = self.has(fact, base);
            if is_found && is_beside(ecosystem(fact)) {
                return true;
            }
            if fact.extra.contains_key(OPTIONAL) {
                optional += 1;
                found_optional += usize::from(is_found);
            } else if !fact.extra.contains_key(SCOPE) {
                needed += 1;
                found += usize::from(is_found);
            }
        }
        if needed == 0 { found_optional * 2 > optional } else { found * 2 > needed }
    }

    /// Whether the folder of a Node.js package is there without a description that was read.
    fn is_undescribed(&self, tree: &Tree, base: &TreePath, fact: &PackageFact) -> bool {
        if ecosystem(fact) != "npm" {
            return false;
        }
        let mut folder = base.join(b"node_modules");
        for part in fact.namespace.iter().chain([&fact.name]) {
            folder = folder.join(part.as_bytes());
        }
        let Some(node) = tree.resolve(folder.as_bytes()) else { return false };
        node.meta.kind == EntryKind::Directory
            && !self.folders.contains(&folder)
            && !self.folders.contains(&node.path)
            && tree.children(node.path.as_bytes()).next().is_some()
    }
}

impl<'f> Identity<'f> {
    fn of(fact: &'f PackageFact) -> Self {
        let namespace = fact.namespace.as_deref().unwrap_or_default();
        Self { ecosystem: ecosystem(fact), namespace, name: &fact.name, version: &fact.version }
    }
}

/// The folder that a lock file is for; npm keeps one inside `node_modules` as well.
fn base(path: &TreePath) -> TreePath {
    let folder = path.parent().unwrap_or_else(TreePath::root);
    match folder.name() {
        b"node_modules" => folder.parent().unwrap_or(folder),
        _ => folder,
    }
}
