use super::*;
use crate::{
    capabilities::FileCapabilities,
    entries::Entries,
    entry::{EntryKind, EntryMeta},
    source::LayerOrigin,
};

fn entry(path: &str, kind: EntryKind, link: Option<&str>) -> EntryMeta {
    EntryMeta {
        path: TreePath::from(path),
        kind,
        mode: 0o644,
        uid: 0,
        gid: 0,
        size: 1,
        mtime: 0,
        link: link.map(|link| link.as_bytes().to_vec()),
        capabilities: None,
    }
}

/// `a` a file, `a/` a directory, `a -> b` a symlink, `a = b` a hardlink.
fn layer(lines: &[&str]) -> LayerEntries {
    let entries = lines.iter().map(|line| {
        if let Some((path, target)) = line.split_once(" -> ") {
            entry(path, EntryKind::Symlink, Some(target))
        } else if let Some((path, target)) = line.split_once(" = ") {
            entry(path, EntryKind::Hardlink, Some(target))
        } else if line.ends_with('/') {
            entry(line, EntryKind::Directory, None)
        } else {
            entry(line, EntryKind::File, None)
        }
    });
    let entries: Vec<EntryMeta> = entries.collect();
    LayerEntries { entries: Entries::pack(&entries).unwrap(), ..LayerEntries::default() }
}

/// Each file as `path@layer.entry`, each link with its target; directories with a slash.
fn shown(tree: &Tree) -> Vec<String> {
    let nodes = tree.walk().map(|node| {
        let path = node.path.display().into_owned();
        match (node.meta.kind, node.content) {
            (EntryKind::Directory, _) => format!("{path}/"),
            (EntryKind::Symlink, _) => {
                format!("{path} -> {}", String::from_utf8_lossy(&node.meta.link.unwrap()))
            }
            (_, Some(content)) => format!("{path}@{}.{}", content.layer, content.entry),
            (_, None) => path,
        }
    });
    nodes.filter(|line| line != "/").collect()
}

#[test]
fn layers_are_merged_like_a_file_system() {
    let (tree, anomalies) = Tree::merge(&[
        layer(&["etc/", "etc/a", "etc/b", "lib -> usr/lib", "usr/lib/", "usr/lib/x"]),
        layer(&["etc/.wh.a", "usr/lib/y", "usr/lib/x"]),
    ]);
    assert_eq!(
        shown(&tree),
        [
            "etc/",
            "etc/b@0.2",
            "lib -> usr/lib",
            "usr/",
            "usr/lib/",
            "usr/lib/x@1.2",
            "usr/lib/y@1.1"
        ]
    );
    assert_eq!(anomalies, Vec::<String>::new());
    let removed: Vec<_> =
        tree.removed().map(|it| (it.node.path.display().into_owned(), it.by_layer)).collect();
    assert_eq!(removed, [("etc/a".to_owned(), 1)]);
}

#[test]
fn paths_are_resolved_inside_the_tree() {
    let (tree, _) = Tree::merge(&[layer(&[
        "usr/lib/os-release",
        "etc/os-release -> ../usr/lib/os-release",
        "up -> ../../../../usr/lib",
        "absolute -> /etc/os-release",
        "loop -> loop",
        "dangling -> nowhere/x",
        "proc -> /proc/self/environ",
        "empty -> ",
    ])]);
    let resolve =
        |path: &str| tree.resolve(path.as_bytes()).map(|node| node.path.display().into_owned());
    assert_eq!(resolve("etc/os-release").as_deref(), Some("usr/lib/os-release"));
    assert_eq!(resolve("/up/os-release").as_deref(), Some("usr/lib/os-release"));
    assert_eq!(resolve("absolute").as_deref(), Some("usr/lib/os-release"));
    assert_eq!(resolve("up/../lib/./os-release").as_deref(), Some("usr/lib/os-release"));
    assert_eq!(resolve("").as_deref(), Some(""));
    for path in ["loop", "dangling", "proc", "usr/lib/os-release/x", "nowhere"] {
        assert_eq!(resolve(path), None, "{path}");
    }
    let link = tree.lookup(b"etc/os-release").unwrap();
    assert_eq!(link.meta.kind, EntryKind::Symlink);
    assert_eq!(tree.lookup(b"up/os-release").unwrap().path, TreePath::from("usr/lib/os-release"));
    let children: Vec<_> =
        tree.children(b"up").map(|node| node.path.display().into_owned()).collect();
    assert_eq!(children, ["usr/lib/os-release"]);
}

#[test]
fn forty_symlinks_are_followed_and_not_one_more() {
    let lines: Vec<String> =
        (0..41).map(|index| format!("l{index} -> l{}", index + 1)).chain(["l41".into()]).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let (tree, _) = Tree::merge(&[layer(&lines)]);
    assert!(tree.resolve(b"l1").is_some());
    assert!(tree.resolve(b"l0").is_none());
}

#[test]
fn a_hardlink_is_bound_to_what_its_target_was() {
    let (tree, anomalies) = Tree::merge(&[
        layer(&["opt/blob", "var/status = opt/blob"]),
        layer(&["opt/blob", "other = var/status", ".wh.var"]),
    ]);
    assert_eq!(shown(&tree), ["opt/", "opt/blob@1.0", "other@0.0"]);
    assert_eq!(anomalies, Vec::<String>::new());
    let other = tree.lookup(b"other").unwrap();
    assert_eq!((other.links, other.meta.kind), (1, EntryKind::File));
    let (tree, anomalies) = Tree::merge(&[layer(&["d/", "a = nowhere", "b = d"])]);
    assert_eq!(shown(&tree), ["d/"]);
    assert_eq!(anomalies.len(), 2, "{anomalies:?}");
}

#[test]
fn what_later_layers_remove_is_known() {
    let (tree, _) = Tree::merge(&[
        layer(&["a/x", "a/y/z", "b/x", "c"]),
        layer(&[".wh.a", "b -> c", "c"]),
        layer(&[".wh.never"]),
    ]);
    let mut removed: Vec<_> = tree
        .removed()
        .map(|it| (it.node.path.display().into_owned(), it.node.content.unwrap().entry))
        .collect();
    removed.sort();
    assert_eq!(removed, [("a/x".into(), 0), ("a/y/z".into(), 1), ("b/x".into(), 2)]);
    assert_eq!(shown(&tree), ["b -> c", "c@1.2"]);
}

#[test]
fn names_of_a_folder_are_only_names() {
    let folder = LayerEntries {
        origin: LayerOrigin::Folder,
        ..layer(&["var/", "var/.wh.x", "var/.wh..wh..opq", ".wh..wh.plnk/", "var/x"])
    };
    let (tree, _) = Tree::merge(&[folder]);
    assert_eq!(
        shown(&tree),
        [".wh..wh.plnk/", "var/", "var/.wh..wh..opq@0.2", "var/.wh.x@0.1", "var/x@0.4"]
    );
}

#[test]
fn links_of_aufs_lead_to_their_files() {
    let (tree, anomalies) = Tree::merge(&[layer(&[
        ".wh..wh.plnk/12.34",
        ".wh..wh.aufs",
        "bin/sh = .wh..wh.plnk/12.34",
    ])]);
    assert_eq!(shown(&tree), ["bin/", "bin/sh@0.0"]);
    assert_eq!(anomalies, Vec::<String>::new());
}

#[test]
fn deep_trees_cost_what_they_hold() {
    // Each entry lies 1,000 directories below a symlink to the end of the one before.
    let deep = "d/".repeat(1_000);
    let mut lines = vec![format!("{deep}f")];
    for index in 0..10 {
        let from = if index == 0 { "d".to_owned() } else { format!("s{}", index - 1) };
        let end = if index == 0 { deep.clone() } else { format!("{from}/{deep}") };
        lines.push(format!("s{index} -> {end}"));
        lines.push(format!("s{index}/{deep}f"));
    }
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let (tree, anomalies) = Tree::merge(&[layer(&lines)]);
    assert!(anomalies.iter().any(|it| it.contains("too deep")), "{anomalies:?}");
    assert!(tree.walk().count() < 5_000);
}

#[test]
fn capabilities_are_those_of_the_last_header_that_speaks_of_a_file() {
    let given = FileCapabilities { permitted: 1 << 7, is_effective: true, ..Default::default() };
    let with = |capabilities, meta| EntryMeta { capabilities, ..meta };
    let file = |path, capabilities| with(capabilities, entry(path, EntryKind::File, None));
    let link = |path, target, capabilities| {
        with(capabilities, entry(path, EntryKind::Hardlink, Some(target)))
    };
    let of = |metas: &[EntryMeta]| LayerEntries {
        entries: Entries::pack(metas).unwrap(),
        ..LayerEntries::default()
    };
    let layers = [
        of(&[
            file("a", Some(given)),
            file("b", Some(given)),
            // Changing the owner, which an entry of a link does, takes them away.
            file("c", Some(given)),
            link("d", "c", None),
            file("e", None),
            link("f", "e", Some(given)),
        ]),
        // A layer that changes a file says all of it.
        of(&[file("b", None)]),
    ];
    let (tree, _) = Tree::merge(&layers);
    let shown = ["a", "b", "c", "d", "e", "f"]
        .map(|path| tree.resolve_ref(path.as_bytes()).unwrap().capabilities());
    assert_eq!(shown, [Some(given), None, None, None, Some(given), Some(given)]);
}
