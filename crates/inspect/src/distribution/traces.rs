//! What a distribution leaves in files that nobody thinks of: the C library, and where packages come from.
//!
//! In: `libc.so.6` and musl's loader, apt's and apk's sources. Out: a field with what each says. Source: glibc's
//! `csu/version.c`; musl's `__libc_version`; `sources.list(5)` in both its forms; apk's `repositories`. Odd: of a library
//! only the start is read, in which its own name and version stand.

use std::{collections::BTreeMap, sync::LazyLock};

use plimsoll_image::EntryMeta;
use regex::bytes::Regex;

use crate::{
    facts::{DistributionFact, FileFacts},
    parser::{ClaimedFile, ParseError, Parser, Want},
    paths::child_of,
};

/// The field with a C library's name and version: `Debian GLIBC 2.36-9+deb12u4`, `musl 1.2.5`.
pub(crate) const LIBC: &str = "LIBC";
/// The field with the version that a program or library says to be of.
pub(crate) const VERSION: &str = "VERSION";
/// The field with suites or addresses of package sources, separated by blanks.
pub(crate) const SOURCES: &str = "SOURCES";

/// How a file's name begins, what it says around its version, and the packages that bring it.
pub(crate) const TEXTS: &[(&str, &str, &[&str])] = &[
    (
        "libcrypto.so.",
        r"OpenSSL ([0-9]+\.[0-9]+\.[0-9]+[a-z]{0,2})[ A-Za-z-]{1,12}[0-9]{1,2} [A-Z][a-z]{2} [0-9]{4}",
        &["libssl3", "libssl3t64", "libssl1.1", "openssl-libs", "libcrypto3", "libcrypto1.1"],
    ),
    (
        "libcurl.so.",
        r"libcurl/([0-9]+\.[0-9]+\.[0-9]+)",
        &["libcurl4", "libcurl4t64", "libcurl", "libcurl-minimal"],
    ),
    ("libexpat.so.", r"expat_([0-9]+\.[0-9]+\.[0-9]+)", &["libexpat1", "expat", "libexpat"]),
    ("busybox", r"BusyBox v([0-9]+\.[0-9]+\.[0-9]+)", &["busybox", "busybox-static"]),
    ("bash", r"@\(#\)Bash version ([0-9]+\.[0-9]+\.[0-9]+)", &["bash"]),
];

/// Bytes of a C library that are read: several times what one has.
const LIBRARY: u64 = 8 << 20;
/// Bytes of a list of sources that are read.
const LIST: u64 = 64 << 10;
/// Sources of one file that are kept.
const MAX_SOURCES: usize = 50;

/// Folders that hold the C library of a system; some have one more level, named after the machine.
const LIBRARIES: &[&str] = &["lib", "lib64", "usr/lib", "usr/lib64"];

/// Reads them.
#[derive(Debug)]
pub(crate) struct Traces;

impl Parser for Traces {
    fn id(&self) -> &'static str {
        "distribution-traces"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "libc.so.6, libc-2.*.so and ld-musl-*.so.1 of the system, OpenSSL's, curl's and expat's libraries, busybox and bash (their versions), etc/apt/sources.list, etc/apt/sources.list.d/*, etc/apk/repositories: what they say of the distribution"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        if is_library(path) || text_of(path).is_some() {
            return Some(Want::Head { limit: LIBRARY });
        }
        let is_list = path == b"etc/apt/sources.list"
            || path == b"etc/apk/repositories"
            || child_of(path, "etc/apt/sources.list.d")
                .is_some_and(|name| name.ends_with(b".list") || name.ends_with(b".sources"));
        is_list.then_some(Want::Head { limit: LIST })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let path = file.path.as_bytes();
        let found = if is_library(path) {
            library(file.bytes).map(|text| (LIBC, text))
        } else if let Some(row) = text_of(path) {
            version_in(row, file.bytes).map(|text| (VERSION, text))
        } else {
            let text = String::from_utf8_lossy(file.bytes);
            let sources: Vec<String> = text.lines().flat_map(sources).take(MAX_SOURCES).collect();
            (!sources.is_empty()).then(|| (SOURCES, sources.join(" ")))
        };
        let distribution = found.map(|(field, text)| DistributionFact {
            fields: BTreeMap::from([(field.to_owned(), text)]),
        });
        Ok(FileFacts { distribution, ..FileFacts::default() })
    }
}

/// The row of [`TEXTS`] for a file of the system.
pub(crate) fn text_of(path: &[u8]) -> Option<usize> {
    let (folder, name) = folder_and_name(path)?;
    let is_program = matches!(folder, b"bin" | b"usr/bin");
    TEXTS.iter().position(|(start, ..)| match start.strip_prefix("lib") {
        Some(_) => name.starts_with(start.as_bytes()) && is_of_libraries(folder),
        None => name == start.as_bytes() && is_program,
    })
}

/// The version that a file of a row says.
fn version_in(row: usize, bytes: &[u8]) -> Option<String> {
    static REGEXES: LazyLock<Vec<Option<Regex>>> = LazyLock::new(|| {
        TEXTS.iter().map(|(_, text, _)| Regex::new(&format!("(?-u){text}")).ok()).collect()
    });
    let found = REGEXES.get(row)?.as_ref()?.captures(bytes)?;
    Some(String::from_utf8_lossy(found.get(1)?.as_bytes()).into_owned())
}

fn folder_and_name(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let slash = path.iter().rposition(|&byte| byte == b'/')?;
    let (folder, name) = path.split_at_checked(slash)?;
    Some((folder, name.strip_prefix(b"/")?))
}

fn is_library(path: &[u8]) -> bool {
    let Some((folder, name)) = folder_and_name(path) else { return false };
    let is_named = name == b"libc.so.6"
        || (name.starts_with(b"libc-2.") && name.ends_with(b".so"))
        || (name.starts_with(b"ld-musl-") && name.ends_with(b".so.1"));
    is_named && is_of_libraries(folder)
}

fn is_of_libraries(folder: &[u8]) -> bool {
    LIBRARIES.iter().any(|known| {
        let rest = folder.strip_prefix(known.as_bytes());
        rest.is_some_and(|rest| match rest.strip_prefix(b"/") {
            Some(machine) => machine.ends_with(b"-linux-gnu") && !machine.contains(&b'/'),
            None => rest.is_empty(),
        })
    })
}

/// `GNU C Library (Debian GLIBC 2.36-9+deb12u4) stable release version 2.36.`, or musl's `1.2.5` between zeros.
fn library(bytes: &[u8]) -> Option<String> {
    static GLIBC: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r"(?-u)GNU C Library(?: \(([ -'*-~]{1,100})\))?[ a-z]{1,40} version ([0-9.]{1,12}[0-9])",
        )
        .ok()
    });
    static MUSL: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?-u)\x00(1\.[0-9]{1,2}\.[0-9]{1,3}[0-9A-Za-z_+.-]{0,30})\x00").ok()
    });
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if let Some(found) = GLIBC.as_ref()?.captures(bytes) {
        let package = found.get(1).map_or("GNU libc".to_owned(), |name| text(name.as_bytes()));
        let number = text(found.get(2)?.as_bytes());
        return Some(if package == "GNU libc" { format!("{package} {number}") } else { package });
    }
    let is_musl = bytes.windows(9).any(|part| part == b"musl libc");
    let found = if is_musl { MUSL.as_ref()?.captures(bytes) } else { None };
    Some(format!("musl {}", text(found?.get(1)?.as_bytes())))
}

/// The suites or addresses that a line names.
fn sources(line: &str) -> Vec<String> {
    let line = line.trim();
    let mut words = line.split_whitespace();
    let first = words.next().unwrap_or_default();
    let bounded = |word: &str| word.chars().filter(|c| !c.is_control()).take(200).collect();
    match first {
        "deb" | "deb-src" => {
            // Options stand in brackets, with blanks in them.
            let rest = line.split_once(']').map_or(line, |(_, rest)| rest);
            let mut words = rest.split_whitespace().skip_while(|word| !word.contains("://"));
            words.nth(1).map(bounded).into_iter().collect()
        }
        "Suites:" => words.map(bounded).collect(),
        // `@name https://…` is tagged: only what asks for it comes from there.
        _ => match first.split_once("://") {
            Some((_, address)) => vec![bounded(address)],
            None => Vec::new(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_known_by_their_place() {
        for (path, wanted) in [
            ("lib/x86_64-linux-gnu/libc.so.6", true),
            ("usr/lib/aarch64-linux-gnu/libc-2.31.so", true),
            ("lib64/libc.so.6", true),
            ("lib/ld-musl-x86_64.so.1", true),
            ("usr/lib/x/y/libc.so.6", false),
            ("opt/lib/libc.so.6", false),
            ("lib/libc.so", false),
        ] {
            assert_eq!(is_library(path.as_bytes()), wanted, "{path}");
        }
    }

    #[test]
    fn libraries_say_who_they_are() {
        for (bytes, wanted) in [
            (
                &b"\0GNU C Library (Debian GLIBC 2.36-9+deb12u4) stable release version 2.36.\n"[..],
                Some("Debian GLIBC 2.36-9+deb12u4"),
            ),
            (
                b"GNU C Library (GNU libc) stable release version 2.38 (git 6e3a0e0).\n",
                Some("GNU libc 2.38"),
            ),
            (
                b"GNU C Library stable release version 2.12, by Roland McGrath",
                Some("GNU libc 2.12"),
            ),
            (b"musl libc (x86_64)\nVersion %s\n\0\x001.2.5\0", Some("musl 1.2.5")),
            (b"\x001.2.5\0", None),
            (b"", None),
        ] {
            assert_eq!(library(bytes).as_deref(), wanted, "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn files_say_their_versions() {
        for (path, bytes, wanted) in [
            (
                "usr/lib/x86_64-linux-gnu/libcrypto.so.3",
                &b"\0OpenSSL 3.0.9 30 May 2023\0"[..],
                Some("3.0.9"),
            ),
            ("usr/lib64/libcrypto.so.1.1.1k", b"OpenSSL 1.1.1k  FIPS 25 Mar 2021", Some("1.1.1k")),
            ("lib/libcurl.so.4.8.0", b"x libcurl/8.5.0 y", Some("8.5.0")),
            ("bin/busybox", b"BusyBox v1.36.1 (2024-01-01)", Some("1.36.1")),
            ("usr/bin/bash", b"@(#)Bash version 5.2.15(1) release GNU", Some("5.2.15")),
            ("usr/lib/libexpat.so.1", b"expat_2.5.0", Some("2.5.0")),
            ("opt/bin/bash", b"@(#)Bash version 5.2.15(1) release GNU", None),
            ("usr/bin/bash", b"#!/bin/sh", None),
        ] {
            let found = text_of(path.as_bytes()).and_then(|row| version_in(row, bytes));
            assert_eq!(found.as_deref(), wanted, "{path}");
        }
    }

    #[test]
    fn sources_are_read_in_all_forms() {
        for (line, wanted) in [
            ("deb http://deb.debian.org/debian bookworm main", vec!["bookworm"]),
            ("deb [signed-by=/a b=c] https://x/y jammy-updates main", vec!["jammy-updates"]),
            ("Suites: trixie trixie-updates", vec!["trixie", "trixie-updates"]),
            ("# deb http://x y z", vec![]),
            (
                "https://dl-cdn.alpinelinux.org/alpine/v3.20/main",
                vec!["dl-cdn.alpinelinux.org/alpine/v3.20/main"],
            ),
            ("@edge https://dl-cdn.alpinelinux.org/alpine/edge/main", vec![]),
            ("deb", vec![]),
        ] {
            assert_eq!(sources(line), wanted, "{line}");
        }
    }
}
