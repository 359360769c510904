//! The limits by their names, as they are configured.
//!
//! In: `NAME=VALUE`, where a value is a number, with a unit where bytes are counted. Out: a changed [`Budget`], or what is
//! wrong with the text. Odd: some limits have a most of their own: what a stored form can hold, or what other parts of the
//! program were made for.

use super::Budget;
use crate::entries::MAX_ENTRIES;

/// One limit.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// The budget's field.
    pub name: &'static str,
    /// What it limits, for people.
    pub about: &'static str,
    /// Whether it counts bytes, so that units may be said.
    pub is_bytes: bool,
    /// The most that it may be set to; the least is 1.
    pub most: u64,
    get: fn(&Budget) -> u64,
    set: fn(&mut Budget, u64),
}

impl Limit {
    /// What it is in a budget.
    #[must_use]
    pub fn of(&self, budget: &Budget) -> u64 {
        (self.get)(budget)
    }

    /// A value as it can be set again: `512MiB`, `5000000`.
    #[must_use]
    pub fn shown(&self, value: u64) -> String {
        let unit = UNITS.iter().rev().find(|(_, bytes)| value > 0 && value.is_multiple_of(*bytes));
        match unit.filter(|_| self.is_bytes) {
            Some((unit, bytes)) => format!("{}{unit}", value / bytes),
            None => value.to_string(),
        }
    }
}

const UNITS: [(&str, u64); 4] =
    [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];

/// Why a text sets no limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// It is not `NAME=VALUE`.
    #[error("`{0}` is not of the form NAME=VALUE")]
    Form(String),
    /// There is no such limit.
    #[error("`{name}` is no limit; there are {known}")]
    Name {
        /// As said.
        name: String,
        /// All names.
        known: String,
    },
    /// Its value is no number.
    #[error("`{name}`: `{value}` is no number{}", if *is_bytes { " of bytes, such as 1048576 or 512MiB" } else { "" })]
    Value {
        /// The limit.
        name: &'static str,
        /// As said.
        value: String,
        /// Whether units would do.
        is_bytes: bool,
    },
    /// Its value is too small or too large.
    #[error("`{name}` may be from 1 to {most}")]
    Range {
        /// The limit.
        name: &'static str,
        /// The most.
        most: String,
    },
}

impl Budget {
    /// Sets a limit from a text such as `max_unpacked_bytes=10GiB`.
    ///
    /// # Errors
    /// [`LimitError`].
    pub fn set(&mut self, text: &str) -> Result<(), LimitError> {
        let Some((name, value)) = text.split_once('=') else {
            return Err(LimitError::Form(text.to_owned()));
        };
        let limit = limits().iter().find(|limit| limit.name == name.trim()).ok_or_else(|| {
            let known: Vec<&str> = limits().iter().map(|limit| limit.name).collect();
            LimitError::Name { name: name.to_owned(), known: known.join(", ") }
        })?;
        let Limit { name, is_bytes, most, .. } = *limit;
        let number = parse(value.trim(), is_bytes).ok_or_else(|| LimitError::Value {
            name,
            value: value.to_owned(),
            is_bytes,
        })?;
        if !(1..=most).contains(&number) {
            return Err(LimitError::Range { name, most: limit.shown(most) });
        }
        (limit.set)(self, number);
        Ok(())
    }
}

fn parse(value: &str, is_bytes: bool) -> Option<u64> {
    let unit = UNITS.iter().find_map(|(unit, bytes)| Some((value.strip_suffix(unit)?, bytes)));
    match unit {
        Some((number, bytes)) if is_bytes => {
            number.trim_end().parse::<u64>().ok()?.checked_mul(*bytes)
        }
        _ => value.parse().ok(),
    }
}

macro_rules! limit {
    ($field:ident: $type:ty, bytes, $most:expr, $about:literal) => {
        limit!($field: $type, true, $most, $about)
    };
    ($field:ident: $type:ty, count, $most:expr, $about:literal) => {
        limit!($field: $type, false, $most, $about)
    };
    ($field:ident: $type:ty, $is_bytes:literal, $most:expr, $about:literal) => {
        Limit {
            name: stringify!($field),
            about: $about,
            is_bytes: $is_bytes,
            most: $most,
            get: |budget| u64::try_from(budget.$field).unwrap_or(u64::MAX),
            set: |budget, value| budget.$field = <$type>::try_from(value).unwrap_or(<$type>::MAX),
        }
    };
}

/// All limits, in the order in which an image meets them.
#[must_use]
pub fn limits() -> &'static [Limit] {
    const LIMITS: &[Limit] = &[
        limit!(max_layers: usize, count, 1_000, "layers of one image"),
        limit!(max_manifests: usize, count, 1_000, "manifests that one index lists"),
        limit!(max_index_depth: usize, count, 16, "how deep indexes may be nested"),
        limit!(max_document_bytes: usize, bytes, 64 << 20, "a manifest, index or configuration"),
        limit!(max_compressed_bytes: u64, bytes, 1 << 50, "compressed bytes of all layers"),
        limit!(max_unpacked_bytes: u64, bytes, 1 << 50, "unpacked bytes of all layers"),
        limit!(max_ratio: u64, count, 1_000_000, "unpacked bytes per compressed byte, after 64 MiB"),
        limit!(max_window_log: u32, count, 31, "window of a zstd frame, as a power of two"),
        limit!(max_entries: usize, count, MAX_ENTRIES as u64, "entries of all layers"),
        limit!(max_folders: usize, count, 1 << 31, "folders that the paths of all layers lead through"),
        limit!(max_names_bytes: u64, bytes, 1 << 40, "paths and link targets of all layers"),
        limit!(max_path_bytes: usize, bytes, 65_535, "length of a path or link target"),
        limit!(max_metadata_bytes: usize, bytes, 64 << 20, "extended headers of one entry"),
        limit!(max_sparse_regions: usize, count, 1_000_000, "regions of one sparse file"),
        limit!(max_claimed_files: u64, count, 1 << 31, "files that detectors read"),
        limit!(max_claimed_file_bytes: u64, bytes, 1 << 40, "one file that a detector reads"),
        limit!(max_archive_depth: usize, count, 64, "how deep archives may be nested in archives"),
        limit!(max_nested_bytes: u64, bytes, 1 << 40, "bytes of all archives in the image, unpacked"),
        limit!(max_findings: usize, count, 1 << 31, "findings of one image"),
    ];
    LIMITS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_is_set_by_its_name_and_no_other_is() {
        for limit in limits() {
            let mut budget = Budget::default();
            assert!(limit.of(&budget) <= limit.most, "{}", limit.name);
            let shown = limit.shown(limit.of(&budget));
            budget.set(&format!("{}={shown}", limit.name)).unwrap();
            assert_eq!(budget, Budget::default(), "{} is shown as it can be set", limit.name);
            budget.set(&format!("{}=1", limit.name)).unwrap();
            assert_eq!(limit.of(&budget), 1);
            let others = limits().iter().filter(|other| other.name != limit.name);
            for other in others {
                assert_eq!(other.of(&budget), other.of(&Budget::default()), "{}", other.name);
            }
        }
        // A field that no row sets would be a limit that nobody can change.
        let fields = serde_json::to_value(Budget::default()).unwrap();
        let fields = fields.as_object().unwrap();
        assert_eq!(fields.len(), limits().len() + 1, "all but `verify_diff_ids`");
        assert!(limits().iter().all(|limit| fields.contains_key(limit.name)));
    }

    #[test]
    fn units_are_for_bytes_alone() {
        let mut budget = Budget::default();
        budget.set("max_unpacked_bytes=512MiB").unwrap();
        assert_eq!(budget.max_unpacked_bytes, 512 << 20);
        budget.set("max_nested_bytes = 3 GiB").unwrap();
        assert_eq!(budget.max_nested_bytes, 3 << 30);
        for (text, says) in [
            ("max_entries", "is not of the form NAME=VALUE"),
            ("entries=1", "`entries` is no limit; there are max_layers, "),
            ("max_entries=1MiB", "`max_entries`: `1MiB` is no number"),
            ("max_entries=-1", "no number"),
            ("max_entries=0", "`max_entries` may be from 1 to 536870912"),
            ("max_unpacked_bytes=1XiB", "no number of bytes, such as"),
            ("max_unpacked_bytes=99999999TiB", "no number of bytes"),
            ("max_path_bytes=1MiB", "`max_path_bytes` may be from 1 to 65535"),
        ] {
            let error = budget.set(text).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_used_is_counted_by_all_copies_and_ends_with_the_image() {
        let budget = Budget { max_nested_bytes: 10, ..Budget::default() };
        let copy = budget.clone();
        copy.use_nested(6).unwrap();
        assert!(!budget.is_used_up());
        let reached = budget.use_nested(6).unwrap_err();
        assert_eq!((reached.name, reached.limit), ("max_nested_bytes", 10));
        assert!(copy.is_used_up());
        let next = budget.for_image();
        assert!(!next.is_used_up());
        next.use_nested(10).unwrap();
        assert_eq!(next, budget, "limits are the same");
    }
}
