//! Why two package lists differ. Table: a reason a row.
//!
//! In: a package that only one list has, and both lists. Out: the first reason that fits. Odd: a reason is a claim about facts
//! (who owns the file, what else is at that path), never a list of names, so that it holds for the next image too.

use std::collections::{BTreeMap, BTreeSet};

use crate::peers::{Kind, Listed};

/// Whose list has the package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    Theirs,
    Ours,
}

impl Side {
    pub(super) fn mark(self) -> &'static str {
        match self {
            Self::Ours => "+",
            Self::Theirs => "-",
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Ours => "only ours",
            Self::Theirs => "only theirs",
        }
    }
}

/// By what two packages are the same: type, name with namespace where it tells packages apart, version.
pub(super) fn key(package: &Listed) -> (String, String, String) {
    let Listed { kind, namespace, name, version, .. } = package;
    let name = match kind.as_str() {
        "deb" | "rpm" | "apk" | "maven" => name.clone(),
        "pypi" => pypi(name),
        _ if namespace.is_empty() => name.clone(),
        _ => format!("{namespace}/{name}"),
    };
    if kind == "golang" {
        // The package URL's rules want small letters, and not everybody writes the `v`.
        let version = version.strip_prefix('v').or(version.strip_prefix("go")).unwrap_or(version);
        return (kind.clone(), name.to_lowercase(), version.to_owned());
    }
    (kind.clone(), name, version.clone())
}

/// PEP 503: case and the kind of separator do not matter.
fn pypi(name: &str) -> String {
    let words = name.split(['-', '_', '.']).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-").to_lowercase()
}

/// Both lists of an image.
pub(super) struct Context<'a> {
    ours: &'a BTreeSet<Listed>,
    theirs: &'a BTreeSet<Listed>,
    /// Files of the distribution's packages.
    owned: Option<&'a BTreeSet<String>>,
    at: BTreeMap<(Side, String), Vec<&'a Listed>>,
    named: BTreeMap<(Side, String, String), Vec<&'a Listed>>,
}

impl<'a> Context<'a> {
    pub(super) fn new(
        ours: &'a BTreeSet<Listed>,
        theirs: &'a BTreeSet<Listed>,
        owned: Option<&'a BTreeSet<String>>,
    ) -> Self {
        let (mut at, mut named) = (BTreeMap::new(), BTreeMap::new());
        for (side, list) in [(Side::Ours, ours), (Side::Theirs, theirs)] {
            for package in list {
                let (kind, name, _) = key(package);
                let path = plain(&package.path).to_owned();
                at.entry((side, path)).or_insert_with(Vec::new).push(package);
                named.entry((side, kind, name)).or_insert_with(Vec::new).push(package);
            }
        }
        Self { ours, theirs, owned, at, named }
    }

    /// What only one list has, once a key.
    pub(super) fn differences(&self) -> Vec<(Side, &'a Listed)> {
        let keyed = |list: &'a BTreeSet<Listed>| -> BTreeMap<_, &'a Listed> {
            list.iter().rev().map(|package| (key(package), package)).collect()
        };
        let (ours, theirs) = (keyed(self.ours), keyed(self.theirs));
        let only = |side, from: &BTreeMap<_, &'a Listed>, other: &BTreeMap<_, &'a Listed>| {
            from.iter()
                .filter(|(key, _)| !other.contains_key(*key))
                .map(|(_, package)| (side, *package))
                .collect::<Vec<_>>()
        };
        [only(Side::Theirs, &theirs, &ours), only(Side::Ours, &ours, &theirs)].concat()
    }

    /// What the other list has at the package's path.
    fn across(&self, side: Side, package: &Listed) -> &[&'a Listed] {
        let other = if side == Side::Ours { Side::Theirs } else { Side::Ours };
        let at = self
            .at
            .iter()
            .find(|((side, path), _)| *side == other && *path == plain(&package.path));
        at.map_or(&[], |(_, packages)| packages.as_slice())
    }

    /// The other list's packages of that name.
    fn namesakes(&self, side: Side, package: &Listed) -> &[&'a Listed] {
        let other = if side == Side::Ours { Side::Theirs } else { Side::Ours };
        let (kind, name, _) = key(package);
        self.named.get(&(other, kind, name)).map_or(&[], Vec::as_slice)
    }

    fn is_owned(&self, package: &Listed) -> bool {
        self.owned.is_some_and(|files| files.contains(plain(&package.path)))
    }
}

/// A path without its leading slash, and without what stands behind the name of an archive.
fn plain(path: &str) -> &str {
    let path = path.trim_start_matches('/');
    path.split([':', '!']).next().unwrap_or(path)
}

/// Whether two packages were found in files of the same folder.
fn shares_folder(a: &Listed, b: &Listed) -> bool {
    let folder = |package: &Listed| {
        plain(&package.path).rsplit_once('/').map(|(folder, _)| folder.to_owned())
    };
    folder(a).is_some_and(|of_a| Some(of_a) == folder(b))
}

/// One reason.
struct Rule {
    /// Against whom; `None` for all.
    against: Option<Kind>,
    side: Side,
    /// The package URL's type; empty for all.
    kind: &'static str,
    fits: fn(&Listed, &Context<'_>) -> bool,
    why: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        against: None,
        side: Side::Theirs,
        kind: "",
        fits: |package, context| {
            !matches!(package.kind.as_str(), "deb" | "rpm" | "apk") && context.is_owned(package)
        },
        why: "a package of the distribution owns the file, so it is listed once, as that package, whose maintainers mend it",
    },
    Rule {
        against: None,
        side: Side::Theirs,
        kind: "npm",
        fits: |package, _| {
            package.path.ends_with("/package.json") && !package.path.contains("/node_modules/")
        },
        why: "the application that the image is built from, not a package that somebody published",
    },
    Rule {
        against: None,
        side: Side::Theirs,
        kind: "maven",
        fits: |package, context| {
            context.across(Side::Theirs, package).iter().any(|ours| ours.version == package.version)
        },
        why: "the same archive under another name: ours is what the archive says of itself, theirs its file's name",
    },
    Rule {
        against: None,
        side: Side::Ours,
        kind: "maven",
        fits: |package, context| {
            context
                .across(Side::Ours, package)
                .iter()
                .any(|theirs| theirs.version == package.version)
        },
        why: "the same archive under another name: ours is what the archive says of itself, theirs its file's name",
    },
    Rule {
        against: None,
        side: Side::Theirs,
        kind: "nuget",
        fits: |package, context| {
            package.path.ends_with(".dll")
                && context.ours.iter().any(|ours| shares_folder(ours, package))
        },
        why: "a file of a .NET runtime that is listed by its own name and version",
    },
    Rule {
        against: None,
        side: Side::Ours,
        kind: "nuget",
        fits: |package, _| package.path.ends_with(".deps.json"),
        why: "what the program's list of its dependencies names, the runtime itself included; they read less of that list",
    },
    Rule {
        against: None,
        side: Side::Ours,
        kind: "cargo",
        fits: |package, _| package.by == "rust-binary",
        why: "crates whose paths stand in a program that was built without a list of them: weak evidence, marked so",
    },
    Rule {
        against: None,
        side: Side::Ours,
        kind: "generic",
        fits: |package, _| package.by == "classifier",
        why: "libraries that came inside of a package, known by their bytes; they look only for those of their own lists",
    },
    Rule {
        against: None,
        side: Side::Ours,
        kind: "golang",
        fits: |package, _| package.version == "(devel)",
        why: "the program's own module, built from a checkout without a version",
    },
    Rule {
        against: Some(Kind::Trivy),
        side: Side::Ours,
        kind: "golang",
        fits: |package, context| {
            package.by == "go-binary"
                && context.namesakes(Side::Ours, package).is_empty()
                && !context.across(Side::Ours, package).is_empty()
        },
        why: "the program's own module with the version that the linker was told; theirs lists it only where it knows the variable",
    },
    Rule {
        against: Some(Kind::Syft),
        side: Side::Ours,
        kind: "maven",
        fits: |package, context| !context.across(Side::Ours, package).is_empty(),
        why: "the archive itself; theirs lists only what is shaded into it",
    },
    Rule {
        against: Some(Kind::Trivy),
        side: Side::Ours,
        kind: "maven",
        fits: |_, _| true,
        why: "it names archives by an index that it downloads, and there is no network",
    },
    Rule {
        against: None,
        side: Side::Theirs,
        kind: "",
        fits: |package, context| {
            !context.namesakes(Side::Theirs, package).is_empty() && package.version.is_empty()
        },
        why: "without a version, which we know",
    },
];

/// Why only one list has this package.
pub(super) fn explain(
    against: Kind,
    side: Side,
    package: &Listed,
    context: &Context<'_>,
) -> Option<&'static str> {
    RULES
        .iter()
        .find(|rule| {
            rule.against.is_none_or(|kind| kind == against)
                && rule.side == side
                && (rule.kind.is_empty() || rule.kind == package.kind)
                && (rule.fits)(package, context)
        })
        .map(|rule| rule.why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(kind: &str, name: &str, version: &str, path: &str) -> Listed {
        Listed {
            kind: kind.to_owned(),
            namespace: String::new(),
            name: name.to_owned(),
            version: version.to_owned(),
            path: path.to_owned(),
            by: String::new(),
        }
    }

    #[test]
    fn a_difference_is_explained_by_facts_or_not_at_all() {
        let ours = BTreeSet::from([listed("maven", "behaviors-plugin", "2.8.1", "opt/plugin.jar")]);
        let theirs = BTreeSet::from([
            listed("maven", "plugin", "2.8.1", "/opt/plugin.jar"),
            listed("pypi", "six", "1.16.0", "/usr/lib/six.py"),
            listed("pypi", "urllib3", "1.26", "/srv/urllib3"),
        ]);
        let owned = BTreeSet::from(["usr/lib/six.py".to_owned()]);
        let context = Context::new(&ours, &theirs, Some(&owned));
        let explained: Vec<(Side, &str, bool)> = context
            .differences()
            .into_iter()
            .map(|(side, package)| {
                let why = explain(Kind::Syft, side, package, &context);
                (side, package.name.as_str(), why.is_some())
            })
            .collect();
        let wanted = [
            (Side::Theirs, "plugin", true),
            (Side::Theirs, "six", true),
            (Side::Theirs, "urllib3", false),
            (Side::Ours, "behaviors-plugin", true),
        ];
        assert_eq!(explained, wanted);
    }

    #[test]
    fn names_of_one_project_are_one() {
        let one = key(&listed("pypi", "Charset_Normalizer", "3", ""));
        assert_eq!(one, key(&listed("pypi", "charset-normalizer", "3", "")));
        assert_ne!(one, key(&listed("npm", "charset-normalizer", "3", "")));
        let one = key(&listed("golang", "BobuSumisu/aho-corasick", "v1.0.3", ""));
        assert_eq!(one, key(&listed("golang", "bobusumisu/aho-corasick", "1.0.3", "")));
    }
}
