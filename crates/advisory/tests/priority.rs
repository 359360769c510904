//! The worked examples of `docs/semantics.md`, "Priority", each by its number, and the edges of every rule.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use plimsoll_advisory::{
    Exposure, Importance, MatchContext,
    priority::{
        Assessor, CvssVector, EPSS_WHOLE, Epss, Evaluated, Exploitation, Signals, VendorSeverity,
        evaluate,
    },
};
use plimsoll_model::{Level, Priority, Timestamp};

const N98: &str = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H";
const N100: &str = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H";
const N75: &str = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N";
const L78: &str = "CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H";

fn date() -> Timestamp {
    "2026-08-22".parse().unwrap()
}

fn days_ago(days: i64) -> Option<Timestamp> {
    Some(Timestamp(date().0 - days * 86_400))
}

fn signals(vector: &str) -> Signals {
    let cvss = match vector {
        "" => Vec::new(),
        _ => vec![CvssVector { by: Assessor::Nvd, vector: vector.to_owned() }],
    };
    Signals { cvss, published: days_ago(400), ..Signals::default() }
}

fn percentile(percent: u32) -> Option<Epss> {
    Some(Epss { probability: 1, percentile: Some(percent * (EPSS_WHOLE / 100)) })
}

fn known_exploited() -> Option<String> {
    Some("2021-12-10".to_owned())
}

fn at(signals: &Signals, exposure: Exposure, importance: Importance) -> Evaluated {
    evaluate(signals, &MatchContext { exposure, importance }, date())
}

/// Evaluates with exposure unknown and importance common; checks C, T, E, the score and the tier.
#[track_caller]
fn example(signals: &Signals, terms: (u16, u16, u16), tenths: u16, priority: Priority) {
    let result = at(signals, Exposure::Unknown, Importance::Common);
    let urgency = &result.urgency;
    assert_eq!((urgency.c10, urgency.t100, urgency.e10), terms);
    assert_eq!((urgency.tenths, result.priority), (tenths, priority));
    assert_eq!(urgency.a10, 10);
}

#[test]
fn example_1_log4shell() {
    let signals = Signals { known_exploited: known_exploited(), ..signals(N100) };
    example(&signals, (100, 100, 15), 150, Priority::Asap);
}

#[test]
fn example_2_heartbleed() {
    let signals = Signals { known_exploited: known_exploited(), ..signals(N75) };
    example(&signals, (75, 100, 15), 135, Priority::Asap);
    let rules = at(&signals, Exposure::Unknown, Importance::Common).urgency.rules;
    assert_eq!(rules, ["floor:exploited"]);
}

#[test]
fn example_3_xz() {
    example(&Signals { cwe: vec![506], ..signals(N100) }, (100, 100, 15), 150, Priority::Asap);
}

#[test]
fn example_4_regresshion() {
    let vector = "CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:H/I:H/A:H";
    let poc = Signals {
        exploitation: Some(Exploitation::ProofOfConcept),
        automatable: Some(false),
        ..signals(vector)
    };
    example(&poc, (81, 85, 15), 103, Priority::Later);
    example(&Signals { epss: percentile(99), ..poc }, (81, 95, 15), 115, Priority::Later);
}

#[test]
fn example_5_text4shell() {
    example(&Signals { weaponised: true, ..signals(N98) }, (98, 95, 15), 140, Priority::Asap);
}

#[test]
fn example_6_curl_socks5() {
    let mut poc = Signals { exploitation: Some(Exploitation::ProofOfConcept), ..signals(N98) };
    let adp = "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:H".to_owned();
    poc.cvss.push(CvssVector { by: Assessor::CisaAdp, vector: adp });
    example(&poc, (98, 85, 15), 125, Priority::Later);
}

#[test]
fn example_7_looney_tunables() {
    let signals = Signals { known_exploited: known_exploited(), ..signals(L78) };
    example(&signals, (78, 100, 10), 135, Priority::Asap);
}

#[test]
fn example_8_dirty_pipe_in_kernel_headers() {
    let signals = Signals { known_exploited: known_exploited(), kernel: true, ..signals(L78) };
    example(&signals, (78, 100, 10), 0, Priority::Nntf);
    let rules = at(&signals, Exposure::Unknown, Importance::Common).urgency.rules;
    assert_eq!(rules, ["floor:exploited", "not-applicable:kernel"]);
}

#[test]
fn example_9_tar_unimportant() {
    let signals = Signals {
        vendor: Some(VendorSeverity::Unimportant),
        epss: percentile(50),
        ..signals("AV:N/AC:L/Au:N/C:C/I:C/A:C")
    };
    example(&signals, (98, 60, 15), 69, Priority::Nntf);
    assert_eq!(at(&signals, Exposure::Unknown, Importance::Common).level, Level::Negligible);
}

#[test]
fn example_10_glibc_disputed_and_unimportant() {
    let signals = Signals {
        vendor: Some(VendorSeverity::Unimportant),
        disputed: true,
        epss: percentile(50),
        ..signals(N98)
    };
    example(&signals, (98, 60, 15), 69, Priority::Nntf);
}

#[test]
fn example_11_minizip_ignored() {
    let signals = Signals { will_not_fix: true, epss: percentile(75), ..signals(N98) };
    example(&signals, (98, 60, 15), 69, Priority::Nntf);
    let rules = at(&signals, Exposure::Unknown, Importance::Common).urgency.rules;
    assert_eq!(rules, ["cap:will-not-fix"]);
}

#[test]
fn example_12_protobuf_version_4_only() {
    let vector = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:H/SC:N/SI:N/SA:N";
    let signals =
        Signals { exploitation: Some(Exploitation::None), epss: percentile(30), ..signals(vector) };
    example(&signals, (75, 60, 15), 68, Priority::Nntf);
    let urgency = at(&signals, Exposure::Unknown, Importance::Common).urgency;
    assert_eq!(urgency.cvss.as_deref(), Some(vector));
}

#[test]
fn example_13_rapid_reset() {
    let vector = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H";
    let signals = Signals { known_exploited: known_exploited(), ..signals(vector) };
    example(&signals, (75, 100, 15), 135, Priority::Asap);
}

#[test]
fn example_14_openssh_user_enumeration() {
    let vector = "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:N/A:N";
    example(&Signals { weaponised: true, ..signals(vector) }, (53, 95, 15), 76, Priority::Later);
}

#[test]
fn example_15_runc() {
    let vector = "CVSS:3.1/AV:L/AC:L/PR:N/UI:R/S:C/C:H/I:H/A:H";
    example(&Signals { weaponised: true, ..signals(vector) }, (86, 95, 10), 82, Priority::Later);
}

#[test]
fn example_16_apt_unimportant() {
    let signals = Signals {
        vendor: Some(VendorSeverity::Unimportant),
        epss: percentile(40),
        ..signals("CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:N/I:L/A:N")
    };
    example(&signals, (37, 60, 15), 33, Priority::Nntf);
}

#[test]
fn example_17_severity_word_only() {
    let signals = Signals { vendor: Some(VendorSeverity::High), ..signals("") };
    example(&signals, (75, 100, 15), 113, Priority::Later);
    let result = at(&signals, Exposure::Unknown, Importance::Common);
    assert!(result.urgency.pending);
    assert_eq!(result.level, Level::High);
}

#[test]
fn example_18_red_hat_critical() {
    let signals = Signals {
        vendor: Some(VendorSeverity::Critical),
        vendor_reserves_critical: true,
        ..signals("")
    };
    example(&signals, (90, 100, 15), 135, Priority::Asap);
}

#[test]
fn example_19_the_same_in_three_places() {
    let signals = Signals { epss: percentile(30), ..signals(N98) };
    let score = |exposure| {
        let result = at(&signals, exposure, Importance::Common);
        (result.urgency.t100, result.urgency.e10, result.urgency.tenths, result.priority)
    };
    assert_eq!(score(Exposure::Unknown), (60, 15, 88, Priority::Later));
    assert_eq!(score(Exposure::Internal), (60, 12, 71, Priority::Later));
    assert_eq!(score(Exposure::Internet), (95, 15, 140, Priority::Asap));
}

#[test]
fn example_20_fresh_and_perfect() {
    let signals = Signals { published: days_ago(3), ..signals(N100) };
    example(&signals, (100, 90, 15), 135, Priority::Asap);
}

#[test]
fn example_21_fresh() {
    let fresh = Signals { published: days_ago(3), ..signals(N98) };
    example(&fresh, (98, 90, 15), 132, Priority::Later);
    example(
        &Signals { published: days_ago(14), ..fresh.clone() },
        (98, 90, 15),
        132,
        Priority::Later,
    );
    example(&Signals { published: days_ago(15), ..fresh }, (98, 75, 15), 110, Priority::Later);
}

#[test]
fn example_22_venv_activation() {
    let vector = "CVSS:4.0/AV:L/AC:L/AT:P/PR:H/UI:A/VC:H/VI:H/VA:N/SC:N/SI:N/SA:N";
    let signals = Signals { epss: percentile(20), ..signals(vector) };
    example(&signals, (56, 60, 10), 34, Priority::Nntf);
}

#[test]
fn example_23_on_a_test_asset() {
    let signals = Signals { weaponised: true, ..signals(N98) };
    let result = at(&signals, Exposure::Unknown, Importance::Test);
    assert_eq!((result.urgency.tenths, result.priority), (84, Priority::Later));
}

#[test]
fn the_interim_rule_holds_for_every_severity_word() {
    for (word, tenths, priority, level) in [
        ("critical", 135, Priority::Asap, Level::Critical),
        ("important", 113, Priority::Later, Level::High),
        ("Moderate", 75, Priority::Later, Level::Medium),
        ("low", 45, Priority::Nntf, Level::Low),
        ("negligible", 8, Priority::Nntf, Level::Negligible),
        ("not yet assigned", 75, Priority::Later, Level::Unknown),
    ] {
        let signals = Signals { vendor: VendorSeverity::from_word(word), ..signals("") };
        let result = at(&signals, Exposure::Unknown, Importance::Common);
        assert_eq!(
            (result.urgency.tenths, result.priority, result.level),
            (tenths, priority, level),
            "{word}"
        );
    }
}

#[test]
fn epss_tiers_go_by_percentile() {
    for (percent, t100) in [(99, 95), (98, 85), (95, 85), (94, 75), (80, 75), (79, 60), (0, 60)] {
        let signals = Signals { epss: percentile(percent), ..signals(L78) };
        let urgency = at(&signals, Exposure::Unknown, Importance::Common).urgency;
        assert_eq!(urgency.t100, t100, "{percent}");
    }
    let unknown = Epss { probability: 943_580_000, percentile: None };
    let signals = Signals { epss: Some(unknown), ..signals(L78) };
    let urgency = at(&signals, Exposure::Unknown, Importance::Common).urgency;
    assert_eq!((urgency.t100, urgency.epss, urgency.pending), (75, Some(0.94358), false));
}

#[test]
fn a_floor_stands_above_a_soft_cap_and_below_a_hard_one() {
    let low = Signals { vendor: Some(VendorSeverity::Low), ..signals(N98) };
    example(&low, (98, 75, 15), 69, Priority::Nntf);
    let weaponised = Signals { weaponised: true, ..low.clone() };
    example(&weaponised, (98, 95, 15), 134, Priority::Later);
    let exploited = Signals { known_exploited: known_exploited(), ..low };
    example(&exploited, (98, 100, 15), 135, Priority::Asap);
    let unimportant = Signals { vendor: Some(VendorSeverity::Unimportant), ..exploited };
    example(&unimportant, (98, 100, 15), 69, Priority::Nntf);
}

#[test]
fn threat_metrics_of_version_4_count() {
    let base = "CVSS:4.0/AV:L/AC:L/AT:N/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N";
    example(&signals(&format!("{base}/E:A")), (78, 100, 10), 135, Priority::Asap);
    example(&signals(&format!("{base}/E:P")), (78, 85, 10), 66, Priority::Nntf);
}

#[test]
fn ssvc_decides_before_the_vector_whether_it_spreads() {
    let signals = Signals {
        automatable: Some(true),
        total_impact: Some(false),
        epss: percentile(30),
        ..signals(N98)
    };
    assert_eq!(at(&signals, Exposure::Internet, Importance::Important).urgency.t100, 60);
    assert_eq!(at(&signals, Exposure::Internet, Importance::Important).urgency.a10, 12);
}
