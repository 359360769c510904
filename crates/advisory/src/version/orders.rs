//! The list of version orders, and the names by which people ask for one.
//!
//! In: a name: of an order, an ecosystem, or a type of package URLs. Out: its [`VersionOrder`]. Source: each scheme's own
//! file; `docs/reference/version-orders.md` is generated from this list.

use plimsoll_model::{
    Scheme,
    ecosystem::{ECOSYSTEMS, Row},
};

/// One order of versions, as people see it.
#[derive(Debug, Clone, Copy)]
pub struct VersionOrder {
    /// The scheme.
    pub scheme: Scheme,
    /// Other names for it, besides those of its ecosystems and their package URLs.
    pub also: &'static [&'static str],
    /// Who says so.
    pub source: &'static str,
    /// What the tests hold it against; `None` where no tool was at hand, and cases were made from the specification.
    pub oracle: Option<&'static str>,
}

const fn order(
    scheme: Scheme,
    also: &'static [&'static str],
    source: &'static str,
    oracle: Option<&'static str>,
) -> VersionOrder {
    VersionOrder { scheme, also, source, oracle }
}

const ORDERS: &[VersionOrder] = &[
    order(Scheme::Dpkg, &[], "deb-version(7)", Some("dpkg --compare-versions")),
    order(Scheme::Apk, &[], "apk-package(5)", Some("apk version -t")),
    order(Scheme::Rpm, &[], "rpm-version(7)", Some("rpm.vercmp of rpm's Lua")),
    order(Scheme::Pacman, &["arch"], "vercmp(8)", Some("vercmp")),
    order(
        Scheme::Portage,
        &["ebuild"],
        "Package Manager Specification, Version Comparison",
        Some("portage.versions.vercmp"),
    ),
    order(Scheme::Pep440, &["python"], "PEP 440", Some("packaging.version.Version")),
    order(
        Scheme::Semver,
        &["node-semver"],
        "Semantic Versioning 2.0.0, and node-semver's loose mode",
        Some("npm's semver, the crate semver, Elixir's Version"),
    ),
    order(
        Scheme::Maven,
        &["java"],
        "POM Reference, Version Order Specification",
        Some("org.apache.maven.artifact.versioning.ComparableVersion"),
    ),
    order(Scheme::SemverBuild, &["dart"], "pub's documentation, Versioning", None),
    order(Scheme::Julia, &[], "Julia manual, Version Number Literals", None),
    order(Scheme::Gem, &["ruby"], "RubyGems guides, Gem::Version", Some("Gem::Version")),
    order(
        Scheme::Composer,
        &["php"],
        "Composer documentation, Versions and constraints; PHP's version_compare",
        Some("composer/semver with PHP's version_compare"),
    ),
    order(Scheme::Nuget, &["dotnet"], "NuGet documentation, Package versioning", None),
    order(
        Scheme::Go,
        &[],
        "Go Modules Reference, Versions; Go Toolchains",
        Some("golang.org/x/mod/semver"),
    ),
    order(
        Scheme::Dotted,
        &["intdot", "r", "haskell"],
        "R's numeric_version; Haskell's Data.Version",
        Some("R's numeric_version"),
    ),
    order(
        Scheme::Opam,
        &["ocaml"],
        "opam manual, Version ordering",
        Some("dpkg, without its epochs"),
    ),
    order(Scheme::Conan, &[], "Conan documentation, Version ranges", Some("Conan's Version")),
    order(Scheme::Perl, &[], "perldoc version", Some("Perl's version")),
    order(Scheme::Bitnami, &[], "Bitnami's vulnerability database", None),
    order(Scheme::Unordered, &[], "nobody says how: equal or not comparable", None),
];

/// All version orders.
#[must_use]
pub const fn version_orders() -> &'static [VersionOrder] {
    ORDERS
}

/// The order of that name, of the ecosystem of that name, or of the ecosystem of that type of package URLs; case does not
/// count.
#[must_use]
pub fn version_order(name: &str) -> Option<&'static VersionOrder> {
    let is = |word: &str| word.eq_ignore_ascii_case(name);
    let by_name = ORDERS
        .iter()
        .find(|order| is(order.scheme.name()) || order.also.iter().any(|word| is(word)));
    let row = |named: fn(&'static Row) -> &'static str| {
        ECOSYSTEMS.iter().find(|row| is(named(row))).and_then(of_row)
    };
    by_name.or_else(|| row(|row| row.name)).or_else(|| row(|row| row.purl_type))
}

fn of_row(row: &'static Row) -> Option<&'static VersionOrder> {
    ORDERS.iter().find(|order| order.scheme == row.scheme)
}

impl VersionOrder {
    /// The ecosystems that use it, in the order of their list.
    pub fn ecosystems(&self) -> impl Iterator<Item = &'static str> + use<> {
        let scheme = self.scheme;
        ECOSYSTEMS.iter().filter(move |row| row.scheme == scheme).map(|row| row.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scheme_stands_here_once() {
        let schemes: Vec<Scheme> = ORDERS.iter().map(|order| order.scheme).collect();
        assert_eq!(schemes, Scheme::ALL);
    }

    #[test]
    fn names_lead_to_one_order_each() {
        let mut names: Vec<&str> = ORDERS
            .iter()
            .flat_map(|order| order.also.iter().copied().chain([order.scheme.name()]))
            .collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
        for (name, scheme) in [
            ("dpkg", Scheme::Dpkg),
            ("Debian", Scheme::Dpkg),
            ("deb", Scheme::Dpkg),
            ("alpm", Scheme::Pacman),
            ("gentoo", Scheme::Portage),
            ("crates.io", Scheme::Semver),
            ("cargo", Scheme::Semver),
            ("npm", Scheme::Semver),
            ("HEX", Scheme::Semver),
            ("pub", Scheme::SemverBuild),
            ("pypi", Scheme::Pep440),
            ("rubygems", Scheme::Gem),
            ("golang", Scheme::Go),
            ("packagist", Scheme::Composer),
            ("cran", Scheme::Dotted),
            ("hackage", Scheme::Dotted),
            ("Red Hat", Scheme::Rpm),
        ] {
            assert_eq!(version_order(name).map(|order| order.scheme), Some(scheme), "{name}");
        }
        assert!(version_order("nonesuch").is_none());
        assert!(version_order("").is_none());
    }
}
