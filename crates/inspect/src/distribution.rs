//! Which distribution an image is of.
//!
//! In: what release files say ([`release_file`]), and what the package databases show. Out: [`Distribution`] with the
//! ecosystem and release as OSV writes them, and gaps where advisories cannot be complete.
//! Source: `os-release(5)`; OSV schema, "Defined ecosystems"; [`table`] for each distribution.
//!
//! Odd: `os-release` is a text that anyone can write, so the rest of the image votes on it ([`evidence`]). When it
//! disagrees with the database that is really there, or with most of what else names a distribution, the evidence wins, and
//! a gap has both answers. Where the evidence is divided, `os-release` stays, and a gap says so.

mod distro;
mod evidence;
mod numbering;
pub(crate) mod release_file;
mod table;
pub(crate) mod traces;

use std::collections::BTreeMap;

use plimsoll_model::{Ecosystem, Gap, GapReason, Timestamp};

use self::evidence::{Answer, Judgement, Vote};

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

    /// `ID` of the family's root.
    const fn root(self) -> &'static str {
        match self {
            Self::Dpkg => "debian",
            Self::Apk => "alpine",
            Self::Rpm => "rhel",
            Self::Pacman => "arch",
            Self::Portage => "gentoo",
            Self::Opkg => "openwrt",
        }
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

/// Folders whose files' names alone tell something.
pub(crate) const NAMING_FOLDERS: &[&str] = &[evidence::sources::YUM, evidence::sources::ORIGINS];

/// What the files of the merged tree say: fields by path, in order of precedence.
pub(crate) type ReleaseFiles = BTreeMap<String, BTreeMap<String, String>>;

/// What is known about the packages of each family.
#[derive(Debug, Default)]
pub(crate) struct Shown<'a> {
    pub(crate) families: BTreeMap<Family, Vec<Listed<'a>>>,
}

/// A package of a database, as far as it tells the distribution.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Listed<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
    /// Who built it; empty where the database does not say.
    pub(crate) vendor: &'a str,
}

#[cfg(test)]
impl<'a> Listed<'a> {
    const fn of_version(version: &'a str) -> Self {
        Self { name: "", version, vendor: "" }
    }
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
    let family = shown.families.iter().max_by_key(|(_, packages)| packages.len());
    let family = family.map(|(family, _)| *family);
    let votes = evidence::votes(family, files, shown);
    let distribution = match (stated, family) {
        (Some(stated), Some(family)) if !stated.row.has(family) => {
            let believed = guess(family, &votes);
            gaps.push(gap(
                GapReason::PackageDatabaseRemoved,
                format!(
                    "os-release says `{}`, but the package database is one of {}: the database is believed, and it is taken for `{}`",
                    stated.distribution.pretty_name,
                    family.parser(),
                    believed.pretty_name,
                ),
            ));
            Some(believed)
        }
        (Some(stated), _) => Some(weighed(stated.distribution, &votes, &mut gaps)),
        (None, family) => unnamed(os_release, family, &votes, &mut gaps),
    };
    if let Some(distribution) = &distribution {
        check_support(distribution, &mut gaps);
    }
    (distribution, gaps)
}

/// What `os-release` states, held against the evidence.
fn weighed(stated: Distribution, votes: &[Vote], gaps: &mut Vec<Gap>) -> Distribution {
    let name = &stated.pretty_name;
    match evidence::judge(&stated, votes) {
        Judgement::Stands => {
            // A release that is left out can be told from the rest.
            let known = evidence::winner(votes, Some(&stated.id), |answer| answer.id == stated.id);
            let known = known.and_then(|(answer, _)| evidence::distribution(&answer));
            match known.filter(|known| stated.release.is_none() && known.release.is_some()) {
                Some(known) => {
                    gaps.push(gap(
                        GapReason::UnknownDistribution,
                        format!(
                            "os-release says `{name}` without a release; it is taken for `{}`",
                            known.pretty_name
                        ),
                    ));
                    known
                }
                None => stated,
            }
        }
        Judgement::Overruled(answer, says) => match evidence::distribution(&answer) {
            Some(believed) => {
                gaps.push(gap(
                    GapReason::Anomaly,
                    format!(
                        "os-release says `{name}`, but {says}: it is taken for `{}`",
                        believed.pretty_name
                    ),
                ));
                believed
            }
            None => stated,
        },
        Judgement::Undecided(says) => {
            gaps.push(gap(
                GapReason::Anomaly,
                format!(
                    "os-release says `{name}`, but {says}: os-release is believed, and may be wrong"
                ),
            ));
            stated
        }
    }
}

/// The distribution where `os-release` is missing, or names one that the table does not have.
fn unnamed(
    os_release: Option<&BTreeMap<String, String>>,
    family: Option<Family>,
    votes: &[Vote],
    gaps: &mut Vec<Gap>,
) -> Option<Distribution> {
    let field = |name| os_release.and_then(|fields| fields.get(name)).filter(|it| !it.is_empty());
    let missing = match os_release {
        Some(_) => format!(
            "os-release names the unknown distribution `{}`",
            field("ID").map_or("", String::as_str)
        ),
        None => "there is no os-release".to_owned(),
    };
    let Some(family) = family else {
        let known = evidence::winner(votes, None, |_| true).filter(|(_, strong)| *strong > 0);
        let known = known.and_then(|(answer, _)| evidence::distribution(&answer));
        if let Some(known) = &known {
            let says = evidence::says(&votes.iter().collect::<Vec<_>>());
            let name = &known.pretty_name;
            gaps.push(gap(
                GapReason::UnknownDistribution,
                format!("{missing}; since {says}, it is taken for `{name}`"),
            ));
        } else if field("ID").is_some() {
            gaps.push(gap(GapReason::UnsupportedDistribution, missing));
        }
        return known;
    };
    let mut believed = guess(family, votes);
    let parser = family.parser();
    gaps.push(gap(
        GapReason::UnknownDistribution,
        match os_release {
            Some(_) => {
                format!("{missing}; its {parser} packages are taken for {}", believed.ecosystem)
            }
            None => {
                format!("{missing}; the {parser} packages are taken for {}", believed.ecosystem)
            }
        },
    ));
    if let Some(name) = field("PRETTY_NAME") {
        believed.pretty_name.clone_from(name);
    }
    Some(believed)
}

/// The distribution of a family that the votes are for; else the family's root.
fn guess(family: Family, votes: &[Vote]) -> Distribution {
    let has_family = |answer: &Answer| {
        let found = evidence::distribution(answer);
        found.is_some_and(|found| families_of(&found).contains(&family))
    };
    let known = evidence::winner(votes, None, has_family);
    let known = known.and_then(|(answer, _)| evidence::distribution(&answer));
    known.unwrap_or_else(|| {
        let root = evidence::distribution(&Answer::new(family.root(), ""));
        root.unwrap_or_else(|| Distribution {
            pretty_name: family.ecosystem().to_owned(),
            id: family.root().to_owned(),
            ecosystem: Ecosystem::named(family.ecosystem()),
            release: None,
            distro: None,
            end_of_life: None,
        })
    })
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

#[cfg(test)]
#[path = "distribution/samples.rs"]
mod samples;
