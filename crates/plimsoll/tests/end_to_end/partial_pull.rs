//! `--partial-pull`: of a layer with a table of contents only what is looked at comes over the line.
//!
//! In: an image in a real registry, its layers written as zstd:chunked by skopeo. Out: the packages and files of the whole
//! image, with a gap that says how much was fetched; a scan without the option knows nothing of it.

use plimsoll_image::{ImageBuilder, Layer};
use serde_json::Value;

use crate::support::{docker_registry, has, plimsoll, plimsoll_ok, run, temporary};

#[test]
fn only_what_is_looked_at_is_fetched_and_it_is_said() {
    if !has("docker-registry") || !has("skopeo") {
        return;
    }
    let folder = temporary();
    let registry = docker_registry(folder.path());
    // Ballast that does not shrink, and that no detector reads.
    let numbers = (0..500_000_u64).map(|it| it.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (it << 7));
    let ballast: Vec<u8> = numbers.flat_map(u64::to_le_bytes).collect();
    let lower = Layer::builder("COPY . /srv")
        .file("etc/os-release", b"ID=alpine\nVERSION_ID=3.20.0\n")
        .file("srv/ballast.dat", &ballast)
        .file("srv/node_modules/a/package.json", br#"{"name":"a","version":"1.0.0"}"#)
        .file("srv/node_modules/b/package.json", br#"{"name":"b","version":"1.0.0"}"#);
    let upper = Layer::builder("RUN npm uninstall b").whiteout("srv/node_modules/b");
    let image = ImageBuilder::new("linux/amd64".parse().unwrap())
        .layer(&lower.build().unwrap())
        .layer(&upper.build().unwrap())
        .build();
    let layout = folder.path().join("layout");
    image.unwrap().write_oci_layout(&layout, "latest").unwrap();
    let name = format!("{}/team/app:1", registry.host);
    let (from, to) = (format!("oci:{}:latest", layout.display()), format!("docker://{name}"));
    let form = "--dest-compress-format=zstd:chunked";
    let options = ["copy", "--quiet", "--insecure-policy", "--dest-tls-verify=false", form];
    run("skopeo", options.into_iter().chain([from.as_str(), to.as_str()]));

    let data = folder.path().join("data");
    let options = ["--format", "json", "--platform", "linux/amd64"];
    let scan = |more: &[&str]| -> Value {
        let start = ["scan", &name, "--data", data.to_str().unwrap()];
        let arguments = start.iter().chain(&options).chain(more).copied();
        serde_json::from_str(&plimsoll_ok(arguments)).unwrap()
    };
    let gaps = |report: &Value| -> Vec<String> {
        let gaps = report["coverage"]["gaps"].as_array().unwrap().iter();
        let details = gaps.map(|gap| gap["detail"].as_str().unwrap().to_owned());
        details.filter(|detail| detail.contains("table of contents")).collect()
    };
    let part = scan(&["--partial-pull"]);
    assert_eq!(part, scan(&["--partial-pull", "--sandbox", "off"]));
    let said = gaps(&part);
    assert_eq!((said.len(), &part["coverage"]["verdict"]), (2, &Value::from("PARTIAL")));
    assert_eq!(part["image"]["source"], "registry-contents");
    let numbers = |text: &str| -> Vec<u64> {
        text.split(|c: char| !c.is_ascii_digit()).filter_map(|it| it.parse().ok()).collect()
    };
    let layer = said.iter().map(|text| numbers(text)).max_by_key(|it| it[1]).unwrap();
    println!("{} of {} bytes were fetched", layer[0], layer[1]);
    assert!(layer[1] > 3_000_000 && layer[0] * 5 < layer[1], "{layer:?}");

    // What a scan of the whole finds is the same, and is not touched by what was found before.
    let whole = scan(&[]);
    assert!(gaps(&whole).is_empty());
    assert_eq!(whole["image"]["source"], "registry");
    for same in ["packages", "findings"] {
        assert_eq!(part[same], whole[same], "{same}");
    }
    assert_eq!(scan(&["--partial-pull"]), part);
    let tree = |more: &[&str]| {
        let start = ["tree", &name, "--platform", "linux/amd64", "--digests"];
        plimsoll_ok(start.iter().chain(more).copied())
    };
    assert_eq!(tree(&["--partial-pull"]), tree(&[]));
    let output = plimsoll(["scan", layout.to_str().unwrap(), "--partial-pull"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("is no image of a registry"), "{said}");
}
