//! The identities of `docs/semantics.md` over drawn fleets on which people decide: what the API's answers, the command line's lists
//! and the console's pages say of an image is the same, whatever was ignored, whitelisted, switched off and taken back.

mod console;
mod drawn;
mod seen;

use std::collections::BTreeMap;

use plimsoll_model::{Finding, Kind};
use plimsoll_server::operation::{
    files::{FileView, FileWord, ListFiles, list_files},
    ignore::{WriteIgnoreRule, add_ignore_rule},
};
use plimsoll_store::{NetType, ScanRecord, SyncListing};
use proptest::prelude::*;
use serde_json::Value;

use self::{
    console::Console,
    drawn::{BASELINE, CONTENTS, IMAGES, Scope, Step, contents, level_of, steps},
    seen::{Seen, agree, total},
};
use crate::{
    fleet::{digest, image, registry, report},
    server::Server,
    signer::Scheme,
};

/// A fleet behind a gateway, with a console on the same store.
struct World {
    server: Server,
    console: Console,
}

impl World {
    async fn new(contents: &[Vec<Finding>]) -> Self {
        let server = Server::start().await;
        let (store, now) = (&server.store, server.now());
        store.set_setting("rank.limit", Some("100")).await.unwrap();
        let yard = registry("yard", "registry.example", Some(5000), NetType::Intranet);
        let yard = store.add_registry(&yard, now).await.unwrap();
        let images: Vec<_> =
            IMAGES.iter().map(|(path, tag, content)| image(path, tag, *content)).collect();
        let paths: Vec<String> = images.iter().map(|image| image.path.clone()).collect();
        let listing = SyncListing {
            images,
            complete: paths.clone(),
            catalog: Some(paths),
            ..SyncListing::default()
        };
        store.apply_sync(yard.id, &listing, now).await.unwrap();
        let console = Console::new(&server).await;
        let world = Self { server, console };
        world.scan(contents).await;
        world
    }

    /// Scans all that is queued.
    async fn scan(&self, contents: &[Vec<Finding>]) {
        let (store, now) = (&self.server.store, self.server.now());
        while let Some(task) = store.claim("test", now).await.unwrap() {
            let number = task.digest.as_bytes()[0];
            // The last content is never scanned: its task stays claimed.
            let Some(findings) = contents.get(usize::from(number)) else { continue };
            let mut report = report(number);
            report.findings.clone_from(findings);
            report.findings.sort_by(Finding::compare_urgency);
            let scan = ScanRecord { report: &report, detectors_version: "1" };
            store.record_scan(&task.lease, scan, now).await.unwrap();
        }
    }

    /// An answer, or the code of its refusal.
    async fn call(&self, action: &str, parameters: &[(&str, &str)]) -> Result<Value, String> {
        let mut call = self.server.call(Scheme::Acs3, action);
        for (name, value) in parameters {
            call = call.with(name, value);
        }
        let reply = self.server.ask(&call).await;
        match reply.status {
            200 => Ok(reply.json()),
            400 => Err(reply.json()["Message"].as_str().unwrap().to_owned()),
            other => panic!("{action} {parameters:?}: {other}: {}", reply.body),
        }
    }

    async fn ask(&self, action: &str, parameters: &[(&str, &str)]) -> Value {
        let answer = self.call(action, parameters).await;
        answer.unwrap_or_else(|why| panic!("{action} {parameters:?}: {why}"))
    }

    /// What a drawn step does; one that a wider rule forbids does nothing.
    async fn take(&self, step: &Step, contents: &mut [Vec<Finding>], uuids: &[String]) {
        let (store, now) = (&self.server.store, self.server.now());
        match step {
            Step::Rule { kind, id, path, scope } => {
                let request = WriteIgnoreRule {
                    kind: *kind,
                    vulnerability: (*id).to_owned(),
                    path: path.map(ToOwned::to_owned),
                    image: match scope {
                        Scope::Image(place) => uuids.get(*place).cloned(),
                        Scope::Everywhere | Scope::Repository => None,
                    },
                    repositories: matches!(scope, Scope::Repository)
                        .then(|| vec!["team/*".to_owned()]),
                    reason: "a test".to_owned(),
                    author: "ada".to_owned(),
                    ..WriteIgnoreRule::default()
                };
                // The same rule twice is refused.
                let _made = add_ignore_rule(store, &request, now).await;
            }
            Step::TakeBack(place) => {
                let rules = store.ignore_rules().await.unwrap();
                if let Some(one) = rules.get(place % rules.len().max(1)) {
                    store.remove_ignore_rules(&[one.rule.id], now).await.unwrap();
                }
            }
            Step::Baseline { item, place, operation } => {
                let mut sent = vec![("BaselineItemKeyList", *item), ("Operation", *operation)];
                if let Some(uuid) = uuids.get(*place) {
                    sent.push(("ImageUuid", uuid));
                }
                let _done = self.call("OperateImageBaselineWhitelist", &sent).await;
            }
            Step::Malicious { place, operation } => {
                let files = self.malicious(&[]).await;
                if let Some(file) = files.get(place % files.len().max(1)) {
                    let id = file["Id"].to_string();
                    let sent = [("FileIdList.1", id.as_str()), ("Operation", *operation)];
                    let _done = self.call("HandleMaliciousFiles", &sent).await;
                }
            }
            Step::Sensitive { place, key, status } => {
                let Some(uuid) = uuids.get(*place) else { return };
                let sent =
                    [("ImageUuids", uuid.as_str()), ("SensitiveFileKey", key), ("Status", status)];
                let _done = self.call("SetImageSensitiveFileStatus", &sent).await;
            }
            Step::Build { place, key, status } => {
                let Some(uuid) = uuids.get(*place) else { return };
                let sent = [("ImageUuids", uuid.as_str()), ("RiskKey", key), ("Status", status)];
                let _done = self.call("SetImageBuildRiskStatus", &sent).await;
            }
            Step::Strategy(items) => {
                let sent = [("BaselineItemList", items.join(","))];
                let sent: Vec<(&str, &str)> =
                    sent.iter().map(|(name, value)| (*name, value.as_str())).collect();
                let _done = self.call("SaveImageBaselineStrategy", &sent).await;
            }
            Step::Rescan { content, findings } => {
                contents[*content].clone_from(findings);
                let number = u8::try_from(*content).unwrap();
                let origin = plimsoll_store::Origin::User;
                store.enqueue(&digest(number), origin, now).await.unwrap();
                self.scan(contents).await;
            }
        }
    }

    /// The action that decides about the first open finding of a kind in an image, and what it is to be sent.
    async fn one_beside(
        &self,
        kind: Kind,
        uuid: &str,
    ) -> Option<(&'static str, Vec<(&'static str, String)>)> {
        if kind == Kind::Build {
            let sent = [("ImageUuid", uuid), ("Status", "0")];
            let found = self.ask("DescribeImageBuildRiskByKey", &sent).await;
            let key = found["Data"]["List"][0]["RiskKey"].as_str()?.to_owned();
            let target = vec![("ImageUuids", uuid.to_owned()), ("RiskKey", key)];
            return Some(("SetImageBuildRiskStatus", target));
        }
        let request = ListFiles { kind: FileWord::Secret, page: None, page_size: Some(500) };
        let files = list_files(&self.server.store, uuid, &request).await.unwrap().files;
        let open: Vec<_> = files.iter().filter(|file| file.state == "open").collect();
        // The same content at the same place in two layers is one decision.
        let alone = |one: &&&FileView| open.iter().filter(|two| two.path == one.path).count() == 1;
        let file = open.iter().find(alone)?;
        Some(("SetImageSensitiveFileStatus", vec![("IdList.1", file.id.to_string())]))
    }

    async fn malicious(&self, parameters: &[(&str, &str)]) -> Vec<Value> {
        let all = [&[("CurrentPage", "1"), ("PageSize", "100")][..], parameters].concat();
        let answer = self.ask("DescribeAffectedMaliciousFileImages", &all).await;
        answer["AffectedMaliciousFileImagesResponse"].as_array().unwrap().clone()
    }
}

/// Ids of the images, in the order of [`IMAGES`].
async fn uuids(world: &World) -> Vec<String> {
    let list = world.ask("ListImageRisk", &[("PageSize", "100")]).await;
    let images = list["ImageRiskList"].as_array().unwrap();
    let of = |(path, tag, _): &(&str, &str, u8)| {
        let is = |image: &&Value| {
            let (namespace, name) = path.rsplit_once('/').unwrap_or(("", path));
            image["RepoNamespace"] == namespace && image["RepoName"] == name && image["Tag"] == *tag
        };
        images.iter().find(is).unwrap()["Uuid"].as_str().unwrap().to_owned()
    };
    IMAGES.iter().map(of).collect()
}

async fn check(mut contents: Vec<Vec<Finding>>, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let world = World::new(&contents).await;
    let uuids = uuids(&world).await;
    agree(&world).await?;
    for step in &steps {
        world.take(step, &mut contents, &uuids).await;
        agree(&world).await.map_err(|error| TestCaseError::fail(format!("{step:?}: {error}")))?;
    }
    there_and_back(&world).await
}

/// I12: one thing is whitelisted, and that alone moves by one where it was open; taken off, all is as before.
async fn there_and_back(world: &World) -> Result<(), TestCaseError> {
    let before = Seen::read(world).await;
    for uuid in before.scanned() {
        vulnerability(world, &before, &uuid).await?;
        baseline(world, &before, &uuid).await?;
        malicious(world, &before, &uuid).await?;
        beside_counters(world, &before, &uuid).await?;
    }
    Ok(())
}

/// The details after something was whitelisted: those of the named images lower by one in each of the named numbers.
fn lowered(
    before: &BTreeMap<String, Value>,
    moved: &BTreeMap<String, Vec<&'static str>>,
) -> BTreeMap<String, Value> {
    let mut wanted = before.clone();
    for (uuid, names) in moved {
        for name in names {
            let number = &mut wanted.get_mut(uuid).unwrap()[*name];
            *number = (number.as_u64().unwrap() - 1).into();
        }
    }
    wanted
}

async fn is_as_before(world: &World, before: &Seen) -> Result<(), TestCaseError> {
    let after = Seen::read(world).await;
    prop_assert_eq!(&after, before, "taken off, all is as before");
    Ok(())
}

async fn vulnerability(world: &World, before: &Seen, uuid: &str) -> Result<(), TestCaseError> {
    for (kind, origin) in [("cve", "cveNum"), ("sca", "scaNum")] {
        let one = [("Type", kind), ("Uuids", uuid), ("Dealed", "n")];
        let open = world.ask("DescribeImageVulList", &one).await;
        let Some(name) = open["VulRecords"][0]["Name"].as_str() else { continue };
        let everywhere = [("Type", kind), ("Name", name), ("Dealed", "n"), ("PageSize", "100")];
        let records = world.ask("DescribeImageVulList", &everywhere).await;
        let mut moved = BTreeMap::new();
        for record in records["VulRecords"].as_array().unwrap() {
            let tier = match record["Necessity"].as_str().unwrap() {
                "asap" => "imageVulAsap",
                "later" => "imageVulLater",
                _ => "imageVulNntf",
            };
            let dashless = record["Uuid"].as_str().unwrap().replace('-', "");
            moved.insert(dashless, vec!["vul", origin, tier]);
        }
        let entry = format!(r#"[{{"Type":"{kind}","Name":"{name}","AliasName":"{name}"}}]"#);
        let target = r#"{"type":"repo","target":["*"]}"#;
        let sent = [("Whitelist", entry.as_str()), ("Reason", "a test"), ("Target", target)];
        world.ask("AddImageVulWhiteList", &sent).await;
        let after = Seen::read(world).await;
        prop_assert_eq!(&after.details, &lowered(&before.details, &moved), "{}", name);
        agree(world).await?;
        let list = world.ask("DescribeImageVulWhiteList", &[("PageSize", "100")]).await;
        let entries = list["ImageVulWhitelist"].as_array().unwrap();
        let own = entries.iter().filter(|entry| entry["Name"] == name);
        let id = own.filter_map(|entry| entry["Id"].as_i64()).max().unwrap().to_string();
        world.ask("DeleteImageVulWhitelist", &[("Ids", &id)]).await;
        is_as_before(world, before).await?;
    }
    Ok(())
}

async fn baseline(world: &World, before: &Seen, uuid: &str) -> Result<(), TestCaseError> {
    let open =
        world.ask("DescribeImageBaselineItemList", &[("ImageUuid", uuid), ("Status", "0")]).await;
    let Some(item) = open["BaselineItemInfos"].get(0) else { return Ok(()) };
    let key = item["BaselineItemKey"].as_str().unwrap();
    let level = match level_of(key) {
        "high" => "imageBaselineHigh",
        "medium" => "imageBaselineMedium",
        _ => "imageBaselineLow",
    };
    let moved = BTreeMap::from([(uuid.replace('-', ""), vec!["imageBaselineNum", level])]);
    let whitelist = async |operation: &str| {
        let sent = [("BaselineItemKeyList", key), ("ImageUuid", uuid), ("Operation", operation)];
        world.ask("OperateImageBaselineWhitelist", &sent).await
    };
    whitelist("add").await;
    let after = Seen::read(world).await;
    prop_assert_eq!(&after.details, &lowered(&before.details, &moved), "{}", key);
    agree(world).await?;
    whitelist("del").await;
    is_as_before(world, before).await
}

async fn malicious(world: &World, before: &Seen, uuid: &str) -> Result<(), TestCaseError> {
    let open = world.malicious(&[("Status", "0")]).await;
    let Some(file) = open.iter().find(|file| file["Uuid"] == uuid) else { return Ok(()) };
    let level = match file["Level"].as_str().unwrap() {
        "serious" => "imageMaliciousFileSerious",
        "suspicious" => "imageMaliciousFileSuspicious",
        _ => "imageMaliciousFileRemind",
    };
    let moved = BTreeMap::from([(uuid.replace('-', ""), vec![level])]);
    let id = file["Id"].to_string();
    let handle = async |operation: &str| {
        let sent = [("FileIdList.1", id.as_str()), ("Operation", operation)];
        world.ask("HandleMaliciousFiles", &sent).await
    };
    handle("addWhitelist").await;
    let after = Seen::read(world).await;
    prop_assert_eq!(&after.details, &lowered(&before.details, &moved), "{}", &file["FilePath"]);
    agree(world).await?;
    handle("offWhitelist").await;
    is_as_before(world, before).await
}

/// Sensitive files and build risks move their own lists, and no number of an image.
async fn beside_counters(world: &World, before: &Seen, uuid: &str) -> Result<(), TestCaseError> {
    for (kind, set) in [(Kind::Secret, "sensitive"), (Kind::Build, "build")] {
        let Some((action, target)) = world.one_beside(kind, uuid).await else { continue };
        let open = total(world, kind, uuid).await;
        for status in ["1", "2"] {
            let sent: Vec<(&str, &str)> =
                target.iter().map(|(name, value)| (*name, value.as_str())).collect();
            world.ask(action, &[&sent[..], &[("Status", status)]].concat()).await;
            let after = Seen::read(world).await;
            prop_assert_eq!(&after, before, "{} is in no number", set);
            prop_assert_eq!(total(world, kind, uuid).await, open - 1, "{} {}", set, status);
            agree(world).await?;
            world.ask(action, &[&sent[..], &[("Status", "0")]].concat()).await;
            prop_assert_eq!(total(world, kind, uuid).await, open, "{} is open again", set);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    #[test]
    fn whoever_looks_sees_the_same_numbers(contents in contents(), steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(check(contents, steps))?;
    }
}

#[test]
fn what_is_drawn_is_of_the_catalogue() {
    let known = plimsoll_scanner::checks();
    for (item, _) in BASELINE {
        assert!(known.iter().any(|check| check.id() == item), "{item}");
    }
    assert_eq!(IMAGES.iter().filter(|image| usize::from(image.2) < CONTENTS).count(), 5);
}
