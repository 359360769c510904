//! Which Maven artifact an archive is.
//!
//! In: `pom.properties` and `pom.xml`, or manifest, file name and class names. Out: [`Artifact`]. Source: Maven Archiver; the `OSGi`
//! headers of manifests. Odd: without `pom.properties` the group is known ([`groups`]) or guessed, best
//! evidence first.

use super::{groups, manifest::Manifest, pom::Pom};
use crate::packages::{MAX_WORD, zip::Archive};

/// An artifact.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Artifact {
    pub(super) group: Option<String>,
    pub(super) name: String,
    pub(super) version: String,
    /// What it was recognised by.
    pub(super) evidence: &'static str,
    /// What is uncertain about the group.
    pub(super) doubt: Option<&'static str>,
    pub(super) license: Option<String>,
}

/// The group is what manifest or classes suggest: advisories may know another.
const GUESSED: &str = "guessed";
/// No group: no advisory can speak of the artifact.
const UNKNOWN: &str = "unknown";

/// Longest name of a licence.
const MAX_LICENSE: usize = 100;

/// What `pom.properties` says.
#[derive(Debug, Default)]
pub(super) struct Properties {
    group: Option<String>,
    name: Option<String>,
    version: Option<String>,
}

impl Properties {
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let property = |wanted: &str| {
            let value = text.lines().find_map(|line| {
                let (key, value) = line.split_once(['=', ':'])?;
                (key.trim() == wanted).then(|| value.trim()).filter(|value| is_literal(value))
            });
            value.map(str::to_owned)
        };
        Self {
            group: property("groupId"),
            name: property("artifactId"),
            version: property("version"),
        }
    }
}

/// From the files that Maven puts into an archive; what they leave out is taken from the folder that they are in.
pub(super) fn described(folder: &[u8], properties: Properties, pom: Pom) -> Option<Artifact> {
    let folder = String::from_utf8_lossy(folder);
    let mut folders = folder.rsplit('/').filter(|name| is_literal(name)).map(str::to_owned);
    let (folder_name, folder_group) = (folders.next(), folders.next());
    let stated = |value: String| Some(value).filter(|value| is_literal(value));
    let (version, evidence) = match properties.version {
        Some(version) => (version, "pom.properties"),
        None => (stated(pom.version)?, "pom.xml"),
    };
    let name = properties.name.or_else(|| stated(pom.name)).or(folder_name)?;
    let group = properties.group.or_else(|| stated(pom.group)).or(folder_group)?;
    let license = pom.license.filter(|license| license.len() <= MAX_LICENSE);
    Some(Artifact { group: Some(group), name, version, evidence, doubt: None, license })
}

/// Neither empty nor a placeholder that the build forgot to fill.
fn is_literal(value: &str) -> bool {
    !value.is_empty()
        && value.len() <= MAX_WORD
        && !value.contains("${")
        && !value.contains(|c: char| c.is_whitespace() || c.is_control())
}

/// What an archive itself is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Identity {
    /// One of those that files in it describe.
    Described,
    /// Something that no file describes.
    Own(Artifact),
    /// Nobody says.
    Unknown,
}

/// Names and version of an archive by its manifest.
struct Stated<'m> {
    group: Option<&'m str>,
    name: Option<&'m str>,
    version: Option<&'m str>,
}

impl<'m> Stated<'m> {
    fn by(manifest: &'m Manifest) -> Self {
        let is_version = |version: &&str| {
            is_literal(version) && version.starts_with(|c: char| c.is_ascii_digit())
        };
        let title = manifest.get("Implementation-Title");
        // Nebula, a plug-in of Gradle: `io.projectreactor#reactor-core;3.4.1`.
        if let Some((group, rest)) = title.and_then(|title| title.split_once('#'))
            && let Some((name, version)) = rest.split_once(';')
            && is_literal(group)
            && is_literal(name)
        {
            let version = Some(version).filter(is_version);
            return Self { group: Some(group), name: Some(name), version };
        }
        let first = |keys: &[&str]| keys.iter().find_map(|key| manifest.get(key));
        // Jenkins: `Plugin-Version: 2.1 (private-…)`.
        let plugin = first(&["Plugin-Version"]).and_then(|text| text.split_whitespace().next());
        let version = ["Implementation-Version", "Bundle-Version", "Specification-Version"]
            .iter()
            .filter_map(|key| manifest.get(key))
            .find(is_version);
        let is_plugin = plugin.is_some();
        let title = title.filter(|title| is_literal(title));
        Self {
            group: first(&["Group-Id"]).filter(|group| is_plugin && is_literal(group)),
            name: match is_plugin {
                true => first(&["Artifact-Id", "Short-Name", "Extension-Name"])
                    .filter(|name| is_literal(name)),
                false => title.or_else(|| symbolic_name(manifest)),
            },
            version: plugin.filter(is_version).or(version),
        }
    }
}

/// What an archive is, given what the files in it describe.
pub(super) fn identify(
    file_name: &str,
    manifest: &Manifest,
    archive: &Archive<'_>,
    known: &[Artifact],
) -> Identity {
    let stem = file_name.rsplit_once('.').map_or(file_name, |(stem, _)| stem);
    let stated = Stated::by(manifest);
    // The manifest's version says where the name ends, even in `log4j-1.2-api-2.14.0`.
    let by_manifest = stated
        .version
        .and_then(|version| Some((stem.strip_suffix(version)?.strip_suffix('-')?, Some(version))));
    let (file_artifact, file_version) = by_manifest.unwrap_or_else(|| split_version(stem));
    let is_known = |name: &str| known.iter().any(|artifact| artifact.name == name);
    if is_known(file_artifact) || is_known(stem) {
        return Identity::Described;
    }
    let name = match file_version {
        Some(_) => file_artifact,
        None => stated.name.map_or(file_artifact, last_label),
    };
    // A shaded archive may carry the manifest of something that was copied into it.
    let is_foreign = match (stated.version, file_version) {
        (Some(stated), Some(named)) => !named.starts_with(stated),
        _ => false,
    };
    let (version, evidence) = match (stated.version, file_version) {
        (Some(version), _) if !is_foreign => (version, "manifest"),
        (_, Some(version)) => (version, "file-name"),
        _ => return Identity::Unknown,
    };
    let is_only = matches!(known, [only] if only.version == version);
    if is_known(name) || is_only {
        return Identity::Described;
    }
    if !is_literal(name) || !is_literal(version) {
        return Identity::Unknown;
    }
    let well_known = groups::of(name, version);
    let certain = well_known.or(if is_foreign { None } else { stated.group });
    let guess = || if is_foreign { None } else { group(name, manifest) };
    let group =
        certain.map(str::to_owned).or_else(guess).or_else(|| shared_folder(name, archive.names()));
    let group = group.or_else(|| if is_foreign { None } else { module_group(name, manifest) });
    let doubt = match (certain, &group) {
        (Some(_), _) => None,
        (None, Some(_)) => Some(GUESSED),
        (None, None) => Some(UNKNOWN),
    };
    let license = manifest.get("Bundle-License").filter(|text| text.len() <= MAX_LICENSE);
    Identity::Own(Artifact {
        group,
        name: name.to_owned(),
        version: version.to_owned(),
        evidence,
        doubt,
        license: license.filter(|_| !is_foreign).map(str::to_owned),
    })
}

/// A class that somebody wrote, and no mere description of a module.
pub(super) fn is_class(name: &[u8]) -> bool {
    name.ends_with(b".class")
        && !name.starts_with(b"META-INF/")
        && !name.ends_with(b"module-info.class")
}

/// Whether an archive is a program and no library.
pub(super) fn is_application(manifest: &Manifest, archive: &Archive<'_>) -> bool {
    ["Main-Class", "Start-Class", "Premain-Class"].iter().any(|key| manifest.get(key).is_some())
        || archive
            .names()
            .any(|name| name.starts_with(b"WEB-INF/") || name == b"AndroidManifest.xml")
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
    before(symbolic, name)
}

/// The group by the module's name: that begins with it less often than a symbolic name does.
fn module_group(name: &str, manifest: &Manifest) -> Option<String> {
    let module = manifest.get("Automatic-Module-Name").filter(|name| is_literal(name))?;
    before(module, &name.replace('-', "."))
}

/// `org.a.b` of `org.a.b.name`.
fn before(text: &str, name: &str) -> Option<String> {
    let prefix = text.strip_suffix(name)?.strip_suffix('.')?;
    (is_literal(prefix) && prefix.contains('.')).then(|| prefix.to_owned())
}

/// The longest folder that all classes share, as a package name. `junit-platform-engine` has its classes in
/// `org/junit/platform/engine`, and its group is what stands before.
fn shared_folder<'n>(name: &str, names: impl Iterator<Item = &'n [u8]>) -> Option<String> {
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
    let mut folders = shared.filter(|folders| folders.len() >= 2)?;
    let last_word = name.rsplit_once('-').map(|(_, word)| word.as_bytes());
    if folders.len() > 2 && last_word.is_some() && folders.last().copied() == last_word {
        folders.pop();
    }
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
    fn the_last_word_of_a_name_is_no_part_of_the_group() {
        let group = |name: &str, class: &str| shared_folder(name, [class.as_bytes()].into_iter());
        for (name, class, wanted) in [
            (
                "junit-platform-engine",
                "org/junit/platform/engine/A.class",
                Some("org.junit.platform"),
            ),
            ("my-tool", "org/tool/A.class", Some("org.tool")),
            ("tool", "org/a/tool/A.class", Some("org.a.tool")),
            ("tool", "A.class", None),
        ] {
            assert_eq!(group(name, class).as_deref(), wanted, "{name}");
        }
    }

    #[test]
    fn properties_fall_back_on_their_folder() {
        let read = |text: &[u8]| {
            described(b"META-INF/maven/org.a/b", Properties::parse(text), Pom::default())
        };
        let artifact = read(b"version=1.0\n").unwrap();
        assert_eq!((artifact.group.as_deref(), artifact.name.as_str()), (Some("org.a"), "b"));
        assert_eq!(read(b"version=${project.version}\n"), None);
        let spaced = read(b"#x\r\ngroupId = g\r\nversion : 2\r\n").unwrap();
        assert_eq!((spaced.group.as_deref(), spaced.version.as_str()), (Some("g"), "2"));
    }
}
