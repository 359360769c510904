//! The policy evaluator against a table and a reference that is too slow to be wrong.

use proptest::prelude::*;

use super::*;

/// The definition of the two wildcards, written down by recursion.
fn reference_matches(pattern: &[char], text: &[char]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        (['*', rest @ ..], _) => {
            reference_matches(rest, text)
                || matches!(text, [_, tail @ ..] if reference_matches(pattern, tail))
        }
        (['?', rest @ ..], [_, tail @ ..]) => reference_matches(rest, tail),
        ([wanted, rest @ ..], [character, tail @ ..]) if wanted == character => {
            reference_matches(rest, tail)
        }
        _ => false,
    }
}

fn characters(text: &str) -> Vec<char> {
    text.chars().collect()
}

/// The rule as a sentence: denied if any statement that covers it denies, else allowed if any allows.
fn reference_decision(policy: &Policy, action: &str, resource: &str) -> Decision {
    let any = |patterns: &[String], text: &str| {
        patterns.iter().any(|one| reference_matches(&characters(one), &characters(text)))
    };
    let lower = |patterns: &[String]| patterns.iter().map(|one| one.to_lowercase()).collect();
    let covering = |statement: &&Statement| {
        let actions: Vec<String> = lower(&statement.actions);
        any(&actions, &action.to_lowercase()) && any(&statement.resources, resource)
    };
    let effects: Vec<Effect> =
        policy.statements.iter().filter(covering).map(|statement| statement.effect).collect();
    if effects.contains(&Effect::Deny) {
        Decision::ExplicitDeny
    } else if effects.contains(&Effect::Allow) {
        Decision::Allowed
    } else {
        Decision::ImplicitDeny
    }
}

fn statement(effect: Effect, action: &str, resource: &str) -> Statement {
    Statement { effect, actions: vec![action.to_owned()], resources: vec![resource.to_owned()] }
}

#[test]
fn policies_as_people_write_them() {
    let asked = "yundun-sas:ListImageRisk";
    let allow = |action, resource| statement(Effect::Allow, action, resource);
    let deny = |action, resource| statement(Effect::Deny, action, resource);
    for (statements, wanted) in [
        (vec![], Decision::ImplicitDeny),
        (vec![allow("yundun-sas:*", "*")], Decision::Allowed),
        (vec![allow("yundun-sas:listimagerisk", "*")], Decision::Allowed),
        (vec![allow("yundun-sas:ListImageRis?", "*")], Decision::Allowed),
        (vec![allow("yundun-sas:ListImageRisk?", "*")], Decision::ImplicitDeny),
        (vec![allow("yundun-sas:List", "*")], Decision::ImplicitDeny),
        (vec![allow("ecs:*", "*")], Decision::ImplicitDeny),
        (vec![allow("*", "acs:yundun-sas:*")], Decision::ImplicitDeny),
        (vec![allow("*", "*"), deny("*:ListImage*", "*")], Decision::ExplicitDeny),
        (vec![deny("*:ListImage*", "*"), allow("*", "*")], Decision::ExplicitDeny),
        (vec![deny("*:Delete*", "*"), allow("*", "*")], Decision::Allowed),
        (vec![deny("*", "*")], Decision::ExplicitDeny),
    ] {
        let policy = Policy { statements };
        assert_eq!(decide(&policy, asked, "*"), wanted, "{policy:?}");
    }
}

#[test]
fn a_pattern_made_to_be_slow_is_not() {
    let pattern = "*a".repeat(500);
    assert!(!matches(&pattern, &"a".repeat(499)));
    assert!(matches(&pattern, &"a".repeat(5_000)));
}

fn statements() -> impl Strategy<Value = Vec<Statement>> {
    let patterns = || prop::collection::vec("[aB:*?]{0,6}", 1..3);
    let one = (any::<bool>(), patterns(), patterns()).prop_map(|(allows, actions, resources)| {
        Statement { effect: if allows { Effect::Allow } else { Effect::Deny }, actions, resources }
    });
    prop::collection::vec(one, 0..5)
}

proptest! {
    #[test]
    fn matching_is_what_the_definition_says(pattern in "[ab*?]{0,8}", text in "[ab]{0,10}") {
        let wanted = reference_matches(&characters(&pattern), &characters(&text));
        prop_assert_eq!(matches(&pattern, &text), wanted);
    }

    #[test]
    fn deciding_is_what_the_rule_says(
        statements in statements(), action in "[aAbB:]{0,6}", resource in "[aB*]{0,4}",
    ) {
        let policy = Policy { statements };
        let wanted = reference_decision(&policy, &action, &resource);
        prop_assert_eq!(decide(&policy, &action, &resource), wanted);
    }

    #[test]
    fn order_never_matters(statements in statements(), action in "[aB:]{0,6}") {
        let forwards = Policy { statements: statements.clone() };
        let backwards = Policy { statements: statements.into_iter().rev().collect() };
        prop_assert_eq!(decide(&forwards, &action, "*"), decide(&backwards, &action, "*"));
    }

    #[test]
    fn a_further_denial_never_widens(
        statements in statements(), further in statements(), action in "[aB:]{0,6}",
    ) {
        let before = decide(&Policy { statements: statements.clone() }, &action, "*");
        let denials = further.into_iter().map(|one| Statement { effect: Effect::Deny, ..one });
        let after = Policy { statements: statements.into_iter().chain(denials).collect() };
        let after = decide(&after, &action, "*");
        prop_assert!(before == Decision::Allowed || after != Decision::Allowed);
    }
}
