//! Go programs: the modules that they were built from, and the version of Go.
//!
//! In: programs and libraries of any system. Out: the main module, each module that was linked in, and the standard library
//! as `stdlib`, which advisories know under that name. Source: Go, `debug/buildinfo`; OSV's ecosystem `Go`.
//!
//! Odd:
//! * A replaced module counts as what stands in for it; one that a folder stands in for, as itself.
//! * The main module often has no version. Then one that the linker was told (`-X main.version=1.2.3`) counts, and says so in
//!   `version_from`; else it is `(devel)`, which no advisory's range can hold, and where it was built from goes along.
//! * A program that was built without modules, as some distributions do, tells the version of Go alone: that its modules
//!   are not known is a gap. So is one whose build information was taken out.

mod build_info;
mod link_flags;

use std::collections::BTreeMap;

use plimsoll_image::EntryMeta;
use plimsoll_model::GapReason;

use self::build_info::{BuildInfo, Module};
use super::{MAX_PACKAGES, MAX_WORD, go_mod::parted};
use crate::{
    executable::{self, Executable},
    facts::{FileFacts, PackageFact, Problem, clip},
    parser::{ClaimedFile, ParseError, Parser, Want},
};

/// Version of a main module that was built from a working copy.
const DEVELOPMENT: &str = "(devel)";

/// Settings that go along with the main module.
const SETTINGS: &[(&str, &str)] =
    &[("vcs.revision", "revision"), ("vcs.time", "revision_time"), ("vcs.modified", "modified")];

/// Sections that only Go's linker makes.
const SIGNS: &[&str] = &[".gopclntab", "__gopclntab", ".note.go.buildid"];

/// Reads the build information of Go programs.
#[derive(Debug)]
pub(crate) struct GoBinary;

impl Parser for GoBinary {
    fn id(&self) -> &'static str {
        "go-binary"
    }

    fn version(&self) -> u32 {
        2
    }

    fn reads(&self) -> &'static str {
        "programs and libraries built by Go"
    }

    fn claims(&self, path: &[u8], meta: &EntryMeta) -> Option<Want> {
        executable::claims(path, meta)
    }

    fn reads_programs(&self) -> bool {
        true
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let mut facts = FileFacts::default();
        for program in executable::open_if_sound(file.content) {
            match build_info::read(&program)? {
                Some(info) => add(&mut facts, &program, &info),
                None if SIGNS.iter().any(|sign| program.section(sign).is_some()) => facts.note(
                    opaque("is a Go program without build information: its modules are not known"),
                ),
                None => {}
            }
        }
        Ok(facts)
    }
}

fn opaque(detail: &str) -> Problem {
    Problem { reason: GapReason::OpaqueProgram, detail: detail.to_owned() }
}

fn add(facts: &mut FileFacts, program: &Executable<'_>, info: &BuildInfo) {
    if info.has_no_text {
        facts.note(opaque(
            "is a Go program that was built without modules: what it is made of beside the standard library is not known",
        ));
    }
    let mut own = BTreeMap::new();
    if program.is_stripped {
        own.insert("stripped".to_owned(), "true".to_owned());
    }
    match toolchain(&info.go) {
        Some(version) => {
            let mut extra = own.clone();
            extra.insert("go".to_owned(), clip(&info.go));
            push(facts, PackageFact { extra, ..package("stdlib", &version) });
        }
        None => {
            facts.note(Problem::unreadable(format!("`{}` is no version of Go", clip(&info.go))))
        }
    }
    let main = main_of(info);
    if let Some(main) = main {
        let mut package = main_module(info, main);
        package.extra.extend(own);
        push(facts, package);
    }
    let is_main = |module: &&Module| main.is_some_and(|main| std::ptr::eq(main, *module));
    for module in info.modules.iter().filter(|module| !is_main(module)) {
        let mut extra = BTreeMap::new();
        let shown = shown(module, &mut extra);
        push(facts, PackageFact { extra, ..shown });
    }
}

/// Adds a package, once: the programs in a universal file are made of the same.
fn push(facts: &mut FileFacts, package: PackageFact) {
    if package.name.is_empty() || package.version.is_empty() {
        let name = clip(&package.name);
        facts.problem(|| Problem::unreadable(format!("module `{name}` has no name or version")));
        return;
    }
    let longest = package.namespace.as_ref().map_or(0, String::len).max(package.name.len());
    if longest.max(package.version.len()) > MAX_WORD {
        let name = clip(&package.name);
        facts.problem(|| Problem::unreadable(format!("`{name}`: is longer than {MAX_WORD} bytes")));
        return;
    }
    if facts.packages.len() >= MAX_PACKAGES {
        facts.problem(|| {
            Problem::budget(format!("packages of one file: the limit of {MAX_PACKAGES} is reached"))
        });
        return;
    }
    facts.packages.push(package);
}

fn package(path: &str, version: &str) -> PackageFact {
    let (namespace, name) = parted(path);
    PackageFact {
        ecosystem: Some("Go".to_owned()),
        namespace: namespace.map(str::to_owned),
        name: name.to_owned(),
        version: version.to_owned(),
        ..PackageFact::default()
    }
}

/// The module that the program itself lies in. One that was built from a file (`go build main.go`) has no main module: that of the
/// file stands among the others, as the only one without a version.
fn main_of(info: &BuildInfo) -> Option<&Module> {
    let is_checkout =
        |module: &&Module| module.version == DEVELOPMENT && module.replaced_by.is_none();
    info.main.as_ref().or_else(|| {
        let mut checkouts = info.modules.iter().filter(is_checkout);
        checkouts.next().filter(|_| checkouts.next().is_none())
    })
}

/// The module that is really linked in.
fn shown(module: &Module, extra: &mut BTreeMap<String, String>) -> PackageFact {
    match &module.replaced_by {
        Some(new) if !matches!(&*new.version, "" | DEVELOPMENT) => {
            extra.insert("replaces".to_owned(), clip(&module.path));
            package(&new.path, &new.version)
        }
        Some(folder) => {
            extra.insert("origin".to_owned(), clip(&folder.path));
            package(&module.path, &module.version)
        }
        None => package(&module.path, &module.version),
    }
}

fn main_module(info: &BuildInfo, main: &Module) -> PackageFact {
    let mut extra = BTreeMap::new();
    let mut package = shown(main, &mut extra);
    extra.insert("main".to_owned(), "true".to_owned());
    for (key, name) in SETTINGS {
        if let Some(value) = info.setting(key).filter(|value| !value.is_empty()) {
            extra.insert((*name).to_owned(), clip(value));
        }
    }
    if matches!(&*package.version, "" | DEVELOPMENT) {
        let flags = info.setting("-ldflags").unwrap_or_default();
        match link_flags::version(flags, &main.path) {
            Some(version) => {
                package.version = version;
                extra.insert("version_from".to_owned(), "ldflags".to_owned());
            }
            None => DEVELOPMENT.clone_into(&mut package.version),
        }
    }
    package.extra = extra;
    package
}

/// The version of Go as advisories write it: `1.22.3`, `1.23.0-rc.1`. From `go1.22.3`, `go1.23rc1`, `go1.22.3 X:…`,
/// `devel go1.23-abcdef …`, with whatever a maker of another Go adds.
fn toolchain(text: &str) -> Option<String> {
    let is_development = text.starts_with("devel ");
    let word = text.split([' ', '\t']).find_map(|word| word.strip_prefix("go"));
    let word = word.unwrap_or_default();
    let end = word.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(word.len());
    let (numbers, rest) = word.split_at_checked(end).unwrap_or_default();
    let numbers = numbers.trim_end_matches('.');
    let count = numbers.split('.').count();
    if numbers.is_empty() || count > 3 || numbers.split('.').any(str::is_empty) {
        return None;
    }
    let full = || format!("{numbers}{}", ".0".repeat(3 - count));
    let prerelease = ["alpha", "beta", "rc"].iter().find_map(|word| {
        let number: String =
            rest.strip_prefix(word)?.chars().take_while(char::is_ascii_digit).collect();
        (!number.is_empty()).then(|| format!("{word}.{number}"))
    });
    Some(match prerelease {
        Some(prerelease) => format!("{}-{prerelease}", full()),
        None if is_development => format!("{}-devel", full()),
        None => numbers.to_owned(),
    })
}

#[cfg(test)]
#[path = "go_binary/tests.rs"]
mod tests;
