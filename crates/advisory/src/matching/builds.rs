//! Builds of one rpm package that live side by side: modules, Amazon's extras, and Oracle's for Ksplice and FIPS.
//!
//! In: a package, an entry of an advisory. Out: whether the entry speaks of that build. Source: "Modularity" of Fedora and
//! Red Hat; "Extras library" of Amazon Linux 2; Oracle's OVAL. Odd: no database says from which repository a package came, so that an
//! extra counts for versions of its own stream (`php8.1`), and one without a number only where all that it has is nowhere else; builds have version orders of their own, so one must never be held against another's fix:
//! Oracle's Ksplice build `2:2.34-28.0.1.ksplice1.el9` is newer by its epoch than every fix of the plain one.

use plimsoll_model::Package;

use crate::{collection::EventKind, snapshot::reader::Entry};

/// Whether an entry speaks of the package's build, as far as the entry says so itself.
pub(super) fn fits(package: &Package, version: &str, entry: &Entry<'_>) -> bool {
    let extra = entry.module.and_then(|module| module.strip_prefix(AMAZON_EXTRA));
    let of_module = match (entry.module, label(package)) {
        (None, _) => true,
        (Some(_), None) if extra.is_some_and(|extra| is_of_extra(extra, version)) => true,
        (Some(module), Some(own)) => is_of(own, module),
        // An old database has no labels; the version tells that it is of some module.
        (Some(_), None) => is_of_module(version),
    };
    let mut fixes = fixes(entry).peekable();
    let flavour = flavour(version);
    of_module && (fixes.peek().is_none() || fixes.any(|fix| self::flavour(fix) == flavour))
}

/// What the names of repositories of Amazon Linux 2's extras begin with.
pub(crate) const AMAZON_EXTRA: &str = "amzn2extra-";

/// Extras whose packages no other repository has, or whose numbers are not those of their packages.
const EXTRAS_ALONE: &[&str] = &[
    "aws-nitro-enclaves-cli",
    "corretto8",
    "docker",
    "ecs",
    "firefox",
    "livepatch",
    "lynis",
    "nitro-enclaves",
];

/// Whether a version may be of an extra: `8.1.14-1.amzn2` of `php8.1`.
fn is_of_extra(extra: &str, version: &str) -> bool {
    if EXTRAS_ALONE.contains(&extra) {
        return true;
    }
    let number_at = extra
        .rfind(|character: char| !character.is_ascii_digit() && character != '.')
        .map_or(0, |at| at + 1);
    let number = extra.get(number_at..).unwrap_or_default().trim_matches('.');
    if number.is_empty() {
        return false;
    }
    let upstream = version.split_once(':').map_or(version, |(_, rest)| rest);
    let rest = upstream.strip_prefix(number);
    rest.is_some_and(|rest| rest.starts_with(['.', '-']))
}

fn fixes<'a>(entry: &Entry<'a>) -> impl Iterator<Item = &'a str> {
    let bounds = entry.ranges.iter().flatten();
    bounds.filter(|(kind, _)| *kind == EventKind::Fixed).map(|(_, bound)| *bound)
}

/// The module of a package: `nodejs:18:8070020230306170237:bd1311ed`.
fn label(package: &Package) -> Option<&str> {
    package.extra.get("modularity").map(String::as_str).filter(|text| !text.is_empty())
}

/// Name and stream decide.
fn is_of(label: &str, module: &str) -> bool {
    label == module || label.strip_prefix(module).is_some_and(|rest| rest.starts_with(':'))
}

fn is_of_module(version: &str) -> bool {
    version.contains(".module")
}

/// Oracle's special builds, by a part of their release.
fn flavour(version: &str) -> Option<&'static str> {
    ["ksplice", "fips"]
        .into_iter()
        .find(|word| version.split(['.', '_', '-', '~', '+']).any(|part| part.starts_with(word)))
}

/// Whether an entry speaks of the package's build, by its versions and the module that its advisory is about.
pub(super) fn of_advisory_fits(
    package: &Package,
    version: &str,
    entry: &Entry<'_>,
    module: Option<&str>,
) -> bool {
    let mut fixes =
        entry.ranges.iter().flatten().filter(|(kind, _)| *kind == EventKind::Fixed).peekable();
    if fixes.peek().is_none() {
        return true;
    }
    // Entries of OSV name no module of their own: their versions tell.
    let entry_is_of_module = fixes.any(|(_, bound)| is_of_module(bound));
    let own = label(package);
    let package_is_of_module = own.is_some() || is_of_module(version);
    if !entry_is_of_module || !package_is_of_module {
        return entry_is_of_module == package_is_of_module;
    }
    match (own, module) {
        (Some(own), Some(module)) => is_of(own, module),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extras_are_told_by_their_stream() {
        for (extra, version) in [
            ("php8.1", "8.1.14-1.amzn2"),
            ("kernel-5.10", "5.10.147-133.644.amzn2"),
            ("nginx1", "1:1.22.1-1.amzn2.0.1"),
            ("docker", "20.10.17-1.amzn2.0.1"),
        ] {
            assert!(is_of_extra(extra, version), "{extra} {version}");
        }
        for (extra, version) in [
            ("php8.1", "5.4.16-46.amzn2.0.2"),
            ("php8.1", "8.12.1-1.amzn2"),
            ("kernel-5.10", "4.14.300-223.520.amzn2"),
            ("kernel-5.1", "5.10.147-133.644.amzn2"),
            ("dnsmasq", "2.76-16.amzn2.1.1"),
        ] {
            assert!(!is_of_extra(extra, version), "{extra} {version}");
        }
        assert!(EXTRAS_ALONE.is_sorted());
    }

    #[test]
    fn builds_are_told_by_their_release() {
        for (version, wanted) in [
            ("2:2.34-28.0.1.ksplice1.el9", Some("ksplice")),
            ("10:3.6.16-4.0.1.el8_fips", Some("fips")),
            ("1:1.1.1k-12.el8_9", None),
        ] {
            assert_eq!(flavour(version), wanted, "{version}");
        }
    }
}
