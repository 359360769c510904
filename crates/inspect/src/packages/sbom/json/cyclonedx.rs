//! CycloneDX as JSON.
//!
//! In: a component or the metadata. Out: components. Source: the schemas `bom-1.2.schema.json` to `bom-1.7.schema.json`.
//! Odd: components may hold components, which are flattened; what the document is about stands in the metadata and is a
//! component too, unless it is an image.

use serde::{Deserialize, de::DeserializeSeed};
use serde_json::value::RawValue;

use super::{Few, Limit, List, Loose, MAX_NESTING, element};
use crate::packages::sbom::{component::Component, document::Builder};

#[derive(Deserialize)]
struct Metadata<'r> {
    #[serde(borrow, default)]
    component: Option<&'r RawValue>,
    #[serde(default)]
    properties: Few<Property>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Element<'r> {
    #[serde(rename = "type")]
    kind: Loose,
    group: Loose,
    name: Loose,
    version: Loose,
    description: Loose,
    purl: Loose,
    cpe: Loose,
    hashes: Few<Hash>,
    licenses: Few<LicenseChoice>,
    properties: Few<Property>,
    evidence: Evidence,
    #[serde(borrow)]
    components: Option<&'r RawValue>,
}

#[derive(Deserialize)]
struct Property {
    #[serde(default)]
    name: Loose,
    #[serde(default)]
    value: Loose,
}

#[derive(Deserialize)]
struct Hash {
    #[serde(default)]
    alg: Loose,
    #[serde(default)]
    content: Loose,
}

#[derive(Deserialize)]
struct LicenseChoice {
    #[serde(default)]
    expression: Loose,
    #[serde(default)]
    license: License,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct License {
    id: Loose,
    name: Loose,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Evidence {
    occurrences: Few<Occurrence>,
}

#[derive(Deserialize)]
struct Occurrence {
    #[serde(default)]
    location: Loose,
}

pub(super) fn metadata(raw: &RawValue, builder: &mut Builder) {
    let Some(metadata) = element::<Metadata<'_>>(raw, builder) else { return };
    for property in metadata.properties.0 {
        builder.image_property(&property.name.0, &property.value.0);
    }
    let Some(subject) = metadata.component else { return };
    if let Some(about) = element::<Element<'_>>(subject, builder) {
        for property in about.properties.0 {
            builder.image_property(&property.name.0, &property.value.0);
        }
    }
    component(subject, builder, 0);
}

pub(super) fn component(raw: &RawValue, builder: &mut Builder, depth: usize) {
    let Some(element) = element::<Element<'_>>(raw, builder) else { return };
    let inner = element.components;
    builder.component(element.into_component());
    let Some(inner) = inner else { return };
    if depth >= MAX_NESTING {
        builder.too_deep();
        return;
    }
    let mut deserializer = serde_json::Deserializer::from_str(inner.get());
    let limit = Limit::default();
    let list = List::<&RawValue, _>::of(&limit, |raw| component(raw, builder, depth + 1));
    if let Err(error) = list.deserialize(&mut deserializer) {
        builder.malformed(&error.to_string());
    }
}

impl Element<'_> {
    fn into_component(self) -> Component {
        let mut component = Component {
            kind: self.kind.0,
            group: self.group.0,
            name: self.name.0,
            version: self.version.0,
            description: self.description.0,
            purl: self.purl.0,
            ..Component::default()
        };
        component.cpe(self.cpe.0);
        self.hashes.0.into_iter().for_each(|hash| component.hash(hash.alg.0, hash.content.0));
        let licences = self.licenses.0.into_iter();
        licences.flat_map(LicenseChoice::texts).for_each(|text| component.licence(text));
        let places = self.evidence.occurrences.0.into_iter();
        places.for_each(|place| component.path(place.location.0));
        for property in &self.properties.0 {
            component.property(&property.name.0, &property.value.0);
        }
        component
    }
}

impl LicenseChoice {
    fn texts(self) -> [String; 3] {
        [self.expression.0, self.license.id.0, self.license.name.0]
    }
}
