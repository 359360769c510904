//! Google: a key that is exchanged for a token, one list of images and tags.

use std::fs;

use base64::{Engine as _, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE_NO_PAD};
use plimsoll_model::Secret;
use plimsoll_registry::{
    Credentials, RegistryError,
    kind::{Adapter, ApiSettings, RepositoryEntry},
};
use serde_json::{Value, json};

use super::{digest, query};
use crate::{
    content::adapter,
    origin::{Bound, Origin, Reply, Request},
    process::{certificate, is_here},
};

const PARENT: &str = "/v1/projects/shop/locations/europe-west3/repositories";

fn reply(request: &Request) -> Reply {
    if request.path() == "/token" {
        let form: std::collections::BTreeMap<String, String> =
            form_urlencoded::parse(request.body.as_bytes()).into_owned().collect();
        assert_eq!(form["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
        let part = |n: usize| {
            let bytes = BASE64_URL_SAFE_NO_PAD.decode(form["assertion"].split('.').nth(n).unwrap());
            serde_json::from_slice::<Value>(&bytes.unwrap()).unwrap()
        };
        assert_eq!((&part(0)["alg"], &part(0)["kid"]), (&json!("RS256"), &json!("key-1")));
        assert_eq!(part(1)["iss"], "scan@shop.iam.gserviceaccount.com");
        assert_eq!(part(1)["exp"].as_i64().unwrap() - part(1)["iat"].as_i64().unwrap(), 3_600);
        return Reply::json(
            r#"{"access_token":"ya29.t0ken","expires_in":3599,"token_type":"Bearer"}"#,
        );
    }
    if request.header("authorization") != Some("Bearer ya29.t0ken") {
        return Reply::new(401)
            .body(r#"{"error":{"code":401,"message":"no","status":"UNAUTHENTICATED"}}"#);
    }
    let image = |repository: &str, name: &str, n: u32, tags: &[&str]| {
        json!({"name": format!("{PARENT}/{repository}/dockerImages/x"), "tags": tags, "imageSizeBytes": "7",
            "uri": format!("europe-west3-docker.pkg.dev/shop/{repository}/{name}@{}", digest(n)),
            "uploadTime": "2026-11-01T10:00:00.123456Z"})
    };
    let rest = request.path().strip_prefix(PARENT).unwrap_or("?");
    let answer = match (rest, query(request, "pageToken").as_deref()) {
        ("", None) => json!({"repositories": [
            {"name": "projects/shop/locations/europe-west3/repositories/images", "format": "DOCKER",
                "dockerConfig": {"immutableTags": true}},
            {"name": "projects/shop/locations/europe-west3/repositories/jars", "format": "MAVEN"}],
            "nextPageToken": "two"}),
        ("", Some("two")) => json!({"repositories": [
            {"name": "projects/shop/locations/europe-west3/repositories/tests", "format": "DOCKER"}]}),
        ("/images/dockerImages", None) => json!({"dockerImages": [
            image("images", "team/app", 1, &["2.0", "1.0"]), image("images", "team/app", 2, &[])],
            "nextPageToken": "more"}),
        ("/images/dockerImages", Some("more")) => {
            json!({"dockerImages": [image("images", "web", 3, &["latest"])]})
        }
        ("/tests/dockerImages", None) => json!({}),
        _ => return Reply::new(404).body(r#"{"error":{"code":404,"message":"not found"}}"#),
    };
    Reply::json(&answer.to_string())
}

/// A key's document whose exchange is at `exchange`.
fn document(exchange: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (_, key) = certificate(folder.path(), "DNS:key");
    json!({"type": "service_account", "project_id": "shop", "private_key_id": "key-1",
        "private_key": fs::read_to_string(key).unwrap(), "client_email": "scan@shop.iam.gserviceaccount.com",
        "token_uri": exchange})
    .to_string()
}

fn gar(
    host: &str,
    user: &str,
    password: &str,
    api: Option<&Origin>,
) -> Result<Box<dyn Adapter>, RegistryError> {
    let credentials = Credentials::new(user, Secret::new(password.to_owned()));
    let settings = ApiSettings {
        endpoint: api.map(|origin| origin.address.to_string().parse().unwrap()),
        ..ApiSettings::default()
    };
    adapter("gar", host, Some(credentials), settings)
}

#[tokio::test]
async fn a_key_is_exchanged_once_and_one_list_tells_all_tags() {
    if !is_here("openssl") {
        return;
    }
    let bound = Bound::on("127.0.0.1").await;
    let document = document(&format!("http://{}/token", bound.address));
    let origin = bound.serve(reply);
    let host = "europe-west3-docker.pkg.dev";
    for (user, password) in
        [("_json_key", document.clone()), ("_json_key_base64", BASE64_STANDARD.encode(&document))]
    {
        let before = origin.requests().len();
        let gar = gar(host, user, &password, Some(&origin)).unwrap();
        assert_eq!(gar.region(), Some("europe-west3"));
        let entries = gar.list_repositories().await.unwrap();
        let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["shop/images/team/app", "shop/images/web"]);
        let tags = gar.list_tags(&entries[0]).await.unwrap();
        let found: Vec<_> = tags
            .iter()
            .map(|tag| (tag.name.as_str(), tag.digest.unwrap().to_string(), tag.is_immutable))
            .collect();
        assert_eq!(found, [("1.0", digest(1), true), ("2.0", digest(1), true)]);
        let gone = gar.list_tags(&RepositoryEntry::named("shop/images/gone")).await.unwrap_err();
        assert!(matches!(gone, RegistryError::NotFound { .. }), "{gone}");
        let asked = origin.requests().split_off(before);
        assert_eq!(asked.iter().filter(|one| one.path() == "/token").count(), 1);
        assert_eq!(asked.len(), 6, "two pages of repositories, two and one of images, a token");
        assert!(asked.iter().all(|one| !one.body.contains("PRIVATE KEY")));
    }
}

#[tokio::test]
async fn an_access_token_is_taken_and_what_is_no_key_is_not_repeated() {
    let origin = Origin::start(reply).await;
    let host = "europe-west3-docker.pkg.dev";
    let settings = ApiSettings {
        endpoint: Some(origin.address.to_string().parse().unwrap()),
        instance: Some("shop".into()),
        ..ApiSettings::default()
    };
    let token = Credentials::new("oauth2accesstoken", Secret::new("ya29.t0ken".into()));
    let gar_with_token = adapter("gar", host, Some(token), settings).unwrap();
    assert_eq!(gar_with_token.list_repositories().await.unwrap().len(), 2);
    for (user, password, field) in [
        ("_json_key", r#"{"private_key":"hunter2"}"#, "password"),
        ("_json_key", "hunter2", "password"),
        ("somebody", "hunter2", "username"),
        ("oauth2accesstoken", "hunter2", "instance"),
    ] {
        let error = gar(host, user, password, None).unwrap_err();
        assert!(
            matches!(&error, RegistryError::Setting { field: found, .. } if *found == field),
            "{error}"
        );
        assert!(!error.to_string().contains("hunter2"));
    }
}
