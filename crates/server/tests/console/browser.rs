//! A browser as small as can be: it keeps cookies and follows nothing.

use std::{collections::BTreeMap, net::SocketAddr};

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use http_body_util::BodyExt;
use plimsoll_server::{Clock, Context, router};
use plimsoll_store::Store;
use tower::ServiceExt;

use crate::fleet;

/// An answer.
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Page {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The value of a hidden field.
    pub(crate) fn field(&self, name: &str) -> String {
        let start = format!("name=\"{name}\" value=\"");
        let (_, rest) = self.body.split_once(&start).expect(name);
        rest.split('"').next().unwrap().to_owned()
    }
}

/// A client with cookies.
pub(crate) struct Browser {
    router: Router,
    pub(crate) cookies: BTreeMap<String, String>,
    pub(crate) address: SocketAddr,
    pub(crate) origin: Option<String>,
}

impl Browser {
    /// A browser that is not logged in.
    pub(crate) fn new(context: &Context) -> Self {
        Self {
            router: router(context, None),
            cookies: BTreeMap::new(),
            address: SocketAddr::from(([192, 0, 2, 1], 40_000)),
            origin: Some("http://plimsoll.test".into()),
        }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Page {
        self.send(Method::GET, path, Body::empty()).await
    }

    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        self.send(Method::POST, path, Body::from(form.finish())).await
    }

    /// Logs in by the form.
    pub(crate) async fn log_in(&mut self, token: &str) -> Page {
        let form = self.get("/console/login").await;
        let login = form.field("login");
        self.post("/console/login", &[("login", &login), ("token", token)]).await
    }

    async fn send(&mut self, method: Method, path: &str, body: Body) -> Page {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = Request::builder()
            .method(method.clone())
            .uri(path)
            .header(header::HOST, "plimsoll.test")
            .header(header::COOKIE, cookies.join("; "));
        if method == Method::POST {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
            if let Some(origin) = &self.origin {
                request = request.header(header::ORIGIN, origin);
            }
        }
        let mut request = request.body(body).unwrap();
        request.extensions_mut().insert(ConnectInfo(self.address));
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = answer.into_parts();
        for cookie in parts.headers.get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if cookie.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.into(), value.into());
            }
        }
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Page {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body).unwrap(),
        }
    }
}

/// A context at the fleet's time, and its admin token.
pub(crate) async fn context(store: &Store) -> (Context, String) {
    let token = store.ensure_admin_token().await.unwrap().unwrap();
    (Context::new(store.clone(), Clock::fixed(fleet::now())), token.reveal().clone())
}

/// A browser that is logged in.
pub(crate) async fn logged_in(store: &Store) -> Browser {
    let (context, token) = context(store).await;
    let mut browser = Browser::new(&context);
    assert_eq!(browser.log_in(&token).await.status, StatusCode::SEE_OTHER);
    browser
}
