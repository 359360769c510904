//! `Gemfile.lock` and `gems.locked`: what Bundler resolved.
//!
//! In: sections (`GEM`, `GIT`, `PLUGIN SOURCE`, …) with `specs:`, below which gems stand with four blanks in front and what
//! they need with six. Out: a package for each gem that does not come from a folder. Source: Bundler,
//! `lockfile_parser.rb`.
//!
//! Odd: a gem stands once for each platform (`nokogiri (1.13.10-x86_64-linux)`); the groups are not in the file, so that
//! what only development needs cannot be told.

use plimsoll_image::EntryMeta;

use super::RUBY_GEMS;
use crate::{
    facts::{FileFacts, Problem, clip},
    packages::lock::{LIMIT, LockFile, Locked, is_inside_package},
    parser::{ClaimedFile, ParseError, Parser, Want},
    paths,
};

/// Reads Bundler's lock file.
#[derive(Debug)]
pub(crate) struct GemfileLock;

impl Parser for GemfileLock {
    fn id(&self) -> &'static str {
        "gemfile-lock"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "Gemfile.lock, gems.locked"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        let is_lock =
            paths::ends_with(path, b"Gemfile.lock") || paths::ends_with(path, b"gems.locked");
        (is_lock && !is_inside_package(path) && !is_inside_gem(path))
            .then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let text = String::from_utf8_lossy(file.bytes);
        let mut lock = LockFile::new(RUBY_GEMS);
        let (mut section, mut remote, mut in_specs) = ("", "", false);
        for line in text.lines() {
            if !line.starts_with(' ') {
                (section, remote, in_specs) = (line.trim(), "", false);
            } else if let Some(address) = line.strip_prefix("  remote: ") {
                remote = address.trim();
            } else if line.trim_end() == "  specs:" {
                in_specs = true;
            } else if in_specs
                && section != "PATH"
                && let Some(gem) = line.strip_prefix("    ").filter(|gem| !gem.starts_with(' '))
            {
                let Some((name, version)) = gem.split_once(" (") else {
                    lock.problem(|| Problem::unreadable(format!("`{}` has no version", clip(gem))));
                    continue;
                };
                let version = version.split([')', '-']).next().unwrap_or_default();
                let is_elsewhere = section != "GEM" || !remote.starts_with("https://rubygems.org");
                lock.add(&Locked {
                    name,
                    version,
                    origin: is_elsewhere.then_some(remote).filter(|remote| !remote.is_empty()),
                    ..Locked::default()
                });
            }
        }
        Ok(lock.finish())
    }
}

/// Gems bring the lock files of their own development.
fn is_inside_gem(path: &[u8]) -> bool {
    let mut parts = path.split(|&byte| byte == b'/');
    parts.any(|part| part == b"gems") && parts.clone().count() > 1
}
