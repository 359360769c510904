//! What sources say of a vulnerability in a package, and how a match came about.
//!
//! In: statements of advisories, trackers and VEX documents. Out: [`View`], [`Suppression`] and [`Why`], the parts of a
//! vulnerability's [`Finding`](crate::Finding) that make it checkable. Source: `docs/semantics.md`, "Who decides". Odd: a view is what
//! its source says, whatever came of it; only the finding's own status is the answer.

use serde::{Deserialize, Serialize};

use crate::{finding::Status, timestamp::Timestamp};

/// What one source says of one vulnerability in one package.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct View {
    /// Who says so, as among the feed's sources: `osv/Debian`, `debian-tracker/Debian`; assessors of a CVE by their name, `NVD`.
    pub source: String,
    /// Id of the advisory, record or document.
    pub advisory: String,
    /// When it was last changed, as far as it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<Timestamp>,
    /// Where a person reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Where else more is said: a vendor's advisory, a patch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
    /// What it says of the installed version; `None` for a source that only rates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// First version that it calls fixed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixed: Option<String>,
    /// Its own word for how bad it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    /// Its CVSS vectors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cvss: Vec<String>,
    /// Why it is not affected, as one of VEX's words (`vulnerable_code_not_present`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub justification: Option<String>,
    /// The source's own words on the status: a note, an impact statement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// Why a finding does not count.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Suppression {
    /// Whose word it is: the source of the deciding view.
    pub by: String,
    /// Id of the advisory or document that says so.
    pub advisory: String,
    /// The reason, as one sentence.
    pub reason: String,
    /// Who decided it and until when, if an ignore rule did: then the finding is there, and somebody decided to live with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignored: Option<IgnoredBy>,
}

/// Whose decision an ignore rule is.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct IgnoredBy {
    /// Who decided it.
    pub author: String,
    /// Until when it holds; `None`: until it is taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
}

/// How one match came about: everything that is needed to check it by hand.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Why {
    /// Id of the advisory.
    pub advisory: String,
    /// Where it comes from, as in [`View::source`].
    pub source: String,
    /// When the advisory was last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<Timestamp>,
    /// The affected versions that hold the installed one: `[0, 3.0.14-1)`.
    pub range: String,
    /// The comparison that was made: `3.0.11-1 < 3.0.14-1 by dpkg`.
    pub comparison: String,
    /// What was compared: `libssl3 3.0.11-1 (source openssl 3.0.11-1)`.
    pub package: String,
}
