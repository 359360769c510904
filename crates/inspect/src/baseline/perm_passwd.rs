//! Account files that others than root can change.
//!
//! In: owner and mode of `etc/passwd`, `etc/group` and their backups. Fails where group or others may write
//! (`mode & 022`) or the owner is not root. Odd: images made for arbitrary user ids let group 0 write `passwd` on purpose;
//! that is a risk all the same, which its owner may accept.

use plimsoll_model::Level;

use super::{Looking, about};
use crate::{
    check::{About, Check, Outcome},
    view::View,
};

#[derive(Debug)]
pub(crate) struct PermPasswd;

impl Check for PermPasswd {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "Account files are writable by others than root",
            why: "whoever can write them can make an account with user id 0",
            remedy: "`chown root:root` and `chmod 0644` the file",
            source: "CIS Debian/RHEL benchmarks",
            ..about("perm_passwd", "hc_best_secruity", "os_file", Level::High)
        };
        &ABOUT
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        looking.owner_and_mode(&["etc/passwd", "etc/passwd-", "etc/group", "etc/group-"], 0o022);
        looking.outcome()
    }
}
