//! Registries in trouble, and registries that speak up: Debian's nginx before Debian's docker-registry, and its notifications.
//!
//! In: what stands in nginx's configuration, row by row. Out: syncs and scans that wait, go on, or say that they could not look; never a
//! clean image that was not read. Odd: nginx logs what it was asked, by which is seen that something was repeated or resumed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use plimsoll_image::{BuiltImage, ImageBuilder, Layer};
use plimsoll_server::LoopbackRegistry;
use serde_json::Value;

use crate::support::{
    DockerRegistry, Process, docker_registry, free_port, has, plimsoll, plimsoll_ok, run, serve,
    temporary, wait_for_port, wait_until,
};

/// A running nginx.
struct Nginx {
    process: Option<Process>,
    folder: PathBuf,
    port: u16,
}

impl Nginx {
    /// One whose server block holds `locations`; `REGISTRY` stands for the address behind it.
    fn start(folder: &Path, locations: &str, behind: &str) -> Self {
        let folder = folder.join(format!("nginx-{}", free_port()));
        fs::create_dir_all(&folder).unwrap();
        let mut nginx = Self { process: None, folder, port: free_port() };
        nginx.again(locations, behind);
        nginx
    }

    /// Starts at the same port with other settings.
    fn again(&mut self, locations: &str, behind: &str) {
        if let Some(process) = self.process.take() {
            process.kill();
        }
        let (folder, port) = (self.folder.display(), self.port);
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {folder}/{name};"))
            .join(" ");
        let pid = format!("{folder}/pid");
        let settings = format!(
            "daemon off; master_process off; pid {pid}; error_log {folder}/errors info;\n\
             events {{ worker_connections 64; }}\n\
             http {{\n{temporary}\nlog_format short '$status $request_method $uri $http_range';\n\
             access_log {folder}/access short;\nlimit_req_zone $server_port zone=one:1m rate=2r/s;\n\
             proxy_buffering off; proxy_http_version 1.1;\n\
             server {{ listen 127.0.0.1:{port};\n{}\nlocation / {{ proxy_pass http://{behind}; proxy_set_header Host $http_host; }} }} }}\n",
            locations.replace("REGISTRY", behind)
        );
        let configuration = self.folder.join("nginx.conf");
        fs::write(&configuration, settings).unwrap();
        let child = Command::new("nginx")
            .args(["-p", self.folder.to_str().unwrap(), "-c", configuration.to_str().unwrap()])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.process = Some(Process { child });
        wait_for_port(self.port);
    }

    fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// `200 GET /v2/… bytes=7-`, a line each.
    fn asked(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.join("access")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn count(&self, status: &str, part: &str) -> usize {
        let is_it = |line: &&String| line.starts_with(status) && line.contains(part);
        self.asked().iter().filter(is_it).count()
    }
}

/// An image of one layer that does not compress, with a package database.
fn image(seed: u64, size: usize) -> BuiltImage {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    })
    .flatten()
    .take(size)
    .collect();
    let status = "Package: libssl3\nStatus: install ok installed\nArchitecture: amd64\nSource: openssl\nVersion: 3.0.9-1\n\n";
    let layer = Layer::builder("COPY")
        .file("etc/os-release", b"ID=debian\nVERSION_ID=\"12\"\n")
        .file("var/lib/dpkg/status", status.as_bytes())
        .file("srv/noise", &noise)
        .build()
        .unwrap();
    ImageBuilder::new("linux/amd64".parse().unwrap()).layer(&layer).build().unwrap()
}

fn tools() -> bool {
    ["nginx", "docker-registry", "skopeo"].into_iter().all(has)
}

/// A registry with `team/app:1` and `team/app:2`.
fn filled(folder: &Path, size: usize) -> (DockerRegistry, BuiltImage) {
    let registry = docker_registry(folder);
    let first = image(1, size);
    for (tag, image) in [("1", &first), ("2", &image(2, 1_000))] {
        let layout = folder.join(format!("layout-{tag}"));
        image.write_oci_layout(&layout, "latest").unwrap();
        registry.push(&layout, &format!("team/app:{tag}"));
    }
    (registry, first)
}

/// A site that watches what nginx is before, with advisories.
fn site(folder: &Path, name: &str, nginx: &Nginx) -> String {
    let data = folder.join(name).to_str().unwrap().to_owned();
    plimsoll_ok(["feed", "import", "--starter", "--quiet", "--data", &data]);
    let url = format!("http://{}", nginx.host());
    plimsoll_ok(["registry", "add", "build", &url, "--data", &data]);
    data
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\n{}", text(&output.stdout), text(&output.stderr))
}

fn scan(data: &str, nginx: &Nginx, tag: &str) -> Output {
    let name = format!("{}/team/app:{tag}", nginx.host());
    plimsoll(["scan", &name, "--format", "json", "--data", data])
}

/// A scan's report without the name by which the image was asked for, which holds an address.
fn report(output: &Output) -> Value {
    assert!(output.status.success(), "{}", said(output));
    let mut report: Value = serde_json::from_slice(&output.stdout).unwrap();
    report["image"]["name"] = Value::Null;
    report
}

/// What a scan says of `team/app:1` where nothing is in the way: all of it was read, and the starter feed is its only gap.
fn undisturbed(folder: &Path, registry: &DockerRegistry) -> Value {
    let data = folder.join("undisturbed").to_str().unwrap().to_owned();
    plimsoll_ok(["feed", "import", "--starter", "--quiet", "--data", &data]);
    let name = format!("{}/team/app:1", registry.host);
    let report = report(&plimsoll(["scan", &name, "--format", "json", "--data", &data]));
    let gaps = report["coverage"]["gaps"].as_array().unwrap();
    assert!(gaps.iter().all(|gap| gap["reason"] == "feed-missing"), "{gaps:?}");
    assert_eq!(report["packages"].as_array().unwrap().len(), 1, "{report}");
    report
}

/// What goes well in the end, and what it took.
const MENDED: &[(&str, &str, (&str, &str))] = &[
    (
        "asked too fast, and told when to come back",
        "location /v2/team/ { limit_req zone=one; limit_req_status 429; error_page 429 @later; proxy_pass http://REGISTRY; }\n\
         location @later { internal; default_type application/json; add_header Retry-After 1 always; \
         return 429 '{\"errors\":[{\"code\":\"TOOMANYREQUESTS\",\"message\":\"slow down\"}]}'; }",
        ("429", "/v2/team/"),
    ),
    (
        "layers at another address",
        "location ~ /blobs/ { return 307 http://REGISTRY$request_uri; }",
        ("307", "/blobs/"),
    ),
    (
        "everything at another path of the same address",
        "location /v2/team/ { return 308 /moved$request_uri; }\n\
         location /moved/ { proxy_pass http://REGISTRY/; }",
        ("308", "/v2/team/app/tags/list"),
    ),
    (
        "slow layers",
        "location ~ /blobs/ { proxy_buffering on; limit_rate 400k; proxy_pass http://REGISTRY; }",
        ("200", "/blobs/"),
    ),
];

#[test]
fn what_a_registry_gets_over_is_waited_for() {
    if !tools() {
        return;
    }
    let folder = temporary();
    let registry = filled(folder.path(), 300_000).0;
    let undisturbed = undisturbed(folder.path(), &registry);
    for (number, (name, locations, (status, part))) in MENDED.iter().enumerate() {
        let nginx = Nginx::start(folder.path(), locations, &registry.host);
        let data = site(folder.path(), &format!("mended-{number}"), &nginx);
        let synced = plimsoll(["registry", "sync", "--scan", "--data", &data]);
        assert!(synced.status.success(), "{name}: {}", said(&synced));
        let list = plimsoll_ok(["images", "--format", "json", "--data", &data]);
        let images: Value = serde_json::from_str(&list).unwrap();
        assert_eq!(images.as_array().unwrap().len(), 2, "{name}: {list}");
        let tasks = plimsoll_ok(["task", "list", "--format", "json", "--data", &data]);
        let tasks: Value = serde_json::from_str(&tasks).unwrap();
        let done = |task: &Value| task["state"] == "done";
        assert!(tasks.as_array().unwrap().iter().all(done), "{name}: {tasks}");
        let scanned = scan(&data, &nginx, "1");
        assert_eq!(report(&scanned), undisturbed, "{name}");
        assert!(nginx.count(status, part) > 0, "{name}: {:?}", nginx.asked());
    }
}

/// What does not go well: what is said, by sync or by scan.
const FAILING: &[(&str, &str, &str)] = &[
    (
        "asked too fast, for an hour",
        "location ~ /(manifests|tags)/ { add_header Retry-After 3600 always; default_type application/json; \
         return 429 '{\"errors\":[{\"code\":\"TOOMANYREQUESTS\",\"message\":\"pull rate limit\"}]}'; }",
        "limits requests",
    ),
    ("nobody behind it", "location /v2/team/ { proxy_pass http://127.0.0.1:1; }", "answered 502"),
    ("a page for people", "location /v2/team/ { return 200 '<html>maintenance</html>'; }", "JSON"),
    (
        "a redirect in a circle",
        "location /v2/team/ { return 302 $request_uri; }",
        "more than 5 times",
    ),
    (
        "a redirect to a cloud's metadata",
        "location /v2/team/ { return 302 http://169.254.169.254/; }",
        "never connected to",
    ),
    (
        "a redirect to a file",
        "location /v2/team/ { return 302 file:///etc/passwd; }",
        "only http:// and https:// are spoken",
    ),
    (
        "an account is wanted",
        "location /v2/team/ { add_header WWW-Authenticate 'Basic realm=\"r\"' always; return 401; }",
        "refused anonymous access",
    ),
    ("broken for good", "location /v2/team/ { return 500; }", "answered 500"),
];

#[test]
fn what_a_registry_does_not_get_over_is_said_and_nothing_is_clean() {
    if !tools() {
        return;
    }
    let folder = temporary();
    let (registry, _) = filled(folder.path(), 10_000);
    let mut nginx = Nginx::start(folder.path(), "", &registry.host);
    let data = site(folder.path(), "failing", &nginx);
    plimsoll_ok(["registry", "sync", "--scan", "--data", &data]);
    let images = || plimsoll_ok(["images", "--format", "json", "--data", &data]);
    let before = images();
    assert!(before.contains("team") && before.contains("app"), "{before}");
    for (name, locations, wanted) in FAILING {
        nginx.again(locations, &registry.host);
        let synced = said(&plimsoll(["registry", "sync", "--data", &data]));
        assert!(synced.contains(wanted), "{name}: {synced}");
        let listed = plimsoll_ok(["registry", "list", "--format", "json", "--data", &data]);
        assert!(listed.contains(wanted), "{name}: the registry's own line says it: {listed}");
        assert_eq!(images(), before, "{name}: what is known stays as it was");
        let scanned = scan(&data, &nginx, "1");
        assert!(!scanned.status.success(), "{name}: {}", said(&scanned));
        assert!(scanned.stdout.is_empty(), "{name}: no report of an image that was not read");
        assert!(said(&scanned).contains(wanted), "{name}: {}", said(&scanned));
    }
    // And when the trouble is over, so is the problem.
    nginx.again("", &registry.host);
    plimsoll_ok(["registry", "sync", "--data", &data]);
    let listed = plimsoll_ok(["registry", "list", "--format", "json", "--data", &data]);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed[0]["problem"], Value::Null, "{listed}");
}

/// nginx is killed within a layer, and is there again: the layer is taken up where it was cut.
#[test]
fn a_layer_that_is_cut_is_taken_up_where_it_ended() {
    if !tools() {
        return;
    }
    let folder = temporary();
    let (registry, first) = filled(folder.path(), 4_000_000);
    let undisturbed = undisturbed(folder.path(), &registry);
    // nginx before itself: the first mebibyte comes at once, then next to nothing, until the outer one has enough of it.
    // Without buffers nginx minds no rate.
    let stuck = "location ~ ^/v2/.*/blobs/ { rewrite ^(.*)$ /stuck$1 break; proxy_read_timeout 500ms; \
        proxy_pass http://127.0.0.1:$server_port; }\n\
        location /stuck/ { proxy_buffering on; limit_rate_after 1m; limit_rate 1; proxy_pass http://REGISTRY/; }";
    let mut nginx = Nginx::start(folder.path(), stuck, &registry.host);
    let data = site(folder.path(), "cut", &nginx);
    let name = format!("{}/team/app:1", nginx.host());
    let child = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(["scan", &name, "--format", "json", "--data", &data])
        .env("RUST_LOG", "plimsoll_registry=debug")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let layer = first.layers[0].0.to_string();
    let errors = nginx.folder.join("errors");
    wait_until("the layer to be cut", || {
        let text = fs::read_to_string(&errors).unwrap_or_default();
        text.lines().any(|line| line.contains("upstream timed out") && line.contains(&layer))
    });
    nginx.again("", &registry.host);
    let output = child.wait_with_output().unwrap();
    assert_eq!(report(&output), undisturbed, "{:?}", nginx.asked());
    let asked: Vec<String> =
        nginx.asked().into_iter().filter(|line| line.contains(&format!("/{layer} "))).collect();
    let is_rest = |line: &&String| {
        line.starts_with("206") && line.contains(" bytes=") && !line.contains(" bytes=0-")
    };
    assert!(asked.iter().any(|line| is_rest(&line)), "{asked:?} {}", said(&output));
    // What went the detour is logged by its path.
    let is_whole = |line: &String| line.contains("GET /v2/") && line.ends_with(" -");
    assert!(!asked.iter().any(is_whole), "what had come is not fetched again: {asked:?}");
}

/// A layer whose gzip stream ends early, as its digest says: everything was fetched, and not everything can be read.
#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_layer_is_partial_however_well_it_was_fetched() {
    if !has("nginx") {
        return;
    }
    let registry = LoopbackRegistry::new();
    let whole = image(3, 200_000);
    let (digest, bytes) = &whole.layers[0];
    let half = &bytes[..bytes.len() / 2];
    let truncated = registry.put_blob(half);
    registry.put_blob(&whole.config);
    let manifest = String::from_utf8(whole.manifest.clone()).unwrap();
    let manifest = manifest
        .replace(&digest.to_string(), &truncated.to_string())
        .replace(&format!("\"size\":{}", bytes.len()), &format!("\"size\":{}", half.len()));
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    registry.put_manifest("team/app", Some("1"), media_type, manifest.as_bytes());
    let served = registry.serve().await.unwrap();
    let behind = served.address().to_string();
    tokio::task::spawn_blocking(move || {
        let folder = temporary();
        let nginx = Nginx::start(folder.path(), "gzip on; gzip_types *;", &behind);
        let data = site(folder.path(), "truncated", &nginx);
        let scanned = scan(&data, &nginx, "1");
        let report: Value = serde_json::from_slice(&scanned.stdout).unwrap();
        // The image's only layer: a report that says so, and that nothing can be said.
        assert!(!scanned.status.success(), "{}", said(&scanned));
        assert!(said(&scanned).contains("could not be read"), "{}", said(&scanned));
        assert_eq!(report["coverage"]["verdict"], "UNREADABLE", "{report}");
        let gaps = report["coverage"]["gaps"].as_array().unwrap();
        let is_it = |gap: &Value| {
            let detail = gap["detail"].as_str().unwrap();
            gap["reason"] == "unreadable-image" && detail.contains("unexpected end of file")
        };
        assert!(gaps.iter().any(is_it), "{gaps:?}");
        let synced = plimsoll(["registry", "sync", "--scan", "--data", &data]);
        let list = plimsoll_ok(["images", "--format", "json", "--data", &data]);
        let images: Value = serde_json::from_str(&list).unwrap();
        assert_eq!(images.as_array().unwrap().len(), 1, "{list} {}", said(&synced));
        let tasks = plimsoll_ok(["task", "list", "--format", "json", "--data", &data]);
        assert_eq!(images[0]["coverage"], "UNREADABLE", "{list} {tasks} {}", said(&synced));
    })
    .await
    .unwrap();
}

/// More repositories than a page of the catalog, and more tags than a page of tags, through nginx.
#[test]
fn a_catalog_of_many_pages_is_listed_whole() {
    if !tools() {
        return;
    }
    let folder = temporary();
    let registry = docker_registry(folder.path());
    let layout = folder.path().join("layout");
    image(4, 100).write_oci_layout(&layout, "latest").unwrap();
    registry.push(&layout, "many/r000:1");
    // The registry's own storage is folders: a repository is a copy of one.
    let repositories = folder.path().join("registry/docker/registry/v2/repositories/many");
    for number in 1..250 {
        let to = repositories.join(format!("r{number:03}"));
        run("cp", ["-r", repositories.join("r000").to_str().unwrap(), to.to_str().unwrap()]);
    }
    let nginx = Nginx::start(folder.path(), "", &registry.host);
    let data = site(folder.path(), "many", &nginx);
    let synced = plimsoll_ok(["registry", "sync", "--data", &data]);
    assert!(synced.contains("250 images in 250 repositories"), "{synced}");
    assert!(nginx.count("200", "/v2/_catalog") >= 3, "{:?}", nginx.asked());
    let again = plimsoll_ok(["registry", "sync", "--data", &data]);
    assert!(again.contains("(0 new, 0 changed, 0 gone, 250 unchanged), 0 scans queued"), "{again}");
}

/// The registry's own notifications reach the server, by TLS of an own authority on neither side.
#[test]
fn what_is_pushed_is_told_by_the_registry_itself() {
    if !["docker-registry", "skopeo"].into_iter().all(has) {
        return;
    }
    let folder = temporary();
    let data = folder.path().join("data");
    let here = data.to_str().unwrap();
    let port = free_port();
    let url = format!("http://127.0.0.1:{port}");
    plimsoll_ok(["registry", "add", "build", &url, "--data", here]);
    let path = plimsoll_ok(["registry", "token", "create", "build", "hook", "--data", here]);
    let token = path.trim().rsplit('/').next().unwrap().to_owned();
    let server = serve(&data, &["--sync-interval", "0", "--workers", "0"]);
    let configuration = folder.path().join("notifying.yml");
    let storage = folder.path().join("notifying");
    let text = format!(
        "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n\
         storage: {{filesystem: {{rootdirectory: {}}}, delete: {{enabled: true}}}}\n\
         http: {{addr: \"127.0.0.1:{port}\"}}\n\
         notifications:\n  endpoints:\n    - name: plimsoll\n      url: {}/hooks/build\n      \
         headers: {{Authorization: [\"Bearer {token}\"]}}\n      timeout: 5s\n      threshold: 3\n      backoff: 1s\n",
        storage.display(),
        server.endpoint
    );
    fs::write(&configuration, text).unwrap();
    let child = Command::new("docker-registry")
        .arg("serve")
        .arg(&configuration)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _registry = Process { child };
    wait_for_port(port);
    let push = |seed: u64, name: &str| {
        let layout = folder.path().join(format!("push-{seed}"));
        let image = image(seed, 100);
        image.write_oci_layout(&layout, "latest").unwrap();
        let (from, to) = (
            format!("oci:{}:latest", layout.display()),
            format!("docker://127.0.0.1:{port}/{name}"),
        );
        run(
            "skopeo",
            ["copy", "--quiet", "--insecure-policy", "--dest-tls-verify=false", &from, &to],
        );
        image.manifest_digest.to_string()
    };
    let known =
        |digest: &str| plimsoll_ok(["images", "--format", "json", "--data", here]).contains(digest);
    let first = push(7, "team/app:1");
    wait_until("the pushed image to be known", || known(&first));
    let second = push(8, "team/app:1");
    wait_until("the moved tag to be known", || known(&second));
    assert!(!known(&first), "the tag has moved");
    let other = push(9, "other/tool:1");
    wait_until("the other repository to be known", || known(&other));
}
