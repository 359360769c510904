//! What is done in a world: rules made, changed and removed, tags moved, scans and other advisories.

use super::*;

pub(super) fn rule(vulnerability: &str) -> NewIgnoreRule {
    NewIgnoreRule {
        vulnerability: vulnerability.to_owned(),
        reason: "not reachable".to_owned(),
        author: "ada".to_owned(),
        ..NewIgnoreRule::default()
    }
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Add(NewIgnoreRule),
    Change(usize, NewIgnoreRule),
    Remove(usize),
    Switch(Kind, BTreeSet<String>),
    Pass(i64),
    Refresh(bool, &'static str),
    Bring(Vec<(usize, usize)>),
    Rescan(usize),
}

pub(super) fn rules() -> impl Strategy<Value = NewIgnoreRule> {
    let names = [
        "CVE-1",
        "cve-2",
        "GHSA-CVE-3",
        "PYSEC-CVE-2",
        "debian:12:CVE-1",
        "imgsca:python:x:CVE-1",
        "CVE-4",
        "CVE-5",
        "CVE-9",
    ];
    let others = [
        (Kind::Baseline, "root", None, None),
        (Kind::Baseline, "SHADOW", None, None),
        (Kind::Baseline, "root", Some("etc/sh*"), None),
        (Kind::Malware, "miner", None, None),
        (Kind::Malware, "*", Some("/etc/*"), None),
        (Kind::Malware, "*", None, Some("shell")),
        (Kind::Malware, "miner", None, Some("shell")),
        (Kind::Secret, "pem", Some("*/pem"), Some("pem")),
        (Kind::Build, "add", None, None),
        (Kind::Build, "root", None, None),
    ];
    let packages = [
        None,
        None,
        Some("openssl"),
        Some("curl"),
        Some("pkg:deb/debian/zlib@1"),
        Some("pkg:deb/debian/libc6"),
    ];
    let image = |place: usize| {
        let (namespace, name) = PATHS[place / 2].split_once('/').unwrap_or(("", PATHS[place / 2]));
        image_uuid("build", namespace, name, &(place % 2).to_string())
    };
    let scopes = prop_oneof![
        3 => Just((None, Vec::new())),
        1 => (0..PATHS.len() * 2).prop_map(move |place| (Some(image(place)), Vec::new())),
        1 => (0..CONTENTS.len()).prop_map(|content| (Some(digest(CONTENTS[content]).to_string()), Vec::new())),
        1 => prop::collection::vec(prop::sample::select(&PATHS[..]), 1..3)
            .prop_map(|paths| (None, paths.into_iter().map(ToOwned::to_owned).collect())),
        1 => prop::sample::select(&["team/*", "*r", "x*"][..]).prop_map(|path| (None, vec![path.to_owned()])),
    ];
    (
        (
            prop::sample::select(names.to_vec()),
            prop::option::weighted(0.4, prop::sample::select(others.to_vec())),
        ),
        prop::sample::select(packages.to_vec()),
        prop::option::weighted(0.2, prop::sample::select(vec![RuleType::Cve, RuleType::Sca])),
        scopes,
        prop::option::weighted(0.3, 1..50_i64),
        prop::bool::weighted(0.1),
    )
        .prop_map(
            |((name, other), package, of_type, (image, repositories), expires, agentless)| {
                let (name, package, of_type) = match other {
                    Some((_, id, ..)) => (id, None, None),
                    None => (name, package, of_type),
                };
                NewIgnoreRule {
                    kind: other.map_or(Kind::Vulnerability, |(kind, ..)| kind),
                    path: other.and_then(|(_, _, path, _)| path).map(ToOwned::to_owned),
                    md5: other.and_then(|(.., name)| name).map(md5),
                    false_positive: other.is_some()
                        && expires.is_some_and(|seconds| seconds % 2 == 0),
                    package: package.map(ToOwned::to_owned),
                    of_type,
                    image,
                    repositories,
                    source: if agentless { RuleSource::Agentless } else { RuleSource::Image },
                    expires: expires.map(|seconds| after(seconds * 10)),
                    ..rule(name)
                }
            },
        )
}

pub(super) fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => rules().prop_map(Step::Add),
        1 => (0..8_usize, rules()).prop_map(|(at, rule)| Step::Change(at, rule)),
        2 => (0..8_usize).prop_map(Step::Remove),
        1 => (
            prop::sample::select(vec![Kind::Baseline, Kind::Build, Kind::Secret]),
            prop::collection::btree_set(prop::sample::select(vec!["root", "shadow", "add", "pem"]), 0..3),
        )
            .prop_map(|(kind, ids)| Step::Switch(kind, ids.into_iter().map(ToOwned::to_owned).collect())),
        1 => (1..200_i64).prop_map(Step::Pass),
        1 => (any::<bool>(), prop::sample::select(vec!["GHSA", "PYSEC"]))
            .prop_map(|(first, alias)| Step::Refresh(first, alias)),
        2 => prop::collection::vec((0..PATHS.len() * 2, 0..CONTENTS.len()), 0..8).prop_map(Step::Bring),
        1 => (0..CONTENTS.len()).prop_map(Step::Rescan),
    ]
}

pub(super) async fn take(world: &mut World, step: Step) {
    let ids: Vec<i64> =
        world.store().ignore_rules().await.unwrap().iter().map(|one| one.rule.id).collect();
    match step {
        Step::Add(rule) => match world.store().add_ignore_rule(&rule, world.now).await {
            Ok(added) => assert_eq!(added.rule, rule.checked(world.now).unwrap()),
            Err(IgnoreError::Rule(_)) => assert!(rule.expires.is_some_and(|at| at <= world.now)),
            Err(IgnoreError::Duplicate { id, .. }) => assert!(ids.contains(&id)),
            Err(error) => panic!("{error}"),
        },
        Step::Change(at, rule) => {
            if let Some(id) = ids.get(at) {
                match world.store().change_ignore_rule(*id, &rule, world.now).await {
                    Ok(_) | Err(IgnoreError::Rule(_) | IgnoreError::Duplicate { .. }) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        }
        Step::Remove(at) => {
            if let Some(id) = ids.get(at) {
                world.store().remove_ignore_rules(&[*id], world.now).await.unwrap();
            }
        }
        Step::Switch(kind, ids) => {
            for _ in 0..2 {
                world.store().switch_off(kind, &ids, "ada", world.now).await.unwrap();
                assert_eq!(world.store().switched_off(kind).await.unwrap(), ids);
            }
        }
        Step::Pass(seconds) => {
            world.now = Timestamp(world.now.0 + seconds);
            let ended = world.store().expire_ignore_rules(world.now).await.unwrap();
            assert!(ended.iter().all(|one| one.rule.expires.is_some_and(|at| at <= world.now)));
            assert_eq!(world.store().expire_ignore_rules(world.now).await.unwrap(), []);
        }
        Step::Refresh(is_first, alias) => {
            let mut judge = if is_first { first() } else { second(alias) };
            judge.alias = alias;
            judge.name = format!("snapshot {is_first} {alias}");
            world.judge = refresh(&world.fixture, &world.judge, judge, true).await;
        }
        Step::Bring(images) => world.bring(&images).await,
        Step::Rescan(content) => {
            let known = world.store().artifact(&digest(CONTENTS[content])).await.unwrap();
            if known.is_some_and(|artifact| artifact.task.is_some()) {
                let counted = ["tasks", "registry_shares", "succeeded_scans"];
                let before = world.fixture.dump(&counted).await;
                let manifest = digest(CONTENTS[content]);
                world.store().enqueue(&manifest, Origin::User, world.now).await.unwrap();
                world.scan_queued().await;
                // I13. A report that is kept whole may be of an earlier snapshot.
                if CONTENTS[content] != "whole" {
                    assert_eq!(world.fixture.dump(&counted).await, before);
                }
            }
        }
    }
}
