//! The README's first command.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use crate::support::{Process, get, plimsoll_ok};

#[test]
fn the_demo_shows_everything_and_ends() {
    let text = plimsoll_ok(["demo", "--exit"]);
    for part in [
        "starter feed",
        "plimsoll feed update",
        "Risk list",
        "by vulnerabilities",
        "by baseline",
        "ASAP",
        "CVE-2021-44228",
        "upgrade org.apache.logging.log4j:log4j-core",
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
}

#[test]
fn the_demo_serves_a_script() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(["demo", "--format", "env"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let _process = Process { child };
    let lines: Vec<String> = lines.take(3).map(Result::unwrap).collect();
    let value = |key: &str| {
        let prefix = format!("{key}=");
        lines
            .iter()
            .find_map(|line| line.strip_prefix(&prefix))
            .unwrap_or_else(|| panic!("{key} in {lines:?}"))
    };
    let endpoint = value("PLIMSOLL_ENDPOINT").trim_start_matches("http://").to_owned();
    assert!(value("ALIBABA_CLOUD_ACCESS_KEY_ID").len() >= 16);
    assert!(value("ALIBABA_CLOUD_ACCESS_KEY_SECRET").len() >= 30);
    assert_eq!(get(&endpoint, "/healthz").0, 200);
}
