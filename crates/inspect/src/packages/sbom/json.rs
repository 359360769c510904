//! JSON documents of all formats, in one pass.
//!
//! In: JSON whose format is not known yet. Out: components for the [`Builder`]. Source: see each format's file; in-toto
//! Statement v1, DSSE 1.0, Sigstore bundle 0.3. Odd: the formats' lists have different names, so they can be read before
//! the key comes that names the format. Lists are read element by element: one that is not as it should be is counted,
//! and the rest is read.

mod cyclonedx;
mod few;
mod limit;
mod spdx2;
mod spdx3;
mod syft;

use std::{fmt, io::Read, marker::PhantomData, ops::Deref};

use base64::Engine;
use serde::{
    Deserialize,
    de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use self::{few::Few, limit::Limit};
use super::{
    MAX_WRAPPINGS,
    document::{Builder, Format},
};
use crate::{facts::clip, parser::ParseError};

/// How deep components may be nested in components: each level is read once more than the one above.
pub(super) const MAX_NESTING: usize = 8;

pub(super) fn read_slice(
    bytes: &[u8],
    builder: &mut Builder,
    wrappings: usize,
) -> Result<(), ParseError> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let whole = Whole::<&RawValue> { builder, limit: Limit::default(), raw: PhantomData };
    let wrapped = whole.deserialize(&mut deserializer).map_err(syntax)?;
    deserializer.end().map_err(syntax)?;
    unwrap(wrapped, builder, wrappings)
}

pub(super) fn read_stream(input: impl Read, builder: &mut Builder) -> Result<(), ParseError> {
    let limit = Limit::default();
    let mut deserializer = serde_json::Deserializer::from_reader(limit.hold(input));
    let whole = Whole::<Box<RawValue>> { builder, limit, raw: PhantomData };
    let wrapped = whole.deserialize(&mut deserializer).map_err(syntax)?;
    deserializer.end().map_err(syntax)?;
    unwrap(wrapped, builder, 0)
}

fn syntax(error: serde_json::Error) -> ParseError {
    ParseError::Syntax {
        at: format!("line {}, column {}", error.line(), error.column()),
        problem: clip(&error.to_string()),
    }
}

/// What is left to be read: the document inside of a statement or an envelope.
#[derive(Default)]
struct Wrapped {
    payload: Option<String>,
    document: Option<Box<RawValue>>,
}

fn unwrap(wrapped: Wrapped, builder: &mut Builder, wrappings: usize) -> Result<(), ParseError> {
    if builder.is_known() {
        return Ok(());
    }
    let inner = match (wrapped.payload, wrapped.document) {
        (Some(payload), _) => {
            base64::engine::general_purpose::STANDARD.decode(payload.as_bytes()).map_err(
                |error| ParseError::Syntax { at: "payload".to_owned(), problem: error.to_string() },
            )?
        }
        (None, Some(document)) => match serde_json::from_str::<String>(document.get()) {
            Ok(text) => text.into_bytes(),
            Err(_is_an_object) => document.get().as_bytes().to_vec(),
        },
        (None, None) => return Ok(()),
    };
    if wrappings >= MAX_WRAPPINGS || !inner.trim_ascii_start().starts_with(b"{") {
        return Ok(());
    }
    read_slice(&inner, builder, wrappings + 1)
}

/// The keys of all formats' outermost objects.
#[derive(Deserialize)]
#[serde(field_identifier)]
enum Key {
    #[serde(rename = "bomFormat")]
    BomFormat,
    #[serde(rename = "metadata")]
    Metadata,
    #[serde(rename = "components")]
    Components,
    #[serde(rename = "spdxVersion")]
    SpdxVersion,
    #[serde(rename = "packages")]
    Packages,
    #[serde(rename = "annotations")]
    Annotations,
    #[serde(rename = "@context")]
    Context,
    #[serde(rename = "@graph")]
    Graph,
    #[serde(rename = "artifacts")]
    Artifacts,
    #[serde(rename = "distro")]
    Distro,
    #[serde(rename = "descriptor")]
    Descriptor,
    #[serde(rename = "payload")]
    Payload,
    /// In-toto's document, cosign's older wrapping of it, Sigstore's envelope.
    #[serde(rename = "predicate", alias = "Data", alias = "dsseEnvelope")]
    Inner,
    #[serde(other)]
    Other,
}

/// A value as text: lent by bytes in memory, copied out of a stream.
trait Raw<'de>: Deserialize<'de> + Deref<Target = RawValue> {}

impl<'de: 'a, 'a> Raw<'de> for &'a RawValue {}

impl Raw<'_> for Box<RawValue> {}

/// A whole document.
struct Whole<'b, R> {
    builder: &'b mut Builder,
    limit: Limit,
    raw: PhantomData<R>,
}

impl<'de, R: Raw<'de>> DeserializeSeed<'de> for Whole<'_, R> {
    type Value = Wrapped;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Wrapped, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, R: Raw<'de>> Visitor<'de> for Whole<'_, R> {
    type Value = Wrapped;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Wrapped, A::Error> {
        let mut wrapped = Wrapped::default();
        let (builder, limit) = (self.builder, &self.limit);
        let mut graph = spdx3::Graph::default();
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::BomFormat => {
                    let is_known = map.next_value::<Loose>()?.0 == "CycloneDX";
                    builder.is_if(Format::CycloneDx, is_known);
                }
                Key::Metadata => {
                    cyclonedx::metadata(&limit.around(|| map.next_value::<R>())?, builder);
                }
                Key::Components => {
                    map.next_value_seed(List::<R, _>::of(limit, |raw| {
                        cyclonedx::component(raw, builder, 0)
                    }))?;
                }
                Key::SpdxVersion => {
                    let is_known = map.next_value::<Loose>()?.0.starts_with("SPDX-2");
                    builder.is_if(Format::Spdx2, is_known);
                }
                Key::Packages => {
                    map.next_value_seed(List::<R, _>::of(limit, |raw| {
                        spdx2::package(raw, builder)
                    }))?;
                }
                Key::Annotations => {
                    map.next_value_seed(List::<R, _>::of(limit, |raw| {
                        spdx2::document_annotation(raw, builder)
                    }))?;
                }
                Key::Context => {
                    let context = limit.around(|| map.next_value::<R>())?;
                    builder.is_if(Format::Spdx3, context.get().contains("spdx.org/rdf/3"));
                }
                Key::Graph => {
                    map.next_value_seed(List::<R, _>::of(limit, |raw| {
                        graph.element(raw, builder)
                    }))?;
                }
                Key::Artifacts => {
                    map.next_value_seed(List::<R, _>::of(limit, |raw| {
                        syft::artifact(raw, builder)
                    }))?;
                }
                Key::Distro => {
                    syft::distro(&limit.around(|| map.next_value::<R>())?, builder);
                }
                Key::Descriptor => {
                    let name = map.next_value::<Named>()?.name.0;
                    builder.is_if(Format::Syft, name == "syft");
                }
                Key::Payload => {
                    wrapped.payload = Some(limit.around(|| map.next_value::<Loose>())?.0);
                }
                Key::Inner => wrapped.document = Some(limit.around(|| map.next_value())?),
                Key::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        graph.finish(builder);
        Ok(wrapped)
    }
}

#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    name: Loose,
}

/// A text; anything else counts as an empty one.
#[derive(Default, Debug, PartialEq, Eq)]
struct Loose(String);

impl<'de> Deserialize<'de> for Loose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <Box<RawValue>>::deserialize(deserializer)?;
        Ok(Self(serde_json::from_str(raw.get()).unwrap_or_default()))
    }
}

/// An array whose elements are handed on one by one.
struct List<'l, R, F> {
    limit: &'l Limit,
    element: F,
    raw: PhantomData<R>,
}

impl<'l, R, F: FnMut(&RawValue)> List<'l, R, F> {
    const fn of(limit: &'l Limit, element: F) -> Self {
        Self { limit, element, raw: PhantomData }
    }
}

impl<'de, R: Raw<'de>, F: FnMut(&RawValue)> DeserializeSeed<'de> for List<'_, R, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, R: Raw<'de>, F: FnMut(&RawValue)> Visitor<'de> for List<'_, R, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        while let Some(raw) = self.limit.around(|| list.next_element::<R>())? {
            (self.element)(&raw);
        }
        Ok(())
    }
}

/// Reads one element; one that is not as its format wants is counted.
fn element<'r, T: Deserialize<'r>>(raw: &'r RawValue, builder: &mut Builder) -> Option<T> {
    // An array would be taken for the fields in their order.
    let parsed = match raw.get().starts_with('{') {
        true => serde_json::from_str(raw.get()).map_err(|error| error.to_string()),
        false => Err(raw.get().to_owned()),
    };
    parsed.map_err(|problem| builder.malformed(&problem)).ok()
}
