//! Packages that a lock file names: what an installer would fetch, and no proof that it did.
//!
//! In: names and versions that the reader of one format found. Out: [`FileFacts`] whose packages carry
//! `evidence: lock`, and `scope: development` or `optional: true` where the file says so. Odd: which of them count is
//! decided over the merged image, where the installed packages are known (`inspection/locks.rs`); a package that stands
//! in the file several times is development-only if all of its lines are.

use std::collections::{BTreeMap, HashMap};

use super::{MAX_PACKAGES, MAX_WORD};
use crate::facts::{FileFacts, PackageFact, Problem, clip};

/// Key of `extra` that says how sure a package is; installed ones have none.
pub(crate) const EVIDENCE: &str = "evidence";
/// Named by a lock file.
pub(crate) const LOCK: &str = "lock";
/// Named by what a bundler left of it: a part of the package, perhaps, and by its own word.
pub(crate) const BUNDLE: &str = "bundle";
/// Key of `extra` for packages that only development needs.
pub(crate) const SCOPE: &str = "scope";
/// Value of [`SCOPE`].
pub(crate) const DEVELOPMENT: &str = "development";
/// Key of `extra` for packages that only some systems or choices need.
pub(crate) const OPTIONAL: &str = "optional";

/// Longest lock file that is read; the largest known ones have a tenth.
pub(crate) const LIMIT: u64 = 32 << 20;

/// Longest text that goes along as `extra`.
const MAX_EXTRA: usize = 300;

/// One line of a lock file, whatever its format.
#[derive(Debug, Default, Clone)]
pub(crate) struct Locked<'a> {
    pub(crate) namespace: Option<&'a str>,
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
    /// Only development needs it.
    pub(crate) development: bool,
    /// Only some systems or choices need it.
    pub(crate) optional: bool,
    /// Where it comes from, if that is not the ecosystem's registry.
    pub(crate) origin: Option<&'a str>,
    pub(crate) license: Option<&'a str>,
    /// What only this format knows.
    pub(crate) extra: &'a [(&'static str, &'a str)],
}

/// The packages of one lock file as they are collected.
#[derive(Debug)]
pub(crate) struct LockFile {
    ecosystem: &'static str,
    evidence: Option<&'static str>,
    known: HashMap<(String, String, String), usize>,
    unversioned: usize,
    facts: FileFacts,
}

impl LockFile {
    /// An empty one; `ecosystem` by its OSV name.
    pub(crate) fn new(ecosystem: &'static str) -> Self {
        Self {
            ecosystem,
            evidence: Some(LOCK),
            known: HashMap::new(),
            unversioned: 0,
            facts: FileFacts::default(),
        }
    }

    /// The same for a list of what is installed.
    pub(crate) fn installed(ecosystem: &'static str) -> Self {
        Self { evidence: None, ..Self::new(ecosystem) }
    }

    /// The same for what is known by less than a lock file.
    pub(crate) fn weak(ecosystem: &'static str, evidence: &'static str) -> Self {
        Self { evidence: Some(evidence), ..Self::new(ecosystem) }
    }

    /// Adds a package. One without name or version is a problem of the file.
    pub(crate) fn add(&mut self, locked: &Locked<'_>) {
        let (name, version) = (locked.name.trim(), locked.version.trim());
        let namespace = locked.namespace.unwrap_or_default();
        if name.is_empty() || version.is_empty() {
            self.facts.problem(|| {
                Problem::unreadable(format!("`{}` has no name or no version", clip(name)))
            });
            return;
        }
        if name.len().max(version.len()).max(namespace.len()) > MAX_WORD {
            self.facts.problem(|| {
                let detail = format!("`{}`: is longer than {MAX_WORD} bytes", clip(name));
                Problem::unreadable(detail)
            });
            return;
        }
        let key = (namespace.to_owned(), name.to_owned(), version.to_owned());
        if let Some(at) = self.known.get(&key)
            && let Some(known) = self.facts.packages.get_mut(*at)
        {
            if !locked.development {
                known.extra.remove(SCOPE);
            }
            if !locked.optional {
                known.extra.remove(OPTIONAL);
            }
            return;
        }
        if self.facts.packages.len() >= MAX_PACKAGES {
            self.facts.problem(|| {
                let what = "packages of one file: the limit of";
                Problem::budget(format!("{what} {MAX_PACKAGES} is reached"))
            });
            return;
        }
        self.known.insert(key, self.facts.packages.len());
        self.facts.packages.push(PackageFact {
            ecosystem: Some(self.ecosystem.to_owned()),
            namespace: locked.namespace.map(str::to_owned),
            name: name.to_owned(),
            version: version.to_owned(),
            extra: extra(locked, self.evidence),
            ..PackageFact::default()
        });
    }

    /// Notes a part that could not be read.
    pub(crate) fn problem(&mut self, problem: impl FnOnce() -> Problem) {
        self.facts.problem(problem);
    }

    /// Counts a package that is named by an address alone: nothing can be said of what has no version.
    pub(crate) const fn add_unversioned(&mut self) {
        self.unversioned += 1;
    }

    /// What was collected.
    pub(crate) fn finish(mut self) -> FileFacts {
        if self.unversioned > 0 {
            let detail = format!(
                "packages that are named by an address alone, without a version: {}",
                self.unversioned
            );
            self.facts.note(Problem::unreadable(detail));
        }
        self.facts
    }
}

fn extra(locked: &Locked<'_>, evidence: Option<&str>) -> BTreeMap<String, String> {
    let mut extra = BTreeMap::new();
    let mut set = |key: &str, value: String| {
        if !value.is_empty() && value.len() <= MAX_EXTRA {
            extra.insert(key.to_owned(), value);
        }
    };
    if let Some(evidence) = evidence {
        set(EVIDENCE, evidence.to_owned());
    }
    if locked.development {
        set(SCOPE, DEVELOPMENT.to_owned());
    }
    if locked.optional {
        set(OPTIONAL, "true".to_owned());
    }
    if let Some(origin) = locked.origin {
        set("origin", without_credentials(origin));
    }
    if let Some(license) = locked.license {
        set("license", license.trim().to_owned());
    }
    for (key, value) in locked.extra {
        set(key, (*value).to_owned());
    }
    extra
}

/// An address without user, password and query: lock files keep tokens in them.
pub(crate) fn without_credentials(address: &str) -> String {
    let (address, fragment) = match address.split_once('#') {
        Some((address, fragment)) => (address, Some(fragment)),
        None => (address, None),
    };
    let address = address.split('?').next().unwrap_or_default();
    let mut clean = match address.split_once("//") {
        Some((scheme, rest)) => {
            let (host, path) = rest.split_once('/').map_or((rest, None), |(a, b)| (a, Some(b)));
            let host = host.rsplit('@').next().unwrap_or_default();
            match path {
                Some(path) => format!("{scheme}//{host}/{path}"),
                None => format!("{scheme}//{host}"),
            }
        }
        None => address.to_owned(),
    };
    // A commit, and nothing longer: fragments can hold anything.
    if let Some(fragment) = fragment.filter(|text| text.len() <= 64) {
        clean.push('#');
        clean.push_str(fragment);
    }
    clean
}

/// Whether a lock file at `path` came along inside an installed package: then it says what that package's authors
/// developed with, and nothing about the image.
pub(crate) fn is_inside_package(path: &[u8]) -> bool {
    path.split(|&byte| byte == b'/').any(|part| {
        matches!(part, b"node_modules" | b"site-packages" | b"dist-packages" | b"bower_components")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lose_their_secrets() {
        for (address, clean) in [
            ("https://user:token@host/a/b.tgz?sig=1", "https://host/a/b.tgz"),
            ("git+ssh://git@github.com/a/b.git#0123abc", "git+ssh://github.com/a/b.git#0123abc"),
            ("https://a@b@host", "https://host"),
            ("file:../x", "file:../x"),
            ("github:a/b", "github:a/b"),
        ] {
            assert_eq!(without_credentials(address), clean, "{address}");
        }
    }

    #[test]
    fn what_one_line_needs_at_run_time_is_needed() {
        let mut file = LockFile::new("npm");
        let line = Locked { name: "a", version: "1", development: true, ..Locked::default() };
        file.add(&line);
        file.add(&Locked { name: "b", ..line.clone() });
        file.add(&Locked { development: false, ..line.clone() });
        file.add(&line);
        file.add(&Locked { version: "", ..line });
        let facts = file.finish();
        let scopes: Vec<_> =
            facts.packages.iter().map(|package| package.extra.get(SCOPE).cloned()).collect();
        assert_eq!(scopes, [None, Some(DEVELOPMENT.to_owned())]);
        assert_eq!(facts.problems.len(), 1);
    }

    #[test]
    fn packages_bring_lock_files_that_do_not_count() {
        assert!(is_inside_package(b"app/node_modules/a/yarn.lock"));
        assert!(is_inside_package(b"usr/lib/python3/dist-packages/a/requirements.txt"));
        assert!(!is_inside_package(b"app/yarn.lock"));
    }
}
