//! Damaged files: whatever is done to the bytes of a case's files, no parser panics, hangs or takes the place of another.

use std::{fs, sync::OnceLock};

use plimsoll_image::{Budget, EntryKind, EntryMeta, TreePath};
use plimsoll_inspect::{ClaimedFile, Example, Parser, checks, parsers};
use proptest::prelude::*;

use crate::{case, packages};

/// A file that a parser claims.
struct Seed {
    parser: &'static dyn Parser,
    path: TreePath,
    bytes: Vec<u8>,
}

fn seeds() -> &'static [Seed] {
    static SEEDS: OnceLock<Vec<Seed>> = OnceLock::new();
    SEEDS.get_or_init(|| {
        let mut seeds = Vec::new();
        for case in packages::groups().into_iter().flat_map(case::cases) {
            for file in case::files(&case) {
                let name = file.strip_prefix(&case).unwrap().to_str().unwrap();
                let Some((_, name)) = name.split_once('/') else { continue };
                let path = TreePath::from(name);
                let bytes = fs::read(&file).unwrap();
                let meta = meta(&path, bytes.len());
                for parser in parsers() {
                    if parser.claims(path.as_bytes(), &meta).is_some() {
                        seeds.push(Seed {
                            parser: *parser,
                            path: path.clone(),
                            bytes: bytes.clone(),
                        });
                    }
                }
            }
        }
        // The one keeps what checks claim, the other looks at names alone.
        let others = ["checked-text", "nix"];
        for parser in parsers().iter().filter(|parser| !others.contains(&parser.id())) {
            assert!(seeds.iter().any(|seed| seed.parser.id() == parser.id()), "{}", parser.id());
        }
        seeds
    })
}

fn meta(path: &TreePath, size: usize) -> EntryMeta {
    EntryMeta {
        path: path.clone(),
        kind: EntryKind::File,
        mode: 0o644,
        uid: 0,
        gid: 0,
        size: size as u64,
        mtime: 0,
        link: None,
        capabilities: None,
    }
}

#[derive(Debug, Clone)]
enum Change {
    Set(usize, u8),
    Flip(usize, u8),
    Cut(usize),
    Remove(usize, usize),
    Repeat(usize, usize),
    Word(usize, u32),
}

fn change() -> impl Strategy<Value = Change> {
    let at = || any::<prop::sample::Index>().prop_map(|index| index.index(1 << 20));
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (at(), 0_u8..8).prop_map(|(at, bit)| Change::Flip(at, 1 << bit)),
        at().prop_map(Change::Cut),
        (at(), 0_usize..300).prop_map(|(at, length)| Change::Remove(at, length)),
        (at(), 0_usize..300).prop_map(|(at, length)| Change::Repeat(at, length)),
        (at(), prop_oneof![Just(0), Just(u32::MAX), Just(0x7fff_ffff), any::<u32>()])
            .prop_map(|(at, word)| Change::Word(at, word)),
    ]
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    if bytes.is_empty() {
        return;
    }
    let length = bytes.len();
    match *change {
        Change::Set(at, byte) => bytes[at % length] = byte,
        Change::Flip(at, bit) => bytes[at % length] ^= bit,
        Change::Cut(at) => bytes.truncate(at % length),
        Change::Remove(at, count) => {
            let at = at % length;
            bytes.drain(at..(at + count).min(length));
        }
        Change::Repeat(at, count) => {
            let at = at % length;
            let piece = bytes[at..(at + count).min(length)].to_vec();
            bytes.splice(at..at, piece);
        }
        Change::Word(at, word) => {
            let at = at % length;
            for (byte, new) in bytes[at..].iter_mut().zip(word.to_be_bytes()) {
                *byte = new;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn no_change_makes_a_parser_panic(
        seed in any::<prop::sample::Index>(),
        changes in prop::collection::vec(change(), 1..6),
    ) {
        let seed = &seeds()[seed.index(seeds().len())];
        let mut bytes = seed.bytes.clone();
        for change in &changes {
            apply(&mut bytes, change);
        }
        let budget = Budget { max_nested_bytes: 32 << 20, ..Budget::default() };
        let file = ClaimedFile::new(&seed.path, &bytes, &budget);
        if let Ok(facts) = seed.parser.parse(&file) {
            for package in &facts.packages {
                prop_assert!(!package.name.is_empty() && !package.version.is_empty(), "{}: {package:?}", seed.parser.id());
            }
            // What is kept of a file is bounded by the file.
            prop_assert!(facts.owned.len() <= bytes.len());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_change_makes_a_check_panic(
        check in any::<prop::sample::Index>(),
        changes in prop::collection::vec(change(), 1..6),
    ) {
        let all = checks();
        let check = all[check.index(all.len())];
        for example in check.examples() {
            let mut files = Vec::new();
            for (path, text) in example.files {
                let mut bytes = text.as_bytes().to_vec();
                for change in &changes {
                    apply(&mut bytes, change);
                }
                files.push((*path, bytes));
            }
            let inspection = case::inspect_files(&files, example);
            for finding in &inspection.findings {
                prop_assert!((1..=20).contains(&finding.evidence.len()), "{}", finding.id);
            }
        }
    }
}

/// Configurations at the most that is read: what they are made of is bounded, and said where it is.
#[test]
fn enormous_configurations_are_bounded() {
    let million = |line: &str| line.repeat((1 << 20) / line.len());
    let examples = checks().iter().flat_map(|check| check.examples());
    // Any that has nothing but files.
    let mut bare = examples.filter(|one| !one.files.is_empty() && one.config.is_empty());
    let example: &Example = bare.next().unwrap();
    for (path, text, by) in [
        ("etc/redis/redis.conf", million("a\n"), "redis"),
        ("etc/redis/redis.conf", million("include /etc/redis/redis.conf\n"), "redis"),
        ("etc/mongod.conf", million("- a\n"), "mongodb"),
        ("etc/mongod.conf", million("["), "mongodb"),
        ("etc/mongod.conf", format!("a: &a {{b: c}}\nd: [{}]", million("*a,")), "mongodb"),
        ("etc/nginx/nginx.conf", million("a;"), "nginx_tls_legacy"),
        ("etc/nginx/nginx.conf", million("a{"), "nginx_tls_legacy"),
        ("etc/apache2/apache2.conf", million("<A>\n"), "apache_listing"),
        ("opt/t/conf/tomcat-users.xml", million("<a>"), "weak_tomcat"),
        ("opt/t/conf/tomcat-users.xml", million("<a b='c'/>"), "weak_tomcat"),
        ("etc/docker/daemon.json", million("{\"a\":"), "docker"),
        ("etc/shadow", million("a:$6$rounds=999999999$salt$x:\n"), "weak_linux_login"),
    ] {
        let programs = ["redis-server", "mongod", "nginx", "apache2", "dockerd"]
            .map(|name| format!("usr/sbin/{name}"));
        let mut files: Vec<(&str, Vec<u8>)> =
            programs.iter().map(|path| (path.as_str(), Vec::new())).collect();
        files.push((path, text.into_bytes()));
        let inspection = case::inspect_files(&files, example);
        let gaps: Vec<_> = inspection.gaps.iter().filter(|gap| gap.by.contains(by)).collect();
        assert!(!gaps.is_empty(), "{path}: {by}");
        assert!(inspection.gaps.len() < 20_000, "{path}: {}", inspection.gaps.len());
    }
}

/// A file n times as long takes about n times as long: a scaling that a quadratic parser would miss by far.
#[test]
fn work_grows_with_the_file() {
    let stanza = |index: usize| {
        format!(
            "Package: p{index}\nStatus: install ok installed\nVersion: 1.{index}-1\nSource: s ({index})\n\n"
        )
    };
    let block =
        |index: usize| format!("P:p{index}\nV:1.{index}-r0\nA:x\no:s\nF:usr/bin\nR:p{index}\n\n");
    let parse = |id: &str, path: &str, text: &str| {
        let parser = parsers().iter().find(|parser| parser.id() == id).unwrap();
        let path = TreePath::from(path);
        let budget = Budget::default();
        let file = ClaimedFile::new(&path, text.as_bytes(), &budget);
        parser.parse(&file).unwrap().packages.len()
    };
    for count in [1_000, 100_000] {
        let status: String = (0..count).map(stanza).collect();
        assert_eq!(parse("dpkg", "var/lib/dpkg/status", &status), count);
        let installed: String = (0..count).map(block).collect();
        assert_eq!(parse("apk", "lib/apk/db/installed", &installed), count);
    }
}
