//! Which distribution an image is of.
//!
//! In: what release files say ([`release_file`]), and what the package databases show. Out: [`Distribution`] with the
//! ecosystem and release as OSV writes them, and gaps where advisories cannot be complete.
//! Source: `os-release(5)`; OSV schema, "Defined ecosystems"; [`table`] for each distribution.
//!
//! Odd: `os-release` is a text that anyone can write. When it disagrees with the database that is really there, the
//! database wins, the release is taken from what versions and other files show, and a gap says so.

mod distro;
mod evidence;
mod numbering;
pub(crate) mod release_file;
mod table;

use std::collections::BTreeMap;

use plimsoll_model::{Ecosystem, Gap, GapReason, Timestamp};

pub(crate) use self::distro::by_distro;
pub use self::table::{Distributions, Support, distributions};

/// The package managers whose databases tell families of distributions apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) enum Family {
    Dpkg,
    Apk,
    Rpm,
    Pacman,
    Portage,
    Opkg,
}

impl Family {
    /// All of them.
    pub(crate) const ALL: &[Self] =
        &[Self::Dpkg, Self::Apk, Self::Rpm, Self::Pacman, Self::Portage, Self::Opkg];

    /// Ids of the parsers that read its databases, the package manager's own first.
    const fn parsers(self) -> &'static [&'static str] {
        match self {
            Self::Dpkg => &["dpkg", "chisel"],
            Self::Apk => &["apk"],
            Self::Rpm => &["rpm"],
            Self::Pacman => &["pacman"],
            Self::Portage => &["portage"],
            Self::Opkg => &["opkg"],
        }
    }

    /// Id of the parser that reads the package manager's database.
    pub(crate) const fn parser(self) -> &'static str {
        match self.parsers() {
            [first, ..] => first,
            [] => "",
        }
    }

    pub(crate) fn of_parser(id: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|family| family.parsers().contains(&id))
    }

    /// Whether a parser reads its databases.
    pub(crate) fn has_parser(self, id: &str) -> bool {
        self.parsers().contains(&id)
    }

    /// The ecosystem of packages whose distribution is not known otherwise: the family's root.
    pub(crate) const fn ecosystem(self) -> &'static str {
        match self {
            Self::Dpkg => "Debian",
            Self::Apk => "Alpine",
            Self::Rpm => "Red Hat",
            Self::Pacman => "Arch Linux",
            Self::Portage => "Gentoo",
            Self::Opkg => "OpenWrt",
        }
    }
}

/// The distribution of an image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Distribution {
    /// `PRETTY_NAME`, or what it was recognised as.
    pub pretty_name: String,
    /// `ID` in lower case; empty when recognised otherwise.
    pub id: String,
    /// OSV name without release.
    pub ecosystem: Ecosystem,
    /// Release as OSV writes it behind the ecosystem.
    pub release: Option<String>,
    /// The value of a package URL's `distro`: `debian-12`.
    pub distro: Option<String>,
    /// Last day of free fixes, where known.
    pub end_of_life: Option<Timestamp>,
}

/// What the files of the merged tree say: fields by path, in order of precedence.
pub(crate) type ReleaseFiles = BTreeMap<String, BTreeMap<String, String>>;

/// What is known about the packages of one family: how many, and their versions' texts.
#[derive(Debug, Default)]
pub(crate) struct Shown<'a> {
    pub(crate) families: BTreeMap<Family, Vec<&'a str>>,
}

/// The distribution, and why it may not be what it seems.
pub(crate) fn determine(
    files: &ReleaseFiles,
    shown: &Shown<'_>,
) -> (Option<Distribution>, Vec<Gap>) {
    let mut gaps = Vec::new();
    let os_release = release_file::OS_RELEASE.iter().find_map(|path| files.get(*path));
    let stated = os_release.and_then(table::by_os_release);
    // The family with most packages; an image of one distribution may hold tools of another.
    let family = shown.families.iter().max_by_key(|(_, versions)| versions.len());
    let family = family.map(|(family, _)| *family);
    let distribution = match (stated, family) {
        (Some(stated), Some(family)) if !stated.row.has(family) => {
            gaps.push(gap(
                GapReason::PackageDatabaseRemoved,
                format!(
                    "os-release says `{}`, but the package database is one of {}: the database is believed",
                    stated.distribution.pretty_name,
                    family.parser()
                ),
            ));
            Some(evidence::guess(family, files, shown))
        }
        (Some(stated), Some(family)) => {
            let contradiction = evidence::contradiction(family, &stated.distribution, shown);
            gaps.extend(contradiction.map(|found| {
                let name = &stated.distribution.pretty_name;
                gap(GapReason::Anomaly, format!("os-release says `{name}`, but {found}"))
            }));
            Some(stated.distribution)
        }
        (Some(stated), None) => Some(stated.distribution),
        (None, Some(family)) => {
            let mut guess = evidence::guess(family, files, shown);
            let stated = os_release.and_then(|fields| fields.get("PRETTY_NAME"));
            if let Some(name) = stated.filter(|name| !name.is_empty()) {
                guess.pretty_name.clone_from(name);
            }
            gaps.push(gap(
                GapReason::UnknownDistribution,
                match os_release {
                    Some(fields) => format!(
                        "os-release names the unknown distribution `{}`; its {} packages are taken for {}",
                        fields.get("ID").map_or("", String::as_str),
                        family.parser(),
                        guess.ecosystem
                    ),
                    None => format!(
                        "there is no os-release; the {} packages are taken for {}",
                        family.parser(),
                        guess.ecosystem
                    ),
                },
            ));
            Some(guess)
        }
        (None, None) => {
            let name = os_release.and_then(|fields| fields.get("ID")).filter(|id| !id.is_empty());
            if let Some(name) = name {
                let detail = format!("os-release names the unknown distribution `{name}`");
                gaps.push(gap(GapReason::UnsupportedDistribution, detail));
            }
            None
        }
    };
    if let Some(distribution) = &distribution {
        check_debian_version(distribution, files, &mut gaps);
        check_support(distribution, &mut gaps);
    }
    (distribution, gaps)
}

/// The gap of a distribution that gets no fixes any more.
pub(crate) fn end_of_life_gap(distribution: &Distribution, as_of: Timestamp) -> Option<Gap> {
    let end = distribution.end_of_life.filter(|end| as_of > *end)?;
    let (name, end) = (&distribution.pretty_name, end.date());
    let detail = format!("`{name}` gets no free fixes since {end}: advisories end there");
    Some(gap(GapReason::EndOfLifeDistribution, detail))
}

/// Gaps for a distribution or release whose advisories are not complete, whatever the day.
pub(crate) fn check_support(distribution: &Distribution, gaps: &mut Vec<Gap>) {
    let name = &distribution.pretty_name;
    let row = table::by_ecosystem(&distribution.ecosystem.0);
    match row.map(|row| row.support) {
        Some(Support::NoSource) | None => {
            let detail = format!("no advisory source of OSV knows `{name}`");
            gaps.push(gap(GapReason::UnsupportedDistribution, detail));
        }
        Some(Support::ByRelease) if distribution.release.is_none() => {
            let detail =
                format!("the release of `{name}` is not known, so its advisories cannot be chosen");
            gaps.push(gap(GapReason::UnknownDistribution, detail));
        }
        Some(Support::ByRelease | Support::Rolling) => {}
    }
}

/// `etc/debian_version` holds `12.5`; another number than os-release's is a sign of a forged or half-upgraded system.
fn check_debian_version(distribution: &Distribution, files: &ReleaseFiles, gaps: &mut Vec<Gap>) {
    let stated = match distribution.ecosystem.0.as_str() {
        "Debian" => files.get("etc/debian_version"),
        "Alpine" => files.get("etc/alpine-release"),
        _ => return,
    };
    let stated = stated.and_then(|fields| fields.get("TEXT"));
    let (Some(stated), Some(release)) = (stated, &distribution.release) else { return };
    let numbers = |text: &str, count: usize| {
        let text = text.trim_start_matches('v');
        text.split('.').take(count).map(str::to_owned).collect::<Vec<_>>()
    };
    let count = if distribution.ecosystem.0 == "Alpine" { 2 } else { 1 };
    let is_number = stated.starts_with(|c: char| c.is_ascii_digit());
    if is_number && numbers(stated, count) != numbers(release, count) {
        gaps.push(gap(
            GapReason::Anomaly,
            format!(
                "os-release says release `{release}`, the distribution's own file says `{stated}`"
            ),
        ));
    }
}

/// The families whose package databases the distribution has.
pub(crate) fn families_of(distribution: &Distribution) -> &'static [Family] {
    table::by_ecosystem(&distribution.ecosystem.0).map_or(&[], Distributions::families)
}

/// Whether there are advisories for the distribution's packages.
pub(crate) fn has_advisories(distribution: &Distribution) -> bool {
    let row = table::by_ecosystem(&distribution.ecosystem.0);
    row.is_some_and(|row| row.support != Support::NoSource)
}

fn gap(reason: GapReason, detail: String) -> Gap {
    Gap { reason, by: "distribution".to_owned(), at: String::new(), detail }
}

#[cfg(test)]
#[path = "distribution/tests.rs"]
mod tests;
