//! Errors that have nothing to do with who asks: paths, methods, sizes, overload, formats.

use plimsoll_server::gateway::GatewaySettings;
use serde_json::json;

use crate::{
    server::{Server, refused},
    signer::{Scheme, Wire},
};

#[tokio::test]
async fn whatever_is_asked_for_gets_an_object_with_a_code() {
    let server = Server::start().await;
    for (wire, code, status) in [
        (Wire::plain("GET", "/"), "MissingAction", 400),
        (Wire::plain("POST", "/?Action=ListImageRisk"), "MissingVersion", 400),
        (Wire::plain("GET", "/nowhere"), "InvalidApi.NotFound", 404),
        (Wire::plain("POST", "/api/../x"), "InvalidApi.NotFound", 404),
        (Wire::plain("POST", "/troubleshoot"), "InvalidApi.NotFound", 404),
        (Wire::plain("GET", "/?a=%zz"), "InvalidParameter", 400),
        (Wire::plain("GET", "/?a=1&a=2"), "InvalidParameter", 400),
        (
            Wire::plain("GET", "/?Action=ListImageRisk&Version=2018-12-03&Format=json"),
            "MissingAccessKeyId",
            400,
        ),
        (
            Wire::plain(
                "GET",
                "/?Action=ListImageRisk&Version=2018-12-03&SignatureType=BEARERTOKEN",
            ),
            "InvalidParameter.SignatureType",
            400,
        ),
        (Wire::plain("GET", &format!("/?a={}", "a".repeat(63 << 10))), "MissingAction", 400),
        (
            Wire::plain("GET", "/").with_header("x-pad", &"a".repeat(17 << 10)),
            "RequestTooLarge",
            413,
        ),
    ] {
        assert_eq!(
            server.send(&wire).await.error(),
            refused(code, status),
            "{} {}",
            wire.method,
            wire.target.len()
        );
    }
    let mut large = Wire::plain("POST", "/");
    large.body = vec![b'a'; (1 << 20) + 1];
    assert_eq!(server.send(&large).await.error(), refused("RequestTooLarge", 413));
}

#[tokio::test]
async fn versions_actions_and_methods() {
    let server = Server::start().await;
    for scheme in [Scheme::Acs3, Scheme::V1] {
        let mut call = server.call(scheme, "ListImageRisk");
        call.version = "2014-05-26";
        assert_eq!(server.ask(&call).await.error(), refused("InvalidVersion", 400));
        let unknown = server.call(scheme, "ListImageRisks");
        assert_eq!(server.ask(&unknown).await.error(), refused("InvalidAction.NotFound", 404));
        let mut put = server.call(scheme, "ListImageRisk");
        put.method = "PUT";
        assert_eq!(server.ask(&put).await.error(), refused("UnsupportedHTTPMethod", 403));
        for (method, path) in [("GET", "/"), ("POST", "/sas"), ("GET", "/sas/"), ("POST", "/")] {
            let mut call = server.call(scheme, "ListImageRisk");
            (call.method, call.path) = (method, path);
            assert_eq!(server.ask(&call).await.status, 200, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn hosts_as_official_clients_send_them() {
    let server = Server::start().await;
    for (host, recommend) in [
        ("127.0.0.1:18080", "http://127.0.0.1:18080/troubleshoot?q="),
        ("http://127.0.0.1:18080", "http://127.0.0.1:18080/troubleshoot?q="),
        ("127.0.0.1:18080/sas", "http://127.0.0.1:18080/troubleshoot?q="),
    ] {
        let mut wire = Wire::plain("GET", "/");
        wire.headers[0].1 = host.to_owned();
        let reply = server.send(&wire).await;
        assert_eq!(reply.error(), refused("MissingAction", 400));
        assert_eq!(reply.json()["HostId"], json!(host));
        assert!(reply.json()["Recommend"].as_str().unwrap().starts_with(recommend));
    }
    let page = server.send(&Wire::plain("GET", "/troubleshoot?q=NoPermission&requestId=1")).await;
    assert_eq!(
        (page.status, page.headers["content-type"].as_str()),
        (200, "text/plain;charset=utf-8")
    );
    assert!(page.body.starts_with("NoPermission\n\n"));
    let public = GatewaySettings {
        public_url: Some("https://p.example/".to_owned()),
        ..GatewaySettings::default()
    };
    let server = server.restart(public).await;
    let reply = server.send(&Wire::plain("GET", "/")).await.json();
    assert!(
        reply["Recommend"]
            .as_str()
            .unwrap()
            .starts_with("https://p.example/troubleshoot?q=MissingAction")
    );
}

#[tokio::test]
async fn errors_in_xml_for_who_asks() {
    let server = Server::start().await;
    let call = server.call(Scheme::V1, "ListImageRisk").with("Format", "XML").with("PageSize", "0");
    let reply = server.ask(&call).await;
    assert_eq!(
        (reply.status, reply.headers["content-type"].as_str()),
        (400, "text/xml;charset=utf-8")
    );
    let id = &reply.headers["x-acs-request-id"];
    let start = format!(
        "<?xml version='1.0' encoding='UTF-8'?><Error><RequestId>{id}</RequestId><HostId>127.0.0.1:18080</HostId><Code>InvalidParameter</Code>"
    );
    assert!(reply.body.starts_with(&start), "{}", reply.body);
    // An old client's word for "whatever you like".
    let call = server.call(Scheme::V1, "ListImageRisk").with("Format", "None");
    assert_eq!(server.ask(&call).await.headers["content-type"], "application/json;charset=utf-8");
}

#[tokio::test]
async fn overload_is_said_at_once_and_uses_no_nonce_up() {
    let busy = GatewaySettings { max_in_flight: 0, ..GatewaySettings::default() };
    let server = Server::start_with(busy).await;
    let wire = server.call(Scheme::Acs3, "ListImageRisk").sign();
    let reply = server.send(&wire).await;
    assert_eq!(reply.error(), refused("ServiceUnavailable", 503));
    assert_eq!(reply.headers["x-acs-retry-after"], "1000");
    assert_eq!(reply.headers["retry-after"], "1");
    let server = server.restart(GatewaySettings::default()).await;
    assert_eq!(server.send(&wire).await.status, 200);
}

#[tokio::test]
async fn bodies_that_do_not_arrive_keep_nobody_out() {
    let settings = GatewaySettings { max_in_flight: 1, ..GatewaySettings::default() };
    let server = Server::start_with(settings).await;
    let mut waiting = Vec::new();
    for _ in 0..300 {
        let head = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n";
        waiting.push(server.open(head).await);
    }
    let list = server.call(Scheme::V1, "ListImageRisk");
    assert_eq!(server.ask(&list).await.status, 200);
}
