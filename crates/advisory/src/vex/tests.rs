//! VEX documents by example, in each format.

use std::collections::BTreeMap;

use plimsoll_model::{Digest, Ecosystem, ImageIdentity, Kind, Level, SourcePackage, Subject};
use serde_json::json;

use super::*;

const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

fn package(ecosystem: &str, name: &str, version: &str, purl: &str) -> Package {
    let (ecosystem, release) = Ecosystem::split(ecosystem);
    Package {
        ecosystem,
        release,
        name: name.to_owned(),
        version: version.to_owned(),
        source: None,
        purl: purl.to_owned(),
        locations: Vec::new(),
        found_by: String::new(),
        extra: BTreeMap::new(),
    }
}

fn finding(id: &str, aliases: &[&str], package: &Package) -> Finding {
    Finding {
        kind: Kind::Vulnerability,
        id: id.to_owned(),
        record: id.to_owned(),
        aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
        advisories: Vec::new(),
        level: Level::High,
        status: Some(Status::Affected),
        suppressed: None,
        priority: None,
        score: None,
        urgency: None,
        subject: Subject::Purl(package.purl.clone()),
        title: String::new(),
        evidence: Vec::new(),
        fix: None,
        views: Vec::new(),
        why: Vec::new(),
        extra: BTreeMap::new(),
    }
}

fn image() -> Image {
    let identity = ImageIdentity {
        name: "registry.example.org/team/app:1.4".to_owned(),
        source: "registry".to_owned(),
        digest: DIGEST.parse::<Digest>().ok(),
        id: None,
        platform: None,
        size: 0,
        layers: Vec::new(),
        distribution: None,
    };
    Image::of(&identity, &[])
}

/// The statuses of all statements about a finding, the latest first.
fn statuses(
    document: &Document,
    finding: &Finding,
    package: &Package,
    attached: bool,
) -> Vec<Status> {
    let (image, packages) = (image(), [package.clone(), package_of_app()]);
    let about = About { image: &image, package, packages: &packages, is_attached: attached };
    document.views("vex/x", finding, &about).filter_map(|(_, view)| view.status).collect()
}

fn package_of_app() -> Package {
    package("Maven", "org.example:app", "2.0", "pkg:maven/org.example/app@2.0")
}

fn read(value: &serde_json::Value) -> Document {
    Document::read(value.to_string().as_bytes()).unwrap()
}

fn openvex(product: serde_json::Value) -> serde_json::Value {
    json!({
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": "https://example.org/vex/1",
        "author": "Example Security",
        "timestamp": "2024-03-01T10:00:00Z",
        "version": 1,
        "statements": [{
            "vulnerability": {"name": "CVE-2024-1", "aliases": ["GHSA-aaaa-bbbb-cccc"]},
            "products": [product],
            "status": "not_affected",
            "justification": "vulnerable_code_not_present",
            "impact_statement": "The module is not built.",
        }],
    })
}

#[test]
fn products_are_packages_and_images() {
    let ssl = Package {
        source: Some(SourcePackage {
            name: "openssl".to_owned(),
            version: "3.0.11-1~deb12u2".to_owned(),
        }),
        ..package(
            "Debian:12",
            "libssl3",
            "3.0.11-1~deb12u2",
            "pkg:deb/debian/libssl3@3.0.11-1~deb12u2?arch=amd64&distro=debian-12&upstream=openssl",
        )
    };
    let about = finding("CVE-2024-1", &[], &ssl);
    for (product, wanted) in [
        (json!("pkg:deb/debian/libssl3"), true),
        (json!({"@id": "pkg:deb/debian/libssl3@3.0.11-1~deb12u2"}), true),
        (json!({"@id": "pkg:deb/debian/libssl3@3.0.11-1~deb12u2?arch=amd64"}), true),
        (json!({"@id": "pkg:deb/debian/libssl3?distro=debian-12.5"}), true),
        (json!({"@id": "pkg:deb/debian/openssl?arch=source"}), true),
        (json!({"@id": "x", "identifiers": {"purl": "pkg:deb/debian/libssl3"}}), true),
        (json!({"@id": "pkg:deb/debian/libssl3@3.0.11-1~deb12u2?arch=arm64"}), false),
        (json!({"@id": "pkg:deb/debian/libssl3@3.0.13-1"}), false),
        (json!({"@id": "pkg:deb/ubuntu/libssl3"}), false),
        (json!({"@id": "pkg:deb/debian/libssl1.1"}), false),
        (json!({"@id": format!("pkg:oci/app@{}", DIGEST.replace(':', "%3A"))}), true),
        (json!({"@id": "pkg:oci/app@sha256%3Abbbb"}), false),
        (json!({"@id": "pkg:oci/app?repository_url=registry.example.org/team"}), true),
        (json!({"@id": "pkg:oci/app?repository_url=registry.example.org/team/app&tag=1.4"}), true),
        (json!({"@id": "pkg:oci/app?repository_url=registry.example.org/team/app&tag=1.5"}), false),
        (json!({"@id": "pkg:oci/app?repository_url=elsewhere.example.org/team"}), false),
        (json!({"hashes": {"sha-256": DIGEST.trim_start_matches("sha256:")}}), true),
        (json!({"@id": "pkg:oci/app", "subcomponents": [{"@id": "pkg:deb/debian/libssl3"}]}), true),
        (json!({"@id": "pkg:oci/app", "subcomponents": [{"@id": "pkg:deb/debian/zlib1g"}]}), false),
        (
            json!({"@id": "pkg:maven/org.example/app@2.0", "subcomponents": ["pkg:deb/debian/libssl3"]}),
            true,
        ),
        (
            json!({"@id": "pkg:maven/org.example/app@3.0", "subcomponents": ["pkg:deb/debian/libssl3"]}),
            false,
        ),
        (json!({"@id": "https://example.org/products/app"}), false),
    ] {
        let document = read(&openvex(product.clone()));
        let found = statuses(&document, &about, &ssl, false);
        assert_eq!(found == [Status::NotAffected], wanted, "{product}");
    }
}

#[test]
fn vulnerabilities_match_by_any_of_their_names() {
    let own = package("npm", "left-pad", "1.0.0", "pkg:npm/left-pad@1.0.0");
    let document = read(&openvex(json!("pkg:npm/left-pad")));
    for (id, aliases, wanted) in [
        ("CVE-2024-1", &[][..], true),
        ("GHSA-aaaa-bbbb-cccc", &[], true),
        ("PYSEC-1", &["cve-2024-1"], true),
        ("CVE-2024-2", &["GHSA-x"], false),
    ] {
        let found = statuses(&document, &finding(id, aliases, &own), &own, false);
        assert_eq!(!found.is_empty(), wanted, "{id}");
    }
}

#[test]
fn the_latest_statement_comes_first() {
    let own = package("npm", "left-pad", "1.0.0", "pkg:npm/left-pad@1.0.0");
    let statement = |status: &str, time: &str| json!({"vulnerability": "CVE-2024-1", "products": ["pkg:npm/left-pad"], "status": status, "timestamp": time});
    let document = read(&json!({
        "@context": ["https://openvex.dev/ns"],
        "@id": "x",
        "timestamp": "2024-01-05T00:00:00Z",
        "statements": [
            statement("under_investigation", "2024-01-01T00:00:00Z"),
            statement("not_affected", "2024-01-03T00:00:00Z"),
            statement("affected", "2024-01-02T00:00:00Z"),
            {"vulnerability": "CVE-2024-1", "products": ["pkg:npm/left-pad"], "status": "fixed"},
        ],
    }));
    use Status::{Affected, Fixed, NotAffected, UnderInvestigation};
    let found = statuses(&document, &finding("CVE-2024-1", &[], &own), &own, false);
    assert_eq!(found, [Fixed, NotAffected, Affected, UnderInvestigation]);
}

#[test]
fn what_is_signed_is_unwrapped() {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let own = package("npm", "left-pad", "1.0.0", "pkg:npm/left-pad@1.0.0");
    let mut bare = openvex(json!(null));
    bare["statements"][0].as_object_mut().unwrap().remove("products");
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "predicateType": "https://openvex.dev/ns/v0.2.0",
        "subject": [{"name": "app", "digest": {"sha256": DIGEST.trim_start_matches("sha256:")}}],
        "predicate": bare,
    });
    let envelope = json!({"payloadType": "application/vnd.in-toto+json", "payload": STANDARD.encode(statement.to_string()), "signatures": []});
    let bundle = json!({"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "dsseEnvelope": envelope});
    let about = finding("CVE-2024-1", &[], &own);
    for wrapped in [&statement, &envelope, &bundle] {
        // What the statement is about stands in for the products that the document leaves out.
        assert_eq!(statuses(&read(wrapped), &about, &own, false), [Status::NotAffected]);
    }
    let other = statement.to_string().replace(&"a".repeat(64), &"b".repeat(64));
    let other = Document::read(other.as_bytes()).unwrap();
    assert_eq!(statuses(&other, &about, &own, false), []);
    assert_eq!(
        statuses(&other, &about, &own, true),
        [Status::NotAffected],
        "attached to this image"
    );
}

#[test]
fn cyclonedx_speaks_by_references() {
    let own = package("Maven", "org.example:core", "2.4.0", "pkg:maven/org.example/core@2.4.0");
    let about = finding("CVE-2024-1", &["GHSA-aaaa-bbbb-cccc"], &own);
    let document = |reference: &str, state: &str, versions: serde_json::Value| {
        read(&json!({
            "bomFormat": "CycloneDX",
            "specVersion": "1.5",
            "serialNumber": "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79",
            "version": 2,
            "metadata": {
                "timestamp": "2024-03-01T10:00:00Z",
                "component": {"type": "container", "name": "app", "bom-ref": "root"},
                "authors": [{"name": "Example Security"}],
            },
            "components": [{"type": "library", "name": "core", "bom-ref": "ref-1", "purl": "pkg:maven/org.example/core@2.4.0"}],
            "vulnerabilities": [{
                "id": "CVE-2024-1",
                "analysis": {"state": state, "justification": "code_not_reachable", "detail": "not called"},
                "affects": [{"ref": reference, "versions": versions}],
            }],
        }))
    };
    for (reference, attached, wanted) in [
        ("ref-1", false, true),
        ("pkg:maven/org.example/core@2.4.0", false, true),
        (
            "urn:cdx:f08a6ccd-4dce-4759-bd84-c626675d60a7/1#pkg:maven/org.example/core@2.4.0",
            false,
            true,
        ),
        (
            "urn:cdx:f08a6ccd-4dce-4759-bd84-c626675d60a7/1#pkg%3Amaven%2Forg.example%2Fcore%402.4.0",
            false,
            true,
        ),
        (
            "urn:cdx:f08a6ccd-4dce-4759-bd84-c626675d60a7/1#pkg:maven/org.example/core@2.5.0",
            false,
            false,
        ),
        ("root", false, false),
        ("root", true, true),
    ] {
        let read = document(reference, "not_affected", json!([]));
        assert_eq!(read.id, "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79/2");
        assert_eq!(read.author, "Example Security");
        assert_eq!(!statuses(&read, &about, &own, attached).is_empty(), wanted, "{reference}");
    }
    for (state, status) in [
        ("resolved", Status::Fixed),
        ("resolved_with_pedigree", Status::Fixed),
        ("exploitable", Status::Affected),
        ("in_triage", Status::UnderInvestigation),
        ("false_positive", Status::NotAffected),
    ] {
        let read = document("ref-1", state, json!([]));
        assert_eq!(statuses(&read, &about, &own, false), [status], "{state}");
    }
    for (versions, wanted) in [
        (json!([{"version": "2.4.0", "status": "unaffected"}]), true),
        (json!([{"version": "2.5.0", "status": "unaffected"}]), false),
        (json!([{"range": "vers:maven/>=2.0.0|<3.0.0", "status": "unaffected"}]), true),
        (json!([{"range": "vers:maven/>=2.0.0|<3.0.0", "status": "affected"}]), false),
    ] {
        let read = document("ref-1", "not_affected", versions.clone());
        assert_eq!(!statuses(&read, &about, &own, false).is_empty(), wanted, "{versions}");
    }
}

#[test]
fn csaf_speaks_by_its_product_tree() {
    let ssl = Package {
        source: Some(SourcePackage {
            name: "openssl".to_owned(),
            version: "3.0.7-16.el9".to_owned(),
        }),
        ..package(
            "Red Hat:enterprise_linux:9",
            "openssl-libs",
            "1:3.0.7-16.el9",
            "pkg:rpm/redhat/openssl-libs@3.0.7-16.el9?arch=x86_64&epoch=1",
        )
    };
    let about = finding("CVE-2024-1", &[], &ssl);
    let document = |helper: serde_json::Value, part: &str| {
        read(&json!({
            "document": {
                "category": "csaf_vex",
                "csaf_version": "2.0",
                "publisher": {"category": "vendor", "name": "Example", "namespace": "https://example.org"},
                "title": "x",
                "tracking": {"id": "EX-2024-1", "current_release_date": "2024-03-01T10:00:00Z"},
            },
            "product_tree": {
                "full_product_names": [
                    {"product_id": "whole", "name": "whole", "product_identification_helper": helper},
                    {"product_id": "part", "name": "part", "product_identification_helper": {"purl": part}},
                ],
                "relationships": [{
                    "category": "default_component_of",
                    "full_product_name": {"product_id": "whole:part", "name": "part of whole"},
                    "product_reference": "part",
                    "relates_to_product_reference": "whole",
                }],
            },
            "vulnerabilities": [{
                "cve": "CVE-2024-1",
                "product_status": {"known_not_affected": ["whole:part"]},
                "flags": [{"label": "vulnerable_code_not_in_execute_path", "product_ids": ["whole:part"]}],
                "threats": [{"category": "impact", "details": "Never called.", "product_ids": ["whole:part"]}],
            }],
        }))
    };
    let libs = "pkg:rpm/redhat/openssl-libs@3.0.7-16.el9?epoch=1";
    for (helper, part, wanted) in [
        (json!({"cpe": "cpe:/o:redhat:enterprise_linux:9::baseos"}), libs, true),
        (
            json!({"cpe": "cpe:/o:redhat:enterprise_linux:9::baseos"}),
            "pkg:rpm/redhat/openssl?arch=src",
            true,
        ),
        (json!({"cpe": "cpe:/o:redhat:enterprise_linux:8::baseos"}), libs, false),
        (json!({"purl": "pkg:oci/app?repository_url=registry.example.org/team"}), libs, true),
        (json!({"purl": "pkg:oci/other?repository_url=registry.example.org/team"}), libs, false),
        (json!({"purl": "pkg:maven/org.example/app@2.0"}), libs, true),
        (
            json!({"purl": "pkg:maven/org.example/app@2.0"}),
            "pkg:rpm/redhat/openssl-libs@3.0.8",
            false,
        ),
    ] {
        let found = statuses(&document(helper.clone(), part), &about, &ssl, false);
        assert_eq!(found == [Status::NotAffected], wanted, "{helper} {part}");
    }
    let document = document(json!({"purl": "pkg:maven/org.example/app"}), libs);
    let [statement] = document.statements.as_slice() else { panic!("{document:?}") };
    assert_eq!(statement.justification.as_deref(), Some("vulnerable_code_not_in_execute_path"));
    assert_eq!(statement.text.as_deref(), Some("Never called."));
}

#[test]
fn what_says_nothing_is_refused() {
    for (text, problem) in [
        ("", "it is no OpenVEX, CycloneDX or CSAF document"),
        ("{}", "it is no OpenVEX, CycloneDX or CSAF document"),
        (
            "{\"bomFormat\": \"CycloneDX\", \"vulnerabilities\": [{\"id\": \"CVE-1\"}]}",
            "this CycloneDX document says nothing of any vulnerability",
        ),
        (
            "{\"@context\": \"https://openvex.dev/ns\", \"statements\": []}",
            "this OpenVEX document says nothing of any vulnerability",
        ),
        (
            "{\"@context\": \"https://openvex.dev/ns\", \"statements\": [{\"vulnerability\": \"CVE-1\", \"products\": [], \"status\": \"soon\"}]}",
            "it is no valid OpenVEX document: a statement has the status `soon`",
        ),
        ("{\"payload\": \"?\"}", "it is no valid DSSE document: Invalid symbol 63, offset 0."),
    ] {
        assert_eq!(Document::read(text.as_bytes()).unwrap_err().to_string(), problem, "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn nothing_breaks_it(text in "\\PC{0,200}") {
        let _read = Document::read(text.as_bytes());
        let wrapped = json!({"@context": "openvex", "statements": [{"vulnerability": text, "products": [text], "status": "fixed"}]});
        let document = read(&wrapped);
        proptest::prop_assert_eq!(document.statements.len(), 1);
    }
}
