//! pacman's order: `[epoch:]version[-release]`, as `vercmp` compares them.
//!
//! Source: `vercmp(8)` and libalpm's behaviour; the oracle of the tests is `vercmp`. Odd: it looks like rpm's and is not:
//! letters at the end come *before* the end (`1.0rc` < `1.0`), a part behind a separator after it (`1.0.a` > `1.0`), more
//! separators are more (`1..1` > `1.1`), and `~` and `^` mean nothing. Two answers of `vercmp` are no order: to it a version
//! without a release equals all of its releases (here it comes before them), and one that ends with a separator goes round in
//! a circle (`1.` > `1..a` > `1.0` > `1.`; here it is none).

use std::cmp::Ordering;

use super::{compare_digits, take_while};

pub(super) struct Version<'a> {
    epoch: &'a str,
    version: &'a str,
    release: Option<&'a str>,
}

impl<'a> Version<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, &'static str> {
        if text.is_empty() || text.bytes().any(|byte| !byte.is_ascii_graphic()) {
            return Err("it is empty, or has a blank or a character that is not ASCII");
        }
        let (digits, rest) = take_while(text, |byte| byte.is_ascii_digit());
        let (epoch, rest) = rest.strip_prefix(':').map_or(("", text), |rest| (digits, rest));
        let (version, release) = rest
            .rsplit_once('-')
            .map_or((rest, None), |(version, release)| (version, Some(release)));
        let is_ended = |part: &str| part.ends_with(|last: char| last.is_ascii_alphanumeric());
        if !is_ended(version) || !release.is_none_or(is_ended) {
            return Err("its version or release is empty or ends with a separator");
        }
        Ok(Self { epoch, version, release })
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        compare_digits(self.epoch, other.epoch)
            .then_with(|| compare_part(self.version, other.version))
            .then_with(|| match (self.release, other.release) {
                (Some(a), Some(b)) => compare_part(a, b),
                (a, b) => a.is_some().cmp(&b.is_some()),
            })
    }
}

fn compare_part(mut a: &str, mut b: &str) -> Ordering {
    while !a.is_empty() && !b.is_empty() {
        let (separator_a, segment_a) = take_while(a, |byte| !byte.is_ascii_alphanumeric());
        let (separator_b, segment_b) = take_while(b, |byte| !byte.is_ascii_alphanumeric());
        (a, b) = (segment_a, segment_b);
        if a.is_empty() || b.is_empty() {
            break;
        }
        let is_number = a.starts_with(|first: char| first.is_ascii_digit());
        let belongs = |byte: u8| {
            if is_number { byte.is_ascii_digit() } else { byte.is_ascii_alphabetic() }
        };
        let (run_a, rest_a) = take_while(a, belongs);
        let (run_b, rest_b) = take_while(b, belongs);
        let order = separator_a.len().cmp(&separator_b.len()).then_with(|| {
            match (run_b.is_empty(), is_number) {
                // Of different kinds: numbers are newer than letters.
                (true, true) => Ordering::Greater,
                (true, false) => Ordering::Less,
                (false, true) => compare_digits(run_a, run_b),
                (false, false) => run_a.cmp(run_b),
            }
        });
        if order.is_ne() {
            return order;
        }
        (a, b) = (rest_a, rest_b);
    }
    // What is left over is newer than nothing, letters excepted.
    let is_older = |rest: &str| rest.starts_with(|first: char| first.is_ascii_alphabetic());
    match (a.is_empty(), b.is_empty()) {
        (true, true) => Ordering::Equal,
        (true, false) => {
            if is_older(b) {
                Ordering::Greater
            } else {
                Ordering::Less
            }
        }
        (false, _) => {
            if is_older(a) {
                Ordering::Less
            } else {
                Ordering::Greater
            }
        }
    }
}
