//! Becoming root without a password.
//!
//! In: `etc/sudoers` and `etc/sudoers.d/*` (names without `.` and `~`, as sudo reads them). Fails for a rule of somebody
//! other than root with `NOPASSWD:` and the command `ALL`, and for `Defaults !authenticate`. Source: `sudoers(5)`. Odd: a
//! backslash joins lines; a tag holds until the next tag of its kind.

use plimsoll_model::Level;

use super::{Looking, about};
use crate::{
    check::{About, Check, Outcome},
    view::View,
    wanted::{Wanted, text},
};

#[derive(Debug)]
pub(crate) struct SudoNopasswdAll;

fn is_read(name: &[u8]) -> bool {
    !name.contains(&b'.') && !name.ends_with(b"~")
}

impl Check for SudoNopasswdAll {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "sudo gives root without a password",
            why: "a process of that account becomes root at will, so running as another user protects nothing",
            remedy: "remove the rule, or name the few commands that it is for",
            source: "CIS Debian/RHEL benchmarks",
            ..about("sudo_nopasswd_all", "identification", "identification", Level::Medium)
        };
        &ABOUT
    }

    fn files(&self) -> &'static [Wanted] {
        const FILES: &[Wanted] = &[text("etc/sudoers"), text("etc/sudoers.d/*")];
        FILES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        let mut files: Vec<_> = looking.text("etc/sudoers").into_iter().collect();
        files.extend(looking.texts("etc/sudoers.d", is_read));
        for file in files {
            for (line, rule) in joined_lines(file.text) {
                if let Some(subject) = open_rule(&rule) {
                    looking.fail_at(&file.location, format!("line {line}: {subject}"));
                }
            }
        }
        looking.outcome()
    }
}

/// Lines with what a backslash at their end joins to them, and the number of the first.
fn joined_lines(text: &str) -> Vec<(usize, String)> {
    let mut joined: Vec<(usize, String)> = Vec::new();
    let mut goes_on = false;
    for (index, line) in text.lines().enumerate() {
        let (line, ends) = match line.strip_suffix('\\') {
            Some(line) => (line, false),
            None => (line, true),
        };
        match joined.last_mut() {
            Some((_, last)) if goes_on => last.push_str(line),
            _ => joined.push((index + 1, line.to_owned())),
        }
        goes_on = !ends;
    }
    joined
}

/// Whom the rule makes root without asking.
fn open_rule(rule: &str) -> Option<String> {
    // `#1000` at the beginning of a rule is a user id, everything else behind `#` a comment.
    let rule = rule.trim();
    let at = rule.match_indices('#').map(|(at, _)| at).find(|at| {
        *at > 0 || !rule.get(1..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    });
    let rule = at.map_or(rule, |at| rule.get(..at).unwrap_or_default()).trim();
    let subject = rule.split_whitespace().next()?;
    if subject.starts_with("Defaults") {
        let words = rule.split([' ', '\t', ',', '=']).any(|word| word == "!authenticate");
        return words.then(|| format!("`{subject}` turns authentication off"));
    }
    if subject == "root"
        || subject == "#0"
        || subject.ends_with("_Alias")
        || subject.starts_with('@')
    {
        return None;
    }
    let (_, commands) = rule.split_once('=')?;
    let mut without_password = false;
    for command in commands.split(',') {
        let mut rest = command.trim();
        loop {
            rest = rest.trim_start();
            if let Some((_, after)) = rest.strip_prefix('(').and_then(|inner| inner.split_once(')'))
            {
                rest = after;
            } else if let Some((tag, after)) = rest.split_once(':')
                && !tag.is_empty()
                && tag.trim().chars().all(|c| c.is_ascii_uppercase() || c == '_')
            {
                match tag.trim() {
                    "NOPASSWD" => without_password = true,
                    "PASSWD" => without_password = false,
                    _ => {}
                }
                rest = after;
            } else {
                break;
            }
        }
        if without_password && rest.trim() == "ALL" {
            return Some(format!("`{subject}` may run ALL with NOPASSWD"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_told_apart() {
        for (rule, fails) in [
            ("app ALL=(ALL) NOPASSWD: ALL", true),
            ("%wheel ALL=(ALL:ALL) NOPASSWD:ALL", true),
            ("app ALL = NOPASSWD: /bin/ls, ALL", true),
            ("app ALL=(root) NOPASSWD:SETENV: ALL # comment", true),
            ("#1000 ALL=(ALL) NOPASSWD: ALL", true),
            ("app ALL=(ALL) NOPASSWD: /bin/ls, PASSWD: ALL", false),
            ("app ALL=(ALL) ALL", false),
            ("root ALL=(ALL) NOPASSWD: ALL", false),
            ("# app ALL=(ALL) NOPASSWD: ALL", false),
            ("Defaults:app !authenticate", true),
            ("Defaults env_reset", false),
            ("Cmnd_Alias X = ALL", false),
            ("", false),
        ] {
            assert_eq!(open_rule(rule).is_some(), fails, "{rule}");
        }
        assert_eq!(joined_lines("a \\\nb\nc"), [(1, "a b".to_owned()), (3, "c".to_owned())]);
    }
}
