//! `project.assets.json`: what NuGet restored for a project, before it was built.
//!
//! In: JSON. Out: a package for each library of type `package`. Source: NuGet's `LockFileFormat`. Odd: it lies in `obj/`, so
//! an image that has it holds sources and was perhaps never built: it counts as a lock file does. What is for development is
//! told by the project's own `suppressParent: All` and `privateAssets`, for what it asks for itself.

use std::collections::{BTreeMap, HashSet};

use plimsoll_image::EntryMeta;
use serde::Deserialize;
use serde_json::Value;

use super::{LIMIT, NUGET, split_library};
use crate::{
    facts::{FileFacts, Problem, clip},
    packages::{
        json,
        lock::{LockFile, Locked},
    },
    parser::{ClaimedFile, ParseError, Parser, Want},
    paths,
};

/// Reads what NuGet restored.
#[derive(Debug)]
pub(crate) struct ProjectAssets;

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    libraries: BTreeMap<String, Value>,
    #[serde(default)]
    project: Value,
}

impl Parser for ProjectAssets {
    fn id(&self) -> &'static str {
        "nuget-assets"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "project.assets.json"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        paths::ends_with(path, b"project.assets.json").then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let document: Document = json::parse(file.bytes)?;
        let development = development(&document.project);
        let mut lock = LockFile::new(NUGET);
        for (key, library) in &document.libraries {
            if library.get("type").and_then(Value::as_str) != Some("package") {
                continue;
            }
            let Some((name, version)) = split_library(key) else {
                lock.problem(|| {
                    Problem::unreadable(format!("`{}` has no name or no version", clip(key)))
                });
                continue;
            };
            let development = development.contains(&name.to_lowercase());
            lock.add(&Locked { name, version, development, ..Locked::default() });
        }
        Ok(lock.finish())
    }
}

/// What the project asks for and passes on to nobody: analysers and the like.
fn development(project: &Value) -> HashSet<String> {
    let objects = |value: &Value| value.as_object().cloned().unwrap_or_default();
    let frameworks = project.get("frameworks").map(objects).unwrap_or_default();
    let mut development = HashSet::new();
    for framework in frameworks.values() {
        let dependencies = framework.get("dependencies").map(objects).unwrap_or_default();
        for (name, dependency) in dependencies {
            let is_private =
                dependency.get("suppressParent").and_then(Value::as_str) == Some("All");
            if is_private {
                development.insert(name.to_lowercase());
            }
        }
    }
    development
}
