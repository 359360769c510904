//! Amazon: signed actions, pages by token, an account of twelve hours.

use plimsoll_model::Secret;
use plimsoll_registry::{
    RegistryError, Visibility,
    kind::{Adapter, ApiSettings},
};
use serde_json::{Value, json};

use super::digest;
use crate::{
    content::{Content, adapter, image},
    origin::{Origin, Reply, Request},
};

const SECRET: &str = "s3cret-access-key";

fn reply(content: &Content, request: &Request) -> Reply {
    if request.path().starts_with("/v2/") {
        // AWS:t3mp
        return match request.header("authorization") {
            Some("Basic QVdTOnQzbXA=") => content.reply(request),
            _ => Reply::new(401).header("WWW-Authenticate", r#"Basic realm="ecr""#),
        };
    }
    let authorization = request.header("authorization").unwrap_or_default();
    let scope = "AWS4-HMAC-SHA256 Credential=AKIA-test/20261125/eu-central-1/ecr/aws4_request, \
                 SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=";
    if !authorization.starts_with(scope) || request.header("x-amz-date") != Some("20261125T093000Z")
    {
        return Reply::new(400).body(r#"{"__type":"InvalidSignatureException","message":"no"}"#);
    }
    assert_eq!(request.header("content-type"), Some("application/x-amz-json-1.1"));
    let body: Value = serde_json::from_str(&request.body).unwrap();
    let target = request.header("x-amz-target").unwrap();
    let action = target.strip_prefix("AmazonEC2ContainerRegistry_V20150921.").unwrap();
    let repository = |name: &str, mutability: &str, filters: &[&str]| {
        let filters: Vec<Value> = filters
            .iter()
            .map(|filter| json!({"filterType": "WILDCARD", "filter": filter}))
            .collect();
        json!({"repositoryName": name, "registryId": "1", "repositoryUri": format!("x/{name}"),
            "imageTagMutability": mutability, "imageTagMutabilityExclusionFilters": filters})
    };
    let all = [
        repository("team/app", "IMMUTABLE_WITH_EXCLUSION", &["dev-*"]),
        repository("team/fixed", "IMMUTABLE", &[]),
        repository("team/free", "MUTABLE", &[]),
    ];
    let answer = match (action, body["nextToken"].as_str()) {
        ("DescribeRepositories", None) if body["repositoryNames"] == json!(["team/app"]) => {
            assert_eq!(body["maxResults"], Value::Null);
            json!({"repositories": all[..1]})
        }
        ("DescribeRepositories", None) => json!({"repositories": all[..2], "nextToken": "more"}),
        ("DescribeRepositories", Some("more")) => json!({"repositories": all[2..]}),
        ("DescribeImages", None) => {
            assert_eq!(
                (&body["filter"]["tagStatus"], &body["maxResults"]),
                (&json!("TAGGED"), &json!(1000))
            );
            json!({"imageDetails": [
                {"imageDigest": digest(1), "imageTags": ["1.0", "dev-1"], "imagePushedAt": 1_700_000_000.789, "imageSizeInBytes": 7},
                {"imageDigest": digest(2)}]})
        }
        ("GetAuthorizationToken", None) => json!({"authorizationData": [
            {"authorizationToken": "QVdTOnQzbXA=", "expiresAt": 4_000_000_000.5, "proxyEndpoint": "https://x"}]}),
        _ => {
            return Reply::new(400)
                .body(r#"{"__type":"RepositoryNotFoundException","message":"gone"}"#);
        }
    };
    Reply::json(&answer.to_string())
}

fn ecr(origin: &Origin) -> Box<dyn Adapter> {
    let settings = ApiSettings {
        endpoint: Some(origin.address.to_string().parse().unwrap()),
        account: Some("AKIA-test".into()),
        token: Some(Secret::new(SECRET.into())),
        region: "eu-central-1".into(),
        ..ApiSettings::default()
    };
    adapter("ecr", &origin.address.to_string(), None, settings).unwrap()
}

#[tokio::test]
async fn repositories_and_tags_with_the_repositorys_exceptions() {
    let origin = Origin::start(|request| reply(&Content::default(), request)).await;
    let ecr = ecr(&origin);
    let entries = ecr.list_repositories().await.unwrap();
    assert_eq!(entries.len(), 3);
    assert!(entries.iter().all(|entry| entry.visibility == Some(Visibility::Private)));
    let immutable: Vec<bool> =
        entries.iter().map(|entry| entry.immutable.cover("latest")).collect();
    assert_eq!(immutable, [true, true, false]);
    let entry = ecr.repository("team/app").await.unwrap();
    let tags = ecr.list_tags(&entry).await.unwrap();
    let found: Vec<_> = tags.iter().map(|tag| (tag.name.as_str(), tag.is_immutable)).collect();
    assert_eq!(found, [("1.0", true), ("dev-1", false)]);
    assert_eq!(tags[0].digest.unwrap().to_string(), digest(1));
    assert_eq!(tags[0].pushed.unwrap().0, 1_700_000_000);
    // An answer about others is not mistaken for the one that was asked for.
    let error = ecr.repository("team/gone").await.unwrap_err();
    assert!(matches!(error, RegistryError::Protocol { .. }), "{error}");
}

#[tokio::test]
async fn images_are_pulled_with_an_account_that_the_key_gets_once() {
    let content = Content::default().image("team/app", "1.0", &image("ecr", 10));
    let origin = Origin::start(move |request| reply(&content, request)).await;
    let ecr = ecr(&origin);
    for _pull in 0..3 {
        ecr.client().await.unwrap().manifest("team/app", "1.0").await.unwrap();
    }
    let is_token = |one: &&Request| {
        one.header("x-amz-target").is_some_and(|to| to.ends_with("GetAuthorizationToken"))
    };
    assert_eq!(origin.requests().iter().filter(is_token).count(), 1);
    assert!(
        origin
            .requests()
            .iter()
            .all(|one| !one.head.contains(SECRET) && !one.body.contains(SECRET))
    );
}

#[tokio::test]
async fn a_key_is_needed_and_its_region() {
    let settings = |account: bool, token: bool| ApiSettings {
        account: account.then(|| "AKIA".into()),
        token: token.then(|| Secret::new(SECRET.into())),
        ..ApiSettings::default()
    };
    for (host, settings, field) in [
        ("1.dkr.ecr.eu-central-1.amazonaws.com", settings(false, true), "api_account"),
        ("1.dkr.ecr.eu-central-1.amazonaws.com", settings(true, false), "api_token"),
        ("registry.example.com", settings(true, true), "region_id"),
    ] {
        let error = adapter("ecr", host, None, settings).unwrap_err();
        assert!(
            matches!(&error, RegistryError::Setting { field: found, .. } if *found == field),
            "{error}"
        );
    }
    let ecr = adapter("ecr", "1.dkr.ecr.cn-north-1.amazonaws.com.cn", None, settings(true, true));
    assert_eq!(ecr.unwrap().region(), Some("cn-north-1"));
}
