//! One image by every route that it can come by: the same findings, byte by byte.
//!
//! Odd: evidence names the layer by the digest that the source has it under, and a docker-archive has its layers unpacked;
//! there, and only there, digests are held against each other by the layers' order.

use std::{path::Path, process::Command};

use plimsoll_image::{BuiltImage, ImageBuilder, Layer};
use plimsoll_server::LoopbackRegistry;
use serde_json::Value;

use crate::support::{plimsoll_ok, temporary};

fn image() -> BuiltImage {
    let status = "Package: libssl3\nStatus: install ok installed\nArchitecture: amd64\nSource: openssl\nVersion: 3.0.9-1\n\n";
    let base = Layer::builder("ADD rootfs /")
        .file("etc/os-release", b"ID=debian\nVERSION_ID=\"12\"\n")
        .file("var/lib/dpkg/status", status.as_bytes())
        .build()
        .unwrap();
    let app = br#"{"name": "ua-parser-js", "version": "0.7.29"}"#;
    let own = Layer::builder("COPY app /app")
        .file("app/node_modules/ua-parser-js/package.json", app)
        .file_with("etc/shadow", 0o666, 0, 0, b"root::1:0:99999:7:::\n")
        .build()
        .unwrap();
    let platform = "linux/amd64".parse().unwrap();
    ImageBuilder::new(platform).layer(&base).layer(&own).build().unwrap()
}

fn scan(data: &Path, target: &str) -> Value {
    let data = data.to_str().unwrap();
    let text = plimsoll_ok(["scan", "--quiet", "--format", "json", "--data", data, target]);
    serde_json::from_str(&text).unwrap()
}

fn layers(report: &Value) -> Vec<&str> {
    let layers = report["image"]["layers"].as_array().unwrap();
    layers.iter().map(|layer| layer.as_str().unwrap()).collect()
}

/// Those of packages alone are what an SBOM can give.
fn findings(report: &Value, of_packages_alone: bool) -> String {
    let all = report["findings"].as_array().unwrap().iter();
    let wanted =
        all.filter(|one| !of_packages_alone || one["subject"].to_string().contains("pkg:"));
    serde_json::to_string(&wanted.collect::<Vec<_>>()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_image_has_the_same_findings_by_every_route() {
    let folder = temporary();
    let place = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    plimsoll_ok(["feed", "import", "--starter", "--quiet", "--data", &place("data")]);
    let image = image();
    image.write_oci_layout(Path::new(&place("layout")), "latest").unwrap();
    let packed = Command::new("tar")
        .args(["-C", &place("layout"), "-cf", &place("layout.tar"), "."])
        .status()
        .unwrap();
    assert!(packed.success());
    image.write_docker_archive(Path::new(&place("archive.tar")), "team/app:1").unwrap();
    let registry = LoopbackRegistry::new();
    registry.put("team/app", "1", &image);
    let handle = registry.serve().await.unwrap();
    let reference = format!("{}/team/app:1", handle.url().trim_start_matches("http://"));

    let data = folder.path().join("data");
    let reports = tokio::task::spawn_blocking({
        let targets = [place("layout"), place("layout.tar"), reference, place("archive.tar")];
        let data = data.clone();
        move || targets.map(|target| scan(&data, &target))
    })
    .await
    .unwrap();
    let [layout, layout_tar, by_registry, archive] = &reports;
    let wanted = findings(layout, false);
    for kind in ["vulnerability", "baseline", "build"] {
        assert!(wanted.contains(&format!("\"kind\":\"{kind}\"")), "{kind}: {wanted}");
    }
    assert_eq!(findings(layout_tar, false), wanted);
    assert_eq!(findings(by_registry, false), wanted);
    assert_ne!(layers(archive), layers(layout));
    let mut by_archive = findings(archive, false);
    for (unpacked, packed) in layers(archive).iter().zip(layers(layout)) {
        by_archive = by_archive.replace(unpacked, packed);
    }
    assert_eq!(by_archive, wanted);

    for format in ["cyclonedx", "spdx"] {
        let file = place(&format!("sbom.{format}"));
        let written = ["--format", format, "-o", &file, &place("layout")].map(str::to_owned);
        let fixed = ["scan", "--quiet", "--data", data.to_str().unwrap()].map(str::to_owned);
        plimsoll_ok(fixed.iter().chain(&written).map(String::as_str));
        assert_eq!(findings(&scan(&data, &file), false), findings(layout, true), "{format}");
    }
}
