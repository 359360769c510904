//! A PostgreSQL server of a test's own: made in a temporary folder, gone with it.
//!
//! In: the programs of Debian's package `postgresql`, or those in `PATH`. Out: a URL. Odd:
//! * PostgreSQL refuses to run as root, so that root runs it as the user `postgres`.
//! * Its order of texts is a language's and not that of bytes where that can be had: what relies on bytes has to say so.

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// A running server; dropped, it ends.
pub(crate) struct Server {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) programs: PathBuf,
    pub(crate) user: Option<(u32, u32)>,
    pub(crate) child: Child,
}

impl Server {
    /// `None` where PostgreSQL is not installed; panics where it is and does not run.
    pub(crate) fn start() -> Option<Self> {
        let programs = programs()?;
        let user = user();
        let folder = tempfile::Builder::new().prefix("pg").tempdir().unwrap();
        if let Some((user, group)) = user {
            std::os::unix::fs::chown(folder.path(), Some(user), Some(group)).unwrap();
        }
        let data = folder.path().join("data");
        let init = |language: &[&str]| {
            command(&programs.join("initdb"), user)
                .args(["--no-sync", "--auth=trust", "--username=plimsoll", "--encoding=UTF8"])
                .arg("--locale=C.UTF-8")
                .args(language)
                .arg(&data)
                .output()
                .unwrap()
        };
        let mut made = init(&["--locale-provider=icu", "--icu-locale=en-US"]);
        if !made.status.success() {
            made = init(&[]);
        }
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let child = launch(folder.path(), &programs, user);
        let mut server = Self { folder, programs, user, child };
        server.wait();
        Some(server)
    }

    /// Where its database is.
    pub(crate) fn url(&self) -> String {
        format!("postgres://plimsoll@localhost/postgres?host={}", self.folder.path().display())
    }

    /// Waits until it lets clients in.
    pub(crate) fn wait(&mut self) {
        let begun = Instant::now();
        loop {
            let ready = command(&self.programs.join("pg_isready"), None)
                .arg("--quiet")
                .arg("-h")
                .arg(self.folder.path())
                .status()
                .unwrap();
            if ready.success() {
                return;
            }
            let log = || fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(self.child.try_wait().unwrap().is_none(), "PostgreSQL ended: {}", log());
            assert!(begun.elapsed() < Duration::from_secs(120), "PostgreSQL: {}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let stopped = command(&self.programs.join("pg_ctl"), self.user)
            .args(["stop", "--mode=immediate", "-D"])
            .arg(self.folder.path().join("data"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if !stopped.is_ok_and(|status| status.success()) {
            drop(self.child.kill());
        }
        drop(self.child.wait());
    }
}

/// Starts the program on a cluster that is there.
pub(crate) fn launch(folder: &Path, programs: &Path, user: Option<(u32, u32)>) -> Child {
    let log = fs::OpenOptions::new().append(true).create(true).open(folder.join("log")).unwrap();
    Command::new("setpriv")
        // A test that is killed leaves no server behind.
        .args(["--pdeathsig", "QUIT", "--"])
        .arg(programs.join("postgres"))
        .arg("-D")
        .arg(folder.join("data"))
        .arg("-k")
        .arg(folder)
        .args(["-c", "listen_addresses=", "-c", "fsync=off", "-c", "full_page_writes=off"])
        .args(["-c", "max_connections=600"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .as_user(user)
        .spawn()
        .unwrap()
}

trait AsUser {
    fn as_user(&mut self, user: Option<(u32, u32)>) -> &mut Self;
}

impl AsUser for Command {
    fn as_user(&mut self, user: Option<(u32, u32)>) -> &mut Self {
        match user {
            Some((user, group)) => self.uid(user).gid(group),
            None => self,
        }
    }
}

/// A program that PostgreSQL's user runs.
pub(crate) fn command(program: &Path, user: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    command.as_user(user).current_dir("/");
    command
}

/// The folder of the newest PostgreSQL.
fn programs() -> Option<PathBuf> {
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut found: Vec<(u32, PathBuf)> = debian
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    found.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = std::env::split_paths(&path);
    let known = found.into_iter().rev().map(|(_, folder)| folder).chain(in_path);
    known.into_iter().find(|folder| {
        let is_there = |name| {
            fs::metadata(folder.join(name))
                .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
        };
        is_there("initdb") && is_there("postgres")
    })
}

/// Whom root runs it as.
fn user() -> Option<(u32, u32)> {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let of = |name: &str| {
        users.lines().find_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            (fields.first() == Some(&name))
                .then(|| Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?)))?
        })
    };
    of("postgres").or_else(|| of("nobody"))
}
