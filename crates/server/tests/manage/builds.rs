//! What builds report: who may, and from where.

use axum::http::StatusCode;
use plimsoll_server::operation::registries::{AddRegistry, add_registry};
use plimsoll_store::{RegistryExtras, TokenPurpose};
use serde_json::json;

use crate::client::{Client, context};

#[tokio::test]
async fn a_white_list_bounds_from_where_builds_report() {
    let (_folder, context, _) = context().await;
    let now = context.clock.now();
    let request = AddRegistry {
        name: "builds".into(),
        url: "https://ci.example.com".into(),
        reported_type: Some("CI/CD".into()),
        ..AddRegistry::default()
    };
    add_registry(&context.store, &request, now).await.unwrap();
    let registry = context.store.registry("builds").await.unwrap().unwrap();
    let token = context.store.create_registry_token("builds", TokenPurpose::Report, now).await;
    let client = Client::new(&context, Some(token.unwrap().reveal()));
    // The client's address is 192.0.2.9. Who is let in hears what is wrong with the body.
    for (white_list, wanted) in [
        ("", "invalid_parameter"),
        ("192.0.2.0/24", "invalid_parameter"),
        ("10.0.0.0/8,192.0.2.9", "invalid_parameter"),
        ("10.0.0.0/8", "forbidden"),
        ("192.0.2.8", "forbidden"),
    ] {
        let extras = RegistryExtras { white_list: white_list.into(), ..RegistryExtras::default() };
        assert!(context.store.set_registry_extras(registry.id, &extras).await.unwrap());
        let (status, body) = client.call("POST", "/builds/images", Some(json!({}))).await;
        assert_eq!(body["error"]["code"], wanted, "{white_list}: {body}");
        let is_forbidden = status == StatusCode::FORBIDDEN;
        assert_eq!(is_forbidden, wanted == "forbidden", "{white_list}");
    }
}
