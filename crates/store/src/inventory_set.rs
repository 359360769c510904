//! Sets of inventories, as an index from a part to the inventories that hold it needs them.
//!
//! In: numbers of inventories. Out: unions and differences of tens of thousands of them in microseconds, and a compact form
//! by blocks of 4,096 numbers. Odd: a block is a list of distances while it is sparse and a bitmap when it is not, so
//! that the index costs about a byte an entry, and a new inventory rewrites one short row for each of its parts.

use std::collections::BTreeMap;

use crate::numbers;

/// Numbers of one block.
pub(crate) const BLOCK: i64 = 4_096;
const WORDS: usize = 64;
/// More numbers than this are shorter as a bitmap.
const SPARSE: u32 = 300;
const LIST: u8 = 0;
const BITMAP: u8 = 1;

/// A set of inventories' numbers.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct InventorySet(BTreeMap<i64, Box<[u64; WORDS]>>);

fn place(number: i64) -> (i64, usize, u64) {
    let offset = number.rem_euclid(BLOCK);
    let word = usize::try_from(offset / 64).unwrap_or_default();
    (number.div_euclid(BLOCK), word, 1_u64 << (offset % 64))
}

impl InventorySet {
    /// Adds a number; whether it is new.
    pub(crate) fn insert(&mut self, number: i64) -> bool {
        let (block, word, bit) = place(number);
        let words = self.0.entry(block).or_insert_with(|| Box::new([0; WORDS]));
        words.get_mut(word).is_some_and(|word| {
            let new = *word & bit == 0;
            *word |= bit;
            new
        })
    }

    pub(crate) fn remove(&mut self, number: i64) {
        let (block, word, bit) = place(number);
        if let Some(words) = self.0.get_mut(&block) {
            if let Some(word) = words.get_mut(word) {
                *word &= !bit;
            }
            if words.iter().all(|word| *word == 0) {
                self.0.remove(&block);
            }
        }
    }

    pub(crate) fn contains(&self, number: i64) -> bool {
        let (block, word, bit) = place(number);
        self.0.get(&block).and_then(|words| words.get(word)).is_some_and(|word| word & bit != 0)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds all of another set.
    pub(crate) fn unite(&mut self, other: &Self) {
        for (block, words) in &other.0 {
            let own = self.0.entry(*block).or_insert_with(|| Box::new([0; WORDS]));
            for (own, other) in own.iter_mut().zip(words.iter()) {
                *own |= other;
            }
        }
    }

    /// Removes all of another set.
    pub(crate) fn subtract(&mut self, other: &Self) {
        for (block, words) in &other.0 {
            if let Some(own) = self.0.get_mut(block) {
                for (own, other) in own.iter_mut().zip(words.iter()) {
                    *own &= !other;
                }
            }
        }
        self.0.retain(|_, words| words.iter().any(|word| *word != 0));
    }

    /// The numbers upwards.
    pub(crate) fn iter(&self) -> impl Iterator<Item = i64> + '_ {
        self.0.iter().flat_map(|(block, words)| {
            (0_i64..).zip(words.iter()).flat_map(move |(place, word)| {
                bits(*word).map(move |bit| block * BLOCK + place * 64 + i64::from(bit))
            })
        })
    }

    /// The blocks and their bytes.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = (i64, Vec<u8>)> + '_ {
        self.0.iter().map(|(block, words)| (*block, encode(words)))
    }

    /// Adds a block from its bytes; `None` when they are none.
    pub(crate) fn add_block(&mut self, block: i64, bytes: &[u8]) -> Option<()> {
        let own = self.0.entry(block).or_insert_with(|| Box::new([0; WORDS]));
        match bytes.split_first()? {
            (&LIST, mut rest) => {
                let mut before = 0_u64;
                while !rest.is_empty() {
                    before = before.checked_add(numbers::take(&mut rest)?)?;
                    let word = own.get_mut(usize::try_from(before / 64).ok()?)?;
                    *word |= 1 << (before % 64);
                }
            }
            (&BITMAP, rest) if rest.len() == WORDS * 8 => {
                let (words, _) = rest.as_chunks::<8>();
                for (own, bytes) in own.iter_mut().zip(words) {
                    *own |= u64::from_le_bytes(*bytes);
                }
            }
            _ => return None,
        }
        Some(())
    }

    /// All blocks in one text of bytes.
    pub(crate) fn pack(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (block, words) in self.blocks() {
            numbers::put_signed(&mut bytes, block);
            numbers::put(&mut bytes, u64::try_from(words.len()).unwrap_or_default());
            bytes.extend_from_slice(&words);
        }
        bytes
    }

    /// What [`Self::pack`] packed.
    pub(crate) fn unpack(mut bytes: &[u8]) -> Option<Self> {
        let mut set = Self::default();
        while !bytes.is_empty() {
            let block = numbers::take_signed(&mut bytes)?;
            let length = usize::try_from(numbers::take(&mut bytes)?).ok()?;
            let (own, rest) = bytes.split_at_checked(length)?;
            set.add_block(block, own)?;
            bytes = rest;
        }
        Some(set)
    }
}

/// The places of the bits that are set, upwards.
fn bits(word: u64) -> impl Iterator<Item = u32> {
    std::iter::successors(Some(word), |rest| Some(rest & rest.wrapping_sub(1)))
        .take_while(|rest| *rest != 0)
        .map(u64::trailing_zeros)
}

fn encode(words: &[u64; WORDS]) -> Vec<u8> {
    if words.iter().map(|word| word.count_ones()).sum::<u32>() > SPARSE {
        let mut bytes = vec![BITMAP];
        bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        return bytes;
    }
    let mut bytes = vec![LIST];
    let mut before = 0_u64;
    for (place, word) in (0_u64..).zip(words.iter()) {
        for bit in bits(*word) {
            let offset = place * 64 + u64::from(bit);
            numbers::put(&mut bytes, offset - before);
            before = offset;
        }
    }
    bytes
}

impl FromIterator<i64> for InventorySet {
    fn from_iter<T: IntoIterator<Item = i64>>(numbers: T) -> Self {
        let mut set = Self::default();
        for number in numbers {
            set.insert(number);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::{collection::btree_set, prelude::*};

    use super::*;

    fn sets() -> impl Strategy<Value = BTreeSet<i64>> {
        prop_oneof![btree_set(0..20_000_i64, 0..2_000), btree_set(0..1_000_i64, 0..900)]
    }

    proptest! {
        #[test]
        fn they_are_sets(one in sets(), other in sets()) {
            let (a, b): (InventorySet, InventorySet) = (one.iter().copied().collect(), other.iter().copied().collect());
            prop_assert_eq!(a.iter().collect::<BTreeSet<_>>(), one.clone());
            prop_assert_eq!(InventorySet::unpack(&a.pack()), Some(a.clone()));
            let mut both = a.clone();
            both.unite(&b);
            prop_assert_eq!(both.iter().collect::<BTreeSet<_>>(), one.union(&other).copied().collect());
            let mut rest = a.clone();
            rest.subtract(&b);
            prop_assert_eq!(rest.iter().collect::<BTreeSet<_>>(), one.difference(&other).copied().collect());
            for number in other {
                prop_assert_eq!(a.contains(number), one.contains(&number));
                rest.insert(number);
                rest.remove(number);
            }
            prop_assert_eq!(rest.is_empty(), rest.iter().next().is_none());
        }

        #[test]
        fn any_bytes_are_an_answer(bytes: Vec<u8>) {
            drop(InventorySet::unpack(&bytes));
        }
    }
}
