//! What is learnt of a file with secrets in it.
//!
//! In: hits. Out: values that are kept with the facts of a layer. Odd: no secret is among them, nor anything that could be
//! turned back into one.

use std::collections::BTreeMap;

use plimsoll_model::Level;
use serde::{Deserialize, Serialize};

use crate::malware::ProgramDigests;

/// A file's secrets.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct SecretFacts {
    /// MD5 of the file, by which people name it in white lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub md5: Option<String>,
    /// Its digests as packages have them, where it is no longer than a window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digests: Option<ProgramDigests>,
    /// In the order of rules and places, at most 20 of a key.
    pub hits: Vec<SecretHit>,
    /// How many there are of each key, those that are not kept included.
    pub counts: BTreeMap<String, u32>,
}

/// One secret.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SecretHit {
    /// Id of the rule.
    pub rule: String,
    /// As rule, checks and place make it.
    pub level: Level,
    /// From 1; 0 where the file itself is what was found.
    pub line: u64,
    /// Bytes before it.
    pub offset: u64,
    /// Its bytes; 0 where the file itself is what was found.
    pub length: u64,
    /// How it begins and ends; empty for keys and files.
    pub masked: String,
    /// Keyed hash; empty without a key.
    pub fingerprint: String,
    /// What a check says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}
