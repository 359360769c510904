//! Processes that are killed and stopped, at more points and for longer than CI has time for.
//!
//! In: how often, from which number moments are drawn, on which PostgreSQL server. Out: what the tests `faults::` print, and their
//! verdict. Odd: CI runs the same tests with forty kills and seconds instead of minutes; without a seed one is drawn, and said,
//! so that a run can be repeated.

use std::process::Command;

use anyhow::bail;

use crate::process::{run_command, say};

/// `cargo xtask faults`
#[derive(clap::Args, Debug)]
pub(crate) struct Faults {
    /// How many processes are killed on each store
    #[arg(long, default_value_t = 200)]
    count: u64,
    /// From which number moments are drawn [default: one is drawn]
    #[arg(long)]
    seed: Option<u64>,
    /// An empty database of a PostgreSQL server for the kills [default: on a server that is made for it and gone with it]
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// Which tests, by a part of their name [default: all]
    #[arg(long, value_name = "NAME", default_value = "")]
    only: String,
    /// With the debug build, which is there sooner
    #[arg(long)]
    debug: bool,
}

pub(crate) fn run(options: &Faults) -> anyhow::Result<()> {
    let seed = options.seed.map_or_else(drawn, Ok)?;
    say(&format!("faults: seed {seed}; once more with `--seed {seed}`"));
    let mut command = Command::new("cargo");
    command.args(["test", "--locked", "--package", "plimsoll", "--test", "end_to_end"]);
    if !options.debug {
        command.arg("--release");
    }
    command
        .arg(format!("faults::{}", options.only))
        // What is set apart from CI for an open defect is run here, so that it is not forgotten.
        .args(["--", "--nocapture", "--test-threads=1", "--include-ignored"])
        .env("PLIMSOLL_FAULTS", options.count.to_string())
        .env("PLIMSOLL_FAULTS_SEED", seed.to_string());
    if let Some(url) = &options.postgres {
        command.env("PLIMSOLL_FAULTS_POSTGRES", url);
    }
    run_command(&mut command)
}

fn drawn() -> anyhow::Result<u64> {
    let mut bytes = [0; 4];
    let random = ring::rand::SystemRandom::new();
    if ring::rand::SecureRandom::fill(&random, &mut bytes).is_err() {
        bail!("the system gives no random numbers");
    }
    Ok(u32::from_be_bytes(bytes).into())
}
