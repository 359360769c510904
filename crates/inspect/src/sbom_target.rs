//! An SBOM that is scanned in the place of an image.
//!
//! In: the facts of the one layer that holds the document. Out: [`SbomInspection`]. Odd: an SBOM that we wrote gives back the
//! packages of the image that it was written of, with their places. No check ran, since there is no file to look at; that
//! is a gap of every such scan, so that its verdict is never COMPLETE. What could not be looked at when the SBOM was
//! written is still not known.

use plimsoll_image::ImageDocuments;
use plimsoll_model::{Ecosystem, Gap, GapReason, ImageIdentity, Location, Package};

use crate::{
    distribution::{self, Distribution},
    facts::{FileFacts, LayerFacts, PackageFact},
    inspection::Inspection,
    packages::sbom,
};

/// What an SBOM says.
#[derive(Clone, PartialEq, Debug)]
pub struct SbomInspection {
    /// As of an image.
    pub inspection: Inspection,
    /// The image that the document is about, where we wrote it; the name is empty.
    pub image: Option<ImageIdentity>,
    /// What could not be looked at when we wrote it. Gaps of matching are among them.
    pub stated_gaps: Vec<Gap>,
}

/// Takes what the document says for the image's packages. What depends on the day is left to
/// [`Inspection::end_of_life_gap`].
#[must_use]
pub fn inspect_sbom(layers: Vec<LayerFacts>, documents: &ImageDocuments) -> SbomInspection {
    let mut gaps = vec![Gap {
        reason: GapReason::NotInSource,
        by: sbom::ID.to_owned(),
        at: String::new(),
        detail:
            "an SBOM lists packages only: files, configuration and build history were not looked at"
                .to_owned(),
    }];
    let mut packages = Vec::new();
    let (mut image, mut stated_gaps, mut distribution) = (None, Vec::new(), None);
    let files = layers.into_iter().flat_map(|layer| layer.files.into_values().flatten());
    for facts in files.filter(|facts| facts.detector == sbom::ID) {
        gaps.extend(problems(&facts, documents));
        let Some(said) = facts.sbom else { continue };
        distribution = named(said.distro.as_deref(), said.pretty_name.as_deref());
        image = said.image;
        stated_gaps = said.gaps;
        // There are as many.
        let found = said.found.into_iter().map(Some).chain(std::iter::repeat(None));
        packages.extend(facts.packages.into_iter().zip(found).map(|(fact, found)| {
            let (locations, found_by) = found.unwrap_or_default();
            package(fact, locations, found_by, documents)
        }));
    }
    if let Some(distribution) = &distribution {
        distribution::check_support(distribution, &mut gaps);
    }
    gaps.sort();
    gaps.dedup();
    let inspection = Inspection {
        packages: once(packages),
        findings: Vec::new(),
        gaps,
        ran: vec![sbom::ID.to_owned()],
        distribution,
        build: Vec::new(),
    };
    SbomInspection { inspection, image, stated_gaps }
}

fn problems(facts: &FileFacts, documents: &ImageDocuments) -> impl Iterator<Item = Gap> {
    // A document that is none, or that says nothing to its end, leaves nothing to report.
    let is_unreadable = facts.sbom.is_none() || facts.packages.is_empty();
    facts.problems.iter().map(move |problem| Gap {
        reason: match problem.reason {
            GapReason::UnreadableFile if is_unreadable => GapReason::UnreadableImage,
            reason => reason,
        },
        by: sbom::ID.to_owned(),
        at: documents.name.clone(),
        detail: problem.detail.clone(),
    })
}

/// The distribution that the document names; one that is not in the table has a name at least.
fn named(distro: Option<&str>, pretty_name: Option<&str>) -> Option<Distribution> {
    let known = distribution::by_distro(distro?)?;
    let pretty_name = pretty_name.map_or_else(|| known.pretty_name.clone(), str::to_owned);
    Some(Distribution { pretty_name, ..known })
}

fn package(
    fact: PackageFact,
    mut locations: Vec<Location>,
    found_by: Option<String>,
    documents: &ImageDocuments,
) -> Package {
    let ecosystem = Ecosystem(fact.ecosystem.clone().unwrap_or_default());
    let name = fact.full_name(&ecosystem);
    let mut extra = fact.extra;
    if !fact.architecture.is_empty() {
        extra.insert("architecture".to_owned(), fact.architecture);
    }
    if locations.is_empty() {
        locations.push(Location { path: documents.name.clone(), layer: None });
    }
    Package {
        ecosystem,
        release: fact.release,
        name,
        version: fact.version,
        source: fact.source,
        purl: fact.purl.unwrap_or_default(),
        locations,
        found_by: found_by.unwrap_or_else(|| sbom::ID.to_owned()),
        extra,
    }
}

/// Each package once, with all its places, sorted.
fn once(mut packages: Vec<Package>) -> Vec<Package> {
    packages.sort_by(|a, b| a.sort_key().cmp(&b.sort_key()));
    packages.dedup_by(|next, first| {
        let is_same = next.sort_key() == first.sort_key();
        if is_same {
            first.locations.append(&mut next.locations);
        }
        is_same
    });
    for package in &mut packages {
        package.locations.sort();
        package.locations.dedup();
    }
    packages
}
