//! From layers' facts to what the image is: the merged view.
//!
//! In: the merged tree, the facts of all layers, documents and configuration. Out: [`Inspection`]. Odd: a fact counts when
//! the file that it comes from is visible under a path that its detector claims. The one exception is a package database
//! that a later layer removed or emptied: the packages are still there without it, so the earlier one counts, and a
//! gap says so.

mod assemblies;
mod conda;
mod copyrights;
mod databases;
mod epel;
mod inventory;
mod leftovers;
mod libraries;
mod listed;
mod locks;
mod lost;
mod opaque;
mod unlisted;
pub(crate) mod visible;

pub use listed::add_listed;

use std::collections::BTreeSet;

use plimsoll_image::{ImageConfig, ImageDocuments, Tree};
use plimsoll_model::{BuildStep, Finding, Gap, GapReason, Kind, Kinds, Package, Timestamp};

use crate::{
    check::{checks, judge_all},
    claims::UnreadClaims,
    detector::detectors,
    distribution::{self, Distribution, Family, Listed, Shown},
    facts::LayerFacts,
    malware::{self, Malware, findings},
    packages::nix,
    parser::parsers,
    sensitive, text,
    view::View,
};

/// What an image is.
#[derive(Clone, PartialEq, Debug)]
pub struct Inspection {
    /// What is installed, sorted by [`Package::sort_key`].
    pub packages: Vec<Package>,
    /// Baseline and build risks and sensitive files, most urgent first.
    pub findings: Vec<Finding>,
    /// What could not be looked at, sorted.
    pub gaps: Vec<Gap>,
    /// Ids of the parsers and checks that ran, sorted.
    pub ran: Vec<String>,
    /// The distribution, where one could be told.
    pub distribution: Option<Distribution>,
    /// How it was built.
    pub build: Vec<BuildStep>,
}

impl Inspection {
    /// The gap of a distribution that gets no fixes any more on that day.
    #[must_use]
    pub fn end_of_life_gap(&self, as_of: Timestamp) -> Option<Gap> {
        distribution::end_of_life_gap(self.distribution.as_ref()?, as_of)
    }
}

/// Merges what the layers hold into what the image is.
///
/// Of the kinds of risk that `kinds` leaves out nothing is found, and `ran` names none of their detectors and checks.
///
/// `links` is what [`unread_claims`](crate::unread_claims) found before a second pass read it. What depends on the day is
/// left to [`Inspection::end_of_life_gap`], so that the rest can be kept.
///
/// Gaps of reading the layers themselves stand in [`LayerEntries::gaps`](plimsoll_image::LayerEntries::gaps) and are not
/// repeated.
#[must_use]
pub fn inspect_image(
    tree: &Tree,
    layers: &[LayerFacts],
    links: &UnreadClaims,
    documents: &ImageDocuments,
    config: &ImageConfig,
    kinds: Kinds,
    malware: Option<&Malware>,
) -> Inspection {
    let malware = malware.filter(|_| kinds.contains(Kind::Malware));
    let store = nix::look(tree);
    let mut seen = visible::look(tree, layers);
    seen.files.extend(store.iter().map(|(path, layer, facts)| visible::VisibleFile {
        path: path.clone(),
        real: path.clone(),
        layer: *layer,
        facts,
    }));
    let mut gaps = links.remaining_gaps(layers);
    let databases = databases::find(&seen.files, layers, &mut gaps);
    let shown = shown(&databases);
    let mut releases = visible::release_files(tree, layers, &mut gaps);
    visible::add_traces(tree, &seen.files, &mut releases);
    let (distribution, distribution_gaps) = distribution::determine(&releases, &shown);
    gaps.extend(distribution_gaps);
    let owned = inventory::owned(&seen.files, &databases);
    databases::check_places(tree, distribution.as_ref(), &shown, &owned, &mut gaps);
    unlisted::check_metadata(tree, layers, &mut gaps);
    let question =
        opaque::Question { tree, layers, files: &seen.files, databases: &databases, owned: &owned };
    let untold = opaque::programs(&question);
    gaps.extend(opaque::gap(&untold));
    unlisted::check(tree, layers, &owned, &shown, &mut gaps);
    unlisted::check_distribution(&untold, &shown, distribution.as_ref(), &mut gaps);
    libraries::check(tree, &releases, &shown, &mut gaps);
    let looking = leftovers::Looking { tree, files: &seen.files, shown: &shown, owned: &owned };
    leftovers::check(&looking, &mut gaps);
    let earlier = lost::find(tree, layers, &databases, &owned, &mut gaps);
    let mut databases = databases;
    databases.extend(earlier.iter().map(lost::Earlier::file));
    let mut absent = locks::absent(tree, &seen.files);
    assemblies::leave_out_listed(&seen.files, &mut absent);
    let licences = copyrights::find(tree, layers, &databases);
    let sources = inventory::Sources {
        files: &seen.files,
        databases: &databases,
        distribution: distribution.as_ref(),
        owned: &owned,
        layers,
        absent: &absent,
        documents,
        licences: &licences,
    };
    let is_told = |file: &&visible::VisibleFile<'_>| {
        !(reads_programs(&file.facts.detector) && sources.is_of_owner(file))
    };
    gaps.extend(seen.files.iter().filter(is_told).flat_map(problems));
    gaps.extend(undetected(layers));
    let packages = inventory::packages(&sources, &mut gaps);
    let mut findings = Vec::new();
    let sums = inventory::sums(&seen.files, &databases);
    if let Some(malware) = malware {
        let asked =
            findings::Asked { tree, layers, documents, malware, owned: &owned, sums: &sums };
        findings.extend(findings::find(&asked, &mut gaps));
    }
    let secrets =
        sensitive::Seen { layers, documents, shown: &seen.shown, owned: &owned, sums: &sums };
    let secrets = sensitive::findings(&secrets);
    let view = View::new(tree, layers, documents, config, &seen, owned);
    let build = view.build_steps();
    let (judged, unseen) = judge_all(&view, kinds);
    findings.extend(judged);
    gaps.extend(unseen);
    if kinds.contains(Kind::Secret) {
        findings.extend(secrets);
    }
    findings.sort_by(Finding::compare_urgency);
    gaps.sort();
    gaps.dedup();
    Inspection { packages, findings, gaps, ran: ran(kinds, malware.is_some()), distribution, build }
}

fn ran(kinds: Kinds, with_malware: bool) -> Vec<String> {
    let parsers = parsers().iter().map(|parser| parser.id());
    let detectors = detectors().iter().filter(|detector| kinds.contains(detector.kind()));
    let detectors = detectors.map(|detector| detector.id());
    let detectors = detectors.filter(|id| with_malware || *id != malware::detector::ID);
    let checks = checks().iter().filter(|check| kinds.contains(check.kind()));
    let checks = checks.map(|check| check.id());
    let ids: BTreeSet<&str> = parsers.chain(detectors).chain(checks).collect();
    ids.into_iter().map(str::to_owned).collect()
}

fn reads_programs(detector: &str) -> bool {
    parsers().iter().any(|parser| parser.reads_programs() && parser.id() == detector)
}

/// The gaps of one file. Texts for checks are left out: the check that misses one says so.
fn problems<'f>(file: &'f visible::VisibleFile<'_>) -> impl Iterator<Item = Gap> + use<'f> {
    let is_text = file.facts.detector == text::ID;
    let problems = file.facts.problems.iter().filter(move |_| !is_text);
    problems.map(|problem| Gap {
        reason: problem.reason,
        by: file.facts.detector.clone(),
        at: file.path.display().into_owned(),
        detail: problem.detail.clone(),
    })
}

/// What detectors could not look at, in whatever layer it is.
fn undetected(layers: &[LayerFacts]) -> impl Iterator<Item = Gap> {
    let is_detector = |id: &str| detectors().iter().any(|detector| detector.id() == id);
    layers.iter().flat_map(move |layer| {
        let facts =
            layer.files.iter().flat_map(|(entry, facts)| facts.iter().map(|it| (*entry, it)));
        let facts = facts.filter(move |(_, facts)| is_detector(&facts.detector));
        facts.flat_map(move |(entry, facts)| {
            facts.problems.iter().map(move |problem| Gap {
                reason: problem.reason,
                by: facts.detector.clone(),
                at: layer.path(entry).unwrap_or_default().display().into_owned(),
                detail: problem.detail.clone(),
            })
        })
    })
}

fn shown<'f>(databases: &'f [visible::VisibleFile<'_>]) -> Shown<'f> {
    let mut shown = Shown::default();
    for file in databases {
        if let Some(family) = Family::of_parser(&file.facts.detector)
            && !file.facts.packages.is_empty()
        {
            let listed = file.facts.packages.iter().map(|package| Listed {
                name: &package.name,
                version: &package.version,
                vendor: package.extra.get("vendor").map(String::as_str).unwrap_or_default(),
            });
            shown.families.entry(family).or_default().extend(listed);
        }
    }
    shown
}

/// The gap of a package database.
fn database_gap(family: Family, at: &str, detail: String) -> Gap {
    Gap {
        reason: GapReason::PackageDatabaseRemoved,
        by: family.parser().to_owned(),
        at: at.to_owned(),
        detail,
    }
}

#[cfg(test)]
#[path = "inspection/tests.rs"]
mod tests;
