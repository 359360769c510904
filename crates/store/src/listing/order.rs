//! The order of the list in memory, in blocks that know how many they hold.
//!
//! In: rows with the place that they take. Out: the rows from any place on, without walking over those before it. Odd: a
//! block keeps what filters look at in columns of its own, so that counting the matches among a million rows reads a few
//! megabytes from front to back.

use std::cmp::Ordering;

/// Rows of a block when it is made; twice as many are split.
const BLOCK: usize = 1_024;

/// What the order keeps of an image.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Row {
    /// The image's place among the entries.
    pub(super) slot: u32,
    /// Risk level; -1 for images that were not scanned.
    pub(super) level: i8,
    /// Its registry's place.
    pub(super) registry: u32,
    /// The number of its repository's path.
    pub(super) repository: u32,
    /// The number of its tag.
    pub(super) tag: u32,
}

/// A run of rows that stand one after the other.
#[derive(Debug, Default)]
pub(super) struct Block {
    slots: Vec<u32>,
    levels: Vec<i8>,
    registries: Vec<u32>,
    repositories: Vec<u32>,
    tags: Vec<u32>,
}

impl Block {
    /// How many rows it holds.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Its rows in their order.
    pub(super) fn rows(&self) -> impl Iterator<Item = Row> {
        let names = self.repositories.iter().zip(&self.tags);
        let heads = self.slots.iter().zip(&self.levels).zip(&self.registries);
        heads.zip(names).map(|(((slot, level), registry), (repository, tag))| Row {
            slot: *slot,
            level: *level,
            registry: *registry,
            repository: *repository,
            tag: *tag,
        })
    }

    /// The levels of its first and last row: levels fall from front to back.
    pub(super) fn levels(&self) -> Option<(i8, i8)> {
        Some((*self.levels.first()?, *self.levels.last()?))
    }

    fn insert(&mut self, at: usize, row: Row) {
        self.slots.insert(at, row.slot);
        self.levels.insert(at, row.level);
        self.registries.insert(at, row.registry);
        self.repositories.insert(at, row.repository);
        self.tags.insert(at, row.tag);
    }

    fn remove(&mut self, at: usize) {
        self.slots.remove(at);
        self.levels.remove(at);
        self.registries.remove(at);
        self.repositories.remove(at);
        self.tags.remove(at);
    }

    fn split_off(&mut self, at: usize) -> Self {
        Self {
            slots: self.slots.split_off(at),
            levels: self.levels.split_off(at),
            registries: self.registries.split_off(at),
            repositories: self.repositories.split_off(at),
            tags: self.tags.split_off(at),
        }
    }
}

/// All rows in their order.
#[derive(Debug, Default)]
pub(super) struct Order {
    blocks: Vec<Block>,
    len: usize,
}

impl Order {
    /// Takes over rows that are in order.
    pub(super) fn of_sorted(rows: impl IntoIterator<Item = Row>) -> Self {
        let mut order = Self::default();
        for row in rows {
            if order.blocks.last().is_none_or(|block| block.len() >= BLOCK) {
                order.blocks.push(Block::default());
            }
            if let Some(block) = order.blocks.last_mut() {
                block.insert(block.len(), row);
            }
            order.len += 1;
        }
        order
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The blocks in their order; none is empty.
    pub(super) fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// Puts a row where it belongs; `compare` says how the row in a slot stands to the new one.
    pub(super) fn insert(&mut self, row: Row, compare: impl Fn(u32) -> Ordering) {
        let (number, at) = self.place(&compare);
        let number = number.min(self.blocks.len().saturating_sub(1));
        let Some(block) = self.blocks.get_mut(number) else {
            *self = Self::of_sorted([row]);
            return;
        };
        block.insert(at.min(block.len()), row);
        self.len += 1;
        if block.len() >= 2 * BLOCK {
            let rest = block.split_off(BLOCK);
            self.blocks.insert(number + 1, rest);
        }
    }

    /// Takes a row out; `compare` as for [`Self::insert`] says equal for it alone.
    pub(super) fn remove(&mut self, slot: u32, compare: impl Fn(u32) -> Ordering) -> bool {
        let (number, at) = self.place(&compare);
        let Some(block) = self.blocks.get_mut(number) else { return false };
        if block.slots.get(at) != Some(&slot) {
            return false;
        }
        block.remove(at);
        self.len -= 1;
        if block.len() == 0 {
            self.blocks.remove(number);
        }
        true
    }

    /// Block and place in it of the first row that does not stand before; behind the last row of the last block if all do.
    fn place(&self, compare: &impl Fn(u32) -> Ordering) -> (usize, usize) {
        let before = |slot: &u32| compare(*slot) == Ordering::Less;
        let number = self.blocks.partition_point(|block| block.slots.last().is_some_and(before));
        match self.blocks.get(number) {
            Some(block) => (number, block.slots.partition_point(before)),
            None => (number, usize::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(slot: u32) -> Row {
        Row { slot, level: 0, registry: slot + 1, repository: slot + 2, tag: slot + 3 }
    }

    fn slots(order: &Order) -> Vec<u32> {
        order.blocks().iter().flat_map(|block| block.rows().map(|row| row.slot)).collect()
    }

    #[test]
    fn rows_stay_in_order_however_they_come_and_go() {
        let mut order = Order::default();
        let mut wanted: Vec<u32> = Vec::new();
        let mut number = 1_u32;
        for step in 0..12_000 {
            // A sequence that visits all residues of a prime before it comes back.
            number = number * 5 % 100_003;
            let at = wanted.partition_point(|slot| *slot < number);
            if wanted.get(at) == Some(&number) || step % 5 == 4 {
                let gone = if wanted.get(at) == Some(&number) { number } else { wanted[at / 2] };
                assert!(order.remove(gone, |slot| slot.cmp(&gone)));
                wanted.retain(|slot| *slot != gone);
            } else {
                order.insert(row(number), |slot| slot.cmp(&number));
                wanted.insert(at, number);
            }
        }
        assert_eq!(order.len(), wanted.len());
        assert_eq!(slots(&order), wanted);
        assert!(order.blocks().len() > 3);
        assert!(order.blocks().iter().all(|block| block.len() > 0 && block.len() < 2 * BLOCK));
        assert!(!order.remove(7, |slot| slot.cmp(&100_004)));
        for slot in wanted {
            assert!(order.remove(slot, |other| other.cmp(&slot)));
        }
        assert_eq!((order.len(), order.blocks().len()), (0, 0));
    }

    #[test]
    fn columns_belong_to_their_rows() {
        let order = Order::of_sorted((0..3_000).map(row));
        let rows: Vec<Row> = order.blocks().iter().flat_map(Block::rows).collect();
        assert_eq!(rows, (0..3_000).map(row).collect::<Vec<_>>());
        assert_eq!(order.blocks().len(), 3);
    }
}
