//! Many random images against podman.
//!
//! In: how many, and the number of the first. Out: success, or the numbers of the images that podman unpacks otherwise,
//! which stay under `target/tmp`. Odd: it is the test `differential` of `plimsoll-image`, which CI runs over 200 of them.

use std::process::Command;

use crate::process::run_command;

pub(crate) fn run(first: u64, count: u64) -> anyhow::Result<()> {
    let last = first.saturating_add(count);
    run_command(
        Command::new("cargo")
            .args(["test", "--locked", "--release", "--package", "plimsoll-image"])
            .args(["--test", "differential", "--", "--nocapture"])
            .env("PLIMSOLL_DIFFERENTIAL", format!("{first}..{last}"))
            .env("PLIMSOLL_REQUIRE_TOOLS", "1"),
    )
}
