//! Rankings and sums, made of the distinct counters and of how many images have them.
//!
//! In: a dimension, a scope, a limit. Out: the first images' rows, in order; sums over a scope. Source: `docs/semantics.md`,
//! "Ranking". Odd: the worst counters are taken until they belong to enough images, and only those images are compared by
//! name.

use std::{
    cmp::Reverse,
    collections::HashSet,
    sync::{Arc, PoisonError},
};

use super::{Entry, Kind, Listing, names::Bits};
use crate::{Dimension, FindingSums, RiskStatistic, Scope};

/// Rankings that are remembered until the next change.
const REMEMBERED: usize = 16;

/// What was asked for.
pub(super) type Asked = (Dimension, Scope, usize);

impl Listing {
    /// The first images of a dimension.
    pub(crate) fn rank(&self, dimension: Dimension, scope: Scope, limit: usize) -> Arc<Vec<i64>> {
        let asked = (dimension, scope, limit);
        let mut ranked = self.ranked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, images)) = ranked.iter().find(|(known, _)| *known == asked) {
            return Arc::clone(images);
        }
        let images = Arc::new(self.rank_anew(dimension, scope, limit));
        if ranked.len() >= REMEMBERED {
            ranked.remove(0);
        }
        ranked.push((asked, Arc::clone(&images)));
        images
    }

    fn rank_anew(&self, dimension: Dimension, scope: Scope, limit: usize) -> Vec<i64> {
        let mut kinds: Vec<(Reverse<[u32; 4]>, u32, u64)> = (0_u32..)
            .zip(self.kinds.kinds.iter().zip(&self.kinds.images))
            .filter(|(_, (kind, _))| kind.level >= 0 && dimension.takes(kind))
            .map(|(number, (kind, images))| {
                (Reverse(dimension.key(kind)), number, in_scope(images, scope))
            })
            .filter(|(_, _, images)| *images > 0)
            .collect();
        kinds.sort_unstable();
        let mut ranked: Vec<&Entry> = Vec::new();
        let mut contents = HashSet::new();
        let mut left = kinds.as_slice();
        while ranked.len() < limit && !left.is_empty() {
            let (mut taken, mut images) = (0, 0);
            let mut last = None;
            // Whole groups of equal numbers, whose order the names decide.
            for (key, _, number) in left {
                if images >= (limit - ranked.len()) as u64 && last != Some(key) {
                    break;
                }
                (taken, images, last) = (taken + 1, images + number, Some(key));
            }
            let (now, later) = left.split_at(taken);
            let images = self.images_of(now, dimension, scope).into_iter();
            // Tags of one content differ where something was decided for one of them: the worst stands for all.
            ranked.extend(images.filter(|entry| contents.insert(content(entry))));
            left = later;
        }
        ranked.into_iter().take(limit).map(|entry| entry.id).collect()
    }

    /// Images with one of these counters, each content of a repository once, in order.
    fn images_of(
        &self,
        kinds: &[(Reverse<[u32; 4]>, u32, u64)],
        dimension: Dimension,
        scope: Scope,
    ) -> Vec<&Entry> {
        let numbers: Bits = kinds.iter().map(|(_, number, _)| *number).collect();
        let is_in = |entry: &&Entry| {
            entry.id != 0
                && numbers.contains(entry.kind)
                && (scope == Scope::All || self.registries.on_docker_hub(entry.registry))
        };
        let mut images: Vec<&Entry> = self.entries.iter().filter(is_in).collect();
        let key =
            |entry: &Entry| self.kinds.kind(entry.kind).map(|kind| Reverse(dimension.key(kind)));
        images.sort_unstable_by(|one, other| {
            (content(one), key(one), Reverse(one.updated))
                .cmp(&(content(other), key(other), Reverse(other.updated)))
                .then_with(|| self.tags.name(one.tag).cmp(self.tags.name(other.tag)))
        });
        images.dedup_by_key(|entry| content(entry));
        images.sort_unstable_by(|one, other| {
            key(one).cmp(&key(other)).then_with(|| self.compare_names(one, other))
        });
        images
    }

    /// Sums over the scanned images of a scope, without the time.
    pub(crate) fn statistic(&self, scope: Scope) -> RiskStatistic {
        let mut sums = RiskStatistic::default();
        for (kind, images) in self.kinds.kinds.iter().zip(&self.kinds.images) {
            if kind.level < 0 {
                continue;
            }
            let [asap, _, _, high, medium, low] = kind.counts.map(u64::from);
            let images = in_scope(images, scope);
            sums.scanned += images;
            sums.asap += asap * images;
            sums.baseline += (high + medium + low) * images;
        }
        sums
    }

    /// Sums over the findings of all images.
    pub(crate) fn finding_sums(&self) -> FindingSums {
        let mut sums = FindingSums::default();
        for (kind, [images, _]) in self.kinds.kinds.iter().zip(&self.kinds.images) {
            let [asap, later, nntf, high, medium, low] = kind.counts.map(u64::from);
            let cve = u64::from(kind.cve);
            sums.cve += cve * images;
            sums.sca += (asap + later + nntf).saturating_sub(cve) * images;
            sums.baseline += (high + medium + low) * images;
            sums.malicious += u64::from(kind.malicious) * images;
        }
        sums
    }
}

/// What stands in a ranking once: a content in a repository.
const fn content(entry: &Entry) -> (u32, u32, [u8; 32]) {
    (entry.registry, entry.path, entry.digest)
}

const fn in_scope(images: &[u64; 2], scope: Scope) -> u64 {
    let [all, hub] = images;
    match scope {
        Scope::All => *all,
        Scope::DockerHub => *hub,
    }
}

impl Dimension {
    /// Whether images with such counters take part.
    const fn takes(self, kind: &Kind) -> bool {
        let [asap, _, _, high, medium, low] = kind.counts;
        match self {
            Self::VulAsap => asap > 0,
            Self::Baseline => high > 0 || medium > 0 || low > 0,
        }
    }

    /// What the ranking is by, worst highest.
    const fn key(self, kind: &Kind) -> [u32; 4] {
        let [asap, later, nntf, high, medium, low] = kind.counts;
        match self {
            Self::VulAsap => [asap, later, nntf, kind.top_tenths],
            Self::Baseline => [high, medium, low, 0],
        }
    }
}
