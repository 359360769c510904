//! Alibaba Cloud's registry: signatures, odd types, temporary accounts, both editions.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use plimsoll_model::Secret;
use plimsoll_registry::{
    RegistryError, Visibility,
    kind::{Adapter, ApiSettings, ReachableAt, RepositoryEntry, Side},
};
use ring::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, sign};
use serde_json::{Value, json};

use super::{page, query};
use crate::{
    content::{Content, account, adapter, image},
    origin::{Origin, Reply, Request},
};

const SECRET: &str = "4ccess-key-s3cret";
const INSTANCE: &str = "cri-build";

fn signature(text: &str, key: &str) -> String {
    let key = Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, key.as_bytes());
    BASE64_STANDARD.encode(sign(&key, text.as_bytes()))
}

/// RFC 3986, by way of another encoder than the product's.
fn encoded(text: &str) -> String {
    let form: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
    form.replace('+', "%20").replace('*', "%2A").replace("%7E", "~")
}

/// Whether an RPC request carries the signature of its own parameters.
fn is_signed(request: &Request) -> bool {
    let (_, text) = request.target.split_once('?').unwrap();
    let mut pairs: Vec<(String, String)> =
        form_urlencoded::parse(text.as_bytes()).into_owned().collect();
    pairs.retain(|(name, _)| name != "Signature");
    pairs.sort();
    let pairs: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    let text = format!("{}&%2F&{}", request.method, encoded(&pairs.join("&")));
    query(request, "Signature") == Some(signature(&text, &format!("{SECRET}&")))
        && query(request, "AccessKeyId").as_deref() == Some("LTAI-test")
        && query(request, "SignatureVersion").as_deref() == Some("1.0")
}

/// The cloud: one instance with registry and API at one address.
#[derive(Clone, Default)]
struct Cloud {
    nonces: Arc<Mutex<BTreeSet<String>>>,
    /// How many requests are throttled first.
    throttled: Arc<Mutex<u32>>,
    instances: Vec<Value>,
    content: Content,
    /// The key may list repositories of a namespace, and not of all.
    by_namespace: bool,
    /// Official clients ask: each has signatures and a clock of its own.
    official: bool,
}

impl Cloud {
    fn reply(&self, request: &Request) -> Reply {
        if request.path().starts_with("/v2/") {
            // The temporary account, or the registry's own.
            return match request.header("authorization") {
                Some("Basic Y3JfdGVtcF91c2VyOnQzbXA=" | "Basic Y2k6YzRuNHJ5LXBhc3N3MHJk") => {
                    self.content.reply(request)
                }
                _ => Reply::new(401).header("WWW-Authenticate", r#"Basic realm="acr""#),
            };
        }
        let failed = |status: u16, code: &str| {
            let body =
                json!({"Code": code, "Message": "Access denied for this user.", "RequestId": "R"});
            Reply::new(status).body(body.to_string())
        };
        let signed = request.header("authorization").unwrap_or_default();
        if self.official && signed.starts_with("ACS3-HMAC-SHA256 Credential=LTAI-test,") {
            assert_eq!(request.header("x-acs-version"), Some("2018-12-01"));
            return Self::successful(self.answer(request.header("x-acs-action").unwrap(), request));
        }
        let is_now = query(request, "Timestamp").as_deref() == Some("2026-11-25T09:30:00Z");
        let is_version = query(request, "Version").as_deref() == Some("2018-12-01");
        if !is_version || !is_signed(request) || !(is_now || self.official) {
            return failed(403, "SignatureDoesNotMatch");
        }
        if !self.nonces.lock().unwrap().insert(query(request, "SignatureNonce").unwrap()) {
            return failed(400, "SignatureNonceUsed");
        }
        let mut throttled = self.throttled.lock().unwrap();
        if *throttled > 0 {
            *throttled -= 1;
            return failed(400, "Throttling.User");
        }
        let action = query(request, "Action").unwrap();
        if action != "ListInstance" && query(request, "InstanceId").as_deref() != Some(INSTANCE) {
            return failed(403, "NoPrivilege");
        }
        let of_all = action == "ListRepository" && query(request, "RepoNamespaceName").is_none();
        if of_all && self.by_namespace {
            return failed(403, "NoPrivilege");
        }
        Self::successful(self.answer(&action, request))
    }

    fn successful(mut body: Value) -> Reply {
        let common =
            [("Code", json!("success")), ("IsSuccess", json!(true)), ("RequestId", json!("R"))];
        for (name, value) in common {
            body.as_object_mut().unwrap().entry(name).or_insert(value);
        }
        Reply::json(&body.to_string())
    }

    /// Numbers are numbers or texts as in the real actions.
    fn answer(&self, action: &str, request: &Request) -> Value {
        let number = |name: &str| query(request, name).unwrap().parse::<usize>().unwrap();
        let paged = |all: Vec<Value>| (page(&all, number("PageNo"), number("PageSize")), all.len());
        match action {
            "ListInstance" => {
                let (some, total) = paged(self.instances.clone());
                json!({"Instances": some, "TotalCount": total, "PageNo": 1})
            }
            "ListNamespace" => {
                let all = ["empty", "team"]
                    .map(|name| json!({"NamespaceId": "crn-1", "NamespaceName": name}));
                let (some, total) = paged(all.to_vec());
                json!({"Namespaces": some, "TotalCount": total.to_string()})
            }
            "ListRepository" => {
                assert_eq!(query(request, "RepoStatus").as_deref(), Some("NORMAL"));
                let is_meant = |one: &Value| {
                    [("RepoNamespaceName", "RepoNamespaceName"), ("RepoName", "RepoName")]
                        .iter()
                        .all(|(of, is)| query(request, of).is_none_or(|wanted| one[is] == *wanted))
                };
                let (some, total) = paged(repositories().into_iter().filter(is_meant).collect());
                json!({"Repositories": some, "TotalCount": total.to_string()})
            }
            "ListRepoTag" if query(request, "RepoId").as_deref() == Some("crr-000") => {
                let (some, total) = paged(tags());
                json!({"Images": some, "TotalCount": total.to_string()})
            }
            "ListRepoTag" => {
                json!({"Code": "REPO_NOT_EXIST", "IsSuccess": false, "Message": "gone"})
            }
            "GetAuthorizationToken" => {
                // A day after the fixed time, in milliseconds.
                json!({"TempUsername": "cr_temp_user", "AuthorizationToken": "t3mp", "ExpireTime": 1_795_685_400_000_i64})
            }
            "ListInstanceEndpoint" => json!({"Endpoints": [
                {"EndpointType": "internet", "Enable": true, "Domains": [
                    {"Domain": "build-registry.cn-hangzhou.cr.aliyuncs.com", "Type": "SYSTEM"},
                    {"Domain": "images.example.com", "Type": "USER"}]},
                {"EndpointType": "internet", "Enable": false, "Domains": [{"Domain": "off", "Type": "SYSTEM"}]},
            ]}),
            "GetInstanceVpcEndpoint" => json!({"Enable": true, "ModuleName": "Registry",
                "Domains": ["build-registry-vpc.cn-hangzhou.cr.aliyuncs.com"], "LinkedVpcs": []}),
            other => panic!("{other} is not an action that is asked for"),
        }
    }
}

fn repositories() -> Vec<Value> {
    (0..205)
        .map(|n| {
            json!({"RepoId": format!("crr-{n:03}"), "RepoName": format!("app{n:03}"), "RepoNamespaceName": "team",
                "RepoType": if n == 0 { "PUBLIC" } else { "PRIVATE" }, "RepoStatus": "NORMAL", "TagImmutability": n == 0,
                "CreateTime": 1_700_000_000_000_i64, "InstanceId": INSTANCE})
        })
        .collect()
}

fn tags() -> Vec<Value> {
    let tag = |n: u32, name: String, update: Value| {
        json!({"Tag": name, "Digest": format!("{n:064x}"), "ImageId": format!("{:064x}", n + 1000), "ImageSize": 7,
            "ImageCreate": "1700000000000", "ImageUpdate": update, "Status": "NORMAL"})
    };
    let mut all = vec![
        tag(1, "latest".into(), json!("1700000000999")),
        tag(2, "1.0".into(), json!(1_700_000_001_000_i64)),
        json!({"Tag": "going", "Digest": "00", "Status": "DELETING"}),
    ];
    all.extend((10..130).map(|n| tag(n, format!("v{n}"), json!("0"))));
    all
}

fn instance(id: &str, name: &str) -> Value {
    json!({"InstanceId": id, "InstanceName": name, "InstanceStatus": "RUNNING", "RegionId": "cn-hangzhou"})
}

fn settings(origin: &Origin, instance: Option<&str>) -> ApiSettings {
    ApiSettings {
        endpoint: Some(origin.address.to_string().parse().unwrap()),
        account: Some("LTAI-test".into()),
        token: Some(Secret::new(SECRET.into())),
        region: "cn-hangzhou".into(),
        instance: instance.map(str::to_owned),
        ..ApiSettings::default()
    }
}

fn at(origin: &Origin, instance: Option<&str>) -> Box<dyn Adapter> {
    adapter("acr", &origin.address.to_string(), None, settings(origin, instance)).unwrap()
}

async fn cloud(cloud: Cloud) -> Origin {
    Origin::start(move |request| cloud.reply(request)).await
}

#[tokio::test]
async fn repositories_come_with_the_clouds_ids_over_pages() {
    let origin = cloud(Cloud::default()).await;
    let acr = at(&origin, Some(INSTANCE));
    let entries = acr.list_repositories().await.unwrap();
    assert_eq!(entries.len(), 205);
    let first = &entries[0];
    assert_eq!((first.name.as_str(), first.repo_id.as_deref()), ("team/app000", Some("crr-000")));
    assert_eq!(first.visibility, Some(Visibility::Public));
    assert_eq!(entries[1].visibility, Some(Visibility::Private));
    assert_eq!(acr.repository("team/app007").await.unwrap().repo_id.as_deref(), Some("crr-007"));
    let error = acr.repository("team/gone").await.unwrap_err();
    assert!(matches!(error, RegistryError::NotFound { .. }), "{error}");
    assert_eq!(acr.region(), Some("cn-hangzhou"));
}

#[tokio::test]
async fn a_key_for_some_namespaces_is_enough() {
    let origin = cloud(Cloud { by_namespace: true, ..Cloud::default() }).await;
    assert_eq!(at(&origin, Some(INSTANCE)).list_repositories().await.unwrap().len(), 205);
}

#[tokio::test]
async fn immutable_means_all_tags_but_latest_and_digests_are_bare() {
    let origin = cloud(Cloud::default()).await;
    let acr = at(&origin, Some(INSTANCE));
    let entry = acr.repository("team/app000").await.unwrap();
    let tags = acr.list_tags(&entry).await.unwrap();
    assert_eq!(tags.len(), 122);
    let tag = |name: &str| tags.iter().find(|tag| tag.name == name);
    assert_eq!(tag("1.0").unwrap().digest.unwrap().to_string(), super::digest(2));
    assert_eq!(tag("1.0").unwrap().pushed.unwrap().0, 1_700_000_001);
    assert_eq!(tag("latest").unwrap().pushed.unwrap().0, 1_700_000_000);
    assert_eq!(
        (tag("1.0").unwrap().is_immutable, tag("latest").unwrap().is_immutable),
        (true, false)
    );
    assert_eq!(tag("v129").unwrap().pushed, None);
    assert!(tag("going").is_none());
    // Status 200, and yet a failure.
    let gone =
        RepositoryEntry { handle: Some("crr-gone".into()), ..RepositoryEntry::named("team/gone") };
    let error = acr.list_tags(&gone).await.unwrap_err();
    assert!(error.to_string().contains("`ListRepoTag` failed: REPO_NOT_EXIST gone"), "{error}");
}

#[tokio::test]
async fn the_instance_is_the_only_one_or_must_be_named() {
    for (instances, wanted) in [
        (vec![instance(INSTANCE, "build")], Ok(205)),
        (vec![], Err("the access key sees none")),
        (
            vec![instance(INSTANCE, "build"), instance("cri-other", "other")],
            Err("cri-build, cri-other"),
        ),
    ] {
        let origin = cloud(Cloud { instances, ..Cloud::default() }).await;
        match (at(&origin, None).list_repositories().await, wanted) {
            (Ok(entries), Ok(number)) => assert_eq!(entries.len(), number),
            (Err(RegistryError::Setting { field: "instance", problem }), Err(part)) => {
                assert!(problem.contains(part), "{problem}");
            }
            (outcome, _) => panic!("{outcome:?}"),
        }
    }
}

#[tokio::test]
async fn throttled_requests_are_repeated_with_a_signature_of_their_own() {
    let throttled = Arc::new(Mutex::new(2));
    let origin = cloud(Cloud { throttled: Arc::clone(&throttled), ..Cloud::default() }).await;
    assert_eq!(at(&origin, Some(INSTANCE)).list_repositories().await.unwrap().len(), 205);
    *throttled.lock().unwrap() = 100;
    let error = at(&origin, Some(INSTANCE)).list_repositories().await.unwrap_err();
    assert!(matches!(error, RegistryError::RateLimited { .. }), "{error}");
    assert!(error.is_temporary());
}

#[tokio::test]
async fn the_registry_is_pulled_from_with_a_temporary_account_or_its_own() {
    let content = Content::default().image("team/app000", "1.0", &image("acr", 10));
    let origin = cloud(Cloud { content, ..Cloud::default() }).await;
    let acr = at(&origin, Some(INSTANCE));
    acr.probe().await.unwrap();
    for _pull in 0..3 {
        acr.client().await.unwrap().manifest("team/app000", "1.0").await.unwrap();
    }
    let asked = |origin: &Origin| {
        let is_it =
            |one: &Request| query(one, "Action").as_deref() == Some("GetAuthorizationToken");
        origin.requests().iter().filter(|one| is_it(one)).count()
    };
    assert_eq!(asked(&origin), 1);
    let own = adapter(
        "acr",
        &origin.address.to_string(),
        Some(account()),
        settings(&origin, Some(INSTANCE)),
    );
    own.unwrap().client().await.unwrap().manifest("team/app000", "1.0").await.unwrap();
    assert_eq!(asked(&origin), 1);
    for request in origin.requests() {
        assert!(!request.head.contains(SECRET));
    }
}

#[tokio::test]
async fn endpoints_are_told_from_both_sides() {
    let origin = cloud(Cloud::default()).await;
    let endpoints = at(&origin, Some(INSTANCE)).endpoints().await.unwrap();
    let reachable = |from, domains: &[&str]| ReachableAt {
        from,
        domains: domains.iter().map(|domain| (*domain).to_owned()).collect(),
    };
    assert_eq!(
        endpoints,
        [
            reachable(
                Side::Internet,
                &["build-registry.cn-hangzhou.cr.aliyuncs.com", "images.example.com"]
            ),
            reachable(Side::Intranet, &["build-registry-vpc.cn-hangzhou.cr.aliyuncs.com"]),
        ]
    );
}

#[tokio::test]
async fn a_refused_key_is_named_and_its_secret_is_not() {
    let origin = cloud(Cloud::default()).await;
    let acr = at(&origin, Some("cri-of-others"));
    let error = acr.list_repositories().await.unwrap_err();
    assert!(matches!(error, RegistryError::Refused { status: 403, .. }), "{error}");
    assert!(error.to_string().contains("the access key `LTAI-test`"), "{error}");
    assert!(error.to_string().contains("NoPrivilege Access denied"), "{error}");
    assert!(!format!("{error:?} {acr:?}").contains(SECRET));
}

/// The API of paths.
fn personal(request: &Request) -> Reply {
    let header = |name: &str| request.header(name).unwrap_or_default().to_owned();
    let (path, text) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let mut pairs: Vec<String> = form_urlencoded::parse(text.as_bytes())
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.sort();
    let mark = if pairs.is_empty() { "" } else { "?" };
    let own: String = ["method", "nonce", "version"]
        .map(|name| {
            format!("x-acs-signature-{name}:{}\n", header(&format!("x-acs-signature-{name}")))
        })
        .concat();
    let text = format!(
        "GET\napplication/json\n\n\nWed, 25 Nov 2026 09:30:00 GMT\n{own}x-acs-version:2016-06-07\n{path}{mark}{}",
        pairs.join("&")
    );
    let wanted = format!("acs LTAI-test:{}", signature(&text, SECRET));
    if request.path() == "/v2/" {
        return Reply::json("{}");
    }
    if header("authorization") != wanted || header("date") != "Wed, 25 Nov 2026 09:30:00 GMT" {
        return Reply::new(400).body(r#"{"code":"SignatureDoesNotMatch","message":"no"}"#);
    }
    let paged = |name: &str, all: Vec<Value>| {
        let [number, size] =
            ["Page", "PageSize"].map(|name| query(request, name).unwrap().parse().unwrap());
        let body = json!({"data": {name: page(&all, number, size), "page": number, "pageSize": size, "total": all.len()}});
        Reply::json(&body.to_string())
    };
    let repository = |n: usize| {
        json!({"repoId": n, "repoName": format!("app{n:03}"), "repoNamespace": "mine", "repoType": "PUBLIC",
            "regionId": "cn-hangzhou", "repoDomainList": {"public": "registry.cn-hangzhou.aliyuncs.com",
            "internal": "registry-internal.cn-hangzhou.aliyuncs.com", "vpc": "registry-vpc.cn-hangzhou.aliyuncs.com"}})
    };
    match path {
        "/repos" | "/repos/mine" => paged("repos", (0..105).map(repository).collect()),
        "/repos/mine/app007" => Reply::json(&json!({"data": {"repo": repository(7)}}).to_string()),
        "/repos/mine/app007/tags" => paged(
            "tags",
            vec![json!({"tag": "1", "digest": format!("{:064x}", 5), "imageUpdate": 1_700_000_000_000_i64, "status": "NORMAL"})],
        ),
        "/tokens" => Reply::json(
            &json!({"data": {"tempUserName": "cr_temp_user", "authorizationToken": "t3mp", "expireDate": 1_795_685_400_000_i64}})
                .to_string(),
        ),
        _ => Reply::new(404).body(r#"{"code":"REPO_NOT_EXIST","message":"gone"}"#),
    }
}

#[tokio::test]
async fn the_personal_edition_is_read_by_its_paths() {
    let origin = Origin::start(personal).await;
    let acr = at(&origin, Some("personal"));
    acr.probe().await.unwrap();
    assert_eq!(acr.list_repositories().await.unwrap().len(), 105);
    let entry = acr.repository("mine/app007").await.unwrap();
    assert_eq!((entry.visibility, &entry.repo_id), (Some(Visibility::Public), &None));
    let tags = acr.list_tags(&entry).await.unwrap();
    assert_eq!(
        (tags[0].name.as_str(), tags[0].digest.unwrap().to_string()),
        ("1", super::digest(5))
    );
    let endpoints = acr.endpoints().await.unwrap();
    assert_eq!(endpoints[0].domains, ["registry.cn-hangzhou.aliyuncs.com"]);
    assert_eq!(endpoints[1].domains[0], "registry-vpc.cn-hangzhou.aliyuncs.com");
    let error = acr.repository("mine/gone").await.unwrap_err();
    assert!(matches!(error, RegistryError::NotFound { .. }), "{error}");
}

/// What the official clients read of this server, so that it is what ACR would answer.
#[tokio::test]
async fn the_official_clients_read_this_server() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python = root.join("target/test-tools/python/bin/python");
    let instances = vec![instance(INSTANCE, "build")];
    let origin = cloud(Cloud { instances, official: true, ..Cloud::default() }).await;
    let at = origin.address.to_string();
    for client in ["cr", "core"] {
        let module = if client == "cr" { "alibabacloud_cr20181201" } else { "aliyunsdkcore" };
        let has_it = std::process::Command::new(&python)
            .args(["-c", &format!("import {module}")])
            .stderr(std::process::Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        if !has_it {
            println!(
                "skipped: {module} is not installed in target/test-tools (`cargo xtask test`)"
            );
            continue;
        }
        let driver = root.join("crates/registry/tests/registry/kinds/drive_acr.py");
        let mut command = std::process::Command::new(&python);
        command.arg(driver).args([&at, SECRET, client]).env("NO_PROXY", "*").env("no_proxy", "*");
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let read: Value = serde_json::from_slice(&output.stdout).unwrap();
        let wanted = match client {
            "cr" => json!({
                "instances": [["int", 1], [INSTANCE]],
                "repositories": [["str", "205"], 100, [["bool", true], "PUBLIC"]],
                "tags": [["str", "123"], "latest", ["str", "1700000000999"], format!("{:064x}", 1)],
                "token": ["cr_temp_user", ["int", 1_795_685_400_000_i64]],
                "endpoints": [["build-registry.cn-hangzhou.cr.aliyuncs.com", "images.example.com"], ["off"]],
                "vpc": ["build-registry-vpc.cn-hangzhou.cr.aliyuncs.com"],
            }),
            _ => json!({"repositories": ["205", "crr-100"]}),
        };
        assert_eq!(read, wanted, "{client}");
    }
}
