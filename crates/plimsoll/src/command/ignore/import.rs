//! `plimsoll ignore import`: rules out of VEX documents.
//!
//! In: documents. Out: a rule for each thing that they say is not affected or fixed. Source: `docs/ignore.md`, "From VEX documents".
//! Odd: a rule that says the same as one that stands is not made again, so that a document may be imported as often as it
//! changes; what it no longer says stays until somebody takes it back.

use std::collections::BTreeSet;

use plimsoll_advisory::vex::{ImagePlace, Rules};
use plimsoll_model::{NewIgnoreRule, RuleError};
use plimsoll_server::{Clock, operation::ignore::WriteIgnoreRule};

use crate::{
    arguments::IgnoreImport, backend::Backend, command::scan::vex::read_all, terminal::Terminal,
};

pub(super) async fn run(
    what: &IgnoreImport,
    backend: &Backend,
    terminal: Terminal,
) -> anyhow::Result<()> {
    let place = place(what);
    let mut wanted = Rules::default();
    for given in read_all(&what.files)? {
        let made = given.document.rules(&given.place, what.author.as_deref(), place.as_ref());
        wanted.rules.extend(made.rules);
        let told = made.left_out.into_iter();
        wanted.left_out.extend(told.map(|sentence| format!("{}: {sentence}", given.place)));
    }
    let standing = backend.list_ignore_rules().await?.ignore_rules;
    let mut standing: Vec<NewIgnoreRule> = standing
        .into_iter()
        .map(|view| view.rule)
        .filter(|rule| !rule.expired)
        .map(|rule| rule.rule)
        .collect();
    let mut new: Vec<NewIgnoreRule> = Vec::new();
    let mut known = 0_usize;
    let now = Clock::machine().now();
    for rule in wanted.rules {
        let rule = match (NewIgnoreRule { expires: what.expires, ..rule }).checked(now) {
            Ok(rule) => rule,
            Err(error @ RuleError::Past { .. }) => return Err(error.into()),
            // What a stranger wrote may be no rule; the others are.
            Err(error) => {
                wanted.left_out.push(error.to_string());
                continue;
            }
        };
        if standing.iter().any(|other| other.has_scope_of(&rule)) {
            known += 1;
            continue;
        }
        standing.push(rule.clone());
        new.push(rule);
    }
    for sentence in &wanted.left_out {
        terminal.say(&format!("no rule: {sentence}"));
    }
    let done =
        if what.dry_run { dry(&new, terminal)? } else { add(&new, backend, terminal).await? };
    let mut said = vec![done];
    if known > 0 {
        said.push(format!("{known} stood before"));
    }
    if !wanted.left_out.is_empty() {
        said.push(format!("{} cannot be said by a rule and count on", wanted.left_out.len()));
    }
    terminal.say(&said.join(", "));
    Ok(())
}

fn place(what: &IgnoreImport) -> Option<ImagePlace> {
    match (what.image, what.repositories.as_slice()) {
        (Some(digest), _) => Some(ImagePlace::Image(digest)),
        (None, []) => None,
        (None, repositories) => Some(ImagePlace::Repositories(repositories.to_vec())),
    }
}

/// Shows the rules alone.
fn dry(new: &[NewIgnoreRule], terminal: Terminal) -> anyhow::Result<String> {
    for rule in new {
        let package = rule.package.as_deref().unwrap_or("any package");
        terminal.print(&format!(
            "{} in {package}, {}: {}",
            rule.vulnerability,
            rule.place(),
            rule.reason
        ))?;
    }
    Ok(format!("{} rules would be made", new.len()))
}

/// Makes them, and prints their numbers.
async fn add(
    new: &[NewIgnoreRule],
    backend: &Backend,
    terminal: Terminal,
) -> anyhow::Result<String> {
    let bar = terminal.count_progress(u64::try_from(new.len()).unwrap_or(u64::MAX), "counting");
    let mut covered = 0_usize;
    let mut numbers = BTreeSet::new();
    for rule in new {
        let added = backend.add_ignore_rule(&WriteIgnoreRule::of(rule)).await?;
        covered += usize::from(!added.unused);
        numbers.insert(added.rule.id);
        bar.inc(1);
    }
    bar.finish_and_clear();
    for number in &numbers {
        terminal.print(&number.to_string())?;
    }
    Ok(format!("{} rules made, {covered} of them cover something now", numbers.len()))
}
