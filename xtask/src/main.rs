//! The project's tasks, one per file: `cargo xtask TASK`.
//!
//! In: the checkout. Out: the same answer for a person, a hook and CI, since all three run these. Odd: nothing of the
//! product lives here; what a task must know of it, it asks the built program.

mod architecture;
mod bench;
mod compare;
mod differential;
mod faults;
mod fleet;
mod full;
mod gate;
mod generate;
mod kubernetes;
mod peers;
mod process;
mod setup;
mod test;

use clap::{Parser, Subcommand};

/// Tasks of the Plimsoll project
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// All that CI checks: format, lints, docs, architecture, generated pages, then the tests
    Gate,
    /// Install what tests need (says what), then run every test
    Test {
        /// Install nothing; tests whose tools are missing say that they skip
        #[arg(long)]
        no_setup: bool,
        /// Passed on to `cargo test`, behind `--`
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Install what some tests need, and run none
    Setup {
        /// What
        #[arg(value_enum)]
        part: setup::Part,
    },
    /// Check that the code is as ARCHITECTURE.md says
    Architecture,
    /// Write the reference pages in docs/reference from what the program says of itself
    Generate {
        /// Write nothing; fail when a page differs
        #[arg(long)]
        check: bool,
    },
    /// Unpack many random images with podman and hold our tree against its
    Differential {
        /// How many
        #[arg(default_value_t = 20_000)]
        count: u64,
        /// Number of the first; an image is made from its number alone
        #[arg(long, default_value_t = 0)]
        first: u64,
    },
    /// What scans cost in time and memory, against other scanners; writes docs/benchmarks.md
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Make a fleet of images in a data directory, for trying and measuring
    Fleet(fleet::Fleet),
    /// Our package lists against those of other scanners; writes docs/comparison.md
    Compare(compare::Compare),
    /// Our sensitive files against those of detect-secrets; writes a section of docs/comparison.md
    CompareSecrets(compare::CompareSecrets),
    /// Processes killed and stopped at random, a full disk, a database that goes away: nothing that was acknowledged is lost
    Faults(faults::Faults),
    /// The long runs: attacks at full size, changed files, random images, whole advisory data; prints figures
    Full(full::Full),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().task {
        Task::Gate => gate::run(),
        Task::Test { no_setup, arguments } => test::run(!no_setup, &arguments),
        Task::Setup { part } => setup::run_part(part),
        Task::Architecture => architecture::run(),
        Task::Generate { check } => generate::run(check),
        Task::Differential { count, first } => differential::run(first, count),
        Task::Bench(what) => bench::run(&what),
        Task::Fleet(options) => fleet::run(&options),
        Task::Compare(options) => compare::run(&options),
        Task::CompareSecrets(options) => compare::run_secrets(&options),
        Task::Faults(options) => faults::run(&options),
        Task::Full(options) => full::run(&options),
    }
}
