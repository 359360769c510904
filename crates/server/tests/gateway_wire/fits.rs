//! Answers against the vendor's interface description, where it is at hand.

use std::{fs, path::PathBuf};

use serde_json::Value;

use crate::{
    actions::{fits, numbers},
    server::Server,
};

/// The answer without its request id, whose members have the names and types that official clients are generated from.
pub(crate) async fn fitting(server: &Server, action: &str, parameters: &[(&str, &str)]) -> Value {
    let answer = numbers(server, action, parameters).await;
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let path = root.join("../shared/contract/vectors/action-schema.json");
    let Ok(text) = fs::read_to_string(&path) else {
        eprintln!("not compared: ../shared is not here");
        return answer;
    };
    let schema: Value = serde_json::from_str(&text).unwrap();
    let mut fields = schema["actions"][action]["response"].clone();
    fields.as_array_mut().unwrap().retain(|field| field["name"] != "RequestId");
    fits(action, &answer, &fields);
    answer
}
