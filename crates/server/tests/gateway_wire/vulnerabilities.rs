//! The vulnerability lists, and wishes to have something fixed.

use serde_json::{Value, json};

use crate::{
    actions::{expect, filled, numbers},
    fleet::digest,
    server::{Server, refused},
    signer::Scheme,
};

const CLUSTER: &str = "c80f79959fd724a888e1187779b13";

async fn grouped(server: &Server, parameters: &[(&str, &str)]) -> Vec<String> {
    let reply = numbers(server, "DescribeImageGroupedVulList", parameters).await;
    let items = reply["GroupedVulItems"].as_array().unwrap();
    assert_eq!(reply["TotalCount"], json!(items.len()));
    items
        .iter()
        .map(|item| {
            let name =
                item["Name"].as_str().unwrap().strip_prefix("debian:12:CVE-2021-000").unwrap();
            format!("{name} {}/{}/{}", item["AsapCount"], item["LaterCount"], item["NntfCount"])
        })
        .collect()
}

async fn listed(server: &Server, parameters: &[(&str, &str)]) -> Vec<String> {
    let mut all = vec![("PageSize", "100")];
    if !parameters.iter().any(|(name, _)| *name == "Type") {
        all.push(("Type", "cve"));
    }
    all.extend(parameters);
    let reply = numbers(server, "DescribeImageVulList", &all).await;
    let records = reply["VulRecords"].as_array().unwrap();
    assert_eq!(reply["TotalCount"], json!(records.len()));
    records
        .iter()
        .map(|record| {
            let name =
                record["Name"].as_str().unwrap().strip_prefix("debian:12:CVE-2021-000").unwrap();
            let image = record["Image"].as_str().unwrap().rsplit('/').next().unwrap();
            format!("{image} {name}")
        })
        .collect()
}

#[tokio::test]
async fn answers_to_the_byte() {
    let server = filled().await;
    for scheme in [Scheme::Acs3, Scheme::V1] {
        let groups = server.call(scheme, "DescribeImageGroupedVulList").with("PageSize", "2");
        expect("describe_image_grouped_vul_list.json", &server.ask(&groups).await);
        let list = server
            .call(scheme, "DescribeImageVulList")
            .with("Type", "cve")
            .with("ClusterId", CLUSTER)
            .with("PageSize", "1");
        expect("describe_image_vul_list.json", &server.ask(&list).await);
    }
}

#[tokio::test]
async fn groups_by_every_filter() {
    let server = filled().await;
    let list = server.ask(&server.call(Scheme::V1, "ListImageRisk")).await.json();
    let (uuid, repository) = (
        list["ImageRiskList"][0]["Uuid"].as_str().unwrap(),
        list["ImageRiskList"][0]["RepoId"].as_str().unwrap(),
    );
    let both = format!("{uuid},{}", uuid.replace('-', ""));
    let app = ["1 2/0/0", "2 2/0/0", "3 0/2/0"];
    let one_app = ["1 1/0/0", "2 1/0/0", "3 0/1/0"];
    let all = ["1 3/0/0", "2 2/0/0", "3 0/2/0", "4 0/0/1"];
    let (prefixed, layer) = (digest(4).to_string(), digest(201).hex());
    for (parameters, wanted) in [
        (vec![], all.as_slice()),
        (vec![("Type", "cve"), ("ScanRange.1", "image"), ("Lang", "en")], &all),
        (vec![("IsLatest", "0"), ("AgentlessCanFix", "False")], &all),
        (vec![("Type", "sca")], &[]),
        (vec![("Necessity", "asap")], &all[..2]),
        (vec![("Necessity", "nntf")], &all[3..]),
        (vec![("Name", "debian:12:CVE-2021-0003")], &all[2..3]),
        (vec![("Name", "CVE-2021-0003")], &[]),
        (vec![("CveId", "cve-2021-0003")], &all[2..3]),
        (vec![("CveId", "DSA-1-1"), ("Necessity", "later")], &all[2..3]),
        (vec![("AliasName", "2021-0004")], &all[3..]),
        (vec![("ImageDigest", prefixed.as_str())], &["1 1/0/0"]),
        (vec![("ImageTag", "latest")], &one_app),
        (vec![("ImageLayer", layer.as_str())], &all),
        (vec![("ImageLayer", &"0".repeat(64))], &[]),
        (vec![("Uuids", both.as_str())], &one_app),
        (vec![("Uuids", ",")], &[]),
        (vec![("RepoId", repository)], &app),
        (vec![("RepoNamespace", "team"), ("RepoName", "app")], &app),
        (vec![("RepoNamespace", "library")], &["1 1/0/0"]),
        (vec![("RepoRegionId", "cn-hangzhou")], &all),
        (vec![("RepoRegionId", "cn-beijing")], &[]),
        (vec![("ClusterId", CLUSTER)], &app),
        (vec![("RepoInstanceId", "cri-1")], &[]),
        (vec![("ScanRange.1", "container")], &[]),
        (vec![("AgentlessCanFix", "true")], &[]),
        (vec![("PatchId", "9007199254740993")], &[]),
        (vec![("GroupId", "1")], &[]),
        (vec![("RuleTag", "AI")], &[]),
    ] {
        assert_eq!(grouped(&server, &parameters).await, wanted, "{parameters:?}");
    }
    for (name, value) in [
        ("Type", "sys"),
        ("Necessity", "high"),
        ("IsLatest", "2"),
        ("ImageDigest", "sha256:12"),
        ("ImageLayer", "x"),
        ("RuleTag", "ai"),
        ("ScanRange.1", "host"),
        ("PatchId", "1.5"),
        ("AgentlessCanFix", "perhaps"),
        ("PageSize", "101"),
        ("CurrentPage", "0"),
    ] {
        let call = server.call(Scheme::Acs3, "DescribeImageGroupedVulList").with(name, value);
        let reply = server.ask(&call).await;
        assert_eq!(reply.error(), refused("InvalidParameter", 400), "{name}={value}");
        let message = reply.json()["Message"].as_str().unwrap().to_owned();
        let name = name.trim_end_matches(".1");
        assert!(message.contains(&format!("\"{name}\"")), "{message}");
    }
}

#[tokio::test]
async fn lists_by_every_filter() {
    let server = filled().await;
    let app = ["app:1.0 1", "app:1.0 2", "app:1.0 3"];
    let latest = ["app:latest 1", "app:latest 2", "app:latest 3"];
    let both: Vec<&str> = app.iter().chain(&latest).copied().collect();
    let all: Vec<&str> = both.iter().copied().chain(["front:2.0 4", "python:3.9 1"]).collect();
    let one = digest(1).hex();
    for (parameters, wanted) in [
        (vec![], all.as_slice()),
        (vec![("RegionId", "cn-shanghai"), ("ScanRange", "[\"image\"]")], &all),
        (vec![("Dealed", "n"), ("StatusList", "1,7")], &all),
        (vec![("Dealed", "y")], &[]),
        (vec![("StatusList", "7")], &[]),
        (vec![("StatusList", "4")], &[]),
        (vec![("Type", "sca")], &[]),
        (vec![("Necessity", "later")], &["app:1.0 3", "app:latest 3"]),
        (vec![("Name", "debian:12:CVE-2021-0004")], &["front:2.0 4"]),
        (vec![("AliasName", "cve-2021-0004")], &["front:2.0 4"]),
        (vec![("Digest", one.as_str())], &both),
        (vec![("Tag", "1.0")], &app),
        (vec![("Image", "registry.example:5000/team/app:1.0")], &app),
        (vec![("Image", "team/app:latest")], &latest),
        (vec![("Image", "app")], &[]),
        (vec![("RepoNamespace", "team"), ("RepoName", "app")], &both),
        (vec![("ClusterId", CLUSTER)], &both),
        (vec![("ClusterName", CLUSTER)], &both),
        (vec![("ClusterName", CLUSTER), ("ClusterId", "other")], &[]),
        (vec![("Namespace", "kube-system"), ("Pod", "loki-0")], &both),
        (vec![("Namespace", "kube-system"), ("Pod", "other")], &[]),
        (vec![("ContainerId", "c1")], &[]),
        (vec![("InstanceId", "i-1")], &[]),
        (vec![("RepoInstanceId", "cri-1")], &[]),
        (
            vec![("GroupByAsset", "true")],
            &["app:1.0 1", "app:latest 1", "front:2.0 4", "python:3.9 1"],
        ),
    ] {
        assert_eq!(listed(&server, &parameters).await, wanted, "{parameters:?}");
    }
    let untyped = server.ask(&server.call(Scheme::Acs3, "DescribeImageVulList")).await;
    assert_eq!(untyped.error(), refused("MissingParameter", 400));
    for (name, value) in [
        ("Dealed", "Y"),
        ("StatusList", "2"),
        ("StatusList", "1;7"),
        ("Digest", "12"),
        ("GroupByAsset", "1"),
        ("Type", "cms"),
    ] {
        let mut call = server.call(Scheme::Acs3, "DescribeImageVulList").with(name, value);
        if name != "Type" {
            call = call.with("Type", "cve");
        }
        assert_eq!(
            server.ask(&call).await.error(),
            refused("InvalidParameter", 400),
            "{name}={value}"
        );
    }
}

/// Totals of lists are the counters of the other actions.
#[tokio::test]
async fn totals_are_counters() {
    let server = filled().await;
    let list = server.ask(&server.call(Scheme::Acs3, "ListImageRisk")).await.json();
    for image in list["ImageRiskList"].as_array().unwrap() {
        let uuid = image["Uuid"].as_str().unwrap();
        let sums = numbers(&server, "DescribeImageSecurityScanCount", &[("ImageUuid", uuid)]).await;
        for (kind, sum) in [("cve", "ImageCveVulCount"), ("sca", "ImageScaVulCount")] {
            let parameters = [("Type", kind), ("Dealed", "n"), ("Uuids", uuid), ("PageSize", "1")];
            let found = numbers(&server, "DescribeImageVulList", &parameters).await;
            assert_eq!(found["TotalCount"], sums["Data"][sum], "{uuid} {kind}");
        }
    }
}

/// The answer to a wish, by its error's message where it is refused.
async fn wish(server: &Server, info: &Value) -> Result<(), String> {
    let call = server
        .call(Scheme::Acs3, "OperateImageVul")
        .with("OperateType", "vul_fix")
        .with("Type", "cve")
        .with("Info", &info.to_string());
    let reply = server.ask(&call).await;
    if reply.status == 200 {
        assert_eq!(reply.json().as_object().unwrap().len(), 1, "{}", reply.body);
        return Ok(());
    }
    assert_eq!(reply.error(), refused("InvalidParameter", 400));
    Err(reply.json()["Message"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_wish_is_noted_and_the_image_is_scanned() {
    let server = filled().await;
    let parameters = [("Type", "cve"), ("Tag", "1.0")];
    let found = numbers(&server, "DescribeImageVulList", &parameters).await;
    let record = &found["VulRecords"][1];
    let (id, uuid) = (&record["PrimaryId"], &record["Uuid"]);
    assert_eq!(server.store.task_counts(None).await.unwrap().queued, 0);
    let named = json!([{
        "namespace": "team", "repoName": "app", "regionId": "cn-hangzhou", "tag": "1.0",
        "digest": digest(1).hex(), "newTag": "1.1", "uuid": uuid, "ids": [id],
    }]);
    assert_eq!(wish(&server, &named).await, Ok(()));
    assert_eq!(server.store.task_counts(None).await.unwrap().queued, 1);
    assert_eq!(listed(&server, &[("StatusList", "4")]).await, ["app:1.0 2"]);
    // It is as open as before.
    assert_eq!(listed(&server, &[("Tag", "1.0")]).await.len(), 3);
    for (info, wanted) in [
        (json!([]), "names 0 images"),
        (json!({}), "not a JSON array"),
        (json!([{"uuid": uuid}]), "missing field `ids`"),
        (json!([{"uuid": uuid, "ids": []}]), "Element 0: `ids` is empty"),
        (json!([{"uuid": uuid, "ids": ["1"]}]), "invalid type"),
        (json!([{"uuid": uuid, "ids": [id], "newtag": "1"}]), "unknown field `newtag`"),
        (json!([{"uuid": uuid, "ids": [id], "newTag": "a b"}]), "newTag \"a b\""),
        (json!([{"uuid": uuid, "ids": [id], "instanceId": "cri-1"}]), "instanceId \"cri-1\""),
        (json!([{"uuid": uuid, "ids": [id], "digest": "12"}]), "digest \"12\""),
        (json!([{"uuid": uuid, "ids": [id, 5]}]), "5 in `ids`"),
        (
            json!([{"uuid": uuid, "ids": [id]}, {"uuid": "none", "ids": [id]}]),
            "Element 1: there is no such image",
        ),
        (json!([{"uuid": uuid, "tag": "latest", "ids": [id]}]), "there is no such image"),
        (json!([{"namespace": "team", "ids": [id]}]), "it names no image"),
        (json!([{"digest": digest(1).hex(), "ids": [id]}]), "several images"),
    ] {
        let message = wish(&server, &info).await.unwrap_err();
        assert!(message.contains("\"Info\"") && message.contains(wanted), "{message}");
    }
    let call = server
        .call(Scheme::Acs3, "OperateImageVul")
        .with("OperateType", "ignore")
        .with("Info", "[]");
    assert_eq!(server.ask(&call).await.error(), refused("InvalidParameter", 400));
    let call = server.call(Scheme::Acs3, "OperateImageVul");
    assert_eq!(server.ask(&call).await.error(), refused("MissingParameter", 400));
}

/// One vulnerability less in each image that has it, and nothing else; and back.
#[tokio::test]
async fn what_is_whitelisted_is_handled() {
    let server = filled().await;
    let statuses = async || {
        let reply = numbers(&server, "DescribeImageGroupedVulList", &[]).await;
        let items = reply["GroupedVulItems"].as_array().unwrap().clone();
        let of = |item: &Value| json!([item["Name"], item["Status"], item["AsapCount"]]);
        items.iter().map(of).collect::<Vec<_>>()
    };
    let before = statuses().await;
    assert!(before.iter().all(|one| one[1] == json!(0)), "{before:?}");
    let name = "debian:12:CVE-2021-0001";
    let entry = json!([{"Type": "cve", "Name": name}]).to_string();
    let parameters = [("Whitelist", entry.as_str()), ("Reason", "not reachable")];
    numbers(&server, "AddImageVulWhiteList", &parameters).await;
    let after = statuses().await;
    assert_eq!(after.last(), Some(&json!([name, 3, 3])));
    assert_eq!(after[..3], before[1..]);
    let handled = ["app:1.0 1", "app:latest 1", "python:3.9 1"];
    assert_eq!(listed(&server, &[("Dealed", "y")]).await, handled);
    assert_eq!(listed(&server, &[("Dealed", "y"), ("StatusList", "1")]).await, handled);
    assert_eq!(listed(&server, &[("Dealed", "y"), ("StatusList", "7")]).await, [""; 0]);
    assert_eq!(listed(&server, &[("Name", name)]).await, [""; 0]);
    assert_eq!(listed(&server, &[("Tag", "1.0")]).await, ["app:1.0 2", "app:1.0 3"]);
    let list = numbers(&server, "DescribeImageVulWhiteList", &[]).await;
    let id = list["ImageVulWhitelist"][0]["Id"].to_string();
    numbers(&server, "DeleteImageVulWhitelist", &[("Ids", &id)]).await;
    assert_eq!(statuses().await, before);
}
