//! `pnpm-lock.yaml`: what pnpm resolved, lock file versions 5 to 9.
//!
//! In: lines of YAML as pnpm writes them: a key per line, two blanks per level, flow style for single maps. Out: a package
//! for each key of `packages` that does not come from a folder. Source: pnpm's lock file specification and what its versions
//! 3 to 10 write.
//!
//! Odd: keys were `/name/1.0.0_peer` until version 5, `/name@1.0.0(peer)` in 6 and are `name@1.0.0` since 9; a package from
//! elsewhere says name and version in fields. What is for development is marked until version 6 and follows from
//! `importers` and `snapshots` since 9. No YAML library is used: anchors, tags and other things that no lock file has are a
//! gap, since they could mean anything.

mod graph;
mod line;

use std::collections::HashSet;

use graph::Graph;
use line::{Line, flow_field, unquoted};
use plimsoll_image::EntryMeta;

use super::{NPM, split_at_version, split_name};
use crate::{
    facts::{FileFacts, Problem, clip},
    packages::lock::{LIMIT, LockFile, Locked, is_inside_package},
    parser::{ClaimedFile, ParseError, Parser, Want},
    paths,
};

/// Reads pnpm's lock file.
#[derive(Debug)]
pub(crate) struct PnpmLock;

/// What was read of one package.
#[derive(Default)]
struct Entry<'t> {
    name: Option<&'t str>,
    version: Option<&'t str>,
    tarball: Option<&'t str>,
    is_folder: bool,
    development: bool,
    optional: bool,
}

/// The document, as far as lines have been read.
#[derive(Default)]
struct Reading<'t> {
    major: u32,
    /// Keys by level: section, package, field, name.
    path: Vec<&'t str>,
    entries: Vec<(&'t str, Entry<'t>)>,
    graph: Graph<'t>,
}

impl Parser for PnpmLock {
    fn id(&self) -> &'static str {
        "pnpm-lock"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "pnpm-lock.yaml"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        (paths::ends_with(path, b"pnpm-lock.yaml") && !is_inside_package(path))
            .then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let mut lock = LockFile::new(NPM);
        let mut reading = Reading::default();
        for (index, text) in file.text()?.lines().enumerate() {
            match line::read(text) {
                Ok(Some(line)) => reading.take(line),
                Ok(None) => {}
                Err(problem) => {
                    lock.problem(|| Problem::unreadable(format!("line {}: {problem}", index + 1)))
                }
            }
        }
        if reading.major == 0 {
            return Err(ParseError::Missing("lockfileVersion"));
        }
        reading.finish(&mut lock);
        Ok(lock.finish())
    }
}

impl<'t> Reading<'t> {
    fn take(&mut self, line: Line<'t>) {
        // A level that no lock file reaches belongs to a text of several lines.
        if line.level > self.path.len() || line.level > 4 {
            return;
        }
        self.path.truncate(line.level);
        self.path.push(line.key);
        let value = line.value;
        match *self.path.as_slice() {
            ["lockfileVersion"] => {
                let number = unquoted(value).split('.').next().unwrap_or_default();
                self.major = number.parse().unwrap_or(0);
            }
            ["packages", key] => self.entries.push((key, Entry::default())),
            ["packages", _, field] => self.field(field, value),
            ["packages", _, "resolution", field] => self.resolution(field, value),
            ["snapshots", key] => self.graph.begin(key),
            ["snapshots", _, "optional"] => self.graph.set_optional(),
            ["snapshots", _, "dependencies" | "optionalDependencies", name] => {
                self.graph.depend(name, unquoted(value));
            }
            ["importers", _, kind, name, "version"] => {
                self.graph.root(kind, name, unquoted(value));
            }
            _ => {}
        }
    }

    fn field(&mut self, field: &str, value: &'t str) {
        let Some((_, entry)) = self.entries.last_mut() else { return };
        match field {
            "name" => entry.name = Some(unquoted(value)),
            "version" => entry.version = Some(unquoted(value)),
            "dev" => entry.development = value == "true",
            "optional" => entry.optional = value == "true",
            "resolution" => {
                for wanted in ["tarball", "directory", "type"] {
                    if let Some(value) = flow_field(value, wanted) {
                        self.resolution(wanted, value);
                    }
                }
            }
            _ => {}
        }
    }

    fn resolution(&mut self, field: &str, value: &'t str) {
        let Some((_, entry)) = self.entries.last_mut() else { return };
        match (field, unquoted(value)) {
            ("tarball", address) => entry.tarball = Some(address),
            ("directory", _) | ("type", "directory") => entry.is_folder = true,
            _ => {}
        }
    }

    fn finish(&self, lock: &mut LockFile) {
        let scopes = (self.major >= 9).then(|| self.graph.scopes());
        let mut seen: HashSet<&str> = HashSet::new();
        for (key, entry) in &self.entries {
            if entry.is_folder || key.starts_with("file:") || key.contains("@file:") {
                continue;
            }
            if !seen.insert(key) {
                lock.problem(|| Problem::anomaly(format!("`{}` stands there twice", clip(key))));
            }
            let (name, version) = self.name_and_version(key, entry);
            let scope = scopes.as_ref().and_then(|scopes| scopes.get(without_peers(key)));
            let (namespace, name) = split_name(name);
            lock.add(&Locked {
                namespace,
                name,
                version,
                development: entry.development || scope.is_some_and(|scope| scope.development),
                optional: entry.optional || scope.is_some_and(|scope| scope.optional),
                origin: entry.tarball.filter(|address| !address.contains("/-/")),
                ..Locked::default()
            });
        }
    }

    fn name_and_version<'e>(&self, key: &'e str, entry: &Entry<'e>) -> (&'e str, &'e str) {
        let id = key.strip_prefix('/').unwrap_or(key);
        let (name, version) = if self.major < 6 {
            let (name, version) = id.rsplit_once('/').unwrap_or((id, ""));
            (name, version.split('_').next().unwrap_or(version))
        } else {
            split_at_version(without_peers(id))
        };
        // `https://…`, `git+ssh://…` and commits are no versions.
        let is_version =
            version.starts_with(|c: char| c.is_ascii_digit()) && !version.contains(':');
        let stated = if is_version { version } else { "" };
        (entry.name.unwrap_or(without_host(name)), entry.version.unwrap_or(stated))
    }
}

/// `a@1.0.0(b@2.0.0)` without what it was resolved with.
fn without_peers(key: &str) -> &str {
    key.split('(').next().unwrap_or(key)
}

/// `registry.npmjs.org/@scope/name` without the registry, which older files name.
fn without_host(name: &str) -> &str {
    if name.starts_with('@') {
        return name;
    }
    match name.find("/@") {
        Some(at) => name.get(at + 1..).unwrap_or(name),
        None => name.rsplit('/').next().unwrap_or(name),
    }
}
