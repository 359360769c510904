//! Native tools as oracles: what `dpkg-query`, Python and `openssl` say of the same data. A tool that is not here
//! is named and skipped.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use plimsoll_image::{Compression, Layer};
use plimsoll_inspect::Inspection;

use crate::case;

/// A tool's output; `None`, said aloud, when it is not here.
pub(crate) fn run(command: &mut Command) -> Option<String> {
    let output = match command.stderr(Stdio::piped()).output() {
        Ok(output) => output,
        Err(error) => {
            println!("skipped: {}: {error}", command.get_program().display());
            return None;
        }
    };
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {error}");
    Some(String::from_utf8(output.stdout).unwrap())
}

pub(crate) fn inspect_files(files: &[(&str, &[u8])]) -> Inspection {
    let builder = Layer::builder("oracle").compression(Compression::Plain);
    let layer = files.iter().fold(builder, |builder, (path, bytes)| builder.file(path, bytes));
    case::inspect_layers(&[layer.build().unwrap()], b"{}")
}

pub(crate) fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

fn dpkg_agrees(status: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    for name in ["updates", "info"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    fs::write(folder.path().join("status"), status).unwrap();
    fs::write(folder.path().join("available"), "").unwrap();
    let format = "${db:Status-Status} ${Package} ${Version} ${Architecture} ${source:Package} ${source:Version}\n";
    let Some(wanted) = run(Command::new("dpkg-query")
        .arg(format!("--admindir={}", folder.path().display()))
        .args(["-W", "-f", format]))
    else {
        return;
    };
    let there =
        |line: &str| !line.starts_with("config-files ") && !line.starts_with("not-installed ");
    let wanted: Vec<String> =
        wanted.lines().filter(|line| there(line)).map(str::to_owned).collect();
    assert!(!wanted.is_empty());
    let inspection = inspect_files(&[("var/lib/dpkg/status", status)]);
    let found = inspection.packages.iter().map(|package| {
        let state = package.extra.get("state").map_or("installed", String::as_str);
        let source = package.source.as_ref().unwrap();
        let architecture = &package.extra["architecture"];
        format!(
            "{state} {} {} {architecture} {} {}",
            package.name, package.version, source.name, source.version
        )
    });
    assert_eq!(sorted(found.collect()), sorted(wanted));
}

#[test]
fn dpkg_query_lists_the_same_packages() {
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/dpkg/status");
    dpkg_agrees(&fs::read(case.join("root/var/lib/dpkg/status")).unwrap());
    match fs::read("/var/lib/dpkg/status") {
        Ok(status) => dpkg_agrees(&status),
        Err(error) => println!("skipped: this machine's own database: {error}"),
    }
}

#[test]
fn python_lists_the_same_distributions() {
    let folder = tempfile::tempdir().unwrap();
    let files: [(&str, &[u8]); 4] = [
        ("a_b-1.0.dist-info/METADATA", b"Metadata-Version: 2.1\nName: A.b\nVersion: 1.0\nSummary: x\n  goes on\n\nText: y\nName: other\n"),
        ("old-0.1.egg-info/PKG-INFO", b"Metadata-Version: 1.0\nName: old\nVersion: 0.1\nDescription: x\n        Version: 9\nLicense: MIT\n"),
        ("single-2.egg-info", b"Metadata-Version: 1.0\nName: single\nVersion: 2\n"),
        ("c-1!2.0.post1.dist-info/METADATA", b"Name: c\nversion: 1!2.0.post1\n"),
    ];
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let program = "import sys, re\nfrom importlib.metadata import distributions\nfor d in distributions(path=[sys.argv[1]]): print(re.sub('[-_.]+', '-', d.metadata['Name']).lower(), d.version)";
    let Some(wanted) = run(Command::new("python3").arg("-c").arg(program).arg(folder.path()))
    else {
        return;
    };
    let files: Vec<(String, &[u8])> = files
        .iter()
        .map(|(name, bytes)| (format!("usr/lib/python3/site-packages/{name}"), *bytes))
        .collect();
    let files: Vec<(&str, &[u8])> =
        files.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
    let inspection = inspect_files(&files);
    let found =
        inspection.packages.iter().map(|package| format!("{} {}", package.name, package.version));
    assert_eq!(sorted(found.collect()), sorted(wanted.lines().map(str::to_owned).collect()));
}

#[test]
fn openssl_s_hashes_of_weak_passwords_are_found() {
    for (kind, salt) in [("-1", "aZ./09xy"), ("-5", "saltsaltsaltsalt"), ("-6", "s")] {
        for password in ["changeme", "root123456", "qwertyuiop"] {
            let mut command = Command::new("openssl");
            let Some(hash) = run(command.args(["passwd", kind, "-salt", salt, password])) else {
                return;
            };
            let shadow = format!("root:{}:19000:0:99999:7:::\n", hash.trim());
            let inspection = inspect_files(&[("etc/shadow", shadow.as_bytes())]);
            let found = inspection.findings.iter().any(|finding| finding.id == "weak_linux_login");
            assert!(found, "{kind} {password}: {shadow}");
        }
        let mut command = Command::new("openssl");
        let Some(hash) = run(command.args(["passwd", kind, "-salt", salt, "kX9#vTq2!mWz"])) else {
            return;
        };
        let shadow = format!("root:{}:19000:0:99999:7:::\n", hash.trim());
        let inspection = inspect_files(&[("etc/shadow", shadow.as_bytes())]);
        assert!(inspection.findings.iter().all(|finding| finding.id != "weak_linux_login"));
        assert_eq!(inspection.gaps, []);
    }
}
