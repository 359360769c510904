use std::io::Write;

use ::zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};
use plimsoll_image::{Budget, TreePath};

use super::*;
use crate::facts::{PackageFact, Problem};

fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, bytes) in files {
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn read_as(path: &str, bytes: &[u8], budget: &Budget) -> Result<FileFacts, ParseError> {
    JavaArchive.parse(&ClaimedFile::new(&TreePath::from(path), bytes, budget))
}

fn read(path: &str, bytes: &[u8]) -> FileFacts {
    read_as(path, bytes, &Budget::default()).unwrap()
}

fn names(facts: &FileFacts) -> Vec<String> {
    let name = |package: &PackageFact| {
        let group = package.namespace.as_deref().unwrap_or("-");
        format!("{group}:{}:{}", package.name, package.version)
    };
    facts.packages.iter().map(name).collect()
}

const POM: &[u8] = b"groupId=org.a\nartifactId=b\nversion=1.0\n";
const POM_PATH: &str = "META-INF/maven/org.a/b/pom.properties";

#[test]
fn an_archive_in_an_archive_says_where_it_is() {
    let inner = zip(&[(POM_PATH, POM)]);
    let war = zip(&[("WEB-INF/lib/b-1.0.jar", &inner), ("WEB-INF/lib/copy.jar", &inner)]);
    let facts = read("srv/app.war", &war);
    assert_eq!(names(&facts), ["org.a:b:1.0"]);
    assert_eq!(facts.packages[0].inner.as_deref(), Some("WEB-INF/lib/b-1.0.jar"));
    assert_eq!(facts.problems, []);
}

#[test]
fn depth_is_bounded_and_told() {
    let mut jar = zip(&[(POM_PATH, POM)]);
    for _ in 0..12 {
        jar = zip(&[("x.jar", &jar)]);
    }
    let facts = read("a.jar", &jar);
    assert_eq!(facts.packages, []);
    assert_eq!(facts.problems.len(), 1);
    assert!(facts.problems[0].detail.contains("the limit of 8 is reached"), "{:?}", facts.problems);
}

#[test]
fn a_bomb_ends_at_its_limit() {
    let zeros = vec![0; 96 << 20];
    let jar = zip(&[("x.jar", &zeros), (POM_PATH, POM)]);
    let budget = Budget { max_claimed_file_bytes: 1 << 20, ..Budget::default() };
    let facts = read_as("a.jar", &jar, &budget).unwrap();
    assert_eq!(names(&facts), ["org.a:b:1.0"]);
    assert!(facts.problems[0].detail.contains("unpacks to more than 1048576 bytes"));
    let facts = read("a.jar", &jar);
    assert!(facts.problems[0].detail.contains("the limit for all nested files"), "{facts:?}");
}

#[test]
fn overlapping_entries_are_not_unpacked() {
    let mut jar = zip(&[(POM_PATH, POM), ("META-INF/maven/org.a/c/pom.properties", POM)]);
    // Both entries of the directory get the first one's place.
    let second = jar.windows(4).rposition(|window| window == b"PK\x01\x02").unwrap();
    jar[second + 42..second + 46].copy_from_slice(&0_u32.to_le_bytes());
    let facts = read("a.jar", &jar);
    assert_eq!(facts.packages, []);
    let details: Vec<&str> = facts.problems.iter().map(|problem| problem.detail.as_str()).collect();
    assert!(details.iter().any(|detail| detail.contains("under another name")), "{details:?}");
    assert!(details.iter().any(|detail| detail.contains("overlap")), "{details:?}");
}

#[test]
fn the_stated_count_hides_nothing() {
    let mut jar = zip(&[("a", b"x"), (POM_PATH, POM)]);
    let end = jar.windows(4).rposition(|window| window == b"PK\x05\x06").unwrap();
    jar[end + 8] = 1;
    jar[end + 10] = 1;
    let facts = read("a.jar", &jar);
    assert_eq!(names(&facts), ["org.a:b:1.0"]);
    assert_eq!(facts.problems, [Problem::anomaly("states 1 entries and has 2")]);
}

#[test]
fn bytes_around_an_archive_do_not_hide_it() {
    let jar = zip(&[(POM_PATH, POM)]);
    let script = [b"#!/bin/sh\nexec java -jar $0\n".as_slice(), &jar].concat();
    assert_eq!(names(&read("a.jar", &script)), ["org.a:b:1.0"]);
    let trailing = [jar.as_slice(), b"more"].concat();
    let facts = read("a.jar", &trailing);
    assert_eq!(names(&facts), ["org.a:b:1.0"]);
    assert_eq!(facts.problems, [Problem::anomaly("has 4 bytes behind its end")]);
}

#[test]
fn without_properties_the_manifest_and_the_name_speak() {
    let manifest: &[u8] = b"Manifest-Version: 1.0\r\nImplementation-Title: spring-core\r\nImplementation-Version: 5.3.1\r\n\r\n";
    let jar = zip(&[
        ("META-INF/MANIFEST.MF", manifest),
        ("org/springframework/core/A.class", b""),
        ("org/springframework/lang/B.class", b""),
    ]);
    let facts = read("lib/spring-core-5.3.1.jar", &jar);
    assert_eq!(names(&facts), ["org.springframework:spring-core:5.3.1"]);
    assert_eq!(facts.packages[0].extra["recognised_by"], "manifest");
    let facts = read("lib/spring-core-5.3.1.jar", &zip(&[("a", b"")]));
    assert_eq!(names(&facts), ["org.springframework:spring-core:5.3.1"]);
    assert_eq!(facts.packages[0].extra["recognised_by"], "file-name");
    assert_eq!(names(&read("lib/app.jar", &zip(&[("a", b"")]))), [""; 0]);
}

#[test]
fn what_is_no_archive_is_an_error() {
    let error = read_as("a.jar", b"not a zip", &Budget::default()).unwrap_err();
    assert!(error.to_string().contains("is not a zip archive"), "{error}");
}
