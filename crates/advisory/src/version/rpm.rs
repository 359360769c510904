//! rpm's order: `[epoch:]version[-release]`, parts by `rpmvercmp`.
//!
//! Source: `rpm-version(7)`; the oracle of the tests is rpm's own `rpm.vercmp`. Odd: separators only separate (`1.0` and
//! `1_0` are equal); `~` sorts before the end, `^` after the end but before anything that goes on; a missing epoch is 0; a
//! missing release sorts before any.

use std::cmp::Ordering;

use super::{compare_digits, take_while};

pub(super) struct Version<'a> {
    epoch: &'a str,
    version: &'a str,
    release: Option<&'a str>,
}

impl<'a> Version<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Err("it is empty");
        }
        let (epoch, rest) = text.split_once(':').unwrap_or(("0", text));
        // The rpm database writes `(none)` where a package has no epoch.
        let epoch = if epoch.is_empty() || epoch == "(none)" { "0" } else { epoch };
        if !epoch.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err("its epoch is not a number");
        }
        if compare_digits(epoch, "4294967295").is_gt() {
            return Err("its epoch is larger than 4294967295");
        }
        let (version, release) = match rest.rsplit_once('-') {
            Some((_, "")) => return Err("its release is empty"),
            Some((version, release)) => (version, Some(release)),
            None => (rest, None),
        };
        if version.is_empty() {
            return Err("its version part is empty");
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
    loop {
        a = skip_separators(a);
        b = skip_separators(b);
        let (first_a, first_b) = (a.bytes().next(), b.bytes().next());
        let order = match (first_a, first_b) {
            (Some(b'~'), Some(b'~')) | (Some(b'^'), Some(b'^')) => {
                (a, b) = (skip_one(a), skip_one(b));
                continue;
            }
            (Some(b'~'), _) => Ordering::Less,
            (_, Some(b'~')) => Ordering::Greater,
            (Some(b'^'), None) => Ordering::Greater,
            (None, Some(b'^')) => Ordering::Less,
            (Some(b'^'), Some(_)) => Ordering::Less,
            (Some(_), Some(b'^')) => Ordering::Greater,
            (None, None) => return Ordering::Equal,
            (Some(_), None) => Ordering::Greater,
            (None, Some(_)) => Ordering::Less,
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let (run_a, rest_a) = take_while(a, |byte| byte.is_ascii_digit());
                let (run_b, rest_b) = take_while(b, |byte| byte.is_ascii_digit());
                (a, b) = (rest_a, rest_b);
                compare_digits(run_a, run_b)
            }
            // Numbers are newer than letters.
            (Some(x), Some(_)) if x.is_ascii_digit() => Ordering::Greater,
            (Some(_), Some(y)) if y.is_ascii_digit() => Ordering::Less,
            (Some(_), Some(_)) => {
                let (run_a, rest_a) = take_while(a, |byte| byte.is_ascii_alphabetic());
                let (run_b, rest_b) = take_while(b, |byte| byte.is_ascii_alphabetic());
                (a, b) = (rest_a, rest_b);
                run_a.cmp(run_b)
            }
        };
        if order.is_ne() {
            return order;
        }
    }
}

fn skip_separators(text: &str) -> &str {
    text.trim_start_matches(|c: char| !(c.is_ascii_alphanumeric() || c == '~' || c == '^'))
}

fn skip_one(text: &str) -> &str {
    let mut characters = text.chars();
    characters.next();
    characters.as_str()
}
