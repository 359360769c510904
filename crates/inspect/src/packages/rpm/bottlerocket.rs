//! Bottlerocket's list of what it was built from: `usr/share/bottlerocket/application-inventory.json`, on a running host
//! `var/lib/bottlerocket/inventory/application.json`.
//!
//! In: a JSON object with the array `Content`, an object per package. Out: one package each.
//! Source: Bottlerocket's documentation, "Software inventory".
//!
//! Odd: older releases write their own version in place of every package's; there is no telling which do.

use serde::Deserialize;

use crate::{
    facts::{FileFacts, PackageFact, Problem},
    packages::{MAX_PACKAGES, MAX_WORD},
    parser::ParseError,
};

/// Where it is.
pub(crate) const PATHS: &[&[u8]] = &[
    b"usr/share/bottlerocket/application-inventory.json",
    b"var/lib/bottlerocket/inventory/application.json",
];

#[derive(Deserialize)]
struct Inventory {
    #[serde(rename = "Content")]
    content: Vec<Application>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Application {
    name: String,
    version: String,
    #[serde(default)]
    release: String,
    #[serde(default)]
    epoch: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    publisher: String,
}

/// Reads the list.
pub(crate) fn parse(bytes: &[u8]) -> Result<FileFacts, ParseError> {
    let inventory: Inventory = serde_json::from_slice(bytes).map_err(|error| {
        ParseError::Syntax { at: format!("line {}", error.line()), problem: error.to_string() }
    })?;
    let mut facts = FileFacts::default();
    for application in inventory.content {
        if facts.packages.len() >= MAX_PACKAGES {
            facts.note(Problem::budget(format!(
                "packages of one database: the limit of {MAX_PACKAGES} is reached"
            )));
            break;
        }
        match package(application) {
            Ok(package) => facts.packages.push(package),
            Err(problem) => facts.problem(|| Problem::unreadable(problem)),
        }
    }
    Ok(facts)
}

fn package(application: Application) -> Result<PackageFact, &'static str> {
    let Application { name, version, release, epoch, architecture, publisher } = application;
    if name.is_empty() || version.is_empty() {
        return Err("a package has no name or no version");
    }
    let words = [&name, &version, &release, &epoch, &architecture, &publisher];
    if words.iter().any(|word| word.len() > MAX_WORD) {
        return Err("a name or version is longer than 1024 bytes");
    }
    let version = if release.is_empty() { version } else { format!("{version}-{release}") };
    let version = match epoch.parse::<u32>() {
        Ok(epoch) if epoch > 0 => format!("{epoch}:{version}"),
        _ => version,
    };
    let extra = [("vendor".to_owned(), publisher)];
    let extra = extra.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    Ok(PackageFact { name, version, architecture, extra, ..PackageFact::default() })
}
