//! How urgent a vulnerability is: asap, later, or no need to fix now.
//!
//! In: the [`Signals`] of one vulnerability in one package, the image's [`MatchContext`], the snapshot's date. Out: an
//! [`Evaluated`] with every term of the score. Source: `docs/semantics.md`, "Priority" (policy version 1).
//! Odd: all arithmetic is in integers, so that every platform gives the same tenth; fix availability never changes the
//! score; a vulnerability of which nothing is known scores like a medium one, since unknown is not safe.

mod severity;

use plimsoll_model::{Exposure, Importance, Level, MatchContext, Priority, Timestamp, Urgency};

pub use severity::Assessor;

/// Version of the rules below. Changing a constant means a new one.
pub const POLICY_VERSION: u32 = 1;

/// How severe the vendor of the package calls it, on the one scale that all vendors' words are mapped to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VendorSeverity {
    /// The binary is not affected, or nobody could use it (Debian).
    Unimportant,
    /// Theoretical (Ubuntu).
    Negligible,
    /// Low.
    Low,
    /// Medium, moderate.
    Medium,
    /// High, important.
    High,
    /// Critical.
    Critical,
}

impl VendorSeverity {
    /// The severity that a vendor's word means; `None` for words that say that nobody assessed it yet.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word.trim().to_ascii_lowercase().as_str() {
            "unimportant" => Some(Self::Unimportant),
            "negligible" => Some(Self::Negligible),
            "low" | "low*" | "low**" => Some(Self::Low),
            "medium" | "moderate" | "medium*" | "medium**" => Some(Self::Medium),
            "high" | "important" | "high*" | "high**" => Some(Self::High),
            "critical" => Some(Self::Critical),
            _ => None,
        }
    }

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unimportant => "unimportant",
            Self::Negligible => "negligible",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// Severity factor times 10 where no CVSS vector is known.
    const fn midpoint10(severity: Option<Self>) -> u16 {
        match severity {
            Some(Self::Critical) => 90,
            Some(Self::High) => 75,
            Some(Self::Medium) | None => 50,
            Some(Self::Low) => 30,
            Some(Self::Negligible | Self::Unimportant) => 5,
        }
    }
}

/// A CVSS vector and who assigned it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CvssVector {
    /// Who assigned it.
    pub by: Assessor,
    /// Text of a 2.0, 3.0, 3.1 or 4.0 vector.
    pub vector: String,
}

/// EPSS of one CVE, in billionths, so that comparing is exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epss {
    /// Probability of exploitation within 30 days.
    pub probability: u32,
    /// Share of all CVEs with at most this probability; `None` where the source has no such column.
    pub percentile: Option<u32>,
}

/// One whole in the unit of [`Epss`].
pub const EPSS_WHOLE: u32 = 1_000_000_000;

/// What SSVC says of exploitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Exploitation {
    /// No evidence.
    None,
    /// A proof of concept is public.
    ProofOfConcept,
    /// It is being exploited.
    Active,
}

/// All that is known of one vulnerability in one package.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signals {
    /// All CVSS vectors.
    pub cvss: Vec<CvssVector>,
    /// The package vendor's own severity.
    pub vendor: Option<VendorSeverity>,
    /// That vendor reserves "critical" for what can be exploited remotely without authentication.
    pub vendor_reserves_critical: bool,
    /// The vendor looked at it and will not fix it. End of life is not such an assessment.
    pub will_not_fix: bool,
    /// Since when CISA's catalogue has it.
    pub known_exploited: Option<String>,
    /// An exploit module or a scanner template is public.
    pub weaponised: bool,
    /// A proof of concept is public.
    pub proof_of_concept: bool,
    /// SSVC: exploitation.
    pub exploitation: Option<Exploitation>,
    /// SSVC: attacks can be automated.
    pub automatable: Option<bool>,
    /// SSVC: an attack gives total control.
    pub total_impact: Option<bool>,
    /// EPSS, unless too old.
    pub epss: Option<Epss>,
    /// Numbers of its weaknesses.
    pub cwe: Vec<u32>,
    /// When it was disclosed.
    pub published: Option<Timestamp>,
    /// The assignment is disputed.
    pub disputed: bool,
    /// The package is a kernel or its headers, which no container runs.
    pub kernel: bool,
}

/// The result of [`evaluate`].
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluated {
    /// Tier.
    pub priority: Priority,
    /// Level by nature.
    pub level: Level,
    /// All terms.
    pub urgency: Urgency,
}

/// Evaluates one vulnerability at `date`.
#[must_use]
pub fn evaluate(signals: &Signals, context: &MatchContext, date: Timestamp) -> Evaluated {
    let chosen = severity::choose(&signals.cvss);
    let base = chosen.as_ref().map(|chosen| chosen.base);
    let c10 = base.map_or_else(|| VendorSeverity::midpoint10(signals.vendor), |base| base.c10);
    let exploited = is_exploited(signals);
    let t100 = exploit_maturity(signals, exploited, base, context.exposure, date);
    let e10 = environment(
        base.map_or(severity::AttackVector::Network, |base| base.vector),
        context.exposure,
    );
    let a10: u16 = match context.importance {
        Importance::Important => 12,
        Importance::Common => 10,
        Importance::Test => 6,
    };
    let product = [c10, t100, e10, a10].into_iter().map(u64::from).product::<u64>();
    let score = u16::try_from(((product + 5000) / 10_000).min(150)).unwrap_or(150);
    let (tenths, rules) = caps_and_floors(score, signals, exploited, t100);
    let urgency = Urgency {
        tenths,
        c10,
        t100,
        e10,
        a10,
        rules,
        pending: base.is_none() && signals.epss.is_none(),
        cvss: chosen.map(|chosen| chosen.text.to_owned()),
        known_exploited: signals.known_exploited.clone(),
        epss: signals.epss.map(|epss| f64::from(epss.probability) / f64::from(EPSS_WHOLE)),
    };
    Evaluated { priority: tier(tenths), level: level(signals, base.is_some(), c10), urgency }
}

/// The tier of a score in tenths.
#[must_use]
pub const fn tier(tenths: u16) -> Priority {
    Priority::of_tenths(tenths)
}

const fn level(signals: &Signals, has_vector: bool, c10: u16) -> Level {
    match (signals.vendor, c10) {
        (Some(VendorSeverity::Unimportant | VendorSeverity::Negligible), _) => Level::Negligible,
        (None, _) if !has_vector => Level::Unknown,
        (_, 90..) => Level::Critical,
        (_, 70..) => Level::High,
        (_, 40..) => Level::Medium,
        _ => Level::Low,
    }
}

/// Embedded malicious code, and hidden functionality.
const MALICIOUS_CWE: [u32; 2] = [506, 912];

fn is_exploited(signals: &Signals) -> bool {
    signals.known_exploited.is_some()
        || signals.exploitation == Some(Exploitation::Active)
        || signals.cvss.iter().any(|cvss| severity::threat(&cvss.vector) == Some(b'A'))
        || signals.cwe.iter().any(|number| MALICIOUS_CWE.contains(number))
}

fn exploit_maturity(
    signals: &Signals,
    exploited: bool,
    base: Option<severity::Base>,
    exposure: Exposure,
    date: Timestamp,
) -> u16 {
    const PERCENT: u32 = EPSS_WHOLE / 100;
    let percentile = signals.epss.and_then(|epss| epss.percentile);
    let reaches = |percent: u32| percentile.is_some_and(|known| known >= percent * PERCENT);
    let proof_of_concept = signals.proof_of_concept
        || signals.exploitation == Some(Exploitation::ProofOfConcept)
        || signals.cvss.iter().any(|cvss| severity::threat(&cvss.vector) == Some(b'P'));
    let mut t100 = if exploited {
        100
    } else if signals.weaponised || reaches(99) {
        95
    } else if proof_of_concept || reaches(95) {
        85
    } else if reaches(80) {
        75
    } else if percentile.is_some() {
        60
    } else if base.is_some() {
        75
    } else {
        100
    };
    if signals.published.is_some_and(|published| date.days_since(published) <= FRESH_DAYS) {
        t100 = t100.max(90);
    }
    let wormable = match (signals.automatable, signals.total_impact) {
        (Some(automatable), Some(total)) => automatable && total,
        _ => base.is_some_and(|base| base.automatable_and_total),
    };
    if exposure == Exposure::Internet && wormable {
        t100 = t100.max(95);
    }
    t100
}

/// How long after its disclosure a vulnerability counts as fresh.
pub const FRESH_DAYS: i64 = 14;

const fn environment(vector: severity::AttackVector, exposure: Exposure) -> u16 {
    use severity::AttackVector;
    match (vector, exposure) {
        (AttackVector::Network, Exposure::Internal) => 12,
        (AttackVector::Network, _) => 15,
        (AttackVector::Adjacent, _) => 12,
        (AttackVector::Local, _) => 10,
        (AttackVector::Physical, _) => 5,
    }
}

/// Applies the rules in their fixed order; names those that changed the score.
fn caps_and_floors(
    mut tenths: u16,
    signals: &Signals,
    exploited: bool,
    t100: u16,
) -> (u16, Vec<String>) {
    let mut rules = Vec::new();
    let mut apply = |holds: bool, limit: u16, is_floor: bool, name: &str| {
        if holds && (if is_floor { tenths < limit } else { tenths > limit }) {
            tenths = limit;
            rules.push(name.to_owned());
        }
    };
    let vendor_low = signals.vendor == Some(VendorSeverity::Low);
    apply(vendor_low && t100 < 85, 69, false, "cap:vendor-low");
    apply(signals.will_not_fix && t100 < 85, 69, false, "cap:will-not-fix");
    apply(vendor_low, 134, false, "cap:vendor-low");
    apply(signals.disputed, 134, false, "cap:disputed");
    apply(exploited, 135, true, "floor:exploited");
    let vendor_critical =
        signals.vendor == Some(VendorSeverity::Critical) && signals.vendor_reserves_critical;
    apply(vendor_critical, 135, true, "floor:vendor-critical");
    apply(signals.vendor == Some(VendorSeverity::Unimportant), 69, false, "cap:unimportant");
    apply(signals.vendor == Some(VendorSeverity::Negligible), 69, false, "cap:negligible");
    if signals.kernel {
        tenths = 0;
        rules.push("not-applicable:kernel".to_owned());
    }
    (tenths, rules)
}
