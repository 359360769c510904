//! The risk list with very many images: any filter, any page, and how many questions a second.
//!
//! In: a number of images. Out: a table of latencies and rates over HTTP, signatures and nonces included. Odd: the client runs on
//! the same machine and takes its share of it; a filter's first question is told apart, since the server remembers what
//! a filter selects until an image changes.

mod client;

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};

use self::client::{Client, Target, Way, total};
use super::{Common, measure::memory_of_tree, page::Section};
use crate::process::{output, root, run, say};

/// `cargo xtask bench listing`
#[derive(clap::Args, Debug)]
pub(crate) struct Listing {
    #[command(flatten)]
    common: Common,
    /// How many images
    #[arg(long, default_value_t = 1_000_000)]
    images: u64,
    /// Questions for each filter and page
    #[arg(long, default_value_t = 200)]
    questions: usize,
    /// How long rates are measured, in seconds
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Connections that ask at once for the rates
    #[arg(long, default_value_t = 32)]
    connections: usize,
}

/// Names and values that are sent.
type Sent = &'static [(&'static str, &'static str)];
/// How it is asked, what it is called, what is sent.
type Filter = (Way, &'static str, Sent);

/// Filters of the gateway and of the management interface: what they are called, and what is sent.
const FILTERS: &[Filter] = &[
    (Way::Acs3, "none", &[]),
    (Way::HmacSha1, "none, HMAC-SHA1", &[]),
    (Way::Acs3, "ClusterId", &[("ClusterId", "cluster-07")]),
    (Way::Acs3, "Namespace", &[("Namespace", "team-123")]),
    (Way::Acs3, "AppName", &[("AppName", "app-042")]),
    (
        Way::Acs3,
        "ClusterId, Namespace, AppName",
        &[("ClusterId", "cluster-01"), ("Namespace", "prod-30"), ("AppName", "app-000")],
    ),
    (Way::Acs3, "ImageName, one image", &[("ImageName", "frontend-10256:latest")]),
    (Way::Acs3, "ImageName, a seventh", &[("ImageName", "payments-api")]),
    (Way::Acs3, "ImageName, a digit", &[("ImageName", "1")]),
    (Way::Acs3, "Namespace and ImageName", &[("Namespace", "team-399"), ("ImageName", "gateway")]),
    (Way::Management, "level", &[("level", "medium")]),
    (Way::Management, "registry", &[("registry", "registry-3")]),
    (Way::Management, "text, two words", &[("text", "worker latest")]),
    (Way::Management, "text, part of a digest", &[("text", "sha256:0a1b2")]),
    (
        Way::Management,
        "registry, level, text",
        &[("registry", "hub"), ("level", "high"), ("text", "train 3")],
    ),
];

pub(super) fn run_bench(options: &Listing) -> anyhow::Result<()> {
    let scanners = options.common.programs.scanners()?;
    let Some(ours) = scanners.first() else { return Ok(()) };
    let folder = fleet(options.images)?;
    let mut server = Server::start(ours.program(), &folder)?;
    let target = server.target.clone();

    let mut section = Section::new("Listing", &ours.shown()?);
    let started = Instant::now();
    let (_, body) = Client::connect(&target)?.ask(Way::Acs3, &[])?;
    section.line(format!(
        "{} images in the embedded store; questions over HTTP with kept connections, the client on the same machine. The list in \
         memory was ready {:.1} s after the start; the server holds {} MiB after the run. The first question of a filter \
         is one of its own; the others are {} for each page, one after the other.",
        total(&body)?,
        started.elapsed().as_secs_f64(),
        "MEMORY",
        options.questions
    ));
    section.line("");
    section.line("| filter | images | first question, ms | first page p50, p99, ms | middle page | last page |");
    section.line("|---|---|---|---|---|---|");
    for (way, name, filter) in FILTERS {
        let line = latencies(&target, *way, name, filter, options.questions)?;
        say(&line);
        section.line(line);
    }
    section.line("");
    section.line(format!(
        "First page of 20, {} connections for {} s:",
        options.connections, options.seconds
    ));
    section.line("");
    section.line("| signature | requests/s | p50, p99, ms |");
    section.line("|---|---|---|");
    for (way, name) in [(Way::Acs3, "ACS3-HMAC-SHA256"), (Way::HmacSha1, "HMAC-SHA1")] {
        let line = rate(&target, way, name, options)?;
        say(&line);
        section.line(line);
    }
    section.replace("MEMORY", &(memory_of_tree(server.child.id()) >> 20).to_string());
    server.stop()?;
    section.write(&options.common.page())
}

/// The store with that many images, made if it is not there.
fn fleet(images: u64) -> anyhow::Result<PathBuf> {
    let folder = root().join("target/bench/listing").join(images.to_string());
    if !folder.join("made").exists() {
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        let made = folder.display().to_string();
        run(
            "cargo",
            &[
                "run",
                "--locked",
                "-p",
                "plimsoll-store",
                "--example",
                "listing_fleet",
                "--",
                &made,
                &images.to_string(),
            ],
        )?;
        File::create(folder.join("made"))?;
    }
    Ok(folder)
}

struct Server {
    child: Child,
    target: Target,
}

impl Server {
    fn start(program: &Path, folder: &Path) -> anyhow::Result<Self> {
        let data = folder.display().to_string();
        let shown = program.display().to_string();
        let key = output(
            &shown,
            &["--data", &data, "key", "create", "bench", "--allow", "*", "--format", "env"],
        )?;
        let value = |name: &str| {
            let line = key.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            line.map(ToOwned::to_owned).with_context(|| format!("`key create` says no {name}"))
        };
        let mut child = Command::new(program)
            .args(["--data", &data, "serve", "--listen", "127.0.0.1:0", "--sync-interval", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(folder.join("serve.log"))?)
            .spawn()?;
        let out = child.stdout.take().context("the server has no output")?;
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        let Some(address) = line.trim().strip_prefix("listening on http://") else {
            bail!("the server says `{line}`; see {}", folder.join("serve.log").display());
        };
        let mut drawn = [0; 8];
        let random = ring::rand::SystemRandom::new();
        if ring::rand::SecureRandom::fill(&random, &mut drawn).is_err() {
            bail!("the system gives no random numbers");
        }
        let target = Target {
            address: address.to_owned(),
            key_id: value("ALIBABA_CLOUD_ACCESS_KEY_ID")?,
            secret: value("ALIBABA_CLOUD_ACCESS_KEY_SECRET")?,
            admin_token: std::fs::read_to_string(folder.join("admin-token"))?.trim().to_owned(),
            date: output("date", &["-u", "+%Y-%m-%dT%H:%M:%SZ"])?.trim().to_owned(),
            nonces: u64::from_be_bytes(drawn),
        };
        Ok(Self { child, target })
    }

    fn stop(&mut self) -> anyhow::Result<()> {
        let process = self.child.id().to_string();
        output("kill", &["-TERM", &process])?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Also after an error; it has ended already after a stop.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn latencies(
    target: &Target,
    way: Way,
    name: &str,
    filter: &[(&str, &str)],
    questions: usize,
) -> anyhow::Result<String> {
    let mut client = Client::connect(target)?;
    let (page_name, size_name, size) = match way {
        Way::Management => ("page", "page_size", 25),
        Way::Acs3 | Way::HmacSha1 => ("CurrentPage", "PageSize", 20),
    };
    let mut ask = |page: u64| {
        let mut parameters: Vec<(&str, String)> =
            filter.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        parameters.push((page_name, page.to_string()));
        parameters.push((size_name, size.to_string()));
        client.ask(way, &parameters)
    };
    let (first, body) = ask(1)?;
    let images = total(&body)?;
    let last = images.div_ceil(size).max(1);
    let mut line = format!("| {name} | {images} | {:.1} |", first.as_secs_f64() * 1e3);
    for page in [1, last.div_ceil(2), last] {
        let times: anyhow::Result<Vec<Duration>> =
            (0..questions).map(|_| Ok(ask(page)?.0)).collect();
        let (half, most) = percentiles(times?);
        line += &format!(" {half:.1}, {most:.1} |");
    }
    Ok(line)
}

fn rate(target: &Target, way: Way, name: &str, options: &Listing) -> anyhow::Result<String> {
    let parameters = [("CurrentPage", "1".to_owned()), ("PageSize", "20".to_owned())];
    let until = Instant::now() + Duration::from_secs(options.seconds);
    let times: anyhow::Result<Vec<Vec<Duration>>> = thread::scope(|scope| {
        let ask = || {
            let mut client = Client::connect(target)?;
            let mut times = Vec::new();
            while Instant::now() < until {
                times.push(client.ask(way, &parameters)?.0);
            }
            Ok(times)
        };
        let threads: Vec<_> = (0..options.connections).map(|_| scope.spawn(ask)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| bail!("a client panicked")))
            .collect()
    });
    let times = times?.concat();
    let per_second = times.len() as u64 / options.seconds.max(1);
    let (half, most) = percentiles(times);
    Ok(format!("| {name} | {per_second} | {half:.1}, {most:.1} |"))
}

/// The middle and the 99th of a hundred, in milliseconds.
fn percentiles(mut times: Vec<Duration>) -> (f64, f64) {
    times.sort_unstable();
    let at = |part: usize| {
        let place = (times.len() * part).div_ceil(100).saturating_sub(1);
        times.get(place).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
    };
    (at(50), at(99))
}
