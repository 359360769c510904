//! What people write, and what is short: policies, ignore files, expressions, ranges, names, keys, lists.
//!
//! In: a byte that chooses, and a text. Out: nothing; what breaks a promise panics. Odd: what can be written again must be read as the same.

use std::fmt::{Debug, Display};

use plimsoll_advisory::{
    VersRange,
    bundle::{PublicKey, SigningKey},
    dump::{RecordList, Step},
};
use plimsoll_model::{Digest, ImageReference, Platform, Timestamp, purl::Purl};
use plimsoll_scanner::{Policy, Threshold, ignore_file, licence::Expression, threshold::Clause};

/// How many kinds of text there are.
pub const TEXTS: u8 = 11;

/// Reads a text as what the first byte says. Whether it is one.
pub fn read_text(input: &[u8]) -> bool {
    let Some((choice, bytes)) = input.split_first() else { return false };
    if choice % TEXTS == 10 {
        return read_list(bytes);
    }
    let text = String::from_utf8_lossy(bytes);
    match choice % TEXTS {
        0 => Policy::read("fuzz", &text).is_ok_and(|policy| {
            assert!(policy.ignore.iter().all(|rule| rule.place.starts_with("fuzz:")));
            true
        }),
        1 => ignore_file::read("fuzz", &text).is_ok_and(|rules| {
            assert!(rules.iter().all(|placed| !placed.rule.reason.is_empty()));
            true
        }),
        2 => Expression::read(&text).is_some_and(|expression| {
            let written = expression.to_string();
            assert_eq!(Expression::read(&written), Some(expression), "{written}");
            true
        }),
        3 => text.parse::<Threshold>().is_ok_and(|threshold| {
            threshold.clauses().iter().for_each(|clause| same::<Clause>(*clause));
            true
        }),
        4 => VersRange::parse(&text).is_ok(),
        5 => text.parse::<Purl>().is_ok_and(|purl| {
            same(purl);
            true
        }),
        6 => text.parse::<ImageReference>().is_ok_and(|reference| {
            same(reference);
            true
        }),
        7 => PublicKey::read(&text).is_ok_and(|key| {
            assert_eq!(PublicKey::read(&key.to_pem()), Ok(key));
            true
        }),
        8 => SigningKey::read(&text).is_ok(),
        _ => {
            let _platform = text.parse::<Platform>();
            let _digest = text.parse::<Digest>().map(same);
            text.parse::<Timestamp>().is_ok_and(|time| {
                same(time);
                true
            })
        }
    }
}

/// What was read is read again as it is written.
fn same<T>(value: T)
where
    T: std::str::FromStr<Err: Debug> + Display + PartialEq + Debug,
{
    let written = value.to_string();
    assert_eq!(written.parse::<T>().as_ref().ok(), Some(&value), "{written}");
}

/// A list of records, which a downloader holds against the one that it had.
fn read_list(bytes: &[u8]) -> bool {
    let Ok(list) = RecordList::read(bytes) else { return false };
    assert_eq!(RecordList::read(list.to_text().as_bytes()).as_ref(), Ok(&list));
    assert!(!list.is_empty());
    assert_eq!(list.step_from(Some(&list)), Step::Nothing);
    assert!(matches!(list.step_from(None), Step::Whole(_)));
    true
}
