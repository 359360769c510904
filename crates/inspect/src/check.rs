//! What judges an image, and THE list of all checks.
//!
//! In: [`View`], the merged image with its configuration and history. Out: [`Outcome`] per check, and of those findings.
//! Source: `docs/semantics.md`, "Baseline" and "Build risks". Odd: one fact is reported by one check only: what a check
//! of kind build reports (user, secrets in build instructions) is no baseline risk, so it never counts as one.

use std::collections::BTreeMap;

use plimsoll_model::{Evidence, Finding, Fix, Gap, GapReason, Kind, Level, Location, Subject};

use crate::{baseline, build_risk, view::View};

/// What a check is, as a row of data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct About {
    /// Item key: stands in findings, in `coverage.ran` and in the API.
    pub id: &'static str,
    /// Baseline or build.
    pub kind: Kind,
    /// The API's class.
    pub class: &'static str,
    /// The API's name within the class.
    pub name: &'static str,
    /// How bad a failure is.
    pub level: Level,
    /// One line for people.
    pub title: &'static str,
    /// Why it matters.
    pub why: &'static str,
    /// What to do.
    pub remedy: &'static str,
    /// Which published check-lists ask for it.
    pub source: &'static str,
}

/// Judges one fact.
pub trait Check: Sync {
    /// What it is.
    fn about(&self) -> &'static About;

    /// Whether it wants to see the text of the file at `path` (at most 1 MiB).
    fn claims(&self, path: &[u8]) -> bool {
        let _ = path;
        false
    }

    /// Looks.
    fn judge(&self, view: &View<'_>) -> Outcome;

    /// [`About::id`].
    fn id(&self) -> &'static str {
        self.about().id
    }

    /// [`About::kind`].
    fn kind(&self) -> Kind {
        self.about().kind
    }

    /// [`About::class`].
    fn class(&self) -> &'static str {
        self.about().class
    }

    /// [`About::level`].
    fn level(&self) -> Level {
        self.about().level
    }

    /// [`About::title`].
    fn title(&self) -> &'static str {
        self.about().title
    }

    /// [`About::source`].
    fn source(&self) -> &'static str {
        self.about().source
    }
}

/// One thing that a check saw; secrets are masked in it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Seen {
    /// The file, if it is in one.
    pub location: Option<Location>,
    /// What is there.
    pub detail: String,
}

impl Seen {
    /// Something in the image's configuration or history.
    #[must_use]
    pub fn in_image(detail: impl Into<String>) -> Self {
        Self { location: None, detail: detail.into() }
    }

    /// Something in a file.
    #[must_use]
    pub fn at(location: Location, detail: impl Into<String>) -> Self {
        Self { location: Some(location), detail: detail.into() }
    }
}

/// What a check says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Looked, and it is as it should be.
    Pass,
    /// Looked, and it is not.
    Fail(Vec<Seen>),
    /// There is nothing to look at.
    NotApplicable,
    /// Could not look everywhere: at what, and what was seen nevertheless.
    Undecided(Vec<Gap>, Vec<Seen>),
}

/// THE list: everything that judges. Baseline first, in the order of `docs/semantics.md`.
#[must_use]
pub fn checks() -> &'static [&'static dyn Check] {
    &[
        &baseline::non_pwd_user::NonPwdUser,
        &baseline::duplicate_uid::DuplicateUid,
        &baseline::uid0_not_root::Uid0NotRoot,
        &baseline::passwd_hash_in_passwd::PasswdHashInPasswd,
        &baseline::authorized_keys_baked::AuthorizedKeysBaked,
        &baseline::sudo_nopasswd_all::SudoNopasswdAll,
        &baseline::weak_linux_login::WeakLinuxLogin,
        &baseline::weak_db_env::WeakDbEnv,
        &baseline::ssh_permit_root_login::SshPermitRootLogin,
        &baseline::ssh_empty_password::SshEmptyPassword,
        &baseline::perm_shadow::PermShadow,
        &baseline::perm_passwd::PermPasswd,
        &baseline::suid_unexpected::SuidUnexpected,
        &baseline::world_writable_file::WorldWritableFile,
        &baseline::world_writable_dir::WorldWritableDir,
        &baseline::ld_so_preload::LdSoPreload,
        &baseline::unsigned_repo::UnsignedRepo,
        &baseline::ak_leak::AkLeak,
        &baseline::password_leak::PasswordLeak,
        &build_risk::no_user::NoUser,
        &build_risk::secret_in_env::SecretInEnv,
        &build_risk::secret_in_arg::SecretInArg,
        &build_risk::secret_file_copied::SecretFileCopied,
        &build_risk::password_in_run::PasswordInRun,
    ]
}

/// Evidence of one finding; what is beyond is only counted.
const MAX_EVIDENCE: usize = 20;

/// Runs all checks.
pub(crate) fn judge_all(view: &View<'_>) -> (Vec<Finding>, Vec<Gap>) {
    let mut findings = Vec::new();
    let mut gaps = Vec::new();
    for check in checks() {
        let seen = match check.judge(view) {
            Outcome::Pass | Outcome::NotApplicable => continue,
            Outcome::Fail(seen) => seen,
            Outcome::Undecided(unseen, seen) => {
                gaps.extend(unseen);
                seen
            }
        };
        if !seen.is_empty() {
            findings.push(finding(check.about(), seen));
        }
    }
    (findings, gaps)
}

/// The gap of a check that could not look at `at`.
pub(crate) fn unseen(about: &About, at: &str, detail: impl Into<String>) -> Gap {
    Gap {
        reason: GapReason::UnreadableFile,
        by: about.id.to_owned(),
        at: at.to_owned(),
        detail: detail.into(),
    }
}

fn finding(about: &About, mut seen: Vec<Seen>) -> Finding {
    seen.sort();
    seen.dedup();
    let mut extra = BTreeMap::from([
        ("class".to_owned(), about.class.to_owned()),
        ("name".to_owned(), about.name.to_owned()),
        ("source".to_owned(), about.source.to_owned()),
        ("why".to_owned(), about.why.to_owned()),
    ]);
    if seen.len() > MAX_EVIDENCE {
        extra.insert("evidence_total".to_owned(), seen.len().to_string());
    }
    let subject = subject(about, &seen);
    let evidence = seen
        .into_iter()
        .take(MAX_EVIDENCE)
        .map(|seen| Evidence { location: seen.location, detail: seen.detail })
        .collect();
    Finding {
        kind: about.kind,
        id: about.id.to_owned(),
        record: about.id.to_owned(),
        aliases: Vec::new(),
        advisories: Vec::new(),
        level: about.level,
        priority: None,
        score: None,
        urgency: None,
        subject,
        title: about.title.to_owned(),
        evidence,
        fix: Some(Fix { version: None, advice: about.remedy.to_owned() }),
        status: None,
        suppressed: None,
        views: Vec::new(),
        why: Vec::new(),
        extra,
    }
}

/// The file, if it is about one file alone; else the image.
fn subject(about: &About, seen: &[Seen]) -> Subject {
    let mut paths = seen.iter().map(|seen| seen.location.as_ref().map(|location| &location.path));
    let first = paths.next().flatten();
    match first {
        Some(path) if paths.all(|other| other == Some(path)) => Subject::Path(path.clone()),
        Some(_) => Subject::Image("files".to_owned()),
        None if about.id == "no_user" => Subject::Image("config.User".to_owned()),
        None if about.kind == Kind::Build => Subject::Image("history".to_owned()),
        None => Subject::Image("config".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_are_complete_rows_with_unique_ids() {
        let mut ids: Vec<&str> = checks().iter().map(|check| check.id()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), checks().len());
        for check in checks() {
            let about = check.about();
            for word in
                [about.class, about.name, about.title, about.why, about.remedy, about.source]
            {
                assert!(!word.is_empty(), "{about:?}");
            }
            assert!(matches!(about.kind, Kind::Baseline | Kind::Build));
            assert!(matches!(about.level, Level::Low | Level::Medium | Level::High));
        }
    }

    #[test]
    fn evidence_is_capped_and_counted() {
        let about = baseline::perm_shadow::PermShadow.about();
        let seen = (0..30).map(|number| Seen::in_image(format!("{number:02}"))).collect();
        let finding = finding(about, seen);
        assert_eq!(finding.evidence.len(), 20);
        assert_eq!(finding.extra["evidence_total"], "30");
        assert_eq!(finding.evidence[19].detail, "19");
    }
}
