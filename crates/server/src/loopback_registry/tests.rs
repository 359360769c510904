//! The loopback registry, asked by our own client and by hand.

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use http_body_util::BodyExt;
use plimsoll_image::{ImageBuilder, Layer};
use plimsoll_model::Platform;
use tower::ServiceExt;

use super::*;

fn image() -> BuiltImage {
    let layer = Layer::builder("COPY").file("etc/motd", b"hello").build().unwrap();
    ImageBuilder::new(Platform::host()).layer(&layer).build().unwrap()
}

async fn get(
    registry: &LoopbackRegistry,
    path: &str,
    range: Option<&str>,
) -> (StatusCode, String, Vec<u8>) {
    let mut request = Request::get(path);
    if let Some(range) = range {
        request = request.header(header::RANGE, range);
    }
    let request = request.body(Body::empty()).unwrap();
    let answer = registry.router().oneshot(request).await.unwrap();
    let link = answer.headers().get(header::LINK).map(|link| link.to_str().unwrap().to_owned());
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes().to_vec();
    (status, link.unwrap_or_default(), body)
}

#[tokio::test]
async fn lists_come_in_pages_with_links() {
    let registry = LoopbackRegistry::new();
    let image = image();
    for tag in ["a", "b", "c"] {
        registry.put("team/app", tag, &image);
    }
    let (_, link, body) = get(&registry, "/v2/team/app/tags/list?n=2", None).await;
    assert_eq!(body, br#"{"name":"team/app","tags":["a","b"]}"#);
    assert_eq!(link, "</v2/team/app/tags/list?n=2&last=b>; rel=\"next\"");
    let (_, link, body) = get(&registry, "/v2/team/app/tags/list?n=2&last=b", None).await;
    assert_eq!(
        (link.as_str(), body.as_slice()),
        ("", br#"{"name":"team/app","tags":["c"]}"#.as_slice())
    );
    let (_, _, body) = get(&registry, "/v2/_catalog", None).await;
    assert_eq!(body, br#"{"repositories":["team/app"]}"#);
    assert_eq!(registry.take_requests().len(), 3);
    assert_eq!(get(&registry, "/v2/no/such/tags/list", None).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_blob_can_be_taken_up_in_its_middle() {
    let registry = LoopbackRegistry::new();
    let digest = registry.put_blob(b"0123456789");
    let path = format!("/v2/any/blobs/{digest}");
    assert_eq!(get(&registry, &path, None).await.2, b"0123456789");
    let (status, _, body) = get(&registry, &path, Some("bytes=7-")).await;
    assert_eq!((status, body.as_slice()), (StatusCode::PARTIAL_CONTENT, b"789".as_slice()));
    let (status, _, _) = get(&registry, &path, Some("bytes=10-")).await;
    assert_eq!(status, StatusCode::RANGE_NOT_SATISFIABLE);
    registry.answer_blobs(Blobs::Fail);
    assert_eq!(get(&registry, &path, None).await.0, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn a_tag_moves_and_vanishes() {
    let registry = LoopbackRegistry::new();
    let image = image();
    registry.put("app", "v1", &image);
    let (_, _, body) = get(&registry, "/v2/app/manifests/v1", None).await;
    assert_eq!(body, image.manifest);
    registry.put_manifest("app", Some("v1"), IMAGE_MANIFEST, b"{}");
    assert_eq!(get(&registry, "/v2/app/manifests/v1", None).await.2, b"{}");
    registry.remove_tag("app", "v1");
    assert_eq!(get(&registry, "/v2/app/manifests/v1", None).await.0, StatusCode::NOT_FOUND);
    let by_digest = format!("/v2/app/manifests/{}", image.manifest_digest);
    assert_eq!(get(&registry, &by_digest, None).await.0, StatusCode::OK);
}
