//! Password hashes of kinds that are quick to break.
//!
//! In: the hashes of `etc/shadow`. Fails for DES, `BSDi`'s DES, MD5 (`$1$`, `$md5`) and NT (`$3$`). Source: `crypt(5)`.

use plimsoll_model::Level;

use super::{Looking, about, accounts};
use crate::{
    check::{About, Check, Example, Outcome},
    facts::clip,
    view::View,
    wanted::Wanted,
};

#[derive(Debug)]
pub(crate) struct WeakHashAlgo;

impl Check for WeakHashAlgo {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "Obsolete password hash",
            why: "whoever reads the image tries all likely passwords against it within minutes",
            remedy: "set the password anew with yescrypt or SHA-512, or lock the account",
            source: "CIS Debian/RHEL benchmarks; crypt(5)",
            ..about("weak_hash_algo", "identification", "identification", Level::Medium)
        };
        &ABOUT
    }

    fn files(&self) -> &'static [Wanted] {
        accounts::FILES
    }

    fn examples(&self) -> &'static [Example] {
        const EXAMPLES: &[Example] = &[
            Example::fails("line 1: `a`: MD5").files(&[("etc/shadow", "a:$1$c4nary$x:1\n")]),
            Example::fails("`b`: DES")
                .files(&[("etc/shadow", "a:$y$j9T$c4nary$x:1\nb:abcdefghijklm:1\n")]),
            Example::fails("DES of BSDi").files(&[("etc/shadow", "b:_J9..rasmBYk8r9AiWNc:1\n")]),
            Example::passes()
                .files(&[("etc/shadow", "a:$6$c4nary$x:1\nb:!:1\nc:!$1$c4nary$x:1\n")]),
        ];
        EXAMPLES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        for file in accounts::shadows(&mut looking) {
            for account in accounts::accounts(file.text) {
                let hash = account.password;
                let kind = if hash.starts_with("$1$") || hash.starts_with("$md5") {
                    "MD5"
                } else if hash.starts_with("$3$") {
                    "NT"
                } else if hash.starts_with('_') && hash.len() == 20 {
                    "DES of BSDi"
                } else if accounts::is_des(hash) {
                    "DES"
                } else {
                    continue;
                };
                let (line, name) = (account.line, clip(account.name));
                looking.fail_at(&file.location, format!("line {line}: `{name}`: {kind}"));
            }
        }
        looking.outcome()
    }
}
