//! dpkg's order: `[epoch:]upstream[-revision]`.
//!
//! Source: `deb-version(7)`; the oracle of the tests is `dpkg --compare-versions`. Odd: `~` sorts before everything, even
//! the end of a part; a version that starts with a letter is against policy, dpkg compares it all the same, and so do we.

use std::cmp::Ordering;

use super::{compare_digits, take_while};

pub(super) struct Version<'a> {
    epoch: &'a str,
    upstream: &'a str,
    revision: &'a str,
}

impl<'a> Version<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Err("it is empty");
        }
        let (epoch, rest) = text.split_once(':').unwrap_or(("0", text));
        if epoch.is_empty() || !epoch.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err("its epoch is not a number");
        }
        if compare_digits(epoch, "2147483647").is_gt() {
            return Err("its epoch is larger than 2147483647");
        }
        let (upstream, revision) = match rest.rsplit_once('-') {
            Some((_, "")) => return Err("its revision is empty"),
            Some(parts) => parts,
            None => (rest, ""),
        };
        if upstream.is_empty() {
            return Err("its upstream part is empty");
        }
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".+-~:".contains(&byte);
        if !rest.bytes().all(allowed) {
            return Err("it has a character other than letters, digits and . + - ~ :");
        }
        if revision.contains(':') {
            return Err("its revision has a colon");
        }
        Ok(Self { epoch, upstream, revision })
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        compare_digits(self.epoch, other.epoch)
            .then_with(|| compare_part(self.upstream, other.upstream))
            .then_with(|| compare_part(self.revision, other.revision))
    }
}

/// Alternates between runs of other characters, compared one by one, and runs of digits, compared as numbers.
pub(super) fn compare_part(mut a: &str, mut b: &str) -> Ordering {
    while !a.is_empty() || !b.is_empty() {
        let (text_a, rest_a) = take_while(a, |byte| !byte.is_ascii_digit());
        let (text_b, rest_b) = take_while(b, |byte| !byte.is_ascii_digit());
        let longest = text_a.len().max(text_b.len());
        let weights = |text: &str| {
            text.bytes()
                .map(weight)
                .chain(std::iter::repeat(END))
                .take(longest)
                .collect::<Vec<u16>>()
        };
        let (digits_a, next_a) = take_while(rest_a, |byte| byte.is_ascii_digit());
        let (digits_b, next_b) = take_while(rest_b, |byte| byte.is_ascii_digit());
        let order =
            weights(text_a).cmp(&weights(text_b)).then_with(|| compare_digits(digits_a, digits_b));
        if order.is_ne() {
            return order;
        }
        (a, b) = (next_a, next_b);
    }
    Ordering::Equal
}

/// The end of a text sorts after `~` and before all else.
const END: u16 = 1;

/// In ascending order: `~`, [`END`], letters, everything else.
fn weight(byte: u8) -> u16 {
    match byte {
        b'~' => 0,
        b'A'..=b'Z' | b'a'..=b'z' => u16::from(byte) + 1,
        _ => u16::from(byte) + 257,
    }
}
