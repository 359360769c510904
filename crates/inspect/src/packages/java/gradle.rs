//! `gradle.lockfile` and `buildscript-gradle.lockfile`: what Gradle resolved.
//!
//! In: a line `group:name:version=configuration,…` each; before Gradle 6.8 a file per configuration in
//! `gradle/dependency-locks/`, without the list. Out: a package per line. Source: Gradle, "Locking Versions". Odd: `empty=…`
//! lists configurations without dependencies; what only tests, annotation processors and the build itself need is for
//! development, which only the configurations' names tell.

use plimsoll_image::EntryMeta;

use super::MAVEN;
use crate::{
    facts::{FileFacts, Problem, clip},
    packages::lock::{LIMIT, LockFile, Locked},
    parser::{ClaimedFile, ParseError, Parser, Want},
    paths,
};

/// Reads Gradle's lock files.
#[derive(Debug)]
pub(crate) struct GradleLock;

impl Parser for GradleLock {
    fn id(&self) -> &'static str {
        "gradle-lock"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "gradle.lockfile, buildscript-gradle.lockfile, gradle/dependency-locks/*.lockfile"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        let is_lock = paths::ends_with(path, b"gradle.lockfile") || is_buildscript(path);
        (is_lock || configuration(path).is_some()).then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let text = String::from_utf8_lossy(file.bytes);
        let by_file = configuration(file.path.as_bytes()).map(String::from_utf8_lossy);
        let mut lock = LockFile::new(MAVEN);
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') || line.starts_with("empty=") {
                continue;
            }
            let (module, configurations) = line.split_once('=').unwrap_or((line, ""));
            let mut parts = module.split(':');
            let (Some(group), Some(name), Some(version), None) =
                (parts.next(), parts.next(), parts.next(), parts.next())
            else {
                lock.problem(|| {
                    let module = clip(module);
                    Problem::unreadable(format!("line {}: `{module}` is no module", number + 1))
                });
                continue;
            };
            let needed_by = by_file.as_deref().unwrap_or(configurations);
            lock.add(&Locked {
                namespace: Some(group).filter(|group| !group.is_empty()),
                name,
                version,
                development: is_buildscript(file.path.as_bytes()) || is_development(needed_by),
                ..Locked::default()
            });
        }
        Ok(lock.finish())
    }
}

/// What the build itself needs.
fn is_buildscript(path: &[u8]) -> bool {
    paths::ends_with(path, b"buildscript-gradle.lockfile")
}

/// The configuration that a file of the older form is for.
fn configuration(path: &[u8]) -> Option<&[u8]> {
    let (name, folder) = {
        let mut parts = path.rsplitn(2, |&byte| byte == b'/');
        (parts.next()?, parts.next()?)
    };
    let name = name.strip_suffix(b".lockfile")?;
    paths::ends_with(folder, b"gradle/dependency-locks").then_some(name)
}

/// Whether all of the configurations that need something are for development.
fn is_development(configurations: &str) -> bool {
    let mut names =
        configurations.split(',').map(str::trim).filter(|name| !name.is_empty()).peekable();
    let is_development = |name: &str| {
        let name = name.to_lowercase();
        let words = [
            "test",
            "annotationprocessor",
            "kapt",
            "ksp",
            "checkstyle",
            "pmd",
            "spotbugs",
            "jacoco",
        ];
        words.iter().any(|word| name.contains(word)) || name == "classpath"
    };
    names.peek().is_some() && names.all(is_development)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configurations_tell_what_is_for_development() {
        assert!(is_development("testCompileClasspath,testRuntimeClasspath"));
        assert!(is_development("annotationProcessor"));
        assert!(!is_development("runtimeClasspath,testRuntimeClasspath"));
        assert!(!is_development(""));
    }

    #[test]
    fn the_older_form_names_its_configuration() {
        let path: &[u8] = b"srv/gradle/dependency-locks/runtimeClasspath.lockfile";
        assert_eq!(configuration(path), Some(&b"runtimeClasspath"[..]));
        assert_eq!(configuration(b"srv/locks/runtimeClasspath.lockfile"), None);
        assert_eq!(configuration(b"a.lockfile"), None);
    }
}
