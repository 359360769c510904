//! Bundles of feeds.
//!
//! In: a bundle's file, or what a payload unpacks to. Out: nothing is put in place but the snapshot whose digest was stated. Odd: what
//! digests and lengths keep from being looked at is sealed anew first, as whoever may make unsigned bundles could.

use std::{fs, sync::OnceLock};

use plimsoll_advisory::{
    ImportOptions, Snapshot,
    bundle::{BundleHeader, BundleImport, expand, header, import_bundle, is_bundle, write_bundle},
    import, starter_feed,
};
use plimsoll_image::digest_bytes;
use plimsoll_model::Timestamp;

use crate::{folder, starter_snapshot_opened};

/// What is in place before.
fn starter() -> &'static [u8] {
    static STARTER: OnceLock<Vec<u8>> = OnceLock::new();
    STARTER.get_or_init(|| {
        let path = folder().join("starter-in-place");
        starter_feed(&path).expect("the starter feed");
        fs::read(&path).expect("the starter feed's file")
    })
}

const HEAD: usize = 16;
const SIGNATURE: usize = 64;

/// Imports a bundle: the first byte says whether the rest is a file (0), the unpacked payload of a full bundle (1), or that of a
/// difference from the starter feed (any other). Whether it was taken.
///
/// # Panics
/// When what is taken is not what was stated, or what is refused replaced what was there.
pub fn read_bundle(input: &[u8]) -> bool {
    let Some((choice, bytes)) = input.split_first() else { return false };
    let path = folder().join("fuzzed.bundle");
    let file = match choice {
        0 => bytes.to_vec(),
        1 => seal(bytes, false),
        _ => seal(bytes, true),
    };
    fs::write(&path, file).expect("a temporary file");
    let before = starter();
    let target = folder().join("bundle-target");
    fs::write(&target, before).expect("a temporary file");
    let taken = folder().join("bundle-taken");
    let _none_there = fs::remove_file(&taken);
    let options = BundleImport { trusted: &[], allow_unsigned: true, allow_older: true };
    let said = header(&path);
    let expanded = folder().join("expanded");
    if let (Ok(expected), Ok(said)) = (expand(&path, &expanded, &options), &said) {
        assert_eq!(&expected, said);
        assert!(Snapshot::open(&expanded).is_ok_and(|snapshot| snapshot.digest_is_right()));
    }
    if import_bundle(&path, &target, &taken, &options).is_err() {
        assert!(
            fs::read(&target).expect("the target") == before,
            "a refused bundle was put in place"
        );
        return false;
    }
    assert!(is_bundle(&path));
    let snapshot = Snapshot::open(&target).expect("what was taken opens");
    assert_eq!(snapshot.state().snapshot, said.expect("what was taken has a header").snapshot);
    true
}

/// A bundle whose payload unpacks to these bytes, and which claims to give the snapshot of the starter feed with one record more.
fn seal(unpacked: &[u8], is_difference: bool) -> Vec<u8> {
    let payload = zstd::encode_all(unpacked, 1).expect("packed in memory");
    let header = BundleHeader {
        base: is_difference.then(|| starter_snapshot_opened().state().snapshot),
        payload_bytes: payload.len() as u64,
        payload: digest_bytes(&payload),
        unpacked_bytes: unpacked.len() as u64,
        ..made(is_difference).0.clone()
    };
    let header = serde_json::to_vec(&header).expect("a header");
    let mut bytes = made(false).1[..HEAD].to_vec();
    bytes[HEAD - 4..].copy_from_slice(&u32::try_from(header.len()).expect("short").to_le_bytes());
    bytes.extend(header);
    bytes.extend([0; SIGNATURE]);
    bytes.extend(payload);
    bytes
}

/// A sound bundle, full or continuing the starter feed, that nobody signed: what it says, and its file.
fn made(is_difference: bool) -> &'static (BundleHeader, Vec<u8>) {
    static MADE: [OnceLock<(BundleHeader, Vec<u8>)>; 2] = [const { OnceLock::new() }; 2];
    MADE[usize::from(is_difference)].get_or_init(|| {
        let record = folder().join("MAL-0000-1.json");
        fs::write(
            &record,
            r#"{"id":"MAL-0000-1","modified":"2027-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"npm","name":"a"},"versions":["1"]}]}"#,
        )
        .expect("a temporary file");
        let more = folder().join("more");
        let _none_there = fs::remove_file(&more);
        let options = ImportOptions { allow_older: true, starter: false };
        import(&[record], &more, &options, &mut |_| {}).expect("a sound record");
        let more = Snapshot::open(&more).expect("what was imported opens");
        let base = is_difference.then(starter_snapshot_opened);
        let path = folder().join(format!("made-{is_difference}.bundle"));
        let header = write_bundle(&more, base, None, Timestamp(1), &path).expect("a bundle");
        (header, fs::read(path).expect("a bundle's file"))
    })
}

/// Sound inputs of [`read_bundle`]: a full bundle as a file and unpacked, and a difference unpacked.
///
/// # Panics
/// When they cannot be made.
#[must_use]
pub fn sound_bundles() -> Vec<Vec<u8>> {
    let unpacked = |is_difference: bool| {
        let (header, file) = made(is_difference);
        let from = file.len() - usize::try_from(header.payload_bytes).expect("a short payload");
        zstd::decode_all(&file[from..]).expect("a sound payload")
    };
    vec![
        [&[0][..], &made(false).1].concat(),
        [&[1][..], &unpacked(false)].concat(),
        [&[2][..], &unpacked(true)].concat(),
    ]
}
