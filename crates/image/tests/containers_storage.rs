//! Images in podman's own store against podman: what it mounts, we see.
//!
//! In: random images (as for `differential.rs`) in real stores of both drivers, overlay and vfs. Out: our merged tree of the
//! store equals what `podman image mount` shows, for every image that podman takes. Odd: what runs is what lies in the
//! store, however odd the archive was that it came from, so that nothing excuses a difference.
#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]
#![expect(clippy::indexing_slicing, reason = "a test that fails may panic")]

#[path = "differential/archive.rs"]
mod archive;
#[path = "differential/generate.rs"]
mod generate;
#[path = "differential/podman.rs"]
mod podman;
#[path = "differential/tree.rs"]
mod tree;

use std::{fs, path::Path};

use plimsoll_image::{
    Budget, EntryMeta, EntryVisitor, LayerSource, OpenError, StorePlace, open_stored,
};
use podman::Podman;

/// Images per driver: several with opaque folders and whiteouts are among them.
const IMAGES: u64 = 20;

fn place(podman: &Podman, driver: &str) -> StorePlace {
    StorePlace { folder: podman.store(), driver: Some(driver.to_owned()) }
}

/// How often a layer removes what is below, and hides all that is below.
#[derive(Default)]
struct Marks {
    whiteouts: u64,
    opaque: u64,
}

impl EntryVisitor for Marks {
    fn visit(
        &mut self,
        _: u32,
        meta: &EntryMeta,
        _: &mut dyn std::io::Read,
    ) -> std::io::Result<()> {
        match meta.path.name() {
            b".wh..wh..opq" => self.opaque += 1,
            name if name.starts_with(b".wh.") => self.whiteouts += 1,
            _ => {}
        }
        Ok(())
    }
}

/// Returns how many images were held against podman, and the marks in their layers.
fn compare(driver: &'static str) -> (u64, Marks) {
    let podman = Podman::new(driver);
    let (mut compared, mut marks) = (0, Marks::default());
    for number in 0..IMAGES {
        let layout = podman.layout();
        generate::write_image(number, &layout);
        let mut ours = None;
        let theirs = podman.unpack(|id| {
            let image = open_stored(&[place(&podman, driver)], id, &Budget::default()).unwrap();
            for index in 0..image.documents().layers.len() {
                image.read_layer(index, &Budget::default(), &mut marks).unwrap();
            }
            ours = Some(tree::shown(&image).unwrap());
        });
        fs::remove_dir_all(layout).unwrap();
        let (Ok(theirs), Some((ours, said))) = (theirs, ours) else { continue };
        assert_eq!(ours, theirs, "image {number}, {driver}: {said:?}");
        compared += 1;
    }
    (compared, marks)
}

#[test]
fn what_podman_mounts_of_its_overlay_store_is_what_we_see() {
    if !podman::is_here() {
        assert!(std::env::var_os("PLIMSOLL_REQUIRE_TOOLS").is_none(), "podman is not installed");
        return println!("skipped: podman is not here");
    }
    let (compared, marks) = compare("overlay");
    println!("{compared} images, {} whiteouts, {} opaque folders", marks.whiteouts, marks.opaque);
    assert!(compared * 4 > IMAGES && marks.whiteouts > 0 && marks.opaque > 0);
}

#[test]
fn what_podman_mounts_of_its_vfs_store_is_what_we_see() {
    if !podman::is_here() {
        assert!(std::env::var_os("PLIMSOLL_REQUIRE_TOOLS").is_none(), "podman is not installed");
        return println!("skipped: podman is not here");
    }
    let (compared, _) = compare("vfs");
    assert!(compared * 4 > IMAGES, "{compared}");
}

/// A store as podman writes it, of images without layers.
fn write_store(folder: &Path, records: &str) {
    fs::create_dir_all(folder.join("overlay-images")).unwrap();
    fs::create_dir_all(folder.join("overlay-layers")).unwrap();
    fs::write(folder.join("overlay-images/images.json"), records).unwrap();
    fs::write(folder.join("overlay-layers/layers.json"), "[]").unwrap();
}

#[test]
fn names_are_found_as_podman_finds_them_and_what_is_missing_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let record = |id: &str, names: &str| {
        format!(r#"{{"id":"{}","names":[{names}],"layer":""}}"#, id.repeat(32))
    };
    let records = [
        record("aa", r#""docker.io/library/debian:12","quay.io/team/debian:12""#),
        record("ab", r#""localhost/app:latest""#),
        record("cd", r#""quay.io/a/tool:1""#),
        record("ce", r#""quay.io/b/tool:1""#),
    ];
    write_store(folder.path(), &format!("[{}]", records.join(",")));
    let places = [StorePlace { folder: folder.path().to_owned(), driver: None }];
    let open = |name: &str| open_stored(&places, name, &Budget::default()).unwrap_err();
    // These images have no documents: that their manifest is missing tells which of them was found.
    let has_found = |name: &str, id: &str| {
        let error = open(name).to_string();
        assert!(
            error.contains(&format!("image {}", id.repeat(32)))
                && error.contains("`manifest` is missing"),
            "{name}: {error}"
        );
    };
    has_found("debian:12", "aa");
    has_found("docker.io/library/debian:12", "aa");
    has_found("team/debian:12", "aa");
    has_found("app", "ab");
    has_found("localhost/app:latest", "ab");
    has_found(&"ab".repeat(32), "ab");
    has_found("cdcdcd", "cd");
    has_found("a/tool:1", "cd");
    assert!(matches!(open("tool:1"), OpenError::SeveralImages { count: 2, .. }));
    for absent in ["tool", "ebian:12", "abab", "none", ""] {
        assert!(matches!(open(absent), OpenError::Missing { .. }), "{absent}: {:?}", open(absent));
    }
    let text = open("none").to_string();
    assert!(text.contains("there is: docker.io/library/debian:12, "), "{text}");
}

#[test]
fn a_store_that_says_two_things_or_leads_elsewhere_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let id = "aa".repeat(32);
    // Ids become parts of paths, so that such ones are nobody's.
    write_store(folder.path(), r#"[{"id":"../../etc","names":["x:latest"],"layer":""}]"#);
    let places = [StorePlace { folder: folder.path().to_owned(), driver: None }];
    let open = |name: &str| open_stored(&places, name, &Budget::default()).unwrap_err().to_string();
    assert!(open("x").contains("there is none at all"));
    write_store(folder.path(), "{}");
    assert!(open("x").contains("is no list of a store's images"));
    fs::remove_dir_all(folder.path().join("overlay-images")).unwrap();
    assert!(open("x").contains("holds no images that are read"));
    // Layers that are each other's parents.
    write_store(folder.path(), &format!(r#"[{{"id":"{id}","names":["x:latest"],"layer":"l1"}}]"#));
    fs::write(
        folder.path().join("overlay-layers/layers.json"),
        r#"[{"id":"l1","parent":"l2"},{"id":"l2","parent":"l1"}]"#,
    )
    .unwrap();
    let image = folder.path().join("overlay-images").join(&id);
    fs::create_dir_all(&image).unwrap();
    let config = br#"{"architecture":"amd64","os":"linux"}"#;
    let digest: String = ring::digest::digest(&ring::digest::SHA256, config)
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let manifest = |digest: &str| {
        format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","layers":[],"config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:{digest}","size":37}}}}"#
        )
    };
    let key = |digest: &str| {
        use base64::Engine as _;
        let key = format!("sha256:{digest}");
        image.join(format!("={}", base64::engine::general_purpose::STANDARD.encode(key)))
    };
    fs::write(image.join("manifest"), manifest(&digest)).unwrap();
    fs::write(key(&digest), config).unwrap();
    assert!(open("x").contains("layers"), "{}", open("x"));
    fs::write(folder.path().join("overlay-layers/layers.json"), r#"[{"id":"l1"}]"#).unwrap();
    assert!(open("x").contains("keeps 1 layers of it, its manifest names 0"), "{}", open("x"));
    fs::write(
        folder.path().join("overlay-layers/layers.json"),
        r#"[{"id":"l1","flags":{"incomplete":true}}]"#,
    )
    .unwrap();
    assert!(open("x").contains("is incomplete"), "{}", open("x"));
    fs::write(image.join("manifest"), manifest(&"ab".repeat(32))).unwrap();
    fs::write(key(&"ab".repeat(32)), config).unwrap();
    assert!(open("x").contains("the bytes have digest"), "{}", open("x"));
}
