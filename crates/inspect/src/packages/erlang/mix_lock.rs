//! `mix.lock`: what Mix resolved for an Elixir program.
//!
//! In: a map from applications to `{:hex, :package, "version", …}` or `{:git, "address", "commit", …}`. Out: a package for
//! each. Source: Mix, `Mix.Dep.Lock`; Hex, `Hex.SCM`. Odd: the name of a package may differ from its application's; what
//! comes from a repository has its commit for a version; what only tests need is not told.

use plimsoll_image::EntryMeta;

use super::{
    HEX,
    term::{self, Term},
};
use crate::{
    facts::{FileFacts, Problem, clip},
    packages::lock::{LIMIT, LockFile, Locked, is_inside_package},
    parser::{ClaimedFile, ParseError, Parser, Want},
    paths,
};

/// Reads Mix's lock file.
#[derive(Debug)]
pub(crate) struct MixLock;

impl Parser for MixLock {
    fn id(&self) -> &'static str {
        "mix-lock"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "mix.lock"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        let is_inside = || is_inside_package(path) || is_inside_dependency(path);
        (paths::ends_with(path, b"mix.lock") && !is_inside())
            .then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let text = String::from_utf8_lossy(file.bytes);
        let terms = term::read(&text)?;
        let mut lock = LockFile::new(HEX);
        // Keys and entries stand side by side.
        let entries = terms.iter().flat_map(Term::items);
        for entry in entries.filter(|term| !term.items().is_empty()) {
            match entry.items() {
                [Term::Word("hex"), name, Term::Text(version), ..] => {
                    let name = name.text().unwrap_or_default();
                    lock.add(&Locked { name, version, ..Locked::default() });
                }
                [Term::Word("git"), Term::Text(address), Term::Text(commit), ..] => {
                    let name = repository(address);
                    let origin = Some(*address);
                    lock.add(&Locked { name, version: commit, origin, ..Locked::default() });
                }
                [Term::Word(kind), ..] => {
                    let detail = format!("an entry is of the unknown kind `{}`", clip(kind));
                    lock.problem(|| Problem::unreadable(detail));
                }
                _ => {}
            }
        }
        Ok(lock.finish())
    }
}

/// The name of a repository by its address: mostly that of its package.
pub(super) fn repository(address: &str) -> &str {
    let name = address.trim_end_matches('/').rsplit(['/', ':']).next().unwrap_or(address);
    name.strip_suffix(".git").unwrap_or(name)
}

/// Mix and rebar keep the sources of dependencies in `deps/<name>` and `_build/…/lib/<name>`.
pub(super) fn is_inside_dependency(path: &[u8]) -> bool {
    let mut parts =
        path.split(|&byte| byte == b'/').skip_while(|part| !matches!(*part, b"deps" | b"_build"));
    parts.next().is_some() && parts.count() > 1
}
