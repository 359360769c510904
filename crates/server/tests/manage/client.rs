//! A client of the management API, without a network.

use std::net::SocketAddr;

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{Method, Request, StatusCode, header},
};
use http_body_util::BodyExt;
use plimsoll_server::{Clock, Context, router};
use plimsoll_store::{Store, StoreOptions};
use serde_json::Value;
use tower::ServiceExt;

/// An empty store at a fixed time, and its admin token.
pub(crate) async fn context() -> (tempfile::TempDir, Context, String) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), StoreOptions::default()).await.unwrap();
    let token = store.ensure_admin_token().await.unwrap().unwrap();
    let clock = Clock::fixed("2026-11-25T09:30:00Z".parse().unwrap());
    (folder, Context::new(store, clock), token.reveal().clone())
}

pub(crate) struct Client {
    router: Router,
    token: Option<String>,
}

impl Client {
    pub(crate) fn new(context: &Context, token: Option<&str>) -> Self {
        Self { router: router(context, None), token: token.map(str::to_owned) }
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.call("GET", path, None).await
    }

    /// Sends JSON and expects JSON.
    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        let (status, bytes) = self.send(method.parse().unwrap(), path, body).await;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        (status, serde_json::from_slice(&bytes).unwrap_or_else(|_| panic!("{path}: {text}")))
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (StatusCode, Vec<u8>) {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = match body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        let mut request = request.body(body).unwrap();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([192, 0, 2, 9], 1))));
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let status = answer.status();
        (status, answer.into_body().collect().await.unwrap().to_bytes().to_vec())
    }
}
