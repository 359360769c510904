//! What is found, and what people decide, as it is drawn.

use plimsoll_model::{Finding, Kind, Level, Priority, Subject};
use proptest::prelude::*;

use crate::{
    files::filled::{MINER, SHELL, malicious, secret},
    fleet::{failed_check, vulnerability},
};

/// Contents that are scanned.
pub(super) const CONTENTS: usize = 4;

/// Path, tag and content; the last content is never scanned.
pub(super) const IMAGES: [(&str, &str, u8); 6] = [
    ("team/app", "1.0", 0),
    ("team/app", "latest", 0),
    ("team/web", "2.0", 1),
    ("solo", "9.9", 2),
    ("other/db", "5", 3),
    ("other/db", "6", 4),
];

pub(super) const BASELINE: [(&str, Level); 4] = [
    ("non_pwd_user", Level::High),
    ("duplicate_uid", Level::Medium),
    ("ssh_permit_root_login", Level::Medium),
    ("duplicate_gid", Level::Low),
];
const BUILD: [&str; 2] = ["no_user", "secret_in_env"];
const SECRETS: [&str; 2] = ["rsa_private_key", "npm_token"];
const NAMES: [(&str, Priority, u16); 4] = [
    ("CVE-2021-0001", Priority::Asap, 150),
    ("CVE-2021-0002", Priority::Asap, 140),
    ("CVE-2021-0003", Priority::Later, 90),
    ("CVE-2021-0004", Priority::Nntf, 10),
];

/// The level of an item, as the contract calls it.
pub(super) fn level_of(item: &str) -> &'static str {
    let known = BASELINE.iter().find(|(known, _)| *known == item);
    match known.unwrap().1 {
        Level::High => "high",
        Level::Medium => "medium",
        _ => "low",
    }
}

/// Where a rule holds.
#[derive(Clone, Debug)]
pub(super) enum Scope {
    Everywhere,
    Image(usize),
    Repository,
}

/// What somebody does. A place is one of [`IMAGES`]; behind them it is none.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Rule { kind: Kind, id: &'static str, path: Option<&'static str>, scope: Scope },
    TakeBack(usize),
    Baseline { item: &'static str, place: usize, operation: &'static str },
    Malicious { place: usize, operation: &'static str },
    Sensitive { place: usize, key: &'static str, status: &'static str },
    Build { place: usize, key: &'static str, status: &'static str },
    Strategy(Vec<&'static str>),
    Rescan { content: usize, findings: Vec<Finding> },
}

fn library(name: &str, priority: Priority, tenths: u16) -> Finding {
    Finding {
        record: format!("imgsca:python:requests:{name}"),
        subject: Subject::Purl("pkg:pypi/requests@2.0".to_owned()),
        ..vulnerability(name, priority, tenths)
    }
}

/// Everything that may be found.
fn all() -> Vec<Finding> {
    let mut all: Vec<Finding> = Vec::new();
    for (name, priority, tenths) in NAMES {
        all.push(vulnerability(name, priority, tenths));
        all.push(library(name, priority, tenths));
    }
    for (item, level) in BASELINE {
        all.push(failed_check(Kind::Baseline, item, level));
    }
    for key in BUILD {
        all.push(failed_check(Kind::Build, key, Level::Medium));
    }
    all.push(malicious("php-eval", "srv/www/a.php", Level::High, SHELL, "WebShell"));
    all.push(malicious("php-eval", "srv/www/b.php", Level::High, SHELL, "WebShell"));
    all.push(malicious("xmrig", "tmp/.x", Level::Medium, MINER, "Miner"));
    all.push(malicious("eicar", "srv/t", Level::Low, &"e".repeat(32), "EngTest"));
    for (key, path, layer) in [
        (SECRETS[0], "root/.ssh/id_rsa", 200),
        (SECRETS[0], "root/.ssh/id_rsa", 201),
        (SECRETS[1], "app/.npmrc", 201),
    ] {
        all.push(secret(key, path, Level::High, layer, layer == 200));
    }
    all
}

fn findings() -> impl Strategy<Value = Vec<Finding>> {
    let all = all();
    prop::sample::subsequence(all.clone(), 0..=all.len())
}

pub(super) fn contents() -> impl Strategy<Value = Vec<Vec<Finding>>> {
    prop::collection::vec(findings(), CONTENTS)
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 5)
}

fn step() -> impl Strategy<Value = Step> {
    let place = || 0..IMAGES.len() + 1;
    let word = |words: &'static [&'static str]| prop::sample::select(words);
    let items = BASELINE.map(|(item, _)| item);
    prop_oneof![
        4 => rule(),
        2 => (0..9_usize).prop_map(Step::TakeBack),
        2 => (prop::sample::select(items.to_vec()), place(), word(&["add", "del"]))
            .prop_map(|(item, place, operation)| Step::Baseline { item, place, operation }),
        2 => (0..20_usize, word(&["addWhitelist", "offWhitelist"]))
            .prop_map(|(place, operation)| Step::Malicious { place, operation }),
        2 => (place(), word(&SECRETS), word(&["0", "1", "2"]))
            .prop_map(|(place, key, status)| Step::Sensitive { place, key, status }),
        2 => (place(), word(&BUILD), word(&["0", "1", "2"]))
            .prop_map(|(place, key, status)| Step::Build { place, key, status }),
        1 => prop::sample::subsequence(items.to_vec(), 1..=items.len()).prop_map(Step::Strategy),
        1 => (0..CONTENTS, findings())
            .prop_map(|(content, findings)| Step::Rescan { content, findings }),
    ]
}

fn rule() -> impl Strategy<Value = Step> {
    let of = prop::sample::select(vec![
        (Kind::Vulnerability, "CVE-2021-0001", None),
        (Kind::Vulnerability, "imgsca:python:requests:CVE-2021-0003", None),
        (Kind::Baseline, "duplicate_uid", None),
        (Kind::Baseline, "non_pwd_user", Some("etc/non*")),
        (Kind::Malware, "php-eval", None),
        (Kind::Malware, "*", Some("srv/*")),
        (Kind::Secret, "rsa_private_key", Some("root/*")),
        (Kind::Secret, "npm_token", None),
        (Kind::Build, "no_user", None),
    ]);
    let scope = prop_oneof![
        Just(Scope::Everywhere),
        (0..IMAGES.len()).prop_map(Scope::Image),
        Just(Scope::Repository),
    ];
    (of, scope).prop_map(|((kind, id, path), scope)| Step::Rule { kind, id, path, scope })
}
