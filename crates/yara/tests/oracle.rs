//! Other people's engines on the same rules and the same files: Debian's `yara` and `clamscan`.
//!
//! In: the examples of the embedded rules as files, and lists of digests of them. Out: the same hits. Odd: where a tool is not
//! installed the test says so and passes; `cargo xtask setup` installs both.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stderr,
    reason = "helpers of tests"
)]

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use plimsoll_image::{Budget, TreePath};
use plimsoll_inspect::{Content, Kinds, MalwareEngine, MalwareFile, look_at_file};
use plimsoll_yara::{EMBEDDED, Engine, Rules};
use serde::Deserialize;

#[derive(Deserialize)]
struct Examples {
    rule: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    id: String,
    bad: Vec<Example>,
    good: Vec<Example>,
}

#[derive(Deserialize)]
struct Example {
    #[serde(default)]
    elf: bool,
    pieces: Vec<String>,
}

/// All examples of one file of rules, as files in a folder.
fn write_examples(text: &str, folder: &Path) {
    for rule in toml::from_str::<Examples>(text).unwrap().rule {
        for (number, example) in rule.bad.iter().chain(&rule.good).enumerate() {
            let mut bytes = Vec::new();
            if example.elf {
                bytes.extend(b"\x7fELF\x02\x01\x01");
                bytes.resize(64, 0);
                bytes[16] = 3;
            }
            for piece in &example.pieces {
                match piece.strip_prefix("hex:") {
                    Some(hex) => bytes.extend(
                        (0..hex.len())
                            .step_by(2)
                            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()),
                    ),
                    None => bytes.extend(piece.as_bytes()),
                }
            }
            fs::write(folder.join(format!("{}-{number}", rule.id)), bytes).unwrap();
        }
    }
}

fn is_there(tool: &str) -> bool {
    let found = Command::new(tool).arg("--version").output().is_ok();
    if !found {
        assert!(std::env::var_os("PLIMSOLL_REQUIRE_TOOLS").is_none(), "{tool} is not installed");
        eprintln!("skipped: `{tool}` is not installed (`cargo xtask setup` does it)");
    }
    found
}

#[test]
fn the_engine_finds_what_debian_s_yara_finds() {
    if !is_there("yara") {
        return;
    }
    for file in EMBEDDED {
        let folder = tempfile::tempdir().unwrap();
        let samples = folder.path().join("samples");
        fs::create_dir(&samples).unwrap();
        write_examples(file.examples, &samples);
        let rules = folder.path().join(file.name);
        fs::write(&rules, file.text).unwrap();
        let output = Command::new("yara")
            .args(["-w", "-r", "-d", "filepath="])
            .arg(&rules)
            .arg(&samples)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let theirs: BTreeSet<(String, String)> = String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(rule, path)| (rule.to_owned(), path.rsplit('/').next().unwrap().to_owned()))
            .collect();
        // As of a pack, so that no gate of kinds stands between: yara knows none.
        let text = file.text.replace("kinds = ", "unread = ");
        let engine = Engine::of_pack("p", &text);
        let mut ours = BTreeSet::new();
        for entry in fs::read_dir(&samples).unwrap() {
            let entry = entry.unwrap();
            let bytes = fs::read(entry.path()).unwrap();
            // Its external path is empty there.
            let path = TreePath::from("x");
            let looked =
                engine.look(&MalwareFile { path: &path, kinds: Kinds::ALL, bytes: &bytes });
            let name = entry.file_name().into_string().unwrap();
            let rule = |rule: &str| rule.trim_start_matches("p/").to_owned();
            ours.extend(looked.hits.iter().map(|hit| (rule(&hit.rule), name.clone())));
        }
        assert_eq!(ours, theirs, "{}", file.name);
        assert!(!ours.is_empty(), "{}", file.name);
    }
}

#[test]
fn lists_find_what_clamscan_finds() {
    if !is_there("clamscan") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let samples = folder.path().join("samples");
    fs::create_dir(&samples).unwrap();
    let files: Vec<(String, Vec<u8>)> = (0_u8..40)
        .map(|n| (format!("f{n}"), vec![n.wrapping_mul(37); 10 + usize::from(n) * 50]))
        .collect();
    // Every third is listed: by MD5 and size, by SHA-256 without a size, or by a size that is wrong.
    let (mut hdb, mut hsb) = (String::new(), String::new());
    for (number, (name, bytes)) in files.iter().enumerate() {
        fs::write(samples.join(name), bytes).unwrap();
        let sha = ring::digest::digest(&ring::digest::SHA256, bytes);
        let sha: String = sha.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        match number % 4 {
            0 => hdb.push_str(&format!("{}:{}:Test.Sized\n", md5(bytes), bytes.len())),
            1 => hsb.push_str(&format!("{sha}:*:Test.Unsized:73\n")),
            2 => hdb.push_str(&format!("{}:{}:Test.Wrong\n", md5(bytes), bytes.len() + 1)),
            _ => {}
        }
    }
    let lists = folder.path().join("rules/lists");
    fs::create_dir_all(&lists).unwrap();
    fs::write(lists.join("a.hdb"), hdb).unwrap();
    fs::write(lists.join("a.hsb"), hsb).unwrap();
    let output = Command::new("clamscan")
        .args(["--no-summary", "--infected", "-r", "-d"])
        .arg(&lists)
        .arg(&samples)
        .output()
        .unwrap();
    let theirs: BTreeSet<String> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(path, _)| path.rsplit('/').next().unwrap().to_owned())
        .collect();
    let malware = Rules::at(vec![folder.path().join("rules")]).unwrap().open().unwrap();
    let ours: BTreeSet<String> = files
        .iter()
        .filter(|(name, bytes)| {
            let path = TreePath::from(name.as_str());
            look_at_file(&malware, &path, Content::of_bytes(bytes), &Budget::default())
                .malware
                .is_some()
        })
        .map(|(name, _)| name.clone())
        .collect();
    assert_eq!(ours, theirs, "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(ours.len(), 20);
}

/// By another program, so that our own code does not vouch for itself.
fn md5(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    fs::write(&path, bytes).unwrap();
    let output = Command::new("md5sum").arg(&path).output().unwrap();
    String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap().to_owned()
}
