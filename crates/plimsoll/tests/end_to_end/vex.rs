//! VEX documents from the command line: named, and believed from beside an image.

use std::{fs, path::Path};

use plimsoll_image::{BuiltImage, ImageBuilder, Layer};
use plimsoll_model::{Finding, GapReason, Report, Status};
use plimsoll_server::LoopbackRegistry;
use serde_json::{Value, json};

use crate::support::{plimsoll, plimsoll_ok, temporary};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const OPENVEX: &str = "application/vnd.openvex+json";

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

fn vulnerabilities(report: &Report) -> Vec<&Finding> {
    report.findings.iter().filter(|finding| finding.status.is_some()).collect()
}

fn document(id: &str, product: &str, status: &str, time: &str) -> Value {
    json!({
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": format!("https://example.org/vex/{status}"),
        "author": "Example Security",
        "timestamp": time,
        "version": 1,
        "statements": [{
            "vulnerability": {"name": id},
            "products": [{"@id": product}],
            "status": status,
            "justification": "vulnerable_code_not_in_execute_path",
        }],
    })
}

#[test]
fn a_document_that_is_named_decides() {
    let folder = temporary();
    starter(folder.path());
    let layout = folder.path().join("layout");
    image().write_oci_layout(&layout, "latest").unwrap();
    let target = layout.to_str().unwrap();
    let before = report(folder.path(), &[target]);
    let [first, ..] = vulnerabilities(&before)[..] else { panic!("no vulnerability") };
    let write = |name: &str, document: &Value| {
        let path = folder.path().join(name);
        fs::write(&path, document.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let package = "pkg:deb/debian/libssl3@3.0.9-1";
    let early =
        write("a.json", &document(&first.id, package, "not_affected", "2024-01-01T00:00:00Z"));
    let late = write(
        "b.json",
        &document(&first.id, package, "under_investigation", "2024-02-01T00:00:00Z"),
    );
    let other = write(
        "c.json",
        &document(&first.id, "pkg:deb/debian/libssl1.1", "fixed", "2025-01-01T00:00:00Z"),
    );

    let after = report(folder.path(), &["--vex", &early, "--vex", &other, target]);
    assert_eq!(after.findings.len(), before.findings.len(), "nothing is lost");
    let suppressed: Vec<&Finding> =
        after.findings.iter().filter(|finding| finding.suppressed.is_some()).collect();
    let [finding] = suppressed[..] else { panic!("{suppressed:?}") };
    assert_eq!((&finding.id, finding.status), (&first.id, Some(Status::NotAffected)));
    assert_eq!(finding.priority, None);
    let reason = finding.suppressed.as_ref().unwrap();
    assert_eq!(reason.by, format!("vex/{early}"));
    assert_eq!(reason.advisory, "https://example.org/vex/not_affected");
    assert!(reason.reason.contains("vulnerable code not in execute path"), "{}", reason.reason);
    assert!(after.coverage.gaps.iter().all(|gap| gap.by != "vex"), "the user vouches for it");

    // The later word stands, in whatever order they are named.
    for order in [[&early, &late], [&late, &early]] {
        let after = report(folder.path(), &["--vex", order[0], "--vex", order[1], target]);
        assert!(after.findings.iter().all(|finding| finding.suppressed.is_none()));
        let finding = after.findings.iter().find(|finding| finding.id == first.id).unwrap();
        assert_eq!(finding.status, Some(Status::UnderInvestigation));
        assert_eq!(finding.priority, first.priority);
        assert_eq!(finding.views.iter().filter(|view| view.source.starts_with("vex/")).count(), 2);
    }

    let data = folder.path().to_str().unwrap();
    let told = plimsoll(["scan", "--data", data, "--vex", &early, "--vex", &other, target]);
    let told = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(told.contains("a.json`: 1 statements, about 1 vulnerability of this image"), "{told}");
    assert!(
        told.contains("c.json`: 1 statements, about 0 vulnerabilities of this image"),
        "{told}"
    );
}

#[test]
fn what_is_no_vex_document_is_refused() {
    let folder = temporary();
    let data = folder.path().to_str().unwrap();
    let layout = folder.path().join("layout");
    image().write_oci_layout(&layout, "latest").unwrap();
    let none = folder.path().join("none.json");
    fs::write(&none, "{}").unwrap();
    let missing = folder.path().join("missing.json");
    for (file, problem) in [(&none, "it is no OpenVEX"), (&missing, "No such file")] {
        let file = file.to_str().unwrap();
        let output = plimsoll(["scan", "--data", data, "--vex", file, layout.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            said.contains(&format!("VEX document `{file}`")) && said.contains(problem),
            "{said}"
        );
    }
}

#[test]
fn nothing_lies_beside_a_root_file_system() {
    let folder = temporary();
    let data = folder.path().to_str().unwrap();
    let root = folder.path().join("root");
    fs::create_dir_all(root.join("etc")).unwrap();
    let target = format!("dir:{}", root.to_str().unwrap());
    let output = plimsoll(["scan", "--data", data, "--vex-sources", "referrers", &target]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("nothing can lie beside"), "{said}");
}

#[test]
fn documents_beside_a_layout_or_an_archive_are_believed_when_asked_for() {
    let folder = temporary();
    starter(folder.path());
    let image = image();
    let layout = folder.path().join("layout");
    image.write_oci_layout(&layout, "latest").unwrap();
    let archive = folder.path().join("app.tar");
    image.write_docker_archive(&archive, "app:1").unwrap();
    let before = report(folder.path(), &[layout.to_str().unwrap()]);
    let id = vulnerabilities(&before)[0].id.clone();
    let product = format!("pkg:oci/app@{}", image.manifest_digest.to_string().replace(':', "%3A"));
    let text = document(&id, &product, "not_affected", "2024-01-01T00:00:00Z").to_string();

    // As a referrer of the layout: a manifest whose subject is the image.
    let blob = |bytes: &[u8]| {
        let digest = plimsoll_image::digest_bytes(bytes);
        fs::write(layout.join("blobs/sha256").join(digest.hex()), bytes).unwrap();
        json!({"mediaType": OPENVEX, "digest": digest.to_string(), "size": bytes.len()})
    };
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": OPENVEX,
        "config": blob(b"{}"),
        "layers": [blob(text.as_bytes())],
        "subject": {"mediaType": MANIFEST, "digest": image.manifest_digest.to_string(), "size": 1},
    });
    let mut entry = blob(manifest.to_string().as_bytes());
    entry["mediaType"] = json!(MANIFEST);
    entry["artifactType"] = json!(OPENVEX);
    let path = layout.join("index.json");
    let mut index: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    index["manifests"].as_array_mut().unwrap().push(entry);
    fs::write(&path, index.to_string()).unwrap();
    // Beside the archive, whose manifest has another digest: by the package.
    let by_package =
        document(&id, "pkg:deb/debian/libssl3", "not_affected", "2024-01-01T00:00:00Z");
    fs::write(folder.path().join("app.vex.json"), by_package.to_string()).unwrap();
    fs::write(folder.path().join("other.vex.json"), "{}").unwrap();

    let reference = format!("{}:latest", layout.to_str().unwrap());
    for target in [reference.as_str(), archive.to_str().unwrap()] {
        let alone = report(folder.path(), &[target]);
        assert!(alone.findings.iter().all(|finding| finding.suppressed.is_none()), "{target}");
        let with = report(folder.path(), &["--vex-sources", "referrers", target]);
        let suppressed: Vec<&str> = with
            .findings
            .iter()
            .filter(|finding| finding.suppressed.is_some())
            .map(|finding| finding.id.as_str())
            .collect();
        assert_eq!(suppressed, [id.as_str()], "{target}");
        let gaps: Vec<GapReason> =
            with.coverage.gaps.iter().filter(|gap| gap.by == "vex").map(|gap| gap.reason).collect();
        assert_eq!(gaps, [GapReason::Unverified], "{target}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_in_the_registry_are_believed_when_asked_for() {
    let registry = LoopbackRegistry::new();
    let image = image();
    registry.put("team/app", "1", &image);
    let empty = registry.put_blob(b"{}");
    let put = |id: &str| {
        let product = "pkg:deb/debian/libssl3";
        let text = document(id, product, "not_affected", "2024-01-01T00:00:00Z").to_string();
        let digest = registry.put_blob(text.as_bytes());
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": OPENVEX,
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": empty.to_string(), "size": 2},
            "layers": [{"mediaType": OPENVEX, "digest": digest.to_string(), "size": text.len()}],
        });
        let bytes = serde_json::to_vec(&manifest).unwrap();
        let digest = registry.put_manifest("team/app", None, MANIFEST, &bytes);
        let index = json!({
            "schemaVersion": 2,
            "mediaType": INDEX,
            "manifests": [{"mediaType": MANIFEST, "digest": digest.to_string(), "size": bytes.len(), "artifactType": OPENVEX}],
        });
        let tag = format!("sha256-{}", image.manifest_digest.hex());
        registry.put_manifest("team/app", Some(&tag), INDEX, &serde_json::to_vec(&index).unwrap());
    };
    let handle = registry.serve().await.unwrap();
    let target = format!("{}/team/app:1", handle.url().trim_start_matches("http://"));
    let folder = temporary();
    starter(folder.path());
    let data = folder.path().to_path_buf();
    let scan = move |arguments: &'static [&'static str]| {
        let (target, data) = (target.clone(), data.clone());
        tokio::task::spawn_blocking(move || {
            let arguments: Vec<&str> = arguments.iter().copied().chain([target.as_str()]).collect();
            report(&data, &arguments)
        })
    };
    let before = scan(&[]).await.unwrap();
    let id = vulnerabilities(&before)[0].id.clone();
    put(&id);
    registry.take_requests();
    let alone = scan(&["--no-cache"]).await.unwrap();
    assert_eq!(alone.findings, before.findings);
    assert!(!registry.take_requests().iter().any(|request| request.contains("/referrers/")));
    let with = scan(&["--vex-sources", "referrers"]).await.unwrap();
    let suppressed: Vec<&Finding> =
        with.findings.iter().filter(|finding| finding.suppressed.is_some()).collect();
    let [finding] = suppressed[..] else { panic!("{suppressed:?}") };
    assert_eq!(finding.id, id);
    assert!(finding.suppressed.as_ref().unwrap().by.starts_with("vex/referrer sha256:"));
    let gap = with.coverage.gaps.iter().find(|gap| gap.by == "vex").unwrap();
    assert_eq!(gap.reason, GapReason::Unverified);
    assert!(gap.detail.contains("1 statements by Example Security"), "{}", gap.detail);
}
