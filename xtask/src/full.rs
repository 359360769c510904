//! The long runs that CI has no time for.
//!
//! In: the builder of real images and the real advisory data; podman. Out: figures on standard error, for a closing note, and
//! a failure where a bar is not held. Odd: it needs hours and gigabytes; everything is left under `target/`, so that a second
//! run is quicker. A step can be run alone.

use std::{process::Command, time::Instant};

use anyhow::bail;

use crate::{
    differential, kubernetes,
    process::{root, run_command, say},
    setup::image_builder,
    test,
};

/// Names of the builder's images that are scanned, the largest last.
const IMAGES: &[&str] = &[
    "debian-slim",
    "debian-eol",
    "python-app",
    "node-app",
    "java-app",
    "go-app",
    "alpine-app",
    "rpm-app",
    "kitchen-sink",
];

/// What is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Step {
    /// Bombs at their real size, each held to its time and memory, and 10,000 damaged images
    Attack,
    /// The fuzz targets' seeds, then changed files and files that grow
    Fuzz,
    /// Random images against podman
    Differential,
    /// The real images with the whole advisory data
    Images,
    /// Watching a real API server of Kubernetes, which is built for it
    Kubernetes,
    /// Processes killed and stopped, a full disk, a database that goes away
    Faults,
    /// Syncs of 10,000 repositories with 20 tags each; writes its section of docs/benchmarks.md
    Sync,
    /// Workers together, on both stores; writes its section of docs/benchmarks.md
    Workers,
}

/// `cargo xtask full`
#[derive(clap::Args, Debug)]
pub(crate) struct Full {
    /// How many random images podman unpacks
    #[arg(long, default_value_t = 20_000)]
    differential: u64,
    /// How many changed files parsers read
    #[arg(long, default_value_t = 200_000)]
    inputs: u64,
    /// Only these [default: all]
    #[arg(value_enum)]
    steps: Vec<Step>,
}

pub(crate) fn run(options: &Full) -> anyhow::Result<()> {
    let has = |step| options.steps.is_empty() || options.steps.contains(&step);
    if has(Step::Attack) {
        attack()?;
    }
    if has(Step::Fuzz) {
        fuzz(options.inputs)?;
    }
    if has(Step::Differential) {
        differential::run(0, options.differential)?;
    }
    if has(Step::Images) {
        scan_images()?;
    }
    if has(Step::Kubernetes) {
        watch_kubernetes()?;
    }
    for (step, words) in [
        (Step::Faults, &["faults"][..]),
        (Step::Sync, &["bench", "sync"]),
        (Step::Workers, &["bench", "workers", "--postgres"]),
    ] {
        if has(step) {
            run_command(Command::new(std::env::current_exe()?).args(words))?;
        }
    }
    Ok(())
}

/// The test of a real cluster, which must not skip.
fn watch_kubernetes() -> anyhow::Result<()> {
    kubernetes::set_up()?;
    run_command(
        Command::new("cargo")
            .args(["test", "--locked", "--package", "plimsoll-server", "--test", "kubernetes"])
            .env("PLIMSOLL_REQUIRE_KUBERNETES", "1"),
    )
}

fn scan_images() -> anyhow::Result<()> {
    let shared = root().join("../shared");
    if !shared.exists() {
        bail!("the long runs need the real images and advisories of ../shared, which is not here");
    }
    run_command(Command::new("cargo").args(["build", "--locked", "--release", "--quiet"]))?;
    let program = root().join("target/release/plimsoll");
    let images = root().join("target/test-images");
    run_command(&mut image_builder(&images, IMAGES)?)?;
    let data = root().join("target/full-data");
    let started = Instant::now();
    run_command(
        Command::new(&program).args(["feed", "import", "--allow-older", "--data"]).arg(&data).args(
            ["osv", "kev/known_exploited_vulnerabilities.json", "epss", "cve"]
                .map(|name| shared.join("advisories").join(name)),
        ),
    )?;
    say(&format!("feed import of all advisories: {:.1} s", started.elapsed().as_secs_f64()));
    for name in IMAGES {
        let started = Instant::now();
        let output = root().join(format!("target/full-{name}.json"));
        let status = Command::new(&program)
            .args(["scan", "--format", "json", "--data"])
            .arg(&data)
            .arg(images.join("oci").join(name))
            .stdout(std::fs::File::create(&output)?)
            .status()?;
        say(&format!(
            "{name}: {status}, {:.2} s, report in {}",
            started.elapsed().as_secs_f64(),
            output.display()
        ));
    }
    Ok(())
}

/// Bombs at their real size, each held to its time and memory, and 10,000 damaged images.
fn attack() -> anyhow::Result<()> {
    run_command(
        Command::new("cargo")
            .args(["test", "--locked", "--release", "--package", "plimsoll", "--test"])
            .args(["end_to_end", "attack::", "--", "--nocapture", "--test-threads=1"])
            .env("PLIMSOLL_ATTACK", "full"),
    )
}

/// The fuzz targets' seeds, then changed files and files that grow, whose work is counted by the compiler's counters.
fn fuzz(inputs: u64) -> anyhow::Result<()> {
    test::replay_seeds()?;
    run_command(
        Command::new("cargo")
            .args(["test", "--locked", "--release", "--no-default-features", "--test", "long"])
            .args(["--manifest-path", "fuzz/Cargo.toml", "--target-dir", "target/counted"])
            .args(["--", "--nocapture", "--test-threads=1"])
            .env("RUSTFLAGS", "-C instrument-coverage --cfg work_counted")
            // Nobody reads how often what was entered, only how often anything was.
            .env("LLVM_PROFILE_FILE", "/dev/null")
            .env("PLIMSOLL_FUZZ_INPUTS", inputs.to_string()),
    )
}
