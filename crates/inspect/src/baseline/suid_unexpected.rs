//! Programs that run with their owner's rights, of which no package knows.
//!
//! In: regular files with setuid or setgid. Fails for each that no package of the distribution owns and that is not one of
//! the well-known ones in a system folder. Odd: a well-known name elsewhere (`tmp/su`) is no excuse.

use plimsoll_image::EntryKind;
use plimsoll_model::Level;

use super::{Looking, about};
use crate::{
    check::{About, Check, Outcome},
    view::View,
};

const KNOWN: &[&[u8]] = &[
    b"bbsuid",
    b"chage",
    b"chfn",
    b"chsh",
    b"crontab",
    b"dbus-daemon-launch-helper",
    b"expiry",
    b"fusermount",
    b"fusermount3",
    b"gpasswd",
    b"mount",
    b"newgrp",
    b"pam_timestamp_check",
    b"passwd",
    b"ping",
    b"ping6",
    b"ssh-agent",
    b"ssh-keysign",
    b"su",
    b"sudo",
    b"umount",
    b"unix_chkpwd",
    b"wall",
    b"write",
];
const SYSTEM: &[&[u8]] = &[
    b"bin/",
    b"sbin/",
    b"lib/",
    b"lib64/",
    b"usr/bin/",
    b"usr/sbin/",
    b"usr/lib/",
    b"usr/lib64/",
    b"usr/libexec/",
];

#[derive(Debug)]
pub(crate) struct SuidUnexpected;

impl Check for SuidUnexpected {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "Unexpected setuid or setgid program",
            why: "whoever starts it gets its owner's rights, and nobody maintains it",
            remedy: "remove the bits (`chmod a-s`) or the file",
            source: "CIS Docker 4.8; Dockle CIS-DI-0008",
            ..about("suid_unexpected", "hc_best_secruity", "os_file", Level::Medium)
        };
        &ABOUT
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        looking.applies();
        for node in view.special() {
            if node.kind() != EntryKind::File || node.mode() & 0o6000 == 0 {
                continue;
            }
            let path = node.path();
            let path = path.as_bytes();
            let is_known = KNOWN.contains(&node.name())
                && SYSTEM.iter().any(|folder| path.starts_with(folder));
            if !is_known && !view.is_owned(path) {
                let location = view.location(*node);
                let (mode, uid, gid) = (node.mode(), node.uid(), node.gid());
                looking.fail_at(&location, format!("mode {mode:04o}, owner {uid}:{gid}"));
            }
        }
        looking.outcome()
    }
}
