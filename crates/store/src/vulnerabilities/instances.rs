//! Vulnerabilities one by one, as images have them.
//!
//! In: [`InstanceQuery`]. Out: one page of [`VulnerabilityInstance`], image by image (registry, namespace, repository, tag), and
//! how many there are. Odd:
//! * How many an image has is known in memory, so that only the images of the page are read.
//! * What no longer counts is listed on demand: what a source speaks against, and what is fixed: what no advisory says of the
//!   image's content any more, and what the content had that the tag named before it last moved.

use std::collections::{BTreeSet, HashMap, HashSet};

use plimsoll_model::{Digest, Ecosystem, Priority, Timestamp};

use super::{
    Selected, VulnerabilityFilter,
    ignored::Ignored,
    index::{HolderId, Index, RecordFilter, State},
    one_image::{self, VulnerablePackage},
    selected,
};
use crate::{ImageRow, ImageSelection, Page, Store, StoreError, fix_requests};

/// Which part of the list.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct InstanceQuery {
    /// Of which images.
    pub images: ImageSelection,
    /// Which vulnerabilities.
    pub filter: VulnerabilityFilter,
    /// In which states.
    pub states: InstanceStates,
    /// Of those that count, only those that somebody asked to have fixed, while no scan has answered.
    pub only_being_fixed: bool,
    /// Only the most urgent one of each image.
    pub one_an_image: bool,
    /// Number of the page, from 1; 0 is taken as 1.
    pub page: u32,
    /// Entries of a page.
    pub page_size: u32,
}

/// In which states vulnerabilities are listed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct InstanceStates {
    /// Those that count.
    pub open: bool,
    /// Those that a source speaks against, and those that a rule ignores.
    pub dealt_with: bool,
    /// Those that the image no longer has.
    pub fixed: bool,
}

/// How a vulnerability stands in an image.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum InstanceState {
    /// It counts.
    Open,
    /// It does not: a rule ignores it in this image.
    Ignored,
    /// It does not: a source says that the image is not affected.
    Suppressed,
    /// The image had it and has it no longer.
    Fixed,
}

/// Where an image runs.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct WorkloadPlace {
    /// The cluster.
    pub cluster_id: String,
    /// The namespace there.
    pub namespace: String,
    /// The pod.
    pub pod: String,
}

/// A vulnerability of an image.
#[derive(Clone, PartialEq, Debug)]
pub struct VulnerabilityInstance {
    /// The image.
    pub image: ImageRow,
    /// Its registry's name.
    pub registry: String,
    /// Its registry as it stands before references: `host[:port]`.
    pub authority: String,
    /// Region of its registry.
    pub region_id: String,
    /// The manifest that has it: of a fixed one, what the tag named before.
    pub digest: Digest,
    /// Distribution and release that most of the image's packages are of.
    pub operating_system: Option<(Ecosystem, Option<String>)>,
    /// The image's layers from the bottom.
    pub layers: Vec<Digest>,
    /// Name of the vulnerability: `debian:12:CVE-2024-5535`.
    pub name: String,
    /// The packages that have it, most urgent first; at least one.
    pub packages: Vec<VulnerablePackage>,
    /// Whether it counts.
    pub state: InstanceState,
    /// Its priority; of one that does not count, what it would be.
    pub priority: Priority,
    /// When it was first known of this content of the image: neither a new scan nor other advisories move it.
    pub first_seen: Timestamp,
    /// When what is said of it last changed.
    pub modified: Timestamp,
    /// The image's latest successful scan.
    pub scanned: Timestamp,
    /// Where the image runs, one place of perhaps many.
    pub runs_in: Option<WorkloadPlace>,
}

/// What is counted of each image.
struct Counting<'a> {
    index: &'a Index,
    ignored: Ignored,
    filter: RecordFilter,
    is_fixed_wanted: bool,
    /// Where only some are wanted: names of vulnerabilities by image.
    being_fixed: Option<HashMap<i64, HashSet<String>>>,
    known: HashMap<HolderId, u64>,
}

impl Counting<'_> {
    fn count(&mut self, image: &Selected) -> u64 {
        if let Some(being_fixed) = &self.being_fixed {
            let Some(names) = being_fixed.get(&image.image) else { return 0 };
            let entries = self.ignored.entries(self.index, image.image);
            let entries = entries.unwrap_or_else(|| self.index.entries(image.holder)).into_iter();
            let wanted = entries.filter(|entry| {
                let is_named = self
                    .index
                    .record(entry.record)
                    .is_some_and(|record| names.contains(&record.name));
                is_named
                    && self.filter.standings.contains(&entry.standing)
                    && self.index.passes(entry.record, &self.filter)
            });
            return wanted.count() as u64;
        }
        let with_rules = self.ignored.entries(self.index, image.image);
        let own = match (with_rules, self.known.get(&image.holder)) {
            (Some(entries), _) => {
                let passing = entries.into_iter().filter(|entry| {
                    self.filter.standings.contains(&entry.standing)
                        && self.index.passes(entry.record, &self.filter)
                });
                passing.count() as u64
            }
            (None, Some(known)) => *known,
            (None, None) => {
                let count = self.index.count(image.holder, &self.filter);
                self.known.insert(image.holder, count);
                count
            }
        };
        if !self.is_fixed_wanted || image.previous.is_none() {
            return own;
        }
        let gone = one_image::gone(self.index, image).into_iter().filter(|entry| {
            let ended = super::Standing { state: State::Ended, ..entry.standing };
            self.filter.standings.contains(&ended) && self.index.passes(entry.record, &self.filter)
        });
        own + gone.count() as u64
    }

    fn passes(&self, image: &Selected, instance: &VulnerabilityInstance) -> bool {
        let is_asked_for = self.being_fixed.as_ref().is_none_or(|being_fixed| {
            being_fixed.get(&image.image).is_some_and(|names| names.contains(&instance.name))
        });
        is_asked_for
            && self.filter.standings.contains(&instance.standing())
            && self
                .index
                .number_of(&instance.name)
                .is_some_and(|number| self.index.passes(number, &self.filter))
    }
}

impl Store {
    /// One page of the vulnerabilities of images, one by one.
    ///
    /// # Errors
    /// The database fails.
    pub async fn vulnerability_instances(
        &self,
        query: &InstanceQuery,
    ) -> Result<Page<VulnerabilityInstance>, StoreError> {
        let mut before = BTreeSet::new();
        if query.states.fixed {
            let images = selected(&mut *self.read().await?, &query.images).await?;
            before.extend(images.iter().filter_map(|image| image.previous));
        }
        let (index, mut snapshot) = self.current_vulnerabilities(&before).await?;
        let states: Vec<State> = [
            (query.states.open, State::Open),
            (query.states.dealt_with, State::Suppressed),
            (query.states.dealt_with, State::Ignored),
            (query.states.fixed, State::Ended),
        ]
        .into_iter()
        .filter_map(|(wanted, state)| wanted.then_some(state))
        .collect();
        let filter = query.filter.in_numbers(&mut snapshot, &index, &states).await?;
        let being_fixed = if query.only_being_fixed {
            Some(fix_requests::open(&mut snapshot).await?)
        } else {
            None
        };
        let images = selected(&mut snapshot, &query.images).await?;
        let ids: Vec<i64> = images.iter().map(|image| image.image).collect();
        let mut counting = Counting {
            index: &index,
            ignored: Ignored::read(&mut snapshot, &index, Some(&ids)).await?,
            filter,
            is_fixed_wanted: query.states.fixed,
            being_fixed,
            known: HashMap::new(),
        };
        let size = u64::from(query.page_size);
        let from = u64::from(query.page.max(1) - 1).saturating_mul(size);
        let to = from.saturating_add(size);
        let mut total = 0_u64;
        let mut wanted: Vec<(Selected, u64, u64)> = Vec::new();
        for image in images {
            let all = counting.count(&image);
            let count = if query.one_an_image { all.min(1) } else { all };
            let (start, end) = (total, total.saturating_add(count));
            if start < to && end > from {
                wanted.push((image, from.saturating_sub(start), to.min(end) - start));
            }
            total = end;
        }
        let mut items = Vec::new();
        for (image, start, end) in wanted {
            let instances = one_image::read(&mut snapshot, &index, &image, &query.images).await?;
            let passing =
                instances.into_iter().filter(|instance| counting.passes(&image, instance));
            let skip = usize::try_from(start).unwrap_or(usize::MAX);
            let take = usize::try_from(end - start).unwrap_or(usize::MAX);
            items.extend(passing.skip(skip).take(take));
        }
        Ok(Page { items, total, page: query.page.max(1), page_size: query.page_size })
    }
}
