//! What the parent keeps of what its children learn.

use std::{path::Path, sync::Mutex};

use plimsoll_image::{Budget, open_path};
use plimsoll_model::Verdict;
use plimsoll_scanner::{
    LayerCache, NoProgress, Progress,
    child::{ChildError, ChildScan, Isolation, Launcher, Target, scan_in_child},
};

use super::{isolation, packages, platform, request, scan_with};
use crate::support::temporary;

/// What the child learns of layers is kept by the parent, and used by the next child.
#[test]
fn layers_are_kept_by_the_parent() {
    struct Cached(Mutex<Vec<bool>>);
    impl Progress for Cached {
        fn layer_done(&self, _: u64, cached: bool, _: std::time::Duration) {
            self.0.lock().unwrap().push(cached);
        }
    }
    let folder = temporary();
    let layout = folder.path().join("layout");
    packages(100).write_oci_layout(&layout, "latest").unwrap();
    let cache = LayerCache::open(&folder.path().join("layers"), &Budget::default()).unwrap();
    let scan = |fault: Option<&str>| {
        let cached = Cached(Mutex::default());
        let scanned = scan_with(&isolation(fault), &layout, Some(&cache), &cached, &|| false);
        (scanned.unwrap().scanned.report, cached.0.into_inner().unwrap())
    };
    // A layer of which a file was left out is not kept: another day it may be read.
    let (partial, _) = scan(Some("abort:srv/node_modules/p70/"));
    assert_eq!(partial.packages.len(), 99);
    let (first, mut known) = scan(None);
    known.sort_unstable();
    assert_eq!((first.packages.len(), known), (100, vec![false, true]));
    let (second, known) = scan(None);
    assert_eq!((&second, known), (&first, vec![true, true]));
}

/// An image that did not change since it was scanned needs no child; one that changed behind its name does.
#[test]
fn what_is_known_is_not_read_again() {
    let folder = temporary();
    let layout = folder.path().join("layout");
    let image = packages(30);
    image.write_oci_layout(&layout, "latest").unwrap();
    let archive = folder.path().join("archive.tar");
    image.write_docker_archive(&archive, "team/app:1").unwrap();
    let cache = LayerCache::open(&folder.path().join("layers"), &Budget::default()).unwrap();
    let nobody = Launcher { program: "/nonexistent".into(), arguments: Vec::new() };
    let nobody = Isolation { launcher: nobody, ..isolation(None) };
    let platform = platform();
    let scan = |isolation: &Isolation, path: &Path| {
        let target =
            Target::Local { path, kind: None, platform: &platform, is_platform_required: true };
        // Long after the files were made, so that their times can be relied on.
        let today = "2100-01-01".parse().unwrap();
        let request = ChildScan { today, ..request(target, Some(&cache)) };
        scan_in_child(isolation, &request, &NoProgress, &|| false).map(|it| it.scanned.report)
    };
    for path in [&layout, &archive] {
        assert!(matches!(scan(&nobody, path), Err(ChildError::Start(_))));
        let first = scan(&isolation(None), path).unwrap();
        assert_eq!(first.packages.len(), 30);
        assert_eq!(scan(&nobody, path).unwrap(), first);
    }
    let changed = packages(31);
    changed.write_docker_archive(&archive, "team/app:1").unwrap();
    assert!(matches!(scan(&nobody, &archive), Err(ChildError::Start(_))));
    assert_eq!(scan(&isolation(None), &archive).unwrap().packages.len(), 31);
    // A blob that is no longer what its name says, although its size and modification time are.
    let digest = image_layers(&layout)[0];
    let blob = layout.join("blobs/sha256").join(digest.hex());
    let (before, mut bytes) = (blob.metadata().unwrap(), std::fs::read(&blob).unwrap());
    bytes[100] ^= 1;
    std::fs::write(&blob, bytes).unwrap();
    let file = std::fs::File::options().write(true).open(&blob).unwrap();
    file.set_modified(before.modified().unwrap()).unwrap();
    assert!(matches!(scan(&nobody, &layout), Err(ChildError::Start(_))));
    let report = scan(&isolation(None), &layout).unwrap();
    assert_eq!(report.coverage.verdict, Verdict::Unreadable);
}

fn image_layers(layout: &Path) -> Vec<plimsoll_model::Digest> {
    let source = open_path(layout, None, &platform(), &Budget::default()).unwrap();
    source.documents().layers.iter().filter_map(|layer| layer.digest).collect()
}
