//! Records by columns: what stands at the same place of every record stands together.
//!
//! In: records of one shape. Out: one stream of numbers for each place of the shape, and the records again. Source: the
//! shapes in `snapshot::shape`. Odd: texts and times are written as the step from the one before in the same column, since
//! records come sorted and neighbours are alike; everything else as it is.

use crate::snapshot::{
    layout::{Cursor, Damaged, put},
    shape::{self, Kind, Leaf, Shape, build, kinds, walk},
};

/// The columns of some records.
#[derive(Debug)]
pub(super) struct Columns {
    shape: &'static [Shape],
    kinds: Vec<Kind>,
    count: u64,
    columns: Vec<Column>,
}

#[derive(Debug, Clone, Default)]
struct Column {
    bytes: Vec<u8>,
    before: i64,
}

impl Columns {
    pub(super) fn new(shape: &'static [Shape]) -> Self {
        let mut all = Vec::new();
        kinds(shape, &mut all);
        let columns = vec![Column::default(); shape::places(shape)];
        Self { shape, kinds: all, count: 0, columns }
    }

    /// Adds a record.
    pub(super) fn push(&mut self, record: &[u8]) -> Result<(), Damaged> {
        let Self { shape, kinds, columns, .. } = self;
        walk(shape, 0, &mut Cursor(record), &mut |place, leaf| {
            if let (Some(kind), Some(column)) = (kinds.get(place), columns.get_mut(place)) {
                column.push(*kind, leaf);
            }
        })?;
        self.count += 1;
        Ok(())
    }

    /// How many columns there are.
    pub(super) const fn width(&self) -> usize {
        self.columns.len()
    }

    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// Appends count and columns, each with its length.
    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        put(bytes, self.count);
        for column in &self.columns {
            put_bytes(bytes, &column.bytes);
        }
    }

    /// Reads what [`Self::write`] wrote; answers the records one after the other, and hands each to `take` as its place.
    pub(super) fn read(
        shape: &'static [Shape],
        cursor: &mut Cursor<'_>,
        records: &mut Vec<u8>,
        take: &mut dyn FnMut(std::ops::Range<usize>),
    ) -> Result<(), Damaged> {
        let mut all = Vec::new();
        kinds(shape, &mut all);
        let count = cursor.number()?;
        let mut columns = Vec::with_capacity(all.len());
        for _ in &all {
            columns.push((Cursor(take_bytes(cursor)?), 0_i64));
        }
        for _ in 0..count {
            let start = records.len();
            build(shape, 0, records, &mut |place, kind| {
                let (column, before) =
                    columns.get_mut(place).ok_or(Damaged("a column is missing"))?;
                pull(column, before, kind)
            })?;
            take(start..records.len());
        }
        if columns.iter().any(|(column, _)| !column.0.is_empty()) {
            return Err(Damaged("a column is longer than its records"));
        }
        Ok(())
    }
}

impl Column {
    fn push(&mut self, kind: Kind, leaf: Leaf) {
        let value = match leaf {
            Leaf::Text(number) => i64::from(number),
            Leaf::Optional(number) => number.map_or(0, |number| i64::from(number) + 1),
            Leaf::Time(time) => time,
            Leaf::Number(number) => {
                put(&mut self.bytes, number);
                return;
            }
        };
        debug_assert!(kind != Kind::Number, "a leaf is of its place's kind");
        put(&mut self.bytes, folded(value.wrapping_sub(self.before)));
        self.before = value;
    }
}

fn pull(column: &mut Cursor<'_>, before: &mut i64, kind: Kind) -> Result<Leaf, Damaged> {
    if kind == Kind::Number {
        return column.number().map(Leaf::Number);
    }
    let value = before.wrapping_add(unfolded(column.number()?));
    *before = value;
    let small = |value: i64| u32::try_from(value).map_err(|_no| Damaged("a text's number"));
    Ok(match kind {
        Kind::Text => Leaf::Text(small(value)?),
        Kind::Optional => Leaf::Optional(small(value)?.checked_sub(1)),
        Kind::Time | Kind::Number => Leaf::Time(value),
    })
}

/// Small numbers for small steps in both directions.
const fn folded(step: i64) -> u64 {
    ((step << 1) ^ (step >> 63)).cast_unsigned()
}

const fn unfolded(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -((number & 1).cast_signed())
}

/// Appends bytes with their length.
pub(super) fn put_bytes(into: &mut Vec<u8>, bytes: &[u8]) {
    put(into, u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    into.extend_from_slice(bytes);
}

/// Takes bytes with their length.
pub(super) fn take_bytes<'a>(cursor: &mut Cursor<'a>) -> Result<&'a [u8], Damaged> {
    let length = cursor.count()?;
    let (bytes, rest) = cursor.0.split_at_checked(length).ok_or(Damaged("a column is cut off"))?;
    cursor.0 = rest;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use Shape::{List, Maybe, Number, Optional, Text, Time};

    const SHAPE: &[Shape] =
        &[Text, List(&[Optional, List(&[Number, Text])]), Maybe(&[Time, Number]), Time];

    type Row = (u32, Vec<(Option<u32>, Vec<(u64, u32)>)>, Option<(i64, u64)>, i64);

    fn record((text, list, maybe, time): &Row) -> Vec<u8> {
        let mut bytes = Vec::new();
        let count = |bytes: &mut Vec<u8>, length: usize| {
            Leaf::Number(u64::try_from(length).unwrap()).put(bytes);
        };
        Leaf::Text(*text).put(&mut bytes);
        count(&mut bytes, list.len());
        for (optional, inner) in list {
            Leaf::Optional(*optional).put(&mut bytes);
            count(&mut bytes, inner.len());
            for (number, text) in inner {
                Leaf::Number(*number).put(&mut bytes);
                Leaf::Text(*text).put(&mut bytes);
            }
        }
        count(&mut bytes, maybe.iter().len());
        if let Some((time, number)) = maybe {
            Leaf::Time(*time).put(&mut bytes);
            Leaf::Number(*number).put(&mut bytes);
        }
        Leaf::Time(*time).put(&mut bytes);
        bytes
    }

    proptest! {
        #[test]
        fn records_read_back(rows in prop::collection::vec((
            any::<u32>(),
            prop::collection::vec(
                (prop::option::of(0..u32::MAX), prop::collection::vec((any::<u64>(), any::<u32>()), 0..4)),
                0..4,
            ),
            prop::option::of((any::<i64>(), any::<u64>())),
            any::<i64>(),
        ), 0..20)) {
            let mut columns = Columns::new(SHAPE);
            for row in &rows {
                columns.push(&record(row)).unwrap();
            }
            let mut bytes = Vec::new();
            columns.write(&mut bytes);
            let (mut back, mut places) = (Vec::new(), Vec::new());
            Columns::read(SHAPE, &mut Cursor(&bytes), &mut back, &mut |place| places.push(place)).unwrap();
            prop_assert_eq!(places.len(), rows.len());
            for (row, place) in rows.iter().zip(places) {
                prop_assert_eq!(&back[place], &record(row)[..]);
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _answer = Columns::read(SHAPE, &mut Cursor(&bytes), &mut Vec::new(), &mut |_| {});
        }
    }
}
