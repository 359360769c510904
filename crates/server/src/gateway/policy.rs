//! May this key do this? Policies in the manner of the vendor's resource access management.
//!
//! In: a key's policy and the action asked for. Out: a [`Decision`]. Deny by default; a statement that denies beats every
//! statement that allows, in whatever order they stand.
//!
//! Odd: action patterns match without regard to case, as the vendor's do; resource patterns with regard to it. Statements
//! with members that this version cannot evaluate (`Condition`, `NotAction` …) are not stored in the first place.

use plimsoll_store::{Effect, Policy, Statement};

/// What a policy says about one action.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Decision {
    /// A statement allows it and none denies it.
    Allowed,
    /// No statement allows it.
    ImplicitDeny,
    /// A statement denies it.
    ExplicitDeny,
}

/// What `policy` says about `action` (`yundun-sas:ListImageRisk`) on `resource` (`*`: all of them).
pub(crate) fn decide(policy: &Policy, action: &str, resource: &str) -> Decision {
    let mut decision = Decision::ImplicitDeny;
    for statement in policy.statements.iter().filter(|one| covers(one, action, resource)) {
        match statement.effect {
            Effect::Deny => return Decision::ExplicitDeny,
            Effect::Allow => decision = Decision::Allowed,
        }
    }
    decision
}

fn covers(statement: &Statement, action: &str, resource: &str) -> bool {
    let action = action.to_ascii_lowercase();
    statement.actions.iter().any(|pattern| matches(&pattern.to_ascii_lowercase(), &action))
        && statement.resources.iter().any(|pattern| matches(pattern, resource))
}

/// Whether `text` is of the form of `pattern`: `*` stands for any characters, `?` for one. At most as many steps as the
/// product of both lengths, no recursion: after a mismatch only the last `*` takes one more character.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut from) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(character) = text.get(at) {
        match pattern.get(from) {
            Some('*') => {
                star = Some((from + 1, at));
                from += 1;
            }
            Some(wanted) if *wanted == '?' || wanted == character => {
                from += 1;
                at += 1;
            }
            _ => {
                let Some((after, taken)) = star else { return false };
                star = Some((after, taken + 1));
                from = after;
                at = taken + 1;
            }
        }
    }
    pattern.iter().skip(from).all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests;
