//! The list of actions as a list, and against the vendor's interface description where it is at hand.

use std::{collections::BTreeSet, fs, path::PathBuf};

use serde_json::Value;

use super::*;

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

#[test]
fn names_are_unique_and_in_order() {
    let names: Vec<&str> = actions().iter().map(|action| action.name).collect();
    let sorted: BTreeSet<&str> = names.iter().copied().collect();
    assert_eq!(names, sorted.into_iter().collect::<Vec<_>>());
    assert!(find("ListImageRisk").is_some());
    assert!(find("listimagerisk").is_none());
    for action in actions() {
        let parameters: BTreeSet<&str> = action.parameters.iter().map(|one| one.name).collect();
        assert_eq!(parameters.len(), action.parameters.len(), "{}", action.name);
        assert!(action.about.ends_with('.'), "{}", action.name);
    }
}

/// Names, types and necessity of parameters are those that official clients are generated from.
#[test]
fn parameters_are_the_vendor_s() {
    let path = root().join("../shared/contract/vectors/action-schema.json");
    let Ok(text) = fs::read_to_string(&path) else {
        println!("skipped: ../shared is not here");
        return;
    };
    let schema: Value = serde_json::from_str(&text).unwrap();
    for action in actions() {
        let request = schema["actions"][action.name]["request"].as_array().unwrap();
        let wanted: BTreeSet<(&str, &str, bool)> = request
            .iter()
            .map(|one| {
                let required = one["required"].as_bool().unwrap_or(false);
                // An account's number, which is ignored, is of a type that says nothing of its width.
                let kind = match one["type"].as_str().unwrap() {
                    "int" => "i64",
                    kind => kind,
                };
                (one["name"].as_str().unwrap(), kind, required)
            })
            .collect();
        let ours = action.parameters.iter().map(|one| {
            let kind = match one.kind {
                ParameterKind::Text => "s",
                ParameterKind::Integer => "i32",
                ParameterKind::Long => "i64",
                ParameterKind::Boolean => "b",
                ParameterKind::TextList => "[s]",
                ParameterKind::LongList => "[i64]",
            };
            (one.name, kind, one.required)
        });
        assert_eq!(ours.collect::<BTreeSet<_>>(), wanted, "{}", action.name);
    }
}
