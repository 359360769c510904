//! Images in stores of this machine: podman's own store, an ordinary user's, and a daemon's socket (Docker's own, and podman's
//! service, which speaks the same).
//!
//! In: an image of two layers with an opaque folder and whiteouts, pulled by podman. Out: the same files, packages and
//! findings as from the layout that it was pulled from.

use std::{
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use plimsoll_image::{ImageBuilder, Layer};
use serde_json::Value;

use crate::support::{Process, has, plimsoll_ok, run, temporary, wait_until};

/// A store of podman's with one image in it, `localhost/image:latest`.
struct Podman {
    folder: tempfile::TempDir,
    driver: &'static str,
}

impl Podman {
    fn new(driver: &'static str) -> Self {
        let podman = Self { folder: temporary(), driver };
        image(&podman.layout());
        let output = podman.command(&["pull", "--quiet", "oci:image"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        podman
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn layout(&self) -> PathBuf {
        self.path("image")
    }

    /// Started where the layout lies, since podman takes its path for a name.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("podman");
        command
            .arg("--root")
            .arg(self.path("root"))
            .arg("--runroot")
            .arg(self.path("run"))
            .args(["--storage-driver", self.driver])
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
    }

    fn target(&self, image: &str) -> String {
        format!("containers-storage:[{}@{}]{image}", self.driver, self.path("root").display())
    }

    fn report(&self, target: &str, sandbox: &str) -> Value {
        let data = self.path("data");
        let options = ["scan", target, "--format", "json", "--sandbox", sandbox];
        let platform = ["--platform", "linux/amd64", "--data", data.to_str().unwrap()];
        serde_json::from_str(&plimsoll_ok(options.into_iter().chain(platform))).unwrap()
    }
}

fn image(layout: &Path) {
    let package = |name: &str| format!(r#"{{"name":"{name}","version":"1.0.0"}}"#);
    let lower = Layer::builder("COPY . /srv")
        .file("etc/os-release", b"ID=alpine\nVERSION_ID=3.20.0\n")
        .file("srv/app/node_modules/old/package.json", package("old").as_bytes())
        .file("srv/lib/node_modules/gone/package.json", package("gone").as_bytes())
        .file("srv/lib/node_modules/kept/package.json", package("kept").as_bytes());
    let upper = Layer::builder("RUN npm update")
        .opaque("srv/app/node_modules")
        .file("srv/app/node_modules/new/package.json", package("new").as_bytes())
        .whiteout("srv/lib/node_modules/gone");
    let image = ImageBuilder::new("linux/amd64".parse().unwrap())
        .layer(&lower.build().unwrap())
        .layer(&upper.build().unwrap())
        .build();
    image.unwrap().write_oci_layout(layout, "latest").unwrap();
}

const TREE: [&str; 6] = ["tree", "--format=json", "--digests", "--platform", "linux/amd64", "--"];

/// Path, kind and digest of each entry.
fn tree(target: &str, environment: &[(&str, &str)]) -> Vec<String> {
    listed(&plimsoll_in(&[TREE.as_slice(), &[target]].concat(), environment))
}

fn listed(output: &Output) -> Vec<String> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let listing: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(listing["coverage"]["verdict"], "COMPLETE", "{listing}");
    let entries = listing["entries"].as_array().unwrap().iter();
    entries
        .map(|entry| format!("{} {} {}", entry["path"], entry["kind"], entry["sha256"]))
        .collect()
}

fn plimsoll_in(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let environment = environment.iter().copied();
    Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(arguments)
        .env("HOME", "/nonexistent")
        .envs(environment)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn packages(report: &Value) -> Vec<&str> {
    let packages = report["packages"].as_array().unwrap().iter();
    packages.map(|package| package["name"].as_str().unwrap()).collect()
}

#[test]
fn an_image_in_podman_s_store_is_the_image_that_was_pulled() {
    if !has("podman") {
        return;
    }
    for driver in ["overlay", "vfs"] {
        let podman = Podman::new(driver);
        let target = podman.target("image");
        assert_eq!(tree(&target, &[]), tree(podman.layout().to_str().unwrap(), &[]), "{driver}");
        let layout = podman.report(podman.layout().to_str().unwrap(), "auto");
        let stored = podman.report(&target, "auto");
        assert_eq!(stored, podman.report(&target, "off"), "{driver}");
        assert_eq!(packages(&stored), ["kept", "new"], "{driver}");
        for same in ["findings", "coverage"] {
            assert_eq!(stored[same], layout[same], "{driver}");
        }
        for same in ["digest", "id", "platform"] {
            assert_eq!(stored["image"][same], layout["image"][same], "{driver}");
        }
        assert_eq!(stored["image"]["source"], "containers-storage");
        assert_eq!(stored["image"]["name"], target);
        // Of a whole tree nobody knows what came with which layer.
        let has_layers = stored["image"]["layers"] == layout["image"]["layers"];
        assert_eq!(has_layers, driver == "overlay");
        // The folders' bytes were not held against a digest, so that nothing is kept under one.
        let layers = podman.path("data/layers");
        let kept = walk(&layers);
        let again = podman.report(&target, "auto");
        assert_eq!((again, walk(&layers)), (stored, kept));
    }
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                open.push(entry.path());
            } else {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    found
}

#[test]
fn the_configuration_says_where_podman_s_store_is() {
    if !has("podman") {
        return;
    }
    let podman = Podman::new("overlay");
    let config = podman.path("storage.conf");
    let write = |text: String| std::fs::write(&config, text).unwrap();
    let environment = [("CONTAINERS_STORAGE_CONF", config.to_str().unwrap())];
    let root = podman.path("root").display().to_string();
    let wanted = tree(podman.layout().to_str().unwrap(), &[]);
    let names = format!("graphroot = '{root}'\nrootless_storage_path = '{root}'\n");
    write(format!("[storage]\ndriver = 'overlay'\n{names}"));
    for image in ["image", "localhost/image:latest"] {
        assert_eq!(tree(&format!("containers-storage:{image}"), &environment), wanted);
    }
    // As an additional store, beside one that is not there.
    let empty = names.replace(&root, "/nonexistent");
    write(format!(
        "[storage]\ndriver = 'overlay'\n{empty}[storage.options]\nadditionalimagestores = ['{root}']\n"
    ));
    assert_eq!(tree("containers-storage:image", &environment), wanted);
    let output = plimsoll_in(&["tree", "containers-storage:other"], &environment);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("localhost/image:latest"), "{said}");
}

/// An ordinary user with a home, and an image in a store of podman's in it.
struct Ordinary {
    folder: tempfile::TempDir,
    driver: &'static str,
}

impl Ordinary {
    /// `nobody`, who has no range of further ids.
    const ID: u32 = 65_534;

    /// `None` (said aloud) where nobody can become somebody else, or ordinary users have no namespaces of their own.
    fn new(driver: &'static str) -> Option<Self> {
        let own = std::fs::metadata("/proc/self").unwrap().uid();
        let user = Self { folder: temporary(), driver };
        std::fs::set_permissions(user.folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        for name in ["home", "run"] {
            std::fs::create_dir(user.path(name)).unwrap();
            chown(user.path(name), Some(Self::ID), Some(Self::ID)).ok();
        }
        let can = own == 0
            && user
                .command("unshare")
                .args(["--user", "true"])
                .status()
                .is_ok_and(|it| it.success());
        if !can {
            println!("skipped: not root, or ordinary users have no namespaces");
            return None;
        }
        image(&user.path("image"));
        // Where it was built the user may not look.
        std::fs::copy(env!("CARGO_BIN_EXE_plimsoll"), user.path("plimsoll")).unwrap();
        let output = user.podman(&["pull", "--quiet", "oci:image"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Some(user)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let id = Self::ID;
        let mut command = Command::new("setpriv");
        command
            .args([format!("--reuid={id}"), format!("--regid={id}"), "--clear-groups".to_owned()])
            .arg(program)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.path("home"))
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .env("STORAGE_DRIVER", self.driver)
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
    }

    fn podman(&self, arguments: &[&str]) -> Command {
        let mut command = self.command("podman");
        command.args(arguments);
        command
    }
}

/// What holds the user's namespace open goes, too.
impl Drop for Ordinary {
    fn drop(&mut self) {
        self.podman(&["system", "migrate"]).output().ok();
    }
}

#[test]
fn an_ordinary_user_s_store_is_read_by_the_user_and_by_the_administrator() {
    if !has("podman") {
        return;
    }
    for driver in ["overlay", "vfs"] {
        let Some(user) = Ordinary::new(driver) else { return };
        let wanted = tree(user.path("image").to_str().unwrap(), &[]);
        let target = "containers-storage:image";
        let program = user.path("plimsoll");
        let (plain, mut unshared) = (user.command(&program), user.podman(&["unshare"]));
        unshared.arg(&program);
        for mut command in [plain, unshared] {
            assert_eq!(
                listed(&command.args(TREE).arg(target).output().unwrap()),
                wanted,
                "{driver}"
            );
        }
        let folder = user.path("home/.local/share/containers/storage");
        let of_user = format!("containers-storage:[{driver}@{}]image", folder.display());
        assert_eq!(tree(&of_user, &[]), wanted, "{driver}");
    }
}

/// A daemon of Docker's own in a folder, or `None` (said aloud) where it does not start.
fn dockerd(folder: &Path) -> Option<(Process, String)> {
    if !has("dockerd") || !has("skopeo") {
        return None;
    }
    let socket = format!("unix://{}", folder.join("docker.sock").display());
    let under = |name: &str| folder.join(name).display().to_string();
    let child = Command::new("dockerd")
        .args(["--iptables=false", "--bridge=none", "--storage-driver=vfs"])
        .args(["--data-root", &under("data"), "--exec-root", &under("exec")])
        .args(["--pidfile", &under("pid"), "--host", &socket])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(folder.join("log")).unwrap())
        .spawn()
        .unwrap();
    let mut daemon = Process { child };
    let mut has_ended = false;
    wait_until("Docker's daemon", || {
        has_ended = daemon.child.try_wait().unwrap().is_some();
        has_ended || folder.join("docker.sock").exists()
    });
    if has_ended {
        let log = std::fs::read_to_string(folder.join("log")).unwrap();
        println!("skipped: Docker's daemon does not start here: {log}");
        return None;
    }
    Some((daemon, socket))
}

#[test]
fn docker_s_own_daemon_saves_the_image_that_it_was_given() {
    let folder = temporary();
    let Some((mut daemon, socket)) = dockerd(folder.path()) else { return };
    let layout = folder.path().join("image");
    image(&layout);
    let from = format!("oci:{}:latest", layout.display());
    let copy = ["copy", "--quiet", "--insecure-policy", "--dest-daemon-host", &socket, &from];
    run("skopeo", copy.into_iter().chain(["docker-daemon:team/image:1.0"]));
    run("skopeo", copy.into_iter().chain(["docker-daemon:image:latest"]));
    let names = ["image", "docker.io/library/image:latest", "team/image:1.0"];
    saves_the_image(&socket, &layout, folder.path(), &names);
    // Asked to end, it takes the containerd that it began with it.
    run("kill", [daemon.child.id().to_string()]);
    daemon.child.wait().unwrap();
}

#[test]
fn podman_s_service_saves_the_image_that_it_was_given() {
    if !has("podman") {
        return;
    }
    let podman = Podman::new("overlay");
    let socket = format!("unix://{}", podman.path("docker.sock").display());
    let service = podman.command(&["system", "service", "--time=0", &socket]).spawn().unwrap();
    let _service = Process { child: service };
    wait_until("podman's service", || podman.path("docker.sock").exists());
    let names = ["image", "localhost/image:latest"];
    saves_the_image(&socket, &podman.layout(), podman.folder.path(), &names);
}

/// The image by each of its names is that of the layout, and nothing is left behind in `folder`.
fn saves_the_image(socket: &str, layout: &Path, folder: &Path, names: &[&str]) {
    let spool = folder.join("spool");
    std::fs::create_dir(&spool).unwrap();
    let environment = [("DOCKER_HOST", socket), ("TMPDIR", spool.to_str().unwrap())];
    let wanted = tree(layout.to_str().unwrap(), &[]);
    for image in names {
        assert_eq!(tree(&format!("docker-daemon:{image}"), &environment), wanted);
    }
    let data = folder.join("plimsoll");
    let options = ["--format", "json", "--data", data.to_str().unwrap()];
    let scan = [["scan", "docker-daemon:image"].as_slice(), &options].concat();
    let output = plimsoll_in(&scan, &environment);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(packages(&report), ["kept", "new"]);
    assert_eq!(report["image"]["name"], "docker-daemon:image");
    assert_eq!(report["image"]["source"], "docker-daemon");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains(spool.to_str().unwrap()), "{text}");
    let said = |arguments: &[&str]| {
        let output = plimsoll_in(arguments, &environment);
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let absent = said(&["tree", "docker-daemon:other"]);
    assert!(absent.contains("has no image `other`") && absent.contains("hint:"), "{absent}");
    let large = said(&["tree", "docker-daemon:image", "--budget", "max_unpacked_bytes=1KiB"]);
    assert!(large.contains("more than 1024 bytes (`max_unpacked_bytes`)"), "{large}");
    assert_eq!(std::fs::read_dir(&spool).unwrap().count(), 0, "nothing is left behind");
}
