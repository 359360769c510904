//! What each action answers, to the byte, and that official clients' types fit.

use std::{fs, path::PathBuf};

use plimsoll_server::gateway::GatewaySettings;
use serde_json::{Value, json};

use crate::{
    fleet::{digest, fill},
    server::{Reply, Server, refused},
    signer::{Place, Scheme},
};

const SCHEMES: [Scheme; 2] = [Scheme::Acs3, Scheme::V1];

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

pub(crate) async fn filled() -> Server {
    let server = Server::start().await;
    fill(&server).await;
    server
}

/// Compares a body with the one in `expect/`, apart from its request id.
pub(crate) fn expect(name: &str, reply: &Reply) {
    assert_eq!(reply.status, 200, "{}", reply.body);
    // One member a line, so that a change can be seen; members, order and values stay as sent.
    let mut body = reply.body.replace(&reply.headers["x-acs-request-id"], "<request id>");
    for (together, apart) in [(",\"", ",\n\""), ("},{", "},\n{"), ("><", ">\n<")] {
        body = body.replace(together, apart);
    }
    body.push('\n');
    let path = root().join("crates/server/tests/gateway_wire/expect").join(name);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, &body).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap_or_default(), body, "{name}");
}

#[tokio::test]
async fn answers_to_the_byte() {
    let server = filled().await;
    for scheme in SCHEMES {
        let list = server.ask(&server.call(scheme, "ListImageRisk")).await;
        expect("list_image_risk.json", &list);
        assert_eq!(list.headers["content-type"], "application/json;charset=utf-8");
        let rank = server.call(scheme, "GetDockerhubImageRiskRankInfo");
        expect("get_dockerhub_image_risk_rank_info.json", &server.ask(&rank).await);
        let statistic = server.call(scheme, "GetDockerhubImageRiskStatistic");
        expect("get_dockerhub_image_risk_statistic.json", &server.ask(&statistic).await);
        let search = server.call(scheme, "ListDockerhubImage").with("Query", "team/app:1.0");
        expect("list_dockerhub_image.json", &server.ask(&search).await);
        let xml = server.call(scheme, "ListImageRisk").with("Format", "xml").with("PageSize", "1");
        let xml = server.ask(&xml).await;
        expect("list_image_risk.xml", &xml);
        assert_eq!(xml.headers["content-type"], "text/xml;charset=utf-8");
    }
}

#[tokio::test]
async fn endpoints_are_those_that_the_registrys_api_told() {
    use plimsoll_store::{NetType, ReportedEndpoint};
    let server = filled().await;
    let side = |net_type, domains: &[&str]| ReportedEndpoint {
        net_type,
        domains: domains.iter().map(|domain| (*domain).to_owned()).collect(),
    };
    let told = [
        side(NetType::Internet, &["x-registry.cn-hangzhou.cr.aliyuncs.com", "images.example"]),
        side(NetType::Intranet, &["inner.example", "x-registry-vpc.cn-hangzhou.cr.aliyuncs.com"]),
    ];
    let yard = server.store.registry("yard").await.unwrap().unwrap();
    server.store.set_registry_endpoints(&yard, &told).await.unwrap();
    let list = server.ask(&server.call(Scheme::Acs3, "ListImageRisk")).await.json();
    let image = &list["ImageRiskList"][0];
    assert_eq!(image["Image"], "registry.example:5000/team/app:1.0");
    assert_eq!(
        image["EndPointList"],
        json!([
            {"Domains": ["x-registry.cn-hangzhou.cr.aliyuncs.com", "images.example"], "Type": "internet"},
            {"Domains": ["inner.example", "x-registry-vpc.cn-hangzhou.cr.aliyuncs.com"], "Type": "intranet"},
        ])
    );
    assert_eq!(image["InternetURLs"], "x-registry.cn-hangzhou.cr.aliyuncs.com/team/app");
    assert_eq!(image["VpcURLs"], "x-registry-vpc.cn-hangzhou.cr.aliyuncs.com/team/app");
    let others = list["ImageRiskList"].as_array().unwrap().iter();
    let of_hub = others.clone().find(|one| one["RepoNamespace"] == "library").unwrap();
    assert_eq!(
        of_hub["EndPointList"],
        json!([{"Domains": ["registry-1.docker.io"], "Type": "internet"}])
    );
}

#[tokio::test]
async fn an_empty_store_answers_empty_lists() {
    let server = Server::start().await;
    let list = server.ask(&server.call(Scheme::Acs3, "ListImageRisk")).await.json();
    assert_eq!(list["ImageRiskList"], json!([]));
    assert_eq!(
        list["PageInfo"],
        json!({"TotalCount": 0, "Count": 0, "PageSize": 20, "CurrentPage": 1})
    );
    let rank = server.ask(&server.call(Scheme::Acs3, "GetDockerhubImageRiskRankInfo")).await.json();
    assert_eq!(rank["RiskRankInfo"], json!({"VulAsap": [], "Baseline": []}));
    let sums =
        server.ask(&server.call(Scheme::Acs3, "GetDockerhubImageRiskStatistic")).await.json();
    assert_eq!(sums["RiskRankInfo"], json!({"TotalScanned": 0, "VulAsap": 0, "Baseline": 0}));
}

#[tokio::test]
async fn every_filter_filters() {
    let server = filled().await;
    let app = ["registry.example:5000/team/app:1.0", "registry.example:5000/team/app:latest"];
    let front = ["registry.example:5000/team/web/front:2.0"];
    for (parameters, wanted) in [
        (vec![("ClusterId", "c80f79959fd724a888e1187779b13")], app.as_slice()),
        (vec![("ClusterId", "other")], &[]),
        (vec![("AppName", "loki")], &app),
        (vec![("AppName", "lok")], &[]),
        (vec![("Namespace", "kube-system")], &app),
        (
            vec![("Namespace", "library")],
            &["docker.io/library/python:3.9", "docker.io/library/nginx:1.27"],
        ),
        (vec![("Namespace", "team"), ("AppName", "loki")], &[]),
        (vec![("Namespace", "kube-system"), ("AppName", "loki")], &app),
        (vec![("ImageName", "front:2.0")], &front),
        (vec![("ImageName", "FRONT")], &front),
        (vec![("ImageName", "%")], &[]),
        (
            vec![("ImageName", "registry.example:5000/solo:9.9")],
            &["registry.example:5000/solo:9.9"],
        ),
        (vec![("ImageName", "app"), ("Namespace", "")], &app),
    ] {
        for (scheme, place) in [
            (Scheme::Acs3, Place::Query),
            (Scheme::Acs3, Place::Form),
            (Scheme::V1, Place::Query),
            (Scheme::V1, Place::Form),
        ] {
            let mut call = server.call(scheme, "ListImageRisk");
            call.place = place;
            for (name, value) in &parameters {
                call = call.with(name, value);
            }
            let reply = server.ask(&call).await.json();
            let images: Vec<&str> = reply["ImageRiskList"]
                .as_array()
                .unwrap()
                .iter()
                .map(|image| image["Image"].as_str().unwrap())
                .collect();
            assert_eq!(images, wanted, "{parameters:?} {scheme:?} {place:?}");
            assert_eq!(reply["PageInfo"]["TotalCount"], json!(wanted.len()));
        }
    }
}

#[tokio::test]
async fn pages_are_one_list() {
    let server = filled().await;
    let whole = server.ask(&server.call(Scheme::Acs3, "ListImageRisk")).await.json();
    for size in 1..=7_u32 {
        let mut seen = Vec::new();
        for page in 1..=7_u32 {
            let call = server
                .call(Scheme::V1, "ListImageRisk")
                .with("CurrentPage", &page.to_string())
                .with("PageSize", &size.to_string());
            let reply = server.ask(&call).await.json();
            let images = reply["ImageRiskList"].as_array().unwrap().clone();
            assert_eq!(
                reply["PageInfo"],
                json!({"TotalCount": 6, "Count": images.len(), "PageSize": size, "CurrentPage": page})
            );
            seen.extend(images);
        }
        assert_eq!(Value::Array(seen), whole["ImageRiskList"]);
    }
    let last = server.call(Scheme::Acs3, "ListImageRisk").with("CurrentPage", "2147483647");
    let last = server.ask(&last.with("PageSize", "100")).await.json();
    assert_eq!(last["ImageRiskList"], json!([]));
}

#[tokio::test]
async fn values_that_cannot_be_are_named() {
    let server = filled().await;
    for scheme in SCHEMES {
        for (name, values) in [
            ("PageSize", ["0", "-1", "101", "1000000000", "2147483648", "1.5", "ten"].as_slice()),
            ("CurrentPage", &["0", "-1", "2147483648", "0x10", "+1"]),
        ] {
            for value in values {
                let reply =
                    server.ask(&server.call(scheme, "ListImageRisk").with(name, value)).await;
                assert_eq!(reply.error(), refused("InvalidParameter", 400), "{name}={value}");
                let message = reply.json()["Message"].as_str().unwrap().to_owned();
                let wanted = format!(
                    "The specified value of parameter \"{name}\" is not valid. \"{value}\" is not "
                );
                assert!(message.starts_with(&wanted), "{message}");
            }
        }
        for action in ["GetDockerhubImageRiskRankInfo", "GetDockerhubImageRiskStatistic"] {
            for value in ["vulasap", "baseline,vulAsap", "all", "TotalScanned"] {
                let reply = server.ask(&server.call(scheme, action).with("Types.1", value)).await;
                assert_eq!(reply.error(), refused("InvalidParameter", 400));
                let message = reply.json()["Message"].as_str().unwrap().to_owned();
                assert!(message.contains("\"Types\"") && message.contains(value), "{message}");
            }
        }
        let missing = server.ask(&server.call(scheme, "ListDockerhubImage")).await;
        assert_eq!(missing.error(), refused("MissingParameter", 400));
        let odd = server.call(scheme, "ListDockerhubImage").with("Query", "a//b:");
        assert_eq!(server.ask(&odd).await.error(), refused("InvalidParameter", 400));
    }
}

#[tokio::test]
async fn rankings_and_their_scope() {
    let server = filled().await;
    let tags = |reply: &Value, list: &str| -> Vec<String> {
        let entries = reply["RiskRankInfo"][list].as_array().unwrap();
        entries
            .iter()
            .map(|entry| format!("{}:{}", entry["RepoName"], entry["Tag"]).replace('"', ""))
            .collect()
    };
    let both = server.ask(&server.call(Scheme::Acs3, "GetDockerhubImageRiskRankInfo")).await.json();
    // Two tags of one digest are one entry.
    assert_eq!(tags(&both, "VulAsap"), ["app:1.0", "python:3.9"]);
    assert_eq!(tags(&both, "Baseline"), ["app:1.0", "web/front:2.0"]);
    for (name, value, members) in [
        ("Types.1", "vulAsap", ["VulAsap"].as_slice()),
        ("Types", "[\"baseline\"]", &["Baseline"]),
        ("Types", "baseline", &["Baseline"]),
        ("Types", "[\"baseline\",\"vulAsap\",\"baseline\"]", &["Baseline", "VulAsap"]),
        ("Types", "", &["Baseline", "VulAsap"]),
    ] {
        let call = server.call(Scheme::V1, "GetDockerhubImageRiskRankInfo").with(name, value);
        let reply = server.ask(&call).await.json();
        let sent: Vec<&String> = reply["RiskRankInfo"].as_object().unwrap().keys().collect();
        assert_eq!(sent, members, "{name}={value}");
    }
    server.store.set_setting("rank.limit", Some("1")).await.unwrap();
    let short = server.ask(&server.call(Scheme::V1, "GetDockerhubImageRiskRankInfo")).await.json();
    assert_eq!(tags(&short, "VulAsap"), ["app:1.0"]);
    server.store.set_setting("rank.scope", Some("dockerhub")).await.unwrap();
    let hub = server.ask(&server.call(Scheme::V1, "GetDockerhubImageRiskRankInfo")).await.json();
    assert_eq!(tags(&hub, "VulAsap"), ["python:3.9"]);
    assert_eq!(hub["RiskRankInfo"]["Baseline"], json!([]));
    let sums = server.call(Scheme::V1, "GetDockerhubImageRiskStatistic").with("Types.1", "vulAsap");
    let sums = server.ask(&sums).await.json();
    assert_eq!(sums["RiskRankInfo"]["VulAsap"], json!(1));
    assert!(sums["RiskRankInfo"].get("Baseline").is_none());
    let search = server.call(Scheme::V1, "ListDockerhubImage").with("Query", "app");
    assert_eq!(server.ask(&search).await.json()["ImageList"], json!([]));
}

#[tokio::test]
async fn numbers_agree_across_actions() {
    let server = filled().await;
    let list = server.ask(&server.call(Scheme::Acs3, "ListImageRisk")).await.json();
    let rank = server.ask(&server.call(Scheme::Acs3, "GetDockerhubImageRiskRankInfo")).await.json();
    let images = list["ImageRiskList"].as_array().unwrap();
    let texts = |value: &Value| serde_json::from_str::<Value>(value.as_str().unwrap()).unwrap();
    for entry in rank["RiskRankInfo"]["VulAsap"].as_array().unwrap() {
        let image = images.iter().find(|image| image["Uuid"] == entry["Uuid"]).unwrap();
        for member in ["Digest", "ImageId", "RepoName", "RepoNamespace", "Tag"] {
            assert_eq!(image[member], entry[member]);
        }
        let (detail, statistics) = (texts(&entry["RiskLevelDetail"]), texts(&image["Statistics"]));
        assert_eq!(detail.as_object().unwrap().len(), 47);
        assert_eq!(detail["uuid"], json!(entry["Uuid"].as_str().unwrap().replace('-', "")));
        assert_eq!(detail["vul"], entry["VulCount"]);
        assert_eq!(detail["imageBaselineNum"], entry["HcCount"]);
        assert_eq!(statistics["vul"], entry["VulCount"]);
        assert_eq!(statistics["baselineNum"], entry["HcCount"]);
    }
    let app = &images[0];
    assert_eq!(app["Digest"], json!(digest(1).hex()));
    assert_eq!(app["ImageId"], json!(digest(101).hex()));
}

/// One answer without its request id.
pub(crate) async fn numbers(server: &Server, action: &str, parameters: &[(&str, &str)]) -> Value {
    let mut call = server.call(Scheme::Acs3, action);
    for (name, value) in parameters {
        call = call.with(name, value);
    }
    let mut reply = server.ask(&call).await.json();
    reply.as_object_mut().unwrap().remove("RequestId").unwrap();
    reply
}

#[tokio::test]
async fn images_are_counted() {
    let server = filled().await;
    let ask = async |action| numbers(&server, action, &[]).await;
    assert_eq!(ask("DescribeCountScannedImage").await, json!({"ScannedCount": 5}));
    assert_eq!(ask("DescribeCountNotScannedImage").await, json!({"NotScannedCnt": 1}));
    // Five are scanned; the one without findings and the one without a scan are at no risk.
    assert_eq!(
        ask("DescribeImageStatistics").await,
        json!({"InstanceCount": 6, "RiskInstanceCount": 4})
    );
    assert_eq!(
        ask("DescribeImageRiskLevelStatistic").await,
        json!({"ImageRiskLevelList": [
            {"ImageRiskLevel": "3", "Cnt": 4},
            {"ImageRiskLevel": "2", "Cnt": 0},
            {"ImageRiskLevel": "1", "Cnt": 0},
            {"ImageRiskLevel": "0", "Cnt": 1},
        ]})
    );
}

#[tokio::test]
async fn findings_of_a_selection_are_counted() {
    let server = filled().await;
    let list = server.ask(&server.call(Scheme::V1, "ListImageRisk")).await.json();
    let uuid = list["ImageRiskList"][0]["Uuid"].as_str().unwrap();
    let bare = uuid.replace('-', "");
    let repository = list["ImageRiskList"][0]["RepoId"].as_str().unwrap();
    let (one, prefixed) = (digest(1).hex(), digest(1).to_string());
    for (parameters, [cve, sca, baseline, malware]) in [
        (vec![], [8, 0, 4, 1]),
        (vec![("ImageUuid", uuid)], [3, 0, 1, 0]),
        (vec![("Uuids.1", bare.as_str()), ("Uuids.2", "none")], [3, 0, 1, 0]),
        (vec![("ImageDigest", one.as_str())], [6, 0, 2, 0]),
        (vec![("ImageDigest", prefixed.as_str()), ("ImageTag", "1.0")], [3, 0, 1, 0]),
        (vec![("RepoId", repository)], [6, 0, 2, 0]),
        (vec![("RepoRegionId", "cn-hangzhou")], [8, 0, 4, 1]),
        (vec![("RepoRegionId", "cn-beijing")], [0; 4]),
        (vec![("ClusterId", "c80f79959fd724a888e1187779b13")], [6, 0, 2, 0]),
        (vec![("ClusterId", "other")], [0; 4]),
        (vec![("RepoInstanceId", "cri-1")], [0; 4]),
        (vec![("Dealed", "Y")], [0; 4]),
        (vec![("Dealed", "A"), ("ScanRange.1", "image")], [8, 0, 4, 1]),
        (vec![("ScanRange", "[\"container\"]")], [0; 4]),
    ] {
        let wanted = json!({"Data": {
            "ImageCveVulCount": cve, "ImageScaVulCount": sca,
            "ImageBaselineCount": baseline, "ImageMaliciousFileCount": malware,
        }});
        let found = numbers(&server, "DescribeImageSecurityScanCount", &parameters).await;
        assert_eq!(found, wanted, "{parameters:?}");
    }
    for (name, value) in [("Dealed", "n"), ("ScanRange.1", "host"), ("ImageDigest", "sha256:12")] {
        let call = server.call(Scheme::Acs3, "DescribeImageSecurityScanCount").with(name, value);
        assert_eq!(server.ask(&call).await.error(), refused("InvalidParameter", 400), "{name}");
    }
}

/// Every member of every answer has the name and type that official clients are generated from.
#[tokio::test]
async fn answers_fit_the_clients_types() {
    let path = root().join("../shared/contract/vectors/action-schema.json");
    let Ok(text) = fs::read_to_string(&path) else {
        println!("skipped: ../shared is not here");
        return;
    };
    let schema: Value = serde_json::from_str(&text).unwrap();
    let server = filled().await;
    for action in [
        "ListImageRisk",
        "DescribeCountNotScannedImage",
        "DescribeCountScannedImage",
        "DescribeImageGroupedVulList",
        "DescribeImageRiskLevelStatistic",
        "DescribeImageSecurityScanCount",
        "DescribeImageStatistics",
        "DescribeImageVulList",
        "GetDockerhubImageRiskRankInfo",
        "GetDockerhubImageRiskStatistic",
        "ListDockerhubImage",
    ] {
        let mut call = server.call(Scheme::Acs3, action);
        if action == "DescribeImageVulList" {
            // Only images that run somewhere say where.
            call = call.with("Type", "cve").with("ClusterId", "c80f79959fd724a888e1187779b13");
        }
        if action == "ListDockerhubImage" {
            call = call.with("Query", "team/app");
        }
        let reply = server.ask(&call).await.json();
        fits(action, &reply, &schema["actions"][action]["response"]);
    }
}

/// Members that say nothing of an image, and are left out where the vendor sends them.
const LEFT_OUT: &[&str] = &[
    "AddPrivateRegistry.Data.AliUid",
    "CreateJenkinsImageRegistry.TimeCost",
    "CreateJenkinsImageScanTask.Data.RepoInstanceId",
    "DescribeContainerInstances.ContainerInstanceList.Exposed",
    "GenerateK8sAccessInfo.Data.AliUid",
    "GenerateK8sAccessInfo.Data.AuditLogStore",
    "GenerateK8sAccessInfo.Data.AuditProject",
    "GenerateK8sAccessInfo.Data.AuditRegionId",
    "ListK8sAccessInfo.K8sAccessInfos.AliUid",
    "ListK8sAccessInfo.K8sAccessInfos.AuditLogStore",
    "ListK8sAccessInfo.K8sAccessInfos.AuditProject",
    "ListK8sAccessInfo.K8sAccessInfos.AuditRegionId",
    "ListK8sAccessInfo.K8sAccessInfos.GroupName",
    "ListPrivateK8s.PrivateK8sInfos.AliUid",
    "ListPrivateK8s.PrivateK8sInfos.NetType",
    "ListPrivateK8s.PrivateK8sInfos.RegionId",
    "ListPrivateK8s.PrivateK8sInfos.VpcId",
    "DescribeClusterScannerList.List.WebhookOpen",
    "DescribeClusterScannerList.List.WebhookStatus",
    "DescribeContainerInstances.ContainerInstanceList.ExposedDetail",
    "DescribeContainerInstances.ContainerInstanceList.InstanceId",
    "DescribeContainerInstances.ContainerInstanceList.UpdateMark",
    "DescribeGroupedContainerInstances.GroupedContainerInstanceList.InstanceId",
    "DescribeImageInfoList.ImageInfos.InstanceId",
    "DescribeImageInfoList.ImageInfos.SourceBizTag",
    "DescribeImageInstances.ImageInstanceList.InstanceId",
    "DescribeImageInstances.ImageInstanceList.SourceBizTag",
    "DescribeImageRepoDetailList.ImageRepoResponses.InstanceId",
    "DescribeImageRepoDetailList.ImageRepoResponses.SourceBizTag",
    "DescribeImageScanAuthCount.ImageScan.InstanceId",
    "DescribeOnceTaskLeafRecordPage.OnceTasks.TaskImageInfo.AppName",
    "DescribeOnceTaskLeafRecordPage.OnceTasks.TaskImageInfo.ClusterId",
    "DescribeOnceTaskLeafRecordPage.OnceTasks.TaskImageInfo.ClusterName",
    "DescribeOnceTaskLeafRecordPage.OnceTasks.TaskImageInfo.CostTimeInfo",
    "DescribeOnceTaskLeafRecordPage.OnceTasks.TaskImageInfo.NodeInstanceId",
    "DescribeOnceTaskLeafRecordPage.OnceTasks.TaskImageInfo.NodeIp",
    "DescribeOnceTaskLeafRecordPage.OnceTasks.TaskImageInfo.NodeName",
    "DescribeOnceTaskLeafRecordPage.OnceTasks.TaskImageInfo.Pod",
    "GenerateOnceTask.LastTask",
    "ListImageRegistryExtra.ImageRegistryExtraInfos.AliUid",
    "ListPrivateRegistryList.ImageRegistryInfos.AliUid",
    "ListUnfinishedOnceTask.OnceTasks.TaskImageInfo.AppName",
    "ListUnfinishedOnceTask.OnceTasks.TaskImageInfo.ClusterId",
    "ListUnfinishedOnceTask.OnceTasks.TaskImageInfo.ClusterName",
    "ListUnfinishedOnceTask.OnceTasks.TaskImageInfo.NodeInstanceId",
    "ListUnfinishedOnceTask.OnceTasks.TaskImageInfo.NodeIp",
    "ListUnfinishedOnceTask.OnceTasks.TaskImageInfo.NodeName",
    "ListUnfinishedOnceTask.OnceTasks.TaskImageInfo.Pod",
    "ModifyImageRegistry.TimeCost",
    "QueryJenkinsImageRegistryPersistenceDay.TimeCost",
    "UpdateJenkinsImageRegistryName.TimeCost",
    "UpdateJenkinsImageRegistryPersistenceDay.TimeCost",
    "DescribeAffectedMaliciousFileImages.AffectedMaliciousFileImagesResponse.ContainerId",
    "DescribeAffectedMaliciousFileImages.AffectedMaliciousFileImagesResponse.DownloadUrl",
    "DescribeAffectedMaliciousFileImages.AffectedMaliciousFileImagesResponse.InstanceName",
    "DescribeAffectedMaliciousFileImages.AffectedMaliciousFileImagesResponse.InternetIp",
    "DescribeAffectedMaliciousFileImages.AffectedMaliciousFileImagesResponse.IntranetIp",
    "DescribeAffectedMaliciousFileImages.AffectedMaliciousFileImagesResponse.RepoInstanceId",
    "DescribeAffectedMaliciousFileImages.AffectedMaliciousFileImagesResponse.TargetId",
    "DescribeAffectedMaliciousFileImages.AffectedMaliciousFileImagesResponse.TargetName",
    "DescribeAffectedMaliciousFileImages.AffectedMaliciousFileImagesResponse.TargetType",
    "DescribeImageListBySensitiveFile.ImageInfos.InstanceId",
    "DescribeImageListBySensitiveFile.ImageInfos.InstanceName",
    "DescribeImageListBySensitiveFile.PageInfo.LastRowKey",
    "DescribeImageSensitiveFileByKey.PageInfo.LastRowKey",
    "DescribeImageSensitiveFileList.PageInfo.LastRowKey",
    "DescribeImageGroupedVulList.GroupedVulItems.RuleTag",
    "DescribeImageListByBuildRisk.Data.List.InstanceId",
    "DescribeImageListWithBaselineName.ImageInfos.ContainerId",
    "DescribeImageListWithBaselineName.ImageInfos.InstanceId",
    "DescribeImageListWithBaselineName.ImageInfos.InstanceName",
    "DescribeImageListWithBaselineName.ImageInfos.InternetIp",
    "DescribeImageListWithBaselineName.ImageInfos.IntranetIp",
    "DescribeImageListWithBaselineName.ImageInfos.TargetId",
    "DescribeImageListWithBaselineName.ImageInfos.TargetName",
    "DescribeImageListWithBaselineName.ImageInfos.TargetType",
    "DescribeImageVulList.VulRecords.ContainerId",
    "DescribeImageVulList.VulRecords.InstanceName",
    "DescribeImageVulList.VulRecords.InternetIp",
    "DescribeImageVulList.VulRecords.IntranetIp",
    "DescribeImageVulList.VulRecords.RuleTag",
    "DescribeImageVulList.VulRecords.TargetId",
    "DescribeImageVulList.VulRecords.TargetName",
    "DescribeImageVulList.VulRecords.TargetType",
];

/// Members whose words are more than the vendor lists.
const MORE_WORDS: &[&str] = &[
    "DescribeContainerCriteria.CriteriaList.Name",
    "DescribeImageInstances.ImageInstanceList.ScaResult",
    "DescribeOnceTask.TaskManageResponseList.TaskType",
    "ListPrivateRegistryList.ImageRegistryInfos.RegistryVersion",
];

/// Members that are ours: the vendor has a parameter that asks for them, and no answer that tells them.
const ADDED: &[&str] = &["DescribeImageSensitiveFileByKey.SensitiveFileList.Id"];

pub(crate) fn fits(place: &str, value: &Value, fields: &Value) {
    let members = value.as_object().unwrap();
    let fields = fields.as_array().unwrap();
    let names: Vec<&str> = fields.iter().map(|field| field["name"].as_str().unwrap()).collect();
    for name in members.keys() {
        let is_ours = ADDED.contains(&format!("{place}.{name}").as_str());
        assert!(is_ours || names.contains(&name.as_str()), "{place}.{name} is not in the schema");
    }
    for field in fields {
        let name = field["name"].as_str().unwrap();
        let place = format!("{place}.{name}");
        if LEFT_OUT.contains(&place.as_str()) {
            assert!(!members.contains_key(name), "{place} is there");
            continue;
        }
        let value = members.get(name).unwrap_or_else(|| panic!("{place} is missing"));
        let is_of_type = match field["type"].as_str().unwrap() {
            "s" => value.is_string(),
            "i32" => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
            "i64" | "int" => value.is_i64(),
            "b" => value.is_boolean(),
            "any" => !value.is_null(),
            "[s]" => value.as_array().unwrap().iter().all(Value::is_string),
            "obj" => {
                fits(&place, value, &field["fields"]);
                true
            }
            "[obj]" => {
                let elements = value.as_array().unwrap();
                assert!(!elements.is_empty(), "{place} is empty: the test sees nothing");
                elements.iter().for_each(|element| fits(&place, element, &field["fields"]));
                true
            }
            other => panic!("{place} has the unknown type {other}"),
        };
        assert!(is_of_type, "{place} is {value}");
        if let Some(allowed) = field["enum"].as_array()
            && name != "RegistryType"
            && !MORE_WORDS.contains(&place.as_str())
        {
            let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
            assert!(allowed.contains(&json!(text)), "{place} is {text}");
        }
    }
}

#[tokio::test]
async fn a_browser_is_sent_to_the_console_and_nobody_else() {
    let settings =
        GatewaySettings { console: Some("/console/".to_owned()), ..GatewaySettings::default() };
    let server = Server::start_with(settings).await;
    let browser = crate::signer::Wire::plain("GET", "/").with_header("accept", "text/html,*/*");
    let reply = server.send(&browser).await;
    assert_eq!((reply.status, reply.headers["location"].as_str()), (303, "/console/"));
    let client = crate::signer::Wire::plain("GET", "/").with_header("accept", "application/json");
    assert_eq!(server.send(&client).await.error(), refused("MissingAction", 400));
    let odd = crate::signer::Wire::plain("GET", "/?Action=x").with_header("accept", "text/html");
    assert_eq!(server.send(&odd).await.status, 400);
}
