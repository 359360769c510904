//! Assemblies and single-file applications: what .NET's own programs say of themselves.
//!
//! In: PE files with .NET code, and programs that hold a whole application. Out: of an assembly, itself under its name and
//! product version with `evidence: assembly`; of a single-file application, what its `deps.json` lists. Source: ECMA-335,
//! II.25; Microsoft, "VERSIONINFO resource"; .NET's `bundle.md`. Odd: an assembly's name is mostly, not always, that of the
//! NuGet package that brought it, and so is its version. Where a `deps.json` lists packages in the same folder, those are the
//! truth, and assemblies there are not reported (`inspection/assemblies.rs`).

use plimsoll_image::EntryMeta;

use super::{NUGET, bundle, deps, version_resource};
use crate::{
    executable::{self, Executable, Format},
    facts::{FileFacts, PackageFact, clip},
    packages::{MAX_WORD, lock::EVIDENCE},
    parser::{ClaimedFile, ParseError, Parser, Want},
};

/// Id of the parser.
pub(crate) const ID: &str = "dotnet-assembly";

/// Value of [`EVIDENCE`].
pub(crate) const ASSEMBLY: &str = "assembly";

/// The directory that only .NET's files have.
const CLI_HEADER: usize = 14;

/// Reads assemblies and single-file applications.
#[derive(Debug)]
pub(crate) struct Assembly;

impl Parser for Assembly {
    fn id(&self) -> &'static str {
        ID
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "assemblies (PE files with .NET code) where no deps.json lists packages, single-file .NET applications"
    }

    fn claims(&self, path: &[u8], meta: &EntryMeta) -> Option<Want> {
        executable::claims(path, meta)
    }

    fn reads_programs(&self) -> bool {
        true
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let programs = executable::open_if_sound(file.content);
        let Some(program) = programs.first() else { return Ok(FileFacts::default()) };
        if let Some(list) = bundle::dependencies(program)? {
            return deps::read(&list);
        }
        let mut facts = FileFacts::default();
        if is_assembly(program) {
            facts.packages.extend(package(program, file.path.name())?);
        }
        Ok(facts)
    }
}

fn is_assembly(program: &Executable<'_>) -> bool {
    program.format == Format::Pe
        && program.directories.get(CLI_HEADER).is_some_and(|(_, size)| *size > 0)
}

fn package(program: &Executable<'_>, file: &[u8]) -> Result<Option<PackageFact>, ParseError> {
    let file = String::from_utf8_lossy(file);
    let strings = version_resource::strings(program)?;
    let string = |key: &str| {
        let text = strings.get(key).map(|text| text.trim());
        text.filter(|text| !text.is_empty())
    };
    let name = ["OriginalFilename", "InternalName"].iter().find_map(|key| string(key));
    let name = without_ending(name.unwrap_or(&file));
    // Words in another language and folders of strings are no packages.
    if name.is_empty() || name.len() > MAX_WORD || name.ends_with(".resources") {
        return Ok(None);
    }
    let versions = ["ProductVersion", "FileVersion", "Assembly Version"];
    let version = versions.iter().filter_map(|key| string(key)).find_map(version);
    let Some(version) = version else { return Ok(None) };
    let mut package = PackageFact {
        ecosystem: Some(NUGET.to_owned()),
        name: name.to_owned(),
        version: version.to_owned(),
        ..PackageFact::default()
    };
    package.extra.insert(EVIDENCE.to_owned(), ASSEMBLY.to_owned());
    for (key, as_key) in [("FileVersion", "file_version"), ("ProductName", "product")] {
        if let Some(text) = string(key) {
            package.extra.insert(as_key.to_owned(), clip(text));
        }
    }
    Ok(Some(package))
}

fn without_ending(name: &str) -> &str {
    [".dll", ".exe", ".DLL", ".EXE"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
}

/// The version in what may be `13.0.3+0a2e291c` or `8.0.0-rc.1 built by x`.
fn version(text: &str) -> Option<&str> {
    let version = text.split([' ', '+', '@', ',']).next().unwrap_or_default();
    let is_one = version.starts_with(|c: char| c.is_ascii_digit())
        && version.contains('.')
        && version.len() <= 64
        && version.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
    is_one.then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_in_texts() {
        for (text, wanted) in [
            ("13.0.3+0a2e291c0d9c0c7675d445703e51750363a549ef", Some("13.0.3")),
            ("8.0.0-rc.1.23419.4", Some("8.0.0-rc.1.23419.4")),
            ("4.6.26515.06 @BuiltBy: dlab-DDVSOWINAGE059", Some("4.6.26515.06")),
            ("not a version", None),
            ("8", None),
            ("", None),
        ] {
            assert_eq!(version(text), wanted, "{text}");
        }
    }
}
