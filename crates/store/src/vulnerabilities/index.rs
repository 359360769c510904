//! Which vulnerabilities parts and inventories have, in memory, so that the whole fleet can be counted by vulnerability.
//!
//! In: tallies of parts, parts of inventories, numbers of images. Out: for each vulnerability the images that have it at each
//! priority; for each inventory how many it has. Source: `docs/decisions/`, "Vulnerabilities are counted in memory".
//!
//! Odd:
//! * Inventories stand under their number, artifacts whose report is kept whole under the negative of theirs: both are
//!   [`Holder`]s here.
//! * Ten bytes a finding of a distinct package and two a package of an inventory, not one an image; a program that never lists
//!   vulnerabilities never makes it.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap, HashSet},
    sync::OnceLock,
};

use plimsoll_model::{Kind, Origin, Priority, RecordName};

use super::{follow::Seen, others::Others};
use crate::{numbers, tally};

/// Number of an inventory, or the negative of an artifact's.
pub(crate) type HolderId = i64;

/// Whether a vulnerability counts, the least first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum State {
    Ended,
    Suppressed,
    /// By a rule: a matter of images, not of what they hold.
    Ignored,
    Open,
}

/// How a vulnerability stands in a part or in an image: whether it counts, then its priority (what it would be, if it does
/// not count), the least first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Standing {
    pub(crate) state: State,
    pub(crate) priority: Priority,
}

const PRIORITIES: [Priority; 3] = [Priority::Nntf, Priority::Later, Priority::Asap];
const STANDINGS: usize = 12;

impl Standing {
    pub(crate) const fn open(priority: Option<Priority>) -> Self {
        let priority = match priority {
            Some(priority) => priority,
            None => Priority::Nntf,
        };
        Self { state: State::Open, priority }
    }

    /// Those of a state.
    pub(crate) fn all(state: State) -> impl Iterator<Item = Self> {
        PRIORITIES.into_iter().map(move |priority| Self { state, priority })
    }

    const fn number(self) -> usize {
        self.state as usize * PRIORITIES.len() + self.priority as usize
    }
}

/// A vulnerability of a part or of an inventory.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Entry {
    pub(crate) record: u32,
    pub(crate) standing: Standing,
}

/// A vulnerability's name and what people call it.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) name: String,
    /// In lower case.
    pub(crate) title: String,
    pub(crate) origin: Origin,
}

/// How many vulnerabilities of each origin (system first) stand how, by the number of [`Standing`].
pub(crate) type Sums = [[u32; STANDINGS]; 2];

/// What images hold.
#[derive(Debug, Default)]
pub(crate) struct Holder {
    /// Of an inventory: numbers of its parts, packed.
    pub(crate) parts: Box<[u8]>,
    /// Of an artifact whose report is kept whole.
    pub(crate) own: Box<[Entry]>,
    pub(crate) images: u32,
    pub(crate) sums: Sums,
}

/// Which vulnerabilities are wanted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct RecordFilter {
    pub(crate) origin: Option<Origin>,
    pub(crate) standings: Vec<Standing>,
    /// Only these.
    pub(crate) records: Option<HashSet<u32>>,
    /// Only those whose title contains this, in lower case.
    pub(crate) title: Option<String>,
}

/// Images that have a vulnerability: nntf, later, asap.
pub(crate) type Counts = [u32; 3];

#[derive(Debug, Default)]
pub(crate) struct Index {
    pub(super) seen: Option<Seen>,
    pub(super) records: Vec<Record>,
    pub(super) numbers: HashMap<u64, u32>,
    pub(super) parts: HashMap<i64, Box<[Entry]>>,
    pub(super) holders: BTreeMap<HolderId, Holder>,
    /// Which malicious and sensitive files parts have.
    pub(super) others: Others,
    counts: Vec<Counts>,
    /// Vulnerabilities that any image has, in the order of lists.
    order: OnceLock<Vec<u32>>,
}

impl Index {
    pub(crate) fn record(&self, number: u32) -> Option<&Record> {
        self.records.get(number as usize)
    }

    /// The number of a vulnerability by its name.
    pub(crate) fn number_of(&self, name: &str) -> Option<u32> {
        let number = *self.numbers.get(&tally::hash_of(Kind::Vulnerability, name))?;
        self.record(number).filter(|record| record.name == name).map(|_| number)
    }

    /// Notes a vulnerability's name. Returns its number.
    pub(super) fn learn(&mut self, name: &str, title: &str) -> Option<u32> {
        let hash = tally::hash_of(Kind::Vulnerability, name);
        if let Some(number) = self.numbers.get(&hash) {
            return Some(*number);
        }
        let number = u32::try_from(self.records.len()).ok()?;
        self.records.push(Record {
            name: name.to_owned(),
            title: title.to_lowercase(),
            origin: RecordName::origin_of(name),
        });
        self.numbers.insert(hash, number);
        Some(number)
    }

    /// Malicious and sensitive files.
    pub(crate) const fn others(&self) -> &Others {
        &self.others
    }

    pub(crate) fn holder(&self, id: HolderId) -> Option<&Holder> {
        self.holders.get(&id)
    }

    /// Numbers of the parts of an inventory.
    pub(crate) fn parts_of(&self, id: HolderId) -> Vec<i64> {
        self.holders.get(&id).and_then(|holder| numbers::unpack(&holder.parts)).unwrap_or_default()
    }

    /// The vulnerabilities of a holder, each once as it stands highest, by number.
    pub(crate) fn entries(&self, id: HolderId) -> Vec<Entry> {
        self.holders.get(&id).map(|holder| self.entries_of(holder)).unwrap_or_default()
    }

    fn entries_of(&self, holder: &Holder) -> Vec<Entry> {
        let mut entries: Vec<Entry> = holder.own.to_vec();
        for part in numbers::unpack(&holder.parts).unwrap_or_default() {
            entries.extend(self.parts.get(&part).into_iter().flatten());
        }
        entries.sort_unstable_by_key(|entry| (entry.record, Reverse(entry.standing)));
        entries.dedup_by_key(|entry| entry.record);
        entries
    }

    /// Counts everything again.
    pub(super) fn count_all(&mut self) {
        let mut counts = vec![Counts::default(); self.records.len()];
        let ids: Vec<HolderId> = self.holders.keys().copied().collect();
        for id in ids {
            let entries = self.entries(id);
            let sums = self.sums(&entries);
            if let Some(holder) = self.holders.get_mut(&id) {
                holder.sums = sums;
                add(&mut counts, &entries, holder.images);
            }
        }
        self.counts = counts;
        self.order = OnceLock::new();
    }

    /// Takes over other numbers of images, and counts what is new.
    pub(super) fn count_images(
        &mut self,
        images: &BTreeMap<HolderId, u32>,
        new: &HashSet<HolderId>,
    ) {
        self.counts.resize(self.records.len(), Counts::default());
        let ids: Vec<HolderId> = self.holders.keys().copied().collect();
        for id in ids {
            let wanted = images.get(&id).copied().unwrap_or_default();
            let is_new = new.contains(&id);
            if !is_new && self.holders.get(&id).is_some_and(|holder| holder.images == wanted) {
                continue;
            }
            let entries = self.entries(id);
            let sums = self.sums(&entries);
            let Some(holder) = self.holders.get_mut(&id) else { continue };
            holder.sums = sums;
            let before = std::mem::replace(&mut holder.images, wanted);
            subtract(&mut self.counts, &entries, before);
            add(&mut self.counts, &entries, wanted);
        }
        self.order = OnceLock::new();
    }

    fn sums(&self, entries: &[Entry]) -> Sums {
        let mut sums = Sums::default();
        for entry in entries {
            let Some(record) = self.record(entry.record) else { continue };
            let origin = usize::from(record.origin == Origin::Application);
            let place = sums.get_mut(origin).and_then(|sums| sums.get_mut(entry.standing.number()));
            if let Some(sum) = place {
                *sum += 1;
            }
        }
        sums
    }

    /// For each vulnerability the images of a selection that have it.
    pub(crate) fn counts_of(&self, images: &BTreeMap<HolderId, u32>) -> Vec<Counts> {
        let mut counts = vec![Counts::default(); self.records.len()];
        for (id, images) in images {
            add(&mut counts, &self.entries(*id), *images);
        }
        counts
    }

    /// For each vulnerability the images that have it.
    pub(crate) fn counts(&self) -> &[Counts] {
        &self.counts
    }

    /// The vulnerabilities that a filter lets pass and the images that have them, in order: most images that have it at the
    /// highest priority first, then at the next ones, then by name. `counts`: if they are not those of all images.
    pub(crate) fn grouped(
        &self,
        counts: Option<&[Counts]>,
        filter: &RecordFilter,
    ) -> Vec<(u32, Counts)> {
        let own;
        let order = match counts {
            None => self.order.get_or_init(|| self.ordered(&self.counts)),
            Some(counts) => {
                own = self.ordered(counts);
                &own
            }
        };
        let counts = counts.unwrap_or(&self.counts);
        let counted =
            order.iter().filter_map(|number| Some((*number, *counts.get(*number as usize)?)));
        counted
            .filter(|(number, counts)| {
                let at = |(priority, count): (&Priority, &u32)| {
                    *count > 0 && filter.standings.contains(&Standing::open(Some(*priority)))
                };
                self.passes(*number, filter) && PRIORITIES.iter().zip(counts).any(at)
            })
            .collect()
    }

    fn ordered(&self, counts: &[Counts]) -> Vec<u32> {
        let numbered = (0_u32..).zip(counts);
        let mut order: Vec<(Reverse<[u32; 3]>, &str, u32)> = numbered
            .filter(|(_, counts)| **counts != Counts::default())
            .filter_map(|(number, [nntf, later, asap])| {
                let name = self.record(number)?.name.as_str();
                Some((Reverse([*asap, *later, *nntf]), name, number))
            })
            .collect();
        order.sort_unstable();
        order.into_iter().map(|(_, _, number)| number).collect()
    }

    /// Whether a filter lets a vulnerability pass, however it stands.
    pub(crate) fn passes(&self, number: u32, filter: &RecordFilter) -> bool {
        let Some(record) = self.record(number) else { return false };
        filter.origin.is_none_or(|origin| origin == record.origin)
            && filter.records.as_ref().is_none_or(|records| records.contains(&number))
            && filter.title.as_ref().is_none_or(|title| record.title.contains(title))
    }

    /// How many vulnerabilities of a holder a filter lets pass.
    pub(crate) fn count(&self, id: HolderId, filter: &RecordFilter) -> u64 {
        let Some(holder) = self.holders.get(&id) else { return 0 };
        if filter.records.is_some() || filter.title.is_some() {
            let passing = self.entries_of(holder).into_iter().filter(|entry| {
                filter.standings.contains(&entry.standing) && self.passes(entry.record, filter)
            });
            return passing.count() as u64;
        }
        let mut count = 0;
        for (origin, sums) in [Origin::System, Origin::Application].into_iter().zip(&holder.sums) {
            if filter.origin.is_none_or(|wanted| wanted == origin) {
                let sums =
                    filter.standings.iter().filter_map(|standing| sums.get(standing.number()));
                count += sums.map(|sum| u64::from(*sum)).sum::<u64>();
            }
        }
        count
    }
}

fn open(counts: &mut [Counts], entry: Entry) -> Option<&mut u32> {
    if entry.standing.state != State::Open {
        return None;
    }
    counts.get_mut(entry.record as usize)?.get_mut(entry.standing.priority as usize)
}

fn add(counts: &mut [Counts], entries: &[Entry], images: u32) {
    for entry in entries {
        if let Some(count) = open(counts, *entry) {
            *count = count.saturating_add(images);
        }
    }
}

fn subtract(counts: &mut [Counts], entries: &[Entry], images: u32) {
    for entry in entries {
        if let Some(count) = open(counts, *entry) {
            *count = count.saturating_sub(images);
        }
    }
}
