//! Processes, folders and tools for the tests.
//!
//! In: names of tools. Out: guards that end their process when dropped. Odd: ports are chosen by the system, and every
//! wait is for an event with a deadline, never for a time.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

/// How long anything may take before a test gives up on it.
pub(crate) const DEADLINE: Duration = Duration::from_secs(240);

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A path below `../shared`, or `None` (said aloud) where that is absent.
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let path = root().join("../shared").join(path);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: ../shared is not here ({})", path.display());
    None
}

/// A real image that `cargo xtask test` built, as OCI layout, or `None` (said aloud).
pub(crate) fn real_image(name: &str) -> Option<PathBuf> {
    let path = root().join("target/test-images/oci").join(name);
    if path.join("index.json").exists() {
        return Some(path);
    }
    println!(
        "skipped: the real image {name} is not built here (`cargo xtask test` builds it where ../shared is)"
    );
    None
}

/// Whether a program is installed; says so when not, and fails when it had to be.
pub(crate) fn has(program: &str) -> bool {
    let found = Command::new("sh")
        .args(["-c", "command -v \"$0\"", program])
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !found {
        missing(&format!("{program} is not installed"));
    }
    found
}

/// The Python with the official SDKs that `cargo xtask test` installed.
pub(crate) fn python() -> Option<PathBuf> {
    let path = root().join("target/test-tools/python/bin/python");
    if root().join("target/test-tools/python.ready").exists() {
        return Some(path);
    }
    missing("the Python SDKs are not installed");
    None
}

/// The folder with the Python packages that receive notifications, which `cargo xtask test` installed.
pub(crate) fn receivers() -> Option<PathBuf> {
    python()?;
    let tools = root().join("target/test-tools");
    if tools.join("receivers.ready").exists() {
        return Some(tools.join("receivers"));
    }
    missing("the receivers of notifications are not installed");
    None
}

/// The folder with the official Node packages that `cargo xtask test` installed.
pub(crate) fn node_packages() -> Option<PathBuf> {
    if !has("node") {
        return None;
    }
    let tools = root().join("target/test-tools");
    if tools.join("node.ready").exists() {
        return Some(tools.join("node"));
    }
    missing("the Node packages are not installed");
    None
}

fn missing(what: &str) {
    println!("skipped: {what} (`cargo xtask test` installs it)");
    assert!(
        std::env::var_os("PLIMSOLL_REQUIRE_TOOLS").is_none(),
        "{what} although everything was set up"
    );
}

pub(crate) fn temporary() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// Runs the program to its end.
pub(crate) fn plimsoll<S: AsRef<std::ffi::OsStr>>(
    arguments: impl IntoIterator<Item = S>,
) -> Output {
    Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(arguments)
        .env("HOME", "/nonexistent")
        .env_remove("PLIMSOLL_DATA")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Runs the program and returns its standard output, which must be a success.
pub(crate) fn plimsoll_ok<S: AsRef<std::ffi::OsStr>>(
    arguments: impl IntoIterator<Item = S>,
) -> String {
    let output = plimsoll(arguments);
    assert!(
        output.status.success(),
        "{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Runs another program, which must succeed, and returns its standard output.
pub(crate) fn run<S: AsRef<std::ffi::OsStr>>(
    program: &str,
    arguments: impl IntoIterator<Item = S>,
) -> String {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A process that is killed when the test ends.
pub(crate) struct Process {
    pub(crate) child: Child,
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Process {
    /// SIGKILL, as when the machine's power goes.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// A running `plimsoll serve`.
pub(crate) struct Server {
    pub(crate) process: Process,
    pub(crate) endpoint: String,
}

/// Starts `plimsoll serve` on a free port and waits until it says where it listens.
pub(crate) fn serve(data: &Path, arguments: &[&str]) -> Server {
    let mut child = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.next().expect("the server says where it listens").unwrap();
    let endpoint = line
        .split_whitespace()
        .find(|word| word.starts_with("http"))
        .expect("an address")
        .to_owned();
    std::thread::spawn(move || lines.for_each(drop));
    Server { process: Process { child }, endpoint: endpoint.trim_end_matches('/').to_owned() }
}

/// A running `plimsoll demo`, whose folder goes with the test.
pub(crate) struct Demo {
    _process: Process,
    lines: std::sync::mpsc::Receiver<String>,
    _folder: tempfile::TempDir,
}

/// Starts the demo. What it prints is read to its end, since a closed pipe would end it.
pub(crate) fn demo(arguments: &[&str]) -> Demo {
    let folder = temporary();
    let mut child = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .arg("demo")
        .args(arguments)
        .env("TMPDIR", folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let (sender, lines) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        output.lines().map_while(Result::ok).for_each(|line| drop(sender.send(line)))
    });
    Demo { _process: Process { child }, lines, _folder: folder }
}

impl Demo {
    /// The next line that it prints.
    pub(crate) fn line(&self) -> String {
        self.lines.recv_timeout(DEADLINE).expect("the demo prints another line")
    }

    /// The three variables of `--format env`.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        let pair = |line: String| {
            let (name, value) = line.split_once('=').unwrap();
            (name.to_owned(), value.to_owned())
        };
        (0..3).map(|_| pair(self.line())).collect()
    }
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Waits until something listens.
pub(crate) fn wait_for_port(port: u16) {
    wait_until("a port to open", || TcpStream::connect(("127.0.0.1", port)).is_ok());
}

/// Asks again and again until the answer is yes; fails after [`DEADLINE`].
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < DEADLINE, "waited too long for {what}");
        std::thread::yield_now();
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// A real registry (Debian's docker-registry) without accounts.
pub(crate) struct DockerRegistry {
    _process: Process,
    pub(crate) host: String,
}

/// Starts a registry that keeps its data in `folder`.
pub(crate) fn docker_registry(folder: &Path) -> DockerRegistry {
    let port = free_port();
    let config = folder.join("registry.yml");
    let data = folder.join("registry");
    let text = format!(
        "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nstorage: {{filesystem: {{rootdirectory: {}}}, delete: {{enabled: true}}}}\n\
         http: {{addr: \"127.0.0.1:{port}\"}}\n",
        data.display()
    );
    std::fs::write(&config, text).unwrap();
    let child = Command::new("docker-registry")
        .arg("serve")
        .arg(&config)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for_port(port);
    DockerRegistry { _process: Process { child }, host: format!("127.0.0.1:{port}") }
}

impl DockerRegistry {
    /// Copies an OCI layout into the registry.
    pub(crate) fn push(&self, layout: &Path, name: &str) {
        let (from, to) =
            (format!("oci:{}:latest", layout.display()), format!("docker://{}/{name}", self.host));
        run(
            "skopeo",
            [
                "copy",
                "--all",
                "--quiet",
                "--insecure-policy",
                "--dest-tls-verify=false",
                &from,
                &to,
            ],
        );
    }
}

/// A plain HTTP request to the loopback; returns status and body.
pub(crate) fn get(host_and_port: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(host_and_port).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host_and_port}\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split_whitespace().nth(1).unwrap().parse().unwrap();
    (status, answer)
}
