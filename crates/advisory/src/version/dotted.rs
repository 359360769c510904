//! Numbers, compared one by one: R (CRAN, Bioconductor) and Haskell (Hackage).
//!
//! Source: R, `numeric_version`; Haskell, `Data.Version` and the Package Versioning Policy. Odd: the longer of two that
//! begin alike is later (`1.0` < `1.0.0`); R's separators `.` and `-` mean the same.

use std::cmp::Ordering;

use super::compare_digits;

pub(super) struct Version<'a> {
    numbers: Vec<&'a str>,
}

impl<'a> Version<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, &'static str> {
        let numbers: Vec<&str> = text.split(['.', '-']).collect();
        let is_number =
            |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !numbers.iter().all(is_number) {
            return Err("it is not numbers with dots or hyphens between");
        }
        Ok(Self { numbers })
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        for (a, b) in self.numbers.iter().zip(&other.numbers) {
            let order = compare_digits(a, b);
            if order.is_ne() {
                return order;
            }
        }
        self.numbers.len().cmp(&other.numbers.len())
    }
}
