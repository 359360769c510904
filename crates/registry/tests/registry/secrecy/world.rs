//! A proxy that plays every host of the internet, and what is asked of it.
//!
//! In: a way and an address. Out: answers that lead there; what a person is shown of what came of it. Odd: what is encrypted asks for a
//! tunnel, which is refused.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use plimsoll_model::{Secret, Timestamp};
use plimsoll_registry::{
    Bucket, BucketKey, BucketPlace, HttpClient, ManagementClient, Post, PostClient, RegistryClient,
    RegistryError, Sort,
    kind::{ApiSettings, Connection, Now, kind},
};
use serde_json::Value;
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{Layer, layer::Context};

use super::{API_TOKEN, HOME, PATH_SECRET, SESSION_TOKEN, TOKEN, Way};
use crate::{
    content::{Content, OCI_MANIFEST, PASSWORD, account, amd64, files, image},
    origin::{Reply, Request},
};

/// A request, and for whom it was.
pub(super) struct Asked<'a> {
    pub(super) authority: String,
    path: String,
    request: &'a Request,
}

impl<'a> Asked<'a> {
    pub(super) fn of(request: &'a Request) -> Self {
        let rest = request.target.strip_prefix("http://").unwrap_or(&request.target);
        let (authority, path) = match rest.split_once('/') {
            Some((authority, path)) => (authority, format!("/{path}")),
            None => (rest, String::new()),
        };
        let has_port =
            authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let authority = if has_port { authority.to_owned() } else { format!("{authority}:80") };
        Self { authority, path, request }
    }

    /// Without what is for the proxy alone.
    pub(super) fn text(&self) -> String {
        let is_for_host =
            |line: &&str| !line.to_ascii_lowercase().starts_with("proxy-authorization:");
        let head: Vec<&str> = self.request.head.lines().filter(is_for_host).collect();
        format!("{}\n{}", head.join("\n"), self.request.body)
    }

    fn steps(&self) -> Vec<&str> {
        self.path.split('?').next().unwrap().trim_start_matches('/').split('/').collect()
    }

    fn is_authorized(&self) -> bool {
        self.request.header("authorization").is_some()
    }
}

/// What the internet says.
pub(super) struct World {
    way: Way,
    to: &'static str,
    content: Content,
}

impl World {
    pub(super) fn new(way: Way, to: &'static str) -> Self {
        let picture = image("secrecy", 100);
        let mut content = Content::default().image("a/b", "1", &picture);
        if way == Way::LayerUrl {
            let manifest = String::from_utf8(picture.manifest.clone()).unwrap();
            let with_urls = format!(r#""urls":["{to}"],"mediaType""#);
            let manifest = manifest.replace(r#""mediaType""#, &with_urls);
            content = Content::default()
                .manifest("a/b", "1", OCI_MANIFEST, manifest.as_bytes())
                .blob("a/b", &picture.config);
        }
        Self { way, to, content }
    }

    pub(super) fn reply(&self, asked: &Asked<'_>) -> Reply {
        if asked.request.method == "CONNECT" {
            return Reply::new(502);
        }
        match asked.authority.as_str() {
            HOME => self.at_home(asked),
            "registry.corp.example:5001" => self.at_token_service(asked),
            "evil.example:80" if self.way == Way::ThereAndBack => {
                Reply::redirect(307, &format!("http://{HOME}/back"))
            }
            _ => Reply::json(r#"{"tags":["elsewhere"],"token":"x"}"#),
        }
    }

    fn at_token_service(&self, asked: &Asked<'_>) -> Reply {
        match self.way {
            Way::TokenService(status) => Reply::redirect(status, self.to),
            Way::TokenForm(status) if asked.request.method == "POST" => {
                Reply::redirect(status, self.to)
            }
            Way::TokenForm(_) => Reply::new(404),
            _ => Reply::json(&format!(r#"{{"token":"{TOKEN}"}}"#)),
        }
    }

    fn at_home(&self, asked: &Asked<'_>) -> Reply {
        let service = match self.way {
            Way::Realm => Some(self.to.to_owned()),
            Way::TokenService(_) | Way::TokenForm(_) => {
                Some("http://registry.corp.example:5001/token".to_owned())
            }
            _ => None,
        };
        if let Some(realm) = service {
            let is_let_in =
                asked.request.header("authorization") == Some(&format!("Bearer {TOKEN}"));
            let challenge = format!(r#"Bearer realm="{realm}",service="s""#);
            return match is_let_in {
                true => Reply::json(r#"{"tags":["1"]}"#),
                false => Reply::new(401).header("WWW-Authenticate", &challenge),
            };
        }
        let steps = asked.steps();
        match (self.way, steps.as_slice()) {
            (_, ["back" | "moved"]) => return Reply::json(r#"{"tags":["1"]}"#),
            // Ways that authorize themselves without being asked.
            (Way::Api("docker-hub", status), ["v2", "auth", "token"]) => {
                return Reply::redirect(status, self.to);
            }
            (Way::HubNext, ["v2", "auth", "token"]) => {
                return Reply::json(&format!(r#"{{"access_token":"{TOKEN}"}}"#));
            }
            (Way::HubNext, _) => {
                return Reply::json(&format!(r#"{{"next":"{}","results":[]}}"#, self.to));
            }
            (
                Way::Api(_, status)
                | Way::BucketGet(status)
                | Way::BucketPut(status)
                | Way::Management(status)
                | Way::Webhook(status),
                _,
            ) => return Reply::redirect(status, self.to),
            (Way::ApiLink(kind), _) => {
                let body = if kind == "acr-azure" { r#"{"repositories":["a"]}"# } else { "[]" };
                return Reply::json(body).header("Link", &format!(r#"<{}>; rel="next""#, self.to));
            }
            _ => {}
        }
        if !asked.is_authorized() {
            return Reply::new(401).header("WWW-Authenticate", r#"Basic realm="r""#);
        }
        let next = format!(r#"<{}>; rel="next""#, self.to);
        match (self.way, steps.as_slice()) {
            (Way::Tags(status), ["v2", _, _, "tags", "list"])
            | (Way::Catalog(status), ["v2", "_catalog"])
            | (Way::Ping(status), ["v2", ""])
            | (Way::Manifest(status) | Way::Head(status), ["v2", _, _, "manifests", _])
            | (Way::Blob(status), ["v2", _, _, "blobs", _])
            | (Way::Referrers(status), ["v2", _, _, "referrers", _]) => {
                Reply::redirect(status, self.to)
            }
            (Way::ThereAndBack, _) => Reply::redirect(302, self.to),
            (Way::Link, _) => Reply::json(r#"{"tags":["1"]}"#).header("Link", &next),
            (Way::CatalogLink, _) => Reply::json(r#"{"repositories":["a"]}"#).header("Link", &next),
            _ => {
                let target = asked.path.clone();
                self.content.reply(&Request { target, ..asked.request.clone() })
            }
        }
    }

    /// Asks, and returns everything that a person could be shown of it.
    pub(super) async fn ask(&self, http: &HttpClient) -> String {
        let shown = |outcome: Result<String, RegistryError>| match outcome {
            Ok(text) => text,
            Err(error) => format!("{error} {error:?} {:?}", error.hint()),
        };
        let home = format!("http://{HOME}");
        let client = RegistryClient::new(home.parse().unwrap(), Some(account()), http).unwrap();
        match self.way {
            Way::Tags(_)
            | Way::ThereAndBack
            | Way::Realm
            | Way::TokenService(_)
            | Way::TokenForm(_)
            | Way::Link => shown(client.tags("a/b").await.map(|tags| tags.concat())),
            Way::Catalog(_) | Way::CatalogLink => {
                shown(client.catalog().await.map(|names| names.concat()))
            }
            Way::Ping(_) => shown(client.ping().await.map(|()| String::new())),
            Way::Manifest(_) => {
                shown(client.manifest("a/b", "1").await.map(|found| format!("{found:?}")))
            }
            Way::Head(_) => {
                shown(client.manifest_digest("a/b", "1").await.map(|found| format!("{found:?}")))
            }
            Way::Blob(_) | Way::Referrers(_) | Way::LayerUrl => {
                let resolved =
                    plimsoll_registry::resolve(&client, "a/b", "1", &amd64(), &Default::default())
                        .await;
                match resolved {
                    Err(error) => shown(Err(error)),
                    Ok(remote) => {
                        let attached = format!("{:?}", remote.attached(Sort::Sboms).await);
                        format!("{attached} {:?}", files(remote).await)
                    }
                }
            }
            Way::Api(kind, _) | Way::ApiLink(kind) => shown(self.list(kind, http).await),
            Way::HubNext => shown(self.list("docker-hub", http).await),
            Way::BucketGet(_) | Way::BucketPut(_) => {
                let place = BucketPlace {
                    endpoint: home,
                    region: "here".into(),
                    bucket: "facts".into(),
                    prefix: String::new(),
                    plain_http: true,
                };
                let key = BucketKey {
                    id: "AKID".into(),
                    secret: Secret::new(PASSWORD.into()),
                    token: Some(Secret::new(SESSION_TOKEN.into())),
                };
                let (bucket, now) =
                    (Bucket::new(place, key, http).unwrap(), Timestamp(1_800_000_000));
                let outcome = match self.way {
                    Way::BucketGet(_) => bucket.get("x", 100, now).await.map(drop),
                    _ => bucket.put("x", vec![1], now).await,
                };
                format!("{outcome:?} {bucket:?}")
            }
            Way::Management(_) => {
                let token = Secret::new(API_TOKEN.to_owned());
                let client = ManagementClient::new(&home, token, http, true).unwrap();
                let nothing: Option<&Value> = None;
                let outcome: Result<Value, _> = client.request("GET", &["x"], &[], nothing).await;
                let body = Value::from(API_TOKEN.len());
                let posted: Result<Value, _> =
                    client.request("POST", &["x"], &[], Some(&body)).await;
                format!("{outcome:?} {posted:?} {client:?}")
            }
            Way::Webhook(_) => {
                let url = Secret::new(format!("{home}/services/{PATH_SECRET}"));
                let client = PostClient::new(&url, true, http).unwrap();
                let headers = vec![("authorization", format!("Bearer {API_TOKEN}"))];
                let post = Post { headers, ..Post::default() };
                format!("{:?} {client:?}", client.post(post).await)
            }
        }
    }

    async fn list(&self, of: &str, http: &HttpClient) -> Result<String, RegistryError> {
        let home = format!("http://{HOME}");
        let is_cloud = matches!(of, "acr" | "ecr");
        let token = Some(Secret::new(API_TOKEN.to_owned())).filter(|_| of != "docker-hub");
        let connection = Connection {
            endpoint: home.parse().unwrap(),
            credentials: Some(account()).filter(|_| !is_cloud),
            http: http.clone(),
            api: ApiSettings {
                endpoint: Some(home.parse().unwrap()),
                account: is_cloud.then(|| "AKID".to_owned()),
                token,
                region: "cn-hangzhou".into(),
                instance: (of == "acr").then(|| "cri-1".to_owned()),
                namespaces: vec!["team".into()],
            },
            now: Now::new(|| Timestamp(1_800_000_000)),
        };
        let registry = kind(of).unwrap().connect(connection)?;
        let listed = registry.list_repositories().await;
        Ok(format!("{listed:?} {registry:?}"))
    }
}

/// Everything that is said on this thread, at every level.
#[derive(Clone, Default)]
pub(super) struct Events(Arc<Mutex<Vec<String>>>);

impl Events {
    pub(super) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl<S: Subscriber> Layer<S> for Events {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn on_new_span(
        &self,
        attributes: &tracing::span::Attributes<'_>,
        _: &tracing::span::Id,
        _: Context<'_, S>,
    ) {
        let mut line = Line(String::new());
        attributes.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push_str(&format!("{}={value:?} ", field.name()));
    }
}
