//! Files of cron that others may write.
//!
//! In: `etc/crontab`, `etc/cron.*` and `var/spool/cron`. Fails for those that group or others may write, or that belong to
//! neither root nor, of a user's own table, to that user. Source: `cron(8)`, `crontab(5)`.

use std::collections::BTreeMap;

use plimsoll_image::{EntryKind, NodeRef};
use plimsoll_model::Level;

use super::{Looking, about, accounts};
use crate::{
    check::{About, Check, Example, Outcome},
    view::View,
    wanted::{Wanted, text},
};

const FOLDERS: &[&str] = &[
    "etc/cron.d",
    "etc/cron.hourly",
    "etc/cron.daily",
    "etc/cron.weekly",
    "etc/cron.monthly",
    "etc/cron.yearly",
];
const SPOOLS: &[&str] = &["var/spool/cron", "var/spool/cron/crontabs", "var/spool/cron/tabs"];

#[derive(Debug)]
pub(crate) struct CronPerm;

impl Check for CronPerm {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "Files of cron that others may write",
            why: "what stands in them is run as root, or as the account that the table belongs to",
            remedy: "give them to root and take the right to write from group and others",
            source: "CIS Debian/RHEL benchmarks",
            ..about("cron_perm", "hc_best_secruity", "os_file", Level::Medium)
        };
        &ABOUT
    }

    fn files(&self) -> &'static [Wanted] {
        const FILES: &[Wanted] = &[text(accounts::PASSWD)];
        FILES
    }

    fn examples(&self) -> &'static [Example] {
        const EXAMPLES: &[Example] = &[
            Example::fails("mode 0666, owner 0:0").files(&[("etc/crontab 666", "")]),
            Example::fails("mode 0775").files(&[("etc/cron.daily/clean 775", "")]),
            Example::fails("is not `app`").files(&[
                ("etc/passwd", "app:x:1000:1000::/:/bin/sh\n"),
                ("var/spool/cron/crontabs/app 600", ""),
            ]),
            Example::passes().files(&[
                ("etc/crontab 644", ""),
                ("etc/cron.d/x 600", ""),
                ("var/spool/cron/crontabs/root 600", ""),
            ]),
            Example::is_silent().files(&[("etc/cronie 666", "")]),
        ];
        EXAMPLES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        if let Some(node) = view.node("etc/crontab") {
            judge_file(&mut looking, view, node, None);
        }
        for folder in FOLDERS {
            for child in view.children(folder) {
                if let Some(node) = view.node(&format!("{folder}/{}", name(&child.path))) {
                    judge_file(&mut looking, view, node, None);
                }
            }
        }
        let mut uids: Option<BTreeMap<String, u64>> = None;
        for folder in SPOOLS {
            for child in view.children(folder) {
                let name = name(&child.path);
                let Some(node) = view.node(&format!("{folder}/{name}")) else { continue };
                if node.kind() != EntryKind::File {
                    continue;
                }
                let uids = uids.get_or_insert_with(|| {
                    let file = accounts::passwd(&mut looking);
                    let all = file.iter().flat_map(|file| accounts::accounts(file.text));
                    all.filter_map(|one| Some((one.name.to_owned(), one.uid?))).collect()
                });
                let owner = uids.get(&name).copied();
                judge_file(&mut looking, view, node, owner.map(|uid| (name, uid)));
            }
        }
        looking.outcome()
    }
}

fn name(path: &plimsoll_image::TreePath) -> String {
    String::from_utf8_lossy(path.name()).into_owned()
}

fn judge_file(
    looking: &mut Looking<'_>,
    view: &View<'_>,
    node: NodeRef<'_>,
    owner: Option<(String, u64)>,
) {
    if node.kind() != EntryKind::File {
        return;
    }
    looking.applies();
    let location = view.location(node);
    let (mode, uid, gid) = (node.mode(), node.uid(), node.gid());
    if mode & 0o022 != 0 {
        looking.fail_at(&location, format!("mode {mode:04o}, owner {uid}:{gid}"));
        return;
    }
    match owner {
        Some((name, wanted)) if wanted != u64::from(uid) => {
            let name = crate::facts::clip(&name);
            looking.fail_at(&location, format!("owner {uid} is not `{name}`"));
        }
        None if uid != 0 => looking.fail_at(&location, format!("owner {uid}:{gid}")),
        _ => {}
    }
}
