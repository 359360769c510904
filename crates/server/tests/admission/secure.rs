//! The webhook over TLS, whose certificate is exchanged while it answers.

use std::{fs, net::SocketAddr, path::Path, sync::Arc};

use plimsoll_server::{Clock, TlsFiles, admission::serve_admission};
use plimsoll_store::{Store, StoreOptions};
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::{
    FLEET, STRICT, allowed, pod,
    site::{Fleet, config, fill, now, send, until},
};

const NAME: &str = "plimsoll-admission.plimsoll.svc";

fn make(files: &TlsFiles) -> CertificateDer<'static> {
    let CertifiedKey { cert, signing_key }: CertifiedKey<KeyPair> =
        generate_simple_self_signed([NAME.to_owned()]).unwrap();
    fs::write(&files.certificate, cert.pem()).unwrap();
    fs::write(&files.key, signing_key.serialize_pem()).unwrap();
    cert.der().clone()
}

/// An answer over a connection that trusts this certificate alone; `None`: it does not trust the server's.
async fn ask(address: SocketAddr, trusted: &CertificateDer<'static>) -> Option<Value> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from(NAME).unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.ok()?;
    let review = pod(&["registry.example.com/team/clean:1.0"]).to_string();
    let (status, body) = send(stream, "POST", "/validate?timeout=25s", review.as_bytes()).await;
    assert_eq!(status, 200, "{body}");
    Some(serde_json::from_str(&body).unwrap())
}

fn files(folder: &Path) -> TlsFiles {
    TlsFiles { certificate: folder.join("tls.crt"), key: folder.join("tls.key") }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_renewed_is_used_and_half_of_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), StoreOptions::default()).await.unwrap();
    fill(&store, &Fleet::read(FLEET)).await;
    let files = files(folder.path());
    let first = make(&files);
    let mut config = config(folder.path(), folder.path(), STRICT, Clock::fixed(now()));
    config.tls = Some(files.clone());
    let server = serve_admission(config).await.unwrap();
    assert!(server.url().starts_with("https://"));
    until("the store to be opened", async || server.has_store()).await;
    let answer = ask(server.address(), &first).await.unwrap();
    assert!(allowed(&answer), "{answer}");

    // A certificate whose key has not come yet.
    let key = fs::read(&files.key).unwrap();
    let second = make(&files);
    let second_key = fs::read(&files.key).unwrap();
    fs::write(&files.key, key).unwrap();
    assert!(ask(server.address(), &first).await.is_some());
    assert!(ask(server.address(), &second).await.is_none());
    fs::write(&files.key, second_key).unwrap();
    until("the new certificate", async || ask(server.address(), &second).await.is_some()).await;
    assert!(ask(server.address(), &first).await.is_none());
    server.stop().await;
}
