//! The rules, made ready to be looked for.
//!
//! In: the rows. Out: one automaton over all their words, the names of files by which others go, and a digest of it all. Odd:
//! a pattern is compiled when its first word is seen: most images hold few of them.

use std::{collections::HashMap, sync::OnceLock};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use regex::bytes::{Regex, RegexBuilder};
use ring::digest::{Context, SHA256};

use super::rule::{Holds, Matcher, SecretRule, secret_rules};

/// Longest word.
pub(super) const MAX_WORD: usize = 64;

/// All rules.
pub(super) struct Engine {
    /// Finds words; `None` only if the table is wrong, which a test tells.
    pub(super) words: Option<AhoCorasick>,
    /// For each word the rules that begin with it.
    by_word: Vec<Vec<usize>>,
    names: Names,
    patterns: Vec<OnceLock<Option<Regex>>>,
}

/// By which names files are told.
#[derive(Default)]
struct Names {
    /// Rules by the last part of a path, and what else the path must end in.
    whole: HashMap<&'static [u8], Vec<(usize, &'static [u8])>>,
    /// Rules by the ending behind the last dot.
    endings: HashMap<&'static [u8], Vec<usize>>,
    /// Patterns with a star elsewhere.
    stars: Vec<(usize, Star)>,
}

/// `prefix*suffix`, in a folder.
#[derive(Clone, Copy)]
struct Star {
    folder: &'static [u8],
    prefix: &'static [u8],
    suffix: &'static [u8],
}

impl Star {
    fn fits(&self, path: &[u8], name: &[u8]) -> bool {
        name.len() >= self.prefix.len() + self.suffix.len()
            && name.starts_with(self.prefix)
            && name.ends_with(self.suffix)
            && path.strip_suffix(name).is_some_and(|folder| {
                self.folder.is_empty()
                    || ends_with(folder.strip_suffix(b"/").unwrap_or(folder), self.folder)
            })
    }
}

use crate::paths::ends_with;

impl Names {
    fn add(&mut self, rule: usize, pattern: &'static str) {
        let bytes = pattern.as_bytes();
        let (folder, name) = match memchr::memrchr(b'/', bytes) {
            Some(slash) => {
                (bytes.get(..slash).unwrap_or_default(), bytes.get(slash + 1..).unwrap_or_default())
            }
            None => (&b""[..], bytes),
        };
        match memchr::memchr(b'*', name) {
            None => self.whole.entry(name).or_default().push((rule, bytes)),
            Some(star) => {
                let (prefix, suffix) = (
                    name.get(..star).unwrap_or_default(),
                    name.get(star + 1..).unwrap_or_default(),
                );
                let ending =
                    suffix.strip_prefix(b".").filter(|rest| memchr::memchr(b'.', rest).is_none());
                match ending {
                    Some(ending) if prefix.is_empty() && folder.is_empty() => {
                        self.endings.entry(ending).or_default().push(rule)
                    }
                    _ => self.stars.push((rule, Star { folder, prefix, suffix })),
                }
            }
        }
    }

    fn of(&self, path: &[u8], into: &mut Vec<usize>) {
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        into.extend(
            self.whole
                .get(name)
                .into_iter()
                .flatten()
                .filter(|(_, whole)| ends_with(path, whole))
                .map(|(rule, _)| *rule),
        );
        if let Some(dot) = memchr::memrchr(b'.', name) {
            let ending = name.get(dot + 1..).unwrap_or_default();
            into.extend(self.endings.get(ending).into_iter().flatten());
        }
        into.extend(
            self.stars.iter().filter(|(_, star)| star.fits(path, name)).map(|(rule, _)| *rule),
        );
        into.sort_unstable();
        into.dedup();
    }
}

impl Engine {
    /// The one of this program.
    pub(super) fn get() -> &'static Self {
        static ENGINE: OnceLock<Engine> = OnceLock::new();
        ENGINE.get_or_init(Self::new)
    }

    fn new() -> Self {
        let mut words: Vec<String> = Vec::new();
        let mut by_word: Vec<Vec<usize>> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut names = Names::default();
        for (number, rule) in secret_rules().iter().enumerate() {
            if rule.is_about_files() {
                for name in rule.words() {
                    names.add(number, name);
                }
            }
            for word in words_of(rule) {
                let place = *places.entry(word.clone()).or_insert_with(|| {
                    words.push(word);
                    by_word.push(Vec::new());
                    words.len() - 1
                });
                if let Some(rules) = by_word.get_mut(place) {
                    rules.push(number);
                }
            }
        }
        let patterns = secret_rules().iter().map(|_| OnceLock::new()).collect();
        let words = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::DFA))
            .build(&words)
            .ok();
        Self { words, by_word, names, patterns }
    }

    /// The rules of a word.
    pub(super) fn rules_of(&self, word: usize) -> &[usize] {
        self.by_word.get(word).map_or(&[], Vec::as_slice)
    }

    /// The rules that go by a file's name.
    pub(super) fn rules_for(&self, path: &[u8], into: &mut Vec<usize>) {
        into.clear();
        self.names.of(path, into);
    }

    /// The pattern of a rule, compiled.
    pub(super) fn pattern(&self, rule: usize) -> Option<&Regex> {
        let compile = || compile(secret_rules().get(rule)?);
        self.patterns.get(rule)?.get_or_init(compile).as_ref()
    }

    /// Changes whenever the rows do.
    pub(super) fn digest() -> &'static str {
        static DIGEST: OnceLock<String> = OnceLock::new();
        DIGEST.get_or_init(|| {
            let mut hash = Context::new(&SHA256);
            for rule in secret_rules() {
                hash.update(format!("{rule:?}").as_bytes());
            }
            hash.finish().as_ref().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
        })
    }
}

/// What a rule's places in a text begin with.
fn words_of(rule: &SecretRule) -> Vec<String> {
    match rule.matcher {
        Matcher::File { .. } => Vec::new(),
        Matcher::Pem { label } => vec![format!("-----begin {label}-----").to_ascii_lowercase()],
        Matcher::Token { .. } | Matcher::Around { .. } | Matcher::Assigned { .. } => {
            rule.words().iter().map(|word| word.to_ascii_lowercase()).collect()
        }
    }
}

/// `None` for rules without a pattern, and for patterns that are none, of which a test finds out.
pub(super) fn compile(rule: &SecretRule) -> Option<Regex> {
    let pattern = match rule.matcher {
        Matcher::Token { pattern, .. } | Matcher::Around { lead: 0, pattern, .. } => {
            format!(r"\A(?:{pattern})")
        }
        Matcher::Around { pattern, .. } | Matcher::File { holds: Holds::Pattern(pattern), .. } => {
            pattern.to_owned()
        }
        Matcher::Assigned { .. } | Matcher::Pem { .. } | Matcher::File { .. } => return None,
    };
    RegexBuilder::new(&pattern)
        .unicode(false)
        .size_limit(4 << 20)
        .dfa_size_limit(2 << 20)
        .build()
        .ok()
}
