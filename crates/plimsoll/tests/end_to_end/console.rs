//! A real browser clicks through the console of the demo.

use std::process::{Command, Stdio};

use crate::support::{demo, has, python, root};

#[test]
fn a_browser_logs_in_and_clicks_through_every_page() {
    let Some(python) = python() else { return };
    if !has("chromium") || !has("chromedriver") {
        return;
    }
    let demo = demo(&[]);
    let line =
        std::iter::repeat_with(|| demo.line()).find(|line| line.starts_with("Console: ")).unwrap();
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
