//! Packages, as one list.
//!
//! In: visible files with packages, the distribution. Out: [`Package`]s, each once with all its locations, sorted. Odd: a
//! language package whose files a distribution's package owns is that package: it is listed once, as the
//! distribution's, provided that there are advisories for those, and that no layer above the package database's put
//! another one in its place. For a program that was known by its bytes the same holds with or without advisories.

use std::{
    collections::{BTreeMap, HashMap, HashSet, btree_map::Entry},
    mem, ptr,
};

use plimsoll_image::{ImageDocuments, TreePath};
use plimsoll_model::{
    Ecosystem, Gap, GapReason, Location, Package,
    purl::{self, Parts},
};

use super::{conda, epel, listed, locks::Absent, visible::VisibleFile};
use crate::{
    distribution::{Distribution, Family, families_of, has_advisories},
    facts::{FileFacts, LayerFacts, PackageFact},
    malware::Sum,
    packages::{
        classifier,
        dpkg::{DpkgFiles, package_of_list},
        java::JavaRelease,
        lock::{EVIDENCE, LOCK, OPTIONAL, SCOPE},
    },
    parser::Parser,
    paths::{Fingerprints, child_of, fingerprint},
};

/// What the list is made of.
pub(super) struct Sources<'a, 'l> {
    pub(super) files: &'a [VisibleFile<'l>],
    pub(super) databases: &'a [VisibleFile<'l>],
    pub(super) distribution: Option<&'a Distribution>,
    pub(super) owned: &'a Fingerprints,
    pub(super) layers: &'l [LayerFacts],
    /// Lines of lock files that do not count.
    pub(super) absent: &'a Absent,
    pub(super) documents: &'a ImageDocuments,
    /// What packages of dpkg say of their licences, by their names.
    pub(super) licences: &'a HashMap<&'l str, &'l str>,
}

/// All paths that installed packages of the distribution own.
pub(super) fn owned(files: &[VisibleFile<'_>], databases: &[VisibleFile<'_>]) -> Fingerprints {
    let lists = counting_lists(files, databases);
    Fingerprints::new(lists.iter().flat_map(|facts| facts.owned.iter().copied()).collect())
}

/// What installed packages say of their programs' digests, sorted.
pub(super) fn sums(files: &[VisibleFile<'_>], databases: &[VisibleFile<'_>]) -> Vec<Sum> {
    let lists = counting_lists(files, databases);
    let mut sums: Vec<Sum> = lists.iter().flat_map(|facts| facts.sums.iter().copied()).collect();
    sums.sort_unstable();
    sums.dedup();
    sums
}

/// The facts that say what installed packages own.
fn counting_lists<'l>(
    files: &[VisibleFile<'l>],
    databases: &[VisibleFile<'l>],
) -> Vec<&'l FileFacts> {
    let mut installed: HashSet<&str> = HashSet::new();
    let mut folders: HashSet<Option<TreePath>> = HashSet::new();
    let mut counting = Vec::new();
    for file in databases.iter().filter(|file| !file.facts.packages.is_empty()) {
        installed.extend(file.facts.packages.iter().map(|package| package.name.as_str()));
        counting.push(file.facts);
        if file.facts.detector == Family::Pacman.parser() {
            folders.insert(file.path.parent());
        }
    }
    // A list without its package owns nothing: removed packages leave theirs behind, and anyone can add one.
    let lists = databases.iter().filter(|file| file.facts.packages.is_empty());
    let lists = lists.chain(files.iter().filter(|file| file.facts.detector == DpkgFiles.id()));
    for file in lists {
        let counts = || {
            if file.facts.detector == Family::Pacman.parser() {
                return folders.contains(&file.path.parent());
            }
            let package = package_of_list(file.path.name()).unwrap_or_default();
            installed.contains(&*package) || is_distroless(&file.path)
        };
        if !file.facts.owned.is_empty() && counts() {
            counting.push(file.facts);
        }
    }
    counting
}

/// There a file's name is the package's, cut or not, and presence means installed.
fn is_distroless(path: &TreePath) -> bool {
    child_of(path.as_bytes(), "var/lib/dpkg/status.d").is_some()
}

pub(super) fn packages(sources: &Sources<'_, '_>, gaps: &mut Vec<Gap>) -> Vec<Package> {
    let mut merged: BTreeMap<(String, String, String, String), Package> = BTreeMap::new();
    let language =
        sources.files.iter().filter(|file| Family::of_parser(&file.facts.detector).is_none());
    let replaced = sources.replaced();
    let homes = java_homes(sources.files);
    let mut listed = Vec::new();
    for file in sources.databases.iter().chain(language) {
        // A program says the version that its distribution began with, and nothing of the fixes since.
        let is_program = file.facts.detector == classifier::ID;
        let is_owned = !replaced.contains(file.real.as_bytes())
            && sources.is_listed(file)
            && (is_program || sources.has_owners());
        for fact in &file.facts.packages {
            let is_the_owners = fact.ecosystem.is_some() && is_owned;
            // Its home folder says it better.
            let is_java = is_program
                && fact.namespace.as_deref() == Some("java")
                && file
                    .path
                    .parent()
                    .and_then(|folder| folder.parent())
                    .is_some_and(|home| homes.contains(&home));
            if is_the_owners || is_java || sources.absent.contains(&ptr::from_ref(fact)) {
                continue;
            }
            let Some(package) = sources.package(file, fact) else {
                gaps.push(Gap {
                    reason: GapReason::UnreadableFile,
                    by: file.facts.detector.clone(),
                    at: file.path.display().into_owned(),
                    detail: format!("`{}` cannot be the name of a package", fact.name),
                });
                continue;
            };
            if listed::is_listed(&file.facts.detector) {
                listed.push(package);
                continue;
            }
            let (ecosystem, name, version, purl) = package.sort_key();
            let key = (ecosystem.to_owned(), name.to_owned(), version.to_owned(), purl.to_owned());
            match merged.entry(key) {
                Entry::Occupied(mut known) => merge(known.get_mut(), package),
                Entry::Vacant(new) => {
                    new.insert(package);
                }
            }
        }
    }
    let mut packages: Vec<Package> = Vec::with_capacity(merged.len());
    for package in merged.into_values() {
        match packages.last_mut().filter(|known| is_less_known(known, &package)) {
            Some(known) => {
                let purl = known.purl.clone();
                merge(known, package);
                known.purl = purl;
            }
            None => packages.push(package),
        }
    }
    conda::merge(&mut packages);
    listed::add_listed(listed, &mut packages);
    for package in &mut packages {
        package.locations.sort();
        package.locations.dedup();
    }
    packages
}

/// Home folders of Java that say which one they are.
fn java_homes(files: &[VisibleFile<'_>]) -> HashSet<TreePath> {
    let is_home = |file: &&VisibleFile<'_>| {
        file.facts.detector == JavaRelease.id() && !file.facts.packages.is_empty()
    };
    files.iter().filter(is_home).filter_map(|file| file.path.parent()).collect()
}

/// Whether `package` is `known`, of which another file told something without which its type has no package URL: the
/// author of a Perl distribution, the identifier of a Julia package.
fn is_less_known(known: &Package, package: &Package) -> bool {
    let is_generic = |package: &Package| package.purl.starts_with("pkg:generic/");
    !is_generic(known)
        && is_generic(package)
        && (&known.ecosystem, &known.name, &known.version)
            == (&package.ecosystem, &package.name, &package.version)
}

/// One package that two files show. Who is surer of it is named, and what only the other knows is added; what a lock file
/// says of its own line is dropped when the package is installed, or when another line says otherwise.
fn merge(known: &mut Package, mut new: Package) {
    let rank = |package: &Package| match package.extra.get(EVIDENCE).map(String::as_str) {
        None => 2,
        Some(LOCK) => 1,
        Some(_) => 0,
    };
    if rank(&new) > rank(known) {
        mem::swap(known, &mut new);
    }
    let is_same = rank(known) == rank(&new);
    known.locations.append(&mut new.locations);
    for key in [SCOPE, OPTIONAL] {
        if is_same && !new.extra.contains_key(key) {
            known.extra.remove(key);
        }
    }
    for (key, value) in new.extra {
        if ![EVIDENCE, SCOPE, OPTIONAL].contains(&key.as_str()) {
            known.extra.entry(key).or_insert(value);
        }
    }
}

/// Where distributions put programs and language packages. A list that claims others is forged, or a local package's: then nobody
/// else's advisories speak for what it owns.
fn is_system_place(path: &TreePath) -> bool {
    let mut parts = path.parts();
    let (first, second) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    first.starts_with(b"lib")
        || matches!(first, b"bin" | b"sbin")
        || (first == b"usr" && second != b"local")
}

impl Sources<'_, '_> {
    /// Whether a package of the distribution lists the file, in a place where those put programs.
    fn is_listed(&self, file: &VisibleFile<'_>) -> bool {
        [&file.path, &file.real]
            .iter()
            .any(|path| is_system_place(path) && self.owned.contains(fingerprint(path.as_bytes())))
    }

    /// Whether a program is a package's of the distribution, whose advisories speak for all that is in it. What a layer
    /// above the package database's put there is somebody else's.
    pub(super) fn is_of_owner(&self, file: &VisibleFile<'_>) -> bool {
        let newest = self.databases.iter().map(|database| database.layer).max();
        self.has_owners()
            && newest.is_some_and(|newest| file.layer <= newest)
            && self.is_listed(file)
    }

    /// Whether the distribution's packages can stand for the language packages that they own.
    fn has_owners(&self) -> bool {
        self.distribution.is_some_and(has_advisories)
    }

    /// Paths of language packages above the package database's layer that are not what was there when it was written:
    /// whoever overwrites a package's file does not go by its version. A mere change of owner or mode copies a file up
    /// unchanged.
    fn replaced(&self) -> HashSet<&[u8]> {
        let Some(newest) = self.databases.iter().map(|file| file.layer).max() else {
            return HashSet::new();
        };
        let above = self.files.iter().filter(|file| {
            file.layer > newest && Family::of_parser(&file.facts.detector).is_none()
        });
        let mut above: HashMap<&[u8], &VisibleFile<'_>> = above
            .filter(|file| !file.facts.packages.is_empty())
            .map(|file| (file.real.as_bytes(), file))
            .collect();
        if above.is_empty() {
            return HashSet::new();
        }
        for layer in self.layers.iter().take(newest + 1) {
            for (entry, facts) in &layer.files {
                let Some(path) = layer.path(*entry) else { continue };
                let path = path.as_bytes();
                let is_same = above.get(path).is_some_and(|file| {
                    facts.iter().any(|facts| {
                        facts.detector == file.facts.detector
                            && facts.packages == file.facts.packages
                    })
                });
                if is_same {
                    above.remove(path);
                }
            }
        }
        above.into_keys().collect()
    }

    fn package(&self, file: &VisibleFile<'_>, fact: &PackageFact) -> Option<Package> {
        let (ecosystem, release, distro) = self.ecosystem(file, fact);
        let mut purl = match &fact.purl {
            Some(purl) => purl.clone(),
            None => purl(&ecosystem, fact, distro)?,
        };
        // OpenWrt's packages are opkg's, and since 25.12 apk's.
        if file.facts.detector == Family::Apk.parser()
            && let Some(rest) = purl.strip_prefix("pkg:opkg/")
        {
            purl = format!("pkg:apk/{rest}");
        }
        let name = fact.full_name(&ecosystem);
        let mut extra = fact.extra.clone();
        if !fact.architecture.is_empty() {
            extra.insert("architecture".to_owned(), fact.architecture.clone());
        }
        if file.facts.detector == Family::Dpkg.parser()
            && let Some(licence) = self.licences.get(fact.name.as_str())
        {
            extra.entry("license".to_owned()).or_insert_with(|| (*licence).to_owned());
        }
        let layer = self.documents.layers.get(file.layer).and_then(|layer| layer.digest);
        let path = match &fact.inner {
            Some(inner) => format!("{}!/{inner}", file.path.display()),
            None => file.path.display().into_owned(),
        };
        Some(Package {
            ecosystem,
            release,
            name,
            version: fact.version.clone(),
            source: fact.source.clone(),
            purl,
            locations: vec![Location { path, layer }],
            found_by: file.facts.detector.clone(),
            extra,
        })
    }

    /// Ecosystem, release and the `distro` of package URLs.
    fn ecosystem(
        &self,
        file: &VisibleFile<'_>,
        fact: &PackageFact,
    ) -> (Ecosystem, Option<String>, Option<&str>) {
        if let Some(name) = &fact.ecosystem {
            let is_of_image = |image: &&Distribution| image.ecosystem.0 == *name;
            let release = fact.release.clone().or_else(|| {
                self.distribution.filter(is_of_image).and_then(|image| image.release.clone())
            });
            return (Ecosystem::named(name), release, None);
        }
        let family = Family::of_parser(&file.facts.detector);
        if family == Some(Family::Rpm)
            && let Some((ecosystem, release)) = epel::origin(fact)
        {
            let distro = self.distribution.and_then(|image| image.distro.as_deref());
            return (ecosystem, Some(release), distro);
        }
        match self.distribution {
            Some(distribution)
                if family.is_some_and(|family| families_of(distribution).contains(&family)) =>
            {
                (
                    distribution.ecosystem.clone(),
                    distribution.release.clone(),
                    distribution.distro.as_deref(),
                )
            }
            // Tools of another family, or nothing that names a distribution.
            _ => (Ecosystem::named(family.map_or("", Family::ecosystem)), None, None),
        }
    }
}

fn purl(ecosystem: &Ecosystem, fact: &PackageFact, distro: Option<&str>) -> Option<String> {
    let is_rpm = ecosystem.row().is_some_and(|row| row.purl_type == "rpm");
    let (epoch, version) = match fact.version.split_once(':') {
        Some((epoch, version)) if is_rpm => (epoch, version),
        _ => ("", fact.version.as_str()),
    };
    let extra = |key: &str| fact.extra.get(key).map(String::as_str).unwrap_or_default();
    let upstream = match &fact.source {
        _ if is_rpm => extra("source_rpm").to_owned(),
        Some(source) if source.version != fact.version => {
            format!("{}@{}", source.name, source.version)
        }
        Some(source) if source.name != fact.name => source.name.clone(),
        _ => String::new(),
    };
    let own = |kind: &str, key: &str| {
        if ecosystem.row().is_some_and(|row| row.purl_type == kind) { extra(key) } else { "" }
    };
    let parts = Parts {
        namespace: fact.namespace.as_deref(),
        name: &fact.name,
        version,
        qualifiers: &[
            ("arch", fact.architecture.as_str()),
            ("distro", distro.unwrap_or_default()),
            ("epoch", epoch),
            ("rpmmod", extra("modularity")),
            ("upstream", upstream.as_str()),
            ("uuid", own("julia", "uuid")),
            ("user", own("conan", "user")),
            ("channel", own("conan", "channel")),
            ("port_version", own("vcpkg", "port_version")),
        ],
    };
    purl::format(ecosystem, parts)
}
