//! The client side of our own management API.

use plimsoll_model::Secret;
use plimsoll_registry::{HttpClient, ManagementClient, ManagementError};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    content::options,
    origin::{Origin, Reply},
};

fn client(
    address: &str,
    token: &str,
    plain_http: bool,
) -> Result<ManagementClient, ManagementError> {
    let http = HttpClient::new(options()).unwrap();
    ManagementClient::new(address, Secret::new(token.to_owned()), &http, plain_http)
}

#[derive(Deserialize, Debug, PartialEq)]
struct Added {
    id: i64,
}

#[tokio::test]
async fn requests_carry_token_query_and_body() {
    let server = Origin::start(|request| match request.method.as_str() {
        "POST" => Reply::json(r#"{"id":7}"#),
        "DELETE" => Reply::new(204),
        _ => Reply::json(r#"{"images":[]}"#),
    })
    .await;
    let client = client(&server.url("/"), "adm1n\n", false).unwrap();
    let body = json!({"name": "build"});
    let added: Added =
        client.request("POST", &["api", "v1", "registries"], &[], Some(&body)).await.unwrap();
    assert_eq!(added, Added { id: 7 });
    let nothing: Option<&Value> = None;
    let query = [("name", "a b&c")];
    let list: Value =
        client.request("GET", &["api", "v1", "images"], &query, nothing).await.unwrap();
    assert_eq!(list, json!({"images": []}));
    let (): () =
        client.request("DELETE", &["api", "v1", "registries", "a/b"], &[], nothing).await.unwrap();
    let requests = server.requests();
    assert!(requests.iter().all(|r| r.header("authorization") == Some("Bearer adm1n")));
    assert_eq!(requests[0].body, r#"{"name":"build"}"#);
    assert_eq!(requests[1].target, "/api/v1/images?name=a+b%26c");
    assert_eq!(requests[2].target, "/api/v1/registries/a%2Fb");
    assert!(!format!("{client:?}").contains("adm1n"));
}

#[tokio::test]
async fn refusals_say_what_the_server_says() {
    let server = Origin::start(|request| match request.path() {
        "/json" => Reply::new(409).body(
            r#"{"error":{"code":"conflict","message":"registry `build` exists","hint":"choose another name"}}"#,
        ),
        "/old" => Reply::json("[]"),
        "/away" => Reply::redirect(307, "http://127.0.0.2:9/"),
        _ => Reply::new(502).body("<html>proxy</html>"),
    })
    .await;
    let client = client(&server.address.to_string(), "adm1n", false).unwrap();
    let nothing: Option<&Value> = None;
    let mut errors = Vec::new();
    for path in ["json", "old", "html"] {
        errors.push(client.request::<Added>("GET", &[path], &[], nothing).await.unwrap_err());
    }
    assert!(
        matches!(&errors[0], ManagementError::Status { status: 409, code, hint: Some(hint), .. }
        if code == "conflict" && hint == "choose another name")
    );
    assert!(errors[0].to_string().ends_with("answered 409: registry `build` exists"));
    assert!(matches!(errors[1], ManagementError::Answer { .. }));
    assert!(
        matches!(&errors[2], ManagementError::Status { status: 502, code, .. } if code.is_empty())
    );
    // What changes something is not sent on.
    let error = client.request::<Added>("POST", &["away"], &[], nothing).await.unwrap_err();
    assert!(error.to_string().contains("not sent on"), "{error}");
}

#[test]
fn the_token_is_not_sent_in_the_clear() {
    let error = client("http://plimsoll.example.com", "adm1n", false).unwrap_err();
    assert!(matches!(error, ManagementError::Unencrypted(_)), "{error}");
    assert!(client("http://plimsoll.example.com", "adm1n", true).is_ok());
    assert!(client("https://plimsoll.example.com", "adm1n", false).is_ok());
    assert!(client("127.0.0.1:8640", "adm1n", false).is_ok());
    assert!(client("http://me:hunter2@127.0.0.1", "adm1n", false).is_err());
}
