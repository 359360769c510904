//! The identities that hold for every image's numbers (`docs/semantics.md`, "Invariants").

use std::collections::BTreeMap;

use plimsoll_model::{
    Finding, Kind, Level, Priority, RiskCounters, Subject, Urgency,
    counters::RISK_LEVEL_DETAIL_KEYS,
};
use proptest::prelude::*;

fn finding(
    kind: Kind,
    record: &str,
    level: Level,
    priority: Option<Priority>,
    tenths: u16,
) -> Finding {
    Finding {
        kind,
        id: record.into(),
        record: record.into(),
        aliases: vec![],
        advisories: vec![],
        level,
        priority,
        score: None,
        urgency: priority.map(|_| Urgency {
            tenths,
            c10: 0,
            t100: 60,
            e10: 10,
            a10: 10,
            rules: vec![],
            pending: false,
            cvss: None,
            known_exploited: None,
            epss: None,
        }),
        subject: Subject::Path(format!("etc/{record}")),
        title: String::new(),
        evidence: vec![],
        fix: None,
        status: None,
        suppressed: None,
        views: Vec::new(),
        why: Vec::new(),
        extra: BTreeMap::new(),
    }
}

fn any_finding() -> impl Strategy<Value = Finding> {
    let kinds = prop_oneof![
        Just(Kind::Vulnerability),
        Just(Kind::Baseline),
        Just(Kind::Malware),
        Just(Kind::Secret),
        Just(Kind::Build)
    ];
    let levels =
        prop_oneof![Just(Level::Unknown), Just(Level::Low), Just(Level::Medium), Just(Level::High)];
    let priorities = prop_oneof![Just(Priority::Asap), Just(Priority::Later), Just(Priority::Nntf)];
    (kinds, 0..6_u8, any::<bool>(), levels, priorities, 0..=150_u16).prop_map(
        |(kind, number, application, level, priority, tenths)| {
            let prefix = if application { "imgsca:python:p:" } else { "debian:12:" };
            let priority = (kind == Kind::Vulnerability).then_some(priority);
            finding(kind, &format!("{prefix}CVE-{number}"), level, priority, tenths)
        },
    )
}

proptest! {
    #[test]
    fn the_sums_agree(findings in proptest::collection::vec(any_finding(), 0..40)) {
        let counters = RiskCounters::of_findings(&findings);
        let detail: BTreeMap<String, serde_json::Value> =
            serde_json::from_str(&counters.risk_level_detail("624778f3-5bf2-423c-ac0c-47a62c05aaaa")).unwrap();
        let number = |key: &str| detail[key].as_u64().unwrap();
        prop_assert_eq!(number("vul"), number("cveNum") + number("scaNum"));
        prop_assert_eq!(number("vul"), number("imageVulAsap") + number("imageVulLater") + number("imageVulNntf"));
        prop_assert_eq!(
            number("imageBaselineNum"),
            number("imageBaselineHigh") + number("imageBaselineMedium") + number("imageBaselineLow")
        );
        let statistics: serde_json::Value = serde_json::from_str(&counters.statistics()).unwrap();
        prop_assert_eq!(statistics["vul"].as_u64().unwrap(), number("vul"));
        prop_assert_eq!(statistics["baselineNum"].as_u64().unwrap(), number("imageBaselineNum"));
        let malicious: u64 = ["Serious", "Suspicious", "Remind"]
            .iter()
            .map(|level| number(&format!("imageMaliciousFile{level}")))
            .sum();
        prop_assert_eq!(statistics["newSuspicious"].as_u64().unwrap(), malicious);
        let records: std::collections::BTreeSet<&str> = findings
            .iter()
            .filter(|finding| finding.kind == Kind::Vulnerability)
            .map(|finding| finding.record.as_str())
            .collect();
        prop_assert_eq!(number("vul"), records.len() as u64);
        let zero = detail.iter().filter(|(key, _)| !key.starts_with("image")).filter(|(key, _)| {
            !["vul", "cveNum", "scaNum", "uuid"].contains(&key.as_str())
        });
        for (key, value) in zero {
            prop_assert_eq!(value.as_u64(), Some(0), "{}", key);
        }
    }
}

#[test]
fn the_detail_has_the_47_keys_in_order_and_no_dashes() {
    assert_eq!(RISK_LEVEL_DETAIL_KEYS.len(), 47);
    assert!(RISK_LEVEL_DETAIL_KEYS.is_sorted());
    let text = RiskCounters::default().risk_level_detail("624778f3-5bf2-423c-ac0c-47a62c05aaaa");
    let positions: Vec<usize> = RISK_LEVEL_DETAIL_KEYS
        .iter()
        .map(|key| text.find(&format!("\"{key}\":")).unwrap())
        .collect();
    assert!(positions.is_sorted());
    assert!(text.contains(r#""uuid":"624778f35bf2423cac0c47a62c05aaaa""#));
}

#[test]
fn one_cve_in_five_packages_counts_once_at_its_worst() {
    let rows = [
        finding(Kind::Vulnerability, "debian:12:CVE-1", Level::High, Some(Priority::Later), 90),
        finding(Kind::Vulnerability, "debian:12:CVE-1", Level::High, Some(Priority::Asap), 150),
        finding(Kind::Vulnerability, "debian:12:CVE-1", Level::High, Some(Priority::Nntf), 10),
    ];
    let counters = RiskCounters::of_findings(&rows);
    assert_eq!((counters.cve, counters.asap, counters.later, counters.nntf), (1, 1, 0, 0));
    assert_eq!((counters.top_tenths, counters.risk_level()), (150, 3));
}
