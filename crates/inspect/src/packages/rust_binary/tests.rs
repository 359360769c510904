use std::{io::Write as _, path::Path, process::Command};

use flate2::{Compression, write::ZlibEncoder};
use plimsoll_image::{Budget, TreePath};

use super::*;

fn packed(text: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_list_that_unpacks_to_more_than_any_real_one_is_refused() {
    let bomb = packed(&vec![b' '; 9 << 20]);
    assert!(bomb.len() < 16 << 10);
    assert!(matches!(unpack(&bomb), Err(ParseError::TooLarge { .. })));
    assert!(unpack(b"no zlib").is_err());
    assert!(unpack(&packed(b"{\"packages\":1}")).is_err());
}

#[test]
fn crates_are_told_by_the_paths_of_their_sources() {
    let mut shown = Shown::default();
    look_at(
        b"\0/root/.cargo/registry/src/index.crates.io-6f17d22bba15001f/serde_json-1.0.99/src/de.rs\0\
          C:\\Users\\x\\.cargo\\registry\\src\\github.com-1ecc6299db9ec823\\time-0.3.9-rc.1\\src\\lib.rs\
          /rustc/0123456789abcdef0123456789abcdef01234567/library/core/src/fmt.rs\
          /registry/src/index.crates.io-6f17d22bba15001f/no-version/src/lib.rs",
        &mut shown,
    );
    let wanted = [("serde_json", "1.0.99"), ("time", "0.3.9-rc.1")];
    let wanted = wanted.map(|(name, version)| (name.to_owned(), version.to_owned()));
    assert_eq!(shown.crates.into_iter().collect::<Vec<_>>(), wanted);
    assert!(shown.is_rust);
    let mut shown = Shown::default();
    look_at(b"/usr/src/registry/none", &mut shown);
    assert!(!shown.is_rust);
}

/// Cargo's own program, whose crates are named in its messages; and the same after `objcopy` put a list into it.
#[test]
fn a_real_program_with_and_without_a_list() {
    let folder = tempfile::tempdir().unwrap();
    let program = std::env::current_exe().unwrap();
    let parse = |path: &Path| {
        let bytes = std::fs::read(path).unwrap();
        let name = TreePath::from("usr/local/bin/tool");
        RustBinary.parse(&ClaimedFile::new(&name, &bytes, &Budget::default())).unwrap()
    };
    let facts = parse(&program);
    assert!(facts.packages.iter().any(|package| package.name == "regex-automata"));
    assert!(facts.packages.iter().all(|package| package.extra[EVIDENCE] == PANIC_PATH));
    assert_eq!(facts.problems.len(), 1);

    let list = folder.path().join("list");
    let text = br#"{"packages":[{"name":"a","version":"1.0.0","source":"crates.io"},{"name":"b","version":"2.0.0","source":"crates.io","kind":"build"},{"name":"tool","version":"0.1.0","source":"local","root":true}]}"#;
    std::fs::write(&list, packed(text)).unwrap();
    let with_list = folder.path().join("program");
    let section = format!(".dep-v0={}", list.display());
    let output = Command::new("objcopy")
        .args(["--add-section", &section])
        .args([&program, &with_list])
        .output();
    match output {
        Ok(output) => assert!(output.status.success(), "{output:?}"),
        Err(error) => return println!("skipped: objcopy: {error}"),
    }
    let facts = parse(&with_list);
    let names: Vec<&str> = facts.packages.iter().map(|package| package.name.as_str()).collect();
    assert_eq!((names, facts.problems), (vec!["a", "tool"], Vec::new()));
}
