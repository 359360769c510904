//! Files of ignore rules, and what they make of a report.
//!
//! In: the paths of TOML files. Out: the report, in which what the rules cover is suppressed, and which says what each rule
//! did. Source: `docs/ignore.md`. Odd: a rule that does nothing, or has run out, is told.

use std::path::PathBuf;

use anyhow::Context as _;
use plimsoll_model::{IgnoreUse, IgnoreUseState, Report, Timestamp};
use plimsoll_scanner::ignore_file::{self, PlacedRule};

use crate::{command::policy_file, terminal::Terminal};

/// Reads the files that the user names.
pub(super) fn read_all(paths: &[PathBuf]) -> anyhow::Result<Vec<PlacedRule>> {
    let mut rules = Vec::new();
    for path in paths {
        let what = || format!("`--ignore-file {}`", path.display());
        let text = policy_file::read_text(path).with_context(what)?;
        rules.extend(ignore_file::read(&policy_file::name(path), &text).with_context(what)?);
    }
    Ok(rules)
}

/// Takes what the rules cover out of what counts, and tells which rules do nothing.
pub(super) fn look(
    rules: Vec<PlacedRule>,
    now: Timestamp,
    terminal: Terminal,
    report: &mut Report,
) {
    if rules.is_empty() {
        return;
    }
    ignore_file::apply(rules, now, report);
    for IgnoreUse { place, rule, state, .. } in &report.ignore_rules {
        match state {
            IgnoreUseState::Used => {}
            IgnoreUseState::Unused => terminal.say(&format!(
                "{place}: `{}` is not found here: the rule ignores nothing",
                rule.vulnerability
            )),
            IgnoreUseState::Expired => terminal.say(&format!(
                "{place}: the rule on `{}` ran out{}: it ignores nothing any more",
                rule.vulnerability,
                rule.expires.map_or_else(String::new, |at| format!(" at {at}"))
            )),
        }
    }
}
