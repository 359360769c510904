//! Password files that others than root can read.
//!
//! In: owner and mode of `etc/shadow`, `etc/gshadow` and their backups. Fails where others have any right (`mode & 007`)
//! or the owner is not root.

use plimsoll_model::Level;

use super::{Looking, about};
use crate::{
    check::{About, Check, Outcome},
    view::View,
};

#[derive(Debug)]
pub(crate) struct PermShadow;

impl Check for PermShadow {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "Password hashes are readable by everybody",
            why: "any process in the container can try passwords against the hashes at leisure, or change them",
            remedy: "`chown root:shadow` and `chmod 0640` the file",
            source: "CIS Debian/RHEL benchmarks",
            ..about("perm_shadow", "hc_best_secruity", "os_file", Level::High)
        };
        &ABOUT
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        looking
            .owner_and_mode(&["etc/shadow", "etc/shadow-", "etc/gshadow", "etc/gshadow-"], 0o007);
        looking.outcome()
    }
}

impl Looking<'_> {
    /// Fails for each of the files that has one of the bits, or another owner than root.
    pub(super) fn owner_and_mode(&mut self, paths: &[&str], bits: u32) {
        for path in paths {
            let Some(node) = self.view.node(path) else { continue };
            self.applies();
            let (mode, uid) = (node.mode(), node.uid());
            if mode & bits != 0 || uid != 0 {
                let location = self.view.location(node);
                self.fail_at(&location, format!("mode {mode:04o}, owner {uid}"));
            }
        }
    }
}
