//! `packages.config`: what older projects asked NuGet for.
//!
//! In: XML, a `<package id version targetFramework developmentDependency/>` each. Out: a package each. Source: NuGet,
//! "packages.config reference". Odd: transitive packages stand in it as well; versions are exact.

use plimsoll_image::EntryMeta;
use quick_xml::{
    Reader,
    events::{BytesStart, Event},
};

use super::{LIMIT, NUGET};
use crate::{
    facts::FileFacts,
    packages::lock::{LockFile, Locked},
    parser::{ClaimedFile, ParseError, Parser, Want},
};

/// Reads the list of an older project.
#[derive(Debug)]
pub(crate) struct PackagesConfig;

impl Parser for PackagesConfig {
    fn id(&self) -> &'static str {
        "nuget-config"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "packages.config, packages.<project>.config"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        let is_list = name.starts_with(b"packages.") && name.ends_with(b"config");
        is_list.then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let text = String::from_utf8_lossy(file.bytes);
        let mut reader = Reader::from_str(text.strip_prefix('\u{feff}').unwrap_or(&text));
        let mut lock = LockFile::new(NUGET);
        loop {
            let at = reader.buffer_position();
            let event = reader.read_event().map_err(|error| ParseError::Syntax {
                at: format!("byte {at}"),
                problem: error.to_string(),
            })?;
            match event {
                Event::Start(start) | Event::Empty(start)
                    if start.local_name().as_ref() == "package" =>
                {
                    let attribute = |name: &str| attribute(&start, name);
                    let development = attribute("developmentDependency");
                    lock.add(&Locked {
                        name: &attribute("id"),
                        version: &attribute("version"),
                        development: development.eq_ignore_ascii_case("true"),
                        ..Locked::default()
                    });
                }
                Event::Eof => return Ok(lock.finish()),
                _ => {}
            }
        }
    }
}

fn attribute(start: &BytesStart<'_>, name: &str) -> String {
    let mut attributes = start.attributes();
    let found = attributes.with_checks(false).flatten().find(|attribute| {
        let key: &str = attribute.key.local_name().into_inner();
        key == name
    });
    let value = found.and_then(|found| {
        let value = found.normalized_value(quick_xml::XmlVersion::Explicit1_0).ok()?;
        Some(value.into_owned())
    });
    value.unwrap_or_default()
}
