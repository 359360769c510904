//! The scanner of a Harbor, over real connections, asked by a client that behaves as Harbor's.
//!
//! (`cfg(test)` tells clippy that helpers may unwrap.)

#[cfg(test)]
mod client;
#[cfg(test)]
mod fixture;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use client::{DOCKER_MANIFEST, GENERIC, HarborClient, NATIVE, NoReport, SBOM, error_of};
use fixture::{Fixture, JWT, ROBOT, SECRET, basic, until};
use serde_json::{Value, json};
use tokio::net::TcpListener;

#[tokio::test(flavor = "multi_thread")]
async fn harbor_registers_the_scanner_scans_an_image_and_reads_every_report() {
    let fixture = Fixture::new().await;
    let server = fixture.server(1).await;
    let client = fixture.client(&server).await;

    let metadata = client.metadata().await;
    let kinds: Vec<&str> = metadata["capabilities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|capability| capability["type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["vulnerability", "sbom"]);
    assert_eq!(
        metadata["capabilities"][1]["additional_attributes"]["sbom_media_types"],
        json!(["application/spdx+json"])
    );
    let updated = "harbor.scanner-adapter/vulnerability-database-updated-at";
    assert_eq!(metadata["properties"][updated], "2026-11-01T00:00:00Z");

    let id = client.submit(&fixture.request()).await.unwrap();
    let report = client.wait_for(&id, GENERIC).await.unwrap();
    assert_eq!(report["severity"], "Critical");
    assert_eq!(report["artifact"]["repository"], "library/app");
    assert_eq!(report["artifact"]["digest"], fixture.image.manifest_digest.to_string());
    assert!(report["generated_at"].as_str().unwrap().ends_with('Z'));
    let items = report["vulnerabilities"].as_array().unwrap();
    assert_eq!(items.len(), 1);
    let item = &items[0];
    for (field, wanted) in [
        ("id", json!("CVE-2026-1")),
        ("package", json!("busybox")),
        ("version", json!("1.36.1-r28")),
        ("fix_version", json!("1.36.1-r29")),
        ("severity", json!("Critical")),
        ("artifact_digests", json!([fixture.image.manifest_digest.to_string()])),
        ("cwe_ids", json!([])),
    ] {
        assert_eq!(item[field], wanted, "{field}");
    }
    assert_eq!(item["preferred_cvss"]["score_v3"], 9.8);
    assert!(item["preferred_cvss"]["vector_v3"].as_str().unwrap().starts_with("CVSS:3.1/AV:N"));
    assert_eq!(item["layer"]["digest"], fixture.image.layers[0].0.to_string());
    assert!(item["links"].as_array().unwrap().iter().all(|link| link.as_str().is_some()));
    assert_eq!(item["vendor_attributes"]["plimsoll"]["path"], "lib/apk/db/installed");

    // The older type has the same in it; an SBOM comes of the same scan.
    let native = client.report(&id, NATIVE).await.unwrap();
    assert_eq!(native["vulnerabilities"], report["vulnerabilities"]);
    let sbom = client.report(&id, SBOM).await.unwrap();
    assert_eq!(sbom["media_type"], "application/spdx+json");
    assert_eq!(sbom["sbom"]["spdxVersion"], "SPDX-2.3");
    let packages = sbom["sbom"]["packages"].as_array().unwrap();
    assert!(packages.iter().any(|package| package["name"] == "busybox"), "{packages:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_way_to_register_a_scanner_gets_in_and_no_other() {
    let fixture = Fixture::new().await;
    let server = fixture.server(0).await;
    let token = fixture.register(&server, "harbor", &fixture.url).await;
    let address = server.address();
    let ways = [
        ("authorization", format!("Bearer {token}")),
        ("authorization", basic("plimsoll", &token)),
        ("x-scanneradapter-api-key", token.clone()),
    ];
    for authentication in ways {
        HarborClient { address, base: "/harbor", authentication }.metadata().await;
    }
    let old = HarborClient {
        address,
        base: "/harbor/1.0",
        authentication: ("authorization", format!("Bearer {token}")),
    };
    let metadata = old.metadata().await;
    assert_eq!(metadata["capabilities"][0]["produces_mime_types"], json!([NATIVE]));
    assert!(metadata["capabilities"][0].get("type").is_none());

    for authentication in [
        ("authorization", String::new()),
        ("authorization", "Bearer wrong".to_owned()),
        ("authorization", basic(&token, "wrong")),
        ("x-scanneradapter-api-key", "wrong".to_owned()),
    ] {
        let stranger = HarborClient { address, base: "/harbor", authentication };
        for (method, path) in [("GET", "/metadata"), ("POST", "/scan"), ("GET", "/scan/x/report")] {
            let answer = stranger.exchange(method, path, &[], "").await;
            assert!([401, 429].contains(&answer.status), "{method} {path}: {}", answer.status);
            let message = error_of(&answer);
            if stranger.authentication.1.is_empty() {
                let remedy = "plimsoll registry token create NAME scanner";
                assert!(message.contains(remedy), "{message}");
            }
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_outlives_the_server_and_its_credential_does_not_outlive_the_scan() {
    let fixture = Fixture::new().await;
    let server = fixture.server(0).await;
    let client = fixture.client(&server).await;
    let id = client.submit(&fixture.request()).await.unwrap();
    assert!(matches!(client.report(&id, GENERIC).await, Err(NoReport::NotReady(1..=127))));
    // Killed, not stopped.
    drop(server);
    let encoded = BASE64_STANDARD.encode(format!("{ROBOT}:{SECRET}"));
    let holds = |bytes: &[u8], text: &str| {
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    };
    let bytes = fixture.on_disk();
    assert!(holds(&bytes, &id), "the scan is on disk");
    assert!(!holds(&bytes, SECRET) && !holds(&bytes, &encoded), "and what it came with is sealed");

    let server = fixture.server(1).await;
    let client = HarborClient { address: server.address(), ..client };
    let report = client.wait_for(&id, GENERIC).await.unwrap();
    assert_eq!(report["vulnerabilities"].as_array().unwrap().len(), 1);
    let claimed = server.store().claim_requested_scan("test", far_future()).await.unwrap();
    assert_eq!(claimed, None, "nothing is left to be done with it");
    server.stop().await;
}

/// Later than any lease.
fn far_future() -> plimsoll_model::Timestamp {
    plimsoll_model::Timestamp(4_070_908_800)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_the_registry_itself_does_as_well_as_an_account() {
    let fixture = Fixture::new().await;
    let server = fixture.server(1).await;
    let client = fixture.client(&server).await;
    let mut request = fixture.request();
    request["registry"]["authorization"] = json!(format!("Bearer {JWT}"));
    request["enabled_capabilities"] = json!([
        { "type": "sbom", "produces_mime_types": [SBOM], "parameters": { "sbom_media_types": ["application/spdx+json"] } }
    ]);
    let id = client.submit(&request).await.unwrap();
    let sbom = client.wait_for(&id, SBOM).await.unwrap();
    assert_eq!(sbom["scanner"]["name"], "Plimsoll");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_that_is_refused_ends_the_scan_with_a_reason_and_without_the_credential() {
    let fixture = Fixture::new().await;
    let server = fixture.server(1).await;
    let client = fixture.client(&server).await;
    for authorization in [basic(ROBOT, "deleted-meanwhile"), "Bearer deleted-meanwhile".to_owned()]
    {
        let mut request = fixture.request();
        request["registry"]["authorization"] = json!(authorization);
        let id = client.submit(&request).await.unwrap();
        let (status, message) = client.wait_for(&id, GENERIC).await.unwrap_err();
        assert_eq!(status, 500);
        assert!(message.contains("401"), "{message}");
        assert!(!message.contains("deleted-meanwhile"), "{message}");
    }
    let mut request = fixture.request();
    request["artifact"]["digest"] = json!(format!("sha256:{}", "0".repeat(64)));
    let id = client.submit(&request).await.unwrap();
    assert_eq!(client.wait_for(&id, GENERIC).await.unwrap_err().0, 500);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_registry_of_the_token_is_fetched_from() {
    let fixture = Fixture::new().await;
    let server = fixture.server(1).await;
    let client = fixture.client(&server).await;
    let trap = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let trap_url = format!("http://{}", trap.local_addr().unwrap());
    let other = fixture.register(&server, "other", &trap_url).await;
    for url in [
        trap_url.as_str(),
        "http://169.254.169.254",
        "https://127.0.0.1:1",
        "file:///etc/passwd",
        "gopher://harbor",
        "http://robot:secret@127.0.0.1:1",
        &format!("{}/v2", fixture.url),
        &format!("{}@evil.example", fixture.url),
        "",
    ] {
        let mut request = fixture.request();
        request["registry"]["url"] = json!(url);
        let (status, message) = client.submit(&request).await.unwrap_err();
        assert_eq!(status, 422, "{url}: {message}");
        assert!(message.starts_with("`registry.url`"), "{url}: {message}");
        assert!(!message.contains("secret"), "{message}");
    }
    assert!(
        tokio::time::timeout(std::time::Duration::from_millis(200), trap.accept()).await.is_err(),
        "nobody knocked"
    );
    // A scan is known to those alone who asked for it.
    let id = client.submit(&fixture.request()).await.unwrap();
    let other = HarborClient::bearer(server.address(), &other);
    assert!(matches!(other.report(&id, GENERIC).await, Err(NoReport::Failed(404, _))));
    until("a report", async || client.report(&id, GENERIC).await.is_ok()).await;
    assert!(matches!(other.report(&id, GENERIC).await, Err(NoReport::Failed(404, _))));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_is_answered_with_the_apis_status_and_a_message_in_json() {
    let fixture = Fixture::new().await;
    let server = fixture.server(0).await;
    let client = fixture.client(&server).await;
    let with = |change: &dyn Fn(&mut Value)| {
        let mut request = fixture.request();
        change(&mut request);
        request
    };
    let cases: Vec<(&str, Value, u16, &str)> = vec![
        ("no_registry", with(&|r| r["registry"] = Value::Null), 422, "registry"),
        ("no_artifact", with(&|r| r["artifact"] = Value::Null), 422, "artifact"),
        (
            "no_repository",
            with(&|r| r["artifact"]["repository"] = json!("")),
            422,
            "artifact.repository",
        ),
        (
            "a_path",
            with(&|r| r["artifact"]["repository"] = json!("../x")),
            422,
            "artifact.repository",
        ),
        ("no_digest", with(&|r| r["artifact"]["digest"] = json!("")), 422, "artifact.digest"),
        ("a_tag", with(&|r| r["artifact"]["digest"] = json!("latest")), 422, "artifact.digest"),
        (
            "a_chart",
            with(&|r| {
                r["artifact"]["mime_type"] = json!("application/vnd.cncf.helm.config.v1+json")
            }),
            422,
            "artifact.mime_type",
        ),
        (
            "a_digest_header",
            with(&|r| r["registry"]["authorization"] = json!("Digest x")),
            422,
            "registry.authorization",
        ),
        (
            "another_capability",
            with(&|r| r["enabled_capabilities"] = json!([{ "type": "malware" }])),
            501,
            "malware",
        ),
        (
            "another_report",
            with(&|r| {
                r["enabled_capabilities"] =
                    json!([{ "type": "vulnerability", "produces_mime_types": ["text/x"] }]);
            }),
            501,
            "text/x",
        ),
        (
            "another_sbom",
            with(&|r| {
                r["enabled_capabilities"] = json!([{ "type": "sbom", "parameters": { "sbom_media_types": ["application/vnd.cyclonedx+json"] } }]);
            }),
            501,
            "spdx",
        ),
        ("a_number", json!(7), 400, "no scan request"),
        ("a_wrong_type", json!({ "registry": "x" }), 400, "no scan request"),
    ];
    for (name, request, wanted, part) in cases {
        let (status, message) = client.submit(&request).await.unwrap_err();
        assert_eq!(status, wanted, "{name}: {message}");
        assert!(message.contains(part), "{name}: {message}");
    }
    for body in ["", "{", "[[[[", "\u{0}"] {
        let answer = client.exchange("POST", "/scan", &[], body).await;
        assert_eq!(answer.status, 400, "{body:?}");
        error_of(&answer);
    }

    let id = client.submit(&fixture.request()).await.unwrap();
    for (path, accept, wanted) in [
        (format!("/scan/{id}/report"), SBOM, 400),
        (format!("/scan/{id}/report?sbom_media_type=text%2Fx"), SBOM, 501),
        (format!("/scan/{id}/report"), "application/vnd.scanner.adapter.vuln.report.raw", 501),
        ("/scan/unknown/report".to_owned(), GENERIC, 404),
        ("/nothing".to_owned(), GENERIC, 404),
        ("/scan".to_owned(), DOCKER_MANIFEST, 405),
    ] {
        let answer = client.exchange("GET", &path, &[("accept", accept)], "").await;
        assert_eq!(answer.status, wanted, "{path}");
        error_of(&answer);
    }
    server.stop().await;
}
