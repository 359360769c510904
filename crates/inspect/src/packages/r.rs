//! R packages: `DESCRIPTION` of what is installed, and `renv.lock`.
//!
//! In: of `DESCRIPTION` `Field: value` lines; of the lock file JSON. Out: a package for each. Source: Writing R Extensions,
//! "The DESCRIPTION file"; renv, "Lockfiles".
//!
//! Odd: only what R installed has the field `Built`; any other file of that name is of a source or of something else.
//! Bioconductor's packages are known by `biocViews`; those with `Priority: base` come with R, and have its version.

use std::collections::BTreeMap;

use plimsoll_image::EntryMeta;
use serde::Deserialize;

use super::{
    json,
    lock::{LIMIT, LockFile, Locked, is_inside_package},
};
use crate::{
    facts::FileFacts,
    parser::{ClaimedFile, ParseError, Parser, Want},
    paths,
};

const CRAN: &str = "CRAN";
const BIOCONDUCTOR: &str = "Bioconductor";

/// Reads the description of an R package.
#[derive(Debug)]
pub(crate) struct RPackage;

impl Parser for RPackage {
    fn id(&self) -> &'static str {
        "r"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "DESCRIPTION with a field `Built`"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        paths::ends_with(path, b"DESCRIPTION").then_some(Want::Head { limit: 1 << 20 })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let text = String::from_utf8_lossy(file.bytes);
        let mut fields: BTreeMap<&str, &str> = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with([' ', '\t'])) {
            if let Some((name, value)) = line.split_once(':') {
                fields.entry(name).or_insert_with(|| value.trim());
            }
        }
        let field = |name: &str| fields.get(name).copied().unwrap_or_default();
        let (name, version) = (field("Package"), field("Version"));
        if field("Built").is_empty() || name.is_empty() || version.is_empty() {
            return Ok(FileFacts::default());
        }
        let is_bioconductor =
            fields.contains_key("biocViews") || field("Repository").starts_with("Bioc");
        let ecosystem = if is_bioconductor { BIOCONDUCTOR } else { CRAN };
        let mut installed = LockFile::installed(ecosystem);
        installed.add(&Locked {
            name,
            version,
            license: Some(field("License")),
            extra: &[("priority", field("Priority"))],
            ..Locked::default()
        });
        Ok(installed.finish())
    }
}

/// Reads renv's lock file.
#[derive(Debug)]
pub(crate) struct RenvLock;

#[derive(Deserialize)]
struct Document {
    #[serde(default, rename = "Packages")]
    packages: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default, rename = "Version")]
    version: String,
    #[serde(rename = "Source")]
    source: Option<String>,
    #[serde(rename = "RemoteUrl")]
    remote: Option<String>,
}

impl Parser for RenvLock {
    fn id(&self) -> &'static str {
        "renv-lock"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "renv.lock"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        (paths::ends_with(path, b"renv.lock") && !is_inside_package(path))
            .then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let document: Document = json::parse(file.bytes)?;
        let mut cran = LockFile::new(CRAN);
        let mut bioconductor = LockFile::new(BIOCONDUCTOR);
        for (name, entry) in &document.packages {
            let is_bioconductor = entry.source.as_deref() == Some("Bioconductor");
            let lock = if is_bioconductor { &mut bioconductor } else { &mut cran };
            let (version, origin) = (entry.version.as_str(), entry.remote.as_deref());
            lock.add(&Locked { name, version, origin, ..Locked::default() });
        }
        let mut facts = cran.finish();
        let more = bioconductor.finish();
        facts.packages.extend(more.packages);
        facts.problems.extend(more.problems);
        Ok(facts)
    }
}
