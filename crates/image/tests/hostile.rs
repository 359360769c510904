//! Hostile archives and layouts, held against what a real runtime (podman) unpacks from them.
//!
//! In: `../shared/hostile`, whose generator makes the samples and whose `expected.json` holds podman's answers. Out: for
//! each sample our tree holds what podman unpacks, byte for byte, or the image is refused where podman refuses it too.
#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]
#![expect(clippy::indexing_slicing, reason = "indexing JSON yields null, not a panic")]
#![expect(clippy::print_stdout, reason = "a skipped test says so")]

use std::{
    collections::BTreeMap,
    io::{self, Read},
    path::{Path, PathBuf},
    process::Command,
};

use plimsoll_image::{
    Budget, ContentRef, EntryKind, EntryMeta, EntryVisitor, LayerEntries, LayerSource, Tree,
    open_path,
};
use plimsoll_model::Platform;
use serde_json::Value;

fn hostile() -> Option<PathBuf> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/hostile"));
    if folder.join("hostile_samples.py").is_file() {
        return Some(folder);
    }
    println!("skipped: ../shared is not here");
    None
}

/// Keeps the first bytes of every file.
#[derive(Default)]
struct Heads(BTreeMap<u32, Vec<u8>>);

impl EntryVisitor for Heads {
    fn visit(&mut self, index: u32, _: &EntryMeta, content: &mut dyn Read) -> io::Result<()> {
        let mut head = Vec::new();
        content.take(12).read_to_end(&mut head)?;
        self.0.insert(index, head);
        Ok(())
    }
}

/// Everything but directories, as the oracle prints it.
fn tree_of(source: &dyn LayerSource) -> Result<(BTreeMap<String, String>, Vec<String>), String> {
    let mut layers: Vec<LayerEntries> = Vec::new();
    let mut heads = Vec::new();
    let mut anomalies = Vec::new();
    let budget = Budget { verify_diff_ids: true, ..Budget::default() };
    for (index, described) in source.documents().layers.iter().enumerate() {
        let mut visitor = Heads::default();
        let layer =
            source.read_layer(index, &budget, &mut visitor).map_err(|error| error.to_string())?;
        anomalies.extend(layer.anomalies.iter().cloned());
        anomalies.extend(layer.diff_id_anomaly(described.diff_id));
        layers.push(layer);
        heads.push(visitor.0);
    }
    let (tree, of_merge) = Tree::merge(&layers);
    anomalies.extend(of_merge);
    let mut shown = BTreeMap::new();
    for node in tree.walk() {
        let text = match node.meta.kind {
            EntryKind::Directory => continue,
            EntryKind::Symlink => {
                format!("-> {}", String::from_utf8_lossy(node.meta.link.as_deref().unwrap()))
            }
            EntryKind::File => {
                let ContentRef { layer, entry } = node.content.unwrap();
                let head = &heads[layer][&entry];
                let end = head.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
                head[..end].iter().map(|byte| char::from(*byte)).collect()
            }
            _ => "fifo".to_owned(),
        };
        shown.insert(node.path.display().into_owned(), text);
    }
    Ok((shown, anomalies))
}

fn read(path: &Path) -> Result<(BTreeMap<String, String>, Vec<String>), String> {
    let platform = Platform { os: "linux".into(), architecture: "amd64".into(), variant: None };
    let source =
        open_path(path, None, &platform, &Budget::default()).map_err(|error| error.to_string())?;
    tree_of(&*source)
}

/// Samples that podman refuses and that we read, each with what makes it no clean image for us.
const READ_ALTHOUGH_REFUSED: [(&str, &str); 2] =
    [("duplicate-path.tar", "stands twice"), ("unknown-typeflag.tar", "unknown type")];
/// Samples that podman unpacks and that we refuse, each with the reason in our error.
const REFUSED_ALTHOUGH_READ: [(&str, &str); 3] = [
    ("json-key-case", "`layers` and `Layers`"),
    ("json-key-fold-long-s", "`layers` and `layer\u{17f}`"),
    ("json-key-twice", "`layers` and `layers`"),
];
/// Samples that must not pass as ordinary ones, with a part of the anomaly.
const ODD: [(&str, &str); 16] = [
    ("size-on-dir-smuggle.tar", "a size although it is no file"),
    ("size-on-hardlink-smuggle.tar", "a size although it is no file"),
    ("size-on-symlink-smuggle.tar", "a size although it is no file"),
    ("size-on-fifo-smuggle.tar", "a size although it is no file"),
    ("pax-size-on-symlink-smuggle.tar", "a size although it is no file"),
    ("pax-path-and-L.tar", "names an entry twice"),
    ("pax-two-x.tar", "two extended headers"),
    ("pax-global-path.tar", "global extended header"),
    ("two-zero-blocks-mid.tar", "data behind the archive's end"),
    ("diffid-mismatch", "the configuration says"),
    ("same-layer-whiteout-after", "removes what its own layer"),
    ("opaque-after-file", "makes a directory opaque after"),
    ("write-through-symlink", "through a symlink of a lower layer"),
    ("write-through-symlink-abs", "through a symlink of a lower layer"),
    ("write-through-symlink-up", "through a symlink of a lower layer"),
    ("whiteout-through-symlink", "through a symlink of a lower layer"),
];

#[test]
fn we_see_what_podman_unpacks() {
    let Some(hostile) = hostile() else { return };
    let samples = tempfile::tempdir().unwrap();
    let made = Command::new("python3")
        .arg(hostile.join("hostile_samples.py"))
        .arg("make")
        .arg(samples.path())
        .status();
    match made {
        Ok(status) => assert!(status.success()),
        Err(error) => return println!("skipped: python3 is not here: {error}"),
    }
    let expected: Value =
        serde_json::from_slice(&std::fs::read(hostile.join("expected.json")).unwrap()).unwrap();
    let tars = expected["tar"].as_object().unwrap().iter();
    let tars = tars.map(|(name, row)| ("tar", name, &row["runtime"]));
    let layouts = expected["oci"].as_object().unwrap().iter();
    let layouts = layouts.map(|(name, row)| ("oci", name, row));
    let mut wrong = Vec::new();
    let mut count = 0;
    for (folder, name, runtime) in tars.chain(layouts) {
        count += 1;
        let ours = read(&samples.path().join(folder).join(name));
        if let Err(problem) = judge(name, runtime, &ours) {
            wrong.push(format!(
                "{folder}/{name}: {problem}\n  podman: {runtime}\n  ours:   {ours:?}"
            ));
        }
    }
    assert!(count >= 50, "only {count} samples");
    assert!(wrong.is_empty(), "{} of {count} differ:\n{}", wrong.len(), wrong.join("\n"));
}

fn judge(
    name: &str,
    runtime: &Value,
    ours: &Result<(BTreeMap<String, String>, Vec<String>), String>,
) -> Result<(), String> {
    let listed = |table: &[(&str, &'static str)]| {
        table.iter().find(|(sample, _)| *sample == name).map(|(_, part)| *part)
    };
    if let Some(reason) = listed(&REFUSED_ALTHOUGH_READ) {
        return match ours {
            Err(error) if error.contains(reason) => Ok(()),
            _ => Err(format!("should be refused with {reason}")),
        };
    }
    let (is_refused, odd) = (runtime == "reject", listed(&ODD));
    match ours {
        Err(_) if is_refused => Ok(()),
        Err(error) => Err(format!("refused: {error}")),
        Ok((_, anomalies)) if is_refused => match listed(&READ_ALTHOUGH_REFUSED) {
            Some(part) if anomalies.iter().any(|it| it.contains(part)) => Ok(()),
            _ => Err("read, but podman refuses it".to_owned()),
        },
        Ok((tree, anomalies)) => {
            let wanted: BTreeMap<String, String> =
                serde_json::from_value(runtime.clone()).map_err(|error| error.to_string())?;
            if *tree != wanted {
                return Err("another tree".to_owned());
            }
            match odd {
                Some(part) if !anomalies.iter().any(|it| it.contains(part)) => {
                    Err(format!("no anomaly with `{part}`: {anomalies:?}"))
                }
                _ => Ok(()),
            }
        }
    }
}
