//! What has to be true when everything is over.
//!
//! In: a site that works again, and what it promised. Out: nothing, or a failure that names the first difference. Odd: what is
//! right is not computed here: a second site scans the same registry undisturbed, and both have to say the same of every image,
//! finding by finding and number by number.

use std::{collections::BTreeSet, time::Instant};

use plimsoll_model::Timestamp;
use serde_json::{Value, json};

use super::{
    client::{Acknowledged, call},
    site::{Site, admin_token},
};
use crate::support::{DEADLINE, run, wait_until};

/// Waits until no scan waits or runs. What was given up because its worker was killed in all five attempts is asked for again, as
/// a person would; nothing may be given up for another reason. Returns how much that was.
pub(super) fn all_is_done(site: &Site) -> u64 {
    let started = Instant::now();
    let mut again = 0;
    loop {
        assert!(started.elapsed() < DEADLINE, "scans do not end: {:?}", tasks(site));
        std::thread::sleep(std::time::Duration::from_millis(100));
        let Some(answer) = site.call("GET", "/tasks?page_size=1", None) else { continue };
        let count = |state: &str| answer.body["counts"][state].as_u64();
        if answer.status != 200 || count("queued") != Some(0) || count("running") != Some(0) {
            continue;
        }
        let failed: Vec<Value> =
            tasks(site).into_iter().filter(|task| task["state"] == "failed").collect();
        if failed.is_empty() {
            return again;
        }
        assert!(failed.iter().all(|task| task["reason"] == "worker-lost"), "{failed:?}");
        again += failed.len() as u64;
        site.call("POST", "/tasks/retry", Some(&json!({})));
    }
}

/// Whatever was acknowledged has happened.
pub(super) fn promises_are_kept(site: &Site, promised: &Acknowledged) {
    let tasks = tasks(site);
    for (digest, asked) in &promised.scans {
        let task = tasks.iter().find(|task| task["digest"] == **digest);
        assert!(task.is_some(), "the scan of {digest} was lost");
        let task = task.unwrap();
        assert_eq!(task["state"], "done", "{task}");
        let finished: Timestamp = task["finished"].as_str().unwrap().parse().unwrap();
        assert!(finished.0.unsigned_abs() >= *asked, "asked for at {asked}: {task}");
    }
    let images = images(&site.address, &admin_token(&site.data));
    let listed: BTreeSet<String> = images
        .iter()
        .map(|image| {
            let text = |name: &str| image[name].as_str().unwrap().to_owned();
            format!("{}/{}", text("namespace"), text("repository"))
        })
        .collect();
    for repository in &promised.synced {
        assert!(listed.contains(repository), "{repository} was seen by a sync and is lost");
    }
    for id in &promised.requested {
        let path = format!("/harbor/api/v1/scan/{id}/report");
        wait_until("a requested scan", || {
            let answer = call(&site.address, "GET", &path, &site.scanner, None);
            let Some(answer) = answer.filter(|answer| answer.status != 302) else { return false };
            let why = answer.body["error"]["message"].as_str().unwrap_or_default();
            let is_given_up = answer.status == 500 && why.contains("stopped during attempt");
            assert!(answer.status == 200 || is_given_up, "{id}: {} {}", answer.status, answer.body);
            true
        });
    }
}

/// Images, reports, numbers and rankings are those of a site where nothing went wrong.
pub(super) fn equals_a_site_from_scratch(site: &Site) {
    let (folder, _process, address) = site.made_anew();
    let mut token = String::new();
    wait_until("the other site", || {
        token = admin_token(folder.path());
        call(&address, "GET", "/api/v1/status", &token, None)
            .is_some_and(|answer| answer.status == 200)
    });
    let (ours, theirs) = (admin_token(&site.data), token);
    let (found, wanted) = (images(&site.address, &ours), images(&address, &theirs));
    assert_eq!(found, wanted, "images and their numbers");
    let mut findings = BTreeSet::new();
    for image in &wanted {
        let path = format!("/images/{}/report", image["uuid"].as_str().unwrap());
        let report = get(&site.address, &ours, &path);
        assert_eq!(report, get(&address, &theirs, &path), "{image}");
        let named = report["findings"].as_array().unwrap().iter();
        findings.extend(named.map(|finding| finding["id"].as_str().unwrap().to_owned()));
    }
    assert!(!findings.is_empty(), "the images have vulnerabilities");
    for id in findings.iter().take(10) {
        let path = format!("/findings/{id}/images");
        let of = |address: &str, token: &str| {
            let mut list = get(address, token, &path);
            list["images"].as_array_mut().unwrap().iter_mut().for_each(without_times);
            list
        };
        assert_eq!(of(&site.address, &ours), of(&address, &theirs), "{id}");
    }
    let ranking = |address: &str, token: &str| {
        let mut ranking = get(address, token, "/ranking");
        without_times(&mut ranking);
        ranking
    };
    assert_eq!(ranking(&site.address, &ours), ranking(&address, &theirs));
}

/// The file, where it is one, is whole.
pub(super) fn is_sound(site: &Site) {
    if site.store.is_some() || !crate::support::has("sqlite3") {
        return;
    }
    let file = site.data.join("plimsoll.db");
    for (check, wanted) in [("PRAGMA integrity_check", "ok"), ("PRAGMA foreign_key_check", "")] {
        assert_eq!(run("sqlite3", [file.to_str().unwrap(), check]).trim(), wanted, "{check}");
    }
}

/// Every task.
pub(super) fn tasks(site: &Site) -> Vec<Value> {
    let answer = site.call("GET", "/tasks?page_size=500", None);
    let found = answer.filter(|answer| answer.status == 200);
    found.map_or_else(Vec::new, |answer| answer.body["tasks"].as_array().unwrap().clone())
}

/// Every image, by its id, without what depends on the hour.
fn images(address: &str, token: &str) -> Vec<Value> {
    let list = get(address, token, "/images?page_size=500");
    let mut images = list["images"].as_array().unwrap().clone();
    images.iter_mut().for_each(without_times);
    images.sort_by_key(|image| image["uuid"].as_str().unwrap().to_owned());
    images
}

fn without_times(value: &mut Value) {
    let fields = value.as_object_mut().unwrap();
    for name in ["updated", "scanned", "scan", "scan_time", "first_seen", "found"] {
        fields.remove(name);
    }
}

fn get(address: &str, token: &str, path: &str) -> Value {
    let answer = call(address, "GET", &format!("/api/v1{path}"), token, None).expect(path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.body
}
