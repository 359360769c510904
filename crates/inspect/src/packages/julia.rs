//! Julia packages: `Project.toml` of what is installed, and `Manifest.toml`.
//!
//! In: TOML; a manifest's first format has the packages at the top, its second below `deps`. Out: a package for each that
//! has a version. Source: Julia documentation, "Project.toml and Manifest.toml".
//!
//! Odd: a name may stand for several packages, so each is known by its `uuid`, which goes into the package URL; parts of the
//! standard library have a version only where they are upgradable; what is in development has a path instead of a hash.
//! Packages lie in `packages/<name>/<slug>/` of a depot, those of Julia itself in `stdlib/v*/<name>/`.

use std::collections::BTreeMap;

use plimsoll_image::EntryMeta;
use serde::Deserialize;

use super::{
    lock::{LIMIT, LockFile, Locked, is_inside_package},
    toml,
};
use crate::{
    facts::FileFacts,
    parser::{ClaimedFile, ParseError, Parser, Want},
    paths,
};

const JULIA: &str = "Julia";

/// Whether a file lies in a package of a depot or of Julia itself.
fn is_installed(path: &[u8]) -> bool {
    let mut parts = path.rsplit(|&byte| byte == b'/').skip(2);
    let (first, second) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    second == b"packages" || (second == b"stdlib" && first.starts_with(b"v"))
}

/// Reads the description of a Julia package.
#[derive(Debug)]
pub(crate) struct JuliaPackage;

#[derive(Deserialize)]
struct Project {
    name: Option<String>,
    uuid: Option<String>,
    version: Option<String>,
}

impl Parser for JuliaPackage {
    fn id(&self) -> &'static str {
        "julia"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "packages/*/*/Project.toml, stdlib/v*/*/Project.toml"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        let is_project =
            paths::ends_with(path, b"Project.toml") || paths::ends_with(path, b"JuliaProject.toml");
        (is_project && is_installed(path)).then_some(Want::Whole { limit: 1 << 20 })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let project: Project = toml::parse(file)?;
        let (Some(name), Some(uuid), Some(version)) =
            (&project.name, &project.uuid, &project.version)
        else {
            return Ok(FileFacts::default());
        };
        let mut installed = LockFile::installed(JULIA);
        installed.add(&Locked { name, version, extra: &[("uuid", uuid)], ..Locked::default() });
        Ok(installed.finish())
    }
}

/// Reads what Julia resolved.
#[derive(Debug)]
pub(crate) struct JuliaManifest;

#[derive(Deserialize)]
struct Manifest {
    deps: Option<BTreeMap<String, Vec<Entry>>>,
    /// Packages of the first format, and all that is none.
    #[serde(flatten)]
    rest: BTreeMap<String, Rest>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Rest {
    Packages(Vec<Entry>),
    Other(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
struct Entry {
    uuid: Option<String>,
    version: Option<String>,
    #[serde(rename = "repo-url")]
    repository: Option<String>,
    path: Option<String>,
}

impl Parser for JuliaManifest {
    fn id(&self) -> &'static str {
        "julia-manifest"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "Manifest.toml, Manifest-v*.toml, JuliaManifest.toml"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        let name = path.rsplit(|&byte| byte == b'/').next()?;
        let name = name.strip_prefix(b"Julia").unwrap_or(name);
        let is_manifest = name == b"Manifest.toml"
            || (name.starts_with(b"Manifest-v") && name.ends_with(b".toml"));
        (is_manifest && !is_installed(path) && !is_inside_package(path))
            .then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let manifest: Manifest = toml::parse(file)?;
        let mut lock = LockFile::new(JULIA);
        let old = manifest.rest.iter().filter_map(|(name, rest)| match rest {
            Rest::Packages(entries) => Some((name, entries)),
            Rest::Other(_) => None,
        });
        for (name, entries) in manifest.deps.iter().flatten().chain(old) {
            for entry in entries {
                let (Some(version), None) = (&entry.version, &entry.path) else { continue };
                lock.add(&Locked {
                    name,
                    version,
                    origin: entry.repository.as_deref(),
                    extra: &[("uuid", entry.uuid.as_deref().unwrap_or_default())],
                    ..Locked::default()
                });
            }
        }
        Ok(lock.finish())
    }
}
