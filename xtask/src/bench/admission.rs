//! The admission webhook while its replicas die: right answers, and how long they take.
//!
//! In: a number of reviews, images, replicas. Out: median, 99th percentile, wrong answers, asked-again reviews. Odd:
//! * The right answer does not come from the webhook's code: it is read from the counters that `plimsoll images` prints, before the run.
//! * A replica is killed as by a power cut and started again, one at a time; who asks goes on asking it for a moment, as a Service whose
//!   endpoints have not been told yet, and asks another one when a connection fails. A replica that has begun is asked once it says that
//!   it is ready. The time of a review is from its first question to its answer.

mod client;
mod replicas;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use self::{
    client::{Asked, ask},
    replicas::Replicas,
};
use super::{page::Section, postgres::Server, workplace};
use crate::{
    fleet::{feeds, program},
    process::{output, root, say},
};

/// `cargo xtask bench admission`
#[derive(clap::Args, Debug)]
pub(crate) struct Admission {
    /// How many reviews
    #[arg(long, default_value_t = 10_000)]
    reviews: usize,
    /// Images of the store
    #[arg(long, default_value_t = 2_000)]
    images: u32,
    /// How many processes answer
    #[arg(long, default_value_t = 3)]
    replicas: usize,
    /// How many ask at once
    #[arg(long, default_value_t = 8)]
    clients: usize,
    /// The embedded store, which all processes open, instead of a PostgreSQL server that is made for it and gone with it
    #[arg(long)]
    embedded: bool,
    /// No process is killed
    #[arg(long)]
    calm: bool,
    /// Plimsoll, built for release [default: it is built]
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// The example `fleet` of the crate `server`, built for release, which fills the store [default: it is built]
    #[arg(long, value_name = "FILE")]
    fleet: Option<PathBuf>,
    /// The page whose section is written
    #[arg(long, value_name = "FILE", default_value = "docs/benchmarks.md")]
    page: PathBuf,
}

const POLICY: &str = "mode = \"enforce\"\nunavailable = \"allow\"\n\n[[rule]]\nname = \"all\"\nunscanned = \"deny\"\n[rule.deny]\nvulnerability = \"asap\"\n";
/// Images of a page of `plimsoll images`.
const PAGE: usize = 500;

/// One image with what must be said of it.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// As a pod names it.
    name: String,
    is_denied: bool,
}

pub(super) fn run(options: &Admission) -> anyhow::Result<()> {
    let work = workplace("admission")?;
    let server = if options.embedded { None } else { Some(Server::start()?) };
    let store = server.as_ref().map(Server::url).transpose()?;
    let plimsoll = built(options.program.as_deref())?;
    let filled = options.fleet.as_ref().map(std::fs::canonicalize).transpose()?;
    let mut fill = program(filled.as_deref(), options.images, &work, &feeds())?;
    if let Some(store) = &store {
        fill.args(["--store", store]);
    }
    say(&format!("filling a store with {} images", options.images));
    if !fill.status().context("cargo does not start")?.success() {
        bail!("the store was not filled");
    }
    let place = Place { plimsoll, data: work.clone(), store };
    let known = place.known()?;
    let denied = known.iter().filter(|image| image.is_denied).count();
    say(&format!("{} images, {denied} of them to be denied", known.len()));
    if denied == 0 || denied == known.len() {
        bail!("all images have the same answer: nothing could be told from it");
    }
    let policy = work.join("admission.toml");
    std::fs::write(&policy, POLICY)?;

    let replicas = Replicas::start(&place, &policy, options.replicas)?;
    let begun = Instant::now();
    let asked = thread::scope(|scope| {
        let clients: Vec<_> = (0..options.clients)
            .map(|number| {
                let (known, replicas) = (&known, &replicas);
                let reviews = options.reviews / options.clients
                    + usize::from(number < options.reviews % options.clients);
                scope.spawn(move || client(number, reviews, known, replicas))
            })
            .collect();
        let killer = (!options.calm).then(|| scope.spawn(|| replicas.kill_again_and_again()));
        let asked: anyhow::Result<Vec<Vec<Asked>>> = clients
            .into_iter()
            .map(|client| client.join().unwrap_or_else(|_| bail!("a client panicked")))
            .collect();
        replicas.enough();
        let killed = killer.map_or(Ok(Ok(0)), thread::ScopedJoinHandle::join);
        let killed = killed.unwrap_or_else(|_| bail!("who kills panicked"))?;
        anyhow::Ok((asked?.concat(), killed))
    });
    let (asked, killed) = asked?;
    let figures = Figures::of(&asked, begun.elapsed());
    say(&figures.line());
    for wrong in asked.iter().filter_map(|asked| asked.wrong.as_ref()).take(5) {
        say(&format!("wrong: {wrong}"));
    }

    let version = output(&place.plimsoll.display().to_string(), &["--version"])?;
    let mut section = Section::new("Admission", version.trim());
    let store =
        if options.embedded { "the embedded store" } else { "PostgreSQL on the same machine" };
    section.line(format!(
        "{} reviews of one to three images, by tag and by digest, {} clients, {} replicas on {store} with {} images; {killed} times a \
         replica was killed and started again. The right answers are from the counters that `plimsoll images` prints.",
        asked.len(),
        options.clients,
        options.replicas,
        known.len()
    ));
    section.line("");
    section.line("| wrong answers | p50, p99, most, ms | above 1 s | asked again | reviews/s |");
    section.line("|---|---|---|---|---|");
    section.line(figures.line());
    section.write(&root().join(&options.page))?;
    if figures.wrong > 0 {
        bail!("{} wrong answers", figures.wrong);
    }
    Ok(())
}

/// The program.
fn built(named: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(named) = named {
        return Ok(std::fs::canonicalize(named)?);
    }
    crate::process::run("cargo", &["build", "--locked", "--release", "-p", "plimsoll"])?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    Ok(target.unwrap_or_else(|| root().join("target")).join("release/plimsoll"))
}

/// The program and its store.
#[derive(Clone, Debug)]
pub(super) struct Place {
    plimsoll: PathBuf,
    data: PathBuf,
    store: Option<String>,
}

impl Place {
    /// A command on the store.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.plimsoll);
        command.args(words).arg("--data").arg(&self.data);
        if let Some(store) = &self.store {
            command.args(["--store", store]);
        }
        command
    }

    /// All images, by tag and by digest.
    fn known(&self) -> anyhow::Result<Vec<Known>> {
        let mut known = BTreeMap::new();
        for page in 1_usize.. {
            let (size, page) = (PAGE.to_string(), page.to_string());
            let mut command = self.command(&[
                "images",
                "--format",
                "json",
                "--page-size",
                &size,
                "--page",
                &page,
            ]);
            let output = command.output().context("plimsoll does not start")?;
            if !output.status.success() {
                bail!("`plimsoll images`: {}", String::from_utf8_lossy(&output.stderr));
            }
            let images: Vec<Value> = serde_json::from_slice(&output.stdout)?;
            for image in &images {
                let said = |name: &str| {
                    image.get(name).and_then(Value::as_str).with_context(|| format!("no {name}"))
                };
                let asap = image.pointer("/counters/asap").and_then(Value::as_u64);
                let coverage = image.get("coverage").and_then(Value::as_str);
                let is_denied = match coverage {
                    None | Some("UNREADABLE") => true,
                    Some(_) => asap.context("no counters")? > 0,
                };
                let name = said("image")?;
                let (repository, _) = name.rsplit_once(':').context("no tag")?;
                let pinned = format!("{repository}@{}", said("digest")?);
                for name in [name.to_owned(), pinned] {
                    known.insert(name, is_denied);
                }
            }
            if images.len() < PAGE {
                break;
            }
        }
        Ok(known.into_iter().map(|(name, is_denied)| Known { name, is_denied }).collect())
    }
}

/// One client's reviews, one after the other.
fn client(
    number: usize,
    reviews: usize,
    known: &[Known],
    replicas: &Replicas,
) -> anyhow::Result<Vec<Asked>> {
    let mut random = Random(number as u64 + 1);
    (0..reviews)
        .map(|review| {
            let mut images: Vec<Known> = Vec::new();
            for _ in 0..=random.below(2) {
                // Every tenth is one that nobody knows.
                images.push(match random.below(9) {
                    0 => Known {
                        name: format!("unknown.example/a/b:{number}-{review}"),
                        is_denied: true,
                    },
                    _ => known.get(random.below(known.len() - 1)).context("an image")?.clone(),
                });
            }
            let uid = format!("{number}-{review}");
            let body = question(&uid, &images).to_string();
            ask(replicas, &mut random, &uid, &body, &images)
        })
        .collect()
}

fn question(uid: &str, images: &[Known]) -> Value {
    let containers: Vec<Value> = images
        .iter()
        .enumerate()
        .map(|(place, image)| json!({"name": format!("c{place}"), "image": image.name}))
        .collect();
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": uid,
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "resource": {"group": "", "version": "v1", "resource": "pods"},
            "name": "pod",
            "namespace": "prod",
            "operation": "CREATE",
            "object": {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": containers}}
        }
    })
}

/// Numbers that are the same for each run (xorshift64*).
pub(super) struct Random(u64);

impl Random {
    /// 0 to `most`, both of them too.
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(drawn).unwrap_or_default() % (most + 1)
    }
}

struct Figures {
    wrong: usize,
    again: usize,
    late: usize,
    p50: f64,
    p99: f64,
    most: f64,
    rate: f64,
}

impl Figures {
    fn of(asked: &[Asked], took: Duration) -> Self {
        let mut times: Vec<f64> =
            asked.iter().map(|asked| asked.took.as_secs_f64() * 1_000.0).collect();
        times.sort_by(f64::total_cmp);
        let at = |part: usize| {
            let place = (times.len() * part).div_ceil(100).saturating_sub(1);
            times.get(place).copied().unwrap_or(f64::NAN)
        };
        Self {
            wrong: asked.iter().filter(|asked| asked.wrong.is_some()).count(),
            again: asked.iter().map(|asked| asked.again).sum(),
            late: times.iter().filter(|time| **time > 1_000.0).count(),
            p50: at(50),
            p99: at(99),
            most: at(100),
            rate: times.len() as f64 / took.as_secs_f64(),
        }
    }

    fn line(&self) -> String {
        let Self { wrong, again, late, p50, p99, most, rate } = self;
        format!("| {wrong} | {p50:.1}, {p99:.1}, {most:.1} | {late} | {again} | {rate:.0} |")
    }
}
