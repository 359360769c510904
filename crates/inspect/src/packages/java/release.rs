//! `release`: which Java a folder holds.
//!
//! In: `KEY="value"` lines in the home folder of a JDK or JRE. Out: one package, called `openjdk`, `jdk`, `jre` or `zulu` as
//! vendors and the CPE dictionary call it. Source: `OpenJDK`'s `make/ReleaseFile.gmk`; the version formats of JEP 223. Odd: any
//! file may be called `release`; without a version of Java it is somebody else's.

use std::collections::BTreeMap;

use plimsoll_image::EntryMeta;
use plimsoll_model::purl::{self, Parts};

use crate::{
    facts::{FileFacts, PackageFact},
    packages::MAX_WORD,
    parser::{ClaimedFile, ParseError, Parser, Want},
    paths,
};

/// The list of modules is the longest line of a real one, with a few thousand bytes.
const LIMIT: u64 = 64 << 10;

/// Reads which Java a folder holds.
#[derive(Debug)]
pub(crate) struct JavaRelease;

impl Parser for JavaRelease {
    fn id(&self) -> &'static str {
        "java-release"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "release, in the home folder of a JDK or JRE"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        paths::ends_with(path, b"release").then_some(Want::Head { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let text = String::from_utf8_lossy(file.bytes);
        let lines = text.lines().filter_map(|line| line.split_once('='));
        let fields: BTreeMap<&str, &str> =
            lines.map(|(key, value)| (key.trim(), value.trim().trim_matches('"').trim())).collect();
        let get = |key: &str| {
            let value = fields.get(key).copied();
            value.filter(|value| {
                !value.is_empty() && value.len() <= MAX_WORD && !value.contains(char::is_control)
            })
        };
        let Some(version) = version(&get) else { return Ok(FileFacts::default()) };
        let path = String::from_utf8_lossy(file.path.as_bytes()).to_lowercase();
        let (vendor, name) = vendor_and_name(&get, &path);
        let repository = get("SOURCE_REPO").or_else(|| get("BUILD_SOURCE_REPO"));
        let parts = Parts {
            namespace: Some(vendor),
            name,
            version,
            qualifiers: &[("repository_url", repository.unwrap_or_default())],
        };
        let mut extra = BTreeMap::new();
        for (key, field) in [
            ("implementor", "IMPLEMENTOR"),
            ("implementor_version", "IMPLEMENTOR_VERSION"),
            ("java_version", "JAVA_VERSION"),
            ("source", "SOURCE"),
        ] {
            extra.extend(get(field).map(|value| (key.to_owned(), value.to_owned())));
        }
        let package = PackageFact {
            ecosystem: Some("generic".to_owned()),
            namespace: Some(vendor.to_owned()),
            name: name.to_owned(),
            version: version.to_owned(),
            purl: purl::format_type("generic", parts),
            extra,
            ..PackageFact::default()
        };
        Ok(FileFacts { packages: vec![package], ..FileFacts::default() })
    }
}

/// The most exact version. `FULL_VERSION` counts when it begins as Java's own does: some vendors write theirs there.
fn version<'t>(get: &impl Fn(&str) -> Option<&'t str>) -> Option<&'t str> {
    let java = get("JAVA_VERSION");
    let first = |version: &str| version.split('.').next().map(str::to_owned);
    let full = get("FULL_VERSION").filter(|full| java.and_then(first) == first(full));
    let runtime = get("JAVA_RUNTIME_VERSION");
    runtime.or(full.filter(|_| java.is_some())).or(java)
}

fn vendor_and_name<'t>(
    get: &impl Fn(&str) -> Option<&'t str>,
    path: &str,
) -> (&'static str, &'static str) {
    let implementor = get("IMPLEMENTOR").unwrap_or_default().to_lowercase();
    let is_jre = match get("IMAGE_TYPE") {
        Some(kind) => kind.eq_ignore_ascii_case("jre"),
        None => get("MODULES").is_some_and(|modules| !modules.contains("jdk.compiler")),
    };
    let product = if is_jre { "jre" } else { "jdk" };
    match implementor {
        by if by.contains("azul") || path.contains("zulu") => ("azul", "zulu"),
        by if by.contains("sun microsystems") => ("sun", product),
        by if by.contains("oracle") || path.contains("oracle") => ("oracle", product),
        _ => ("oracle", "openjdk"),
    }
}

#[cfg(test)]
mod tests {
    use plimsoll_image::{Budget, TreePath};

    use super::*;

    fn read(path: &str, text: &str) -> Vec<String> {
        let (path, budget) = (TreePath::from(path), Budget::default());
        let facts = JavaRelease.parse(&ClaimedFile::new(&path, text.as_bytes(), &budget)).unwrap();
        facts.packages.into_iter().map(|package| package.purl.unwrap()).collect()
    }

    #[test]
    fn vendors_and_versions() {
        for (path, text, wanted) in [
            (
                "opt/java/openjdk/release",
                "IMPLEMENTOR=\"Eclipse Adoptium\"\nJAVA_RUNTIME_VERSION=\"21.0.4+7-LTS\"\nJAVA_VERSION=\"21.0.4\"\nSOURCE_REPO=\"https://github.com/adoptium/jdk21u.git\"\n",
                "pkg:generic/oracle/openjdk@21.0.4%2B7-LTS?repository_url=https:%2F%2Fgithub.com%2Fadoptium%2Fjdk21u.git",
            ),
            (
                "usr/java/jdk/release",
                "IMPLEMENTOR=\"Oracle Corporation\"\nJAVA_RUNTIME_VERSION=\"22.0.2+9-70\"\nJAVA_VERSION=\"22.0.2\"\n",
                "pkg:generic/oracle/jdk@22.0.2%2B9-70",
            ),
            (
                "opt/jre/release",
                "JAVA_VERSION=\"1.8.0_422\"\nFULL_VERSION=\"1.8.0_422-b05\"\n",
                "pkg:generic/oracle/openjdk@1.8.0_422-b05",
            ),
            (
                "opt/x/release",
                "JAVA_VERSION=\"11.0.1\"\nFULL_VERSION=\"2018.9\"\n",
                "pkg:generic/oracle/openjdk@11.0.1",
            ),
            ("opt/zulu/release", "JAVA_VERSION=\"17\"\n", "pkg:generic/azul/zulu@17"),
        ] {
            assert_eq!(read(path, text), [wanted], "{path}");
        }
        assert_eq!(read("etc/release", "NAME=x\nFULL_VERSION=\"1\"\n"), [""; 0]);
    }
}
