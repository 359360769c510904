//! SBOMs beside an image: by the referrers API, by its tag at a registry without it, by cosign's tags, in BuildKit's index.

use plimsoll_image::BuiltImage;
use plimsoll_registry::{RemoteImage, Sort, Via, resolve};
use serde_json::{Value, json};

use crate::{
    content::{
        Content, OCI_INDEX, OCI_MANIFEST, amd64, client, client_with, image, options, sha256,
    },
    origin::{Origin, Reply, Request},
    process::{Registry, is_here},
};

const REPOSITORY: &str = "team/app";
const CYCLONEDX: &[u8] = br#"{"bomFormat": "CycloneDX", "specVersion": "1.6"}"#;
const SPDX: &[u8] = br#"{"spdxVersion": "SPDX-2.3"}"#;

fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": sha256(bytes).to_string(), "size": bytes.len()})
}

/// A manifest that holds one document, and its bytes.
fn artifact(artifact_type: Option<&str>, layers: &[Value]) -> Vec<u8> {
    let mut manifest = json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor("application/vnd.oci.empty.v1+json", b"{}"),
        "layers": layers,
    });
    if let Some(kind) = artifact_type {
        manifest["artifactType"] = json!(kind);
    }
    serde_json::to_vec(&manifest).unwrap()
}

fn index(entries: &[Value]) -> Vec<u8> {
    let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries});
    serde_json::to_vec(&index).unwrap()
}

fn with_annotation(mut descriptor: Value, key: &str, value: &str) -> Value {
    descriptor["annotations"] = json!({key: value});
    descriptor
}

async fn resolved(origin: &Origin, tag: &str) -> RemoteImage {
    resolve(&client(origin, None), REPOSITORY, tag, &amd64(), &Default::default()).await.unwrap()
}

fn content(image: &BuiltImage) -> Content {
    Content::default().image(REPOSITORY, "1", image)
}

#[tokio::test]
async fn the_api_s_pages_are_read_and_what_is_no_sbom_is_left_alone() {
    let image = image("referred", 100);
    let sbom_type = "application/vnd.cyclonedx+json";
    let sbom = artifact(Some(sbom_type), &[descriptor(sbom_type, CYCLONEDX)]);
    let statements = artifact(
        Some("application/vnd.in-toto+json"),
        &[
            with_annotation(
                descriptor("application/vnd.in-toto+json", SPDX),
                "in-toto.io/predicate-type",
                "https://spdx.dev/Document",
            ),
            with_annotation(
                descriptor("application/vnd.in-toto+json", b"{}"),
                "in-toto.io/predicate-type",
                "https://slsa.dev/provenance/v1",
            ),
        ],
    );
    let mut content = content(&image).blob(REPOSITORY, CYCLONEDX).blob(REPOSITORY, SPDX);
    for manifest in [&sbom, &statements] {
        content = content.manifest(REPOSITORY, "unused", OCI_MANIFEST, manifest);
    }
    let list = format!("/v2/{REPOSITORY}/referrers/{}", image.manifest_digest);
    let (first, second) = (
        index(&[
            json!({"mediaType": OCI_MANIFEST, "digest": sha256(&sbom).to_string(), "size": 1, "artifactType": sbom_type}),
            json!({"mediaType": OCI_MANIFEST, "digest": sha256(b"signature").to_string(), "size": 1, "artifactType": "application/vnd.dev.cosign.artifact.sig.v1+json"}),
        ]),
        index(&[
            json!({"mediaType": OCI_MANIFEST, "digest": sha256(&statements).to_string(), "size": 1, "artifactType": "application/vnd.in-toto+json"}),
        ]),
    );
    let origin = Origin::start(move |request: &Request| match request.target.as_str() {
        target if target == list => Reply::new(200)
            .header("Content-Type", OCI_INDEX)
            .header("Link", "<?page=2>; rel=\"next\"")
            .body(first.clone()),
        target if target == format!("{list}?page=2") => {
            Reply::new(200).header("Content-Type", OCI_INDEX).body(second.clone())
        }
        _ => content.reply(request),
    })
    .await;
    let remote = resolved(&origin, "1").await;
    let attached = remote.attached(Sort::Sboms).await;
    assert_eq!(attached.problems, [""; 0]);
    let mut documents = Vec::new();
    for sbom in &attached.documents {
        assert_eq!(sbom.via, Via::Referrers);
        documents.push(remote.fetch_attached(sbom).await.unwrap());
    }
    documents.sort();
    assert_eq!(documents, [CYCLONEDX.to_vec(), SPDX.to_vec()]);
    let signature = sha256(b"signature").to_string();
    assert!(origin.requests().iter().all(|request| !request.target.contains(&signature)));
}

#[tokio::test]
async fn vex_documents_are_told_from_sboms() {
    const VEX: &[u8] = br#"{"@context": "https://openvex.dev/ns"}"#;
    let image = image("judged", 100);
    let vex =
        artifact(Some("application/vnd.openvex+json"), &[descriptor("application/json", VEX)]);
    let statements = artifact(
        None,
        &[
            with_annotation(
                descriptor("application/vnd.dsse.envelope.v1+json", SPDX),
                "predicateType",
                "https://spdx.dev/Document",
            ),
            with_annotation(
                descriptor("application/vnd.dsse.envelope.v1+json", b"{}"),
                "predicateType",
                "https://openvex.dev/ns/v0.2.0",
            ),
        ],
    );
    let digest = image.manifest_digest;
    let list = index(&[
        json!({"mediaType": OCI_MANIFEST, "digest": sha256(&vex).to_string(), "size": 1, "artifactType": "application/vnd.openvex+json"}),
    ]);
    let content = content(&image)
        .blob(REPOSITORY, VEX)
        .blob(REPOSITORY, SPDX)
        .manifest(REPOSITORY, "unused", OCI_MANIFEST, &vex)
        .manifest(REPOSITORY, &format!("sha256-{}", digest.hex()), OCI_INDEX, &list)
        .manifest(REPOSITORY, &format!("sha256-{}.att", digest.hex()), OCI_MANIFEST, &statements);
    let origin = Origin::start(move |request: &Request| content.reply(request)).await;
    let remote = resolved(&origin, "1").await;
    let attached = remote.attached(Sort::Vex).await;
    assert_eq!(attached.problems, [""; 0]);
    let mut found: Vec<_> = attached
        .documents
        .iter()
        .map(|one| (one.via, one.blob.digest, one.is_said_to_be))
        .collect();
    found.sort();
    assert_eq!(found, [(Via::Referrers, sha256(VEX), true), (Via::CosignTag, sha256(b"{}"), true)]);
    let sboms = remote.attached(Sort::Sboms).await;
    let [sbom] = sboms.documents.as_slice() else { panic!("{sboms:?}") };
    assert_eq!(sbom.blob.digest, sha256(SPDX));
}

#[tokio::test]
async fn cosign_s_tags_and_buildkit_s_index_are_looked_into() {
    let image = image("attested", 100);
    let attestation = artifact(
        None,
        &[with_annotation(
            descriptor("application/vnd.dsse.envelope.v1+json", CYCLONEDX),
            "predicateType",
            "https://cyclonedx.org/bom",
        )],
    );
    let in_index = artifact(
        None,
        &[with_annotation(
            descriptor("application/vnd.in-toto+json", SPDX),
            "in-toto.io/predicate-type",
            "https://spdx.dev/Document",
        )],
    );
    let entry = |manifest: &[u8], about: &str, platform: Value| {
        let mut entry = descriptor(OCI_MANIFEST, manifest);
        entry["platform"] = platform;
        entry["annotations"] = json!({"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": about});
        entry
    };
    let mut own = descriptor(OCI_MANIFEST, &image.manifest);
    own["platform"] = json!({"os": "linux", "architecture": "amd64"});
    let unknown = json!({"os": "unknown", "architecture": "unknown"});
    let other = artifact(None, &[descriptor("application/spdx+json", b"of another platform")]);
    let list = index(&[
        own,
        entry(&in_index, &image.manifest_digest.to_string(), unknown.clone()),
        entry(&other, &sha256(b"other").to_string(), unknown),
    ]);
    let tag = format!("sha256-{}.att", sha256(&list).hex());
    let content = content(&image)
        .manifest(REPOSITORY, "2", OCI_INDEX, &list)
        .manifest(REPOSITORY, &tag, OCI_MANIFEST, &attestation)
        .manifest(REPOSITORY, "unused", OCI_MANIFEST, &in_index)
        .blob(REPOSITORY, CYCLONEDX)
        .blob(REPOSITORY, SPDX);
    let origin = Origin::start(move |request: &Request| content.reply(request)).await;
    let attached = resolved(&origin, "2").await.attached(Sort::Sboms).await;
    assert_eq!(attached.problems, [""; 0]);
    let mut found: Vec<(Via, String)> =
        attached.documents.iter().map(|sbom| (sbom.via, sbom.blob.digest.to_string())).collect();
    found.sort();
    assert_eq!(
        found,
        [(Via::CosignTag, sha256(CYCLONEDX).to_string()), (Via::Index, sha256(SPDX).to_string())]
    );
}

#[tokio::test]
async fn what_cannot_be_listed_or_fetched_is_said() {
    let image = image("refused", 100);
    let kind = "application/spdx+json";
    // The manifest says other bytes than the registry serves.
    let wrong = artifact(Some(kind), &[descriptor(kind, SPDX)]);
    let listed = index(&[json!({"digest": sha256(&wrong).to_string(), "artifactType": kind})]);
    let blob = format!("/v2/{REPOSITORY}/blobs/{}", sha256(SPDX));
    let api = format!("/v2/{REPOSITORY}/referrers/");
    for (answer, wanted) in [
        (Reply::new(500), "answered 500"),
        (Reply::json("[]"), "the list"),
        (Reply::json(&"x".repeat(5 << 20)), "4194304"),
        (Reply::json("{}").header("Link", "<?page=1>; rel=\"next\""), "circle"),
        (Reply::json("{}").header("Link", "<https://evil.net/>; rel=\"next\""), "another address"),
    ] {
        let (content, api) = (content(&image), api.clone());
        let origin = Origin::start(move |request: &Request| {
            if request.path().starts_with(&api) { answer.clone() } else { content.reply(request) }
        })
        .await;
        let attached = resolved(&origin, "1").await.attached(Sort::Sboms).await;
        assert_eq!((attached.documents.len(), attached.problems.len()), (0, 1), "{wanted}");
        assert!(attached.problems[0].contains(wanted), "{:?}", attached.problems);
    }
    let content = content(&image).manifest(REPOSITORY, "unused", OCI_MANIFEST, &wrong);
    let origin = Origin::start(move |request: &Request| match request.path() {
        path if path.starts_with(&api) => Reply::new(200).body(listed.clone()),
        path if path == blob => Reply::new(200).body("other bytes"),
        _ => content.reply(request),
    })
    .await;
    let remote = resolved(&origin, "1").await;
    let attached = remote.attached(Sort::Sboms).await;
    let error = remote.fetch_attached(&attached.documents[0]).await.unwrap_err();
    assert!(error.to_string().contains("digest"), "{error}");
}

#[tokio::test]
async fn very_many_referrers_are_not_all_fetched() {
    let image = image("many", 100);
    let kind = "application/spdx+json";
    let mut content = content(&image);
    let mut entries = Vec::new();
    for number in 0..100 {
        let document = format!("{{\"number\": {number}}}");
        let manifest = artifact(Some(kind), &[descriptor(kind, document.as_bytes())]);
        entries.push(json!({"digest": sha256(&manifest).to_string(), "artifactType": kind}));
        content = content.manifest(REPOSITORY, "unused", OCI_MANIFEST, &manifest);
    }
    let listed = index(&entries);
    let origin = Origin::start(move |request: &Request| {
        if request.path().contains("/referrers/") {
            Reply::new(200).body(listed.clone())
        } else {
            content.reply(request)
        }
    })
    .await;
    let attached = resolved(&origin, "1").await.attached(Sort::Sboms).await;
    assert_eq!(attached.documents.len(), 32);
    assert_eq!(attached.problems.len(), 1);
    assert!(attached.problems[0].contains("32 SBOMs"), "{:?}", attached.problems);
}

#[tokio::test]
async fn debian_s_registry_has_no_api_and_its_tag_is_read() {
    if !is_here("docker-registry") {
        return;
    }
    let data = tempfile::tempdir().unwrap();
    let registry = Registry::start(data.path(), "", "");
    let image = image("tagged", 100);
    registry.push(REPOSITORY, "1", &image);
    let kind = "application/vnd.cyclonedx+json";
    let sbom = artifact(Some(kind), &[descriptor(kind, CYCLONEDX)]);
    for blob in [b"{}".as_slice(), CYCLONEDX] {
        registry.blob(REPOSITORY, &sha256(blob).to_string(), blob);
    }
    registry.manifest(REPOSITORY, &sha256(&sbom).to_string(), OCI_MANIFEST, &sbom);
    let client = client_with(&registry.endpoint(), None, options());
    let remote = resolve(&client, REPOSITORY, "1", &amd64(), &Default::default()).await.unwrap();
    assert_eq!(remote.attached(Sort::Sboms).await, Default::default(), "nothing is attached yet");
    let mut entry = descriptor(OCI_MANIFEST, &sbom);
    entry["artifactType"] = json!(kind);
    let tag = format!("sha256-{}", image.manifest_digest.hex());
    registry.manifest(REPOSITORY, &tag, OCI_INDEX, &index(&[entry]));
    let attached = remote.attached(Sort::Sboms).await;
    assert_eq!(attached.problems, [""; 0]);
    assert_eq!(attached.documents.len(), 1);
    assert_eq!(remote.fetch_attached(&attached.documents[0]).await.unwrap(), CYCLONEDX);
}
