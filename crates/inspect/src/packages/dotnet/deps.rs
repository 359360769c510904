//! `*.deps.json`: what an application, or the runtime itself, was published with.
//!
//! In: JSON. Out: a package for each library of type `package` or `runtimepack` that the target for this file brings
//! something of. Source: .NET SDK, "runtime configuration files", `deps.json`. Odd: a library without any assembly, native
//! file or resource is only an umbrella over others (`NETStandard.Library`) or was trimmed away: then nothing of it is
//! there to be vulnerable. The project itself (`type: project`) has a version of its own, mostly 1.0.0, and a name that
//! somebody else may have in NuGet: it is no package. A runtime pack is the runtime, as it was copied into the application.

use std::collections::BTreeMap;

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
};

/// Reads an application's list of dependencies.
#[derive(Debug)]
pub(crate) struct DependencyManifest;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    #[serde(default)]
    runtime_target: Value,
    #[serde(default)]
    targets: BTreeMap<String, BTreeMap<String, Value>>,
    #[serde(default)]
    libraries: BTreeMap<String, Library>,
}

#[derive(Deserialize)]
struct Library {
    #[serde(default, rename = "type")]
    kind: Value,
}

impl Parser for DependencyManifest {
    fn id(&self) -> &'static str {
        "dotnet-deps"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "*.deps.json"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        path.ends_with(b".deps.json").then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        read(file.bytes)
    }
}

/// Reads a list, in a file of its own or not.
pub(super) fn read(bytes: &[u8]) -> Result<FileFacts, ParseError> {
    let document: Document = json::parse(bytes)?;
    let name = match &document.runtime_target {
        Value::String(name) => Some(name.as_str()),
        target => target.get("name").and_then(Value::as_str),
    };
    let target = name.and_then(|name| document.targets.get(name));
    let mut found = LockFile::installed(NUGET);
    for (key, library) in &document.libraries {
        let kind = library.kind.as_str().unwrap_or_default();
        if !matches!(kind, "package" | "runtimepack") {
            continue;
        }
        if target.and_then(|target| target.get(key)).is_some_and(|parts| !brings_files(parts)) {
            continue;
        }
        let Some((name, version)) = split_library(key) else {
            found.problem(|| {
                Problem::unreadable(format!("`{}` has no name or no version", clip(key)))
            });
            continue;
        };
        let name = name.strip_prefix("runtimepack.").unwrap_or(name);
        found.add(&Locked { name, version, ..Locked::default() });
    }
    Ok(found.finish())
}

/// Whether a library's entry in a target names files.
fn brings_files(parts: &Value) -> bool {
    ["runtime", "runtimeTargets", "native", "resources"].iter().any(|part| {
        parts.get(part).and_then(Value::as_object).is_some_and(|files| !files.is_empty())
    })
}
