//! Accounts whose password everybody tries first.
//!
//! In: the hashes of `etc/shadow` (and of `etc/passwd`, where they should not be). Fails for each account that can log in
//! and has a password of the [`dictionary`], or one made of its own name. Odd: slow hashes are slow on purpose, so the
//! work is bounded by the estimated costs of the tries; what could not be tried is a gap, not a pass.

use std::collections::BTreeMap;

use plimsoll_model::{Gap, GapReason, Level, Location};

use super::{
    Looking, about, accounts, dictionary,
    password_hash::{PasswordHash, Untried},
};
use crate::{
    check::{About, Check, Outcome, unseen},
    view::View,
};

/// Estimated microseconds for one image.
const BUDGET: u64 = 10_000_000;
/// Tries for one account where each costs more than a fast hash does.
const MAX_SLOW_TRIES: usize = 200;
const SLOW: u64 = 10_000;

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

    fn claims(&self, path: &[u8]) -> bool {
        accounts::is_passwd(path) || accounts::is_shadow(path)
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        let passwd = accounts::passwd(&mut looking);
        let shells: BTreeMap<&str, &str> = passwd
            .iter()
            .flat_map(|file| accounts::accounts(file.text))
            .map(|account| (account.name, account.shell))
            .collect();
        let mut tries = Tries { left: BUDGET };
        let files = accounts::shadows(&mut looking).into_iter().chain(passwd.clone());
        for file in files.collect::<Vec<_>>() {
            for account in accounts::accounts(file.text) {
                let shell = shells.get(account.name).copied().unwrap_or_default();
                if account.name == "root" || !accounts::is_nologin(shell) {
                    tries.judge(&mut looking, &file.location, &account);
                }
            }
        }
        looking.outcome()
    }
}

struct Tries {
    left: u64,
}

impl Tries {
    fn judge(
        &mut self,
        looking: &mut Looking<'_>,
        location: &Location,
        account: &accounts::Account<'_>,
    ) {
        let name: String = account.name.chars().take(64).collect();
        let hash = match PasswordHash::parse(account.password) {
            Ok(hash) => hash,
            Err(Untried::Locked) => return,
            Err(Untried::Unsupported(kind)) => {
                let detail = format!("`{name}`: the hash is {kind}: no passwords were tried");
                looking.gap(unseen(WeakLinuxLogin.about(), &location.path, detail));
                return;
            }
        };
        let candidates: Vec<String> = dictionary::candidates(&name).collect();
        let affordable = usize::try_from(self.left / hash.cost).unwrap_or(usize::MAX);
        let most = if hash.cost > SLOW { affordable.min(MAX_SLOW_TRIES) } else { affordable };
        for candidate in candidates.iter().take(most) {
            self.left = self.left.saturating_sub(hash.cost);
            match hash.is_of(candidate) {
                Some(true) => {
                    let detail =
                        format!("line {}: `{name}` has a well-known password", account.line);
                    looking.fail_at(location, detail);
                    return;
                }
                Some(false) => {}
                None => {
                    let detail = format!("`{name}`: the hash is damaged");
                    looking.gap(unseen(WeakLinuxLogin.about(), &location.path, detail));
                    return;
                }
            }
        }
        if most < candidates.len() {
            looking.gap(Gap {
                reason: GapReason::BudgetReached,
                by: WeakLinuxLogin.about().id.to_owned(),
                at: location.path.clone(),
                detail: format!(
                    "`{name}`: {most} of {} passwords were tried, hashes are slow",
                    candidates.len()
                ),
            });
        }
    }
}
