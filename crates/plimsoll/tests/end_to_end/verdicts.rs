//! What is said of Debian's packages in real images, held against the same data read by others: Python and dpkg.
//!
//! In: the real images that are built here, and the real advisories. Out: for each image the same pairs of package and
//! advisory, neither more nor fewer. Odd: nothing of ours stands in the second reading but the list of packages, whose names
//! and versions `packages.rs` holds against dpkg-query.

use std::{collections::BTreeSet, process::Command};

use serde_json::Value;

use crate::support::{has, plimsoll_ok, real_image, run, shared, temporary};

/// Images with Debian packages; those of `cargo xtask test` first.
const IMAGES: [&str; 6] =
    ["debian-slim", "debian-eol", "python-app", "node-app", "java-app", "go-app"];

/// Reads a report and the archives of advisories; prints `purl advisory` for every package that is below a fix. A version
/// that an advisory itself names as fixed is fixed, though it has another entry with a higher one: rebuilds of one fix.
const SECOND_READING: &str = "
import collections, json, subprocess, sys, zipfile
report, archives = json.load(open(sys.argv[1])), sys.argv[2:]
statements = collections.defaultdict(list)
for archive in archives:
    with zipfile.ZipFile(archive) as opened:
        for name in opened.namelist():
            record = json.loads(opened.read(name))
            if record.get('withdrawn'):
                continue
            for affected in record['affected']:
                key = affected['package']['ecosystem'], affected['package']['name']
                for range in affected['ranges']:
                    events = range['events']
                    assert events[0] == {'introduced': '0'} and len(events) <= 2, record['id']
                    fixed = events[1]['fixed'] if len(events) == 2 else None
                    statements[key].append((record['id'], fixed))
compared = {}
def is_below(version, fixed):
    if (version, fixed) not in compared:
        command = ['dpkg', '--compare-versions', version, 'lt', fixed]
        compared[version, fixed] = subprocess.run(command).returncode == 0
    return compared[version, fixed]
for package in report['packages']:
    if package['ecosystem'] != 'Debian':
        continue
    source = package.get('source') or package
    by_record = collections.defaultdict(list)
    for record, fixed in statements['Debian:' + package['release'], source['name']]:
        by_record[record].append(fixed)
    for record, fixes in by_record.items():
        below = any(fixed is None or is_below(source['version'], fixed) for fixed in fixes)
        named = any(fixed is not None and not is_below(source['version'], fixed) and not is_below(fixed, source['version']) for fixed in fixes)
        if below and not named:
            print(package['purl'], record)
print('compared', len(compared), file=sys.stderr)
";

#[test]
fn debian_packages_are_judged_as_dpkg_says() {
    let Some(advisories) = shared("advisories") else { return };
    if !has("python3") || !has("dpkg") {
        return;
    }
    let folder = temporary();
    let archives = [advisories.join("osv/Debian"), advisories.join("debian-12-changelog")];
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    let import = ["feed", "import", "--data", data];
    plimsoll_ok(import.into_iter().chain(archives.iter().map(|path| path.to_str().unwrap())));
    let mut seen = 0;
    for image in IMAGES.iter().filter_map(|name| real_image(name)) {
        let report = plimsoll_ok([
            "scan",
            "--format",
            "json",
            "--platform",
            "linux/amd64",
            "--data",
            data,
            image.to_str().unwrap(),
        ]);
        let path = folder.path().join("report.json");
        std::fs::write(&path, &report).unwrap();
        let theirs = run(
            "python3",
            [
                "-c",
                SECOND_READING,
                path.to_str().unwrap(),
                archives[0].join("all.zip").to_str().unwrap(),
                archives[1].join("Debian/all.zip").to_str().unwrap(),
            ],
        );
        let theirs: BTreeSet<String> = theirs.lines().map(str::to_owned).collect();
        let ours = of_report(&serde_json::from_str(&report).unwrap());
        let differences: Vec<&String> = ours.symmetric_difference(&theirs).collect();
        assert!(
            differences.is_empty(),
            "{}: {} of {} differ: {:#?}",
            image.display(),
            differences.len(),
            theirs.len(),
            &differences[..differences.len().min(20)]
        );
        assert!(theirs.len() > 40, "{}: only {} pairs", image.display(), theirs.len());
        println!("{}: {} pairs of package and advisory agree", image.display(), theirs.len());
        seen += 1;
    }
    assert!(seen > 0 || real_image(IMAGES[0]).is_none());
}

/// `purl advisory` of every finding on a package of Debian's.
fn of_report(report: &Value) -> BTreeSet<String> {
    let packages = report["packages"].as_array().unwrap().iter();
    let debian: BTreeSet<&str> = packages
        .filter(|package| package["ecosystem"] == "Debian")
        .map(|package| package["purl"].as_str().unwrap())
        .collect();
    let findings = report["findings"].as_array().unwrap().iter();
    findings
        .filter(|finding| finding["kind"] == "vulnerability")
        .filter_map(|finding| Some((finding["subject"]["purl"].as_str()?, finding)))
        .filter(|(purl, _)| debian.contains(purl))
        .flat_map(|(purl, finding)| {
            let advisories = finding["advisories"].as_array().unwrap().iter();
            advisories.map(move |advisory| format!("{purl} {}", advisory.as_str().unwrap()))
        })
        .collect()
}

/// Asks the program about lines and returns what it answers.
fn answers(scheme: &[&str], lines: &str) -> String {
    use std::io::Write as _;
    let mut child = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .arg("version-order")
        .args(scheme)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn anybody_can_check_the_order_of_versions() {
    let pairs = "1.0~rc1-1 1.0-1\n1.0\t1.0-0\n1:0 9.9\nx_y 1\n\n1.0\n1.0 2.0";
    assert_eq!(answers(&["dpkg"], pairs), "<\n=\n>\n!\n!\n!\n<\n");
    assert_eq!(answers(&["Debian"], pairs), answers(&["dpkg"], pairs));
    assert_eq!(answers(&["npm"], "1.0.0-rc.1 1.0.0\n10.0.0 9.0.0\n"), "<\n>\n");
    assert_eq!(answers(&["pacman"], "1.0rc 1.0\n"), "<\n");
    assert_eq!(
        answers(
            &["vers"],
            "vers:npm/>=1.0.0|<2.0.0 1.4.2\nvers:npm/>=1.0.0|<2.0.0 2.0.0\nvers:npm/>1.0.0 0.1.0\nnpm 1\n"
        ),
        "=\n<\n>\n!\n"
    );
    assert_eq!(
        answers(&["dpkg", "--reasons"], "a_b 1\n"),
        "! `a_b` is not a version to dpkg: it has a character other than letters, digits and . + - ~ :\n"
    );
    // Longer than any version, and no text: answered, and the next line is read as it should.
    let long = format!("{} 1\n\u{0}\u{0}\n1 2\n", "9".repeat(1_000_000));
    assert_eq!(answers(&["rpm"], &long), "!\n!\n<\n");
    let listed = plimsoll_ok(["list", "version-orders"]);
    assert!(listed.contains("vercmp") && listed.contains("portage"), "{listed}");
    let wrong = crate::support::plimsoll(["version-order", "debain"]);
    assert_eq!(wrong.status.code(), Some(2));
    let said = String::from_utf8(wrong.stderr).unwrap();
    assert!(said.contains("orders are: dpkg, apk"), "{said}");
}

/// A program that asks one by one gets each answer before it asks again.
#[test]
fn answers_come_while_questions_are_asked() {
    use std::io::{BufRead as _, BufReader, Write as _};
    let mut child = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(["version-order", "rpm"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let (mut questions, answers) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut lines = BufReader::new(answers).lines();
    for (pair, answer) in [("1.0-1 1.0-2\n", "<"), ("1.0^a 1.0\n", ">")] {
        questions.write_all(pair.as_bytes()).unwrap();
        assert_eq!(lines.next().unwrap().unwrap(), answer);
    }
    drop(questions);
    assert!(lines.next().is_none());
    assert!(child.wait().unwrap().success());
}
