//! The part of an SPDX document that is written.
//!
//! In: values. Out: with serde the JSON form; [`super::tag_value`] writes the lines of the same values. Source: SPDX 2.3,
//! clauses 6 to 12, and its JSON schema. Odd: an empty text or list is left out.

use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Spdx {
    pub(super) spdx_version: &'static str,
    pub(super) data_license: &'static str,
    #[serde(rename = "SPDXID")]
    pub(super) id: &'static str,
    pub(super) name: String,
    pub(super) document_namespace: String,
    pub(super) creation_info: CreationInfo,
    pub(super) packages: Vec<Element>,
    pub(super) relationships: Vec<Relationship>,
    pub(super) annotations: Vec<Annotation>,
    #[serde(rename = "hasExtractedLicensingInfos", skip_serializing_if = "Vec::is_empty")]
    pub(super) extracted_licenses: Vec<ExtractedLicense>,
}

#[derive(Serialize)]
pub(super) struct CreationInfo {
    pub(super) created: String,
    pub(super) creators: Vec<String>,
}

/// A package in SPDX's sense: the image, its distribution, or what is installed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Element {
    pub(super) name: String,
    #[serde(rename = "SPDXID")]
    pub(super) id: String,
    #[serde(rename = "versionInfo", skip_serializing_if = "String::is_empty")]
    pub(super) version: String,
    pub(super) supplier: String,
    pub(super) download_location: &'static str,
    pub(super) files_analyzed: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) checksums: Vec<Checksum>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) source_info: String,
    pub(super) license_concluded: &'static str,
    pub(super) license_declared: String,
    pub(super) copyright_text: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) external_refs: Vec<ExternalRef>,
    #[serde(rename = "primaryPackagePurpose")]
    pub(super) primary_purpose: &'static str,
    pub(super) annotations: Vec<Annotation>,
}

#[derive(Serialize)]
pub(super) struct Checksum {
    pub(super) algorithm: &'static str,
    #[serde(rename = "checksumValue")]
    pub(super) value: String,
}

#[derive(Serialize)]
pub(super) struct ExternalRef {
    #[serde(rename = "referenceCategory")]
    pub(super) category: &'static str,
    #[serde(rename = "referenceType")]
    pub(super) kind: &'static str,
    #[serde(rename = "referenceLocator")]
    pub(super) locator: String,
}

#[derive(Serialize)]
pub(super) struct Relationship {
    #[serde(rename = "spdxElementId")]
    pub(super) from: String,
    #[serde(rename = "relationshipType")]
    pub(super) kind: &'static str,
    #[serde(rename = "relatedSpdxElement")]
    pub(super) to: String,
}

#[derive(Serialize)]
pub(super) struct Annotation {
    pub(super) annotator: String,
    #[serde(rename = "annotationDate")]
    pub(super) date: String,
    #[serde(rename = "annotationType")]
    pub(super) kind: &'static str,
    pub(super) comment: String,
}

#[derive(Serialize)]
pub(super) struct ExtractedLicense {
    #[serde(rename = "licenseId")]
    pub(super) id: String,
    pub(super) name: &'static str,
    #[serde(rename = "extractedText")]
    pub(super) text: String,
}
