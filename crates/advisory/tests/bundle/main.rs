//! Bundles: what comes out is what went in, to the byte, and nothing else ever gets in.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests"
)]

mod faults;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use plimsoll_advisory::{
    ImportOptions, ImportSummary, Snapshot,
    bundle::{
        self, BundleError, BundleHeader, BundleImport, PublicKey, SigningKey, expand,
        import_bundle, write_bundle,
    },
    import, starter_feed,
};
use plimsoll_model::Timestamp;
use proptest::prelude::*;

/// One record as a test wants it.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) id: String,
    pub(crate) ecosystem: &'static str,
    pub(crate) name: String,
    pub(crate) fixed: String,
    pub(crate) day: u32,
}

impl Record {
    pub(crate) fn new(ecosystem: &'static str, number: u32, fixed: u32) -> Self {
        Self {
            id: format!("GHSA-{ecosystem}-{number}"),
            ecosystem,
            name: format!("package-{}", number % 7),
            fixed: format!("{fixed}.0.0"),
            day: 1,
        }
    }

    pub(crate) fn json(&self) -> String {
        format!(
            r#"{{"id":"{}","modified":"2026-06-{:02}T00:00:00Z","aliases":["CVE-2026-{:04}"],
            "summary":"A flaw of {}","severity":[{{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}}],
            "affected":[{{"package":{{"ecosystem":"{}","name":"{}"}},"versions":["0.0.1","{}-rc1"],
            "ranges":[{{"type":"ECOSYSTEM","events":[{{"introduced":"0"}},{{"fixed":"{}"}}]}}]}}]}}"#,
            self.id,
            self.day,
            self.id.len() * 100 + self.fixed.len(),
            self.name,
            self.ecosystem,
            self.name,
            self.fixed,
            self.fixed
        )
    }
}

/// Forty records of two ecosystems.
pub(crate) fn records() -> Vec<Record> {
    (0..40).map(|n| Record::new(if n % 2 == 0 { "npm" } else { "PyPI" }, n, n + 1)).collect()
}

/// A place with feeds, snapshots and bundles.
pub(crate) struct Place {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) key: SigningKey,
}

impl Place {
    pub(crate) fn new() -> Self {
        let key = SigningKey::read(&SigningKey::generate().unwrap()).unwrap();
        Self { folder: tempfile::tempdir().unwrap(), key }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Compiles these records as the snapshot `name`, from nothing.
    pub(crate) fn snapshot(&self, name: &str, records: &[Record]) -> Snapshot {
        let input = self.path(&format!("{name}.feed"));
        fs::create_dir_all(&input).unwrap();
        for record in records {
            fs::write(input.join(format!("{}.json", record.id)), record.json()).unwrap();
        }
        let target = self.path(name);
        let options = ImportOptions { allow_older: true, starter: false };
        import(&[input], &target, &options, &mut |_| {}).unwrap();
        Snapshot::open(&target).unwrap()
    }

    pub(crate) fn bundle(
        &self,
        name: &str,
        snapshot: &Snapshot,
        base: Option<&Snapshot>,
        made: i64,
    ) -> PathBuf {
        let path = self.path(name);
        write_bundle(snapshot, base, Some(&self.key), Timestamp(made), &path).unwrap();
        path
    }

    pub(crate) fn take(&self, bundle: &Path, target: &str) -> Result<ImportSummary, BundleError> {
        let trusted = [self.key.public()];
        let options = BundleImport { trusted: &trusted, ..BundleImport::default() };
        import_bundle(bundle, &self.path(target), &self.path("taken.json"), &options)
    }
}

pub(crate) fn bytes(snapshot: &Snapshot) -> Vec<u8> {
    fs::read(snapshot.path()).unwrap()
}

#[test]
fn a_full_bundle_gives_the_same_snapshot() {
    let place = Place::new();
    let starter = place.path("starter");
    starter_feed(&starter).unwrap();
    let made = place.snapshot("made", &records());
    for (number, snapshot) in [Snapshot::open(&starter).unwrap(), made].iter().enumerate() {
        let bundle = place.bundle("bundle", snapshot, None, 1000 + i64::try_from(number).unwrap());
        assert!(bundle::is_bundle(&bundle) && !bundle::is_bundle(snapshot.path()));
        let target = format!("target{number}");
        let summary = place.take(&bundle, &target).unwrap();
        assert_eq!(summary.state, snapshot.state());
        assert_eq!(fs::read(place.path(&target)).unwrap(), bytes(snapshot));
    }
}

/// Every feed that there is, so that whoever adds something to the snapshot hears of it here.
#[test]
fn snapshots_of_all_feeds_come_back_to_the_byte() {
    let place = Place::new();
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/feed");
    let mut number = 0;
    for feed in fs::read_dir(cases).unwrap() {
        for case in fs::read_dir(feed.unwrap().path()).unwrap() {
            let target = place.path(&format!("snapshot{number}"));
            let input = case.unwrap().path().join("input");
            import(&[input], &target, &ImportOptions::default(), &mut |_| {}).unwrap();
            let snapshot = Snapshot::open(&target).unwrap();
            let bundle = place.bundle("bundle", &snapshot, None, number);
            let came = format!("came{number}");
            place.take(&bundle, &came).unwrap();
            assert_eq!(fs::read(place.path(&came)).unwrap(), bytes(&snapshot));
            number += 1;
        }
    }
    assert!(number >= 7);
}

#[test]
fn a_difference_gives_the_same_snapshot_on_its_base_alone() {
    let place = Place::new();
    let old = place.snapshot("old", &records());
    let mut changed = records();
    changed.remove(5);
    changed[0].fixed = "9.9.9".to_owned();
    changed[1].name = "elsewhere".to_owned();
    changed.push(Record::new("npm", 77, 3));
    for place in [0, 1, 39] {
        changed[place].day = 2;
    }
    let new = place.snapshot("new", &changed);
    let full = place.bundle("full", &old, None, 10);
    let delta = place.bundle("delta", &new, Some(&old), 20);
    let header: BundleHeader = bundle::header(&delta).unwrap();
    assert_eq!((header.advisories, header.removed), (3, 1));

    let error = place.take(&delta, "target").unwrap_err();
    assert!(matches!(error, BundleError::Base { found: None, .. }), "{error}");
    place.take(&full, "target").unwrap();
    place.take(&delta, "target").unwrap();
    assert_eq!(fs::read(place.path("target")).unwrap(), bytes(&new));
    place.take(&delta, "target").unwrap_err();
    let error = place.take(&full, "target").unwrap_err();
    assert!(matches!(error, BundleError::Rollback { version: 10, taken: 20, .. }), "{error}");
    assert_eq!(fs::read(place.path("target")).unwrap(), bytes(&new));
}

#[test]
fn a_difference_from_itself_is_empty() {
    let place = Place::new();
    let snapshot = place.snapshot("one", &records());
    let bundle = place.bundle("delta", &snapshot, Some(&snapshot), 5);
    let header = bundle::header(&bundle).unwrap();
    assert_eq!((header.advisories, header.removed), (0, 0));
    assert!(header.payload_bytes < 300, "{}", header.payload_bytes);
}

#[test]
fn who_signed_is_who_is_trusted() {
    let (place, other) = (Place::new(), Place::new());
    let snapshot = place.snapshot("one", &records());
    let bundle = place.bundle("bundle", &snapshot, None, 5);
    let (target, taken) = (place.path("target"), place.path("taken.json"));
    let take = |path: &Path, trusted: &[PublicKey], allow_unsigned| {
        let options = BundleImport { trusted, allow_unsigned, allow_older: false };
        import_bundle(path, &target, &taken, &options)
    };
    for trusted in [vec![], vec![other.key.public()]] {
        let error = take(&bundle, &trusted, true).unwrap_err();
        assert!(matches!(error, BundleError::Untrusted { .. }), "{error}");
    }
    let unsigned = place.path("unsigned");
    write_bundle(&snapshot, None, None, Timestamp(7), &unsigned).unwrap();
    let error = take(&unsigned, &[place.key.public()], false).unwrap_err();
    assert!(matches!(error, BundleError::Unsigned { .. }), "{error}");
    assert!(!target.exists());
    take(&unsigned, &[], true).unwrap();
    assert_eq!(fs::read(&target).unwrap(), bytes(&snapshot));
    // Taking the signature off does not make it one that nobody signed.
    let mut stripped = fs::read(&bundle).unwrap();
    let header = u32::from_le_bytes(stripped[12..16].try_into().unwrap());
    let at = 16 + usize::try_from(header).unwrap();
    stripped[at..at + 64].fill(0);
    let stripped_path = place.path("stripped");
    fs::write(&stripped_path, stripped).unwrap();
    let error = take(&stripped_path, &[place.key.public()], true).unwrap_err();
    assert!(matches!(error, BundleError::Signature { .. }), "{error}");
    // Two trusted keys: either will do.
    take(&bundle, &[other.key.public(), place.key.public()], false).unwrap_err();
    fs::remove_file(&taken).unwrap();
    take(&bundle, &[other.key.public(), place.key.public()], false).unwrap();
}

#[test]
fn kept_snapshots_are_found_by_digest_and_time() {
    let place = Place::new();
    let folder = place.path("kept");
    let one = place.snapshot("one", &records()[..10]);
    let two = place.snapshot("two", &records()[..11]);
    bundle::keep(&folder, &one, Timestamp(100)).unwrap();
    bundle::keep(&folder, &two, Timestamp(200)).unwrap();
    let digest = |found: Option<Snapshot>| found.map(|snapshot| snapshot.state().snapshot);
    let (first, second) = (one.state().snapshot, two.state().snapshot);
    let before = |time| digest(bundle::kept_before(&folder, Timestamp(time)).unwrap());
    assert_eq!(
        [99, 100, 199, 200, 999].map(before),
        [None, Some(first), Some(first), Some(second), Some(second)]
    );
    assert_eq!(digest(bundle::kept_snapshot(&folder, first).unwrap()), Some(first));
    for time in 0..40 {
        bundle::keep(&folder, &one, Timestamp(1000 + time)).unwrap();
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 30);
}

#[test]
fn a_full_bundle_can_be_expanded_to_compare_with() {
    let place = Place::new();
    let snapshot = place.snapshot("one", &records());
    let bundle = place.bundle("bundle", &snapshot, None, 5);
    let trusted = [place.key.public()];
    let options = BundleImport { trusted: &trusted, ..BundleImport::default() };
    expand(&bundle, &place.path("expanded"), &options).unwrap();
    assert_eq!(fs::read(place.path("expanded")).unwrap(), bytes(&snapshot));
    let delta = place.bundle("delta", &snapshot, Some(&snapshot), 6);
    assert!(expand(&delta, &place.path("other"), &options).is_err());
}

/// OpenSSL is another implementation of the key files and of the signature.
#[test]
fn openssl_makes_keys_for_us_and_checks_our_signatures() {
    if Command::new("openssl").arg("version").output().is_err() {
        eprintln!("skipped: `openssl` is not installed");
        return;
    }
    let mut place = Place::new();
    let openssl = |arguments: &[&str]| {
        let output = Command::new("openssl").args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let (private, public) = (text(&place.path("private.pem")), text(&place.path("public.pem")));
    openssl(&["genpkey", "-algorithm", "ed25519", "-out", &private]);
    openssl(&["pkey", "-in", &private, "-pubout", "-out", &public]);
    place.key = SigningKey::read(&fs::read_to_string(&private).unwrap()).unwrap();
    let public_text = fs::read_to_string(&public).unwrap();
    assert_eq!(PublicKey::read(&public_text).unwrap(), place.key.public());
    assert_eq!(place.key.public().to_pem(), public_text);

    let bundle = place.bundle("bundle", &place.snapshot("one", &records()), None, 5);
    let all = fs::read(bundle).unwrap();
    let header = u32::from_le_bytes(all[12..16].try_into().unwrap());
    let at = 16 + usize::try_from(header).unwrap();
    let (signed, signature) = (place.path("signed"), place.path("signature"));
    fs::write(&signed, &all[..at]).unwrap();
    fs::write(&signature, &all[at..at + 64]).unwrap();
    openssl(&[
        "pkeyutl",
        "-verify",
        "-rawin",
        "-pubin",
        "-inkey",
        &public,
        "-in",
        &text(&signed),
        "-sigfile",
        &text(&signature),
    ]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever changes, base and difference give what the feeds give.
    #[test]
    fn base_and_difference_are_the_new_snapshot(
        old in prop::collection::btree_map(0_u32..30, 0_u32..4, 1..25),
        new in prop::collection::btree_map(0_u32..30, 0_u32..4, 1..25),
    ) {
        let place = Place::new();
        let all = |rows: &std::collections::BTreeMap<u32, u32>| -> Vec<Record> {
            rows.iter().map(|(number, fixed)| Record::new("npm", *number, *fixed)).collect()
        };
        let old = place.snapshot("old", &all(&old));
        let new = place.snapshot("new", &all(&new));
        let delta = place.bundle("delta", &new, Some(&old), 2);
        fs::copy(old.path(), place.path("target")).unwrap();
        let trusted = [place.key.public()];
        let options = BundleImport { trusted: &trusted, allow_older: true, allow_unsigned: false };
        import_bundle(&delta, &place.path("target"), &place.path("taken"), &options).unwrap();
        prop_assert_eq!(fs::read(place.path("target")).unwrap(), bytes(&new));
    }
}
