//! Rules out of documents.

use serde_json::{Value, json};

use super::*;

const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

fn document(statements: &Value) -> Document {
    let text = json!({
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": "https://example.org/vex/7",
        "author": "ada",
        "timestamp": "2026-01-01T00:00:00Z",
        "statements": statements,
    });
    Document::read(text.to_string().as_bytes()).unwrap()
}

fn said(product: &Value, status: &str) -> Value {
    json!({"vulnerability": {"name": "CVE-2026-1"}, "products": [product], "status": status})
}

/// Package, image, repositories.
type ScopeWords<'a> = (Option<&'a str>, Option<&'a str>, Vec<&'a str>);

fn scopes_of(rules: &Rules) -> Vec<ScopeWords<'_>> {
    rules
        .rules
        .iter()
        .map(|rule| {
            let repositories = rule.repositories.iter().map(String::as_str).collect();
            (rule.package.as_deref(), rule.image.as_deref(), repositories)
        })
        .collect()
}

#[test]
fn packages_and_images_become_scopes() {
    let image = format!("pkg:oci/app@{}", DIGEST.replace(':', "%3A"));
    let cases: [(Value, ScopeWords<'_>); 6] = [
        (json!({"@id": "pkg:npm/lodash@4.17.20"}), (Some("pkg:npm/lodash@4.17.20"), None, vec![])),
        (
            json!({"@id": "pkg:npm/lodash?repository_url=https://npm.example.org"}),
            (Some("pkg:npm/lodash"), None, vec![]),
        ),
        (json!({"@id": image}), (None, Some(DIGEST), vec![])),
        (
            json!({"@id": image, "subcomponents": [{"@id": "pkg:pypi/django"}]}),
            (Some("pkg:pypi/django"), Some(DIGEST), vec![]),
        ),
        (json!({"@id": "pkg:docker/team/app"}), (None, None, vec!["team/app"])),
        (json!({"@id": "pkg:oci/app"}), (None, None, vec!["*/app", "app"])),
    ];
    for (product, expected) in cases {
        let made = document(&json!([said(&product, "not_affected")])).rules("app.json", None, None);
        assert_eq!(scopes_of(&made), [expected], "{product}");
        assert_eq!(made.left_out, Vec::<String>::new());
        let rule = made.rules[0].checked(plimsoll_model::Timestamp(0)).unwrap();
        assert_eq!((rule.vulnerability.as_str(), rule.author.as_str()), ("CVE-2026-1", "ada"));
    }
}

#[test]
fn what_no_rule_can_say_is_told_and_not_widened() {
    let products = [
        json!({"@id": "pkg:oci/app?tag=1.4"}),
        json!({"@id": "pkg:oci/app?repository_url=registry.example.org/team/app"}),
        json!({"@id": "pkg:deb/debian/openssl@3?distro=debian-12"}),
        json!({"@id": "pkg:npm/app", "subcomponents": [{"@id": "pkg:npm/lodash"}]}),
        json!({"@id": "a name"}),
    ];
    for product in products {
        let made = document(&json!([said(&product, "not_affected")])).rules("app.json", None, None);
        assert_eq!(made.rules, [], "{product}");
        assert_eq!(made.left_out.len(), 1, "{product}");
        assert!(made.left_out[0].starts_with("CVE-2026-1: "), "{:?}", made.left_out);
        let counts = document(&json!([said(&product, "affected")])).rules("app.json", None, None);
        assert_eq!(counts, Rules::default(), "{product}");
    }
}

#[test]
fn the_user_says_where_statements_on_an_image_hold() {
    let digest = ImagePlace::Image(DIGEST.parse().unwrap());
    let team = ImagePlace::Repositories(vec!["team/*".to_owned()]);
    let products = [
        json!({"@id": "pkg:oci/app?tag=1.4"}),
        json!({"@id": "pkg:oci/app?repository_url=registry.example.org/team/app"}),
    ];
    for product in products {
        let document = document(&json!([said(&product, "fixed")]));
        let in_image = document.rules("app.json", Some("eve"), Some(&digest));
        assert_eq!(scopes_of(&in_image), [(None, Some(DIGEST), vec![])]);
        assert_eq!(in_image.rules[0].author, "eve");
        let in_team = document.rules("app.json", None, Some(&team));
        assert_eq!(scopes_of(&in_team), [(None, None, vec!["team/*"])]);
    }
    let everywhere = document(&json!([said(&json!({"@id": "pkg:npm/lodash"}), "fixed")]));
    let rules = everywhere.rules("app.json", None, Some(&team));
    assert_eq!(scopes_of(&rules), [(Some("pkg:npm/lodash"), None, vec![])]);
}

#[test]
fn the_latest_statement_decides() {
    let product = json!({"@id": "pkg:npm/lodash"});
    let at = |time: &str, status: &str, name: &str| {
        json!({
            "vulnerability": {"name": name, "aliases": ["CVE-2026-1"]}, "products": [product],
            "status": status, "timestamp": time, "justification": "component_not_present",
            "impact_statement": "not built in",
        })
    };
    let taken_back = document(&json!([
        at("2026-01-01T00:00:00Z", "not_affected", "CVE-2026-1"),
        at("2026-02-01T00:00:00Z", "affected", "CVE-2026-1"),
    ]));
    assert_eq!(taken_back.rules("a", None, None), Rules::default());
    let wider = json!({"@id": "pkg:npm/%40scope/lodash"});
    let narrow = json!({"@id": "pkg:npm/%40scope/lodash@4"});
    let other = json!({"@id": "pkg:npm/%40scope/lodash@5"});
    let mut later = said(&wider, "affected");
    later["timestamp"] = json!("2026-03-01T00:00:00Z");
    let part = document(&json!([said(&narrow, "not_affected"), later]));
    let made = part.rules("a.json", None, None);
    assert_eq!(made.rules, []);
    assert_eq!(made.left_out, ["CVE-2026-1: a later statement says that a part of it counts"]);
    later["products"] = json!([other]);
    let apart = document(&json!([said(&narrow, "not_affected"), later]));
    assert_eq!(apart.rules("a.json", None, None).rules.len(), 1);
    let found = document(&json!([
        at("2026-02-01T00:00:00Z", "not_affected", "GHSA-1"),
        at("2026-01-01T00:00:00Z", "under_investigation", "CVE-2026-1"),
    ]));
    let made = found.rules("a.json", None, None);
    assert_eq!(made.rules.len(), 1);
    assert_eq!(made.rules[0].vulnerability, "GHSA-1");
    assert_eq!(
        made.rules[0].reason,
        "not affected: component_not_present: not built in (VEX a.json)"
    );
}
