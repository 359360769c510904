//! Alibaba Cloud access keys in plain text.
//!
//! In: the image's environment, labels and history. Fails for each key id with a secret near it. Odd: an id alone opens
//! nothing and passes; evidence shows how the id begins and where it stands, never the secret. Keys in files are sensitive
//! files, another kind of finding.

use std::sync::OnceLock;

use plimsoll_model::Level;
use regex::Regex;

use super::{Looking, about};
use crate::{
    check::{About, Check, Outcome},
    view::View,
};

/// A secret stands within so many bytes of its id.
const NEAR: usize = 200;
/// Bits per character; words and repetitions have less.
const MIN_ENTROPY: f64 = 3.5;

#[derive(Debug)]
pub(crate) struct AkLeak;

impl Check for AkLeak {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "Alibaba Cloud AccessKey in plain text",
            why: "whoever may pull the image can act in the account that the key belongs to",
            remedy: "disable the key and make another; use a RAM role or supply the key when the container starts",
            source: "Alibaba Cloud baseline list; gitleaks",
            ..about("ak_leak", "ak_leak", "ak_leak", Level::High)
        };
        &ABOUT
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        if view.has_config() {
            looking.applies();
        }
        let config = view.config();
        let labels = config.labels.iter().map(|(name, value)| format!("{name}={value}"));
        let run: Vec<String> =
            config.env.iter().cloned().chain(labels).chain([view.command()]).collect();
        for id in leaked_ids(&run.join("\n")) {
            looking.fail(format!("configuration: {id}"));
        }
        for (step, entry) in config.history.iter().enumerate() {
            for id in leaked_ids(&entry.created_by) {
                looking.fail(format!("history step {}: {id}", step + 1));
            }
        }
        looking.outcome()
    }
}

/// The ids with a secret near them, masked.
fn leaked_ids(text: &str) -> Vec<String> {
    static PATTERNS: OnceLock<Option<(Regex, Regex)>> = OnceLock::new();
    let patterns = PATTERNS.get_or_init(|| {
        let id = Regex::new(r"(?-u)\bLTAI[0-9A-Za-z]{12,20}\b").ok()?;
        Some((id, Regex::new(r"(?-u)\b[0-9A-Za-z]{30}\b").ok()?))
    });
    let Some((id, secret)) = patterns else { return Vec::new() };
    let mut leaked = Vec::new();
    for found in id.find_iter(text) {
        let start = floor(text, found.start().saturating_sub(NEAR));
        let end = floor(text, (found.end() + NEAR).min(text.len()));
        let near = text.get(start..end).unwrap_or_default();
        let has_secret = secret.find_iter(near).any(|secret| {
            !secret.as_str().starts_with("LTAI") && entropy(secret.as_str()) >= MIN_ENTROPY
        });
        if has_secret {
            let start: String = found.as_str().chars().take(6).collect();
            leaked.push(format!("{start}*** with its secret"));
        }
    }
    leaked
}

fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Shannon's, in bits per character.
fn entropy(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    let mut total = 0_u32;
    for byte in text.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
            total += 1;
        }
    }
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = f64::from(*count) / f64::from(total);
            -share * share.log2()
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_with_a_secret_is_leaked() {
        let id = ["LTAI", "5tQv9XbKz3mN7pRw"].concat();
        let secret = ["aB3dE5fG7hI9", "jK1lM2nO4pQ6rS8tU0"].concat();
        assert_eq!(leaked_ids(&format!("A={id}\nB={secret}")), ["LTAI5t*** with its secret"]);
        assert_eq!(leaked_ids(&format!("A={id}")), [""; 0]);
        assert_eq!(leaked_ids(&format!("A={id} {}", "a".repeat(30))), [""; 0]);
        assert_eq!(leaked_ids(&format!("A={id} {} {secret}", "é".repeat(300))), [""; 0]);
    }
}
