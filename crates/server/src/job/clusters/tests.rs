//! The job against an API server that pages, cuts, forgets and refuses.

use std::process::Command;

use plimsoll_cluster::ClusterAccess;
use plimsoll_model::{ContainerState, Timestamp};
use plimsoll_store::{Container, Store, StoreOptions};

use super::*;
use crate::{
    Clock,
    job::clusters::fake::{
        JOBS, NODES, PODS, REPLICA_SETS, Served, TOKEN, UID, World, node, pod, replica_set,
    },
    operation::{
        OperationError,
        clusters::{AddCluster, add_cluster, list_clusters},
    },
    stop::{self, Stopper},
};

const PACE: Pace = Pace { look: Duration::from_millis(20), gather: Duration::from_millis(20) };
const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

/// A store, an API server, and processes that watch.
struct Fixture {
    folder: tempfile::TempDir,
    context: Context,
    world: World,
    served: Served,
    stopper: Stopper,
    stop: Stop,
}

impl Fixture {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), StoreOptions::default()).await.unwrap();
        let now: Timestamp = "2026-12-01T03:00:10Z".parse().unwrap();
        let context = Context::new(store, Clock::fixed(now));
        let world = World::new();
        world.put(NODES, node("node-1", "arm64"));
        world.put(REPLICA_SETS, replica_set("web-6f847f8786", "front"));
        let served = world.serve().await;
        let (stopper, stop) = stop::stop();
        Self { folder, context, world, served, stopper, stop }
    }

    fn access(&self, token: &str) -> ClusterAccess {
        ClusterAccess {
            server: self.served.url.clone(),
            token: Some(token.to_owned()),
            ..ClusterAccess::default()
        }
    }

    async fn add(&self) -> Result<(), OperationError> {
        let request = AddCluster {
            name: "production".to_owned(),
            access: Some(self.access(TOKEN)),
            ..AddCluster::default()
        };
        let (account, now) = (nobody(), self.context.clock.now());
        add_cluster(&self.context.store, &request, &account, now).await.map(|_| ())
    }

    /// A process that watches.
    fn process(&self, name: &str) -> tokio::task::JoinHandle<()> {
        let worker = format!("{name}/clusters");
        tokio::spawn(run(self.context.clone(), worker, nobody(), PACE, self.stop.clone()))
    }

    /// `application pod digest state` of all containers.
    async fn running(&self) -> Vec<String> {
        self.containers().await.iter().map(line).collect()
    }

    async fn containers(&self) -> Vec<Container> {
        self.context.store.containers(None).await.unwrap()
    }

    async fn runs(&self, wanted: &[String]) {
        eventually(async || self.running().await == wanted).await;
    }

    async fn problem(&self) -> Option<String> {
        let connections = self.context.store.cluster_connections().await.unwrap();
        connections.into_values().next().unwrap().problem
    }
}

/// No process here runs in a cluster.
fn nobody() -> ServiceAccount {
    ServiceAccount { folder: "/nonexistent".into(), ..ServiceAccount::default() }
}

fn line(container: &Container) -> String {
    let workload = &container.workload;
    let digest = workload.digest.map_or_else(|| "-".to_owned(), |digest| digest.hex());
    format!("{} {} {digest}", workload.app, workload.pod)
}

fn expected(app: &str, pod: &str, digest: &str) -> String {
    format!("{app} {pod} {digest}")
}

/// Waits until something is so; a test that waits in vain fails.
async fn eventually(is_so: impl AsyncFn() -> bool) {
    for _ in 0..3_000 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never came to that");
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_listed_in_pages_and_told_with_its_surroundings() {
    let fixture = Fixture::new().await;
    for number in 0..1_203 {
        let name = format!("web-6f847f8786-{number}");
        fixture.world.put(PODS, pod(&name, "registry.test/team/app:1", Some(A)));
    }
    fixture.add().await.unwrap();
    let _process = fixture.process("one");
    eventually(async || fixture.containers().await.len() == 1_203).await;
    assert_eq!(fixture.world.asked("/pods?&limit=500"), 3, "pages");
    assert_eq!(fixture.world.asked("continue="), 2);

    let container = fixture.containers().await.remove(0);
    assert_eq!(container.cluster_id, format!("c{}", UID.replace('-', "")));
    assert_eq!(container.cluster_name, "production");
    let (workload, detail) = (&container.workload, &container.workload.detail);
    assert_eq!((workload.app.as_str(), workload.namespace.as_str()), ("front", "shop"));
    assert_eq!(workload.digest.unwrap().hex(), A);
    assert_eq!(detail.platform.as_ref().unwrap().to_string(), "linux/arm64");
    assert_eq!((detail.node.as_str(), detail.pod_ip.as_str()), ("node-1", "10.1.2.3"));
    assert_eq!((detail.host_ip.as_str(), detail.state), ("192.0.2.7", ContainerState::Running));
    assert_eq!(detail.container_id, "0123456789abcdef");
    assert_eq!(detail.created.unwrap().to_string(), "2026-12-01T03:00:05Z");
    let list = list_clusters(&fixture.context.store, fixture.context.clock.now()).await.unwrap();
    let cluster = &list.clusters[0];
    assert_eq!((cluster.watched, cluster.problem.as_deref()), (true, None));
    assert_eq!(cluster.version.as_deref(), Some("v1.33.2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_is_followed_and_cut_watches_are_taken_up_again() {
    let fixture = Fixture::new().await;
    let names = ["web-6f847f8786-a", "web-6f847f8786-b"];
    fixture.world.put(PODS, pod(names[0], "registry.test/team/app:1", Some(A)));
    fixture.add().await.unwrap();
    let _process = fixture.process("one");
    let first = expected("front", names[0], A);
    fixture.runs(std::slice::from_ref(&first)).await;

    // Before the pull, after it, and gone.
    fixture.world.put(PODS, pod(names[1], "registry.test/team/app:2", None));
    fixture.runs(&[first.clone(), expected("front", names[1], "-")]).await;
    fixture.world.put(PODS, pod(names[1], "registry.test/team/app:2", Some(B)));
    fixture.runs(&[first.clone(), expected("front", names[1], B)]).await;
    fixture.world.cut();
    fixture.world.bookmark(PODS);
    fixture.world.remove(PODS, &format!("shop/{}", names[1]), false);
    fixture.runs(std::slice::from_ref(&first)).await;

    // The replica set is taken over by another deployment, and the pod with it.
    fixture.world.put(REPLICA_SETS, replica_set("web-6f847f8786", "back"));
    fixture.runs(&[expected("back", names[0], A)]).await;
    // A pod that has ended runs nothing.
    let mut ended = pod(names[0], "registry.test/team/app:1", Some(A));
    ended["status"]["phase"] = "Succeeded".into();
    fixture.world.put(PODS, ended);
    fixture.runs(&[]).await;
    assert_eq!(fixture.world.asked("/pods?&limit"), 1, "nothing was listed anew");
    assert_eq!(fixture.context.store.clusters().await.unwrap().len(), 1, "an empty cluster stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_forgot_is_listed_anew_and_what_went_meanwhile_is_gone() {
    for by_status in [false, true] {
        let fixture = Fixture::new().await;
        let names = ["web-6f847f8786-a", "web-6f847f8786-b", "web-6f847f8786-c"];
        for name in &names[..2] {
            fixture.world.put(PODS, pod(name, "registry.test/team/app:1", Some(A)));
        }
        fixture.add().await.unwrap();
        let _process = fixture.process("one");
        fixture.runs(&[expected("front", names[0], A), expected("front", names[1], A)]).await;
        // One goes and one comes that no watch tells of.
        fixture.world.remove(PODS, &format!("shop/{}", names[0]), true);
        fixture.world.put(PODS, pod(names[2], "registry.test/team/app:1", Some(B)));
        fixture.world.forget(by_status);
        fixture.world.cut();
        fixture.runs(&[expected("front", names[1], A), expected("front", names[2], B)]).await;
        assert!(fixture.world.asked("/pods?&limit") > 1, "by status: {by_status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_are_enough_and_what_is_forbidden_is_said() {
    let fixture = Fixture::new().await;
    let name = "web-6f847f8786-a";
    fixture.world.put(PODS, pod(name, "registry.test/team/app:1", Some(A)));
    fixture.world.forbid(&[REPLICA_SETS, JOBS, NODES]);
    fixture.add().await.unwrap();
    let _process = fixture.process("one");
    // As the replica set's name tells.
    fixture.runs(&[expected("web", name, A)]).await;
    eventually(async || fixture.problem().await.is_some()).await;
    let problem = fixture.problem().await.unwrap();
    assert!(problem.contains("replica sets: cannot be listed"), "{problem}");
    assert!(problem.contains("cannot list this (403)"), "{problem}");
    fixture.world.forbid(&[]);
    fixture.runs(&[expected("front", name, A)]).await;
    eventually(async || fixture.problem().await.is_none()).await;

    fixture.world.forbid(&[PODS]);
    fixture.world.forget(true);
    fixture.world.cut();
    eventually(async || fixture.problem().await.is_some_and(|why| why.contains("pods: "))).await;
    assert_eq!(fixture.running().await.len(), 1, "what was seen last stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_is_exchanged_while_the_cluster_is_watched() {
    let fixture = Fixture::new().await;
    let name = "web-6f847f8786-a";
    fixture.world.put(PODS, pod(name, "registry.test/team/app:1", Some(A)));
    fixture.add().await.unwrap();
    assert!(matches!(fixture.add().await, Err(OperationError::Exists { .. })));
    fixture.world.set_token("another-token");
    let error = fixture.add().await.unwrap_err();
    assert_eq!(error.code(), "cluster_failed");
    assert!(error.to_string().contains("does not accept the credential"), "{error}");
    let _process = fixture.process("one");
    eventually(async || fixture.problem().await.is_some_and(|why| why.contains("(401)"))).await;

    let replaced = AddCluster {
        name: "production".to_owned(),
        access: Some(fixture.access("another-token")),
        replace: true,
        ..AddCluster::default()
    };
    let (account, now) = (nobody(), fixture.context.clock.now());
    add_cluster(&fixture.context.store, &replaced, &account, now).await.unwrap();
    // The process that watches notices at its next heartbeat; another one does not wait for that.
    let _other = fixture.process("two");
    fixture.runs(&[expected("front", name, A)]).await;
    eventually(async || fixture.problem().await.is_none()).await;

    // Neither credential is to be read anywhere.
    let list = list_clusters(&fixture.context.store, now).await.unwrap();
    let shown = format!("{list:?} {:?}", fixture.context.store.cluster_connections().await);
    for secret in [TOKEN, "another-token", "hunter2"] {
        assert!(!shown.contains(secret), "{shown}");
        for entry in std::fs::read_dir(fixture.folder.path()).unwrap() {
            let path = entry.unwrap().path();
            let Ok(bytes) = std::fs::read(&path) else { continue };
            let found = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
            assert!(!found, "{secret} in {}", path.display());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_watches_and_another_goes_on_when_it_dies() {
    let fixture = Fixture::new().await;
    let names = ["web-6f847f8786-a", "web-6f847f8786-b"];
    fixture.world.put(PODS, pod(names[0], "registry.test/team/app:1", Some(A)));
    fixture.add().await.unwrap();
    let (one, two) = (fixture.process("one"), fixture.process("two"));
    fixture.runs(&[expected("front", names[0], A)]).await;
    assert_eq!(fixture.world.asked("/pods?&limit"), 1, "one of them alone");
    // Both die; a third comes before the lease ends, and has to wait for it.
    one.abort();
    two.abort();
    let (one, two) = (one.await, two.await);
    assert!(one.is_err() && two.is_err());
    let _three = fixture.process("three");
    fixture.world.put(PODS, pod(names[1], "registry.test/team/app:1", Some(B)));
    fixture.world.remove(PODS, &format!("shop/{}", names[0]), false);
    fixture.context.clock.advance(600);
    fixture.runs(&[expected("front", names[1], B)]).await;

    // One that ends in order gives it back at once.
    fixture.stopper.stop();
    eventually(async || {
        let all = fixture.context.store.cluster_connections().await.unwrap();
        all.into_values().all(|one| one.watched_until.is_none())
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_added_is_refused_by_name() {
    let fixture = Fixture::new().await;
    let (account, now) = (nobody(), fixture.context.clock.now());
    let add = async |request: AddCluster| {
        let added = add_cluster(&fixture.context.store, &request, &account, now).await;
        added.unwrap_err().to_string()
    };
    let named = || AddCluster { name: "production".to_owned(), ..AddCluster::default() };
    assert!(add(named()).await.contains("either a kubeconfig or `in_cluster`"));
    let within = add(AddCluster { in_cluster: true, ..named() }).await;
    assert!(within.contains("does not run in a cluster"), "{within}");
    let with = |access: ClusterAccess| AddCluster { access: Some(access), ..named() };
    for (access, wanted) in [
        (ClusterAccess { server: "ftp://a.test".into(), ..fixture.access(TOKEN) }, "ftp"),
        (
            ClusterAccess { server: "http://a.test".into(), ..fixture.access(TOKEN) },
            "not encrypted",
        ),
        (
            ClusterAccess { server: "https://u:hunter2@a.test".into(), ..fixture.access(TOKEN) },
            "user name",
        ),
        (
            ClusterAccess { token: Some("two words".into()), ..fixture.access(TOKEN) },
            "the token is not one",
        ),
        (
            ClusterAccess { key_pem: Some("-----BEGIN ".into()), ..fixture.access(TOKEN) },
            "belong together",
        ),
        (ClusterAccess { ca_pem: Some("none".into()), ..fixture.access(TOKEN) }, "no CERTIFICATE"),
    ] {
        let error = add(with(access)).await;
        assert!(error.contains(wanted), "{error}");
        assert!(!error.contains("hunter2") && !error.contains("two words"), "{error}");
    }
    let nobody_there =
        ClusterAccess { server: "http://127.0.0.1:1".into(), ..fixture.access(TOKEN) };
    assert!(add(with(nobody_there)).await.contains("cannot be reached"));
    assert_eq!(fixture.context.store.clusters().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_of_both_sides_are_checked() {
    let fixture = Fixture::new().await;
    let Some(authority) = tls::Authority::new() else { return };
    let url = tls::serve(fixture.world.router(), &authority).await;
    let (certificate, key) = authority.sign("client");
    let access = ClusterAccess {
        server: url,
        ca_pem: Some(authority.certificate()),
        certificate_pem: Some(certificate),
        key_pem: Some(key),
        token: Some(TOKEN.to_owned()),
    };
    let (account, now) = (nobody(), fixture.context.clock.now());
    let add = async |access: ClusterAccess| {
        let request =
            AddCluster { name: "secure".to_owned(), access: Some(access), ..AddCluster::default() };
        let added = add_cluster(&fixture.context.store, &request, &account, now).await;
        added.map(|cluster| cluster.id).map_err(|error| error.to_string())
    };
    let without = ClusterAccess { certificate_pem: None, key_pem: None, ..access.clone() };
    let error = add(without).await.unwrap_err();
    assert!(error.contains("`secure`"), "{error}");
    let unknown = ClusterAccess { ca_pem: None, ..access.clone() };
    let error = add(unknown).await.unwrap_err();
    assert!(error.contains("nobody known signed its certificate"), "{error}");
    assert_eq!(add(access).await.unwrap(), format!("c{}", UID.replace('-', "")));
}

/// Certificates by openssl, and a server that wants one of its clients.
mod tls {
    use std::{fs, net::SocketAddr, path::PathBuf};

    use axum::Router;
    use rustls::{RootCertStore, ServerConfig, server::WebPkiClientVerifier};
    use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
    use tokio::net::{TcpListener, TcpStream};
    use tokio_rustls::{TlsAcceptor, server::TlsStream};

    use super::*;

    pub(super) struct Authority(tempfile::TempDir);

    impl Authority {
        /// `None` where openssl is missing.
        pub(super) fn new() -> Option<Self> {
            let folder = tempfile::tempdir().unwrap();
            let authority = Self(folder);
            if authority.request(&["-subj", "/CN=authority"], "authority") {
                return Some(authority);
            }
            assert!(
                std::env::var_os("PLIMSOLL_REQUIRE_TOOLS").is_none(),
                "openssl is not installed although everything was set up"
            );
            println!("skipped: openssl is not here");
            None
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn request(&self, more: &[&str], name: &str) -> bool {
            let made = Command::new("openssl")
                .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
                .args(["-nodes", "-days", "2"])
                .args(more)
                .arg("-keyout")
                .arg(self.path(&format!("{name}.key")))
                .arg("-out")
                .arg(self.path(&format!("{name}.pem")))
                .output();
            made.is_ok_and(|made| made.status.success())
        }

        pub(super) fn certificate(&self) -> String {
            fs::read_to_string(self.path("authority.pem")).unwrap()
        }

        /// A certificate and its key.
        pub(super) fn sign(&self, name: &str) -> (String, String) {
            let (certificate, key) = (self.path("authority.pem"), self.path("authority.key"));
            let subject = format!("/CN={name}");
            let signed = self.request(
                &[
                    "-CA",
                    certificate.to_str().unwrap(),
                    "-CAkey",
                    key.to_str().unwrap(),
                    "-subj",
                    &subject,
                    "-addext",
                    "subjectAltName=IP:127.0.0.1",
                    "-addext",
                    "basicConstraints=critical,CA:FALSE",
                ],
                name,
            );
            assert!(signed);
            let read = |name: String| fs::read_to_string(self.path(&name)).unwrap();
            (read(format!("{name}.pem")), read(format!("{name}.key")))
        }
    }

    struct Listener(TcpListener, TlsAcceptor);

    impl axum::serve::Listener for Listener {
        type Io = TlsStream<TcpStream>;
        type Addr = SocketAddr;

        async fn accept(&mut self) -> (Self::Io, SocketAddr) {
            loop {
                let (stream, address) = self.0.accept().await.unwrap();
                if let Ok(stream) = self.1.accept(stream).await {
                    return (stream, address);
                }
            }
        }

        fn local_addr(&self) -> std::io::Result<SocketAddr> {
            self.0.local_addr()
        }
    }

    pub(super) async fn serve(router: Router, authority: &Authority) -> String {
        let (certificate, key) = authority.sign("server");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(authority.certificate().as_bytes()).unwrap();
        roots.add(root).unwrap();
        let clients =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
        let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(clients.build().unwrap())
            .with_single_cert(chain, key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let listener = Listener(listener, TlsAcceptor::from(Arc::new(config)));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        url
    }
}
