//! Credential leaks: every way in which a registry, a token service, a store or a receiver may have our secrets sent to somebody else.
//!
//! In: rows of way and address. Out: no byte of a secret at a wrong origin, in any of its forms, nor in an error, its hint, what
//! `Debug` prints, or an event of any level. Odd: a proxy on this machine stands for the internet: it plays every host, and records all
//! that each was sent. What is encrypted asks it for a tunnel, which it refuses, so that its head is all that there is.

mod world;

use std::{collections::BTreeSet, sync::Arc};

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD},
};
use plimsoll_model::Secret;
use plimsoll_registry::{Credentials, HttpClient, HttpOptions, Proxy, RegistryClient};
use tracing_subscriber::layer::SubscriberExt as _;

use self::world::{Asked, Events, World};
use crate::{
    content::{PASSWORD, account, client, options},
    origin::{Origin, Reply},
};

/// The registry, as the operator named it.
const HOME: &str = "registry.corp.example:5000";
const EVIL: &str = "http://evil.example/x";
/// A token that the registry's token service gave.
const TOKEN: &str = "t0ken-0f-the-serv1ce";
const API_TOKEN: &str = "4pi-t0ken-c4n4ry";
const PROXY_PASSWORD: &str = "pr0xy-c4n4ry";
/// The proxy's account, as it is told.
const THROUGH: &str = "dGhyb3VnaDpwcjB4eS1jNG40cnk=";
const SESSION_TOKEN: &str = "s3ssion-c4n4ry";
const PATH_SECRET: &str = "T0K3N-in-the-p4th";

/// How it comes about that somebody else is asked.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Way {
    /// The list of tags is redirected, with this status.
    Tags(u16),
    Catalog(u16),
    Ping(u16),
    Manifest(u16),
    Head(u16),
    Blob(u16),
    Referrers(u16),
    /// Redirected elsewhere, which redirects back.
    ThereAndBack,
    /// The challenge names this token service.
    Realm,
    /// The registry's own token service redirects.
    TokenService(u16),
    /// The same, and it knows the POST form alone.
    TokenForm(u16),
    /// The next page of tags.
    Link,
    CatalogLink,
    /// A vendor's API redirects.
    Api(&'static str, u16),
    /// A vendor's API names the next page in a header.
    ApiLink(&'static str),
    /// Docker Hub names the next page in its document.
    HubNext,
    /// The manifest names other addresses of its layers.
    LayerUrl,
    BucketGet(u16),
    BucketPut(u16),
    Management(u16),
    Webhook(u16),
}

/// Who else may see a secret: the registry's host at another port gets the account as a token service, a proxy nothing at all.
const NOBODY: &[&str] = &[];

const CASES: &[(Way, &str, &[&str])] = &[
    // Redirects of lists: to another host, port, scheme, name.
    (Way::Tags(301), EVIL, NOBODY),
    (Way::Tags(302), EVIL, NOBODY),
    (Way::Tags(303), EVIL, NOBODY),
    (Way::Tags(307), EVIL, NOBODY),
    (Way::Tags(308), EVIL, NOBODY),
    (Way::Tags(302), "http://registry.corp.example:5001/x", NOBODY),
    (Way::Tags(302), "http://registry.corp.example/x", NOBODY),
    (Way::Tags(302), "https://registry.corp.example:5000/x", NOBODY),
    (Way::Tags(302), "http://sub.registry.corp.example:5000/x", NOBODY),
    (Way::Tags(302), "http://corp.example:5000/x", NOBODY),
    (Way::Tags(302), "http://auth.corp.example:5000/x", NOBODY),
    (Way::Tags(302), "http://REGISTRY.evil.example:5000/x", NOBODY),
    (Way::Tags(302), "http://registry.corp.example.:5000/x", NOBODY),
    (Way::Tags(302), "http://registry.corp.example.evil.example:5000/x", NOBODY),
    (Way::Tags(302), "http://evil-registry.corp.example:5000/x", NOBODY),
    (Way::Tags(302), "http://xn--registr-yrg.corp.example:5000/x", NOBODY),
    (Way::Tags(302), "http://registry.corp.example:5000@evil.example/x", NOBODY),
    (Way::Tags(302), "http://evil.example#registry.corp.example:5000/x", NOBODY),
    (Way::Tags(302), "http://evil.example\\@registry.corp.example:5000/x", NOBODY),
    (Way::Tags(302), "//evil.example/x", NOBODY),
    (Way::Tags(302), "http://8.8.8.8:5000/x", NOBODY),
    (Way::Tags(302), "http://[2606:4700::1111]:5000/x", NOBODY),
    (Way::Tags(302), "http://[::ffff:8.8.8.8]:5000/x", NOBODY),
    (Way::ThereAndBack, EVIL, NOBODY),
    // The same origin, however it is written, keeps the account.
    (Way::Tags(302), "http://REGISTRY.Corp.Example:5000/x", NOBODY),
    (Way::Tags(302), "/moved", NOBODY),
    // Whatever else is asked of a registry.
    (Way::Catalog(302), EVIL, NOBODY),
    (Way::Ping(307), EVIL, NOBODY),
    (Way::Manifest(302), EVIL, NOBODY),
    (Way::Head(307), EVIL, NOBODY),
    (Way::Blob(302), EVIL, NOBODY),
    (Way::Blob(307), "http://storage.cloud.example/bucket?X-Amz-Signature=abc", NOBODY),
    (Way::Referrers(302), EVIL, NOBODY),
    (Way::LayerUrl, EVIL, NOBODY),
    // Token services.
    (Way::Realm, "http://evil.example/token", NOBODY),
    (Way::Realm, "http://auth.corp.example/token", NOBODY),
    (Way::Realm, "http://sub.registry.corp.example:5000/token", NOBODY),
    (Way::Realm, "http://registry.corp.example.evil.example/token", NOBODY),
    (Way::Realm, "http://registry.corp.example./token", NOBODY),
    (Way::Realm, "http://registry.corp.example@evil.example/token", NOBODY),
    (Way::Realm, "https://evil.example/token", NOBODY),
    (Way::Realm, "https://auth.corp.example/token", NOBODY),
    (Way::Realm, "http://registry.corp.example:5001/token", &["registry.corp.example:5001"]),
    (Way::Realm, "http://Registry.Corp.Example:5001/token", &["registry.corp.example:5001"]),
    (Way::TokenService(302), EVIL, &["registry.corp.example:5001"]),
    (Way::TokenService(307), EVIL, &["registry.corp.example:5001"]),
    (Way::TokenForm(307), EVIL, &["registry.corp.example:5001"]),
    (Way::TokenForm(308), EVIL, &["registry.corp.example:5001"]),
    // Pages.
    (Way::Link, EVIL, NOBODY),
    (Way::Link, "http://registry.corp.example:5001/x", NOBODY),
    (Way::Link, "//evil.example/x", NOBODY),
    (Way::CatalogLink, EVIL, NOBODY),
    (Way::ApiLink("gitlab"), EVIL, NOBODY),
    (Way::ApiLink("ghcr"), EVIL, NOBODY),
    (Way::ApiLink("acr-azure"), EVIL, NOBODY),
    (Way::HubNext, EVIL, NOBODY),
    // Vendors' APIs.
    (Way::Api("harbor", 302), EVIL, NOBODY),
    (Way::Api("quay", 307), EVIL, NOBODY),
    (Way::Api("gitlab", 301), EVIL, NOBODY),
    (Way::Api("ghcr", 308), EVIL, NOBODY),
    (Way::Api("docker-hub", 307), EVIL, NOBODY),
    (Way::Api("acr-azure", 302), EVIL, NOBODY),
    (Way::Api("acr", 302), EVIL, NOBODY),
    (Way::Api("ecr", 307), EVIL, NOBODY),
    // Everybody else who is sent a secret.
    (Way::BucketGet(307), EVIL, NOBODY),
    (Way::BucketPut(307), EVIL, NOBODY),
    (Way::Management(302), EVIL, NOBODY),
    (Way::Management(307), EVIL, NOBODY),
    (Way::Webhook(302), EVIL, NOBODY),
    (Way::Webhook(308), EVIL, NOBODY),
];

/// A secret in every form in which it may be found.
fn forms(secret: &str) -> Vec<String> {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let account = format!("ci:{secret}");
    let mut forms = vec![secret.to_owned(), hex.to_uppercase(), hex];
    for text in [secret, account.as_str()] {
        forms.push(BASE64_STANDARD_NO_PAD.encode(text));
        forms.push(BASE64_URL_SAFE_NO_PAD.encode(text));
    }
    forms.push(form_urlencoded::byte_serialize(secret.as_bytes()).collect());
    forms
}

/// Every secret that any of the ways has to do with.
fn secrets() -> Vec<String> {
    let all = [PASSWORD, TOKEN, API_TOKEN, SESSION_TOKEN, PATH_SECRET, PROXY_PASSWORD];
    all.into_iter().flat_map(forms).chain([THROUGH.to_owned()]).collect()
}

fn holds_secret(text: &str) -> bool {
    secrets().iter().any(|secret| text.contains(secret))
}

/// Whether a way sends a secret where it belongs before anything else happens. A signature says nothing of its key.
fn sends_a_secret_home(way: Way, others: &[&str]) -> bool {
    match way {
        Way::Realm | Way::TokenService(_) | Way::TokenForm(_) => !others.is_empty(),
        Way::Api("acr" | "ecr", _) => false,
        _ => true,
    }
}

#[tokio::test]
async fn no_secret_goes_to_a_wrong_origin_nor_into_an_error_or_event() {
    assert!(CASES.len() >= 40);
    for (way, to, others) in CASES {
        let case = format!("{way:?} to {to}");
        let world = Arc::new(World::new(*way, to));
        let server = Arc::clone(&world);
        let internet = Origin::start(move |request| server.reply(&Asked::of(request))).await;
        let proxy = Proxy {
            endpoint: internet.address.to_string().parse().unwrap(),
            credentials: Some(Credentials::new("through", Secret::new(PROXY_PASSWORD.into()))),
        };
        let http = HttpClient::new(HttpOptions { proxy: Some(proxy), ..options() }).unwrap();
        let events = Events::default();
        let subscriber = tracing_subscriber::registry().with(events.clone());
        let shown = {
            let _on_this_thread = tracing::subscriber::set_default(subscriber);
            world.ask(&http).await
        };
        assert!(!holds_secret(&shown), "{case}: {shown}");
        assert!(!holds_secret(&format!("{http:?}")), "{case}");
        for line in events.lines() {
            assert!(!holds_secret(&line), "{case}: {line}");
        }
        let requests = internet.requests();
        let (mut right, mut wrong) = (BTreeSet::new(), BTreeSet::new());
        for request in &requests {
            let asked = Asked::of(request);
            if holds_secret(&asked.text()) {
                let is_right =
                    asked.authority == HOME || others.contains(&asked.authority.as_str());
                if is_right { &mut right } else { &mut wrong }.insert(asked.authority);
            }
            // The proxy is told its own account, and nobody else's, in each request.
            let proxied = request.header("proxy-authorization").unwrap();
            assert_eq!(proxied, format!("Basic {THROUGH}"), "{case}");
        }
        assert!(wrong.is_empty(), "{case}: {wrong:?}");
        assert_eq!(!right.is_empty(), sends_a_secret_home(*way, others), "{case}: {right:?}");
        // What redirects without authorization is followed, so that the row is about something.
        assert!(!requests.is_empty(), "{case}");
    }
}

/// Some registries and proxies show what they were sent.
#[tokio::test]
async fn what_a_registry_repeats_of_a_secret_is_not_repeated() {
    for (way, answer) in
        [("tags", 403_u16), ("tags", 500), ("tags", 429), ("token", 401), ("token", 500)]
    {
        for form in forms(PASSWORD) {
            let said = format!(r#"{{"errors":[{{"code":"DENIED","message":"{form} is wrong"}}]}}"#);
            let origin = Origin::start(move |request| {
                let host = request.header("host").unwrap().to_owned();
                match (way, request.path(), request.header("authorization")) {
                    ("token", "/token", _) => Reply::new(answer).body(said.clone()),
                    ("token", ..) => Reply::new(401).header(
                        "WWW-Authenticate",
                        &format!(r#"Bearer realm="http://{host}/token""#),
                    ),
                    (_, _, None) => {
                        Reply::new(401).header("WWW-Authenticate", r#"Basic realm="r""#)
                    }
                    _ => Reply::new(answer).header("Retry-After", "0").body(said.clone()),
                }
            })
            .await;
            let error = client(&origin, Some(account())).tags("a/b").await.unwrap_err();
            let text = format!("{error} {error:?}");
            assert!(!holds_secret(&text), "{way} {answer} {form}: {text}");
            assert!(text.contains("is wrong"), "{way} {answer} {form}: {text}");
        }
    }
}

/// Straight to the registry: nobody is told of a proxy's account, and without a proxy there is no such header.
#[tokio::test]
async fn without_a_proxy_nothing_is_said_of_one() {
    let origin = Origin::start(|_| Reply::json(r#"{"tags":["1"]}"#)).await;
    client(&origin, Some(account())).tags("a/b").await.unwrap();
    assert!(origin.requests().iter().all(|one| one.header("proxy-authorization").is_none()));
}

/// The head of a tunnel is all that its proxy sees of what is encrypted.
#[tokio::test]
async fn a_tunnel_is_asked_for_with_the_proxys_account_and_nothing_else() {
    let proxy = Origin::start(|_| Reply::new(407)).await;
    let settings = Proxy {
        endpoint: proxy.address.to_string().parse().unwrap(),
        credentials: Some(Credentials::new("through", Secret::new(PROXY_PASSWORD.into()))),
    };
    let http = HttpClient::new(HttpOptions { proxy: Some(settings), ..options() }).unwrap();
    let endpoint = "https://registry.corp.example".parse().unwrap();
    let registry = RegistryClient::new(endpoint, Some(account()), &http).unwrap();
    let error = registry.tags("a/b").await.unwrap_err();
    assert!(!holds_secret(&format!("{error} {error:?} {registry:?}")), "{error}");
    let requests = proxy.requests();
    assert_eq!(requests[0].target, "registry.corp.example:443");
    assert_eq!(requests[0].method, "CONNECT");
    let wanted = format!("Basic {THROUGH}");
    assert_eq!(requests[0].header("proxy-authorization"), Some(wanted.as_str()));
    assert!(!holds_secret(&Asked::of(&requests[0]).text()), "{}", requests[0].head);
}
