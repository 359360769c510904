//! Registries that lie, loop, overflow or stall.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use plimsoll_registry::{HttpError, RegistryError, Visibility, resolve};

use crate::{
    content::{
        Content, OCI_INDEX, OCI_MANIFEST, account, amd64, client, client_with, image, options,
        sha256,
    },
    origin::{Origin, Reply},
};

#[tokio::test]
async fn lists_are_read_page_by_page() {
    let home = Origin::start(|request| match request.target.as_str() {
        "/v2/team/app/tags/list?n=100" => Reply::json(r#"{"name":"team/app","tags":["b","a"]}"#)
            .header("Link", r#"</v2/team/app/tags/list?n=100&last=b>; rel="next""#),
        "/v2/team/app/tags/list?n=100&last=b" => Reply::json(r#"{"tags":["c","a"]}"#),
        "/v2/empty/tags/list?n=100" => Reply::json(r#"{"tags":null}"#),
        "/v2/_catalog?n=100" => Reply::json(r#"{"repositories":["team/app","empty"]}"#),
        _ => Reply::new(404).body(r#"{"errors":[{"code":"NAME_UNKNOWN","message":"gone"}]}"#),
    })
    .await;
    let client = client(&home, None);
    assert_eq!(client.tags("team/app").await.unwrap(), ["a", "b", "c"]);
    assert_eq!(client.tags("empty").await.unwrap(), [""; 0]);
    assert_eq!(client.catalog().await.unwrap(), ["empty", "team/app"]);
    let error = client.tags("other").await.unwrap_err();
    assert!(error.to_string().ends_with("has no repository `other`: NAME_UNKNOWN gone"), "{error}");
    assert!(matches!(error, RegistryError::NotFound { .. }));
}

#[tokio::test]
async fn pages_that_lead_nowhere_good_are_refused() {
    for (link, wanted) in [
        (r#"</v2/a/tags/list?n=100>; rel="next""#, "lead in a circle"),
        (r#"<http://127.0.0.2:1/v2/a/tags/list>; rel="next""#, "lies at another address"),
        (r#"<http://169.254.169.254/>; rel="next""#, "lies at another address"),
        (r#"<https://[>; rel="next""#, "not a URL"),
    ] {
        let home =
            Origin::start(move |_| Reply::json(r#"{"tags":["x"]}"#).header("Link", link)).await;
        let error = client(&home, Some(account())).tags("a").await.unwrap_err().to_string();
        assert!(error.contains(wanted), "{link}: {error}");
        assert_eq!(home.requests().len(), 1);
    }
}

#[tokio::test]
async fn endless_pages_end() {
    let count = AtomicUsize::new(0);
    let home = Origin::start(move |_| {
        let next = count.fetch_add(1, Ordering::Relaxed);
        let link = format!(r#"</v2/a/tags/list?last={next}>; rel="next""#);
        // Large pages reach the entries' limit first, without 10,000 requests.
        let tags: Vec<String> = (0..20_000).map(|n| format!("\"t{next}-{n}\"")).collect();
        Reply::json(&format!(r#"{{"tags":[{}]}}"#, tags.join(","))).header("Link", &link)
    })
    .await;
    let error = client(&home, None).tags("a").await.unwrap_err().to_string();
    assert!(error.contains("over 1000000 entries"), "{error}");
}

#[tokio::test]
async fn names_cannot_reach_other_paths() {
    let home = Origin::start(|_| Reply::json("{}")).await;
    let client = client(&home, None);
    for name in ["..", "a/../b", "A", "a?x", "a#b", "", "a//b", "a%2f", "a b"] {
        assert!(matches!(client.tags(name).await, Err(RegistryError::Name(_))), "{name}");
    }
    for name in ["..", "a/b", "", "sha256:12", "sha512:aa", "-a", "a?b"] {
        assert!(matches!(client.manifest("a", name).await, Err(RegistryError::Name(_))), "{name}");
    }
    assert_eq!(home.requests().len(), 0);
}

#[tokio::test]
async fn a_manifest_must_be_what_its_digests_say() {
    let image = image("honest", 100);
    let other = sha256(b"something else");
    let (bytes, digest) = (image.manifest.clone(), image.manifest_digest);
    let home = Origin::start(move |request| {
        let reply = Reply::new(200).header("Content-Type", OCI_MANIFEST).body(bytes.clone());
        match request.path() {
            "/v2/a/manifests/liar" => reply.header("Docker-Content-Digest", &other.to_string()),
            "/v2/a/manifests/sha512" => reply.header("Docker-Content-Digest", "sha512:00"),
            _ => reply,
        }
    })
    .await;
    let client = client(&home, None);
    assert_eq!(client.manifest("a", "good").await.unwrap().digest, digest);
    assert_eq!(client.manifest("a", &digest.to_string()).await.unwrap().digest, digest);
    for name in ["liar".to_owned(), other.to_string()] {
        let error = client.manifest("a", &name).await.unwrap_err();
        assert!(
            matches!(error, RegistryError::Digest { expected, actual, .. }
                if expected == other && actual == digest),
            "{name}: {error}"
        );
    }
    assert!(
        client.manifest("a", "sha512").await.is_ok(),
        "a digest we cannot compute binds nothing"
    );
}

#[tokio::test]
async fn manifests_of_the_wrong_kind_are_refused() {
    let manifest = String::from_utf8(image("kinds", 10).manifest).unwrap();
    for (content_type, body, wanted) in [
        (OCI_INDEX, manifest.clone(), "ambiguous"),
        (
            "application/vnd.docker.distribution.manifest.v1+prettyjws",
            r#"{"schemaVersion":1,"fsLayers":[]}"#.to_owned(),
            "schema 1 was replaced in 2016",
        ),
        ("application/json", r#"{"schemaVersion":1}"#.to_owned(), "schema 1 was replaced in 2016"),
        ("text/html", "<html>".to_owned(), "not readable as JSON"),
        (OCI_MANIFEST, manifest.replacen("\"config\"", "\"Config\":{},\"config\"", 1), "same key"),
    ] {
        let body_len = body.len();
        let home = Origin::start(move |_| {
            Reply::new(200).header("Content-Type", content_type).body(body.clone())
        })
        .await;
        let error = client(&home, None).manifest("a", "1").await.unwrap_err();
        assert!(matches!(error, RegistryError::Document { .. }), "{content_type}: {error}");
        assert!(error.to_string().contains(wanted), "{content_type} {body_len}: {error}");
    }
}

#[tokio::test]
async fn an_oversized_manifest_is_not_read_to_its_end() {
    let home = Origin::start(|_| {
        Reply::new(200).header("Content-Type", OCI_MANIFEST).body(vec![b' '; 9 << 20])
    })
    .await;
    let error = client(&home, None).manifest("a", "1").await.unwrap_err();
    assert!(
        matches!(&error, RegistryError::Http { source, .. }
            if matches!(**source, HttpError::TooLarge { limit: 8_388_608, .. })),
        "{error}"
    );
}

#[tokio::test]
async fn a_silent_registry_is_given_up() {
    let home = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut hasty = options();
    hasty.document_timeout = Duration::from_millis(50);
    let address = home.local_addr().unwrap().to_string();
    let error = client_with(&address, None, hasty).ping().await.unwrap_err();
    assert!(error.to_string().contains("did not answer within 50ms"), "{error}");
    assert!(error.is_temporary());
}

#[tokio::test]
async fn rate_limits_are_waited_out_or_handed_on() {
    let count = AtomicUsize::new(0);
    let home = Origin::start(move |request| match request.path() {
        "/v2/busy/tags/list" if count.fetch_add(1, Ordering::Relaxed) < 2 => {
            Reply::new(429).header("Retry-After", "0")
        }
        "/v2/busy/tags/list" => Reply::json(r#"{"tags":["1"]}"#),
        "/v2/always/tags/list" => Reply::new(429).header("Retry-After", "0").body("slow down"),
        _ => Reply::new(429)
            .header("Retry-After", "3600")
            .body(r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"pull rate limit"}]}"#),
    })
    .await;
    let client = client(&home, None);
    assert_eq!(client.tags("busy").await.unwrap(), ["1"]);
    let error = client.tags("always").await.unwrap_err();
    assert!(error.to_string().contains("limits requests") && error.is_temporary(), "{error}");
    let before = home.requests().len();
    let error = client.tags("later").await.unwrap_err();
    assert!(
        matches!(&error, RegistryError::RateLimited { retry_after: Some(wait), message, .. }
            if wait.as_secs() == 3600 && message.contains("pull rate limit")),
        "{error}"
    );
    assert_eq!(home.requests().len(), before + 1, "an hour is not waited for here");
    assert_eq!(error.hint().unwrap(), "try again in 3600 s, or with an account");
}

fn index_of(entries: &[(String, usize, &str, &str)]) -> Vec<u8> {
    let entries: Vec<String> = entries
        .iter()
        .map(|(digest, size, media_type, more)| {
            format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":{size}{more}}}"#)
        })
        .collect();
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{OCI_INDEX}","manifests":[{}]}}"#,
        entries.join(",")
    )
    .into_bytes()
}

const AMD64: &str = r#","platform":{"os":"linux","architecture":"amd64"}"#;

#[tokio::test]
async fn an_index_leads_to_the_platforms_image_and_keeps_its_own_digest() {
    let image = image("indexed", 1_000);
    let (digest, size) = (image.manifest_digest.to_string(), image.manifest.len());
    let other = r#","platform":{"os":"linux","architecture":"s390x"}"#;
    let inner = index_of(&[
        (sha256(b"x").to_string(), 1, OCI_MANIFEST, other),
        (digest.clone(), size, OCI_MANIFEST, AMD64),
    ]);
    let outer = index_of(&[(sha256(&inner).to_string(), inner.len(), OCI_INDEX, "")]);
    let content = Content::default()
        .image("a", "image", &image)
        .manifest("a", "inner", OCI_INDEX, &inner)
        .manifest("a", "outer", OCI_INDEX, &outer);
    let home = Origin::start(move |request| content.reply(request)).await;
    let client = client(&home, None);
    for (tag, own) in
        [("image", image.manifest_digest), ("inner", sha256(&inner)), ("outer", sha256(&outer))]
    {
        let remote = resolve(&client, "a", tag, &amd64(), &Default::default()).await.unwrap();
        let documents = plimsoll_image::LayerSource::documents(&remote);
        assert_eq!(remote.digest(), own, "{tag}");
        assert_eq!(documents.manifest_digest, Some(image.manifest_digest), "{tag}");
        assert_eq!(documents.config_digest, Some(image.config_digest), "{tag}");
        assert_eq!(documents.platform, Some(amd64()), "{tag}");
        assert_eq!(documents.name, format!("{}/a:{tag}", home.address));
        assert_eq!(remote.index().is_some(), tag != "image");
    }
    let wanted = "linux/arm64".parse().unwrap();
    let error = resolve(&client, "a", "inner", &wanted, &Default::default()).await.unwrap_err();
    assert!(error.to_string().contains("linux/amd64, linux/s390x"), "{error}");
}

#[tokio::test]
async fn indexes_that_lie_or_nest_are_refused() {
    let image = image("lies", 1_000);
    let (digest, size) = (image.manifest_digest.to_string(), image.manifest.len());
    let docker = "application/vnd.docker.distribution.manifest.v2+json";
    let mut content = Content::default()
        .image("a", "image", &image)
        .manifest(
            "a",
            "size",
            OCI_INDEX,
            &index_of(&[(digest.clone(), size + 1, OCI_MANIFEST, AMD64)]),
        )
        .manifest("a", "type", OCI_INDEX, &index_of(&[(digest.clone(), size, docker, AMD64)]));
    let mut nested = index_of(&[(digest, size, OCI_MANIFEST, AMD64)]);
    for depth in 2..=5 {
        content = content.manifest("a", &format!("depth{}", depth - 1), OCI_INDEX, &nested);
        nested = index_of(&[(sha256(&nested).to_string(), nested.len(), OCI_INDEX, "")]);
    }
    let home = Origin::start(move |request| content.reply(request)).await;
    let client = client(&home, None);
    assert!(resolve(&client, "a", "depth3", &amd64(), &Default::default()).await.is_ok());
    for (tag, wanted) in [
        ("size", "its index says"),
        ("type", "its index calls it"),
        ("depth4", "nested deeper than 3"),
    ] {
        let error = resolve(&client, "a", tag, &amd64(), &Default::default()).await.unwrap_err();
        assert!(error.to_string().contains(wanted), "{tag}: {error}");
    }
}

#[tokio::test]
async fn artifacts_are_not_images() {
    let image = image("artifact", 100);
    let manifest = String::from_utf8(image.manifest.clone()).unwrap();
    let chart = manifest.replace(
        "application/vnd.oci.image.config.v1+json",
        "application/vnd.cncf.helm.config.v1+json",
    );
    let signature = regex_free_replace_layers(&manifest);
    let mut content = Content::default().image("a", "image", &image);
    content = content.manifest("a", "chart", OCI_MANIFEST, chart.as_bytes());
    content = content.manifest("a", "signature", OCI_MANIFEST, signature.as_bytes());
    let home = Origin::start(move |request| content.reply(request)).await;
    let client = client(&home, None);
    for (tag, wanted) in [
        ("chart", "application/vnd.cncf.helm.config.v1+json"),
        ("signature", "application/vnd.dev.cosign.simplesigning.v1+json"),
    ] {
        let error = resolve(&client, "a", tag, &amd64(), &Default::default()).await.unwrap_err();
        assert!(
            matches!(&error, RegistryError::NotAnImage { media_type, .. } if media_type == wanted),
            "{tag}: {error}"
        );
    }
}

/// The manifest with every layer's type replaced by that of a signature.
fn regex_free_replace_layers(manifest: &str) -> String {
    ["tar+gzip", "tar+zstd", "tar"].iter().fold(manifest.to_owned(), |text, suffix| {
        text.replace(
            &format!("\"application/vnd.oci.image.layer.v1.{suffix}\""),
            "\"application/vnd.dev.cosign.simplesigning.v1+json\"",
        )
    })
}

#[tokio::test]
async fn a_configuration_must_be_the_manifests() {
    let image = image("config", 100);
    for (tag, config) in
        [("longer", [image.config.clone(), b" ".to_vec()].concat()), ("other", b"{}".to_vec())]
    {
        let path = format!("/v2/a/blobs/{}", image.config_digest);
        let content = Content::default().image("a", tag, &image);
        let home = Origin::start(move |request| {
            if request.path() == path {
                return Reply::new(200).body(config.clone());
            }
            content.reply(request)
        })
        .await;
        let error = resolve(&client(&home, None), "a", tag, &amd64(), &Default::default())
            .await
            .unwrap_err();
        assert!(matches!(error, RegistryError::Digest { .. }), "{tag}: {error}");
    }
}

#[tokio::test]
async fn visibility_is_what_a_stranger_sees() {
    let image = image("seen", 100);
    let content = Content::default().image("open", "1", &image).image("closed", "1", &image);
    let home = Origin::start(move |request| match request.path().split('/').nth(2) {
        Some("closed") if request.header("authorization").is_none() => {
            Reply::new(401).header("WWW-Authenticate", "Basic realm=\"r\"")
        }
        Some("broken") => Reply::new(500),
        _ => content.reply(request),
    })
    .await;
    let client = client(&home, Some(account()));
    assert!(client.manifest("closed", "1").await.is_ok());
    assert_eq!(client.visibility("open", "1").await.unwrap(), Visibility::Public);
    assert_eq!(client.visibility("closed", "1").await.unwrap(), Visibility::Private);
    assert_eq!(client.visibility("hidden", "1").await.unwrap(), Visibility::Private);
    assert!(client.visibility("broken", "1").await.is_err(), "a failure is not an answer");
    let heads = home.requests().iter().filter(|r| r.method == "HEAD").count();
    assert_eq!(heads, 4, "asked without pulling");
}
