//! A console that is looked at as a browser without a script does: what stands on a page, in its order.

use std::{collections::BTreeMap, net::SocketAddr};

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{Method, Request, header},
};
use http_body_util::BodyExt;
use plimsoll_server::{Context, router};
use tower::ServiceExt;

use crate::server::Server;

pub(super) struct Console {
    router: Router,
    cookies: BTreeMap<String, String>,
}

/// An image on a page: its id, and the text that follows it.
pub(super) struct Entry {
    pub(super) uuid: String,
    pub(super) text: String,
}

impl Console {
    /// Logged in.
    pub(super) async fn new(server: &Server) -> Self {
        let token = server.store.ensure_admin_token().await.unwrap().unwrap();
        let context = Context::new(server.store.clone(), server.clock.clone());
        let mut console = Self { router: router(&context, None), cookies: BTreeMap::new() };
        let form = console.send(Method::GET, "/console/login", String::new()).await;
        let login = between(&form, "name=\"login\" value=\"", "\"").unwrap().to_owned();
        let mut fields = form_urlencoded::Serializer::new(String::new());
        fields.append_pair("login", &login).append_pair("token", token.reveal());
        console.send(Method::POST, "/console/login", fields.finish()).await;
        console
    }

    async fn send(&mut self, method: Method, path: &str, body: String) -> String {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "plimsoll.test")
            .header(header::ORIGIN, "http://plimsoll.test")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::COOKIE, cookies.join("; "));
        let mut request = request.body(Body::from(body)).unwrap();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([192, 0, 2, 1], 40_000))));
        let answer = self.router.clone().oneshot(request).await.unwrap();
        for cookie in answer.headers().get_all(header::SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        let bytes = answer.into_body().collect().await.unwrap().to_bytes().to_vec();
        String::from_utf8(bytes).unwrap()
    }

    /// A page.
    pub(super) async fn page(&self, path: &str) -> String {
        let mut client = Self { router: self.router.clone(), cookies: self.cookies.clone() };
        let page = client.send(Method::GET, path, String::new()).await;
        assert!(page.contains("Log out"), "{path}: {page}");
        page
    }
}

/// The images of a list, in its order.
pub(super) fn entries(page: &str) -> Vec<Entry> {
    let mut parts = page.split("class=\"image-name\" href=\"/console/images/");
    parts.next();
    let of = |part: &str| {
        let (uuid, rest) = part.split_once('"').unwrap();
        // A row's end, so that what follows the list is in no entry.
        let own = rest.split("</tr>").next().unwrap().split("</li>").next().unwrap();
        Entry { uuid: uuid.to_owned(), text: text(own) }
    };
    parts.map(of).collect()
}

/// What a reader reads: words with one blank between them.
pub(super) fn text(markup: &str) -> String {
    let mut text = String::new();
    let mut is_tag = false;
    for character in markup.chars() {
        match character {
            '<' => is_tag = true,
            '>' => {
                is_tag = false;
                text.push(' ');
            }
            other if !is_tag => text.push(other),
            _ => {}
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(super) fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    Some(text.split_once(start)?.1.split_once(end)?.0)
}
