//! Accounts that share a name or a number.
//!
//! In: `etc/passwd`. Fails for each name and each user id that stands there more than once. Odd: `toor` with id 0 is a
//! duplicate here and an account of its own in `uid0_not_root`: two facts.

use std::collections::BTreeMap;

use plimsoll_model::Level;

use super::{Looking, about, accounts};
use crate::{
    check::{About, Check, Outcome},
    view::View,
    wanted::{Wanted, text},
};

#[derive(Debug)]
pub(crate) struct DuplicateUid;

impl Check for DuplicateUid {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "Accounts share a name or a user id",
            why: "files and processes of one account belong to the other as well, and logs cannot tell them apart",
            remedy: "give each account its own name and user id",
            source: "CIS Debian/RHEL benchmarks; Dockle DKL-LI-0002",
            ..about("duplicate_uid", "identification", "identification", Level::Medium)
        };
        &ABOUT
    }

    fn files(&self) -> &'static [Wanted] {
        const FILES: &[Wanted] = &[text(accounts::PASSWD)];
        FILES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        let Some(file) = accounts::passwd(&mut looking) else { return looking.outcome() };
        let mut lines_by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        let mut names_by_uid: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
        for account in accounts::accounts(file.text) {
            lines_by_name.entry(account.name).or_default().push(account.line);
            if let Some(uid) = account.uid {
                names_by_uid.entry(uid).or_default().push(account.name);
            }
        }
        for (name, lines) in lines_by_name.iter().filter(|(_, lines)| lines.len() > 1) {
            let detail = format!("`{name}` stands in {} lines", lines.len());
            looking.fail_at(&file.location, detail);
        }
        for (uid, mut names) in names_by_uid {
            names.sort_unstable();
            names.dedup();
            if names.len() > 1 {
                let names: Vec<&str> = names.into_iter().take(10).collect();
                looking.fail_at(&file.location, format!("user id {uid}: {}", names.join(", ")));
            }
        }
        looking.outcome()
    }
}
