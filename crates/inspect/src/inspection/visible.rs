//! Which facts the merged tree shows.
//!
//! In: tree and layers. Out: facts with the path under which they count. Odd: a hardlink's other name, or a link's, may
//! be the claimed one; a file whose claimed name is gone does not count though its bytes are still there.

use std::collections::{BTreeMap, HashMap};

use plimsoll_image::{ContentRef, EntryKind, EntryMeta, Node, Tree, TreePath};
use plimsoll_model::{Gap, GapReason};

use crate::{
    claims::claims_path,
    distribution::{ReleaseFiles, release_file},
    facts::{FileFacts, LayerFacts},
    parser::{Parser, parsers},
};

/// Facts of a file that counts.
#[derive(Debug, Clone)]
pub(super) struct VisibleFile<'l> {
    /// The path under which it counts.
    pub(super) path: TreePath,
    /// Where it really is, links followed.
    pub(super) real: TreePath,
    pub(super) layer: usize,
    pub(super) facts: &'l FileFacts,
}

/// What one walk over the tree sees.
pub(super) struct Seen<'l> {
    /// In the order of layers and entries.
    pub(super) files: Vec<VisibleFile<'l>>,
    /// Setuid, setgid or writable by everyone.
    pub(super) special: Vec<Node>,
}

pub(super) fn look<'l>(tree: &Tree, layers: &'l [LayerFacts]) -> Seen<'l> {
    let mut names: HashMap<ContentRef, Vec<Node>> = HashMap::new();
    let mut special = Vec::new();
    for node in tree.walk() {
        let has_facts = |content: &ContentRef| {
            layers.get(content.layer).is_some_and(|layer| layer.files.contains_key(&content.entry))
        };
        if is_special(&node.meta) {
            special.push(node.clone());
        }
        if node.meta.kind == EntryKind::File
            && let Some(content) = node.content.filter(has_facts)
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
    Seen { files, special }
}

fn is_special(meta: &EntryMeta) -> bool {
    match meta.kind {
        EntryKind::File => meta.mode & 0o6002 != 0,
        EntryKind::Directory => meta.mode & 0o002 != 0,
        _ => false,
    }
}

fn counting_path(
    tree: &Tree,
    content: ContentRef,
    names: &[Node],
    facts: &FileFacts,
) -> Option<(TreePath, TreePath)> {
    if let Some(claimed) = &facts.claimed {
        let node = tree.resolve(claimed.as_bytes())?;
        return (node.content == Some(content)).then(|| (claimed.clone(), node.path));
    }
    let parser: &dyn Parser = *parsers().iter().find(|parser| parser.id() == facts.detector)?;
    let named = names.iter().find(|node| claims_path(parser, &node.path, &node.meta));
    named.map(|node| (node.path.clone(), node.path.clone()))
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
        let content = tree.resolve(path.as_bytes()).and_then(|node| node.content);
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

fn removed_os_release(layers: &[LayerFacts]) -> Option<(String, BTreeMap<String, String>)> {
    for layer in layers.iter().rev() {
        for wanted in release_file::OS_RELEASE {
            for (entry, facts) in &layer.files {
                let meta =
                    usize::try_from(*entry).ok().and_then(|at| layer.entries.entries.get(at));
                if meta.is_some_and(|meta| meta.path.as_bytes() == wanted.as_bytes())
                    && let Some(fields) = facts.iter().find_map(|facts| facts.distribution.as_ref())
                {
                    return Some(((*wanted).to_owned(), fields.fields.clone()));
                }
            }
        }
    }
    None
}
