//! rsync's secrets that everybody tries first.
//!
//! In: the secrets files of rsync's daemon: `user:password` or `@group:password` by line. Source: `rsyncd.conf(5)`,
//! "secrets file". Odd: the file may have any name; those that it has in practice are read.

use plimsoll_model::Level;

use super::{Looking, about, dictionary, lines};
use crate::{
    check::{About, Check, Example, Outcome},
    facts::clip,
    view::View,
    wanted::{Wanted, text},
};

const FILES: &[&str] = &[
    "etc/rsyncd.secrets",
    "etc/rsync.secrets",
    "etc/rsync/rsyncd.secrets",
    "etc/rsyncd.passwd",
    "etc/rsync.passwd",
    "etc/rsync.pass",
    "etc/rsync.password",
];

#[derive(Debug)]
pub(crate) struct WeakRsync;

impl Check for WeakRsync {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "Weak rsync secret",
            why: "it is among the first that password guessers try, and opens the module's files",
            remedy: "take the secrets file out of the image; supply it when the container starts",
            source: "Alibaba Cloud baseline list; rsyncd.conf(5)",
            ..about("weak_rsync", "weak_password", "weak_password", Level::Medium)
        };
        &ABOUT
    }

    fn files(&self) -> &'static [Wanted] {
        const WANTED: &[Wanted] = &[
            text("etc/rsyncd.secrets"),
            text("etc/rsync.secrets"),
            text("etc/rsync/rsyncd.secrets"),
            text("etc/rsyncd.passwd"),
            text("etc/rsync.passwd"),
            text("etc/rsync.pass"),
            text("etc/rsync.password"),
        ];
        WANTED
    }

    fn examples(&self) -> &'static [Example] {
        const EXAMPLES: &[Example] = &[
            Example::fails("line 2: `backup` has a well-known secret")
                .files(&[("etc/rsyncd.secrets", "# users\nbackup:backup123\n")]),
            Example::fails("line 1: a well-known secret").files(&[("etc/rsync.pass", "123456\n")]),
            Example::passes().files(&[("etc/rsyncd.secrets", "backup:c4nary-of-length\n")]),
        ];
        EXAMPLES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        for path in FILES {
            let Some(file) = looking.text(path) else { continue };
            for (number, line) in lines(file.text) {
                let (name, secret) = line.split_once(':').unwrap_or(("", line));
                let name = name.trim_start_matches('@');
                if secret.is_empty() || !dictionary::is_weak(name, secret) {
                    continue;
                }
                let detail = if name.is_empty() {
                    format!("line {number}: a well-known secret")
                } else {
                    format!("line {number}: `{}` has a well-known secret", clip(name))
                };
                looking.fail_at(&file.location, detail);
            }
        }
        looking.outcome()
    }
}
