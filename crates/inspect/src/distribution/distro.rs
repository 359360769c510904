//! The distribution of a package URL's `distro`, or of an SBOM's component for the operating system.
//!
//! In: `debian-12`, `rocky-8.4`, `bookworm`. Out: what the table says of it. Source: purl-spec, types `deb`, `rpm` and `apk`;
//! the names that Syft (`ID-VERSION_ID`) and Trivy (its own names) write. Odd: old purls name Debian's and Ubuntu's releases
//! by their code names alone.

use std::collections::BTreeMap;

use super::{Distribution, table};

/// `ID` of a distribution by another tool's name for it.
const IDS: &[(&str, &str)] = &[
    ("redhat", "rhel"),
    ("oracle", "ol"),
    ("amazon", "amzn"),
    ("amazonlinux", "amzn"),
    ("alma", "almalinux"),
    ("rockylinux", "rocky"),
    ("cbl-mariner", "mariner"),
    ("azure", "azurelinux"),
    ("opensuse.leap", "opensuse-leap"),
    ("opensuse.tumbleweed", "opensuse-tumbleweed"),
    ("suse linux enterprise server", "sles"),
    ("suse.linux.enterprise.server", "sles"),
];

/// Code name, `ID` and `VERSION_ID`.
pub(super) const CODE_NAMES: &[(&str, &str, &str)] = &[
    ("wheezy", "debian", "7"),
    ("jessie", "debian", "8"),
    ("stretch", "debian", "9"),
    ("buster", "debian", "10"),
    ("bullseye", "debian", "11"),
    ("bookworm", "debian", "12"),
    ("trixie", "debian", "13"),
    ("trusty", "ubuntu", "14.04"),
    ("xenial", "ubuntu", "16.04"),
    ("bionic", "ubuntu", "18.04"),
    ("focal", "ubuntu", "20.04"),
    ("jammy", "ubuntu", "22.04"),
    ("noble", "ubuntu", "24.04"),
];

/// `None` when the text names nothing that the table knows.
pub(crate) fn by_distro(text: &str) -> Option<Distribution> {
    let text = text.trim().to_lowercase();
    let (id, version) = split(&text);
    let id = IDS.iter().find(|(other, _)| *other == id).map_or(id, |(_, id)| *id);
    let code_name = |word: &str| CODE_NAMES.iter().find(|(name, ..)| *name == word);
    let (id, version) = match code_name(version).or_else(|| code_name(id)) {
        Some((_, id, version)) => (*id, *version),
        None => (id, version),
    };
    let fields = BTreeMap::from([
        ("ID".to_owned(), id.to_owned()),
        // `2 (Karoo)` is Amazon's.
        ("VERSION_ID".to_owned(), version.split(' ').next().unwrap_or_default().to_owned()),
    ]);
    table::by_os_release(&fields).map(|stated| stated.distribution)
}

/// The version begins behind the last hyphen that a version can follow: `ID`s hold hyphens themselves.
fn split(text: &str) -> (&str, &str) {
    match text.rsplit_once('-') {
        Some((id, version))
            if version.starts_with(|first: char| first.is_ascii_digit())
                || CODE_NAMES.iter().any(|(name, ..)| *name == version) =>
        {
            (id, version)
        }
        _ => (text, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distros_of_all_tools_are_understood() {
        for (text, wanted) in [
            ("debian-12", Some(("Debian", Some("12")))),
            ("debian-12.15", Some(("Debian", Some("12")))),
            ("debian-bookworm", Some(("Debian", Some("12")))),
            ("jessie", Some(("Debian", Some("8")))),
            ("ubuntu-22.04", Some(("Ubuntu", Some("22.04:LTS")))),
            ("alpine-3.23.6", Some(("Alpine", Some("v3.23")))),
            ("rhel-9.2", Some(("Red Hat", Some("enterprise_linux:9")))),
            ("redhat-9.2", Some(("Red Hat", Some("enterprise_linux:9")))),
            ("rocky-8.4", Some(("Rocky Linux", Some("8")))),
            ("alma-9.3", Some(("AlmaLinux", Some("9")))),
            ("amazon-2 (Karoo)", Some(("Amazon Linux", Some("2")))),
            ("opensuse-leap-15.5", Some(("openSUSE", Some("Leap 15.5")))),
            ("opensuse.leap-15.5", Some(("openSUSE", Some("Leap 15.5")))),
            ("sles-15.5", Some(("SUSE", Some("Linux Enterprise Server 15 SP5")))),
            ("wolfi-20230201", Some(("Wolfi", None))),
            ("debian", Some(("Debian", None))),
            ("nonesuch-1", None),
            ("", None),
        ] {
            let found = by_distro(text);
            let found = found.as_ref().map(|it| (it.ecosystem.0.as_str(), it.release.as_deref()));
            assert_eq!(found, wanted, "{text}");
        }
    }
}
