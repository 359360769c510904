//! What the three kinds of databases have in common: bytes that are read at places, records, and what is wrong with them.
//!
//! In: a database file, in memory or not. Out: [`Record`]s, one RPM header each, and [`Damage`]. Odd: pieces are asked for
//! one page or blob at a time, so that a database need not be in memory as a whole.

use std::{borrow::Cow, fmt};

use crate::content::Content;

/// Longest header that is read. The largest real ones (kernels, fonts, documentation) have a few megabytes.
pub(crate) const MAX_HEADER_BYTES: usize = 64 << 20;

/// `length` bytes of a database that begin at `at`; `None` when the file ends before.
pub(crate) fn piece(file: Content<'_>, at: u64, length: usize) -> Option<Cow<'_, [u8]>> {
    file.range(at, u64::try_from(length).ok()?).ok()
}

/// Where something is in a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Header,
    Page(u32),
    Slot(u64),
    Row(i64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header => f.write_str("header"),
            Self::Page(number) => write!(f, "page {number}"),
            Self::Slot(number) => write!(f, "slot {number}"),
            Self::Row(number) => write!(f, "row {number}"),
        }
    }
}

/// What is wrong with the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Damage {
    pub(crate) place: Place,
    pub(crate) problem: &'static str,
}

impl Damage {
    pub(crate) const fn header(problem: &'static str) -> Self {
        Self { place: Place::Header, problem }
    }

    pub(crate) const fn page(number: u32, problem: &'static str) -> Self {
        Self { place: Place::Page(number), problem }
    }
}

/// What one package left in the database.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) place: Place,
    /// An RPM header, if the database is what it says.
    pub(crate) header: Vec<u8>,
}

/// All records, and damage where there is some, after which the walk goes on where it can.
pub(crate) type Records<'d> = Box<dyn Iterator<Item = Result<Record, Damage>> + 'd>;
