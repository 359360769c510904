//! Rules for malicious files from the command line: brought in, tried, used by scans, taken out.

use std::{fs, path::Path};

use plimsoll_image::{ImageBuilder, Layer};
use plimsoll_model::{Kind, Report};

use crate::support::{plimsoll, plimsoll_ok, temporary};

const PACK: &str =
    "rule Marked { meta: sas_level = \"serious\" strings: $a = \"m4rk\" condition: $a }\n";

fn layout(folder: &Path) -> String {
    let page = [&b"<?php @ev"[..], b"al($_PO", b"ST['c']); // m4rk"].concat();
    let layer = Layer::builder("ADD root /").file("var/www/html/a.php", &page).build().unwrap();
    let image = ImageBuilder::new("linux/amd64".parse().unwrap()).layer(&layer).build().unwrap();
    let layout = folder.join("layout");
    image.write_oci_layout(&layout, "latest").unwrap();
    layout.to_str().unwrap().to_owned()
}

fn rules_of(report: &Report) -> Vec<(&str, bool)> {
    let malware = report.findings.iter().filter(|finding| finding.kind == Kind::Malware);
    malware.map(|finding| (finding.extra["rules"].as_str(), finding.is_open())).collect()
}

#[test]
fn a_pack_is_brought_in_used_by_every_scan_and_taken_out() {
    let folder = temporary();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    let target = layout(folder.path());
    let scan = || -> Report {
        let output = plimsoll(["scan", "--format", "json", "--data", data, &target]);
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let embedded = "webshell_php_request_executed";
    assert_eq!(rules_of(&scan()), [(embedded, true)]);
    let pack = folder.path().join("marks.yar");
    fs::write(&pack, PACK).unwrap();
    let pack = pack.to_str().unwrap();
    let import = ["rules", "import", pack, "--license", "MIT", "--data", data];
    plimsoll_ok(import);
    // What is known of the layer was found by other rules, and is not used.
    assert_eq!(rules_of(&scan()), [(&*format!("marks/Marked,{embedded}"), true)]);
    let again = plimsoll(import);
    assert!(!again.status.success());
    assert!(String::from_utf8_lossy(&again.stderr).contains("--replace"));
    let list = plimsoll_ok(["rules", "list", "--format", "json", "--data", data]);
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    assert_eq!(
        (list[1]["pack"].as_str(), list[1]["license"].as_str()),
        (Some("marks"), Some("MIT"))
    );
    let allow = format!("{data}/rules/allow.toml");
    fs::write(&allow, "[[allow]]\npath = 'var/www/*'\nreason = 'a test'\n").unwrap();
    assert_eq!(rules_of(&scan()), [(&*format!("marks/Marked,{embedded}"), false)]);
    fs::remove_file(&allow).unwrap();
    plimsoll_ok(["rules", "remove", "marks", "--data", data]);
    assert_eq!(rules_of(&scan()), [(embedded, true)]);
}

#[test]
fn files_are_tried_and_exit_codes_tell() {
    let folder = temporary();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    let packs = folder.path().join("packs");
    fs::create_dir_all(packs.join("p")).unwrap();
    fs::write(packs.join("p/a.yar"), PACK).unwrap();
    fs::write(folder.path().join("good.sh"), "#!/bin/sh\n").unwrap();
    fs::write(folder.path().join("bad.sh"), "#!/bin/sh m4rk\n").unwrap();
    let test = |paths: &[&str]| {
        let packs = packs.to_str().unwrap();
        let fixed = ["rules", "test", "--data", data, "--rules", packs];
        let paths = paths.iter().map(|path| folder.path().join(path).to_str().unwrap().to_owned());
        let words: Vec<String> = fixed.into_iter().map(str::to_owned).chain(paths).collect();
        plimsoll(words.iter().map(String::as_str))
    };
    assert_eq!(test(&[]).status.code(), Some(0));
    assert_eq!(test(&["good.sh"]).status.code(), Some(0));
    let found = test(&["bad.sh"]);
    assert_eq!(found.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&found.stdout).contains("p/Marked"));
    fs::write(packs.join("p/b.yar"), "rule b { condition: nonsense }").unwrap();
    let broken = test(&[]);
    assert_eq!(broken.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&broken.stderr).contains("p/b.yar:1"));
    let missing = plimsoll(["rules", "list", "--data", data, "--rules", "/no/such/folder"]);
    assert_eq!(missing.status.code(), Some(1));
}
