//! Limits of an image as a whole: what is reached is a gap with its name and number, and nothing of it is kept.

use plimsoll_image::{Budget, build::Layer};
use plimsoll_model::{Gap, GapReason, Verdict};
use plimsoll_scanner::LayerCache;

use super::{Image, base, image, scan_within, starter, watch};

/// `count` layers of ten Node packages each.
fn packages(count: usize) -> Image {
    let layers: Vec<Layer> = (0..count)
        .map(|layer| {
            let builder = (0..10).fold(Layer::builder("COPY"), |builder, number| {
                let name = format!("p{layer}-{number}");
                let text = format!("{{\"name\": \"{name}\", \"version\": \"1.0.0\"}}");
                builder.file(&format!("srv/node_modules/{name}/package.json"), text.as_bytes())
            });
            builder.build().unwrap()
        })
        .collect();
    image(&layers)
}

fn reached(gaps: &[Gap]) -> Vec<&str> {
    let gaps = gaps.iter().filter(|gap| gap.reason == GapReason::BudgetReached);
    gaps.map(|gap| gap.detail.as_str()).collect()
}

#[test]
fn layers_count_together() {
    let image = packages(4);
    let first = scan_within(image.source.as_ref(), None, None, 1, &Budget::default()).report;
    assert_eq!(first.packages.len(), 40);
    let sizes = image.source.documents().layers.iter().map(|layer| layer.size);
    let compressed = format!("max_compressed_bytes={}", sizes.sum::<u64>() - 1);
    for (limit, says) in [
        ("max_entries=25", "entries of the image: the limit of 25 is reached (`max_entries`)"),
        ("max_folders=25", "folders of the image: the limit of 25 is reached (`max_folders`)"),
        ("max_names_bytes=1000", "names in the image: the limit of 1000 is reached"),
        ("max_claimed_files=25", "files that detectors read: the limit of 25 is reached"),
        ("max_unpacked_bytes=30KiB", "unpacked bytes of the image: the limit of 30720 is reached"),
        (&*compressed, "compressed bytes of the image: the limit of "),
    ] {
        let mut budget = Budget::default();
        budget.set(limit).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let cache = LayerCache::open(folder.path(), &budget).unwrap();
        for threads in [1, 2] {
            let watched = watch(image.source.as_ref());
            let report = scan_within(&watched, None, Some(&cache), threads, &budget).report;
            let reached = reached(&report.coverage.gaps);
            assert!(reached.iter().any(|detail| detail.contains(says)), "{limit}: {reached:?}");
            assert_eq!(report.coverage.verdict, Verdict::Partial, "{limit}");
            let seen = report.packages.len();
            assert!(seen > 0 && seen < 40, "{limit}: {seen} packages");
            // At least the layer that was cut short is read again each time.
            assert!(watched.read.into_inner() > 0, "{limit}");
        }
    }
}

#[test]
fn each_image_begins_anew() {
    let image = packages(2);
    let budget = Budget { max_entries: 25, ..Budget::default() };
    for _ in 0..3 {
        let report = scan_within(image.source.as_ref(), None, None, 2, &budget).report;
        assert_eq!((report.packages.len(), reached(&report.coverage.gaps)), (20, Vec::new()));
    }
}

#[test]
fn findings_beyond_their_limit_are_counted_and_the_most_urgent_stay() {
    let image = image(&[base()]);
    let snapshot = starter(&image.folder);
    let scan = |max_findings| {
        let budget = Budget { max_findings, ..Budget::default() };
        scan_within(image.source.as_ref(), Some(&snapshot), None, 1, &budget).report
    };
    let (all, cut) = (scan(1_000), scan(1));
    assert!(all.findings.len() > 1);
    assert_eq!(cut.findings.as_slice(), all.findings.get(..1).unwrap());
    let says = format!("the least urgent of {} are left out", all.findings.len());
    assert!(reached(&cut.coverage.gaps).iter().any(|detail| detail.contains(&says)));
}
