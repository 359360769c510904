//! Which facts the merged tree shows.
//!
//! In: tree and layers. Out: facts with the path under which they count. Odd: a hardlink's other name, or a link's, may
//! be the claimed one; a file whose claimed name is gone does not count though its bytes are still there.

use std::collections::{BTreeMap, HashMap, HashSet};

use plimsoll_image::{ContentRef, EntryKind, NodeRef, Tree, TreePath};
use plimsoll_model::{Gap, GapReason};

use crate::{
    check::checks,
    distribution::{NAMING_FOLDERS, ReleaseFiles, release_file, traces},
    facts::{FileFacts, LayerFacts},
    parser::{Parser, parsers},
};

/// Facts of a file that counts.
#[derive(Debug, Clone)]
pub(crate) struct VisibleFile<'l> {
    /// The path under which it counts.
    pub(crate) path: TreePath,
    /// Where it really is, links followed.
    pub(crate) real: TreePath,
    pub(crate) layer: usize,
    pub(crate) facts: &'l FileFacts,
}

/// What one walk over the tree sees.
pub(crate) struct Seen<'l> {
    /// In the order of layers and entries.
    pub(crate) files: Vec<VisibleFile<'l>>,
    /// Setuid, setgid or writable by everyone.
    pub(crate) special: Vec<NodeRef<'l>>,
    /// What has the name of a program that checks ask for, folders aside.
    pub(crate) programs: Vec<NodeRef<'l>>,
    /// Files with facts of any kind.
    pub(crate) shown: HashSet<ContentRef>,
}

/// Programs of the names that checks ask for; more are not looked at.
const MAX_PROGRAMS: usize = 10_000;

pub(super) fn look<'l>(tree: &'l Tree, layers: &'l [LayerFacts]) -> Seen<'l> {
    let mut names: HashMap<ContentRef, Vec<NodeRef<'_>>> = HashMap::new();
    let (mut special, mut programs) = (Vec::new(), Vec::new());
    let asked: HashSet<&[u8]> =
        checks().iter().flat_map(|check| check.programs()).map(|name| name.as_bytes()).collect();
    for node in tree.nodes() {
        let has_facts = |content: &ContentRef| {
            layers.get(content.layer).is_some_and(|layer| layer.files.contains_key(&content.entry))
        };
        if is_special(node) {
            special.push(node);
        }
        if asked.contains(node.name())
            && node.kind() != EntryKind::Directory
            && programs.len() < MAX_PROGRAMS
        {
            programs.push(node);
        }
        if node.kind() == EntryKind::File
            && let Some(content) = node.content().filter(has_facts)
        {
            names.entry(content).or_default().push(node);
        }
    }
    let mut files = Vec::new();
    for (layer, facts) in layers.iter().enumerate() {
        for (entry, facts) in &facts.files {
            let content = ContentRef { layer, entry: *entry };
            let names = names.get(&content).map(Vec::as_slice).unwrap_or_default();
            for facts in facts {
                if let Some((path, real)) = counting_path(tree, content, names, facts) {
                    files.push(VisibleFile { path, real, layer, facts });
                }
            }
        }
    }
    let shown = names.into_keys().collect();
    Seen { files, special, programs, shown }
}

fn is_special(node: NodeRef<'_>) -> bool {
    match node.kind() {
        EntryKind::File => node.mode() & 0o6002 != 0 || node.capabilities().is_some(),
        EntryKind::Directory => node.mode() & 0o002 != 0,
        _ => false,
    }
}

fn counting_path(
    tree: &Tree,
    content: ContentRef,
    names: &[NodeRef<'_>],
    facts: &FileFacts,
) -> Option<(TreePath, TreePath)> {
    if let Some(claimed) = &facts.claimed {
        let node = tree.resolve_ref(claimed.as_bytes())?;
        return (node.content() == Some(content)).then(|| (claimed.clone(), node.path()));
    }
    let parser: &dyn Parser = *parsers().iter().find(|parser| parser.id() == facts.detector)?;
    // What a program is does not change with its mode.
    if parser.reads_programs() {
        return names.first().map(|node| (node.path(), node.path()));
    }
    names.iter().find_map(|node| {
        let meta = node.meta_at(node.path());
        parser.claims(meta.path.as_bytes(), &meta).map(|_| (meta.path.clone(), meta.path.clone()))
    })
}

/// What release files say, links followed. Where none is left, those that later layers removed.
pub(super) fn release_files(
    tree: &Tree,
    layers: &[LayerFacts],
    gaps: &mut Vec<Gap>,
) -> ReleaseFiles {
    let detector = release_file::ReleaseFile.id();
    let mut files = ReleaseFiles::new();
    for path in release_file::OS_RELEASE.iter().chain(release_file::LINES) {
        let content = tree.resolve_ref(path.as_bytes()).and_then(NodeRef::content);
        let facts =
            content.and_then(|content| layers.get(content.layer)?.files.get(&content.entry));
        let facts = facts.into_iter().flatten().filter(|facts| facts.detector == detector);
        if let Some(fields) = facts.filter_map(|facts| facts.distribution.as_ref()).next() {
            files.insert((*path).to_owned(), fields.fields.clone());
        }
    }
    if !release_file::OS_RELEASE.iter().any(|path| files.contains_key(*path))
        && let Some((path, fields)) = removed_os_release(layers)
    {
        gaps.push(Gap {
            reason: GapReason::UnknownDistribution,
            by: detector.to_owned(),
            at: path.clone(),
            detail: "was removed by a later layer; what it said is believed".to_owned(),
        });
        files.insert(path, fields);
    }
    files
}

/// Files named after distributions that are looked at, in each folder.
const MAX_NAMED: usize = 100;

/// Adds what other files betray of the distribution, by their content or their mere names.
pub(super) fn add_traces(tree: &Tree, files: &[VisibleFile<'_>], releases: &mut ReleaseFiles) {
    for file in files.iter().filter(|file| file.facts.detector == traces::Traces.id()) {
        if let Some(fact) = &file.facts.distribution {
            releases.insert(file.path.display().into_owned(), fact.fields.clone());
        }
    }
    for folder in NAMING_FOLDERS {
        for node in tree.list(folder.as_bytes()).take(MAX_NAMED) {
            let path = TreePath::from(*folder).join(node.name());
            releases.entry(path.display().into_owned()).or_default();
        }
    }
}

fn removed_os_release(layers: &[LayerFacts]) -> Option<(String, BTreeMap<String, String>)> {
    for layer in layers.iter().rev() {
        for wanted in release_file::OS_RELEASE {
            for (entry, facts) in &layer.files {
                let entry = layer.entries.entries.get(*entry);
                if entry.is_some_and(|entry| entry.is_at(wanted.as_bytes()))
                    && let Some(fields) = facts.iter().find_map(|facts| facts.distribution.as_ref())
                {
                    return Some(((*wanted).to_owned(), fields.fields.clone()));
                }
            }
        }
    }
    None
}
