//! Merging layers against a real file system.
//!
//! In: random layers of files, directories, links and markers over few names. Out: the tree that the kernel builds when
//! the same entries are applied with system calls, in the way that runtimes do. Where that fails, a runtime refuses the
//! image, and our tree must say that something is odd.
#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use plimsoll_image::{Entries, EntryKind, EntryMeta, LayerEntries, Tree, TreePath};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    File(String),
    Directory(String),
    Symlink(String, String),
    Hardlink(String, String),
    Whiteout(String),
    Opaque(String),
}

fn path() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 1..4)
        .prop_map(|parts| parts.join("/"))
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => path().prop_map(Step::File),
        2 => path().prop_map(Step::Directory),
        2 => (path(), path()).prop_map(|(path, target)| Step::Symlink(path, target)),
        1 => (path(), path()).prop_map(|(path, target)| Step::Hardlink(path, target)),
        1 => path().prop_map(Step::Whiteout),
        1 => path().prop_map(Step::Opaque),
    ]
}

fn meta(step: &Step) -> EntryMeta {
    let marker = |path: &str, prefix: &str| {
        let path = TreePath::from(path);
        let name = [prefix.as_bytes(), path.name()].concat();
        path.parent().unwrap().join(&name)
    };
    let (path, kind, link) = match step {
        Step::File(path) => (TreePath::from(path.as_str()), EntryKind::File, None),
        Step::Directory(path) => (TreePath::from(path.as_str()), EntryKind::Directory, None),
        Step::Symlink(path, target) => {
            (TreePath::from(path.as_str()), EntryKind::Symlink, Some(target))
        }
        Step::Hardlink(path, target) => {
            (TreePath::from(path.as_str()), EntryKind::Hardlink, Some(target))
        }
        Step::Whiteout(path) => (marker(path, ".wh."), EntryKind::File, None),
        Step::Opaque(path) => {
            (TreePath::from(path.as_str()).join(b".wh..wh..opq"), EntryKind::File, None)
        }
    };
    let link = link.map(|link| link.as_bytes().to_vec());
    EntryMeta {
        path,
        kind,
        mode: 0o755,
        uid: 0,
        gid: 0,
        size: 0,
        mtime: 0,
        link,
        capabilities: None,
    }
}

/// Applies one layer to a folder as containers/storage does.
fn apply(root: &Path, layer: usize, steps: &[Step]) -> io::Result<()> {
    let mut unpacked = BTreeSet::new();
    for (index, step) in steps.iter().enumerate() {
        let text = match step {
            Step::File(path)
            | Step::Directory(path)
            | Step::Symlink(path, _)
            | Step::Hardlink(path, _)
            | Step::Whiteout(path) => root.join(path),
            Step::Opaque(path) => root.join(path).join("marker"),
        };
        let parent = text.parent().unwrap();
        if parent.symlink_metadata().is_err() {
            fs::create_dir_all(parent)?;
        }
        match step {
            Step::Opaque(_) => make_opaque(parent, &unpacked)?,
            Step::Whiteout(_) => remove(&text)?,
            _ => {
                let existing = text.symlink_metadata();
                let keeps = matches!(step, Step::Directory(_))
                    && existing.as_ref().is_ok_and(fs::Metadata::is_dir);
                if existing.is_ok() && !keeps {
                    remove(&text)?;
                }
                match step {
                    Step::Directory(_) if !keeps => fs::create_dir(&text)?,
                    Step::File(_) => fs::write(&text, format!("{layer}.{index}"))?,
                    Step::Symlink(_, target) => symlink(target, &text)?,
                    Step::Hardlink(_, target) => fs::hard_link(root.join(target), &text)?,
                    _ => {}
                }
                unpacked.insert(text);
            }
        }
    }
    Ok(())
}

fn remove(path: &Path) -> io::Result<()> {
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
    }
}

fn make_opaque(folder: &Path, unpacked: &BTreeSet<PathBuf>) -> io::Result<()> {
    if !folder.symlink_metadata()?.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if !unpacked.contains(&path) {
            remove(&path)?;
        } else if path.symlink_metadata()?.is_dir() {
            make_opaque(&path, unpacked)?;
        }
    }
    Ok(())
}

fn real(root: &Path, folder: &Path, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let metadata = path.symlink_metadata().unwrap();
        let shown = if metadata.is_dir() {
            real(root, &path, found);
            "directory".to_owned()
        } else if metadata.is_symlink() {
            format!("-> {}", fs::read_link(&path).unwrap().display())
        } else {
            fs::read_to_string(&path).unwrap()
        };
        found.insert(path.strip_prefix(root).unwrap().display().to_string(), shown);
    }
}

fn merged(tree: &Tree) -> BTreeMap<String, String> {
    let nodes = tree.walk().filter(|node| !node.path.is_root()).map(|node| {
        let shown = match (node.meta.kind, node.content) {
            (EntryKind::Symlink, _) => {
                format!("-> {}", String::from_utf8(node.meta.link.unwrap()).unwrap())
            }
            (EntryKind::File, Some(content)) => format!("{}.{}", content.layer, content.entry),
            _ => "directory".to_owned(),
        };
        (node.path.display().into_owned(), shown)
    });
    nodes.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn we_merge_as_a_file_system_does(
        layers in prop::collection::vec(prop::collection::vec(step(), 1..8), 1..4)
    ) {
        let folder = tempfile::tempdir().unwrap();
        let applied = layers
            .iter()
            .enumerate()
            .try_for_each(|(index, steps)| apply(folder.path(), index, steps));
        let entries: Vec<LayerEntries> = layers
            .iter()
            .map(|steps| LayerEntries {
                entries: Entries::pack(&steps.iter().map(meta).collect::<Vec<_>>()).unwrap(),
                ..LayerEntries::default()
            })
            .collect();
        let (tree, anomalies) = Tree::merge(&entries);
        if let Err(error) = applied {
            prop_assert!(!anomalies.is_empty(), "a runtime refuses this ({error}), we do not mind");
        } else {
            let mut wanted = BTreeMap::new();
            real(folder.path(), folder.path(), &mut wanted);
            let ours = merged(&tree);
            // What a marker keeps of its own layer differs between runtimes: we keep all of it, and say so.
            let is_disputed = anomalies.iter().any(|it| it.contains("opaque after its own layer"));
            if !is_disputed {
                prop_assert_eq!(ours, wanted, "{:?}", anomalies);
            }
        }
        for node in tree.walk() {
            let found = tree.lookup(node.path.as_bytes());
            prop_assert_eq!(found.as_ref(), Some(&node));
        }
    }
}
