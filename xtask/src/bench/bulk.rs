//! The registry of many tags or images that measurements of fleets read: an example of the crate `server`.
//!
//! In: what it holds. Out: its address; answers to words. Odd: it is a program of its own, so that `xtask` need not be built with
//! the product, and so that its memory is nobody else's.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, bail};

use crate::process::root;

/// A running registry; dropped, it ends.
pub(super) struct BulkRegistry {
    child: Child,
    words: ChildStdin,
    answers: BufReader<ChildStdout>,
    url: String,
}

/// An example of a package, or a program that was built of it before.
pub(super) fn example(built: Option<&Path>, package: &str, name: &str) -> Command {
    let mut command = Command::new(built.unwrap_or(Path::new("cargo")));
    if built.is_none() {
        command.args(["run", "--quiet", "--locked", "--release", "--package", package]);
        command.args(["--example", name, "--"]);
    }
    command.current_dir(root());
    command
}

impl BulkRegistry {
    /// `holds`: `tags REPOSITORIES TAGS` or `images NUMBER KIBIBYTES`.
    pub(super) fn start(built: Option<&Path>, holds: &[String]) -> anyhow::Result<Self> {
        let mut child = example(built, "plimsoll-server", "bulk_registry")
            .args(holds)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the registry does not start")?;
        let (Some(words), Some(out)) = (child.stdin.take(), child.stdout.take()) else {
            bail!("the registry has no input or no output");
        };
        let mut registry = Self { child, words, answers: BufReader::new(out), url: String::new() };
        let line = registry.line()?;
        let url = line.strip_prefix("listening on ").context("the registry does not say where")?;
        registry.url = url.to_owned();
        Ok(registry)
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Says a word, and returns the answer.
    pub(super) fn ask(&mut self, word: &str) -> anyhow::Result<String> {
        writeln!(self.words, "{word}")?;
        self.words.flush()?;
        self.line()
    }

    fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            bail!("the registry ended");
        }
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for BulkRegistry {
    fn drop(&mut self) {
        // Cargo hands a signal on to nobody; the program ends when its input does, and that closes with this value.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The body of an answer to GET.
pub(super) fn get(address: &str, path: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (_, body) = answer.split_once("\r\n\r\n").context("an answer without a body")?;
    Ok(body.to_owned())
}
