//! What feeds say, gathered: advisories and per-CVE signals, before they are compiled into a snapshot.
//!
//! In: records that the feeds read, in any order. Out: one advisory per feed and id and one signal row per CVE, complete and
//! resolved. Source: OSV schema 1.7, "id", "modified", "aliases", "upstream". Odd: texts are interned, since the same names,
//! versions and ids stand in hundreds of thousands of entries; of several copies of a record the newest `modified` wins,
//! whatever the order in which they come.

mod parts;
mod resolve;
mod sources;
mod symbols;

use std::collections::{BTreeMap, HashMap};

use plimsoll_model::{Status, Timestamp};

use crate::priority::{Epss, Exploitation, VendorSeverity};

pub(crate) use symbols::{Symbol, Symbols};

/// An event of an OSV range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum EventKind {
    Introduced,
    Fixed,
    LastAffected,
    Limit,
}

/// Whose word counts more where two sources contradict each other about one vulnerability in one package.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Authority {
    /// An announcement: what a new version fixes, often several vulnerabilities at once.
    #[default]
    Advisory,
    /// The vendor's register, kept up to date vulnerability by vulnerability.
    Tracker,
    /// An assessment of this product by somebody who looked.
    Vex,
}

/// What an advisory says of one package: which versions its status is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Affected {
    pub(crate) ecosystem: Symbol,
    pub(crate) name: Symbol,
    pub(crate) release: Option<Symbol>,
    pub(crate) ranges: Vec<Vec<(EventKind, Symbol)>>,
    pub(crate) versions: Vec<Symbol>,
    /// What is said of the versions in the ranges; `None` is the same as affected. Whoever is not affected says so of versions
    /// too, all of them being one range.
    pub(crate) status: Option<Status>,
    pub(crate) severity: Option<VendorSeverity>,
    pub(crate) cvss: Vec<Symbol>,
    /// One of VEX's words.
    pub(crate) justification: Option<Symbol>,
    /// The source's own words on the status.
    pub(crate) text: Option<Symbol>,
    /// Module stream, `nodejs:18`, where it is said of this package alone.
    pub(crate) module: Option<Symbol>,
}

/// One record, whatever its feed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Advisory {
    pub(crate) modified: Timestamp,
    pub(crate) id: Symbol,
    /// Whether `modified` is its own word. Else it is a day that it cannot be older than.
    pub(crate) is_dated: bool,
    /// Id of the feed that it comes from.
    pub(crate) source: Symbol,
    pub(crate) authority: Authority,
    pub(crate) published: Option<Timestamp>,
    pub(crate) is_withdrawn: bool,
    pub(crate) is_malicious: bool,
    pub(crate) is_disputed: bool,
    /// A bug fix or an enhancement of a distribution, which no vulnerability is.
    pub(crate) is_no_vulnerability: bool,
    pub(crate) has_proof_of_concept: bool,
    pub(crate) is_weaponised: bool,
    /// The CVEs that it is about.
    pub(crate) cves: Vec<Symbol>,
    /// Other ids of what it is about.
    pub(crate) aliases: Vec<Symbol>,
    pub(crate) title: Symbol,
    pub(crate) cvss: Vec<Symbol>,
    pub(crate) severity: Option<VendorSeverity>,
    pub(crate) cwe: Vec<u32>,
    /// Module stream, `nodejs:18`.
    pub(crate) module: Option<Symbol>,
    pub(crate) affected: Vec<Affected>,
}

impl Advisory {
    /// One of which nothing more is known.
    pub(crate) const fn new(
        id: Symbol,
        source: Symbol,
        title: Symbol,
        modified: Timestamp,
    ) -> Self {
        Self {
            modified,
            id,
            source,
            title,
            is_dated: true,
            authority: Authority::Advisory,
            published: None,
            is_withdrawn: false,
            is_malicious: false,
            is_disputed: false,
            is_no_vulnerability: false,
            has_proof_of_concept: false,
            is_weaponised: false,
            cves: Vec::new(),
            aliases: Vec::new(),
            cvss: Vec::new(),
            severity: None,
            cwe: Vec::new(),
            module: None,
            affected: Vec::new(),
        }
    }
}

/// Where more is said about a CVE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Link {
    /// What is there: `vendor-advisory`, `patch`, `exploit`.
    pub(crate) tag: Symbol,
    pub(crate) url: Symbol,
}

/// Whether a CVE was rejected, as its newest record has it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Rejection {
    of: Option<Timestamp>,
    pub(crate) reason: Option<Symbol>,
}

impl Rejection {
    /// Takes what a record says, unless a newer one was read.
    pub(crate) fn put(&mut self, date: Timestamp, reason: Option<Symbol>) {
        if self.of.is_none_or(|known| known <= date) {
            *self = Self { of: Some(date), reason };
        }
    }
}

/// A row of CISA's catalogue.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct KnownExploited {
    /// Date of the catalogue that this row comes from.
    pub(crate) catalogue: Timestamp,
    pub(crate) added: Symbol,
    pub(crate) ransomware: bool,
}

/// All that is known of a CVE, whatever the package.
#[derive(Debug, Clone, Default)]
pub(crate) struct Signal {
    pub(crate) known_exploited: Option<KnownExploited>,
    /// With the day of the scores.
    pub(crate) epss: Option<(Timestamp, Epss)>,
    /// Who assigned it, and the vector.
    pub(crate) cvss: Vec<(Symbol, Symbol)>,
    pub(crate) cwe: Vec<u32>,
    pub(crate) exploitation: Option<Exploitation>,
    pub(crate) automatable: Option<bool>,
    pub(crate) total_impact: Option<bool>,
    /// When the CVE was published.
    pub(crate) published: Option<Timestamp>,
    /// When the first advisory on it was published.
    pub(crate) first_advisory: Option<Timestamp>,
    /// A row of a file of severities was read.
    pub(crate) has_record: bool,
    /// A record of the CVE program was read.
    pub(crate) has_cve_record: bool,
    pub(crate) rejected: Rejection,
    pub(crate) links: Vec<Link>,
    pub(crate) title: Option<Symbol>,
    pub(crate) has_proof_of_concept: bool,
    pub(crate) is_weaponised: bool,
    pub(crate) is_disputed: bool,
}

/// One source of the collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) records: u64,
    pub(crate) date: Timestamp,
}

/// Everything read so far.
#[derive(Debug, Default)]
pub(crate) struct Collection {
    pub(crate) symbols: Symbols,
    /// By feed and id: several feeds may have a record of the same id.
    advisories: HashMap<(Symbol, Symbol), Advisory>,
    /// By feed and id: what several documents say of one record's packages.
    parts: HashMap<(Symbol, Symbol), Vec<Advisory>>,
    pub(crate) signals: HashMap<Symbol, Signal>,
    /// Dates of the sources other than OSV, whose dates follow from the advisories.
    dates: BTreeMap<&'static str, Timestamp>,
}

/// Everything, ready to be compiled.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) symbols: Symbols,
    pub(crate) advisories: Vec<Advisory>,
    pub(crate) signals: Vec<(Symbol, Signal)>,
    pub(crate) sources: BTreeMap<String, Source>,
    /// The newest of the sources' dates.
    pub(crate) date: Timestamp,
    pub(crate) withdrawn: u64,
}

impl Collection {
    /// Keeps the newest copy of a record; between copies of the same time the choice is arbitrary but always the same.
    pub(crate) fn add_advisory(&mut self, advisory: Advisory) {
        let key = (advisory.source, advisory.id);
        match self.advisories.get_mut(&key) {
            None => {
                self.advisories.insert(key, advisory);
            }
            Some(known) if self.symbols.is_newer(&advisory, known) => *known = advisory,
            Some(_) => {}
        }
    }

    /// Keeps what one document of several says under an id.
    pub(crate) fn add_part(&mut self, advisory: Advisory) {
        self.parts.entry((advisory.source, advisory.id)).or_default().push(advisory);
    }

    pub(crate) fn signal(&mut self, cve: &str) -> &mut Signal {
        let symbol = self.symbols.intern(cve);
        self.signals.entry(symbol).or_default()
    }

    /// Moves the date of a source other than OSV forward.
    pub(crate) fn date_source(&mut self, name: &'static str, date: Timestamp) {
        let known = self.dates.entry(name).or_insert(date);
        *known = date.max(*known);
    }

    pub(crate) fn advisories(&self) -> usize {
        self.advisories.len() + self.parts.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.advisories.is_empty() && self.parts.is_empty() && self.signals.is_empty()
    }
}
