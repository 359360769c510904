//! Ranges of the package-url project: cases from their specification, and laws.

use plimsoll_advisory::{
    VersError, VersRange,
    version::{MAX_RANGE_CHARACTERS, Place},
};

use super::*;

fn holds(range: &str, inside: &[&str], outside: &[&str]) {
    let read = VersRange::parse(range).unwrap();
    for version in inside {
        assert_eq!(read.contains(version), Ok(true), "{range} and {version}");
    }
    for version in outside {
        assert_eq!(read.contains(version), Ok(false), "{range} and {version}");
    }
}

#[test]
fn ranges_hold_what_their_specification_says() {
    holds("vers:npm/1.2.3", &["1.2.3", "v1.2.3"], &["1.2.2", "1.2.4"]);
    holds(
        "vers:npm/1.2.3|>=2.0.0|<5.0.0",
        &["1.2.3", "2.0.0", "4.9.9"],
        &["1.2.4", "5.0.0", "1.0.0"],
    );
    holds("vers:npm/<5.0.0|1.2.3|>=2.0.0", &["1.2.3", "2.0.0", "4.9.9"], &["1.9.0", "5.0.0"]);
    holds("vers:pypi/*", &["0", "1.0.dev1", "2024.1"], &[]);
    holds("vers:gem/>=2.2.0|!=2.2.1|<2.3.0", &["2.2.0", "2.2.2"], &["2.2.1", "2.3.0", "2.1.9"]);
    holds("vers:deb/!=1.0-1", &["0.9", "1.0-2"], &["1.0-1", "0:1.0-1"]);
    holds("vers:deb/<=1.0-1", &["1.0-1", "1.0~rc1", "0"], &["1.0-1.1", "1:0"]);
    holds("vers:rpm/>1:1.0-1.el9", &["1:1.0-2.el9", "2:0"], &["1:1.0-1.el9", "9.9-1"]);
    holds("vers:npm/<=1.0.0|>=2.0.0", &["1.0.0", "0.1.0", "2.0.0", "9.0.0"], &["1.0.1", "1.9.9"]);
    // Of bounds that follow each other only the widest counts.
    holds("vers:npm/>=1.0.0|>=2.0.0|<3.0.0|<4.0.0", &["1.5.0", "3.5.0"], &["0.9.0", "4.0.0"]);
    // Blanks mean nothing, signs are encoded.
    holds(" vers : npm / >= 1.0.0%2Bbuild | < 2.0.0 ", &["1.0.0", "1.9.0"], &["2.0.0"]);
    holds(
        "vers:golang/>=v1.2.3|<v1.3.0",
        &["v1.2.9", "1.2.4-0.20191109021931-daa7c04131f5"],
        &["v1.3.0"],
    );
}

#[test]
fn places_lie_before_or_behind() {
    let range = VersRange::parse("vers:npm/1.0.0|>2.0.0|<3.0.0").unwrap();
    for (version, place) in [
        ("0.9.0", Place::Before),
        ("1.0.0", Place::Within),
        ("1.5.0", Place::After),
        ("2.0.0", Place::After),
        ("2.5.0", Place::Within),
        ("3.0.0", Place::After),
    ] {
        assert_eq!(range.place(version), Ok(place), "{version}");
    }
    assert_eq!(range.scheme(), Scheme::Semver);
}

#[test]
fn what_is_no_range_is_named() {
    let long = format!("vers:npm/{}", "1.0.0|".repeat(MAX_RANGE_CHARACTERS / 4));
    for (text, wanted) in [
        ("", "does not begin with `vers:`"),
        ("npm/1.0.0", "does not begin with `vers:`"),
        ("vers:npm", "a slash behind the scheme is missing"),
        ("vers:npm/", "it has no constraint"),
        ("vers:npm/|", "it has no constraint"),
        ("vers:npm/>=", "a version is missing"),
        ("vers:npm/*|1.0.0", "`*` stands beside something else"),
        ("vers:npm/1.0.0|>=1.0.0", "it names a version twice"),
        ("vers:npm/1.0.0%2", "a percent sign encodes nothing"),
        ("vers:npm/1.0.0%ff", "a percent sign encodes nothing"),
        ("vers:npm/>=soon", "is not a version to semver"),
        ("vers:nonesuch/1.0", "versioning scheme `nonesuch`"),
        (&long, "longer than 65536 characters"),
    ] {
        let error = VersRange::parse(text).expect_err(text).to_string();
        assert!(error.contains(wanted), "{text}: {error}");
    }
    let many: Vec<String> = (0..1_001).map(|number| format!("1.0.{number}")).collect();
    let error = VersRange::parse(&format!("vers:npm/{}", many.join("|"))).unwrap_err();
    assert!(matches!(error, VersError::Form { .. }), "{error}");
    assert!(VersRange::parse("vers:npm/1.0.0").unwrap().contains("soon").is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_range_panics(text in "(vers:)?(npm|deb|pypi|x)?/?[<>=!|*%0-9a.~ -]{0,30}", version in version_like()) {
        if let Ok(range) = VersRange::parse(&text) {
            let _place = range.place(&version);
        }
    }

    /// The order in which constraints stand does not matter, and each version lies at one place.
    #[test]
    fn constraints_need_no_order(
        constraints in prop::collection::vec(("(|!=|<|<=|>|>=)", 0_u8..12), 1..6),
        version in 0_u8..12,
    ) {
        let text = |constraints: Vec<&(String, u8)>| {
            let parts: Vec<String> = constraints.iter().map(|(sign, number)| format!("{sign}{number}")).collect();
            VersRange::parse(&format!("vers:deb/{}", parts.join("|")))
        };
        let (forwards, backwards) = (text(constraints.iter().collect()), text(constraints.iter().rev().collect()));
        let place = |range: Result<VersRange, VersError>| range.ok().map(|range| range.place(&version.to_string()));
        prop_assert_eq!(place(forwards), place(backwards));
    }
}
