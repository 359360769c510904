//! Feeds: from files, from a mirror, and what never replaces a good one.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::support::{
    Process, free_port, has, plimsoll, plimsoll_ok, root, run, shared, temporary, wait_for_port,
};

/// The starter feed's files in the layout that osv.dev serves.
fn mirror(folder: &Path) -> PathBuf {
    let mirror = folder.join("mirror");
    let starter = root().join("crates/advisory/starter");
    let script = "
import gzip, pathlib, shutil, sys, zipfile
starter, mirror = map(pathlib.Path, sys.argv[1:])
names = sorted(path.name for path in (starter / 'osv').iterdir())
for name in names:
    (mirror / name).mkdir(parents=True)
    with zipfile.ZipFile(mirror / name / 'all.zip', 'w', zipfile.ZIP_DEFLATED) as archive:
        for record in sorted((starter / 'osv' / name).iterdir()):
            archive.write(record, record.name)
(mirror / 'ecosystems.txt').write_text('\\n'.join(names) + '\\n')
shutil.copy(starter / 'known_exploited_vulnerabilities.json', mirror)
(mirror / 'epss_scores-current.csv.gz').write_bytes(gzip.compress((starter / 'epss_scores.csv').read_bytes()))
";
    run("python3", ["-c", script, starter.to_str().unwrap(), mirror.to_str().unwrap()]);
    mirror
}

fn serve(folder: &Path) -> (Process, String) {
    let port = free_port();
    let child = Command::new("python3")
        .args(["-m", "http.server", "--bind", "127.0.0.1", &port.to_string()])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for_port(port);
    (Process { child }, format!("http://127.0.0.1:{port}"))
}

#[test]
fn a_mirror_is_downloaded_and_what_is_damaged_changes_nothing() {
    if !has("python3") {
        return;
    }
    let folder = temporary();
    let mirror = mirror(folder.path());
    let (_server, url) = serve(&mirror);
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    let update = || plimsoll(["feed", "update", "--from", &url, "--data", data]);
    let output = update();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let status = || plimsoll_ok(["feed", "status", "--format", "json", "--data", data]);
    let good = status();
    let state: serde_json::Value = serde_json::from_str(&good).unwrap();
    assert_eq!(state["starter"], false);
    let sources: Vec<&str> = state["sources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|source| source["name"].as_str().unwrap())
        .collect();
    assert!(
        sources.contains(&"osv/Debian") && sources.contains(&"kev") && sources.contains(&"epss"),
        "{sources:?}"
    );
    let ids = plimsoll_ok(["feed", "ids", "--data", data]);
    assert!(ids.lines().count() >= 200 && ids.lines().any(|id| id == "GHSA-pjwm-rvh2-c87w"));

    let zip = mirror.join("Debian/all.zip");
    let whole = std::fs::read(&zip).unwrap();
    let mut changed = std::fs::metadata(&zip).unwrap().modified().unwrap();
    // The server tells changes by the second.
    let mut replace = |bytes: &[u8]| {
        changed += std::time::Duration::from_secs(60);
        std::fs::write(&zip, bytes).unwrap();
        std::fs::File::options().write(true).open(&zip).unwrap().set_modified(changed).unwrap();
    };
    for (damage, bytes) in [
        ("cut", whole[..whole.len() / 2].to_vec()),
        ("empty", vec![]),
        ("text", b"<html>sorry</html>".to_vec()),
    ] {
        replace(&bytes);
        let output = update();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{damage}: {error}");
        assert!(error.contains("Debian"), "{damage}: the file is named: {error}");
        assert_eq!(status(), good, "{damage}: the feed in use is as it was");
    }
    replace(&whole);
    assert!(update().status.success(), "a mended mirror is taken");
    assert_eq!(status(), good, "equal input gives an equal snapshot");
}

#[test]
fn what_lacks_a_source_or_is_older_is_refused() {
    let folder = temporary();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    let starter = root().join("crates/advisory/starter");
    let (osv, debian) = (starter.join("osv"), starter.join("osv/Debian"));
    plimsoll_ok(["feed", "import", "--data", data, osv.to_str().unwrap()]);
    let output = plimsoll(["feed", "import", "--data", data, debian.to_str().unwrap()]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(error.contains("--allow-older") || error.contains("osv/"), "{error}");
    plimsoll_ok(["feed", "import", "--allow-older", "--data", data, debian.to_str().unwrap()]);
}

#[test]
fn the_real_feeds_are_read_whole() {
    let Some(advisories) = shared("advisories") else { return };
    let folder = temporary();
    let data = folder.path().join("data");
    let osv = |name: &str| advisories.join("osv").join(name).join("all.zip");
    let text = plimsoll_ok([
        "feed".into(),
        "import".into(),
        "--data".into(),
        data.clone().into_os_string(),
        osv("Debian").into_os_string(),
        osv("Alpine").into_os_string(),
        osv("PyPI").into_os_string(),
        advisories.join("kev/known_exploited_vulnerabilities.json").into_os_string(),
        advisories.join("epss/epss_scores-2024-10-15-partial.csv.gz").into_os_string(),
    ]);
    println!("{text}");
    let ids = plimsoll_ok(["feed", "ids", "--data", data.to_str().unwrap()]);
    assert!(ids.lines().count() > 35_000, "{}", ids.lines().count());
}
