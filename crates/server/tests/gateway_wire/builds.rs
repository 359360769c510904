//! Registries of builds over the API, and images that builds announce.

use plimsoll_store::TokenPurpose;
use serde_json::json;

use crate::{
    actions::{filled, numbers},
    fits::fitting,
    fleet::digest,
    server::{Server, refused},
    signer::{Place, Scheme},
};

async fn error_of(server: &Server, action: &str, parameters: &[(&str, &str)]) -> (String, u16) {
    let mut call = server.call(Scheme::Acs3, action);
    call.place = Place::Form;
    for (name, value) in parameters {
        call = call.with(name, value);
    }
    server.ask(&call).await.error()
}

const REGISTRY: &[(&str, &str)] = &[
    ("RegistryName", "jenkins"),
    ("RegistryType", "CI/CD"),
    ("RegionId", "cn-hangzhou"),
    ("WhiteList", "127.0.0.0/8, 10.0.0.1"),
];

#[tokio::test]
async fn a_registry_of_builds_is_made_and_changed() {
    let server = filled().await;
    let created = fitting(&server, "CreateJenkinsImageRegistry", REGISTRY).await;
    let data = &created["Data"];
    let told = ["Id", "RegistryName", "RegistryType", "PersistenceDay", "WhiteList", "DomainName"]
        .map(|member| data[member].clone());
    assert_eq!(
        told,
        [
            json!(3),
            json!("jenkins"),
            json!("CI/CD"),
            json!(90),
            json!("127.0.0.0/8,10.0.0.1"),
            json!("builds.invalid")
        ]
    );
    let token = data["Token"].as_str().unwrap();
    let bearer =
        async |token: &str| server.store.bearer_of(token, TokenPurpose::Report).await.unwrap();
    assert_eq!(bearer(token).await.unwrap().registry_id, 3);
    let other = fitting(&server, "RefreshRegistryToken", &[("RegistryId", "3")]).await;
    let other = other["Data"].as_str().unwrap();
    assert!(bearer(token).await.is_none() && bearer(other).await.is_some());

    let default = fitting(&server, "QueryJenkinsImageRegistryPersistenceDay", &[]).await;
    assert_eq!(default["Data"], json!(90));
    for (action, name, value) in [
        ("UpdateJenkinsImageRegistryName", "RegistryName", "builds of team"),
        ("UpdateJenkinsImageRegistryPersistenceDay", "PersistenceDay", "7"),
        ("UpdateWhiteList", "WhiteList", "2001:db8::/32"),
    ] {
        let answer = fitting(&server, action, &[("RegistryId", "3"), (name, value)]).await;
        assert_eq!(answer["Data"], json!(true), "{action}");
        assert_eq!(
            error_of(&server, action, &[("RegistryId", "1"), (name, value)]).await,
            refused("InvalidParameter", 400)
        );
        assert_eq!(
            error_of(&server, action, &[("RegistryId", "3")]).await,
            refused("MissingParameter", 400)
        );
    }
    let listed = numbers(&server, "ListPrivateRegistryList", &[("RegistryType", "CI/CD")]).await;
    let told = ["RegistryName", "PersistenceDay", "WhiteList", "Token"]
        .map(|member| listed["ImageRegistryInfos"][0][member].clone());
    assert_eq!(told, [json!("builds of team"), json!(7), json!("2001:db8::/32"), json!("******")]);
    assert_eq!(
        error_of(
            &server,
            "UpdateJenkinsImageRegistryName",
            &[("RegistryId", "3"), ("RegistryName", "yard")]
        )
        .await,
        refused("InvalidParameter", 400)
    );
    for (name, value) in [
        ("RegistryName", "jenkins"),
        ("DomainName", "host name"),
        ("RegistryType", "harbor"),
        ("PersistenceDay", "-1"),
        ("WhiteList", "everybody"),
    ] {
        let mut call = server.call(Scheme::Acs3, "CreateJenkinsImageRegistry");
        for (known, usual) in REGISTRY.iter().filter(|(known, _)| *known != name) {
            call = call.with(known, if *known == "RegistryName" { "another" } else { usual });
        }
        let reply = server.ask(&call.with(name, value)).await;
        assert_eq!(reply.error(), refused("InvalidParameter", 400), "{name}={value}");
        let message = reply.json()["Message"].as_str().unwrap().to_owned();
        assert!(message.contains(name), "{name}={value}: {message}");
    }
}

#[tokio::test]
async fn a_build_announces_what_it_will_report() {
    let server = filled().await;
    let created = numbers(&server, "CreateJenkinsImageRegistry", REGISTRY).await;
    let token = created["Data"]["Token"].as_str().unwrap();
    let hex = digest(60).hex();
    let build = [
        ("Token", token),
        ("Namespace", "team"),
        ("RepoName", "app"),
        ("Tag", "42"),
        ("Digest", &*hex),
        ("ImageSize", "1234"),
        ("ImageCreate", "1795564800000"),
        ("JenkinsEnv", "release"),
    ];
    let announced = fitting(&server, "CreateJenkinsImageScanTask", &build).await["Data"].clone();
    assert_eq!(
        (&announced["TaskId"], &announced["RepoRegionId"]),
        (&json!("1"), &json!("cn-hangzhou"))
    );
    let criteria = json!([{"name": "registryType", "value": "CI/CD"}]).to_string();
    let images = numbers(&server, "DescribeImageInstances", &[("Criteria", &criteria)]).await;
    let image = &images["ImageInstanceList"][0];
    assert_eq!((&image["Uuid"], &image["RepoId"]), (&announced["Uuid"], &announced["RepoId"]));
    assert_eq!(
        (&image["Tag"], &image["ImageSize"], &image["LastScanTime"]),
        (&json!("42"), &json!("1234"), &json!(0))
    );
    assert_eq!(image["Digest"], json!(hex), "as the build named it");
    let repo = announced["RepoId"].as_str().unwrap();
    let named = [
        ("ImageInstanceId", "-"),
        ("ImageRegionId", "cn-hangzhou"),
        ("ImageRepoId", repo),
        ("ImageTag", "42"),
    ];
    let resolved = numbers(&server, "DescribeImage", &named).await;
    assert_eq!(resolved["Data"]["Digest"], json!(hex));
    // The build scans it: no worker here does, whoever orders it.
    numbers(&server, "PublicCreateImageScanTask", &[("Tags", "42")]).await;
    assert!(server.store.claim("test", server.now()).await.unwrap().is_none());
    let task = [("TaskType", "IMAGE_SCAN"), ("TaskName", "IMAGE_SCAN"), ("TaskId", "1")];
    let status = async || {
        numbers(&server, "GetOnceTaskResultInfo", &task).await["TaskInfo"]["Status"].clone()
    };
    assert_eq!(status().await, json!("INIT"));
    server.store.fail_unreported_builds(server.now()).await.unwrap();
    assert_eq!(status().await, json!("INIT"));
    let tomorrow = plimsoll_model::Timestamp(server.now().0 + 86_401);
    assert_eq!(server.store.fail_unreported_builds(tomorrow).await.unwrap(), 1);
    assert_eq!(status().await, json!("FAIL"));
    // Ninety days later it is forgotten.
    let later = plimsoll_model::Timestamp(server.now().0 + 91 * 86_400);
    assert_eq!(server.store.remove_outdated_images(server.now()).await.unwrap(), 0);
    assert_eq!(server.store.remove_outdated_images(later).await.unwrap(), 1);
    let images = numbers(&server, "DescribeImageInstances", &[("Criteria", &criteria)]).await;
    assert_eq!(images["ImageInstanceList"], json!([]));
    assert_eq!(
        numbers(&server, "DescribeImageInstances", &[]).await["PageInfo"]["TotalCount"],
        json!(6)
    );

    let changed = |name: &'static str, value: &'static str| {
        let kept = build.into_iter().filter(move |(known, _)| *known != name);
        kept.chain([(name, value)]).collect::<Vec<_>>()
    };
    for (name, value, code) in [
        ("Token", "wrong", "InvalidParameter"),
        ("Token", "", "MissingParameter"),
        ("RepoName", "", "MissingParameter"),
        ("RepoName", "Upper Case", "InvalidParameter"),
        ("Tag", "", "MissingParameter"),
        ("Digest", "", "MissingParameter"),
        ("Digest", "12", "InvalidParameter"),
        ("ImageSize", "-1", "InvalidParameter"),
    ] {
        let error = error_of(&server, "CreateJenkinsImageScanTask", &changed(name, value)).await;
        assert_eq!(error, refused(code, 400), "{name}={value}");
    }
    numbers(&server, "UpdateWhiteList", &[("RegistryId", "3"), ("WhiteList", "10.0.0.1")]).await;
    let mut call =
        server.call(Scheme::Acs3, "CreateJenkinsImageScanTask").with("SourceIp", "10.0.0.1");
    for (name, value) in build {
        call = call.with(name, value);
    }
    let reply = server.ask(&call).await;
    assert_eq!(reply.error(), refused("InvalidParameter", 400));
    assert!(!reply.body.contains(token));
}
