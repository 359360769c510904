//! Go's order of module versions, and of the toolchain's own.
//!
//! Source: Go Modules Reference, "Versions" and "Pseudo-versions"; Go Toolchains, "Go versions"; the oracle of the tests is
//! `golang.org/x/mod/semver`. Odd: a module's version is semantic with a `v` in front, which advisories leave out; a
//! pseudo-version is a pre-release of the version after its base, and `+incompatible` does not order; the toolchain, and
//! with it the module `stdlib`, is `go1.21rc2`, and what follows a blank or a hyphen there is its maker's.

use std::cmp::Ordering;

use super::{semver, take_while};

pub(super) enum Version<'a> {
    Module(semver::Version<'a>),
    Toolchain { numbers: [&'a str; 3], prerelease: Option<(&'a str, &'a str)> },
}

impl<'a> Version<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, &'static str> {
        match text.strip_prefix("go") {
            Some(toolchain) => parse_toolchain(toolchain),
            None => semver::Version::parse(text).map(Self::Module),
        }
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        self.semantic().compare(&other.semantic())
    }

    fn semantic(&self) -> semver::Version<'a> {
        match self {
            Self::Module(version) => version.clone(),
            Self::Toolchain { numbers, prerelease } => {
                let words = prerelease.map(|(word, number)| vec![word, number]);
                semver::Version::of(*numbers, words.unwrap_or_default())
            }
        }
    }
}

fn parse_toolchain(text: &str) -> Result<Version<'_>, &'static str> {
    let text = text.split([' ', '-', '+']).next().unwrap_or_default();
    let mut numbers = ["0"; 3];
    let mut rest = text;
    for (place, number) in numbers.iter_mut().enumerate() {
        let (digits, after) = take_while(rest, |byte| byte.is_ascii_digit());
        if digits.is_empty() {
            return Err("a number is missing");
        }
        *number = digits;
        rest = after;
        match rest.strip_prefix('.') {
            Some(after) if place < 2 => rest = after,
            _ => break,
        }
    }
    let (word, number) = take_while(rest, |byte| byte.is_ascii_lowercase());
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    match (word, is_number) {
        ("", _) if number.is_empty() => Ok(Version::Toolchain { numbers, prerelease: None }),
        ("alpha" | "beta" | "rc", true) => {
            Ok(Version::Toolchain { numbers, prerelease: Some((word, number)) })
        }
        _ => Err("it is no version of a Go toolchain"),
    }
}
