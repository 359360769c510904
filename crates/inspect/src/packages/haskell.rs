//! Haskell packages: the database of a compiler, `package.conf.d/*.conf`.
//!
//! In: `field: value` lines, where lines that begin with a blank go on. Out: one package. Source: Cabal,
//! `InstalledPackageInfo`. Odd: packages that a distribution brings stand in the same format; parts of a package
//! (`lib-name`) are the package.

mod cabal_freeze;
mod stack_lock;

use plimsoll_image::EntryMeta;

pub(crate) use self::{cabal_freeze::CabalFreeze, stack_lock::StackLock};
use super::lock::{LockFile, Locked};
use crate::{
    facts::FileFacts,
    parser::{ClaimedFile, ParseError, Parser, Want},
};

const HACKAGE: &str = "Hackage";

/// Reads one package of a compiler's database.
#[derive(Debug)]
pub(crate) struct GhcPackage;

impl Parser for GhcPackage {
    fn id(&self) -> &'static str {
        "ghc-package"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "package.conf.d/*.conf"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        let mut parts = path.rsplit(|&byte| byte == b'/');
        let is_package =
            parts.next()?.ends_with(b".conf") && parts.next() == Some(b"package.conf.d");
        is_package.then_some(Want::Whole { limit: 4 << 20 })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let text = String::from_utf8_lossy(file.bytes);
        let field = |wanted: &str| {
            let mut lines = text.lines();
            let value = lines.by_ref().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case(wanted).then_some(value.trim())
            })?;
            // Cabal breaks long lines; a value may stand on the next one alone.
            if !value.is_empty() {
                return Some(value);
            }
            lines.next().filter(|line| line.starts_with(' ')).map(str::trim)
        };
        let mut installed = LockFile::installed(HACKAGE);
        installed.add(&Locked {
            name: field("package-name").or_else(|| field("name")).unwrap_or_default(),
            version: field("version").unwrap_or_default(),
            license: field("license"),
            ..Locked::default()
        });
        Ok(installed.finish())
    }
}

/// `aeson-1.5.6.0`: the version is what stands behind the last hyphen.
fn parted(identifier: &str) -> Option<(&str, &str)> {
    let (name, version) = identifier.rsplit_once('-')?;
    let is_version = version.starts_with(|first: char| first.is_ascii_digit())
        && version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    is_version.then_some((name, version))
}
