//! Manifests and indexes: which blobs an image consists of.
//!
//! In: the JSON that a registry or layout holds, and the type that it was served as. Out: [`ManifestDocument`]. Source: OCI
//! image-spec 1.1, `manifest.md` and `image-index.md`; Docker distribution "Image Manifest Version 2, Schema 2". Odd: a
//! document that is both, or that is served as one and says that it is the other, is refused (CVE-2021-41190).

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_model::{Digest, Platform};

use crate::{
    budget::Budget,
    document::DocumentError,
    json::{self, Fields},
};

/// Media type of OCI's image manifest.
pub(crate) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Media type of OCI's image index.
pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const WHAT: &str = "manifest";

/// What a registry or layout has under a name or digest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ManifestDocument {
    /// One image for one platform.
    Image(Manifest),
    /// A list of manifests.
    Index(Index),
}

/// A blob's name, type and size.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Descriptor {
    /// Media type as stated.
    pub media_type: String,
    /// Digest of the blob.
    pub digest: Digest,
    /// Size of the blob in bytes.
    pub size: u64,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// Other addresses of the blob (foreign layers). They are never fetched.
    pub urls: Vec<String>,
}

/// One image for one platform.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Manifest {
    /// Media type as stated by the document or its transport.
    pub media_type: String,
    /// The configuration.
    pub config: Descriptor,
    /// The layers, bottom first.
    pub layers: Vec<Descriptor>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// Type of an artifact that is not an image (signature, SBOM, chart).
    pub artifact_type: Option<String>,
    /// The manifest that this one is about.
    pub subject: Option<Digest>,
}

/// A list of manifests, mostly one per platform.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Index {
    /// Media type as stated by the document or its transport.
    pub media_type: String,
    /// What it lists, in order.
    pub manifests: Vec<IndexEntry>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
}

/// One line of an index.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IndexEntry {
    /// The manifest.
    pub descriptor: Descriptor,
    /// What it runs on; `None` when not stated.
    pub platform: Option<Platform>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
}

impl Manifest {
    /// Whether this is an image that a runtime can run, by the type of its configuration; signatures, SBOMs and charts
    /// use the same manifests.
    #[must_use]
    pub fn is_image(&self) -> bool {
        self.artifact_type.is_none()
            && matches!(
                self.config.media_type.as_str(),
                "application/vnd.oci.image.config.v1+json"
                    | "application/vnd.docker.container.image.v1+json"
                    | "application/octet-stream"
                    | ""
            )
            && !self.layers.iter().any(|layer| layer.media_type.contains("in-toto"))
    }
}

impl IndexEntry {
    /// Whether this lists another index.
    #[must_use]
    pub fn is_index(&self) -> bool {
        matches!(self.descriptor.media_type.as_str(), OCI_INDEX | DOCKER_LIST)
    }

    /// Whether this is about another image (an attestation of its build) instead of being one.
    #[must_use]
    pub fn is_attestation(&self) -> bool {
        self.annotations.contains_key("vnd.docker.reference.type")
            || self.platform.as_ref().is_some_and(|platform| {
                platform.os == "unknown" && platform.architecture == "unknown"
            })
    }
}

/// Reads a manifest or index. `content_type` is what the transport or the referring descriptor calls it.
///
/// # Errors
/// [`DocumentError`] when it is not JSON, ambiguous, of a type that is no image, or has fields of a wrong type.
pub fn parse_manifest(
    bytes: &[u8],
    content_type: Option<&str>,
) -> Result<ManifestDocument, DocumentError> {
    let value = json::parse(WHAT, bytes)?;
    let document = Fields::of_document(WHAT, &value)?;
    let served = content_type
        .map(|text| text.split(';').next().unwrap_or(text).trim())
        .filter(|text| kind_of(text).is_some());
    let stated = document.text("mediaType")?.filter(|text| !text.is_empty());
    if let (Some(served), Some(stated)) = (served, stated)
        && !served.eq_ignore_ascii_case(stated)
    {
        return Err(DocumentError::AmbiguousType(format!(
            "it was served as `{served}` and calls itself `{stated}`"
        )));
    }
    refuse_old_schema(&document, stated.or(served))?;
    let has = |name| document.get(name).is_some();
    let is_index = match (has("manifests"), has("layers") || has("config")) {
        (true, true) => {
            return Err(DocumentError::AmbiguousType(
                "it has both `manifests` and `layers` or `config`".into(),
            ));
        }
        (true, false) => true,
        (false, true) => false,
        (false, false) => stated.or(served).and_then(kind_of) == Some(TypeKind::Index),
    };
    let media_type = match stated.or(served) {
        Some(media_type) => media_type,
        None if is_index => OCI_INDEX,
        None => OCI_MANIFEST,
    };
    match kind_of(media_type) {
        Some(TypeKind::Index) if !is_index => Err(DocumentError::AmbiguousType(format!(
            "it is called `{media_type}` and has `layers`"
        ))),
        Some(TypeKind::Image) if is_index => Err(DocumentError::AmbiguousType(format!(
            "it is called `{media_type}` and has `manifests`"
        ))),
        Some(TypeKind::Index) => index(&document, media_type).map(ManifestDocument::Index),
        Some(TypeKind::Image) => image(&document, media_type).map(ManifestDocument::Image),
        None => Err(DocumentError::UnsupportedType {
            media_type: media_type.to_owned(),
            remedy: "expected an OCI or Docker (schema 2) manifest or index",
        }),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum TypeKind {
    Image,
    Index,
}

fn kind_of(media_type: &str) -> Option<TypeKind> {
    match media_type.to_ascii_lowercase().as_str() {
        OCI_MANIFEST | DOCKER_MANIFEST => Some(TypeKind::Image),
        OCI_INDEX | DOCKER_LIST => Some(TypeKind::Index),
        _ => None,
    }
}

fn refuse_old_schema(document: &Fields<'_>, media_type: Option<&str>) -> Result<(), DocumentError> {
    let is_old = media_type.is_some_and(|text| text.contains("manifest.v1"))
        && media_type.is_some_and(|text| text.contains("docker"));
    if is_old || document.number("schemaVersion")? == Some(1) {
        return Err(DocumentError::UnsupportedType {
            media_type: "application/vnd.docker.distribution.manifest.v1+json".into(),
            remedy: "schema 1 was replaced in 2016; push the image again with a current client",
        });
    }
    Ok(())
}

fn image(document: &Fields<'_>, media_type: &str) -> Result<Manifest, DocumentError> {
    let config = document
        .structure("config")?
        .ok_or_else(|| document.problem("config", "is missing"))
        .and_then(|fields| descriptor(&fields))?;
    let limit = Budget::default().max_layers;
    let count = document.list("layers")?.len();
    if count > limit {
        return Err(DocumentError::TooMany { what: WHAT, items: "layers", count, limit });
    }
    let layers = document.structures("layers")?;
    let subject = document.structure("subject")?;
    Ok(Manifest {
        media_type: media_type.to_owned(),
        config,
        layers: layers.iter().map(descriptor).collect::<Result<_, _>>()?,
        annotations: document.text_map("annotations")?,
        artifact_type: document.owned_text("artifactType")?.filter(|text| !text.is_empty()),
        subject: subject.map(|fields| fields.digest("digest")).transpose()?,
    })
}

fn index(document: &Fields<'_>, media_type: &str) -> Result<Index, DocumentError> {
    let limit = Budget::default().max_manifests;
    let count = document.list("manifests")?.len();
    if count > limit {
        return Err(DocumentError::TooMany { what: "index", items: "manifests", count, limit });
    }
    let mut manifests = Vec::with_capacity(count);
    for fields in document.structures("manifests")? {
        let descriptor = descriptor(&fields)?;
        let annotations = descriptor.annotations.clone();
        let platform = match fields.structure("platform")? {
            Some(platform) => Some(Platform {
                os: platform.owned_text("os")?.unwrap_or_default(),
                architecture: platform.owned_text("architecture")?.unwrap_or_default(),
                variant: platform.owned_text("variant")?.filter(|text| !text.is_empty()),
            })
            .filter(|platform| !platform.os.is_empty() && !platform.architecture.is_empty()),
            None => None,
        };
        manifests.push(IndexEntry { descriptor, platform, annotations });
    }
    Ok(Index {
        media_type: media_type.to_owned(),
        manifests,
        annotations: document.text_map("annotations")?,
    })
}

fn descriptor(fields: &Fields<'_>) -> Result<Descriptor, DocumentError> {
    Ok(Descriptor {
        media_type: fields.owned_text("mediaType")?.unwrap_or_default(),
        digest: fields.digest("digest")?,
        size: fields.number("size")?.ok_or_else(|| fields.problem("size", "is missing"))?,
        annotations: fields.text_map("annotations")?,
        urls: fields.texts("urls")?.unwrap_or_default(),
    })
}

/// The entry of an index for a platform: the first that satisfies it; else the only one that states no platform, which
/// may itself be an index. Attestations are passed over.
///
/// # Errors
/// [`DocumentError::NoSuchPlatform`], which lists what there is.
pub fn choose_platform<'a>(
    index: &'a Index,
    wanted: &Platform,
) -> Result<&'a IndexEntry, DocumentError> {
    let candidates: Vec<&IndexEntry> =
        index.manifests.iter().filter(|entry| !entry.is_attestation()).collect();
    let fits = |entry: &&&IndexEntry| {
        entry.platform.as_ref().is_some_and(|platform| platform.satisfies(wanted))
    };
    if let Some(entry) = candidates.iter().find(fits) {
        return Ok(entry);
    }
    let unstated: Vec<&&IndexEntry> =
        candidates.iter().filter(|entry| entry.platform.is_none()).collect();
    if let [entry] = unstated.as_slice() {
        return Ok(entry);
    }
    let available: BTreeSet<String> = candidates
        .iter()
        .map(|entry| match &entry.platform {
            Some(platform) => platform.to_string(),
            None => entry.descriptor.digest.to_string(),
        })
        .collect();
    let available: Vec<String> = available.into_iter().collect();
    let available = if available.is_empty() { "nothing".to_owned() } else { available.join(", ") };
    Err(DocumentError::NoSuchPlatform { wanted: wanted.to_string(), available })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(fill: &str) -> String {
        format!("sha256:{}", fill.repeat(32))
    }

    fn described(media_type: &str, fill: &str, more: &str) -> String {
        format!(r#"{{"mediaType":"{media_type}","digest":"{}","size":7{more}}}"#, digest(fill))
    }

    fn image_text(media_type: &str) -> String {
        let config = described("application/vnd.oci.image.config.v1+json", "aa", "");
        let layer = described("application/vnd.oci.image.layer.v1.tar+gzip", "bb", "");
        format!(
            r#"{{"schemaVersion":2{media_type},"config":{config},"layers":[{layer}],"annotations":{{"A":"1","a":"2"}}}}"#
        )
    }

    #[test]
    fn manifests_are_told_from_indexes() {
        let text = image_text("");
        for served in [None, Some(OCI_MANIFEST), Some("text/plain; charset=utf-8")] {
            let ManifestDocument::Image(manifest) =
                parse_manifest(text.as_bytes(), served).unwrap()
            else {
                panic!("not an image")
            };
            assert_eq!(manifest.layers[0].digest.to_string(), digest("bb"));
            assert_eq!(manifest.annotations.len(), 2);
            assert!(manifest.is_image());
        }
        assert!(matches!(
            parse_manifest(text.as_bytes(), Some(OCI_INDEX)),
            Err(DocumentError::AmbiguousType(_))
        ));
        let stated = image_text(&format!(r#","mediaType":"{OCI_MANIFEST}""#));
        assert!(matches!(
            parse_manifest(stated.as_bytes(), Some(DOCKER_MANIFEST)),
            Err(DocumentError::AmbiguousType(_))
        ));
        let both = format!(r#"{},"manifests":[]}}"#, text.strip_suffix('}').unwrap());
        assert!(matches!(
            parse_manifest(both.as_bytes(), None),
            Err(DocumentError::AmbiguousType(_))
        ));
        assert!(matches!(
            parse_manifest(br#"{"schemaVersion":1,"fsLayers":[]}"#, None),
            Err(DocumentError::UnsupportedType { .. })
        ));
        let other = parse_manifest(br#"{"mediaType":"text/html"}"#, None);
        assert!(matches!(other, Err(DocumentError::UnsupportedType { .. })));
    }

    #[test]
    fn the_platform_is_chosen_and_attestations_are_passed_over() {
        let entry = |fill: &str, platform: &str, more: &str| {
            let platform = match platform.split_once('/') {
                Some((os, architecture)) => {
                    format!(r#","platform":{{"os":"{os}","architecture":"{architecture}"}}{more}"#)
                }
                None => more.to_owned(),
            };
            described(OCI_MANIFEST, fill, &platform)
        };
        let index_of = |entries: &[String]| {
            let text = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, entries.join(","));
            match parse_manifest(text.as_bytes(), None).unwrap() {
                ManifestDocument::Index(index) => index,
                ManifestDocument::Image(_) => panic!("not an index"),
            }
        };
        let index = index_of(&[
            entry("01", "unknown/unknown", ""),
            entry("02", "linux/arm64", ""),
            entry("03", "linux/amd64", ""),
            entry("04", "linux/amd64", ""),
        ]);
        let wanted = |text: &str| text.parse::<Platform>().unwrap();
        let chosen = choose_platform(&index, &wanted("linux/amd64")).unwrap();
        assert_eq!(chosen.descriptor.digest.to_string(), digest("03"));
        let error = choose_platform(&index, &wanted("linux/s390x")).unwrap_err().to_string();
        assert_eq!(
            error,
            "the index has no image for linux/s390x; it has: linux/amd64, linux/arm64"
        );
        let attested = index_of(&[
            entry(
                "05",
                "",
                r#","annotations":{"vnd.docker.reference.type":"attestation-manifest"}"#,
            ),
            entry("06", "", ""),
        ]);
        let chosen = choose_platform(&attested, &wanted("linux/s390x")).unwrap();
        assert_eq!(chosen.descriptor.digest.to_string(), digest("06"));
        assert!(choose_platform(&index_of(&[]), &wanted("linux/amd64")).is_err());
    }

    #[test]
    fn lists_are_bounded() {
        let layer = described("x", "bb", "");
        let layers = vec![layer.as_str(); Budget::default().max_layers + 1].join(",");
        let text = format!(r#"{{"config":{},"layers":[{layers}]}}"#, described("x", "aa", ""));
        assert!(matches!(
            parse_manifest(text.as_bytes(), None),
            Err(DocumentError::TooMany { .. })
        ));
    }
}
