//! Failed checks through signed requests: the catalogue, lists that agree with the counters, the white list, the strategy.

use std::{collections::BTreeMap, fs};

use plimsoll_model::{Kind, Level};
use serde_json::{Value, json};

use crate::{
    actions::fits,
    fleet::{failed_check, fill, scan_again},
    server::Server,
    whitelist::{ask, refusal},
};

const CLUSTER: &str = "c80f79959fd724a888e1187779b13";

/// Two images with three failed checks, one with one.
async fn filled() -> Server {
    let server = Server::start().await;
    fill(&server).await;
    let check = |id, level| failed_check(Kind::Baseline, id, level);
    let several = vec![
        check("non_pwd_user", Level::High),
        check("duplicate_uid", Level::Medium),
        check("ssh_permit_root_login", Level::Medium),
    ];
    scan_again(&server, 1, several).await;
    scan_again(&server, 2, vec![check("duplicate_uid", Level::Medium)]).await;
    server
}

/// `RiskLevelDetail` of every scanned image, by `repository:tag`; and each image's id.
async fn details(server: &Server) -> (BTreeMap<String, Value>, BTreeMap<String, String>) {
    let list = ask(server, "ListImageRisk", &[]).await;
    let (mut details, mut ids) = (BTreeMap::new(), BTreeMap::new());
    for image in list["ImageRiskList"].as_array().unwrap() {
        let text = |name: &str| image[name].as_str().unwrap();
        let name = format!("{}:{}", text("RepoName"), text("Tag"));
        let query = match text("RepoNamespace") {
            "" => name.clone(),
            namespace => format!("{namespace}/{name}"),
        };
        let found = ask(server, "ListDockerhubImage", &[("Query", &query)]).await;
        let found = found["ImageList"].as_array().unwrap().iter();
        let Some(entry) = found.into_iter().find(|entry| entry["Uuid"] == image["Uuid"]).cloned()
        else {
            continue;
        };
        ids.insert(name.clone(), text("Uuid").to_owned());
        let mut detail: Value =
            serde_json::from_str(entry["RiskLevelDetail"].as_str().unwrap()).unwrap();
        let statistics: Value = serde_json::from_str(text("Statistics")).unwrap();
        // I4, I5.
        assert_eq!(statistics["baselineNum"], detail["imageBaselineNum"], "{name}");
        assert_eq!(entry["HcCount"], detail["imageBaselineNum"], "{name}");
        detail.as_object_mut().unwrap().remove("uuid");
        details.insert(name, detail);
    }
    assert_eq!(details.len(), 5);
    (details, ids)
}

fn levels(detail: &Value) -> [u64; 3] {
    ["imageBaselineHigh", "imageBaselineMedium", "imageBaselineLow"]
        .map(|name| detail[name].as_u64().unwrap())
}

async fn items(server: &Server, uuid: &str, status: &str) -> Vec<(String, i64, i64)> {
    let mut parameters = vec![("ImageUuid", uuid), ("PageSize", "100")];
    if !status.is_empty() {
        parameters.push(("Status", status));
    }
    let found = ask(server, "DescribeImageBaselineItemList", &parameters).await;
    let infos = found["BaselineItemInfos"].as_array().unwrap();
    assert_eq!(found["PageInfo"]["TotalCount"], infos.len());
    let entry = |info: &Value| {
        let key = info["BaselineItemKey"].as_str().unwrap().to_owned();
        (key, info["Status"].as_i64().unwrap(), info["WhiteList"].as_i64().unwrap())
    };
    infos.iter().map(entry).collect()
}

/// I3 and I9: lists of items are as long as the counters say, level by level.
async fn agree(server: &Server) {
    let (details, ids) = details(server).await;
    for (name, uuid) in &ids {
        let [high, medium, low] = levels(&details[name]);
        assert_eq!(details[name]["imageBaselineNum"], high + medium + low, "{name}");
        let open = items(server, uuid, "0").await;
        assert_eq!(open.len() as u64, high + medium + low, "{name}");
        assert!(open.iter().all(|(_, status, white)| (*status, *white) == (0, 0)), "{name}");
        let result = ask(server, "DescribeImageBaselineCheckResult", &[("ImageUuid", uuid)]).await;
        let mut sums = [0; 3];
        for baseline in result["BaselineResult"].as_array().unwrap() {
            let own = ["HighRiskItemCount", "MiddleRiskItemCount", "LowRiskItemCount"]
                .map(|name| baseline[name].as_u64().unwrap());
            assert_eq!(baseline["BaselineItemCount"], own.iter().sum::<u64>());
            for (sum, own) in sums.iter_mut().zip(own) {
                *sum += own;
            }
        }
        assert_eq!(sums, [high, medium, low], "{name}");
    }
    let sums = ask(server, "DescribeImageSecurityScanCount", &[]).await;
    let all: u64 =
        details.values().map(|detail| detail["imageBaselineNum"].as_u64().unwrap()).sum();
    assert_eq!(sums["Data"]["ImageBaselineCount"], all);
}

async fn summary(server: &Server, parameters: &[(&str, &str)]) -> Vec<(String, [u64; 3], String)> {
    let found = ask(server, "DescribeImageBaselineCheckSummary", parameters).await;
    let entry = |one: &Value| {
        let images = ["HighRiskImage", "MiddleRiskImage", "LowRiskImage"]
            .map(|name| one[name].as_u64().unwrap());
        let text = |name: &str| one[name].as_str().unwrap().to_owned();
        (text("BaselineNameKey"), images, text("BaselineNameLevel"))
    };
    found["BaselineResultSummary"].as_array().unwrap().iter().map(entry).collect()
}

fn baseline(key: &str, images: [u64; 3], level: &str) -> (String, [u64; 3], String) {
    (key.to_owned(), images, level.to_owned())
}

async fn names_of(server: &Server, parameters: &[(&str, &str)]) -> Vec<String> {
    let found = ask(server, "DescribeImageListWithBaselineName", parameters).await;
    let infos = found["ImageInfos"].as_array().unwrap();
    let name = |info: &Value| format!("{}:{}", info["RepoName"], info["Tag"]).replace('"', "");
    infos.iter().map(name).collect()
}

#[tokio::test]
async fn the_catalogue_is_whole_and_the_strategy_is_of_it() {
    let server = filled().await;
    let all = ask(&server, "DescribeAllImageBaseline", &[]).await;
    let mut keys = Vec::new();
    for class in all["ImageBaselines"]["BaselineClassList"].as_array().unwrap() {
        for name in class["BaselineNameList"].as_array().unwrap() {
            assert_eq!(name["ClassKey"], class["ClassKey"]);
            for item in name["BaselineItemList"].as_array().unwrap() {
                assert_eq!(
                    (&item["ClassKey"], &item["NameKey"]),
                    (&class["ClassKey"], &name["NameKey"])
                );
                keys.push(item["ItemKey"].as_str().unwrap().to_owned());
            }
        }
    }
    let known = plimsoll_scanner::checks().iter().filter(|check| check.kind() == Kind::Baseline);
    let mut known: Vec<&str> = known.map(|check| check.id()).collect();
    known.sort_unstable();
    let mut sorted = keys.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, known);
    let strategy = ask(&server, "DescribeImageBaselineStrategy", &[]).await["Strategy"].clone();
    assert_eq!(
        (&strategy["TotalItemCount"], &strategy["SelectedItemCount"]),
        (&json!(known.len()), &json!(known.len()))
    );
    assert_eq!((&strategy["Type"], &strategy["StrategyId"]), (&json!("full"), &json!(1)));
    assert_eq!(strategy["BaselineItemList"].as_array().unwrap().len(), known.len());
}

#[tokio::test]
async fn lists_are_what_images_have() {
    let server = filled().await;
    agree(&server).await;
    let whole =
        vec![baseline("identification", [2, 3, 0], "high"), baseline("ssh", [0, 2, 0], "medium")];
    assert_eq!(summary(&server, &[]).await, whole);
    assert_eq!(summary(&server, &[("PageSize", "1"), ("CurrentPage", "2")]).await, whole[1..]);
    for (parameters, wanted) in [
        (vec![("RiskLevel", "medium")], &whole[1..]),
        (vec![("RiskLevel", "high,low")], &whole[..1]),
        (vec![("RiskLevel", "low")], &[][..]),
        (vec![("Criteria", "SSH")], &whole[1..]),
        (vec![("Criteria", "identification"), ("CriteriaType", "BaselineClassAlias")], &whole[..1]),
        (vec![("Criteria", "best pract"), ("CriteriaType", "BaselineClassAlias")], &whole[1..]),
        (vec![("Criteria", "no such")], &[][..]),
        (vec![("ClusterId", "none")], &[][..]),
        (vec![("ScanRange.1", "container")], &[][..]),
        (vec![("ScanRange.1", "container"), ("ScanRange.2", "image")], &whole[..]),
    ] {
        assert_eq!(summary(&server, &parameters).await, wanted, "{parameters:?}");
    }
    // Both tags of the content run there: containers are known by its digest.
    let in_cluster = summary(&server, &[("ClusterId", CLUSTER)]).await;
    assert_eq!(in_cluster[0], baseline("identification", [2, 2, 0], "high"));

    let of = |name| vec![("BaselineNameKey", name)];
    let all = ["app:1.0", "app:latest", "web/front:2.0"];
    assert_eq!(names_of(&server, &of("identification")).await, all);
    assert_eq!(names_of(&server, &of("Identity authentication")).await, all);
    assert_eq!(names_of(&server, &of("ssh")).await, all[..2]);
    assert!(names_of(&server, &of("no such")).await.is_empty());
    let hex = "01".repeat(32);
    for (parameter, wanted) in [
        (("RepoName", "web/front"), &all[2..]),
        (("RepoNamespace", "team"), &all[..]),
        (("RepoNamespace", "other"), &[][..]),
        (("ImageDigest", hex.as_str()), &all[..2]),
        (("Image", "team/app:latest"), &all[1..2]),
        (("Image", "registry.example:5000/team/app:latest"), &all[1..2]),
        (("ClusterId", CLUSTER), &all[..2]),
        (("ClusterName", CLUSTER), &all[..2]),
        (("Namespace", "kube-system"), &all[..2]),
        (("Pod", "other"), &[][..]),
        (("ContainerId", "c"), &[][..]),
        (("RepoInstanceId", "cri"), &[][..]),
        (("Criteria", "ssh"), &[][..]),
        (("ScanRange.1", "container"), &[][..]),
    ] {
        let parameters = [("BaselineNameKey", "identification"), parameter];
        assert_eq!(names_of(&server, &parameters).await, wanted, "{parameter:?}");
    }
    let page = [("BaselineNameKey", "identification"), ("PageSize", "2"), ("CurrentPage", "2")];
    let found = ask(&server, "DescribeImageListWithBaselineName", &page).await;
    assert_eq!(
        found["PageInfo"],
        json!({"Count": 1, "CurrentPage": 2, "PageSize": 2, "TotalCount": 3})
    );
    let info = &ask(&server, "DescribeImageListWithBaselineName", &of("identification")).await["ImageInfos"]
        [0];
    assert_eq!(
        (&info["HighRiskImage"], &info["MiddleRiskImage"], &info["LowRiskImage"]),
        (&json!(1), &json!(1), &json!(0))
    );
    assert_eq!((&info["ImageSize"], &info["RiskStatus"]), (&json!(i32::MAX), &json!("YES")));
    assert_eq!(info["TotalItemCount"].as_i64().unwrap() - info["NoRiskImage"].as_i64().unwrap(), 2);

    let (_, ids) = details(&server).await;
    let app = ids["app:1.0"].as_str();
    let detail = ask(
        &server,
        "DescribeImageBaselineDetail",
        &[("ImageUuid", app), ("BaselineItemKey", "duplicate_uid")],
    )
    .await;
    let detail = &detail["BaselineDetail"];
    assert_eq!(detail["Prompt"], "/etc/duplicate_uid:what duplicate_uid saw");
    assert_eq!(
        (&detail["Advice"], &detail["Level"]),
        (&json!("mend duplicate_uid"), &json!("medium"))
    );
    // One that does not fail there is said to be about what it is about.
    let detail = ask(
        &server,
        "DescribeImageBaselineDetail",
        &[("ImageUuid", app), ("BaselineItemKey", "ak_leak")],
    )
    .await;
    assert!(detail["BaselineDetail"].get("Prompt").is_none());
    assert!(!detail["BaselineDetail"]["Description"].as_str().unwrap().is_empty());
    let some = |name, value| vec![("ImageUuid", app), (name, value)];
    for (parameters, wanted) in [
        (some("BaselineNameKey", "ssh"), 1),
        (some("BaselineNameKey", "SSH server"), 1),
        (some("BaselineClassKey", "identification"), 2),
        (some("Status", "1"), 0),
        (some("Status", "0,1"), 3),
        (some("Uuids.1", app), 3),
        (some("Uuids.1", "other"), 0),
    ] {
        let found = ask(&server, "DescribeImageBaselineItemList", &parameters).await;
        assert_eq!(found["PageInfo"]["TotalCount"], wanted, "{parameters:?}");
    }
}

#[tokio::test]
async fn the_white_list_lowers_exactly_what_it_names() {
    let server = filled().await;
    let (before, ids) = details(&server).await;
    let operate = |operation, key, image: Option<&str>| {
        let mut parameters = vec![("BaselineItemKeyList", key), ("Operation", operation)];
        parameters.extend(image.map(|image| ("ImageUuid", image)));
        let parameters: Vec<(String, String)> = parameters
            .into_iter()
            .map(|(name, value): (&str, &str)| (name.to_owned(), value.to_owned()))
            .collect();
        let server = &server;
        async move {
            let parameters: Vec<(&str, &str)> =
                parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            ask(server, "OperateImageBaselineWhitelist", &parameters).await
        }
    };
    // I12 of baseline: one level by one, of one image, and nothing else.
    let app = ids["app:1.0"].as_str();
    for _ in 0..2 {
        operate("add", "duplicate_uid", Some(app)).await;
    }
    let (after, _) = details(&server).await;
    for (name, detail) in &after {
        let mut wanted = before[name].clone();
        if name == "app:1.0" {
            wanted["imageBaselineMedium"] = json!(1);
            wanted["imageBaselineNum"] = json!(2);
        }
        assert_eq!(*detail, wanted, "{name}");
    }
    agree(&server).await;
    assert_eq!(summary(&server, &[]).await[0], baseline("identification", [2, 2, 0], "high"));
    let listed = items(&server, app, "").await;
    assert!(listed.contains(&("duplicate_uid".to_owned(), 0, 1)), "{listed:?}");
    assert_eq!(listed.len(), 3);
    for _ in 0..2 {
        operate("del", "duplicate_uid", Some(app)).await;
    }
    assert_eq!(details(&server).await.0, before);

    // Everywhere, two at once.
    operate("add", "[\"duplicate_uid\",\"non_pwd_user\"]", None).await;
    let (after, _) = details(&server).await;
    assert_eq!(levels(&after["app:1.0"]), [0, 1, 0]);
    assert_eq!(levels(&after["web/front:2.0"]), [0, 0, 0]);
    agree(&server).await;
    assert_eq!(summary(&server, &[]).await, [baseline("ssh", [0, 2, 0], "medium")]);
    let parameters =
        [("BaselineItemKeyList", "duplicate_uid"), ("Operation", "del"), ("ImageUuid", app)];
    let message = refusal(&server, "OperateImageBaselineWhitelist", &parameters).await;
    assert!(message.contains("Ignore rule") && message.contains("duplicate_uid"), "{message}");
    operate("del", "duplicate_uid,non_pwd_user", None).await;
    assert_eq!(details(&server).await.0, before);
    // The white list of vulnerabilities knows nothing of them.
    operate("add", "duplicate_uid", None).await;
    let listed = ask(&server, "DescribeImageVulWhiteList", &[]).await;
    assert_eq!(listed["PageInfo"]["TotalCount"], 0);
    let rules = server.store.ignore_rules().await.unwrap();
    let id = rules[0].rule.id.to_string();
    assert!(refusal(&server, "DeleteImageVulWhitelist", &[("Ids", &id)]).await.contains(&id));
}

#[tokio::test]
async fn what_the_strategy_leaves_out_counts_nowhere() {
    let server = filled().await;
    let (before, _) = details(&server).await;
    let strategy = ask(&server, "DescribeImageBaselineStrategy", &[]).await["Strategy"].clone();
    let all = strategy["BaselineItemList"].to_string();
    let some = strategy["BaselineItem"].as_str().unwrap().replace("ssh_permit_root_login,", "");
    let save =
        [("BaselineItemList", some.as_str()), ("StrategyName", "ours"), ("ImageVulClean", "30")];
    for _ in 0..2 {
        ask(&server, "SaveImageBaselineStrategy", &save).await;
    }
    let (after, ids) = details(&server).await;
    assert_eq!(levels(&before["app:1.0"]), [1, 2, 0]);
    assert_eq!(levels(&after["app:1.0"]), [1, 1, 0]);
    assert_eq!(after["web/front:2.0"], before["web/front:2.0"]);
    agree(&server).await;
    assert_eq!(summary(&server, &[]).await, [baseline("identification", [2, 3, 0], "high")]);
    assert!(names_of(&server, &[("BaselineNameKey", "ssh")]).await.is_empty());
    assert_eq!(items(&server, &ids["app:1.0"], "").await.len(), 2);
    let now =
        ask(&server, "DescribeImageBaselineStrategy", &[("StrategyId", "1")]).await["Strategy"]
            .clone();
    assert_eq!(
        now["SelectedItemCount"].as_u64().unwrap() + 1,
        now["TotalItemCount"].as_u64().unwrap()
    );
    assert_eq!(
        (&now["StrategyName"], &now["ImageVulClean"], &now["Type"]),
        (&json!("ours"), &json!(30), &json!("default"))
    );
    // A later scan keeps to it.
    scan_again(
        &server,
        2,
        vec![failed_check(Kind::Baseline, "ssh_permit_root_login", Level::Medium)],
    )
    .await;
    assert_eq!(levels(&details(&server).await.0["web/front:2.0"]), [0, 0, 0]);
    scan_again(&server, 2, vec![failed_check(Kind::Baseline, "duplicate_uid", Level::Medium)])
        .await;
    ask(&server, "SaveImageBaselineStrategy", &[("BaselineItemList", &all)]).await;
    assert_eq!(details(&server).await.0, before);
    // That of agentless detection is kept, and says nothing of images.
    ask(
        &server,
        "SaveImageBaselineStrategy",
        &[("BaselineItemList", "ak_leak"), ("Source", "agentless")],
    )
    .await;
    assert_eq!(details(&server).await.0, before);
    let agentless = ask(&server, "DescribeImageBaselineStrategy", &[("Source", "agentless")]).await;
    assert_eq!(agentless["Strategy"]["BaselineItem"], "ak_leak");
}

#[tokio::test]
async fn bad_input_is_refused_by_its_name() {
    let server = filled().await;
    let (_, ids) = details(&server).await;
    let app = ids["app:1.0"].as_str();
    for (action, parameters, wanted) in [
        ("DescribeImageBaselineCheckSummary", vec![("RiskLevel", "huge")], "RiskLevel"),
        ("DescribeImageBaselineCheckSummary", vec![("CriteriaType", "x")], "CriteriaType"),
        ("DescribeImageBaselineCheckSummary", vec![("ScanRange.1", "host")], "ScanRange"),
        ("DescribeImageBaselineCheckSummary", vec![("PageSize", "101")], "PageSize"),
        ("DescribeImageListWithBaselineName", vec![], "BaselineNameKey"),
        (
            "DescribeImageListWithBaselineName",
            vec![("BaselineNameKey", "ssh"), ("ImageDigest", "12")],
            "ImageDigest",
        ),
        ("DescribeImageBaselineCheckResult", vec![], "ImageUuid"),
        ("DescribeImageBaselineCheckResult", vec![("ImageUuid", "no-image")], "ImageUuid"),
        ("DescribeImageBaselineItemList", vec![("ImageUuid", app), ("Status", "4")], "Status"),
        ("DescribeImageBaselineDetail", vec![("ImageUuid", app)], "BaselineItemKey"),
        (
            "DescribeImageBaselineDetail",
            vec![("ImageUuid", app), ("BaselineItemKey", "x")],
            "BaselineItemKey",
        ),
        ("DescribeImageBaselineStrategy", vec![("StrategyId", "7")], "StrategyId"),
        ("DescribeImageBaselineStrategy", vec![("Source", "host")], "Source"),
        ("SaveImageBaselineStrategy", vec![], "BaselineItemList"),
        (
            "SaveImageBaselineStrategy",
            vec![("BaselineItemList", "ak_leak,no_such")],
            "BaselineItemList",
        ),
        ("SaveImageBaselineStrategy", vec![("BaselineItemList", "[1]")], "BaselineItemList"),
        (
            "SaveImageBaselineStrategy",
            vec![("BaselineItemList", "ak_leak"), ("ImageVulClean", "0")],
            "ImageVulClean",
        ),
        (
            "SaveImageBaselineStrategy",
            vec![("BaselineItemList", "ak_leak"), ("StrategyName", "a\u{7}")],
            "StrategyName",
        ),
        ("OperateImageBaselineWhitelist", vec![("Operation", "add")], "BaselineItemKeyList"),
        ("OperateImageBaselineWhitelist", vec![("BaselineItemKeyList", "ak_leak")], "Operation"),
        (
            "OperateImageBaselineWhitelist",
            vec![("BaselineItemKeyList", ","), ("Operation", "add")],
            "BaselineItemKeyList",
        ),
        (
            "OperateImageBaselineWhitelist",
            vec![("BaselineItemKeyList", "x"), ("Operation", "add")],
            "BaselineItemKeyList",
        ),
        (
            "OperateImageBaselineWhitelist",
            vec![("BaselineItemKeyList", "ak_leak"), ("Operation", "put")],
            "Operation",
        ),
        (
            "OperateImageBaselineWhitelist",
            vec![("BaselineItemKeyList", "ak_leak"), ("Operation", "add"), ("ImageUuid", "none")],
            "ImageUuid",
        ),
    ] {
        let message = refusal(&server, action, &parameters).await;
        assert!(message.contains(&format!("\"{wanted}\"")), "{action} {parameters:?}: {message}");
    }
    assert!(server.store.ignore_rules().await.unwrap().is_empty());
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
    let (_, ids) = details(&server).await;
    let app = ids["app:1.0"].as_str();
    for (action, parameters) in [
        ("DescribeAllImageBaseline", vec![]),
        (
            "SaveImageBaselineStrategy",
            vec![("BaselineItemList", "duplicate_uid,non_pwd_user"), ("ImageVulClean", "7")],
        ),
        ("DescribeImageBaselineStrategy", vec![]),
        ("DescribeImageBaselineCheckSummary", vec![]),
        (
            "DescribeImageListWithBaselineName",
            vec![
                ("BaselineNameKey", "identification"),
                ("ClusterId", CLUSTER),
                ("Namespace", "kube-system"),
                ("Pod", "loki-0"),
            ],
        ),
        ("DescribeImageBaselineCheckResult", vec![("ImageUuid", app)]),
        ("DescribeImageBaselineItemList", vec![("ImageUuid", app)]),
        (
            "DescribeImageBaselineDetail",
            vec![("ImageUuid", app), ("BaselineItemKey", "duplicate_uid")],
        ),
        (
            "OperateImageBaselineWhitelist",
            vec![("BaselineItemKeyList", "duplicate_uid"), ("Operation", "add")],
        ),
    ] {
        let reply = ask(&server, action, &parameters).await;
        fits(action, &reply, &schema["actions"][action]["response"]);
    }
}
