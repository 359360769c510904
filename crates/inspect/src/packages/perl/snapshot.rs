//! `cpanfile.snapshot`: what Carton resolved.
//!
//! In: lines: below `DISTRIBUTIONS` a distribution with two blanks in front, its fields with four. Out: a package for each,
//! with its author from `pathname`. Source: Carton, `Snapshot::Parser`.

use plimsoll_image::EntryMeta;

use super::{CPAN, author, parted};
use crate::{
    facts::{FileFacts, Problem, clip},
    packages::lock::{LIMIT, LockFile, Locked, is_inside_package},
    parser::{ClaimedFile, ParseError, Parser, Want},
    paths,
};

/// Reads Carton's snapshot.
#[derive(Debug)]
pub(crate) struct CpanSnapshot;

impl Parser for CpanSnapshot {
    fn id(&self) -> &'static str {
        "cpanfile-snapshot"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "cpanfile.snapshot"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        (paths::ends_with(path, b"cpanfile.snapshot") && !is_inside_package(path))
            .then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let mut lock = LockFile::new(CPAN);
        let mut pending: Option<&str> = None;
        for line in file.text()?.lines() {
            if let Some(path) = line.strip_prefix("    pathname: ") {
                if let Some(dist) = pending.take() {
                    add(&mut lock, dist, author(path.trim()));
                }
            } else if let Some(dist) = line.strip_prefix("  ").filter(|rest| !rest.starts_with(' '))
                && let Some(before) = pending.replace(dist.trim())
            {
                add(&mut lock, before, None);
            }
        }
        if let Some(dist) = pending {
            add(&mut lock, dist, None);
        }
        Ok(lock.finish())
    }
}

fn add(lock: &mut LockFile, dist: &str, author: Option<&str>) {
    match parted(dist) {
        Some((name, version)) => {
            lock.add(&Locked { namespace: author, name, version, ..Locked::default() });
        }
        None => lock.problem(|| Problem::unreadable(format!("`{}` has no version", clip(dist)))),
    }
}
