//! How demo layers are made: package databases and application packages as their tools would leave them.
//!
//! In: names and versions. Out: layers of true OCI images. Source: the formats' own documents (deb822, apk's installed
//! database, PEP 376/566, npm's `package.json`, Maven's `pom.properties`). Odd: nothing but the databases is in them, so
//! the images are a few kilobytes, and yet every scanner reads the same packages from them.

use std::io::{Cursor, Write};

use anyhow::Context;
use plimsoll_image::build::{Layer, LayerBuilder};
use zip::{ZipWriter, write::SimpleFileOptions};

/// A Debian package: binary name, version, source name where it differs.
pub(super) type Deb = (&'static str, &'static str, Option<&'static str>);

/// `/etc/os-release`.
pub(super) fn os_release(id: &str, version: &str, pretty: &str) -> String {
    format!("PRETTY_NAME=\"{pretty}\"\nID={id}\nVERSION_ID=\"{version}\"\n")
}

/// `/etc/passwd` and `/etc/shadow` (and its mode).
pub(super) struct Accounts {
    pub(super) passwd: &'static str,
    pub(super) shadow: &'static str,
    pub(super) shadow_mode: u32,
}

/// A Debian root file system's databases.
pub(super) fn debian(
    version: &str,
    pretty: &str,
    packages: &[Deb],
    accounts: &Accounts,
) -> LayerBuilder {
    let mut status = String::new();
    for (name, version, source) in packages {
        status.push_str(&format!(
            "Package: {name}\nStatus: install ok installed\nArchitecture: amd64\n"
        ));
        if let Some(source) = source {
            status.push_str(&format!("Source: {source}\n"));
        }
        status.push_str(&format!("Version: {version}\nDescription: {name}, for the demo\n\n"));
    }
    Layer::builder("/bin/sh -c #(nop) ADD file:rootfs in / ")
        .file("etc/os-release", os_release("debian", version, pretty).as_bytes())
        .file("etc/debian_version", format!("{version}.0\n").as_bytes())
        .file("etc/passwd", accounts.passwd.as_bytes())
        .file_with("etc/shadow", accounts.shadow_mode, 0, 42, accounts.shadow.as_bytes())
        .file("var/lib/dpkg/status", status.as_bytes())
}

/// An Alpine root file system's databases; packages are name, version, origin.
pub(super) fn alpine(release: &str, pretty: &str, packages: &[(&str, &str, &str)]) -> LayerBuilder {
    let mut installed = String::new();
    for (name, version, origin) in packages {
        installed.push_str(&format!(
            "P:{name}\nV:{version}\nA:x86_64\nL:MIT\no:{origin}\nT:{name}, for the demo\n\n"
        ));
    }
    Layer::builder("/bin/sh -c #(nop) ADD file:rootfs in / ")
        .file("etc/os-release", os_release("alpine", release, pretty).as_bytes())
        .file("etc/alpine-release", format!("{release}\n").as_bytes())
        .file(
            "etc/passwd",
            b"root:x:0:0:root:/root:/bin/ash\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n",
        )
        .file_with("etc/shadow", 0o640, 0, 42, b"root:*::0:::::\nnobody:!::0:::::\n")
        .file("lib/apk/db/installed", installed.as_bytes())
}

/// Python packages as pip installs them.
pub(super) fn python(packages: &[(&str, &str)]) -> LayerBuilder {
    let folder = "usr/local/lib/python3.9/site-packages";
    packages.iter().fold(
        Layer::builder("RUN /bin/sh -c pip install -r requirements.txt # buildkit"),
        |layer, (name, version)| {
            let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n");
            layer
                .file(&format!("{folder}/{name}-{version}.dist-info/METADATA"), metadata.as_bytes())
        },
    )
}

/// Node packages as npm installs them.
pub(super) fn node(packages: &[(&str, &str)]) -> LayerBuilder {
    packages.iter().fold(Layer::builder("RUN /bin/sh -c npm ci # buildkit"), |layer, (name, version)| {
        let document = format!("{{\n  \"name\": \"{name}\",\n  \"version\": \"{version}\",\n  \"license\": \"MIT\"\n}}\n");
        layer.file(&format!("srv/app/node_modules/{name}/package.json"), document.as_bytes())
    })
}

/// Java libraries in one executable archive, as build tools pack them: group, artifact, version.
pub(super) fn java(
    archive: &str,
    libraries: &[(&str, &str, &str)],
) -> anyhow::Result<LayerBuilder> {
    let mut outer = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    outer.start_file("META-INF/MANIFEST.MF", stored)?;
    outer.write_all(b"Manifest-Version: 1.0\r\nMain-Class: demo.Main\r\n\r\n")?;
    for (group, artifact, version) in libraries {
        let mut inner = ZipWriter::new(Cursor::new(Vec::new()));
        inner.start_file(format!("META-INF/maven/{group}/{artifact}/pom.properties"), stored)?;
        inner.write_all(
            format!("groupId={group}\nartifactId={artifact}\nversion={version}\n").as_bytes(),
        )?;
        let bytes = inner.finish().context("an inner archive")?.into_inner();
        outer.start_file(format!("BOOT-INF/lib/{artifact}-{version}.jar"), stored)?;
        outer.write_all(&bytes)?;
    }
    let bytes = outer.finish().context("the outer archive")?.into_inner();
    Ok(Layer::builder("COPY target/app.jar /opt/app/ # buildkit").file(archive, &bytes))
}
