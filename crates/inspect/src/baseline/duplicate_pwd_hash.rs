//! Accounts that share a password hash, and so a password.
//!
//! In: the hashes of `etc/shadow`. Fails for hashes that stand at two names or more; the salt is part of a hash, so one was
//! copied from the other.

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
pub(crate) struct DuplicatePwdHash;

impl Check for DuplicatePwdHash {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "Accounts share a password hash",
            why: "whoever learns the password of one account has the others as well",
            remedy: "give each account a password of its own, or lock it",
            source: "Alibaba Cloud baseline list",
            ..about("duplicate_pwd_hash", "identification", "identification", Level::Medium)
        };
        &ABOUT
    }

    fn files(&self) -> &'static [Wanted] {
        accounts::FILES
    }

    fn examples(&self) -> &'static [Example] {
        const HASH: &str = "a:$6$c4nary$abc:1::::::\nb:*:1::::::\nc:$6$c4nary$abc:1::::::\n";
        const EXAMPLES: &[Example] = &[
            Example::fails("one hash: a, c").files(&[("etc/shadow", HASH)]),
            Example::fails("one hash: a, b")
                .files(&[("etc/shadow", "a:abcdefghijklm:1\nb:abcdefghijklm:1\n")]),
            Example::passes()
                .files(&[("etc/shadow", "a:$6$c4nary$abc:1\nb:$6$c4nary$abd:1\nc:!:1\nd:!:1\n")]),
            Example::is_silent().files(&[("etc/passwd", "root:x:0:0::/:/bin/sh\n")]),
        ];
        EXAMPLES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        for file in accounts::shadows(&mut looking) {
            let mut names: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            for account in accounts::accounts(file.text) {
                if accounts::is_hash(account.password) {
                    names.entry(account.password).or_default().push(account.name);
                }
            }
            for (_, mut names) in names {
                names.sort_unstable();
                names.dedup();
                if names.len() > 1 {
                    let names: Vec<String> = names.into_iter().take(10).map(clip).collect();
                    looking.fail_at(&file.location, format!("one hash: {}", names.join(", ")));
                }
            }
        }
        looking.outcome()
    }
}
