//! Oracles: the tools whose orders these are, asked about generated pairs.
//!
//! Odd: where a tool's comparison is no order (pacman's of versions with and without release, Conan's of numbers and words),
//! the pairs in question are left out, and so is what we read more leniently than the tool.

use std::path::PathBuf;

use plimsoll_advisory::VersRange;

use super::{
    languages::{agree, ask, versions_of},
    *,
};

fn tool(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target").join(path)
}

/// Python's answers about pairs, or `None` (said aloud) where what it needs is not here. The script defines `order(a, b)`.
fn ask_python(script: &str, pairs: &[(String, String)]) -> Option<Vec<String>> {
    let packages = tool("test-tools/version-orders");
    let python = |code: &str| {
        let mut command = Command::new("python3");
        command.args(["-c", code]).env("PYTHONPATH", &packages);
        command
    };
    let mut trial = python(script);
    trial.stdin(Stdio::null()).stderr(Stdio::null()).stdout(Stdio::null());
    if !trial.status().is_ok_and(|status| status.success()) {
        println!("skipped: what Python needs is not here: {}", script.lines().nth(1).unwrap());
        return None;
    }
    let asking = format!(
        "{script}
import sys
for line in sys.stdin:
    a, b = line.rstrip('\\n').split('\\t')
    try:
        said = order(a, b)
    except Exception:
        said = None
    print('!' if said is None else said)
"
    );
    Some(ask(&mut python(&asking), pairs))
}

/// Pairs and answers without those that do not count.
fn only(
    pairs: Vec<(String, String)>,
    said: Vec<String>,
    counts: impl Fn(&str, &str) -> bool,
) -> (Vec<(String, String)>, Vec<String>) {
    pairs.into_iter().zip(said).filter(|((a, b), _)| counts(a, b)).unzip()
}

#[test]
fn pacman_agrees() {
    let script = "
import ctypes, ctypes.util
compare = ctypes.CDLL(ctypes.util.find_library('alpm') or 'libalpm.so.13').alpm_pkg_vercmp
def order(a, b):
    return compare(a.encode(), b.encode())
";
    let pairs = versions_of(
        &["1", "1.", "1:1", ":1", "0", "1.0"],
        &[
            "1", "0", ".1", ".0", ".", "..", "-1", "-2", "-", "a", "rc", ".a", ".rc1", "_", "+",
            "10", "01", ":", "~", "^", "alpha", "z",
        ],
    );
    let Some(said) = ask_python(script, &pairs) else { return };
    let is_ended = |text: &str| {
        text.rsplit('-').all(|part| part.ends_with(|last: char| last.is_ascii_alphanumeric()))
    };
    let (pairs, said) =
        only(pairs, said, |a, b| a.contains('-') == b.contains('-') && is_ended(a) && is_ended(b));
    agree(Scheme::Pacman, false, &pairs, &said, 1_000);
}

#[test]
fn portage_agrees() {
    let script = "
from portage.versions import vercmp
def order(a, b):
    return vercmp(a, b)
";
    let pairs = versions_of(
        &["1", "0", "1.0", "1.01", "10", "1.1"],
        &[
            "1",
            "0",
            ".1",
            ".0",
            ".01",
            ".10",
            ".001",
            "a",
            "b",
            "_alpha",
            "_beta2",
            "_pre",
            "_rc1",
            "_p",
            "_p20200101",
            "_p0",
            "-r1",
            "-r0",
            "-r01",
            "-r",
            "_",
            "_foo",
            "A",
        ],
    );
    let Some(said) = ask_python(script, &pairs) else { return };
    // What is the same is equal to it, even where it is no version.
    let (pairs, said) = only(pairs, said, |a, b| a != b);
    agree(Scheme::Portage, true, &pairs, &said, 1_000);
}

#[test]
fn conan_agrees() {
    let script = "
from conan.internal.model.version import Version
def order(a, b):
    a, b = Version(a), Version(b)
    return (a > b) - (a < b)
";
    let pairs = versions_of(
        &["1", "1.0", "0.1", "3.0.0", "cci.2020", "v1"],
        &[
            ".1", ".0", ".10", ".2", "-rc", "-alpha.1", ".a", ".b", "+1", "+build", "+build.2",
            "-1", "k", "w",
        ],
    );
    let Some(said) = ask_python(script, &pairs) else { return };
    let (pairs, said) = only(pairs, said, is_ordered_by_conan);
    agree(Scheme::Conan, false, &pairs, &said, 900);
}

/// Conan compares a number with a word as texts. Its answers are an order where numbers meet numbers, and words words that
/// begin with a letter.
fn is_ordered_by_conan(a: &str, b: &str) -> bool {
    let parts = |text: &str| -> Vec<bool> {
        let numbers = text.split(['.', '-', '+']);
        numbers.map(|part| part.bytes().all(|byte| byte.is_ascii_digit())).collect()
    };
    let are_plain = |text: &str| {
        let is_mixed = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_digit())
                && part.contains(|c: char| c.is_ascii_alphabetic())
        };
        !text.split(['.', '-', '+']).any(|part| part.is_empty() || is_mixed(part))
            && text.matches('-').count() <= 1
            && text.matches('+').count() <= 1
            && !text.split_once('+').is_some_and(|(_, build)| build.contains('-'))
    };
    are_plain(a) && are_plain(b) && parts(a).iter().zip(parts(b)).all(|(a, b)| *a == b)
}

/// What npm itself compares with. Loose: as it reads what stands in package.json.
#[test]
fn npm_agrees() {
    let script = "
const semver = require('semver');
const lines = require('fs').readFileSync(0, 'utf8').split('\\n').filter(line => line);
for (const line of lines) {
    const [a, b] = line.split('\\t');
    try { console.log(semver.compare(a, b, true)); } catch (error) { console.log('!'); }
}";
    let Some(node) = node_with_semver() else { return };
    let pairs = semantic_pairs();
    let said = ask(Command::new("node").args(["-e", script]).env("NODE_PATH", node), &pairs);
    // Loose as it is, it takes `1.2.32.a` for 1.2.3-2.a, and a hyphen with nothing behind it for an identifier: we refuse.
    let (pairs, said) = only(pairs, said, |a, b| compare(Scheme::Semver, a, b).is_ok());
    agree(Scheme::Semver, false, &pairs, &said, 1_000);
}

/// Where npm keeps the packages that it uses itself.
fn node_with_semver() -> Option<PathBuf> {
    let root = Command::new("npm").args(["root", "-g"]).output().ok();
    let root = root.and_then(|root| String::from_utf8(root.stdout).ok()).unwrap_or_default();
    let own = PathBuf::from(root.trim()).join("npm/node_modules");
    let found =
        [own, "/usr/share/nodejs".into()].into_iter().find(|path| path.join("semver").exists());
    if found.is_none() {
        println!("skipped: npm's semver is not here");
    }
    found
}

fn semantic_pairs() -> Vec<(String, String)> {
    versions_of(
        &["1.0.0", "1.2.3", "0.0.0", "v1.2.3", "1.2", "2.0.0-", "1.0.0-rc"],
        &[
            "-alpha", ".1", ".0", ".beta", "-1", "-01", "+build", "+1", ".a-b", "10", "2", "-",
            "rc", ".x", "A", "--", "0a",
        ],
    )
}

#[test]
fn cargo_agrees() {
    let said = |a: &str, b: &str| {
        let (a, b) = (semver::Version::parse(a).ok()?, semver::Version::parse(b).ok()?);
        Some(a.cmp_precedence(&b))
    };
    let pairs = semantic_pairs();
    let said: Vec<String> = pairs
        .iter()
        .map(|(a, b)| match said(a, b) {
            None => "!".to_owned(),
            Some(Less) => "-1".to_owned(),
            Some(Equal) => "0".to_owned(),
            Some(Greater) => "1".to_owned(),
        })
        .collect();
    agree(Scheme::Semver, false, &pairs, &said, 900);
}

/// Hex packages are ordered by Elixir's `Version`.
#[test]
fn elixir_agrees() {
    if !is_here("elixir", "--version") {
        return;
    }
    let script = "
for line <- IO.stream(:stdio, :line) do
  [a, b] = line |> String.trim_trailing(\"\\n\") |> String.split(\"\\t\")
  said = with {:ok, a} <- Version.parse(a), {:ok, b} <- Version.parse(b) do
    case Version.compare(a, b) do :lt -> \"-1\"; :eq -> \"0\"; :gt -> \"1\" end
  else
    _ -> \"!\"
  end
  IO.puts(said)
end";
    let pairs = semantic_pairs();
    let said = ask(Command::new("elixir").args(["-e", script]), &pairs);
    agree(Scheme::Semver, false, &pairs, &said, 900);
}

#[test]
fn r_agrees() {
    if !is_here("Rscript", "--version") {
        return;
    }
    let script = "
lines <- strsplit(readLines(file('stdin')), '\\t')
for (pair in lines) {
    pair <- if (length(pair) < 2) c(pair, '') else pair
    read <- suppressWarnings(numeric_version(pair, strict = FALSE))
    cat(if (any(is.na(read))) '!' else compareVersion(pair[1], pair[2]), '\\n', sep = '')
}";
    let pairs: Vec<(String, String)> = versions_of(
        &["1", "0", "1.", "2024", "1-"],
        &["1", "0", ".1", "-1", ".0", "-0", "10", ".", "01", "a", "1.2.3"],
    )
    .into_iter()
    .filter(|(a, b)| [a, b].iter().all(|text| text.len() < 9))
    .collect();
    let said = ask(Command::new("Rscript").args(["-e", script]), &pairs);
    agree(Scheme::Dotted, true, &pairs, &said, 1_000);
}

/// opam's order is dpkg's, without an epoch.
#[test]
fn dpkg_agrees_on_opam() {
    if !is_here("dpkg", "--version") {
        return;
    }
    let pairs = versions_of(
        &["1", "1.0", "v0.16", "0.1", "1.0~"],
        &["~", "beta", "+", ".1", "-1", "~rc1", "10", "2", "a", "+dune", "-2", ".0"],
    );
    let mut compared = 0;
    for (a, b) in pairs.into_iter().skip(2_000).take(700) {
        let ours = compare(Scheme::Opam, &a, &b).unwrap();
        let operator = match ours {
            Less => "lt",
            Equal => "eq",
            Greater => "gt",
        };
        // With an epoch in front, a colon behind it is none, and dpkg does not mind a letter.
        let with_epoch = [format!("0:{a}"), format!("0:{b}")];
        let [a, b] = &with_epoch;
        let said =
            Command::new("dpkg").args(["--compare-versions", a, operator, b]).output().unwrap();
        assert!(
            said.status.success() || !said.stderr.is_empty(),
            "dpkg does not say {a} {operator} {b}"
        );
        compared += usize::from(said.stderr.is_empty());
    }
    assert!(compared > 300, "only {compared} pairs were compared");
}

#[test]
fn maven_agrees() {
    let fetched = tool("test-tools/maven/maven-artifact-3.9.9.jar");
    let installed = PathBuf::from("/usr/share/java/maven-artifact-3.x.jar");
    let Some(jar) = [fetched, installed].into_iter().find(|jar| jar.exists()) else {
        println!("skipped: Maven's library is not here");
        return;
    };
    if !is_here("java", "-version") {
        return;
    }
    let pairs = versions_of(
        &["1", "1.0", "1-", "1.0.0", "2.0", "0", "1.x", "20", "r", "1a", "1.0-rc"],
        &[
            "-1",
            ".1",
            ".0",
            "-SNAPSHOT",
            "-alpha",
            "-beta-2",
            "b2",
            "rc1",
            ".Final",
            "-jre",
            "sp",
            "-ga",
            "1",
            "a",
            "-",
            ".",
            "x",
            "-0",
            "m",
            "cr2",
            "GA",
            "release",
            "10",
            "00",
        ],
    );
    let versions: Vec<String> = pairs
        .into_iter()
        .skip(2_000)
        .flat_map(|(a, b)| [a, b])
        .filter(|version| compare(Scheme::Maven, version, version).is_ok())
        .collect();
    let (mut compared, mut wrong) = (0, Vec::new());
    // It compares each of its arguments with the one before.
    for some in versions.chunks(3_000) {
        let said = Command::new("java")
            .arg("-cp")
            .arg(&jar)
            .arg("org.apache.maven.artifact.versioning.ComparableVersion")
            .args(some)
            .output()
            .unwrap();
        assert!(said.status.success());
        let said = String::from_utf8(said.stdout).unwrap();
        let signs: Vec<&str> = said
            .lines()
            .filter_map(|line| line.strip_prefix("   "))
            .map(|line| line.split(' ').nth(1).unwrap())
            .collect();
        assert_eq!(signs.len() + 1, some.len());
        for (pair, sign) in some.windows(2).zip(signs) {
            let wanted = match sign {
                "<" => Less,
                "==" => Equal,
                _ => Greater,
            };
            let [a, b] = pair else { unreachable!() };
            if compare(Scheme::Maven, a, b) != Ok(wanted) {
                wrong.push(format!("{a} is {wanted:?} than {b}"));
            }
            compared += 1;
        }
    }
    assert!(wrong.is_empty(), "{} of {compared}: {:#?}", wrong.len(), wrong);
    assert!(compared > 3_000, "only {compared} pairs were compared");
}

/// apk of a real image, run outside of it.
#[test]
fn apk_agrees() {
    let layout = tool("test-images/oci/alpine-app");
    if !layout.join("index.json").exists() {
        println!("skipped: the real image alpine-app is not built here");
        return;
    }
    if !is_here("umoci", "--version") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("bundle");
    let image = format!("{}:latest", layout.display());
    let unpacked = Command::new("umoci")
        .args(["unpack", "--rootless", "--image", &image])
        .arg(&bundle)
        .output()
        .unwrap();
    assert!(unpacked.status.success(), "{}", String::from_utf8_lossy(&unpacked.stderr));
    let root = bundle.join("rootfs");
    let libraries = format!("{0}/lib:{0}/usr/lib", root.display());
    let apk = |arguments: &[&str]| {
        let mut command = Command::new(root.join("lib/ld-musl-x86_64.so.1"));
        let output = command
            .args(["--library-path", &libraries])
            .arg(root.join("sbin/apk"))
            .args(arguments)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let pairs = versions_of(
        &["1", "0.1", "1.0", "1.01", "20200101", "8u372"],
        &[
            "1",
            "0",
            ".1",
            ".0",
            ".01",
            ".10",
            "a",
            "b",
            "_alpha",
            "_beta2",
            "_pre",
            "_rc1",
            "_p",
            "_p7",
            "_git20200101",
            "_cvs",
            "_svn3",
            "_hg",
            "-r1",
            "-r0",
            "-r10",
            "_",
            "A",
        ],
    );
    let mut compared = 0;
    for (a, b) in pairs.into_iter().skip(2_000).take(3_000) {
        let Ok(ours) = compare(Scheme::Apk, &a, &b) else { continue };
        // It compares what is no version to it, too.
        if !apk(&["version", "--check", &a, &b]).is_empty() {
            continue;
        }
        let wanted = match apk(&["version", "-t", &a, &b]).trim() {
            "<" => Less,
            "=" => Equal,
            ">" => Greater,
            other => panic!("apk says `{other}` of {a} and {b}"),
        };
        assert_eq!(ours, wanted, "{a} and {b}");
        compared += 1;
    }
    assert!(compared > 300, "only {compared} pairs were compared");
}

/// A reader of vers ranges in Python.
#[test]
fn univers_agrees() {
    let script = "
from univers.version_range import VersionRange
def order(a, b):
    range = VersionRange.from_string(a)
    return int(range.version_class(b) in range)
";
    let version = || {
        prop::sample::select(vec![
            "1.0.0", "1.0.1", "1.1.0", "1.2.0", "1.3.0", "2.0.0", "2.1.0", "3.0.0",
        ])
    };
    let sign = prop::sample::select(vec!["", "!=", "<", "<=", ">", ">="]);
    let constraint = (sign, version()).prop_map(|(sign, version)| format!("{sign}{version}"));
    let question = (
        prop::sample::select(vec!["npm", "pypi", "deb", "gem"]),
        prop::collection::vec(constraint, 1..5),
        version(),
    );
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut one =
        || proptest::strategy::ValueTree::current(&question.new_tree(&mut runner).unwrap());
    let pairs: Vec<(String, String)> = (0..3_000)
        .map(|_| {
            let (scheme, constraints, version) = one();
            (format!("vers:{scheme}/{}", constraints.join("|")), version.to_owned())
        })
        .collect();
    let Some(said) = ask_python(script, &pairs) else { return };
    let mut compared = 0;
    for ((range, version), said) in pairs.iter().zip(said) {
        let Ok(ours) = VersRange::parse(range) else { continue };
        // Of several exclusions and nothing else it says that they hold nothing, of a single one that it holds all else.
        let are_exclusions = range.split(['/', '|']).skip(1).all(|one| one.starts_with('!'));
        if said == "!" || are_exclusions {
            continue;
        }
        assert_eq!(ours.contains(version).unwrap(), said == "1", "{range} and {version}");
        compared += 1;
    }
    assert!(compared > 1_000, "only {compared} ranges were compared");
}
