//! What an access key may do, as it is stored. Whether a request is allowed is decided by the gateway.
//!
//! In: statements as people write them. Out: [`Policy`], stored as JSON. Source: the shape of RAM policies: `Effect`,
//! `Action`, `Resource`. Odd: no statement means that nothing is allowed.

use serde::{Deserialize, Serialize};

/// Whether a statement allows or denies.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Effect {
    /// Allows, unless another statement denies.
    Allow,
    /// Denies, whatever other statements allow.
    Deny,
}

/// One rule of a policy.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Statement {
    /// Allow or deny.
    pub effect: Effect,
    /// `yundun-sas:ListImageRisk`, with the wildcards `*` and `?`.
    #[serde(rename = "Action")]
    pub actions: Vec<String>,
    /// `*`, or the resources that the statement is about.
    #[serde(rename = "Resource")]
    pub resources: Vec<String>,
}

/// What an access key may do.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Policy {
    /// The rules; their order does not matter. Empty: nothing is allowed.
    #[serde(rename = "Statement")]
    pub statements: Vec<Statement>,
}

impl Policy {
    /// Allows `actions` on every resource.
    #[must_use]
    pub fn allowing<I>(actions: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let actions: Vec<String> = actions.into_iter().map(Into::into).collect();
        if actions.is_empty() {
            return Self::default();
        }
        let statement =
            Statement { effect: Effect::Allow, actions, resources: vec!["*".to_owned()] };
        Self { statements: vec![statement] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_json_in_the_words_of_ram() {
        let policy = Policy::allowing(["yundun-sas:*"]);
        let json = serde_json::to_string(&policy).unwrap();
        assert_eq!(
            json,
            r#"{"Statement":[{"Effect":"Allow","Action":["yundun-sas:*"],"Resource":["*"]}]}"#
        );
        assert_eq!(serde_json::from_str::<Policy>(&json).unwrap(), policy);
        assert_eq!(Policy::allowing::<[&str; 0]>([]), Policy::default());
        assert!(serde_json::from_str::<Policy>(r#"{"Statement":[],"Condition":{}}"#).is_err());
    }
}
