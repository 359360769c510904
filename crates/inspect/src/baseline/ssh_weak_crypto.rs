//! SSH with ciphers that are broken.
//!
//! In: sshd's configuration ([`sshd`]). Fails where `Ciphers`, `MACs` or `KexAlgorithms` list a broken one, or `Protocol`
//! lists version 1. Source: `sshd_config(5)`; RFC 8758, RFC 9142. Odd: a list that begins with `-` takes away.

use plimsoll_model::Level;

use super::{Looking, about, sshd};
use crate::{
    check::{About, Check, Example, Outcome},
    facts::clip,
    view::View,
    wanted::{Wanted, is_named},
};

const BROKEN: &[&str] = &[
    "3des-cbc",
    "arcfour*",
    "*-cbc",
    "*-cbc@*",
    "hmac-md5*",
    "hmac-sha1-96*",
    "diffie-hellman-group1-sha1",
];

#[derive(Debug)]
pub(crate) struct SshWeakCrypto;

impl Check for SshWeakCrypto {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "Broken SSH algorithms",
            why: "what is said over them can be read or changed by somebody in between",
            remedy: "remove the line: sshd's own lists are good",
            source: "CIS Debian/RHEL benchmarks; RFC 9142",
            ..about("ssh_weak_crypto", "hc_best_secruity", "ssh", Level::Low)
        };
        &ABOUT
    }

    fn files(&self) -> &'static [Wanted] {
        sshd::FILES
    }

    fn examples(&self) -> &'static [Example] {
        const EXAMPLES: &[Example] = &[
            Example::fails("line 1: Ciphers: aes128-cbc").files(&[
                ("usr/sbin/sshd 755", ""),
                ("etc/ssh/sshd_config", "Ciphers aes256-ctr,aes128-cbc\n"),
            ]),
            Example::fails("KexAlgorithms: diffie-hellman-group1-sha1").files(&[
                ("usr/sbin/sshd 755", ""),
                ("etc/ssh/sshd_config", "KexAlgorithms +diffie-hellman-group1-sha1\n"),
            ]),
            Example::fails("Protocol: 1")
                .files(&[("usr/sbin/sshd 755", ""), ("etc/ssh/sshd_config", "Protocol 2,1\n")]),
            Example::passes().files(&[
                ("usr/sbin/sshd 755", ""),
                (
                    "etc/ssh/sshd_config",
                    "#Ciphers aes128-cbc\nCiphers -*-cbc\nMACs hmac-sha2-256\nProtocol 2\n",
                ),
            ]),
            Example::is_silent().files(&[("etc/ssh/sshd_config", "Ciphers aes128-cbc\n")]),
        ];
        EXAMPLES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        if !sshd::is_present(view) {
            return Outcome::NotApplicable;
        }
        let mut looking = Looking::new(self.about(), view);
        for keyword in ["Ciphers", "MACs", "KexAlgorithms", "Protocol"] {
            let Some((location, detail)) = sshd::setting(&mut looking, view, keyword) else {
                continue;
            };
            // `line 3: Ciphers a,b`
            let list = detail.rsplit(' ').next().unwrap_or_default();
            if list.starts_with('-') {
                continue;
            }
            let names = list.trim_start_matches(['+', '^']).split(',');
            let is_broken = |name: &&str| {
                let name = name.to_ascii_lowercase();
                match keyword {
                    "Protocol" => name == "1",
                    _ => BROKEN.iter().any(|broken| is_named(name.as_bytes(), broken)),
                }
            };
            let broken: Vec<&str> = names.filter(is_broken).collect();
            if !broken.is_empty() {
                let line = detail.split(':').next().unwrap_or_default();
                let shown = clip(&broken.join(", "));
                looking.fail_at(&location, format!("{line}: {keyword}: {shown}"));
            }
        }
        looking.outcome()
    }
}
