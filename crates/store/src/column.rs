//! Reading columns: numbers, digests and words that the database holds as 64-bit integers and texts.
//!
//! In: a row and a column's name. Out: our types, or [`StoreError::Corrupt`] that names the column and the value. Odd: both
//! databases know signed 64-bit integers only, so an unsigned number is checked on its way in and out.

use plimsoll_model::{Digest, MatchContext, RiskCounters, Timestamp};

use crate::{
    StoreError, artifacts::ArtifactKey, database::DatabaseRow, error::Doing, statement::Column,
};

/// A column's value.
pub(crate) fn get<'r, T: Column<'r>>(row: &'r DatabaseRow, column: &str) -> Result<T, StoreError> {
    T::read(row, column).doing("reading a column")
}

fn corrupt(column: &str, value: impl ToString, expected: &'static str) -> StoreError {
    StoreError::Corrupt { column: column.to_owned(), value: value.to_string(), expected }
}

/// A text.
pub(crate) fn text(row: &DatabaseRow, column: &str) -> Result<String, StoreError> {
    get(row, column)
}

/// A whole number of any type that fits.
pub(crate) fn number<T: TryFrom<i64>>(row: &DatabaseRow, column: &str) -> Result<T, StoreError> {
    let value: i64 = get(row, column)?;
    T::try_from(value).map_err(|_error| corrupt(column, value, "a number in its range"))
}

/// A whole number or nothing.
pub(crate) fn optional_number<T: TryFrom<i64>>(
    row: &DatabaseRow,
    column: &str,
) -> Result<Option<T>, StoreError> {
    let value: Option<i64> = get(row, column)?;
    value
        .map(|value| {
            T::try_from(value).map_err(|_error| corrupt(column, value, "a number in its range"))
        })
        .transpose()
}

/// 0 or 1.
pub(crate) fn flag(row: &DatabaseRow, column: &str) -> Result<bool, StoreError> {
    Ok(get::<i64>(row, column)? != 0)
}

/// A time.
pub(crate) fn time(row: &DatabaseRow, column: &str) -> Result<Timestamp, StoreError> {
    get(row, column).map(Timestamp)
}

/// A time or nothing.
pub(crate) fn optional_time(
    row: &DatabaseRow,
    column: &str,
) -> Result<Option<Timestamp>, StoreError> {
    Ok(get::<Option<i64>>(row, column)?.map(Timestamp))
}

/// Whatever a text parses into.
pub(crate) fn parsed<T: std::str::FromStr>(
    row: &DatabaseRow,
    column: &str,
    expected: &'static str,
) -> Result<T, StoreError> {
    let value: String = get(row, column)?;
    value.parse().map_err(|_error| corrupt(column, value, expected))
}

/// Whatever a text parses into, or nothing.
pub(crate) fn optional_parsed<T: std::str::FromStr>(
    row: &DatabaseRow,
    column: &str,
    expected: &'static str,
) -> Result<Option<T>, StoreError> {
    let value: Option<String> = get(row, column)?;
    value.map(|value| value.parse().map_err(|_error| corrupt(column, value, expected))).transpose()
}

/// A digest.
pub(crate) fn digest(row: &DatabaseRow, column: &str) -> Result<Digest, StoreError> {
    parsed(row, column, "a digest")
}

/// The context of a part; `NULL`: that of images of which nobody said anything.
pub(crate) fn context(row: &DatabaseRow, column: &str) -> Result<MatchContext, StoreError> {
    Ok(optional_parsed(row, column, "a context of images")?.unwrap_or_default())
}

/// The digest in a key of `artifacts`, and the context in which its packages are judged.
pub(crate) fn artifact(row: &DatabaseRow, column: &str) -> Result<ArtifactKey, StoreError> {
    parsed(row, column, "the key of an artifact")
}

/// One of a set of words.
pub(crate) fn word<T: Copy>(
    row: &DatabaseRow,
    column: &str,
    words: &[(&str, T)],
) -> Result<T, StoreError> {
    let value: String = get(row, column)?;
    words
        .iter()
        .find(|(word, _)| *word == value)
        .map(|(_, meaning)| *meaning)
        .ok_or_else(|| corrupt(column, value, "one of its words"))
}

/// JSON.
pub(crate) fn json<T: serde::de::DeserializeOwned>(
    row: &DatabaseRow,
    column: &str,
) -> Result<T, StoreError> {
    let value: String = get(row, column)?;
    serde_json::from_str(&value).map_err(|_error| corrupt(column, value, "its JSON"))
}

/// The counters of an artifact's columns; zeros where an image has no artifact row or was not scanned.
pub(crate) fn counters(row: &DatabaseRow) -> Result<RiskCounters, StoreError> {
    let count = |column| Ok::<u32, StoreError>(optional_number(row, column)?.unwrap_or(0));
    Ok(RiskCounters {
        cve: count("cve")?,
        sca: count("sca")?,
        asap: count("asap")?,
        later: count("later")?,
        nntf: count("nntf")?,
        baseline_high: count("baseline_high")?,
        baseline_medium: count("baseline_medium")?,
        baseline_low: count("baseline_low")?,
        malicious_serious: count("malicious_serious")?,
        malicious_suspicious: count("malicious_suspicious")?,
        malicious_remind: count("malicious_remind")?,
        top_tenths: count("top_tenths")?,
    })
}

/// An unsigned number for a column; beyond 2⁶³ − 1, where no real size or count is, the greatest.
pub(crate) fn stored(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The beginning of a text that is looked for in a sorted index: PostgreSQL's take no row of more than 2,704 bytes, and what an
/// image or a feed says may be longer. Both what is written and what is asked for are cut so; nothing real is.
pub(crate) fn searchable(text: &str) -> &str {
    const LONGEST: usize = 1_000;
    text.get(..text.floor_char_boundary(LONGEST)).unwrap_or(text)
}
