//! Where a secret must not be found on this machine: logs of every level and format, reports, what commands print, the API's answers,
//! metrics, reasons of tasks, processes' arguments and environments, the database, the cache of layers.
//!
//! In: a registry that wants an account and repeats it in its errors; receivers that do the same; a server that is given every kind of
//! secret. Out: places, each searched for each secret in each form. Odd: whether there was anything to find is asserted, too: a place
//! that is empty proves nothing.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Command, Output, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD},
};
use plimsoll_image::{BuiltImage, ImageBuilder, Layer};
use plimsoll_server::LoopbackRegistry;

use crate::support::{Process, get, temporary, wait_until};

/// Every secret that the program is given, by what it is.
const SECRETS: [(&str, &str); 10] = [
    ("registry password", "r3gistry+pass/w0rd canary"),
    ("API token", "4pi-t0ken-of-quay-canary"),
    ("proxy password", "pr0xy-pass-canary"),
    ("chat address", "T0C4NARY/B0C4NARY/chat-secret-canary"),
    ("webhook secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LcANAR"),
    ("mail password", "m4il-pass-canary"),
    ("robot chat secret", "SECd1ngt4lk-canary"),
    ("Harbor's credential", "r0bot-of-harbor-canary"),
    ("bucket secret", "buck3t-s3cret-canary"),
    ("environment", "3nvironment-canary"),
];

fn secret(what: &str) -> &'static str {
    SECRETS.iter().find(|(name, _)| *name == what).unwrap().1
}

/// A secret in every form in which it may be found.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let percent = |text: &str, unreserved: &[u8]| -> String {
        text.bytes()
            .map(|byte| match byte {
                byte if byte.is_ascii_alphanumeric() || unreserved.contains(&byte) => {
                    char::from(byte).to_string()
                }
                byte => format!("%{byte:02X}"),
            })
            .collect()
    };
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let json = serde_json::Value::from(secret).to_string();
    let mut forms = vec![
        secret.to_owned(),
        json.trim_matches('"').to_owned(),
        percent(secret, b"-._~"),
        percent(secret, b"-._~/").replace("%20", "+"),
        hex.to_uppercase(),
        hex,
    ];
    for text in [secret.to_owned(), format!("ci:{secret}"), format!("\0ci\0{secret}")] {
        forms.push(BASE64_STANDARD_NO_PAD.encode(&text));
        forms.push(BASE64_URL_SAFE_NO_PAD.encode(&text));
    }
    forms.into_iter().map(String::into_bytes).collect()
}

fn holds(place: &[u8], form: &[u8]) -> bool {
    place.windows(form.len()).any(|window| window == form)
}

/// A registry that wants the account before it, and repeats it where it refuses.
struct Front {
    address: SocketAddr,
    /// Whether layers are kept back.
    holds_layers: Arc<AtomicBool>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Front {
    /// Before `behind`; what is called `echo` is refused with everything that was sent.
    fn start(behind: SocketAddr, layers: Vec<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let holds_layers = Arc::new(AtomicBool::new(false));
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let (holds, log) = (Arc::clone(&holds_layers), Arc::clone(&seen));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (holds, log, layers) = (Arc::clone(&holds), Arc::clone(&log), layers.clone());
                std::thread::spawn(move || exchange(stream, behind, &holds, &log, &layers));
            }
        });
        Self { address, holds_layers, seen }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn was_asked(&self, part: &str) -> bool {
        self.seen.lock().unwrap().iter().any(|line| line.contains(part))
    }
}

fn exchange(
    mut stream: TcpStream,
    behind: SocketAddr,
    holds: &AtomicBool,
    log: &Mutex<Vec<String>>,
    layers: &[String],
) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).unwrap_or(0) == 0 {
            return;
        }
        head.extend(byte);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let line = head.lines().next().unwrap_or_default().to_owned();
    log.lock().unwrap().push(line.clone());
    let sent = head
        .lines()
        .find_map(|line| {
            line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("authorization"))
        })
        .map(|(_, value)| value.to_owned());
    let answer = match sent {
        // Receivers of notifications come here, too: they are told what they sent.
        _ if line.starts_with("POST") => {
            let said = format!("no_route {line} {}", secret("chat address"));
            format!(
                "HTTP/1.1 404 Not Found\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{said}",
                said.len()
            )
        }
        None => "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"r\"\r\n\
                 Content-Length: 0\r\nConnection: close\r\n\r\n"
            .to_owned(),
        Some(sent) if line.contains("/echo/") => {
            let said = serde_json::json!({"errors": [{"code": "DENIED",
                "message": format!("not with {sent}, nor with {}", secret("registry password"))}]});
            let said = said.to_string();
            format!(
                "HTTP/1.1 403 Forbidden\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{said}",
                said.len()
            )
        }
        Some(_) => {
            while holds.load(Ordering::Relaxed) && layers.iter().any(|layer| line.contains(layer)) {
                std::thread::yield_now();
                std::thread::park_timeout(std::time::Duration::from_millis(20));
            }
            return pass_on(&mut stream, behind, &line);
        }
    };
    drop(stream.write_all(answer.as_bytes()));
}

fn pass_on(stream: &mut TcpStream, behind: SocketAddr, line: &str) {
    let mut backend = TcpStream::connect(behind).unwrap();
    let head = format!("{line}\r\nHost: {behind}\r\nAccept: */*\r\nConnection: close\r\n\r\n");
    backend.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    backend.read_to_end(&mut answer).unwrap();
    drop(stream.write_all(&answer));
}

fn image(seed: &str) -> BuiltImage {
    let layer = Layer::builder("COPY")
        .file("etc/os-release", b"ID=debian\nVERSION_ID=\"12\"\n")
        .file("srv/seed", seed.as_bytes())
        .build()
        .unwrap();
    ImageBuilder::new("linux/amd64".parse().unwrap()).layer(&layer).build().unwrap()
}

/// The program, saying everything that it can say.
fn loud(arguments: &[&str], log_format: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command
        .args(arguments)
        .args(["--log-format", log_format])
        .env("RUST_LOG", "trace")
        .env("HOME", "/nonexistent")
        .env("PLIMSOLL_REGISTRY_PASSWORD", secret("environment"))
        .env_remove("PLIMSOLL_DATA")
        .stdin(Stdio::null());
    command
}

/// Everything that was said in the end, as places.
#[derive(Default)]
struct Places(Vec<(String, Vec<u8>)>);

impl Places {
    fn add(&mut self, name: &str, bytes: impl Into<Vec<u8>>) {
        self.0.push((name.to_owned(), bytes.into()));
    }

    fn output(&mut self, name: &str, output: Output) {
        self.add(&format!("{name}, standard output"), output.stdout);
        self.add(&format!("{name}, standard error"), output.stderr);
    }

    fn run(&mut self, arguments: &[&str]) {
        for format in ["text", "json"] {
            let output = loud(arguments, format).output().unwrap();
            self.output(&format!("plimsoll {} ({format})", arguments.join(" ")), output);
        }
    }

    /// All files of a folder but those whose very purpose is a secret of their own.
    fn folder(&mut self, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let is_key = path.ends_with("master.key") || path.ends_with("admin-token");
            if path.is_dir() {
                self.folder(&path);
            } else if !is_key {
                // Sockets and files that go while we look hold nothing to read.
                self.add(&path.display().to_string(), fs::read(&path).unwrap_or_default());
            }
        }
    }

    fn clean(&self) {
        for (name, bytes) in &self.0 {
            for (what, secret) in SECRETS {
                for form in forms(secret) {
                    let shown = String::from_utf8_lossy(&form).into_owned();
                    assert!(!holds(bytes, &form), "{what} in {name}, as `{shown}`");
                }
            }
        }
    }

    fn has(&self, name: &str, part: &str) -> bool {
        self.0.iter().any(|(place, bytes)| place.contains(name) && holds(bytes, part.as_bytes()))
    }
}

/// The processes below one, by number.
fn children(of: u32) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().map_while(Result::ok) {
        let Ok(process) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        // The name in brackets may hold anything.
        let Some((_, rest)) = stat.rsplit_once(')') else { continue };
        if rest.split_whitespace().nth(1).and_then(|parent| parent.parse().ok()) == Some(of) {
            found.push(process);
            found.extend(children(process));
        }
    }
    found
}

fn kept(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, format!("{text}\n")).unwrap();
    path.to_str().unwrap().to_owned()
}

fn admin(
    server: &str,
    data: &Path,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: &str,
) -> Vec<u8> {
    let address = server.strip_prefix("http://").unwrap();
    let own = fs::read_to_string(data.join("admin-token")).unwrap();
    let token = token.unwrap_or(own.trim());
    let mut stream = TcpStream::connect(address).unwrap();
    let kind = if path.starts_with("/harbor") {
        "application/vnd.scanner.adapter.scan.request+json; version=1.0"
    } else {
        "application/json"
    };
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nContent-Type: {kind}\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_found_anywhere_on_this_machine() {
    let folder = temporary();
    let data = folder.path().join("data");
    let here = data.to_str().unwrap().to_owned();
    let (good, echo, held) = (image("good"), image("echo"), image("held"));
    let registry = LoopbackRegistry::new();
    registry.put("team/app", "1", &good);
    registry.put("echo/app", "1", &echo);
    // Nobody has read its layer before the server does.
    registry.put("team/held", "1", &held);
    let served = registry.serve().await.unwrap();
    let layers = held.layers.iter().map(|(digest, _)| digest.to_string()).collect();
    let front = Front::start(served.address(), layers);
    let places = tokio::task::spawn_blocking(move || {
        let mut places = Places::default();
        tell(&mut places, folder.path(), &here, &front);
        watch(&mut places, &data, &here, &front, &held);
        places.folder(&data);
        places
    })
    .await
    .unwrap();

    assert!(places.0.len() >= 40, "{}", places.0.len());
    // There was something to find: each of these places speaks of the thing that the secret belongs to.
    for (place, part) in [
        ("registry sync", "DENIED not with"),
        ("plimsoll.db", "echo"),
        ("log of the server", "scan done"),
        ("log of the server", "DEBUG"),
        ("task list", "team/held"),
        ("metrics", "plimsoll_"),
        ("arguments", "plimsoll"),
        ("API registries", "build"),
        ("scan (html)", "team/app"),
        ("subscription", "answered 404"),
    ] {
        assert!(places.has(place, part), "{part} in {place}");
    }
    places.clean();
}

/// Gives the program its secrets, by files as people are told to.
fn tell(places: &mut Places, folder: &Path, here: &str, front: &Front) {
    let file = |what: &str| kept(folder, &what.replace(' ', "-"), secret(what));
    let (password, token) = (file("registry password"), file("API token"));
    let (proxy, mail) = (file("proxy password"), file("mail password"));
    let (webhook, robot) = (file("webhook secret"), file("robot chat secret"));
    let chat =
        kept(folder, "chat", &format!("{}/services/{}", front.url(), secret("chat address")));
    let at = front.url();
    let account = ["--username", "ci", "--password-file", &password];
    let data = ["--data", here];
    let add = |name: &'static str, more: &[&str]| -> Vec<String> {
        let fixed = ["registry", "add", name, at.as_str()];
        let all = fixed.iter().chain(&account).chain(more).chain(&data);
        all.map(|word| (*word).to_owned()).collect()
    };
    let through = format!("http://127.0.0.1:{}", front.address.port());
    let proxied = ["--proxy", &through, "--proxy-username", "ci", "--proxy-password-file", &proxy];
    for arguments in [
        add("build", &[]),
        add("quay", &["--kind", "quay", "--api-token-file", &token, "--namespace", "echo"]),
        add("far", &proxied),
    ] {
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = loud(&words, "text").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        places.output("registry add", output);
    }
    let hook = format!("{at}/hook");
    let smtp = format!("smtp://{}", front.address);
    for arguments in [
        vec!["subscription", "add", "chat", "slack", "--url-file", &chat],
        vec![
            "subscription",
            "add",
            "group",
            "dingtalk",
            "--url-file",
            &chat,
            "--secret-file",
            &robot,
        ],
        vec!["subscription", "add", "siem", "webhook", "--url", &hook, "--secret-file", &webhook],
        vec![
            "subscription",
            "add",
            "team",
            "email",
            "--url",
            &smtp,
            "--from",
            "a@example.com",
            "--to",
            "b@example.com",
            "--username",
            "ci",
            "--secret-file",
            &mail,
        ],
        vec!["settings", "notify.networks", "127.0.0.0/8"],
    ] {
        let all: Vec<&str> = arguments.into_iter().chain(data).collect();
        let output = loud(&all, "text").output().unwrap();
        assert!(output.status.success(), "{all:?}: {}", String::from_utf8_lossy(&output.stderr));
        places.output("subscription", output);
    }
    for arguments in [
        &["registry", "list"][..],
        &["registry", "check", "build"],
        &["registry", "sync", "build"],
        &["registry", "sync", "quay"],
        &["registry", "sync", "far"],
        &["registry", "webhook", "install", "quay", "--url", "https://plimsoll.example.com"],
        &["subscription", "list"],
        &["subscription", "test", "chat"],
        &["subscription", "test", "group"],
        &["subscription", "test", "siem"],
        &["subscription", "test", "team"],
        &["subscription", "show", "chat"],
    ] {
        let all: Vec<&str> = arguments.iter().copied().chain(data).collect();
        places.run(&all);
    }
    let reference = format!("{}/team/app:1", front.address);
    for format in ["json", "html", "sarif", "cyclonedx", "spdx", "junit", "gitlab", "table"] {
        let fixed = [
            "scan",
            &reference,
            "--format",
            format,
            "--username",
            "ci",
            "--password-file",
            &password,
        ];
        let all: Vec<&str> = fixed.into_iter().chain(data).collect();
        let output = loud(&all, "text").output().unwrap();
        places.output(&format!("scan ({format})"), output);
    }
    let refused = format!("{}/echo/app:1", front.address);
    places.run(&[
        "scan",
        &refused,
        "--username",
        "ci",
        "--password-file",
        &password,
        "--data",
        here,
    ]);
}

/// Runs a server with them, and looks at it from all sides.
fn watch(places: &mut Places, data: &Path, here: &str, front: &Front, held: &BuiltImage) {
    let log = data.with_file_name("log");
    front.holds_layers.store(true, Ordering::Relaxed);
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--sync-interval", "0", "--data", here];
    let mut child = loud(&arguments, "json")
        .stdout(Stdio::piped())
        .stderr(fs::File::create(&log).unwrap())
        .env("AWS_SECRET_ACCESS_KEY", secret("bucket secret"))
        .spawn()
        .unwrap();
    let mut said = String::new();
    let mut byte = [0];
    let mut output = child.stdout.take().unwrap();
    while !said.ends_with('\n') {
        assert_eq!(output.read(&mut byte).unwrap(), 1, "the server says where it listens");
        said.push(char::from(byte[0]));
    }
    let server = said
        .split_whitespace()
        .find(|word| word.starts_with("http"))
        .unwrap()
        .trim_end_matches('/')
        .to_owned();
    let server_process = Process { child };

    // A scan for Harbor, with a credential that it brings along.
    let created = admin(&server, data, "POST", "/api/v1/registries/build/tokens/scanner", None, "");
    let created = String::from_utf8_lossy(&created).into_owned();
    let token = created.split("\"token\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let credential = BASE64_STANDARD.encode(format!("ci:{}", secret("Harbor's credential")));
    let wish = serde_json::json!({
        "registry": {"url": front.url(), "authorization": format!("Basic {credential}")},
        "artifact": {"repository": "team/held", "tag": "1", "digest": held.manifest_digest.to_string(),
            "mime_type": "application/vnd.docker.distribution.manifest.v2+json"}
    });
    let path = "/harbor/api/v1/scan";
    let accepted = admin(&server, data, "POST", path, Some(&token), &wish.to_string());
    assert!(accepted.starts_with(b"HTTP/1.1 202"), "{}", String::from_utf8_lossy(&accepted));
    places.add("answer to Harbor", accepted);

    // While it reads a layer, a scan runs in a process of its own.
    let layer = held.layers[0].0.to_string();
    wait_until("a layer to be asked for", || front.was_asked(&layer));
    wait_until("a process that scans", || !children(server_process.child.id()).is_empty());
    let mut processes = children(server_process.child.id());
    places.add("environment's absence", format!("{} processes", processes.len()));
    for process in &processes {
        let environment = fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
        places.add("environment of a scan", environment);
    }
    processes.push(server_process.child.id());
    for process in processes {
        let arguments = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
        places.add("arguments of a process", arguments);
    }
    front.holds_layers.store(false, Ordering::Relaxed);
    wait_until("the scans to end", || {
        let listed = admin(&server, data, "GET", "/api/v1/tasks", None, "");
        let listed = String::from_utf8_lossy(&listed).into_owned();
        // `queued` alone is also the name of a task's time.
        !listed.contains("\"state\":\"running\"") && !listed.contains("\"state\":\"queued\"")
    });
    wait_until("the requested scan's end", || {
        fs::read_to_string(&log).unwrap_or_default().contains("scan done")
    });

    for path in
        ["registries", "tasks", "images", "subscriptions", "status", "registry-kinds", "changes"]
    {
        let answer = admin(&server, data, "GET", &format!("/api/v1/{path}"), None, "");
        places.add(&format!("API {path}"), answer);
    }
    places.add("metrics", admin(&server, data, "GET", "/metrics", None, ""));
    places.add("probe", get(server.strip_prefix("http://").unwrap(), "/readyz").1);
    for arguments in [&["task", "list"][..], &["task", "list", "--format", "json"], &["images"]] {
        let all: Vec<&str> = arguments.iter().copied().chain(["--data", here]).collect();
        places.run(&all);
    }
    drop(server_process);
    places.add("log of the server", fs::read(&log).unwrap());
}
