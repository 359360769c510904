//! Every test, with what the tests need.
//!
//! In: whether to install first. Out: cargo's verdict. Odd: after a set-up nothing may be missing, so tests fail where
//! they would otherwise say that they skip (`PLIMSOLL_REQUIRE_TOOLS`).

use std::process::Command;

use crate::{process, setup};

pub(crate) fn run(install: bool, arguments: &[String]) -> anyhow::Result<()> {
    if install {
        setup::run()?;
    }
    let mut command = Command::new("cargo");
    command.args(["test", "--locked", "--workspace", "--no-fail-fast"]).args(arguments);
    if setup::is_complete() {
        command.env("PLIMSOLL_REQUIRE_TOOLS", "1");
    } else {
        process::say("some tools are missing: tests that need them say that they skip");
    }
    process::run_command(&mut command)?;
    if arguments.is_empty() { replay_seeds() } else { Ok(()) }
}

/// What fuzz targets found or begin with, through the same functions.
pub(crate) fn replay_seeds() -> anyhow::Result<()> {
    let arguments = ["test", "--locked", "--quiet", "--no-default-features", "--test", "replay"];
    process::run_command(Command::new("cargo").args(arguments).args([
        "--manifest-path",
        "fuzz/Cargo.toml",
        "--target-dir",
        "target",
    ]))
}
