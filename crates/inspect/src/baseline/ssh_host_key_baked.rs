//! The private key by which an SSH server is known.
//!
//! In: `etc/ssh/ssh_host_*_key`. Fails for each that holds a private key. Odd: of the file only its first line is kept.

use plimsoll_model::Level;

use super::{Looking, about};
use crate::{
    check::{About, Check, Example, Outcome},
    view::View,
    wanted::{Wanted, made},
};

const FILE: &str = "etc/ssh/ssh_host_*_key";

/// The first line, which tells what it is.
fn first_line(bytes: &[u8]) -> String {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    String::from_utf8_lossy(line.get(..line.len().min(100)).unwrap_or_default()).into_owned()
}

#[derive(Debug)]
pub(crate) struct SshHostKeyBaked;

impl Check for SshHostKeyBaked {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "SSH host key in the image",
            why: "whoever has the image can answer in the place of every container of it",
            remedy: "remove the keys, and make them when the container starts (`ssh-keygen -A`)",
            source: "OpenSSH documentation, ssh-keygen(1)",
            ..about("ssh_host_key_baked", "hc_best_secruity", "ssh", Level::Medium)
        };
        &ABOUT
    }

    fn files(&self) -> &'static [Wanted] {
        const FILES: &[Wanted] = &[made(FILE, 64 << 10, first_line)];
        FILES
    }

    fn examples(&self) -> &'static [Example] {
        const EXAMPLES: &[Example] = &[
            Example::fails("a private key").files(&[(
                "etc/ssh/ssh_host_ed25519_key",
                "-----BEGIN OPENSSH PRIVATE KEY-----\nc4nary\n",
            )]),
            Example::passes().files(&[("etc/ssh/ssh_host_rsa_key", "")]),
            Example::is_silent().files(&[("etc/ssh/ssh_host_rsa_key.pub", "ssh-rsa AAAA\n")]),
        ];
        EXAMPLES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        for file in looking.all(FILE) {
            if file.text.contains("PRIVATE KEY") {
                looking.fail_at(&file.location, "a private key".to_owned());
            }
        }
        looking.outcome()
    }
}
