//! What workers do together: images an hour, and how they share a queue.
//!
//! In: a number of images, of runs; a length of a queue. Out: images an hour of one worker of one thread, two such ones, and one as it
//! comes; latencies of claims and shares of registries with twenty. Odd: the registry runs on the same cores as the workers, as
//! does PostgreSQL; each run has a copy of the same prepared site, and the first tenth of its images is not counted, since
//! a worker's start is not its work.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};

use super::{
    Common,
    bulk::{BulkRegistry, example, get},
    measure::median,
    page::Section,
    postgres::Server,
    workplace,
};
use crate::process::{output, say};

/// `cargo xtask bench workers`
#[derive(clap::Args, Debug)]
pub(crate) struct Workers {
    #[command(flatten)]
    common: Common,
    /// Images of each run
    #[arg(long, default_value_t = 200)]
    images: u32,
    /// KiB of each
    #[arg(long, default_value_t = 2_048)]
    kibibytes: u32,
    /// Images that wait for twenty workers
    #[arg(long, default_value_t = 5_000)]
    queue: u32,
    /// How long each of those takes its worker, in milliseconds
    #[arg(long, default_value_t = 500)]
    scan_milliseconds: u32,
    /// Also on a PostgreSQL server that is made for it and gone with it, Debian's
    #[arg(long)]
    postgres: bool,
    /// The registry: the example `bulk_registry` of the crate `server` [default: it is built]
    #[arg(long, value_name = "FILE")]
    registry: Option<PathBuf>,
    /// The claims: the example `claims` of the crate `store` [default: it is built]
    #[arg(long, value_name = "FILE")]
    claims: Option<PathBuf>,
}

/// How the cores are used.
#[derive(Clone, Copy)]
struct Shape {
    name: &'static str,
    workers: usize,
    arguments: &'static [&'static str],
}

/// A worker that uses one core.
const NARROW: &[&str] = &["--workers", "1", "--layer-threads", "1"];
const SHAPES: [Shape; 3] = [
    Shape { name: "one worker of one thread", workers: 1, arguments: NARROW },
    Shape { name: "two workers of one thread", workers: 2, arguments: NARROW },
    Shape { name: "one worker as it comes", workers: 1, arguments: &[] },
];
/// Two narrow workers against one, and one as it comes against those two.
const BARS: [f64; 2] = [1.6, 0.9];
/// How long anything may take.
const DEADLINE: Duration = Duration::from_secs(1_800);

pub(super) fn run(options: &Workers) -> anyhow::Result<()> {
    let scanners = options.common.programs.scanners()?;
    let Some(ours) = scanners.first() else { return Ok(()) };
    let work = workplace("workers")?;
    let mut section = Section::new("Workers", &ours.shown()?);
    let mut held = throughput(options, ours.program(), &work, None, &mut section)?;
    let server = if options.postgres { Some(Server::start()?) } else { None };
    if let Some(server) = &server {
        section.line("");
        held &= throughput(options, ours.program(), &work, Some(server), &mut section)?;
    }
    section.line("");
    section.line(format!(
        "Claims of {} images of five registries, each with half as many as the one before; a worker rests for each as long as is said. A \
         share is what a registry had of all claims while each had images left, of a fifth. Bars: nothing twice, p99 20 ms, 90 to 110 %.",
        options.queue
    ));
    section.line("");
    section.line(
        "| store | workers in processes | a scan | claim p50, ms | p99 | most | scanned | shares |",
    );
    section.line("|---|---|---|---|---|---|---|---|");
    let built = options.claims.as_ref().map(std::fs::canonicalize).transpose()?;
    for processes in ["1", "20"] {
        for server in std::iter::once(None).chain(server.as_ref().map(Some)) {
            let data = work.join("claims");
            let mut command = example(built.as_deref(), "plimsoll-store", "claims");
            command.arg("--data").arg(&data).args(["--workers", "20", "--processes", processes]);
            command.args(["--queue", &options.queue.to_string()]);
            command.args(["--scan-milliseconds", &options.scan_milliseconds.to_string()]);
            if let Some(server) = server {
                server.run_sql("CREATE DATABASE claims")?;
                command.args(["--store", &server.url_of("claims")?]);
            }
            let done = command.stderr(Stdio::inherit()).output()?;
            let text = String::from_utf8(done.stdout)?;
            let row = text.lines().find(|line| line.starts_with('|')).context("no row")?;
            say(row);
            section.line(row);
            if !done.status.success() {
                bail!("an image was scanned twice, or not at all");
            }
            if let Some(server) = server {
                server.run_sql("DROP DATABASE claims")?;
            }
            std::fs::remove_dir_all(data)?;
        }
    }
    section.write(&options.common.page())?;
    std::fs::remove_dir_all(work)?;
    if !held {
        bail!("workers together did less than the bars");
    }
    Ok(())
}

/// Whether the bars are held.
fn throughput(
    options: &Workers,
    program: &Path,
    work: &Path,
    server: Option<&Server>,
    section: &mut Section,
) -> anyhow::Result<bool> {
    let built = options.registry.as_ref().map(std::fs::canonicalize).transpose()?;
    let holds = ["images".to_owned(), options.images.to_string(), options.kibibytes.to_string()];
    let registry = BulkRegistry::start(built.as_deref(), &holds)?;
    let site = Site::prepare(program, &work.join("prepared"), &registry, server)?;
    let mut rates = [const { Vec::new() }; SHAPES.len()];
    for _ in 0..options.common.runs {
        for (shape, rates) in SHAPES.iter().zip(&mut rates) {
            let rate = site.measure(&work.join("run"), *shape, u64::from(options.images))?;
            say(&format!("{}: {rate:.0} images an hour", shape.name));
            rates.push(rate);
        }
    }
    drop(registry);
    std::fs::remove_dir_all(work.join("prepared"))?;
    let [narrow, two, whole] = rates.map(median);
    let store = if server.is_some() { "PostgreSQL" } else { "embedded" };
    section.line(format!(
        "Images an hour, {store} store: {} images of {} KiB with layers of their own in a registry on the same machine, medians of {} \
         interleaved runs. Bars: {} and {}.",
        options.images, options.kibibytes, options.common.runs, BARS[0], BARS[1]
    ));
    section.line("");
    section.line("| workers | images an hour | against |");
    section.line("|---|---|---|");
    section.line(format!("| {} | {narrow:.0} | – |", SHAPES[0].name));
    section.line(format!("| {} | {two:.0} | {:.2} × one |", SHAPES[1].name, two / narrow));
    section.line(format!("| {} | {whole:.0} | {:.2} × those two |", SHAPES[2].name, whole / two));
    Ok(two / narrow >= BARS[0] && whole / two >= BARS[1])
}

/// A site whose images all wait.
struct Site<'a> {
    program: &'a Path,
    data: PathBuf,
    server: Option<&'a Server>,
}

impl<'a> Site<'a> {
    fn prepare(
        program: &'a Path,
        data: &Path,
        registry: &BulkRegistry,
        server: Option<&'a Server>,
    ) -> anyhow::Result<Self> {
        let site = Self { program, data: data.to_owned(), server };
        if let Some(server) = server {
            server.run_sql("CREATE DATABASE prepared")?;
        }
        let add = ["registry", "add", "bench", registry.url()];
        let sync = ["registry", "sync"];
        for words in [&["feed", "import", "--starter"][..], &add, &sync] {
            let mut command = site.command(data, "prepared", words)?;
            if !command.stdout(Stdio::null()).status()?.success() {
                bail!("`plimsoll {}` failed", words.join(" "));
            }
        }
        Ok(site)
    }

    fn command(&self, data: &Path, database: &str, words: &[&str]) -> anyhow::Result<Command> {
        let mut command = Command::new(self.program);
        command.args(words).arg("--data").arg(data).stdin(Stdio::null());
        if let Some(server) = self.server {
            command.args(["--store", &server.url_of(database)?]);
        }
        Ok(command)
    }

    /// Images an hour.
    fn measure(&self, data: &Path, shape: Shape, images: u64) -> anyhow::Result<f64> {
        output("cp", &["-a", &self.data.display().to_string(), &data.display().to_string()])?;
        if let Some(server) = self.server {
            server.run_sql("CREATE DATABASE run TEMPLATE prepared")?;
        }
        let mut workers = Vec::new();
        for _ in 0..shape.workers {
            let mut command = self.command(data, "run", &["worker", "--probes", "127.0.0.1:0"])?;
            workers.push(Worker::start(command.args(shape.arguments))?);
        }
        let (started, mut begun) = (Instant::now(), None);
        let rate = loop {
            thread::sleep(Duration::from_millis(100));
            let scanned: anyhow::Result<u64> = workers.iter().map(Worker::scanned).sum();
            let scanned = scanned?;
            let (after, at) = *begun.get_or_insert_with(|| (scanned, Instant::now()));
            if after < images / 10 && scanned >= images / 10 {
                begun = Some((scanned, Instant::now()));
            } else if scanned >= images {
                break per_hour(images.saturating_sub(after), at.elapsed());
            }
            if started.elapsed() > DEADLINE {
                bail!("{scanned} of {images} images were scanned in {} s", DEADLINE.as_secs());
            }
        };
        for worker in workers {
            worker.stop()?;
        }
        if let Some(server) = self.server {
            server.run_sql("DROP DATABASE run")?;
        }
        std::fs::remove_dir_all(data)?;
        Ok(rate)
    }
}

#[expect(clippy::cast_precision_loss, reason = "numbers of images are small")]
fn per_hour(images: u64, time: Duration) -> f64 {
    images as f64 * 3_600.0 / time.as_secs_f64()
}

/// A worker; dropped, it ends.
struct Worker {
    child: Child,
    probes: String,
}

impl Worker {
    fn start(command: &mut Command) -> anyhow::Result<Self> {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let said = BufReader::new(child.stderr.take().context("a worker without a voice")?);
        let mut worker = Self { child, probes: String::new() };
        let mut lines = said.lines();
        for line in lines.by_ref() {
            let line = line?;
            if let Some((_, rest)) = line.split_once("probes and metrics: http://") {
                rest.trim_end_matches("/metrics").clone_into(&mut worker.probes);
                break;
            }
        }
        // What it says later is read, lest it wait for a reader.
        thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        if worker.probes.is_empty() {
            bail!("a worker does not say where its probes are");
        }
        Ok(worker)
    }

    /// Scans whose result was stored.
    fn scanned(&self) -> anyhow::Result<u64> {
        let metrics = get(&self.probes, "/metrics")?;
        let stored = "plimsoll_scans_total{outcome=\"stored\"} ";
        let line = metrics.lines().find_map(|line| line.strip_prefix(stored));
        Ok(line.unwrap_or("0").trim().parse()?)
    }

    fn stop(mut self) -> anyhow::Result<()> {
        output("kill", &["-TERM", &self.child.id().to_string()])?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Also after an error; it has ended already after a stop.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
