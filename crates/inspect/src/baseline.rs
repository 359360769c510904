//! Baseline checks, one file each; the list of all is [`checks`](crate::checks).
//!
//! In: the merged image. Out: what fails. Source: `docs/semantics.md`, "Baseline"; check-lists by name in each row. Odd:
//! what is a sample (documentation, `*.example`, package managers' left-overs) is not configuration and is skipped.

pub(crate) mod accounts;
pub(crate) mod activemq_open;
pub(crate) mod address;
pub(crate) mod ak_leak;
pub(crate) mod apache_listing;
pub(crate) mod apache_tls_legacy;
pub(crate) mod authorized_keys_baked;
pub(crate) mod cron_perm;
pub(crate) mod debug_mode;
pub(crate) mod des;
pub(crate) mod dictionary;
pub(crate) mod duplicate_gid;
pub(crate) mod duplicate_pwd_hash;
pub(crate) mod duplicate_uid;
pub(crate) mod ftp_anonymous;
pub(crate) mod git_dir_in_webroot;
pub(crate) mod httpd;
pub(crate) mod java_debug;
pub(crate) mod java_management;
pub(crate) mod java_options;
pub(crate) mod jboss_console;
pub(crate) mod ld_so_preload;
pub(crate) mod legacy_plus_entry;
pub(crate) mod nginx_alias_traversal;
pub(crate) mod non_pwd_user;
pub(crate) mod openldap_write;
pub(crate) mod pam_bypass;
pub(crate) mod passwd_hash_in_passwd;
pub(crate) mod password_hash;
pub(crate) mod password_leak;
pub(crate) mod path_insecure;
pub(crate) mod perm_passwd;
pub(crate) mod perm_shadow;
pub(crate) mod phpinfo_file;
pub(crate) mod postgresql_trust;
pub(crate) mod secret_words;
pub(crate) mod service;
pub(crate) mod services;
pub(crate) mod ssh_empty_password;
pub(crate) mod ssh_host_key_baked;
pub(crate) mod ssh_permit_root_login;
pub(crate) mod ssh_weak_crypto;
pub(crate) mod sshd;
pub(crate) mod sudo_nopasswd_all;
pub(crate) mod suid_unexpected;
pub(crate) mod sys_account_shell;
pub(crate) mod tomcat_ajp;
pub(crate) mod tomcat_default_apps;
pub(crate) mod tomcat_put;
pub(crate) mod tries;
pub(crate) mod uid0_not_root;
pub(crate) mod unsigned_repo;
pub(crate) mod weak_activemq;
pub(crate) mod weak_console;
pub(crate) mod weak_db_env;
pub(crate) mod weak_ftp;
pub(crate) mod weak_hash_algo;
pub(crate) mod weak_htpasswd;
pub(crate) mod weak_linux_login;
pub(crate) mod weak_mysql;
pub(crate) mod weak_rabbitmq;
pub(crate) mod weak_redis;
pub(crate) mod weak_rsync;
pub(crate) mod weak_svn;
pub(crate) mod weak_tomcat;
pub(crate) mod world_writable_dir;
pub(crate) mod world_writable_file;

use plimsoll_model::{Gap, GapReason, Kind, Level, Location};

use crate::{
    check::{About, Outcome, Seen, unseen},
    view::{FileText, MAX_FILES_PER_FOLDER, Unread, View},
    wanted::{Pattern, is_sample},
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

/// Gaps that one check keeps.
const MAX_GAPS: usize = 200;

/// How deep files include each other.
pub(crate) const MAX_DEPTH: usize = 5;

/// Files that one configuration is made of; a long one counts several times, and each place that includes others once.
pub(crate) const MAX_FILES: usize = 200;

/// What is said of files that are not read for these limits.
pub(crate) const TOO_MANY: &str = "includes are nested too deeply, or too many";

/// How often a file of that text counts among [`MAX_FILES`].
pub(crate) const fn weight(text: &str) -> usize {
    1 + text.len() / (32 << 10)
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

    /// The texts of all files whose paths are like a pattern.
    pub(crate) fn all(&mut self, pattern: &'static str) -> Vec<FileText<'v>> {
        if !pattern.contains('*') {
            return self.text(pattern).into_iter().collect();
        }
        let paths = self.view.paths(&Pattern::new(pattern));
        if paths.len() >= MAX_FILES_PER_FOLDER {
            let detail =
                format!("files like `{pattern}`: the limit of {MAX_FILES_PER_FOLDER} is reached");
            self.cut("", detail);
        }
        paths.iter().filter_map(|path| self.text(path)).collect()
    }

    /// The merged image.
    pub(crate) const fn view(&self) -> &'v View<'v> {
        self.view
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

    /// It fails because of a step of the build.
    pub(crate) fn fail_step(&mut self, step: usize, detail: String) {
        self.applies();
        if self.seen.len() < MAX_SEEN {
            self.seen.push(Seen::in_step(step, detail));
        }
    }

    /// Something in a file could not be judged.
    pub(crate) fn unseen(&mut self, at: &str, detail: impl Into<String>) {
        let gap = unseen(self.about, at, detail);
        self.gap(gap);
    }

    /// A limit was reached.
    pub(crate) fn cut(&mut self, at: &str, detail: impl Into<String>) {
        let gap = Gap { reason: GapReason::BudgetReached, ..unseen(self.about, at, detail) };
        self.gap(gap);
    }

    /// Something could not be judged.
    pub(crate) fn gap(&mut self, gap: Gap) {
        self.applies();
        if self.gaps.len() < MAX_GAPS {
            self.gaps.push(gap);
        }
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

/// The lines of a configuration file with their numbers, without comments and blanks.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let numbered = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}
