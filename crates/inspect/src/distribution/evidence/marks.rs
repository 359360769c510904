//! Marks that distributions put into the versions of their packages: `+deb12u4`, `.el9_4`, `.fc40`, `.oe2203sp3`.
//!
//! In: versions. Out: a vote for what most marked versions say. Source: Debian's Developers' Reference 5.8.5.1, Fedora's
//! packaging guidelines ("Dist tag"), and the packages of each distribution. Odd: Ubuntu's revisions (`1ubuntu2`) are
//! counters, not releases; Alibaba numbers its marks as the release that its own is made of.

use std::collections::BTreeMap;

use super::{Answer, Kind, Vote};
use crate::distribution::{Family, Listed};

/// Those whose versions bear Red Hat's marks.
const REBUILDS: &[&str] = &["rhel", "rocky", "almalinux", "centos", "ol"];

/// How the number behind a mark becomes a version.
#[derive(Clone, Copy)]
enum Number {
    /// It is the version.
    Same,
    /// It says nothing.
    None,
    /// Another one, number by number.
    Other(&'static [(&'static str, &'static str)]),
    /// `2203sp3` is 22.03 (LTS-SP3).
    OpenEuler,
}

/// What is tried in a version: the mark in front of a number, and the `ID`s that it stands for.
const MARKS: &[(Family, &str, &[&str], Number)] = &[
    (Family::Dpkg, "+deb", &["debian"], Number::Same),
    (Family::Dpkg, "~deb", &["debian"], Number::Same),
    (Family::Dpkg, "ubuntu", &["ubuntu"], Number::None),
    (Family::Rpm, ".el", REBUILDS, Number::Same),
    (Family::Rpm, "+el", REBUILDS, Number::Same),
    (Family::Rpm, "_el", REBUILDS, Number::Same),
    (Family::Rpm, ".fc", &["fedora"], Number::Same),
    (Family::Rpm, ".amzn", &["amzn"], Number::Other(&[("1", "2018.03")])),
    (Family::Rpm, ".azl", &["azurelinux"], Number::Same),
    (Family::Rpm, ".cm", &["mariner"], Number::Same),
    (Family::Rpm, ".ph", &["photon"], Number::Same),
    (Family::Rpm, ".oe", &["openeuler"], Number::OpenEuler),
    (Family::Rpm, ".al", &["alinux"], Number::Other(&[("7", "2"), ("8", "3")])),
    (Family::Rpm, ".alnx", &["alinux"], Number::Same),
    (Family::Rpm, ".an", &["anolis"], Number::Same),
    (Family::Rpm, ".ky", &["kylin"], Number::Other(&[("10", "V10"), ("11", "V11")])),
    (Family::Rpm, ".tl", &["tencentos"], Number::Same),
    (Family::Rpm, ".oc", &["opencloudos"], Number::Same),
    (Family::Rpm, ".mga", &["mageia"], Number::Same),
];

/// So many versions must agree to speak for themselves: single packages do wander between releases.
const MIN_VERSIONS: usize = 3;

pub(super) fn vote(family: Family, packages: &[Listed<'_>]) -> Option<Vote> {
    let ((mark, number), count) = most(family, packages)?;
    // RPM's distributions mark all their packages or none: then a few marked ones are somebody else's.
    if family == Family::Rpm && count * 2 < packages.len() {
        return None;
    }
    let (_, _, ids, how) = MARKS.get(mark)?;
    let (version, long) = version(*how, &number);
    let answer = |id: &&'static str| Answer { long: long.clone(), ..Answer::new(id, &*version) };
    let answers: Vec<Answer> = ids.iter().map(answer).collect();
    let of = answers.first().map(|answer| format!("{} {}", answer.id, answer.version));
    let says = format!("{count} packages have versions of `{}`", of?.trim());
    Some(Vote { kind: Kind::Marks, answers, says })
}

/// Whether enough versions are marked alike.
pub(super) fn is_firm(family: Option<Family>, packages: &[Listed<'_>]) -> bool {
    let most = family.and_then(|family| most(family, packages));
    most.is_some_and(|(_, count)| count >= MIN_VERSIONS)
}

/// The mark, by its place in the table, and the number that most versions have.
fn most(family: Family, packages: &[Listed<'_>]) -> Option<((usize, String), usize)> {
    let mut counts: BTreeMap<(usize, String), usize> = BTreeMap::new();
    for package in packages {
        if let Some(found) = mark(family, package.version) {
            *counts.entry(found).or_default() += 1;
        }
    }
    counts.into_iter().max_by_key(|(_, count)| *count)
}

fn mark(family: Family, version: &str) -> Option<(usize, String)> {
    let of_family = MARKS.iter().filter(|(of, ..)| *of == family);
    of_family.into_iter().find_map(|(_, mark, ids, how)| {
        let (_, rest) = version.rsplit_once(mark)?;
        let is_part = |c: &char| match how {
            Number::OpenEuler => c.is_ascii_digit() || *c == 's' || *c == 'p',
            _ => c.is_ascii_digit(),
        };
        let number: String = rest.chars().take_while(is_part).collect();
        let is_number = number.starts_with(|c: char| c.is_ascii_digit());
        // Marks that mean the same are one.
        let first = MARKS.iter().position(|(of, _, others, _)| of == &family && others == ids)?;
        match how {
            Number::None => Some((first, String::new())),
            _ => is_number.then_some((first, number)),
        }
    })
}

/// `VERSION_ID` and `VERSION` of a number.
fn version(how: Number, number: &str) -> (String, String) {
    match how {
        Number::None => (String::new(), String::new()),
        Number::Same => (number.to_owned(), String::new()),
        Number::Other(table) => {
            let other = table.iter().find(|(from, _)| *from == number);
            (other.map_or(number, |(_, to)| *to).to_owned(), String::new())
        }
        Number::OpenEuler => open_euler(number),
    }
}

fn open_euler(number: &str) -> (String, String) {
    let (year, pack) = match number.split_once("sp") {
        Some((year, pack)) => (year, format!("LTS-SP{pack}")),
        None => (number, "LTS".to_owned()),
    };
    match year.split_at_checked(2) {
        Some((year, month)) if month.len() == 2 => {
            let version = format!("{year}.{month}");
            (version.clone(), format!("{version} ({pack})"))
        }
        // The first release's mark is `oe1`.
        _ if year == "1" => ("20.03".to_owned(), format!("20.03 ({pack})")),
        _ => (String::new(), String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_told_by_their_marks() {
        for (family, version, id, wanted, long) in [
            (Family::Dpkg, "2.36-9+deb12u4", "debian", "12", ""),
            (Family::Dpkg, "3.0.11-1~deb12u2", "debian", "12", ""),
            (Family::Dpkg, "2.35-0ubuntu3.8", "ubuntu", "", ""),
            (Family::Rpm, "2.34-60.el9", "rhel", "9", ""),
            (Family::Rpm, "2.4.37-39.module+el8.4.0+571+fd70afb1", "rhel", "8", ""),
            (Family::Rpm, "2.4.37-39.module_el8.6.0+1", "rhel", "8", ""),
            (Family::Rpm, "8.5.0-1.amzn2023.0.4", "amzn", "2023", ""),
            (Family::Rpm, "1.0.2k-16.151.amzn1", "amzn", "2018.03", ""),
            (Family::Rpm, "3.3.0-1.azl3", "azurelinux", "3", ""),
            (Family::Rpm, "1.1.1k-21.cm2", "mariner", "2", ""),
            (Family::Rpm, "3.0.8-1.ph4", "photon", "4", ""),
            (Family::Rpm, "1.1.1wa-1.oe2203sp3", "openeuler", "22.03", "22.03 (LTS-SP3)"),
            (Family::Rpm, "1.1.1f-4.oe1", "openeuler", "20.03", "20.03 (LTS)"),
            (Family::Rpm, "1.1.1k-9.1.al8", "alinux", "3", ""),
            (Family::Rpm, "1.1.1k-9.0.1.an8", "anolis", "8", ""),
            (Family::Rpm, "1.1.1f-4.p17.ky10", "kylin", "V10", ""),
            (Family::Rpm, "1.1.1k-9.tl3", "tencentos", "3", ""),
            (Family::Rpm, "3.0.12-9.oc9", "opencloudos", "9", ""),
            (Family::Rpm, "3.0.15-1.mga9", "mageia", "9", ""),
        ] {
            let found = vote(family, &[Listed::of_version(version)]).unwrap();
            let answer = &found.answers[0];
            assert_eq!(
                (answer.id, &*answer.version, &*answer.long),
                (id, wanted, long),
                "{version}"
            );
        }
        assert_eq!(vote(Family::Rpm, &[Listed::of_version("1.0-1.also")]), None);
        assert_eq!(vote(Family::Dpkg, &[Listed::of_version("1.0-1")]), None);
    }
}
