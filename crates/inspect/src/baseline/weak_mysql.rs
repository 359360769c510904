//! `MySQL` and `MariaDB` with a password that everybody tries first, as their own files keep it.
//!
//! In: the tables of accounts in `var/lib/mysql` (`user.MYD`, `global_priv.MAD`, `mysql.ibd`), and the passwords of clients
//! in `my.cnf`. Source: `MySQL` manual, "`mysql_native_password`": `*` and the SHA-1 of the SHA-1, in hexadecimal. Odd: only
//! hashes are kept of a table, and what account one belongs to is not known; other plug-ins' hashes are not tried.

use plimsoll_model::Level;

use super::{Looking, about, dictionary};
use crate::{
    check::{About, Check, Example, Outcome},
    settings::{Grammar, read},
    view::View,
    wanted::{Wanted, made, text},
};

const TABLES: &[&str] =
    &["**/mysql/mysql/user.MYD", "**/mysql/mysql/global_priv.MAD", "**/mysql/mysql.ibd"];
const OPTIONS: &[&str] = &["etc/my.cnf", "etc/mysql/**/*.cnf", "etc/my.cnf.d/*.cnf", "**/.my.cnf"];
/// Longest table of accounts that is read.
const LIMIT: u64 = 64 << 20;
/// Hashes of one table.
const MAX_HASHES: usize = 1_000;

/// The hashes of a table, one a line; a line `empty` for an account without a password.
fn hashes(bytes: &[u8]) -> String {
    let mut found: Vec<String> = Vec::new();
    let mut rest = bytes;
    while let Some(at) = position(rest, b'*') {
        rest = rest.get(at + 1..).unwrap_or_default();
        if let Some(hash) = rest.get(..40)
            && hash.iter().all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(byte))
            && !rest.get(40).is_some_and(u8::is_ascii_hexdigit)
        {
            found.push(String::from_utf8_lossy(hash).into_owned());
        }
        if found.len() >= MAX_HASHES {
            break;
        }
    }
    const EMPTY: &[u8] = b"\"plugin\":\"mysql_native_password\",\"authentication_string\":\"\"";
    if bytes.windows(EMPTY.len()).any(|window| window == EMPTY) {
        found.push("empty".to_owned());
    }
    found.sort();
    found.dedup();
    found.join("\n")
}

fn position(bytes: &[u8], wanted: u8) -> Option<usize> {
    bytes.iter().position(|byte| *byte == wanted)
}

#[derive(Debug)]
pub(crate) struct WeakMysql;

impl Check for WeakMysql {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "Weak or empty MySQL password",
            why: "whoever reaches the port reads, changes and deletes all databases",
            remedy: "keep data folders and passwords out of the image; set a long random password when the container starts",
            source: "Alibaba Cloud baseline list; veinmind-tools; MySQL manual",
            ..about("weak_mysql", "weak_password", "weak_password", Level::High)
        };
        &ABOUT
    }

    fn files(&self) -> &'static [Wanted] {
        const FILES: &[Wanted] = &[
            made("**/mysql/mysql/user.MYD", LIMIT, hashes),
            made("**/mysql/mysql/global_priv.MAD", LIMIT, hashes),
            made("**/mysql/mysql.ibd", LIMIT, hashes),
            text("etc/my.cnf"),
            text("etc/mysql/**/*.cnf"),
            text("etc/my.cnf.d/*.cnf"),
            text("**/.my.cnf"),
        ];
        FILES
    }

    fn examples(&self) -> &'static [Example] {
        const EXAMPLES: &[Example] = &[
            // `password`.
            Example::fails("an account has a well-known password").files(&[(
                "var/lib/mysql/mysql/user.MYD",
                "\u{1}localhost\u{4}root*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19\u{0}",
            )]),
            Example::fails("an account has no password").files(&[(
                "var/lib/mysql/mysql/global_priv.MAD",
                "root{\"access\":1,\"plugin\":\"mysql_native_password\",\"authentication_string\":\"\"}",
            )]),
            Example::fails("line 2: [client] password ***")
                .files(&[("root/.my.cnf", "[client]\npassword = root123\n")]),
            Example::passes().files(&[
                (
                    "var/lib/mysql/mysql/user.MYD",
                    "root*0000000000000000000000000000000000000000 *24",
                ),
                ("etc/mysql/conf.d/x.cnf", "[client]\npassword = c4nary-of-length\n"),
            ]),
        ];
        EXAMPLES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        for file in TABLES.iter().flat_map(|pattern| looking.all(pattern)).collect::<Vec<_>>() {
            for hash in file.text.lines() {
                if hash == "empty" {
                    looking.fail_at(&file.location, "an account has no password".to_owned());
                } else if is_of_weak(hash) {
                    let detail = "an account has a well-known password".to_owned();
                    looking.fail_at(&file.location, detail);
                }
            }
        }
        for file in OPTIONS.iter().flat_map(|pattern| looking.all(pattern)).collect::<Vec<_>>() {
            for setting in read(Grammar::Ini, file.text).list {
                let is_client = setting.section.starts_with("client")
                    || matches!(setting.section.as_str(), "mysql" | "mysqldump" | "mysqladmin");
                if is_client
                    && setting.key.eq_ignore_ascii_case("password")
                    && !setting.value.is_empty()
                    && dictionary::is_weak("root", &setting.value)
                {
                    let (line, section) = (setting.line, crate::facts::clip(&setting.section));
                    looking
                        .fail_at(&file.location, format!("line {line}: [{section}] password ***"));
                }
            }
        }
        looking.outcome()
    }
}

fn is_of_weak(hash: &str) -> bool {
    let sha1 = |bytes: &[u8]| ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, bytes);
    dictionary::candidates("root").any(|candidate| {
        let twice = sha1(sha1(candidate.as_bytes()).as_ref());
        let hex: String = twice.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
        hex == hash
    })
}
