//! What a scan says of one image.
//!
//! In: everything that was found. Out: [`Report`], from which every format, counter and API answer is made. Odd: it holds
//! no wall-clock time, so that the same image and snapshot always give the same bytes.

use serde::{Deserialize, Serialize};

use crate::{
    build::BuildStep, coverage::Coverage, digest::Digest, finding::Finding, ignore::IgnoreUse,
    package::Package, platform::Platform, timestamp::Timestamp,
};

/// Which image a report is about.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ImageIdentity {
    /// As it was asked for: a reference, a file name, a folder.
    pub name: String,
    /// How it was read: `registry`, `oci-layout`, `docker-archive`, `rootfs`, `layer-tar`, `sbom`,
    /// `containers-storage`, `docker-daemon`, `registry-contents` (parts of layers); `unknown` when that was not even tried.
    pub source: String,
    /// Digest of the platform's manifest; `None` where the source has no manifest.
    pub digest: Option<Digest>,
    /// Digest of the configuration, which is Docker's image id.
    pub id: Option<Digest>,
    /// The image's platform, where its configuration names one.
    pub platform: Option<Platform>,
    /// Configuration plus compressed layers, in bytes, as the manifest states them; 0 for a folder.
    pub size: u64,
    /// Blob digests of the layers, bottom first.
    pub layers: Vec<Digest>,
    /// `PRETTY_NAME` of the distribution, or what it was recognised as.
    pub distribution: Option<String>,
}

/// One source in a snapshot.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct FeedSource {
    /// `osv/Debian`, `kev`, `epss`.
    pub name: String,
    /// How many records it contributed.
    pub records: u64,
    /// Newest `modified` among them, or the date that the source gives itself.
    pub date: Timestamp,
}

/// Which advisory data a report rests on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FeedState {
    /// Digest of the snapshot's content.
    pub snapshot: Digest,
    /// The snapshot's own date, at which priorities are evaluated: the newest of its sources' dates.
    pub date: Timestamp,
    /// Whether this is the small built-in feed.
    pub starter: bool,
    /// What is in it, sorted by name.
    pub sources: Vec<FeedSource>,
}

/// What a scan says of one image.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Report {
    /// Which image.
    pub image: ImageIdentity,
    /// How completely we could look.
    pub coverage: Coverage,
    /// Which advisory data; `None` when there was none, which is a gap.
    pub feed: Option<FeedState>,
    /// What is installed, sorted by [`Package::sort_key`].
    pub packages: Vec<Package>,
    /// What is wrong, most urgent first ([`Finding::compare_urgency`]).
    pub findings: Vec<Finding>,
    /// How it was built, as its history tells, oldest step first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub build: Vec<BuildStep>,
    /// The ignore rules that were given, in their order, and what each did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignore_rules: Vec<IgnoreUse>,
}
