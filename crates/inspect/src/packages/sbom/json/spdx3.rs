//! SPDX 3.0 as JSON-LD.
//!
//! In: elements of the graph. Out: components. Source: SPDX 3.0.1, its model and JSON-LD serialisation, which fixes one
//! context and so one spelling of every name. Odd: a licence is an element of its own, and a relationship between it and
//! the package a third, in any order.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Few, Loose, element};
use crate::packages::{
    MAX_PACKAGES,
    sbom::{component::Component, document::Builder},
};

/// Licences and relationships of one document.
#[derive(Default)]
pub(super) struct Graph {
    /// Position of a package by its id.
    packages: HashMap<String, usize>,
    /// Licence expressions by their id.
    licences: HashMap<String, String>,
    /// Package and licence, by their ids.
    declared: Vec<(String, String)>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Element {
    #[serde(rename = "type")]
    kind: Loose,
    #[serde(rename = "spdxId")]
    id: Loose,
    name: Loose,
    #[serde(rename = "software_packageVersion")]
    version: Loose,
    #[serde(rename = "software_packageUrl")]
    purl: Loose,
    #[serde(rename = "software_primaryPurpose")]
    purpose: Loose,
    #[serde(rename = "software_sourceInfo")]
    source_info: Loose,
    #[serde(rename = "externalIdentifier")]
    identifiers: Few<Identifier>,
    #[serde(rename = "verifiedUsing")]
    hashes: Few<Hash>,
    #[serde(rename = "relationshipType")]
    relationship: Loose,
    from: Loose,
    to: Few<Loose>,
    #[serde(rename = "simplelicensing_licenseExpression")]
    licence: Loose,
}

#[derive(Deserialize)]
struct Identifier {
    #[serde(rename = "externalIdentifierType", default)]
    kind: Loose,
    #[serde(default)]
    identifier: Loose,
}

#[derive(Deserialize)]
struct Hash {
    #[serde(default)]
    algorithm: Loose,
    #[serde(rename = "hashValue", default)]
    value: Loose,
}

impl Graph {
    pub(super) fn element(&mut self, raw: &RawValue, builder: &mut Builder) {
        let Some(element) = element::<Element>(raw, builder) else { return };
        match element.kind.0.as_str() {
            "software_Package" => self.package(element, builder),
            "simplelicensing_LicenseExpression" if self.licences.len() < MAX_PACKAGES => {
                self.licences.insert(element.id.0, element.licence.0);
            }
            "Relationship"
                if element.relationship.0 == "hasDeclaredLicense"
                    && self.declared.len() < MAX_PACKAGES =>
            {
                let to = element.to.0.into_iter().next();
                self.declared.extend(to.map(|to| (element.from.0, to.0)));
            }
            _ => {}
        }
    }

    fn package(&mut self, element: Element, builder: &mut Builder) {
        let mut component = Component {
            kind: purpose(&element.purpose.0),
            name: element.name.0,
            version: element.version.0,
            purl: element.purl.0,
            description: element.source_info.0.clone(),
            ..Component::default()
        };
        component.origins.text(&element.source_info.0);
        element
            .hashes
            .0
            .into_iter()
            .for_each(|hash| component.hash(hash.algorithm.0, hash.value.0));
        for identifier in element.identifiers.0 {
            component.reference(&identifier.kind.0, identifier.identifier.0);
        }
        let before = builder.last();
        builder.component(component);
        if let Some(last) = builder.last().filter(|last| Some(*last) != before) {
            self.packages.insert(element.id.0, last);
        }
    }

    pub(super) fn finish(self, builder: &mut Builder) {
        for (package, licence) in &self.declared {
            if let (Some(package), Some(licence)) =
                (self.packages.get(package), self.licences.get(licence))
            {
                builder.licence(*package, licence);
            }
        }
    }
}

/// `operatingSystem` is `operating-system` elsewhere.
fn purpose(text: &str) -> String {
    let mut words = String::with_capacity(text.len() + 1);
    for character in text.chars() {
        if character.is_ascii_uppercase() {
            words.push('-');
        }
        words.push(character.to_ascii_lowercase());
    }
    words
}
