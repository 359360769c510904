//! The README's first command.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use crate::support::{demo, get, plimsoll_ok, run, temporary};

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
    let demo = demo(&["--format", "env"]);
    let variables = demo.variables();
    let value = |key: &str| {
        let found = variables.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value.as_str()).expect(key)
    };
    let endpoint = value("PLIMSOLL_ENDPOINT").trim_start_matches("http://").to_owned();
    assert!(value("ALIBABA_CLOUD_ACCESS_KEY_ID").len() >= 16);
    assert!(value("ALIBABA_CLOUD_ACCESS_KEY_SECRET").len() >= 30);
    assert_eq!(get(&endpoint, "/healthz").0, 200);
}

#[test]
fn an_early_ctrl_c_leaves_nothing_behind() {
    for pause in [20, 60, 120, 250] {
        let folder = temporary();
        let mut child = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
            .arg("demo")
            .env("TMPDIR", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::park_timeout(Duration::from_millis(pause));
        run("kill", ["-INT", &child.id().to_string()]);
        child.wait().unwrap();
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
        assert!(left.is_empty(), "after {pause} ms: {left:?}");
    }
}
