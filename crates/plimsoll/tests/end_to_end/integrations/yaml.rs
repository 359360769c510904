//! YAML documents as values: maps, lists and texts; an alias is what it stands for.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser};
use serde_json::{Map, Value};

/// Reads one document.
pub(crate) fn read(text: &str) -> Result<Value, String> {
    let mut events = Vec::new();
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        events.push(event.map_err(|error| error.to_string())?.0);
    }
    let is_content = |event: &&Event<'_>| {
        matches!(
            event,
            Event::Scalar(..)
                | Event::MappingStart(..)
                | Event::MappingEnd
                | Event::SequenceStart(..)
                | Event::SequenceEnd
                | Event::Alias(_)
        )
    };
    let content: Vec<&Event<'_>> = events.iter().filter(is_content).collect();
    let mut rest = content.as_slice();
    let value = value(&mut rest, &mut BTreeMap::new())?;
    if rest.is_empty() { Ok(value) } else { Err("there is a second document".to_owned()) }
}

/// What anchors name, by their number; the parser gives 0 to what has none.
type Anchors = BTreeMap<usize, Value>;

fn value(rest: &mut &[&Event<'_>], anchors: &mut Anchors) -> Result<Value, String> {
    let (first, others) = rest.split_first().ok_or("it ends too early")?;
    *rest = others;
    let (anchor, value) = match first {
        Event::Scalar(text, _, anchor, _) => (*anchor, Value::String(text.clone().into_owned())),
        Event::SequenceStart(anchor, ..) => {
            let mut list = Vec::new();
            while !matches!(rest.first(), Some(Event::SequenceEnd)) {
                list.push(value(rest, anchors)?);
            }
            *rest = &rest[1..];
            (*anchor, Value::Array(list))
        }
        Event::MappingStart(anchor, ..) => {
            let mut map = Map::new();
            while !matches!(rest.first(), Some(Event::MappingEnd)) {
                let Value::String(key) = value(rest, anchors)? else {
                    return Err("a key is no text".into());
                };
                let inside = value(rest, anchors)?;
                if map.insert(key.clone(), inside).is_some() {
                    return Err(format!("`{key}` stands twice"));
                }
            }
            *rest = &rest[1..];
            (*anchor, Value::Object(map))
        }
        Event::Alias(anchor) => {
            (0, anchors.get(anchor).cloned().ok_or("an alias stands for nothing")?)
        }
        other => return Err(format!("{other:?}")),
    };
    if anchor > 0 {
        anchors.insert(anchor, value.clone());
    }
    Ok(value)
}
