//! A case folder as an image: `root/` (or `layer0/`, `layer1/`, …) with files, `entries` with modes and links, and
//! `config.json`.
//!
//! `entries` has one line per entry, for what a checkout cannot hold; paths are inside the image, of the topmost layer
//! unless a line `layer N` stands before:
//! ```text
//! mode 4755 0:0 usr/bin/tool
//! folder 1777 0:0 tmp
//! large 1048577 etc/shadow
//! link etc/os-release -> ../usr/lib/os-release
//! hardlink opt/copy -> opt/file
//! ```

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use plimsoll_image::{
    Budget, Compression, ImageDocuments, Layer, LayerBuilder, LayerDescriptor, LayerEntries, Tree,
    parse_config, read_blob,
};
use plimsoll_inspect::{
    Example, Inspection, LayerFacts, LayerInspector, UnreadClaim, inspect_image, unread_claims,
};
use plimsoll_model::{Digest, Timestamp};
use serde_json::json;

/// The date at which all cases are judged.
pub(crate) const AS_OF: &str = "2026-11-25";

/// Whether `tests/cases/<group>` is there.
pub(crate) fn has_cases(group: &str) -> bool {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(group).is_dir()
}

/// Folders below `tests/cases/<group>`, sorted.
pub(crate) fn cases(group: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(group);
    let mut cases: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    cases.sort();
    assert!(!cases.is_empty(), "{}", folder.display());
    cases
}

/// Inspects a case.
pub(crate) fn inspect(case: &Path) -> Inspection {
    let config = fs::read(case.join("config.json")).unwrap_or_else(|_| b"{}".to_vec());
    inspect_layers(&layers(case), &config)
}

/// Inspects the image of a check's own example.
pub(crate) fn inspect_example(example: &Example) -> Inspection {
    let files = example.files.iter().map(|(path, text)| (*path, text.as_bytes().to_vec()));
    inspect_files(&files.collect::<Vec<_>>(), example)
}

/// The same with other files.
pub(crate) fn inspect_files(files: &[(&str, Vec<u8>)], example: &Example) -> Inspection {
    let mut builder = Layer::builder("example").compression(Compression::Plain);
    for (path, text) in files {
        let (path, mode) = path.split_once(' ').unwrap_or((path, "644"));
        let mode = u32::from_str_radix(mode, 8).unwrap();
        builder = builder.file_with(path, mode, 0, 0, text);
    }
    let history: Vec<_> = example.history.iter().map(|step| json!({"created_by": step})).collect();
    let mut config: serde_json::Value =
        serde_json::from_str(&format!("{{{}}}", example.config)).unwrap();
    config["Env"] = json!(example.environment);
    config["Cmd"] = json!(example.command);
    let config = json!({"config": config, "history": history}).to_string();
    inspect_layers(&[builder.build().unwrap()], config.as_bytes())
}

/// Inspects layers as the scanner does: one pass each, then what only links show.
pub(crate) fn inspect_layers(layers: &[Layer], config: &[u8]) -> Inspection {
    let budget = Budget::default();
    let mut facts: Vec<LayerFacts> = Vec::new();
    for layer in layers {
        let mut inspector = LayerInspector::new(&budget);
        let entries = read(layer, &mut inspector, &budget);
        facts.push(inspector.finish(entries));
    }
    let (tree, anomalies) = Tree::merge(facts.iter().map(|facts| &facts.entries));
    assert_eq!(anomalies, [""; 0]);
    let mut by_layer: BTreeMap<usize, Vec<UnreadClaim>> = BTreeMap::new();
    let links = unread_claims(&tree, &facts);
    for claim in links.claims.clone() {
        by_layer.entry(claim.layer).or_default().push(claim);
    }
    for (index, claims) in by_layer {
        let mut inspector = LayerInspector::only(&budget, &claims);
        let entries = read(&layers[index], &mut inspector, &budget);
        facts[index].add(inspector.finish(entries));
    }
    assert_eq!(unread_claims(&tree, &facts).claims, []);
    let documents = documents(layers.len(), config);
    let config = parse_config(config).unwrap();
    let mut inspection =
        inspect_image(&tree, &facts, &links, &documents, &config, plimsoll_model::Kinds::ALL, None);
    inspection.gaps.extend(inspection.end_of_life_gap(AS_OF.parse::<Timestamp>().unwrap()));
    inspection.gaps.sort();
    inspection
}

fn read(layer: &Layer, inspector: &mut LayerInspector<'_>, budget: &Budget) -> LayerEntries {
    let size = layer.bytes().len() as u64;
    let expected =
        LayerDescriptor { digest: Some(layer.digest()), size, ..LayerDescriptor::default() };
    read_blob(&mut layer.bytes(), &expected, budget, inspector).unwrap()
}

/// Layers without digests, so that expectations stay readable; a configuration other than `{}` counts as one.
fn documents(layers: usize, config: &[u8]) -> ImageDocuments {
    ImageDocuments {
        name: "case".to_owned(),
        source_kind: "oci-layout",
        manifest: None,
        manifest_digest: None,
        config: config.to_vec(),
        config_digest: (config != b"{}").then(|| Digest::from_bytes([1; 32])),
        layers: vec![LayerDescriptor::default(); layers],
        platform: None,
        total_size: 0,
    }
}

/// The layers of a case.
pub(crate) fn layers(case: &Path) -> Vec<Layer> {
    let mut folders = vec![case.join("root")];
    if !folders[0].is_dir() {
        folders = (0..)
            .map(|index| case.join(format!("layer{index}")))
            .take_while(|path| path.is_dir())
            .collect();
    }
    let mut entries: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    let mut layer = folders.len().saturating_sub(1);
    for line in fs::read_to_string(case.join("entries")).unwrap_or_default().lines() {
        match line.strip_prefix("layer ") {
            Some(index) => layer = index.parse().unwrap(),
            None if line.is_empty() || line.starts_with('#') => {}
            None => entries.entry(layer).or_default().push(line.to_owned()),
        }
    }
    let count = folders.len().max(1);
    let none = Vec::new();
    (0..count)
        .map(|index| build(folders.get(index), entries.get(&index).unwrap_or(&none)))
        .collect()
}

fn build(folder: Option<&PathBuf>, lines: &[String]) -> Layer {
    let mut modes: BTreeMap<&str, (u32, u64, u64)> = BTreeMap::new();
    for words in lines.iter().map(|line| line.split(' ').collect::<Vec<_>>()) {
        if let ["mode", mode, owner, path] = words.as_slice() {
            let (uid, gid) = owner.split_once(':').unwrap();
            let mode = u32::from_str_radix(mode, 8).unwrap();
            modes.insert(path, (mode, uid.parse().unwrap(), gid.parse().unwrap()));
        }
    }
    let mut builder = Layer::builder("case").compression(Compression::Plain);
    if let Some(folder) = folder {
        for path in files(folder) {
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
            let (mode, uid, gid) = modes.remove(name).unwrap_or((0o644, 0, 0));
            builder = builder.file_with(name, mode, uid, gid, &fs::read(&path).unwrap());
        }
    }
    for (name, (mode, uid, gid)) in modes {
        builder = builder.file_with(name, mode, uid, gid, b"");
    }
    lines.iter().fold(builder, |builder, line| special(builder, line)).build().unwrap()
}

fn special(builder: LayerBuilder, line: &str) -> LayerBuilder {
    let words: Vec<&str> = line.split(' ').collect();
    match words.as_slice() {
        ["mode", ..] => builder,
        ["folder", mode, owner, path] => {
            let (uid, gid) = owner.split_once(':').unwrap();
            let mode = u32::from_str_radix(mode, 8).unwrap();
            builder.directory_with(path, mode, uid.parse().unwrap(), gid.parse().unwrap())
        }
        ["large", size, path] => builder.file(path, &vec![b'#'; size.parse().unwrap()]),
        ["link", path, "->", target] => builder.symlink(path, target),
        ["hardlink", path, "->", target] => builder.hardlink(path, target),
        _ => panic!("`{line}` is not a line of `entries`"),
    }
}

/// All files below a folder, sorted.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { pending.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

/// Compares a value with a case's `expect.json`; `UPDATE_EXPECT=1` writes it.
pub(crate) fn expect(case: &Path, value: &serde_json::Value) -> Result<(), String> {
    let path = case.join("expect.json");
    let text = format!("{}\n", serde_json::to_string_pretty(value).unwrap());
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, &text).unwrap();
        return Ok(());
    }
    let wanted = fs::read_to_string(&path).unwrap_or_default();
    if wanted == text { Ok(()) } else { Err(format!("{}:\n{text}", path.display())) }
}
