//! `var/lib/rpmmanifest/container-manifest-2`: what distroless images of Azure Linux and CBL-Mariner have instead of a
//! database.
//!
//! In: lines of ten fields with tabs between: name, version-release, install time, build time, vendor, epoch or `(none)`,
//! size, architecture, epoch as a number, source package's file. Out: one package per line.
//! Source: the query that Azure Linux's image tool writes it with (`toolkit/tools/imagegen/installutils`).
//!
//! Odd: it does not say which files packages own. The epoch stands there twice; the number is believed, and the text where
//! an old manifest has no number.

use std::collections::BTreeMap;

use super::package::source;
use crate::{
    facts::{FileFacts, PackageFact, Problem},
    packages::{MAX_PACKAGES, MAX_WORD},
};

/// Where it is.
pub(crate) const PATH: &[u8] = b"var/lib/rpmmanifest/container-manifest-2";

/// Reads the manifest.
pub(crate) fn parse(bytes: &[u8]) -> FileFacts {
    let mut facts = FileFacts::default();
    for (number, line) in (1_usize..).zip(bytes.split(|&byte| byte == b'\n')) {
        if line.trim_ascii().is_empty() {
            continue;
        }
        if facts.packages.len() >= MAX_PACKAGES {
            facts.note(Problem::budget(format!(
                "packages of one database: the limit of {MAX_PACKAGES} is reached"
            )));
            break;
        }
        match package(&String::from_utf8_lossy(line)) {
            Ok(Some(package)) => facts.packages.push(package),
            Ok(None) => {}
            Err(problem) => {
                facts.problem(|| Problem::unreadable(format!("line {number}: {problem}")));
            }
        }
    }
    facts
}

fn package(line: &str) -> Result<Option<PackageFact>, &'static str> {
    let fields: Vec<&str> = line.split('\t').map(str::trim).take(11).collect();
    let [name, version, _, _, vendor, epoch, _, architecture, rest @ ..] = fields.as_slice() else {
        return Err("has fewer than eight fields");
    };
    if *name == "gpg-pubkey" {
        return Ok(None);
    }
    if name.is_empty() || version.is_empty() {
        return Err("has no name or no version");
    }
    if fields.iter().any(|field| field.len() > MAX_WORD) {
        return Err("has a field that is longer than 1024 bytes");
    }
    let epoch = rest.first().filter(|number| !number.is_empty()).unwrap_or(epoch);
    let version = match epoch.parse::<u32>() {
        Ok(epoch) if epoch > 0 => format!("{epoch}:{version}"),
        _ => (*version).to_owned(),
    };
    let file = rest.get(1).filter(|file| !file.is_empty() && **file != "(none)");
    let mut extra = BTreeMap::new();
    let known = [("vendor", Some(vendor)), ("source_rpm", file)];
    for (key, value) in known.into_iter().filter_map(|(key, value)| Some((key, value?))) {
        if !value.is_empty() && *value != "(none)" {
            extra.insert(key.to_owned(), (*value).to_owned());
        }
    }
    Ok(Some(PackageFact {
        name: (*name).to_owned(),
        version,
        source: file.and_then(|file| source(file)),
        architecture: if *architecture == "(none)" { "" } else { architecture }.to_owned(),
        extra,
        ..PackageFact::default()
    }))
}
