//! FTP accounts with a password that everybody tries first.
//!
//! In: `ProFTPD`'s `AuthUserFile` (lines as in `passwd`, with hashes) and vsftpd's lists of virtual users (a name, then its
//! password, line by line). Source: `ProFTPD` documentation, "`AuthUserFile`"; vsftpd's `VIRTUAL_USERS` example.

use plimsoll_model::Level;

use super::{Looking, about, accounts, dictionary, tries::Tries};
use crate::{
    check::{About, Check, Example, Outcome},
    facts::clip,
    view::View,
    wanted::{Wanted, text},
};

const HASHED: &[&str] = &["etc/proftpd/*passwd*", "etc/proftpd/conf.d/*passwd*", "etc/ftpd.passwd"];
const PLAIN: &[&str] = &[
    "etc/vsftpd/*users*.txt",
    "etc/vsftpd/logins.txt",
    "etc/vsftpd/vusers.txt",
    "etc/vsftpd_login.txt",
];

#[derive(Debug)]
pub(crate) struct WeakFtp;

impl Check for WeakFtp {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "Weak FTP password",
            why: "it is among the first that password guessers try",
            remedy: "take the account out of the image; supply credentials when the container starts",
            source: "Alibaba Cloud baseline list; veinmind-tools",
            ..about("weak_ftp", "weak_password", "weak_password", Level::Medium)
        };
        &ABOUT
    }

    fn files(&self) -> &'static [Wanted] {
        const FILES: &[Wanted] = &[
            text("etc/proftpd/*passwd*"),
            text("etc/proftpd/conf.d/*passwd*"),
            text("etc/ftpd.passwd"),
            text("etc/vsftpd/*users*.txt"),
            text("etc/vsftpd/logins.txt"),
            text("etc/vsftpd/vusers.txt"),
            text("etc/vsftpd_login.txt"),
        ];
        FILES
    }

    fn examples(&self) -> &'static [Example] {
        const EXAMPLES: &[Example] = &[
            Example::fails("line 1: `ftp` has a well-known password").files(&[(
                "etc/proftpd/ftpd.passwd",
                "ftp:$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/:1000:1000::/srv:/bin/false\n",
            )]),
            Example::fails("line 2: `web` has a well-known password").files(&[(
                "etc/vsftpd/virtual_users.txt",
                "web\nweb123\nother\nc4nary-of-length\n",
            )]),
            Example::passes().files(&[
                ("etc/proftpd/ftpd.passwd", "ftp:!:1000:1000::/srv:/bin/false\n"),
                ("etc/vsftpd/logins.txt", "web\nc4nary-of-length\n"),
            ]),
        ];
        EXAMPLES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        let mut tries = Tries::of(view);
        for file in HASHED.iter().flat_map(|pattern| looking.all(pattern)).collect::<Vec<_>>() {
            for account in accounts::accounts(file.text) {
                let (line, name) = (account.line, account.name);
                tries.judge(&mut looking, &file.location, line, name, account.password);
            }
        }
        for file in PLAIN.iter().flat_map(|pattern| looking.all(pattern)).collect::<Vec<_>>() {
            let lines: Vec<&str> = file.text.lines().map(str::trim).collect();
            for (number, pair) in lines.chunks(2).enumerate() {
                let [name, password] = pair else { continue };
                if !name.is_empty() && dictionary::is_weak(name, password) {
                    let line = number * 2 + 2;
                    let detail = format!("line {line}: `{}` has a well-known password", clip(name));
                    looking.fail_at(&file.location, detail);
                }
            }
        }
        looking.outcome()
    }
}
