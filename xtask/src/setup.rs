//! What tests need on a machine: real registries, package tools, official SDKs, a browser, real images.
//!
//! In: a Debian-like machine, root. Out: Debian packages installed; SDKs under `target/test-tools`; real images under
//! `target/test-images` where the builder of real images is at hand. Odd: what is already there is left alone, so a
//! second run takes a second.

use std::{
    env,
    ffi::OsString,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    kubernetes,
    process::{is_installed, root, run_command, say},
};

/// What can be set up by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Part {
    /// What `cargo xtask test` installs
    Tests,
    /// An API server of Kubernetes with etcd, which is built: a quarter of an hour
    Kubernetes,
}

/// Sets up one part.
pub(crate) fn run_part(part: Part) -> anyhow::Result<()> {
    match part {
        Part::Tests => run(),
        Part::Kubernetes => kubernetes::set_up(),
    }
}

/// Debian package and the program by which its presence is known.
const DEBIAN: &[(&str, &str)] = &[
    ("docker-registry", "docker-registry"),
    ("nginx", "nginx"),
    ("skopeo", "skopeo"),
    ("umoci", "umoci"),
    ("podman", "podman"),
    ("docker.io", "dockerd"),
    ("rpm", "rpm"),
    ("apache2-utils", "htpasswd"),
    ("openssl", "openssl"),
    ("sqlite3", "sqlite3"),
    ("yara", "yara"),
    ("clamav", "clamscan"),
    ("postgresql", "pg_createcluster"),
    ("chromium", "chromium"),
    ("chromium-driver", "chromedriver"),
    ("fonts-dejavu-core", "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"),
    ("python3-venv", "python3"),
    ("nodejs", "node"),
    ("npm", "npm"),
    ("ruby", "ruby"),
    ("php-cli", "php"),
    ("php-composer-semver", "/usr/share/php/Composer/Semver/autoload.php"),
    ("elixir", "elixir"),
    ("libalpm13", "/usr/share/doc/libalpm13"),
];

/// The official clients, validators of JSON schemas, CycloneDX and SPDX, and a browser's driver, from PyPI.
const PYTHON: &[&str] = &[
    "alibabacloud-cr20181201==2.2.5",
    "alibabacloud-sas20181203==10.3.2",
    "aliyun-python-sdk-core==2.16.1",
    "aliyun-python-sdk-sas==2.0.3",
    "cyclonedx-python-lib[validation]==11.12.0",
    "jsonschema==4.25.1",
    "selenium==4.36.0",
    "spdx-tools==0.8.5",
];

/// The official client, from the npm registry.
const NODE: &[&str] = &["@alicloud/pop-core@1.8.0"];

/// Pure Python packages for pip to list: names with dots and signs, and what they need in turn.
const PYTHON_PACKAGES: &[&str] = &[
    "attrs==23.2.0",
    "backports.tarfile==1.2.0",
    "jaraco.classes==3.4.0",
    "more-itertools==10.2.0",
    "packaging==24.0",
    "requests==2.31.0",
];

/// Tools that order versions, as Python packages: Python's own, Gentoo's, Conan's, and a reader of vers ranges with what it
/// needs.
const VERSION_ORDERS: &[&str] = &[
    "attrs==26.1.0",
    "conan==2.34.0",
    "packaging==26.4",
    "portage==3.0.83",
    "semantic-version==2.10.0",
    "semver==3.1.2",
    "univers==32.0.1",
];

/// What receives notifications: a mail server, the verifier of Standard Webhooks, the reader of CloudEvents.
const RECEIVERS: &[&str] = &["aiosmtpd==1.4.6", "cloudevents==2.2.0", "standardwebhooks==1.1.0"];

/// Artifacts for Java to read: with properties, without, shaded. Only where Maven is at hand.
const MAVEN: &[&str] = &[
    "ch.qos.logback:logback-core:1.2.3",
    "com.google.guava:guava:30.1-jre",
    "commons-io:commons-io:2.6",
    "org.apache.groovy:groovy:4.0.24",
    "org.apache.maven:maven-artifact:3.9.9",
    "org.springframework:spring-expression:5.3.1",
    "org.yaml:snakeyaml:1.26",
];

/// Images that the builder of real images makes for tests; the larger ones belong to `cargo xtask full`.
const IMAGES: &[&str] = &["debian-slim", "alpine-app", "rpm-app", "multi-arch"];

pub(crate) fn run() -> anyhow::Result<()> {
    debian()?;
    python()?;
    python_folder("python-packages", PYTHON_PACKAGES, "--only-binary=:all:")?;
    python_folder("version-orders", VERSION_ORDERS, "--no-deps")?;
    python_folder("receivers", RECEIVERS, "--only-binary=:all:")?;
    node()?;
    maven()?;
    images()
}

/// Whether everything that tests can ask for is there.
pub(crate) fn is_complete() -> bool {
    missing_debian().is_empty()
        && tools().join("python.ready").exists()
        && tools().join("python-packages.ready").exists()
        && tools().join("version-orders.ready").exists()
        && tools().join("receivers.ready").exists()
        && tools().join("node.ready").exists()
}

fn tools() -> PathBuf {
    root().join("target/test-tools")
}

fn missing_debian() -> Vec<&'static str> {
    missing(DEBIAN)
}

fn missing(packages: &[(&'static str, &str)]) -> Vec<&'static str> {
    let is_there = |probe: &str| {
        if probe.starts_with('/') { PathBuf::from(probe).exists() } else { is_installed(probe) }
    };
    packages.iter().filter(|(_, probe)| !is_there(probe)).map(|(package, _)| *package).collect()
}

fn debian() -> anyhow::Result<()> {
    install(DEBIAN)
}

/// Installs the Debian packages that are missing.
pub(crate) fn install(packages: &[(&'static str, &str)]) -> anyhow::Result<()> {
    let missing = missing(packages);
    if missing.is_empty() {
        return Ok(());
    }
    say(&format!("installing Debian packages for tests: {}", missing.join(" ")));
    run_command(Command::new("apt-get").args(["update", "-qq"]).stdout(Stdio::null()))?;
    run_command(
        Command::new("apt-get")
            .args(["install", "-y", "-qq", "--no-install-recommends"])
            .args(&missing)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdout(Stdio::null()),
    )
}

fn python() -> anyhow::Result<()> {
    let ready = tools().join("python.ready");
    if fs::read_to_string(&ready).is_ok_and(|text| text == PYTHON.join("\n")) {
        return Ok(());
    }
    say(&format!("installing Python SDKs for tests into target/test-tools: {}", PYTHON.join(" ")));
    fs::create_dir_all(tools())?;
    let folder = tools().join("python");
    run_command(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    run_command(Command::new(folder.join("bin/pip")).args(["install", "--quiet"]).args(PYTHON))?;
    fs::write(ready, PYTHON.join("\n"))?;
    Ok(())
}

/// Installs Python packages into a folder of their own, where nothing but a test's path finds them.
fn python_folder(name: &str, packages: &[&str], how: &str) -> anyhow::Result<()> {
    let ready = tools().join(format!("{name}.ready"));
    if fs::read_to_string(&ready).is_ok_and(|text| text == packages.join("\n")) {
        return Ok(());
    }
    say(&format!("installing Python packages for tests: {}", packages.join(" ")));
    let pip = tools().join("python/bin/pip");
    run_command(
        Command::new(pip)
            .args(["install", "--quiet", "--no-compile", "--upgrade", how])
            .arg("--target")
            .arg(tools().join(name))
            .args(packages),
    )?;
    fs::write(ready, packages.join("\n"))?;
    Ok(())
}

fn maven() -> anyhow::Result<()> {
    let ready = tools().join("maven.ready");
    if fs::read_to_string(&ready).is_ok_and(|text| text == MAVEN.join("\n")) {
        return Ok(());
    }
    if !is_installed("mvn") {
        say("no Maven here: Java reads the archives of the cases alone");
        return Ok(());
    }
    say(&format!("fetching Maven artifacts for tests: {}", MAVEN.join(" ")));
    for artifact in MAVEN {
        run_command(
            Command::new("mvn")
                .args(["--quiet", "--batch-mode"])
                .arg("org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy")
                .arg(format!("-Dartifact={artifact}"))
                .arg(format!("-DoutputDirectory={}", tools().join("maven").display()))
                .current_dir(tools()),
        )?;
    }
    fs::write(ready, MAVEN.join("\n"))?;
    Ok(())
}

fn node() -> anyhow::Result<()> {
    let ready = tools().join("node.ready");
    if fs::read_to_string(&ready).is_ok_and(|text| text == NODE.join("\n")) {
        return Ok(());
    }
    say(&format!("installing Node packages for tests into target/test-tools: {}", NODE.join(" ")));
    let folder = tools().join("node");
    fs::create_dir_all(&folder)?;
    run_command(
        Command::new("npm")
            .args([
                "install",
                "--silent",
                "--no-audit",
                "--no-fund",
                "--ignore-scripts",
                "--prefix",
            ])
            .arg(&folder)
            .args(NODE),
    )?;
    fs::write(ready, NODE.join("\n"))?;
    Ok(())
}

fn images() -> anyhow::Result<()> {
    let builder = root().join("../shared/images/build-images.sh");
    if !builder.exists() {
        say("no builder of real images here: tests build their own images instead");
        return Ok(());
    }
    let target = root().join("target/test-images");
    if IMAGES.iter().all(|name| target.join("oci").join(name).join("index.json").exists()) {
        return Ok(());
    }
    say(&format!("building real images for tests into target/test-images: {}", IMAGES.join(" ")));
    run_command(&mut image_builder(&target, IMAGES)?)
}

/// Builds real images of these names into `target`; what is there already is left alone.
pub(crate) fn image_builder(target: &Path, names: &[&str]) -> anyhow::Result<Command> {
    let mut command = Command::new("bash");
    command
        .arg(root().join("../shared/images/build-images.sh"))
        .arg(target)
        .args(names)
        .env("PATH", path_with(&one_rpmbuild_at_a_time()?)?);
    Ok(command)
}

/// A folder with an `rpmbuild` that waits for its turn. The builder of real images runs two side by side in one build
/// tree, and each of them fails when the other creates a folder of that tree just before it does.
fn one_rpmbuild_at_a_time() -> anyhow::Result<PathBuf> {
    let folder = tools().join("turns");
    fs::create_dir_all(&folder)?;
    let program = folder.join("rpmbuild");
    fs::write(&program, "#!/bin/sh\nexec flock \"$0.lock\" /usr/bin/rpmbuild \"$@\"\n")?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    Ok(folder)
}

/// The search path with `folder` before everything else.
fn path_with(folder: &Path) -> anyhow::Result<OsString> {
    let path = env::var_os("PATH").unwrap_or_default();
    Ok(env::join_paths(std::iter::once(folder.to_path_buf()).chain(env::split_paths(&path)))?)
}
