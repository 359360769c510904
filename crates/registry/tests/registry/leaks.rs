//! Credentials go to one origin. Three origins record every header; the canary must show at the right one only.

use std::net::SocketAddr;

use plimsoll_registry::RegistryError;

use crate::{
    content::{Content, PASSWORD, account, amd64, client, client_with, files, image, options},
    origin::{Bound, Origin, Reply},
};

/// What `ci:<PASSWORD>` looks like in a header.
const BASIC: &str = "Basic Y2k6YzRuNHJ5LXBhc3N3MHJk";
const TOKEN: &str = "c4n4ry-t0ken";

/// How often an origin saw a secret in any form.
fn secrets_at(origin: &Origin) -> usize {
    origin
        .requests()
        .iter()
        .filter(|request| {
            let all = format!("{}{}", request.head, request.body);
            [BASIC, PASSWORD, TOKEN].iter().any(|secret| all.contains(secret))
        })
        .count()
}

/// A registry with Basic authentication whose layers lie behind `redirect(status, target)`.
async fn basic_registry_redirecting(status: u16, base: String) -> Origin {
    let content = Content::default().image("team/app", "1", &image("leak", 10_000));
    Origin::start(move |request| {
        if request.header("authorization") != Some(BASIC) {
            return Reply::new(401).header("WWW-Authenticate", "Basic realm=\"r\"");
        }
        if request.path().contains("/blobs/") {
            return Reply::redirect(status, &format!("{base}{}", request.target));
        }
        content.reply(request)
    })
    .await
}

#[tokio::test]
async fn a_redirect_to_another_origin_carries_no_account() {
    for (ip, status) in
        [("127.0.0.1", 307), ("127.0.0.1", 302), ("127.0.0.2", 307), ("127.0.0.2", 308)]
    {
        let storage = Bound::on(ip).await;
        let base = format!("http://{}", storage.address);
        let content = Content::default().image("team/app", "1", &image("leak", 10_000));
        let storage = storage.serve(move |request| content.reply(request));
        let registry = basic_registry_redirecting(status, base).await;
        let client = client(&registry, Some(account()));
        let remote =
            plimsoll_registry::resolve(&client, "team/app", "1", &amd64(), &Default::default())
                .await
                .unwrap();
        assert_eq!(files(remote).await.unwrap().len(), 3);
        assert_eq!(storage.requests().len(), 3, "{ip} {status}");
        assert!(storage.requests().iter().all(|r| r.header("authorization").is_none()));
        assert_eq!(secrets_at(&storage), 0, "{ip} {status}");
        assert!(secrets_at(&registry) > 0, "the registry itself is given the account");
    }
}

#[tokio::test]
async fn an_account_that_was_dropped_stays_dropped_on_the_way_back() {
    let home = Bound::on("127.0.0.1").await;
    let (away, third) = (Bound::on("127.0.0.1").await, Bound::on("127.0.0.3").await);
    let at = |address: SocketAddr, path: &str| format!("http://{address}{path}");
    let (to_third, to_home) = (at(third.address, "/second"), at(home.address, "/back"));
    let away_url = at(away.address, "/first");
    let away = away.serve(move |_| Reply::redirect(307, &to_third));
    let third = third.serve(move |_| Reply::redirect(307, &to_home));
    let home = home.serve(move |request| match request.path() {
        "/back" => Reply::json(r#"{"tags":["back"]}"#),
        _ if request.header("authorization") == Some(BASIC) => Reply::redirect(307, &away_url),
        _ => Reply::new(401).header("WWW-Authenticate", "Basic realm=\"r\""),
    });
    let tags = client(&home, Some(account())).tags("team/app").await.unwrap();
    assert_eq!(tags, ["back"]);
    assert_eq!((secrets_at(&away), secrets_at(&third)), (0, 0));
    let requests = home.requests();
    let back = requests.iter().find(|request| request.path() == "/back").unwrap();
    assert_eq!(back.header("authorization"), None);
}

#[tokio::test]
async fn a_redirect_at_the_same_origin_keeps_the_account() {
    let home = Origin::start(|request| match request.path() {
        _ if request.header("authorization") != Some(BASIC) => {
            Reply::new(401).header("WWW-Authenticate", "Basic realm=\"r\"")
        }
        "/v2/team/app/tags/list" => Reply::redirect(301, "/moved?x=1"),
        _ => Reply::json(r#"{"tags":["moved"]}"#),
    })
    .await;
    assert_eq!(client(&home, Some(account())).tags("team/app").await.unwrap(), ["moved"]);
}

#[tokio::test]
async fn redirects_that_must_not_be_followed() {
    for (location, wanted) in [
        ("http://169.254.169.254/latest/meta-data/", "never connected to"),
        ("http://0xa9fea9fe/latest/", "never connected to"),
        ("http://2852039166/", "never connected to"),
        ("http://[::ffff:169.254.169.254]/", "never connected to"),
        ("http://[::ffff:127.0.0.1]/", "never connected to"),
        ("http://0/", "never connected to"),
        ("http://10.0.0.1/", "may not lead to"),
        ("http://100.64.0.1/", "may not lead to"),
        ("http://[fd00::1]/", "may not lead to"),
        ("https://192.168.0.1/", "may not lead to"),
        ("http://me:secret@127.0.0.1/", "user name or password"),
        ("file:///etc/passwd", "only http:// and https:// are spoken"),
        ("gopher://127.0.0.1/", "only http:// and https:// are spoken"),
        ("//", "not a URL"),
        ("/loop", "more than 5 times"),
    ] {
        let home = Origin::start(move |_| Reply::redirect(302, location)).await;
        let error = client(&home, Some(account())).tags("a/b").await.unwrap_err().to_string();
        assert!(error.contains(wanted), "{location}: {error}");
        assert!(!error.contains("secret@"), "{error}");
    }
}

/// A registry that wants tokens from `realm`.
async fn bearer_registry(realm: String) -> Origin {
    Origin::start(move |request| {
        if request.header("authorization") == Some(&format!("Bearer {TOKEN}")) {
            return Reply::json(r#"{"tags":["1"]}"#);
        }
        let scope = "repository:team/app:pull,push";
        let challenge = format!(r#"Bearer realm="{realm}",service="svc",scope="{scope}""#);
        Reply::new(401).header("WWW-Authenticate", &challenge)
    })
    .await
}

#[tokio::test]
async fn the_token_service_of_a_loopback_registry_gets_the_account_and_a_narrow_scope() {
    let service = Origin::start(|request| match request.header("authorization") {
        Some(BASIC) => Reply::json(&format!(r#"{{"token":"{TOKEN}","expires_in":300}}"#)),
        _ => Reply::new(401),
    })
    .await;
    let registry = bearer_registry(service.url("/token")).await;
    let client = client(&registry, Some(account()));
    assert_eq!(client.tags("team/app").await.unwrap(), ["1"]);
    assert_eq!(client.tags("team/app").await.unwrap(), ["1"]);
    let asked = service.requests();
    assert_eq!(asked.len(), 1, "the second list uses the token again");
    assert_eq!(asked[0].target, "/token?service=svc&scope=repository%3Ateam%2Fapp%3Apull");
    // The account goes to the token service, the token to the registry, neither the other way.
    assert!(registry.requests().iter().all(|r| !r.head.contains(BASIC)));
    assert!(asked.iter().all(|r| !r.head.contains(TOKEN)));
}

#[tokio::test]
async fn a_token_service_without_get_is_asked_by_post() {
    for refusal in [404, 405] {
        let service = Origin::start(move |request| match request.method.as_str() {
            "POST" => Reply::json(&format!(r#"{{"access_token":"{TOKEN}"}}"#)),
            _ => Reply::new(refusal),
        })
        .await;
        let registry = bearer_registry(service.url("/oauth2/token")).await;
        assert_eq!(client(&registry, Some(account())).tags("team/app").await.unwrap(), ["1"]);
        let post = service.requests().pop().unwrap();
        assert_eq!(
            post.body,
            format!(
                "grant_type=password&username=ci&password={PASSWORD}&client_id=plimsoll\
                 &service=svc&scope=repository%3Ateam%2Fapp%3Apull"
            )
        );
        assert_eq!(post.header("authorization"), None);
    }
}

#[tokio::test]
async fn realms_that_get_nothing() {
    for (realm, wanted) in [
        ("https://evil.example.net/token", "the account is not sent to that host"),
        ("http://10.0.0.1/token", "the account is not sent to that host"),
        ("http://169.254.169.254/token", "the account is not sent to that host"),
        ("file:///etc/passwd", "only http:// and https:// are spoken"),
        ("http://me:secret@127.0.0.1/", "user name or password"),
        ("not a url", "not a URL"),
    ] {
        let registry = bearer_registry(realm.to_owned()).await;
        let error = client(&registry, Some(account())).tags("team/app").await.unwrap_err();
        assert!(matches!(error, RegistryError::Realm { .. }), "{realm}: {error}");
        assert!(error.to_string().contains(wanted), "{realm}: {error}");
        assert!(!format!("{error} {error:?} {:?}", error.hint()).contains("secret"), "{error}");
        assert_eq!(secrets_at(&registry), 0);
    }
}

#[tokio::test]
async fn an_anonymous_token_is_not_fetched_from_forbidden_addresses() {
    let registry = bearer_registry("http://169.254.169.254/token".into()).await;
    let error = client(&registry, None).tags("team/app").await.unwrap_err().to_string();
    assert!(error.contains("never connected to"), "{error}");
}

#[tokio::test]
async fn a_token_request_does_not_take_the_account_through_a_redirect() {
    let elsewhere = Origin::start(|_| Reply::json(r#"{"token":"x"}"#)).await;
    let to = elsewhere.url("/token");
    let service = Origin::start(move |_| Reply::redirect(307, &to)).await;
    let registry = bearer_registry(service.url("/token")).await;
    let outcome = client(&registry, Some(account())).tags("team/app").await;
    assert!(outcome.is_err());
    assert_eq!(secrets_at(&elsewhere), 0);
    // The POST form has the password in its body: it is not sent on at all.
    let to = elsewhere.url("/token");
    let service = Origin::start(move |request| match request.method.as_str() {
        "POST" => Reply::redirect(307, &to),
        _ => Reply::new(404),
    })
    .await;
    let registry = bearer_registry(service.url("/token")).await;
    let error = client(&registry, Some(account())).tags("team/app").await.unwrap_err();
    assert!(error.to_string().contains("not sent on to another address"), "{error}");
    assert_eq!(secrets_at(&elsewhere), 0);
}

#[tokio::test]
async fn errors_do_not_show_the_account() {
    let refusing = Origin::start(|_| {
        Reply::new(401).header("WWW-Authenticate", "Basic realm=\"r\"").body("no")
    })
    .await;
    let error = client(&refusing, Some(account())).ping().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "registry `http://{}` refused the account `ci` for the registry (401): no",
            refusing.address
        )
    );
    let anonymous = client(&refusing, None).ping().await.unwrap_err();
    assert!(anonymous.to_string().contains("refused anonymous access"), "{anonymous}");
    assert!(anonymous.hint().unwrap().contains("--username"));
    let client = client(&refusing, Some(account()));
    let printed = format!("{error:?} {client:?}");
    assert!(!printed.contains(PASSWORD) && !printed.contains(BASIC), "{printed}");
    // Nobody listens any more.
    let address = refusing.address.to_string();
    drop(refusing);
    let gone = client_with(&address, Some(account()), options());
    let error = gone.tags("a/b").await.unwrap_err();
    assert!(error.is_temporary() && !error.to_string().contains(PASSWORD), "{error}");
}

#[tokio::test]
async fn private_endpoints_can_be_switched_off() {
    let home = Origin::start(|_| Reply::json("{}")).await;
    let mut strict = options();
    strict.allow_private = false;
    let client = client_with(&home.address.to_string(), None, strict);
    let error = client.ping().await.unwrap_err().to_string();
    assert!(error.contains("not among those that may be connected to"), "{error}");
    assert_eq!(home.requests().len(), 0);
    // Neither by name: what the name resolves to counts.
    let mut strict = options();
    strict.allow_private = false;
    let named = client_with(&format!("localhost:{}", home.address.port()), None, strict);
    let error = named.ping().await.unwrap_err().to_string();
    assert!(error.contains("not among those that may be connected to"), "{error}");
    assert_eq!(home.requests().len(), 0);
}
