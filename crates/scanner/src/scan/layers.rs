//! Reading all layers, several at a time.
//!
//! In: a source. Out: the facts of every layer that could be read, in order, and what could not. Odd: the largest layer
//! goes first, so that all cores are busy to the end; a layer of which the cache knows the facts is not fetched.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use plimsoll_image::{LayerSource, ReadError};
use plimsoll_inspect::{LayerFacts, LayerInspector, UnreadClaim};
use plimsoll_model::{Gap, GapReason};

use super::{ScanOptions, anomaly, into_inner};
use crate::Progress;

/// All layers, bottom first; a layer that could not be read has no entries.
#[derive(Default)]
pub(super) struct Layers {
    pub(super) layers: Vec<LayerFacts>,
    pub(super) gaps: Vec<Gap>,
    pub(super) interrupted: Option<String>,
}

pub(super) fn read(
    source: &dyn LayerSource,
    options: &ScanOptions<'_>,
    progress: &dyn Progress,
) -> Layers {
    let descriptors = &source.documents().layers;
    progress.layers_begin(descriptors.len(), descriptors.iter().map(|layer| layer.size).sum());
    let mut order: Vec<usize> = (0..descriptors.len()).collect();
    order.sort_by_key(|index| {
        std::cmp::Reverse(descriptors.get(*index).map_or(0, |layer| layer.size))
    });
    let next = AtomicUsize::new(0);
    // One layer's largest file is bounded; without turns, as many of them as there are threads would not be.
    let turn = Mutex::new(());
    let results = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..options.threads.clamp(1, order.len().max(1)) {
            scope.spawn(|| {
                while let Some(index) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (result, cached) = read_one(source, *index, options, &turn);
                    progress
                        .layer_done(descriptors.get(*index).map_or(0, |layer| layer.size), cached);
                    let mut results =
                        results.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    results.insert(*index, result);
                }
            });
        }
    });
    let mut read = Layers::default();
    for (index, result) in into_inner(results) {
        let at = source.documents().layers.get(index).and_then(|layer| layer.digest);
        let at = at.map_or_else(|| format!("layer {index}"), |digest| digest.to_string());
        match result {
            Ok(facts) => {
                read.gaps.extend(facts.entries.gaps.iter().cloned());
                let anomalies = facts.entries.anomalies.iter();
                read.gaps
                    .extend(anomalies.map(|detail| anomaly("archive", at.clone(), detail.clone())));
                read.layers.push(facts);
            }
            Err(error) => {
                if matches!(error, ReadError::Io { .. }) {
                    read.interrupted.get_or_insert_with(|| error.to_string());
                }
                let detail = error.to_string();
                read.gaps.push(Gap {
                    reason: GapReason::UnreadableImage,
                    by: "layer".into(),
                    at,
                    detail,
                });
                read.layers.push(LayerFacts::default());
            }
        }
    }
    read
}

fn read_one(
    source: &dyn LayerSource,
    index: usize,
    options: &ScanOptions<'_>,
    turn: &Mutex<()>,
) -> (Result<LayerFacts, ReadError>, bool) {
    // An archive's or folder's claim about its own bytes is worth nothing before they were read; a registry's and a
    // layout's digest is the address itself, and a runtime would refuse other bytes under it.
    let addressed = matches!(source.documents().source_kind, "registry" | "oci-layout");
    let cache = options.cache.filter(|_| addressed);
    let digest = source.documents().layers.get(index).and_then(|layer| layer.digest);
    if let (Some(cache), Some(digest)) = (cache, digest)
        && let Some(facts) = cache.get(&digest)
    {
        return (Ok(facts), true);
    }
    let inspector = LayerInspector::new(options.budget).with_turn(turn);
    let result = read_watched(source, index, options, inspector);
    let cache = cache.filter(|_| options.watch.is_none_or(|watch| !watch.leaves_out(index)));
    if let (Some(cache), Ok(facts)) = (cache, &result) {
        // Without a cache entry the next scan is slower, nothing else.
        let _written = cache.put(facts);
    }
    (result, false)
}

/// One pass over one layer, before the eyes of whoever watches.
fn read_watched<'a>(
    source: &dyn LayerSource,
    index: usize,
    options: &ScanOptions<'a>,
    inspector: LayerInspector<'a>,
) -> Result<LayerFacts, ReadError> {
    let Some(watch) = options.watch else {
        let mut inspector = inspector;
        let entries = source.read_layer(index, options.budget, &mut inspector)?;
        return Ok(inspector.finish(entries));
    };
    if let Err(why) = watch.layer_begins(index) {
        let at = format!("layer {index}");
        return Err(ReadError::Visitor { at, source: std::io::Error::other(why) });
    }
    let mut inspector = inspector.with_watch(index, watch);
    let read = source.read_layer(index, options.budget, &mut inspector);
    watch.layer_ends();
    Ok(inspector.finish(read?))
}

/// Reads what only the merged tree shows: files that a detector claims under the path of a link.
pub(super) fn read_claims(
    source: &dyn LayerSource,
    options: &ScanOptions<'_>,
    claims: &[UnreadClaim],
    read: &mut Layers,
) {
    let mut by_layer: BTreeMap<usize, Vec<UnreadClaim>> = BTreeMap::new();
    for claim in claims {
        by_layer.entry(claim.layer).or_default().push(claim.clone());
    }
    for (index, claims) in by_layer {
        let inspector = LayerInspector::only(options.budget, &claims);
        match read_watched(source, index, options, inspector) {
            Ok(mut second) => {
                if let Some(facts) = read.layers.get_mut(index) {
                    // A folder may change between two passes, and its entries' numbers with it. What was read for another
                    // file is worth nothing; the claim stays unread, which the inspection tells.
                    let (before, now) = (&facts.entries.entries, &second.entries.entries);
                    second.files.retain(|entry, _| {
                        before.get(*entry).is_some_and(|meta| now.get(*entry) == Some(meta))
                    });
                    facts.add(second);
                }
            }
            Err(error) => {
                if matches!(error, ReadError::Io { .. }) {
                    read.interrupted.get_or_insert_with(|| error.to_string());
                }
                read.gaps.extend(claims.iter().map(|claim| Gap {
                    reason: GapReason::UnreadableFile,
                    by: "layer".into(),
                    at: claim.path.display().into_owned(),
                    detail: error.to_string(),
                }));
            }
        }
    }
}
