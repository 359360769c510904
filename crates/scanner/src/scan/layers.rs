//! Reading all layers, several at a time.
//!
//! In: a source. Out: the facts of every layer that could be read, in order, and what could not. Odd: the largest layer
//! goes first, so that all cores are busy to the end; a layer of which the cache knows the facts is not fetched. A registry's
//! digest is the address itself; a file on this machine vouches for a digest only while it is the very file that was
//! hashed, and is hashed again otherwise.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use plimsoll_image::{FilePlace, LayerSource, REGISTRY_BY_CONTENTS, ReadError};
use plimsoll_inspect::{LayerFacts, LayerInspector, UnreadClaim};
use plimsoll_model::{Digest, Gap, GapReason};

use super::{ScanOptions, anomaly, into_inner};
use crate::{LayerCache, Progress};

/// All layers, bottom first; a layer that could not be read has no entries.
#[derive(Default)]
pub(super) struct Layers {
    pub(super) layers: Vec<LayerFacts>,
    pub(super) gaps: Vec<Gap>,
    pub(super) interrupted: Option<String>,
    /// A layer could not be read.
    has_failed: bool,
}

impl Layers {
    /// Whether everything was read that another scan would read.
    pub(super) fn is_to_be_kept(&self, options: &ScanOptions<'_>) -> bool {
        let leaves_out = |index| options.watch.is_some_and(|watch| watch.leaves_out(index));
        !options.budget.is_used_up()
            && !self.has_failed
            && self.interrupted.is_none()
            && !(0..self.layers.len()).any(leaves_out)
    }
}

/// The digests over the layers' bytes that need not be computed by reading the layers.
fn vouched(source: &dyn LayerSource, options: &ScanOptions<'_>) -> Vec<Option<Digest>> {
    let Some(cache) = options.cache else { return Vec::new() };
    let layers = &source.documents().layers;
    if source.documents().source_kind == "registry" {
        return layers.iter().map(|layer| layer.digest).collect();
    }
    let known = |index| source.place(index).and_then(|place| cache.hashed(&place));
    let mut vouched: Vec<Option<Digest>> = (0..layers.len()).map(known).collect();
    let unknown = (0..layers.len()).filter(|index| vouched.get(*index) == Some(&None));
    for (index, digest) in
        side_by_side(source, options, unknown, |index| hash_again(source, options, cache, index))
    {
        if let Some(place) = vouched.get_mut(index) {
            *place = digest;
        }
    }
    // What a layout's file is named is a promise; what an archive's members hold is nowhere promised.
    if source.documents().source_kind == "oci-layout" {
        for (vouched, layer) in vouched.iter_mut().zip(layers) {
            *vouched = vouched.filter(|digest| layer.digest == Some(*digest));
        }
    }
    vouched
}

/// Hashes a layer's file where that is all that is needed, because its facts are probably known.
fn hash_again(
    source: &dyn LayerSource,
    options: &ScanOptions<'_>,
    cache: &LayerCache,
    index: usize,
) -> Option<Digest> {
    let (place, layer) = (source.place(index)?, source.documents().layers.get(index)?);
    let is_expected =
        layer.size == place.length && layer.size <= options.budget.max_compressed_bytes;
    if !is_expected || !cache.has(&layer.digest?) {
        return None;
    }
    let digest = source.hash_layer(index)?;
    keep_hashed(source, options, index, Some(place), digest);
    Some(digest)
}

/// Remembers what a file's bytes were hashed to, if the file is still the one that it was before that.
fn keep_hashed(
    source: &dyn LayerSource,
    options: &ScanOptions<'_>,
    index: usize,
    before: Option<FilePlace>,
    digest: Digest,
) {
    if let (Some(cache), Some(place)) = (options.cache, before)
        && source.place(index) == before
    {
        // Without it the file is hashed again next time, nothing else.
        let _written = cache.put_hashed(&place, digest, options.today);
    }
}

/// Does the work of some layers on all threads, the largest layer first. Threads for which no layer is left help the others.
fn side_by_side<T: Send>(
    source: &dyn LayerSource,
    options: &ScanOptions<'_>,
    layers: impl Iterator<Item = usize>,
    work: impl Fn(usize) -> T + Sync,
) -> BTreeMap<usize, T> {
    let size = |index: usize| source.documents().layers.get(index).map_or(0, |layer| layer.size);
    let mut order: Vec<usize> = layers.collect();
    order.sort_by_key(|index| std::cmp::Reverse(size(*index)));
    let next = AtomicUsize::new(0);
    let results = Mutex::new(BTreeMap::new());
    let threads = if order.is_empty() { 0 } else { options.threads.max(1) };
    let crew = &options.budget.crew;
    let shifts: Vec<_> = (0..threads).map(|_| crew.begin()).collect();
    std::thread::scope(|scope| {
        for shift in shifts {
            let (order, next, results, work) = (&order, &next, &results, &work);
            scope.spawn(move || {
                while let Some(index) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = work(*index);
                    results.lock().unwrap_or_else(PoisonError::into_inner).insert(*index, result);
                }
                drop(shift);
                crew.help();
            });
        }
    });
    into_inner(results)
}

pub(super) fn read(
    source: &dyn LayerSource,
    options: &ScanOptions<'_>,
    progress: &dyn Progress,
) -> Layers {
    let vouched = vouched(source, options);
    let descriptors = &source.documents().layers;
    progress.layers_begin(descriptors.len(), descriptors.iter().map(|layer| layer.size).sum());
    // One layer's largest file is bounded; without turns, as many of them as there are threads would not be.
    let turn = Mutex::new(());
    let results = side_by_side(source, options, 0..descriptors.len(), |index| {
        let began = Instant::now();
        let known = vouched.get(index).copied().flatten();
        let known = known.and_then(|digest| known_facts(source, options, index, &digest));
        let is_known = known.is_some();
        let result = known.map_or_else(|| read_one(source, index, options, &turn), Ok);
        let bytes = descriptors.get(index).map_or(0, |layer| layer.size);
        progress.layer_done(bytes, is_known, began.elapsed());
        result
    });
    let mut read = Layers::default();
    for (index, result) in results {
        let descriptor = descriptors.get(index);
        let at = descriptor.and_then(|layer| layer.digest);
        let at = at.map_or_else(|| format!("layer {index}"), |digest| digest.to_string());
        match result {
            Ok(facts) => {
                read.gaps.extend(facts.entries.gaps.iter().cloned());
                let diff_id =
                    facts.entries.diff_id_anomaly(descriptor.and_then(|layer| layer.diff_id));
                let anomalies = facts.entries.anomalies.iter().cloned().chain(diff_id);
                read.gaps.extend(anomalies.map(|detail| anomaly("archive", at.clone(), detail)));
                read.layers.push(facts);
            }
            Err(error) => {
                if matches!(error, ReadError::Io { .. }) {
                    read.interrupted.get_or_insert_with(|| error.to_string());
                }
                // Its bytes are as good as any, but there are too many of them.
                let reason = match error {
                    ReadError::Budget { .. } => GapReason::BudgetReached,
                    _ => GapReason::UnreadableImage,
                };
                let detail = error.to_string();
                read.gaps.push(Gap { reason, by: "layer".into(), at, detail });
                read.layers.push(LayerFacts::default());
                read.has_failed = true;
            }
        }
    }
    read
}

/// What the cache has of a layer whose bytes have that digest.
fn known_facts(
    source: &dyn LayerSource,
    options: &ScanOptions<'_>,
    index: usize,
    digest: &Digest,
) -> Option<LayerFacts> {
    let (facts, layer) = (options.cache?.get(digest)?, source.documents().layers.get(index)?);
    // Nothing but the configuration binds the members of an archive, so what they unpack to must have been computed.
    let is_bound = source.documents().source_kind != "docker-archive"
        || facts.entries.computed_diff_id == layer.diff_id;
    let files = facts.files.len() as u64;
    // Too much as a whole, it is read as far as the limits go.
    let is_allowed = options.budget.use_known(&facts.entries, layer.size, files).is_ok();
    (is_bound && is_allowed).then_some(facts)
}

fn read_one(
    source: &dyn LayerSource,
    index: usize,
    options: &ScanOptions<'_>,
    turn: &Mutex<()>,
) -> Result<LayerFacts, ReadError> {
    let before = source.place(index);
    let fingerprints = options.cache.and_then(LayerCache::fingerprints);
    let inspector = LayerInspector::new(options.budget)
        .with_malware(options.malware)
        .with_kinds(options.kinds)
        .with_fingerprints(fingerprints)
        .with_turn(turn);
    // Whoever wants parts of layers alone does not want every file.
    let inspector = match source.documents().source_kind {
        REGISTRY_BY_CONTENTS => inspector.without_detectors(),
        _ => inspector,
    };
    let facts = read_watched(source, index, options, inspector)?;
    if let Some(digest) = facts.entries.computed_digest {
        keep_hashed(source, options, index, before, digest);
    }
    // A limit that the layers share may have cut this one short, which another image's need not.
    let is_whole =
        !options.budget.is_used_up() && options.watch.is_none_or(|watch| !watch.leaves_out(index));
    if let Some(cache) = options.cache.filter(|_| is_whole) {
        // Without a cache entry the next scan is slower, nothing else.
        let _written = cache.put(&facts);
    }
    Ok(facts)
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
    // What is read once more is counted anew.
    let budget = options.budget.for_image();
    let options = &ScanOptions { budget: &budget, ..*options };
    for (index, claims) in by_layer {
        let inspector = LayerInspector::only(options.budget, &claims);
        match read_watched(source, index, options, inspector) {
            Ok(mut second) => {
                if let Some(facts) = read.layers.get_mut(index) {
                    // A folder may change between two passes, and its entries' numbers with it. What was read for another
                    // file is worth nothing; the claim stays unread, which the inspection tells.
                    let (before, now) = (&facts.entries.entries, &second.entries.entries);
                    let is_same = |entry: u32| {
                        before.get(entry).is_some_and(|meta| now.get(entry) == Some(meta))
                    };
                    second.files.retain(|entry, _| is_same(*entry));
                    second.programs.retain(|entry| is_same(*entry));
                    second.executables.retain(|entry| is_same(*entry));
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
