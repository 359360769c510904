//! The numbers of one image.
//!
//! In: the findings of a report. Out: [`RiskCounters`], and the two JSON texts that the wire contract makes of them.
//! Source: `docs/semantics.md`, "Counters". Odd: a vulnerability counts once per record name however many packages it
//! touches; most of `RiskLevelDetail`'s 47 keys are about hosts and are always 0 for an image.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    finding::{Finding, Kind, Level, Priority},
    report::Report,
};

/// Sums over the open findings of one image.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct RiskCounters {
    /// System vulnerabilities: distinct records of distribution packages.
    pub cve: u32,
    /// Application vulnerabilities: distinct records of language packages.
    pub sca: u32,
    /// Of `cve + sca`, those to fix as soon as possible.
    pub asap: u32,
    /// Of `cve + sca`, those that can wait.
    pub later: u32,
    /// Of `cve + sca`, those that need no fix now.
    pub nntf: u32,
    /// Distinct failed baseline items of level high.
    pub baseline_high: u32,
    /// … of level medium.
    pub baseline_medium: u32,
    /// … of level low.
    pub baseline_low: u32,
    /// Malicious files, urgent.
    pub malicious_serious: u32,
    /// … suspicious.
    pub malicious_suspicious: u32,
    /// … reminder.
    pub malicious_remind: u32,
    /// Highest vulnerability score in tenths, 0–150.
    pub top_tenths: u32,
}

/// Prefix of the record names of application vulnerabilities.
pub const APPLICATION_RECORD: &str = "imgsca:";

impl RiskCounters {
    /// Counts the findings of a report.
    #[must_use]
    pub fn of(report: &Report) -> Self {
        Self::of_findings(&report.findings)
    }

    /// Counts the open findings, each record once at its highest urgency or level.
    #[must_use]
    pub fn of_findings(findings: &[Finding]) -> Self {
        let mut worst: BTreeMap<(Kind, &str), &Finding> = BTreeMap::new();
        for finding in findings.iter().filter(|finding| finding.is_open()) {
            worst
                .entry((finding.kind, finding.record.as_str()))
                .and_modify(|known| {
                    if finding.compare_urgency(known).is_lt() {
                        *known = finding;
                    }
                })
                .or_insert(finding);
        }
        let mut counters = Self::default();
        for finding in worst.values() {
            counters.add(finding);
        }
        counters
    }

    fn add(&mut self, finding: &Finding) {
        match finding.kind {
            Kind::Vulnerability => {
                let origin = if finding.record.starts_with(APPLICATION_RECORD) {
                    &mut self.sca
                } else {
                    &mut self.cve
                };
                *origin += 1;
                match finding.priority {
                    Some(Priority::Asap) => self.asap += 1,
                    Some(Priority::Later) => self.later += 1,
                    Some(Priority::Nntf) | None => self.nntf += 1,
                }
                let tenths = finding.urgency.as_ref().map_or(0, |urgency| urgency.tenths);
                self.top_tenths = self.top_tenths.max(u32::from(tenths));
            }
            Kind::Baseline => match finding.level {
                Level::High | Level::Critical => self.baseline_high += 1,
                Level::Medium => self.baseline_medium += 1,
                _ => self.baseline_low += 1,
            },
            Kind::Malware => match finding.level {
                Level::High | Level::Critical => self.malicious_serious += 1,
                Level::Medium => self.malicious_suspicious += 1,
                _ => self.malicious_remind += 1,
            },
            Kind::Secret | Kind::Build | Kind::License => {}
        }
    }

    /// All vulnerabilities: `cve + sca`, which is also `asap + later + nntf`.
    #[must_use]
    pub const fn vulnerabilities(&self) -> u32 {
        self.cve + self.sca
    }

    /// All baseline risks.
    #[must_use]
    pub const fn baseline(&self) -> u32 {
        self.baseline_high + self.baseline_medium + self.baseline_low
    }

    /// All malicious files.
    #[must_use]
    pub const fn malicious(&self) -> u32 {
        self.malicious_serious + self.malicious_suspicious + self.malicious_remind
    }

    /// Image risk level: 3 high, 2 medium, 1 low, 0 none.
    #[must_use]
    pub const fn risk_level(&self) -> u8 {
        if self.asap + self.baseline_high + self.malicious_serious > 0 {
            3
        } else if self.later + self.baseline_medium + self.malicious_suspicious > 0 {
            2
        } else if self.nntf + self.baseline_low + self.malicious_remind > 0 {
            1
        } else {
            0
        }
    }

    /// The contract's `Statistics`: JSON text with exactly `baselineNum`, `newSuspicious`, `vul`.
    #[must_use]
    pub fn statistics(&self) -> String {
        format!(
            r#"{{"baselineNum":{},"newSuspicious":{},"vul":{}}}"#,
            self.baseline(),
            self.malicious(),
            self.vulnerabilities()
        )
    }

    /// The contract's `RiskLevelDetail`: JSON text with exactly 47 keys in ascending order. `uuid` is the image record's
    /// id, 32 hex digits without dashes.
    #[must_use]
    pub fn risk_level_detail(&self, uuid: &str) -> String {
        let mut text = String::from("{");
        for key in RISK_LEVEL_DETAIL_KEYS {
            if text.len() > 1 {
                text.push(',');
            }
            let value = match *key {
                "uuid" => format!(
                    "\"{}\"",
                    uuid.chars().filter(char::is_ascii_hexdigit).collect::<String>()
                ),
                "cveNum" => self.cve.to_string(),
                "scaNum" => self.sca.to_string(),
                "vul" => self.vulnerabilities().to_string(),
                "imageVulAsap" => self.asap.to_string(),
                "imageVulLater" => self.later.to_string(),
                "imageVulNntf" => self.nntf.to_string(),
                "imageBaselineHigh" => self.baseline_high.to_string(),
                "imageBaselineMedium" => self.baseline_medium.to_string(),
                "imageBaselineLow" => self.baseline_low.to_string(),
                "imageBaselineNum" => self.baseline().to_string(),
                "imageMaliciousFileSerious" => self.malicious_serious.to_string(),
                "imageMaliciousFileSuspicious" => self.malicious_suspicious.to_string(),
                "imageMaliciousFileRemind" => self.malicious_remind.to_string(),
                _ => "0".to_owned(),
            };
            text.push_str(&format!("\"{key}\":{value}"));
        }
        text.push('}');
        text
    }
}

/// The keys of `RiskLevelDetail`, byte-wise ascending, as the page GetDockerhubImageRiskRankInfo shows them.
pub const RISK_LEVEL_DETAIL_KEYS: &[&str] = &[
    "account",
    "agentlessAll",
    "agentlessBaseline",
    "agentlessMalicious",
    "agentlessSensitiveFile",
    "agentlessVulCve",
    "agentlessVulSca",
    "agentlessVulSys",
    "appNum",
    "asapVulCount",
    "baselineHigh",
    "baselineLow",
    "baselineMedium",
    "baselineNum",
    "cmsNum",
    "containerAsap",
    "containerLater",
    "containerNntf",
    "containerRemind",
    "containerSerious",
    "containerSuspicious",
    "cveNum",
    "emgNum",
    "health",
    "imageBaselineHigh",
    "imageBaselineLow",
    "imageBaselineMedium",
    "imageBaselineNum",
    "imageMaliciousFileRemind",
    "imageMaliciousFileSerious",
    "imageMaliciousFileSuspicious",
    "imageVulAsap",
    "imageVulLater",
    "imageVulNntf",
    "laterVulCount",
    "newSuspicious",
    "nntfVulCount",
    "remindNum",
    "scaNum",
    "seriousNum",
    "suspNum",
    "suspicious",
    "sysNum",
    "trojan",
    "uuid",
    "vul",
    "weakPWNum",
];
