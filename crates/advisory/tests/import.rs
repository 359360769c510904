//! Importing: real feeds, broken feeds, older feeds.
use plimsoll_advisory::*;
use std::path::PathBuf;

#[test]
fn all_of_the_shared_advisories_compile() {
    let shared = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/advisories"));
    if !shared.is_dir() {
        println!("skipped: ../shared is not here");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("snapshot");
    let paths: Vec<PathBuf> =
        ["osv", "kev", "epss", "cve"].iter().map(|part| shared.join(part)).collect();
    let start = std::time::Instant::now();
    let summary = import(&paths, &target, &ImportOptions::default(), &mut |_| {}).unwrap();
    println!("{:?} {:?}", start.elapsed(), summary);
    let start = std::time::Instant::now();
    let snapshot = Snapshot::open(&target).unwrap();
    println!("open {:?}", start.elapsed());
    println!("{}", snapshot.ids().count());
}
