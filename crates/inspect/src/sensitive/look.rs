//! Looks into the files of one layer for secrets.
//!
//! In: files as they pass. Out: [`SecretFacts`] of those that hold something. Odd: a file of up to 1 MiB is held as it is;
//! a longer text goes by in windows of that length that overlap by what a secret may be long, so that it is the same wherever
//! a window ends. Each word that rules begin with costs a try, of which a file has as many as its length allows; what is left
//! unread then is a gap.

mod named;

use std::{
    cell::Cell,
    collections::{BTreeMap, HashSet},
};

use md5::{Digest, Md5};
#[cfg(test)]
use plimsoll_image::EntryMeta;
use plimsoll_model::Level;

use super::{
    assigned,
    check::{self, Found},
    engine::{Engine, MAX_WORD},
    facts::{SecretFacts, SecretHit},
    form::{Form, form},
    mask::masked,
    pem, place,
    rule::{COMMON, Check, Matcher, SecretRule, Shape, secret_rules},
    value,
    work::{Runs, Work, cost_of, cost_of_groups},
};
use crate::{
    content::Content,
    detector::{Interest, Look, PassingFile, Terms},
    facts::{FileFacts, Problem},
    malware::digests::digests_of,
    parser::ParseError,
};

/// How much of a text is looked at at once, and how long a file may be that is none.
const WINDOW: usize = 1 << 20;

/// What is looked at behind a word: longer than any secret.
pub(super) const AFTER: usize = 8 << 10;

/// What is looked at before a word.
const BEFORE: usize = 512;

/// Behind a word that does not begin a secret.
const REACH: usize = 512;

/// Hits of one key in one file that are kept; others are counted.
pub(super) const MAX_HITS: usize = 20;

/// Hits in one layer that are kept.
const MAX_LAYER_HITS: usize = 20_000;

/// In what is no text, letters stand by chance; what is meant to be read is longer.
const MIN_RUN: usize = 20;

/// A secret in the window.
struct Hit {
    rule: usize,
    start: usize,
    end: usize,
    level: Level,
    note: Option<&'static str>,
}

pub(super) struct Looking<'b> {
    terms: Terms<'b>,
    engine: &'static Engine,
    left_in_layer: usize,
    window: Vec<u8>,
    /// Where in the window words are looked for from.
    from: usize,
    /// Bytes and lines before the window.
    offset: u64,
    lines: u64,
    form: Form,
    /// Only what files are told by is asked of it.
    is_named_alone: bool,
    has_named: bool,
    is_sample: bool,
    path: Vec<u8>,
    named: Vec<usize>,
    work: Work,
    /// No more of the file is searched.
    is_over: bool,
    /// What telling a secret from what stands around it cost since it was asked last.
    walked: Cell<u64>,
    md5: Option<Md5>,
    hits: Vec<SecretHit>,
    counts: BTreeMap<&'static str, u32>,
    seen: HashSet<(usize, u64)>,
    problem: Option<Problem>,
}

impl<'b> Looking<'b> {
    pub(super) fn new(terms: Terms<'b>) -> Self {
        Self {
            terms,
            engine: Engine::get(),
            left_in_layer: MAX_LAYER_HITS,
            window: Vec::new(),
            from: 0,
            offset: 0,
            lines: 0,
            form: Form::Text,
            is_named_alone: false,
            has_named: false,
            is_sample: false,
            path: Vec::new(),
            named: Vec::new(),
            work: Work::of_layer(),
            is_over: false,
            walked: Cell::new(0),
            md5: None,
            hits: Vec::new(),
            counts: BTreeMap::new(),
            seen: HashSet::new(),
            problem: None,
        }
    }

    fn reset(&mut self, path: &[u8]) {
        self.window.clear();
        (self.from, self.offset, self.lines) = (0, 0, 0);
        (self.has_named, self.is_named_alone, self.is_over) = (false, false, false);
        self.work.begin_file();
        self.path.clear();
        self.path.extend_from_slice(path);
        (self.md5, self.problem) = (None, None);
        self.hits.clear();
        self.counts.clear();
        self.seen.clear();
    }

    /// Looks at the window, all of it if the file is over, and keeps of it what the next one needs.
    fn look(&mut self, is_over: bool) {
        let window = std::mem::take(&mut self.window);
        if !self.has_named {
            self.has_named = true;
            if !self.named.is_empty() {
                self.work.grant(window.len());
                self.look_by_name(&window);
            }
        }
        let limit = if is_over { window.len() } else { window.len().saturating_sub(AFTER) };
        if !self.is_named_alone && !self.is_over {
            self.look_for_words(&window, limit);
        }
        self.window = window;
        if is_over {
            return;
        }
        let gone = limit.saturating_sub(BEFORE);
        let before = self.window.get(..gone).unwrap_or_default();
        self.lines = self.lines.saturating_add(lines_in(before));
        self.offset = self.offset.saturating_add(as_u64(gone));
        self.window.drain(..gone);
        self.from = limit - gone;
    }

    fn look_for_words(&mut self, window: &[u8], limit: usize) {
        let Some(words) = &self.engine.words else { return };
        let from = self.from;
        let searched =
            window.get(from..window.len().min(limit.saturating_add(MAX_WORD))).unwrap_or_default();
        self.work.grant(searched.len());
        let mut runs = Runs::default();
        let mut hits: Vec<Hit> = Vec::new();
        for word in words.find_overlapping_iter(searched) {
            let (start, end) = (from + word.start(), from + word.end());
            if start >= limit {
                continue;
            }
            let rules = self.engine.rules_of(word.pattern().as_usize());
            let run = runs.behind(window, start);
            let cost = rules.iter().map(|rule| cost_of(*rule, run)).sum();
            if let Err(reached) = self.work.spend(cost) {
                self.problem = reached;
                self.is_over = true;
                break;
            }
            for rule in rules {
                if let Some(hit) = self.try_rule(*rule, window, start, end) {
                    settle(&mut hits, hit);
                }
            }
            if let Err(reached) = self.work.spend(self.walked.take()) {
                self.problem = reached;
                self.is_over = true;
                break;
            }
            // Whatever comes can no longer lie in one place with what came long before.
            if hits.len() >= 64 && hits.first().is_some_and(|first| first.end + AFTER < start) {
                for hit in hits.drain(..32) {
                    self.keep(&hit, window);
                }
            }
        }
        for hit in hits {
            self.keep(&hit, window);
        }
    }

    /// What a rule says of a word of it.
    fn try_rule(&self, number: usize, window: &[u8], start: usize, end: usize) -> Option<Hit> {
        let rule = *secret_rules().get(number)?;
        if (self.is_sample && is_of_manuals(rule.key)) || !self.is_for_this_file(rule) {
            return None;
        }
        let mut found = match rule.matcher {
            Matcher::Token { .. } => {
                if !is_free_before(window, start) {
                    return None;
                }
                let rest = window.get(start..window.len().min(start + AFTER))?;
                let (at, length) = self.match_pattern(number, rest)?;
                let (start, end) = (start + at, start + at + length);
                let is_free = window
                    .get(end)
                    .is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_');
                is_free.then_some(Found {
                    text: window,
                    start,
                    end,
                    name: None,
                    is_closed: true,
                    is_quoted: true,
                })?
            }
            Matcher::Around { lead, .. } => {
                let first = start.saturating_sub(lead);
                let rest = window
                    .get(first..window.len().min(end + if lead == 0 { AFTER } else { REACH }))?;
                let (at, length) = self.match_pattern(number, rest)?;
                Found {
                    text: window,
                    start: first + at,
                    end: first + at + length,
                    name: None,
                    is_closed: true,
                    is_quoted: true,
                }
            }
            Matcher::Assigned { value: shape, .. } => {
                self.assigned(rule, window, (start, end), shape)?
            }
            Matcher::Pem { label } => {
                return self.private_key(number, rule, label, window, (start, end));
            }
            Matcher::File { .. } => return None,
        };
        if self.form == Form::Binary && !is_in_run(window, found.start, found.end) {
            return None;
        }
        // The end of a sentence is no part of a secret.
        while found.end > found.start + 8
            && matches!(window.get(found.end - 1), Some(b'.' | b',' | b':'))
        {
            found.end -= 1;
        }
        let judged = check::judge(rule.check, rule.entropy, &found, rule.level())?;
        Some(Hit {
            rule: number,
            start: found.start,
            end: found.end,
            level: judged.level,
            note: judged.note,
        })
    }

    fn assigned<'w>(
        &self,
        rule: &SecretRule,
        window: &'w [u8],
        (start, end): (usize, usize),
        shape: Shape,
    ) -> Option<Found<'w>> {
        // Names and values of a program's own tables are no assignments.
        if self.form == Form::Binary {
            return None;
        }
        let found = assigned::find(window, start, end, shape)?;
        if shape.prefix.is_empty() && !assigned::is_secret_name(found.name) {
            return None;
        }
        // `lob` in `global`: a short word must be a part of a name of its own.
        let is_word = end - start >= 5
            || is_free_before(window, start)
            || window.get(start.checked_sub(1)?) == Some(&b'_');
        if !is_word || (rule.check == Check::Mixed && value::holds_no_more_than_words(found.value))
        {
            return None;
        }
        Some(Found {
            text: window,
            start: found.at,
            end: found.at + found.value.len(),
            name: Some(found.name),
            is_closed: found.is_closed,
            is_quoted: found.is_quoted,
        })
    }

    fn private_key(
        &self,
        number: usize,
        rule: &SecretRule,
        label: &str,
        window: &[u8],
        (start, end): (usize, usize),
    ) -> Option<Hit> {
        let key = pem::find(label, window.get(end..window.len().min(end + AFTER))?)?;
        let is_encrypted = key.is_encrypted
            || (label.starts_with("OPENSSH") && pem::is_encrypted_openssh(&key.body));
        let level = if is_encrypted { check::lowered(rule.level()) } else { rule.level() };
        let note = is_encrypted.then_some("encrypted");
        Some(Hit { rule: number, start, end: end + key.length, level, note })
    }

    /// Where the secret of a rule's pattern is: its first group, or all of it.
    fn match_pattern(&self, number: usize, text: &[u8]) -> Option<(usize, usize)> {
        let pattern = self.engine.pattern(number)?;
        if pattern.captures_len() == 1 {
            return pattern.find(text).map(|all| (all.start(), all.len()));
        }
        let groups = pattern.captures(text)?;
        let all = groups.get(0)?;
        self.walked.set(self.walked.get().saturating_add(cost_of_groups(all.len())));
        let secret = groups.iter().skip(1).flatten().next().unwrap_or(all);
        Some((secret.start(), secret.len()))
    }

    fn is_for_this_file(&self, rule: &SecretRule) -> bool {
        let name = self.path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        rule.only.is_empty()
            || rule.only.iter().any(|only| match only.strip_prefix('*') {
                Some(ending) => name.ends_with(ending.as_bytes()),
                None => name == only.as_bytes(),
            })
    }

    fn keep(&mut self, hit: &Hit, window: &[u8]) {
        let Some(rule) = secret_rules().get(hit.rule).copied() else { return };
        let Some(secret) = window.get(hit.start..hit.end) else { return };
        if !self.seen.insert((hit.rule, fnv(secret))) {
            return;
        }
        let before = window.get(..hit.start).unwrap_or_default();
        let fingerprint =
            self.terms.fingerprints.map(|key| key.fingerprint(secret)).unwrap_or_default();
        // A key's label is the same for all keys.
        let is_key = matches!(rule.matcher, Matcher::Pem { .. });
        let kept = SecretHit {
            rule: rule.id.to_owned(),
            level: self.weighed(hit.level),
            line: self.lines.saturating_add(lines_in(before)).saturating_add(1),
            offset: self.offset.saturating_add(as_u64(hit.start)),
            length: as_u64(secret.len()),
            masked: if is_key { String::new() } else { masked(secret) },
            fingerprint,
            note: hit.note.map(str::to_owned),
        };
        self.push(hit.rule, rule, kept);
    }

    fn push(&mut self, _: usize, rule: &'static SecretRule, hit: SecretHit) {
        let count = self.counts.entry(rule.key).or_default();
        *count = count.saturating_add(1);
        if usize::try_from(*count).is_ok_and(|count| count > MAX_HITS) {
            return;
        }
        match self.left_in_layer.checked_sub(1) {
            Some(left) => {
                self.left_in_layer = left;
                self.hits.push(hit);
            }
            None => {
                self.problem.get_or_insert_with(|| {
                    Problem::budget(format!(
                        "secrets of one layer: the limit of {MAX_LAYER_HITS} is reached"
                    ))
                });
            }
        }
    }

    /// A level as the file's place makes it.
    const fn weighed(&self, level: Level) -> Level {
        if self.is_sample { check::lowered(level) } else { level }
    }
}

impl Look for Looking<'_> {
    fn begin(&mut self, file: &PassingFile<'_>) -> Interest {
        let path = file.path.as_bytes();
        self.reset(path);
        let mut named = std::mem::take(&mut self.named);
        self.engine.rules_for(path, &mut named);
        self.named = named;
        let is_small = file.meta.size <= as_u64(WINDOW);
        let form = form(file.head);
        self.form = form.unwrap_or(Form::Binary);
        self.is_named_alone = form.is_none() || (form == Some(Form::Binary) && !is_small);
        if self.is_named_alone && self.named.is_empty() {
            return Interest::Nothing;
        }
        self.is_sample = place::is_sample(path);
        if !is_small && !self.is_named_alone {
            self.md5 = Some(Md5::new());
        }
        Interest::Stream
    }

    fn piece(&mut self, bytes: &[u8]) {
        if self.is_over && self.hits.is_empty() {
            self.md5 = None;
        }
        if let Some(md5) = &mut self.md5 {
            md5.update(bytes);
        }
        if self.is_over {
            return;
        }
        // Of what is told by its name and beginning no more is needed.
        if self.is_named_alone && self.window.len() >= WINDOW {
            return;
        }
        match self.form {
            Form::Wide => self.window.extend(bytes.iter().copied().filter(|byte| *byte != 0)),
            Form::Text | Form::Binary => self.window.extend_from_slice(bytes),
        }
        if self.window.len() > WINDOW && !self.is_named_alone {
            self.look(false);
        }
    }

    fn end(&mut self, _: Option<Result<Content<'_>, ParseError>>) -> FileFacts {
        self.look(true);
        let mut facts = FileFacts::default();
        if !self.hits.is_empty() {
            // A window of what is longer is no file.
            let is_whole = self.offset == 0 && self.form != Form::Wide && !self.is_cut();
            let of_passed = self.md5.take().map(|md5| {
                md5.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<String>()
            });
            let digests = (of_passed.is_none() && is_whole).then(|| digests_of(&self.window));
            let md5 = of_passed.or_else(|| digests.map(|digests| digests.md5_hex()));
            let counts = std::mem::take(&mut self.counts);
            let counts = counts.into_iter().map(|(key, count)| (key.to_owned(), count)).collect();
            let hits = std::mem::take(&mut self.hits);
            facts.secrets = Some(Box::new(SecretFacts { md5, digests, hits, counts }));
        }
        facts.problems.extend(self.problem.take());
        if self.window.capacity() > 4 * WINDOW {
            self.window = Vec::new();
        }
        facts
    }
}

impl Looking<'_> {
    /// Whether the window is only the beginning of the file.
    fn is_cut(&self) -> bool {
        self.is_named_alone && self.window.len() >= WINDOW
    }
}

/// Whether what counts under a key is, in libraries and samples, what their documentation shows.
fn is_of_manuals(key: &str) -> bool {
    [COMMON, "common_database_cfg"].contains(&key)
}

/// Puts a hit among others: of two in one place the one of the rule that comes first stays.
fn settle(hits: &mut Vec<Hit>, hit: Hit) {
    let overlaps = |other: &Hit| other.start < hit.end && hit.start < other.end;
    let is_beaten = hits.iter().any(|other| overlaps(other) && other.rule <= hit.rule);
    if !is_beaten {
        hits.retain(|other| !overlaps(other));
        hits.push(hit);
    }
}

/// Whether a token may begin here: nothing before it is a part of its word, unless it is the letter of `\n`.
fn is_free_before(text: &[u8], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).and_then(|at| text.get(at));
    match before(1) {
        Some(b'n' | b't' | b'r') if before(2) == Some(&b'\\') => true,
        Some(byte) => !byte.is_ascii_alphanumeric() && *byte != b'_',
        None => true,
    }
}

/// Whether a place lies in a text that is long enough to be meant.
fn is_in_run(window: &[u8], start: usize, end: usize) -> bool {
    let is_text =
        |byte: &&u8| byte.is_ascii_graphic() || matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    let inside = window.get(start..end).unwrap_or_default();
    let before = window
        .get(..start)
        .unwrap_or_default()
        .iter()
        .rev()
        .take(MIN_RUN)
        .take_while(is_text)
        .count();
    let after =
        window.get(end..).unwrap_or_default().iter().take(MIN_RUN).take_while(is_text).count();
    inside.iter().all(|byte| is_text(&byte)) && before + inside.len() + after >= MIN_RUN
}

fn lines_in(bytes: &[u8]) -> u64 {
    as_u64(memchr::memchr_iter(b'\n', bytes).count())
}

pub(super) fn as_u64(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// Tells one secret from another within a file.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// What a layer's entry says of a file is not asked; kept so that tests can make one.
#[cfg(test)]
pub(super) fn meta(path: &str, size: usize) -> EntryMeta {
    EntryMeta {
        path: plimsoll_image::TreePath::from(path),
        kind: plimsoll_image::EntryKind::File,
        mode: 0o644,
        uid: 0,
        gid: 0,
        size: as_u64(size),
        mtime: 0,
        link: None,
        capabilities: None,
    }
}
