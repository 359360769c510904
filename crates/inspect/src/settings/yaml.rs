//! YAML, as far as configuration files use it.
//!
//! In: any text. Out: scalars by the path of their keys; items of a list have the list's path. Source: YAML 1.2, by
//! `saphyr-parser`. Odd: an alias of a scalar is the scalar; of anything larger it is a problem, since a few lines of such
//! aliases stand for more than fits any memory.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser};

use super::{MAX_PATH, Settings};

/// How deep collections may be nested.
const MAX_DEPTH: usize = 64;
/// Named scalars that are remembered.
const MAX_ANCHORS: usize = 1_000;

/// A collection that is not closed yet.
struct Open {
    /// Length of the path of keys that leads to it.
    path: usize,
    is_map: bool,
    /// Whether a key was read and its value was not.
    has_key: bool,
    is_empty: bool,
}

/// Reads a file of any number of documents.
pub(super) fn read(text: &str) -> Settings {
    let mut reading = Reading::default();
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                reading.give_up(format!("is not YAML: {error}"));
                break;
            }
        };
        reading.take(event, span.start.line());
        if reading.settings.problem.is_some() && reading.is_over {
            break;
        }
    }
    reading.settings
}

#[derive(Default)]
struct Reading {
    settings: Settings,
    path: String,
    open: Vec<Open>,
    scalars: HashMap<usize, String>,
    is_over: bool,
}

impl Reading {
    fn give_up(&mut self, problem: String) {
        self.settings.problem = Some(problem);
        self.is_over = true;
    }

    fn take(&mut self, event: Event<'_>, line: usize) {
        match event {
            Event::Scalar(value, _, anchor, _) => {
                if anchor != 0 && self.scalars.len() < MAX_ANCHORS {
                    self.scalars.insert(anchor, value.clone().into_owned());
                }
                self.scalar(&value, line);
            }
            Event::Alias(anchor) => match self.scalars.get(&anchor).cloned() {
                Some(value) => self.scalar(&value, line),
                None => {
                    self.settings.problem = Some("uses aliases of maps or lists".to_owned());
                    self.scalar("", line);
                }
            },
            Event::MappingStart(..) => self.begin(true),
            Event::SequenceStart(..) => self.begin(false),
            Event::MappingEnd | Event::SequenceEnd => self.end(line),
            Event::DocumentStart(_) => {
                self.open.clear();
                self.path.clear();
            }
            _ => {}
        }
    }

    /// A key or a value.
    fn scalar(&mut self, value: &str, line: usize) {
        let Some(open) = self.open.last_mut() else { return };
        open.is_empty = false;
        if open.is_map && !open.has_key {
            open.has_key = true;
            if self.path.len() + value.len() > MAX_PATH {
                self.give_up("its keys are nested too deeply".to_owned());
                return;
            }
            if !self.path.is_empty() {
                self.path.push('.');
            }
            self.path.push_str(value);
            return;
        }
        let value = if value == "~" || value == "null" { "" } else { value };
        self.settings.add("", &self.path, value, line);
        self.is_over |= self.settings.problem.is_some();
        self.value_is_read();
    }

    fn value_is_read(&mut self) {
        if let Some(open) = self.open.last_mut()
            && open.is_map
        {
            open.has_key = false;
            self.path.truncate(open.path);
        }
    }

    fn begin(&mut self, is_map: bool) {
        if let Some(open) = self.open.last_mut() {
            open.is_empty = false;
            if open.is_map && !open.has_key {
                // A collection as a key: nothing that is looked at.
                open.has_key = true;
            }
        }
        if self.open.len() >= MAX_DEPTH {
            self.give_up(format!("nesting: the limit of {MAX_DEPTH} is reached"));
            return;
        }
        self.open.push(Open { path: self.path.len(), is_map, has_key: false, is_empty: true });
    }

    fn end(&mut self, line: usize) {
        let Some(open) = self.open.pop() else { return };
        self.path.truncate(open.path);
        if open.is_empty && !self.path.is_empty() {
            self.settings.add("", &self.path, if open.is_map { "{}" } else { "[]" }, line);
        }
        self.value_is_read();
    }
}
