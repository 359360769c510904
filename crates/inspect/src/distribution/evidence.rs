//! What packages and old release files say about the distribution, where `os-release` is missing or not believed.
//!
//! In: the versions of the packages of one family, the files of one line. Out: a [`Distribution`], its release if enough
//! versions agree on one. Source: how distributions mark their versions: `+deb12u4`, `ubuntu0.22.04`, `.el9_4`, `.fc40`,
//! `.amzn2023`, `.azl3`, `.oe2203sp3`.

use std::collections::BTreeMap;

use super::{Distribution, Family, ReleaseFiles, Shown, table};

/// What is tried in a version: the mark in front of a number, and the `ID` that it stands for.
const MARKS: &[(Family, &str, &str)] = &[
    (Family::Dpkg, "+deb", "debian"),
    (Family::Dpkg, "~deb", "debian"),
    (Family::Dpkg, "ubuntu", "ubuntu"),
    (Family::Rpm, ".el", "rhel"),
    (Family::Rpm, ".fc", "fedora"),
    (Family::Rpm, ".amzn", "amzn"),
    (Family::Rpm, ".azl", "azurelinux"),
    (Family::Rpm, ".al", "alinux"),
    (Family::Rpm, ".an", "anolis"),
    (Family::Rpm, ".ph", "photon"),
];

/// So many versions must agree before they speak against os-release: single packages do wander between releases.
const MIN_VOTES: usize = 3;

/// What most versions say, where it is another release than the stated one and none says that.
pub(super) fn contradiction(
    family: Family,
    stated: &Distribution,
    shown: &Shown<'_>,
) -> Option<String> {
    let own = group(&stated.id)?;
    let version = stated.distro.as_deref()?.rsplit_once('-')?.1;
    let major: String = version.chars().take_while(char::is_ascii_digit).collect();
    let votes = votes(family, shown);
    if votes.keys().any(|(id, number)| *id == own && (number.is_empty() || *number == major)) {
        return None;
    }
    let known = votes.into_iter().filter(|((id, _), _)| group(id).is_some());
    let ((id, number), count) = known.max_by_key(|(_, count)| *count)?;
    (count >= MIN_VOTES)
        .then(|| format!("{count} packages have versions of `{}`", format!("{id} {number}").trim()))
}

/// Distributions whose versions bear the same mark, and bear it with the number of their release.
fn group(id: &str) -> Option<&'static str> {
    match id {
        "debian" => Some("debian"),
        "ubuntu" => Some("ubuntu"),
        "rhel" | "rocky" | "almalinux" | "centos" | "ol" => Some("rhel"),
        "fedora" => Some("fedora"),
        "amzn" => Some("amzn"),
        "azurelinux" => Some("azurelinux"),
        "photon" => Some("photon"),
        _ => None,
    }
}

fn votes(family: Family, shown: &Shown<'_>) -> BTreeMap<(&'static str, String), usize> {
    let mut votes: BTreeMap<(&'static str, String), usize> = BTreeMap::new();
    for version in shown.families.get(&family).into_iter().flatten() {
        for (of, mark, id) in MARKS {
            if *of == family
                && let Some((_, rest)) = version.rsplit_once(mark)
            {
                // Ubuntu's revisions (`1ubuntu2`) are counters, not releases.
                let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
                let number = if *id == "ubuntu" { String::new() } else { number };
                if *id == "ubuntu" || !number.is_empty() {
                    *votes.entry((id, number)).or_default() += 1;
                    break;
                }
            }
        }
    }
    votes
}

pub(super) fn guess(family: Family, files: &ReleaseFiles, shown: &Shown<'_>) -> Distribution {
    let votes = votes(family, shown);
    let winner = votes.into_iter().max_by_key(|(_, count)| *count).map(|(vote, _)| vote);
    let line = |path: &str| files.get(path).and_then(|fields| fields.get("TEXT")).cloned();
    let number =
        |text: Option<String>| text.filter(|text| text.starts_with(|c: char| c.is_ascii_digit()));
    let (id, version) = match (family, winner) {
        (Family::Apk, _) => ("alpine", number(line("etc/alpine-release")).unwrap_or_default()),
        (_, Some((id, version))) => (id, version),
        (Family::Dpkg, None) => ("debian", number(line("etc/debian_version")).unwrap_or_default()),
        (Family::Rpm, None) => ("rhel", String::new()),
        (Family::Pacman, None) => ("arch", String::new()),
        (Family::Portage, None) => ("gentoo", String::new()),
        (Family::Opkg, None) => ("openwrt", String::new()),
    };
    let mut fields = BTreeMap::from([("ID".to_owned(), id.to_owned())]);
    if !version.is_empty() {
        fields.insert("VERSION_ID".to_owned(), version);
    }
    if let Some(stated) = table::by_os_release(&fields) {
        return stated.distribution;
    }
    Distribution {
        pretty_name: family.ecosystem().to_owned(),
        id: id.to_owned(),
        ecosystem: plimsoll_model::Ecosystem::named(family.ecosystem()),
        release: None,
        distro: None,
        end_of_life: None,
    }
}
