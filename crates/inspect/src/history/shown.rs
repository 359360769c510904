//! The build file that a history would make, without its secrets.
//!
//! In: [`Instruction`]s. Out: their lines, and [`BuildStep`]s for people. Source: the Dockerfile reference, for what is an
//! instruction. Odd: everything is shown from `FROM scratch` on, since a history does not say where the base image ends;
//! what is no instruction stands there as a remark. Secrets of an instruction are replaced wherever they stand in it.

use plimsoll_model::{BuildStep, Digest};
use regex::Regex;
use std::sync::OnceLock;

use super::{Instruction, Word};
use crate::{
    baseline::secret_words::{is_literal, is_secret_name},
    build_risk::password_in_run,
};

/// Bytes of an instruction that are shown.
const MOST: usize = 8 << 10;
/// Lines of an instruction that are shown.
const MOST_LINES: usize = 400;
/// Secrets of an instruction that are masked one by one; one with more is not shown at all.
const MOST_SECRETS: usize = 50;
/// Characters of an instruction that go along with a finding.
const MOST_IN_FINDING: usize = 300;

impl Instruction {
    /// Its text in a finding: the beginning, in one line.
    pub(crate) fn shown(&self) -> String {
        let line: String = self.whole.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut shown: String = line.chars().take(MOST_IN_FINDING).collect();
        if shown.len() < line.len() {
            shown.push('…');
        }
        shown
    }
}

/// An instruction's text in the build file.
pub(super) fn whole(step: &Instruction) -> String {
    let mut text = masked(step);
    let mut end = text.len().min(MOST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    if end < text.len() {
        text.truncate(end);
        text.push('…');
    }
    let text: String =
        text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    let lines = text.lines().take(MOST_LINES);
    let shown: String = match step.word {
        Word::Other => lines.map(|line| format!("# {line}\n")).collect(),
        _ => {
            let text: Vec<&str> = lines.collect();
            format!("{} {}", step.name, text.join("\n"))
        }
    };
    shown.trim_end().to_owned()
}

/// The steps for people; `layers` are the layers' digests.
pub(crate) fn build_steps(steps: &[Instruction], layers: &[Option<Digest>]) -> Vec<BuildStep> {
    steps
        .iter()
        .map(|step| BuildStep {
            index: u32::try_from(step.index).unwrap_or(u32::MAX),
            line: u32::try_from(step.line).unwrap_or(u32::MAX),
            instruction: step.whole.clone(),
            layer: step.layer.and_then(|layer| layers.get(layer).copied().flatten()),
            created: step.created.clone(),
            inherited: step.inherited,
        })
        .collect()
}

/// What an instruction says, with `***` in the place of its secrets.
fn masked(step: &Instruction) -> String {
    let mut secrets = secrets(step);
    // The longest first: one may be a part of another.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.dedup();
    if secrets.len() > MOST_SECRETS {
        return "***".to_owned();
    }
    let mut text = step.text.clone();
    for secret in secrets {
        if secret.len() >= 4 {
            text = text.replace(&secret, "***");
        } else if !secret.is_empty() {
            // A short one may be a part of any word.
            for before in ["=", ":", "\"", "'", " ", "-p"] {
                text = text.replace(&format!("{before}{secret}"), &format!("{before}***"));
            }
        }
    }
    text
}

/// The secrets that an instruction holds, as far as they can be told.
fn secrets(step: &Instruction) -> Vec<String> {
    let mut secrets = Vec::new();
    let mut add_variable = |name: &str, value: &str| {
        if is_secret_name(name) && is_literal(value) {
            secrets.push(value.to_owned());
        }
    };
    if matches!(step.word, Word::Env | Word::Arg) || step.name == "LABEL" {
        for (name, value) in step.variables() {
            add_variable(&name, &value);
        }
    }
    for (name, value) in &step.arguments {
        add_variable(name, value);
    }
    if matches!(step.word, Word::Run | Word::Other | Word::Known | Word::Healthcheck) {
        let commands = step.commands();
        let words: Vec<&str> = commands.iter().flatten().map(String::as_str).collect();
        for (position, word) in words.iter().enumerate() {
            let next = words.get(position + 1).copied().unwrap_or_default();
            match word.split_once('=') {
                Some((name, value)) => add_variable(name.trim_start_matches('-'), value),
                None if word.starts_with("--") => {
                    add_variable(word.trim_start_matches('-'), next);
                }
                None => {}
            }
        }
        secrets.extend(password_in_run::secrets(&commands));
    }
    static KNOWN: OnceLock<Option<Regex>> = OnceLock::new();
    let known = KNOWN.get_or_init(|| {
        Regex::new(concat!(
            r"://[^\s/:@]*:(?P<url>[^\s/@]+)@",
            r"|(?i:bearer|basic)\s+(?P<header>[A-Za-z0-9._~+/=-]{8,})",
            r"|(?P<token>\b(?:AKIA|ASIA|LTAI|AIza|gh[pousr]_|github_pat_|glpat-|xox[abprs]-|[sr]k_live_|npm_|pypi-|hvs\.|eyJ)[A-Za-z0-9._-]{10,})",
        ))
        .ok()
    });
    let found = known.iter().flat_map(|known| known.captures_iter(&step.text));
    secrets.extend(found.filter_map(|found| {
        let secret = ["url", "header", "token"].into_iter().find_map(|name| found.name(name))?;
        Some(secret.as_str()).filter(|secret| !secret.contains('$')).map(str::to_owned)
    }));
    secrets
}
