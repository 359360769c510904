//! `rebar.lock`: what rebar3 resolved for an Erlang program.
//!
//! In: `{"1.2.0", [{<<"cowboy">>, {pkg, <<"cowboy">>, <<"2.9.0">>}, 0}, …]}.` or, of older ones, the list alone; then a list
//! of hashes. Out: a package for each. Source: rebar3, "Dependencies", and `rebar_config.erl`. Odd: the name of a package
//! may differ from its application's; what comes from a repository has its commit for a version.

use plimsoll_image::EntryMeta;

use super::{
    HEX,
    mix_lock::is_inside_dependency,
    term::{self, Term},
};
use crate::{
    facts::FileFacts,
    packages::lock::{LIMIT, LockFile, Locked, is_inside_package},
    parser::{ClaimedFile, ParseError, Parser, Want},
    paths,
};

/// Reads rebar's lock file.
#[derive(Debug)]
pub(crate) struct RebarLock;

impl Parser for RebarLock {
    fn id(&self) -> &'static str {
        "rebar-lock"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "rebar.lock"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        let is_inside = || is_inside_package(path) || is_inside_dependency(path);
        (paths::ends_with(path, b"rebar.lock") && !is_inside())
            .then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let text = String::from_utf8_lossy(file.bytes);
        let terms = term::read(&text)?;
        let dependencies = terms.first().map(|first| match first.items() {
            [Term::Text(_), list] => list.items(),
            list => list,
        });
        let mut lock = LockFile::new(HEX);
        for dependency in dependencies.unwrap_or_default() {
            let [name, source, ..] = dependency.items() else { continue };
            match source.items() {
                [Term::Word("pkg"), name, version, ..] => {
                    let (name, version) = (name.text().unwrap_or_default(), version.text());
                    lock.add(&Locked {
                        name,
                        version: version.unwrap_or_default(),
                        ..Locked::default()
                    });
                }
                [Term::Word(_), Term::Text(address), reference, ..] => {
                    let version = reference.items().get(1).and_then(Term::text);
                    lock.add(&Locked {
                        name: name.text().unwrap_or_default(),
                        version: version.unwrap_or_default(),
                        origin: Some(address),
                        ..Locked::default()
                    });
                }
                _ => {}
            }
        }
        Ok(lock.finish())
    }
}
