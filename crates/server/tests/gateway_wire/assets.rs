//! The inventory over the API: images and repositories by conditions, and reading it anew.

use plimsoll_store::OrderKind;
use serde_json::{Value, json};

use crate::{
    actions::{filled, numbers},
    fits::fitting,
    fleet::digest,
    server::{Server, refused},
    signer::Scheme,
};

async fn images(server: &Server, parameters: &[(&str, &str)]) -> Vec<String> {
    let answer = numbers(server, "DescribeImageInstances", parameters).await;
    let list = answer["ImageInstanceList"].as_array().unwrap();
    let name = |image: &Value| {
        let text = |member: &str| image[member].as_str().unwrap().to_owned();
        format!("{}:{}", text("RepoName"), text("Tag"))
    };
    let mut names: Vec<String> = list.iter().map(name).collect();
    names.sort();
    names
}

#[tokio::test]
async fn images_fulfil_conditions() {
    let server = filled().await;
    let (one, id) = (digest(1).hex(), digest(102).to_string());
    let single = |name: &str, value: &str| json!([{"name": name, "value": value}]).to_string();
    let app = ["app:1.0", "app:latest"].as_slice();
    let risky = ["app:1.0", "app:latest", "python:3.9", "web/front:2.0"].as_slice();
    for (criteria, wanted) in [
        (single("repoName", "APP"), app),
        (single("repoName", "%"), &[]),
        (single("repoNamespace", "tea"), &["app:1.0", "app:latest", "web/front:2.0"]),
        (single("tag", "9"), &["python:3.9", "solo:9.9"]),
        (single("digest", &one), app),
        (single("imageId", &id), &["web/front:2.0"]),
        (single("regionId", "cn-hangzhou"), &["app:1.0", "app:latest", "nginx:1.27", "python:3.9", "solo:9.9", "web/front:2.0"]),
        (single("regionId", "cn-beijing"), &[]),
        (single("registryType", "docker-hub"), &["nginx:1.27", "python:3.9"]),
        (single("instanceId", "cri-1"), &[]),
        (single("vulStatus", "YES"), risky),
        (single("vulStatus", "NO"), &["nginx:1.27", "solo:9.9"]),
        (single("alarmStatus", "YES"), &["web/front:2.0"]),
        (single("hcStatus", "YES"), &["app:1.0", "app:latest", "web/front:2.0"]),
        (single("riskStatus", "YES"), risky),
        (single("repoName", ""), &["app:1.0", "app:latest", "nginx:1.27", "python:3.9", "solo:9.9", "web/front:2.0"]),
        // From left to right: (solo or app) and latest.
        (
            json!([{"name": "repoName", "value": "solo"}, {"name": "repoName", "value": "app", "logicalExp": "OR"},
                {"name": "tag", "value": "latest", "logicalExp": "AND"}]).to_string(),
            &["app:latest"],
        ),
    ] {
        assert_eq!(images(&server, &[("Criteria", &criteria)]).await, wanted, "{criteria}");
    }
    let both =
        json!([{"name": "tag", "value": "3.9"}, {"name": "tag", "value": "9.9"}]).to_string();
    assert_eq!(images(&server, &[("Criteria", &both)]).await, Vec::<String>::new());
    let either = images(&server, &[("Criteria", &both), ("LogicalExp", "OR")]).await;
    assert_eq!(either, ["python:3.9", "solo:9.9"]);
    assert_eq!(images(&server, &[("Scanned", "false")]).await, ["nginx:1.27"]);
    assert_eq!(images(&server, &[("Scanned", "true")]).await.len(), 5);
    assert_eq!(images(&server, &[("PageSize", "4"), ("CurrentPage", "2")]).await.len(), 2);
    for (name, value) in [
        ("Criteria", "tag"),
        ("Criteria", r#"[{"name":"colour","value":"red"}]"#),
        ("Criteria", r#"[{"name":"vulStatus","value":"yes"}]"#),
        ("Criteria", r#"[{"name":"tag","value":["1"]}]"#),
        ("Criteria", r#"[{"name":"tag","value":"1","logicalExp":"XOR"}]"#),
        ("LogicalExp", "NOT"),
        ("Scanned", "1"),
    ] {
        for action in ["DescribeImageInstances", "DescribeImageRepoDetailList"] {
            if name == "Scanned" && action != "DescribeImageInstances" {
                continue;
            }
            let call = server.call(Scheme::Acs3, action).with(name, value);
            assert_eq!(
                server.ask(&call).await.error(),
                refused("InvalidParameter", 400),
                "{value}"
            );
        }
    }
}

#[tokio::test]
async fn an_image_is_told_with_its_numbers_and_its_scan() {
    let server = filled().await;
    let criteria = json!([{"name": "tag", "value": "latest"}]).to_string();
    let answer = fitting(&server, "DescribeImageInstances", &[("Criteria", &criteria)]).await;
    let image = &answer["ImageInstanceList"][0];
    for (member, wanted) in [
        ("AlarmCount", json!(0)),
        ("AlarmStatus", json!("NO")),
        ("Deployed", json!(1)),
        ("Digest", json!(digest(1).hex())),
        ("Endpoints", json!(r#"["http://registry.example:5000"]"#)),
        ("HcCount", json!(1)),
        ("ImageCreate", json!("1793491200000")),
        ("ImageSize", json!("5000000001")),
        ("ImageUpdate", json!("1793577600000")),
        ("LastScanTime", json!(1_795_568_400_000_i64)),
        ("RepoType", json!("private")),
        ("RiskStatus", json!("YES")),
        ("ScaProgress", json!(100)),
        ("ScaResult", json!("SUCCESS")),
        ("ScaStatus", json!("SUCCESS")),
        ("VulCount", json!(3)),
    ] {
        assert_eq!(image[member], wanted, "{member}");
    }
    let waiting = numbers(&server, "DescribeImageInstances", &[("Scanned", "false")]).await;
    let waiting = &waiting["ImageInstanceList"][0];
    assert_eq!((&waiting["ScaStatus"], &waiting["ScaProgress"]), (&json!("START_RUN"), &json!(0)));
    assert_eq!((&waiting["LastScanTime"], &waiting["Deployed"]), (&json!(0), &json!(0)));

    let uuid = image["Uuid"].as_str().unwrap();
    let uuids = format!("{},none, {}", uuid.replace('-', ""), waiting["Uuid"].as_str().unwrap());
    let infos = fitting(&server, "DescribeImageInfoList", &[("Uuids", &uuids)]).await;
    let infos = infos["ImageInfos"].as_array().unwrap();
    assert_eq!(infos.len(), 2);
    assert_eq!((&infos[0]["Uuid"], &infos[0]["VulCount"]), (&json!(uuid), &json!(3)));
    assert_eq!(
        (&infos[0]["ImageSize"], &infos[0]["RepoType"]),
        (&json!(5_000_000_001_i64), &json!("PRIVATE"))
    );
    let named = [
        ("ImageInstanceId", "cri-1"),
        ("ImageRegionId", "cn-hangzhou"),
        ("ImageRepoId", image["RepoId"].as_str().unwrap()),
        ("ImageTag", "latest"),
    ];
    let resolved = fitting(&server, "DescribeImage", &named).await;
    assert_eq!(resolved, json!({"Data": {"Digest": digest(1).hex()}}));
    let mut call = server.call(Scheme::Acs3, "DescribeImage");
    for (name, value) in named {
        call = call.with(name, if name == "ImageTag" { "none" } else { value });
    }
    assert_eq!(server.ask(&call).await.error(), refused("InvalidParameter", 400));
}

#[tokio::test]
async fn repositories_are_sums() {
    let server = filled().await;
    let all = fitting(&server, "DescribeImageRepoDetailList", &[]).await;
    let list = all["ImageRepoResponses"].as_array().unwrap();
    let names: Vec<&str> = list.iter().map(|one| one["RepoName"].as_str().unwrap()).collect();
    assert_eq!(names, ["solo", "nginx", "python", "app", "web/front"]);
    let app = &list[3];
    let numbers_of = |one: &Value| {
        ["ImageCount", "HasRiskImageCount", "VulCount", "HcCount", "AlarmCount"]
            .map(|member| one[member].as_i64().unwrap())
    };
    assert_eq!(numbers_of(app), [2, 2, 6, 2, 0]);
    assert_eq!(numbers_of(&list[4]), [1, 1, 1, 2, 1]);
    assert_eq!(numbers_of(&list[0]), [1, 0, 0, 0, 0]);
    for (name, value, wanted) in [
        ("riskStatus", "NO", vec!["solo", "nginx"]),
        ("alarmStatus", "YES", vec!["web/front"]),
        ("tag", "LATEST", vec!["app"]),
        ("digest", &digest(4).hex(), vec!["python"]),
        ("registryType", "docker-hub", vec!["nginx", "python"]),
        ("repoId", app["RepoId"].as_str().unwrap(), vec!["app"]),
    ] {
        let criteria = json!([{"name": name, "value": value}]).to_string();
        let found =
            numbers(&server, "DescribeImageRepoDetailList", &[("Criteria", &criteria)]).await;
        let found = found["ImageRepoResponses"].as_array().unwrap();
        let names: Vec<&str> = found.iter().map(|one| one["RepoName"].as_str().unwrap()).collect();
        assert_eq!(names, wanted, "{criteria}");
    }
    let second =
        numbers(&server, "DescribeImageRepoDetailList", &[("PageSize", "2"), ("CurrentPage", "2")])
            .await;
    assert_eq!(
        second["PageInfo"],
        json!({"Count": 2, "CurrentPage": 2, "PageSize": 2, "TotalCount": 5})
    );
    assert_eq!(second["ImageRepoResponses"][0]["RepoName"], json!("python"));
}

#[tokio::test]
async fn criteria_are_those_that_can_be_sent() {
    let server = filled().await;
    let of = async |action: &str, value: &str| {
        let answer = fitting(&server, action, &[("Value", value)]).await;
        let list = answer["CriteriaList"].as_array().unwrap().clone();
        list.iter().map(|one| one["Name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(of("DescribeImageRepoCriteria", "").await.len(), 12);
    let images = of("DescribeImageCriteria", "harb").await;
    assert_eq!(images, ["registryType", "tag", "digest"]);
    for name in of("DescribeImageRepoCriteria", "").await {
        let value = if name.ends_with("Status") { "YES" } else { "x" };
        let criteria = json!([{"name": name, "value": value}]).to_string();
        numbers(&server, "DescribeImageInstances", &[("Criteria", &criteria)]).await;
    }
}

#[tokio::test]
async fn registries_are_to_be_read_anew() {
    let server = filled().await;
    for (action, kind) in
        [("RefreshAssets", "container_image"), ("RefreshContainerAssets", "IMAGE")]
    {
        assert_eq!(numbers(&server, action, &[("AssetType", kind)]).await, json!({}));
    }
    numbers(&server, "RefreshContainerAssets", &[("AssetType", "CONTAINER")]).await;
    // The second wish is the first one.
    let ordered = server.store.ordered_syncs().await.unwrap();
    assert_eq!(ordered.into_keys().collect::<Vec<_>>(), [1, 2]);
    let page: &[(&str, &str)] = &[
        ("TaskType", "IMAGE_REGISTRY_PULL"),
        ("CurrentPage", "1"),
        ("PageSize", "20"),
        ("RelateInfo", "false"),
    ];
    let leaves = numbers(&server, "DescribeOnceTaskLeafRecordPage", page).await;
    let leaf = |place: usize| {
        let one = &leaves["OnceTasks"][place];
        (
            one["Target"].as_str().unwrap(),
            one["TargetType"].as_str().unwrap(),
            one["StatusText"].as_str().unwrap(),
        )
    };
    assert_eq!([leaf(0), leaf(1)], [("yard", "IMAGE_REPO", "INIT"), ("hub", "IMAGE_REPO", "INIT")]);
    let newest = server.store.ordered_syncs().await.unwrap();
    server.store.end_ordered_sync(1, newest[&1], None, server.now()).await.unwrap();
    server.store.end_ordered_sync(2, newest[&2], Some("no answer"), server.now()).await.unwrap();
    let leaves = numbers(&server, "DescribeOnceTaskLeafRecordPage", page).await;
    assert_eq!(leaves["OnceTasks"][0]["StatusText"], json!("SUCCESS"));
    assert_eq!(leaves["OnceTasks"][1]["ResultInfo"], json!("no answer"));
    let order = server.store.order(1).await.unwrap().unwrap();
    assert_eq!(
        (order.kind, order.is_open(), order.done, order.failed),
        (OrderKind::Sync, false, 1, 1)
    );
    for (action, value) in
        [("RefreshAssets", ""), ("RefreshAssets", "ecs"), ("RefreshContainerAssets", "HOST")]
    {
        let call = server.call(Scheme::Acs3, action).with("AssetType", value);
        assert_eq!(server.ask(&call).await.error(), refused("InvalidParameter", 400), "{action}");
    }
}
