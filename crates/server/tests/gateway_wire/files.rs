//! Malicious and sensitive files through signed requests: lists, filters, what whitelisting and rules do to every number.

pub(crate) mod filled;

use std::fs;

use plimsoll_model::Kind;
use serde_json::{Value, json};

use self::filled::{KEY_MD5, MINER, SHELL, filled};
use crate::{
    actions::fits,
    fleet::digest,
    server::{Server, refused},
    signer::Scheme,
};

const PAGE: [(&str, &str); 2] = [("CurrentPage", "1"), ("PageSize", "20")];

async fn ask(server: &Server, action: &str, parameters: &[(&str, &str)]) -> Value {
    let mut call = server.call(Scheme::Acs3, action);
    for (name, value) in parameters {
        call = call.with(name, value);
    }
    let reply = server.ask(&call).await;
    assert_eq!(reply.status, 200, "{action}: {}", reply.body);
    reply.json()
}

async fn refusal(server: &Server, action: &str, parameters: &[(&str, &str)]) -> String {
    let mut call = server.call(Scheme::V1, action);
    for (name, value) in parameters {
        call = call.with(name, value);
    }
    let reply = server.ask(&call).await;
    let (code, status) = reply.error();
    assert_eq!(status, 400, "{action}: {}", reply.body);
    format!("{code}: {}", reply.json()["Message"].as_str().unwrap())
}

/// Malicious files by group: name, MD5 or id, images, status.
async fn grouped(server: &Server, parameters: &[(&str, &str)]) -> Vec<String> {
    let all = [&PAGE, parameters].concat();
    let reply = ask(server, "DescribeGroupedMaliciousFiles", &all).await;
    let items = reply["GroupedMaliciousFileResponse"].as_array().unwrap();
    assert_eq!(reply["PageInfo"]["TotalCount"], json!(items.len()));
    let line = |item: &Value| {
        let md5 = item["MaliciousMd5"].as_str().unwrap().chars().take(4).collect::<String>();
        format!(
            "{} {md5} {} {}",
            item["Level"].as_str().unwrap(),
            item["ImageCount"],
            item["Status"]
        )
    };
    items.iter().map(line).collect()
}

/// Malicious files of images: image, path, status.
async fn affected(server: &Server, parameters: &[(&str, &str)]) -> Vec<String> {
    let all = [&PAGE, parameters].concat();
    let reply = ask(server, "DescribeAffectedMaliciousFileImages", &all).await;
    let items = reply["AffectedMaliciousFileImagesResponse"].as_array().unwrap();
    assert_eq!(reply["PageInfo"]["TotalCount"], json!(items.len()));
    let line = |item: &Value| {
        let image = item["Image"].as_str().unwrap().rsplit('/').next().unwrap();
        format!("{image} {} {}", item["FilePath"].as_str().unwrap(), item["Status"])
    };
    items.iter().map(line).collect()
}

#[tokio::test]
async fn malicious_files_are_grouped_by_every_filter() {
    let server = filled().await;
    let all = ["serious 0123 3 0", "serious MAL- 1 0", "suspicious ffff 2 0"];
    let (one, layer) = (digest(2).hex(), digest(201).hex());
    for (parameters, wanted) in [
        (vec![], all.as_slice()),
        (vec![("ScanRange.1", "image"), ("Lang", "en")], &all),
        (vec![("Levels", "serious, remind")], &all[..2]),
        (vec![("Levels", "suspicious")], &all[2..]),
        (vec![("MaliciousMd5", &SHELL.to_ascii_uppercase())], &all[..1]),
        (vec![("MaliciousMd5", "MAL-2024-1")], &all[1..2]),
        (vec![("FuzzyMaliciousName", "webs")], &all[..1]),
        (vec![("FuzzyMaliciousName", "none")], &[]),
        (vec![("ImageDigest", one.as_str())], &["serious 0123 1 0", "serious MAL- 1 0"]),
        (vec![("ImageTag", "1.0")], &["serious 0123 1 0", "suspicious ffff 1 0"]),
        (vec![("ImageLayer", layer.as_str())], &all),
        (vec![("ImageLayer", &"0".repeat(64))], &[]),
        (
            vec![("RepoNamespace", "team"), ("RepoName", "app")],
            &["serious 0123 2 0", "suspicious ffff 2 0"],
        ),
        (vec![("RepoRegionId", "cn-beijing")], &[]),
        (vec![("ClusterId", "c1")], &["serious 0123 2 0", "suspicious ffff 2 0"]),
        (vec![("RepoInstanceId", "cri-1")], &[]),
        (vec![("ScanRange", "[\"container\"]")], &[]),
    ] {
        assert_eq!(grouped(&server, &parameters).await, wanted, "{parameters:?}");
    }
    let names = ask(&server, "DescribeMatchedMaliciousNames", &[("Levels", "suspicious")]).await;
    assert_eq!(names["Data"], json!([{"DisplayName": "Miner", "Key": "MINER_IMG"}]));
    assert_eq!(names["Count"], json!(1));
    let action = "DescribeGroupedMaliciousFiles";
    for (name, value) in
        [("Levels", "high"), ("ImageDigest", "12"), ("PageSize", "101"), ("ScanRange.1", "host")]
    {
        let mut parameters = vec![("CurrentPage", "1"), (name, value)];
        if name != "PageSize" {
            parameters.push(("PageSize", "20"));
        }
        let message = refusal(&server, action, &parameters).await;
        assert!(message.contains(&format!("\"{}\"", name.trim_end_matches(".1"))), "{message}");
    }
    let missing = refusal(&server, action, &[("CurrentPage", "1")]).await;
    assert!(missing.starts_with("MissingParameter"), "{missing}");
}

#[tokio::test]
async fn malicious_files_of_images_are_listed_by_every_filter() {
    let server = filled().await;
    let app = ["app:1.0 /srv/www/a.php 0", "app:1.0 /tmp/.x 0"];
    let latest = ["app:latest /srv/www/a.php 0", "app:latest /tmp/.x 0"];
    let front = ["front:2.0 pkg:npm/evil@1.0.0 0", "front:2.0 /srv/www/a.php 0"];
    let all: Vec<&str> = app.iter().chain(&latest).chain(&front).copied().collect();
    let shells = [app[0], latest[0], front[1]];
    for (parameters, wanted) in [
        (vec![], all.as_slice()),
        (vec![("Status", "0,3")], &all),
        (vec![("Status", "3")], &[]),
        (vec![("Status", "1,2")], &[]),
        (vec![("MaliciousMd5", SHELL)], &shells),
        (vec![("Levels", "suspicious"), ("ImageTag", "latest")], &latest[1..]),
        (vec![("Image", "registry.example:5000/team/app:1.0")], &app),
        (vec![("Namespace", "kube-system"), ("Pod", "loki-0"), ("ImageTag", "1.0")], &app),
        (vec![("ClusterName", "c1"), ("ClusterId", "other")], &[]),
        (vec![("ContainerId", "c")], &[]),
    ] {
        let mut found = affected(&server, &parameters).await;
        // Within an image files of one level stand in the order of the scan.
        let mut wanted = wanted.to_vec();
        found.sort();
        wanted.sort_unstable();
        assert_eq!(found, wanted, "{parameters:?}");
    }
    let parameters = [&PAGE[..], &[("MaliciousMd5", SHELL), ("ImageTag", "1.0")]].concat();
    let reply = ask(&server, "DescribeAffectedMaliciousFileImages", &parameters).await;
    let one = &reply["AffectedMaliciousFileImagesResponse"][0];
    assert_eq!(one["HighLight"], json!("[{\"offset\":0,\"length\":4}]"));
    assert_eq!(one["Layer"], json!(digest(201).hex()));
    assert_eq!(one["FirstScanTimestamp"], json!(server.now().0 * 1_000));
    assert_eq!((&one["ClusterId"], &one["Pod"]), (&json!("c1"), &json!("loki-0")));
    assert!(one["Id"].as_i64().unwrap() < 1 << 49);
    let action = "DescribeAffectedMaliciousFileImages";
    let bad = [&PAGE[..], &[("Status", "4")]].concat();
    assert!(refusal(&server, action, &bad).await.contains("\"Status\""));
}

/// Kinds of sensitive files: key, files, images in which one counts, status.
async fn kinds(server: &Server, parameters: &[(&str, &str)]) -> Vec<String> {
    let reply = ask(server, "DescribeImageSensitiveFileList", parameters).await;
    let items = reply["SensitiveFileList"].as_array().unwrap();
    assert_eq!(reply["PageInfo"]["TotalCount"], json!(items.len()));
    let line = |item: &Value| {
        let key = item["SensitiveFileKey"].as_str().unwrap();
        format!("{key} {} {} {}", item["Count"], item["UnprocessedNum"], item["Status"])
    };
    items.iter().map(line).collect()
}

#[tokio::test]
async fn sensitive_files_are_listed_by_kind_image_and_one_by_one() {
    let server = filled().await;
    let all = ["rsa_private_key 3 3 0", "npm_token 2 2 0"];
    let list = ask(&server, "ListImageRisk", &[]).await;
    let uuid_of = |tag: &str| {
        let images = list["ImageRiskList"].as_array().unwrap();
        images.iter().find(|image| image["Tag"] == tag).unwrap()["Uuid"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let app = uuid_of("1.0");
    for (parameters, wanted) in [
        (vec![], all.as_slice()),
        (vec![("ScanRange", "[\"image\"]")], &all),
        (vec![("ScanRange", "[\"container\"]")], &[]),
        (vec![("RiskLevel", "medium")], &all[1..]),
        (vec![("SensitiveKeyList.1", "NPM_TOKEN"), ("SensitiveKeyList.2", "pem")], &all[1..]),
        (vec![("Criteria", "rsa private")], &all[..1]),
        (vec![("CriteriaType", "SensitiveFileKey"), ("Criteria", "npm_token")], &all[1..]),
        (vec![("ImageUuid", &app.replace('-', ""))], &["rsa_private_key 1 1 0", "npm_token 1 1 0"]),
    ] {
        assert_eq!(kinds(&server, &parameters).await, wanted, "{parameters:?}");
    }
    let images = async |parameters: &[(&str, &str)]| {
        let all = [&[("SensitiveFileKey", "rsa_private_key")], parameters].concat();
        let reply = ask(&server, "DescribeImageListBySensitiveFile", &all).await;
        let items = reply["ImageInfos"].as_array().unwrap().clone();
        assert_eq!(reply["PageInfo"]["TotalCount"], json!(items.len()));
        items.iter().map(|item| format!("{} {}", item["Tag"], item["Status"])).collect::<Vec<_>>()
    };
    let three = ["\"1.0\" \"0\"", "\"latest\" \"0\"", "\"2.0\" \"0\""];
    assert_eq!(images(&[]).await, three);
    assert_eq!(images(&[("RepoName", "app"), ("Status", "0")]).await, three[..2]);
    assert_eq!(images(&[("Status", "1,2")]).await, [""; 0]);
    assert_eq!(images(&[("ImageDigest", &digest(2).hex())]).await, three[2..]);
    let files = [("ImageUuid", app.as_str()), ("SensitiveFileKey", "rsa_private_key")];
    let reply = ask(&server, "DescribeImageSensitiveFileByKey", &files).await;
    let one = &reply["SensitiveFileList"][0];
    assert_eq!(one["FilePath"], json!("/root/.ssh/id_rsa"));
    assert_eq!(one["Promt"], json!("-----…--"));
    assert_eq!(one["LayerDigest"], json!(digest(200).hex()));
    assert_eq!(one["Md5"], json!(KEY_MD5));
    assert!(one["Description"].as_str().unwrap().contains("removed in the final image"));
    for (action, parameters) in [
        ("DescribeImageListBySensitiveFile", vec![]),
        ("DescribeImageSensitiveFileByKey", vec![("SensitiveFileKey", "pem")]),
    ] {
        let message = refusal(&server, action, &parameters).await;
        assert!(message.starts_with("MissingParameter"), "{message}");
    }
    for (name, value) in [
        ("RiskLevel", "serious"),
        ("CriteriaType", "Name"),
        ("SensitiveKeyList.1", "no_such_key"),
        ("PageSize", "0"),
    ] {
        let message = refusal(&server, "DescribeImageSensitiveFileList", &[(name, value)]).await;
        assert!(message.contains(&format!("\"{}\"", name.trim_end_matches(".1"))), "{message}");
    }
}

#[tokio::test]
async fn kinds_that_are_not_chosen_are_neither_listed_nor_counted() {
    let server = filled().await;
    let config = async || ask(&server, "GetSensitiveDefineRuleConfig", &[]).await["Data"].clone();
    let all = config().await;
    assert_eq!((&all["RuleCount"], &all["SelectedCount"]), (&json!(112), &json!(112)));
    let classes: Vec<&str> = all["RuleTree"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["ClassKey"].as_str().unwrap())
        .collect();
    assert_eq!(classes, ["config", "cert_key", "credential", "password"]);
    let choice = r#"[{"classKey":"password","ruleList":["huaweicloud_ak","ak_leak"]},{"classKey":"credential","ruleList":["npm_token"]}]"#;
    let set = [("Config", choice), ("EnableNewRule", "0")];
    assert_eq!(ask(&server, "SetSensitiveDefineRuleConfig", &set).await["Data"], json!({"Id": 1}));
    let chosen = config().await;
    assert_eq!((&chosen["SelectedCount"], &chosen["EnableNewRule"]), (&json!(2), &json!(0)));
    assert_eq!(kinds(&server, &[]).await, ["npm_token 2 2 0"]);
    // The other source has a choice of its own, without effect.
    let other = ask(&server, "GetSensitiveDefineRuleConfig", &[("Source", "agentless")]).await;
    assert_eq!(other["Data"]["SelectedCount"], json!(112));
    ask(&server, "SetSensitiveDefineRuleConfig", &[("EnableNewRule", "1")]).await;
    assert_eq!(kinds(&server, &[]).await, ["npm_token 2 2 0"], "what was chosen stays");
    let off = ask(&server, "OpenSensitiveFileScan", &[("SwitchOn", "off")]).await;
    assert_eq!(off["Data"], json!({"SwitchOn": "off"}));
    assert_eq!(kinds(&server, &[]).await, [""; 0]);
    assert_eq!(ask(&server, "OpenSensitiveFileScan", &[]).await["Data"]["SwitchOn"], json!("off"));
    ask(&server, "OpenSensitiveFileScan", &[("SwitchOn", "on")]).await;
    assert_eq!(kinds(&server, &[]).await, ["npm_token 2 2 0"]);
    for (action, name, value) in [
        ("SetSensitiveDefineRuleConfig", "Config", "password"),
        ("SetSensitiveDefineRuleConfig", "Config", r#"[{"classKey":"x","ruleList":[]}]"#),
        (
            "SetSensitiveDefineRuleConfig",
            "Config",
            r#"[{"classKey":"password","ruleList":["pem"]}]"#,
        ),
        ("SetSensitiveDefineRuleConfig", "EnableNewRule", "2"),
        ("GetSensitiveDefineRuleConfig", "Source", "host"),
        ("OpenSensitiveFileScan", "SwitchOn", "true"),
    ] {
        let message = refusal(&server, action, &[(name, value)]).await;
        assert!(message.contains(&format!("\"{name}\"")), "{message}");
    }
    let missing = refusal(&server, "SetSensitiveDefineRuleConfig", &[]).await;
    assert!(missing.starts_with("MissingParameter"), "{missing}");
}

/// Rules of `AddImageEventOperation` have effect at once, by content and by path, everywhere and in one repository.
#[tokio::test]
async fn rules_on_sensitive_files_have_effect() {
    let server = filled().await;
    let path = r#"[{"condition":"PATH","type":"equals","value":"/root/.ssh/id_rsa"}]"#;
    let add = async |key: &str, conditions: &str, scenario: &str| {
        let parameters = [("EventKey", key), ("Conditions", conditions), ("Scenarios", scenario)];
        let made = ask(&server, "AddImageEventOperation", &parameters).await;
        made["Data"]["Id"].to_string()
    };
    let here = r#"{"type":"repo","value":"team/app"}"#;
    let rule = add("RSA_PRIVATE_KEY", path, here).await;
    assert_eq!(kinds(&server, &[]).await, ["rsa_private_key 3 1 0", "npm_token 2 2 0"]);
    let md5 = format!(r#"[{{"condition":"MD5","type":"equals","value":"{KEY_MD5}"}}]"#);
    let other = add("rsa_private_key", &md5, r#"{"type":"default"}"#).await;
    assert_eq!(kinds(&server, &[]).await, ["npm_token 2 2 0", "rsa_private_key 3 0 1"]);
    ask(&server, "DeleteImageEventOperation", &[("Id", &rule)]).await;
    ask(&server, "DeleteImageEventOperation", &[("Id", &other)]).await;
    assert_eq!(kinds(&server, &[]).await, ["rsa_private_key 3 3 0", "npm_token 2 2 0"]);
    let elsewhere = r#"{"type":"repo","value":"team/web/front"}"#;
    add("rsa_private_key", path, elsewhere).await;
    assert_eq!(kinds(&server, &[]).await, ["rsa_private_key 3 3 0", "npm_token 2 2 0"]);
}

/// `newSuspicious` of each image by its tag.
async fn suspicious(server: &Server) -> Vec<String> {
    let list = ask(server, "ListImageRisk", &[]).await;
    let mut numbers: Vec<String> = list["ImageRiskList"]
        .as_array()
        .unwrap()
        .iter()
        .map(|image| {
            let statistics: Value =
                serde_json::from_str(image["Statistics"].as_str().unwrap()).unwrap();
            format!("{} {}", image["Tag"].as_str().unwrap(), statistics["newSuspicious"])
        })
        .collect();
    numbers.sort();
    numbers
}

/// Ids of an image's malicious files by path.
async fn id_of(server: &Server, tag: &str, path: &str) -> String {
    let parameters = [&PAGE[..], &[("ImageTag", tag)]].concat();
    let reply = ask(server, "DescribeAffectedMaliciousFileImages", &parameters).await;
    let files = reply["AffectedMaliciousFileImagesResponse"].as_array().unwrap();
    files.iter().find(|one| one["FilePath"] == path).unwrap()["Id"].to_string()
}

/// What is whitelisted leaves lists, counters and risk levels of its image alone, and comes back as it was.
#[tokio::test]
async fn whitelisting_a_malicious_file_moves_every_number_and_back() {
    let server = filled().await;
    let before = suspicious(&server).await;
    assert_eq!(before, ["1.0 2", "2.0 2", "9.9 0", "latest 2"]);
    let levels = async || {
        let reply = ask(&server, "DescribeImageRiskLevelStatistic", &[]).await;
        let levels = reply["ImageRiskLevelList"].as_array().unwrap().clone();
        let line =
            |one: &Value| format!("{} {}", one["ImageRiskLevel"].as_str().unwrap(), one["Cnt"]);
        levels.iter().map(line).filter(|line| !line.ends_with(" 0")).collect::<Vec<_>>()
    };
    let levels_before = levels().await;
    let shell = id_of(&server, "1.0", "/srv/www/a.php").await;
    let miner = id_of(&server, "1.0", "/tmp/.x").await;
    let handle = async |operation: &str, ids: &[&str]| {
        let names: Vec<String> = (1..=ids.len()).map(|n| format!("FileIdList.{n}")).collect();
        let mut parameters = vec![("Operation", operation)];
        parameters.extend(names.iter().map(String::as_str).zip(ids.iter().copied()));
        let reply = ask(&server, "HandleMaliciousFiles", &parameters).await;
        assert_eq!((&reply["Success"], &reply["Code"]), (&json!(true), &json!("200")));
    };
    for _ in 0..2 {
        // Sent twice it changes nothing more.
        handle("addWhitelist", &[&shell]).await;
        let after = suspicious(&server).await;
        assert_eq!(after, ["1.0 1", "2.0 2", "9.9 0", "latest 2"]);
    }
    assert_ne!(levels().await, levels_before);
    assert_eq!(grouped(&server, &[("MaliciousMd5", SHELL)]).await, ["serious 0123 2 0"]);
    assert_eq!(affected(&server, &[("Status", "3")]).await, ["app:1.0 /srv/www/a.php 3"]);
    let open = affected(&server, &[("Status", "0"), ("ImageTag", "1.0")]).await;
    assert_eq!(open, ["app:1.0 /tmp/.x 0"]);
    handle("addWhitelist", &[&shell, &miner]).await;
    assert_eq!(suspicious(&server).await[0], "1.0 0");
    let other = id_of(&server, "latest", "/tmp/.x").await;
    handle("addWhitelist", &[&other]).await;
    // Dealt with wherever it is: last, with its images and 3.
    assert_eq!(grouped(&server, &[("MaliciousMd5", MINER)]).await, ["suspicious ffff 2 3"]);
    let package = id_of(&server, "2.0", "pkg:npm/evil@1.0.0").await;
    handle("addWhitelist", &[&package]).await;
    assert_eq!(suspicious(&server).await[1], "2.0 1");
    handle("offWhitelist", &[&shell, &miner, &other, &package]).await;
    assert_eq!(suspicious(&server).await, before);
    assert_eq!(levels().await, levels_before);
    assert_eq!(server.store.ignore_rules().await.unwrap(), []);
    // A rule that says more than this cannot be undone here.
    let rule = plimsoll_model::NewIgnoreRule {
        kind: Kind::Malware,
        vulnerability: "php-eval".to_owned(),
        reason: "a test".to_owned(),
        author: "ada".to_owned(),
        ..plimsoll_model::NewIgnoreRule::default()
    };
    let made = server.store.add_ignore_rule(&rule, server.now()).await.unwrap();
    assert_eq!(suspicious(&server).await, ["1.0 1", "2.0 1", "9.9 0", "latest 1"]);
    let action = "HandleMaliciousFiles";
    let off = [("Operation", "offWhitelist"), ("FileIdList.1", shell.as_str())];
    let message = refusal(&server, action, &off).await;
    assert!(message.contains(&format!("ignore rule {}", made.id)), "{message}");
    for (parameters, code) in [
        (vec![("Operation", "addWhitelist")], "MissingParameter"),
        (vec![("FileIdList.1", shell.as_str())], "MissingParameter"),
        (vec![("FileIdList.1", shell.as_str()), ("Operation", "delete")], "InvalidParameter"),
        (vec![("FileIdList.1", "1"), ("Operation", "addWhitelist")], "InvalidParameter"),
        (vec![("FileIdList.1", "x"), ("Operation", "addWhitelist")], "InvalidParameter"),
    ] {
        let message = refusal(&server, action, &parameters).await;
        assert!(message.starts_with(code), "{parameters:?}: {message}");
    }
}

#[tokio::test]
async fn statuses_of_sensitive_files_are_set_and_taken_back() {
    let server = filled().await;
    let list = ask(&server, "ListImageRisk", &[]).await;
    let images = list["ImageRiskList"].as_array().unwrap();
    let app = images.iter().find(|image| image["Tag"] == "1.0").unwrap()["Uuid"].as_str().unwrap();
    let action = "SetImageSensitiveFileStatus";
    let set = async |status: &str| {
        let parameters = [
            ("SensitiveFileKey", "RSA_PRIVATE_KEY"),
            ("ImageUuids", app),
            ("ScanRange", "[\"image\"]"),
            ("Status", status),
        ];
        ask(&server, action, &parameters).await["Data"]["Id"].as_i64().unwrap()
    };
    let of_status = async |status: &str| {
        let parameters = [("SensitiveFileKey", "rsa_private_key"), ("Status", status)];
        let reply = ask(&server, "DescribeImageListBySensitiveFile", &parameters).await;
        let infos = reply["ImageInfos"].as_array().unwrap().clone();
        infos.iter().map(|one| one["Tag"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let ignored = set("1").await;
    assert!(ignored > 0);
    assert_eq!(kinds(&server, &[]).await[0], "rsa_private_key 3 2 0");
    assert_eq!(of_status("1").await, ["1.0"]);
    assert_eq!(set("1").await, ignored, "sent twice it changes nothing more");
    assert!(set("2").await > 0);
    assert_eq!((of_status("1").await, of_status("2").await), (vec![], vec!["1.0".to_owned()]));
    assert_eq!(set("0").await, 0);
    assert_eq!(kinds(&server, &[]).await[0], "rsa_private_key 3 3 0");
    assert_eq!(server.store.ignore_rules().await.unwrap(), []);
    // A single file, by the id that its list tells.
    let files = [("SensitiveFileKey", "rsa_private_key"), ("ImageUuid", app)];
    let listed = ask(&server, "DescribeImageSensitiveFileByKey", &files).await;
    let id = listed["SensitiveFileList"][0]["Id"].as_i64().unwrap();
    assert!(id < 1 << 49, "clients that keep 15 digits read it");
    for (status, wanted) in [("2", "rsa_private_key 3 2 0"), ("0", "rsa_private_key 3 3 0")] {
        ask(&server, action, &[("IdList.1", &id.to_string()), ("Status", status)]).await;
        assert_eq!(kinds(&server, &[]).await[0], wanted);
    }
    let uuids = ("ImageUuids", app);
    let key = ("SensitiveFileKey", "rsa_private_key");
    for (parameters, wanted) in [
        (vec![uuids, key], "MissingParameter"),
        (vec![("Status", "1"), key], "MissingParameter"),
        (vec![("Status", "1"), uuids], "MissingParameter"),
        (vec![("Status", "3"), uuids, key], "\"Status\""),
        (vec![("Status", "1"), ("ImageUuids", "none"), key], "\"ImageUuids\""),
        (vec![("Status", "1"), uuids, ("SensitiveFileKey", "pem")], "\"ImageUuids\""),
        (vec![("Status", "1"), ("IdList.1", "7")], "\"IdList\""),
        (vec![("Status", "1"), uuids, key, ("ScanRange", "[\"container\"]")], "\"ScanRange\""),
    ] {
        let message = refusal(&server, action, &parameters).await;
        assert!(message.contains(wanted), "{parameters:?}: {message}");
    }
}

/// Every member of every answer has the name and type that official clients are generated from.
#[tokio::test]
async fn answers_fit_the_clients_types() {
    let path =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/contract/vectors/action-schema.json");
    let Ok(text) = fs::read_to_string(path) else {
        println!("skipped: ../shared is not here");
        return;
    };
    let schema: Value = serde_json::from_str(&text).unwrap();
    let server = filled().await;
    let list = ask(&server, "ListImageRisk", &[]).await;
    let uuid = list["ImageRiskList"][0]["Uuid"].as_str().unwrap();
    let images = list["ImageRiskList"].as_array().unwrap();
    let app = images.iter().find(|image| image["Tag"] == "1.0").unwrap()["Uuid"].as_str().unwrap();
    let shell = id_of(&server, "1.0", "/srv/www/a.php").await;
    for (action, parameters) in [
        ("DescribeGroupedMaliciousFiles", PAGE.to_vec()),
        ("DescribeAffectedMaliciousFileImages", [&PAGE[..], &[("ClusterId", "c1")]].concat()),
        ("DescribeMatchedMaliciousNames", vec![]),
        ("DescribeImageSensitiveFileList", vec![]),
        ("DescribeImageListBySensitiveFile", vec![("SensitiveFileKey", "rsa_private_key")]),
        (
            "DescribeImageSensitiveFileByKey",
            vec![("SensitiveFileKey", "rsa_private_key"), ("ImageUuid", uuid)],
        ),
        ("GetSensitiveDefineRuleConfig", vec![]),
        ("SetSensitiveDefineRuleConfig", vec![("EnableNewRule", "1")]),
        ("OpenSensitiveFileScan", vec![("SwitchOn", "on")]),
        (
            "SetImageSensitiveFileStatus",
            vec![("SensitiveFileKey", "npm_token"), ("ImageUuids", app), ("Status", "1")],
        ),
        ("HandleMaliciousFiles", vec![("Operation", "addWhitelist"), ("FileIdList.1", &shell)]),
    ] {
        let reply = ask(&server, action, &parameters).await;
        fits(action, &reply, &schema["actions"][action]["response"]);
    }
}

#[tokio::test]
async fn a_key_that_may_only_read_sets_nothing() {
    let server = filled().await;
    let policy = plimsoll_store::Policy::allowing(["yundun-sas:Describe*"]);
    let key = server.store.create_key("reader", &policy, server.now()).await.unwrap();
    let mut call = server.call(Scheme::Acs3, "OpenSensitiveFileScan");
    call.key_id = key.id;
    call.secret = key.secret.reveal().clone();
    let reply = server.ask(&call.with("SwitchOn", "off")).await;
    assert_eq!(reply.error(), refused("NoPermission", 403));
    assert_eq!(kinds(&server, &[]).await.len(), 2);
}
