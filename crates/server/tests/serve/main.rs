//! A whole server on a free port: it finds, scans and lists what a registry has, over real connections.
//!
//! (`cfg(test)` tells clippy that helpers may unwrap.)

#[cfg(test)]
mod connection;
#[cfg(test)]
mod fixture;

use std::{io::ErrorKind, process::Command, time::Duration};

use axum::http::StatusCode;
use connection::{get, send};
use fixture::{add, config, queued, registry, scanned, until};
use plimsoll_model::{Timestamp, Verdict};
use plimsoll_server::{
    Blobs, Clock, TlsFiles,
    operation::{
        feed::{LastUpdate, feed_path},
        images::{ListImages, list_images},
    },
    serve, work,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_is_added_is_found_scanned_and_listed() {
    let folder = tempfile::tempdir().unwrap();
    let summary = plimsoll_advisory::starter_feed(&feed_path(folder.path())).unwrap();
    let served = registry().serve().await.unwrap();
    let server = serve(config(&folder)).await.unwrap();
    add(&server, &served).await;
    until("three scanned images", async || scanned(&server).await == 3).await;

    let images = list_images(server.store(), &ListImages::default()).await.unwrap().images;
    let names: Vec<&str> = images.iter().map(|image| image.repository.as_str()).collect();
    assert_eq!(names, ["one", "three", "two"]);
    assert!(images.iter().all(|image| image.coverage != Some(Verdict::Unreadable)));
    let digest = images[0].manifest_digest;
    let report = server.store().artifact_report(&digest).await.unwrap().unwrap();
    assert_eq!(report.feed.map(|feed| feed.snapshot), Some(summary.state.snapshot));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_server_goes_on_where_the_killed_one_was() {
    let folder = tempfile::tempdir().unwrap();
    let served = registry().serve().await.unwrap();
    let server = queued(&folder, &served).await;
    drop(server);

    let server = serve(config(&folder)).await.unwrap();
    assert!(server.new_admin_token().is_none(), "the token is kept");
    until("three scanned images", async || scanned(&server).await == 3).await;
    assert_eq!(list_images(server.store(), &ListImages::default()).await.unwrap().images.len(), 3);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_without_workers_queues_and_a_worker_scans() {
    let folder = tempfile::tempdir().unwrap();
    let served = registry().serve().await.unwrap();
    let server = queued(&folder, &served).await;
    let mut settings = config(&folder);
    settings.probes = Some("127.0.0.1:0".parse().unwrap());
    let worker = work(settings).await.unwrap();
    until("three scanned images", async || scanned(&server).await == 3).await;

    let probes = worker.probes().unwrap();
    assert_eq!(get(probes, "/livez", &[]).await.2, "ok\n");
    assert_eq!(get(probes, "/readyz", &[]).await.2, "ready\n");
    until("three scans that are counted", async || {
        let text = get(probes, "/metrics", &[]).await.2;
        text.contains("plimsoll_scan_duration_seconds_count 3\n")
            && text.contains("plimsoll_scans_running 0\n")
    })
    .await;
    let (status, headers, text) = get(probes, "/metrics", &[]).await;
    assert_eq!(status, StatusCode::OK);
    assert!(headers["content-type"].to_str().unwrap().starts_with("text/plain; version=0.0.4"));
    for line in [
        "plimsoll_scans_total{outcome=\"stored\"} 3",
        "plimsoll_claims_total{outcome=\"taken\"} 3",
        "plimsoll_tasks{kind=\"scan\",state=\"done\"} 3",
    ] {
        assert!(text.lines().any(|one| one == line), "{line}\n{text}");
    }
    // It answers nothing else there.
    assert_eq!(get(probes, "/console/", &[]).await.0, StatusCode::NOT_FOUND);
    worker.stop().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_drains_ends_its_scan_and_claims_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let registry = registry();
    let served = registry.serve().await.unwrap();
    let server = queued(&folder, &served).await;
    registry.take_requests();
    registry.answer_blobs(Blobs::Hold);
    let mut settings = config(&folder);
    settings.workers = 1;
    settings.drain = Duration::from_secs(60);
    settings.probes = Some("127.0.0.1:0".parse().unwrap());
    let worker = work(settings).await.unwrap();
    let probes = worker.probes().unwrap();
    registry.asked_for("/blobs/").await;
    let stopping = tokio::spawn(worker.stop());
    until("a worker that is not ready any more", async || {
        get(probes, "/readyz", &[]).await.0 == StatusCode::SERVICE_UNAVAILABLE
    })
    .await;
    registry.answer_blobs(Blobs::Serve);
    stopping.await.unwrap();
    let counts = server.store().task_counts(None).await.unwrap();
    assert_eq!((counts.done, counts.queued, counts.running), (1, 2, 0));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_answers_browsers_clients_and_probes() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(config(&folder)).await.unwrap();
    assert!(server.new_admin_token().is_some());
    let address = server.address();
    let (status, _, body) = get(address, "/healthz", &[]).await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, "ok\nsandbox: off\nfeed: none\n"));
    let (status, headers, _) = get(address, "/", &[("accept", "text/html")]).await;
    assert!(status.is_redirection(), "{status}");
    assert_eq!(headers["location"], "/console/");
    // A client of the API is never redirected, whatever it accepts.
    let (status, _, body) =
        get(address, "/?Action=ListImageRisk", &[("accept", "text/html")]).await;
    assert!(status.is_client_error(), "{status}");
    assert!(body.contains("RequestId"), "{body}");
    let (status, _, _) = get(address, "/api/v1/status", &[]).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let (status, _, _) = get(address, "/console/login", &[]).await;
    assert_eq!(status, StatusCode::OK);
    server.stop().await;
    let gone = tokio::net::TcpStream::connect(address).await;
    assert_eq!(gone.unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_is_old_or_was_not_updated_is_told_and_goes_on_serving() {
    let folder = tempfile::tempdir().unwrap();
    let target = feed_path(folder.path());
    let made = plimsoll_advisory::starter_feed(&target).unwrap().state;
    let failures = vec!["npm: mirror `http://m`: answered\n500".to_owned()];
    LastUpdate::remember(folder.path(), "2026-11-25".parse().unwrap(), failures).unwrap();
    for (days, said) in [(1, None), (3, Some("hours old")), (9, Some("9 days old"))] {
        let mut config = config(&folder);
        config.clock = Clock::fixed(Timestamp(made.date.0 + days * 86_400 + 60));
        let server = serve(config).await.unwrap();
        let (status, _, body) = get(server.address(), "/healthz", &[]).await;
        assert_eq!(status, StatusCode::OK);
        assert!(body.contains(&format!("feed: {}\n", made.date)), "{body}");
        assert!(body.contains("warning: the update of 2026-11-25T00:00:00Z failed"), "{body}");
        assert!(
            body.contains("warning: not updated: npm: mirror `http://m`: answered 500\n"),
            "{body}"
        );
        match said {
            Some(said) => assert!(body.contains(said), "{body}"),
            None => assert!(!body.contains("old"), "{body}"),
        }
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_is_too_large_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(config(&folder)).await.unwrap();
    let large = "x".repeat(200 << 10);
    let (status, _, _) = get(server.address(), "/healthz", &[("x-large", &large)]).await;
    assert_eq!(status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_certificate_the_server_speaks_tls_and_its_cookies_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let files = TlsFiles {
        certificate: folder.path().join("certificate.pem"),
        key: folder.path().join("key.pem"),
    };
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
        ])
        .args(["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(&files.key)
        .arg("-out")
        .arg(&files.certificate)
        .output();
    if !made.is_ok_and(|made| made.status.success()) {
        println!("skipped: openssl is not here");
        return;
    }
    let mut config = config(&folder);
    config.tls = Some(files.clone());
    let server = serve(config).await.unwrap();
    assert!(server.url().starts_with("https://"));
    let stream = connection::tls(server.address(), &files.certificate).await;
    let (status, headers, _) = send(stream, "/console/login", &[]).await;
    assert_eq!(status, StatusCode::OK);
    assert!(headers["set-cookie"].to_str().unwrap().starts_with("__Host-plimsoll-login="));
    server.stop().await;
}

#[tokio::test]
async fn what_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(feed_path(folder.path()), "no snapshot").unwrap();
    let error = serve(config(&folder)).await.unwrap_err().to_string();
    assert!(error.contains("advisories.snapshot"), "{error}");
    std::fs::remove_file(feed_path(folder.path())).unwrap();

    let mut wrong = config(&folder);
    wrong.tls = Some(TlsFiles { certificate: "/no/such/file".into(), key: "/no/such/key".into() });
    let error = serve(wrong).await.unwrap_err().to_string();
    assert_eq!(error, "`/no/such/file` holds no certificate in PEM form");

    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut wrong = config(&folder);
    wrong.listen = taken.local_addr().unwrap();
    let error = serve(wrong).await.unwrap_err().to_string();
    assert_eq!(error, format!("cannot listen on {}", taken.local_addr().unwrap()));
}
