//! Libraries whose versions are known without the package database.
//!
//! In: the tree, what C libraries say of themselves, the packages of the databases. Out: a gap for each library that the
//! database gives another version. Source: the names of the libraries' files; glibc's and musl's own texts. Odd: who raises
//! the versions in a database wants nothing to match; the files then still say what they are.

use plimsoll_image::{EntryKind, NodeRef, Tree, TreePath};
use plimsoll_model::Gap;

use super::database_gap;
use crate::{
    distribution::{
        Family, Listed, ReleaseFiles, Shown,
        traces::{LIBC, TEXTS, VERSION, text_of},
    },
    facts::clip,
};

/// What a library is called before and behind its version, and the packages that have it.
const LIBRARIES: &[(&str, &str, &[&str])] = &[
    ("libz.so.", "", &["zlib1g", "zlib", "libz1"]),
    ("liblzma.so.", "", &["liblzma5", "xz-libs"]),
    ("libzstd.so.", "", &["libzstd1", "libzstd", "zstd-libs"]),
    ("liblz4.so.", "", &["liblz4-1", "lz4-libs", "liblz4"]),
    ("libtinfo.so.", "", &["libtinfo6", "ncurses-libs"]),
    ("libncursesw.so.", "", &["libncursesw6", "ncurses-libs", "libncursesw", "libncurses6"]),
    ("libreadline.so.", "", &["libreadline8", "libreadline8t64", "readline"]),
    ("libperl.so.", "", &["libperl5.36", "libperl5.40", "perl-libs"]),
    ("libcrypto.so.", "", &["libssl3", "libssl3t64", "libssl1.1", "openssl-libs", "libcrypto3"]),
    ("libelf-", ".so", &["libelf1", "libelf1t64", "elfutils-libelf", "libelf"]),
    ("libdb-", ".so", &["libdb5.3", "libdb5.3t64", "libdb"]),
    ("libc-", ".so", &["libc6", "glibc"]),
];

/// The C library's packages.
const C_LIBRARIES: &[(Family, &str)] = &[
    (Family::Dpkg, "libc6"),
    (Family::Rpm, "glibc"),
    (Family::Apk, "musl"),
    (Family::Apk, "glibc"),
];

/// Folders of the system's libraries; some have one more level, named after the machine.
const FOLDERS: &[&str] = &["lib", "lib64", "usr/lib", "usr/lib64"];

/// Names in one such folder that are looked at.
const MAX_NAMES: usize = 100_000;

pub(super) fn check(tree: &Tree, releases: &ReleaseFiles, shown: &Shown<'_>, gaps: &mut Vec<Gap>) {
    check_c_library(releases, shown, gaps);
    check_texts(releases, shown, gaps);
    let mut found: Vec<(usize, String, TreePath)> = Vec::new();
    for folder in FOLDERS {
        let Some(folder) = tree.lookup_ref(folder.as_bytes()) else { continue };
        let is_machine = |node: &NodeRef<'_>| {
            node.kind() == EntryKind::Directory && node.name().ends_with(b"-linux-gnu")
        };
        let machines = folder.list().take(MAX_NAMES).filter(is_machine);
        for node in folder.list().take(MAX_NAMES).chain(machines.flat_map(NodeRef::list)) {
            if node.kind() == EntryKind::File
                && let Some((row, version)) = library(node.name())
            {
                found.push((row, version, node.path()));
            }
        }
    }
    for (row, (_, _, names)) in LIBRARIES.iter().enumerate() {
        let files = || found.iter().filter(|(of, ..)| *of == row);
        for (family, packages) in &shown.families {
            let listed = || packages.iter().filter(|package| names.contains(&package.name));
            let agrees = |version: &str| listed().any(|it| is_version(it.version, version));
            if let (Some((_, version, path)), Some(package)) = (files().next(), listed().next())
                && !files().any(|(_, version, _)| agrees(version))
            {
                gaps.push(disagreement(*family, &path.display(), package, version));
            }
        }
    }
}

/// What the C library says of itself against the database's version of it.
fn check_c_library(releases: &ReleaseFiles, shown: &Shown<'_>, gaps: &mut Vec<Gap>) {
    let said: Vec<(&String, &str)> = releases
        .iter()
        .filter_map(|(path, fields)| Some((path, fields.get(LIBC)?.rsplit_once(' ')?.1)))
        .collect();
    let Some((path, first)) = said.first() else { return };
    for (family, packages) in &shown.families {
        for (_, name) in C_LIBRARIES.iter().filter(|(of, _)| of == family) {
            let listed = || packages.iter().filter(|package| package.name == *name);
            let is_said = |package: &Listed<'_>| {
                said.iter().any(|(_, version)| {
                    is_version(package.version, version) || is_version(version, package.version)
                })
            };
            if let Some(package) = listed().next()
                && !listed().any(is_said)
            {
                gaps.push(disagreement(*family, path, package, first));
            }
        }
    }
}

/// What other programs and libraries say of themselves.
fn check_texts(releases: &ReleaseFiles, shown: &Shown<'_>, gaps: &mut Vec<Gap>) {
    let said = releases
        .iter()
        .filter_map(|(path, fields)| Some((text_of(path.as_bytes())?, path, fields.get(VERSION)?)));
    let said: Vec<(usize, &String, &String)> = said.collect();
    for (row, (_, _, names)) in TEXTS.iter().enumerate() {
        let files = || said.iter().filter(|(of, ..)| *of == row);
        for (family, packages) in &shown.families {
            let listed = || packages.iter().filter(|package| names.contains(&package.name));
            let agrees = |version: &str| listed().any(|it| is_version(it.version, version));
            if let (Some((_, path, version)), Some(package)) = (files().next(), listed().next())
                && !files().any(|(_, _, version)| agrees(version))
            {
                gaps.push(disagreement(*family, path, package, version));
            }
        }
    }
}

fn disagreement(family: Family, path: &str, package: &Listed<'_>, version: &str) -> Gap {
    let detail = format!(
        "is of version {}, but the package database says `{} {}`: its versions are forged, or the file is not the package's",
        clip(version),
        clip(package.name),
        clip(package.version)
    );
    database_gap(family, path, detail)
}

/// The row of a library's file, and the version in its name.
fn library(name: &[u8]) -> Option<(usize, String)> {
    let name = std::str::from_utf8(name).ok()?;
    LIBRARIES.iter().enumerate().find_map(|(row, (start, end, _))| {
        let version = name.strip_prefix(start)?.strip_suffix(end)?;
        let is_version = version.starts_with(|c: char| c.is_ascii_digit())
            && version.chars().all(|c| c.is_ascii_alphanumeric() || c == '.');
        is_version.then(|| (row, version.to_owned()))
    })
}

/// Whether a package's version begins with whole numbers of a file's, or the other way round: a package may leave the last
/// ones out (bash 5.1.4 is Debian's `5.1-2`). One that went back to an older version says so behind `really`.
fn is_version(package: &str, file: &str) -> bool {
    let plain = package.split_once(':').map_or(package, |(_, rest)| rest);
    let really = plain.split_once("really").map_or(plain, |(_, rest)| rest);
    let begins = |whole: &str, start: &str| {
        let rest = whole.strip_prefix(start).filter(|_| !start.is_empty());
        rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let upstream = plain.split(['-', '+', '~']).next().unwrap_or_default();
    begins(plain, file) || begins(really, file) || begins(file, upstream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_versions_begin_with_their_files() {
        for (package, file, wanted) in [
            ("1:1.2.13.dfsg-1", "1.2.13", true),
            ("1:1.2.13.dfsg-1", "1.2.1", false),
            ("5.6.1+really5.4.5-1", "5.4.5", true),
            ("6.5_p20250503-r0", "6.5", true),
            ("3.0.9-1", "3", true),
            ("1:3.0.7-18.el9_2", "3.0.7", true),
            ("99.0-1", "1.2.13", false),
            ("5.1-2+deb11u1", "5.1.4", true),
            ("5.2-2", "5.1.4", false),
            ("-1", "5.1.4", false),
            ("", "1", false),
        ] {
            assert_eq!(is_version(package, file), wanted, "{package} {file}");
        }
    }

    #[test]
    fn versions_stand_in_the_names_of_files() {
        for (name, wanted) in [
            ("libz.so.1.2.13", Some("1.2.13")),
            ("libelf-0.188.so", Some("0.188")),
            ("libcrypto.so.1.1", Some("1.1")),
            ("libz.so", None),
            ("libzstd.so.x", None),
            ("libz.so.1.2.13-gdb.py", None),
        ] {
            let found = library(name.as_bytes()).map(|(_, version)| version);
            assert_eq!(found.as_deref(), wanted, "{name}");
        }
    }
}
