use std::collections::BTreeMap;

use plimsoll_model::{
    Coverage, FeedState, Finding, Gap, GapReason, ImageIdentity, Level, Priority, Subject,
};
use proptest::prelude::*;

use super::*;

const FULL: &str = r#"
ignore-files = ["more.toml"]

[deny]
vulnerability = "asap"
malware = "any"
secret = "high"

[warn]
vulnerability = "medium"
baseline = "medium"

[require]
coverage = "partial"
registries = ["registry.example.com/team/*"]
base-layers = ["sha256:0101010101010101010101010101010101010101010101010101010101010101"]

[licenses]
deny = ["network-copyleft"]

[[ignore]]
vulnerability = "CVE-1"
reason = "not built in"
"#;

fn report(findings: Vec<Finding>) -> Report {
    Report {
        image: ImageIdentity {
            name: "x".to_owned(),
            source: "registry".to_owned(),
            digest: None,
            id: None,
            platform: None,
            size: 0,
            layers: vec![Digest::from_bytes([1; 32])],
            distribution: None,
        },
        coverage: Coverage::new(Vec::new(), Vec::new()),
        feed: Some(FeedState {
            snapshot: Digest::from_bytes([4; 32]),
            date: Timestamp(0),
            starter: false,
            sources: Vec::new(),
        }),
        packages: Vec::new(),
        findings,
        build: Vec::new(),
        ignore_rules: Vec::new(),
    }
}

fn finding(kind: Kind, id: &str, level: Level, priority: Option<Priority>) -> Finding {
    Finding {
        kind,
        id: id.to_owned(),
        record: id.to_owned(),
        aliases: Vec::new(),
        advisories: Vec::new(),
        level,
        status: None,
        suppressed: None,
        priority,
        score: None,
        urgency: None,
        subject: Subject::Purl("pkg:npm/a@1".to_owned()),
        title: String::new(),
        evidence: Vec::new(),
        fix: None,
        views: Vec::new(),
        why: Vec::new(),
        extra: BTreeMap::new(),
    }
}

fn rules(decision: &Decision) -> Vec<(PolicyVerdict, &str)> {
    decision.reasons.iter().map(|reason| (reason.verdict, reason.rule.as_str())).collect()
}

const PLACE: Option<&str> = Some("registry.example.com/team/app");

#[test]
fn a_policy_is_known_by_all_that_it_says_and_by_what_has_run_out() {
    let day = |text: &str| text.parse::<Timestamp>().unwrap();
    let text = "[deny]\nmalware = 'any'\n[[ignore]]\nvulnerability = 'CVE-1'\nreason = 'x'\nexpires = 2027-03-01\n";
    let policy = |text: &str| Policy::read("plimsoll.toml", text).unwrap();
    let before = policy(text).fingerprint(day("2026-12-01T00:00:00Z"));
    assert_eq!(before, policy(text).fingerprint(day("2027-02-28T00:00:00Z")));
    assert_ne!(before, policy(text).fingerprint(day("2027-03-02T00:00:00Z")));
    let other = text.replace("any", "serious");
    assert_ne!(before, policy(&other).fingerprint(day("2026-12-01T00:00:00Z")));
}

#[test]
fn each_part_of_a_policy_decides() {
    use PolicyVerdict::{Deny, Pass, Warn};
    let policy = Policy::read("plimsoll.toml", FULL).unwrap();
    assert_eq!(policy.ignore_files, ["more.toml"]);
    assert_eq!(policy.ignore[0].place, "plimsoll.toml:21");
    assert_eq!(decide(&policy, &report(Vec::new()), PLACE).verdict, Pass);
    let asap = finding(Kind::Vulnerability, "CVE-2", Level::High, Some(Priority::Asap));
    let decision = decide(&policy, &report(vec![asap.clone()]), PLACE);
    assert_eq!(
        rules(&decision),
        [(Deny, "deny.vulnerability:asap"), (Warn, "warn.vulnerability:medium")]
    );
    assert_eq!(decision.reasons[0].text, "CVE-2");
    let low = finding(Kind::Secret, "key", Level::Low, None);
    assert_eq!(decide(&policy, &report(vec![low]), PLACE).verdict, Pass);
    let elsewhere = decide(&policy, &report(Vec::new()), Some("evil.example/team/app"));
    assert_eq!(rules(&elsewhere), [(Deny, "require.registries")]);
    assert_eq!(rules(&decide(&policy, &report(Vec::new()), None)), [(Warn, "require.registries")]);
    let other_base = Report {
        image: ImageIdentity {
            layers: vec![Digest::from_bytes([2; 32])],
            ..report(Vec::new()).image
        },
        ..report(Vec::new())
    };
    assert_eq!(rules(&decide(&policy, &other_base, PLACE)), [(Deny, "require.base-layers")]);
    let mut ignored =
        report(vec![finding(Kind::Vulnerability, "CVE-1", Level::High, Some(Priority::Asap))]);
    policy.apply(Timestamp(0), &mut ignored);
    assert_eq!(decide(&policy, &ignored, PLACE).verdict, Pass);
    assert!(ignored.findings[0].is_ignored());
}

#[test]
fn what_could_not_be_looked_at_does_not_pass() {
    let policy = Policy::read("x", "[warn]\nvulnerability = 'asap'").unwrap();
    let blind = Report { feed: None, ..report(Vec::new()) };
    assert_eq!(
        rules(&decide(&policy, &blind, None)),
        [(PolicyVerdict::Warn, "warn.vulnerability:asap")]
    );
    let gap = |reason| Gap { reason, by: "x".to_owned(), at: String::new(), detail: String::new() };
    let unreadable = Report {
        coverage: Coverage::new(Vec::new(), vec![gap(GapReason::UnreadableImage)]),
        ..report(Vec::new())
    };
    let nothing = Policy::default();
    assert_eq!(decide(&nothing, &unreadable, None).verdict, PolicyVerdict::Deny);
    let partial = Report {
        coverage: Coverage::new(Vec::new(), vec![gap(GapReason::FeedStale)]),
        ..report(Vec::new())
    };
    assert_eq!(decide(&nothing, &partial, None).verdict, PolicyVerdict::Pass);
    let complete = Policy::read("x", "[require]\ncoverage = 'complete'").unwrap();
    assert_eq!(
        rules(&decide(&complete, &partial, None)),
        [(PolicyVerdict::Deny, "require.coverage")]
    );
}

#[test]
fn a_policy_that_cannot_be_says_where() {
    for (text, wanted) in [
        ("\n[deny]\nvulnerabilty = 'asap'", "line 3"),
        (
            "[deny]\n\nvulnerability = 'soon'",
            "line 3: `deny.vulnerability`: `soon` is not one of asap",
        ),
        ("[warn]\nbaseline = 'asap'", "line 2: `warn.baseline`"),
        ("[require]\ncoverage = 'most'", "line 2: `require.coverage`"),
        ("[require]\nbase-layers = [\n'sha1:0']", "line 3: `require.base-layers`"),
        ("[licenses]\ndeny = ['GPL3 or so']", "`GPL3 or so`"),
        ("[licenses]\nforbid = []", "line 2"),
        ("[[ignore]]\nvulnerability = 'CVE-1'\nreason = ''", "line 1"),
        ("[deny]\nlicense = 'any'", "need a table `[licenses]`"),
        ("deny = 1", "line 1"),
        ("[", "line 1"),
    ] {
        let error = Policy::read("x", text).unwrap_err().to_string();
        assert!(error.contains(wanted), "{text}: {error}");
    }
}

fn findings() -> impl Strategy<Value = Vec<Finding>> {
    let kinds = [
        Kind::Vulnerability,
        Kind::Baseline,
        Kind::Malware,
        Kind::Secret,
        Kind::Build,
        Kind::License,
    ];
    let levels = [Level::Unknown, Level::Low, Level::Medium, Level::High, Level::Critical];
    let priorities = [Priority::Nntf, Priority::Later, Priority::Asap];
    let one = (0..kinds.len(), 0..levels.len(), 0..priorities.len(), 0..4_u8).prop_map(
        move |(kind, level, priority, id)| {
            let priority = (kinds[kind] == Kind::Vulnerability).then_some(priorities[priority]);
            finding(kinds[kind], &format!("CVE-{id}"), levels[level], priority)
        },
    );
    prop::collection::vec(one, 0..8)
}

proptest! {
    #[test]
    fn more_findings_are_never_kinder_and_fewer_never_harsher(some in findings(), more in findings()) {
        let policy = Policy::read("x", FULL).unwrap();
        let both: Vec<Finding> = some.iter().chain(&more).cloned().collect();
        let (few, many) = (decide(&policy, &report(some), PLACE), decide(&policy, &report(both), PLACE));
        prop_assert!(few.verdict <= many.verdict);
        prop_assert_eq!(many.verdict, many.reasons.iter().map(|reason| reason.verdict).max().unwrap_or(PolicyVerdict::Pass));
    }

    #[test]
    fn the_order_of_findings_does_not_matter(some in findings()) {
        let policy = Policy::read("x", FULL).unwrap();
        let turned: Vec<Finding> = some.iter().rev().cloned().collect();
        let (one, other) = (decide(&policy, &report(some), PLACE), decide(&policy, &report(turned), PLACE));
        prop_assert_eq!(rules(&one), rules(&other));
    }

    #[test]
    fn what_is_ignored_does_not_decide(some in findings()) {
        let policy = Policy::read("x", FULL).unwrap();
        let mut ignored = report(some.clone());
        policy.apply(Timestamp(0), &mut ignored);
        let rest: Vec<Finding> = some.into_iter().filter(|one| one.kind != Kind::Vulnerability || one.id != "CVE-1").collect();
        let (with, without) = (decide(&policy, &ignored, PLACE), decide(&policy, &report(rest), PLACE));
        prop_assert_eq!(rules(&with), rules(&without));
    }

    #[test]
    fn any_text_is_a_policy_or_an_error(text in "(\\[deny\\]|\\[licenses\\]|vulnerability|=|'asap'|\n|[a-z]|\\[|\\]){0,24}") {
        let _answer = Policy::read("x", &text).map_err(drop);
    }
}
