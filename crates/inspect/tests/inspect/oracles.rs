//! Native tools as oracles: what `dpkg-query`, `rpm`, Python and `openssl` say of the same data. A tool that is not here
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
fn run(command: &mut Command) -> Option<String> {
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

fn inspect_files(files: &[(&str, &[u8])]) -> Inspection {
    let builder = Layer::builder("oracle").compression(Compression::Plain);
    let layer = files.iter().fold(builder, |builder, (path, bytes)| builder.file(path, bytes));
    case::inspect_layers(&[layer.build().unwrap()], b"{}")
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
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
fn rpm_lists_the_same_packages() {
    let folder = tempfile::tempdir().unwrap();
    let top = folder.path();
    let mut built = Vec::new();
    for (name, epoch, version, release, files) in [
        ("alpha", "", "1.0", "1.el9", 3),
        ("beta-libs", "Epoch: 2\n", "4.4.19~rc1", "14.el9_2", 900),
        ("gamma", "Epoch: 0\n", "20240101^git", "0.1", 0),
    ] {
        let list: String =
            (0..files).map(|index| format!("/usr/share/{name}/file-{index}\n")).collect();
        let make: String = match files {
            0 => String::new(),
            _ => format!(
                "mkdir -p %{{buildroot}}/usr/share/{name}\nfor i in $(seq 0 {}); do touch %{{buildroot}}/usr/share/{name}/file-$i; done\n",
                files - 1
            ),
        };
        let spec = format!(
            "Name: {name}\n{epoch}Version: {version}\nRelease: {release}\nSummary: x\nLicense: MIT\nVendor: Plimsoll\nBuildArch: noarch\n%description\nx\n%install\n{make}%files\n{list}"
        );
        let path = top.join(format!("{name}.spec"));
        fs::write(&path, spec).unwrap();
        let define = format!("_topdir {}", top.display());
        let mut command = Command::new("rpmbuild");
        command.args(["-bb", "--quiet", "--define"]).arg(&define).arg(&path);
        if run(&mut command).is_none() {
            return;
        }
        built.push(format!("{name}-{version}-{release}.noarch.rpm"));
    }
    let database = top.join("db");
    let mut install = Command::new("rpm");
    install.arg("--dbpath").arg(&database).args([
        "-i",
        "--justdb",
        "--nodeps",
        "--nosignature",
        "--ignorearch",
    ]);
    install.args(built.iter().map(|name| top.join("RPMS/noarch").join(name)));
    if run(&mut install).is_none() {
        return;
    }
    let format =
        "%{NAME} %|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE} %{ARCH} %{SOURCERPM} %{VENDOR}\n";
    let listed =
        run(Command::new("rpm").arg("--dbpath").arg(&database).args(["-qa", "--qf", format]));
    // An epoch of 0 is none in every comparison; it is not written here.
    let wanted = listed.unwrap().replace(" 0:", " ");
    let wanted = sorted(wanted.lines().map(str::to_owned).collect());
    assert_eq!(wanted.len(), 3);
    let bytes = fs::read(database.join("rpmdb.sqlite")).unwrap();
    let inspection = inspect_files(&[("var/lib/rpm/rpmdb.sqlite", &bytes)]);
    let found = inspection.packages.iter().map(|package| {
        let extra = |key: &str| package.extra[key].as_str();
        let (architecture, source, vendor) =
            (extra("architecture"), extra("source_rpm"), extra("vendor"));
        format!("{} {} {architecture} {source} {vendor}", package.name, package.version)
    });
    assert_eq!(sorted(found.collect()), wanted);
    // The 900 files of one package do not fit into a page: its header is read over overflow pages.
    let owned = inspect_owned(&bytes);
    assert!(owned >= 903, "{owned}");
}

fn inspect_owned(bytes: &[u8]) -> usize {
    use plimsoll_image::{Budget, TreePath};
    let parser = plimsoll_inspect::parsers().iter().find(|parser| parser.id() == "rpm").unwrap();
    let path = TreePath::from("var/lib/rpm/rpmdb.sqlite");
    let budget = Budget::default();
    let file = plimsoll_inspect::ClaimedFile::new(&path, bytes, &budget);
    parser.parse(&file).unwrap().owned.len()
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
