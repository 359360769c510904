//! Everything that CI checks, cheap things first.
//!
//! In: the checkout. Out: success, or the first thing that is wrong. Odd: it ends with the README's own test command.

use std::process::Command;

use crate::{architecture, generate, process, setup, test};

pub(crate) fn run() -> anyhow::Result<()> {
    process::run("cargo", &["fmt", "--all", "--check"])?;
    architecture::run()?;
    process::run(
        "cargo",
        &[
            "clippy",
            "--locked",
            "--workspace",
            "--all-targets",
            "--quiet",
            "--",
            "--deny",
            "warnings",
        ],
    )?;
    process::run_command(
        Command::new("cargo")
            .args([
                "doc",
                "--locked",
                "--workspace",
                "--no-deps",
                "--document-private-items",
                "--quiet",
            ])
            .env("RUSTDOCFLAGS", "--deny warnings"),
    )?;
    generate::run(true)?;
    // The fuzz targets are a workspace of their own, whose lock file nothing else here would touch.
    process::output(
        "cargo",
        &["metadata", "--locked", "--format-version", "1", "--manifest-path", "fuzz/Cargo.toml"],
    )?;
    setup::run()?;
    test::run(false, &[])
}
