//! Package URLs.
//!
//! In: the parts of a package. Out: its canonical purl text; and back ([`Purl`], [`Identity`]). Source: purl-spec, "Rules
//! for each purl component" and its types' definitions. Odd: what a type lower-cases or folds (`pypi`: `_` to `-`) is done
//! by the library; an epoch is a qualifier of `rpm` but part of the version of `deb`; a package that
//! lacks what its type cannot be without (the author of a Perl distribution, the identifier of a Julia package) is `generic`.

mod identity;

use std::{collections::BTreeMap, fmt, str::FromStr};

use packageurl::PackageUrl;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

pub use self::identity::Identity;
use crate::ecosystem::Ecosystem;

/// The parts of a package URL that do not follow from the ecosystem.
#[derive(Debug, Default, Clone, Copy)]
pub struct Parts<'a> {
    /// Scope or group, where the ecosystem has none of its own.
    pub namespace: Option<&'a str>,
    /// Package name without scope or group.
    pub name: &'a str,
    /// Version as the ecosystem writes it.
    pub version: &'a str,
    /// `arch`, `distro`, `epoch`, `upstream`, …: empty values are left out.
    pub qualifiers: &'a [(&'a str, &'a str)],
}

/// The canonical package URL, or `None` when the name cannot stand in one (an empty name, an unknown ecosystem).
#[must_use]
pub fn format(ecosystem: &Ecosystem, parts: Parts<'_>) -> Option<String> {
    let row = ecosystem.row()?;
    let namespace = parts.namespace.or(row.purl_namespace);
    format_type(row.purl_type, Parts { namespace, ..parts })
}

/// The canonical package URL of a type that need not be an ecosystem's (`oci`, `generic`).
#[must_use]
pub fn format_type(purl_type: &str, parts: Parts<'_>) -> Option<String> {
    let purl = assemble(purl_type, parts)?;
    let purl = if purl.validate().is_ok() { purl } else { assemble("generic", parts)? };
    Some(purl.to_string())
}

fn assemble<'a>(purl_type: &'a str, parts: Parts<'a>) -> Option<PackageUrl<'a>> {
    let mut purl = PackageUrl::new(purl_type, parts.name).ok()?;
    if let Some(namespace) = parts.namespace.filter(|text| !text.is_empty()) {
        purl.with_namespace(namespace).ok()?;
    }
    if !parts.version.is_empty() {
        purl.with_version(parts.version).ok()?;
    }
    for (key, value) in parts.qualifiers {
        if !value.is_empty() {
            purl.add_qualifier((*key).to_owned(), (*value).to_owned()).ok()?;
        }
    }
    Some(purl)
}

/// Longest text that is read as a package URL.
const MAX_PURL: usize = 4_096;

/// A package URL taken apart; [`fmt::Display`] gives its canonical text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Purl {
    /// `deb`, `npm`, …, in lower case.
    pub purl_type: String,
    /// `debian`, `@babel`, `org.apache.commons`.
    pub namespace: Option<String>,
    /// Name as the type writes it: some types fold case.
    pub name: String,
    /// Version.
    pub version: Option<String>,
    /// Qualifiers by their key in lower case.
    pub qualifiers: BTreeMap<String, String>,
    canonical: String,
}

/// As its canonical text.
impl Serialize for Purl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.canonical)
    }
}

impl<'de> Deserialize<'de> for Purl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Why a text is not a package URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PurlError {
    /// It breaks a rule of the specification or of its type.
    #[error("`{text}` is not a package URL: {problem}")]
    Syntax {
        /// The text.
        text: String,
        /// Which rule.
        problem: String,
    },
    /// It is longer than what is read.
    #[error("a package URL of {0} bytes is too long, limit {MAX_PURL}")]
    TooLong(usize),
}

impl FromStr for Purl {
    type Err = PurlError;

    fn from_str(text: &str) -> Result<Self, PurlError> {
        if text.len() > MAX_PURL {
            return Err(PurlError::TooLong(text.len()));
        }
        let purl = PackageUrl::from_str(text).map_err(|error| PurlError::Syntax {
            text: text.to_owned(),
            problem: error.to_string(),
        })?;
        Ok(Self {
            purl_type: purl.ty().to_owned(),
            namespace: purl.namespace().map(str::to_owned),
            name: purl.name().to_owned(),
            version: purl.version().filter(|version| !version.is_empty()).map(str::to_owned),
            qualifiers: purl
                .qualifiers()
                .iter()
                .map(|(key, value)| (key.to_string(), value.to_string()))
                .collect::<BTreeMap<_, _>>(),
            canonical: purl.to_string(),
        })
    }
}

impl Purl {
    /// The same package in another version, or in any, without qualifiers; `None` where that is no package URL.
    #[must_use]
    pub fn without_qualifiers(&self, version: Option<&str>) -> Option<String> {
        let parts = Parts {
            namespace: self.namespace.as_deref(),
            name: &self.name,
            version: version.unwrap_or_default(),
            qualifiers: &[],
        };
        assemble(&self.purl_type, parts).map(|purl| purl.to_string())
    }
}

impl fmt::Display for Purl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.canonical)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purls_follow_their_type() {
        let text = |ecosystem: &str, parts: Parts<'_>| {
            format(&Ecosystem::named(ecosystem), parts).unwrap()
        };
        assert_eq!(
            text(
                "Debian",
                Parts {
                    name: "libc6",
                    version: "2.36-9+deb12u4",
                    qualifiers: &[("arch", "amd64"), ("distro", "debian-12"), ("upstream", "")],
                    ..Parts::default()
                }
            ),
            "pkg:deb/debian/libc6@2.36-9%2Bdeb12u4?arch=amd64&distro=debian-12"
        );
        let npm =
            Parts { namespace: Some("@babel"), name: "core", version: "7.0.0", ..Parts::default() };
        assert_eq!(text("npm", npm), "pkg:npm/%40babel/core@7.0.0");
        let maven =
            Parts { namespace: Some("org.a.b"), name: "c", version: "1", ..Parts::default() };
        assert_eq!(text("Maven", maven), "pkg:maven/org.a.b/c@1");
        let go = Parts {
            namespace: Some("github.com/BurntSushi"),
            name: "toml",
            version: "v0.3.1",
            ..Parts::default()
        };
        assert_eq!(text("Go", go), "pkg:golang/github.com/burntsushi/toml@v0.3.1");
        for (ecosystem, wanted) in [
            ("crates.io", "pkg:cargo/a@1.0%2B1"),
            ("RubyGems", "pkg:gem/a@1.0%2B1"),
            ("NuGet", "pkg:nuget/a@1.0%2B1"),
            ("CRAN", "pkg:cran/a@1.0%2B1"),
            ("opam", "pkg:opam/a@1.0%2B1"),
            ("Julia", "pkg:julia/a@1.0%2B1?uuid=0-1"),
            // These miss a namespace that their type demands.
            ("CPAN", "pkg:generic/a@1.0%2B1?uuid=0-1"),
            ("Packagist", "pkg:generic/a@1.0%2B1?uuid=0-1"),
        ] {
            let has_uuid = wanted.contains("uuid");
            let parts = Parts {
                name: "a",
                version: "1.0+1",
                qualifiers: if has_uuid { &[("uuid", "0-1")] } else { &[] },
                ..Parts::default()
            };
            assert_eq!(text(ecosystem, parts), wanted);
        }
        let julia = Parts { name: "a", version: "1", ..Parts::default() };
        assert_eq!(text("Julia", julia), "pkg:generic/a@1");
        assert_eq!(
            format(&Ecosystem::named("Nonesuch"), Parts { name: "a", ..Parts::default() }),
            None
        );
    }
}
