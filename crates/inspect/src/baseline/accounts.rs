//! Accounts: `etc/passwd`, `etc/shadow` and BSD's `etc/master.passwd`.
//!
//! In: lines of fields between colons. Out: accounts. Source: `passwd(5)`, `shadow(5)`. Odd: a line with too few fields
//! still names an account to some programs; it counts here as soon as it has a password field.

use super::Looking;
use crate::{
    view::FileText,
    wanted::{Wanted, text},
};

pub(crate) const PASSWD: &str = "etc/passwd";
pub(crate) const GROUP: &str = "etc/group";
pub(crate) const SHADOW: &[&str] = &["etc/shadow", "etc/master.passwd"];

/// All of them.
pub(crate) const FILES: &[Wanted] = &[text(PASSWD), text("etc/shadow"), text("etc/master.passwd")];

/// One line.
pub(crate) struct Account<'t> {
    pub(crate) line: usize,
    pub(crate) name: &'t str,
    pub(crate) password: &'t str,
    /// `passwd` only.
    pub(crate) uid: Option<u64>,
    /// `passwd` only.
    pub(crate) home: &'t str,
    /// `passwd` only; empty means `/bin/sh`.
    pub(crate) shell: &'t str,
}

/// The accounts of a file.
pub(crate) fn accounts(text: &str) -> impl Iterator<Item = Account<'_>> {
    super::lines(text).filter_map(|(line, text)| {
        let mut fields = text.split(':');
        let (name, password) = (fields.next()?, fields.next()?);
        let uid = fields.next().and_then(|uid| uid.trim().parse().ok());
        let mut rest = fields.skip(2);
        let home = rest.next().unwrap_or_default();
        let shell = rest.next().unwrap_or_default().trim();
        (!name.is_empty()).then_some(Account { line, name, password, uid, home, shell })
    })
}

/// `etc/passwd`, if there is one.
pub(crate) fn passwd<'v>(looking: &mut Looking<'v>) -> Option<FileText<'v>> {
    looking.text(PASSWD)
}

/// The files of password hashes that there are.
pub(crate) fn shadows<'v>(looking: &mut Looking<'v>) -> Vec<FileText<'v>> {
    SHADOW.iter().filter_map(|path| looking.text(path)).collect()
}

const NOLOGIN: &[&str] = &[
    "/sbin/nologin",
    "/usr/sbin/nologin",
    "/bin/false",
    "/usr/bin/false",
    "/bin/sync",
    "/usr/bin/sync",
    "/sbin/shutdown",
    "/usr/sbin/shutdown",
    "/sbin/halt",
    "/usr/sbin/halt",
    "/dev/null",
];

/// Whether the account's shell lets nobody in.
pub(crate) fn is_nologin(shell: &str) -> bool {
    NOLOGIN.contains(&shell)
}

/// Whether a password field is a hash that some password leads to.
pub(crate) fn is_hash(field: &str) -> bool {
    field.starts_with('$') || is_des(field) || (field.starts_with('_') && field.len() == 20)
}

/// Whether it is a hash of the traditional kind.
pub(crate) fn is_des(field: &str) -> bool {
    field.len() == 13
        && field.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/'))
}
