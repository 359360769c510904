//! Programs and libraries of which nobody says what they are.
//!
//! In: the tree, all layers' facts, what installed packages own. Out: one gap with their number. Source:
//! `docs/semantics.md`, "Programs without a package".
//!
//! A program is told when a package owns it, when it says itself what it is made of, or when it is known by its bytes. A
//! package owns what its list names; where there are no lists, what lies in the folder that is the package's alone; and a
//! known product brings the modules that it was built with along. Odd: a file that was put in the place of a package's by a
//! later layer is nobody's; a mere change of mode or owner copies it up with its size and time.

use std::collections::{HashMap, HashSet};

use plimsoll_image::{ContentRef, EntryKind, EntryRef, NodeRef, Tree, TreePath};
use plimsoll_model::{Gap, GapReason};

use super::visible::VisibleFile;
use crate::{
    distribution::Family,
    executable,
    facts::{FileFacts, LayerFacts},
    packages::{
        classifier,
        dotnet::DotnetRuntime,
        dpkg::DpkgFiles,
        lock::{EVIDENCE, LOCK},
        nix,
    },
    parser::Parser,
    paths::{Fingerprints, child_of, fingerprint},
};

/// Who misses it.
const ID: &str = "program";

/// Paths that are told.
const MAX_TOLD: usize = 3;

/// Parts of a path below which other packages are installed than the one whose folder it is.
const OTHERS: &[&[u8]] =
    &[b"site-packages", b"dist-packages", b"site_perl", b"gems", b"node_modules"];

/// Folders that are never one package's alone, whatever lies in them.
const SHARED: &[&str] = &[
    "",
    "usr",
    "usr/local",
    "opt",
    "srv",
    "home",
    "root",
    "var",
    "etc",
    "app",
    "bin",
    "sbin",
    "lib",
    "lib64",
    "usr/bin",
    "usr/sbin",
    "usr/lib",
    "usr/lib64",
    "usr/local/bin",
    "usr/local/sbin",
    "usr/local/lib",
    "usr/local/lib64",
];

/// What is asked.
pub(super) struct Question<'a, 'l> {
    pub(super) tree: &'l Tree,
    pub(super) layers: &'l [LayerFacts],
    pub(super) files: &'a [VisibleFile<'l>],
    pub(super) databases: &'a [VisibleFile<'l>],
    /// What the distribution's packages own.
    pub(super) owned: &'a Fingerprints,
}

/// Programs that nobody tells, in the order of the tree.
pub(super) fn programs(question: &Question<'_, '_>) -> Vec<TreePath> {
    let owners = Owners::of(question);
    let newest = question.databases.iter().map(|file| file.layer).max();
    let mut told: HashSet<ContentRef> = HashSet::new();
    let mut untold: Vec<(TreePath, ContentRef)> = Vec::new();
    // Of those a package owns the path, but a later layer brought what is there.
    let mut above: HashMap<TreePath, (u64, i64)> = HashMap::new();
    let mut nodes = question.tree.nodes();
    while let Some(node) = nodes.next() {
        let Some((content, layer)) = program(question.layers, node, nodes.path()) else { continue };
        let facts = layer.files.get(&content.entry).map(Vec::as_slice).unwrap_or_default();
        let is_owned = question.owned.contains(fingerprint(nodes.path()));
        let is_above = is_owned && newest.is_some_and(|newest| content.layer > newest);
        if facts.iter().any(tells)
            || (is_owned && !is_above)
            || owners.have(nodes.path())
            || is_maintainer_s(question.tree, nodes.path())
        {
            // Its other names are told with it.
            if node.links() > 1 {
                told.insert(content);
            }
            continue;
        }
        let path = TreePath::clean(nodes.path());
        if is_above {
            above.insert(path.clone(), (node.size(), node.mtime()));
        }
        untold.push((path, content));
    }
    let below = newest.map_or(0, |newest| newest + 1);
    let copies = copies(&above, question.layers.get(..below).unwrap_or_default());
    untold.retain(|(path, content)| !told.contains(content) && !copies.contains(path));
    untold.into_iter().map(|(path, _)| path).collect()
}

/// The gap for programs that nobody tells.
pub(super) fn gap(programs: &[TreePath]) -> Option<Gap> {
    let first: Vec<String> =
        programs.iter().take(MAX_TOLD).map(|path| format!("`{}`", path.display())).collect();
    let more = match programs.len().checked_sub(first.len())? {
        _ if first.is_empty() => return None,
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let detail = format!(
        "programs and libraries that no package owns and that do not say what they are made of: {}{more}",
        first.join(", ")
    );
    Some(Gap { reason: GapReason::OpaqueProgram, by: ID.to_owned(), at: String::new(), detail })
}

/// A file that runs or is loaded.
fn program<'l>(
    layers: &'l [LayerFacts],
    node: NodeRef<'_>,
    path: &[u8],
) -> Option<(ContentRef, &'l LayerFacts)> {
    if node.kind() != EntryKind::File {
        return None;
    }
    let content = node.content()?;
    let layer = layers.get(content.layer)?;
    let is_program = layer.executables.binary_search(&content.entry).is_ok()
        && (node.mode() & 0o111 != 0 || executable::is_named_like_library(path));
    is_program.then_some((content, layer))
}

/// Whether it is what dpkg runs when it installs or removes a package, which no list names: `bash.preinst` is a program.
fn is_maintainer_s(tree: &Tree, path: &[u8]) -> bool {
    const STEPS: &[&[u8]] = &[b".preinst", b".postinst", b".prerm", b".postrm", b".config"];
    let package = STEPS.iter().find_map(|step| path.strip_suffix(*step));
    child_of(path, "var/lib/dpkg/info").is_some()
        && package.is_some_and(|package| tree.lookup_ref(&[package, b".list"].concat()).is_some())
}

/// Whether the facts of a program say what it is, or that it cannot be told, which is a gap of its own.
fn tells(facts: &FileFacts) -> bool {
    facts.packages.iter().any(|package| !is_locked(package.extra.get(EVIDENCE)))
        || facts.problems.iter().any(|problem| problem.reason == GapReason::OpaqueProgram)
}

fn is_locked(evidence: Option<&String>) -> bool {
    evidence.is_some_and(|evidence| evidence == LOCK)
}

/// Those that are what the lower layers have there.
fn copies(above: &HashMap<TreePath, (u64, i64)>, below: &[LayerFacts]) -> HashSet<TreePath> {
    if above.is_empty() {
        return HashSet::new();
    }
    let entries = below.iter().flat_map(|layer| layer.entries.entries.iter());
    let is_same =
        |entry: &EntryRef<'_>| above.get(&entry.path()) == Some(&(entry.size(), entry.mtime()));
    entries.filter(is_same).map(EntryRef::path).collect()
}

/// What language packages and known products own.
struct Owners<'a> {
    listed: Fingerprints,
    /// Folders that are one package's.
    folders: HashSet<Vec<u8>>,
    /// By the folder: how names in it begin that came with a known product.
    beside: HashMap<Vec<u8>, Vec<&'static [u8]>>,
    /// Gems by their name and version, and the folder of all.
    gems: HashSet<(&'a [u8], &'a [u8])>,
}

impl<'a> Owners<'a> {
    fn of(question: &Question<'a, '_>) -> Self {
        let of_packages = |file: &&VisibleFile<'_>| !file.facts.packages.is_empty();
        let described: HashSet<&[u8]> = question
            .files
            .iter()
            .filter(of_packages)
            .map(|file| parent(file.path.as_bytes()))
            .collect();
        let mut listed = Vec::new();
        let (mut folders, mut gems) = (HashSet::new(), HashSet::new());
        let mut beside: HashMap<Vec<u8>, Vec<&'static [u8]>> = HashMap::new();
        for file in question.files {
            let path = file.path.as_bytes();
            // A list without its package owns nothing.
            let is_language_s = Family::of_parser(&file.facts.detector).is_none()
                && file.facts.detector != DpkgFiles.id();
            if is_language_s && (of_packages(&file) || described.contains(parent(path))) {
                listed.extend(&file.facts.owned);
            }
            if file.facts.packages.iter().all(|package| is_locked(package.extra.get(EVIDENCE))) {
                continue;
            }
            let folder = folder_of(&file.facts.detector, path).filter(|folder| !is_shared(folder));
            folders.extend(folder.map(<[u8]>::to_vec));
            if file.facts.detector == "gem"
                && let Some((base, gem)) = gem(path)
            {
                folders.insert([base, b"/gems/", gem].concat());
                gems.insert((base, gem));
            }
            let products = file.facts.packages.iter().flat_map(classifier::beside);
            let places = products.map(|name| place(path, name)).chain(dotnet(file));
            for (folder, name) in places {
                let names = beside.entry(folder).or_default();
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        Self { listed: Fingerprints::new(listed), folders, beside, gems }
    }

    fn have(&self, path: &[u8]) -> bool {
        self.listed.contains(fingerprint(path)) || nix::is_of_package(path) || self.hold(path)
    }

    /// Whether the file lies in a folder that is somebody's.
    fn hold(&self, path: &[u8]) -> bool {
        let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        ends.chain([0]).any(|end| {
            let (folder, rest) = path.split_at_checked(end).unwrap_or_default();
            let rest = rest.strip_prefix(b"/").unwrap_or(rest);
            let is_others = rest.split(|&byte| byte == b'/').any(|part| OTHERS.contains(&part));
            if is_others {
                return false;
            }
            let is_beside = self.beside.get(folder).is_some_and(|names| {
                names
                    .iter()
                    .any(|name| rest.starts_with(name) && (!name.is_empty() || !is_shared(folder)))
            });
            is_beside || self.folders.contains(folder) || self.is_gem(folder)
        })
    }

    /// Whether a folder holds what was compiled for a gem: `extensions/<platform>/<version>/<gem>` beside `gems`.
    fn is_gem(&self, folder: &[u8]) -> bool {
        let mut parts = folder.rsplitn(5, |&byte| byte == b'/');
        let (gem, _, _) = (parts.next(), parts.next(), parts.next());
        let (Some(gem), Some(b"extensions"), Some(base)) = (gem, parts.next(), parts.next()) else {
            return false;
        };
        self.gems.contains(&(base, gem))
    }
}

fn is_shared(folder: &[u8]) -> bool {
    SHARED.iter().any(|shared| shared.as_bytes() == folder)
}

fn parent(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|&byte| byte == b'/');
    end.and_then(|end| path.get(..end)).unwrap_or_default()
}

/// The folder that is a package's alone, by the file that describes it.
fn folder_of<'p>(detector: &str, path: &'p [u8]) -> Option<&'p [u8]> {
    let folder = parent(path);
    Some(match detector {
        "npm" | "r" | "julia" => folder,
        // A Java runtime, and what a .NET application or runtime is made of.
        _ if path.ends_with(b"/release") || path.ends_with(b".deps.json") => folder,
        "homebrew" if path.ends_with(b".json") => folder,
        "homebrew" | "erlang-app" | "snap" => parent(folder),
        "python" if folder.ends_with(b"/EGG-INFO") => parent(folder),
        _ => return None,
    })
}

/// What starts a shared .NET runtime, beside the folder of all runtimes: `shared/<framework>/<version>/<framework>.deps.json`.
fn dotnet(file: &VisibleFile<'_>) -> Vec<(Vec<u8>, &'static [u8])> {
    let shared = parent(parent(parent(file.path.as_bytes())));
    if file.facts.detector != DotnetRuntime.id() || !shared.ends_with(b"/shared") {
        return Vec::new();
    }
    let root = parent(shared);
    vec![(root.to_vec(), b"dotnet"), ([root, b"/host"].concat(), b"")]
}

/// The folder of all gems, and the name and version of the one that a specification describes.
fn gem(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let (folder, name) = (parent(path), path.rsplit(|&byte| byte == b'/').next()?);
    let folder = folder.strip_suffix(b"/default").unwrap_or(folder);
    Some((folder.strip_suffix(b"/specifications")?, name.strip_suffix(b".gemspec")?))
}

/// Where a name of the table (`lib/python3.`) is, for a product's program or library at `path`: the folder, and how names
/// in it begin.
fn place(path: &[u8], name: &'static str) -> (Vec<u8>, &'static [u8]) {
    const FOLDERS: &[&[u8]] = &[b"bin", b"sbin", b"lib", b"lib64", b"libexec"];
    let name = name.as_bytes();
    let own = parent(path);
    let (folder, name) = match name.iter().rposition(|&byte| byte == b'/') {
        Some(at) => (name.get(..at).unwrap_or_default(), name.get(at + 1..).unwrap_or_default()),
        None => (&b""[..], name),
    };
    // `lib/x86_64-linux-gnu` is `lib` for this purpose.
    let is_folder = |path: &[u8]| {
        FOLDERS.contains(&path.rsplit(|&byte| byte == b'/').next().unwrap_or_default())
    };
    let base = match () {
        () if folder == b"." => own,
        () if is_folder(own) => parent(own),
        () if is_folder(parent(own)) => parent(parent(own)),
        () => own,
    };
    let full = match (base, folder) {
        (base, b"" | b".") => base.to_vec(),
        (b"", folder) => folder.to_vec(),
        (base, folder) => [base, b"/", folder].concat(),
    };
    (full, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_beside_a_product() {
        let at = |path: &str, name| {
            let (folder, name) = place(path.as_bytes(), name);
            (String::from_utf8(folder).unwrap(), std::str::from_utf8(name).unwrap())
        };
        for (path, name, wanted) in [
            ("usr/local/bin/python3.11", "lib/python3.", ("usr/local/lib", "python3.")),
            (
                "usr/lib/x86_64-linux-gnu/libpython3.11.so.1.0",
                "lib/python3.",
                ("usr/lib", "python3."),
            ),
            ("opt/httpd/bin/httpd", "modules/mod_", ("opt/httpd/modules", "mod_")),
            ("bin/python3.11", "lib/python3.", ("lib", "python3.")),
            ("app/psycopg2.libs/libcrypto.so.3", "./libssl", ("app/psycopg2.libs", "libssl")),
            ("opt/chrome/chrome", "./", ("opt/chrome", "")),
            ("chrome", "./", ("", "")),
        ] {
            assert_eq!(at(path, name), (wanted.0.to_owned(), wanted.1), "{path} {name}");
        }
    }

    #[test]
    fn gems_are_told_by_their_specification() {
        let path = b"usr/lib/ruby/gems/3.1.0/specifications/default/json-2.6.1.gemspec";
        assert_eq!(gem(path), Some((&b"usr/lib/ruby/gems/3.1.0"[..], &b"json-2.6.1"[..])));
        assert_eq!(gem(b"specifications/x-1.gemspec"), None);
    }

    #[test]
    fn the_first_paths_are_told_and_the_others_counted() {
        let paths = |count: usize| -> Vec<TreePath> {
            (0..count).map(|at| TreePath::from(format!("opt/{at}").as_str())).collect()
        };
        assert_eq!(gap(&paths(0)), None);
        let detail = |count| gap(&paths(count)).unwrap().detail;
        assert!(detail(1).ends_with(": `opt/0`"));
        assert!(detail(3).ends_with(": `opt/0`, `opt/1`, `opt/2`"));
        assert!(detail(5).ends_with(": `opt/0`, `opt/1`, `opt/2` and 2 more"));
    }
}
