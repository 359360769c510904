//! Every rule by its examples: what it must find, and what it must not.
//!
//! In: `rules/*.yar` with `rules/*.toml`. Odd: examples are harmless and are put together from pieces here; a program is a
//! header and some words.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "helpers of tests"
)]

use std::collections::BTreeSet;

use plimsoll_image::TreePath;
use plimsoll_inspect::{Kinds, MalwareEngine, MalwareFile, heuristics};
use plimsoll_yara::{EMBEDDED, Rules};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Examples {
    rule: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    id: String,
    bad: Vec<Example>,
    good: Vec<Example>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    path: String,
    #[serde(default)]
    elf: bool,
    pieces: Vec<String>,
}

impl Example {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if self.elf {
            bytes.extend(b"\x7fELF\x02\x01\x01");
            bytes.resize(64, 0);
            bytes[16] = 3;
        }
        for piece in &self.pieces {
            match piece.strip_prefix("hex:") {
                Some(hex) => bytes.extend(
                    (0..hex.len())
                        .step_by(2)
                        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()),
                ),
                None => bytes.extend(piece.as_bytes()),
            }
        }
        bytes
    }
}

fn rules() -> Vec<Rule> {
    let parse = |text: &str| toml::from_str::<Examples>(text).unwrap().rule;
    EMBEDDED.iter().flat_map(|file| parse(file.examples)).collect()
}

/// Ids of the rules that find an example, and whether it is of a kind that any is about.
fn found(engine: &dyn MalwareEngine, example: &Example) -> Vec<String> {
    let bytes = example.bytes();
    let kinds =
        Kinds::of(example.path.as_bytes(), bytes.len() as u64, &bytes[..bytes.len().min(4096)]);
    assert!(kinds.meets(engine.kinds()), "{}: no rule sees such a file", example.path);
    let path = TreePath::from(example.path.as_str());
    let looked = engine.look(&MalwareFile { path: &path, kinds, bytes: &bytes });
    assert_eq!(looked.unfinished, None, "{}", example.path);
    looked.hits.into_iter().map(|hit| hit.rule).collect()
}

#[test]
fn every_rule_has_examples_and_every_example_a_rule() {
    let of_rules: BTreeSet<String> =
        Rules::embedded().list().unwrap().into_iter().map(|about| about.id).collect();
    let code: BTreeSet<String> = heuristics().into_iter().map(|about| about.id).collect();
    let of_examples: Vec<String> = rules().into_iter().map(|rule| rule.id).collect();
    let unique: BTreeSet<String> = of_examples.iter().cloned().collect();
    assert_eq!(unique.len(), of_examples.len(), "a rule has examples twice");
    assert_eq!(of_rules.difference(&code).cloned().collect::<BTreeSet<_>>(), unique);
    assert!(rules().iter().all(|rule| !rule.bad.is_empty() && !rule.good.is_empty()));
}

#[test]
fn every_rule_finds_its_bad_examples_and_none_of_its_good_ones() {
    let malware = Rules::embedded().open().unwrap();
    let mut wrong = Vec::new();
    for rule in rules() {
        for example in &rule.bad {
            if !found(&*malware.engine, example).contains(&rule.id) {
                wrong.push(format!("{} misses {}", rule.id, example.path));
            }
        }
        for example in &rule.good {
            let found = found(&*malware.engine, example);
            if !found.is_empty() {
                wrong.push(format!("{}: {} is found by {found:?}", rule.id, example.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_rule_says_what_it_is_about() {
    for about in Rules::embedded().list().unwrap() {
        assert!(!about.title.starts_with("fits the rule"), "{about:?}");
        assert!(!about.source.is_empty() && !about.kinds.is_empty(), "{about:?}");
        let is_id = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        assert!(about.id.chars().all(is_id), "{about:?}");
    }
    assert!(Rules::embedded().summary().unwrap().problems.is_empty());
}
