//! Password hashes where everybody can read them.
//!
//! In: `etc/passwd`. Fails for each account whose password field is neither a placeholder nor empty (an empty one is
//! `non_pwd_user`'s).

use plimsoll_model::Level;

use super::{Looking, about, accounts};
use crate::{
    check::{About, Check, Outcome},
    view::View,
    wanted::{Wanted, text},
};

#[derive(Debug)]
pub(crate) struct PasswdHashInPasswd;

impl Check for PasswdHashInPasswd {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "Password hash in /etc/passwd",
            why: "every account can read the file and try passwords against the hash at leisure",
            remedy: "move the hashes to /etc/shadow with `pwconv`",
            source: "CIS Debian/RHEL benchmarks",
            ..about("passwd_hash_in_passwd", "identification", "identification", Level::High)
        };
        &ABOUT
    }

    fn files(&self) -> &'static [Wanted] {
        const FILES: &[Wanted] = &[text(accounts::PASSWD)];
        FILES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        if let Some(file) = accounts::passwd(&mut looking) {
            for account in accounts::accounts(file.text) {
                let is_placeholder =
                    matches!(account.password, "" | "x" | "*" | "!" | "!!" | "*LK*");
                if !is_placeholder && !account.name.starts_with(['+', '-']) {
                    let detail = format!("line {}: `{}` has a hash", account.line, account.name);
                    looking.fail_at(&file.location, detail);
                }
            }
        }
        looking.outcome()
    }
}
