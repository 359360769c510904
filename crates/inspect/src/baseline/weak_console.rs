//! Consoles with a password that everybody tries first.
//!
//! In: Grafana's `[security] admin_password`, Zabbix's `zabbix.conf.php`, Jenkins' users, VNC's password file and
//! `OpenLDAP`'s `rootpw`. Source: each product's documentation; RFB's `vncauth.c` for VNC, whose file is eight bytes
//! encrypted with a key that everybody knows.

use base64::{Engine, engine::general_purpose::STANDARD};
use plimsoll_model::Level;

use super::{Looking, about, des, dictionary, lines, tries::Tries};
use crate::{
    check::{About, Check, Example, Outcome},
    settings::{Grammar, read, unquoted},
    view::{FileText, View},
    wanted::{Wanted, made, text},
};

const GRAFANA: &str = "**/grafana.ini";
const ZABBIX: &str = "**/zabbix.conf.php";
const JENKINS: &[&str] =
    &["**/jenkins_home/users/*/config.xml", "var/lib/jenkins/users/*/config.xml"];
const VNC: &str = "**/.vnc/passwd";
const LDAP: &[&str] = &["etc/ldap/slapd.conf", "etc/openldap/slapd.conf"];

#[derive(Debug)]
pub(crate) struct WeakConsole;

/// The bytes as hexadecimal digits: they are no text.
fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

impl Check for WeakConsole {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "Default password of a console",
            why: "it is among the first that password guessers try",
            remedy: "take the password out of the image; supply a long random one when the container starts",
            source: "Alibaba Cloud baseline list",
            ..about("weak_console", "weak_password", "weak_password", Level::Medium)
        };
        &ABOUT
    }

    fn files(&self) -> &'static [Wanted] {
        const FILES: &[Wanted] = &[
            text(GRAFANA),
            text(ZABBIX),
            text("**/jenkins_home/users/*/config.xml"),
            text("var/lib/jenkins/users/*/config.xml"),
            made(VNC, 4096, hexadecimal),
            text("etc/ldap/slapd.conf"),
            text("etc/openldap/slapd.conf"),
        ];
        FILES
    }

    fn examples(&self) -> &'static [Example] {
        const EXAMPLES: &[Example] = &[
            Example::fails("line 2: admin_password ***")
                .files(&[("etc/grafana/grafana.ini", "[security]\nadmin_password = admin\n")]),
            Example::fails("line 3: PASSWORD ***").files(&[(
                "etc/zabbix/web/zabbix.conf.php",
                "<?php\n$DB['USER'] = 'zabbix';\n$DB['PASSWORD'] = 'zabbix';\n",
            )]),
            Example::fails("`passwordHash` has a well-known password").files(&[(
                "var/jenkins_home/users/admin_1/config.xml",
                "<user>\n<passwordHash>#jbcrypt:$2a$05$abcdefghijklmnopqrstuuWG29KuyeAicPCJODk1zjyGvyQUU2awu</passwordHash>\n</user>",
            )]),
            Example::fails("line 1: rootpw ***")
                .files(&[("etc/ldap/slapd.conf", "rootpw secret\n")]),
            // SSHA of `admin` with the salt `salt`.
            Example::fails("rootpw ***")
                .files(&[("etc/ldap/slapd.conf", "database mdb\nrootpw {SSHA}m8eqVfCP2tk1w/g2LT9IvPcOsoBzYWx0\n")]),
            Example::passes().files(&[
                ("etc/grafana/grafana.ini", "[security]\n;admin_password = admin\n[x]\nadmin_password = admin\n"),
                ("etc/ldap/slapd.conf", "#rootpw secret\nrootpw {SSHA}AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==\n"),
                ("root/.vnc/passwd", "c4nary"),
            ]),
        ];
        EXAMPLES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        for file in looking.all(GRAFANA) {
            let settings = read(Grammar::Ini, file.text).list;
            let password = settings
                .iter()
                .rev()
                .find(|one| one.section == "security" && one.key == "admin_password");
            if let Some(password) = password
                && !password.value.is_empty()
                && dictionary::is_weak("admin", &password.value)
            {
                looking
                    .fail_at(&file.location, format!("line {}: admin_password ***", password.line));
            }
        }
        for file in looking.all(ZABBIX) {
            zabbix(&mut looking, &file);
        }
        let mut tries = Tries::of(view);
        for file in JENKINS.iter().flat_map(|pattern| looking.all(pattern)).collect::<Vec<_>>() {
            for element in crate::settings::xml::read(file.text).elements {
                if element.name() == "passwordHash"
                    && let Some(hash) = element.text.strip_prefix("#jbcrypt:")
                {
                    tries.judge(&mut looking, &file.location, element.line, "passwordHash", hash);
                }
            }
        }
        for file in looking.all(VNC) {
            let first = file.text.get(..16).and_then(|digits| u64::from_str_radix(digits, 16).ok());
            let is_weak = |first| {
                dictionary::candidates("vnc").any(|word| des::vnc(word.as_bytes()) == first)
            };
            if first.is_some_and(is_weak) {
                looking.fail_at(&file.location, "VNC's password is a well-known one".to_owned());
            }
        }
        for path in LDAP {
            if let Some(file) = looking.text(path) {
                ldap(&mut looking, &mut tries, &file);
            }
        }
        looking.outcome()
    }
}

/// `$DB['PASSWORD'] = 'zabbix';`
fn zabbix(looking: &mut Looking<'_>, file: &FileText<'_>) {
    for (number, line) in lines(file.text) {
        let Some((name, value)) = line.split_once('=') else { continue };
        let value = unquoted(value.trim().trim_end_matches(';'));
        if name.contains("PASSWORD")
            && name.starts_with('$')
            && dictionary::is_weak("zabbix", value)
        {
            looking.fail_at(&file.location, format!("line {number}: PASSWORD ***"));
        }
    }
}

/// `rootpw secret`, or a hash.
fn ldap(looking: &mut Looking<'_>, tries: &mut Tries<'_>, file: &FileText<'_>) {
    for (number, line) in lines(file.text) {
        let Some((key, value)) = line.split_once(char::is_whitespace) else { continue };
        let value = unquoted(value);
        if !key.eq_ignore_ascii_case("rootpw") || value.is_empty() {
            continue;
        }
        let is_weak = if let Some(hash) = value.strip_prefix("{CRYPT}") {
            tries.judge(looking, &file.location, number, "rootpw", hash);
            false
        } else if let Some(hash) =
            value.strip_prefix("{SSHA}").or_else(|| value.strip_prefix("{SHA}"))
        {
            is_salted(hash)
        } else {
            !value.starts_with('{') && dictionary::is_weak("ldap", value)
        };
        if is_weak {
            looking.fail_at(&file.location, format!("line {number}: rootpw ***"));
        }
    }
}

/// Whether a well-known password has this hash: SHA-1 of password and salt, then the salt.
fn is_salted(hash: &str) -> bool {
    let Ok(bytes) = STANDARD.decode(hash) else { return false };
    let Some((known, salt)) = bytes.split_at_checked(20) else { return false };
    dictionary::candidates("admin").any(|candidate| {
        let salted = [candidate.as_bytes(), salt].concat();
        let sha1 = &ring::digest::SHA1_FOR_LEGACY_USE_ONLY;
        ring::digest::digest(sha1, &salted).as_ref() == known
    })
}
