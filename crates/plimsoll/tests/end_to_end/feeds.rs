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
    let whole_status = || -> serde_json::Value {
        let text = plimsoll_ok(["feed", "status", "--format", "json", "--data", data]);
        serde_json::from_str(&text).unwrap()
    };
    let status = || whole_status()["feed"].clone();
    let failures = || whole_status()["last_update"]["failures"].as_array().unwrap().len();
    let state = status();
    let good = state.clone();
    assert_eq!(failures(), 0);
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
        assert!(failures() > 0, "{damage}: the failure is remembered");
        let shown = plimsoll_ok(["feed", "status", "--data", data]);
        assert!(shown.contains("warning: the update of"), "{damage}: {shown}");
    }
    replace(&whole);
    assert!(update().status.success(), "a mended mirror is taken");
    assert_eq!(status(), good, "equal input gives an equal snapshot");
    assert_eq!(failures(), 0);

    // A second mirror gives what the first one does not.
    std::fs::remove_file(mirror.join("npm/all.zip")).unwrap();
    let output = update();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("npm") && error.contains("404"), "{error}");
    assert_eq!((status(), failures()), (good, 1), "what was downloaded before serves");
}

#[test]
fn a_bundle_carries_the_snapshot_to_a_site_without_a_network() {
    let folder = temporary();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (maker, site) = (path("maker"), path("site"));
    let starter = root().join("crates/advisory/starter");
    let osv = starter.join("osv").to_str().unwrap().to_owned();
    plimsoll_ok(["feed", "import", "--data", &maker, &osv]);
    plimsoll_ok(["feed", "key", "generate", "--output", &path("key"), "--data", &maker]);
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(path("key")).unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
    let again = plimsoll(["feed", "key", "generate", "--output", &path("key")]);
    assert_eq!(again.status.code(), Some(1), "a key is never overwritten");
    plimsoll_ok([
        "feed",
        "bundle",
        "--key",
        &path("key"),
        "--output",
        &path("full"),
        "--data",
        &maker,
    ]);

    let refused = |arguments: &[&str]| {
        let output = plimsoll(arguments);
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let error = refused(&["feed", "import", "--data", &site, &path("full")]);
    assert!(error.contains("not trusted") && error.contains("trusted-keys"), "{error}");
    let trust = path("key.pub");
    plimsoll_ok(["feed", "import", "--data", &site, "--trust", &trust, &path("full")]);
    let snapshot = |data: &str| std::fs::read(Path::new(data).join("advisories.snapshot")).unwrap();
    assert_eq!(snapshot(&site), snapshot(&maker));

    // A day later: one more record, and the key lies in the data folder.
    let record = r#"{"id":"GHSA-new","modified":"2026-11-29T00:00:00Z","affected":[{"package":{"ecosystem":"npm","name":"x"},
        "ranges":[{"type":"SEMVER","events":[{"introduced":"0"}]}]}]}"#;
    std::fs::write(path("new.json"), record).unwrap();
    plimsoll_ok(["feed", "import", "--data", &maker, &osv, &path("new.json")]);
    plimsoll_ok([
        "feed",
        "bundle",
        "--key",
        &path("key"),
        "--since",
        &path("full"),
        "--output",
        &path("day"),
        "--data",
        &maker,
    ]);
    let keys = Path::new(&site).join("trusted-keys");
    std::fs::create_dir(&keys).unwrap();
    std::fs::copy(&trust, keys.join("maker.pub")).unwrap();
    plimsoll_ok(["feed", "import", "--data", &site, &path("day")]);
    assert_eq!(snapshot(&site), snapshot(&maker));
    let error = refused(&["feed", "import", "--data", &site, &path("full")]);
    assert!(error.contains("was taken before") && error.contains("--allow-older"), "{error}");
    let error =
        refused(&["feed", "import", "--data", &path("other"), "--trust", &trust, &path("day")]);
    assert!(error.contains("in place is none") && error.contains("full bundle"), "{error}");
    let error = refused(&["feed", "import", "--data", &site, &path("day"), &osv]);
    assert!(error.contains("stands alone"), "{error}");
    let error = refused(&[
        "feed",
        "bundle",
        "--output",
        &path("x"),
        "--unsigned",
        "--since",
        "1999-01-01",
        "--data",
        &maker,
    ]);
    assert!(error.contains("no bundle was made here"), "{error}");
    assert_eq!(snapshot(&site), snapshot(&maker));
}

#[test]
fn no_fault_of_a_bundle_becomes_the_snapshot_in_use() {
    let folder = temporary();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (maker, site, half) = (path("maker"), path("site"), path("half"));
    let osv = root().join("crates/advisory/starter/osv").to_str().unwrap().to_owned();
    plimsoll_ok(["feed", "key", "generate", "--output", &path("key")]);
    let (key, trust) = (path("key"), path("key.pub"));
    let bundle = |data: &str, to: &str| {
        plimsoll_ok(["feed", "bundle", "--key", &key, "--output", to, "--data", data]);
        std::fs::read(to).unwrap()
    };
    plimsoll_ok(["feed", "import", "--data", &maker, &osv]);
    bundle(&maker, &path("first"));
    let take =
        |name: &str| plimsoll(["feed", "import", "--data", &site, "--trust", &trust, &path(name)]);
    assert!(take("first").status.success());
    let sbom = r#"{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"components":[{"type":"library","name":"lodash",
        "version":"4.17.4","purl":"pkg:npm/lodash@4.17.4"}]}"#;
    std::fs::write(path("app.cdx.json"), sbom).unwrap();
    let report = || {
        let image = format!("sbom:{}", path("app.cdx.json"));
        plimsoll(["scan", "--format", "json", "--data", &site, &image]).stdout
    };
    let status = || plimsoll_ok(["feed", "status", "--format", "json", "--data", &site]);
    let snapshot = || std::fs::read(Path::new(&site).join("advisories.snapshot")).unwrap();
    let (good, said, found) = (snapshot(), status(), report());
    assert!(!found.is_empty());

    let record = r#"{"id":"GHSA-new","modified":"2026-11-29T00:00:00Z","affected":[{"package":{"ecosystem":"npm","name":"lodash"},
        "ranges":[{"type":"SEMVER","events":[{"introduced":"0"}]}]}]}"#;
    std::fs::write(path("new.json"), record).unwrap();
    plimsoll_ok(["feed", "import", "--data", &maker, &osv, &path("new.json")]);
    // A bundle's version is the second that it was made in.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let newer = bundle(&maker, &path("newer"));
    let header = usize::try_from(u32::from_le_bytes(newer[12..16].try_into().unwrap())).unwrap();
    let flipped = |at: usize| {
        let mut bytes = newer.clone();
        bytes[at] ^= 1;
        bytes
    };
    // Every second record of one ecosystem is missing, and somebody who is trusted signed it.
    let left = folder.path().join("left");
    for ecosystem in std::fs::read_dir(&osv).unwrap().map(|entry| entry.unwrap().path()) {
        let name = ecosystem.file_name().unwrap().to_owned();
        std::fs::create_dir_all(left.join(&name)).unwrap();
        let mut records: Vec<PathBuf> =
            std::fs::read_dir(&ecosystem).unwrap().map(|entry| entry.unwrap().path()).collect();
        records.sort();
        let step = if name == "npm" { 2 } else { 1 };
        for record in records.iter().step_by(step) {
            std::fs::copy(record, left.join(&name).join(record.file_name().unwrap())).unwrap();
        }
    }
    let left = left.to_str().unwrap();
    plimsoll_ok(["feed", "import", "--data", &half, left, &path("new.json")]);
    let lacking = bundle(&half, &path("half.bundle"));
    for (what, bytes, why) in [
        ("empty", Vec::new(), "is none of the feeds that can be imported"),
        ("cut", newer[..newer.len() / 2].to_vec(), "is cut off"),
        ("flipped in its payload", flipped(newer.len() - 40), "is damaged"),
        ("flipped in its header", flipped(16 + header / 2), "has a wrong signature"),
        ("wrongly signed", flipped(16 + header + 30), "has a wrong signature"),
        ("half an ecosystem", lacking, "`osv/npm` has"),
    ] {
        std::fs::write(path("spoilt"), bytes).unwrap();
        let output = take("spoilt");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{what}: {error}");
        assert!(error.contains(why), "{what}: {error}");
        assert!(
            snapshot() == good && status() == said,
            "{what}: the snapshot in use is another one"
        );
        assert!(report() == found, "{what}: a scan says something else");
    }
    assert!(take("newer").status.success());
    assert!(
        snapshot() != good && report() != found,
        "what is sound is taken, and makes a difference"
    );
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
