//! `OpenLDAP` that lets everybody write.
//!
//! In: `slapd.conf` and the LDIF files of `slapd.d`. Fails for access rules that give `write` or `manage` to everybody.
//! Source: `slapd.access(5)`. Odd: a line that begins with a blank continues the one before; LDIF breaks words in two.

use plimsoll_model::Level;

use super::{Looking, services::open_to_all};
use crate::{
    check::{About, Check, Example, Outcome},
    facts::clip,
    view::View,
    wanted::{Wanted, text},
};

const FILES: &[&str] = &[
    "etc/ldap/slapd.conf",
    "etc/openldap/slapd.conf",
    "etc/ldap/slapd.d/**/*.ldif",
    "etc/openldap/slapd.d/**/*.ldif",
];
/// Bytes that continued lines are joined to.
const MAX_JOINED: usize = 16 << 10;

#[derive(Debug)]
pub(crate) struct OpenldapWrite;

impl Check for OpenldapWrite {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "OpenLDAP lets everybody write",
            why: "whoever reaches the port gives themselves any account and any group",
            source: "Alibaba Cloud baseline list; slapd.access(5)",
            ..open_to_all(
                "hc.image.checklist.identify.hc_exploit_openldap_linux.item",
                Level::Medium,
            )
        };
        &ABOUT
    }

    fn files(&self) -> &'static [Wanted] {
        const WANTED: &[Wanted] = &[
            text("etc/ldap/slapd.conf"),
            text("etc/openldap/slapd.conf"),
            text("etc/ldap/slapd.d/**/*.ldif"),
            text("etc/openldap/slapd.d/**/*.ldif"),
        ];
        WANTED
    }

    fn examples(&self) -> &'static [Example] {
        const EXAMPLES: &[Example] = &[
            Example::fails("line 2: by * write").files(&[(
                "etc/ldap/slapd.conf",
                "database mdb\naccess to *\n  by self write\n  by * write\n",
            )]),
            Example::fails("line 2: by anonymous manage").files(&[(
                "etc/openldap/slapd.d/cn=config/olcDatabase={1}mdb.ldif",
                "dn: x\nolcAccess: {0}to * by anony\n mous manage\n",
            )]),
            Example::passes().files(&[(
                "etc/ldap/slapd.conf",
                "# by * write\naccess to * by dn=\"cn=admin\" write by * read\n",
            )]),
        ];
        EXAMPLES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        for file in FILES.iter().flat_map(|pattern| looking.all(pattern)).collect::<Vec<_>>() {
            let is_ldif = file.location.path.ends_with(".ldif");
            for (number, rule) in joined(file.text, is_ldif) {
                let lower = rule.to_ascii_lowercase();
                if !lower.starts_with("access") && !lower.starts_with("olcaccess:") {
                    continue;
                }
                let words: Vec<&str> = lower.split_whitespace().collect();
                for three in words.windows(3) {
                    if let ["by", who @ ("*" | "anonymous"), what] = three
                        && matches!(*what, "write" | "manage" | "=w" | "+w" | "=rw" | "=wrscxd")
                    {
                        let detail = format!("line {number}: by {who} {what}");
                        looking.fail_at(&file.location, clip(&detail));
                    }
                }
            }
        }
        looking.outcome()
    }
}

/// Lines with those that continue them, and the number of the first.
fn joined(text: &str, is_ldif: bool) -> Vec<(usize, String)> {
    let mut joined: Vec<(usize, String)> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        match joined.last_mut() {
            Some((_, last)) if line.starts_with([' ', '\t']) && last.len() < MAX_JOINED => {
                if !is_ldif {
                    last.push(' ');
                }
                last.push_str(line.get(1..).unwrap_or_default());
            }
            _ if line.starts_with('#') => {}
            _ => joined.push((index + 1, line.to_owned())),
        }
    }
    joined
}
