use std::collections::BTreeMap;

use plimsoll_model::{Suppression, Urgency};
use proptest::{collection::vec, prelude::*};

use super::*;

fn finding() -> impl Strategy<Value = Finding> {
    let kinds = prop_oneof![
        Just(Kind::Vulnerability),
        Just(Kind::Vulnerability),
        Just(Kind::Baseline),
        Just(Kind::Malware),
        Just(Kind::Build)
    ];
    let levels = prop_oneof![
        Just(Level::Unknown),
        Just(Level::Low),
        Just(Level::Medium),
        Just(Level::High),
        Just(Level::Critical)
    ];
    (kinds, levels, 0..6_u8, 0..151_u16, any::<bool>()).prop_map(
        |(kind, level, name, tenths, application)| {
            let is_vulnerability = kind == Kind::Vulnerability;
            let priority = match tenths {
                135.. => Priority::Asap,
                70.. => Priority::Later,
                _ => Priority::Nntf,
            };
            let urgency = Urgency {
                tenths,
                c10: 0,
                t100: 0,
                e10: 0,
                a10: 0,
                rules: Vec::new(),
                pending: false,
                cvss: None,
                known_exploited: None,
                epss: None,
            };
            let origin = if application { "imgsca:python:x" } else { "debian:12" };
            Finding {
                kind,
                id: format!("CVE-{name}"),
                record: format!("{origin}:CVE-{name}"),
                aliases: Vec::new(),
                advisories: Vec::new(),
                level,
                status: None,
                suppressed: (tenths % 7 == 3).then(|| Suppression {
                    by: "x".to_owned(),
                    advisory: "x".to_owned(),
                    reason: "x".to_owned(),
                    ignored: None,
                }),
                views: Vec::new(),
                why: Vec::new(),
                priority: is_vulnerability.then_some(priority),
                score: None,
                urgency: is_vulnerability.then_some(urgency),
                subject: Subject::Path(format!("etc/{name}")),
                title: String::new(),
                evidence: Vec::new(),
                fix: None,
                extra: BTreeMap::new(),
            }
        },
    )
}

proptest! {
    #[test]
    fn sums_over_parts_are_the_counters_of_all_findings(parts in vec(vec(finding(), 0..8), 0..6)) {
        let mut entries: Vec<Entry> =
            parts.iter().flat_map(|findings| read(&of(findings)).unwrap()).collect();
        let counters = sum(&mut entries);
        let all: Vec<Finding> = parts.concat();
        prop_assert_eq!(counters, RiskCounters::of_findings(&all));
        prop_assert_eq!(unpack_counters(&pack_counters(&counters)), Some(counters));
        let of_parts = parts.iter().filter_map(|findings| lead(findings)).map(|(key, _)| key).min();
        prop_assert_eq!(of_parts, lead(&all).map(|(key, _)| key));
    }

    #[test]
    fn any_bytes_are_an_answer(bytes: Vec<u8>) {
        drop(read(&bytes));
        let _counters = unpack_counters(&bytes);
    }
}
