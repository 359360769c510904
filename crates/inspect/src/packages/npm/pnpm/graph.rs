//! What a lock file of version 9 needs for development alone.
//!
//! In: `importers` and `snapshots`. Out: a scope for each package that only development reaches, or that is optional. Odd:
//! a snapshot's key carries its peers in parentheses; packages are known without them, so one needed copy is enough.

use std::collections::{HashMap, HashSet};

use super::{split_at_version, without_peers};

/// Dependencies, by the key that stands in the file.
#[derive(Default)]
pub(super) struct Graph<'t> {
    snapshots: Vec<Snapshot<'t>>,
    needed: Vec<String>,
    has_roots: bool,
}

struct Snapshot<'t> {
    key: &'t str,
    optional: bool,
    dependencies: Vec<(&'t str, &'t str)>,
}

/// What a package is needed for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) development: bool,
    pub(super) optional: bool,
}

impl<'t> Graph<'t> {
    /// A snapshot begins.
    pub(super) fn begin(&mut self, key: &'t str) {
        self.snapshots.push(Snapshot { key, optional: false, dependencies: Vec::new() });
    }

    /// The snapshot that began last is optional.
    pub(super) fn set_optional(&mut self) {
        if let Some(snapshot) = self.snapshots.last_mut() {
            snapshot.optional = true;
        }
    }

    /// The snapshot that began last needs a package.
    pub(super) fn depend(&mut self, name: &'t str, version: &'t str) {
        if let Some(snapshot) = self.snapshots.last_mut() {
            snapshot.dependencies.push((name, version));
        }
    }

    /// A project of the workspace needs a package.
    pub(super) fn root(&mut self, kind: &str, name: &str, version: &str) {
        self.has_roots = true;
        if matches!(kind, "dependencies" | "optionalDependencies") {
            self.needed.push(key(name, version));
        }
    }

    /// The scope of each package, by its key without peers.
    pub(super) fn scopes(&self) -> HashMap<&'t str, Scope> {
        let by_key: HashMap<&str, &Snapshot<'t>> =
            self.snapshots.iter().map(|snapshot| (snapshot.key, snapshot)).collect();
        let mut reached: HashSet<&str> = HashSet::new();
        let mut pending: Vec<&Snapshot<'t>> =
            self.needed.iter().filter_map(|key| by_key.get(key.as_str()).copied()).collect();
        while let Some(snapshot) = pending.pop() {
            if reached.insert(snapshot.key) {
                for (name, version) in &snapshot.dependencies {
                    pending.extend(by_key.get(key(name, version).as_str()));
                }
            }
        }
        let mut scopes: HashMap<&'t str, Scope> = HashMap::new();
        for snapshot in &self.snapshots {
            let development = self.has_roots && !reached.contains(snapshot.key);
            let scope = Scope { development, optional: snapshot.optional };
            let known = scopes.entry(without_peers(snapshot.key)).or_insert(scope);
            known.development &= development;
            known.optional &= snapshot.optional;
        }
        scopes
    }
}

/// The key of a dependency: an alias and what comes from elsewhere stand there with their key.
fn key(name: &str, version: &str) -> String {
    let (stated, _) = split_at_version(without_peers(version));
    match stated.len() < without_peers(version).len() {
        true => version.to_owned(),
        false => format!("{name}@{version}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_project_reaches_is_needed() {
        let mut graph = Graph::default();
        graph.root("dependencies", "a", "1.0.0(p@1.0.0)");
        graph.root("devDependencies", "d", "1.0.0");
        graph.begin("a@1.0.0(p@1.0.0)");
        graph.depend("alias", "b@2.0.0");
        graph.begin("b@2.0.0");
        graph.set_optional();
        graph.begin("d@1.0.0");
        graph.depend("a", "1.0.0(q@1.0.0)");
        graph.begin("a@1.0.0(q@1.0.0)");
        let scopes = graph.scopes();
        let scope = |development, optional| Scope { development, optional };
        assert_eq!(scopes["a@1.0.0"], scope(false, false));
        assert_eq!(scopes["b@2.0.0"], scope(false, true));
        assert_eq!(scopes["d@1.0.0"], scope(true, false));
    }
}
