//! PAM that accepts any password.
//!
//! In: `etc/pam.d` of login, su, sudo, sshd and what they include. Fails where `pam_permit.so` is sufficient for `auth`, or
//! is the first thing that `auth` asks. Source: `pam.conf(5)`, `pam_permit(8)`. Odd: distributions end their `common-auth`
//! with `required pam_permit.so` behind `pam_deny.so`, which only gives the stack a result, and passes.

use plimsoll_model::Level;

use super::{Looking, about, lines};
use crate::{
    check::{About, Check, Example, Outcome},
    view::View,
    wanted::{Wanted, text},
};

const NAMES: &[&str] = &[
    "etc/pam.d/sshd",
    "etc/pam.d/login",
    "etc/pam.d/su",
    "etc/pam.d/sudo",
    "etc/pam.d/system-auth",
    "etc/pam.d/password-auth",
    "etc/pam.d/common-auth",
];

#[derive(Debug)]
pub(crate) struct PamBypass;

impl Check for PamBypass {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "PAM accepts any password",
            why: "everybody logs in as anybody",
            remedy: "restore the file as the distribution ships it",
            source: "CIS Debian/RHEL benchmarks; pam_permit(8)",
            ..about("pam_bypass", "identification", "identification", Level::High)
        };
        &ABOUT
    }

    fn files(&self) -> &'static [Wanted] {
        const FILES: &[Wanted] = &[
            text("etc/pam.d/sshd"),
            text("etc/pam.d/login"),
            text("etc/pam.d/su"),
            text("etc/pam.d/sudo"),
            text("etc/pam.d/system-auth"),
            text("etc/pam.d/password-auth"),
            text("etc/pam.d/common-auth"),
        ];
        FILES
    }

    fn examples(&self) -> &'static [Example] {
        const EXAMPLES: &[Example] = &[
            Example::fails("line 2: auth sufficient pam_permit.so").files(&[(
                "etc/pam.d/sshd",
                "# PAM\nauth sufficient pam_permit.so\n@include common-auth\n",
            )]),
            Example::fails("line 1: auth required /lib/security/pam_permit.so")
                .files(&[("etc/pam.d/su", "auth required /lib/security/pam_permit.so\n")]),
            // Debian's own.
            Example::passes().files(&[(
                "etc/pam.d/common-auth",
                "auth\t[success=1 default=ignore]\tpam_unix.so nullok\nauth\trequisite\tpam_deny.so\nauth\trequired\tpam_permit.so\n",
            )]),
            // `su` of root needs no password.
            Example::passes().files(&[(
                "etc/pam.d/su",
                "auth sufficient pam_rootok.so\nsession required pam_permit.so\n@include common-auth\n",
            )]),
        ];
        EXAMPLES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        for path in NAMES {
            let Some(file) = looking.text(path) else { continue };
            let mut is_first = true;
            for (number, line) in lines(file.text) {
                if line.starts_with("@include") {
                    is_first = false;
                    continue;
                }
                let Some((control, module)) = auth(line) else { continue };
                let is_permit = module.rsplit('/').next() == Some("pam_permit.so");
                // What ends the stack, and what decides it as its first line.
                let ends = control == "sufficient" || control.contains("success=done");
                let decides = ends || matches!(control, "required" | "requisite" | "binding");
                if is_permit && (ends || (is_first && decides)) {
                    let detail = format!("line {number}: auth {control} {module}");
                    looking.fail_at(&file.location, crate::facts::clip(&detail));
                }
                is_first = false;
            }
        }
        looking.outcome()
    }
}

/// Control and module of a line of `auth`.
fn auth(line: &str) -> Option<(&str, &str)> {
    let line = line.strip_prefix('-').unwrap_or(line);
    let (kind, rest) = line.split_once(char::is_whitespace)?;
    if !kind.eq_ignore_ascii_case("auth") {
        return None;
    }
    let rest = rest.trim_start();
    let (control, rest) = match rest.strip_prefix('[') {
        Some(inner) => inner.split_once(']')?,
        None => rest.split_once(char::is_whitespace)?,
    };
    rest.split_whitespace().next().map(|module| (control, module))
}
