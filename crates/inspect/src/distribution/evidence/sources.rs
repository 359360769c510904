//! Where packages come from: apt's suites, apk's repositories, the names of yum's repositories, dpkg's origins.
//!
//! In: what [`traces`](crate::distribution::traces) found in them, and names of files. Out: a vote. Source:
//! `sources.list(5)`; apk's `repositories`; the packages of each distribution. Odd: these are wishes, not facts; a system
//! may well name the sources of another release beside its own.

use super::{Answer, Kind, Vote};
use crate::{
    distribution::{ReleaseFiles, distro::CODE_NAMES, traces::SOURCES},
    paths::child_of,
};

/// Folder whose files' names tell the distribution.
pub(in crate::distribution) const YUM: &str = "etc/yum.repos.d";
/// Folder with one file for each distribution that dpkg's packages descend from.
pub(in crate::distribution) const ORIGINS: &str = "etc/dpkg/origins";

/// How names of yum's files begin, in lower case.
const REPOSITORIES: &[(&str, &str)] = &[
    ("redhat", "rhel"),
    ("ubi", "rhel"),
    ("rocky", "rocky"),
    ("almalinux", "almalinux"),
    ("centos", "centos"),
    ("oracle-linux", "ol"),
    ("fedora", "fedora"),
    ("amazonlinux", "amzn"),
    ("amzn2", "amzn"),
    ("photon", "photon"),
    ("mariner", "mariner"),
    ("azurelinux", "azurelinux"),
    ("openeuler", "openeuler"),
    ("anolis", "anolis"),
    ("kylin", "kylin"),
    ("tencentos", "tencentos"),
    ("opencloudos", "opencloudos"),
];

pub(super) fn vote(files: &ReleaseFiles) -> Option<Vote> {
    let mut found: Vec<(Answer, String)> = Vec::new();
    for (path, fields) in files {
        if let Some(name) = child_of(path.as_bytes(), YUM) {
            let name = String::from_utf8_lossy(name).to_lowercase();
            let known = REPOSITORIES.iter().find(|(start, _)| name.starts_with(start));
            found.extend(known.map(|(_, id)| (Answer::new(id, ""), path.clone())));
        } else if let Some(name) = child_of(path.as_bytes(), ORIGINS) {
            let known = ["ubuntu", "kali", "raspbian", "devuan"];
            let id = known.into_iter().find(|id| id.as_bytes() == name);
            found.extend(id.map(|id| (Answer::new(id, ""), path.clone())));
        }
        for word in fields.get(SOURCES).map(String::as_str).unwrap_or_default().split(' ') {
            found.extend(source(word).map(|answer| (answer, path.clone())));
        }
    }
    let (first, path) = found.first()?;
    let says = format!("`{path}` names `{}`", format!("{} {}", first.id, first.version).trim());
    let answers = found.iter().map(|(answer, _)| answer.clone()).collect();
    Some(Vote { kind: Kind::Sources, answers, says })
}

/// A suite of apt's, or a repository of apk's.
fn source(word: &str) -> Option<Answer> {
    if let Some((host, rest)) = word.split_once('/') {
        let of_alpine = |part: &str| {
            let number = part.strip_prefix('v')?;
            let is_release = number.split('.').count() == 2
                && number.chars().all(|c| c.is_ascii_digit() || c == '.');
            is_release.then(|| Answer::new("alpine", number))
        };
        if host.ends_with("wolfi.dev") {
            return Some(Answer::new("wolfi", ""));
        }
        if rest.contains("alpine") || host.contains("alpine") {
            return rest.split('/').find_map(of_alpine);
        }
    }
    let suite = word.split(['-', '/']).next().unwrap_or_default();
    let (_, id, version) = CODE_NAMES.iter().find(|(name, ..)| *name == suite)?;
    Some(Answer::new(id, *version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_and_repositories_name_the_release() {
        for (word, wanted) in [
            ("bookworm", Some(("debian", "12"))),
            ("bullseye/updates", Some(("debian", "11"))),
            ("trixie-security", Some(("debian", "13"))),
            ("jammy-updates", Some(("ubuntu", "22.04"))),
            ("stable", None),
            ("dl-cdn.alpinelinux.org/alpine/v3.23/main", Some(("alpine", "3.23"))),
            ("dl-cdn.alpinelinux.org/alpine/edge/main", None),
            ("packages.wolfi.dev/os", Some(("wolfi", ""))),
            ("", None),
        ] {
            let found = source(word);
            assert_eq!(found.as_ref().map(|it| (it.id, it.version.as_str())), wanted, "{word}");
        }
    }
}
