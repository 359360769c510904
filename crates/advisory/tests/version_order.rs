//! Version orders: tables of facts, laws that every order obeys, and the native tools as oracles.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "helpers of tests, which say what they skip"
)]

use std::{
    cmp::Ordering::{self, Equal, Greater, Less},
    fmt::Write as _,
    io::Write as _,
    process::{Command, Stdio},
};

use plimsoll_advisory::compare;
use plimsoll_model::Scheme;
use proptest::prelude::*;

#[cfg(test)]
#[path = "version_order/languages.rs"]
mod languages;
#[cfg(test)]
#[path = "version_order/ranges.rs"]
mod ranges;
#[cfg(test)]
#[path = "version_order/tools.rs"]
mod tools;

/// Versions of one scheme in ascending order; versions in one row are equal.
fn ascending(scheme: Scheme, rows: &[&[&str]]) {
    for (i, row) in rows.iter().enumerate() {
        for (j, other) in rows.iter().enumerate() {
            for a in *row {
                for b in *other {
                    assert_eq!(compare(scheme, a, b), Ok(i.cmp(&j)), "{scheme:?}: {a} and {b}");
                }
            }
        }
    }
}

fn refused(scheme: Scheme, texts: &[&str]) {
    for text in texts {
        let error = compare(scheme, "1.0", text).expect_err(text);
        assert_eq!((error.scheme, error.text.as_str()), (scheme, text.trim()));
    }
}

#[test]
fn dpkg_orders_as_policy_says() {
    ascending(
        Scheme::Dpkg,
        &[
            &["1.0~~"],
            &["1.0~~a"],
            &["1.0~"],
            &["1.0~rc1-1"],
            &["1.0", "0:1.0", "1.00", "1.0-0"],
            &["1.0-1~deb12u1"],
            &["1.0-1"],
            &["1.0-1+b1"],
            &["1.0-1+deb12u1"],
            &["1.0-1+deb12u2"],
            &["1.0-1+deb12u10"],
            &["1.0-1.1"],
            &["1.0-2"],
            &["1.0a"],
            &["1.0+dfsg-1"],
            &["1.0.1"],
            &["1.9"],
            &["1.10"],
            &["1:0.1"],
            &["2:0.0.1"],
        ],
    );
    refused(Scheme::Dpkg, &["", ":1", "a:1", "1.0-", "1 0", "1.0_1", "1:", "99999999999:1", "é1"]);
}

#[test]
fn apk_orders_as_its_own_table_says() {
    ascending(
        Scheme::Apk,
        &[
            &["0.1.0_alpha"],
            &["0.1.0_alpha1"],
            &["0.1.0_alpha2"],
            &["0.1.0_beta1"],
            &["0.1.0_pre2"],
            &["0.1.0_rc1"],
            &["0.1.0"],
            &["0.1.0-r1"],
            &["0.1.0-r2"],
            &["0.1.0-r10"],
            &["0.1.0_cvs"],
            &["0.1.0_git20200101-r0"],
            &["0.1.0_p1"],
            &["0.1.0_p1-r1"],
            &["0.1.0a"],
            &["0.1.0b"],
            &["0.1.0.1"],
            &["0.1.01"],
            &["0.1.1"],
            &["0.1.9"],
            &["0.1.10"],
            &["1.1.1q-r0"],
            &["1.1.1t-r0"],
            &["3.0.8-r0"],
            &["8u372_p7-r0"],
            &["8u382_p5-r0"],
            &["20230506-r0"],
        ],
    );
    refused(
        Scheme::Apk,
        &["", "a", "1.", "1..2", "1.0_", "1.0_foo", "1.0-1", "1.0-r", "1.0A", "1.0aa", "1.0-r1a"],
    );
}

#[test]
fn rpm_orders_as_rpmvercmp() {
    ascending(
        Scheme::Rpm,
        &[
            &["1.0~rc1-1"],
            &["1.0", "0:1.0", "(none):1.0", "1_0", "1.00", "1..0"],
            &["1.0-1.el8"],
            &["1.0-1.el8_4"],
            &["1.0-1.el9"],
            &["1.0-2.el8"],
            &["1.0-10.el8"],
            &["1.0^20240101-1"],
            &["1.0a-1"],
            &["1.0.1-1"],
            &["1.9-1"],
            &["1.10-1"],
            &["1:0.1-1"],
        ],
    );
    refused(Scheme::Rpm, &["", "a:1", "1.0-", "1:", "-1"]);
}

#[test]
fn pacman_orders_as_vercmp() {
    ascending(
        Scheme::Pacman,
        &[
            // vercmp(8), "Alphanumeric".
            &["1.0a"],
            &["1.0b"],
            &["1.0beta"],
            &["1.0p"],
            &["1.0pre"],
            &["1.0rc"],
            &["1.0", "0:1.0"],
            &["1.0-1"],
            &["1.0-1.1"],
            &["1.0-2", ":1.0-2"],
            &["1.0.a"],
            &["1.0.1"],
            &["1.1"],
            &["1.1.1"],
            &["1.2"],
            &["2.0"],
            &["3.0.0"],
            &["1:0.5-1"],
            &["2:0"],
        ],
    );
    refused(Scheme::Pacman, &["", "1 0", "é1", "1.", "1-", "-1", "1.0-1."]);
    // An order of its own: to rpm, letters at the end are later.
    assert_eq!(compare(Scheme::Rpm, "1.0rc", "1.0"), Ok(Greater));
}

#[test]
fn portage_orders_as_its_specification_says() {
    ascending(
        Scheme::Portage,
        &[
            &["0.9_alpha"],
            &["1.0_alpha", "1.0_alpha0", "1.0_alpha-r0"],
            &["1.0_alpha1"],
            &["1.0_alpha1_p1"],
            &["1.0_beta2"],
            &["1.0_pre3"],
            &["1.0_rc1"],
            &["1.0_rc1-r1"],
            &["1.0", "1.0-r0", "1.0-r00", "1.00", "01.0"],
            &["1.0-r1"],
            &["1.0-r10"],
            &["1.0_p0", "1.0_p"],
            &["1.0_p1_alpha"],
            &["1.0_p1"],
            &["1.0a"],
            &["1.0.1"],
            &["1.01", "1.010"],
            &["1.02"],
            &["1.1"],
            &["1.9"],
            &["1.10"],
            &["20200101"],
        ],
    );
    refused(
        Scheme::Portage,
        &[
            "", "a", "1.", "1..2", "1.0_", "1.0_foo", "1.0-1", "1.0-r", "1.0A", "1.0ab", "1.0-r1a",
            "1:1",
        ],
    );
}

#[test]
fn pep_440_orders_as_the_standard_says() {
    ascending(
        Scheme::Pep440,
        &[
            &["1.0.dev456", "v1.0.0-dev456", "1.dev456"],
            &["1.0a1.dev1"],
            &["1.0a1", "1.0alpha1", "1.0-a.1", "1.0A1"],
            &["1.0a2.dev456"],
            &["1.0a12"],
            &["1.0b1.dev456"],
            &["1.0b2", "1.0beta2"],
            &["1.0b2.post345.dev456"],
            &["1.0b2.post345"],
            &["1.0rc1.dev456"],
            &["1.0rc1", "1.0c1", "1.0pre1", "1.0-preview-1"],
            &["1.0", "1", "1.0.0", "01.0"],
            &["1.0+abc.5"],
            &["1.0+abc.7"],
            &["1.0+5"],
            &["1.0.post456.dev34"],
            &["1.0.post456", "1.0-456", "1.0rev456"],
            &["1.0.15"],
            &["1.1.dev1"],
            &["2013.10"],
            &["1!0.1"],
        ],
    );
    refused(
        Scheme::Pep440,
        &["", "0.1-bulbasaur", "1.0+", "1.0+a..b", "x", "!1", "1.0 a", "1.0a1a1"],
    );
}

#[test]
fn semver_orders_as_npm() {
    ascending(
        Scheme::Semver,
        &[
            &["0.0.0-0"],
            &["0", "0.0.0", "0.0"],
            &["0.2", "0.2.0"],
            &["1.0.0-0"],
            &["1.0.0-alpha"],
            &["1.0.0-alpha.1"],
            &["1.0.0-alpha.beta"],
            &["1.0.0-beta.2"],
            &["1.0.0-beta.11"],
            &["1.0.0-rc.1", "1.0.0rc.1"],
            &["1.0.0", "v1.0.0", "=1.0.0", "1.0.0+build.5", "1"],
            &["1.2.9"],
            &["1.2.10"],
            &["99999999999999999999.0.0"],
            &["100000000000000000000.0.0"],
        ],
    );
    refused(
        Scheme::Semver,
        &[
            "",
            "x",
            "1.2.3.4",
            "1.2.3-",
            "1.2.3-a..b",
            "1.2.3-ä",
            "1.",
            "latest",
            "0123456789abcdef0123456789abcdef01234567",
        ],
    );
}

#[test]
fn maven_orders_as_comparable_version() {
    ascending(
        Scheme::Maven,
        &[
            &["1-alpha-1", "1-a1", "1alpha1", "1.0.0-alpha1", "1-ALPHA1"],
            &["1-alpha-2"],
            &["1-beta-1", "1-b1"],
            &["1-milestone-1", "1-m1"],
            &["1-rc-1", "1-cr1", "1.0-RC1"],
            &["1-SNAPSHOT", "1.0-SNAPSHOT"],
            &["1", "1.0", "1.0.0", "1-ga", "1-final", "1.Final", "1-0", "1.0.0.RELEASE"],
            &["1-sp"],
            &["1-sp-1"],
            &["1-abc"],
            &["1-jre"],
            &["1-1"],
            &["1-2"],
            &["1.1"],
            &["1.2-foo"],
            &["1.2.1"],
            &["1.9"],
            &["1.10"],
            &["2.14.1"],
            &["2.15.0"],
            &["20040616"],
            &["99999999999999999999"],
        ],
    );
    refused(Scheme::Maven, &["", "1 0", "1\u{7}", &"1-".repeat(100)]);
    assert_eq!(compare(Scheme::Maven, "1.0.RC2", "1.0-RC3"), Ok(Less));
    assert_eq!(compare(Scheme::Maven, "32.0.0-android", "32.0.0-jre"), Ok(Less));
}

#[test]
fn a_version_of_any_length_costs_little() {
    for scheme in Scheme::ALL.iter().copied() {
        assert!(compare(scheme, &"1.".repeat(100_000), "1").is_err());
    }
}

/// Texts that look like versions: mostly valid in several schemes, some in none.
fn version_like() -> impl Strategy<Value = String> {
    let token = prop::sample::select(vec![
        "0", "1", "2", "9", "10", "01", "00", ".", ".", ".", "-", "-", "_", "~", "^", "+", ":",
        "a", "b", "rc", "alpha", "beta", "pre", "dev", "post", "p", "git", "-r1", "-r0", "final",
        "sp", "snapshot", "el8", "deb12u1", "!", "v", "", "x", "patch", "2024", "RC", "003", "@",
        "*",
    ]);
    (
        prop::sample::select(vec!["0", "1", "1.", "2", "1:", "v1", "go1.", "dev-", "2024"]),
        prop::collection::vec(token, 0..6),
    )
        .prop_map(|(start, tokens)| start.to_owned() + &tokens.concat())
}

/// Versions as they are published to Maven's repositories.
fn maven_like() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "",
        "-alpha",
        "-beta",
        "-m",
        "-rc",
        "-SNAPSHOT",
        "-sp",
        "-jre",
        "-android",
        "-x",
        "rc",
        "b",
        "-redhat",
        "-cr",
        ".Final",
        ".RELEASE",
        ".GA",
    ]);
    let start = prop::sample::select(vec!["1", "1.0", "1.0.0", "2.1", "0.9", "1.10", "20", "1.00"]);
    let number = prop::sample::select(vec!["", "1", "2", "10", "-1", "-2", "-01"]);
    let end = prop::sample::select(vec!["", "", "-SNAPSHOT", "-x", "-1", ".1"]);
    (start, word, number, end).prop_map(|(start, word, number, end)| match word {
        "" => start.to_owned(),
        _ if word.starts_with('.') => format!("{start}{word}"),
        _ if number.is_empty() => format!("{start}{word}"),
        _ => format!("{start}{word}{number}{end}"),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn every_order_is_total(a in version_like(), b in version_like(), c in version_like()) {
        // Maven's own comparison goes round in circles where a word stands between dots.
        for scheme in Scheme::ALL.iter().copied().filter(|scheme| *scheme != Scheme::Maven) {
            let (Ok(ab), Ok(bc)) = (compare(scheme, &a, &b), compare(scheme, &b, &c)) else { continue };
            prop_assert_eq!(compare(scheme, &a, &a), Ok(Equal), "{:?} {}", scheme, a);
            prop_assert_eq!(compare(scheme, &b, &a), Ok(ab.reverse()), "{:?} {} {}", scheme, a, b);
            let ac = compare(scheme, &a, &c);
            if ab == bc || ab == Equal { prop_assert_eq!(ac, Ok(bc), "{:?} {} {} {}", scheme, a, b, c); }
            else if bc == Equal { prop_assert_eq!(ac, Ok(ab), "{:?} {} {} {}", scheme, a, b, c); }
        }
    }

    #[test]
    fn mavens_order_is_total(a in maven_like(), b in maven_like(), c in maven_like()) {
        let order = |a: &str, b: &str| compare(Scheme::Maven, a, b).unwrap();
        prop_assert_eq!(order(&a, &a), Equal, "{}", a);
        prop_assert_eq!(order(&b, &a), order(&a, &b).reverse(), "{} {}", a, b);
        if order(&a, &b).is_le() && order(&b, &c).is_le() {
            prop_assert!(order(&a, &c).is_le(), "{} {} {}", a, b, c);
        }
    }

    #[test]
    fn no_text_panics(a in ".{0,40}", b in ".{0,40}") {
        for scheme in Scheme::ALL.iter().copied() {
            let _order = compare(scheme, &a, &b);
        }
    }
}

/// Pairs for the oracles, the same in every run.
fn pairs(count: usize) -> Vec<(String, String)> {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    (0..count)
        .map(|_| {
            let pair = (version_like(), version_like()).new_tree(&mut runner).unwrap();
            proptest::strategy::ValueTree::current(&pair)
        })
        .collect()
}

fn is_here(tool: &str, argument: &str) -> bool {
    let found =
        Command::new(tool).arg(argument).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let found = found.is_ok_and(|status| status.success());
    if !found {
        println!("skipped: {tool} is not here");
    }
    found
}

#[test]
fn dpkg_agrees() {
    if !is_here("dpkg", "--version") {
        return;
    }
    let mut compared = 0;
    for (a, b) in pairs(900) {
        let Ok(ours) = compare(Scheme::Dpkg, &a, &b) else { continue };
        let operator = match ours {
            Less => "lt",
            Equal => "eq",
            Greater => "gt",
        };
        let status = Command::new("dpkg")
            .args(["--compare-versions", &a, operator, &b])
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "dpkg does not say {a} {operator} {b}");
        compared += 1;
    }
    assert!(compared > 150, "only {compared} pairs are Debian versions");
}

#[test]
fn rpm_agrees() {
    if !is_here("rpm", "--version") {
        return;
    }
    let pairs: Vec<(String, String, Ordering)> = pairs(3000)
        .into_iter()
        .filter_map(|(a, b)| compare(Scheme::Rpm, &a, &b).ok().map(|order| (a, b, order)))
        .filter(|(a, b, _)| ![a, b].iter().any(|text| text.contains("(none)")))
        .collect();
    assert!(pairs.len() > 500, "only {} pairs are rpm versions", pairs.len());
    let mut script = String::new();
    for (a, b, _) in &pairs {
        writeln!(script, "print(rpm.vercmp('{a}', '{b}') .. '\\n')").unwrap();
    }
    let mut said = String::new();
    // One call per hundred pairs: the script is an argument.
    for lines in script.lines().collect::<Vec<_>>().chunks(100) {
        let output = Command::new("rpm")
            .arg("--eval")
            .arg(format!("%{{lua:{}}}", lines.join("\n")))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        said.push_str(&String::from_utf8(output.stdout).unwrap());
    }
    let answers: Vec<i32> = said.split_whitespace().map(|word| word.parse().unwrap()).collect();
    assert_eq!(answers.len(), pairs.len());
    for ((a, b, ours), theirs) in pairs.iter().zip(answers) {
        assert_eq!(*ours, theirs.cmp(&0), "{a} and {b}");
    }
}

#[test]
fn packaging_agrees() {
    let script = "
import sys
try:
    from packaging.version import Version, InvalidVersion
except ImportError:
    print('missing'); sys.exit()
for line in sys.stdin:
    a, b = line.rstrip('\\n').split('\\t')
    try:
        a, b = Version(a), Version(b)
    except InvalidVersion:
        print('!')
        continue
    print((a > b) - (a < b))
";
    let packages = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/test-tools/version-orders");
    let Ok(mut python) = Command::new("python3")
        .args(["-c", script])
        .env("PYTHONPATH", packages)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
    else {
        println!("skipped: python3 is not here");
        return;
    };
    let pairs = pairs(4000);
    let input: String = pairs.iter().map(|(a, b)| format!("{a}\t{b}\n")).collect();
    let mut stdin = python.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = python.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    if said.trim() == "missing" {
        println!("skipped: Python's `packaging` is not here");
        return;
    }
    writer.join().unwrap().unwrap();
    assert_eq!(said.lines().count(), pairs.len());
    let mut compared = 0;
    for ((a, b), theirs) in pairs.iter().zip(said.lines()) {
        let ours = compare(Scheme::Pep440, a, b);
        match theirs {
            "!" => assert!(ours.is_err(), "`packaging` refuses {a} or {b}"),
            number => {
                compared += 1;
                assert_eq!(ours, Ok(number.parse::<i32>().unwrap().cmp(&0)), "{a} and {b}");
            }
        }
    }
    assert!(compared > 100, "only {compared} pairs are Python versions");
}
