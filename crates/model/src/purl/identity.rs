//! What a package URL alone says of a package: the way back from [`format`](super::format).
//!
//! In: a [`Purl`]. Out: [`Identity`], with ecosystem and name as OSV writes them. Source: purl-spec, its types' definitions;
//! the qualifiers `upstream`, `distro` and `rpmmod` as Syft writes them and we do. Odd: the release is left as the text of
//! `distro`, since only the table of distributions knows what OSV calls it; namespaces that other tools write for a
//! distribution (`alma`, `amazon`) stand for the same one.

use super::Purl;
use crate::{
    ecosystem::{ECOSYSTEMS, Ecosystem, Origin, Row},
    package::SourcePackage,
};

/// What a package URL says of a package.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// OSV name without release; of a type that no ecosystem has, the type's or distribution's own name.
    pub ecosystem: Ecosystem,
    /// Scope or group, for language packages.
    pub namespace: Option<String>,
    /// Name without scope or group.
    pub name: String,
    /// Version in full, epoch included; empty where there is none.
    pub version: String,
    /// The source package of `upstream`.
    pub source: Option<SourcePackage>,
    /// `arch`.
    pub architecture: Option<String>,
    /// `distro`: `debian-12`.
    pub distro: Option<String>,
    /// `rpmmod`: `nodejs:18:…`.
    pub modularity: Option<String>,
    /// `upstream` of an rpm: `openssl-3.0.7-16.el9.src.rpm`.
    pub source_rpm: Option<String>,
}

/// Namespaces of system packages by which others mean a distribution of the list.
const ALIASES: &[(&str, &str)] = &[
    ("alma", "almalinux"),
    ("amazon", "amzn"),
    ("amazonlinux", "amzn"),
    ("rhel", "redhat"),
    ("rockylinux", "rocky"),
    ("ol", "oracle"),
    ("oraclelinux", "oracle"),
    ("sles", "suse"),
    ("sled", "suse"),
    ("opensuse-leap", "opensuse"),
    ("opensuse-tumbleweed", "opensuse"),
    ("opensuse.leap", "opensuse"),
    ("opensuse.tumbleweed", "opensuse"),
    ("mariner", "azurelinux"),
    ("cbl-mariner", "azurelinux"),
];

/// Types that are a distribution's even where no ecosystem has their namespace.
const SYSTEM_TYPES: &[&str] = &["deb", "apk", "rpm", "alpm", "opkg", "ebuild"];

impl Purl {
    /// What it says of its package.
    #[must_use]
    pub fn identity(&self) -> Identity {
        let row = self.row();
        let qualifier = |key: &str| self.qualifiers.get(key).filter(|text| !text.is_empty());
        let is_system = match row {
            Some(row) => row.origin == Origin::System,
            None => SYSTEM_TYPES.contains(&self.purl_type.as_str()),
        };
        let is_rpm = self.purl_type == "rpm";
        let mut version = self.version.clone().unwrap_or_default();
        // A version of Debian's holds its epoch; some tools write it as a qualifier, as rpm's is written.
        if let Some(epoch) = qualifier("epoch").filter(|epoch| is_system && *epoch != "0")
            && !version.contains(':')
        {
            version = format!("{epoch}:{version}");
        }
        let upstream = qualifier("upstream");
        let source = match upstream {
            Some(file) if is_rpm => source_of_file(file),
            Some(text) if is_system => {
                let (name, own) = text.split_once('@').unwrap_or((text, &version));
                Some(SourcePackage { name: name.to_owned(), version: own.to_owned() })
            }
            _ => None,
        };
        let own_name = self.namespace.as_deref().filter(|_| is_system).unwrap_or(&self.purl_type);
        Identity {
            ecosystem: Ecosystem::named(row.map_or(own_name, |row| row.name)),
            // A distribution's namespace is its own name, but a Gentoo package's is its category.
            namespace: self
                .namespace
                .clone()
                .filter(|_| !is_system || row.is_some_and(|row| row.purl_namespace.is_none())),
            name: self.name.clone(),
            version,
            source,
            architecture: qualifier("arch").cloned(),
            distro: qualifier("distro").cloned(),
            modularity: qualifier("rpmmod").or_else(|| qualifier("modularitylabel")).cloned(),
            source_rpm: upstream.filter(|_| is_rpm).cloned(),
        }
    }

    /// The ecosystem's row, where one has this type and namespace.
    fn row(&self) -> Option<&'static Row> {
        let namespace = self.namespace.as_deref();
        let alias = ALIASES.iter().find(|(other, _)| Some(*other) == namespace);
        let namespace = alias.map_or(namespace, |(_, own)| Some(*own));
        let of_type = || ECOSYSTEMS.iter().filter(|row| row.purl_type == self.purl_type);
        of_type()
            .find(|row| row.purl_namespace.is_some() && row.purl_namespace == namespace)
            .or_else(|| of_type().find(|row| row.purl_namespace.is_none()))
    }
}

/// `openssl-3.0.7-16.el9.src.rpm`: name, version and release, separated from behind.
fn source_of_file(file: &str) -> Option<SourcePackage> {
    let stem = file.strip_suffix(".src.rpm").or_else(|| file.strip_suffix(".nosrc.rpm"))?;
    let (rest, release) = stem.rsplit_once('-')?;
    let (name, version) = rest.rsplit_once('-')?;
    (!name.is_empty())
        .then(|| SourcePackage { name: name.to_owned(), version: format!("{version}-{release}") })
}

impl Identity {
    /// Name as the ecosystem's advisories write it: `@babel/core`, `org.a.b:c`.
    #[must_use]
    pub fn full_name(&self) -> String {
        match (&self.namespace, self.ecosystem.0.as_str()) {
            (Some(group), "Maven") => format!("{group}:{}", self.name),
            (Some(scope), _) => format!("{scope}/{}", self.name),
            (None, _) => self.name.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(text: &str) -> Identity {
        text.parse::<Purl>().unwrap().identity()
    }

    #[test]
    fn purls_of_other_tools_are_understood() {
        // As Syft, Trivy and distributions write them.
        for (text, ecosystem, name, version, source) in [
            (
                "pkg:deb/debian/libc6@2.36-9%2Bdeb12u4?arch=amd64&distro=debian-12&upstream=glibc",
                "Debian",
                "libc6",
                "2.36-9+deb12u4",
                Some(("glibc", "2.36-9+deb12u4")),
            ),
            (
                "pkg:deb/ubuntu/gpgv@2.2.27?distro=ubuntu-22.04&upstream=gnupg2%402.2.27-3",
                "Ubuntu",
                "gpgv",
                "2.2.27",
                Some(("gnupg2", "2.2.27-3")),
            ),
            ("pkg:deb/debian/login@4.13-1?epoch=1", "Debian", "login", "1:4.13-1", None),
            (
                "pkg:rpm/redhat/openssl-libs@3.0.7-16.el9_2?arch=x86_64&epoch=1&upstream=openssl-3.0.7-16.el9_2.src.rpm",
                "Red Hat",
                "openssl-libs",
                "1:3.0.7-16.el9_2",
                Some(("openssl", "3.0.7-16.el9_2")),
            ),
            ("pkg:rpm/alma/bash@5.1.8-6.el9?epoch=0", "AlmaLinux", "bash", "5.1.8-6.el9", None),
            ("pkg:apk/wolfi/busybox@1.36.1-r2", "Wolfi", "busybox", "1.36.1-r2", None),
            ("pkg:npm/%40babel/core@7.0.0", "npm", "@babel/core", "7.0.0", None),
            ("pkg:maven/org.a.b/c@1?type=jar", "Maven", "org.a.b:c", "1", None),
            ("pkg:pypi/Django_Foo@4.2", "PyPI", "django-foo", "4.2", None),
            ("pkg:deb/kali/bash@5", "Kali Linux", "bash", "5", None),
            ("pkg:deb/parrot/bash@5", "parrot", "bash", "5", None),
            (
                "pkg:portage/dev-libs/openssl@3.0.15-r1",
                "Gentoo",
                "dev-libs/openssl",
                "3.0.15-r1",
                None,
            ),
            ("pkg:alpm/arch/pacman@6.0.1-1?arch=x86_64", "Arch Linux", "pacman", "6.0.1-1", None),
            ("pkg:nix/nixpkgs/openssl@3.0.14", "Nix", "openssl", "3.0.14", None),
            ("pkg:vcpkg/zlib@1.3", "vcpkg", "zlib", "1.3", None),
            ("pkg:npm/left-pad", "npm", "left-pad", "", None),
        ] {
            let identity = identity(text);
            assert_eq!(identity.ecosystem.0, ecosystem, "{text}");
            assert_eq!((identity.full_name().as_str(), identity.version.as_str()), (name, version));
            let source = source.map(|(name, version)| SourcePackage {
                name: name.into(),
                version: version.into(),
            });
            assert_eq!(identity.source, source, "{text}");
        }
    }

    #[test]
    fn what_is_no_package_url_is_refused() {
        for text in
            ["", "pkg:", "pkg:npm", "npm/left-pad@1", "pkg:npm/", "pkg:cargo/a/b@1", "pkg:n pm/a"]
        {
            assert!(text.parse::<Purl>().is_err(), "{text}");
        }
        let long = format!("pkg:npm/{}", "a".repeat(5_000));
        assert_eq!(
            long.parse::<Purl>().unwrap_err().to_string(),
            "a package URL of 5008 bytes is too long, limit 4096"
        );
    }
}
