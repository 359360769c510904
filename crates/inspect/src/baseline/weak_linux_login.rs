//! Accounts whose password everybody tries first.
//!
//! In: the hashes of `etc/shadow` (and of `etc/passwd`, where they should not be). Fails for each account that can log in
//! and has a password of the [`dictionary`](super::dictionary), or one made of its own name. Odd: slow hashes are slow on purpose, so the
//! work is bounded by the estimated costs of the tries; what could not be tried is a gap, not a pass.

use std::collections::BTreeMap;

use plimsoll_model::Level;

use super::{
    Looking, about,
    accounts::{self, Account},
    tries::Tries,
};
use crate::{
    check::{About, Check, Outcome},
    view::View,
    wanted::Wanted,
};

#[derive(Debug)]
pub(crate) struct WeakLinuxLogin;

impl Check for WeakLinuxLogin {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "Weak password of a Linux account",
            why: "it is among the first that password guessers try",
            remedy: "lock the account or take the password out of the image; supply credentials when the container starts",
            source: "CIS Debian/RHEL benchmarks; veinmind-tools",
            ..about("weak_linux_login", "weak_password", "weak_password", Level::High)
        };
        &ABOUT
    }

    fn files(&self) -> &'static [Wanted] {
        accounts::FILES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        let passwd = accounts::passwd(&mut looking);
        let shells: BTreeMap<&str, &str> = passwd
            .iter()
            .flat_map(|file| accounts::accounts(file.text))
            .map(|account| (account.name, account.shell))
            .collect();
        let mut tries = Tries::of(view);
        let files = accounts::shadows(&mut looking).into_iter().chain(passwd.clone());
        for file in files.collect::<Vec<_>>() {
            for account in accounts::accounts(file.text) {
                let shell = shells.get(account.name).copied().unwrap_or_default();
                if account.name == "root" || !accounts::is_nologin(shell) {
                    let Account { line, name, password, .. } = account;
                    tries.judge(&mut looking, &file.location, line, name, password);
                }
            }
        }
        looking.outcome()
    }
}
