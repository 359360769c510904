//! What an image is, from what is known of it or by reading it.
//!
//! In: a source. Out: [`KnownImage`], the same either way. Odd: a known image counts only while everything that it depends on
//! is the same: the bytes of its layers, the configuration, the limits, and this program's own sources, which are hashed when
//! it is built. A registry's digests stand for the bytes; on this machine the files do, as long as they do not change.

use std::time::Duration;

use plimsoll_advisory::matching::MATCHER;
use plimsoll_image::{Budget, FilePlace, ImageConfig, ImageDocuments, LayerSource, Tree};
use plimsoll_inspect::{LayerFacts, detectors_version, inspect_image, inspect_sbom, unread_claims};
use plimsoll_model::{Digest, Gap, GapReason, ImageIdentity, Kinds, Timestamp};
use plimsoll_yara::BY_IMAGE;
use ring::digest::{Context, SHA256};

use super::{
    ScanOptions, anomaly,
    layers::{self, Layers},
    rules_version,
};
use crate::{
    Progress,
    cache::{KnownImage, local_file},
};

/// A digest over the sources of everything that makes an inspection out of layers.
const SOURCES: &str = env!("PLIMSOLL_SOURCES");

/// What `ImageDocuments::source_kind` says of an SBOM.
const SBOM: &str = "sbom";

pub(super) struct Looked {
    pub(super) image: KnownImage,
    /// The image that an SBOM is about, where it says so.
    pub(super) described: Option<ImageIdentity>,
    pub(super) interrupted: Option<String>,
}

pub(super) fn look(
    source: &dyn LayerSource,
    options: &ScanOptions<'_>,
    config: &ImageConfig,
    progress: &dyn Progress,
) -> Looked {
    let key = || {
        let place = |index| source.place(index);
        options.cache?;
        let malware = options.malware.map(|malware| malware.version.as_str());
        let terms = ImageTerms { budget: options.budget, malware, kinds: options.kinds };
        image_key(source.documents(), &terms, options.today, place)
    };
    let before = key();
    if let (Some(cache), Some(key)) = (options.cache, &before)
        && let Some(image) = cache.image(key)
    {
        tell_all_known(source.documents(), progress);
        return Looked { image, described: None, interrupted: None };
    }
    let mut read = layers::read(source, options, progress);
    if source.documents().source_kind == SBOM {
        return look_at_sbom(source.documents(), read);
    }
    progress.step("merge");
    let mut gaps = Vec::new();
    let tree = merge(&read.layers, &mut gaps);
    let links = unread_claims(&tree, &read.layers);
    layers::read_claims(source, options, &links.claims, &mut read);
    progress.step("inspect");
    let (kinds, malware) = (options.kinds, options.malware);
    let documents = source.documents();
    let inspection = inspect_image(&tree, &read.layers, &links, documents, config, kinds, malware);
    gaps.append(&mut read.gaps);
    let image = KnownImage { inspection, gaps };
    if let (Some(cache), Some(key)) =
        (options.cache, before.filter(|before| key() == Some(*before)))
        && read.is_to_be_kept(options)
    {
        // Without the entry the next scan is slower, nothing else.
        let _written = cache.put_image(&key, &image);
    }
    Looked { image, described: None, interrupted: read.interrupted }
}

/// What an SBOM says, and the image that it says it of. Gaps that it tells of are kept, but for those of matching, which is
/// done anew.
fn look_at_sbom(documents: &ImageDocuments, read: Layers) -> Looked {
    let said = inspect_sbom(read.layers, documents);
    let is_of_matching = |gap: &Gap| {
        matches!(gap.reason, GapReason::FeedMissing | GapReason::FeedStale) || gap.by == MATCHER
    };
    // The gap of having scanned an SBOM before is the same again.
    let stated = said.stated_gaps.into_iter().filter(|gap| !is_of_matching(gap));
    let gaps = read.gaps.into_iter().chain(stated).collect();
    let image = KnownImage { inspection: said.inspection, gaps };
    Looked { image, described: said.image, interrupted: read.interrupted }
}

fn merge(layers: &[LayerFacts], gaps: &mut Vec<Gap>) -> Tree {
    let (tree, anomalies) = Tree::merge(layers.iter().map(|layer| &layer.entries));
    gaps.extend(anomalies.into_iter().map(|detail| anomaly("merge", String::new(), detail)));
    tree
}

/// Tells that every layer is known already.
pub(crate) fn tell_all_known(documents: &ImageDocuments, progress: &dyn Progress) {
    let layers = &documents.layers;
    progress.layers_begin(layers.len(), layers.iter().map(|layer| layer.size).sum());
    for layer in layers {
        progress.layer_done(layer.size, true, Duration::ZERO);
    }
}

/// How an image is looked at.
pub(crate) struct ImageTerms<'a> {
    pub(crate) budget: &'a Budget,
    /// Version of the rules for malicious files, if there are any.
    pub(crate) malware: Option<&'a str>,
    pub(crate) kinds: Kinds,
}

/// A digest of all that an image depends on; `None` when its bytes cannot be told without reading them.
pub(crate) fn image_key(
    documents: &ImageDocuments,
    terms: &ImageTerms<'_>,
    now: Timestamp,
    place: impl Fn(usize) -> Option<FilePlace>,
) -> Option<Digest> {
    let mut hash = Context::new(&SHA256);
    let mut add = |part: &[u8]| {
        hash.update(&(part.len() as u64).to_le_bytes());
        hash.update(part);
    };
    add(b"image");
    add(SOURCES.as_bytes());
    add(detectors_version().as_bytes());
    let rules = rules_version(terms.malware, terms.kinds);
    add(rules.as_bytes());
    add(terms.kinds.to_string().as_bytes());
    // What is allowed may be allowed in images of some names alone.
    add(if rules.ends_with(BY_IMAGE) { documents.name.as_bytes() } else { b"" });
    add(&serde_json::to_vec(terms.budget).ok()?);
    add(documents.source_kind.as_bytes());
    add(&[u8::from(documents.config_digest.is_some())]);
    add(&documents.config);
    for (index, layer) in documents.layers.iter().enumerate() {
        let bytes = match documents.source_kind {
            "registry" => layer.digest?,
            _ => local_file::binding(&place(index)?, now)?,
        };
        for digest in [Some(bytes), layer.digest, layer.diff_id] {
            add(digest.as_ref().map_or(&[], |digest| digest.as_bytes().as_slice()));
        }
    }
    hash.finish().as_ref().try_into().ok().map(Digest::from_bytes)
}
