//! Syft's own JSON.
//!
//! In: an artifact or the distribution. Out: components. Source: Syft's `schema/json`, versions 1 to 16. Odd: licences and
//! CPEs were texts before they became objects.

use serde::{
    Deserialize,
    de::{DeserializeOwned, Deserializer, Error},
};
use serde_json::value::RawValue;

use super::{Few, Loose, element};
use crate::packages::sbom::{component::Component, document::Builder};

#[derive(Deserialize, Default)]
#[serde(default)]
struct Artifact {
    name: Loose,
    version: Loose,
    purl: Loose,
    licenses: Few<TextOr<License>>,
    cpes: Few<TextOr<Cpe>>,
    locations: Few<Place>,
}

enum TextOr<T> {
    Text(String),
    Object(T),
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for TextOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <Box<RawValue>>::deserialize(deserializer)?;
        match serde_json::from_str(raw.get()) {
            Ok(text) => Ok(Self::Text(text)),
            Err(_is_no_text) => {
                serde_json::from_str(raw.get()).map(Self::Object).map_err(D::Error::custom)
            }
        }
    }
}

#[derive(Deserialize)]
struct License {
    #[serde(default)]
    value: Loose,
    #[serde(rename = "spdxExpression", default)]
    expression: Loose,
}

#[derive(Deserialize)]
struct Cpe {
    #[serde(default)]
    cpe: Loose,
}

#[derive(Deserialize)]
struct Place {
    #[serde(default)]
    path: Loose,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Distro {
    id: Loose,
    #[serde(rename = "versionID")]
    version: Loose,
    #[serde(rename = "prettyName")]
    pretty_name: Loose,
}

pub(super) fn artifact(raw: &RawValue, builder: &mut Builder) {
    let Some(artifact) = element::<Artifact>(raw, builder) else { return };
    let licences = artifact.licenses.0.into_iter().map(|licence| match licence {
        TextOr::Text(text) => text,
        TextOr::Object(License { expression, value }) if expression.0.is_empty() => value.0,
        TextOr::Object(licence) => licence.expression.0,
    });
    let cpes = artifact.cpes.0.into_iter().map(|cpe| match cpe {
        TextOr::Text(text) => text,
        TextOr::Object(cpe) => cpe.cpe.0,
    });
    let mut component = Component {
        name: artifact.name.0,
        version: artifact.version.0,
        purl: artifact.purl.0,
        ..Component::default()
    };
    licences.for_each(|licence| component.licence(licence));
    cpes.for_each(|cpe| component.cpe(cpe));
    artifact.locations.0.into_iter().for_each(|place| component.path(place.path.0));
    builder.component(component);
}

pub(super) fn distro(raw: &RawValue, builder: &mut Builder) {
    if let Some(distro) = element::<Distro>(raw, builder) {
        builder.distribution(&distro.id.0, &distro.version.0, &distro.pretty_name.0);
    }
}
