//! The long runs that CI has no time for.
//!
//! In: the builder of real images and the real advisory data. Out: figures on standard error, for a closing note. Odd: it
//! needs minutes and gigabytes; everything is left under `target/`, so that a second run is quick.

use std::{process::Command, time::Instant};

use anyhow::bail;

use crate::{
    process::{root, run_command, say},
    setup::image_builder,
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

pub(crate) fn run() -> anyhow::Result<()> {
    attack()?;
    fuzz()?;
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

/// Bombs at their real size, each held to its time, and 10,000 damaged images.
fn attack() -> anyhow::Result<()> {
    run_command(
        Command::new("cargo")
            .args(["test", "--locked", "--release", "--package", "plimsoll", "--test"])
            .args(["end_to_end", "attack::", "--", "--nocapture", "--test-threads=1"])
            .env("PLIMSOLL_ATTACK", "full"),
    )
}

/// The fuzz targets' seeds, then minutes of changed files and of files that grow.
fn fuzz() -> anyhow::Result<()> {
    run_command(
        Command::new("cargo")
            .args(["test", "--locked", "--release", "--no-default-features"])
            .args(["--manifest-path", "fuzz/Cargo.toml", "--", "--nocapture"])
            .env("PLIMSOLL_FUZZ_SECONDS", "300"),
    )
}
