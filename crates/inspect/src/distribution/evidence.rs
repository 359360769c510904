//! The vote on the distribution: what everything but `os-release` says.
//!
//! In: release files and traces by path, the packages of the databases. Out: [`Vote`]s, each of one [`Kind`], and how they
//! stand to what `os-release` states ([`judge`]). Each kind of evidence is a file of its own below, with its table.
//!
//! Odd: a vote names every distribution that it would be right for, since rebuilds share marks and releases share
//! libraries. Kinds that cost an attacker a changed program or database are strong; files of one line, which anybody can
//! write, only break ties.

pub(super) mod libc;
mod lines;
mod marks;
mod own_packages;
pub(super) mod sources;
mod vendors;

use super::{Distribution, Family, ReleaseFiles, Shown, Support, table};

/// What a vote rests on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Kind {
    /// The C library's own text.
    Libc,
    /// Marks in the versions of packages.
    Marks,
    /// The packages that name the distribution.
    OwnPackages,
    /// Who built the packages.
    Vendors,
    /// Release files of one line.
    Lines,
    /// Where packages come from: configuration of package managers.
    Sources,
}

impl Kind {
    const STRONG: &[Self] = &[Self::Libc, Self::Marks, Self::OwnPackages, Self::Vendors];

    fn is_strong(self) -> bool {
        Self::STRONG.contains(&self)
    }
}

/// Answers of one kind that are weighed: a database may name a thousand distributions.
const MAX_ANSWERS: usize = 64;

/// A distribution as evidence names it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Answer {
    /// `ID` of `os-release`.
    pub(super) id: &'static str,
    /// The beginning of `VERSION_ID`, whole numbers of it; empty when any would do.
    pub(super) version: String,
    /// `VERSION`, where the release's name needs it.
    pub(super) long: String,
}

impl Answer {
    pub(super) fn new(id: &'static str, version: impl Into<String>) -> Self {
        Self { id, version: version.into(), long: String::new() }
    }

    /// Whether both may be the same distribution.
    fn agrees(&self, id: &str, version: &str) -> bool {
        (self.id == id && is_compatible(&self.version, version)) || descends(id, self.id)
    }
}

/// What one kind of evidence says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Vote {
    pub(super) kind: Kind,
    /// Every distribution that it would be right for, the likeliest first.
    pub(super) answers: Vec<Answer>,
    /// The evidence, as a part of a sentence.
    pub(super) says: String,
}

impl Vote {
    fn agrees(&self, id: &str, version: &str) -> bool {
        self.answers.iter().any(|answer| answer.agrees(id, version))
    }
}

/// How the votes stand to what is stated.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// Nothing that counts speaks against it.
    Stands,
    /// The evidence is for another one.
    Overruled(Answer, String),
    /// The evidence is divided, or too weak.
    Undecided(String),
}

/// Distributions that take their packages from another one, versions and C library included.
const DESCENT: &[(&str, &str)] = &[
    ("echo", "debian"),
    ("raspbian", "debian"),
    ("kali", "debian"),
    ("devuan", "debian"),
    ("deepin", "debian"),
    ("linuxmint", "debian"),
    ("linuxmint", "ubuntu"),
    ("uos", "debian"),
    ("uniontech", "debian"),
    ("kylin", "ubuntu"),
    ("kylin", "debian"),
    ("alinux", "rhel"),
    ("alios", "rhel"),
    ("aliyun", "rhel"),
    ("tlinux", "rhel"),
    ("tencentos", "rhel"),
    ("tencentos", "opencloudos"),
    ("opencloudos", "rhel"),
    ("uos", "rhel"),
    ("euleros", "openeuler"),
    ("chainguard", "wolfi"),
    ("minimos", "wolfi"),
    ("cleanstart", "wolfi"),
    ("clnstrt", "wolfi"),
    ("bellsoft-hardened-containers", "alpaquita"),
];

fn descends(id: &str, from: &str) -> bool {
    DESCENT.iter().any(|(child, parent)| *child == id && *parent == from)
}

/// Whether the numbers of one are the first numbers of the other.
fn is_compatible(one: &str, other: &str) -> bool {
    one.split('.').zip(other.split('.')).all(|(a, b)| a.is_empty() || b.is_empty() || a == b)
}

/// All votes: at most one of each kind.
pub(super) fn votes(family: Option<Family>, files: &ReleaseFiles, shown: &Shown<'_>) -> Vec<Vote> {
    let packages = family.and_then(|family| shown.families.get(&family));
    let packages = packages.map(Vec::as_slice).unwrap_or_default();
    let of_packages = family.into_iter().flat_map(|family| {
        [
            marks::vote(family, packages),
            own_packages::vote(family, packages),
            vendors::vote(packages),
        ]
    });
    let mut votes: Vec<Vote> = [libc::vote(files), lines::vote(files), sources::vote(files)]
        .into_iter()
        .chain(of_packages)
        .flatten()
        .collect();
    votes.sort_by_key(|vote| vote.kind);
    for vote in &mut votes {
        vote.answers.dedup();
        vote.answers.truncate(MAX_ANSWERS);
    }
    // A package or two do wander between releases: they count where nothing better does.
    let is_alone = |vote: &Vote| vote.kind == Kind::Marks && !marks::is_firm(family, packages);
    if votes.iter().any(|vote| vote.kind.is_strong() && vote.kind != Kind::Marks) {
        votes.retain(|vote| !is_alone(vote));
    }
    votes
}

/// Holds what `os-release` states against the votes.
pub(super) fn judge(stated: &Distribution, votes: &[Vote]) -> Judgement {
    let version = version_of(stated);
    let (pro, contra): (Vec<&Vote>, Vec<&Vote>) =
        votes.iter().partition(|vote| vote.agrees(&stated.id, version));
    let strong = |votes: &[&Vote]| votes.iter().filter(|vote| vote.kind.is_strong()).count();
    // Sources are wishes: where anything better agrees, another release's beside one's own say nothing.
    let is_wish = |vote: &&Vote| vote.kind == Kind::Sources;
    if contra.is_empty() || (contra.iter().all(is_wish) && strong(&pro) > 0) {
        return match mere_descent(stated, &pro) {
            Some(vote) => Judgement::Undecided(vote.says.clone()),
            None => Judgement::Stands,
        };
    }
    let says = says(&contra);
    if strong(&contra) == 0 {
        return Judgement::Undecided(says);
    }
    match winner(votes, Some(&stated.id), |_| true) {
        Some((answer, count)) if count > strong(&pro) && count >= strong(&contra) => {
            Judgement::Overruled(answer, says)
        }
        _ => Judgement::Undecided(says),
    }
}

/// A vote that fits a derivative only because it fits what that descends from. Where the derivative has advisories of its own,
/// they find nothing in the other's packages: then something of its own must be there as well.
fn mere_descent<'v>(stated: &Distribution, pro: &[&'v Vote]) -> Option<&'v Vote> {
    let row = table::by_ecosystem(&stated.ecosystem.0)?;
    let is_own = |vote: &&&Vote| vote.answers.iter().any(|answer| answer.id == stated.id);
    // A C library is built alike by many.
    let of_packages = || pro.iter().filter(|vote| vote.kind.is_strong() && vote.kind != Kind::Libc);
    if row.support == Support::NoSource || of_packages().any(|vote| is_own(&vote)) {
        return None;
    }
    pro.iter().filter(|vote| vote.kind.is_strong()).find(|vote| !is_own(vote)).copied()
}

/// The answer that most kinds agree with, and how many strong ones do. Of equals the one of the stated `ID`, then the more
/// precise, then the first.
pub(super) fn winner(
    votes: &[Vote],
    stated: Option<&str>,
    may_be: impl Fn(&Answer) -> bool,
) -> Option<(Answer, usize)> {
    let agree = |answer: &Answer, strong: bool| {
        let of_strength = votes.iter().filter(|vote| vote.kind.is_strong() == strong);
        of_strength.filter(|vote| vote.agrees(answer.id, &answer.version)).count()
    };
    let answers = votes.iter().flat_map(|vote| &vote.answers).filter(|answer| may_be(answer));
    let ranked = answers.map(|answer| {
        let is_stated = stated == Some(answer.id);
        let strong = agree(answer, true);
        ((strong, agree(answer, false), is_stated, answer.version.len()), answer)
    });
    let best = ranked.reduce(|best, other| if other.0 > best.0 { other } else { best });
    best.map(|((strong, ..), answer)| (answer.clone(), strong))
}

/// What votes say, as one part of a sentence.
pub(super) fn says<'v>(votes: impl IntoIterator<Item = &'v &'v Vote>) -> String {
    votes.into_iter().map(|vote| vote.says.as_str()).collect::<Vec<_>>().join("; ")
}

/// The distribution of an answer, if the table has it.
pub(super) fn distribution(answer: &Answer) -> Option<Distribution> {
    let fields = [("ID", answer.id), ("VERSION_ID", &answer.version), ("VERSION", &answer.long)];
    let fields = fields.into_iter().filter(|(_, value)| !value.is_empty());
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    table::by_os_release(&fields).map(|stated| stated.distribution)
}

/// `VERSION_ID` as it was stated.
fn version_of(stated: &Distribution) -> &str {
    let distro = stated.distro.as_deref().unwrap_or_default();
    distro.get(stated.id.len()..).unwrap_or_default().trim_start_matches('-')
}
