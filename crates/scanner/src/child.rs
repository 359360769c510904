//! A scan in a process of its own, which may read the image and nothing else.
//!
//! In: an image and how to scan it. Out: what [`scan`](crate::scan()) returns, whatever becomes of the process. Source:
//! `docs/decisions/0006-hostile-bytes-in-a-child.md`. Odd:
//! * The whole scan runs in the child; the parent keeps credentials, network, cache and spool, and hands over open files.
//! * A child that dies costs the file that it died of, not the image, and never the parent: the next attempt leaves that
//!   file out, which the report says.
//! * Reports are the same as without a child. What confines it is a property of the machine and stands in no report.

mod attempt;
mod board;
mod broker;
mod death;
mod fault;
mod inside;
mod known;
mod launch;
mod level;
mod limits;
mod list;
mod parent;
mod probe;
mod reach;
mod stream;
mod vex;
mod watch;
mod wire;

use std::{io, path::Path, time::Instant};

use plimsoll_advisory::MatchContext;
use plimsoll_image::{BlobSource, Budget, InputKind, LayerSource, StoredImage};
use plimsoll_model::{
    Coverage, Gap, GapReason, ImageIdentity, Kind, Kinds, Platform, Report, Timestamp,
};

use broker::{Observers, Outcome, Plan, attempt};
use death::{Remedy, remedy};
use known::Known;
use wire::Refusal;

pub use self::{
    attempt::{Attempt, Confined},
    inside::run as run_child,
    launch::Launcher,
    level::Level,
    limits::ChildLimits,
    list::{Listed, list_in_child},
    probe::{Tried, probe, try_attempt},
    vex::{VexOutcome, read_vex_in_child},
};
use crate::{NoProgress, Progress, Rules, Scanned, scan::rules_version};

/// Attempts after the first.
const MAX_RETRIES: usize = 3;

/// How the process of a scan is made and kept in check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Isolation {
    /// Which program is started.
    pub launcher: Launcher,
    /// Limits of the process.
    pub limits: ChildLimits,
    /// Whether nothing is read on a machine that lacks a part of the sandbox.
    pub is_sandbox_required: bool,
}

/// What is to be scanned, and how.
#[derive(Clone, Copy)]
pub struct ChildScan<'a> {
    /// The image.
    pub target: Target<'a>,
    /// File with the advisory data; without it the report has packages and checks, and a gap.
    pub snapshot: Option<&'a Path>,
    /// What is known of layers; without it every layer is read.
    pub cache: Option<&'a crate::LayerCache>,
    /// Limits of what is read.
    pub budget: &'a Budget,
    /// As [`ScanOptions::today`](crate::ScanOptions::today).
    pub today: Timestamp,
    /// How many layers are read at once, at least 1.
    pub threads: usize,
    /// Exposure and importance of the image.
    pub context: MatchContext,
    /// As [`ScanOptions::kinds`](crate::ScanOptions::kinds).
    pub kinds: Kinds,
    /// Rules for malicious files; without them nothing is said of those.
    pub rules: Option<&'a Rules>,
}

/// The image, and who reads its bytes from where they lie.
#[derive(Clone, Copy)]
pub enum Target<'a> {
    /// A file or folder of this machine, which the child opens.
    Local {
        /// As for [`open_path`](plimsoll_image::open_path).
        path: &'a Path,
        /// What it is, if not what it looks like.
        kind: Option<InputKind>,
        /// Which of several platforms.
        platform: &'a Platform,
        /// Whether an image of another platform is refused.
        is_platform_required: bool,
    },
    /// An image whose blobs the parent hands over.
    Remote(&'a dyn BlobSource),
    /// An image in a store of this machine, whose layers' folders the child opens.
    Stored(&'a StoredImage),
}

impl Target<'_> {
    /// A pipe or a device is nothing that a child could open again.
    fn check(&self) -> Result<(), ChildError> {
        let Self::Local { path, .. } = self else { return Ok(()) };
        match path.metadata() {
            Ok(metadata) if !metadata.is_file() && !metadata.is_dir() => {
                let problem = format!("{}: is neither a file nor a folder", path.display());
                Err(ChildError::Image(problem))
            }
            _ => Ok(()),
        }
    }
}

/// A report, and what confined the process that made it.
#[derive(Debug)]
pub struct ChildScanned {
    /// As without a child.
    pub scanned: Scanned,
    /// What confined it; `None` when no process lived long enough to say, and when none was needed because nothing of the
    /// image changed since it was last scanned.
    pub level: Option<Level>,
}

/// Why there is not even a report that says UNREADABLE.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    /// The process or what it needs could not be made: a matter of this machine, perhaps of this moment.
    #[error("a process for the scan could not be started")]
    Start(#[from] io::Error),
    /// The image cannot be opened.
    #[error("{0}")]
    Image(String),
    /// The image is for another platform than was asked for.
    #[error("{0}")]
    Platform(String),
    /// The advisory snapshot cannot be opened.
    #[error("{0}")]
    Snapshot(String),
    /// The rules for malicious files cannot be opened, or changed while the scan began.
    #[error("{0}")]
    Rules(String),
    /// This machine lacks a part of the sandbox that was required, or refuses it.
    #[error("the sandbox cannot be had: {0}")]
    Sandbox(String),
    /// The process that listed the image's files died.
    #[error("the process that read the image {0}")]
    Died(String),
    /// The list of the image's files could not be written.
    #[error("the list cannot be written")]
    Output(#[source] io::Error),
    /// The scan was told to stop.
    #[error("the scan was stopped")]
    Stopped,
}

impl From<Refusal> for ChildError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Image(problem) => Self::Image(problem),
            Refusal::Platform(problem) => Self::Platform(problem),
            Refusal::Snapshot(problem) => Self::Snapshot(problem),
            Refusal::Rules(problem) => Self::Rules(problem),
            Refusal::Sandbox(problem) => Self::Sandbox(problem),
            Refusal::Setup(problem) => Self::Start(io::Error::other(problem)),
        }
    }
}

/// Scans an image in a process of its own, at most [`ChildLimits::wall`] long.
///
/// Must be called from a thread that lives as long as the scan: the child dies with the thread that started it.
/// `is_stopped` is asked several times a second.
///
/// # Errors
/// [`ChildError`]. Whatever is wrong with the image's layers, or becomes of the process, is in the report.
pub fn scan_in_child(
    isolation: &Isolation,
    request: &ChildScan<'_>,
    progress: &dyn Progress,
    is_stopped: &dyn Fn() -> bool,
) -> Result<ChildScanned, ChildError> {
    request.target.check()?;
    let rules = request.rules.filter(|_| request.kinds.contains(Kind::Malware));
    let snapshot = request.snapshot.filter(|_| request.kinds.contains(Kind::Vulnerability));
    let version = rules_version(rules.map(Rules::version), request.kinds);
    let cache = request.cache.map(|cache| cache.for_rules(&version));
    let request = &ChildScan { cache: cache.as_ref(), rules, snapshot, ..*request };
    let known = Known::of(request, isolation.is_sandbox_required);
    if let Some(scanned) = known.as_ref().and_then(|known| known.scanned(request, progress)) {
        return Ok(ChildScanned { scanned: scanned?, level: None });
    }
    let limits = &isolation.limits;
    let deadline = Instant::now() + limits.wall;
    let mut left_out = Vec::new();
    let mut threads = request.threads;
    for number in 0..=MAX_RETRIES {
        let progress = if number == 0 { progress } else { &NoProgress };
        let known = known.as_ref();
        let plan = Plan { left_out: &left_out, threads, deadline, known, listing: None };
        let observers = Observers { progress, is_stopped, output: &mut io::sink() };
        let (cause, identity, board) = match attempt(isolation, request, &plan, observers)? {
            Outcome::Report { scanned, level } => {
                if let Some(known) = known {
                    known.keep(request, &scanned);
                }
                return Ok(ChildScanned { scanned: *scanned, level: Some(level) });
            }
            Outcome::Refused(refusal) => return Err(refusal.into()),
            Outcome::Stopped => return Err(ChildError::Stopped),
            Outcome::NotWritten(error) => return Err(ChildError::Output(error)),
            Outcome::Listing { .. } => {
                let problem = "a listing in a report's place";
                return Err(ChildError::Start(io::Error::other(problem)));
            }
            Outcome::Died { cause, identity, board } => (cause, identity, board),
        };
        match remedy(&cause, &board, limits, threads == 1) {
            Remedy::LeaveOut(one) if number < MAX_RETRIES => left_out.push(one),
            Remedy::OneByOne if number < MAX_RETRIES => threads = 1,
            _ => return Ok(unreadable(request, identity, &cause.sentence(limits))),
        }
    }
    Ok(unreadable(request, None, "died again and again"))
}

/// The report of an image that no process could read to its end.
fn unreadable(
    request: &ChildScan<'_>,
    identity: Option<Box<ImageIdentity>>,
    ending: &str,
) -> ChildScanned {
    let image = identity.map(|identity| *identity).unwrap_or_else(|| match request.target {
        Target::Remote(source) => inside::identity(source.documents()),
        Target::Stored(image) => inside::identity(image.documents()),
        Target::Local { path, kind, .. } => ImageIdentity {
            name: path.display().to_string(),
            source: kind.map_or("unknown", InputKind::name).to_owned(),
            digest: None,
            id: None,
            platform: None,
            size: 0,
            layers: Vec::new(),
            distribution: None,
        },
    });
    let gap = Gap {
        reason: GapReason::UnreadableImage,
        by: "sandbox".to_owned(),
        at: String::new(),
        detail: format!("the process that read the image {ending}"),
    };
    let report = Report {
        image,
        coverage: Coverage {
            left_out: request.kinds.left_out().collect(),
            ..Coverage::new(Vec::new(), vec![gap])
        },
        feed: None,
        packages: Vec::new(),
        findings: Vec::new(),
        build: Vec::new(),
        ignore_rules: Vec::new(),
    };
    ChildScanned { scanned: Scanned { report, interrupted: None }, level: None }
}
