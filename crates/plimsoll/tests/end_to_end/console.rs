//! A real browser clicks through the console of the demo.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use crate::support::{Process, has, python, root};

#[test]
fn a_browser_logs_in_and_clicks_through_every_page() {
    let Some(python) = python() else { return };
    if !has("chromium") || !has("chromedriver") {
        return;
    }
    let mut child = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(["demo"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let _process = Process { child };
    let line = lines.find(|line| line.starts_with("Console: ")).expect("the console's address");
    // The demo goes on printing; a closed pipe would end it.
    std::thread::spawn(move || lines.for_each(drop));
    let address = line.split_whitespace().nth(1).unwrap();
    let token = line.trim_end_matches(')').rsplit(' ').next().unwrap();
    let output = Command::new(python)
        .arg(root().join("crates/plimsoll/tests/end_to_end/browser.py"))
        .arg(address)
        .env("PLIMSOLL_ADMIN_TOKEN", token)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
}
