//! SBOMs from the command line: written, scanned in the place of their image, believed from beside an image.

use std::path::Path;

use plimsoll_image::{BuiltImage, ImageBuilder, Layer};
use plimsoll_model::{GapReason, Report, Subject, Verdict};
use plimsoll_server::{LoopbackHandle, LoopbackRegistry};
use serde_json::json;

use crate::support::{plimsoll, plimsoll_ok, temporary};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

fn image() -> BuiltImage {
    let status = "Package: libssl3\nStatus: install ok installed\nArchitecture: amd64\nSource: openssl\nVersion: 3.0.9-1\n\n";
    let layer = Layer::builder("ADD rootfs /")
        .file("etc/os-release", b"ID=debian\nVERSION_ID=\"12\"\n")
        .file("var/lib/dpkg/status", status.as_bytes())
        .build()
        .unwrap();
    ImageBuilder::new("linux/amd64".parse().unwrap()).layer(&layer).build().unwrap()
}

fn report(data: &Path, arguments: &[&str]) -> Report {
    let data = data.to_str().unwrap();
    let fixed = ["scan", "--quiet", "--format", "json", "--data", data];
    let all = fixed.iter().chain(arguments);
    serde_json::from_str(&plimsoll_ok(all)).unwrap()
}

fn starter(data: &Path) {
    plimsoll_ok(["feed", "import", "--starter", "--quiet", "--data", data.to_str().unwrap()]);
}

#[test]
fn an_sbom_is_written_and_scanned() {
    let folder = temporary();
    starter(folder.path());
    let layout = folder.path().join("layout");
    image().write_oci_layout(&layout, "latest").unwrap();
    let of_image = report(folder.path(), &[layout.to_str().unwrap()]);
    let is_of_package = |subject: &Subject| matches!(subject, Subject::Purl(_));
    let vulnerabilities: Vec<_> =
        of_image.findings.iter().filter(|finding| is_of_package(&finding.subject)).collect();
    assert!(!vulnerabilities.is_empty());
    for format in ["cyclonedx", "cyclonedx-xml", "spdx", "spdx-tag-value"] {
        let file = folder.path().join(format!("app.{format}"));
        let file = file.to_str().unwrap();
        let data = folder.path().to_str().unwrap();
        let target = layout.to_str().unwrap();
        plimsoll_ok(["scan", "--quiet", "--data", data, "--format", format, "-o", file, target]);
        for arguments in [vec![file], vec!["--input", "sbom", file], vec!["--sandbox", "off", file]]
        {
            let of_sbom = report(folder.path(), &arguments);
            assert_eq!(of_sbom.packages, of_image.packages, "{format}");
            assert_eq!(of_sbom.findings.iter().collect::<Vec<_>>(), vulnerabilities, "{format}");
            assert_eq!(of_sbom.coverage.verdict, Verdict::Partial);
        }
    }
    let nothing = folder.path().join("nothing.json");
    std::fs::write(&nothing, "{}").unwrap();
    let output = plimsoll([
        "scan",
        "--quiet",
        "--data",
        folder.path().to_str().unwrap(),
        nothing.to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("is no SBOM of a kind that is known"));
}

/// A registry with an image, an SBOM under the tag of its referrers, and an attestation under cosign's.
async fn registry() -> (LoopbackRegistry, LoopbackHandle) {
    let registry = LoopbackRegistry::new();
    let image = image();
    registry.put("team/app", "1", &image);
    let empty = registry.put_blob(b"{}");
    let artifact = |media_type: &str, predicate: Option<&str>, document: &[u8]| {
        let digest = registry.put_blob(document);
        let annotations = predicate.map(|predicate| json!({"predicateType": predicate}));
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": media_type,
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": empty.to_string(), "size": 2},
            "layers": [{"mediaType": media_type, "digest": digest.to_string(), "size": document.len(), "annotations": annotations.unwrap_or(json!({}))}],
        });
        serde_json::to_vec(&manifest).unwrap()
    };
    let bom = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "components": [
            {"type": "library", "name": "libssl3", "version": "3.0.9-1", "purl": "pkg:deb/debian/libssl3@3.0.9-1?arch=amd64&distro=debian-12"},
            {"type": "library", "name": "libssl3", "version": "1.0.1-1", "purl": "pkg:deb/debian/libssl3@1.0.1-1?arch=amd64&distro=debian-12"},
            {"type": "library", "name": "ua-parser-js", "version": "0.7.29", "purl": "pkg:npm/ua-parser-js@0.7.29"},
            {"type": "library", "name": "nameless", "version": "1"},
        ],
    });
    let sbom = artifact("application/vnd.cyclonedx+json", None, &serde_json::to_vec(&bom).unwrap());
    let sbom = registry.put_manifest("team/app", None, MANIFEST, &sbom);
    let index = json!({
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [{"mediaType": MANIFEST, "digest": sbom.to_string(), "size": 1, "artifactType": "application/vnd.cyclonedx+json"}],
    });
    let subject = image.manifest_digest;
    let tag = format!("sha256-{}", subject.hex());
    registry.put_manifest("team/app", Some(&tag), INDEX, &serde_json::to_vec(&index).unwrap());
    // Some attestation, of which nobody says that it is an SBOM, and which is none.
    let other = artifact("application/vnd.dsse.envelope.v1+json", None, br#"{"payload": "e30="}"#);
    registry.put_manifest("team/app", Some(&format!("{tag}.att")), MANIFEST, &other);
    let handle = registry.serve().await.unwrap();
    (registry, handle)
}

#[tokio::test(flavor = "multi_thread")]
async fn sboms_beside_an_image_are_believed_when_asked_for() {
    let (registry, handle) = registry().await;
    let target = format!("{}/team/app:1", handle.url().trim_start_matches("http://"));
    let scan = move |arguments: &'static [&'static str]| {
        let target = target.clone();
        tokio::task::spawn_blocking(move || {
            let folder = temporary();
            starter(folder.path());
            let arguments: Vec<&str> = arguments.iter().copied().chain([target.as_str()]).collect();
            report(folder.path(), &arguments)
        })
    };
    registry.take_requests();
    let alone = scan(&[]).await.unwrap();
    let asked = registry.take_requests();
    assert!(
        !asked.iter().any(|request| request.contains("/referrers/") || request.contains("sha256-"))
    );
    assert_eq!(alone.packages.len(), 1);
    for arguments in
        [&["--sbom-sources", "referrers"][..], &["--sbom-sources", "referrers", "--sandbox", "off"]]
    {
        let with = scan(arguments).await.unwrap();
        let names: Vec<(&str, &str, &str)> = with
            .packages
            .iter()
            .map(|package| {
                (package.name.as_str(), package.version.as_str(), package.found_by.as_str())
            })
            .collect();
        assert_eq!(
            names,
            [("libssl3", "3.0.9-1", "dpkg"), ("ua-parser-js", "0.7.29", "sbom-referrer")]
        );
        // What the image shows is seen at both places.
        assert_eq!(with.packages[0].locations.len(), 2);
        assert!(with.packages[1].locations[0].path.starts_with("referrer sha256:"));
        let of_referrer = |report: &Report| {
            let purl = Subject::Purl("pkg:npm/ua-parser-js@0.7.29".to_owned());
            report.findings.iter().filter(|finding| finding.subject == purl).count()
        };
        assert!(of_referrer(&with) > 0);
        assert_eq!(with.findings.len(), alone.findings.len() + of_referrer(&with));
        let gaps: Vec<(GapReason, &str)> = with
            .coverage
            .gaps
            .iter()
            .filter(|gap| gap.by == "sbom-referrer")
            .map(|gap| (gap.reason, gap.detail.as_str()))
            .collect();
        assert_eq!(
            gaps,
            [
                (
                    GapReason::UnreadableFile,
                    "components without a version or a package URL that can be read are not looked at: 1, the first is `nameless`"
                ),
                (
                    GapReason::Unverified,
                    "an SBOM of 3 packages was believed, its signature was not verified"
                ),
            ]
        );
        assert!(with.coverage.ran.contains(&"sbom-referrer".to_owned()));
    }
}

#[test]
fn nothing_is_attached_to_a_file() {
    let folder = temporary();
    let layout = folder.path().join("layout");
    image().write_oci_layout(&layout, "latest").unwrap();
    let data = folder.path().to_str().unwrap();
    let output =
        plimsoll(["scan", "--data", data, "--sbom-sources", "referrers", layout.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("is no image of a registry"));
}
