//! YAML documents of build systems as values: maps, lists and texts, without aliases.

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
    let value = value(&mut rest)?;
    if rest.is_empty() { Ok(value) } else { Err("there is a second document".to_owned()) }
}

fn value(rest: &mut &[&Event<'_>]) -> Result<Value, String> {
    let (first, others) = rest.split_first().ok_or("it ends too early")?;
    *rest = others;
    match first {
        Event::Scalar(text, ..) => Ok(Value::String(text.clone().into_owned())),
        Event::SequenceStart(..) => {
            let mut list = Vec::new();
            while !matches!(rest.first(), Some(Event::SequenceEnd)) {
                list.push(value(rest)?);
            }
            *rest = &rest[1..];
            Ok(Value::Array(list))
        }
        Event::MappingStart(..) => {
            let mut map = Map::new();
            while !matches!(rest.first(), Some(Event::MappingEnd)) {
                let Value::String(key) = value(rest)? else {
                    return Err("a key is no text".into());
                };
                let inside = value(rest)?;
                if map.insert(key.clone(), inside).is_some() {
                    return Err(format!("`{key}` stands twice"));
                }
            }
            *rest = &rest[1..];
            Ok(Value::Object(map))
        }
        other => Err(format!("{other:?}")),
    }
}
