//! The official SDKs, unmodified, against the demo's server.

use std::process::{Command, Stdio};

use crate::support::{demo, node_packages, python, root};

/// Runs a driver, each line of which is a case.
fn drive(mut driver: Command, cases: usize) {
    let demo = demo(&["--format", "env"]);
    let output = driver.envs(demo.variables()).stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    println!("{text}");
    let bad: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("\"ok\": false") || line.contains("\"ok\":false"))
        .collect();
    assert!(output.status.success(), "{bad:#?}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.lines().count() >= cases, "too few cases ran:\n{text}");
}

#[test]
fn the_official_sdks_list_filter_page_rank_and_are_refused() {
    let Some(python) = python() else { return };
    let mut driver = Command::new(python);
    driver.arg(root().join("crates/server/tests/sdk/drive.py"));
    drive(driver, 180);
}

#[test]
fn the_official_node_sdk_lists_filters_pages_ranks_and_is_refused() {
    let Some(packages) = node_packages() else { return };
    let mut driver = Command::new("node");
    driver.arg(root().join("crates/server/tests/sdk/drive.mjs")).arg(packages);
    drive(driver, 36);
}
