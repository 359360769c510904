//! The risk list in memory: every image's place in the order, so that any page of any filter is found without a walk.
//!
//! In: the rows of `images`, `artifacts`, `registries` and `workloads`, and what `list_changes` says of them since the last
//! look. Out: how many images a query selects, and the ids of one page of them; the rows themselves are read from the
//! database each time. Source: `docs/decisions/0013-the-list-is-in-memory.md`.
//!
//! Odd:
//! * It is a copy, and whoever uses it proves that it is current: the page's rows are read together with the number of the
//!   last change, and if that is another than the copy's, the copy follows first.
//! * Triggers write `list_changes`, so that no code that changes a row can forget it, in whichever process it runs.
//! * About 250 bytes an image; a program that never lists never makes it.

mod filter;
mod follow;
mod names;
mod order;
mod rank;

use std::{
    cmp::{Ordering, Reverse},
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, PoisonError},
};

use hashbrown::HashTable;

use self::{
    filter::Filter,
    names::{Bits, Names},
    order::{Order, Row},
};
use crate::{ImageRiskQuery, KeptVerdict, Registry, images::split_repository};

pub(crate) use self::{
    filter::Word,
    follow::{MEETINGS, current_change, ids_of_words, push_in},
};

/// Selections that are remembered until the next change.
const REMEMBERED: usize = 128;
/// So many images are looked at in less time than another thread takes to start.
const SMALL: usize = 10_000;

/// The list, as of one change.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// Number of the last change that is in it; `None` before the first look.
    change: Option<i64>,
    registries: Registries,
    /// Repositories' paths.
    paths: Names,
    tags: Names,
    kinds: Kinds,
    /// Images by slot; a freed slot has id 0.
    entries: Vec<Entry>,
    free: Vec<u32>,
    slots: HashMap<i64, u32>,
    order: Order,
    /// Where images run: numbers of `places` by row of `images`.
    runs: BTreeMap<i64, BTreeSet<u32>>,
    places: Places,
    remembered: Mutex<VecDeque<(ImageRiskQuery, Arc<Selection>)>>,
    ranked: Mutex<Vec<(rank::Asked, Arc<Vec<i64>>)>>,
}

/// One image.
#[derive(Clone, Debug)]
struct Entry {
    id: i64,
    updated: i64,
    digest: [u8; 32],
    registry: u32,
    path: u32,
    tag: u32,
    /// Number of its counters.
    kind: u32,
    policy: Option<KeptVerdict>,
}

/// The counters that the order and the sums are made of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Kind {
    /// Risk level; -1 for images that were not scanned.
    level: i8,
    /// asap, later, nntf, baseline high, medium, low.
    counts: [u32; 6],
    top_tenths: u32,
    /// System vulnerabilities; all others are in libraries of applications.
    cve: u32,
    /// Malicious files of any level.
    malicious: u32,
}

/// Distinct counters, and how many images have them.
#[derive(Debug, Default)]
struct Kinds {
    kinds: Vec<Kind>,
    numbers: HashTable<u32>,
    hasher: RandomState,
    /// Images in all registries, and of them those on Docker Hub.
    images: Vec<[u64; 2]>,
}

/// Registries by their place in the list, which they keep.
#[derive(Debug, Default)]
struct Registries {
    places: Vec<RegistryPlace>,
    by_id: BTreeMap<i64, u32>,
}

#[derive(Debug)]
struct RegistryPlace {
    row: Arc<Registry>,
    /// In lower case.
    authority: String,
    /// In lower case.
    name: String,
    docker_hub: bool,
}

/// Cluster, namespace and application by number.
#[derive(Debug, Default)]
struct Places {
    places: Vec<(String, String, String)>,
    numbers: BTreeMap<(String, String, String), u32>,
}

/// What a query selects.
#[derive(Debug)]
pub(crate) struct Selection {
    filter: Filter,
    /// How many of each block.
    counts: Vec<usize>,
    /// How many in all.
    pub(crate) total: u64,
}

impl Listing {
    /// Number of the last change that is in it; `None` before the first look.
    pub(crate) fn change(&self) -> Option<i64> {
        self.change
    }

    /// The registry of an image's row, without password.
    pub(crate) fn registry(&self, id: i64) -> Option<Arc<Registry>> {
        let number = *self.registries.by_id.get(&id)?;
        Some(Arc::clone(&self.registries.places.get(number as usize)?.row))
    }

    /// What a query selects; `images` are the rows whose digests or id begin with each word of its free text.
    pub(crate) fn select(&self, query: &ImageRiskQuery, words: &[Word]) -> Arc<Selection> {
        let filters = ImageRiskQuery { page: 0, page_size: 0, ..query.clone() };
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, selection)) = remembered.iter().find(|(known, _)| *known == filters) {
            return Arc::clone(selection);
        }
        drop(remembered);
        let filter = Filter::of(query, words, self);
        let counts: Vec<usize> =
            self.order.blocks().iter().map(|block| filter.count(block)).collect();
        let total = counts.iter().map(|count| *count as u64).sum();
        let selection = Arc::new(Selection { filter, counts, total });
        remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= REMEMBERED {
            remembered.pop_front();
        }
        remembered.push_back((filters, Arc::clone(&selection)));
        selection
    }

    /// Whether selecting costs next to nothing: it is remembered, or there is little to look at.
    pub(crate) fn selects_at_once(&self, query: &ImageRiskQuery) -> bool {
        if self.order.len() < SMALL {
            return true;
        }
        let filters = ImageRiskQuery { page: 0, page_size: 0, ..query.clone() };
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.iter().any(|(known, _)| *known == filters)
    }

    /// The rows of one page of a selection, in order.
    pub(crate) fn page(&self, selection: &Selection, before: u64, size: usize) -> Vec<i64> {
        let mut skip = usize::try_from(before).unwrap_or(usize::MAX);
        let mut ids = Vec::new();
        for (block, count) in self.order.blocks().iter().zip(&selection.counts) {
            if skip >= *count {
                skip -= count;
                continue;
            }
            let left = size - ids.len();
            let rows = selection.filter.rows(block).skip(skip).take(left);
            ids.extend(rows.filter_map(|row| self.entry(row.slot)).map(|entry| entry.id));
            skip = 0;
            if ids.len() == size {
                break;
            }
        }
        ids
    }

    /// How many images have each risk level; -1 for those that were not scanned.
    pub(crate) fn levels(&self) -> BTreeMap<i8, u64> {
        let mut levels = BTreeMap::new();
        for (kind, [all, _]) in self.kinds.kinds.iter().zip(&self.kinds.images) {
            *levels.entry(kind.level).or_insert(0) += all;
        }
        levels
    }

    /// The images that run in a cluster, in a namespace, as an application: as far as each is given.
    fn running(&self, cluster: Option<&str>, namespace: Option<&str>, app: Option<&str>) -> Bits {
        let is = |wanted: Option<&str>, found: &str| wanted.is_none_or(|wanted| wanted == found);
        let numbered = (0_u32..).zip(&self.places.places);
        let places: BTreeSet<u32> = numbered
            .filter(|(_, place)| {
                is(cluster, &place.0) && is(namespace, &place.1) && is(app, &place.2)
            })
            .map(|(number, _)| number)
            .collect();
        let runs = self.runs.iter().filter(|(_, there)| !there.is_disjoint(&places));
        runs.filter_map(|(image, _)| self.slots.get(image).copied()).collect()
    }

    /// The images of which the policy says so.
    fn judged(&self, verdict: KeptVerdict) -> Bits {
        let numbered = (0_u32..).zip(&self.entries);
        let such = numbered.filter(|(_, entry)| entry.id != 0 && entry.policy == Some(verdict));
        such.map(|(slot, _)| slot).collect()
    }

    fn slots_of(&self, images: &[i64]) -> Bits {
        images.iter().filter_map(|image| self.slots.get(image).copied()).collect()
    }

    fn entry(&self, slot: u32) -> Option<&Entry> {
        self.entries.get(slot as usize).filter(|entry| entry.id != 0)
    }

    /// How two images stand in the list.
    fn compare(&self, one: &Entry, other: &Entry) -> Ordering {
        self.kinds.compare(one.kind, other.kind).then_with(|| self.compare_names(one, other))
    }

    /// The order of images with equal numbers.
    fn compare_names(&self, one: &Entry, other: &Entry) -> Ordering {
        let tag = |entry: &Entry| self.tags.name(entry.tag);
        compare_paths(&self.paths, one.path, other.path)
            .then_with(|| tag(one).cmp(tag(other)))
            .then_with(|| one.digest.cmp(&other.digest))
            .then_with(|| {
                self.registries.written(one.registry).cmp(self.registries.written(other.registry))
            })
    }

    /// Puts an image in, or at its new place.
    fn put(&mut self, entry: Entry) {
        self.take(entry.id);
        let row = self.row(&entry, 0);
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                let Ok(slot) = u32::try_from(self.entries.len()) else { return };
                self.entries.push(entry.clone());
                slot
            }
        };
        let mut order = std::mem::take(&mut self.order);
        order.insert(Row { slot, ..row }, |other| {
            self.entry(other).map_or(Ordering::Less, |other| self.compare(other, &entry))
        });
        self.order = order;
        self.slots.insert(entry.id, slot);
        self.kinds.add(entry.kind, self.registries.on_docker_hub(entry.registry));
        if let Some(place) = self.entries.get_mut(slot as usize) {
            *place = entry;
        }
    }

    /// Takes an image out.
    fn take(&mut self, id: i64) {
        let Some(slot) = self.slots.remove(&id) else { return };
        let Some(entry) = self.entry(slot).cloned() else { return };
        let mut order = std::mem::take(&mut self.order);
        order.remove(slot, |other| {
            self.entry(other).map_or(Ordering::Less, |other| self.compare(other, &entry))
        });
        self.order = order;
        self.kinds.remove(entry.kind, self.registries.on_docker_hub(entry.registry));
        if let Some(place) = self.entries.get_mut(slot as usize) {
            place.id = 0;
        }
        self.free.push(slot);
    }

    fn row(&self, entry: &Entry, slot: u32) -> Row {
        Row {
            slot,
            level: self.kinds.kind(entry.kind).map_or(-1, |kind| kind.level),
            registry: entry.registry,
            repository: entry.path,
            tag: entry.tag,
        }
    }

    /// What was derived from an earlier state is no longer so.
    fn forget_derived(&mut self) {
        self.remembered.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
        self.ranked.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// By namespace, then repository, byte by byte.
fn compare_paths(paths: &Names, one: u32, other: u32) -> Ordering {
    if one == other {
        return Ordering::Equal;
    }
    let parts =
        |number| split_repository(std::str::from_utf8(paths.name(number)).unwrap_or_default());
    parts(one).cmp(&parts(other))
}

impl Kind {
    fn rank(&self) -> (Reverse<i8>, Reverse<[u32; 6]>) {
        (Reverse(self.level), Reverse(self.counts))
    }
}

impl Kinds {
    fn number(&mut self, kind: Kind) -> Option<u32> {
        let hash = self.hasher.hash_one(Some(&kind));
        let known = self.numbers.find(hash, |number| self.kind(*number) == Some(&kind));
        if let Some(number) = known {
            return Some(*number);
        }
        let number = u32::try_from(self.kinds.len()).ok()?;
        self.kinds.push(kind);
        self.images.push([0; 2]);
        let (kinds, hasher) = (&self.kinds, &self.hasher);
        let rehash = |number: &u32| hasher.hash_one(kinds.get(*number as usize));
        self.numbers.insert_unique(hash, number, rehash);
        Some(number)
    }

    fn kind(&self, number: u32) -> Option<&Kind> {
        self.kinds.get(number as usize)
    }

    fn compare(&self, one: u32, other: u32) -> Ordering {
        if one == other {
            return Ordering::Equal;
        }
        self.kind(one).map(Kind::rank).cmp(&self.kind(other).map(Kind::rank))
    }

    fn add(&mut self, number: u32, on_docker_hub: bool) {
        if let Some([all, hub]) = self.images.get_mut(number as usize) {
            *all += 1;
            *hub += u64::from(on_docker_hub);
        }
    }

    fn remove(&mut self, number: u32, on_docker_hub: bool) {
        if let Some([all, hub]) = self.images.get_mut(number as usize) {
            *all = all.saturating_sub(1);
            *hub = hub.saturating_sub(u64::from(on_docker_hub));
        }
    }
}

impl Registries {
    fn named(&self, name: &str) -> Option<u32> {
        let mut live = self.by_id.values().copied();
        live.find(|number| self.written(*number) == name)
    }

    /// Its name as it is written.
    fn written(&self, number: u32) -> &str {
        self.places.get(number as usize).map_or("", |place| &place.row.settings.name)
    }

    fn on_docker_hub(&self, number: u32) -> bool {
        self.places.get(number as usize).is_some_and(|place| place.docker_hub)
    }

    fn such(&self, wanted: impl Fn(&RegistryPlace) -> bool) -> Bits {
        let numbered = (0_u32..).zip(&self.places);
        numbered.filter(|(_, place)| wanted(place)).map(|(number, _)| number).collect()
    }
}

impl Places {
    fn number(&mut self, place: (String, String, String)) -> Option<u32> {
        if let Some(number) = self.numbers.get(&place) {
            return Some(*number);
        }
        let number = u32::try_from(self.places.len()).ok()?;
        self.places.push(place.clone());
        self.numbers.insert(place, number);
        Some(number)
    }
}
