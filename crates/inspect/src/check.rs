//! What judges an image, and THE list of all checks.
//!
//! In: [`View`], the merged image with its configuration and history. Out: [`Outcome`] per check, and of those findings.
//! Source: `docs/semantics.md`, "Baseline" and "Build risks". Odd: one fact is reported by one check only: what a check
//! of kind build reports (user, secrets in build instructions) is no baseline risk, so it never counts as one.

use std::collections::BTreeMap;

use plimsoll_model::{
    Evidence, Finding, Fix, Gap, GapReason, Kind, Kinds, Level, Location, Subject, Suppression,
};

use crate::{
    baseline::{self, services},
    build_risk,
    history::Instruction,
    view::View,
    wanted::Wanted,
};

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

    /// The files whose text it wants to see.
    fn files(&self) -> &'static [Wanted] {
        &[]
    }

    /// Programs of which it asks whether they are there, by their names.
    fn programs(&self) -> &'static [&'static str] {
        &[]
    }

    /// Images of which it must say something certain, where no folder of cases has them.
    fn examples(&self) -> &'static [Example] {
        &[]
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

/// A small image, and what a check must say of it.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// The outcome's name: `fail`, `pass`, `na` or `undecided`.
    pub says: &'static str,
    /// A part of the evidence; empty where there is none.
    pub evidence: &'static str,
    /// Paths and texts; a path may be followed by a mode: `etc/crontab 666`.
    pub files: &'static [(&'static str, &'static str)],
    /// `NAME=value` of the environment.
    pub environment: &'static [&'static str],
    /// The command line.
    pub command: &'static [&'static str],
    /// `created_by` of the history.
    pub history: &'static [&'static str],
    /// Other fields of the configuration, as JSON: `"User": "1000"`.
    pub config: &'static str,
}

impl Example {
    const fn new(says: &'static str, evidence: &'static str) -> Self {
        Self {
            says,
            evidence,
            files: &[],
            environment: &[],
            command: &[],
            history: &[],
            config: "",
        }
    }

    /// An image that must fail, with this in the evidence.
    pub(crate) const fn fails(evidence: &'static str) -> Self {
        Self::new("fail", evidence)
    }

    /// An image that must pass.
    pub(crate) const fn passes() -> Self {
        Self::new("pass", "")
    }

    /// An image in which there is nothing to look at.
    pub(crate) const fn is_silent() -> Self {
        Self::new("na", "")
    }

    /// An image of which not everything can be said, with this in the gap.
    pub(crate) const fn is_undecided(gap: &'static str) -> Self {
        Self::new("undecided", gap)
    }

    pub(crate) const fn files(mut self, files: &'static [(&'static str, &'static str)]) -> Self {
        self.files = files;
        self
    }

    pub(crate) const fn environment(mut self, environment: &'static [&'static str]) -> Self {
        self.environment = environment;
        self
    }

    pub(crate) const fn command(mut self, command: &'static [&'static str]) -> Self {
        self.command = command;
        self
    }

    pub(crate) const fn history(mut self, history: &'static [&'static str]) -> Self {
        self.history = history;
        self
    }

    pub(crate) const fn config(mut self, config: &'static str) -> Self {
        self.config = config;
        self
    }
}

/// One thing that a check saw; secrets are masked in it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Seen {
    /// The step of the build, if it is one: its position in the history.
    pub step: Option<usize>,
    /// The file, if it is in one.
    pub location: Option<Location>,
    /// What is there.
    pub detail: String,
}

impl Seen {
    /// Something in the image's configuration or history.
    #[must_use]
    pub fn in_image(detail: impl Into<String>) -> Self {
        Self { step: None, location: None, detail: detail.into() }
    }

    /// Something in a step of the build.
    #[must_use]
    pub fn in_step(step: usize, detail: impl Into<String>) -> Self {
        Self { step: Some(step), location: None, detail: detail.into() }
    }

    /// Something in a file.
    #[must_use]
    pub fn at(location: Location, detail: impl Into<String>) -> Self {
        Self { step: None, location: Some(location), detail: detail.into() }
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
    static CHECKS: &[&dyn Check] = &[
        &baseline::non_pwd_user::NonPwdUser,
        &baseline::duplicate_uid::DuplicateUid,
        &baseline::duplicate_pwd_hash::DuplicatePwdHash,
        &baseline::uid0_not_root::Uid0NotRoot,
        &baseline::duplicate_gid::DuplicateGid,
        &baseline::passwd_hash_in_passwd::PasswdHashInPasswd,
        &baseline::weak_hash_algo::WeakHashAlgo,
        &baseline::legacy_plus_entry::LegacyPlusEntry,
        &baseline::sys_account_shell::SysAccountShell,
        &baseline::authorized_keys_baked::AuthorizedKeysBaked,
        &baseline::pam_bypass::PamBypass,
        &baseline::sudo_nopasswd_all::SudoNopasswdAll,
        &baseline::weak_linux_login::WeakLinuxLogin,
        &baseline::weak_redis::WeakRedis,
        &baseline::weak_db_env::WeakDbEnv,
        &baseline::weak_mysql::WeakMysql,
        &baseline::weak_tomcat::WeakTomcat,
        &baseline::weak_activemq::WeakActivemq,
        &baseline::weak_rabbitmq::WeakRabbitmq,
        &baseline::weak_ftp::WeakFtp,
        &baseline::weak_rsync::WeakRsync,
        &baseline::weak_svn::WeakSvn,
        &baseline::weak_htpasswd::WeakHtpasswd,
        &baseline::weak_console::WeakConsole,
        &services::store::REDIS,
        &services::store::ELASTICSEARCH,
        &services::store::COUCHDB,
        &services::store::MONGODB,
        &services::broker::ZOOKEEPER,
        &services::store::MEMCACHED,
        &services::database::RSYNC,
        &baseline::postgresql_trust::PostgresqlTrust,
        &services::cluster::JENKINS,
        &services::cluster::HADOOP,
        &services::store::INFLUXDB,
        &baseline::activemq_open::ActivemqOpen,
        &services::broker::RABBITMQ,
        &baseline::openldap_write::OpenldapWrite,
        &baseline::jboss_console::JbossConsole,
        &services::cluster::DOCKER,
        &services::cluster::KUBERNETES,
        &services::database::MYSQL_GRANT_TABLES,
        &services::broker::KAFKA,
        &services::store::ETCD,
        &services::cluster::NACOS,
        &baseline::java_debug::JavaDebug,
        &baseline::java_management::JavaManagement,
        &services::cluster::JUPYTER,
        &services::web::PHP_FPM,
        &baseline::tomcat_ajp::TomcatAjp,
        &baseline::ftp_anonymous::FtpAnonymous,
        &services::web::ACTUATOR,
        &baseline::ssh_permit_root_login::SshPermitRootLogin,
        &baseline::ssh_empty_password::SshEmptyPassword,
        &baseline::ssh_weak_crypto::SshWeakCrypto,
        &baseline::ssh_host_key_baked::SshHostKeyBaked,
        &baseline::perm_shadow::PermShadow,
        &baseline::perm_passwd::PermPasswd,
        &baseline::suid_unexpected::SuidUnexpected,
        &baseline::world_writable_file::WorldWritableFile,
        &baseline::world_writable_dir::WorldWritableDir,
        &baseline::path_insecure::PathInsecure,
        &baseline::cron_perm::CronPerm,
        &baseline::ld_so_preload::LdSoPreload,
        &baseline::unsigned_repo::UnsignedRepo,
        &baseline::git_dir_in_webroot::GitDirInWebroot,
        &baseline::nginx_alias_traversal::NginxAliasTraversal,
        &services::web::NGINX_TLS_LEGACY,
        &services::web::NGINX_AUTOINDEX,
        &services::web::NGINX_USER_ROOT,
        &baseline::apache_listing::ApacheListing,
        &baseline::apache_tls_legacy::ApacheTlsLegacy,
        &baseline::tomcat_default_apps::TomcatDefaultApps,
        &baseline::tomcat_put::TomcatPut,
        &services::web::TOMCAT_SHUTDOWN,
        &services::web::PHP_URL_INCLUDE,
        &services::web::PHP_DISPLAY_ERRORS,
        &baseline::phpinfo_file::PhpinfoFile,
        &services::database::MYSQL_LOCAL_INFILE,
        &services::database::MYSQL_SECURE_FILE_PRIV,
        &baseline::debug_mode::DebugMode,
        &baseline::ak_leak::AkLeak,
        &baseline::password_leak::PasswordLeak,
        &build_risk::no_user::NoUser,
        &build_risk::other::ADD,
        &build_risk::other::ADD_REMOTE,
        &build_risk::no_healthcheck::NoHealthcheck,
        &build_risk::package::UPDATE_ALONE,
        &build_risk::package::PKG_CACHE,
        &build_risk::package::DIST_UPGRADE,
        &build_risk::other::SUDO_IN_RUN,
        &build_risk::package::UNVERIFIED_PKG,
        &build_risk::secret_in_env::SecretInEnv,
        &build_risk::secret_in_arg::SecretInArg,
        &build_risk::secret_file_copied::SecretFileCopied,
        &build_risk::password_in_run::PasswordInRun,
        &build_risk::network::PIPE_TO_SHELL,
        &build_risk::network::INSECURE_TLS,
        &build_risk::network::HTTP_DOWNLOAD,
        &build_risk::permission::CHMOD_777,
        &build_risk::permission::SETUID_ADDED,
        &build_risk::expose_ssh::ExposeSsh,
        &build_risk::permission::SENSITIVE_VOLUME,
        &build_risk::other::RELATIVE_WORKDIR,
        &build_risk::latest_base::LatestBase,
        &build_risk::other::REVERSE_SHELL,
    ];
    CHECKS
}

/// Evidence of one finding; what is beyond is only counted.
const MAX_EVIDENCE: usize = 20;

/// Findings of all checks: a history has thousands of steps at most.
const MAX_FINDINGS: usize = 20_000;

/// Runs all checks of these kinds.
pub(crate) fn judge_all(view: &View<'_>, kinds: Kinds) -> (Vec<Finding>, Vec<Gap>) {
    let mut findings = Vec::new();
    let mut gaps = Vec::new();
    for check in checks().iter().filter(|check| kinds.contains(check.kind())) {
        let seen = match check.judge(view) {
            Outcome::Pass | Outcome::NotApplicable => continue,
            Outcome::Fail(seen) => seen,
            Outcome::Undecided(unseen, seen) => {
                gaps.extend(unseen);
                seen
            }
        };
        let mut by_step: BTreeMap<Option<usize>, Vec<Seen>> = BTreeMap::new();
        for seen in seen {
            by_step.entry(seen.step).or_default().push(seen);
        }
        for (step, seen) in by_step {
            if findings.len() < MAX_FINDINGS {
                let instruction = step.and_then(|step| view.instructions().get(step));
                findings.push(finding(check.about(), instruction, seen));
            } else {
                gaps.push(Gap {
                    reason: GapReason::BudgetReached,
                    ..unseen(
                        check.about(),
                        "",
                        format!("the limit of {MAX_FINDINGS} findings is reached"),
                    )
                });
            }
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

fn finding(about: &About, step: Option<&Instruction>, mut seen: Vec<Seen>) -> Finding {
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
    let (mut record, mut subject) = (about.id.to_owned(), subject(about, &seen));
    if let Some(step) = step {
        // What is counted is a risk at a step.
        record = format!("{}:{}", about.id, step.index);
        subject = Subject::Image(format!("history[{}]", step.index));
        extra.insert("history".to_owned(), step.index.to_string());
        extra.insert("line".to_owned(), step.line.to_string());
        extra.insert("instruction".to_owned(), step.shown());
        if step.inherited {
            extra.insert("inherited".to_owned(), "true".to_owned());
        }
    }
    let evidence = seen
        .into_iter()
        .take(MAX_EVIDENCE)
        .map(|seen| Evidence { location: seen.location, detail: seen.detail })
        .collect();
    // Still shown: whoever makes the base image can mend it, and whoever builds upon it can change it.
    let is_inherited = about.kind == Kind::Build && step.is_some_and(|step| step.inherited);
    let suppressed = is_inherited.then(|| Suppression {
        by: "history".to_owned(),
        advisory: "base-image".to_owned(),
        reason: "the step came with the base image".to_owned(),
        ignored: None,
    });
    Finding {
        kind: about.kind,
        id: about.id.to_owned(),
        record,
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
        suppressed,
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
        None if about.id == "no_healthcheck" => Subject::Image("config.Healthcheck".to_owned()),
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
        let finding = finding(about, None, seen);
        assert_eq!(finding.evidence.len(), 20);
        assert_eq!(finding.extra["evidence_total"], "30");
        assert_eq!(finding.evidence[19].detail, "19");
    }
}
