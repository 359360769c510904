//! System accounts that somebody can log in to.
//!
//! In: `etc/passwd` and `etc/shadow`. Fails for accounts with a user id below 1000 (other than 0), a shell that lets people
//! in, and a password, or none. Odd: distributions give some system accounts a shell and lock their password, which passes.

use std::collections::BTreeMap;

use plimsoll_model::Level;

use super::{Looking, about, accounts};
use crate::{
    check::{About, Check, Example, Outcome},
    facts::clip,
    view::View,
    wanted::Wanted,
};

#[derive(Debug)]
pub(crate) struct SysAccountShell;

impl Check for SysAccountShell {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "System account that people can log in to",
            why: "it belongs to a service; nobody watches who else uses it",
            remedy: "set its shell to nologin and lock its password",
            source: "CIS Debian/RHEL benchmarks",
            ..about("sys_account_shell", "identification", "identification", Level::Low)
        };
        &ABOUT
    }

    fn files(&self) -> &'static [Wanted] {
        accounts::FILES
    }

    fn examples(&self) -> &'static [Example] {
        const EXAMPLES: &[Example] = &[
            Example::fails("line 1: `db` (user id 27) has /bin/bash and a password").files(&[
                ("etc/passwd", "db:x:27:27::/var/lib/db:/bin/bash\n"),
                ("etc/shadow", "db:$6$c4nary$abc:1\n"),
            ]),
            Example::fails("and no password").files(&[
                ("etc/passwd", "db:x:27:27::/var/lib/db:\n"),
                ("etc/shadow", "db::1\n"),
            ]),
            Example::passes().files(&[
                ("etc/passwd", "bin:x:2:2::/bin:/bin/sh\ndb:x:27:27::/:/usr/sbin/nologin\napp:x:1000:1000::/:/bin/sh\n"),
                ("etc/shadow", "bin:*:1\ndb:$6$c4nary$abc:1\napp:$6$c4nary$abc:1\n"),
            ]),
        ];
        EXAMPLES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        let Some(passwd) = accounts::passwd(&mut looking) else { return looking.outcome() };
        let shadows = accounts::shadows(&mut looking);
        let passwords: BTreeMap<&str, &str> = shadows
            .iter()
            .flat_map(|file| accounts::accounts(file.text))
            .map(|account| (account.name, account.password))
            .collect();
        for account in accounts::accounts(passwd.text) {
            let is_system = account.uid.is_some_and(|uid| uid > 0 && uid < 1000);
            if !is_system || accounts::is_nologin(account.shell) {
                continue;
            }
            let password = passwords.get(account.name).copied().unwrap_or(account.password);
            let what = if password.is_empty() {
                "no password"
            } else if accounts::is_hash(password) {
                "a password"
            } else {
                continue;
            };
            let shell = if account.shell.is_empty() { "/bin/sh" } else { account.shell };
            let (name, uid) = (clip(account.name), account.uid.unwrap_or_default());
            let detail = format!(
                "line {}: `{name}` (user id {uid}) has {} and {what}",
                account.line,
                clip(shell)
            );
            looking.fail_at(&passwd.location, detail);
        }
        looking.outcome()
    }
}
