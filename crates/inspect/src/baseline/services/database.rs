//! Table: `MySQL` and `MariaDB`, and what hands out files.

use plimsoll_model::Level;

use super::open_to_all;
use crate::{
    baseline::{
        about,
        service::{
            Clause::{Absent, NoOption, Option, Set},
            ROW, Service,
            Test::{Any, By, Empty, Is, On},
        },
    },
    check::{About, Example},
    settings::Grammar,
    wanted::text,
};

/// What `mysqld` and `mariadbd` read, in this order. Source: `MySQL` and `MariaDB` manuals, "Using Option Files".
const MYSQL: Service = Service {
    programs: &["mysqld", "mariadbd", "mysqld_safe"],
    needs_program: true,
    files: &[
        text("etc/my.cnf"),
        text("etc/my.cnf.d/*.cnf"),
        text("etc/mysql/**/*.cnf"),
        text("usr/etc/my.cnf"),
        text("usr/local/etc/my.cnf"),
    ],
    roots: &[
        ("etc/my.cnf", Grammar::Ini),
        ("etc/mysql/my.cnf", Grammar::Ini),
        ("usr/etc/my.cnf", Grammar::Ini),
        ("usr/local/etc/my.cnf", Grammar::Ini),
    ],
    together: true,
    includes: &["!includedir", "!include"],
    included: "*.cnf",
    ..ROW
};

/// An option without a value is on.
fn is_on(value: &str) -> bool {
    value.is_empty() || On.passes(value)
}

pub(crate) static MYSQL_GRANT_TABLES: Service = Service {
    about: &About {
        title: "MySQL without its grant tables",
        why: "nobody is asked for a password, and everybody may do everything",
        source: "MySQL manual, server options",
        ..open_to_all("hc.image.checklist.identify.hc_exploit_mysql_linux.item", Level::High)
    },
    open: &[
        &[
            Set("mysqld*|mariadb*|server/skip-grant-tables", By(is_on)),
            Absent("mysqld*|mariadb*|server/skip-networking"),
        ],
        &[Option("--skip-grant-tables", By(is_on)), NoOption("--skip-networking", Any)],
    ],
    examples: &[
        Example::fails("line 2: [mysqld] skip-grant-tables").files(&[
            ("usr/sbin/mysqld 755", ""),
            ("etc/mysql/my.cnf", "!includedir /etc/mysql/conf.d/\n"),
            ("etc/mysql/conf.d/x.cnf", "[mysqld]\nskip-grant-tables\n"),
        ]),
        Example::fails("command: --skip-grant-tables").command(&["mysqld", "--skip-grant-tables"]),
        Example::passes().files(&[
            ("usr/sbin/mariadbd 755", ""),
            ("etc/my.cnf", "[client]\nskip-grant-tables\n[mysqld]\nskip_grant_tables = 0\n"),
        ]),
        Example::passes().files(&[
            ("usr/sbin/mysqld 755", ""),
            ("etc/my.cnf", "[mysqld]\nskip-grant-tables\nskip-networking\n"),
        ]),
    ],
    ..MYSQL
};

pub(crate) static MYSQL_LOCAL_INFILE: Service = Service {
    about: &About {
        title: "MySQL lets clients send their files",
        why: "a statement that somebody smuggles in reads files of whoever runs the client",
        remedy: "set `local_infile = 0`",
        source: "MySQL manual, security considerations for LOAD DATA LOCAL",
        ..about("mysql_local_infile", "hc_best_secruity", "mysql", Level::Low)
    },
    open: &[&[Set("mysqld*|mariadb*|server/local-infile", By(is_on))]],
    examples: &[
        Example::fails("line 2: [mysqld] local_infile ON").files(&[
            ("usr/sbin/mysqld 755", ""),
            ("etc/my.cnf", "[mysqld]\nlocal_infile = ON # for imports\n"),
        ]),
        Example::passes().files(&[
            ("usr/sbin/mysqld 755", ""),
            ("etc/my.cnf", "[mysqld]\nlocal-infile=1\n[mysqld]\nlocal_infile=0\n"),
        ]),
        Example::passes()
            .files(&[("usr/sbin/mysqld 755", ""), ("etc/my.cnf", "[mysql]\nlocal_infile=1\n")]),
    ],
    ..MYSQL
};

pub(crate) static MYSQL_SECURE_FILE_PRIV: Service = Service {
    about: &About {
        title: "MySQL reads and writes files anywhere",
        why: "an account with the right FILE reads what the server may read, and puts programs where a web server runs them",
        remedy: "set `secure_file_priv` to a folder of its own, or to NULL",
        source: "MySQL manual, secure_file_priv",
        ..about("mysql_secure_file_priv", "hc_best_secruity", "mysql", Level::Medium)
    },
    open: &[&[Set("mysqld*|mariadb*|server/secure-file-priv", Empty)]],
    examples: &[
        Example::fails("secure_file_priv").files(&[
            ("usr/sbin/mysqld 755", ""),
            ("etc/my.cnf", "[mysqld]\nsecure_file_priv=\"\"\n"),
        ]),
        Example::passes().files(&[
            ("usr/sbin/mysqld 755", ""),
            ("etc/my.cnf", "[mysqld]\nsecure-file-priv=/var/lib/mysql-files\n"),
        ]),
    ],
    ..MYSQL
};

/// Source: `rsyncd.conf(5)`.
pub(crate) static RSYNC: Service = Service {
    about: &About {
        title: "rsync module that everybody may write",
        why: "whoever reaches the port puts files into it, programs and keys as well",
        source: "Alibaba Cloud baseline list; rsyncd.conf(5)",
        ..open_to_all("hc.image.checklist.identify.hc_exploit_rsync_linux.item", Level::High)
    },
    programs: &["rsync"],
    files: &[text("etc/rsyncd.conf"), text("etc/rsyncd.d/*"), text("etc/rsync/rsyncd.conf")],
    roots: &[("etc/rsyncd.conf", Grammar::Ini), ("etc/rsync/rsyncd.conf", Grammar::Ini)],
    includes: &["&include", "&merge"],
    each_section: Some(&["global"]),
    open: &[&[
        Set("read only", Is(&["no", "false", "0"])),
        Absent("auth users"),
        Absent("hosts allow"),
    ]],
    examples: &[
        Example::fails("line 4: [data] read only no").files(&[(
            "etc/rsyncd.conf",
            "uid = root\n[data]\npath = /srv\nread only = no\n[docs]\npath = /doc\n",
        )]),
        Example::fails("[b] `auth users` is not set").files(&[(
            "etc/rsyncd.conf",
            "read only = false\n[a]\nauth users = x\npath = /a\n[b]\npath = /b\n",
        )]),
        Example::passes().files(&[(
            "etc/rsyncd.conf",
            "[data]\nread only = no\nauth users = backup\nsecrets file = /etc/rsyncd.secrets\n",
        )]),
        Example::passes().files(&[("etc/rsyncd.conf", "[data]\npath = /srv\n")]),
    ],
    ..ROW
};
