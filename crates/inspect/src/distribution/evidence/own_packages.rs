//! Packages that are the distribution's own name: `base-files`, `alpine-release`, `rocky-release`.
//!
//! In: names and versions of packages. Out: a vote. Source: the packages of each distribution. Odd: Ubuntu's `base-files`
//! counts on from Debian's, so its releases are known by a table.

use super::{Answer, Kind, Vote};
use crate::distribution::{Family, Listed};

/// What such a package's version says of the release.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    /// Its first number.
    One,
    /// Its first two numbers.
    Two,
    /// Nothing.
    Any,
    /// Debian's first number, or what [`UBUNTU`] says.
    BaseFiles,
}
use Version::{Any, BaseFiles, One, Two};

const PACKAGES: &[(Family, &str, &[&str], Version)] = &[
    (Family::Dpkg, "base-files", &["debian"], BaseFiles),
    (Family::Apk, "alpine-release", &["alpine"], Two),
    (Family::Apk, "alpine-baselayout", &["alpine"], Any),
    (Family::Apk, "alpine-keys", &["alpine"], Any),
    (Family::Apk, "wolfi-baselayout", &["wolfi"], Any),
    (Family::Apk, "wolfi-keys", &["wolfi"], Any),
    (Family::Apk, "chainguard-baselayout", &["chainguard"], Any),
    (Family::Apk, "minimos-baselayout", &["minimos"], Any),
    (Family::Apk, "alpaquita-release", &["alpaquita"], Any),
    (Family::Apk, "base-files", &["openwrt"], Any),
    (Family::Opkg, "base-files", &["openwrt"], Any),
    (Family::Pacman, "archlinux-keyring", &["arch", "archarm"], Any),
    (Family::Rpm, "redhat-release", &["rhel"], One),
    (Family::Rpm, "redhat-release-server", &["rhel"], One),
    (Family::Rpm, "rocky-release", &["rocky"], One),
    (Family::Rpm, "almalinux-release", &["almalinux"], One),
    (Family::Rpm, "centos-release", &["centos"], One),
    (Family::Rpm, "centos-linux-release", &["centos"], One),
    (Family::Rpm, "centos-stream-release", &["centos"], One),
    (Family::Rpm, "oraclelinux-release", &["ol"], One),
    (Family::Rpm, "fedora-release-common", &["fedora"], One),
    (Family::Rpm, "system-release", &["amzn"], One),
    (Family::Rpm, "sles-release", &["sles", "sles_sap", "sled", "sle_hpc"], Two),
    (Family::Rpm, "openSUSE-release", &["opensuse-leap", "opensuse-tumbleweed"], Any),
    (Family::Rpm, "Leap-release", &["opensuse-leap"], Two),
    (Family::Rpm, "photon-release", &["photon"], Two),
    (Family::Rpm, "azurelinux-release", &["azurelinux"], Two),
    (Family::Rpm, "mariner-release", &["mariner"], Two),
    (Family::Rpm, "openEuler-release", &["openeuler"], Any),
    (Family::Rpm, "alinux-release", &["alinux"], One),
    (Family::Rpm, "anolis-release", &["anolis"], One),
    (Family::Rpm, "kylin-release", &["kylin"], Any),
    (Family::Rpm, "tencentos-release", &["tencentos"], One),
    (Family::Rpm, "opencloudos-release", &["opencloudos"], One),
    (Family::Rpm, "mageia-release-common", &["mageia"], One),
];

/// Beginning of the version of Ubuntu's `base-files`, and the release.
const UBUNTU: &[(&str, &str)] = &[
    ("7.2ubuntu", "14.04"),
    ("9.4ubuntu", "16.04"),
    ("10.1ubuntu", "18.04"),
    ("11ubuntu", "20.04"),
    ("12ubuntu", "22.04"),
    ("13ubuntu", "24.04"),
];

pub(super) fn vote(family: Family, packages: &[Listed<'_>]) -> Option<Vote> {
    let mut found: Vec<(String, Vec<Answer>)> = Vec::new();
    for package in packages {
        let of_name =
            PACKAGES.iter().filter(|(of, name, ..)| *of == family && *name == package.name);
        for (_, name, ids, how) in of_name {
            let answers = answers(ids, *how, package.version);
            found.push((format!("{name} {}", package.version), answers));
        }
    }
    // What names a release says more than what names the distribution alone.
    let is_precise = |(_, answers): &&(String, Vec<Answer>)| {
        answers.iter().any(|answer| !answer.version.is_empty())
    };
    let precise: Vec<_> = found.iter().filter(is_precise).collect();
    let chosen = if precise.is_empty() { found.iter().collect() } else { precise };
    let (first, _) = chosen.first()?;
    let says = format!("the package `{first}` is installed");
    let answers = chosen.iter().flat_map(|(_, answers)| answers.clone()).collect();
    Some(Vote { kind: Kind::OwnPackages, answers, says })
}

fn answers(ids: &[&'static str], how: Version, version: &str) -> Vec<Answer> {
    let version = version.split_once(':').map_or(version, |(_, version)| version);
    let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>();
    let first = digits(version);
    if how == BaseFiles && version.contains("ubuntu") {
        let known = UBUNTU.iter().find(|(start, _)| version.starts_with(start));
        return vec![Answer::new("ubuntu", known.map_or("", |(_, release)| *release))];
    }
    let number = match how {
        Any => String::new(),
        // Kali counts years.
        BaseFiles if first.len() > 2 => String::new(),
        One | BaseFiles => first,
        Two => {
            let second = version.split('.').nth(1).map(digits).unwrap_or_default();
            if second.is_empty() { first } else { format!("{first}.{second}") }
        }
    };
    ids.iter().map(|id| Answer::new(id, number.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_packages_name_the_release() {
        for (family, name, version, id, wanted) in [
            (Family::Dpkg, "base-files", "12.4+deb12u5", "debian", "12"),
            (Family::Dpkg, "base-files", "13ubuntu10.1", "ubuntu", "24.04"),
            (Family::Dpkg, "base-files", "14ubuntu1", "ubuntu", ""),
            (Family::Dpkg, "base-files", "1:2024.1.0", "debian", ""),
            (Family::Apk, "alpine-release", "3.20.3-r0", "alpine", "3.20"),
            (Family::Apk, "wolfi-baselayout", "20230201-r7", "wolfi", ""),
            (Family::Rpm, "rocky-release", "9.3-1.2.el9", "rocky", "9"),
            (Family::Rpm, "system-release", "2023.3.20240219-0.amzn2023", "amzn", "2023"),
            (Family::Rpm, "sles-release", "15.5-150500.61.3.1", "sles", "15.5"),
            (Family::Rpm, "photon-release", "4.0-3.ph4", "photon", "4.0"),
        ] {
            let package = Listed { name, version, vendor: "" };
            let found = vote(family, &[package]).unwrap();
            assert_eq!((found.answers[0].id, &*found.answers[0].version), (id, wanted), "{name}");
        }
        assert_eq!(vote(Family::Rpm, &[Listed::of_version("1")]), None);
    }

    #[test]
    fn a_release_says_more_than_a_name() {
        let listed = |name, version| Listed { name, version, vendor: "" };
        let packages =
            [listed("alpine-baselayout", "3.6.5-r0"), listed("alpine-release", "3.20.3-r0")];
        let found = vote(Family::Apk, &packages).unwrap();
        assert_eq!(found.answers, [Answer::new("alpine", "3.20")]);
    }
}
