//! Many workers on one queue: `cargo xtask bench workers` runs this.
//!
//! In: a data directory, a number of workers and of processes that they are spread over, a queue. Out: one row of a table, and a
//! failure where an image was scanned twice or none. Odd: nothing is scanned: a worker rests as long as a scan might take, and
//! records an empty report, so that claims are measured and not the machine's cores; the program runs itself for each process.

use std::{
    collections::BTreeMap,
    error::Error,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant, SystemTime},
};

use plimsoll_model::{Coverage, Digest, ImageIdentity, Report, Timestamp};
use plimsoll_store::{
    NetType, RegistrySettings, RepoType, ScanRecord, Store, StoreLocation, StoreOptions,
    SyncListing, SyncedImage, UrlScheme,
};

type Failure = Box<dyn Error + Send + Sync>;

#[derive(Clone)]
struct Options {
    data: PathBuf,
    store: StoreLocation,
    store_text: Option<String>,
    workers: usize,
    processes: usize,
    queue: usize,
    registries: usize,
    scan: Duration,
    /// Which process this is; `None`: the one that starts them.
    process: Option<usize>,
}

/// One claim.
struct Claim {
    took: Duration,
    /// Microseconds since 1970.
    at: u128,
    registry: i64,
    digest: String,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let options = Options::read(std::env::args().skip(1))?;
    let opening = StoreOptions { location: options.store.clone(), ..StoreOptions::default() };
    let store = Store::open(&options.data, opening).await?;
    if let Some(process) = options.process {
        for claim in work(&store, &options, process).await? {
            say(&format!(
                "{} {} {} {}",
                claim.took.as_micros(),
                claim.at,
                claim.registry,
                claim.digest
            ));
        }
        store.close().await;
        return Ok(());
    }
    let sizes = queue(&store, &options).await?;
    store.close().await;
    let begun = Instant::now();
    let claims = run_processes(&options)?;
    let took = begun.elapsed();
    judge(&options, &sizes, claims, took)
}

/// Queues images, of each registry about half as many as of the one before. Returns how many by the registry's id.
async fn queue(store: &Store, options: &Options) -> Result<BTreeMap<i64, usize>, Failure> {
    let mut sizes = BTreeMap::new();
    let mut left = options.queue;
    for number in 0..options.registries {
        let is_last = number + 1 == options.registries;
        let size = if is_last { left } else { left.div_ceil(2) };
        let registry = store.add_registry(&registry(number), now(store).await?).await?;
        let images = (left - size..left).map(image).collect();
        let listing = SyncListing { images, ..SyncListing::default() };
        store.apply_sync(registry.id, &listing, now(store).await?).await?;
        sizes.insert(registry.id, size);
        left -= size;
    }
    Ok(sizes)
}

fn run_processes(options: &Options) -> Result<Vec<Claim>, Failure> {
    let mut children = Vec::new();
    for process in 0..options.processes {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--data").arg(&options.data);
        if let Some(url) = &options.store_text {
            command.args(["--store", url]);
        }
        let number = |number: usize| number.to_string();
        command.args(["--workers", &number(options.workers)]);
        command.args(["--processes", &number(options.processes)]);
        command.args(["--scan-milliseconds", &options.scan.as_millis().to_string()]);
        command.args(["--process", &number(process)]);
        children.push(command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?);
    }
    let mut claims = Vec::new();
    // Each says what it did when the queue is empty, so that none waits for a reader meanwhile.
    for child in children {
        let output = child.wait_with_output()?;
        if !output.status.success() {
            return Err("a process of workers failed".into());
        }
        for line in String::from_utf8(output.stdout)?.lines() {
            let mut words = line.split(' ');
            let mut word = || words.next().ok_or("a claim is cut short");
            claims.push(Claim {
                took: Duration::from_micros(word()?.parse()?),
                at: word()?.parse()?,
                registry: word()?.parse()?,
                digest: word()?.to_owned(),
            });
        }
    }
    Ok(claims)
}

/// The claims of one process's workers.
async fn work(store: &Store, options: &Options, process: usize) -> Result<Vec<Claim>, Failure> {
    let mut workers = tokio::task::JoinSet::new();
    for worker in (process..options.workers).step_by(options.processes) {
        let (store, scan) = (store.clone(), options.scan);
        workers.spawn(async move {
            let mut claims = Vec::new();
            loop {
                let asked = Instant::now();
                let claimed = store.claim(&format!("bench/{worker}"), now(&store).await?).await?;
                let took = asked.elapsed();
                let Some(task) = claimed else { break };
                claims.push(Claim {
                    took,
                    at: since_1970().as_micros(),
                    registry: task.registry_id,
                    digest: task.digest.to_string(),
                });
                tokio::time::sleep(scan).await;
                let report = report(task.digest);
                let scan = ScanRecord { report: &report, detectors_version: "1" };
                store.record_scan(&task.lease, scan, now(&store).await?).await?;
            }
            Ok::<_, Failure>(claims)
        });
    }
    let mut claims = Vec::new();
    while let Some(done) = workers.join_next().await {
        claims.extend(done??);
    }
    Ok(claims)
}

fn judge(
    options: &Options,
    sizes: &BTreeMap<i64, usize>,
    mut claims: Vec<Claim>,
    took: Duration,
) -> Result<(), Failure> {
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for claim in &claims {
        *times.entry(&claim.digest).or_default() += 1;
    }
    let twice = times.values().filter(|times| **times > 1).count();
    let scanned = times.len();
    claims.sort_by_key(|claim| claim.at);
    // As long as every registry has something to scan, each has its share.
    let mut left = sizes.clone();
    let mut shares: BTreeMap<i64, usize> = sizes.keys().map(|registry| (*registry, 0)).collect();
    for claim in &claims {
        if left.values().any(|left| *left == 0) {
            break;
        }
        left.entry(claim.registry).and_modify(|left| *left -= 1);
        *shares.entry(claim.registry).or_default() += 1;
    }
    let (fewest, most) =
        (shares.values().min().copied().unwrap_or(0), shares.values().max().copied().unwrap_or(0));
    let fair = shares.values().sum::<usize>() / shares.len().max(1);
    let percent = |share: usize| (share * 100).checked_div(fair).unwrap_or(0);
    let mut latencies: Vec<Duration> = claims.iter().map(|claim| claim.took).collect();
    latencies.sort();
    let at = |part: usize| {
        let place = (latencies.len() * part).div_ceil(100).saturating_sub(1);
        latencies.get(place).map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
    };
    let store = if options.store_text.is_some() { "PostgreSQL" } else { "embedded" };
    say(&format!(
        "| {store} | {} in {} | {} ms | {:.1} | {:.1} | {:.1} | {scanned} of {}, {twice} twice | {} to {} % |",
        options.workers,
        options.processes,
        options.scan.as_millis(),
        at(50),
        at(99),
        at(100),
        options.queue,
        percent(fewest),
        percent(most),
    ));
    say(&format!("took {:.1} s", took.as_secs_f64()));
    if twice > 0 || scanned != options.queue {
        return Err("an image was scanned twice, or not at all".into());
    }
    Ok(())
}

/// As the server takes it: the database's time, where that is on a server.
async fn now(store: &Store) -> Result<Timestamp, Failure> {
    match store.database_time().await? {
        Some(now) => Ok(now),
        None => Ok(Timestamp(i64::try_from(since_1970().as_secs())?)),
    }
}

#[expect(clippy::disallowed_methods, reason = "a measurement asks the machine")]
fn since_1970() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

fn digest(text: &str) -> Digest {
    let hash = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    let mut bytes = [0; 32];
    bytes.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
    Digest::from_bytes(bytes)
}

fn image(number: usize) -> SyncedImage {
    let manifest = digest(&format!("manifest {number}"));
    SyncedImage {
        path: format!("team/app-{number}"),
        tag: "1".to_owned(),
        digest: manifest,
        manifest_digest: manifest,
        platform: plimsoll_model::Platform {
            os: "linux".into(),
            architecture: "amd64".into(),
            variant: None,
        },
        image_id: digest(&format!("configuration {number}")),
        size: 1_000,
        repo_type: RepoType::Private,
        tag_immutable: false,
        created: None,
        updated: None,
    }
}

fn report(digest: Digest) -> Report {
    Report {
        image: ImageIdentity {
            name: "image".to_owned(),
            source: "registry".to_owned(),
            digest: Some(digest),
            id: None,
            platform: None,
            size: 1_000,
            layers: Vec::new(),
            distribution: None,
        },
        coverage: Coverage::new(Vec::new(), Vec::new()),
        feed: None,
        packages: Vec::new(),
        findings: Vec::new(),
        build: Vec::new(),
        ignore_rules: Vec::new(),
    }
}

fn registry(number: usize) -> RegistrySettings {
    RegistrySettings {
        name: format!("registry-{number}"),
        kind: "oci".to_owned(),
        reported_type: "oci".to_owned(),
        scheme: UrlScheme::Https,
        host: format!("registry-{number}.example.com"),
        port: None,
        username: None,
        password: None,
        region_id: "cn-hangzhou".to_owned(),
        net_type: NetType::Internet,
        ca_pem: None,
        repositories: Vec::new(),
        platform: None,
        adapter: plimsoll_store::AdapterSettings::default(),
    }
}

impl Options {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut options = Self {
            data: PathBuf::new(),
            store: StoreLocation::Embedded,
            store_text: None,
            workers: 20,
            processes: 20,
            queue: 5_000,
            registries: 5,
            scan: Duration::from_millis(500),
            process: None,
        };
        while let Some(argument) = arguments.next() {
            let value = arguments.next().ok_or(format!("{argument}: a value is missing"))?;
            match argument.as_str() {
                "--data" => options.data = PathBuf::from(value),
                "--store" => {
                    options.store = value.parse()?;
                    options.store_text = Some(value);
                }
                "--workers" => options.workers = value.parse()?,
                "--processes" => options.processes = value.parse()?,
                "--queue" => options.queue = value.parse()?,
                "--registries" => options.registries = value.parse()?,
                "--scan-milliseconds" => options.scan = Duration::from_millis(value.parse()?),
                "--process" => options.process = Some(value.parse()?),
                _ => return Err(format!("`{argument}` is not known").into()),
            }
        }
        if options.data == Path::new("") || options.processes == 0 || options.registries == 0 {
            return Err("--data FOLDER is needed, and at least one process and registry".into());
        }
        Ok(options)
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // Who closed the pipe wants no more lines.
    drop(writeln!(out, "{line}"));
}
