//! Table: web servers, PHP and applications for the web.

use plimsoll_model::Level;

use super::open_to_all;
use crate::{
    baseline::{
        about, address,
        service::{
            Clause::{self, Absent, NoLibrary, Not, Set},
            ROW, Service,
            Test::{By, Is, Lists, On},
        },
    },
    check::{About, Example},
    settings::Grammar,
    wanted::{Wanted, text},
};

/// What nginx reads. Source: nginx documentation, "include", and the folders of packages and images.
pub(crate) const NGINX_FILES: &[Wanted] = &[
    text("etc/nginx/**"),
    text("usr/local/nginx/conf/**"),
    text("usr/local/openresty/nginx/conf/**"),
    text("opt/bitnami/nginx/conf/**"),
    text("usr/share/nginx/modules-available/*"),
    text("usr/share/nginx/modules/*.conf"),
];

/// Where it begins.
pub(crate) const NGINX_ROOTS: &[&str] = &[
    "etc/nginx/nginx.conf",
    "usr/local/nginx/conf/nginx.conf",
    "usr/local/openresty/nginx/conf/nginx.conf",
    "opt/bitnami/nginx/conf/nginx.conf",
];

pub(crate) const NGINX_PROGRAMS: &[&str] = &["nginx", "openresty"];

const NGINX: Service = Service {
    programs: NGINX_PROGRAMS,
    needs_program: true,
    files: NGINX_FILES,
    roots: &[
        ("etc/nginx/nginx.conf", Grammar::Nginx),
        ("usr/local/nginx/conf/nginx.conf", Grammar::Nginx),
        ("usr/local/openresty/nginx/conf/nginx.conf", Grammar::Nginx),
        ("opt/bitnami/nginx/conf/nginx.conf", Grammar::Nginx),
    ],
    includes: &["include"],
    ..ROW
};

const LEGACY: &[&str] = &["SSLv2", "SSLv3", "TLSv1", "TLSv1.1"];

pub(crate) static NGINX_TLS_LEGACY: Service = Service {
    about: &About {
        title: "nginx speaks TLS versions that are broken",
        why: "what is said over them can be read or changed by somebody in between",
        remedy: "`ssl_protocols TLSv1.2 TLSv1.3;`",
        source: "nginx documentation, ssl_protocols; RFC 8996",
        ..about("nginx_tls_legacy", "hc_best_secruity", "nginx", Level::Medium)
    },
    open: &[&[Clause::Any("ssl_protocols", Lists(LEGACY))]],
    examples: &[
        Example::fails("line 2: ssl_protocols TLSv1 TLSv1.2").files(&[
            ("usr/sbin/nginx 755", ""),
            ("etc/nginx/nginx.conf", "http {\nssl_protocols TLSv1 TLSv1.2; # old\n}\n"),
        ]),
        Example::fails("line 1: ssl_protocols SSLv3").files(&[
            ("usr/sbin/nginx 755", ""),
            ("etc/nginx/nginx.conf", "http { include conf.d/*.conf; }\n"),
            ("etc/nginx/conf.d/a.conf", "server { ssl_protocols SSLv3; }\n"),
        ]),
        Example::passes().files(&[
            ("usr/sbin/nginx 755", ""),
            (
                "etc/nginx/nginx.conf",
                "http { # ssl_protocols TLSv1;\nssl_protocols TLSv1.2 TLSv1.3; }",
            ),
            ("etc/nginx/unused.conf", "ssl_protocols SSLv3;\n"),
        ]),
        Example::is_silent().files(&[("etc/nginx/nginx.conf", "ssl_protocols SSLv3;")]),
        Example::is_undecided("ends within a block").files(&[
            ("usr/sbin/nginx 755", ""),
            ("etc/nginx/nginx.conf", "http { server { ssl_protocols TLSv1.3;\n"),
        ]),
    ],
    ..NGINX
};

pub(crate) static NGINX_AUTOINDEX: Service = Service {
    about: &About {
        title: "nginx lists folders",
        why: "visitors see files that no page leads to, such as backups",
        remedy: "`autoindex off;`",
        source: "nginx documentation, ngx_http_autoindex_module",
        ..about("nginx_autoindex", "hc_best_secruity", "nginx", Level::Low)
    },
    open: &[&[Clause::Any("autoindex", Is(&["on"]))]],
    examples: &[
        Example::fails("line 1: autoindex on").files(&[
            ("usr/sbin/nginx 755", ""),
            ("etc/nginx/nginx.conf", "http { server { location /files/ { autoindex on; } } }"),
        ]),
        Example::passes().files(&[
            ("usr/sbin/nginx 755", ""),
            ("etc/nginx/nginx.conf", "http { server { #autoindex on;\nautoindex off; } }"),
        ]),
    ],
    ..NGINX
};

fn is_root(user: &str) -> bool {
    user.split_whitespace().next() == Some("root")
}

pub(crate) static NGINX_USER_ROOT: Service = Service {
    about: &About {
        title: "nginx's workers run as root",
        why: "whoever breaks into a worker has all rights in the container",
        remedy: "`user nginx;`, or another account of its own",
        source: "nginx documentation, user; CIS NGINX 2.2",
        ..about("nginx_user_root", "hc_best_secruity", "nginx", Level::Medium)
    },
    open: &[&[Set("user", By(is_root))]],
    examples: &[
        Example::fails("line 1: user root").files(&[
            ("usr/sbin/nginx 755", ""),
            ("etc/nginx/nginx.conf", "user root;\nhttp { }\n"),
        ]),
        Example::passes().files(&[
            ("usr/sbin/nginx 755", ""),
            ("etc/nginx/nginx.conf", "user www-data;\nhttp { }\n"),
        ]),
    ],
    ..NGINX
};

/// Source: PHP manual, "The configuration file"; folders of Debian, Fedora, Alpine and the official images.
const PHP: Service = Service {
    programs: &["php"],
    files: &[
        text("etc/php/**/php.ini"),
        text("etc/php/**/conf.d/*.ini"),
        text("etc/php*/php.ini"),
        text("etc/php*/conf.d/*.ini"),
        text("etc/php.ini"),
        text("etc/php.d/*.ini"),
        text("usr/local/etc/php/php.ini"),
        text("usr/local/etc/php/conf.d/*.ini"),
    ],
    roots: &[
        ("etc/php/**/php.ini", Grammar::Ini),
        ("etc/php*/php.ini", Grammar::Ini),
        ("etc/php.ini", Grammar::Ini),
        ("usr/local/etc/php/php.ini", Grammar::Ini),
    ],
    beside: &["conf.d/*.ini", "php.d/*.ini"],
    ..ROW
};

pub(crate) static PHP_URL_INCLUDE: Service = Service {
    about: &About {
        title: "PHP runs programs from URLs",
        why: "a parameter that reaches `include` lets visitors run their own programs",
        remedy: "`allow_url_include = Off`",
        source: "PHP manual, allow_url_include",
        ..about("php_url_include", "hc_best_secruity", "php", Level::High)
    },
    open: &[&[Set("allow_url_include", On)]],
    examples: &[
        Example::fails("line 2: [PHP] allow_url_include On")
            .files(&[("etc/php/8.2/apache2/php.ini", "[PHP]\nallow_url_include = On\n")]),
        Example::fails("allow_url_include 1").files(&[
            ("usr/local/etc/php/php.ini", "allow_url_include = Off\n"),
            ("usr/local/etc/php/conf.d/x.ini", "allow_url_include=1\n"),
        ]),
        Example::passes().files(&[(
            "etc/php.ini",
            "allow_url_include = On\n;x\nallow_url_include = Off ; no\n",
        )]),
        Example::passes().files(&[("etc/php.ini", "; allow_url_include = On\n")]),
    ],
    ..PHP
};

pub(crate) static PHP_DISPLAY_ERRORS: Service = Service {
    about: &About {
        title: "PHP shows errors or its version to visitors",
        why: "messages tell paths, queries and which flaws are worth trying",
        remedy: "`display_errors = Off`, `expose_php = Off`",
        source: "PHP manual, display_errors, expose_php",
        ..about("php_display_errors", "hc_best_secruity", "php", Level::Low)
    },
    // Nobody visits the command line.
    not_below: "/cli/",
    open: &[
        &[Set("display_errors", Is(&["on", "1", "yes", "true", "stdout"]))],
        &[Set("expose_php", On)],
    ],
    examples: &[
        Example::fails("display_errors stdout")
            .files(&[("etc/php.ini", "expose_php = Off\ndisplay_errors = stdout\n")]),
        Example::fails("expose_php On").files(&[("etc/php/8.2/fpm/php.ini", "expose_php = On\n")]),
        Example::is_silent().files(&[("etc/php/8.2/cli/php.ini", "expose_php = On\n")]),
        Example::passes()
            .files(&[("etc/php82/php.ini", "display_errors = stderr\nexpose_php = Off\n")]),
    ],
    ..PHP
};

/// A bare port is all interfaces.
fn is_open_listen(listen: &str) -> bool {
    !listen.is_empty()
        && (listen.bytes().all(|byte| byte.is_ascii_digit()) || address::is_open(listen))
}

/// Source: PHP manual, "`FastCGI` Process Manager", "Configuration".
pub(crate) static PHP_FPM: Service = Service {
    about: &About {
        title: "PHP-FPM on all interfaces",
        why: "whoever reaches the port runs any PHP program in the container; FastCGI asks for nothing",
        source: "PHP manual, FastCGI Process Manager",
        ..open_to_all("hc.image.checklist.identify.hc_exploit_phpfpm_linux.item", Level::Medium)
    },
    programs: &["php-fpm"],
    files: &[
        text("etc/php/**/pool.d/*.conf"),
        text("etc/php-fpm.d/*.conf"),
        text("etc/php*/php-fpm.d/*.conf"),
        text("usr/local/etc/php-fpm.d/*.conf"),
    ],
    roots: &[
        ("etc/php/**/pool.d/*.conf", Grammar::Ini),
        ("etc/php-fpm.d/*.conf", Grammar::Ini),
        ("etc/php*/php-fpm.d/*.conf", Grammar::Ini),
        ("usr/local/etc/php-fpm.d/*.conf", Grammar::Ini),
    ],
    together: true,
    each_section: Some(&["global"]),
    open: &[&[Set("listen", By(is_open_listen)), Absent("listen.allowed_clients")]],
    examples: &[
        Example::fails("line 2: [www] listen 9000").files(&[
            ("usr/local/etc/php-fpm.d/www.conf", "[www]\nlisten = 127.0.0.1:9000\n"),
            ("usr/local/etc/php-fpm.d/zz-docker.conf", "[www]\nlisten = 9000\n"),
        ]),
        Example::passes().files(&[(
            "etc/php/8.2/fpm/pool.d/www.conf",
            "[www]\nlisten = /run/php/php8.2-fpm.sock\n",
        )]),
        Example::passes().files(&[(
            "etc/php-fpm.d/www.conf",
            "[www]\nlisten = 0.0.0.0:9000\nlisten.allowed_clients = 127.0.0.1\n",
        )]),
    ],
    ..ROW
};

/// Source: Spring Boot's reference, "Actuator", "Exposing Endpoints".
pub(crate) static ACTUATOR: Service = Service {
    about: &About {
        title: "Spring's actuator shows everything",
        why: "its endpoints hand out the environment and memory with their secrets, and change the log",
        remedy: "expose `health` and `info` only, or add spring-security",
        source: "Spring Boot reference, actuator endpoints",
        ..open_to_all("hc.image.checklist.identify.hc_exploit_actuator_linux.item", Level::Medium)
    },
    files: &[
        text("**/application.properties"),
        text("**/application-*.properties"),
        text("**/application.yml"),
        text("**/application-*.yml"),
        text("**/application.yaml"),
        text("**/application-*.yaml"),
    ],
    roots: &[
        ("**/application.properties", Grammar::Properties),
        ("**/application-*.properties", Grammar::Properties),
        ("**/application.yml", Grammar::Yaml),
        ("**/application-*.yml", Grammar::Yaml),
        ("**/application.yaml", Grammar::Yaml),
        ("**/application-*.yaml", Grammar::Yaml),
    ],
    word: "exposure",
    open: &[&[
        Clause::Any("management.endpoints.web.exposure.include", Lists(&["*"])),
        NoLibrary("spring-security"),
    ]],
    examples: &[
        Example::fails("line 1: management.endpoints.web.exposure.include *").files(&[(
            "app/config/application.properties",
            "management.endpoints.web.exposure.include=*\n",
        )]),
        Example::fails("line 5").files(&[(
            "app/application-prod.yml",
            "management:\n  endpoints.web:\n    exposure:\n      include:\n      - '*'\n",
        )]),
        Example::passes().files(&[(
            "app/application.yaml",
            "management: {endpoints: {web: {exposure: {include: \"health,info\"}}}}\n",
        )]),
    ],
    ..ROW
};

/// Source: Tomcat's documentation, "The Server Component", "Security Considerations".
pub(crate) static TOMCAT_SHUTDOWN: Service = Service {
    about: &About {
        title: "Tomcat stops at a well-known word",
        why: "whoever reaches the port from inside the container stops the server",
        remedy: "set the Server's port to -1, or the word to something else",
        source: "Tomcat documentation, security considerations",
        ..about("tomcat_shutdown", "hc_best_secruity", "tomcat", Level::Low)
    },
    files: &[text("**/conf/server.xml"), text("etc/tomcat*/server.xml")],
    roots: &[("**/conf/server.xml", Grammar::Xml), ("etc/tomcat*/server.xml", Grammar::Xml)],
    open: &[&[Set("Server@shutdown", Is(&["SHUTDOWN"])), Not("Server@port", Is(&["-1"]))]],
    examples: &[
        Example::fails("Server@shutdown SHUTDOWN").files(&[(
            "opt/tomcat/conf/server.xml",
            "<Server port=\"8005\" shutdown=\"SHUTDOWN\"><Service name=\"Catalina\"/></Server>",
        )]),
        Example::passes().files(&[(
            "opt/tomcat/conf/server.xml",
            "<Server port=\"-1\" shutdown=\"SHUTDOWN\"/>",
        )]),
        Example::passes().files(&[(
            "opt/tomcat/conf/server.xml",
            "<Server port=\"8005\" shutdown=\"c4nary-word\"/>",
        )]),
    ],
    ..ROW
};
