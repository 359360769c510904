//! What subscribers are told, the same for all channels.
//!
//! In: what the store says of a message. Out: [`Event`], which is kept as JSON from the first attempt on, so that each attempt says
//! the same. Odd: it is the `data` of webhooks, so its fields are promises: `docs/notifications.md`.

use plimsoll_model::{Priority, RiskCounters, Timestamp};
use serde::{Deserialize, Serialize};

/// What an event is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum EventKind {
    /// A refresh of the fleet.
    Changed,
    /// What was gathered for the day.
    Digest,
    /// Images that were scanned for the first time.
    Scanned,
    /// A sample.
    Test,
}

/// Something to tell.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Event {
    /// The same in every attempt.
    pub id: String,
    /// What it is about.
    pub kind: EventKind,
    /// When it was queued.
    pub time: Timestamp,
    /// Who is told.
    pub subscription: String,
    /// Address of the console, for links.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub console: Option<String>,
    /// What is told.
    pub news: News,
}

/// The `data` of an event.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct News {
    /// Digest of the advisory snapshot before, and since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot_before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    /// Most urgent first.
    pub vulnerabilities: Vec<VulnerabilityNews>,
    /// How many there are besides.
    pub more_vulnerabilities: u64,
    /// Images that were scanned for the first time and have what must be fixed as soon as possible.
    pub new_images: Vec<ImageNews>,
    /// How many there are besides.
    pub more_new_images: u64,
}

/// What changed about one vulnerability.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct VulnerabilityNews {
    /// CVE or advisory id.
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix_version: Option<String>,
    /// Its highest priority in any package before, and since.
    pub priority_before: Option<Priority>,
    pub priority: Option<Priority>,
    /// Images that have it; of them, those that are hit newly; those that no longer have it.
    pub images: u64,
    pub newly: u64,
    pub cleared: u64,
    /// Some of the images: those that are hit newly or, where none is, those that have it.
    pub named: Vec<ImageName>,
    /// Its page in the console.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// An image by its name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct ImageName {
    pub registry: String,
    /// `namespace/repository:tag`.
    pub image: String,
    pub uuid: String,
    pub digest: String,
}

/// An image that was scanned for the first time.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct ImageNews {
    #[serde(flatten)]
    pub name: ImageName,
    pub counters: RiskCounters,
    /// Its page in the console.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

impl Event {
    /// The type of a CloudEvent.
    pub(super) const fn type_name(&self) -> &'static str {
        match self.kind {
            EventKind::Changed => "plimsoll.vulnerabilities.changed",
            EventKind::Digest => "plimsoll.digest",
            EventKind::Scanned => "plimsoll.images.scanned",
            EventKind::Test => "plimsoll.test",
        }
    }
}
