//! An image's files in memory, to be changed and packed again.
//!
//! In: an OCI layout. Out: [`Files`], and layers of them. Odd: names that are not UTF-8, devices and empty folders' owners
//! are left out; they are no evidence here.

use std::{
    collections::BTreeMap,
    io::{self, Read},
    sync::Arc,
};

use plimsoll_image::{
    Budget, EntryKind, EntryMeta, EntryVisitor, Tree,
    build::{Compression, Layer, LayerBuilder},
    open_path,
};

use crate::root;

/// What is at a path.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Thing {
    File(u32, Arc<Vec<u8>>),
    Link(String),
    Folder(u32),
}

/// All of an image, by path.
#[derive(Clone, Default)]
pub(crate) struct Files(pub(crate) BTreeMap<String, Thing>);

#[derive(Default)]
struct Bytes(BTreeMap<u32, Arc<Vec<u8>>>);

impl EntryVisitor for Bytes {
    fn visit(&mut self, index: u32, meta: &EntryMeta, content: &mut dyn Read) -> io::Result<()> {
        if meta.kind == EntryKind::File {
            let mut bytes = Vec::new();
            content.read_to_end(&mut bytes)?;
            self.0.insert(index, Arc::new(bytes));
        }
        Ok(())
    }
}

impl Files {
    /// The merged files of a real image, or `None` (said aloud) where it is not built.
    pub(crate) fn of_image(name: &str) -> Option<Self> {
        let path = root().join("target/test-images/oci").join(name);
        if !path.join("index.json").exists() {
            println!(
                "skipped: the real image {name} is not built here (`cargo xtask test` builds it)"
            );
            return None;
        }
        let budget = Budget::default();
        let source = open_path(&path, None, &"linux/amd64".parse().unwrap(), &budget).unwrap();
        let mut contents = Vec::new();
        let mut entries = Vec::new();
        for index in 0..source.documents().layers.len() {
            let mut bytes = Bytes::default();
            entries.push(source.read_layer(index, &budget, &mut bytes).unwrap());
            contents.push(bytes.0);
        }
        let (tree, _) = Tree::merge(&entries);
        let mut files = Self::default();
        let mut nodes = tree.nodes();
        while let Some(node) = nodes.next() {
            let Ok(path) = String::from_utf8(nodes.path().to_vec()) else { continue };
            let thing = match node.kind() {
                EntryKind::File => {
                    let content = node.content().unwrap();
                    let bytes = contents.get(content.layer).unwrap().get(&content.entry).unwrap();
                    Thing::File(node.mode(), Arc::clone(bytes))
                }
                EntryKind::Symlink => {
                    Thing::Link(String::from_utf8_lossy(node.link().unwrap()).into_owned())
                }
                EntryKind::Directory if !path.is_empty() => Thing::Folder(node.mode()),
                _ => continue,
            };
            files.0.insert(path, thing);
        }
        Some(files)
    }

    pub(crate) fn write(&mut self, path: &str, bytes: impl Into<Vec<u8>>) {
        self.0.insert(path.to_owned(), Thing::File(0o644, Arc::new(bytes.into())));
    }

    pub(crate) fn text(&self, path: &str) -> Option<String> {
        match self.0.get(path)? {
            Thing::File(_, bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            _ => None,
        }
    }

    /// Removes what is at a path and below it.
    pub(crate) fn remove(&mut self, path: &str) {
        let below = format!("{path}/");
        self.0.retain(|name, _| name != path && !name.starts_with(&below));
    }

    /// All of it as one layer.
    pub(crate) fn layer(&self, created_by: &str) -> Layer {
        let builder = Layer::builder(created_by).compression(Compression::Plain);
        self.0
            .iter()
            .fold(builder, |builder, (path, thing)| add(builder, path, thing))
            .build()
            .unwrap()
    }

    /// What changed since `base`, as the layer above it.
    pub(crate) fn layer_above(&self, base: &Self) -> Layer {
        let mut builder = Layer::builder("RUN hide").compression(Compression::Plain);
        let mut gone: Option<String> = None;
        for path in base.0.keys().filter(|path| !self.0.contains_key(*path)) {
            if !gone.as_ref().is_some_and(|gone| path.starts_with(gone.as_str())) {
                builder = builder.whiteout(path);
                gone = Some(format!("{path}/"));
            }
        }
        let changed = self.0.iter().filter(|(path, thing)| base.0.get(*path) != Some(thing));
        changed.fold(builder, |builder, (path, thing)| add(builder, path, thing)).build().unwrap()
    }
}

fn add(builder: LayerBuilder, path: &str, thing: &Thing) -> LayerBuilder {
    match thing {
        Thing::File(mode, bytes) => builder.file_with(path, *mode & 0o7777, 0, 0, bytes),
        Thing::Link(target) => builder.symlink(path, target),
        Thing::Folder(mode) => builder.directory(path, *mode & 0o7777),
    }
}
