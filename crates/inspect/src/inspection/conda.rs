//! Conda packages that are Python distributions.
//!
//! In: all packages. Out: the same with each such pair as one. Source: `docs/semantics.md`, "Conda". Odd: PyPI's name is the
//! one that advisories know, so the distribution stays; it gets the Conda package's place and package URL.

use std::collections::HashMap;

use plimsoll_model::Package;

/// Packages, each with its position in the list.
type Numbered = Vec<(usize, Package)>;

use crate::packages::conda;

/// Key of `extra` for the package URL of the Conda package that a distribution came as.
const INSTALLED_AS: &str = "conda";

/// Puts Conda packages and the distributions that they brought together.
pub(super) fn merge(packages: &mut Vec<Package>) {
    if !packages.iter().any(|package| package.found_by == conda::ID) {
        return;
    }
    let mut by_path: HashMap<String, usize> = HashMap::new();
    for (index, package) in
        packages.iter().enumerate().filter(|(_, package)| package.found_by == "python")
    {
        for location in &package.locations {
            by_path.insert(location.path.clone(), index);
        }
    }
    let (conda, mut others): (Numbered, Numbered) = std::mem::take(packages)
        .into_iter()
        .enumerate()
        .partition(|(_, package)| package.found_by == conda::ID);
    let positions: HashMap<usize, usize> =
        others.iter().enumerate().map(|(position, (index, _))| (*index, position)).collect();
    let mut left = Vec::new();
    for (index, package) in conda {
        let described = described(&package);
        // One package in several environments is one with a distribution only if it is in each of them.
        let found: Option<Vec<usize>> =
            described.iter().map(|path| positions.get(by_path.get(path)?).copied()).collect();
        match found.as_deref() {
            Some([first, rest @ ..]) if rest.iter().all(|other| other == first) => {
                if let Some((_, distribution)) = others.get_mut(*first) {
                    distribution.extra.insert(INSTALLED_AS.to_owned(), package.purl);
                    distribution.locations.extend(package.locations);
                }
            }
            _ => left.push((index, package)),
        }
    }
    others.extend(left);
    others.sort_by_key(|(index, _)| *index);
    packages.extend(others.into_iter().map(|(_, package)| package));
}

/// Where the distribution's metadata would be, for each place of the package.
fn described(package: &Package) -> Vec<String> {
    let Some(inside) = package.extra.get(conda::DISTRIBUTION) else { return Vec::new() };
    let prefixes = package.locations.iter().filter_map(|location| {
        let (before, _) = location.path.rsplit_once("conda-meta/")?;
        Some(format!("{before}{inside}"))
    });
    prefixes.collect()
}
