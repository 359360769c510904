//! Rules that are refused, in one spelling, and what they cover.

use proptest::prelude::*;

use super::*;

const NOW: Timestamp = Timestamp(1_795_600_000);

fn rule(vulnerability: &str) -> NewIgnoreRule {
    NewIgnoreRule {
        vulnerability: vulnerability.to_owned(),
        reason: "not reachable".to_owned(),
        author: "ada".to_owned(),
        ..NewIgnoreRule::default()
    }
}

fn refused(rule: &NewIgnoreRule) -> String {
    rule.checked(NOW).unwrap_err().to_string()
}

#[test]
fn a_bad_rule_says_what_is_wrong_with_it() {
    assert!(refused(&rule(" ")).contains("names no vulnerability"));
    assert!(refused(&rule("MAL-2024-1")).contains("`MAL-2024-1` names a malicious package"));
    assert!(refused(&rule("CVE 1")).contains("vulnerability `CVE 1`: spaces"));
    let bad = NewIgnoreRule { reason: " \n".to_owned(), ..rule("CVE-1") };
    assert!(refused(&bad).contains("`CVE-1` gives no reason"));
    let bad = NewIgnoreRule { author: String::new(), ..rule("CVE-1") };
    assert!(refused(&bad).contains("no author"));
    let bad = NewIgnoreRule { expires: Some(NOW), ..rule("CVE-1") };
    assert!(refused(&bad).contains("which is past"));
    let bad = NewIgnoreRule { package: Some("pkg:".to_owned()), ..rule("CVE-1") };
    assert!(refused(&bad).contains("no package URL"));
    for image in ["latest", "sha256:12", "g2345678-1234-1234-1234-123456789012", "1-2-3-4-5"] {
        let bad = NewIgnoreRule { image: Some(image.to_owned()), ..rule("CVE-1") };
        assert!(refused(&bad).contains("neither an image's id"), "{image}");
    }
    let bad = NewIgnoreRule { repositories: vec![" ".to_owned()], ..rule("CVE-1") };
    assert!(refused(&bad).contains("empty list of repositories"));
    let bad = NewIgnoreRule {
        repositories: vec!["team/app".to_owned()],
        image: Some("0".repeat(32)),
        ..rule("CVE-1")
    };
    assert!(refused(&bad).contains("both an image and repositories"));
    let bad = NewIgnoreRule { repositories: vec!["a".to_owned(); 1_001], ..rule("CVE-1") };
    assert!(refused(&bad).contains("names 1001 repositories"));
    let bad = NewIgnoreRule { reason: "a\u{1b}[2J".to_owned(), ..rule("CVE-1") };
    assert!(refused(&bad).contains("control characters"));
    assert_eq!("os".parse::<RuleType>().unwrap_err().to_string(), "`os` is not one of cve, sca");
    assert_eq!(
        "host".parse::<RuleSource>().unwrap_err().to_string(),
        "`host` is not one of image, agentless"
    );
}

#[test]
fn a_rule_has_one_spelling() {
    let loose = NewIgnoreRule {
        package: Some(String::new()),
        repositories: ["b/*", "a", " a "].map(ToOwned::to_owned).to_vec(),
        ..rule(" CVE-1 ")
    };
    let checked = loose.checked(NOW).unwrap();
    assert_eq!(checked.vulnerability, "CVE-1");
    assert_eq!(
        (checked.package.as_ref(), checked.repositories.clone()),
        (None, vec!["a".to_owned(), "b/*".to_owned()])
    );
    assert_eq!(checked.checked(NOW).unwrap(), checked);
    let image = |text: &str| {
        let rule = NewIgnoreRule { image: Some(text.to_owned()), ..rule("CVE-1") };
        rule.checked(NOW).unwrap().image.unwrap()
    };
    assert_eq!(image("FBE5C4DF05D05BB3A308B645A45F7D5B"), "fbe5c4df-05d0-5bb3-a308-b645a45f7d5b");
    let hex = "ab".repeat(32);
    assert_eq!(image(&hex), format!("sha256:{hex}"));
    let all = NewIgnoreRule { repositories: vec!["*".to_owned()], ..rule("CVE-1") };
    assert!(all.checked(NOW).unwrap().repositories.is_empty());
    assert!(rule("cve-1").has_scope_of(&NewIgnoreRule { reason: "other".into(), ..rule("CVE-1") }));
    assert!(!rule("CVE-1").has_scope_of(&all));
}

#[test]
fn a_vulnerability_is_known_by_any_of_its_names() {
    let record = "debian:12:CVE-2024-1";
    let purl = "pkg:deb/debian/libssl3@3.0.11-1?arch=amd64&upstream=openssl";
    for (name, of) in [
        ("CVE-2024-1", "CVE-2024-1"),
        ("cve-2024-1", "CVE-2024-1"),
        ("DSA-1", "DSA-1"),
        (record, "CVE-2024-1"),
        ("Debian:12:cve-2024-1", "CVE-2024-1"),
    ] {
        assert!(rule(name).covers_named(of, record, purl), "{name}");
        assert!(rule(name).names().contains(&of.to_ascii_uppercase()), "{name}");
    }
    assert!(!rule("debian:11:CVE-2024-1").covers_named("CVE-2024-1", record, purl));
    let of_type = |of_type| NewIgnoreRule { of_type: Some(of_type), ..rule("CVE-2024-1") };
    assert!(of_type(RuleType::Cve).covers_named("CVE-2024-1", record, purl));
    assert!(!of_type(RuleType::Sca).covers_named("CVE-2024-1", record, purl));
    let agentless = NewIgnoreRule { source: RuleSource::Agentless, ..rule("CVE-2024-1") };
    assert!(!agentless.covers_named("CVE-2024-1", record, purl));
}

fn of_kind(kind: Kind, id: &str) -> NewIgnoreRule {
    NewIgnoreRule { kind, ..rule(id) }
}

#[test]
fn rules_on_other_kinds_name_ids_and_files() {
    let some = |text: &str| Some(text.to_owned());
    for (bad, wanted) in [
        (
            NewIgnoreRule { path: some("etc"), ..rule("CVE-1") },
            "path `etc`: a rule on a vulnerability",
        ),
        (
            NewIgnoreRule { md5: some(&"0".repeat(32)), ..rule("CVE-1") },
            "names a package, not a file",
        ),
        (
            NewIgnoreRule { package: some("x"), ..of_kind(Kind::Baseline, "root") },
            "package `x`: only rules on",
        ),
        (
            NewIgnoreRule { of_type: Some(RuleType::Cve), ..of_kind(Kind::Build, "add") },
            "type `cve`: only",
        ),
        (of_kind(Kind::Malware, "*"), "everything of a kind"),
        (NewIgnoreRule { path: some("//"), ..of_kind(Kind::Malware, "*") }, "no path of a file"),
        (NewIgnoreRule { md5: some("12"), ..of_kind(Kind::Malware, "*") }, "32 hex digits"),
        (of_kind(Kind::Secret, " "), "names no vulnerability"),
    ] {
        assert!(refused(&bad).contains(wanted), "{}", refused(&bad));
    }
    assert!(of_kind(Kind::Malware, "MAL-2024-1").checked(NOW).is_ok());
    let file = NewIgnoreRule {
        path: some("/srv/*.pem"),
        md5: some(&"AB".repeat(16)),
        ..of_kind(Kind::Secret, "*")
    };
    let file = file.checked(NOW).unwrap();
    assert_eq!(file.path.as_deref(), Some("srv/*.pem"));
    assert_eq!(file.md5.as_deref(), Some("ab".repeat(16).as_str()));
    assert!(file.covers_other("any", "srv/a/b.pem") && !file.covers_other("any", "srv/a.key"));
    let check = of_kind(Kind::Baseline, "Perm_Shadow");
    assert!(check.covers_other("perm_shadow", "etc/shadow") && !check.covers_other("perm", "x"));
    assert_eq!(check.names(), ["PERM_SHADOW"]);
    assert!(!check.covers_named("perm_shadow", "perm_shadow", "pkg:deb/debian/x@1"));
    assert!(!check.has_scope_of(&of_kind(Kind::Build, "perm_shadow")));
    let text = serde_json::to_string(&rule("CVE-1")).unwrap();
    assert!(!text.contains("kind") && !text.contains("false_positive"), "{text}");
    assert_eq!(serde_json::from_str::<NewIgnoreRule>(&text).unwrap(), rule("CVE-1"));
}

#[test]
fn a_package_is_named_in_several_ways() {
    for (wanted, purl, is) in [
        ("libssl3", "pkg:deb/debian/libssl3@3.0?arch=amd64&upstream=openssl", true),
        ("openssl", "pkg:deb/debian/libssl3@3.0?arch=amd64&upstream=openssl", true),
        ("ssl", "pkg:deb/debian/libssl3@3.0?arch=amd64&upstream=openssl", false),
        ("@babel/core", "pkg:npm/%40babel/core@7.0.0", true),
        ("core", "pkg:npm/%40babel/core@7.0.0", true),
        ("org.a.b:c", "pkg:maven/org.a.b/c@1", true),
        ("pkg:maven/org.a.b/c", "pkg:maven/org.a.b/c@1", true),
        ("pkg:maven/org.a.b/c@1", "pkg:maven/org.a.b/c@1", true),
        ("pkg:maven/org.a.b/c@2", "pkg:maven/org.a.b/c@1", false),
        ("pkg:maven/org.a.b/c@1", "pkg:maven/org.a.b/c@10", false),
        ("pkg:npm/@babel/core", "pkg:npm/%40babel/core@7.0.0", true),
        ("pkg:deb/debian/libssl3@3.0", "pkg:deb/debian/libssl3@3.0?arch=amd64", true),
    ] {
        assert_eq!(is_package(wanted, purl), is, "{wanted} {purl}");
    }
}

#[test]
fn a_pattern_stands_for_repositories() {
    for (pattern, text, is) in [
        ("team/app", "team/app", true),
        ("team/app", "team/app2", false),
        ("team/*", "team/app", true),
        ("team/*", "team/a/b", true),
        ("team/*", "team", false),
        ("*/app", "team/app", true),
        ("*/app", "team/app/x", false),
        ("t*m/*p*", "team/app", true),
        ("a*a", "a", false),
        ("a*a", "aa", true),
        ("*a*a", "ba", false),
        ("**", "anything", true),
        ("", "", true),
    ] {
        assert_eq!(is_like(text, pattern), is, "{pattern} {text}");
    }
}

/// The same by trying every length for each star.
fn is_like_slowly(text: &[u8], pattern: &[u8]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((b'*', rest)) => (0..=text.len()).any(|skip| is_like_slowly(&text[skip..], rest)),
        Some((byte, rest)) => text.first() == Some(byte) && is_like_slowly(&text[1..], rest),
    }
}

proptest! {
    #[test]
    fn patterns_mean_what_trying_everything_says(text in "[ab/]{0,8}", pattern in "[ab/*]{0,6}") {
        prop_assert_eq!(is_like(&text, &pattern), is_like_slowly(text.as_bytes(), pattern.as_bytes()));
    }

    #[test]
    fn any_text_is_refused_or_has_one_spelling(vulnerability: String, image: Option<String>, repository: Option<String>, package: Option<String>) {
        let rule = NewIgnoreRule { image, package, repositories: repository.into_iter().collect(), ..rule(&vulnerability) };
        if let Ok(checked) = rule.checked(NOW) {
            prop_assert_eq!(checked.checked(NOW), Ok(checked));
        }
    }
}
