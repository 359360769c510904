//! What stands in a snapshot's details, told to a machine: which of the numbers are texts, lists and times.
//!
//! In: the bytes of a detail and its shape. Out: its leaves one after the other, or the detail built from leaves. Source:
//! `writer`, which writes these details; `reader`, which reads them. Odd: whoever adds something to a detail adds it here
//! too. A snapshot is renumbered, bundled and compared through these shapes alone, and the import's own check fails on a
//! detail that does not follow its shape.

use super::layout::{Cursor, Damaged, put};

/// One part of a detail.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    /// Number of a text.
    Text,
    /// Number of a text + 1, or 0.
    Optional,
    /// Any other number of variable length.
    Number,
    /// Eight bytes.
    Time,
    /// A count, then so many of these.
    List(&'static [Self]),
    /// A number, and for each of these bits that is set in it, what stands behind it.
    Flags(&'static [(u64, Self)]),
    /// 0, or 1 and these.
    Maybe(&'static [Self]),
    /// These, one after the other.
    Group(&'static [Self]),
}

use super::writer::{HAS_JUSTIFICATION, HAS_MODULE, HAS_TEXT};
use Shape::{Flags, Group, List, Maybe, Number, Optional, Text, Time};

/// CVEs, title, severity, module, aliases, vectors, weaknesses.
pub(crate) const ADVISORY: &[Shape] =
    &[List(&[Text]), Text, Number, Optional, List(&[Text]), List(&[Text]), List(&[Number])];

/// Status with what stands behind it, severity, ranges of events, versions, vectors.
pub(crate) const AFFECTED: &[Shape] = &[
    Flags(&[(HAS_JUSTIFICATION, Text), (HAS_TEXT, Text), (HAS_MODULE, Text)]),
    Number,
    List(&[List(&[Number, Text])]),
    List(&[Text]),
    List(&[Text]),
];

/// Flags, day of KEV, title, published, SSVC, EPSS, vectors with their assessors, weaknesses, why it was rejected, links with
/// their tags.
pub(crate) const SIGNAL: &[Shape] = &[
    Number,
    Optional,
    Optional,
    Time,
    Number,
    Maybe(&[Time, Number, Number]),
    List(&[Text, Text]),
    List(&[Number]),
    Optional,
    List(&[Text, Text]),
];

/// What tells an advisory from all others: id and source.
pub(crate) const ADVISORY_KEY: &[Shape] = &[Text, Text];

/// An advisory with all that it says: its key, flags, published, modified, its detail, and for each affected package
/// ecosystem, name, release and detail.
pub(crate) const ADVISORY_RECORD: &[Shape] = &[
    Group(ADVISORY_KEY),
    Number,
    Time,
    Time,
    Group(ADVISORY),
    List(&[Text, Text, Optional, Group(AFFECTED)]),
];

/// What tells a CVE from all others.
pub(crate) const SIGNAL_KEY: &[Shape] = &[Text];

/// A CVE with its detail.
pub(crate) const SIGNAL_RECORD: &[Shape] = &[Group(SIGNAL_KEY), Group(SIGNAL)];

/// What stands at one place of a detail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaf {
    Text(u32),
    Optional(Option<u32>),
    Number(u64),
    Time(i64),
}

impl Leaf {
    /// Appends it as it stands in a detail.
    pub(crate) fn put(self, bytes: &mut Vec<u8>) {
        match self {
            Self::Text(number) => put(bytes, u64::from(number)),
            Self::Optional(number) => put(bytes, number.map_or(0, |number| u64::from(number) + 1)),
            Self::Number(number) => put(bytes, number),
            Self::Time(time) => bytes.extend_from_slice(&time.to_le_bytes()),
        }
    }

    /// The number of its text.
    pub(crate) const fn text(self) -> Option<u32> {
        match self {
            Self::Text(number) | Self::Optional(Some(number)) => Some(number),
            _ => None,
        }
    }

    /// The same with another text.
    pub(crate) fn renumbered(self, new: impl Fn(u32) -> u32) -> Self {
        match self {
            Self::Text(number) => Self::Text(new(number)),
            Self::Optional(number) => Self::Optional(number.map(new)),
            other => other,
        }
    }
}

/// How many places, and so columns, there are; a list's count has one of its own.
pub(crate) const fn places(shapes: &[Shape]) -> usize {
    let (mut sum, mut rest) = (0, shapes);
    while let Some((shape, others)) = rest.split_first() {
        sum += match shape {
            Text | Optional | Number | Time => 1,
            List(inner) | Maybe(inner) => 1 + places(inner),
            Flags(inner) => {
                let (mut behind, mut left) = (1, *inner);
                while let Some(((_, shape), others)) = left.split_first() {
                    behind += places(std::slice::from_ref(shape));
                    left = others;
                }
                behind
            }
            Group(inner) => places(inner),
        };
        rest = others;
    }
    sum
}

/// Visits the leaves in their order, each with the number of its place, counts included; the cursor stands behind them.
pub(crate) fn walk(
    shapes: &[Shape],
    first: usize,
    cursor: &mut Cursor<'_>,
    visit: &mut dyn FnMut(usize, Leaf),
) -> Result<(), Damaged> {
    let mut place = first;
    for shape in shapes {
        let width = places(std::slice::from_ref(shape));
        match shape {
            Text => visit(place, Leaf::Text(cursor.small()?)),
            Optional => visit(place, Leaf::Optional(cursor.small()?.checked_sub(1))),
            Number => visit(place, Leaf::Number(cursor.number()?)),
            Time => visit(place, Leaf::Time(cursor.time()?)),
            List(inner) => {
                let count = cursor.count()?;
                visit(place, Leaf::Number(u64::try_from(count).unwrap_or(u64::MAX)));
                for _ in 0..count {
                    walk(inner, place + 1, cursor, visit)?;
                }
            }
            Flags(inner) => {
                let flags = cursor.number()?;
                visit(place, Leaf::Number(flags));
                let mut at = place + 1;
                for (bit, shape) in *inner {
                    let shape = std::slice::from_ref(shape);
                    if flags & bit != 0 {
                        walk(shape, at, cursor, visit)?;
                    }
                    at += places(shape);
                }
            }
            Maybe(inner) => {
                let there = cursor.number()?;
                visit(place, Leaf::Number(there));
                if there != 0 {
                    walk(inner, place + 1, cursor, visit)?;
                }
            }
            Group(inner) => walk(inner, place, cursor, visit)?,
        }
        place += width;
    }
    Ok(())
}

/// Builds bytes of this shape from its leaves; `next` gives the one for a place, of the kind that is asked for.
pub(crate) fn build(
    shapes: &[Shape],
    first: usize,
    bytes: &mut Vec<u8>,
    next: &mut dyn FnMut(usize, Kind) -> Result<Leaf, Damaged>,
) -> Result<(), Damaged> {
    let mut place = first;
    for shape in shapes {
        let width = places(std::slice::from_ref(shape));
        match shape {
            Text => next(place, Kind::Text)?.put(bytes),
            Optional => next(place, Kind::Optional)?.put(bytes),
            Number => next(place, Kind::Number)?.put(bytes),
            Time => next(place, Kind::Time)?.put(bytes),
            List(inner) | Maybe(inner) => {
                let leaf = next(place, Kind::Number)?;
                leaf.put(bytes);
                let Leaf::Number(count) = leaf else { return Err(Damaged("a count")) };
                if matches!(shape, Maybe(_)) && count > 1 {
                    return Err(Damaged("a count"));
                }
                // Each element takes at least one leaf, so a count beyond the leaves ends with an error.
                for _ in 0..count {
                    build(inner, place + 1, bytes, next)?;
                }
            }
            Flags(inner) => {
                let leaf = next(place, Kind::Number)?;
                leaf.put(bytes);
                let Leaf::Number(flags) = leaf else { return Err(Damaged("flags")) };
                let mut at = place + 1;
                for (bit, shape) in *inner {
                    let shape = std::slice::from_ref(shape);
                    if flags & bit != 0 {
                        build(shape, at, bytes, next)?;
                    }
                    at += places(shape);
                }
            }
            Group(inner) => build(inner, place, bytes, next)?,
        }
        place += width;
    }
    Ok(())
}

/// What kind of leaf is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Optional,
    Number,
    Time,
}

/// The kinds of all places.
pub(crate) fn kinds(shapes: &[Shape], into: &mut Vec<Kind>) {
    for shape in shapes {
        match shape {
            Text => into.push(Kind::Text),
            Optional => into.push(Kind::Optional),
            Number => into.push(Kind::Number),
            Time => into.push(Kind::Time),
            List(inner) | Maybe(inner) => {
                into.push(Kind::Number);
                kinds(inner, into);
            }
            Flags(inner) => {
                into.push(Kind::Number);
                for (_, shape) in *inner {
                    kinds(std::slice::from_ref(shape), into);
                }
            }
            Group(inner) => kinds(inner, into),
        }
    }
}
