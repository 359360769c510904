//! JSON as an attacker must not be able to use it: one meaning or none.
//!
//! In: a document's bytes. Out: a [`Value`] whose objects have no key twice, at most [`MAX_DEPTH`] deep. Source: Go's
//! `encoding/json`, with which the runtimes read the same bytes: keys match fields without regard to case, U+017F (long s)
//! and U+212A (kelvin sign) included, and the last one wins. So `layers` beside `Layers` would be two images; such
//! documents are refused. Odd: objects that are maps by meaning (labels, annotations) tell keys apart by case, as Go
//! does.

use std::fmt;

use plimsoll_model::Digest;
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::{budget::Budget, document::DocumentError};

/// How deep arrays and objects may be nested.
pub(crate) const MAX_DEPTH: usize = 64;

/// Any JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Boolean(bool),
    Unsigned(u64),
    /// A number that is negative or not whole; nothing that we read may be one.
    OtherNumber,
    Text(String),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

/// Reads a document.
pub(crate) fn parse(what: &'static str, bytes: &[u8]) -> Result<Value, DocumentError> {
    let limit = Budget::default().max_document_bytes;
    if bytes.len() > limit {
        let (size, limit) = (bytes.len() as u64, limit as u64);
        return Err(DocumentError::TooLarge { what, size, limit });
    }
    let mut duplicate = None;
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let seed = Seed { depth: 0, duplicate: &mut duplicate };
    let value = seed.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    match (value, duplicate) {
        (_, Some(key)) => {
            Err(DocumentError::AmbiguousKey { what, first: key.clone(), second: key })
        }
        (Ok(value), None) => Ok(value),
        (Err(error), None) => Err(DocumentError::Json { what, problem: error.to_string() }),
    }
}

struct Seed<'a> {
    depth: usize,
    duplicate: &'a mut Option<String>,
}

impl Seed<'_> {
    fn deeper<E: de::Error>(&mut self) -> Result<Seed<'_>, E> {
        if self.depth >= MAX_DEPTH {
            return Err(E::custom(format_args!("nested deeper than {MAX_DEPTH}")));
        }
        Ok(Seed { depth: self.depth + 1, duplicate: self.duplicate })
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Boolean(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Unsigned(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(u64::try_from(value).map_or(Value::OtherNumber, Value::Unsigned))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value, E> {
        Ok(Value::OtherNumber)
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(self.deeper()?)? {
            values.push(value);
        }
        Ok(Value::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Value, A::Error> {
        let mut fields: Vec<(String, Value)> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if !seen.insert(key.clone()) {
                *self.duplicate = Some(key);
                return Err(de::Error::custom("a key stands twice"));
            }
            let value = map.next_value_seed(self.deeper()?)?;
            fields.push((key, value));
        }
        Ok(Value::Object(fields))
    }
}

/// The key as Go compares it with a field's name.
fn fold(key: &str) -> String {
    key.chars()
        .map(|character| match character {
            '\u{17f}' => 's',
            '\u{212a}' => 'k',
            other => other.to_ascii_lowercase(),
        })
        .collect()
}

/// An object whose keys are the fields of a structure.
pub(crate) struct Fields<'v> {
    what: &'static str,
    /// Where in the document, for messages: empty or ending in a dot.
    place: String,
    fields: std::collections::HashMap<String, &'v Value>,
}

impl<'v> Fields<'v> {
    /// The fields of `value`, which is the whole document.
    pub(crate) fn of_document(what: &'static str, value: &'v Value) -> Result<Self, DocumentError> {
        Self::new(what, String::new(), value)
    }

    /// The structures that `value`, the whole document, is a list of.
    pub(crate) fn of_list(
        what: &'static str,
        value: &'v Value,
    ) -> Result<Vec<Self>, DocumentError> {
        let Value::List(values) = value else {
            let (field, problem) = ("document".to_owned(), "is not a list".to_owned());
            return Err(DocumentError::Field { what, field, problem });
        };
        let numbered = values.iter().enumerate();
        numbered.map(|(index, value)| Self::new(what, format!("[{index}]"), value)).collect()
    }

    fn new(what: &'static str, place: String, value: &'v Value) -> Result<Self, DocumentError> {
        let Value::Object(entries) = value else {
            let field = if place.is_empty() { "document".to_owned() } else { place };
            return Err(DocumentError::Field { what, field, problem: "is not an object".into() });
        };
        let mut fields = std::collections::HashMap::with_capacity(entries.len());
        let mut spelled = std::collections::HashMap::with_capacity(entries.len());
        for (key, value) in entries {
            let folded = fold(key);
            if let Some(first) = spelled.insert(folded.clone(), key) {
                let (first, second) = (first.clone(), key.clone());
                return Err(DocumentError::AmbiguousKey { what, first, second });
            }
            if *value != Value::Null {
                fields.insert(folded, value);
            }
        }
        let place = if place.is_empty() { place } else { format!("{place}.") };
        Ok(Self { what, place, fields })
    }

    /// The value of a field, unless it is missing or null.
    pub(crate) fn get(&self, name: &str) -> Option<&'v Value> {
        self.fields.get(&fold(name)).copied()
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<&'v str>, DocumentError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(_) => Err(self.problem(name, "is not a text")),
        }
    }

    pub(crate) fn owned_text(&self, name: &str) -> Result<Option<String>, DocumentError> {
        Ok(self.text(name)?.map(str::to_owned))
    }

    pub(crate) fn required_text(&self, name: &str) -> Result<&'v str, DocumentError> {
        self.text(name)?.ok_or_else(|| self.problem(name, "is missing"))
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>, DocumentError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Unsigned(number)) => Ok(Some(*number)),
            Some(_) => Err(self.problem(name, "is not a whole number of 0 or more")),
        }
    }

    pub(crate) fn boolean(&self, name: &str) -> Result<bool, DocumentError> {
        match self.get(name) {
            None => Ok(false),
            Some(Value::Boolean(value)) => Ok(*value),
            Some(_) => Err(self.problem(name, "is neither true nor false")),
        }
    }

    /// The elements of a list; empty when the field is missing.
    pub(crate) fn list(&self, name: &str) -> Result<&'v [Value], DocumentError> {
        match self.get(name) {
            None => Ok(&[]),
            Some(Value::List(values)) => Ok(values),
            Some(_) => Err(self.problem(name, "is not a list")),
        }
    }

    pub(crate) fn texts(&self, name: &str) -> Result<Option<Vec<String>>, DocumentError> {
        if self.get(name).is_none() {
            return Ok(None);
        }
        let texts = self.list(name)?.iter().map(|value| match value {
            Value::Text(text) => Ok(text.clone()),
            _ => Err(self.problem(name, "has an element that is not a text")),
        });
        texts.collect::<Result<_, _>>().map(Some)
    }

    /// The structures of a list.
    pub(crate) fn structures(&self, name: &str) -> Result<Vec<Self>, DocumentError> {
        let numbered = self.list(name)?.iter().enumerate();
        numbered
            .map(|(index, value)| {
                Self::new(self.what, format!("{}{name}[{index}]", self.place), value)
            })
            .collect()
    }

    pub(crate) fn structure(&self, name: &str) -> Result<Option<Self>, DocumentError> {
        self.get(name)
            .map(|value| Self::new(self.what, format!("{}{name}", self.place), value))
            .transpose()
    }

    /// An object whose keys are data, sorted by key; empty when the field is missing.
    pub(crate) fn map(&self, name: &str) -> Result<Vec<(&'v str, &'v Value)>, DocumentError> {
        match self.get(name) {
            None => Ok(Vec::new()),
            Some(Value::Object(entries)) => {
                let mut entries: Vec<_> =
                    entries.iter().map(|(key, value)| (key.as_str(), value)).collect();
                entries.sort_by_key(|(key, _)| *key);
                Ok(entries)
            }
            Some(_) => Err(self.problem(name, "is not an object")),
        }
    }

    /// A map from text to text.
    pub(crate) fn text_map(
        &self,
        name: &str,
    ) -> Result<std::collections::BTreeMap<String, String>, DocumentError> {
        let entries = self.map(name)?.into_iter().map(|(key, value)| match value {
            Value::Text(text) => Ok((key.to_owned(), text.clone())),
            Value::Null => Ok((key.to_owned(), String::new())),
            _ => Err(self.problem(&format!("{name}.{key}"), "is not a text")),
        });
        entries.collect()
    }

    pub(crate) fn digest(&self, name: &str) -> Result<Digest, DocumentError> {
        self.parse_digest(name, self.required_text(name)?)
    }

    pub(crate) fn parse_digest(&self, name: &str, text: &str) -> Result<Digest, DocumentError> {
        text.parse().map_err(|source| DocumentError::Digest {
            what: self.what,
            field: format!("{}{name}", self.place),
            source,
        })
    }

    pub(crate) fn problem(&self, name: &str, problem: &str) -> DocumentError {
        DocumentError::Field {
            what: self.what,
            field: format!("{}{name}", self.place),
            problem: problem.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_one_meaning_or_none() {
        let fields = |text: &str| {
            parse("manifest", text.as_bytes())
                .and_then(|value| Fields::of_document("manifest", &value).map(|_| ()))
        };
        for text in [
            r#"{"layers":[],"layers":[1]}"#,
            r#"{"layers":[],"Layers":[1]}"#,
            "{\"layers\":[],\"layer\u{17f}\":[1]}",
            "{\"k\":[],\"\u{212a}\":[1]}",
            r#"{"layers":[],"layer\u0073":[1]}"#,
        ] {
            assert!(matches!(fields(text), Err(DocumentError::AmbiguousKey { .. })), "{text}");
        }
        assert!(fields(r#"{"layers":[],"config":{}}"#).is_ok());
        assert!(matches!(
            fields(r#"{"a":{"b":1,"b":2}}"#),
            Err(DocumentError::AmbiguousKey { .. })
        ));
        assert!(fields("[]").is_err());
        assert!(fields("{} {}").is_err());
    }

    #[test]
    fn depth_and_size_are_bounded() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse("manifest", nested(MAX_DEPTH).as_bytes()).is_ok());
        assert!(parse("manifest", nested(MAX_DEPTH + 1).as_bytes()).is_err());
        assert!(parse("manifest", nested(1_000_000).as_bytes()).is_err());
        let long = vec![b' '; Budget::default().max_document_bytes + 1];
        assert!(matches!(parse("manifest", &long), Err(DocumentError::TooLarge { .. })));
    }

    #[test]
    fn labels_may_differ_in_case_only() {
        let value = parse("configuration", br#"{"Labels":{"a":"1","A":"2"}}"#).unwrap();
        let fields = Fields::of_document("configuration", &value).unwrap();
        assert_eq!(fields.text_map("labels").unwrap().len(), 2);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            if let Ok(value) = parse("manifest", &bytes) {
                drop(Fields::of_document("manifest", &value));
            }
        }
    }
}
