//! Notifications: adding a subscription by the form, what its page shows, a sample, and its end.

use std::{
    io::{Read, Write},
    net::TcpListener,
};

use axum::http::StatusCode;
use plimsoll_server::notify::NETWORKS_SETTING;

use crate::{
    browser::{Page, logged_in},
    fleet::store,
};

const PATH: &str = "/console/subscriptions";

/// A receiver that takes one message and answers its bytes.
fn receiver() -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let taken = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        let mut piece = [0; 4096];
        // The body is JSON and ends with its bracket.
        while !request.ends_with(b"}") {
            let count = stream.read(&mut piece).unwrap();
            assert_ne!(count, 0, "{}", String::from_utf8_lossy(&request));
            request.extend_from_slice(&piece[..count]);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
        String::from_utf8(request).unwrap()
    });
    (url, taken)
}

fn location(page: &Page) -> &str {
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.body);
    page.header("location")
}

#[tokio::test]
async fn somebody_is_added_told_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    store.set_setting(NETWORKS_SETTING, Some("127.0.0.1")).await.unwrap();
    let mut browser = logged_in(&store).await;
    let page = browser.get(PATH).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("Nobody is told yet"), "{}", page.body);
    let csrf = page.field("csrf");
    let (url, taken) = receiver();
    let name = "on-call / <team>";
    let fields = vec![
        ("csrf", csrf.as_str()),
        ("channel", "webhook"),
        ("name", name),
        ("url", url.as_str()),
        ("minimum", "asap"),
        ("registries", "prod*, staging"),
        ("running", "yes"),
        ("digest_hour", "7"),
        ("instant_from", "asap"),
    ];
    let added = browser.post(PATH, &fields).await;
    assert_eq!(added.status, StatusCode::OK, "{}", added.body);
    let (_, secret) = added.body.split_once("<code class=\"secret\">").unwrap();
    assert!(secret.starts_with("whsec_"), "{secret}");
    let secret = secret.split('<').next().unwrap().to_owned();
    assert_eq!(added.header("cache-control"), "no-store");

    let list = browser.get(PATH).await;
    for part in [
        "on-call / &lt;team&gt;",
        "what is to be fixed as soon as possible; registries prod*, staging; running images only",
        "what is to be fixed as soon as possible at once, the rest daily at 07:00 UTC",
    ] {
        assert!(list.body.contains(part), "{part}: {}", list.body);
    }
    assert!(!list.body.contains(&secret) && !list.body.contains("/hook"));

    let one = format!("{PATH}/one?name=on-call+%2F+%3Cteam%3E");
    assert!(list.body.contains(&format!("href=\"{one}\"")), "{}", list.body);
    let page = browser.get(&one).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("None yet.") && !page.body.contains(&secret));
    let wish = |action| [("csrf", csrf.as_str()), ("name", name), ("action", action)];
    let sent = browser.post(&format!("{PATH}/one"), &wish("test")).await;
    assert_eq!(location(&sent), format!("{one}#messages"));
    let message = taken.join().unwrap();
    assert!(message.contains("webhook-signature: v1,"), "{message}");
    let page = browser.get(&one).await;
    assert!(page.body.contains("a sample") && page.body.contains(">arrived<"), "{}", page.body);

    // Nobody listens any more, and why it did not arrive is shown.
    browser.post(&format!("{PATH}/one"), &wish("test")).await;
    let page = browser.get(&one).await;
    assert!(page.body.contains(">given up<"), "{}", page.body);
    let again = browser.post(&format!("{PATH}/one"), &wish("retry")).await;
    assert_eq!(location(&again), format!("{one}#messages"));
    let page = browser.get(&one).await;
    assert!(page.body.contains("waits until") && !page.body.contains(">given up<"));

    let twice = browser.post(PATH, &fields).await;
    assert_eq!(twice.status, StatusCode::BAD_REQUEST);
    assert!(twice.body.contains("exists"), "{}", twice.body);
    let removed = browser.post(&format!("{PATH}/one"), &wish("remove")).await;
    assert_eq!(location(&removed), PATH);
    assert!(store.subscriptions().await.unwrap().is_empty());
    assert_eq!(browser.get(&one).await.status, StatusCode::NOT_FOUND);
    let gone = browser.post(&format!("{PATH}/one"), &wish("test")).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn each_channel_asks_for_what_it_takes_and_refuses_what_cannot_be() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let mut browser = logged_in(&store).await;
    for (channel, has, lacks) in [
        ("webhook", &["url", "secret", "plain"][..], &["to", "username"][..]),
        ("email", &["url", "to", "from", "username", "secret", "plain"], &[]),
        ("dingtalk", &["url", "secret"], &["to"]),
        ("slack", &["url"], &["to", "secret", "plain"]),
        ("%3Cscript%3E", &["url", "secret"], &["to"]),
    ] {
        let page = browser.get(&format!("{PATH}?channel={channel}")).await;
        assert_eq!(page.status, StatusCode::OK);
        let field = |name: &str| page.body.contains(&format!("name=\"{name}\""));
        assert!(has.iter().all(|name| field(name)), "{channel}");
        assert!(!lacks.iter().any(|name| field(name)), "{channel}");
        assert!(!page.body.contains("<script>"));
    }
    let csrf = browser.get(PATH).await.field("csrf");
    let url = "https://hooks.example.com/services/T0/B0/token";
    let sent = |changes: &[(&'static str, &'static str)]| {
        let mut fields = vec![("csrf", csrf.clone())];
        fields.extend(
            [("channel", "slack"), ("name", "chat"), ("url", url)]
                .into_iter()
                .map(|(name, value)| (name, value.to_owned())),
        );
        for (name, value) in changes {
            fields.retain(|(known, _)| known != name);
            fields.push((name, (*value).to_owned()));
        }
        fields
    };
    for (changes, status) in [
        (&[("csrf", "0")][..], StatusCode::FORBIDDEN),
        (&[("csrf", "")], StatusCode::FORBIDDEN),
        (&[("channel", "pigeon")], StatusCode::BAD_REQUEST),
        (&[("url", "")], StatusCode::BAD_REQUEST),
        (&[("name", " ")], StatusCode::BAD_REQUEST),
        (&[("minimum", "soon")], StatusCode::BAD_REQUEST),
        (&[("digest_hour", "24")], StatusCode::BAD_REQUEST),
        (&[("instant_from", "asap")], StatusCode::BAD_REQUEST),
        (&[("secret", "x")], StatusCode::BAD_REQUEST),
    ] {
        let fields = sent(changes);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(a, b)| (*a, b.as_str())).collect();
        let page = browser.post(PATH, &fields).await;
        assert_eq!(page.status, status, "{changes:?}: {}", page.body);
        assert!(!page.body.contains("token"), "{changes:?}");
    }
    assert!(store.subscriptions().await.unwrap().is_empty());
    let fields = sent(&[]);
    let fields: Vec<(&str, &str)> = fields.iter().map(|(a, b)| (*a, b.as_str())).collect();
    let added = browser.post(PATH, &fields).await;
    assert_eq!(location(&added), format!("{PATH}/one?name=chat"), "no secret is made");
    let page = browser.get(&format!("{PATH}/one?name=chat")).await;
    assert!(page.body.contains("hooks.example.com") && !page.body.contains("token"));
    let action = [("csrf", csrf.as_str()), ("name", "chat"), ("action", "paint")];
    let page = browser.post(&format!("{PATH}/one"), &action).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    let foreign = [("csrf", "0"), ("name", "chat"), ("action", "remove")];
    let page = browser.post(&format!("{PATH}/one"), &foreign).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);

    browser.cookies.clear();
    assert_eq!(browser.post(PATH, &fields).await.status, StatusCode::FORBIDDEN);
    assert!(browser.get(PATH).await.header("location").starts_with("/console/login?"));
    assert_eq!(store.subscriptions().await.unwrap().len(), 1);
}
