//! Builds of one rpm package that live side by side: modules, and Oracle's for Ksplice and FIPS.
//!
//! In: a package, an entry of an advisory. Out: whether the entry speaks of that build. Source: "Modularity" of Fedora and
//! Red Hat; Oracle's OVAL. Odd: builds have version orders of their own, so one must never be held against another's fix:
//! Oracle's Ksplice build `2:2.34-28.0.1.ksplice1.el9` is newer by its epoch than every fix of the plain one.

use plimsoll_model::Package;

use crate::{collection::EventKind, snapshot::reader::Entry};

/// Whether an entry speaks of the package's build, as far as the entry says so itself.
pub(super) fn fits(package: &Package, version: &str, entry: &Entry<'_>) -> bool {
    let of_module = match (entry.module, label(package)) {
        (None, _) => true,
        (Some(module), Some(own)) => is_of(own, module),
        // An old database has no labels; the version tells that it is of some module.
        (Some(_), None) => is_of_module(version),
    };
    let mut fixes = fixes(entry).peekable();
    let flavour = flavour(version);
    of_module && (fixes.peek().is_none() || fixes.any(|fix| self::flavour(fix) == flavour))
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
