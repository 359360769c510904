//! What the loopback registry answers.
//!
//! In: GET and HEAD requests below `/v2/`. Out: the documents and blobs of the registry. Source: OCI distribution-spec,
//! "Endpoints". Odd: a repository's name has slashes, so the path is cut at its last known word instead of routed.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use plimsoll_model::Digest;
use serde_json::json;

use super::{Blobs, LoopbackRegistry};

/// Page size where the client asks for none.
const PAGE: usize = 100;

pub(super) fn router(registry: LoopbackRegistry) -> Router {
    Router::new().route("/v2/", get(base)).route("/v2/{*path}", get(below)).with_state(registry)
}

async fn base() -> Response {
    ([("docker-distribution-api-version", "registry/2.0")], "{}").into_response()
}

async fn below(State(registry): State<LoopbackRegistry>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let asked = request.uri().path_and_query().map_or(path.as_str(), |both| both.as_str());
    registry.change(|content| content.requests.push(format!("{} {asked}", request.method())));
    registry.asked.notify_waiters();
    let query = request.uri().query().unwrap_or_default();
    let path = path.strip_prefix("/v2/").unwrap_or_default();
    if path == "_catalog" {
        let names = registry.read(|content| content.repositories.keys().cloned().collect());
        return page("/v2/_catalog", query, names, |names| json!({ "repositories": names }));
    }
    if let Some(name) = path.strip_suffix("/tags/list") {
        return tags(&registry, name, query);
    }
    if let Some((name, reference)) = path.rsplit_once("/manifests/") {
        return manifest(&registry, name, reference, request.method());
    }
    if let Some((_, digest)) = path.rsplit_once("/blobs/") {
        return blob(&registry, digest, request.method(), request.headers()).await;
    }
    refusal(StatusCode::NOT_FOUND, "UNSUPPORTED", path)
}

fn tags(registry: &LoopbackRegistry, name: &str, query: &str) -> Response {
    let tags = registry.read(|content| {
        let repository = content.repositories.get(name)?;
        Some(repository.tags.keys().cloned().collect::<Vec<_>>())
    });
    let Some(tags) = tags else {
        return refusal(StatusCode::NOT_FOUND, "NAME_UNKNOWN", name);
    };
    let address = format!("/v2/{name}/tags/list");
    page(&address, query, tags, |tags| json!({ "name": name, "tags": tags }))
}

/// One page of a sorted list: `n` entries behind `last`, with a `Link` to the next page when there is one.
fn page(
    address: &str,
    query: &str,
    mut names: Vec<String>,
    document: impl FnOnce(&[String]) -> serde_json::Value,
) -> Response {
    let mut size = PAGE;
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        match key.as_ref() {
            "n" => size = value.parse::<usize>().unwrap_or(PAGE).min(PAGE),
            "last" => names.retain(|name| name.as_str() > value.as_ref()),
            _ => {}
        }
    }
    let more = names.len() > size;
    names.truncate(size);
    let mut answer = axum::Json(document(&names)).into_response();
    if let (true, Some(last)) = (more, names.last()) {
        let last = form_urlencoded::byte_serialize(last.as_bytes()).collect::<String>();
        let link = format!("<{address}?n={size}&last={last}>; rel=\"next\"");
        if let Ok(link) = HeaderValue::from_str(&link) {
            answer.headers_mut().insert(header::LINK, link);
        }
    }
    answer
}

fn manifest(registry: &LoopbackRegistry, name: &str, reference: &str, method: &Method) -> Response {
    let found = registry.read(|content| {
        let repository = content.repositories.get(name)?;
        let digest = match reference.parse::<Digest>() {
            Ok(digest) => digest,
            Err(_) => *repository.tags.get(reference)?,
        };
        let (media_type, bytes) = repository.manifests.get(&digest)?;
        Some((digest, media_type.clone(), Arc::clone(bytes)))
    });
    let Some((digest, media_type, bytes)) = found else {
        return refusal(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN", reference);
    };
    let headers = [
        (header::CONTENT_TYPE.as_str(), media_type),
        ("docker-content-digest", digest.to_string()),
        (header::CONTENT_LENGTH.as_str(), bytes.len().to_string()),
    ];
    (headers, body(method, &bytes)).into_response()
}

async fn blob(
    registry: &LoopbackRegistry,
    digest: &str,
    method: &Method,
    headers: &HeaderMap,
) -> Response {
    let found = registry.read(|content| {
        let digest = digest.parse::<Digest>().ok()?;
        Some(Arc::clone(content.blobs.get(&digest)?))
    });
    let Some(bytes) = found else {
        return refusal(StatusCode::NOT_FOUND, "BLOB_UNKNOWN", digest);
    };
    let mut how = registry.blobs.subscribe();
    let how = how.wait_for(|how| *how != Blobs::Hold).await.map_or(Blobs::Serve, |how| *how);
    if how == Blobs::Fail {
        return refusal(StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN", digest);
    }
    let wanted = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    let start = match wanted.and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')) {
        None => None,
        Some(start) => match start.parse::<usize>() {
            Ok(start) if start < bytes.len() => Some(start),
            _ => return refusal(StatusCode::RANGE_NOT_SATISFIABLE, "SIZE_INVALID", digest),
        },
    };
    let rest = bytes.get(start.unwrap_or(0)..).unwrap_or_default();
    let mut answer = (
        [
            (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
            (header::CONTENT_LENGTH, rest.len().to_string()),
            (header::ACCEPT_RANGES, "bytes".to_owned()),
        ],
        body(method, rest),
    )
        .into_response();
    if let Some(start) = start {
        *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
        let range = format!("bytes {start}-{}/{}", bytes.len().saturating_sub(1), bytes.len());
        if let Ok(range) = HeaderValue::from_str(&range) {
            answer.headers_mut().insert(header::CONTENT_RANGE, range);
        }
    }
    answer
}

fn body(method: &Method, bytes: &[u8]) -> Body {
    if method == Method::HEAD { Body::empty() } else { Body::from(bytes.to_vec()) }
}

fn refusal(status: StatusCode, code: &str, detail: &str) -> Response {
    let message = code.to_ascii_lowercase().replace('_', " ");
    let errors = json!({ "errors": [{ "code": code, "message": message, "detail": detail }] });
    (status, axum::Json(errors)).into_response()
}
