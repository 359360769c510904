//! Who speaks of programs that no package describes.
//!
//! In: packages of the type `generic`: programs and libraries that are known by their bytes, in an image or in somebody's
//! SBOM. Out: the package of another ecosystem whose advisories speak of the same versions; gaps for those of which nobody
//! speaks. Source: Bitnami's vulnerability database, whose ranges are those of the upstream projects (`cpes` in its records
//! say of which), and whose packages are upstream's releases.
//!
//! Odd: what a program says of itself does not show fixes that whoever built it took from later versions; the evidence says
//! so. Products whose versions Bitnami writes otherwise (Java, `MinIO`) are not asked for.

use std::collections::BTreeSet;

use plimsoll_model::{Ecosystem, Gap, GapReason, Package};

use super::MATCHER;
use crate::snapshot::Snapshot;

/// The ecosystem of what is known by its bytes.
const GENERIC: &str = "generic";
const BITNAMI: &str = "Bitnami";

/// What the evidence of a finding says besides.
pub(super) const CAVEAT: &str = "the version is what the program says of itself, and was compared with upstream's versions as Bitnami's advisories \
     give them: fixes that whoever built it took over are not seen";

/// Names that are told of those without advisories.
const MAX_NAMES: usize = 10;

/// Programs by their name as a package, and what Bitnami calls them.
const NAMES: &[(&str, &str)] = &[
    ("arangodb", "arangodb"),
    ("composer", "composer"),
    ("envoy", "envoy"),
    ("fluent-bit", "fluent-bit"),
    ("git", "git"),
    ("gitlab-runner", "gitlab-runner"),
    ("grafana", "grafana"),
    ("haproxy", "haproxy"),
    ("httpd", "apache"),
    ("libphp", "php"),
    ("lua", "lua"),
    ("mariadb", "mariadb"),
    ("memcached", "memcached"),
    ("mongodb", "mongodb"),
    ("nginx", "nginx"),
    ("node", "node"),
    ("php-cli", "php"),
    ("php-fpm", "php"),
    ("postgresql", "postgresql"),
    ("prometheus", "prometheus"),
    ("python", "python"),
    ("redis", "redis"),
    ("ruby", "ruby"),
    ("sqlite", "sqlite"),
    ("valkey", "valkey"),
    ("varnish", "varnish"),
    ("wp-cli", "wp-cli"),
];

/// The package to ask for in the place of one that no ecosystem's advisories know.
pub(super) fn asked(package: &Package) -> Option<Package> {
    let name = name_of(package)?;
    let version = match package.name.as_str() {
        // A patch level is a release, and no pre-release.
        "ruby" => without_patch_level(&package.version),
        _ => &package.version,
    };
    Some(Package {
        ecosystem: Ecosystem::named(BITNAMI),
        release: None,
        name: name.to_owned(),
        version: version.to_owned(),
        ..package.clone()
    })
}

/// Whether somebody may be asked, here or elsewhere.
pub(super) fn is_generic(package: &Package) -> bool {
    package.ecosystem.0 == GENERIC
}

fn name_of(package: &Package) -> Option<&'static str> {
    let known = NAMES.iter().find(|(name, _)| is_generic(package) && *name == package.name);
    known.map(|(_, name)| *name)
}

/// `3.1.2` of `3.1.2p20`.
fn without_patch_level(version: &str) -> &str {
    match version.split_once('p') {
        Some((release, level)) if level.bytes().all(|byte| byte.is_ascii_digit()) => release,
        _ => version,
    }
}

/// What cannot be answered of them.
pub(super) fn gaps(packages: &[&Package], snapshot: &Snapshot) -> Vec<Gap> {
    let has_bitnami = !snapshot.reader().coverage(BITNAMI).unwrap_or_default().is_empty();
    let (mut unknown, mut unanswered) = (BTreeSet::new(), BTreeSet::new());
    for package in packages.iter().filter(|package| is_generic(package)) {
        match name_of(package) {
            None => unknown.insert(package.name.as_str()),
            Some(_) if !has_bitnami => unanswered.insert(package.name.as_str()),
            Some(_) => false,
        };
    }
    [
        (unknown, "no advisory source speaks of them"),
        (unanswered, "the snapshot has no advisories of Bitnami, which speak of them"),
    ]
    .into_iter()
    .filter(|(names, _)| !names.is_empty())
    .map(|(names, why)| Gap {
        reason: GapReason::FeedMissing,
        by: MATCHER.to_owned(),
        at: String::new(),
        detail: format!(
            "programs and libraries that no package describes, {}: {why}",
            told(&names)
        ),
    })
    .collect()
}

fn told(names: &BTreeSet<&str>) -> String {
    let first: Vec<&str> = names.iter().take(MAX_NAMES).copied().collect();
    match names.len().checked_sub(first.len()) {
        None | Some(0) => first.join(", "),
        Some(more) => format!("{} and {more} more", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_order_and_the_ecosystem_is_known() {
        assert!(NAMES.is_sorted());
        assert!(Ecosystem::named(BITNAMI).row().is_some());
        assert!(Ecosystem::named(GENERIC).row().is_some());
    }

    #[test]
    fn patch_levels_are_releases() {
        assert_eq!(without_patch_level("3.1.2p20"), "3.1.2");
        assert_eq!(without_patch_level("3.4.0preview1"), "3.4.0preview1");
        assert_eq!(without_patch_level("3.2.1"), "3.2.1");
    }

    #[test]
    fn many_names_are_counted() {
        let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
        assert_eq!(told(&names.into()), "a, b, c, d, e, f, g, h, i, j and 2 more");
        assert_eq!(told(&["a"].into()), "a");
    }
}
