//! Web accounts with a password that everybody tries first.
//!
//! In: `.htpasswd` and its like, and the files that nginx's `auth_basic_user_file` names there. Source: Apache
//! documentation, "Password Formats": bcrypt, `$apr1$`, `{SHA}` and `crypt(3)`; nginx's
//! `auth_basic_user_file` for `{PLAIN}`.

use plimsoll_model::Level;

use super::{Looking, about, accounts, dictionary, tries::Tries};
use crate::{
    check::{About, Check, Example, Outcome},
    facts::clip,
    view::View,
    wanted::{Wanted, text},
};

const PATTERNS: &[&str] = &[
    "**/.htpasswd",
    "**/htpasswd",
    "etc/nginx/*htpasswd*",
    "etc/nginx/*passwd*",
    "etc/apache2/*passwd*",
    "etc/httpd/*passwd*",
];

#[derive(Debug)]
pub(crate) struct WeakHtpasswd;

impl Check for WeakHtpasswd {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "Weak password of a web account",
            why: "it is among the first that password guessers try",
            remedy: "take the file out of the image; supply it when the container starts",
            source: "Apache documentation, password formats",
            ..about("weak_htpasswd", "weak_password", "weak_password", Level::Medium)
        };
        &ABOUT
    }

    fn files(&self) -> &'static [Wanted] {
        const FILES: &[Wanted] = &[
            text("**/.htpasswd"),
            text("**/htpasswd"),
            text("etc/nginx/*htpasswd*"),
            text("etc/nginx/*passwd*"),
            text("etc/apache2/*passwd*"),
            text("etc/httpd/*passwd*"),
        ];
        FILES
    }

    fn examples(&self) -> &'static [Example] {
        const EXAMPLES: &[Example] = &[
            Example::fails("line 1: `admin` has a well-known password")
                .files(&[("etc/nginx/.htpasswd", "admin:$apr1$c4naryxx$TP5G4Zx97tfk3CHrUi7kM1\n")]),
            Example::fails("line 2: `b`")
                .files(&[("var/www/.htpasswd", "# users\nb:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n")]),
            Example::fails("line 1: `c`").files(&[("etc/nginx/.htpasswd", "c:{PLAIN}c123\n")]),
            Example::passes()
                .files(&[("etc/nginx/.htpasswd", "admin:$apr1$c4naryxx$................kM1..\n")]),
            // So slow that not everything can be tried.
            Example::is_undecided("cost above 14").files(&[(
                "etc/nginx/.htpasswd",
                "a:$2y$31$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
            )]),
        ];
        EXAMPLES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        let mut tries = Tries::of(view);
        let mut files: Vec<_> = PATTERNS.iter().flat_map(|pattern| looking.all(pattern)).collect();
        files.sort_by(|a, b| a.location.cmp(&b.location));
        files.dedup_by(|a, b| a.location == b.location);
        for file in files {
            for account in accounts::accounts(file.text) {
                let (line, name, field) = (account.line, account.name, account.password.trim());
                if let Some(password) = field.strip_prefix("{PLAIN}") {
                    if dictionary::is_weak(name, password) {
                        let name = clip(name);
                        let detail = format!("line {line}: `{name}` has a well-known password");
                        looking.fail_at(&file.location, detail);
                    }
                } else {
                    tries.judge(&mut looking, &file.location, line, name, field);
                }
            }
        }
        looking.outcome()
    }
}
