//! A map shows the bytes that were there when it was made, whatever happens to the name afterwards.

use std::{fs, path::Path};

use plimsoll_native::{Map, MapError};

#[test]
fn a_map_shows_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("snapshot");
    let bytes: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    fs::write(&path, &bytes).unwrap();
    assert_eq!(&*Map::open(&path).unwrap(), &bytes[..]);
}

#[test]
fn a_rename_over_the_name_does_not_change_a_map() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("snapshot");
    fs::write(&path, b"old bytes").unwrap();
    let map = Map::open(&path).unwrap();
    let next = folder.path().join("next");
    fs::write(&next, b"new").unwrap();
    fs::rename(&next, &path).unwrap();
    assert_eq!(&*map, b"old bytes");
    assert_eq!(&*Map::open(&path).unwrap(), b"new");
}

#[test]
fn an_empty_file_is_an_empty_map() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("empty");
    fs::write(&path, b"").unwrap();
    assert!(Map::open(&path).unwrap().is_empty());
}

#[test]
fn what_is_not_a_regular_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(Map::open(folder.path()), Err(MapError::NotAFile { .. })));
    assert!(matches!(Map::open(Path::new("/dev/zero")), Err(MapError::NotAFile { .. })));
    let missing = folder.path().join("missing");
    let error = Map::open(&missing).unwrap_err();
    assert!(matches!(error, MapError::Open { .. }));
    assert_eq!(error.to_string(), format!("`{}` cannot be opened", missing.display()));
}
