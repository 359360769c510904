//! Other people's programs: Debian's `docker-registry`, `openssl`, `htpasswd`, `skopeo`.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use plimsoll_image::BuiltImage;

use crate::content::OCI_MANIFEST;

/// Whether `program` is installed; says so where it is not, because the test is then skipped.
pub(crate) fn is_here(program: &str) -> bool {
    let found = Command::new("sh")
        .args(["-c", "command -v \"$0\"", program])
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !found {
        println!("skipped: {program} is not installed");
    }
    found
}

/// Runs a program to its end; its output if it succeeds.
pub(crate) fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// A self-signed certificate with its key, as people make them for their registries.
pub(crate) fn certificate(folder: &Path, alternative_names: &str) -> (PathBuf, PathBuf) {
    certificate_with(folder, alternative_names, &["-newkey", "rsa:2048"])
}

/// The same with a key of the curve P-256.
pub(crate) fn elliptic_certificate(folder: &Path, alternative_names: &str) -> (PathBuf, PathBuf) {
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
    certificate_with(folder, alternative_names, &key)
}

fn certificate_with(
    folder: &Path,
    alternative_names: &str,
    new_key: &[&str],
) -> (PathBuf, PathBuf) {
    let (certificate, key) = (folder.join("tls.crt"), folder.join("tls.key"));
    let name = format!("subjectAltName={alternative_names}");
    let fixed = ["req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=test", "-addext", &name];
    let files = ["-out", text(&certificate), "-keyout", text(&key)];
    run("openssl", &[&fixed[..], new_key, &files[..]].concat());
    (certificate, key)
}

/// An authority and a server certificate that it signed: (authority, certificate, key).
pub(crate) fn chain(folder: &Path, alternative_names: &str) -> (PathBuf, PathBuf, PathBuf) {
    let (authority, authority_key) = certificate(folder, "DNS:authority");
    let [request, key, leaf, extensions] =
        ["leaf.csr", "leaf.key", "leaf.crt", "leaf.ext"].map(|name| folder.join(name));
    fs::write(&extensions, format!("subjectAltName={alternative_names}\n")).unwrap();
    run(
        "openssl",
        &[
            "req",
            "-new",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            "/CN=leaf",
            "-out",
            text(&request),
            "-keyout",
            text(&key),
        ],
    );
    run(
        "openssl",
        &[
            "x509",
            "-req",
            "-days",
            "2",
            "-set_serial",
            "7",
            "-in",
            text(&request),
            "-CA",
            text(&authority),
            "-CAkey",
            text(&authority_key),
            "-extfile",
            text(&extensions),
            "-out",
            text(&leaf),
        ],
    );
    (authority, leaf, key)
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A running `docker-registry`, which ends with the value.
pub(crate) struct Registry {
    process: Child,
    pub(crate) port: u16,
}

impl Registry {
    /// Starts it over `data` with further settings in its configuration's YAML; `tls` goes below `http`.
    pub(crate) fn start(data: &Path, settings: &str, tls: &str) -> Self {
        // A free port may be taken by somebody else in between; then another is tried.
        for _attempt in 0..10 {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = free.local_addr().unwrap().port();
            drop(free);
            let configuration = data.join(format!("registry-{port}.yml"));
            let storage = data.join("storage");
            fs::write(
                &configuration,
                format!(
                    "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n\
                     storage: {{filesystem: {{rootdirectory: {}}}}}\n\
                     http: {{addr: '127.0.0.1:{port}'{tls}}}\n{settings}",
                    storage.display()
                ),
            )
            .unwrap();
            let process = Command::new("docker-registry")
                .args(["serve", text(&configuration)])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let mut registry = Self { process, port };
            if registry.answers() {
                return registry;
            }
        }
        panic!("docker-registry does not start");
    }

    fn answers(&mut self) -> bool {
        for _attempt in 0..500 {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return self.process.try_wait().unwrap().is_none();
            }
            if self.process.try_wait().unwrap().is_some() {
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Pushes an image by the protocol's own requests.
    pub(crate) fn push(&self, repository: &str, tag: &str, image: &BuiltImage) {
        let blobs = image.layers.iter().map(|(digest, bytes)| (*digest, bytes.as_slice()));
        for (digest, bytes) in blobs.chain([(image.config_digest, image.config.as_slice())]) {
            self.blob(repository, &digest.to_string(), bytes);
        }
        self.tag(repository, tag, image);
    }

    /// Pushes a blob.
    pub(crate) fn blob(&self, repository: &str, digest: &str, bytes: &[u8]) {
        let (status, location) =
            self.send("POST", &format!("/v2/{repository}/blobs/uploads/"), "", &[]);
        assert_eq!(status, 202);
        let path = location.split_once(&self.endpoint()).unwrap().1;
        let (status, _) =
            self.send("PUT", &format!("{path}&digest={digest}"), "application/octet-stream", bytes);
        assert_eq!(status, 201);
    }

    /// Pushes the manifest of an image whose blobs are there.
    pub(crate) fn tag(&self, repository: &str, tag: &str, image: &BuiltImage) {
        self.manifest(repository, tag, OCI_MANIFEST, &image.manifest);
    }

    /// Pushes any manifest.
    pub(crate) fn manifest(&self, repository: &str, name: &str, media_type: &str, bytes: &[u8]) {
        let path = format!("/v2/{repository}/manifests/{name}");
        let (status, _) = self.send("PUT", &path, media_type, bytes);
        assert_eq!(status, 201);
    }

    /// One request without authentication; the status and the `Location`.
    fn send(&self, method: &str, path: &str, content_type: &str, body: &[u8]) -> (u16, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: {content_type}\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            self.endpoint(),
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        let location = answer.lines().find_map(|line| line.strip_prefix("Location: "));
        (status, location.unwrap_or_default().trim().to_owned())
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
