//! Whether an advisory's entry speaks of the release that a package comes from.
//!
//! In: ecosystem, the package's release, the entry's. Out: [`Applies`]. Source: OSV schema, "Defined ecosystems"; each
//! distribution's way of naming its releases. Odd: an entry without a release never matches a release-bound distribution
//! (feeds have mislabelled whole products that way); Red Hat's releases are the tails of CPE names; Ubuntu's Pro archive
//! lies on top of the plain one.

use std::borrow::Cow;

use plimsoll_model::{Ecosystem, Origin};

/// Whether an entry speaks of a package's release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Applies {
    No,
    Yes,
    /// It speaks of the archive that Ubuntu Pro adds to this release.
    WithSubscription,
}

/// Distributions that roll: their packages and advisories have no release.
const ROLLING: [&str; 2] = ["Wolfi", "Chainguard"];

/// Where Drupal's packages come from.
const DRUPAL: &str = "https://packages.drupal.org/8";

/// Whether advisories of an ecosystem must name a release to mean anything.
pub(super) fn is_bound(ecosystem: &Ecosystem) -> bool {
    ecosystem.row().is_some_and(|row| row.origin == Origin::System)
        && !ROLLING.contains(&ecosystem.0.as_str())
}

pub(crate) fn applies(
    ecosystem: &Ecosystem,
    package: Option<&str>,
    entry: Option<&str>,
) -> Applies {
    match (package, entry) {
        (_, None) if !is_bound(ecosystem) => Applies::Yes,
        // Drupal's packages come from a repository of their own, under a vendor's name that Packagist keeps free.
        (None, Some(DRUPAL)) if ecosystem.0 == "Packagist" => Applies::Yes,
        (None, _) | (_, None) => Applies::No,
        (Some(package), Some(entry)) => compare(ecosystem, package, entry),
    }
}

fn compare(ecosystem: &Ecosystem, package: &str, entry: &str) -> Applies {
    let package = key(ecosystem, package);
    if package == key(ecosystem, entry) {
        return Applies::Yes;
    }
    // `Pro:FIPS:…` and the like are builds of their own, not an addition.
    let pro = (ecosystem.0 == "Ubuntu").then(|| entry.strip_prefix("Pro:")).flatten();
    if pro.is_some_and(|release| package == key(ecosystem, release)) {
        return Applies::WithSubscription;
    }
    Applies::No
}

/// The part of a release's name that decides.
fn key<'a>(ecosystem: &Ecosystem, release: &'a str) -> Cow<'a, str> {
    let parts = |count: usize| -> Cow<'a, str> {
        release.split('.').take(count).collect::<Vec<_>>().join(".").into()
    };
    match ecosystem.0.as_str() {
        "Debian" | "AlmaLinux" | "Rocky Linux" | "Oracle Linux" | "CentOS" | "Azure Linux" => {
            parts(1)
        }
        "Red Hat" => red_hat(release),
        "SUSE" => suse(release).map_or(Cow::Borrowed(release), Cow::Owned),
        "Alpine" => {
            let parts = parts(2);
            parts.strip_prefix('v').map(|bare| bare.to_owned().into()).unwrap_or(parts)
        }
        "Ubuntu" => release.strip_suffix(":LTS").unwrap_or(release).into(),
        "Photon OS" => release.strip_suffix(".0").unwrap_or(release).into(),
        _ => release.into(),
    }
}

/// `enterprise_linux:9::baseos`, `9` and `9.4` are all Red Hat Enterprise Linux 9; any other product stays what it is.
fn red_hat(release: &str) -> Cow<'_, str> {
    let mut parts = release.split(':');
    match (parts.next(), parts.next()) {
        (Some("enterprise_linux"), Some(version)) => {
            version.split('.').next().unwrap_or(version).into()
        }
        (Some(version), None) => version.split('.').next().unwrap_or(version).into(),
        _ => release.into(),
    }
}

/// `15 SP5` of `Linux Enterprise Module for Basesystem 15 SP5` and of `Linux Enterprise Server 15 SP5-LTSS`: modules, editions and
/// longer terms of one service pack are one system. Products of their own kind have none.
pub(crate) fn suse(release: &str) -> Option<String> {
    let product = release.strip_prefix("Linux Enterprise ")?;
    let own_kind = [
        "Micro",
        "Live Patching",
        "Real Time",
        "Storage",
        "Point of Sale",
        "Software Development Kit",
    ];
    if own_kind.iter().any(|kind| product.starts_with(kind)) {
        return None;
    }
    let mut words = product
        .split(' ')
        .skip_while(|word| !word.starts_with(|character: char| character.is_ascii_digit()));
    // `Module for Python 3 15 SP5`: the last number is the release's.
    let rest: Vec<&str> = words.by_ref().collect();
    let at = rest
        .iter()
        .rposition(|word| word.starts_with(|character: char| character.is_ascii_digit()))?;
    let plain = |word: &&'_ str| word.split('-').next().unwrap_or_default().to_owned();
    let number = rest.get(at).map(plain)?;
    match rest.get(at + 1).map(plain).filter(|word| word.starts_with("SP")) {
        Some(pack) => Some(format!("{number} {pack}")),
        None => Some(number),
    }
}

/// The release as it stands in record names: `debian:12:CVE-…`, `ubuntu:22.04:CVE-…`, `alpine:3.20:CVE-…`.
pub(super) fn in_record_name(ecosystem: &Ecosystem, release: Option<&str>) -> String {
    match release {
        Some(release) => key(ecosystem, release).replace(':', "-"),
        None if ROLLING.contains(&ecosystem.0.as_str()) => "rolling".to_owned(),
        None => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_match_as_their_distributions_name_them() {
        use Applies::{No, WithSubscription, Yes};
        for (ecosystem, package, entry, wanted) in [
            ("Debian", Some("12"), Some("12"), Yes),
            ("Debian", Some("12"), Some("11"), No),
            ("Debian", Some("12"), None, No),
            ("Debian", None, Some("12"), No),
            ("Debian", Some("1"), Some("12"), No),
            ("Ubuntu", Some("22.04:LTS"), Some("22.04:LTS"), Yes),
            ("Ubuntu", Some("22.04"), Some("22.04:LTS"), Yes),
            ("Ubuntu", Some("22.04:LTS"), Some("Pro:22.04:LTS"), WithSubscription),
            ("Ubuntu", Some("22.04:LTS"), Some("Pro:FIPS:22.04:LTS"), No),
            ("Ubuntu", Some("22.04:LTS"), Some("Pro:20.04:LTS"), No),
            ("Ubuntu", Some("22.10"), Some("22.04:LTS"), No),
            ("Alpine", Some("v3.20"), Some("v3.20"), Yes),
            ("Alpine", Some("v3.20"), Some("v3.2"), No),
            ("Alpine", Some("edge"), Some("edge"), Yes),
            ("Alpine", Some("v3.20"), None, No),
            ("Red Hat", Some("9"), Some("enterprise_linux:9::baseos"), Yes),
            ("Red Hat", Some("9.4"), Some("enterprise_linux:9"), Yes),
            ("Red Hat", Some("9"), Some("enterprise_linux:8::appstream"), No),
            ("Red Hat", Some("9"), Some("rhel_eus:9.2::baseos"), No),
            ("Red Hat", Some("8"), Some("openshift:4.12::el8"), No),
            (
                "SUSE",
                Some("Linux Enterprise Server 15 SP5"),
                Some("Linux Enterprise Module for Basesystem 15 SP5"),
                Yes,
            ),
            (
                "SUSE",
                Some("Linux Enterprise Server 15 SP5"),
                Some("Linux Enterprise Module for Python 3 15 SP5"),
                Yes,
            ),
            (
                "SUSE",
                Some("Linux Enterprise Server 12"),
                Some("Linux Enterprise Server 12-LTSS"),
                Yes,
            ),
            (
                "SUSE",
                Some("Linux Enterprise Server 15 SP5"),
                Some("Linux Enterprise Server 15 SP4-LTSS"),
                No,
            ),
            (
                "SUSE",
                Some("Linux Enterprise Micro 5.5"),
                Some("Linux Enterprise Server 15 SP5"),
                No,
            ),
            ("AlmaLinux", Some("9.4"), Some("9"), Yes),
            ("AlmaLinux", Some("8"), Some("9"), No),
            (
                "SUSE",
                Some("Linux Enterprise Server 15 SP5"),
                Some("Linux Enterprise Module for Basesystem 15 SP5"),
                Yes,
            ),
            (
                "SUSE",
                Some("Linux Enterprise Server 15 SP3"),
                Some("Linux Enterprise Server 15 SP3-LTSS"),
                Yes,
            ),
            (
                "SUSE",
                Some("Linux Enterprise Server 15 SP5"),
                Some("Linux Enterprise Server 15 SP6"),
                No,
            ),
            ("SUSE", Some("Linux Enterprise Micro 5.5"), Some("Linux Enterprise Server 5.5"), No),
            ("Wolfi", None, None, Yes),
            ("Wolfi", Some("20230201"), None, Yes),
            ("PyPI", None, None, Yes),
            ("Maven", None, Some("https://example.org/repository"), No),
            ("Packagist", None, Some("https://packages.drupal.org/8"), Yes),
            ("Packagist", None, Some("https://example.org/repository"), No),
            ("Nonesuch", None, None, Yes),
        ] {
            let ecosystem = Ecosystem::named(ecosystem);
            assert_eq!(
                applies(&ecosystem, package, entry),
                wanted,
                "{ecosystem} {package:?} {entry:?}"
            );
        }
    }

    #[test]
    fn record_names_hold_plain_releases() {
        let name = |ecosystem: &str, release| in_record_name(&Ecosystem::named(ecosystem), release);
        assert_eq!(name("Debian", Some("12")), "12");
        assert_eq!(name("Ubuntu", Some("22.04:LTS")), "22.04");
        assert_eq!(name("Alpine", Some("v3.20")), "3.20");
        assert_eq!(name("Wolfi", None), "rolling");
    }
}
