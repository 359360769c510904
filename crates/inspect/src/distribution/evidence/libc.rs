//! The C library: what it says about itself when it is run, which stands in its bytes.
//!
//! In: the texts that [`traces`](crate::distribution::traces) found. Out: a vote. Source: `GNU C Library (Debian GLIBC
//! 2.36-9+deb12u4) stable release version 2.36.` of glibc's `csu/version.c`, `--with-pkgversion` of Debian and Ubuntu; musl's
//! `__libc_version`; which version each release ships. Odd: most others build glibc without a name of their own, so their
//! releases are told by its number, where one distribution has one number for each.

use super::{Answer, Kind, Vote};
use crate::distribution::{ReleaseFiles, traces::LIBC};

/// Beginning of Debian's version of glibc, and the release.
const DEBIAN: &[(&str, &str)] = &[
    ("2.13-38", "7"),
    ("2.19-18", "8"),
    ("2.24-11", "9"),
    ("2.28-10", "10"),
    ("2.31-13", "11"),
    ("2.36-9", "12"),
    ("2.41-12", "13"),
];
/// Number of glibc, and Ubuntu's release.
const UBUNTU: &[(&str, &str)] = &[
    ("2.19", "14.04"),
    ("2.23", "16.04"),
    ("2.27", "18.04"),
    ("2.31", "20.04"),
    ("2.33", "21.04"),
    ("2.34", "21.10"),
    ("2.35", "22.04"),
    ("2.36", "22.10"),
    ("2.37", "23.04"),
    ("2.38", "23.10"),
    ("2.39", "24.04"),
    ("2.40", "24.10"),
    ("2.41", "25.04"),
    ("2.42", "25.10"),
];
/// Number of musl, and Alpine's releases, the newest first.
const ALPINE: &[(&str, &[&str])] = &[
    ("1.1.15", &["3.5"]),
    ("1.1.16", &["3.6"]),
    ("1.1.18", &["3.7"]),
    ("1.1.19", &["3.8"]),
    ("1.1.20", &["3.9"]),
    ("1.1.22", &["3.10"]),
    ("1.1.24", &["3.12", "3.11"]),
    ("1.2.2", &["3.15", "3.14", "3.13"]),
    ("1.2.3", &["3.17", "3.16"]),
    ("1.2.4", &["3.19", "3.18"]),
    ("1.2.5", &["3.23", "3.22", "3.21", "3.20"]),
];
/// Number of glibc without a name, and the releases of those that have one number for each.
const NUMBERED: &[(&str, &[&str], &str)] = &[
    ("2.12", REBUILDS, "6"),
    ("2.17", REBUILDS, "7"),
    ("2.28", REBUILDS, "8"),
    ("2.34", REBUILDS, "9"),
    ("2.39", REBUILDS, "10"),
    ("2.17", &["amzn"], "2018.03"),
    ("2.26", &["amzn"], "2"),
    ("2.34", &["amzn"], "2023"),
];
const REBUILDS: &[&str] = &["rhel", "rocky", "almalinux", "centos", "ol"];
/// Others that build it without a name.
const UNNUMBERED: &[&str] = &[
    "fedora",
    "sles",
    "sled",
    "sle_hpc",
    "sles_sap",
    "suse",
    "sle-micro",
    "sl-micro",
    "suse-microos",
    "opensuse-leap",
    "opensuse-tumbleweed",
    "opensuse-microos",
    "opensuse-leap-micro",
    "opensuse",
    "mageia",
    "azurelinux",
    "mariner",
    "photon",
    "bottlerocket",
    "openeuler",
    "euleros",
    "alinux",
    "alios",
    "aliyun",
    "anolis",
    "kylin",
    "tencentos",
    "tlinux",
    "opencloudos",
    "uos",
    "uniontech",
    "arch",
    "archarm",
    "wolfi",
    "chainguard",
    "minimos",
    "cleanstart",
    "clnstrt",
    "alpaquita",
    "bellsoft-hardened-containers",
    "nixos",
    "flatcar",
    "cos",
    "buildroot",
    "openwrt",
    "gentoo",
];
/// Others that have musl.
const MUSL: &[&str] =
    &["openwrt", "alpaquita", "bellsoft-hardened-containers", "gentoo", "buildroot", "talos"];

/// C libraries of one image that are heard.
const MAX_LIBRARIES: usize = 4;

/// What all C libraries of the image say; tools of another distribution may bring a second one.
pub(super) fn vote(files: &ReleaseFiles) -> Option<Vote> {
    let texts = files.iter().filter_map(|(path, fields)| Some((path, fields.get(LIBC)?)));
    let mut votes: Vec<(String, Vec<Answer>)> = texts
        .take(MAX_LIBRARIES)
        .filter_map(|(path, text)| Some((format!("`{path}` says `{text}`"), answers(text)?)))
        .collect();
    votes.dedup_by(|(_, one), (_, other)| one == other);
    let says = votes.iter().map(|(says, _)| says.as_str()).collect::<Vec<_>>().join(", ");
    let answers: Vec<Answer> = votes.into_iter().flat_map(|(_, answers)| answers).collect();
    (!answers.is_empty()).then_some(Vote { kind: Kind::Libc, answers, says })
}

fn answers(text: &str) -> Option<Vec<Answer>> {
    let (name, version) = text.rsplit_once(' ')?;
    let of = |table: &'static [(&str, &str)]| {
        let known = table.iter().find(|(start, _)| starts(version, start));
        known.map_or("", |(_, release)| *release)
    };
    let any = |ids: &'static [&'static str]| ids.iter().map(|id| Answer::new(id, ""));
    Some(match name {
        "Debian GLIBC" | "Debian EGLIBC" => vec![Answer::new("debian", of(DEBIAN))],
        "Ubuntu GLIBC" | "Ubuntu EGLIBC" => vec![Answer::new("ubuntu", of(UBUNTU))],
        "musl" => {
            let known = ALPINE.iter().find(|(start, _)| starts(version, start));
            let releases = known.map_or(&[""][..], |(_, releases)| *releases);
            let alpine = releases.iter().map(|release| Answer::new("alpine", *release));
            alpine.chain(any(MUSL)).collect()
        }
        "GNU libc" => {
            let known = NUMBERED.iter().filter(|(number, ..)| *number == version);
            let numbered =
                known.flat_map(|(_, ids, release)| ids.iter().map(|id| Answer::new(id, *release)));
            numbered.chain(any(UNNUMBERED)).collect()
        }
        _ => return None,
    })
}

/// Whether a version begins with whole numbers of another.
fn starts(version: &str, start: &str) -> bool {
    let rest = version.strip_prefix(start);
    rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_libraries_name_their_distribution() {
        for (text, wanted) in [
            ("Debian GLIBC 2.36-9+deb12u14", Some(("debian", "12"))),
            ("Debian GLIBC 2.42-1", Some(("debian", ""))),
            ("Debian EGLIBC 2.13-38+deb7u10", Some(("debian", "7"))),
            ("Ubuntu GLIBC 2.35-0ubuntu3.8", Some(("ubuntu", "22.04"))),
            ("musl 1.2.5", Some(("alpine", "3.23"))),
            ("musl 1.2.4_git20230717", Some(("alpine", "3.19"))),
            ("musl 1.2.54", Some(("alpine", ""))),
            ("GNU libc 2.34", Some(("rhel", "9"))),
            ("GNU libc 2.38", Some(("fedora", ""))),
            ("Somebody 2.38", None),
        ] {
            let found = answers(text);
            let found = found.as_ref().map(|it| (it[0].id, it[0].version.as_str()));
            assert_eq!(found, wanted, "{text}");
        }
    }

    #[test]
    fn every_distribution_that_ships_a_c_library_is_somewhere() {
        let all: Vec<Answer> =
            ["Debian GLIBC 1", "Ubuntu GLIBC 1", "musl 1", "GNU libc 2.34", "GNU libc 2.28"]
                .into_iter()
                .filter_map(answers)
                .flatten()
                .collect();
        for id in crate::distribution::distributions().iter().flat_map(|row| row.ids) {
            assert!(all.iter().any(|answer| answer.agrees(id, "")), "{id}");
        }
    }
}
