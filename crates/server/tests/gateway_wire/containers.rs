//! Containers over the API: one by one, in groups, their fields.

use plimsoll_model::{ContainerDetail, Secret};
use plimsoll_store::{NewClusterConnection, Workload};
use serde_json::{Value, json};

use crate::{
    actions::{filled, numbers},
    fits::fitting,
    fleet::digest,
    server::{Server, refused},
    signer::Scheme,
};

const PAGES: &[(&str, &str)] = &[("CurrentPage", "1"), ("PageSize", "20")];

fn runs(place: [&str; 4], image: &str, number: Option<u8>) -> Workload {
    let [namespace, app, pod, container] = place.map(ToOwned::to_owned);
    Workload {
        namespace,
        app,
        pod,
        container,
        image: image.to_owned(),
        digest: number.map(digest),
        detail: ContainerDetail::default(),
    }
}

/// Besides the container of `filled`: a second cluster with two pods of one application, one of a clean image, one of an image
/// that no registry here has.
async fn with_two_clusters() -> Server {
    let server = filled().await;
    let web = "registry.example:5000/team/web/front:2.0";
    let mut placed = runs(["shop", "web", "web-0", "main"], web, Some(2));
    placed.detail = ContainerDetail {
        container_id: "0123456789abcdef".to_owned(),
        node: "node-1".to_owned(),
        platform: Some("linux/arm64".parse().unwrap()),
        pod_ip: "10.1.2.3".to_owned(),
        host_ip: "192.0.2.7".to_owned(),
        created: Some("2026-11-30T00:00:00Z".parse().unwrap()),
        ..ContainerDetail::default()
    };
    let workloads = [
        placed,
        runs(["shop", "web", "web-1", "main"], web, None),
        runs(["shop", "solo", "solo-0", "main"], "registry.example:5000/solo:9.9", Some(3)),
        runs(["test", "web", "web-0", "main"], "elsewhere.example/x:1", Some(99)),
    ];
    server.store.replace_workloads("west", &workloads, server.now()).await.unwrap();
    server
}

fn texts(list: &Value, members: &[&str]) -> Vec<String> {
    let text = |one: &Value| {
        let parts = members.iter().map(|member| match &one[member] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        parts.collect::<Vec<_>>().join(" ")
    };
    list.as_array().unwrap().iter().map(text).collect()
}

#[tokio::test]
async fn containers_have_the_risks_of_their_images() {
    let server = with_two_clusters().await;
    let all = fitting(&server, "DescribeContainerInstances", &[]).await;
    assert_eq!(
        texts(
            &all["ContainerInstanceList"],
            &[
                "ClusterId",
                "Namespace",
                "AppName",
                "Pod",
                "ImageRepoName",
                "VulCount",
                "RiskStatus"
            ]
        ),
        [
            "c80f79959fd724a888e1187779b13 kube-system loki loki-0 app 3 YES",
            "west shop solo solo-0 solo 0 NO",
            "west shop web web-0 web/front 1 YES",
            "west shop web web-1 web/front 1 YES",
            "west test web web-0 x 0 NO",
        ]
    );
    let loki = &all["ContainerInstanceList"][0];
    // Two tags have the digest: the one that the pod names.
    assert_eq!(loki["ImageRepoTag"], json!("1.0"));
    assert_eq!(loki["ImageId"], json!(format!("registry.example:5000/team/app@{}", digest(1))));
    assert_eq!((&loki["HcStatus"], &loki["AlarmStatus"]), (&json!("YES"), &json!("NO")));
    let uuid = loki["ImageUuid"].as_str().unwrap();
    for (name, value, wanted) in [
        ("clusterId", "west", 4),
        ("clusterId", "wes", 0),
        ("clusterName", "WES", 4),
        ("namespace", "shop", 3),
        ("appName", "web", 3),
        ("pod", "-0", 4),
        ("image", "solo:9.9", 1),
        ("imageUuid", uuid, 1),
        ("digest", &digest(99).hex(), 1),
        ("imageDigest", &digest(99).hex(), 1),
        ("imageRepoName", "FRONT", 2),
        ("imageRepoNamespace", "team", 3),
        ("imageRepoTag", "9.9", 1),
        ("clusterType", "Kubernetes", 5),
        ("clusterType", "Ask", 0),
        ("instanceId", "i-1", 0),
        ("hostIp", "192.0.2.7", 1),
        ("podIp", "10.1.2.3", 1),
        ("podIp", "10.1.2", 0),
        ("nodeName", "NODE-1", 1),
        ("containerId", "containerd://0123", 1),
        ("containerId", "4567", 0),
        ("digest", &digest(2).to_string(), 2),
        ("riskStatus", "YES", 3),
        ("riskLevel", "3", 3),
        ("vulStatus", "NO", 2),
        ("alarmStatus", "YES", 2),
        ("hcStatus", "NO", 2),
    ] {
        let criteria = json!([{"name": name, "value": value}]).to_string();
        let found =
            numbers(&server, "DescribeContainerInstances", &[("Criteria", &criteria)]).await;
        assert_eq!(found["PageInfo"]["TotalCount"], json!(wanted), "{criteria}");
    }
    let one = json!([{"name": "podIp", "value": "10.1.2.3"}]).to_string();
    let placed = fitting(&server, "DescribeContainerInstances", &[("Criteria", &one)]).await;
    assert_eq!(
        texts(
            &placed["ContainerInstanceList"],
            &["ContainerId", "HostIp", "NodeName", "NodeInfo", "PodIp", "ClusterName"]
        ),
        ["0123456789abcdef 192.0.2.7 node-1 linux/arm64 10.1.2.3 west"]
    );
    let either =
        json!([{"name": "namespace", "value": "test"}, {"name": "appName", "value": "loki"}])
            .to_string();
    let found = numbers(
        &server,
        "DescribeContainerInstances",
        &[("Criteria", &either), ("LogicalExp", "OR")],
    )
    .await;
    assert_eq!(found["PageInfo"]["TotalCount"], json!(2));
    for wrong in [r#"[{"name":"node","value":"a"}]"#, r#"[{"name":"riskStatus","value":"yes"}]"#] {
        let call = server.call(Scheme::Acs3, "DescribeContainerInstances").with("Criteria", wrong);
        assert_eq!(server.ask(&call).await.error(), refused("InvalidParameter", 400), "{wrong}");
    }
}

#[tokio::test]
async fn containers_are_grouped() {
    let server = with_two_clusters().await;
    let members = &[
        "ClusterId",
        "InstanceCount",
        "RiskInstanceCount",
        "VulCount",
        "AlarmCount",
        "RiskStatus",
    ];
    for (field, wanted) in [
        ("clusterId", vec!["c80f79959fd724a888e1187779b13 1 1 3 0 YES", "west 4 2 1 1 YES"]),
        (
            "namespace",
            vec![
                "c80f79959fd724a888e1187779b13 1 1 3 0 YES",
                "west 3 2 1 1 YES",
                "west 1 0 0 0 NO",
            ],
        ),
        (
            "appName",
            vec![
                "c80f79959fd724a888e1187779b13 1 1 3 0 YES",
                "west 2 2 1 1 YES",
                "west 1 0 0 0 NO",
                "west 1 0 0 0 NO",
            ],
        ),
    ] {
        let groups =
            numbers(&server, "DescribeGroupedContainerInstances", &[("GroupField", field)]).await;
        assert_eq!(texts(&groups["GroupedContainerInstanceList"], members), wanted, "{field}");
        assert_eq!(groups["PageInfo"]["TotalCount"], json!(wanted.len()));
    }
    let at_risk = json!([{"name": "riskStatus", "value": "YES"}]).to_string();
    let groups = fitting(
        &server,
        "DescribeGroupedContainerInstances",
        &[("GroupField", "pod"), ("Criteria", &at_risk), ("FieldValue", "WEB")],
    )
    .await;
    assert_eq!(
        texts(&groups["GroupedContainerInstanceList"], &["Pod", "RiskLevel", "CusterState"]),
        ["web-0 high running", "web-1 high running"]
    );
    // ListImageRisk takes the cluster's id from here.
    let listed = numbers(&server, "ListImageRisk", &[("ClusterId", "west")]).await;
    assert_eq!(listed["PageInfo"]["TotalCount"], json!(2));
    let call =
        server.call(Scheme::Acs3, "DescribeGroupedContainerInstances").with("GroupField", "node");
    assert_eq!(server.ask(&call).await.error(), refused("InvalidParameter", 400));
}

#[tokio::test]
async fn a_group_is_told_in_detail() {
    let server = with_two_clusters().await;
    let criteria =
        json!([{"name": "clusterId", "value": "west"}, {"name": "namespace", "value": "shop"}])
            .to_string();
    let detail = [("GroupField", "namespace"), ("Criteria", &*criteria)];
    let detail = fitting(&server, "DescribeContainerGroupedFieldDetail", &detail).await;
    let told = ["Namespace", "ContainerCount", "PodCount", "VulCount", "AlarmCount"]
        .map(|member| detail["Data"][member].clone());
    assert_eq!(told, [json!("shop"), json!(3), json!(3), json!(1), json!(1)]);
    let one = json!([{"name": "podIp", "value": "10.1.2.3"}]).to_string();
    let detail = [("GroupField", "pod"), ("Criteria", &*one)];
    let detail = fitting(&server, "DescribeContainerGroupedFieldDetail", &detail).await;
    let told = ["NodeName", "PodIp", "CreateTime"].map(|member| detail["Data"][member].clone());
    assert_eq!(told, [json!("node-1"), json!("10.1.2.3"), json!(1_795_996_800_000_i64)]);
    let alarms = fitting(&server, "DescribeContainerStatistics", &[("ClusterId", "west")]).await;
    assert_eq!(
        alarms["Data"],
        json!({
            "RemindAlarmCount": 0, "SeriousAlarmCount": 1, "SuspiciousAlarmCount": 0, "TotalAlarmCount": 1, "TotalNode": 1,
            "hasRiskNode": 1,
        })
    );
    let none = json!([{"name": "clusterId", "value": "east"}]).to_string();
    let call = server
        .call(Scheme::Acs3, "DescribeContainerGroupedFieldDetail")
        .with("GroupField", "pod")
        .with("Criteria", &none);
    assert_eq!(server.ask(&call).await.error(), refused("InvalidParameter", 400));
}

#[tokio::test]
async fn fields_have_values() {
    let server = with_two_clusters().await;
    let tags = async |parameters: &[(&str, &str)]| {
        let parameters: Vec<_> = PAGES.iter().chain(parameters).copied().collect();
        let answer = fitting(&server, "DescribeContainerTags", &parameters).await;
        answer["TagValues"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one.as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(tags(&[("FieldName", "namespace")]).await, ["kube-system", "shop", "test"]);
    assert_eq!(
        tags(&[("FieldName", "pod"), ("Namespace", "shop"), ("FieldValue", "WEB")]).await,
        ["web-0", "web-1"]
    );
    assert_eq!(
        tags(&[("FieldName", "image"), ("AppName", "solo")]).await,
        ["registry.example:5000/solo:9.9"]
    );
    let of_west: Vec<_> = PAGES.iter().chain(&[("ClusterId", "west")]).copied().collect();
    let apps = fitting(&server, "DescribeContainerApps", &of_west).await;
    assert_eq!(apps["TagValues"], json!(["solo", "web"]));
    let counts = fitting(&server, "DescribeContainerFieldStatistics", &[]).await;
    assert_eq!(
        counts["ContainerGroupedFields"],
        json!({
            "AppCount": 4, "ClusterCount": 2, "ContainerCount": 5, "ImageCount": 4, "InstanceCount": 5, "NamespaceCount": 3,
            "PodCount": 5, "RiskAppCount": 2, "RiskClusterCount": 2, "RiskContainerCount": 3, "RiskImageCount": 2,
            "RiskInstanceCount": 3, "RiskPodCount": 3,
        })
    );
    let clusters = fitting(&server, "DescribeContainerServiceK8sClusters", &[]).await;
    assert_eq!(texts(&clusters["K8sClusters"], &["ClusterId", "Name"])[1], "west west");
    let namespaces =
        fitting(&server, "DescribeContainerServiceK8sClusterNamespaces", &[("ClusterId", "west")])
            .await;
    assert_eq!(texts(&namespaces["K8sClusterNamespaces"], &["Namespace"]), ["shop", "test"]);
    let criteria = fitting(&server, "DescribeContainerCriteria", &[("Value", "YES")]).await;
    for one in criteria["CriteriaList"].as_array().unwrap() {
        let value = if one["Values"] == "" { json!("x") } else { json!("YES") };
        let criteria = json!([{"name": one["Name"], "value": value}]).to_string();
        numbers(&server, "DescribeContainerInstances", &[("Criteria", &criteria)]).await["PageInfo"]["TotalCount"].as_i64().unwrap();
    }
    let missing = server.call(Scheme::Acs3, "DescribeContainerTags").with("FieldName", "pod");
    assert_eq!(server.ask(&missing).await.error(), refused("MissingParameter", 400));
}

#[tokio::test]
async fn clusters_come_in_by_keys_and_are_told_without_credentials() {
    let server = with_two_clusters().await;
    let later = (server.now().0 + 60) * 1_000;
    let later = later.to_string();
    let wish = [
        ("ClusterName", "edge"),
        ("GroupId", "7"),
        ("Vendor", "Other cloud assets"),
        ("ExpireDate", later.as_str()),
        ("CpuArch", "arm64"),
    ];
    let made = fitting(&server, "GenerateK8sAccessInfo", &wish).await;
    let key = made["Data"]["InstallKey"].as_str().unwrap();
    let cluster = made["Data"]["ClusterId"].as_str().unwrap();
    assert_eq!((key.len(), cluster.len(), cluster.starts_with('c')), (48, 33, true));
    let known = server.store.cluster_of_key(key, server.now()).await.unwrap().unwrap();
    assert_eq!(known.settings.cluster_id, cluster);
    let list = fitting(&server, "ListK8sAccessInfo", &[]).await;
    assert_eq!(
        texts(
            &list["K8sAccessInfos"],
            &["ClusterName", "GroupId", "Vendor", "CpuArch", "ExpireDate", "InstallKey"]
        ),
        [format!("edge 7 Other cloud assets arm64 {later} ")],
        "the key is shown once"
    );
    for (name, value) in [("ExpireDate", "1000"), ("ClusterName", "a\nb"), ("GroupId", "x")] {
        let mut call = server.call(Scheme::Acs3, "GenerateK8sAccessInfo");
        for (own, given) in wish {
            call = call.with(own, if own == name { value } else { given });
        }
        assert_eq!(server.ask(&call).await.error(), refused("InvalidParameter", 400), "{name}");
    }
    let id = list["K8sAccessInfos"][0]["Id"].to_string();
    for wanted in [true, false] {
        let gone = fitting(&server, "DeleteK8sAccessInfo", &[("Id", &id)]).await;
        assert_eq!(gone["Data"], json!(wanted));
    }

    let watched = NewClusterConnection {
        cluster_id: "west".to_owned(),
        name: "production".to_owned(),
        server: "https://10.0.0.1:6443".to_owned(),
        access: Some(Secret::new("hunter2".to_owned())),
        version: "v1.33.2".to_owned(),
    };
    server.store.add_cluster_connection(&watched, false, server.now()).await.unwrap();
    let clusters = fitting(&server, "ListPrivateK8s", &[]).await;
    assert_eq!(
        texts(
            &clusters["PrivateK8sInfos"],
            &["ClusterName", "ApiServerIp", "K8sVersion", "KubeConfig"]
        ),
        ["production 10.0.0.1 v1.33.2 "]
    );
    let scanners = async |parameters: &[(&str, &str)]| {
        let answer = fitting(&server, "DescribeClusterScannerList", parameters).await;
        (answer["InstalledCount"].clone(), texts(&answer["List"], &["Status"]))
    };
    assert_eq!(
        scanners(&[]).await,
        (json!(1), vec!["not_installed".to_owned(), "offline".to_owned()]),
        "nobody watches it yet"
    );
    let lease = server.store.claim_cluster("a", false, server.now()).await.unwrap().unwrap();
    let online = vec!["online".to_owned()];
    assert_eq!(scanners(&[("ClusterIdList.1", "west")]).await, (json!(1), online.clone()));
    assert_eq!(scanners(&[("StatusList.1", "online")]).await, (json!(1), online));
    let call =
        server.call(Scheme::Acs3, "DescribeClusterScannerList").with("StatusList.1", "asleep");
    assert_eq!(server.ask(&call).await.error(), refused("InvalidParameter", 400));

    server.store.set_cluster_problem(&lease, Some("away")).await.unwrap();
    assert_eq!(scanners(&[("StatusList.1", "offline")]).await.0, json!(1));
    let groups =
        fitting(&server, "DescribeGroupedContainerInstances", &[("GroupField", "clusterId")]).await;
    let groups =
        texts(&groups["GroupedContainerInstanceList"], &["ClusterId", "ClusterName", "SyncStatus"]);
    assert!(groups.contains(&"west production 0".to_owned()), "{groups:?}");
    let tags: Vec<_> = PAGES.iter().chain(&[("FieldName", "tag")]).copied().collect();
    let tags = fitting(&server, "DescribeContainerTags", &tags).await;
    assert_eq!(tags["TagValues"], json!(["1", "1.0", "2.0", "9.9"]));
}
