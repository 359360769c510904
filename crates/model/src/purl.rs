//! Package URLs.
//!
//! In: the parts of a package. Out: its canonical purl text. Source: purl-spec, "Rules for each purl component" and the
//! types `deb`, `apk`, `rpm`, `pypi`, `npm`, `maven`. Odd: what a type lower-cases or folds (`pypi`: `_` to `-`) is done
//! by the library; an epoch is a qualifier of `rpm` but part of the version of `deb`.

use packageurl::PackageUrl;

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
    let mut purl = PackageUrl::new(row.purl_type, parts.name).ok()?;
    if let Some(namespace) = parts.namespace.or(row.purl_namespace).filter(|text| !text.is_empty())
    {
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
    Some(purl.to_string())
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
        assert_eq!(
            format(&Ecosystem::named("Nonesuch"), Parts { name: "a", ..Parts::default() }),
            None
        );
    }
}
