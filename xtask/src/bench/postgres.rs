//! A PostgreSQL server for a measurement: made in a folder, gone with it.
//!
//! In: the programs of Debian's package `postgresql`. Out: a URL. Odd: PostgreSQL refuses to run as root, so that root runs it as the
//! user `postgres`. What it may lose in a power cut is what it may lose as packaged, nothing; what is set otherwise is what
//! [`SETTINGS`] say.

use std::{
    fs,
    os::unix::{fs::chown, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};

use super::workplace;
use crate::process::output;

/// What nobody leaves as it is packaged.
pub(super) const SETTINGS: [&str; 2] = ["shared_buffers=1GB", "max_wal_size=4GB"];

/// A running server; dropped, it ends.
pub(super) struct Server {
    folder: PathBuf,
    child: Child,
}

impl Server {
    pub(super) fn start() -> anyhow::Result<Self> {
        let programs = programs()?;
        let folder = workplace("postgres")?;
        let user = user()?;
        if let Some((user, group)) = user {
            chown(&folder, Some(user), Some(group))?;
        }
        // A path to a socket has no room for deep folders.
        let folder = folder.canonicalize()?;
        let data = folder.join("data");
        let made = command(&programs.join("initdb"), user)
            .args(["--auth=trust", "--username=plimsoll", "--encoding=UTF8", "--locale=C.UTF-8"])
            .arg(&data)
            .stdout(Stdio::null())
            .status()
            .context("`initdb` does not start")?;
        if !made.success() {
            bail!("`initdb` made no cluster; can its user reach `{}`?", folder.display());
        }
        let mut server = command(&programs.join("postgres"), user);
        server.arg("-D").arg(&data).arg("-k").arg(socket(&folder)?);
        server.args(["-c", "listen_addresses="]);
        for setting in SETTINGS {
            server.args(["-c", setting]);
        }
        let log = fs::File::create(folder.join("log"))?;
        let child = server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn()?;
        let mut started = Self { folder, child };
        started.wait(&programs)?;
        Ok(started)
    }

    /// Where its database is.
    pub(super) fn url(&self) -> anyhow::Result<String> {
        self.url_of("postgres")
    }

    /// Where another database on it is.
    pub(super) fn url_of(&self, database: &str) -> anyhow::Result<String> {
        let socket = socket(&self.folder)?;
        Ok(format!("postgres://plimsoll@localhost/{database}?host={}", socket.display()))
    }

    /// Runs a statement in the first database.
    pub(super) fn run_sql(&self, sql: &str) -> anyhow::Result<()> {
        let program = programs()?.join("psql");
        let socket = socket(&self.folder)?.display().to_string();
        let program = program.display().to_string();
        let how =
            ["--quiet", "--username=plimsoll", "--host", &socket, "postgres", "--command", sql];
        output(&program, &how)?;
        Ok(())
    }

    fn wait(&mut self, programs: &Path) -> anyhow::Result<()> {
        let begun = Instant::now();
        let socket = socket(&self.folder)?;
        loop {
            let ready = command(&programs.join("pg_isready"), None)
                .arg("--quiet")
                .arg("-h")
                .arg(&socket)
                .status()?;
            if ready.success() {
                return Ok(());
            }
            if self.child.try_wait()?.is_some() || begun.elapsed() > Duration::from_secs(120) {
                let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                bail!("PostgreSQL does not run: {log}");
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGINT: it ends at once and in order.
        drop(output("kill", &["-INT", &self.child.id().to_string()]));
        drop(self.child.wait());
        drop(fs::remove_dir_all(&self.folder));
        if let Ok(socket) = socket(&self.folder) {
            drop(fs::remove_dir_all(socket));
        }
    }
}

/// A short folder for the socket, that of this checkout.
fn socket(folder: &Path) -> anyhow::Result<PathBuf> {
    let mark = folder
        .display()
        .to_string()
        .bytes()
        .fold(5381_u32, |sum, byte| sum.wrapping_mul(33) ^ u32::from(byte));
    let socket = std::env::temp_dir().join(format!("plimsoll-bench-{mark:08x}"));
    fs::create_dir_all(&socket)?;
    if let Some((user, group)) = user()? {
        chown(&socket, Some(user), Some(group))?;
    }
    Ok(socket)
}

fn command(program: &Path, user: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    if let Some((user, group)) = user {
        command.uid(user).gid(group);
    }
    command.current_dir("/");
    command
}

/// The folder of the newest PostgreSQL.
fn programs() -> anyhow::Result<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    found.sort();
    found.pop().map(|(_, folder)| folder).context("PostgreSQL is not here: `cargo xtask setup`")
}

/// Whom root runs it as.
fn user() -> anyhow::Result<Option<(u32, u32)>> {
    if output("id", &["-u"])?.trim() != "0" {
        return Ok(None);
    }
    let of = |option| -> anyhow::Result<u32> {
        Ok(output("id", &[option, "postgres"])?.trim().parse()?)
    };
    Ok(Some((of("-u")?, of("-g")?)))
}
