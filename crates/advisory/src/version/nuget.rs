//! NuGet's order: `NuGetVersion`.
//!
//! Source: NuGet documentation, "Package versioning"; NuGet.Client, `VersionComparer`. Odd: one to four numbers, missing
//! ones are 0, so `1.0.0.0` is `1`; labels of pre-releases are compared whatever their case; what stands behind `+` does
//! not order.

use std::cmp::Ordering;

use super::{compare_digits, take_while};

pub(super) struct Version<'a> {
    numbers: [&'a str; 4],
    labels: Vec<&'a str>,
}

impl<'a> Version<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, &'static str> {
        let (text, metadata) = text.split_once('+').map_or((text, None), |(a, b)| (a, Some(b)));
        if metadata.is_some_and(|metadata| !are_labels(metadata)) {
            return Err(
                "its metadata has an empty part or a character other than letters, digits and hyphen",
            );
        }
        let (release, labels) = text.split_once('-').map_or((text, None), |(a, b)| (a, Some(b)));
        if labels.is_some_and(|labels| !are_labels(labels)) {
            return Err(
                "a label is empty or has a character other than letters, digits and hyphen",
            );
        }
        let mut numbers = ["0"; 4];
        let mut parts = release.split('.');
        for (number, part) in numbers.iter_mut().zip(parts.by_ref()) {
            let (digits, rest) = take_while(part, |byte| byte.is_ascii_digit());
            if digits.is_empty() || !rest.is_empty() {
                return Err("one of its parts is no number");
            }
            *number = digits;
        }
        if parts.next().is_some() {
            return Err("it has more than four numbers");
        }
        Ok(Self {
            numbers,
            labels: labels.map(|text| text.split('.').collect()).unwrap_or_default(),
        })
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        for (a, b) in self.numbers.iter().zip(other.numbers) {
            let order = compare_digits(a, b);
            if order.is_ne() {
                return order;
            }
        }
        match (self.labels.is_empty(), other.labels.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => compare_labels(&self.labels, &other.labels),
        }
    }
}

fn are_labels(text: &str) -> bool {
    text.split('.').all(|label| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    })
}

fn compare_labels(a: &[&str], b: &[&str]) -> Ordering {
    for (a, b) in a.iter().zip(b) {
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let order = match (is_number(a), is_number(b)) {
            (true, true) => compare_digits(a, b),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => a.to_ascii_uppercase().cmp(&b.to_ascii_uppercase()),
        };
        if order.is_ne() {
            return order;
        }
    }
    a.len().cmp(&b.len())
}
