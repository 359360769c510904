//! Help, exit codes and errors: what the reference pages promise.

use plimsoll_image::build::{ImageBuilder, Layer};

use crate::support::{plimsoll, plimsoll_ok, python, root, run, temporary};

fn layout(folder: &std::path::Path) -> std::path::PathBuf {
    let status = "Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2.15-2+b2\nSource: bash (5.2.15-2)\n\n";
    let os = "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n";
    let layer = Layer::builder("ADD rootfs /")
        .file("etc/os-release", os.as_bytes())
        .file("etc/debian_version", b"12.0\n")
        .file("etc/shadow", b"root::19000:0:99999:7:::\n")
        .file("etc/passwd", b"root:x:0:0:root:/root:/bin/bash\n")
        .file("var/lib/dpkg/status", status.as_bytes())
        .file("srv/node_modules/lodash/package.json", br#"{"name": "lodash", "version": "4.17.4"}"#)
        .build()
        .unwrap();
    let layout = folder.join("layout");
    let platform = "linux/amd64".parse().unwrap();
    let image = ImageBuilder::new(platform)
        .layer(&layer)
        .env("API_TOKEN", "0123456789abcdef")
        .build()
        .unwrap();
    image.write_oci_layout(&layout, "latest").unwrap();
    layout
}

#[test]
fn exit_codes_are_those_of_the_help() {
    let folder = temporary();
    let layout = layout(folder.path());
    let layout = layout.to_str().unwrap();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    let code = |arguments: &[&str]| {
        let all = ["scan", "--platform", "linux/amd64", "--data", data]
            .into_iter()
            .chain(arguments.iter().copied());
        plimsoll(all).status.code()
    };
    assert_eq!(code(&[layout]), Some(0));
    assert_eq!(code(&["/nonexistent/image.tar"]), Some(1));
    assert_eq!(code(&["--no-such-flag"]), Some(2));
    assert_eq!(code(&[layout, "--fail-on", "vulnerability:urgent"]), Some(2));
    assert_eq!(code(&[layout, "--fail-on", "baseline:high"]), Some(3));
    assert_eq!(code(&[layout, "--fail-on", "malware"]), Some(0));
    // Without a feed the coverage is partial, which wins over the line.
    assert_eq!(
        code(&[layout, "--fail-on", "baseline:high", "--require-coverage", "complete"]),
        Some(4)
    );
    assert_eq!(code(&[layout, "--require-coverage", "partial"]), Some(0));
}

/// A limit that is said holds in the process that reads the image, and is a gap with its name and number.
#[test]
fn limits_can_be_said() {
    let folder = temporary();
    let layout = layout(folder.path());
    let (layout, data) = (layout.to_str().unwrap(), folder.path().join("data"));
    let scan = |more: &[&str]| {
        let fixed = ["scan", layout, "--platform", "linux/amd64", "--format", "json", "--data"];
        let all = fixed.into_iter().chain([data.to_str().unwrap()]).chain(more.iter().copied());
        plimsoll(all)
    };
    let says = |output: &std::process::Output| String::from_utf8_lossy(&output.stderr).into_owned();
    for sandbox in ["auto", "off"] {
        let cut = scan(&["--budget", "max_entries=3", "--sandbox", sandbox]);
        assert!(cut.status.success(), "{}", says(&cut));
        let report = String::from_utf8_lossy(&cut.stdout).into_owned();
        assert!(report.contains("the limit of 3 is reached (`max_entries`)"), "{report}");
        let whole = scan(&["--budget", "max_unpacked_bytes=1MiB", "--sandbox", sandbox]);
        let report = String::from_utf8_lossy(&whole.stdout).into_owned();
        assert!(whole.status.success() && !report.contains("budget-reached"), "{report}");
    }
    let wrong = scan(&["--budget", "entries=3"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(says(&wrong).contains("`entries` is no limit; there are "), "{}", says(&wrong));
    let listed = plimsoll_ok(["list", "budgets"]);
    assert!(listed.contains("max_unpacked_bytes") && listed.contains("60GiB"), "{listed}");
}

/// Whatever comes first into the data directory, the folder is its owner's alone.
#[test]
fn the_data_directory_is_private_however_it_is_made() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = temporary();
    let layout = layout(folder.path());
    let first: [&[&str]; 4] = [
        &["feed", "import", "--starter"],
        &["scan", layout.to_str().unwrap(), "--platform", "linux/amd64"],
        &["registry", "list"],
        // Nothing answers there, but the folder for what would come is made.
        &["feed", "update", "--from", "http://127.0.0.1:1"],
    ];
    for (number, arguments) in first.into_iter().enumerate() {
        let data = folder.path().join(format!("data-{number}"));
        plimsoll(arguments.iter().copied().chain(["--data", data.to_str().unwrap()]));
        let mode = std::fs::metadata(&data).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{arguments:?}");
    }
}

#[test]
fn logs_in_files_are_plain_text() {
    let folder = temporary();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(["registry", "list", "--data", folder.path().to_str().unwrap()])
        .env("RUST_LOG", "debug")
        .output()
        .unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(log.contains("DEBUG") && !log.contains('\u{1b}'), "{log}");
}

#[test]
fn what_was_not_looked_at_never_passes() {
    let folder = temporary();
    let layout = layout(folder.path());
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    let scan = |target: &str, arguments: &[&str]| {
        let output = plimsoll(["scan", "--data", data, target].iter().chain(arguments));
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, error) = scan(layout.to_str().unwrap(), &["--fail-on", "vulnerability:asap"]);
    assert_eq!(code, Some(1));
    assert!(error.contains("no feed") && error.contains("hint: `plimsoll feed update`"), "{error}");
    let (code, error) = scan(layout.to_str().unwrap(), &["--platform", "linux/s390x"]);
    assert_eq!(code, Some(1));
    assert!(error.contains("linux/amd64, not for linux/s390x"), "{error}");
    let blobs = layout.join("blobs/sha256");
    let largest = std::fs::read_dir(blobs).unwrap().map(|entry| entry.unwrap().path());
    let layer =
        largest.max_by_key(|path| std::fs::read(path).unwrap().starts_with(&[0x1f, 0x8b])).unwrap();
    let bytes = std::fs::read(&layer).unwrap();
    std::fs::write(&layer, &bytes[..bytes.len() / 2]).unwrap();
    let (code, error) = scan(layout.to_str().unwrap(), &["--fail-on", "baseline"]);
    assert_eq!(code, Some(1), "{error}");
    let (code, _) = scan(layout.to_str().unwrap(), &["--require-coverage", "partial"]);
    assert_eq!(code, Some(4));
}

#[test]
fn errors_name_the_thing_the_place_and_the_remedy() {
    let folder = temporary();
    let not_an_image = folder.path().join("notes.txt");
    std::fs::write(
        &not_an_image,
        "just text, long enough to be looked at and recognised as nothing",
    )
    .unwrap();
    let output = plimsoll(["scan", not_an_image.to_str().unwrap()]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(error.contains("notes.txt") && error.contains("--input"), "{error}");
    let output = plimsoll(["scan", "localhost:1/team/app:1"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("localhost:1"), "{error}");
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    let server = ["--server", "http://127.0.0.1:1", "--data", data];
    let output = plimsoll(["settings", "rank.limit", "3"].into_iter().chain(server));
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(error.contains("\nhint: ") && error.contains("--data"), "{error}");
    assert!(!std::path::Path::new(data).exists(), "it changed what is here instead");
}

#[test]
fn equal_image_and_snapshot_give_equal_bytes() {
    let folder = temporary();
    let layout = layout(folder.path());
    let data = folder.path().join("data");
    plimsoll_ok(["feed", "import", "--starter", "--data", data.to_str().unwrap()]);
    let scan = |extra: &[&str]| {
        let base = [
            "scan",
            "--format",
            "json",
            "--platform",
            "linux/amd64",
            "--data",
            data.to_str().unwrap(),
            layout.to_str().unwrap(),
        ];
        plimsoll_ok(base.iter().chain(extra))
    };
    let first = scan(&[]);
    assert_eq!(first, scan(&[]), "from the cache");
    assert_eq!(first, scan(&["--no-cache"]), "read again");
    let report: serde_json::Value = serde_json::from_str(&first).unwrap();
    assert!(
        report["packages"][0]["purl"]
            .as_str()
            .unwrap()
            .starts_with("pkg:deb/debian/bash@5.2.15-2%2Bb2?arch=amd64")
    );
    assert_eq!(report["feed"]["starter"], true);
}

#[test]
fn every_command_explains_itself() {
    let help = plimsoll_ok(["--help"]);
    for command in [
        "demo",
        "scan",
        "serve",
        "feed",
        "registry",
        "images",
        "rank",
        "affected",
        "key",
        "completions",
    ] {
        assert!(help.contains(command), "{command}");
        assert!(!plimsoll_ok([command, "--help"]).is_empty());
    }
    assert!(plimsoll_ok(["completions", "bash"]).contains("_plimsoll"));
}

#[test]
fn a_report_is_what_its_schema_says() {
    let Some(python) = python() else { return };
    let folder = temporary();
    let layout = layout(folder.path());
    let data = folder.path().join("data");
    plimsoll_ok(["feed", "import", "--starter", "--data", data.to_str().unwrap()]);
    let report = folder.path().join("report.json");
    let scan = [
        "scan",
        "--format",
        "json",
        "--platform",
        "linux/amd64",
        "--data",
        data.to_str().unwrap(),
        "--output",
        report.to_str().unwrap(),
        layout.to_str().unwrap(),
    ];
    plimsoll_ok(scan);
    let script = "import json, sys, jsonschema; jsonschema.Draft202012Validator(json.load(open(sys.argv[1]))).validate(json.load(open(sys.argv[2])))";
    let schema = root().join("docs/reference/report.schema.json");
    run(
        python.to_str().unwrap(),
        ["-c", script, schema.to_str().unwrap(), report.to_str().unwrap()],
    );
    let report: serde_json::Value =
        serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    let kinds: std::collections::BTreeSet<&str> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["kind"].as_str().unwrap())
        .collect();
    assert!(
        kinds.contains("vulnerability") && kinds.contains("baseline") && kinds.contains("build"),
        "{kinds:?}"
    );
}
