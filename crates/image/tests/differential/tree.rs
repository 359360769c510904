//! What we make of an image.
//!
//! In: a source. Out: the merged file system, as text per path, and what we say about it.

use std::{
    collections::BTreeMap,
    io::{self, Read},
};

use plimsoll_image::{Budget, EntryKind, EntryMeta, EntryVisitor, LayerEntries, LayerSource, Tree};

use crate::podman::show;

/// What is at a path: kind, permission bits where they count, and target or content.
pub(crate) type Shown = BTreeMap<Vec<u8>, String>;

#[derive(Default)]
struct Contents(BTreeMap<u32, Vec<u8>>);

impl EntryVisitor for Contents {
    fn visit(&mut self, index: u32, meta: &EntryMeta, content: &mut dyn Read) -> io::Result<()> {
        if meta.kind == EntryKind::File {
            let mut bytes = Vec::new();
            content.take(1 << 20).read_to_end(&mut bytes)?;
            self.0.insert(index, bytes);
        }
        Ok(())
    }
}

/// Our tree and what we say about it, or why there is none.
pub(crate) fn shown(source: &dyn LayerSource) -> Result<(Shown, Vec<String>), String> {
    let budget = Budget::default();
    let mut layers: Vec<LayerEntries> = Vec::new();
    let mut contents = Vec::new();
    for index in 0..source.documents().layers.len() {
        let mut visitor = Contents::default();
        let layer =
            source.read_layer(index, &budget, &mut visitor).map_err(|error| error.to_string())?;
        layers.push(layer);
        contents.push(visitor.0);
    }
    let (tree, mut said) = Tree::merge(&layers);
    for layer in &layers {
        said.extend(layer.anomalies.iter().cloned());
        said.extend(layer.gaps.iter().map(|gap| gap.detail.clone()));
    }
    let mut shown = Shown::new();
    for node in tree.walk().filter(|node| !node.path.is_root()) {
        let content = node
            .content
            .and_then(|at| contents.get(at.layer).and_then(|layer| layer.get(&at.entry)))
            .map_or(&[][..], Vec::as_slice);
        let link = node.meta.link.as_deref().unwrap_or_default();
        let text = show(node.meta.kind, node.meta.mode, link, content);
        shown.insert(node.path.as_bytes().to_vec(), text);
    }
    Ok((shown, said))
}
