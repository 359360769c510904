//! PEAR's and PECL's registry: `.registry/*.reg` and `.registry/.channel.*/*.reg` in PHP's library folder.
//!
//! In: a serialised array, one package per file. Out: one package, its channel (`pear.php.net`, `pecl.php.net`) as namespace.
//! Source: PEAR, `Registry.php`. Odd: files of `package.xml` 1.0 name the package in `package` and have the version as a
//! text; since 2.0 it is `name`, and `version` holds `release` and `api`. A licence is a text, or text and address.

use std::collections::BTreeMap;

use plimsoll_image::EntryMeta;

use super::serialized;
use crate::{
    facts::{FileFacts, PackageFact},
    packages::MAX_WORD,
    parser::{ClaimedFile, ParseError, Parser, Want},
};

/// Longest entry; those of packages with thousands of files have some hundred KiB.
const LIMIT: u64 = 16 << 20;

/// Reads one package of the registry.
#[derive(Debug)]
pub(crate) struct PearRegistry;

impl Parser for PearRegistry {
    fn id(&self) -> &'static str {
        "pear"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        ".registry/*.reg, .registry/.channel.*/*.reg"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        if !path.ends_with(b".reg") {
            return None;
        }
        let mut parts = path.rsplit(|&byte| byte == b'/').skip(1);
        let folder = parts.next()?;
        let is_entry = folder == b".registry"
            || (folder.starts_with(b".channel.") && parts.next() == Some(b".registry"));
        is_entry.then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let mut found: BTreeMap<&'static str, String> = BTreeMap::new();
        serialized::walk(file.bytes, &mut |keys, value| {
            let field = match keys {
                [b"name"] => "name",
                [b"package"] => "package",
                [b"channel"] => "channel",
                [b"version"] | [b"version", b"release"] => "version",
                [b"license" | b"release_license"] | [b"license", b"_content"] => "license",
                _ => return,
            };
            if value.len() <= MAX_WORD {
                let text = String::from_utf8_lossy(value).trim().to_owned();
                found.entry(field).or_insert(text);
            }
        })
        .map_err(|at| ParseError::Syntax {
            at: format!("byte {at}"),
            problem: "is no serialised value of PHP".to_owned(),
        })?;
        let mut take = |field| found.remove(field).filter(|text: &String| !text.is_empty());
        let name = take("name").or_else(|| take("package")).ok_or(ParseError::Missing("name"))?;
        let version = take("version").ok_or(ParseError::Missing("version"))?;
        let channel = take("channel").unwrap_or_else(|| "pear.php.net".to_owned());
        let license = take("license").filter(|text| text.len() <= 100);
        let package = PackageFact {
            ecosystem: Some("PEAR".to_owned()),
            namespace: Some(channel),
            name,
            version,
            extra: license.map(|text| ("license".to_owned(), text)).into_iter().collect(),
            ..PackageFact::default()
        };
        Ok(FileFacts { packages: vec![package], ..FileFacts::default() })
    }
}
