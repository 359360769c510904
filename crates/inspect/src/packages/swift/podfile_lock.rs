//! `Podfile.lock`: what CocoaPods resolved.
//!
//! In: YAML as CocoaPods writes it: below `PODS:` a line `  - Name/Subspec (version)` for each pod. Out: a package for each
//! pod, whatever its subspecs; those of folders, by `EXTERNAL SOURCES:`, are left out. Source: CocoaPods, `lockfile.rb`.

use std::collections::BTreeSet;

use plimsoll_image::EntryMeta;

use crate::{
    facts::{FileFacts, Problem, clip},
    packages::lock::{LIMIT, LockFile, Locked, is_inside_package},
    parser::{ClaimedFile, ParseError, Parser, Want},
    paths,
};

/// Reads CocoaPods' lock file.
#[derive(Debug)]
pub(crate) struct PodfileLock;

impl Parser for PodfileLock {
    fn id(&self) -> &'static str {
        "podfile-lock"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "Podfile.lock"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        (paths::ends_with(path, b"Podfile.lock") && !is_inside_package(path))
            .then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let text = file.text()?;
        let local = local_pods(text);
        let mut lock = LockFile::new("CocoaPods");
        for (section, line) in lines(text) {
            let Some(pod) = line.strip_prefix("  - ").filter(|_| section == "PODS") else {
                continue;
            };
            let pod = pod.trim().trim_end_matches(':').trim_matches('"');
            let Some((name, version)) = pod.split_once(" (") else {
                lock.problem(|| Problem::unreadable(format!("`{}` has no version", clip(pod))));
                continue;
            };
            let name = name.split('/').next().unwrap_or(name);
            if !local.contains(name) {
                let version = version.trim_end_matches(')');
                lock.add(&Locked { name, version, ..Locked::default() });
            }
        }
        Ok(lock.finish())
    }
}

/// Lines with the section that they stand in.
fn lines(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut section = "";
    text.lines().map(move |line| {
        if !line.starts_with(' ') {
            section = line.trim().trim_end_matches(':');
        }
        (section, line)
    })
}

/// Pods whose source is a folder.
fn local_pods(text: &str) -> BTreeSet<&str> {
    let mut local = BTreeSet::new();
    let mut pod = "";
    for (_, line) in lines(text).filter(|(section, _)| *section == "EXTERNAL SOURCES") {
        match line.strip_prefix("  ") {
            Some(name) if !name.starts_with(' ') => {
                pod = name.trim().trim_end_matches(':').trim_matches('"');
            }
            Some(field) if field.trim_start().starts_with(":path:") => {
                local.insert(pod);
            }
            _ => {}
        }
    }
    local
}
