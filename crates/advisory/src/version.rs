//! Version order: one file per scheme, and the one function that chooses between them.
//!
//! In: two version texts and the [`Scheme`] of their ecosystem. Out: their order, or an error that names the text which is
//! not a version. Source: each scheme's own file. Odd: `Equal` means that the scheme calls them equal, not that the texts
//! are (`1.0` and `1.00` in PEP 440).

mod apk;
mod bitnami;
mod composer;
mod conan;
mod dotted;
mod dpkg;
mod gem;
mod go;
mod julia;
mod maven;
mod nuget;
mod opam;
mod orders;
mod pacman;
mod pep440;
mod perl;
mod portage;
mod rpm;
mod semver;
mod unordered;
mod vers;

use std::cmp::Ordering;

use plimsoll_model::Scheme;

pub use self::{
    orders::{VersionOrder, version_order, version_orders},
    vers::{MAX_RANGE_CHARACTERS, Place, VersError, VersRange},
};

/// Longest version text that is compared. Real ones stay below 100 characters; the limit keeps a hostile one from costing
/// more than it is worth.
pub const MAX_VERSION_CHARACTERS: usize = 512;

/// A text that is not a version of its scheme.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` {}: {reason}", text.chars().take(100).collect::<String>(), complaint(*scheme))]
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
/// Source: each scheme's file, in its head.
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
        Scheme::Pacman => ordered(scheme, (a, b), pacman::Version::parse, pacman::Version::compare),
        Scheme::Portage => {
            ordered(scheme, (a, b), portage::Version::parse, portage::Version::compare)
        }
        Scheme::Pep440 => ordered(scheme, (a, b), pep440::Version::parse, Ord::cmp),
        Scheme::Semver => ordered(scheme, (a, b), semver::Version::parse, semver::Version::compare),
        Scheme::Maven => ordered(scheme, (a, b), maven::Version::parse, maven::Version::compare),
        Scheme::SemverBuild => {
            ordered(scheme, (a, b), semver::Version::parse, semver::Version::compare_with_build)
        }
        Scheme::Julia => ordered(scheme, (a, b), julia::Version::parse, julia::Version::compare),
        Scheme::Gem => ordered(scheme, (a, b), gem::Version::parse, gem::Version::compare),
        Scheme::Composer => {
            ordered(scheme, (a, b), composer::Version::parse, composer::Version::compare)
        }
        Scheme::Nuget => ordered(scheme, (a, b), nuget::Version::parse, nuget::Version::compare),
        Scheme::Go => ordered(scheme, (a, b), go::Version::parse, go::Version::compare),
        Scheme::Dotted => ordered(scheme, (a, b), dotted::Version::parse, dotted::Version::compare),
        Scheme::Opam => ordered(scheme, (a, b), opam::Version::parse, opam::Version::compare),
        Scheme::Conan => ordered(scheme, (a, b), conan::Version::parse, conan::Version::compare),
        Scheme::Perl => ordered(scheme, (a, b), perl::Version::parse, perl::Version::compare),
        Scheme::Bitnami => ordered(scheme, (a, b), bitnami::parse, semver::Version::compare),
        Scheme::Unordered => unordered::compare(a, b),
    }
}

const fn complaint(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Dpkg => "is not a version to dpkg",
        Scheme::Apk => "is not a version to apk",
        Scheme::Rpm => "is not a version to rpm",
        Scheme::Pacman => "is not a version to pacman",
        Scheme::Portage => "is not a version to Gentoo",
        Scheme::Pep440 => "is not a version to PEP 440",
        Scheme::Semver | Scheme::SemverBuild => "is not a version to semver",
        Scheme::Maven => "is not a version to Maven",
        Scheme::Julia => "is not a version to Julia",
        Scheme::Gem => "is not a version to RubyGems",
        Scheme::Composer => "is not a version to Composer",
        Scheme::Nuget => "is not a version to NuGet",
        Scheme::Go => "is not a version to Go",
        Scheme::Dotted => "is not a version of dotted numbers",
        Scheme::Opam => "is not a version to opam",
        Scheme::Conan => "is not a version to Conan",
        Scheme::Perl => "is not a version to Perl",
        Scheme::Bitnami => "is not a version to Bitnami",
        Scheme::Unordered => "cannot be compared",
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
