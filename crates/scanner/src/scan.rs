//! The scan of one image.
//!
//! In: a source, options. Out: a [`Report`], sorted, without time in it. Odd: it never fails. A layer that cannot be read
//! makes the report UNREADABLE and says why; [`Scanned::interrupted`] tells whether trying again may help.

mod layers;
pub(crate) mod look;

use std::sync::Mutex;

use look::{Looked, look};
use plimsoll_advisory::{
    MatchContext, Snapshot, gaps_of_all, match_packages, matching::MATCHER, staleness_gap,
};
use plimsoll_image::{Budget, ImageConfig, ImageDocuments, LayerSource, parse_config};
use plimsoll_inspect::{Inspection, Malware, Watch};
use plimsoll_model::{
    Coverage, Finding, Gap, GapReason, ImageIdentity, Kind, Kinds, Package, Report, Timestamp,
};

use crate::{LayerCache, Progress, cache::KnownImage};

/// What a scan needs besides the image.
#[derive(Clone, Copy)]
pub struct ScanOptions<'a> {
    /// Advisory data; without it the report has packages and checks, and a gap.
    pub snapshot: Option<&'a Snapshot>,
    /// What is known of layers; without it every layer is read.
    pub cache: Option<&'a LayerCache>,
    /// Limits.
    pub budget: &'a Budget,
    /// Decides whether the snapshot is stale, what is past its end of life when there is no snapshot, and which files have
    /// not changed for long enough to be trusted.
    pub today: Timestamp,
    /// How many layers are read at once, at least 1.
    pub threads: usize,
    /// Kinds of risk that are looked for. Without vulnerabilities no feed is asked, and none is missed.
    pub kinds: Kinds,
    /// Exposure and importance of the image.
    pub context: MatchContext,
    /// What is looked for in files besides packages and checks; without it nothing is said of malicious files.
    pub malware: Option<&'a Malware>,
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
    let budget = options.budget.for_image();
    let malware = options.malware.filter(|_| options.kinds.contains(Kind::Malware));
    let snapshot = options.snapshot.filter(|_| options.kinds.contains(Kind::Vulnerability));
    let rules = rules_version(malware.map(|malware| malware.version.as_str()), options.kinds);
    let cache = options.cache.map(|cache| cache.for_rules(&rules));
    let options =
        &ScanOptions { budget: &budget, cache: cache.as_ref(), malware, snapshot, ..*options };
    let configured = Configured::of(source.documents());
    let Looked { image, described, interrupted } =
        look(source, options, &configured.config, progress);
    let mut report = report(source.documents(), configured, image, options, progress);
    if let Some(described) = described {
        let (name, source) = (report.image.name, report.image.source);
        report.image = ImageIdentity { name, source, ..described };
    }
    Scanned { report, interrupted }
}

/// Under which name is kept what these rules for malicious files, and whoever else looks into all files, found.
pub(crate) fn rules_version(malware: Option<&str>, kinds: Kinds) -> String {
    let malware = malware.filter(|_| kinds.contains(Kind::Malware)).unwrap_or_default();
    let secrets = if kinds.contains(Kind::Secret) { "" } else { "without secrets," };
    format!("{secrets}{malware}")
}

/// An image's configuration, and what is wrong with it.
pub(crate) struct Configured {
    config: ImageConfig,
    gaps: Vec<Gap>,
}

impl Configured {
    pub(crate) fn of(documents: &ImageDocuments) -> Self {
        let mut gaps = Vec::new();
        let config = read_config(documents, &mut gaps);
        // A root file system and a bare layer have no configuration that could disagree; of an image that is stored as one
        // tree the layers were counted when it was opened.
        let is_one_tree = documents.source_kind == "containers-storage"
            && documents.layers.iter().all(|layer| layer.digest.is_none());
        if documents.config_digest.is_some() && !is_one_tree {
            let disagreements = config.disagreements(documents.layers.len()).into_iter();
            gaps.extend(disagreements.map(|detail| anomaly("config", String::new(), detail)));
        }
        Self { config, gaps }
    }
}

/// The report of what an image is, as of the day and the feed.
pub(crate) fn report(
    documents: &ImageDocuments,
    configured: Configured,
    image: KnownImage,
    options: &ScanOptions<'_>,
    progress: &dyn Progress,
) -> Report {
    let Configured { config, mut gaps } = configured;
    let KnownImage { inspection, gaps: unread } = image;
    gaps.extend(unread);
    let as_of = options.snapshot.map_or(options.today, |snapshot| snapshot.state().date);
    // What an advisory would say of it is missing, which only those miss who ask.
    if options.kinds.contains(Kind::Vulnerability) {
        gaps.extend(inspection.end_of_life_gap(as_of));
    }
    progress.step("match");
    let matched = match_advisories(&inspection, options, &mut gaps);
    assemble(documents, &config, options, inspection, matched, gaps)
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

fn anomaly(by: &str, at: String, detail: String) -> Gap {
    Gap { reason: GapReason::Anomaly, by: by.into(), at, detail }
}

fn match_advisories(
    inspection: &Inspection,
    options: &ScanOptions<'_>,
    gaps: &mut Vec<Gap>,
) -> Vec<Finding> {
    if !options.kinds.contains(Kind::Vulnerability) {
        return Vec::new();
    }
    gaps.extend(feed_gap(options.snapshot, options.today));
    let Some(snapshot) = options.snapshot else { return Vec::new() };
    let matched = match_packages(&inspection.packages, snapshot, &options.context);
    gaps.extend(matched.gaps);
    matched.findings
}

/// What the feed as a whole cannot answer: it is missing, or old.
fn feed_gap(snapshot: Option<&Snapshot>, today: Timestamp) -> Option<Gap> {
    match snapshot {
        Some(snapshot) => staleness_gap(&snapshot.state(), today),
        None => Some(Gap {
            reason: GapReason::FeedMissing,
            by: MATCH_STEP.into(),
            at: String::new(),
            detail: "there is no feed: packages were not matched with advisories".into(),
        }),
    }
}

const MATCH_STEP: &str = "match";

/// The gaps that a scan of these packages has because of the feed, besides those of single packages.
#[must_use]
pub fn gaps_of_matching(
    packages: &[&Package],
    snapshot: Option<&Snapshot>,
    stale_scores: bool,
    today: Timestamp,
) -> Vec<Gap> {
    let mut gaps: Vec<Gap> = feed_gap(snapshot, today).into_iter().collect();
    if let Some(snapshot) = snapshot {
        gaps.extend(gaps_of_all(packages, snapshot, stale_scores));
    }
    gaps
}

/// Whether a gap of a report is one of [`gaps_of_matching`] or of matching a single package.
#[must_use]
pub fn is_gap_of_matching(gap: &Gap) -> bool {
    [MATCHER, "feed", "epss"].contains(&gap.by.as_str())
        || (gap.by == MATCH_STEP && gap.reason == GapReason::FeedMissing)
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
    gaps.extend(cut(&mut findings, options.budget));
    gaps.extend(inspection.gaps);
    let mut ran = inspection.ran;
    if options.snapshot.is_some() {
        ran.push(MATCH_STEP.to_owned());
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
    let left_out = options.kinds.left_out().collect();
    let coverage = Coverage { left_out, ..Coverage::new(ran, gaps) };
    let build = inspection.build;
    Report { image, coverage, feed, packages, findings, build, ignore_rules: Vec::new() }
}

/// Drops what is beyond the limit of findings, the least urgent.
fn cut(findings: &mut Vec<Finding>, budget: &Budget) -> Option<Gap> {
    let (count, limit) = (findings.len(), budget.max_findings);
    findings.truncate(limit);
    (count > limit).then(|| Gap {
        reason: GapReason::BudgetReached,
        by: "match".into(),
        at: String::new(),
        detail: format!(
            "findings of the image: the limit of {limit} is reached (`max_findings`); the least urgent of {count} are left out"
        ),
    })
}

/// Takes a value out of a mutex; a thread that panicked while holding it changes nothing about the value's use here.
fn into_inner<T>(mutex: Mutex<T>) -> T {
    mutex.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}
