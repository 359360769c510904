//! Orders of languages' registries: tables of facts, and Ruby, PHP, Go and Perl as oracles.

use std::{fs, path::Path};

use super::*;

#[test]
fn semver_with_builds_orders_as_dart() {
    ascending(
        Scheme::SemverBuild,
        &[
            &["0", "0.0.0"],
            &["1.0.0-dev.29"],
            &["1.0.0-rc.1"],
            &["1.0.0-rc.1+0"],
            &["1.0.0", "v1.0.0", "1"],
            &["1.0.0+0"],
            &["1.0.0+2"],
            &["1.0.0+10"],
            &["1.0.0+a"],
            &["1.0.0+a.1"],
            &["1.0.1"],
            &["2.6.3+0"],
        ],
    );
    refused(Scheme::SemverBuild, &["", "x", "1.2.3.4", "1.0.0+a/b"]);
}

#[test]
fn julia_orders_version_numbers() {
    ascending(
        Scheme::Julia,
        &[
            &["0", "0.0.0", "v0.0"],
            // Manual, "Version Number Literals": a hyphen alone is the lowest pre-release.
            &["1.0.0-"],
            &["1.0.0-+"],
            &["1.0.0-1"],
            &["1.0.0-dev.29", "1.0.0dev.29"],
            &["1.0.0-rc.1"],
            &["1.0.0-rc.1+0"],
            &["1.0.0", "v1", "1.0"],
            &["1.0.0+"],
            &["1.0.0+0"],
            &["1.0.0+2"],
            &["1.0.0+10"],
            &["1.0.0+a"],
            &["1.0.1"],
            &["2.6.3+0"],
        ],
    );
    refused(Scheme::Julia, &["", "x", "1.2.3.4", "1.0.0+a/b", "1.", "1.0.0-a..b", "=1.0"]);
}

#[test]
fn bitnami_orders_as_its_upstreams() {
    ascending(
        Scheme::Bitnami,
        &[
            &["0", "0.0.0-0"],
            &["1.27.1-9"],
            &["1.27.2-rc.1", "1.27.2-rc.1-3"],
            &["1.27.2", "1.27.2-0", "1.27.2-12"],
            &["1.27.3-0"],
        ],
    );
    refused(Scheme::Bitnami, &["", "-0", "x", "1.2.3.4"]);
}

#[test]
fn gem_orders_as_rubygems() {
    ascending(
        Scheme::Gem,
        &[
            &["0.0.0.a"],
            &["", "0", "0.0"],
            &["0.9"],
            &["1.0.a10"],
            &["1.0.b1"],
            &["1.0.pre"],
            &["1.0.pre1", "1.0.pre.1", "1.0-1"],
            &["1.0.rc1", "1.rc1", "1.0.0.rc.1"],
            &["1.0", "1", "1.0.0", "01.0"],
            &["1.0.0.1"],
            &["1.0.1.pre"],
            &["1.0.1"],
            &["1.9"],
            &["1.10"],
            &["5.2.4.5"],
            &["7.0.4.3"],
            &["99999999999999999999"],
        ],
    );
    refused(Scheme::Gem, &["a", "1..2", ".1", "1.", "1_0", "x.1", "1a", "1.0+1"]);
}

#[test]
fn composer_orders_as_its_normal_form() {
    ascending(
        Scheme::Composer,
        &[
            &["1.0.0-dev", "1.0-dev"],
            &["1.0.0-alpha", "1.0a", "1.0.0_alpha"],
            &["1.0.0-alpha2-dev"],
            &["1.0.0-alpha2", "1.0a2", "v1.0.0-alpha.2"],
            &["1.0.0-beta1", "1.0b1"],
            &["1.0.0-RC1", "1.0rc1", "1.0.0-rc.1"],
            &["1.0.0-RC1.1"],
            &["1.0.0-RC2"],
            &["1", "1.0", "1.0.0", "1.0.0.0", "v1.0.0", "1.0+build", "1.0@dev", "1.0-stable"],
            &["1.0.0-p1", "1.0.0-patch1", "1.0pl1"],
            &["1.0.0.1"],
            &["1.0.x-dev", "1.0.X-dev"],
            &["1.2.9"],
            &["1.2.10"],
            &["1.2.x-dev"],
            &["1.x-dev"],
            &["8.0.311"],
            &["20200115"],
            &["20200115103000"],
        ],
    );
    ascending(
        Scheme::Composer,
        &[&["2019.12.31"], &["2020.01.15", "2020.1.15"], &["2020.02.01"], &["2020-03-01"]],
    );
    refused(
        Scheme::Composer,
        &["", "dev-main", "master", "feature-dev", "1.0.0.0.0", "1.0.0-foo", "8.x-1.5", "1.0 2.0"],
    );
}

#[test]
fn nuget_orders_as_its_documentation_says() {
    ascending(
        Scheme::Nuget,
        &[
            &["0", "0.0.0.0"],
            // docs.microsoft.com, "Package versioning", "Pre-release versions".
            &["1.0.1-aaa"],
            &["1.0.1-alpha", "1.0.1-ALPHA"],
            &["1.0.1-alpha.2"],
            &["1.0.1-alpha.10"],
            &["1.0.1-alpha.beta"],
            &["1.0.1-alpha2"],
            &["1.0.1-beta"],
            &["1.0.1-open"],
            &["1.0.1-rc"],
            &["1.0.1-zzz"],
            &["1.0.1", "1.0.1.0", "1.00.1", "1.0.01.0", "1.0.1+metadata", "1.0.1+META"],
            &["1.0.1.1"],
            &["1.0.2"],
            &["12.0.3"],
            &["13.0.1"],
        ],
    );
    refused(
        Scheme::Nuget,
        &["", "v1.0", "1.0.0.0.0", "1.0-", "1.0-a..b", "1.a", "1.0-ä", "1.0+", "-1"],
    );
}

#[test]
fn go_orders_modules_and_toolchains() {
    ascending(
        Scheme::Go,
        &[
            &["0", "v0.0.0"],
            &["v0.0.1-0.20190101000000-aaaaaaaaaaaa"],
            &["v0.0.1"],
            &["v1.2.3-pre"],
            &["v1.2.3-pre.0.20191109021931-daa7c04131f5"],
            &["v1.2.3", "1.2.3", "v1.2.3+incompatible"],
            &["v1.2.4-0.20191109021931-daa7c04131f5"],
            &["v1.2.4"],
            &["1.21.0-0"],
            &["go1.21rc1"],
            &["go1.21rc2"],
            &["go1.21", "go1.21.0", "1.21.0", "go1.21.0-bigcorp", "go1.21 X:boringcrypto"],
            &["go1.21.9"],
            &["go1.21.10"],
            &["4.3.0-rc1+incompatible"],
        ],
    );
    refused(
        Scheme::Go,
        &["", "(devel)", "go", "devel go1.24-abc", "go1.x", "go1.21foo1", "go1.2.3.4"],
    );
}

#[test]
fn dotted_numbers_order_as_r_and_haskell() {
    ascending(
        Scheme::Dotted,
        &[
            &["0"],
            &["0.1"],
            &["0.1.0"],
            &["0.20110417"],
            &["1", "01"],
            &["1.0", "1-0"],
            &["1.0.0"],
            &["1.2-3", "1.2.3"],
            &["1.2-10"],
            &["2"],
        ],
    );
    refused(Scheme::Dotted, &["", "1.", ".1", "1.a", "v1", "1..2", "1.0-rc1"]);
}

#[test]
fn opam_orders_as_its_manual_says() {
    ascending(
        Scheme::Opam,
        &[
            // opam.ocaml.org, "Manual", "Version ordering".
            &["~~"],
            &["~"],
            &["~beta2"],
            &["~beta10"],
            &["0.1"],
            &["1.0~beta"],
            &["1.0", "1.00", "1.0-", "1.0-0"],
            &["1.0-1"],
            &["1.0-test"],
            &["1.0.1"],
            &["1.0.10"],
            &["3/16.1"],
            &["dev"],
            &["v0.16.0"],
        ],
    );
    refused(Scheme::Opam, &["", "1 0", "é"]);
}

#[test]
fn conan_orders_what_has_any_form() {
    ascending(
        Scheme::Conan,
        &[
            &["1.0-alpha"],
            &["1.0-rc.1", "1.0.0-rc.1"],
            &["1.0-rc.2"],
            &["1.0-rc.10"],
            &["1", "1.0", "1.0.0"],
            &["1.0+1"],
            &["1.0+10"],
            &["1.0.1"],
            &["1.1.1"],
            &["1.1.1k"],
            &["1.1.1w"],
            &["1.1.2"],
            &["9a"],
            &["10"],
            &["cci.20200101"],
            &["cci.20210118"],
            &["system"],
        ],
    );
    refused(Scheme::Conan, &["", "1 0", "[>=1.0 <2]"]);
}

#[test]
fn perl_orders_decimals_and_lists() {
    ascending(
        Scheme::Perl,
        &[
            &["0", "0.0", ".0"],
            &["v0.1.9"],
            &["0.0013"],
            &["1.002003", "v1.2.3"],
            &["v1.5", "1.5.0"],
            &["v1.10"],
            &["1.10", "1.1", "1.100", "v1.100"],
            &["1.1_1", "1.11"],
            &["1.5"],
        ],
    );
    refused(Scheme::Perl, &["", ".", "1.0-TRIAL", "undef", "1..2.3"]);
}

#[test]
fn without_an_order_nothing_is_guessed() {
    assert_eq!(compare(Scheme::Unordered, "1.0", " 1.0"), Ok(Equal));
    let error = compare(Scheme::Unordered, "1.0", "2.0").unwrap_err();
    let wanted = "`1.0` cannot be compared: its ecosystem's order of versions is not known";
    assert_eq!(error.to_string(), wanted);
}

/// Versions as one ecosystem writes them, some of them wrong.
pub(super) fn versions_of(
    starts: &'static [&'static str],
    pieces: &'static [&'static str],
) -> Vec<(String, String)> {
    let text = || {
        let pieces = prop::collection::vec(prop::sample::select(pieces), 0..5);
        (prop::sample::select(starts), pieces)
            .prop_map(|(start, pieces)| start.to_owned() + &pieces.concat())
    };
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut one = || {
        let tree = text().new_tree(&mut runner).unwrap();
        proptest::strategy::ValueTree::current(&tree)
    };
    let mut found = pairs(2_000);
    found.extend((0..6_000).map(|_| (one(), one())));
    found
}

/// Asks a tool about pairs, one line each, and answers its lines.
pub(super) fn ask(command: &mut Command, pairs: &[(String, String)]) -> Vec<String> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let input: String = pairs.iter().map(|(a, b)| format!("{a}\t{b}\n")).collect();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success());
    let said = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<String> = said.lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), pairs.len());
    lines
}

/// Every pair that the tool orders, we order alike; what it refuses, we refuse where `are_strict`.
pub(super) fn agree(
    scheme: Scheme,
    are_strict: bool,
    pairs: &[(String, String)],
    said: &[String],
    least: usize,
) {
    let mut compared = 0;
    for ((a, b), theirs) in pairs.iter().zip(said) {
        let ours = compare(scheme, a, b);
        match theirs.as_str() {
            "!" => assert!(
                ours.is_err() || !are_strict,
                "{scheme:?}: `{a}` or `{b}` is refused by the tool"
            ),
            number => {
                let wanted = number.parse::<i32>().unwrap().cmp(&0);
                assert_eq!(ours, Ok(wanted), "{scheme:?}: `{a}` and `{b}`");
                compared += 1;
            }
        }
    }
    assert!(compared > least, "{scheme:?}: only {compared} pairs were compared");
}

#[test]
fn rubygems_agrees() {
    if !is_here("ruby", "--version") {
        return;
    }
    let script = "
STDIN.each_line do |line|
  a, b = line.chomp.split(\"\\t\", -1)
  if Gem::Version.correct?(a) && Gem::Version.correct?(b)
    puts Gem::Version.new(a) <=> Gem::Version.new(b)
  else
    puts '!'
  end
end";
    let pairs = versions_of(
        &["1", "0.", "1.0", "2"],
        &[
            "1", "0", ".2", "10", ".1", ".0", "0", "a", ".a", "b", "rc", "pre", "-", "-1", ".0",
            "beta", "01",
        ],
    );
    let said = ask(Command::new("ruby").args(["-e", script]), &pairs);
    agree(Scheme::Gem, true, &pairs, &said, 1_500);
}

#[test]
fn composer_agrees() {
    let autoload = "/usr/share/php/Composer/Semver/autoload.php";
    if !is_here("php", "--version") || !Path::new(autoload).exists() {
        println!("skipped: composer/semver is not here");
        return;
    }
    let script = format!(
        "require '{autoload}';
$parser = new Composer\\Semver\\VersionParser();
while (($line = fgets(STDIN)) !== false) {{
    [$a, $b] = explode(\"\\t\", rtrim($line, \"\\n\"));
    try {{
        $a = $parser->normalize($a);
        $b = $parser->normalize($b);
        $is_branch = strpos($a, 'dev-') === 0 || strpos($b, 'dev-') === 0;
        echo $is_branch ? '!' : version_compare($a, $b), \"\\n\";
    }} catch (UnexpectedValueException $error) {{
        echo \"!\\n\";
    }}
}}"
    );
    let pairs = versions_of(
        &["1", "0", "v1", "1.2", "2024", "2024.01", "dev-"],
        &[
            "1", "0", ".1", ".0", ".2", "-", "-dev", "-alpha", "-beta2", "RC1", "-RC", "p1", "pl",
            "_b", "a", ".x", "-dev", "2024", "01", "15", "v", "dev-", "stable", "+b", "@dev",
            "123456",
        ],
    );
    let said = ask(Command::new("php").args(["-r", &script]), &pairs);
    agree(Scheme::Composer, true, &pairs, &said, 1_000);
}

#[test]
fn perl_agrees() {
    let has_version = Command::new("perl").args(["-Mversion", "-e", "1"]).status();
    if !has_version.is_ok_and(|status| status.success()) {
        println!("skipped: perl is not here");
        return;
    }
    let script = "
use version;
while (<STDIN>) {
    chomp;
    my ($a, $b) = split /\\t/, $_, -1;
    my $said = eval {
        die if grep { !version::is_lax($_) || $_ eq 'undef' } $a, $b;
        version->parse($a) <=> version->parse($b)
    };
    print defined $said ? $said : '!', \"\\n\";
}";
    let pairs = versions_of(
        &["1", "1.", "v1", "v0.", "."],
        &["1", "0", "2", "10", ".1", ".20", ".", "003", "_1", "_", "v", "5", "100"],
    );
    let said = ask(Command::new("perl").args(["-e", script]), &pairs);
    agree(Scheme::Perl, false, &pairs, &said, 1_000);
}

/// The toolchain brings `golang.org/x/mod/semver` along, where only it may be imported: the file is copied.
#[test]
fn go_agrees() {
    if !is_here("go", "version") {
        return;
    }
    let root = Command::new("go").args(["env", "GOROOT"]).output().unwrap();
    let root = String::from_utf8(root.stdout).unwrap();
    let source = Path::new(root.trim()).join("src/cmd/vendor/golang.org/x/mod/semver/semver.go");
    let Ok(semver) = fs::read_to_string(&source) else {
        println!("skipped: Go's sources are not here");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("go.mod", "module oracle\n\ngo 1.21\n");
    write("semver/semver.go", &semver);
    write(
        "main.go",
        r#"package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"oracle/semver"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		a, b, _ := strings.Cut(lines.Text(), "\t")
		if semver.IsValid(a) && semver.IsValid(b) {
			fmt.Println(semver.Compare(a, b))
		} else {
			fmt.Println("?")
		}
	}
}
"#,
    );
    let pairs = versions_of(
        &["v1", "v0.1", "v1.0"],
        &[
            ".1",
            ".2",
            ".0",
            ".10",
            "-rc",
            ".1",
            "-0.20191109021931-daa7c04131f5",
            "+incompatible",
            "-",
            "pre",
            "1",
        ],
    );
    let mut command = Command::new("go");
    let said = ask(
        command.args(["run", "."]).current_dir(folder.path()).env("GOFLAGS", "-mod=mod"),
        &pairs,
    );
    // We are more lenient: advisories leave the `v` out. What Go orders, it orders as we do.
    let both: Vec<((String, String), String)> =
        pairs.into_iter().zip(said).filter(|(_, said)| said != "?").collect();
    let (pairs, said): (Vec<_>, Vec<_>) = both.into_iter().unzip();
    agree(Scheme::Go, false, &pairs, &said, 700);
}
