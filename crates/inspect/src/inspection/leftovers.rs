//! What packages leave behind when only their entries are taken away.
//!
//! In: the tree, visible files, what installed packages own. Out: gaps. Odd: when everything was copied into one layer, no
//! earlier layer shows what was there. Checksums without a stanza, copyright files of packages that nobody lists, modules
//! without metadata and packages without a description still do.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use plimsoll_image::{EntryKind, NodeRef, Tree, TreePath};
use plimsoll_model::{Gap, GapReason};

use super::{database_gap, visible::VisibleFile};
use crate::{
    distribution::{Family, Shown},
    facts::clip,
    packages::{
        dpkg::package_of_list,
        python::{PythonFiles, PythonMetadata, normalized},
    },
    parser::Parser,
    paths::{Fingerprints, fingerprint},
};

/// Folders of one kind that are looked into.
const MAX_FOLDERS: usize = 10_000;
/// Gaps of one kind that are told.
const MAX_GAPS: usize = 20;

pub(super) struct Looking<'a, 'l> {
    pub(super) tree: &'a Tree,
    pub(super) files: &'a [VisibleFile<'l>],
    pub(super) shown: &'a Shown<'a>,
    pub(super) owned: &'a Fingerprints,
}

/// What is left of the packages of one kind, and where.
struct Left {
    at: TreePath,
    first: String,
    count: usize,
}

pub(super) fn check(looking: &Looking<'_, '_>, gaps: &mut Vec<Gap>) {
    let of_dpkg = looking.listed(Family::Dpkg);
    if looking.shown.families.is_empty() || of_dpkg.is_some() {
        let known = of_dpkg.unwrap_or_default();
        for (says, left) in [
            (
                "has checksums of packages that the database does not list",
                looking.checksums(&known),
            ),
            ("has copyright files of packages that no database lists", looking.documents(&known)),
        ] {
            gaps.extend(
                left.map(|left| database_gap(Family::Dpkg, &left.at.display(), told(says, &left))),
            );
        }
    }
    if looking.shown.families.is_empty()
        && let Some(left) = looking.licences()
    {
        let says = "has licences of packages that no database lists";
        gaps.push(database_gap(Family::Rpm, &left.at.display(), told(says, &left)));
    }
    let families = [Family::Dpkg, Family::Apk, Family::Rpm];
    let family = families.into_iter().find(|it| looking.shown.families.contains_key(it));
    if let (Some(family), Some(left)) = (family, looking.libraries()) {
        let says = "libraries of the system belong to no package that the database lists";
        gaps.push(database_gap(family, &left.at.display(), told(says, &left)));
    }
    let (python, node) = looking.language_folders();
    let of_language = |by: &str, says: &str, left: Left| Gap {
        reason: GapReason::PackageDatabaseRemoved,
        by: by.to_owned(),
        at: left.at.display().into_owned(),
        detail: told(says, &left),
    };
    let modules = looking.modules(&python);
    gaps.extend(
        modules
            .into_iter()
            .take(MAX_GAPS)
            .map(|left| of_language("python", "has modules that no metadata describes", left)),
    );
    let packages = node.iter().filter_map(|folder| looking.undescribed(folder));
    gaps.extend(
        packages
            .take(MAX_GAPS)
            .map(|left| of_language("npm", "has packages without a `package.json`", left)),
    );
}

fn told(says: &str, left: &Left) -> String {
    format!("{says}: {}, the first is `{}`", left.count, clip(&left.first))
}

fn left(at: impl Into<TreePath>, names: &BTreeSet<String>) -> Option<Left> {
    let first = names.first()?.clone();
    Some(Left { at: at.into(), first, count: names.len() })
}

impl Looking<'_, '_> {
    /// Names of a family's packages; `None` where no database of it is shown.
    fn listed(&self, family: Family) -> Option<HashSet<&str>> {
        let packages = self.shown.families.get(&family)?;
        Some(packages.iter().map(|package| package.name).collect())
    }

    /// dpkg removes the checksums of a package with it, even where its configuration stays.
    fn checksums(&self, known: &HashSet<&str>) -> Option<Left> {
        const FOLDER: &str = "var/lib/dpkg/info";
        let names = self.tree.list(FOLDER.as_bytes()).map(NodeRef::name);
        let names = names.filter(|name| name.ends_with(b".md5sums")).filter_map(package_of_list);
        left(FOLDER, &names.filter(|name| !known.contains(&**name)).collect())
    }

    /// Every Debian package has its copyright file in a folder of its own.
    fn documents(&self, known: &HashSet<&str>) -> Option<Left> {
        const FOLDER: &str = "usr/share/doc";
        let folders = self.tree.list(FOLDER.as_bytes());
        let folders = folders.filter(|node| node.kind() == EntryKind::Directory);
        let is_debian = |node: &NodeRef<'_>| {
            node.list().any(|file| {
                let is_named = matches!(file.name(), b"copyright" | b"changelog.Debian.gz");
                is_named && file.kind() == EntryKind::File && !self.is_owned(file)
            })
        };
        let name = |node: NodeRef<'_>| String::from_utf8_lossy(node.name()).into_owned();
        let unknown = folders.filter(|node| {
            std::str::from_utf8(node.name()).is_ok_and(|name| !known.contains(name))
        });
        left(FOLDER, &unknown.filter(is_debian).map(name).collect())
    }

    fn licences(&self) -> Option<Left> {
        const FOLDER: &str = "usr/share/licenses";
        let folders = self.tree.list(FOLDER.as_bytes());
        let folders = folders.filter(|node| node.list().next().is_some());
        let names = folders.map(|node| String::from_utf8_lossy(node.name()).into_owned());
        left(FOLDER, &names.collect())
    }

    /// Libraries come in packages; what is built by hand goes to `usr/local`.
    fn libraries(&self) -> Option<Left> {
        const FOLDERS: &[&str] = &["lib", "lib64", "usr/lib", "usr/lib64"];
        // Databases without lists of files say nothing here.
        if self.owned.is_empty() {
            return None;
        }
        let is_library = |node: &NodeRef<'_>| {
            let name = node.name();
            let is_named = name.starts_with(b"lib") && name.windows(4).any(|part| part == b".so.");
            is_named && node.kind() == EntryKind::File && node.size() > 0
        };
        let mut names = BTreeSet::new();
        for folder in FOLDERS.iter().filter_map(|it| self.tree.lookup_ref(it.as_bytes())) {
            let machines = folder.list().filter(|node| node.name().ends_with(b"-linux-gnu"));
            let all = folder.list().chain(machines.flat_map(NodeRef::list));
            let unowned = all.filter(is_library).filter(|node| !self.is_owned(*node));
            names.extend(unowned.map(|node| node.path().display().into_owned()));
        }
        left(TreePath::root(), &names)
    }

    fn is_owned(&self, node: NodeRef<'_>) -> bool {
        self.owned.contains(fingerprint(node.path().as_bytes()))
    }

    /// Where Python's modules and Node.js's packages are installed.
    fn language_folders(&self) -> (Vec<TreePath>, Vec<TreePath>) {
        let (mut python, mut node) = (Vec::new(), Vec::new());
        let mut nodes = self.tree.nodes();
        while let Some(found) = nodes.next() {
            if found.kind() != EntryKind::Directory {
                continue;
            }
            match found.name() {
                b"site-packages" | b"dist-packages" if python.len() < MAX_FOLDERS => {
                    python.push(TreePath::clean(nodes.path()));
                }
                b"node_modules" if node.len() < MAX_FOLDERS && is_node_root(nodes.path()) => {
                    node.push(TreePath::clean(nodes.path()));
                }
                _ => {}
            }
        }
        (python, node)
    }

    /// Modules that neither metadata beside them nor a package of the distribution accounts for.
    fn modules(&self, folders: &[TreePath]) -> Vec<Left> {
        if folders.is_empty() {
            return Vec::new();
        }
        let of = |id: &'static str| self.files.iter().filter(move |it| it.facts.detector == id);
        let files = of(PythonFiles.id()).flat_map(|file| &file.facts.owned);
        let described = Fingerprints::new(files.copied().collect());
        let mut names: BTreeMap<TreePath, HashSet<String>> = BTreeMap::new();
        for file in of(PythonMetadata.id()) {
            let folder = file.path.parent();
            let is_single = file.path.name().ends_with(b".egg-info");
            let place = if is_single { folder } else { folder.and_then(|it| it.parent()) };
            let packages = file.facts.packages.iter().map(|package| package.name.clone());
            names.entry(place.unwrap_or_default()).or_default().extend(packages);
        }
        let empty = HashSet::new();
        let undescribed = |folder: &TreePath| {
            if self.is_conda(folder) {
                return None;
            }
            let names = names.get(folder).unwrap_or(&empty);
            let modules = self.tree.list(folder.as_bytes()).filter_map(|node| {
                let module = module(node)?;
                let path = node.path();
                let is_known = described.contains(fingerprint(path.as_bytes()))
                    || described.contains(fingerprint(folder.join(module.as_bytes()).as_bytes()))
                    || names.contains(&normalized(&module))
                    || self.is_owned(node)
                    || self.is_owned_inside(node);
                (!is_known).then_some(module)
            });
            left(folder.clone(), &modules.collect())
        };
        folders.iter().filter_map(undescribed).collect()
    }

    /// Databases need not list folders.
    fn is_owned_inside(&self, node: NodeRef<'_>) -> bool {
        node.list().any(|file| self.is_owned(file))
    }

    /// Conda has descriptions of its own, beside `lib`.
    fn is_conda(&self, folder: &TreePath) -> bool {
        let prefix = folder.parent().and_then(|it| it.parent()).and_then(|it| it.parent());
        let metadata = prefix.map(|prefix| prefix.join(b"conda-meta"));
        metadata.is_some_and(|folder| self.tree.lookup_ref(folder.as_bytes()).is_some())
    }

    /// Packages with programs in them, but no description.
    fn undescribed(&self, folder: &TreePath) -> Option<Left> {
        let mut names = BTreeSet::new();
        for node in self.tree.list(folder.as_bytes()) {
            if node.name().starts_with(b"@") {
                names.extend(node.list().filter(|it| is_undescribed(*it)).map(name));
            } else if is_undescribed(node) {
                names.insert(name(node));
            }
        }
        left(folder.clone(), &names)
    }
}

fn name(node: NodeRef<'_>) -> String {
    String::from_utf8_lossy(node.name()).into_owned()
}

fn is_undescribed(node: NodeRef<'_>) -> bool {
    let is_program = |file: NodeRef<'_>| {
        let name = file.name();
        file.kind() == EntryKind::File
            && file.size() > 0
            && [&b".js"[..], b".mjs", b".cjs", b".node"].iter().any(|end| name.ends_with(end))
    };
    node.kind() == EntryKind::Directory
        && !node.name().starts_with(b".")
        && node.list().any(is_program)
        && !node.list().any(|file| file.name() == b"package.json")
}

/// Whether a folder of packages is an application's or a package's, and not one among a package's own files: those are its
/// tests' toys.
fn is_node_root(path: &[u8]) -> bool {
    let mut parts = path.split(|&byte| byte == b'/').skip_while(|part| *part != b"node_modules");
    while let Some(part) = parts.next() {
        if part != b"node_modules" {
            return false;
        }
        match parts.next() {
            None => return true,
            Some(scope) if scope.starts_with(b"@") => {
                parts.next();
            }
            Some(_) => {}
        }
    }
    false
}

/// The name that a module is imported by.
fn module(node: NodeRef<'_>) -> Option<String> {
    let name = std::str::from_utf8(node.name()).ok()?;
    let is_code = |name: &[u8]| name.ends_with(b".py") || name.ends_with(b".so");
    match node.kind() {
        EntryKind::File if node.size() > 0 && is_code(name.as_bytes()) => {
            let module = name.split('.').next().unwrap_or_default();
            (!matches!(module, "sitecustomize" | "usercustomize")).then(|| module.to_owned())
        }
        // An egg describes itself.
        EntryKind::Directory if !name.contains('.') && !name.starts_with("__") => {
            // Scripts lie beside modules when all was installed into one folder.
            let has_code = node.list().any(|file| {
                let name = file.name();
                file.size() > 0 && (name.starts_with(b"__init__.") || name.ends_with(b".so"))
            });
            has_code.then(|| name.to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn folders_of_packages_are_an_application_s_or_a_package_s() {
        for (path, wanted) in [
            ("app/node_modules", true),
            ("usr/lib/node_modules/npm/node_modules", true),
            ("app/node_modules/@a/b/node_modules", true),
            ("app/node_modules/resolve/test/node_modules", false),
            ("app/node_modules/x", false),
            ("app", false),
        ] {
            assert_eq!(super::is_node_root(path.as_bytes()), wanted, "{path}");
        }
    }
}
