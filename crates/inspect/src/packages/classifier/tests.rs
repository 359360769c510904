//! Every row against its examples.

use std::collections::BTreeSet;

use plimsoll_image::{Budget, EntryKind, EntryMeta, TreePath};

use super::{
    product::{FileName, Form, Product},
    search::{OVERLAP, WINDOW},
    table::PRODUCTS,
    *,
};

/// Longest match that a pattern may have.
const LONGEST: usize = 256;

/// What is found in a file of that name with those bytes.
fn found(path: &str, bytes: &[u8]) -> Vec<(String, String)> {
    let (path, budget) = (TreePath::from(path), Budget::default());
    let file = ClaimedFile::new(&path, bytes, &budget);
    let meta = EntryMeta {
        path: path.clone(),
        kind: EntryKind::File,
        mode: 0o755,
        uid: 0,
        gid: 0,
        size: bytes.len() as u64,
        mtime: 0,
        link: None,
        capabilities: None,
    };
    if Classifier.claims(path.as_bytes(), &meta).is_none()
        || !Classifier.wants_rest(path.as_bytes(), bytes)
    {
        return Vec::new();
    }
    let facts = Classifier.parse(&file).unwrap();
    facts.packages.into_iter().map(|package| (package.name, package.version)).collect()
}

/// A file of the row that holds a text.
fn file(product: &Product, text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    match product.form {
        Form::Elf => [b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0", bytes, b"\0\0"].concat(),
        Form::Text(begin) if text.starts_with(begin) => bytes.to_vec(),
        Form::Text(begin) => [begin.as_bytes(), b"\n", bytes].concat(),
    }
}

/// A name of the row's as it stands in images.
fn path(name: &FileName, version: &str) -> String {
    let minor: Vec<&str> = version.split('.').take(2).collect();
    match name {
        FileName::Program("python") => format!("usr/local/bin/python{}", minor.join(".")),
        FileName::Library("libpython") => format!("opt/libpython{}.so.1.0", minor.join(".")),
        FileName::Program(name) => format!("usr/local/bin/{name}"),
        FileName::Library(name) => format!("opt/lib/{name}-0a1b2c3d.so.5"),
        FileName::Path(path) => format!("opt/{path}"),
    }
}

#[test]
fn every_row_finds_its_examples_and_nothing_else() {
    let mut wrong = Vec::new();
    for product in PRODUCTS {
        let name = product.listed.name;
        assert!(!product.examples.is_empty() && !product.counter_example.is_empty(), "{name}");
        for file_name in product.files {
            for (text, version) in product.examples {
                let path = path(file_name, version);
                let wanted: Vec<(String, String)> = product
                    .packages()
                    .map(|package| (package.name.to_owned(), package.version(version)))
                    .collect();
                let found = found(&path, &file(product, text));
                if found != wanted {
                    wrong.push(format!("{path} with {text:?}: {found:?}, not {wanted:?}"));
                }
            }
            let path = path(file_name, "3.11.2");
            let found = found(&path, &file(product, product.counter_example));
            if found.iter().any(|(found, _)| found == name) {
                wrong.push(format!("{path} with {:?}: {found:?}", product.counter_example));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_pattern_is_bounded_and_has_one_group() {
    for product in PRODUCTS {
        let row = PRODUCTS.iter().position(|other| std::ptr::eq(other, product)).unwrap();
        let regexes = compiled(row);
        assert_eq!(regexes.len(), product.versions.len(), "{}", product.listed.name);
        for regex in regexes {
            assert_eq!(regex.captures_len(), 2, "{regex}");
            let parsed = regex_syntax::ParserBuilder::new()
                .unicode(false)
                .utf8(false)
                .dot_matches_new_line(true)
                .build()
                .parse(regex.as_str())
                .unwrap();
            let longest = parsed.properties().maximum_len();
            // A long repetition costs its length for every byte of a file that is made for it.
            assert!(longest.is_some_and(|longest| longest <= LONGEST), "{regex}: {longest:?}");
        }
    }
    const { assert!(LONGEST + 128 <= OVERLAP && OVERLAP * 4 <= WINDOW) };
}

#[test]
fn only_files_of_the_form_are_searched() {
    let text = "\0nginx version: nginx/1.22.1\n\0";
    assert_eq!(found("usr/sbin/nginx", text.as_bytes()), []);
    let elf = [b"\x7fELF", text.as_bytes()].concat();
    assert_eq!(found("usr/sbin/nginx", &elf), [("nginx".to_owned(), "1.22.1".to_owned())]);
    assert_eq!(found("usr/sbin/nginx-module", &elf), []);
    assert_eq!(found("usr/lib/libnginx.so", &elf), []);
}

#[test]
fn several_versions_are_told_apart_by_the_name() {
    let elf = b"\x7fELF\x003.40.1\x003.11.2\x00";
    assert_eq!(found("bin/python3.11", elf), [("python".to_owned(), "3.11.2".to_owned())]);
    assert_eq!(found("bin/python3.12", elf), []);
}

#[test]
fn packages_have_package_urls_and_cpes() {
    use plimsoll_model::{
        Ecosystem,
        purl::{self, Parts},
    };
    let mut names = BTreeSet::new();
    for package in PRODUCTS.iter().flat_map(Product::packages) {
        let ecosystem = Ecosystem::named(package.ecosystem);
        assert!(ecosystem.row().is_some(), "{}", package.ecosystem);
        let parts = Parts {
            namespace: package.namespace,
            name: package.name,
            version: "1.2.3",
            qualifiers: &[],
        };
        assert!(purl::format(&ecosystem, parts).is_some(), "{}", package.name);
        for cpe in package.extra("1.2.3").values().flat_map(|cpes| cpes.split(' ')) {
            assert_eq!(cpe.replace(r"\/", "").split(':').count(), 13, "{cpe}");
        }
        names.insert(package.name);
    }
    assert!(names.len() >= 80, "{}", names.len());
}

/// Programs of this machine, and how they are asked for their version.
const ASKED: &[(&str, &str)] = &[
    ("/bin/bash", "--version"),
    ("/usr/bin/git", "--version"),
    ("/usr/bin/openssl", "version"),
    ("/usr/bin/perl", "-v"),
    ("/usr/bin/curl", "--version"),
    ("/usr/bin/gzip", "--version"),
    ("/usr/bin/xz", "--version"),
    ("/usr/bin/zstd", "--version"),
    ("/usr/bin/jq", "--version"),
    ("/usr/bin/node", "--version"),
    ("/usr/bin/python3.11", "--version"),
    ("/usr/bin/sqlite3", "--version"),
    ("/usr/bin/getopt", "--version"),
];

#[test]
fn programs_of_this_machine_say_the_same_themselves() {
    let mut agreed = Vec::new();
    for (path, question) in ASKED {
        let Ok(bytes) = std::fs::read(path) else {
            println!("skipped: {path} is not here");
            continue;
        };
        let found = found(path, &bytes);
        let Some((name, version)) = found.first() else { continue };
        let answer = std::process::Command::new(path).arg(question).output().unwrap();
        let answer = String::from_utf8_lossy(&answer.stdout).into_owned();
        assert!(answer.contains(version), "{path} is {version} of {name}, and says {answer}");
        agreed.push(*path);
    }
    println!("{} programs agree: {}", agreed.len(), agreed.join(", "));
}

proptest::proptest! {
    #[test]
    fn damaged_files_do_no_harm(row in 0..PRODUCTS.len(), at in 0_usize..60, byte: u8, more: Vec<u8>) {
        let product = &PRODUCTS[row];
        let mut bytes = file(product, product.examples[0].0);
        if let Some(place) = bytes.get_mut(at) {
            *place = byte;
        }
        bytes.extend(more);
        found(&path(&product.files[0], product.examples[0].1), &bytes);
    }
}
