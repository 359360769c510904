//! Baseline checks, one file each; the list of all is [`checks`](crate::checks).
//!
//! In: the merged image. Out: what fails. Source: `docs/semantics.md`, "Baseline"; check-lists by name in each row. Odd:
//! what is a sample (documentation, `*.example`, package managers' left-overs) is not configuration and is skipped.

pub(crate) mod accounts;
pub(crate) mod ak_leak;
pub(crate) mod authorized_keys_baked;
pub(crate) mod dictionary;
pub(crate) mod duplicate_uid;
pub(crate) mod ld_so_preload;
pub(crate) mod non_pwd_user;
pub(crate) mod passwd_hash_in_passwd;
pub(crate) mod password_hash;
pub(crate) mod password_leak;
pub(crate) mod perm_passwd;
pub(crate) mod perm_shadow;
pub(crate) mod secret_words;
pub(crate) mod ssh_empty_password;
pub(crate) mod ssh_permit_root_login;
pub(crate) mod sshd;
pub(crate) mod sudo_nopasswd_all;
pub(crate) mod suid_unexpected;
pub(crate) mod uid0_not_root;
pub(crate) mod unsigned_repo;
pub(crate) mod weak_db_env;
pub(crate) mod weak_linux_login;
pub(crate) mod world_writable_dir;
pub(crate) mod world_writable_file;

use plimsoll_model::{Gap, GapReason, Kind, Level, Location};

use crate::{
    check::{About, Outcome, Seen, unseen},
    view::{FileText, Unread, View},
};

/// A row of kind baseline; the rest is named at each check.
pub(crate) const fn about(
    id: &'static str,
    class: &'static str,
    name: &'static str,
    level: Level,
) -> About {
    About {
        id,
        kind: Kind::Baseline,
        class,
        name,
        level,
        title: "",
        why: "",
        remedy: "",
        source: "",
    }
}

/// Places that one check keeps; what is beyond is a gap.
const MAX_SEEN: usize = 100_000;

/// What a check has looked at so far.
pub(crate) struct Looking<'v> {
    about: &'static About,
    view: &'v View<'v>,
    seen: Vec<Seen>,
    gaps: Vec<Gap>,
    applicable: bool,
}

impl<'v> Looking<'v> {
    pub(crate) fn new(about: &'static About, view: &'v View<'v>) -> Self {
        Self { about, view, seen: Vec::new(), gaps: Vec::new(), applicable: false }
    }

    /// Something is there to be looked at.
    pub(crate) fn applies(&mut self) {
        self.applicable = true;
    }

    /// The file's text; one that cannot be read becomes a gap.
    pub(crate) fn text(&mut self, path: &str) -> Option<FileText<'v>> {
        let text = self.view.text(path);
        self.keep(text.transpose()?)
    }

    /// The texts of a folder's files.
    pub(crate) fn texts(
        &mut self,
        folder: &str,
        wanted: impl Fn(&[u8]) -> bool,
    ) -> Vec<FileText<'v>> {
        let texts = self.view.texts(folder, |name| wanted(name) && !is_sample(name));
        texts.into_iter().filter_map(|text| self.keep(text)).collect()
    }

    fn keep(&mut self, text: Result<FileText<'v>, Unread>) -> Option<FileText<'v>> {
        self.applies();
        match text {
            Ok(text) => Some(text),
            Err(unread) => {
                self.gaps.push(unseen(self.about, &unread.path, unread.detail));
                None
            }
        }
    }

    /// It fails because of something in a file.
    pub(crate) fn fail_at(&mut self, location: &Location, detail: String) {
        self.applies();
        if self.seen.len() < MAX_SEEN {
            self.seen.push(Seen::at(location.clone(), detail));
        } else if self.seen.len() == MAX_SEEN {
            self.seen.push(Seen::at(location.clone(), detail));
            self.gaps.push(Gap {
                reason: GapReason::BudgetReached,
                ..unseen(self.about, "", format!("evidence: the limit of {MAX_SEEN} is reached"))
            });
        }
    }

    /// It fails because of something in the configuration or history.
    pub(crate) fn fail(&mut self, detail: String) {
        self.applies();
        self.seen.push(Seen::in_image(detail));
    }

    /// Something could not be judged.
    pub(crate) fn gap(&mut self, gap: Gap) {
        self.applies();
        self.gaps.push(gap);
    }

    pub(crate) fn outcome(self) -> Outcome {
        if !self.gaps.is_empty() {
            Outcome::Undecided(self.gaps, self.seen)
        } else if !self.seen.is_empty() {
            Outcome::Fail(self.seen)
        } else if self.applicable {
            Outcome::Pass
        } else {
            Outcome::NotApplicable
        }
    }
}

/// Ends of names that are samples or left-overs.
const SAMPLES: &[&[u8]] = &[
    b".sample",
    b".example",
    b".template",
    b".tmpl",
    b".dist",
    b".dpkg-dist",
    b".dpkg-old",
    b".dpkg-new",
    b".rpmnew",
    b".rpmsave",
    b".bak",
    b"~",
];

pub(crate) fn is_sample(name: &[u8]) -> bool {
    SAMPLES.iter().any(|end| name.ends_with(end))
}

/// The lines of a configuration file with their numbers, without comments and blanks.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let numbered = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}
