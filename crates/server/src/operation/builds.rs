//! What builds report of the images that they made.
//!
//! In: an image's name, where it was built, and the report of a scan there. Out: an image of the builds' registry, judged by this
//! server's advisories, VEX documents and policy. Source: the contract's registries of the type `CI/CD`. Odd:
//! * The build's own findings of vulnerabilities, its ignore rules and its licence policy are left behind: what counts is decided
//!   here. Packages, failed checks, malicious and sensitive files are its word, since the image is not fetched.
//! * A report in which kinds of risk were left out is refused: it would pass for one in which there are none.

pub(crate) mod white_list;

use plimsoll_model::{
    Coverage, ImageReference, Kind, Platform, Report, RiskCounters, Subject, Verdict,
};
use plimsoll_scanner::{Decision, is_gap_of_matching};
use plimsoll_store::{BuildOrigin, BuiltImage, RecordedBuild, Store, TokenBearer};
use serde::{Deserialize, Serialize};

use super::{
    OperationError,
    images::{DecisionView, find_image},
    registries::refusal,
};
use crate::context::Context;

/// The longest text of a build's origin, in bytes.
const LONGEST_TEXT: usize = 1_024;
/// Packages and findings of one report; real images have a tenth of it.
const MOST_ENTRIES: usize = 200_000;

/// What a build reports.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportBuild {
    /// Path of the repository: `team/app`.
    pub repository: String,
    /// The tag.
    pub tag: String,
    /// Which build it was.
    pub build: BuildOrigin,
    /// Program and rules that looked: `plimsoll 0.1.0 …`.
    pub scanner: String,
    /// What it found.
    pub report: Report,
}

/// What the server makes of it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ReportedBuild {
    /// Stable id of the image.
    pub uuid: String,
    /// `host/namespace/repository:tag`, as lists show it.
    pub image: String,
    /// Sums over what counts.
    pub counters: RiskCounters,
    /// How completely was looked.
    pub coverage: Option<Verdict>,
    /// What the server's policy says; absent where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Decision>,
}

/// Takes a build's report in.
///
/// # Errors
/// A parameter cannot be, the registry takes none, the advisories are being exchanged, or the database fails.
pub async fn report_build(
    context: &Context,
    bearer: &TokenBearer,
    request: ReportBuild,
) -> Result<ReportedBuild, OperationError> {
    check(&request)?;
    let store = &context.store;
    let registry = store.registry_by_id(bearer.registry_id).await?;
    let registry = registry.ok_or_else(|| OperationError::NotFound {
        what: "registry",
        name: bearer.registry.clone(),
    })?;
    if !registry.settings.is_of_builds() {
        let why = format!(
            "`{}` is watched itself; builds report to one of the type CI/CD \
             (`plimsoll registry add NAME URL --reported-type CI/CD`)",
            bearer.registry
        );
        return Err(OperationError::invalid("registry", why));
    }
    let identity = &request.report.image;
    let (Some(digest), Some(image_id)) =
        (identity.digest.or(identity.id), identity.id.or(identity.digest))
    else {
        let why = "it has no digest: a folder, a bare layer or an SBOM is no image";
        return Err(OperationError::invalid("report.image", why));
    };
    let platform = identity.platform.clone().unwrap_or_else(|| Platform {
        os: "linux".into(),
        architecture: "amd64".into(),
        variant: None,
    });
    let judge = context.judge();
    let name = format!("{}/{}:{}", registry.settings.authority(), request.repository, request.tag);
    let report = as_here(request.report, name, &judge);
    let detectors_version = format!("build: {}", request.scanner);
    let built = BuiltImage {
        path: &request.repository,
        tag: &request.tag,
        digest,
        image_id,
        platform: &platform,
        report: &report,
        detectors_version: &detectors_version,
        origin: &request.build,
    };
    let now = context.clock.now();
    let recorded = store.record_build(&registry, built, &judge, now).await.map_err(refusal)?;
    let uuid = match recorded {
        RecordedBuild::Stored { uuid } => uuid,
        RecordedBuild::Inconsistent => {
            let why = "places in it are in layers that the image does not have";
            return Err(OperationError::invalid("report", why));
        }
        RecordedBuild::OtherSnapshot => return Err(OperationError::Busy),
    };
    let image = find_image(store, &uuid).await?;
    let policy = match &context.policy {
        Some(policy) => {
            let report = store.image_report(&uuid).await?;
            Some(DecisionView::of(policy, &image.image, report, now).decision)
        }
        None => None,
    };
    tracing::info!(
        registry.name = bearer.registry,
        image.repository = request.repository,
        image.tag = request.tag,
        build.system = request.build.system,
        packages = report.packages.len(),
        "build reported"
    );
    Ok(ReportedBuild {
        image: image.image,
        counters: image.counters,
        coverage: image.coverage,
        policy,
        uuid,
    })
}

/// Which build made an image.
///
/// # Errors
/// None reported it, or the database fails.
pub async fn build_of(store: &Store, uuid: &str) -> Result<BuildOrigin, OperationError> {
    let origin = store.build_of(uuid).await?;
    origin.ok_or_else(|| OperationError::NotFound { what: "build of image", name: uuid.to_owned() })
}

fn check(request: &ReportBuild) -> Result<(), OperationError> {
    if !ImageReference::is_repository(&request.repository) {
        let why = format!("`{}` is not a repository such as team/app", request.repository);
        return Err(OperationError::invalid("repository", why));
    }
    if !ImageReference::is_tag(&request.tag) {
        let why = format!("`{}` is not a tag", request.tag);
        return Err(OperationError::invalid("tag", why));
    }
    let build = &request.build;
    let texts = [&build.job, &build.build, &build.url, &build.commit, &build.branch];
    let texts = texts.into_iter().flatten().chain([&build.system, &request.scanner]);
    for text in texts {
        if text.len() > LONGEST_TEXT || text.chars().any(char::is_control) {
            let why = format!("a text is longer than {LONGEST_TEXT} bytes or has a line break");
            return Err(OperationError::invalid("build", why));
        }
    }
    if build
        .url
        .as_ref()
        .is_some_and(|url| !(url.starts_with("https://") || url.starts_with("http://")))
    {
        return Err(OperationError::invalid("build", "`url` is no address of the web"));
    }
    let report = &request.report;
    if report.packages.len().max(report.findings.len()) > MOST_ENTRIES {
        let why = format!("it has more than {MOST_ENTRIES} packages or findings");
        return Err(OperationError::invalid("report", why));
    }
    if !report.coverage.left_out.is_empty() {
        let why = "kinds of risk were left out: scan without `--kinds`";
        return Err(OperationError::invalid("report", why));
    }
    if report.coverage.verdict == Verdict::Unreadable {
        let why = "the image could not be read, so that nothing is known of it";
        return Err(OperationError::invalid("report", why));
    }
    Ok(())
}

/// The report without what is decided here.
fn as_here(report: Report, name: String, judge: &dyn plimsoll_store::Judge) -> Report {
    let Report { mut image, coverage, mut packages, mut findings, build, .. } = report;
    image.name = name;
    packages.sort_by(|a, b| a.sort_key().cmp(&b.sort_key()));
    findings.retain(|finding| match finding.kind {
        Kind::Vulnerability | Kind::License => false,
        Kind::Malware => !matches!(finding.subject, Subject::Purl(_)),
        _ => true,
    });
    for finding in &mut findings {
        if finding.is_ignored() {
            finding.suppressed = None;
        }
    }
    findings.sort_by(|a, b| a.compare_urgency(b));
    let gaps = coverage.gaps.into_iter().filter(|gap| !is_gap_of_matching(gap)).collect();
    let coverage = Coverage::new(coverage.ran, gaps);
    Report {
        image,
        coverage,
        feed: judge.feed(),
        packages,
        findings,
        build,
        ignore_rules: Vec::new(),
    }
}
