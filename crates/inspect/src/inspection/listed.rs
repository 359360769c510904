//! Packages that an SBOM in the image lists.
//!
//! In: what the image itself shows, and what SBOMs list. Out: both, each package once. Odd: an SBOM is what somebody once
//! wrote. Where the image shows the same package, the SBOM is one more place that names it. A distribution's package that the
//! package database has in another version was upgraded since. What only the SBOM knows is reported as found there.

use std::collections::{HashMap, HashSet};

use plimsoll_model::{Origin, Package};

use crate::packages::sbom;

/// Adds what SBOMs list to what is there, and sorts.
///
/// A package that is there gets the places of the listed one. A distribution's package that is there in another version
/// stays as it is.
pub fn add_listed(listed: Vec<Package>, packages: &mut Vec<Package>) {
    if listed.is_empty() {
        return;
    }
    let installed: HashSet<(String, String)> =
        packages.iter().map(|package| (package.ecosystem.0.clone(), folded(package))).collect();
    let mut by_identity: HashMap<(String, String, String), Vec<usize>> = HashMap::new();
    for (at, package) in packages.iter().enumerate() {
        by_identity.entry(identity(package)).or_default().push(at);
    }
    for package in listed {
        let same = by_identity.entry(identity(&package)).or_default();
        let known = same.iter().copied().find(|at| {
            packages.get(*at).is_some_and(|known| is_same_architecture(known, &package))
        });
        if let Some(known) = known.and_then(|at| packages.get_mut(at)) {
            known.locations.extend(package.locations);
            continue;
        }
        let is_system = package.ecosystem.row().is_some_and(|row| row.origin == Origin::System);
        let name = (package.ecosystem.0.clone(), folded(&package));
        if is_system && installed.contains(&name) {
            continue;
        }
        same.push(packages.len());
        packages.push(package);
    }
    packages.sort_by(|a, b| a.sort_key().cmp(&b.sort_key()));
}

/// Whether the package was found in an SBOM.
pub(super) fn is_listed(detector: &str) -> bool {
    detector == sbom::ID
}

fn identity(package: &Package) -> (String, String, String) {
    let version = match package.ecosystem.0.as_str() {
        // Go's module versions begin with a letter that not everybody writes.
        "Go" => package.version.trim_start_matches('v'),
        _ => &package.version,
    };
    (package.ecosystem.0.clone(), folded(package), version.to_owned())
}

/// Package URLs fold case and some signs.
fn folded(package: &Package) -> String {
    let sign = |character: char| match character {
        '_' => '-',
        other => other.to_ascii_lowercase(),
    };
    package.name.chars().map(sign).collect()
}

fn is_same_architecture(known: &Package, other: &Package) -> bool {
    let of = |package: &Package| package.extra.get("architecture").cloned().unwrap_or_default();
    let (known, other) = (of(known), of(other));
    known.is_empty() || other.is_empty() || known == other
}
