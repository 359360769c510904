//! What rules say that go by the name of a file.
//!
//! In: the start of a file whose name such rules know. Out: the file as a whole, or the secrets that their patterns find in it.
//! Odd: a file that many tools make by that name is looked at no further than [`NAMED`] bytes.

use plimsoll_model::Level;

use super::{
    super::{
        check::{self, Found},
        facts::SecretHit,
        place,
        rule::{Holds, Matcher, SecretRule, secret_rules},
        work::cost_of_file,
    },
    Hit, Looking, MAX_HITS, is_of_manuals,
};
use crate::facts::Problem;

/// Bytes of a file that are held against the patterns of rules for files of its name: many times what such files have.
const NAMED: usize = 256 << 10;

impl Looking<'_> {
    /// What rules say that go by the file's name.
    pub(super) fn look_by_name(&mut self, window: &[u8]) {
        let named = std::mem::take(&mut self.named);
        for number in &named {
            let Some(rule) = secret_rules().get(*number) else { continue };
            let Matcher::File { holds, .. } = rule.matcher else { continue };
            let is_low = rule.level() <= Level::Low;
            let is_shown = match rule.key {
                "pem" => !place::is_of_authorities(&self.path),
                "sqlite" => !place::is_of_system(&self.path),
                _ => true,
            };
            if !is_shown || (self.is_sample && (is_of_manuals(rule.key) || is_low)) {
                continue;
            }
            match holds {
                Holds::Start(starts) => {
                    if starts.iter().any(|start| window.starts_with(start)) {
                        self.keep_file(*number, rule);
                    }
                }
                Holds::Probe(probe) => {
                    if probe(window) {
                        self.keep_file(*number, rule);
                    }
                }
                Holds::Pattern(_) => {
                    let seen = window.get(..NAMED).unwrap_or(window);
                    match self.work.spend(cost_of_file(seen.len())) {
                        Ok(()) => self.look_in_named(*number, rule, seen),
                        Err(reached) => self.problem = reached.or(self.problem.take()),
                    }
                    if seen.len() < window.len() {
                        self.problem.get_or_insert_with(|| {
                            Problem::budget(format!(
                                "what its name tells of it was looked for in its first {NAMED} bytes"
                            ))
                        });
                    }
                }
            }
        }
        self.named = named;
    }

    fn look_in_named(&mut self, number: usize, rule: &'static SecretRule, window: &[u8]) {
        let Some(pattern) = self.engine.pattern(number) else { return };
        let mut tries = 0;
        for groups in pattern.captures_iter(window).take(MAX_HITS * 5) {
            let Some(all) = groups.get(0) else { continue };
            let Some(secret) = groups.iter().skip(1).flatten().next() else {
                // A pattern without a secret of its own says that the file is one.
                return self.keep_file(number, rule);
            };
            tries += 1;
            let (start, end) = (secret.start(), secret.end());
            let found =
                Found { text: window, start, end, name: None, is_closed: true, is_quoted: true };
            let all_but = all.start()..all.end();
            if let Some(judged) = check::judge(rule.check, rule.entropy, &found, rule.level())
                && all_but.contains(&start)
            {
                let hit = Hit { rule: number, start, end, level: judged.level, note: judged.note };
                self.keep(&hit, window);
            }
        }
        if tries == 0 && pattern.captures_len() > 1 && pattern.is_match(window) {
            self.keep_file(number, rule);
        }
    }

    /// The file as a whole is what was found.
    fn keep_file(&mut self, number: usize, rule: &'static SecretRule) {
        let fingerprint = String::new();
        let hit = SecretHit {
            rule: rule.id.to_owned(),
            level: self.weighed(rule.level()),
            line: 0,
            offset: 0,
            length: 0,
            masked: String::new(),
            fingerprint,
            note: None,
        };
        self.push(number, rule, hit);
    }
}
