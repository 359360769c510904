//! `stack.yaml.lock`: what Stack resolved beyond its snapshot.
//!
//! In: YAML as Stack writes it: below `packages:` entries with `completed:` and `original:`. Out: a package for each that is
//! completed. Source: Stack, "Lock files". Odd: packages of Hackage are `name-version@sha256:…,size`; those of repositories
//! and archives have `name` and `version`; packages of the snapshot itself are not in the file.

use plimsoll_image::EntryMeta;

use super::{HACKAGE, parted};
use crate::{
    facts::{FileFacts, Problem, clip},
    packages::lock::{LIMIT, LockFile, Locked, is_inside_package},
    parser::{ClaimedFile, ParseError, Parser, Want},
    paths,
};

/// Reads Stack's lock file.
#[derive(Debug)]
pub(crate) struct StackLock;

#[derive(Default)]
struct Entry<'a> {
    name: &'a str,
    version: &'a str,
    origin: &'a str,
}

impl Parser for StackLock {
    fn id(&self) -> &'static str {
        "stack-lock"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "stack.yaml.lock"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        (paths::ends_with(path, b"stack.yaml.lock") && !is_inside_package(path))
            .then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let mut lock = LockFile::new(HACKAGE);
        let (mut in_packages, mut completed) = (false, None);
        let mut entry = Entry::default();
        for line in file.text()?.lines() {
            let bare = line.trim_start_matches([' ', '-']);
            if bare.is_empty() || bare.starts_with('#') {
                continue;
            }
            let indent = line.len() - bare.len();
            let (key, value) = bare.split_once(':').unwrap_or((bare, ""));
            let value = value.trim().trim_matches(['"', '\'']);
            if indent == 0 {
                in_packages = key == "packages";
            }
            if !in_packages {
                continue;
            }
            if completed.is_some_and(|depth| indent <= depth) {
                completed = None;
                add(&mut lock, &std::mem::take(&mut entry));
            }
            match key {
                "completed" => completed = Some(indent),
                _ if completed.is_none() => {}
                "hackage" => {
                    let identifier = value.split('@').next().unwrap_or(value);
                    match parted(identifier) {
                        Some((name, version)) => (entry.name, entry.version) = (name, version),
                        None => lock.problem(|| {
                            Problem::unreadable(format!("`{}` has no version", clip(value)))
                        }),
                    }
                }
                "name" => entry.name = value,
                "version" => entry.version = value,
                "git" | "url" => entry.origin = value,
                _ => {}
            }
        }
        add(&mut lock, &entry);
        Ok(lock.finish())
    }
}

fn add(lock: &mut LockFile, entry: &Entry<'_>) {
    if !entry.name.is_empty() {
        lock.add(&Locked {
            name: entry.name,
            version: entry.version,
            origin: Some(entry.origin).filter(|origin| !origin.is_empty()),
            ..Locked::default()
        });
    }
}
