//! The shared runtime: `shared/<framework>/<version>/<framework>.deps.json`, and what an application wants of it,
//! `*.runtimeconfig.json`.
//!
//! In: JSON. Out: of the runtime's own file, the runtime by the framework's name and its folder's version; of an application
//! that brings its runtime along (`includedFrameworks`), that one. Source: .NET, "runtime configuration files". Odd: an
//! application that only asks for a framework gets whatever is installed, so what it asks for is not reported; advisories
//! know the runtime as a package per platform (`Microsoft.NETCore.App.Runtime.linux-x64`), which stands in the file's target.

use plimsoll_image::EntryMeta;
use serde_json::Value;

use super::{LIMIT, NUGET};
use crate::{
    facts::FileFacts,
    packages::{
        json,
        lock::{LockFile, Locked},
    },
    parser::{ClaimedFile, ParseError, Parser, Want},
};

/// Reads which runtime is there.
#[derive(Debug)]
pub(crate) struct DotnetRuntime;

impl Parser for DotnetRuntime {
    fn id(&self) -> &'static str {
        "dotnet-runtime"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "shared/*/*/*.deps.json of .NET runtimes, *.runtimeconfig.json of applications with a runtime of their own"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        let is_claimed = path.ends_with(b".runtimeconfig.json") || framework(path).is_some();
        is_claimed.then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let document: Value = json::parse(file.bytes)?;
        let mut found = LockFile::installed(NUGET);
        if let Some((name, version)) = framework(file.path.as_bytes()) {
            let (name, version) = (String::from_utf8_lossy(name), String::from_utf8_lossy(version));
            let target = document.get("runtimeTarget");
            let target = target.and_then(|target| target.get("name").unwrap_or(target).as_str());
            let platform = target.and_then(|target| target.split_once('/')).map(|(_, id)| id);
            found.add(&Locked {
                name: &match platform {
                    Some(platform) if !is_ancient(&version) => {
                        format!("{name}.Runtime.{platform}")
                    }
                    _ => name.into_owned(),
                },
                version: &version,
                ..Locked::default()
            });
            return Ok(found.finish());
        }
        let options = document.get("runtimeOptions");
        let included = options.and_then(|options| options.get("includedFrameworks"));
        for framework in included.and_then(Value::as_array).into_iter().flatten() {
            let text = |key: &str| framework.get(key).and_then(Value::as_str);
            found.add(&Locked {
                name: text("name").unwrap_or_default(),
                version: text("version").unwrap_or_default(),
                ..Locked::default()
            });
        }
        Ok(found.finish())
    }
}

/// Before .NET Core 3.0 a runtime was a package of the framework's own name.
fn is_ancient(version: &str) -> bool {
    version.starts_with("1.") || version.starts_with("2.")
}

/// Name and version of the framework that a file of its own name describes.
fn framework(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut parts = path.rsplit(|&byte| byte == b'/');
    let (file, version, name) = (parts.next()?, parts.next()?, parts.next()?);
    let is_own = file.strip_suffix(b".deps.json") == Some(name);
    let is_version = version.first().is_some_and(u8::is_ascii_digit);
    (is_own && is_version && parts.next() == Some(b"shared")).then_some((name, version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frameworks_are_known_by_their_folders() {
        let path: &[u8] =
            b"usr/share/dotnet/shared/Microsoft.NETCore.App/8.0.1/Microsoft.NETCore.App.deps.json";
        let (name, version) = framework(path).unwrap();
        assert_eq!((name, version), (&b"Microsoft.NETCore.App"[..], &b"8.0.1"[..]));
        assert_eq!(framework(b"shared/a/8.0.1/b.deps.json"), None);
        assert_eq!(framework(b"shared/a/x/a.deps.json"), None);
    }
}
