//! Programs that run with their owner's rights, of which no package knows, or with capabilities that amount to root's.
//!
//! In: regular files with setuid, setgid or capabilities. Fails for each with the bits that no package of the distribution owns
//! and that is not one of the well-known ones in a system folder, and for each with a capability that makes root of whoever
//! has it. Source: `capabilities(7)`; Brad Spengler, "False Boundaries and Arbitrary Code Execution" (2011). Odd: a
//! well-known name elsewhere (`tmp/su`) is no excuse, and being a package's is none for capabilities: it is whoever builds the
//! image that gives `python3` the right to become anyone.

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
/// Capabilities with which a program reads or writes any file, becomes any user, or gives itself the others.
const LIKE_ROOT: &[&str] = &[
    "cap_bpf",
    "cap_chown",
    "cap_dac_override",
    "cap_dac_read_search",
    "cap_fowner",
    "cap_mac_admin",
    "cap_mac_override",
    "cap_mknod",
    "cap_setfcap",
    "cap_setgid",
    "cap_setpcap",
    "cap_setuid",
    "cap_sys_admin",
    "cap_sys_module",
    "cap_sys_ptrace",
    "cap_sys_rawio",
];

/// Programs of distributions that have some of them, and which.
const GIVEN: &[(&[u8], &[&str])] = &[
    (b"newgidmap", &["cap_setgid"]),
    (b"newuidmap", &["cap_setuid"]),
    (b"suexec", &["cap_setgid", "cap_setuid"]),
    (b"systemd-detect-virt", &["cap_dac_override", "cap_sys_ptrace"]),
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
            title: "Unexpected setuid or setgid program, or capabilities like root's",
            why: "whoever starts it gets its owner's rights, and nobody maintains it",
            remedy: "remove the bits (`chmod a-s`), the capabilities (`setcap -r`) or the file",
            source: "CIS Docker 4.8; Dockle CIS-DI-0008",
            ..about("suid_unexpected", "hc_best_secruity", "os_file", Level::Medium)
        };
        &ABOUT
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        looking.applies();
        for node in view.special() {
            if node.kind() != EntryKind::File {
                continue;
            }
            let path = node.path();
            let path = path.as_bytes();
            let is_of_system = SYSTEM.iter().any(|folder| path.starts_with(folder));
            let is_known = is_of_system && KNOWN.contains(&node.name());
            if node.mode() & 0o6000 != 0 && !is_known && !view.is_owned(path) {
                let location = view.location(*node);
                let (mode, uid, gid) = (node.mode(), node.uid(), node.gid());
                looking.fail_at(&location, format!("mode {mode:04o}, owner {uid}:{gid}"));
            }
            let given = GIVEN.iter().find(|(name, _)| is_of_system && *name == node.name());
            let is_given = |name: &str| given.is_some_and(|(_, given)| given.contains(&name));
            if let Some(capabilities) = node.capabilities()
                && capabilities.names().any(|name| LIKE_ROOT.contains(&name) && !is_given(name))
            {
                looking.fail_at(&view.location(*node), format!("capabilities {capabilities}"));
            }
        }
        looking.outcome()
    }
}
