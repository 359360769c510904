//! The official SDKs, unmodified, against the demo's server.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use crate::support::{Process, python, root};

#[test]
fn the_official_sdks_list_filter_page_rank_and_are_refused() {
    let Some(python) = python() else { return };
    let mut child = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(["demo", "--format", "env"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let _process = Process { child };
    let variables: Vec<(String, String)> = lines
        .take(3)
        .map(|line| {
            line.unwrap()
                .split_once('=')
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .unwrap()
        })
        .collect();
    let output = Command::new(python)
        .arg(root().join("crates/server/tests/sdk/drive.py"))
        .envs(variables)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    println!("{text}");
    let bad: Vec<&str> = text.lines().filter(|line| line.contains("\"ok\": false")).collect();
    assert!(output.status.success(), "{bad:#?}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.lines().count() >= 20, "too few cases ran:\n{text}");
}
