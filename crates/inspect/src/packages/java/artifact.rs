//! Which Maven artifact an archive is.
//!
//! In: `pom.properties`, or manifest, file name and class names. Out: [`Artifact`]. Source: Maven Archiver; the `OSGi`
//! headers of manifests. Odd: without `pom.properties` the group is known ([`groups`]) or guessed, best
//! evidence first.

use super::{groups, manifest::Manifest};
use crate::packages::MAX_WORD;

/// An artifact.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Artifact {
    pub(super) group: Option<String>,
    pub(super) name: String,
    pub(super) version: String,
    /// What it was recognised by.
    pub(super) evidence: &'static str,
}

/// From `pom.properties`; what it leaves out is taken from where it lies.
pub(super) fn properties_artifact(bytes: &[u8], path: &[u8]) -> Option<Artifact> {
    let text = String::from_utf8_lossy(bytes);
    let path = String::from_utf8_lossy(path);
    let mut folders = path.rsplit('/').skip(1);
    let (folder_name, folder_group) = (folders.next(), folders.next());
    let value = |wanted: &str| {
        text.lines().find_map(|line| {
            let (key, value) = line.split_once(['=', ':'])?;
            (key.trim() == wanted).then(|| value.trim()).filter(|value| is_literal(value))
        })
    };
    let version = value("version")?;
    let name = value("artifactId").or(folder_name)?;
    let group = value("groupId").or(folder_group)?;
    Some(Artifact {
        group: Some(group.to_owned()),
        name: name.to_owned(),
        version: version.to_owned(),
        evidence: "pom.properties",
    })
}

/// Neither empty nor a placeholder that the build forgot to fill.
fn is_literal(value: &str) -> bool {
    !value.is_empty()
        && value.len() <= MAX_WORD
        && !value.contains("${")
        && !value.contains(char::is_whitespace)
}

/// The archive itself, where none of its properties describes it.
pub(super) fn archive_artifact<'n>(
    file_name: &str,
    manifest: &Manifest,
    names: impl Iterator<Item = &'n [u8]>,
    known: &[Artifact],
) -> Option<Artifact> {
    let stem = file_name.rsplit_once('.').map_or(file_name, |(stem, _)| stem);
    let manifest_version = ["Implementation-Version", "Bundle-Version", "Specification-Version"]
        .iter()
        .filter_map(|key| manifest.get(key))
        .find(|version| is_literal(version) && version.starts_with(|c: char| c.is_ascii_digit()));
    // The manifest's version says where the name ends, even in `log4j-1.2-api-2.14.0`.
    let by_manifest = manifest_version
        .and_then(|version| Some((stem.strip_suffix(version)?.strip_suffix('-')?, Some(version))));
    let (file_artifact, file_version) = by_manifest.unwrap_or_else(|| split_version(stem));
    let is_known = |name: &str| known.iter().any(|artifact| artifact.name == name);
    if is_known(file_artifact) || is_known(stem) {
        return None;
    }
    let titles = || {
        let title = manifest.get("Implementation-Title").filter(|title| is_literal(title));
        title.or_else(|| symbolic_name(manifest))
    };
    let name = match file_version {
        Some(_) => file_artifact,
        None => titles().map_or(file_artifact, last_label),
    };
    // A shaded archive may carry the manifest of something that was copied into it.
    let is_foreign = match (manifest_version, file_version) {
        (Some(stated), Some(named)) => !named.starts_with(stated),
        _ => false,
    };
    let (version, evidence) = match (manifest_version, file_version) {
        (Some(version), _) if !is_foreign => (version, "manifest"),
        (_, Some(version)) => (version, "file-name"),
        _ => return None,
    };
    if is_known(name) || !is_literal(name) {
        return None;
    }
    let known = groups::of(name, version).map(str::to_owned);
    let stated = || if is_foreign { None } else { group(name, manifest) };
    let group = known.or_else(stated).or_else(|| shared_folder(names));
    Some(Artifact { group, name: name.to_owned(), version: version.to_owned(), evidence })
}

/// `spring-core-5.3.1` is `spring-core` and `5.3.1`: the version begins at the first dash before a digit.
fn split_version(stem: &str) -> (&str, Option<&str>) {
    for (at, _) in stem.match_indices('-') {
        if let (Some(name), Some(version)) = (stem.get(..at), stem.get(at + 1..))
            && version.starts_with(|c: char| c.is_ascii_digit())
            && !name.is_empty()
        {
            return (name, Some(version));
        }
    }
    (stem, None)
}

fn symbolic_name(manifest: &Manifest) -> Option<&str> {
    let name = manifest.get("Bundle-SymbolicName")?;
    Some(name.split(';').next().unwrap_or(name).trim()).filter(|name| is_literal(name))
}

fn last_label(name: &str) -> &str {
    // `org.eclipse.jetty.util` names a bundle; `log4j-1.2-api` is a name with dots of its own.
    if name.contains('-') { name } else { name.rsplit('.').next().unwrap_or(name) }
}

/// The group by what the manifest says.
fn group(name: &str, manifest: &Manifest) -> Option<String> {
    let is_group = |group: &&str| is_literal(group) && group.contains('.');
    if let Some(group) = manifest.get("Implementation-Vendor-Id").filter(is_group) {
        return Some(group.to_owned());
    }
    let symbolic = symbolic_name(manifest)?;
    let prefix = symbolic.strip_suffix(name)?.strip_suffix('.')?;
    is_group(&prefix).then(|| prefix.to_owned())
}

/// The longest folder that all classes share, as a package name.
fn shared_folder<'n>(names: impl Iterator<Item = &'n [u8]>) -> Option<String> {
    let mut shared: Option<Vec<&[u8]>> = None;
    for name in names {
        if !name.ends_with(b".class") || name.starts_with(b"META-INF/") || name.contains(&b'-') {
            continue;
        }
        let mut folders: Vec<&[u8]> = name.split(|&byte| byte == b'/').collect();
        folders.pop();
        shared = Some(match shared {
            None => folders,
            Some(known) => {
                let same = known.iter().zip(&folders).take_while(|(a, b)| a == b).count();
                known.into_iter().take(same).collect()
            }
        });
    }
    let folders = shared.filter(|folders| folders.len() >= 2)?;
    let group = folders.iter().map(|folder| String::from_utf8_lossy(folder)).collect::<Vec<_>>();
    Some(group.join(".")).filter(|group| is_literal(group))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_split_from_file_names() {
        for (stem, name, version) in [
            ("spring-core-5.3.1", "spring-core", Some("5.3.1")),
            ("guava-30.1.1-jre", "guava", Some("30.1.1-jre")),
            ("log4j-1.2-api-2.14.0", "log4j", Some("1.2-api-2.14.0")),
            ("app", "app", None),
            ("-1", "-1", None),
        ] {
            assert_eq!(split_version(stem), (name, version), "{stem}");
        }
    }

    #[test]
    fn properties_fall_back_on_their_folder() {
        let path = b"META-INF/maven/org.a/b/pom.properties";
        let artifact = properties_artifact(b"version=1.0\n", path).unwrap();
        assert_eq!((artifact.group.as_deref(), artifact.name.as_str()), (Some("org.a"), "b"));
        assert_eq!(properties_artifact(b"version=${project.version}\n", path), None);
        let spaced = properties_artifact(b"#x\r\ngroupId = g\r\nversion : 2\r\n", path).unwrap();
        assert_eq!((spaced.group.as_deref(), spaced.version.as_str()), (Some("g"), "2"));
    }
}
