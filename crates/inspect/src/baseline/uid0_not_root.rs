//! Accounts besides root that are root.
//!
//! In: `etc/passwd`. Fails for each account with user id 0 that is not called `root`.

use plimsoll_model::Level;

use super::{Looking, about, accounts};
use crate::{
    check::{About, Check, Outcome},
    view::View,
    wanted::{Wanted, text},
};

#[derive(Debug)]
pub(crate) struct Uid0NotRoot;

impl Check for Uid0NotRoot {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "Account besides root with user id 0",
            why: "it has all of root's rights under a name that nobody watches",
            remedy: "remove the account or give it a user id of its own",
            source: "CIS Debian/RHEL benchmarks",
            ..about("uid0_not_root", "identification", "identification", Level::High)
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
                if account.uid == Some(0) && account.name != "root" {
                    let detail = format!("line {}: `{}` has user id 0", account.line, account.name);
                    looking.fail_at(&file.location, detail);
                }
            }
        }
        looking.outcome()
    }
}
