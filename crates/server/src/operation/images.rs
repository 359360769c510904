//! Images with their numbers.
//!
//! In: filters. Out: one page of the risk list, one image, its report. Odd: an image that was never scanned has no
//! `risk_level`, which is not level 0.

use plimsoll_model::{Digest, ImageReference, Report, RiskCounters, Timestamp, Verdict};
use plimsoll_scanner::{Decision, Policy, PolicyVerdict, decide, policy::Reason};
use plimsoll_store::{
    Enqueued, ImageRisk, ImageRiskQuery, ImageRow, KeptVerdict, Origin, RiskFilter, Store,
    StoreError, TaskStatus,
};
use serde::{Deserialize, Serialize};

use super::{ListMeta, OperationError};

/// Which images to list. Filters are combined with "and".
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ListImages {
    /// Each word must stand in the reference or registry name, or begin a digest, image id or uuid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The registry's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry: Option<String>,
    /// The repository's namespace, or that of a workload that runs the image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// A cluster in which the image runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// An application as which the image runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// `high`, `medium`, `low`, `none` or `not-scanned`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<RiskWord>,
    /// `pass`, `warn` or `deny`: what the server's policy says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyVerdict>,
    /// Number of the page, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Entries of a page, 1 to 500; 50 unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_size: Option<u32>,
}

/// A risk level in words.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RiskWord {
    /// Level 3.
    High,
    /// Level 2.
    Medium,
    /// Level 1.
    Low,
    /// Level 0.
    None,
    /// No successful scan.
    NotScanned,
}

impl std::str::FromStr for RiskWord {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "high" => Ok(Self::High),
            "medium" => Ok(Self::Medium),
            "low" => Ok(Self::Low),
            "none" => Ok(Self::None),
            "not-scanned" => Ok(Self::NotScanned),
            _ => Err(format!("`{word}` is not one of high, medium, low, none, not-scanned")),
        }
    }
}

/// How the scan of an image stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ScanView {
    /// `queued`, `running`, `done`, `failed`.
    pub state: String,
    /// How often it was tried since it was last queued.
    pub attempts: u32,
    /// Why the last attempt failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// One image.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ImageView {
    /// Stable id.
    pub uuid: String,
    /// `host/namespace/repository:tag`.
    pub image: String,
    /// The registry's name.
    pub registry: String,
    /// Namespace.
    pub namespace: String,
    /// Repository.
    pub repository: String,
    /// Tag.
    pub tag: String,
    /// What the tag names.
    pub digest: Digest,
    /// The platform's manifest.
    pub manifest_digest: Digest,
    /// Digest of the configuration.
    pub image_id: Digest,
    /// `linux/amd64`.
    pub platform: String,
    /// Bytes.
    pub size: u64,
    /// `PUBLIC` or `PRIVATE`.
    pub repo_type: String,
    /// When the tag last moved.
    pub updated: Timestamp,
    /// 3 high, 2 medium, 1 low, 0 none; absent before the first successful scan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk_level: Option<u8>,
    /// Sums over its findings.
    pub counters: RiskCounters,
    /// How completely the newest scan could look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Verdict>,
    /// What the server's policy says of it; absent where it has none, or has not looked yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyVerdict>,
    /// When it was last scanned with success.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scanned: Option<Timestamp>,
    /// How its scan stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scan: Option<ScanView>,
}

/// A part of the risk list.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ImageList {
    /// The images, worst first.
    pub images: Vec<ImageView>,
    /// How many there are.
    pub meta: ListMeta,
}

/// What became of a wish for a scan.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ScanRequested {
    /// `queued`, or `open` when it was queued or running already.
    pub state: String,
}

const PAGE_SIZE: u32 = 50;
const MOST: u32 = 500;

/// One page of the risk list.
///
/// # Errors
/// A parameter cannot be, or the database fails.
pub async fn list_images(store: &Store, request: &ListImages) -> Result<ImageList, OperationError> {
    let page_size = request.page_size.unwrap_or(PAGE_SIZE);
    if !(1..=MOST).contains(&page_size) {
        return Err(OperationError::invalid(
            "page_size",
            format!("{page_size} is not 1 to {MOST}"),
        ));
    }
    let page = request.page.unwrap_or(1);
    if page == 0 {
        return Err(OperationError::invalid("page", "pages are counted from 1"));
    }
    let query = ImageRiskQuery {
        page,
        page_size,
        cluster_id: request.cluster.clone(),
        namespace: request.namespace.clone(),
        app_name: request.app.clone(),
        image_name: None,
        registry: request.registry.clone(),
        risk: request.level.map(RiskFilter::from),
        policy: request.policy.map(kept),
        text: request.text.clone(),
    };
    let found = store.list_image_risk(&query).await?;
    let more = u64::from(page) * u64::from(page_size) < found.total;
    Ok(ImageList {
        images: found.items.iter().map(ImageView::of).collect(),
        meta: ListMeta { total: found.total, next: more.then(|| page.saturating_add(1)) },
    })
}

/// One image.
///
/// # Errors
/// There is none of that id, or the database fails.
pub async fn find_image(store: &Store, uuid: &str) -> Result<ImageView, OperationError> {
    let found = store.image_risk(uuid).await?;
    Ok(ImageView::of(&found.ok_or_else(|| unknown(uuid))?))
}

/// The report of an image; what ignore rules take out of its numbers is suppressed in it.
///
/// # Errors
/// There is no such image, it has no report yet, or the database fails.
pub async fn image_report(store: &Store, uuid: &str) -> Result<Report, OperationError> {
    find_row(store, uuid).await?;
    let report = store.image_report(uuid).await?;
    report
        .ok_or_else(|| OperationError::NotFound { what: "report of image", name: uuid.to_owned() })
}

/// What the server's policy says of an image: of its newest report, as of now.
///
/// # Errors
/// There is no policy or no such image, or the database fails.
pub async fn image_decision(
    store: &Store,
    policy: Option<&Policy>,
    uuid: &str,
    now: Timestamp,
) -> Result<DecisionView, OperationError> {
    let image = find_image(store, uuid).await?;
    let policy = policy.ok_or_else(|| OperationError::NotFound {
        what: "policy (`plimsoll serve --policy FILE`) for image",
        name: uuid.to_owned(),
    })?;
    let report = store.image_report(uuid).await?;
    Ok(DecisionView::of(policy, &image.image, report, now))
}

/// What a policy says of an image.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DecisionView {
    /// The image, as [`ImageView::image`].
    pub image: String,
    /// Verdict and reasons.
    #[serde(flatten)]
    pub decision: Decision,
}

impl DecisionView {
    /// Decides; an image that nobody could scan yet is denied, for nothing is known of it.
    pub(crate) fn of(policy: &Policy, image: &str, report: Option<Report>, now: Timestamp) -> Self {
        let place = image.parse::<ImageReference>().map(|name| name.place());
        let decision = match report {
            None => Decision {
                verdict: PolicyVerdict::Deny,
                reasons: vec![Reason {
                    verdict: PolicyVerdict::Deny,
                    rule: "require.coverage".to_owned(),
                    text: "the image is not scanned yet, so that nothing is known of it".to_owned(),
                }],
            },
            Some(mut report) => {
                policy.apply(now, &mut report);
                decide(policy, &report, place.ok().as_deref())
            }
        };
        Self { image: image.to_owned(), decision }
    }
}

/// Asks for a scan before all that is only scheduled.
///
/// # Errors
/// There is no such image, a build reported it, or the database fails.
pub async fn scan_image(
    store: &Store,
    uuid: &str,
    now: Timestamp,
) -> Result<ScanRequested, OperationError> {
    let image = find_row(store, uuid).await?;
    let state = match queue_scan(store, &image, now).await? {
        Some(Enqueued::Queued) => "queued",
        Some(Enqueued::Open) => "open",
        Some(Enqueued::Unknown) => return Err(unknown(uuid)),
        None => {
            let why = "a build reported it, and its next report is its next scan: `plimsoll scan --report-to`";
            return Err(OperationError::invalid("image", why));
        }
    };
    Ok(ScanRequested { state: state.to_owned() })
}

/// Queues a person's scan of an image; `None`: a build reported it, and nothing can be fetched.
///
/// # Errors
/// The database fails.
pub(crate) async fn queue_scan(
    store: &Store,
    image: &ImageRow,
    now: Timestamp,
) -> Result<Option<Enqueued>, StoreError> {
    let registry = store.registry_by_id(image.registry_id).await?;
    if registry.is_some_and(|registry| registry.settings.is_of_builds()) {
        return Ok(None);
    }
    store.enqueue(&image.manifest_digest, Origin::User, now).await.map(Some)
}

async fn find_row(store: &Store, uuid: &str) -> Result<ImageRow, OperationError> {
    store.image(uuid).await?.ok_or_else(|| unknown(uuid))
}

fn unknown(uuid: &str) -> OperationError {
    OperationError::NotFound { what: "image", name: uuid.to_owned() }
}

/// As the store keeps it.
pub(crate) const fn kept(verdict: PolicyVerdict) -> KeptVerdict {
    match verdict {
        PolicyVerdict::Pass => KeptVerdict::Pass,
        PolicyVerdict::Warn => KeptVerdict::Warn,
        PolicyVerdict::Deny => KeptVerdict::Deny,
    }
}

const fn said(verdict: KeptVerdict) -> PolicyVerdict {
    match verdict {
        KeptVerdict::Pass => PolicyVerdict::Pass,
        KeptVerdict::Warn => PolicyVerdict::Warn,
        KeptVerdict::Deny => PolicyVerdict::Deny,
    }
}

impl From<RiskWord> for RiskFilter {
    fn from(word: RiskWord) -> Self {
        match word {
            RiskWord::High => Self::Level(3),
            RiskWord::Medium => Self::Level(2),
            RiskWord::Low => Self::Level(1),
            RiskWord::None => Self::Level(0),
            RiskWord::NotScanned => Self::NotScanned,
        }
    }
}

impl ScanView {
    fn of(task: &TaskStatus) -> Self {
        Self {
            state: task.state.as_str().to_owned(),
            attempts: task.attempts,
            error: task.error.clone(),
        }
    }
}

impl ImageView {
    fn of(risk: &ImageRisk) -> Self {
        let image = &risk.image;
        let authority = risk.registry.settings.authority();
        Self {
            uuid: image.uuid.clone(),
            image: format!("{authority}/{}:{}", image.path(), image.tag),
            registry: risk.registry.settings.name.clone(),
            namespace: image.namespace.clone(),
            repository: image.repository.clone(),
            tag: image.tag.clone(),
            digest: image.digest,
            manifest_digest: image.known_digest(),
            image_id: image.image_id,
            platform: risk.platform.clone(),
            size: image.size,
            repo_type: image.repo_type.as_str().to_owned(),
            updated: image.updated,
            risk_level: risk.scanned.map(|_| risk.counters.risk_level()),
            counters: risk.counters,
            coverage: risk.verdict,
            policy: risk.policy.map(said),
            scanned: risk.scanned,
            scan: risk.task.as_ref().map(ScanView::of),
        }
    }
}
