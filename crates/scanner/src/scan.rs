//! The scan of one image.
//!
//! In: a source, options. Out: a [`Report`], sorted, without time in it. Odd: it never fails. A layer that cannot be read
//! makes the report UNREADABLE and says why; [`Scanned::interrupted`] tells whether trying again may help.

mod layers;

use std::sync::Mutex;

use plimsoll_advisory::{MatchContext, Snapshot, match_packages, matching::MATCHER, staleness_gap};
use plimsoll_image::{Budget, ImageConfig, ImageDocuments, LayerSource, Tree, parse_config};
use plimsoll_inspect::{Inspection, LayerFacts, Watch, inspect_image, inspect_sbom, unread_claims};
use plimsoll_model::{Coverage, Finding, Gap, GapReason, ImageIdentity, Report, Timestamp};

use crate::{LayerCache, Progress};

/// What a scan needs besides the image.
#[derive(Clone, Copy)]
pub struct ScanOptions<'a> {
    /// Advisory data; without it the report has packages and checks, and a gap.
    pub snapshot: Option<&'a Snapshot>,
    /// What is known of layers; without it every layer is read.
    pub cache: Option<&'a LayerCache>,
    /// Limits.
    pub budget: &'a Budget,
    /// Decides only whether the snapshot is stale, and what is past its end of life when there is no snapshot.
    pub today: Timestamp,
    /// How many layers are read at once, at least 1.
    pub threads: usize,
    /// Exposure and importance of the image.
    pub context: MatchContext,
    /// Told which file is about to be parsed, and asked whether it may be.
    pub watch: Option<&'a dyn Watch>,
}

/// A report, and whether it is one to keep.
#[derive(Debug)]
pub struct Scanned {
    /// What was found.
    pub report: Report,
    /// The source broke off (network, disk): the same scan may succeed later. The image is not to blame.
    pub interrupted: Option<String>,
}

/// Scans one image. See `ARCHITECTURE.md`, "Three operations in motion".
pub fn scan(
    source: &dyn LayerSource,
    options: &ScanOptions<'_>,
    progress: &dyn Progress,
) -> Scanned {
    let documents = source.documents();
    let mut gaps = Vec::new();
    let config = read_config(documents, &mut gaps);
    // A root file system and a bare layer have no configuration that could disagree.
    if documents.config_digest.is_some() {
        let disagreements = config.disagreements(documents.layers.len()).into_iter();
        gaps.extend(disagreements.map(|detail| anomaly("config", String::new(), detail)));
    }
    let mut read = layers::read(source, options, progress);
    progress.step("merge");
    let tree = merge(&read.layers, &mut gaps);
    let links = unread_claims(&tree, &read.layers);
    layers::read_claims(source, options, &links.claims, &mut read);
    progress.step("inspect");
    let as_of = options.snapshot.map_or(options.today, |snapshot| snapshot.state().date);
    let (inspection, described) = match documents.source_kind {
        SBOM => sbom(&read.layers, documents, as_of, &mut gaps),
        _ => (inspect_image(&tree, &read.layers, &links, documents, &config, as_of), None),
    };
    progress.step("match");
    let matched = match_advisories(&inspection, options, &mut gaps);
    gaps.extend(read.gaps);
    let mut report = assemble(documents, &config, options, inspection, matched, gaps);
    if let Some(described) = described {
        let (name, source) = (report.image.name, report.image.source);
        report.image = ImageIdentity { name, source, ..described };
    }
    Scanned { report, interrupted: read.interrupted }
}

/// What `ImageDocuments::source_kind` says of an SBOM.
const SBOM: &str = "sbom";

/// What an SBOM says, and the image that it says it of. Gaps that it tells of are kept, but for those of matching, which is
/// done anew.
fn sbom(
    layers: &[LayerFacts],
    documents: &ImageDocuments,
    as_of: Timestamp,
    gaps: &mut Vec<Gap>,
) -> (Inspection, Option<ImageIdentity>) {
    let said = inspect_sbom(layers, documents, as_of);
    let is_of_matching = |gap: &Gap| {
        matches!(gap.reason, GapReason::FeedMissing | GapReason::FeedStale) || gap.by == MATCHER
    };
    // The gap of having scanned an SBOM before is the same again.
    gaps.extend(said.stated_gaps.into_iter().filter(|gap| !is_of_matching(gap)));
    (said.inspection, said.image)
}

fn read_config(documents: &ImageDocuments, gaps: &mut Vec<Gap>) -> ImageConfig {
    match parse_config(&documents.config) {
        Ok(config) => config,
        Err(error) => {
            gaps.push(Gap {
                reason: GapReason::UnreadableImage,
                by: "config".into(),
                at: documents.config_digest.map(|digest| digest.to_string()).unwrap_or_default(),
                detail: error.to_string(),
            });
            ImageConfig::default()
        }
    }
}

fn merge(layers: &[LayerFacts], gaps: &mut Vec<Gap>) -> Tree {
    let (tree, anomalies) = Tree::merge(layers.iter().map(|layer| &layer.entries));
    gaps.extend(anomalies.into_iter().map(|detail| anomaly("merge", String::new(), detail)));
    tree
}

fn anomaly(by: &str, at: String, detail: String) -> Gap {
    Gap { reason: GapReason::Anomaly, by: by.into(), at, detail }
}

fn match_advisories(
    inspection: &Inspection,
    options: &ScanOptions<'_>,
    gaps: &mut Vec<Gap>,
) -> Vec<Finding> {
    let Some(snapshot) = options.snapshot else {
        gaps.push(Gap {
            reason: GapReason::FeedMissing,
            by: "match".into(),
            at: String::new(),
            detail: "there is no feed: packages were not matched with advisories".into(),
        });
        return Vec::new();
    };
    gaps.extend(staleness_gap(&snapshot.state(), options.today));
    let matched = match_packages(&inspection.packages, snapshot, &options.context);
    gaps.extend(matched.gaps);
    matched.findings
}

fn assemble(
    documents: &ImageDocuments,
    config: &ImageConfig,
    options: &ScanOptions<'_>,
    inspection: Inspection,
    matched: Vec<Finding>,
    mut gaps: Vec<Gap>,
) -> Report {
    let mut packages = inspection.packages;
    packages.sort_by(|a, b| a.sort_key().cmp(&b.sort_key()));
    let mut findings = inspection.findings;
    findings.extend(matched);
    findings.sort_by(|a, b| a.compare_urgency(b));
    gaps.extend(inspection.gaps);
    let mut ran = inspection.ran;
    if options.snapshot.is_some() {
        ran.push("match".to_owned());
    }
    let image = ImageIdentity {
        name: documents.name.clone(),
        source: documents.source_kind.to_owned(),
        digest: documents.manifest_digest,
        id: documents.config_digest,
        platform: config.platform().or_else(|| documents.platform.clone()),
        size: documents.total_size,
        layers: documents.layers.iter().filter_map(|layer| layer.digest).collect(),
        distribution: inspection.distribution.map(|distribution| distribution.pretty_name),
    };
    let feed = options.snapshot.map(Snapshot::state);
    Report { image, coverage: Coverage::new(ran, gaps), feed, packages, findings }
}

/// Takes a value out of a mutex; a thread that panicked while holding it changes nothing about the value's use here.
fn into_inner<T>(mutex: Mutex<T>) -> T {
    mutex.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}
