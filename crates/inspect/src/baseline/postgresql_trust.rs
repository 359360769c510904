//! `PostgreSQL` that trusts whoever asks from outside.
//!
//! In: `pg_hba.conf`, and `POSTGRES_HOST_AUTH_METHOD` of the official image. Fails for lines of hosts anywhere with the
//! method `trust`. Source: `PostgreSQL` documentation, "The `pg_hba.conf` File".

use plimsoll_model::Level;

use super::{Looking, lines, services::open_to_all};
use crate::{
    check::{About, Check, Example, Outcome},
    facts::clip,
    view::View,
    wanted::{Wanted, text},
};

const FILE: &str = "**/pg_hba.conf";

#[derive(Debug)]
pub(crate) struct PostgresqlTrust;

impl Check for PostgresqlTrust {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "PostgreSQL trusts every host",
            why: "whoever reaches the port is any account, the superuser as well, without a password",
            source: "Alibaba Cloud baseline list; PostgreSQL documentation, pg_hba.conf",
            ..open_to_all(
                "hc.image.checklist.identify.hc_exploit_postgresql_linux.item",
                Level::High,
            )
        };
        &ABOUT
    }

    fn files(&self) -> &'static [Wanted] {
        const FILES: &[Wanted] = &[text(FILE)];
        FILES
    }

    fn examples(&self) -> &'static [Example] {
        const EXAMPLES: &[Example] = &[
            Example::fails("line 2: host all all 0.0.0.0/0 trust").files(&[(
                "etc/postgresql/15/main/pg_hba.conf",
                "# TYPE\nhost all all 0.0.0.0/0 trust\n",
            )]),
            Example::fails("host all all 0.0.0.0 0.0.0.0 trust").files(&[(
                "var/lib/postgresql/data/pg_hba.conf",
                "host all all 0.0.0.0 0.0.0.0 trust\n",
            )]),
            Example::fails("POSTGRES_HOST_AUTH_METHOD=trust")
                .environment(&["POSTGRES_HOST_AUTH_METHOD=trust"]),
            Example::passes().files(&[(
                "etc/postgresql/15/main/pg_hba.conf",
                "local all postgres peer\nhost all all 127.0.0.1/32 trust\nhost all all 0.0.0.0/0 scram-sha-256\n",
            )]),
            Example::is_silent().environment(&["POSTGRES_HOST_AUTH_METHOD=md5"]),
        ];
        EXAMPLES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        for file in looking.all(FILE) {
            for (number, line) in lines(file.text) {
                let line = line.split('#').next().unwrap_or_default();
                let words: Vec<&str> = line.split_whitespace().collect();
                let (address, rest) = match words.as_slice() {
                    [kind, _, _, address, rest @ ..] if kind.starts_with("host") => {
                        (*address, rest)
                    }
                    _ => continue,
                };
                let (mask, method) = match rest {
                    [mask, method, ..]
                        if mask.starts_with(|c: char| c.is_ascii_digit() || c == ':') =>
                    {
                        (Some(*mask), *method)
                    }
                    [method, ..] => (None, *method),
                    [] => continue,
                };
                let is_anywhere = matches!(address, "0.0.0.0/0" | "::/0" | "::0/0" | "all")
                    || mask.is_some_and(|mask| matches!(mask, "0.0.0.0" | "::"));
                if is_anywhere && method == "trust" {
                    let shown = clip(&words.join(" "));
                    looking.fail_at(&file.location, format!("line {number}: {shown}"));
                }
            }
        }
        for (name, value) in view.environment() {
            if name == "POSTGRES_HOST_AUTH_METHOD" && value.eq_ignore_ascii_case("trust") {
                looking.fail("POSTGRES_HOST_AUTH_METHOD=trust".to_owned());
            }
        }
        looking.outcome()
    }
}
