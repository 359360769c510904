//! SPDX 2.2 and 2.3 as JSON.
//!
//! In: a package or an annotation. Out: components. Source: SPDX 2.3, clause 7 and its JSON schema. Odd: package URLs stand
//! among the external references; whether a package is an image or a distribution is its `primaryPackagePurpose`, which
//! 2.2 does not have.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Few, Loose, element};
use crate::packages::sbom::{component::Component, document::Builder, origin::annotated};

#[derive(Deserialize, Default)]
#[serde(default)]
struct Package {
    name: Loose,
    #[serde(rename = "versionInfo")]
    version: Loose,
    #[serde(rename = "primaryPackagePurpose")]
    purpose: Loose,
    #[serde(rename = "sourceInfo")]
    source_info: Loose,
    #[serde(rename = "licenseConcluded")]
    concluded: Loose,
    #[serde(rename = "licenseDeclared")]
    declared: Loose,
    #[serde(rename = "externalRefs")]
    references: Few<Reference>,
    checksums: Few<Checksum>,
    annotations: Few<Annotation>,
}

#[derive(Deserialize)]
struct Reference {
    #[serde(rename = "referenceType", default)]
    kind: Loose,
    #[serde(rename = "referenceLocator", default)]
    locator: Loose,
}

#[derive(Deserialize)]
struct Checksum {
    #[serde(default)]
    algorithm: Loose,
    #[serde(rename = "checksumValue", default)]
    value: Loose,
}

#[derive(Deserialize)]
struct Annotation {
    #[serde(default)]
    comment: Loose,
}

pub(super) fn package(raw: &RawValue, builder: &mut Builder) {
    let Some(package) = element::<Package>(raw, builder) else { return };
    let mut component = Component {
        kind: package.purpose.0,
        name: package.name.0,
        version: package.version.0,
        ..Component::default()
    };
    package.checksums.0.into_iter().for_each(|sum| component.hash(sum.algorithm.0, sum.value.0));
    component.licence_of_two(package.declared.0, package.concluded.0);
    component.origins.text(&package.source_info.0);
    if component.is_operating_system() {
        component.description = package.source_info.0;
    }
    for reference in package.references.0 {
        component.reference(&reference.kind.0, reference.locator.0);
    }
    for annotation in &package.annotations.0 {
        annotated(&annotation.comment.0, |name, value| {
            component.property(name, value);
            builder.image_property(name, value);
        });
    }
    builder.component(component);
}

pub(super) fn document_annotation(raw: &RawValue, builder: &mut Builder) {
    let Some(annotation) = element::<Annotation>(raw, builder) else { return };
    annotated(&annotation.comment.0, |name, value| builder.image_property(name, value));
}
