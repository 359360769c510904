//! The demo's images.
//!
//! In: nothing. Out: six images as a fleet has them: two share their base, some are old, one is well kept. Table: what is
//! in them, chosen so that the starter feed and the checks have something true to say. Odd: versions are real releases.

use plimsoll_image::build::{BuiltImage, ImageBuilder, Layer};
use plimsoll_model::Platform;

use super::{
    planted,
    recipe::{Accounts, Deb, alpine, debian, java, node, os_release, python},
    rpm_database::{RpmPackage, database},
};

/// Where an image goes in the demo's registry.
pub(super) struct DemoImage {
    pub(super) repository: &'static str,
    pub(super) tag: &'static str,
    pub(super) image: BuiltImage,
}

pub(super) fn all() -> anyhow::Result<Vec<DemoImage>> {
    let base = debian("12", "Debian GNU/Linux 12 (bookworm)", BOOKWORM, &ACCOUNTS).build()?;
    let image = |repository, tag, image| DemoImage { repository, tag, image };
    Ok(vec![
        image("shop/storefront", "2.3.1", storefront(&base)?),
        image("shop/catalog-api", "1.0.4", catalog_api(&base)?),
        image("platform/edge", "2021.4", edge()?),
        image("billing/ledger", "2021.10", ledger()?),
        image("archive/forum", "wheezy", forum()?),
        image("platform/probe", "3.0.0", probe()?),
    ])
}

fn builder() -> ImageBuilder {
    let platform = Platform { os: "linux".into(), architecture: "amd64".into(), variant: None };
    ImageBuilder::new(platform)
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
}

/// Debian 12 as first released, with an SSH server that lets root in, a password in the environment, and a token that a
/// later layer only hides.
fn storefront(base: &Layer) -> anyhow::Result<BuiltImage> {
    let server = Layer::builder("RUN /bin/sh -c apt-get install -y openssh-server # buildkit")
        .file("usr/sbin/sshd", b"\x7fELF stands for the program in this demo")
        .file(
            "etc/ssh/sshd_config",
            b"PermitRootLogin yes\nPasswordAuthentication yes\nPermitEmptyPasswords no\n",
        )
        .build()?;
    let shop = Layer::builder("COPY . /srv/shop # buildkit")
        .file("srv/shop/.npmrc", &planted::package_token())
        .file("srv/shop/server.js", b"require('http').createServer().listen(8080);\n")
        .build()?;
    let tidied = Layer::builder(
        "RUN /bin/sh -c curl -fsSL https://get.shop.invalid/node.sh | bash - && npm ci && rm .npmrc # buildkit",
    )
    .whiteout("srv/shop/.npmrc")
    .build()?;
    Ok(builder()
        .layer(base)
        .layer(&server)
        .layer(&shop)
        .layer(&tidied)
        .env("DATABASE_PASSWORD", "s3cr3t-of-the-demo")
        .exposed_port("22/tcp")
        .cmd(&["/usr/sbin/sshd", "-D"])
        .build()?)
}

/// The same base, with Python packages of 2021, a setuid program of its own, keys that were copied along, and an own user.
fn catalog_api(base: &Layer) -> anyhow::Result<BuiltImage> {
    let packages = python(PYTHON_2021).build()?;
    let program = Layer::builder("COPY tools/ /usr/local/bin/ # buildkit")
        .file_with(
            "usr/local/bin/as-root",
            0o4755,
            0,
            0,
            b"\x7fELF stands for the program in this demo",
        )
        .file_with("srv/app/settings.ini", 0o666, 0, 0, b"[app]\ndebug = no\n")
        .file("srv/app/.env", &planted::database_address())
        .file_with("root/.aws/credentials", 0o600, 0, 0, &planted::cloud_keys())
        .build()?;
    Ok(builder()
        .layer(base)
        .layer(&packages)
        .layer(&program)
        .user("1000:1000")
        .healthcheck(&["CMD", "curl", "-f", "http://localhost:8000/"])
        .cmd(&["python3", "-m", "catalog"])
        .build()?)
}

/// Alpine 3.14 with Node packages, one of them a release with malicious code, a cache that anybody may use, and the test
/// file of the scanners.
fn edge() -> anyhow::Result<BuiltImage> {
    let base = alpine("3.14.0", "Alpine Linux v3.14", ALPINE_3_14).build()?;
    let packages = node(NODE_2021)
        .file_with(
            "usr/bin/redis-server",
            0o755,
            0,
            0,
            b"\x7fELF stands for the program in this demo",
        )
        .file("etc/redis/redis.conf", b"bind 0.0.0.0\nprotected-mode no\nport 6379\n")
        .file("srv/app/test/upload.com", &planted::test_file())
        .build()?;
    Ok(builder().layer(&base).layer(&packages).cmd(&["node", "/srv/app/server.js"]).build()?)
}

/// AlmaLinux 8 with Java libraries of the autumn of 2021, password-less sudo, a key, and a miner that came along.
fn ledger() -> anyhow::Result<BuiltImage> {
    let base = Layer::builder("ADD almalinux-8-docker.tar.xz / # buildkit")
        .file(
            "etc/os-release",
            os_release("almalinux", "8.5", "AlmaLinux 8.5 (Arctic Sphynx)").as_bytes(),
        )
        .file("etc/redhat-release", b"AlmaLinux release 8.5 (Arctic Sphynx)\n")
        .file(
            "etc/passwd",
            b"root:x:0:0:root:/root:/bin/bash\nledger:x:1001:1001::/home/ledger:/bin/bash\n",
        )
        .file_with(
            "etc/shadow",
            0o000,
            0,
            0,
            b"root:*:19000:0:99999:7:::\nledger:!!:19000:0:99999:7:::\n",
        )
        .file("etc/sudoers", b"root ALL=(ALL) ALL\nledger ALL=(ALL) NOPASSWD: ALL\n")
        .file("var/lib/rpm/rpmdb.sqlite", &database(ALMALINUX_8, "AlmaLinux"))
        .build()?;
    let application = java("opt/app/ledger.jar", JAVA_2021)?
        .file_with("opt/app/tls/server.pem", 0o600, 1001, 1001, &planted::private_key())
        .file_with("home/ledger/.pgpass", 0o600, 1001, 1001, &planted::database_login())
        .file("opt/app/.cache/config.json", &planted::miner_settings())
        .build()?;
    Ok(builder()
        .layer(&base)
        .layer(&application)
        .user("ledger")
        .cmd(&["java", "-jar", "/opt/app/ledger.jar"])
        .build()?)
}

/// Debian 7, long past its end: Heartbleed, Shellshock, a password that everybody guesses, and who came in through it.
fn forum() -> anyhow::Result<BuiltImage> {
    let base = debian("7", "Debian GNU/Linux 7 (wheezy)", WHEEZY, &WEAK_ACCOUNTS).build()?;
    let site = Layer::builder("ADD http://files.shop.invalid/forum.tar.gz /var/www/ # buildkit")
        .file("var/www/forum/wp-config.php", &planted::forum_settings())
        .file("var/www/forum/uploads/avatar.php", &planted::web_shell())
        .file("etc/cron.d/forum", &planted::download_job())
        .build()?;
    Ok(builder()
        .layer(&base)
        .layer(&site)
        .exposed_port("80/tcp")
        .cmd(&["/usr/sbin/nginx", "-g", "daemon off;"])
        .build()?)
}

/// A small image that is kept in order.
fn probe() -> anyhow::Result<BuiltImage> {
    let base = alpine("3.20.3", "Alpine Linux v3.20", ALPINE_3_20).build()?;
    Ok(builder()
        .layer(&base)
        .user("65534:65534")
        .healthcheck(&["CMD", "/usr/bin/probe", "--self"])
        .entrypoint(&["/usr/bin/probe"])
        .build()?)
}

const ACCOUNTS: Accounts = Accounts {
    passwd: "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1::/usr/sbin:/usr/sbin/nologin\n",
    shadow: "root:*:19000:0:99999:7:::\ndaemon:*:19000:0:99999:7:::\n",
    shadow_mode: 0o640,
};

/// Root's password is the most common of all, hashed with SHA-512; a second root has none.
const WEAK_ACCOUNTS: Accounts = Accounts {
    passwd: "root:x:0:0:root:/root:/bin/bash\nadmin:x:0:0::/root:/bin/bash\n",
    shadow: "root:$6$plimsolldemo$zw.Ix1mIuiLOhDuukRcnw.vhPWbhhnd7iTMgM/d5iRC6bYr5eloh3sBfFKFlBGQZVXTYYRYGKhjas/DN0IUjf1:15000:0:99999:7:::\nadmin::15000:0:99999:7:::\n",
    shadow_mode: 0o644,
};

const BOOKWORM: &[Deb] = &[
    ("apt", "2.6.1", None),
    ("bash", "5.2.15-2+b2", Some("bash (5.2.15-2)")),
    ("curl", "7.88.1-10", None),
    ("libcurl4", "7.88.1-10", Some("curl")),
    ("libc-bin", "2.36-9", Some("glibc")),
    ("libc6", "2.36-9", Some("glibc")),
    ("libexpat1", "2.5.0-1", Some("expat")),
    ("libgnutls30", "3.7.9-2", Some("gnutls28")),
    ("libkrb5-3", "1.20.1-2", Some("krb5")),
    ("libnghttp2-14", "1.52.0-1", Some("nghttp2")),
    ("libssl3", "3.0.9-1", Some("openssl")),
    ("libwebp7", "1.2.4-0.2", Some("libwebp")),
    ("openssh-server", "1:9.2p1-2", Some("openssh")),
    ("openssl", "3.0.9-1", None),
    ("tar", "1.34+dfsg-1.2", None),
    ("zlib1g", "1:1.2.13.dfsg-1", Some("zlib")),
];

const WHEEZY: &[Deb] = &[
    ("apt", "0.9.7.9+deb7u7", None),
    ("bash", "4.2+dfsg-0.1", None),
    ("libc6", "2.13-38+deb7u6", Some("eglibc")),
    ("libssl1.0.0", "1.0.1e-2+deb7u4", Some("openssl")),
    ("nginx", "1.2.1-2.2", None),
    ("openssl", "1.0.1e-2+deb7u4", None),
];

const ALPINE_3_14: &[(&str, &str, &str)] = &[
    ("alpine-baselayout", "3.2.0-r15", "alpine-baselayout"),
    ("apk-tools", "2.12.5-r1", "apk-tools"),
    ("busybox", "1.33.1-r2", "busybox"),
    ("expat", "2.4.1-r0", "expat"),
    ("libcrypto1.1", "1.1.1k-r0", "openssl"),
    ("libcurl", "7.76.1-r0", "curl"),
    ("libssl1.1", "1.1.1k-r0", "openssl"),
    ("musl", "1.2.2-r3", "musl"),
    ("nodejs", "14.17.0-r0", "nodejs"),
    ("redis", "6.2.4-r0", "redis"),
    ("ssl_client", "1.33.1-r2", "busybox"),
];

const ALPINE_3_20: &[(&str, &str, &str)] = &[
    ("alpine-baselayout", "3.6.5-r0", "alpine-baselayout"),
    ("busybox", "1.36.1-r29", "busybox"),
    ("ca-certificates-bundle", "20240705-r0", "ca-certificates"),
    ("musl", "1.2.5-r0", "musl"),
];

const ALMALINUX_8: &[RpmPackage] = &[
    rpm("bash", None, "4.4.20", "2.el8", "bash-4.4.20-2.el8.src.rpm"),
    rpm("expat", None, "2.2.5", "4.el8", "expat-2.2.5-4.el8.src.rpm"),
    rpm("glibc", None, "2.28", "164.el8", "glibc-2.28-164.el8.src.rpm"),
    rpm("glibc-common", None, "2.28", "164.el8", "glibc-2.28-164.el8.src.rpm"),
    rpm("libcurl", None, "7.61.1", "22.el8", "curl-7.61.1-22.el8.src.rpm"),
    rpm("libxml2", None, "2.9.7", "11.el8", "libxml2-2.9.7-11.el8.src.rpm"),
    rpm("openssl-libs", Some(1), "1.1.1k", "4.el8", "openssl-1.1.1k-4.el8.src.rpm"),
    rpm("polkit", None, "0.115", "12.el8", "polkit-0.115-12.el8.src.rpm"),
    rpm("polkit-libs", None, "0.115", "12.el8", "polkit-0.115-12.el8.src.rpm"),
    rpm("sudo", None, "1.8.29", "7.el8", "sudo-1.8.29-7.el8.src.rpm"),
    rpm("xz-libs", None, "5.2.4", "3.el8", "xz-5.2.4-3.el8.src.rpm"),
    rpm("zlib", None, "1.2.11", "17.el8", "zlib-1.2.11-17.el8.src.rpm"),
];

const fn rpm(
    name: &'static str,
    epoch: Option<u32>,
    version: &'static str,
    release: &'static str,
    source: &'static str,
) -> RpmPackage {
    RpmPackage { name, epoch, version, release, source }
}

const PYTHON_2021: &[(&str, &str)] = &[
    ("Django", "3.2.0"),
    ("Jinja2", "2.11.3"),
    ("Pillow", "8.0.0"),
    ("PyYAML", "5.1"),
    ("cryptography", "3.3.1"),
    ("requests", "2.19.0"),
    ("setuptools", "53.0.0"),
    ("urllib3", "1.26.4"),
];

const NODE_2021: &[(&str, &str)] = &[
    ("axios", "0.21.1"),
    ("express", "4.17.1"),
    ("jsonwebtoken", "8.5.1"),
    ("lodash", "4.17.4"),
    ("minimist", "1.2.0"),
    ("node-fetch", "2.6.1"),
    ("qs", "6.5.2"),
    ("ua-parser-js", "0.7.29"),
    ("ws", "7.4.0"),
];

const JAVA_2021: &[(&str, &str, &str)] = &[
    ("com.fasterxml.jackson.core", "jackson-databind", "2.9.6"),
    ("com.h2database", "h2", "1.4.200"),
    ("commons-collections", "commons-collections", "3.2.1"),
    ("org.apache.commons", "commons-text", "1.9"),
    ("org.apache.logging.log4j", "log4j-api", "2.14.1"),
    ("org.apache.logging.log4j", "log4j-core", "2.14.1"),
    ("org.springframework", "spring-beans", "5.3.17"),
    ("org.springframework", "spring-webmvc", "5.3.17"),
    ("org.yaml", "snakeyaml", "1.28"),
];
