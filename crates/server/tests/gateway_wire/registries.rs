//! Registries over the API: added, listed, changed, removed; and never with a secret.

use plimsoll_store::TokenPurpose;
use serde_json::{Value, json};

use crate::{
    actions::{filled, numbers},
    fits::fitting,
    server::{Server, refused},
    signer::{Place, Scheme},
};

const HARBOR: &[(&str, &str)] = &[
    ("DomainName", "harbor.example"),
    ("RegistryType", "harbor"),
    ("RegistryVersion", "V2"),
    ("ProtocolType", "2"),
    ("NetType", "2"),
    ("RegistryHostIp", "10.0.0.7"),
    ("VpcId", "vpc-1"),
    ("RegistryRegionId", "cn-beijing"),
    ("UserName", "robot$scan"),
    ("Password", "a-password-that-nobody-sees"),
    ("TransPerHour", "120"),
    ("ExtraParam", r#"[{"namespace":"team","authToken":"a-token-that-nobody-sees"}]"#),
];

/// The parameters with some of them replaced.
fn with<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let kept = HARBOR.iter().filter(|(name, _)| changes.iter().all(|(other, _)| other != name));
    kept.chain(changes).copied().collect()
}

#[tokio::test]
async fn a_registry_is_added_and_told_without_its_secrets() {
    let server = filled().await;
    let added = fitting(&server, "AddPrivateRegistry", HARBOR).await;
    let token = added["Data"]["Token"].as_str().unwrap().to_owned();
    let bearer = server.store.bearer_of(&token, TokenPurpose::Hook).await.unwrap().unwrap();
    assert_eq!(bearer.registry, "harbor.example");
    let mut told = added["Data"].clone();
    told["Token"] = json!("");
    assert_eq!(
        told,
        json!({
            "DomainName": "harbor.example", "Id": 3, "NetType": 2, "Password": "******", "ProtocolType": 2,
            "RegionId": "cn-beijing", "RegistryHostIp": "10.0.0.7", "RegistryType": "harbor",
            "RegistryVersion": "V2", "Token": "", "TransPerHour": 120, "UserName": "robot$scan", "VpcId": "vpc-1",
        })
    );
    let stored = server.store.registry("harbor.example").await.unwrap().unwrap();
    assert_eq!(stored.settings.authority(), "harbor.example");
    let password = stored.settings.password.unwrap();
    assert_eq!(password.reveal(), "a-password-that-nobody-sees");
    let rates = server.store.scan_rates().await.unwrap();
    let rate = rates.iter().find(|rate| rate.registry == "harbor.example").unwrap();
    assert_eq!(rate.scans_per_hour, Some(120));

    let harbors = fitting(&server, "ListPrivateRegistryList", &[("RegistryType", "harbor")]).await;
    let infos = harbors["ImageRegistryInfos"].as_array().unwrap();
    let ids: Vec<&Value> = infos.iter().map(|info| &info["Id"]).collect();
    assert_eq!(ids, [&json!(1), &json!(3)]);
    assert_eq!((&infos[0]["Port"], &infos[0]["ProtocolType"]), (&json!(5000), &json!(1)));
    assert_eq!((&infos[1]["Port"], &infos[1]["TransPerHour"]), (&json!(443), &json!(120)));
    assert_eq!((&infos[1]["Password"], &infos[1]["Token"]), (&json!("******"), &json!("******")));
    assert_eq!((&infos[0]["Password"], &infos[0]["Token"]), (&json!(""), &json!("")));

    let types = fitting(&server, "ListPrivateRegistryType", &[]).await;
    assert_eq!(
        types["RegistryTypeInfos"],
        json!([{"Count": 1, "RegistryType": "docker-hub"}, {"Count": 2, "RegistryType": "harbor"}])
    );
    let regions = fitting(&server, "ListImageRegistryRegion", &[]).await;
    let known = regions["Regions"].as_array().unwrap();
    assert!(known.contains(&json!({"RegionId": "cn-hangzhou", "RegionName": "China (Hangzhou)"})));
    let extra = fitting(&server, "ListImageRegistryExtra", &[("RegistryId", "3")]).await;
    assert_eq!(
        extra["ImageRegistryExtraInfos"],
        json!([{"AuthToken": "******", "Id": 1, "Namespace": "team", "RegistryId": 3, "RegistryType": "harbor"}])
    );
    let page = fitting(&server, "PageImageRegistry", &[]).await;
    for answer in [&added, &harbors, &extra, &page] {
        assert!(!answer.to_string().contains("nobody-sees"), "{answer}");
    }
    // The same place is one registry, whether its port is said or not.
    let with_port = with(&[("Port", "443")]);
    for same in [HARBOR, with_port.as_slice()] {
        let again = numbers_or_error(&server, same).await;
        assert_eq!(again, refused("InvalidParameter", 400));
    }
}

async fn numbers_or_error(server: &Server, parameters: &[(&str, &str)]) -> (String, u16) {
    error_of(server, "AddPrivateRegistry", parameters).await
}

async fn error_of(server: &Server, action: &str, parameters: &[(&str, &str)]) -> (String, u16) {
    let mut call = server.call(Scheme::V1, action);
    for (name, value) in parameters {
        call = call.with(name, value);
    }
    server.ask(&call).await.error()
}

#[tokio::test]
async fn what_cannot_be_a_registry_is_not_added() {
    let server = Server::start().await;
    for change in [
        ("DomainName", "https://harbor.example/path"),
        ("RegistryType", "acr"),
        ("RegistryVersion", "V3"),
        ("ProtocolType", "3"),
        ("NetType", "0"),
        ("RegistryHostIp", "harbor.example"),
        ("Port", "65536"),
        ("TransPerHour", "-1"),
        ("TransPerHour", "1000001"),
        ("ExtraParam", "team"),
        ("ExtraParam", r#"[{"namespace":"team"}]"#),
    ] {
        let error = numbers_or_error(&server, &with(&[change])).await;
        assert_eq!(error, refused("InvalidParameter", 400), "{change:?}");
    }
    for name in ["DomainName", "UserName", "Password", "RegistryRegionId", "ExtraParam", "NetType"]
    {
        let error = numbers_or_error(&server, &with(&[(name, "")])).await;
        assert_eq!(error, refused("MissingParameter", 400), "{name}");
    }
    assert_eq!(server.store.registries().await.unwrap(), []);
    // The text of a wrong token list is not shown.
    let mut call = server.call(Scheme::Acs3, "AddPrivateRegistry");
    for (name, value) in with(&[("ExtraParam", "a-token-that-nobody-sees")]) {
        call = call.with(name, value);
    }
    let reply = server.ask(&call).await;
    assert!(!reply.body.contains("nobody-sees"), "{}", reply.body);
}

#[tokio::test]
async fn registries_are_found_page_by_page() {
    let server = filled().await;
    numbers(&server, "AddPrivateRegistry", &with(&[("RegistryType", "quay"), ("Port", "8443")]))
        .await;
    let quay = server.store.registry("harbor.example:8443").await.unwrap().unwrap();
    let token = quay.settings.adapter.api_token.unwrap();
    assert_eq!(token.reveal(), "team=a-token-that-nobody-sees", "Quay's API is asked with it");
    for (parameters, wanted) in [
        (vec![], vec!["yard", "hub", "harbor.example:8443"]),
        (vec![("RegistryNameLike", "EXAMPLE")], vec!["yard", "harbor.example:8443"]),
        (
            vec![("RegistryTypeInList.1", "quay"), ("RegistryTypeInList.2", "docker-hub")],
            vec!["hub", "harbor.example:8443"],
        ),
        (vec![("RegistryTypeNotInList.1", "quay")], vec!["yard", "hub"]),
        (vec![("RegistryTypeInList", "[\"quay\"]"), ("RegistryTypeNotInList.1", "quay")], vec![]),
        (vec![("PageSize", "2"), ("CurrentPage", "2")], vec!["harbor.example:8443"]),
    ] {
        let mut call = server.call(Scheme::Acs3, "PageImageRegistry");
        call.place = Place::Form;
        for (name, value) in &parameters {
            call = call.with(name, value);
        }
        let reply = server.ask(&call).await.json();
        let list = reply["List"].as_array().unwrap();
        let names: Vec<&str> =
            list.iter().map(|one| one["RegistryName"].as_str().unwrap()).collect();
        assert_eq!(names, wanted, "{parameters:?}");
        assert_eq!(reply["PageInfo"]["Count"], json!(wanted.len()));
    }
    let yard = &numbers(&server, "PageImageRegistry", &[]).await["List"][0];
    assert_eq!(yard["ImageCount"], json!(4));
    assert_eq!(yard["GmtCreate"], json!("2026-11-25 01:00:00"));
}

#[tokio::test]
async fn a_registry_is_changed_and_removed() {
    let server = filled().await;
    numbers(&server, "AddPrivateRegistry", HARBOR).await;
    let change: &[(&str, &str)] = &[
        ("Id", "3"),
        ("UserName", "other"),
        ("Password", "new"),
        ("TransPerHour", "0"),
        ("RegistryHostIp", "10.0.0.8"),
    ];
    let changed = fitting(&server, "ModifyImageRegistry", change).await;
    assert_eq!((&changed["Data"], &changed["Code"]), (&json!(true), &json!("200")));
    let stored = server.store.registry_by_id(3).await.unwrap().unwrap();
    assert_eq!(stored.settings.username.as_deref(), Some("other"));
    assert_eq!(stored.settings.password.as_ref().unwrap().reveal(), "new");
    let extras = server.store.registry_extras(3).await.unwrap();
    assert_eq!((extras.host_ip.as_str(), extras.vpc_id.as_str()), ("10.0.0.8", "vpc-1"));
    let token = extras.namespace_tokens["team"].reveal();
    assert_eq!(token, "a-token-that-nobody-sees");
    let rates = server.store.scan_rates().await.unwrap();
    assert!(rates.iter().all(|rate| rate.scans_per_hour.is_none()));
    // A password that is stored does not follow to another host.
    let moved =
        error_of(&server, "ModifyImageRegistry", &[("Id", "3"), ("DomainName", "evil.example")])
            .await;
    assert_eq!(moved, refused("MissingParameter", 400));
    for host in ["two.example:1", "two.example/v2", "two\\example", "a@two.example", "two example"]
    {
        let change = [("Id", "3"), ("DomainName", host), ("Password", "two")];
        let error = error_of(&server, "ModifyImageRegistry", &change).await;
        assert_eq!(error, refused("InvalidParameter", 400), "{host}");
    }
    let stored = server.store.registry_by_id(3).await.unwrap().unwrap();
    assert_eq!(stored.settings.host, "harbor.example");
    numbers(
        &server,
        "ModifyImageRegistry",
        &[("Id", "3"), ("DomainName", "two.example"), ("Port", "8443"), ("Password", "two")],
    )
    .await;
    let stored = server.store.registry_by_id(3).await.unwrap().unwrap();
    assert_eq!(stored.settings.authority(), "two.example:8443");
    assert_eq!(stored.settings.name, "harbor.example");
    let told = numbers(&server, "ListImageRegistryExtra", &[("RegistryId", "3")]).await;
    assert_eq!(told["ImageRegistryExtraInfos"], json!([]), "tokens do not follow either");

    assert_eq!(
        fitting(&server, "DeletePrivateRegistry", &[("RegistryId", "1")]).await,
        json!({"Data": true})
    );
    let images = numbers(&server, "DescribeImageInstances", &[]).await;
    assert_eq!(images["PageInfo"]["TotalCount"], json!(2));
    for (action, name) in [
        ("DeletePrivateRegistry", "RegistryId"),
        ("ModifyImageRegistry", "Id"),
        ("ListImageRegistryExtra", "RegistryId"),
    ] {
        assert_eq!(
            error_of(&server, action, &[(name, "1")]).await,
            refused("InvalidParameter", 400)
        );
        assert_eq!(error_of(&server, action, &[]).await, refused("MissingParameter", 400));
    }
}
