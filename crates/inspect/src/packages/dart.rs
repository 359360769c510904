//! `pubspec.lock`: what Dart's Pub resolved.
//!
//! In: YAML as Pub writes it: below `packages:` a name with two blanks in front, its fields with four. Out: a package for
//! each that is hosted or comes from a repository. Source: Dart, "Package dependencies", and pub, `lock_file.dart`.
//!
//! Odd: `dependency` tells what only development needs directly, but not what that needs in turn (`transitive`); packages
//! of the SDK and of folders have no version of their own.

use plimsoll_image::EntryMeta;

use super::lock::{LIMIT, LockFile, Locked, is_inside_package};
use crate::{
    facts::FileFacts,
    parser::{ClaimedFile, ParseError, Parser, Want},
    paths,
};

/// Reads Pub's lock file.
#[derive(Debug)]
pub(crate) struct PubspecLock;

#[derive(Default)]
struct Entry<'a> {
    name: &'a str,
    version: &'a str,
    dependency: &'a str,
    source: &'a str,
    url: &'a str,
}

impl Parser for PubspecLock {
    fn id(&self) -> &'static str {
        "pubspec-lock"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "pubspec.lock"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        let is_inside = || {
            is_inside_package(path)
                || path.split(|&byte| byte == b'/').any(|part| part == b".pub-cache")
        };
        (paths::ends_with(path, b"pubspec.lock") && !is_inside())
            .then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let mut lock = LockFile::new("Pub");
        let mut in_packages = false;
        let mut entry = Entry::default();
        for line in file.text()?.lines() {
            let bare = line.trim_start();
            if bare.is_empty() || bare.starts_with('#') {
                continue;
            }
            let indent = line.len() - bare.len();
            let (key, value) = bare.split_once(':').unwrap_or((bare, ""));
            let value = value.trim().trim_matches(['"', '\'']);
            match indent {
                0 => {
                    add(&mut lock, &std::mem::take(&mut entry));
                    in_packages = key == "packages";
                }
                2 if in_packages => {
                    let name = key.trim_matches(['"', '\'']);
                    add(
                        &mut lock,
                        &std::mem::replace(&mut entry, Entry { name, ..Entry::default() }),
                    );
                }
                _ if in_packages => match key {
                    "version" if indent == 4 => entry.version = value,
                    "dependency" if indent == 4 => entry.dependency = value,
                    "source" if indent == 4 => entry.source = value,
                    "url" => entry.url = value,
                    _ => {}
                },
                _ => {}
            }
        }
        add(&mut lock, &entry);
        Ok(lock.finish())
    }
}

fn add(lock: &mut LockFile, entry: &Entry<'_>) {
    if entry.name.is_empty() || matches!(entry.source, "sdk" | "path") {
        return;
    }
    let is_registry = ["https://pub.dev", "https://pub.dartlang.org"].contains(&entry.url);
    lock.add(&Locked {
        name: entry.name,
        version: entry.version,
        development: entry.dependency == "direct dev",
        origin: Some(entry.url).filter(|url| !url.is_empty() && !is_registry),
        ..Locked::default()
    });
}
