//! The licences of Debian's packages.
//!
//! In: the merged tree, dpkg's databases, what was read of the files `usr/share/doc/*/copyright`. Out: for names of packages, what
//! they say. Odd: packages of one source share a folder by a link, so that each is looked up in the merged image.

use std::collections::HashMap;

use plimsoll_image::Tree;

use super::visible::VisibleFile;
use crate::{distribution::Family, facts::LayerFacts, packages::dpkg_copyright};

pub(super) fn find<'l>(
    tree: &Tree,
    layers: &'l [LayerFacts],
    databases: &[VisibleFile<'l>],
) -> HashMap<&'l str, &'l str> {
    let of_dpkg = databases.iter().filter(|file| file.facts.detector == Family::Dpkg.parser());
    let names = of_dpkg.flat_map(|file| &file.facts.packages).map(|package| package.name.as_str());
    names.filter_map(|name| Some((name, said(tree, layers, name)?))).collect()
}

fn said<'l>(tree: &Tree, layers: &'l [LayerFacts], package: &str) -> Option<&'l str> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    if !package.bytes().all(is_name) {
        return None;
    }
    let node = tree.resolve_ref(format!("usr/share/doc/{package}/copyright").as_bytes())?;
    let content = node.content()?;
    let files = layers.get(content.layer)?.files.get(&content.entry)?;
    files.iter().find(|file| file.detector == dpkg_copyright::ID)?.text.as_deref()
}
