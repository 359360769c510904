//! etcd and kube-apiserver as processes, with certificates by openssl, and what a kubelet would say.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

const ADMINISTRATOR: &str = "administrators-token";

pub(crate) struct Cluster {
    folder: tempfile::TempDir,
    program: PathBuf,
    port: u16,
    etcd_port: u16,
    etcd: Process,
    api_server: Option<Process>,
}

/// A process that ends when it is dropped.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Where the programs are, or `None`, said.
fn programs() -> Option<(PathBuf, PathBuf)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let given = std::env::var_os("PLIMSOLL_TEST_KUBE_APISERVER").map(PathBuf::from);
    let program = given.unwrap_or_else(|| root.join("target/test-tools/kube-apiserver"));
    let etcd = ["/usr/bin/etcd", "/usr/local/bin/etcd"].map(PathBuf::from);
    let etcd = etcd.into_iter().find(|path| path.exists());
    match etcd {
        Some(etcd) if program.exists() => Some((program, etcd)),
        _ => {
            println!(
                "skipped: no kube-apiserver or no etcd (`cargo xtask setup kubernetes` makes them)"
            );
            assert!(
                std::env::var_os("PLIMSOLL_REQUIRE_KUBERNETES").is_none(),
                "no kube-apiserver or no etcd although everything was set up"
            );
            None
        }
    }
}

impl Cluster {
    pub(crate) async fn start() -> Option<Self> {
        let (program, etcd) = programs()?;
        let folder = tempfile::tempdir().unwrap();
        let (etcd_port, peer_port) = (free_port(), free_port());
        let address = |port: u16| format!("http://127.0.0.1:{port}");
        let log = fs::File::create(folder.path().join("etcd.log")).unwrap();
        let etcd = Command::new(etcd)
            .arg("--data-dir")
            .arg(folder.path().join("etcd"))
            .args(["--listen-client-urls", &address(etcd_port)])
            .args(["--advertise-client-urls", &address(etcd_port)])
            .args(["--listen-peer-urls", &address(peer_port)])
            .args(["--initial-advertise-peer-urls", &address(peer_port)])
            .args(["--initial-cluster", &format!("default={}", address(peer_port))])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let port = free_port();
        let etcd = Process(etcd);
        let mut cluster = Self { folder, program, port, etcd_port, etcd, api_server: None };
        cluster.make_certificates();
        cluster.restart().await;
        assert!(cluster.etcd.0.try_wait().unwrap().is_none(), "etcd ended");
        Some(cluster)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn make_certificates(&self) {
        let request = |name: &str, more: &[&str]| {
            let made = Command::new("openssl")
                .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
                .args(["-nodes", "-days", "2"])
                .args(more)
                .arg("-keyout")
                .arg(self.path(&format!("{name}.key")))
                .arg("-out")
                .arg(self.path(&format!("{name}.pem")))
                .output()
                .unwrap();
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        };
        request("authority", &["-subj", "/CN=authority"]);
        let (certificate, key) = (self.path("authority.pem"), self.path("authority.key"));
        let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
        for (name, subject) in [("server", "/CN=kube-apiserver"), ("client", "/CN=plimsoll")] {
            request(
                name,
                &[
                    "-CA",
                    certificate,
                    "-CAkey",
                    key,
                    "-subj",
                    subject,
                    "-addext",
                    "subjectAltName=IP:127.0.0.1",
                    "-addext",
                    "basicConstraints=critical,CA:FALSE",
                    "-addext",
                    "extendedKeyUsage=serverAuth,clientAuth",
                ],
            );
        }
        let line = format!("{ADMINISTRATOR},administrator,administrator,\"system:masters\"\n");
        fs::write(self.path("tokens.csv"), line).unwrap();
    }

    /// Kills the API server, if one runs, and starts it.
    pub(crate) async fn restart(&mut self) {
        self.api_server = None;
        let file = |flag: &str, name: &str| format!("--{flag}={}", self.path(name).display());
        let log = fs::File::create(self.path("kube-apiserver.log")).unwrap();
        let started = Command::new(&self.program)
            .args([
                format!("--etcd-servers=http://127.0.0.1:{}", self.etcd_port),
                format!("--secure-port={}", self.port),
                file("tls-cert-file", "server.pem"),
                file("tls-private-key-file", "server.key"),
                file("client-ca-file", "authority.pem"),
                file("token-auth-file", "tokens.csv"),
                file("service-account-key-file", "authority.pem"),
                file("service-account-signing-key-file", "authority.key"),
                file("cert-dir", "certificates"),
            ])
            .args([
                "--bind-address=127.0.0.1",
                "--advertise-address=192.0.2.1",
                "--endpoint-reconciler-type=none",
                "--service-cluster-ip-range=10.0.0.0/24",
                "--service-account-issuer=https://kubernetes.default.svc",
                "--authorization-mode=RBAC",
                "--disable-admission-plugins=ServiceAccount,TaintNodesByCondition,Priority",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.api_server = Some(Process(started));
        for _ in 0..6_000 {
            if self.curl("GET", "/readyz", None).is_some_and(|answer| answer == "ok") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let log = fs::read_to_string(self.path("kube-apiserver.log")).unwrap();
        panic!("the API server does not become ready: {log}");
    }

    /// The answer's body, where it is a success.
    fn curl(&self, method: &str, path: &str, body: Option<(&str, &str)>) -> Option<String> {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--fail-with-body", "--request", method])
            .arg("--cacert")
            .arg(self.path("authority.pem"))
            .args(["--header", &format!("Authorization: Bearer {ADMINISTRATOR}")]);
        if let Some((kind, body)) = body {
            curl.args(["--header", &format!("Content-Type: {kind}"), "--data-binary", body]);
        }
        let output = curl.arg(format!("https://127.0.0.1:{}{path}", self.port)).output().unwrap();
        if !output.status.success() {
            println!("{method} {path}: {}", String::from_utf8_lossy(&output.stdout));
            return None;
        }
        Some(String::from_utf8(output.stdout).unwrap())
    }

    fn json(&self, method: &str, path: &str, kind: &str, body: &Value) -> Value {
        let answer = self.curl(method, path, Some((kind, &body.to_string()))).unwrap();
        serde_json::from_str(&answer).unwrap()
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
        self.json("POST", path, "application/json", body)
    }

    pub(crate) fn delete(&self, path: &str) {
        self.curl("DELETE", &format!("{path}?gracePeriodSeconds=0"), None).unwrap();
    }

    fn patch(&self, path: &str, body: &Value) {
        self.json("PATCH", path, "application/merge-patch+json", body);
    }

    pub(crate) fn uid_of_kube_system(&self) -> String {
        let answer = self.curl("GET", "/api/v1/namespaces/kube-system", None).unwrap();
        let namespace: Value = serde_json::from_str(&answer).unwrap();
        namespace["metadata"]["uid"].as_str().unwrap().to_owned()
    }

    /// The role that the documentation gives, for a user.
    pub(crate) fn grant(&self, user: &str) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let page = fs::read_to_string(root.join("docs/clusters.md")).unwrap();
        let (_, rest) = page.split_once("```yaml\n").unwrap();
        let (role, _) = rest.split_once("```").unwrap();
        let roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
        self.curl("POST", roles, Some(("application/yaml", role))).unwrap();
        self.post(
            "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
            &json!({
                "metadata": { "name": "plimsoll-watch" },
                "roleRef": {
                    "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "plimsoll-watch"
                },
                "subjects": [{ "kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": user }],
            }),
        );
    }

    /// Roles count a moment after they are written.
    pub(crate) async fn until_granted<T>(&self, mut tried: impl AsyncFnMut() -> Option<T>) -> T {
        for _ in 0..600 {
            if let Some(done) = tried().await {
                return done;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the role is never in effect");
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        let path = self.path("kubeconfig");
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: real\n\
             contexts:\n- name: real\n  context: {{cluster: real, user: plimsoll}}\n\
             clusters:\n- name: real\n  cluster: {{server: 'https://127.0.0.1:{}', certificate-authority: authority.pem}}\n\
             users:\n- name: plimsoll\n  user: {{client-certificate: client.pem, client-key: client.key}}\n",
            self.port
        );
        fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn node(&self, name: &str, architecture: &str) {
        self.post("/api/v1/nodes", &json!({ "metadata": { "name": name } }));
        let mut info = json!({ "architecture": architecture, "operatingSystem": "linux" });
        for field in [
            "machineID",
            "systemUUID",
            "bootID",
            "kernelVersion",
            "osImage",
            "containerRuntimeVersion",
            "kubeletVersion",
            "kubeProxyVersion",
        ] {
            info[field] = json!("");
        }
        self.patch(
            &format!("/api/v1/nodes/{name}/status"),
            &json!({ "status": { "nodeInfo": info } }),
        );
    }

    pub(crate) fn replica_set(&self, name: &str, deployment: &str) {
        let labels = json!({ "app": "web" });
        self.post(
            "/apis/apps/v1/namespaces/shop/replicasets",
            &json!({
                "metadata": {
                    "name": name,
                    "ownerReferences": [
                        { "apiVersion": "apps/v1", "kind": "Deployment", "name": deployment, "uid": "d", "controller": true }
                    ],
                },
                "spec": {
                    "replicas": 0,
                    "selector": { "matchLabels": labels },
                    "template": {
                        "metadata": { "labels": labels },
                        "spec": { "containers": [{ "name": "main", "image": "x" }] },
                    },
                },
            }),
        );
    }

    /// A pod of the replica set that its name tells, on `node-1`.
    pub(crate) fn pod(&self, name: &str, image: &str) {
        let (replica_set, _) = name.rsplit_once('-').unwrap();
        self.post(
            "/api/v1/namespaces/shop/pods",
            &json!({
                "metadata": {
                    "name": name,
                    "labels": { "app": "web" },
                    "ownerReferences": [
                        { "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": replica_set, "uid": "r", "controller": true }
                    ],
                },
                "spec": { "nodeName": "node-1", "containers": [{ "name": "main", "image": image }] },
            }),
        );
    }

    /// What a kubelet says once the image is pulled.
    pub(crate) fn pulled(&self, name: &str, hex: &str) {
        let status = json!({
            "status": {
                "phase": "Running",
                "podIP": "10.1.2.3",
                "podIPs": [{ "ip": "10.1.2.3" }],
                "containerStatuses": [{
                    "name": "main", "image": "x", "ready": true, "restartCount": 0,
                    "imageID": format!("registry.test/team/app@sha256:{hex}"),
                    "containerID": "containerd://0123456789abcdef",
                    "state": { "running": { "startedAt": "2026-12-01T03:00:05Z" } },
                }],
            },
        });
        self.patch(&format!("/api/v1/namespaces/shop/pods/{name}/status"), &status);
    }
}
