//! SSH lets accounts without a password in.
//!
//! In: sshd's configuration ([`sshd`]). Fails where `PermitEmptyPasswords` is effectively `yes` and there is an sshd.

use plimsoll_model::Level;

use super::{Looking, about, sshd};
use crate::{
    check::{About, Check, Outcome},
    view::View,
    wanted::Wanted,
};

#[derive(Debug)]
pub(crate) struct SshEmptyPassword;

impl Check for SshEmptyPassword {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "SSH accepts empty passwords",
            why: "an account without a password is then open to everybody who reaches the port",
            remedy: "set `PermitEmptyPasswords no`, or take sshd out of the image",
            source: "CIS Debian/RHEL benchmarks",
            ..about("ssh_empty_password", "hc_best_secruity", "ssh", Level::High)
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
        if let Some((location, detail)) = sshd::setting(&mut looking, view, "PermitEmptyPasswords")
            && detail.to_ascii_lowercase().ends_with(" yes")
        {
            looking.fail_at(&location, detail);
        }
        looking.outcome()
    }
}
