//! Version order: one file per scheme, and the one function that chooses between them.
//!
//! In: two version texts and the [`Scheme`] of their ecosystem. Out: their order, or an error that names the text which is
//! not a version. Source: each scheme's own file. Odd: `Equal` means that the scheme calls them equal, not that the texts
//! are (`1.0` and `1.00` in PEP 440).

mod apk;
mod dpkg;
mod maven;
mod pep440;
mod rpm;
mod semver;

use std::cmp::Ordering;

use plimsoll_model::Scheme;

/// Longest version text that is compared. Real ones stay below 100 characters; the limit keeps a hostile one from costing
/// more than it is worth.
pub const MAX_VERSION_CHARACTERS: usize = 512;

/// A text that is not a version of its scheme.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a version to {}: {reason}", text.chars().take(100).collect::<String>(), scheme_name(*scheme))]
pub struct VersionError {
    /// The scheme.
    pub scheme: Scheme,
    /// The text as given.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// Orders two version texts of one scheme.
///
/// Both texts are taken as they are, except that blanks around them are ignored and that the schemes which allow a leading
/// `v` (PEP 440, semver) do.
///
/// # Errors
/// [`VersionError`] names the text that is not a version of `scheme`. Callers report it as a gap and never as "not
/// affected".
///
/// Source: dpkg `deb-version(7)`; apk-tools `version.c`; rpm `rpmvercmp`; PEP 440; node-semver; Maven `ComparableVersion`.
pub fn compare(scheme: Scheme, a: &str, b: &str) -> Result<Ordering, VersionError> {
    fn ordered<'a, V>(
        scheme: Scheme,
        (a, b): (&'a str, &'a str),
        parse: impl Fn(&'a str) -> Result<V, &'static str>,
        compare: impl Fn(&V, &V) -> Ordering,
    ) -> Result<Ordering, VersionError> {
        let read = |text: &'a str| {
            let text = text.trim();
            let read = if text.len() > MAX_VERSION_CHARACTERS {
                Err("longer than 512 characters")
            } else {
                parse(text)
            };
            read.map_err(|reason| VersionError { scheme, text: text.to_owned(), reason })
        };
        Ok(compare(&read(a)?, &read(b)?))
    }
    match scheme {
        Scheme::Dpkg => ordered(scheme, (a, b), dpkg::Version::parse, dpkg::Version::compare),
        Scheme::Apk => ordered(scheme, (a, b), apk::Version::parse, apk::Version::compare),
        Scheme::Rpm => ordered(scheme, (a, b), rpm::Version::parse, rpm::Version::compare),
        Scheme::Pep440 => ordered(scheme, (a, b), pep440::Version::parse, Ord::cmp),
        Scheme::Semver => ordered(scheme, (a, b), semver::Version::parse, semver::Version::compare),
        Scheme::Maven => ordered(scheme, (a, b), maven::Version::parse, maven::Version::compare),
    }
}

const fn scheme_name(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Dpkg => "dpkg",
        Scheme::Apk => "apk",
        Scheme::Rpm => "rpm",
        Scheme::Pep440 => "PEP 440",
        Scheme::Semver => "semver",
        Scheme::Maven => "Maven",
    }
}

/// Compares two runs of ASCII digits as numbers of any size.
fn compare_digits(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// Splits a text after its leading characters of one kind. The kinds are ASCII, so the cut is at a character's border.
fn take_while(text: &str, belongs: impl Fn(u8) -> bool) -> (&str, &str) {
    let end = text.bytes().position(|byte| !belongs(byte)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}
