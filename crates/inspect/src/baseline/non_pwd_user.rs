//! Accounts without a password.
//!
//! In: `etc/shadow`, `etc/master.passwd`, `etc/passwd`. Fails for each account whose password field is empty. Odd: in
//! `passwd` the field is normally `x`; an empty one needs no look at `shadow` to let anybody in.

use plimsoll_model::Level;

use super::{Looking, about, accounts};
use crate::{
    check::{About, Check, Outcome},
    view::View,
    wanted::Wanted,
};

#[derive(Debug)]
pub(crate) struct NonPwdUser;

impl Check for NonPwdUser {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "Account with an empty password",
            why: "anyone who reaches a login, su or ssh with empty passwords becomes that account without knowing anything",
            remedy: "lock the account (`passwd -l`) or set a password",
            source: "CIS Debian/RHEL benchmarks; Dockle DKL-LI-0001; CVE-2019-5021",
            ..about("non_pwd_user", "identification", "identification", Level::High)
        };
        &ABOUT
    }

    fn files(&self) -> &'static [Wanted] {
        accounts::FILES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        let files =
            accounts::shadows(&mut looking).into_iter().chain(accounts::passwd(&mut looking));
        for file in files.collect::<Vec<_>>() {
            for account in
                accounts::accounts(file.text).filter(|account| account.password.is_empty())
            {
                let (line, name) = (account.line, account.name);
                looking.fail_at(&file.location, format!("line {line}: `{name}` has no password"));
            }
        }
        looking.outcome()
    }
}
