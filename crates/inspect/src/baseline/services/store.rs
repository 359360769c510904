//! Table: key-value stores, caches and search engines.

use plimsoll_model::Level;

use super::open_to_all;
use crate::{
    baseline::service::{
        Clause::{
            self, Absent, Environment, NoEnvironment, NoOption, Not, OldLibrary, OpenOrAbsent,
            Option, Set, Started,
        },
        ROW, Service,
        Test::{Any, Begins, By, Closed, Empty, Is, Local, On, Open},
    },
    check::{About, Example},
    settings::Grammar,
    wanted::text,
};

fn has_password(user: &str) -> bool {
    user.split_whitespace().any(|word| word.starts_with(['>', '#']))
}

fn is_reachable(address: &str) -> bool {
    !address.is_empty() && !Local.passes(address)
}

/// Source: `redis.conf`'s own text on `protected-mode`, `bind` and `user`; Valkey's is the same.
pub(crate) static REDIS: Service = Service {
    about: &About {
        title: "Redis without authentication",
        why: "whoever reaches the port reads and writes everything, and can write files as the server",
        source: "Alibaba Cloud baseline list; Redis documentation, security",
        ..open_to_all("hc.image.checklist.identify.hc_exploit_redis_linux.item", Level::High)
    },
    programs: &["redis-server", "valkey-server", "keydb-server", "redis-sentinel"],
    needs_program: true,
    files: &[
        text("**/redis.conf"),
        text("**/valkey.conf"),
        text("**/sentinel.conf"),
        text("etc/redis/**/*.conf"),
        text("etc/valkey/**/*.conf"),
        text("usr/local/etc/redis/*.conf"),
        text("usr/local/etc/valkey/*.conf"),
    ],
    roots: &[
        ("**/redis.conf", Grammar::Words),
        ("**/valkey.conf", Grammar::Words),
        ("etc/redis/6*.conf", Grammar::Words),
    ],
    includes: &["include"],
    open: &[
        &[
            Set("protected-mode", Is(&["no"])),
            OpenOrAbsent("bind"),
            Absent("requirepass"),
            Not("user", By(has_password)),
            Absent("aclfile"),
            NoOption("--requirepass", Any),
        ],
        &[
            Option("--protected-mode", Is(&["no"])),
            NoOption("--requirepass", Any),
            Absent("requirepass"),
            Absent("aclfile"),
        ],
    ],
    examples: &[
        Example::fails("line 2: protected-mode no").files(&[
            ("usr/bin/redis-server 755", ""),
            ("etc/redis/redis.conf", "bind 0.0.0.0\nprotected-mode no\n"),
        ]),
        Example::fails("`requirepass` is not set").files(&[
            ("usr/local/bin/redis-server 755", ""),
            ("usr/local/etc/redis/redis.conf", "protected-mode no\n#requirepass x\n"),
        ]),
        Example::fails("command: --protected-mode no").command(&[
            "redis-server",
            "--protected-mode",
            "no",
        ]),
        Example::fails("--protected-mode no").command(&[
            "sh",
            "-c",
            "exec valkey-server --protected-mode no --port 7",
        ]),
        // Debian's own: the loopback, with protection.
        Example::passes().files(&[
            ("usr/bin/redis-server 755", ""),
            ("etc/redis/redis.conf", "bind 127.0.0.1 -::1\nprotected-mode yes\nport 6379\n"),
        ]),
        Example::passes().files(&[
            ("usr/bin/redis-server 755", ""),
            ("etc/redis/redis.conf", "bind *\nprotected-mode no\ninclude /etc/redis/local.conf\n"),
            ("etc/redis/local.conf", "requirepass c4nary-of-some-length\n"),
        ]),
        Example::passes().files(&[
            ("usr/bin/redis-server 755", ""),
            (
                "etc/redis/redis.conf",
                "protected-mode no\nuser default on >c4nary-password ~* +@all\n",
            ),
        ]),
        // Nobody starts it.
        Example::is_silent().files(&[("etc/redis/redis.conf", "protected-mode no\n")]),
        Example::is_undecided("was not read").files(&[
            ("usr/bin/redis-server 755", ""),
            ("etc/redis/redis.conf", "include /srv/secret-place\n"),
            ("srv/secret-place", "requirepass x\n"),
        ]),
        Example::is_undecided("nested too deeply").files(&[
            ("usr/bin/redis-server 755", ""),
            ("etc/redis/redis.conf", "include /etc/redis/redis.conf\n"),
        ]),
    ],
    ..ROW
};

/// Source: Elasticsearch's guide, "Security settings", "Networking".
pub(crate) static ELASTICSEARCH: Service = Service {
    about: &About {
        title: "Elasticsearch without authentication",
        why: "whoever reaches the port reads, changes and deletes all indices",
        source: "Alibaba Cloud baseline list; Elasticsearch guide, security settings",
        ..open_to_all("hc.image.checklist.identify.hc_exploit_es_linux.item", Level::High)
    },
    programs: &["elasticsearch"],
    files: &[text("**/elasticsearch.yml")],
    roots: &[("**/elasticsearch.yml", Grammar::Yaml)],
    open: &[
        &[
            Set("xpack.security.enabled", Is(&["false"])),
            Set("network.host|http.host|http.bind_host|network.bind_host", By(is_reachable)),
        ],
        &[
            Absent("xpack.security.enabled"),
            Set("network.host|http.host|http.bind_host|network.bind_host", By(is_reachable)),
            OldLibrary("elasticsearch", 8),
        ],
        &[
            Environment("xpack.security.enabled", Is(&["false"])),
            Set("network.host|http.host|http.bind_host|network.bind_host", By(is_reachable)),
        ],
    ],
    examples: &[
        Example::fails("line 2: xpack.security.enabled false").files(&[(
            "usr/share/elasticsearch/config/elasticsearch.yml",
            "network.host: 0.0.0.0\nxpack.security.enabled: false\n",
        )]),
        Example::fails("xpack.security.enabled").files(&[(
            "etc/elasticsearch/elasticsearch.yml",
            "network:\n  host: [_local_, _site_]\nxpack:\n  security:\n    enabled: false\n",
        )]),
        Example::passes().files(&[(
            "etc/elasticsearch/elasticsearch.yml",
            "#network.host: 0.0.0.0\nxpack.security.enabled: false\n",
        )]),
        Example::passes().files(&[(
            "etc/elasticsearch/elasticsearch.yml",
            "network.host: 0.0.0.0\nxpack.security.enabled: true\n",
        )]),
        Example::is_undecided("is not YAML").files(&[(
            "etc/elasticsearch/elasticsearch.yml",
            "network.host: [0.0.0.0\nxpack: }\n",
        )]),
    ],
    ..ROW
};

/// Source: `CouchDB`'s documentation, "Configuration", "Security".
pub(crate) static COUCHDB: Service = Service {
    about: &About {
        title: "CouchDB without an administrator",
        why: "as long as there is none, everybody who reaches the port is one",
        source: "Alibaba Cloud baseline list; CouchDB documentation, security",
        ..open_to_all("hc.image.checklist.identify.hc_exploit_couchdb_linux.item", Level::High)
    },
    programs: &["couchdb"],
    files: &[
        text("opt/couchdb/etc/**/*.ini"),
        text("etc/couchdb/**/*.ini"),
        text("usr/local/etc/couchdb/**/*.ini"),
    ],
    roots: &[
        ("opt/couchdb/etc/default.ini", Grammar::Ini),
        ("opt/couchdb/etc/default.d/*.ini", Grammar::Ini),
        ("opt/couchdb/etc/local.ini", Grammar::Ini),
        ("opt/couchdb/etc/local.d/*.ini", Grammar::Ini),
        ("etc/couchdb/default.ini", Grammar::Ini),
        ("etc/couchdb/local.ini", Grammar::Ini),
        ("etc/couchdb/local.d/*.ini", Grammar::Ini),
        ("usr/local/etc/couchdb/local.ini", Grammar::Ini),
        ("usr/local/etc/couchdb/local.d/*.ini", Grammar::Ini),
    ],
    together: true,
    open: &[
        &[
            Set("chttpd|httpd/bind_address", Open),
            Absent("admins/*"),
            NoEnvironment("COUCHDB_USER"),
        ],
        &[
            Set("chttpd|httpd/bind_address", Open),
            Set("chttpd|couch_httpd_auth/require_valid_user", Is(&["false"])),
        ],
    ],
    examples: &[
        Example::fails("bind_address any").files(&[
            ("opt/couchdb/etc/default.ini", "[chttpd]\nbind_address = 127.0.0.1\n"),
            ("opt/couchdb/etc/default.d/10-docker.ini", "[chttpd]\nbind_address = any\n"),
            ("opt/couchdb/etc/local.ini", "[admins]\n;admin = mysecretpassword\n"),
        ]),
        Example::passes().files(&[
            ("opt/couchdb/etc/default.ini", "[chttpd]\nbind_address = any\n"),
            ("opt/couchdb/etc/local.ini", "[admins]\nadmin = -pbkdf2-abc\n"),
        ]),
        Example::passes()
            .files(&[("etc/couchdb/local.ini", "[httpd]\nbind_address = 0.0.0.0\n")])
            .environment(&["COUCHDB_USER=app"]),
    ],
    ..ROW
};

/// Source: `memcached(1)`.
pub(crate) static MEMCACHED: Service = Service {
    about: &About {
        title: "Memcached open to all",
        why: "whoever reaches the port reads and changes the cache, and by UDP uses it to flood others",
        source: "Alibaba Cloud baseline list; memcached(1)",
        ..open_to_all("hc.image.checklist.identify.hc_exploit_memcached_linux.item", Level::Medium)
    },
    programs: &["memcached"],
    files: &[text("etc/memcached.conf"), text("etc/sysconfig/memcached")],
    roots: &[
        ("etc/memcached.conf", Grammar::Options),
        ("etc/sysconfig/memcached", Grammar::Options),
    ],
    open: &[
        &[Clause::Any("-l|--listen", Open), Absent("-S|--enable-sasl"), Absent("-s|--unix-socket")],
        &[
            Started,
            NoOption("-l|--listen", Closed),
            NoOption("-S|--enable-sasl", Any),
            NoOption("-s|--unix-socket", Any),
        ],
    ],
    examples: &[
        Example::fails("line 2: -l 0.0.0.0")
            .files(&[("etc/memcached.conf", "-d\n-l 0.0.0.0\n-p 11211\n")]),
        Example::fails("-l 0.0.0.0")
            .files(&[("etc/sysconfig/memcached", "PORT=\"11211\"\nOPTIONS=\"-l 0.0.0.0 -U 0\"\n")]),
        Example::fails("starts memcached").command(&["memcached", "-m", "64"]),
        // Debian's own.
        Example::passes().files(&[("etc/memcached.conf", "# -l\n-l 127.0.0.1\n-l ::1\n")]),
        Example::passes().files(&[("etc/memcached.conf", "-l 0.0.0.0\n-S\n")]),
        Example::passes().command(&["memcached", "-l", "127.0.0.1"]),
        Example::passes().command(&["/usr/bin/memcached", "-s", "/run/memcached.sock"]),
    ],
    ..ROW
};

/// Source: etcd's documentation, "Configuration options", "Transport security model".
pub(crate) static ETCD: Service = Service {
    about: &About {
        title: "etcd without client authentication",
        why: "whoever reaches the port owns what relies on it, a Kubernetes cluster first of all",
        source: "etcd documentation, transport security",
        ..open_to_all("hc.image.checklist.identify.hc_exploit_etcd_linux.item", Level::High)
    },
    programs: &["etcd"],
    files: &[
        text("etc/etcd/*"),
        text("etc/default/etcd"),
        text("**/etcd.conf.yml"),
        text("**/etcd.conf.yaml"),
    ],
    roots: &[
        ("**/etcd.conf.yml", Grammar::Yaml),
        ("**/etcd.conf.yaml", Grammar::Yaml),
        ("etc/etcd/etcd.conf", Grammar::Ini),
        ("etc/default/etcd", Grammar::Ini),
    ],
    open: &[
        &[Set("listen-client-urls|ETCD_LISTEN_CLIENT_URLS", By(has_open_http))],
        &[
            Set("listen-client-urls|ETCD_LISTEN_CLIENT_URLS", By(has_open_https)),
            Not("client-transport-security.client-cert-auth|ETCD_CLIENT_CERT_AUTH", On),
        ],
        &[Environment("ETCD_LISTEN_CLIENT_URLS", By(has_open_http))],
        &[
            Environment("ETCD_LISTEN_CLIENT_URLS", By(has_open_https)),
            NoEnvironment("ETCD_CLIENT_CERT_AUTH"),
        ],
        &[Option("--listen-client-urls|-listen-client-urls", By(has_open_http))],
        &[
            Option("--listen-client-urls|-listen-client-urls", By(has_open_https)),
            NoOption("--client-cert-auth", Any),
        ],
    ],
    examples: &[
        Example::fails("line 2: listen-client-urls http://0.0.0.0:2379").files(&[(
            "etc/etcd/etcd.conf.yml",
            "name: a\nlisten-client-urls: http://0.0.0.0:2379\n",
        )]),
        Example::fails("`client-transport-security.client-cert-auth` is not set").files(&[(
            "etc/etcd/etcd.conf.yml",
            "listen-client-urls: https://10.0.0.1:2379\n",
        )]),
        Example::fails("ETCD_LISTEN_CLIENT_URLS").files(&[(
            "etc/default/etcd",
            "ETCD_LISTEN_CLIENT_URLS=\"http://0.0.0.0:2379\"\n",
        )]),
        Example::fails("command: --listen-client-urls")
            .command(&["/usr/local/bin/etcd", "--listen-client-urls=http://0.0.0.0:2379"]),
        Example::passes().files(&[(
            "etc/etcd/etcd.conf.yml",
            "listen-client-urls: http://localhost:2379\n",
        )]),
        Example::passes().files(&[(
            "etc/etcd/etcd.conf.yml",
            "listen-client-urls: https://0.0.0.0:2379\nclient-transport-security:\n  client-cert-auth: true\n",
        )]),
        Example::passes().files(&[("etc/default/etcd", "## etcd(1)\n# ETCD_NAME=x\n")]),
    ],
    ..ROW
};

fn has_open(urls: &str, scheme: &'static str) -> bool {
    let mut urls = urls.split(',').map(str::trim);
    urls.any(|url| Begins(scheme).passes(url) && !Local.passes(url))
}

fn has_open_http(urls: &str) -> bool {
    has_open(urls, "http://")
}

fn has_open_https(urls: &str) -> bool {
    has_open(urls, "https://")
}

/// Source: `InfluxDB` 1.x documentation, "Configure `InfluxDB` OSS", `[http]`.
pub(crate) static INFLUXDB: Service = Service {
    about: &About {
        title: "InfluxDB without authentication",
        why: "whoever reaches the port reads, changes and deletes all series",
        source: "Alibaba Cloud baseline list; InfluxDB 1.x documentation",
        ..open_to_all("hc.image.checklist.identify.hc_exploit_influxdb_linux.item", Level::Medium)
    },
    programs: &["influxd"],
    needs_program: true,
    files: &[text("**/influxdb.conf")],
    roots: &[("**/influxdb.conf", Grammar::Ini)],
    open: &[
        &[Environment("INFLUXDB_HTTP_AUTH_ENABLED", Is(&["false"]))],
        &[
            Not("http/auth-enabled", On),
            Not("http/enabled", Is(&["false"])),
            Not("http/bind-address", Local),
            NoEnvironment("INFLUXDB_HTTP_AUTH_ENABLED"),
        ],
    ],
    examples: &[
        Example::fails("`auth-enabled` is not set").files(&[
            ("usr/bin/influxd 755", ""),
            ("etc/influxdb/influxdb.conf", "[http]\n  # auth-enabled = true\n[retention]\n"),
        ]),
        Example::fails("INFLUXDB_HTTP_AUTH_ENABLED=false")
            .files(&[("usr/bin/influxd 755", "")])
            .environment(&["INFLUXDB_HTTP_AUTH_ENABLED=false"]),
        Example::passes().files(&[
            ("usr/bin/influxd 755", ""),
            ("etc/influxdb/influxdb.conf", "[http]\n  auth-enabled = true\n"),
        ]),
        Example::passes().files(&[
            ("usr/bin/influxd 755", ""),
            ("etc/influxdb/influxdb.conf", "[http]\nbind-address = \"127.0.0.1:8086\"\n"),
        ]),
        Example::is_silent().files(&[("etc/influxdb/influxdb.conf", "[http]\n")]),
    ],
    ..ROW
};

/// Source: `MongoDB`'s manual, "Configuration File Options", `mongod`'s options.
pub(crate) static MONGODB: Service = Service {
    about: &About {
        title: "MongoDB without authorisation",
        why: "whoever reaches the port reads, changes and deletes all databases",
        source: "Alibaba Cloud baseline list; MongoDB manual, security checklist",
        ..open_to_all("hc.image.checklist.identify.hc_exploit_mongodb_linux.item", Level::High)
    },
    programs: &["mongod"],
    needs_program: true,
    files: &[text("**/mongod.conf"), text("**/mongodb.conf"), text("etc/mongo/*.conf")],
    roots: &[
        ("**/mongod.conf", Grammar::Yaml),
        ("etc/mongo/*.conf", Grammar::Yaml),
        ("**/mongodb.conf", Grammar::Ini),
    ],
    open: &[
        &[
            Set("net.bindIp|bind_ip", Open),
            Not("security.authorization|auth", Is(&["enabled", "true"])),
            Absent("security.keyFile|keyFile"),
            NoOption("--auth|--keyFile", Any),
        ],
        &[
            Set("net.bindIpAll|bind_ip_all", On),
            Not("security.authorization|auth", Is(&["enabled", "true"])),
            Absent("security.keyFile|keyFile"),
            NoOption("--auth|--keyFile", Any),
        ],
        &[Option("--noauth", Any)],
        &[
            Option("--bind_ip_all", Any),
            NoOption("--auth|--keyFile", Any),
            NoEnvironment("MONGO_INITDB_ROOT_USERNAME"),
            Not("security.authorization|auth", Is(&["enabled", "true"])),
        ],
        &[
            Option("--bind_ip", Open),
            NoOption("--auth|--keyFile", Any),
            NoEnvironment("MONGO_INITDB_ROOT_USERNAME"),
            Not("security.authorization|auth", Is(&["enabled", "true"])),
        ],
    ],
    examples: &[
        Example::fails("line 3: net.bindIp 0.0.0.0").files(&[
            ("usr/bin/mongod 755", ""),
            ("etc/mongod.conf", "net:\n  port: 27017\n  bindIp: 0.0.0.0\n#security:\n"),
        ]),
        Example::fails("bind_ip 0.0.0.0").files(&[
            ("usr/bin/mongod 755", ""),
            ("etc/mongodb.conf", "bind_ip = 0.0.0.0\n#auth = true\n"),
        ]),
        Example::fails("--bind_ip_all").command(&["mongod", "--bind_ip_all"]),
        Example::passes().files(&[
            ("usr/bin/mongod 755", ""),
            (
                "etc/mongod.conf",
                "net: {bindIp: \"0.0.0.0\"}\nsecurity:\n  authorization: enabled\n",
            ),
        ]),
        Example::passes().files(&[
            ("usr/bin/mongod 755", ""),
            ("etc/mongod.conf", "net:\n  bindIp: 127.0.0.1\n"),
        ]),
        Example::passes()
            .command(&["mongod", "--bind_ip_all"])
            .environment(&["MONGO_INITDB_ROOT_USERNAME=root"]),
        Example::is_undecided("aliases").files(&[
            ("usr/bin/mongod 755", ""),
            ("etc/mongod.conf", "a: &a {bindIp: 0.0.0.0}\nnet: *a\n"),
        ]),
    ],
    ..ROW
};

/// A password that is empty is none.
pub(super) fn is_given(value: &str) -> bool {
    !Empty.passes(value)
}
