//! Root may log in by SSH with a password.
//!
//! In: sshd's configuration ([`sshd`]). Fails where `PermitRootLogin` is effectively `yes` and there is an sshd. The
//! default, `prohibit-password`, passes.

use plimsoll_model::Level;

use super::{Looking, about, sshd};
use crate::{
    check::{About, Check, Outcome},
    view::View,
    wanted::Wanted,
};

#[derive(Debug)]
pub(crate) struct SshPermitRootLogin;

impl Check for SshPermitRootLogin {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "SSH lets root log in with a password",
            why: "root's password is the one that attackers try first, and it opens everything",
            remedy: "set `PermitRootLogin no`, or take sshd out of the image",
            source: "CIS Debian/RHEL benchmarks",
            ..about("ssh_permit_root_login", "hc_best_secruity", "ssh", Level::Medium)
        };
        &ABOUT
    }

    fn files(&self) -> &'static [Wanted] {
        sshd::FILES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        if !sshd::is_present(view) {
            return Outcome::NotApplicable;
        }
        let mut looking = Looking::new(self.about(), view);
        if let Some((location, detail)) = sshd::setting(&mut looking, view, "PermitRootLogin")
            && detail.to_ascii_lowercase().ends_with(" yes")
        {
            looking.fail_at(&location, detail);
        }
        looking.outcome()
    }
}
