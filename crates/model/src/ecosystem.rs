//! Where packages come from: distributions and language registries.
//!
//! In: the name that OSV gives an ecosystem, without release (`Debian`, `PyPI`). Out: [`Ecosystem`], and for the ones
//! that we can read or match a [`Row`] with all that differs between them. Source: OSV schema, "Defined ecosystems".
//! Odd: the list is open. An unknown name is kept and simply has no row; a closed enum would lose data.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An ecosystem by its OSV name without release: `Debian`, `Red Hat`, `PyPI`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ecosystem(pub String);

/// Whether a package belongs to the operating system or to an application.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// Installed by the distribution's package manager; its vulnerabilities are the contract's type `cve`.
    System,
    /// A language's package; its vulnerabilities are the contract's type `sca`.
    Application,
}

/// How versions of an ecosystem are ordered; one file each in `plimsoll-advisory`, `version/`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Scheme {
    /// dpkg: `deb-version(7)`.
    Dpkg,
    /// apk-tools.
    Apk,
    /// rpm: `rpmvercmp` with epoch and release.
    Rpm,
    /// pacman: `vercmp`.
    Pacman,
    /// Gentoo's Portage.
    Portage,
    /// PEP 440.
    Pep440,
    /// node-semver, and Semantic Versioning 2.0 in general.
    Semver,
    /// Maven's `ComparableVersion`.
    Maven,
    /// Semantic Versioning with builds in order, as in Dart.
    SemverBuild,
    /// Julia's `VersionNumber`.
    Julia,
    /// RubyGems.
    Gem,
    /// Composer, and PHP's `version_compare`.
    Composer,
    /// NuGet.
    Nuget,
    /// Go's modules and toolchains.
    Go,
    /// Numbers compared one by one: R and Haskell.
    Dotted,
    /// opam.
    Opam,
    /// Conan.
    Conan,
    /// Perl's `version.pm`.
    Perl,
    /// Bitnami: semantic versions with a revision that does not order.
    Bitnami,
    /// Nobody says how: versions are equal or not comparable.
    Unordered,
}

impl Scheme {
    /// The word for it, as `plimsoll version-order` takes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dpkg => "dpkg",
            Self::Apk => "apk",
            Self::Rpm => "rpm",
            Self::Pacman => "pacman",
            Self::Portage => "portage",
            Self::Pep440 => "pep440",
            Self::Semver => "semver",
            Self::Maven => "maven",
            Self::SemverBuild => "semver-build",
            Self::Julia => "julia",
            Self::Gem => "gem",
            Self::Composer => "composer",
            Self::Nuget => "nuget",
            Self::Go => "go",
            Self::Dotted => "dotted",
            Self::Opam => "opam",
            Self::Conan => "conan",
            Self::Perl => "perl",
            Self::Bitnami => "bitnami",
            Self::Unordered => "unordered",
        }
    }

    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Dpkg,
        Self::Apk,
        Self::Rpm,
        Self::Pacman,
        Self::Portage,
        Self::Pep440,
        Self::Semver,
        Self::Maven,
        Self::SemverBuild,
        Self::Julia,
        Self::Gem,
        Self::Composer,
        Self::Nuget,
        Self::Go,
        Self::Dotted,
        Self::Opam,
        Self::Conan,
        Self::Perl,
        Self::Bitnami,
        Self::Unordered,
    ];
}

impl fmt::Display for Scheme {
    /// As people call it: `1.0 < 2.0 by dpkg`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dpkg => "dpkg",
            Self::Apk => "apk",
            Self::Rpm => "rpm",
            Self::Pacman => "pacman",
            Self::Portage => "Portage",
            Self::Pep440 => "PEP 440",
            Self::Semver => "semver",
            Self::Maven => "Maven",
            Self::SemverBuild => "semver with builds",
            Self::Julia => "Julia",
            Self::Gem => "RubyGems",
            Self::Composer => "Composer",
            Self::Nuget => "NuGet",
            Self::Go => "Go",
            Self::Dotted => "dotted numbers",
            Self::Opam => "opam",
            Self::Conan => "Conan",
            Self::Perl => "Perl",
            Self::Bitnami => "Bitnami",
            Self::Unordered => "equality",
        })
    }
}

/// Which name of a package an ecosystem's advisories use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MatchedBy {
    /// The source package (Debian, Ubuntu, and those of rpm whose advisories name it) or origin (Alpine).
    Source,
    /// The binary package, which is also the only name that language packages have.
    Name,
}

/// What differs between ecosystems.
#[derive(Debug)]
pub struct Row {
    /// OSV name.
    pub name: &'static str,
    /// `type` of a package URL.
    pub purl_type: &'static str,
    /// Fixed namespace of a package URL, where the type has one.
    pub purl_namespace: Option<&'static str>,
    /// System or application.
    pub origin: Origin,
    /// Version order.
    pub scheme: Scheme,
    /// Name that advisories use.
    pub matched_by: MatchedBy,
    /// The word for the ecosystem in vulnerability record names: `debian:12:CVE-…`, `imgsca:java:…`.
    pub record_word: &'static str,
}

const fn system(
    name: &'static str,
    purl: (&'static str, &'static str),
    scheme: Scheme,
    by: MatchedBy,
) -> Row {
    let (purl_type, namespace) = purl;
    let purl_namespace = Some(namespace);
    Row {
        name,
        purl_type,
        purl_namespace,
        origin: Origin::System,
        scheme,
        matched_by: by,
        record_word: namespace,
    }
}

const fn application(
    name: &'static str,
    purl_type: &'static str,
    scheme: Scheme,
    record_word: &'static str,
) -> Row {
    let (origin, matched_by) = (Origin::Application, MatchedBy::Name);
    Row { name, purl_type, purl_namespace: None, origin, scheme, matched_by, record_word }
}

/// A package manager beside the distribution's own.
const fn beside(
    name: &'static str,
    purl_type: &'static str,
    purl_namespace: Option<&'static str>,
    scheme: Scheme,
) -> Row {
    Row {
        name,
        purl_type,
        purl_namespace,
        origin: Origin::System,
        scheme,
        matched_by: MatchedBy::Name,
        record_word: purl_type,
    }
}

/// Every ecosystem that the inventory can produce, and how it is read and matched.
pub const ECOSYSTEMS: &[Row] = &[
    system("Debian", ("deb", "debian"), Scheme::Dpkg, MatchedBy::Source),
    system("Ubuntu", ("deb", "ubuntu"), Scheme::Dpkg, MatchedBy::Source),
    system("Alpine", ("apk", "alpine"), Scheme::Apk, MatchedBy::Source),
    system("Wolfi", ("apk", "wolfi"), Scheme::Apk, MatchedBy::Source),
    system("Chainguard", ("apk", "chainguard"), Scheme::Apk, MatchedBy::Source),
    system("Alpaquita", ("apk", "alpaquita"), Scheme::Apk, MatchedBy::Source),
    system("Red Hat", ("rpm", "redhat"), Scheme::Rpm, MatchedBy::Name),
    system("CentOS", ("rpm", "centos"), Scheme::Rpm, MatchedBy::Name),
    system("AlmaLinux", ("rpm", "almalinux"), Scheme::Rpm, MatchedBy::Name),
    system("Rocky Linux", ("rpm", "rocky"), Scheme::Rpm, MatchedBy::Source),
    system("Oracle Linux", ("rpm", "oracle"), Scheme::Rpm, MatchedBy::Name),
    system("Fedora", ("rpm", "fedora"), Scheme::Rpm, MatchedBy::Name),
    system("Amazon Linux", ("rpm", "amzn"), Scheme::Rpm, MatchedBy::Name),
    system("SUSE", ("rpm", "suse"), Scheme::Rpm, MatchedBy::Source),
    system("openSUSE", ("rpm", "opensuse"), Scheme::Rpm, MatchedBy::Source),
    system("Azure Linux", ("rpm", "azurelinux"), Scheme::Rpm, MatchedBy::Source),
    system("Photon OS", ("rpm", "photon"), Scheme::Rpm, MatchedBy::Name),
    system("openEuler", ("rpm", "openeuler"), Scheme::Rpm, MatchedBy::Source),
    system("Alibaba Cloud Linux", ("rpm", "alinux"), Scheme::Rpm, MatchedBy::Name),
    system("Anolis OS", ("rpm", "anolis"), Scheme::Rpm, MatchedBy::Name),
    system("MinimOS", ("apk", "minimos"), Scheme::Apk, MatchedBy::Source),
    system("CleanStart", ("apk", "cleanstart"), Scheme::Apk, MatchedBy::Source),
    system(
        "BellSoft Hardened Containers",
        ("apk", "bellsoft-hardened-containers"),
        Scheme::Apk,
        MatchedBy::Source,
    ),
    system("Echo", ("deb", "echo"), Scheme::Dpkg, MatchedBy::Source),
    system("Raspbian", ("deb", "raspbian"), Scheme::Dpkg, MatchedBy::Source),
    system("Kali Linux", ("deb", "kali"), Scheme::Dpkg, MatchedBy::Source),
    system("Devuan", ("deb", "devuan"), Scheme::Dpkg, MatchedBy::Source),
    system("Linux Mint", ("deb", "linuxmint"), Scheme::Dpkg, MatchedBy::Source),
    system("deepin", ("deb", "deepin"), Scheme::Dpkg, MatchedBy::Source),
    system("Mageia", ("rpm", "mageia"), Scheme::Rpm, MatchedBy::Source),
    system("Kylin", ("rpm", "kylin"), Scheme::Rpm, MatchedBy::Name),
    system("TencentOS", ("rpm", "tencentos"), Scheme::Rpm, MatchedBy::Name),
    system("OpenCloudOS", ("rpm", "opencloudos"), Scheme::Rpm, MatchedBy::Name),
    system("UnionTech OS", ("rpm", "uos"), Scheme::Rpm, MatchedBy::Name),
    system("EulerOS", ("rpm", "euleros"), Scheme::Rpm, MatchedBy::Name),
    system("Bottlerocket", ("rpm", "bottlerocket"), Scheme::Rpm, MatchedBy::Name),
    system("Arch Linux", ("alpm", "arch"), Scheme::Pacman, MatchedBy::Name),
    system("OpenWrt", ("opkg", "openwrt"), Scheme::Dpkg, MatchedBy::Name),
    // The namespace of a Gentoo package is its category.
    beside("Gentoo", "portage", None, Scheme::Portage),
    beside("Nix", "nix", Some("nixpkgs"), Scheme::Unordered),
    beside("Homebrew", "brew", None, Scheme::Unordered),
    beside("Snap", "snap", None, Scheme::Unordered),
    beside("Flatpak", "flatpak", None, Scheme::Unordered),
    application("PyPI", "pypi", Scheme::Pep440, "python"),
    application("npm", "npm", Scheme::Semver, "nodejs"),
    application("Maven", "maven", Scheme::Maven, "java"),
    application("Go", "golang", Scheme::Go, "golang"),
    application("crates.io", "cargo", Scheme::Semver, "rust"),
    application("RubyGems", "gem", Scheme::Gem, "ruby"),
    application("Packagist", "composer", Scheme::Composer, "php"),
    application("NuGet", "nuget", Scheme::Nuget, "dotnet"),
    application("Hex", "hex", Scheme::Semver, "erlang"),
    application("Pub", "pub", Scheme::SemverBuild, "dart"),
    application("SwiftURL", "swift", Scheme::Semver, "swift"),
    application("ConanCenter", "conan", Scheme::Conan, "cpp"),
    application("Hackage", "hackage", Scheme::Dotted, "haskell"),
    application("opam", "opam", Scheme::Opam, "ocaml"),
    application("CRAN", "cran", Scheme::Dotted, "r"),
    application("Bioconductor", "bioconductor", Scheme::Dotted, "r"),
    application("Julia", "julia", Scheme::Julia, "julia"),
    application("Bitnami", "bitnami", Scheme::Bitnami, "bitnami"),
    // OSV has no name for these: they are called as they call themselves.
    application("CPAN", "cpan", Scheme::Perl, "perl"),
    application("PEAR", "pear", Scheme::Composer, "php"),
    application("OTP", "otp", Scheme::Unordered, "erlang"),
    application("CocoaPods", "cocoapods", Scheme::Gem, "swift"),
    application("vcpkg", "vcpkg", Scheme::Unordered, "cpp"),
    application("LuaRocks", "luarocks", Scheme::Unordered, "lua"),
    // Programs without a package: those that are matched at all are matched by upstream's releases.
    application("generic", "generic", Scheme::Semver, "generic"),
    // Its type is no ecosystem's; the first row of a type is what its package URLs are read as.
    application("WordPress", "generic", Scheme::Unordered, "wordpress"),
    application("Conda", "conda", Scheme::Unordered, "conda"),
];

impl Ecosystem {
    /// The ecosystem of that OSV name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// Splits OSV's `Debian:12` into the ecosystem and its release, at the first colon only: Ubuntu's releases hold
    /// colons themselves (`Ubuntu:22.04:LTS`).
    #[must_use]
    pub fn split(text: &str) -> (Self, Option<String>) {
        match text.split_once(':') {
            Some((name, release)) => (Self::named(name), Some(release.to_owned())),
            None => (Self::named(text), None),
        }
    }

    /// What we know of it; `None` for an ecosystem that we keep but cannot match.
    #[must_use]
    pub fn row(&self) -> Option<&'static Row> {
        ECOSYSTEMS.iter().find(|row| row.name == self.0)
    }
}

impl fmt::Display for Ecosystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let mut names: Vec<&str> = ECOSYSTEMS.iter().map(|row| row.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ECOSYSTEMS.len());
    }

    #[test]
    fn releases_split_at_the_first_colon() {
        assert_eq!(
            Ecosystem::split("Ubuntu:22.04:LTS"),
            (Ecosystem::named("Ubuntu"), Some("22.04:LTS".into()))
        );
        assert_eq!(Ecosystem::split("PyPI"), (Ecosystem::named("PyPI"), None));
        assert!(Ecosystem::named("Nonesuch").row().is_none());
    }
}
