//! Against the real thing: Debian's `docker-registry`, anonymous, with accounts over TLS, and with tokens.

use std::{fs, path::Path};

use base64::{Engine as _, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE_NO_PAD};
use plimsoll_image::LayerSource as _;
use plimsoll_model::Secret;
use plimsoll_registry::{
    Credentials, RegistryError, Visibility,
    kind::{ApiSettings, RepositoryEntry},
    resolve,
};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use rustls_pki_types::{
    CertificateDer, PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer, pem::PemObject as _,
};
use serde_json::json;

use crate::{
    content::{
        PASSWORD, account, adapter, amd64, client_with, files, image, options, wanted_files,
    },
    origin::{Origin, Reply, Request},
    process::{Registry, certificate, chain, elliptic_certificate, is_here, run, text},
};

const SIZE: usize = 200_000;

#[tokio::test]
async fn anonymous_lists_and_pulls() {
    if !is_here("docker-registry") {
        return;
    }
    let data = tempfile::tempdir().unwrap();
    let registry = Registry::start(data.path(), "", "");
    let image = image("plain", SIZE);
    registry.push("team/app", "v000", &image);
    // More tags and repositories than one page holds.
    for number in 1..120 {
        registry.tag("team/app", &format!("v{number:03}"), &image);
    }
    let small = self::image("small", 10);
    for number in 0..105 {
        registry.push(&format!("many/r{number:03}"), "1", &small);
    }
    let client = client_with(&registry.endpoint(), None, options());
    client.ping().await.unwrap();
    let tags = client.tags("team/app").await.unwrap();
    assert_eq!(tags.len(), 120);
    assert_eq!((tags[0].as_str(), tags[119].as_str()), ("v000", "v119"));
    let oci = adapter("oci", &registry.endpoint(), None, ApiSettings::default()).unwrap();
    let repositories = oci.list_repositories().await.unwrap();
    assert_eq!(repositories.len(), 106);
    assert_eq!(repositories[105].name, "team/app");
    let entry = RepositoryEntry::named("many/r007");
    assert_eq!(oci.list_tags(&entry).await.unwrap()[0].name, "1");

    let remote = resolve(&client, "team/app", "v007", &amd64(), &Default::default()).await.unwrap();
    assert_eq!(remote.digest(), image.manifest_digest);
    assert_eq!(remote.documents().config, image.config);
    assert_eq!(files(remote).await.unwrap(), wanted_files("plain", SIZE as u64));
    let digest = client.manifest_digest("team/app", "v007").await.unwrap();
    assert_eq!(digest, Some(image.manifest_digest));
    assert_eq!(client.visibility("team/app", "v007").await.unwrap(), Visibility::Public);

    let error = client.manifest("team/app", "gone").await.unwrap_err();
    assert!(matches!(error, RegistryError::NotFound { .. }), "{error}");
    assert!(error.to_string().contains("MANIFEST_UNKNOWN"), "{error}");
    assert!(matches!(client.tags("no/such").await, Err(RegistryError::NotFound { .. })));
}

#[tokio::test]
async fn what_skopeo_pushes_is_pulled() {
    if !is_here("docker-registry") || !is_here("skopeo") {
        return;
    }
    let data = tempfile::tempdir().unwrap();
    let registry = Registry::start(data.path(), "", "");
    let image = image("skopeo", SIZE);
    let layout = data.path().join("layout");
    image.write_oci_layout(&layout, "1").unwrap();
    for (format, tag) in [("oci", "oci"), ("v2s2", "docker")] {
        run(
            "skopeo",
            &[
                "copy",
                "--format",
                format,
                "--dest-tls-verify=false",
                &format!("oci:{}:1", text(&layout)),
                &format!("docker://{}/team/app:{tag}", registry.endpoint()),
            ],
        );
        let client = client_with(&registry.endpoint(), None, options());
        let remote =
            resolve(&client, "team/app", tag, &amd64(), &Default::default()).await.unwrap();
        assert_eq!(files(remote).await.unwrap(), wanted_files("skopeo", SIZE as u64), "{tag}");
    }
}

#[tokio::test]
async fn an_account_over_tls_with_a_certificate_of_ones_own() {
    if !["docker-registry", "htpasswd", "openssl"].into_iter().all(is_here) {
        return;
    }
    let data = tempfile::tempdir().unwrap();
    let image = image("basic", SIZE);
    Registry::start(data.path(), "", "").push("team/app", "1", &image);
    let (certificate, key) = certificate(data.path(), "DNS:localhost");
    let accounts = data.path().join("htpasswd");
    fs::write(&accounts, run("htpasswd", &["-Bbn", "ci", PASSWORD])).unwrap();
    let registry = Registry::start(
        data.path(),
        &format!("auth: {{htpasswd: {{realm: r, path: {}}}}}\n", text(&accounts)),
        &format!(", tls: {{certificate: {}, key: {}}}", text(&certificate), text(&key)),
    );
    let named = format!("https://localhost:{}", registry.port);
    let mut trusting = options();
    trusting.ca_pem = vec![fs::read_to_string(&certificate).unwrap()];

    let client = client_with(&named, Some(account()), trusting.clone());
    assert_eq!(client.catalog().await.unwrap(), ["team/app"]);
    let remote = resolve(&client, "team/app", "1", &amd64(), &Default::default()).await.unwrap();
    assert_eq!(files(remote).await.unwrap(), wanted_files("basic", SIZE as u64));
    assert_eq!(client.visibility("team/app", "1").await.unwrap(), Visibility::Private);

    let wrong = Credentials::new("ci", Secret::new("wrong".into()));
    for (credentials, who) in [(Some(wrong), "the account `ci`"), (None, "anonymous access")] {
        let client = client_with(&named, credentials, trusting.clone());
        let error = client.tags("team/app").await.unwrap_err();
        assert!(
            matches!(&error, RegistryError::Refused { who: found, status: 401, .. } if found == who),
            "{error}"
        );
    }

    // Without the certificate nobody is trusted, and a host that the certificate does not name is not either.
    let error = client_with(&named, Some(account()), options()).ping().await.unwrap_err();
    assert!(error.to_string().contains("is not trusted: nobody known signed"), "{error}");
    assert!(error.hint().unwrap().contains("--ca-file"), "{error}");
    let by_address = format!("https://127.0.0.1:{}", registry.port);
    let error = client_with(&by_address, Some(account()), trusting).ping().await.unwrap_err();
    assert!(error.to_string().contains("is for another name"), "{error}");
}

/// Another key's self-signed authority for the same name is not the one that was given.
#[tokio::test]
async fn another_self_signed_certificate_is_not_trusted() {
    if !["docker-registry", "openssl"].into_iter().all(is_here) {
        return;
    }
    let (data, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (certificate_path, key) = certificate(data.path(), "DNS:localhost");
    let registry = Registry::start(
        data.path(),
        "",
        &format!(", tls: {{certificate: {}, key: {}}}", text(&certificate_path), text(&key)),
    );
    let (others, _) = certificate(other.path(), "DNS:localhost");
    let mut trusting = options();
    trusting.ca_pem = vec![fs::read_to_string(others).unwrap()];
    let client = client_with(&format!("https://localhost:{}", registry.port), None, trusting);
    let error = client.ping().await.unwrap_err();
    assert!(error.to_string().contains("is not trusted"), "{error}");
}

#[tokio::test]
async fn an_authority_of_ones_own_and_no_step_down_to_plain_http() {
    if !["docker-registry", "openssl"].into_iter().all(is_here) {
        return;
    }
    let data = tempfile::tempdir().unwrap();
    let image = image("chain", SIZE);
    Registry::start(data.path(), "", "").push("team/app", "1", &image);
    let (authority, leaf, key) = chain(data.path(), "DNS:localhost,IP:127.0.0.1");
    let plain = Origin::start(|_| Reply::new(200)).await;
    let tls = format!(", tls: {{certificate: {}, key: {}}}", text(&leaf), text(&key));
    let mut trusting = options();
    trusting.ca_pem = vec![fs::read_to_string(authority).unwrap()];

    let registry = Registry::start(data.path(), "", &tls);
    let by_address = format!("https://127.0.0.1:{}", registry.port);
    let client = client_with(&by_address, None, trusting.clone());
    let remote = resolve(&client, "team/app", "1", &amd64(), &Default::default()).await.unwrap();
    assert_eq!(files(remote).await.unwrap(), wanted_files("chain", SIZE as u64));

    // The same registry with its blobs on unencrypted storage.
    let redirect =
        format!("storage: [{{name: redirect, options: {{baseurl: '{}'}}}}]", plain.url("/"));
    let registry = Registry::start(data.path(), &format!("middleware: {{{redirect}}}\n"), &tls);
    let by_address = format!("https://127.0.0.1:{}", registry.port);
    let client = client_with(&by_address, None, trusting);
    let error = resolve(&client, "team/app", "1", &amd64(), &Default::default()).await.unwrap_err();
    assert!(error.to_string().contains("which is not encrypted"), "{error}");
    assert!(plain.requests().is_empty());
}

/// Signs tokens as the registry wants them.
struct TokenSigner {
    key: SigningKey,
    /// `alg`, and by what the registry knows the key.
    header: serde_json::Value,
}

enum SigningKey {
    Rsa(RsaKeyPair),
    Elliptic(EcdsaKeyPair),
}

/// How a token says which key signed it.
#[derive(Clone, Copy, PartialEq, Debug)]
enum KnownBy {
    /// `x5c`: the certificate itself.
    Certificate,
    /// `kid`: the key's fingerprint, as the registry computes it of the certificates that it trusts.
    Fingerprint,
}

/// libtrust's: 240 bits of the SHA-256 of the public key, in Base32, by fours.
fn fingerprint(certificate: &Path) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let public = run("openssl", &["x509", "-in", text(certificate), "-noout", "-pubkey"]);
    let der = SubjectPublicKeyInfoDer::from_pem_slice(public.as_bytes()).unwrap();
    let hash = ring::digest::digest(&ring::digest::SHA256, der.as_ref());
    let bits: String = hash.as_ref()[..30].iter().map(|byte| format!("{byte:08b}")).collect();
    let letter = |five: &[u8]| {
        let number = usize::from_str_radix(std::str::from_utf8(five).unwrap(), 2).unwrap();
        char::from(LETTERS[number])
    };
    let letters: Vec<char> = bits.as_bytes().chunks(5).map(letter).collect();
    letters.chunks(4).map(String::from_iter).collect::<Vec<_>>().join(":")
}

impl TokenSigner {
    fn new(kind: &str, known_by: KnownBy, certificate: &Path, key: &Path) -> Self {
        let pkcs8 = PrivatePkcs8KeyDer::from_pem_file(key).unwrap();
        let pkcs8 = pkcs8.secret_pkcs8_der();
        let (key, algorithm) = match kind {
            "rsa" => (SigningKey::Rsa(RsaKeyPair::from_pkcs8(pkcs8).unwrap()), "RS256"),
            _ => {
                let random = SystemRandom::new();
                let form = &ECDSA_P256_SHA256_FIXED_SIGNING;
                let pair = EcdsaKeyPair::from_pkcs8(form, pkcs8, &random).unwrap();
                (SigningKey::Elliptic(pair), "ES256")
            }
        };
        let mut header = json!({"typ": "JWT", "alg": algorithm});
        match known_by {
            KnownBy::Certificate => {
                let der = CertificateDer::from_pem_file(certificate).unwrap();
                header["x5c"] = json!([BASE64_STANDARD.encode(&der)]);
            }
            KnownBy::Fingerprint => header["kid"] = fingerprint(certificate).into(),
        }
        Self { key, header }
    }

    fn token(&self, access: &serde_json::Value) -> String {
        let claims = json!({
            "iss": "issuer", "sub": "ci", "aud": "service", "jti": "1", "access": access,
            "iat": 0, "nbf": 0, "exp": 4_102_444_800_u32,
        });
        let encode = |value: &serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(&self.header), encode(&claims));
        let random = SystemRandom::new();
        let signature = match &self.key {
            SigningKey::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature).unwrap();
                signature
            }
            SigningKey::Elliptic(key) => {
                key.sign(&random, signed.as_bytes()).unwrap().as_ref().to_vec()
            }
        };
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }

    /// Strangers may pull `team/open`, the account everything.
    fn reply(&self, request: &Request) -> Reply {
        let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("ci:{PASSWORD}")));
        let is_known = match request.header("authorization") {
            None => false,
            Some(value) if value == basic => true,
            Some(_) => return Reply::new(401).body(r#"{"details":"incorrect password"}"#),
        };
        let access = match request.target.split_once("scope=") {
            Some((_, "repository%3Ateam%2Fopen%3Apull")) => {
                json!([{"type": "repository", "name": "team/open", "actions": ["pull"]}])
            }
            Some((_, "repository%3Ateam%2Fclosed%3Apull")) if is_known => {
                json!([{"type": "repository", "name": "team/closed", "actions": ["pull"]}])
            }
            Some((_, "registry%3Acatalog%3A*")) if is_known => {
                json!([{"type": "registry", "name": "catalog", "actions": ["*"]}])
            }
            _ => json!([]),
        };
        let token = self.token(&access);
        Reply::json(&json!({"token": token, "expires_in": 300}).to_string())
    }
}

#[tokio::test]
async fn tokens_are_fetched_per_repository_and_kept() {
    if !["docker-registry", "openssl"].into_iter().all(is_here) {
        return;
    }
    for (kind, known_by) in [
        ("rsa", KnownBy::Certificate),
        ("rsa", KnownBy::Fingerprint),
        ("elliptic", KnownBy::Certificate),
        ("elliptic", KnownBy::Fingerprint),
    ] {
        tokens_of(kind, known_by).await;
    }
}

async fn tokens_of(kind: &str, known_by: KnownBy) {
    let data = tempfile::tempdir().unwrap();
    let image = image("token", SIZE);
    {
        let open = Registry::start(data.path(), "", "");
        open.push("team/open", "1", &image);
        open.push("team/closed", "1", &image);
    }
    let (certificate, key) = match kind {
        "rsa" => certificate(data.path(), "DNS:signer"),
        _ => elliptic_certificate(data.path(), "DNS:signer"),
    };
    let signer = TokenSigner::new(kind, known_by, &certificate, &key);
    let service = Origin::start(move |request| signer.reply(request)).await;
    let registry = Registry::start(
        data.path(),
        &format!(
            "auth: {{token: {{realm: '{}', service: service, issuer: issuer, rootcertbundle: {}}}}}\n",
            service.url("/token"),
            text(&certificate)
        ),
        "",
    );

    let client = client_with(&registry.endpoint(), Some(account()), options());
    client.ping().await.unwrap();
    let listed = client.catalog().await.unwrap();
    assert_eq!(listed, ["team/closed", "team/open"], "{kind} {known_by:?}");
    let remote = resolve(&client, "team/closed", "1", &amd64(), &Default::default()).await.unwrap();
    assert_eq!(files(remote).await.unwrap(), wanted_files("token", SIZE as u64));
    // Ping, catalog, one repository: each scope once, however many requests it served.
    assert_eq!(service.requests().len(), 3);

    assert_eq!(client.visibility("team/open", "1").await.unwrap(), Visibility::Public);
    assert_eq!(client.visibility("team/closed", "1").await.unwrap(), Visibility::Private);
    let stranger = client_with(&registry.endpoint(), None, options());
    assert_eq!(stranger.tags("team/open").await.unwrap(), ["1"]);
    let error = stranger.tags("team/closed").await.unwrap_err();
    assert!(matches!(error, RegistryError::Refused { status: 401, .. }), "{error}");

    let wrong = Credentials::new("ci", Secret::new("wrong".into()));
    let error = client_with(&registry.endpoint(), Some(wrong), options())
        .tags("team/open")
        .await
        .unwrap_err();
    let wanted = "refused the account `ci` for a token of `127.0.0.1` (401): incorrect password";
    assert!(error.to_string().ends_with(wanted), "{error}");
}
