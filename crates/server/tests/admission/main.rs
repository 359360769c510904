//! The admission webhook over real connections: reviews as folders of cases, every kind of workload, hostile bodies, a store that is
//! away, policies and certificates that are exchanged.
//!
//! `UPDATE_EXPECT=1` writes the answers of the cases anew.
//!
//! (`cfg(test)` tells clippy that helpers may unwrap.)

#[cfg(test)]
mod cases;
#[cfg(test)]
mod outages;
#[cfg(test)]
mod secure;
#[cfg(test)]
mod site;

use plimsoll_model::NewIgnoreRule;
use plimsoll_server::Clock;
use serde_json::{Value, json};

#[cfg(test)]
use crate::site::{Fleet, Site, digest, get, now, post, scan_again, sync};

/// What most tests are about.
pub(crate) const FLEET: &str = include_str!("cases/store.json");
/// Denies what is urgent and what nobody knows.
pub(crate) const STRICT: &str = "[[rule]]\nname = 'all'\n[rule.deny]\nvulnerability = 'asap'\n";

/// A review of a new pod with these images.
pub(crate) fn pod(images: &[&str]) -> Value {
    let containers: Vec<Value> =
        images.iter().map(|image| json!({"name": "c", "image": image})).collect();
    review("", "pods", json!({"metadata": {"name": "p"}, "spec": {"containers": containers}}))
}

/// A review of a new object.
pub(crate) fn review(group: &str, resource: &str, object: Value) -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "0df28fbd-5f5f-11e8-bc74-36e6bb280816",
            "kind": {"group": group, "version": "v1", "kind": "X"},
            "resource": {"group": group, "version": "v1", "resource": resource},
            "name": "x",
            "namespace": "prod",
            "operation": "CREATE",
            "userInfo": {"username": "admin"},
            "object": object,
            "oldObject": null,
            "dryRun": false,
            "options": null
        }
    })
}

const RISKY: &str = "registry.example.com/team/risky:1.0";
const CLEAN: &str = "registry.example.com/team/clean:1.0";

#[cfg(test)]
fn allowed(answer: &Value) -> bool {
    answer["response"]["allowed"].as_bool().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_workload_is_looked_into() {
    let site = Site::new(&Fleet::read(FLEET), STRICT).await;
    let spec = |image: &str| json!({"containers": [{"name": "c", "image": image}]});
    let template = |image: &str| json!({"template": {"metadata": {}, "spec": spec(image)}});
    let object = |resource: &str, image: &str| match resource {
        "pods" => json!({"spec": spec(image)}),
        "podtemplates" => template(image),
        "cronjobs" => json!({"spec": {"jobTemplate": {"spec": template(image)}}}),
        _ => json!({"spec": template(image)}),
    };
    for (group, resource) in [
        ("", "pods"),
        ("", "podtemplates"),
        ("", "replicationcontrollers"),
        ("apps", "deployments"),
        ("apps", "daemonsets"),
        ("apps", "statefulsets"),
        ("apps", "replicasets"),
        ("batch", "jobs"),
        ("batch", "cronjobs"),
    ] {
        let answer = site.ask(&review(group, resource, object(resource, RISKY))).await;
        assert_eq!(answer["response"]["status"]["code"], 403, "{resource}: {answer}");
        let answer = site.ask(&review(group, resource, object(resource, CLEAN))).await;
        assert!(allowed(&answer), "{resource}: {answer}");
    }
    // What runs nothing, and what was deleted.
    let object = object("deployments", RISKY);
    assert!(allowed(&site.ask(&review("", "services", object.clone())).await));
    assert!(allowed(&site.ask(&review("example.com", "deployments", object)).await));
    let mut deleted = pod(&[RISKY]);
    deleted["request"]["operation"] = "DELETE".into();
    assert!(allowed(&site.ask(&deleted).await));
    let mut scaled = review("apps", "deployments", json!({"spec": {"replicas": 3}}));
    scaled["request"]["subResource"] = "scale".into();
    assert!(allowed(&site.ask(&scaled).await));
    site.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_place_of_an_image_in_a_pod_counts() {
    let site = Site::new(&Fleet::read(FLEET), STRICT).await;
    let one = json!([{"name": "c", "image": RISKY}]);
    let clean = json!([{"name": "c", "image": CLEAN}]);
    for spec in [
        json!({"containers": clean, "initContainers": one}),
        json!({"containers": clean, "ephemeralContainers": one}),
        json!({"containers": clean, "volumes": [{"name": "v", "image": {"reference": RISKY}}]}),
        json!({"containers": [{"name": "a", "image": CLEAN}, {"name": "b", "image": RISKY}]}),
    ] {
        let answer = site.ask(&review("", "pods", json!({"spec": spec}))).await;
        assert!(!allowed(&answer), "{spec}");
    }
    let debugged = json!({"spec": {"containers": clean, "ephemeralContainers": one}});
    let mut review = review("", "pods", debugged);
    review["request"]["subResource"] = "ephemeralcontainers".into();
    review["request"]["operation"] = "UPDATE".into();
    review["request"]["oldObject"] = json!({"spec": {"containers": clean}});
    assert!(!allowed(&site.ask(&review).await));
    // What was there before is not asked about again: a label may change, and a finalizer go.
    review["request"]["oldObject"] = json!({"spec": {"containers": one}});
    assert!(allowed(&site.ask(&review).await));
    site.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_review_is_refused_by_a_status_and_harms_nobody() {
    let site = Site::new(&Fleet::read(FLEET), STRICT).await;
    let with = |change: fn(&mut Value)| {
        let mut review = pod(&[RISKY]);
        change(&mut review);
        review.to_string().into_bytes()
    };
    let twice = pod(&[RISKY]).to_string().replacen("\"uid\":", "\"uid\":\"a\",\"uid\":", 1);
    let address = site.server.address();
    for (what, body, status) in [
        ("nothing", Vec::new(), 400),
        ("no JSON", b"{".to_vec(), 400),
        ("no UTF-8", vec![0xff; 100], 400),
        ("a list", b"[]".to_vec(), 400),
        ("deep", vec![b'['; 1 << 20], 400),
        (
            "another version",
            with(|review| review["apiVersion"] = "admission.k8s.io/v1beta1".into()),
            400,
        ),
        ("another kind", with(|review| review["kind"] = "Pod".into()), 400),
        ("no request", with(|review| review["request"] = Value::Null), 400),
        ("no uid", with(|review| review["request"]["uid"] = "".into()), 400),
        ("a long uid", with(|review| review["request"]["uid"] = "u".repeat(257).into()), 400),
        ("a uid twice", twice.into_bytes(), 400),
        ("too long", vec![b' '; (8 << 20) + 1], 413),
    ] {
        let (found, answer) = post(address, &body).await;
        assert_eq!(found, status, "{what}: {answer}");
    }
    assert_eq!(get(address, "/validate").await.0, 405);
    assert_eq!(get(address, "/console/").await.0, 404);
    // What is a review, but of no object that could be.
    let containers: Vec<Value> =
        (0..300).map(|number| json!({"name": "c", "image": format!("a{number}")})).collect();
    for object in [
        json!({"spec": {"containers": 5}}),
        json!({"spec": {"containers": [{"image": {"a": 1}}]}}),
        json!({"spec": {"containers": containers}}),
        Value::Null,
        json!("pod"),
    ] {
        let answer = site.ask(&review("", "pods", object.clone())).await;
        assert_eq!(answer["response"]["status"]["code"], 400, "{object}: {answer}");
    }
    let twice = pod(&[CLEAN]).to_string().replace(
        "\"containers\":",
        &format!("\"containers\":[{{\"name\":\"c\",\"image\":\"{RISKY}\"}}],\"containers\":"),
    );
    let (status, answer) = post(address, twice.as_bytes()).await;
    assert!(status == 200 && answer.contains("\"code\":400"), "{answer}");
    assert!(allowed(&site.ask(&pod(&[CLEAN])).await));
    let (_, metrics) = get(site.server.probes().unwrap(), "/metrics").await;
    assert!(
        metrics.contains("plimsoll_admission_reviews_total{outcome=\"refused\"} 12"),
        "{metrics}"
    );
    assert!(
        metrics.contains("plimsoll_admission_reviews_total{outcome=\"malformed\"} 6"),
        "{metrics}"
    );
    assert!(
        metrics.contains("plimsoll_admission_reviews_total{outcome=\"allowed\"} 1"),
        "{metrics}"
    );
    assert!(metrics.contains("plimsoll_store_up 1"), "{metrics}");
    site.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_with_control_characters_begin_no_line_of_their_own() {
    let warn = "[[rule]]\nname = 'all'\nmode = 'warn'\n";
    let site = Site::new(&Fleet::read(FLEET), warn).await;
    let answer = site.ask(&pod(&["a\r\nWarning: b\u{0}c"])).await;
    let warnings = answer["response"]["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 1);
    let text = warnings[0].as_str().unwrap();
    assert!(!text.contains(char::is_control) && text.chars().count() <= 120, "{text:?}");
    site.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_store_learns_holds_for_the_next_review() {
    let mut fleet = Fleet::read(FLEET);
    let site = Site::new(&fleet, STRICT).await;
    let asked = pod(&[RISKY]);
    assert!(!allowed(&site.ask(&asked).await));
    assert!(!allowed(&site.ask(&asked).await), "from memory");

    // An ignore rule.
    let rule = NewIgnoreRule {
        vulnerability: "CVE-2026-0001".to_owned(),
        reason: "not reachable".to_owned(),
        author: "ada".to_owned(),
        ..NewIgnoreRule::default()
    };
    let rule = site.store.add_ignore_rule(&rule, now()).await.unwrap();
    assert!(allowed(&site.ask(&asked).await), "an ignore rule");
    site.store.remove_ignore_rules(&[rule.id], now()).await.unwrap();
    assert!(!allowed(&site.ask(&asked).await), "without it");

    // A scan that finds nothing any more.
    let found = fleet.clone();
    let place = fleet.images.iter().position(|image| image.digest == 1).unwrap();
    fleet.images[place].forget_findings();
    scan_again(&site.store, &fleet, 1).await;
    assert!(allowed(&site.ask(&asked).await), "another scan");
    scan_again(&site.store, &found, 1).await;
    assert!(!allowed(&site.ask(&asked).await));

    // A tag that moves to what is clean.
    fleet.images[place].digest = 2;
    sync(&site.store, &fleet).await;
    let answer = site.ask(&asked).await;
    assert!(allowed(&answer), "a tag that moved: {answer}");
    let images = answer["response"]["auditAnnotations"]["images"].as_str().unwrap();
    assert!(images.contains(&digest(2).to_string()), "{images}");
    // What was pinned before it moved is still what it was.
    let pinned = format!("registry.example.com/team/risky@{}", digest(1));
    assert!(!allowed(&site.ask(&pod(&[&pinned])).await));
    site.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ignore_rule_of_the_policy_ends_with_its_day() {
    let policy = format!(
        "{STRICT}[[rule.ignore]]\nvulnerability = 'CVE-2026-0001'\nreason = 'x'\nexpires = 2026-12-02\n"
    );
    let site = Site::new(&Fleet::read(FLEET), &policy).await;
    let asked = pod(&[RISKY]);
    assert!(allowed(&site.ask(&asked).await));
    let clock: &Clock = &site.clock;
    clock.advance(86_400);
    assert!(!allowed(&site.ask(&asked).await));
    site.server.stop().await;
}
